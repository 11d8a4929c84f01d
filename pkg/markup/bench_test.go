package markup_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"nertools/pkg/markup"
)

// sentence has the length of an average tweet of WNUT 2017 or so.
const sentence = "On Monday Ingrid Solheim of the Bank of Norway flew from Oslo to Zürich for talks with the mayor and his staff about the new bridge ."

func BenchmarkAlign(b *testing.B) {
	for _, c := range []struct{ name, answer string }{
		{"equal", "On Monday @@Ingrid Solheim## of the @@Bank of Norway## flew from Oslo to Zürich for talks with the mayor and his staff about the new bridge ."},
		{"equal, nothing marked", sentence},
		{"glued", "On Monday (@@Ingrid Solheim##) of the @@Bank of Norway## flew from Oslo to Zürich for talks with the mayor and his staff about the new bridge ."},
		{"spaced", "On Monday @@ Ingrid Solheim ## of the @@ Bank of Norway ## flew from Oslo to Zürich for talks with the mayor and his staff about the new bridge ."},
		{"spacing", "On Monday @@Ingrid Solheim## of the @@Bank of Norway## flew from Oslo to Zürich for talks with the mayor and his staff about the new bridge."},
		{"tokens", "On Monday @@Ingrid Solheim## the @@bank of Norway## flew from Oslo to Zürich for talks with the mayor and his staff about the new bridge ."},
		{"edited", "On Tuesday @@Ingrid Solheim## of a @@Bank of Norway## went from Oslo to Zürich for talks to the mayor and the staff about a new bridge ."},
		{"part", "@@Ingrid Solheim## of the @@Bank of Norway## flew from Oslo"},
		{"chatter", "The labeled sentence: \"On Monday @@Ingrid Solheim## of the @@Bank of Norway## flew from Oslo to Zürich for talks with the mayor and his staff about the new bridge .\""},
		{"unrelated", "Paris @@Saint-Germain## have beaten @@Lyon## by two goals to one in a match that nobody will remember after this season , said the coach to reporters today ."},
		{"list", `{"entities":["Ingrid Solheim","Bank of Norway"]}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			var s subject
			s.Reset(sentence)
			b.ReportAllocs()
			for b.Loop() {
				s.Align(&s.Original, c.answer, markup.Question{})
			}
		})
	}
}

// long are pairs of 5,000 tokens and more, the worst that were thought of.
func long() []struct{ name, original, answer string } {
	const n = 5000
	r := rand.New(rand.NewPCG(1, 2))
	words := func(format string, kinds int) []string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf(format, r.IntN(kinds))
		}
		return list
	}
	original := words("w%d", 2000)
	marked := func(list []string, every int) string {
		var spans []markup.Span
		for i := 0; i+1 < len(list); i += every {
			spans = append(spans, markup.Span{Start: i, End: i + 1})
		}
		return string(markup.AppendMarked(nil, list, spans))
	}
	edited := append([]string{"Marked:"}, original...)
	for i := range edited {
		if r.IntN(10) == 0 {
			edited[i] = "x" + edited[i]
		}
	}
	equal := strings.Split(strings.TrimSpace(strings.Repeat("a ", n)), " ")
	two := words("%c", 1)
	for i := range two {
		two[i] = string(rune('a' + r.IntN(2)))
	}
	return []struct{ name, original, answer string }{
		{"equal", strings.Join(original, " "), marked(original, 50)},
		{"edited", strings.Join(original, " "), marked(edited, 50)},
		{"unrelated", strings.Join(original, " "), marked(words("v%d", 2000), 50)},
		{"same words, other order", strings.Join(original, " "), marked(words("w%d", 2000), 50)},
		{"one word", strings.Join(equal, " "), "b " + marked(equal, 2)},
		{"two words", strings.Join(two, " "), marked(words("%c", 1), 2) + " " + marked(two[1:], 3)},
		{"thousands of marks", strings.Join(original, " "), marked(words("w%d", 2000), 2)},
		{"thousands of unknown marks", strings.Join(original, " "), marked(words("v%d", 9000), 2)},
		{"signs only", strings.Join(original, " "), strings.Repeat("@@ ", n)},
		{"signs in words", "@@ ## " + strings.Join(original, " "), strings.Repeat("@@a##b", n)},
		{"sentence of signs", strings.Repeat("@@ ## ", n/2), strings.Repeat("## @@ ", n/2)},
		{"signs in one word", strings.Repeat("a@@b##", n) + " " + strings.Join(original, " "), "@@" + strings.Repeat("a@@b##", n) + " @@x##"},
		{"signs in one other word", strings.Repeat("a@@b##", n), strings.Repeat("a@@c##", n)},
		{"nested", strings.Join(original, " "), strings.Repeat("@@x ", n) + strings.Repeat("y## ", n)},
		{"nested, in the original", strings.Join(original, " "), "@@" + strings.Join(original[:n/2], " @@") + " " + strings.Join(original[n/2:], "## ") + "##"},
		{"list", strings.Join(original, " "), `["` + strings.Join(original, `","`) + `"]`},
		{"list of one word", strings.Join(equal, " "), `["` + strings.Join(equal, `","`) + `"]`},
		{"brackets", strings.Join(original, " "), strings.Repeat("[{", n)},
	}
}

func BenchmarkAlignLong(b *testing.B) {
	for _, c := range long() {
		b.Run(c.name, func(b *testing.B) {
			var s subject
			b.ReportAllocs()
			for b.Loop() {
				s.Reset(c.original)
				s.Align(&s.Original, c.answer, markup.Question{})
			}
		})
	}
}

func BenchmarkStrike(b *testing.B) {
	const answer = "On Monday @@Ingrid Solheim## of the @@Bank of Norway## flew from Oslo to Zürich for talks with the mayor and his staff about the new bridge ."
	var s subject
	s.Reset(sentence)
	b.ReportAllocs()
	for b.Loop() {
		s.Strike(&s.Original, answer, markup.Question{}, func(sp markup.Span) bool { return sp.Start == 2 })
	}
}

// Answers about all labels of a sentence, of few labels and of many.
func BenchmarkAlignSentence(b *testing.B) {
	const copied = "On Monday <PER>Ingrid Solheim</PER> of the <ORG>Bank of <LOC>Norway</LOC></ORG> flew from <LOC>Oslo</LOC> to <LOC>Zürich</LOC> for talks with the mayor and his staff about the new bridge ."
	few := []string{"PER", "LOC", "ORG", "MISC"}
	many := slices.Concat([]string{"CARDINAL", "DATE", "EVENT", "FAC", "GPE", "LANGUAGE", "LAW", "MONEY", "NORP", "ORDINAL", "PERCENT", "PRODUCT", "QUANTITY", "TIME"}, few)
	for _, c := range []struct{ name, answer string }{
		{"equal", copied},
		{"equal, nothing marked", sentence},
		{"spacing", strings.Replace(copied, "bridge .", "bridge.", 1)},
		{"edited", strings.Replace(copied, "On Monday", "Last Tuesday", 1)},
		{"list", `{"entities":[{"text":"Ingrid Solheim","label":"PER"},{"text":"Bank of Norway","label":"ORG"},{"text":"Norway","label":"LOC"},{"text":"Oslo","label":"LOC"},{"text":"Zürich","label":"LOC"}]}`},
	} {
		for _, labels := range [][]string{few, many} {
			b.Run(fmt.Sprintf("%s/%d", c.name, len(labels)), func(b *testing.B) {
				var s subject
				s.Reset(sentence)
				b.ReportAllocs()
				for b.Loop() {
					s.Align(&s.Original, c.answer, markup.Question{Asked: labels})
				}
			})
		}
	}
}
