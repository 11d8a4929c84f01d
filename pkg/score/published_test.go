package score_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"nertools/pkg/markup"
	"nertools/pkg/score"
)

func TestPublishedCountsKeepTheOddities(t *testing.T) {
	for _, c := range []struct {
		name, source, answer, gold string // of half-open spans
		want                       score.Counts
	}{
		{"one word", "a b c", "a @@b## c", "1-2", score.Counts{TP: 1}},
		{"two words", "a b c", "@@a b## c", "0-2", score.Counts{TP: 1}},
		{"at the end", "a b c", "a @@b c##", "1-3", score.Counts{TP: 1}},
		{"the whole sentence", "a b c", "@@a b c##", "0-3", score.Counts{TP: 1}},
		{"another span", "a b c", "a @@b## c", "1-3", score.Counts{FP: 1, FN: 1}},
		{"nothing marked", "a b c", "a b c", "1-3 0-1", score.Counts{FN: 2}},
		{"no answer", "a b c", "", "1-3", score.Counts{FN: 1}},
		{"no source", "", "@@a##", "", score.Counts{}},

		{"a repeated word is found at the cursor", "a b a b", "a b a @@b##", "3-4", score.Counts{TP: 1}},
		{"the cursor stays on the first word: the mention before it, which is not marked, is found", "b a a", "@@b## a @@a##", "0-1 2-3", score.Counts{TP: 1, FP: 1, FN: 1}},
		{"the cursor lags by one for a one-word entity", "a b b", "@@a## b @@b##", "0-1 2-3", score.Counts{TP: 1, FP: 1, FN: 1}},
		{"the cursor lags by two for a two-word entity", "a b c b", "@@a b## c @@b##", "0-2 3-4", score.Counts{TP: 1, FP: 1, FN: 1}},
		{"marked twice, found at one place twice, taken once", "a b", "@@a## @@a##", "0-1", score.Counts{TP: 1, FP: 1}},
		{"a gold span that stands twice is taken twice", "a b", "@@a## @@a##", "0-1 0-1", score.Counts{TP: 2}},
		{"a gold span that stands twice is missed once", "a b", "@@a##", "0-1 0-1", score.Counts{TP: 1, FN: 1}},

		{"not in the source: nothing counted, all after it lost", "a b c", "@@x## @@b## @@c##", "1-2 2-3", score.Counts{FN: 2}},
		{"before the cursor is not in the source", "a b c", "a b @@a##", "0-1", score.Counts{FN: 1}},
		{"more words than are left", "a b", "a @@b c##", "1-2", score.Counts{FN: 1}},
		{"words added to the answer push the cursor past", "a b", "x y @@b##", "1-2", score.Counts{FN: 1}},
		{"words dropped from the answer do no harm", "a b c d", "@@d##", "3-4", score.Counts{TP: 1}},
		{"another case is not the same", "a b", "a @@B##", "1-2", score.Counts{FN: 1}},

		{"an opening without an end counts nothing", "a b c", "a @@b c", "1-2", score.Counts{FN: 1}},
		{"after an opening without an end the cursor rests", "a b c", "@@z b c @@y", "", score.Counts{}},
		{"a closing word alone does not move the cursor", "a b b", "a b## @@b##", "1-2", score.Counts{TP: 1}},
		{"a closing word alone, and one word on", "a b b", "a x## b @@b##", "2-3", score.Counts{TP: 1}},
		{"an opening inside an entity opens too, its mark a part of the outer one", "a b c", "@@a @@b##", "1-2 0-2", score.Counts{FN: 2}},
		{"where the source has such a word, both are found", "a @@b b", "@@a @@b##", "0-2 2-3", score.Counts{TP: 2}},

		{"the mark is not at the end: an opening without an end", "a b . c", "a @@b##. c", "1-2", score.Counts{FN: 1}},
		{"so it ends where the next one does", "a b . c", "a @@b##. @@c##", "1-2 3-4", score.Counts{FN: 2}},
		{"the mark is not at the beginning: a closing word", "a ( b ) c", "a (@@b## @@c##", "2-3 4-5", score.Counts{TP: 1, FN: 1}},
		{"marks of two characters are ordinary words", "a b c d", "a @@ b ##", "1-2", score.Counts{FN: 1}},
		{"which move the cursor", "b b b", "@@ @@b##", "1-2", score.Counts{TP: 1}},
		{"two signs do not end an entity", "a b ##", "@@a b ##", "0-2", score.Counts{FN: 1}},
		{"nor do they begin one", "a @@ b", "a @@ b##", "2-3", score.Counts{FN: 1}},
		{"three signs do: the third is the entity's", "@ a", "@@@ a##", "0-2", score.Counts{TP: 1}},
		{"and end one", "c# a", "@@c###", "0-1", score.Counts{TP: 1}},
		{"one of a sign alone", "# a", "@@###", "0-1", score.Counts{TP: 1}},
		{"marks around nothing are found nowhere", "a b", "@@## @@b##", "1-2", score.Counts{FN: 1}},
		{"two entities in one word are one", "a b ab", "@@a##@@b##", "0-1 1-2", score.Counts{FN: 2}},
		{"a word with both marks inside is the source's own", "a##@@b c", "@@a##@@b##", "0-1", score.Counts{TP: 1}},
		{"the marks the other way round", "a b", "##b@@ @@b##", "1-2", score.Counts{TP: 1}},

		{"line breaks are white space", "a b c", "a\n@@b\r\nc##", "1-3", score.Counts{TP: 1}},
		{"so is what Python takes for it", "a b c", "a\u3000@@b\x1cc##", "1-3", score.Counts{TP: 1}},
		{"text in front of the sentence", "a b", "Labeled: a @@b##", "1-2", score.Counts{FN: 1}},
		{"not ASCII", "東京 へ Zoë", "@@東京## へ @@Zoë##", "0-1 2-3", score.Counts{TP: 2}},
	} {
		gold := spans(t, c.gold)
		if got := score.CountPublished(c.source, c.answer, gold); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
		if got := naive(c.source, c.answer, gold); got != c.want {
			t.Errorf("%s: said naively it is %+v, want %+v", c.name, got, c.want)
		}
	}
}

// spans reads "0-2 3-4".
func spans(t *testing.T, s string) []markup.Span {
	t.Helper()
	var list []markup.Span
	for part := range strings.FieldsSeq(s) {
		var sp markup.Span
		if _, err := fmt.Sscanf(part, "%d-%d", &sp.Start, &sp.End); err != nil {
			t.Fatalf("%q: %v", part, err)
		}
		list = append(list, sp)
	}
	return list
}

// naive is the procedure word for word: in code points, each word looking for
// its end anew, each entity joined.
func naive(source, answer string, gold []markup.Span) score.Counts {
	words, said := markup.AppendTokens(nil, source), markup.AppendTokens(nil, answer)
	marker := func(w string) bool { return len([]rune(w)) > 2 }
	opening := func(w string) bool { return marker(w) && string([]rune(w)[:2]) == "@@" }
	closing := func(w string) bool { return marker(w) && string([]rune(w)[len([]rune(w))-2:]) == "##" }
	taken := make([]bool, len(gold))
	var tp, fp int
	cursor := 0
	resting := false
	for i := range said {
		if opening(said[i]) {
			resting = true
			for j := i; j < len(said); j++ {
				if !closing(said[j]) {
					continue
				}
				all := []rune(strings.Join(said[i:j+1], " "))
				entity, length := string(all[2:len(all)-2]), j-i+1
				found := false
				for k := cursor; k < len(words); k++ {
					if k+length <= len(words) && strings.Join(words[k:k+length], " ") == entity {
						found, cursor = true, k
						break
					}
				}
				if !found {
					cursor = len(words)
					break
				}
				right := false
				for g := range gold {
					if !taken[g] && gold[g].Start == cursor && gold[g].End == cursor+length {
						taken[g], right = true, true
						break
					}
				}
				if right {
					tp++
				} else {
					fp++
				}
				break
			}
		}
		if closing(said[i]) {
			resting = false
		} else if !resting {
			cursor++
		}
	}
	return score.Counts{TP: tp, FP: fp, FN: len(gold) - tp}
}

// pieces make words that are marked in every way, and often those of the source.
var pieces = []string{"a", "b", "@@", "##", "@", "#", " ", " ", "\n", "é", "@@a", "b##", "@@a## ", " a b ", " b a "}

func checkPublished(t *testing.T, source, answer, gold []byte) {
	join := func(data []byte) string {
		var s strings.Builder
		for _, b := range data[:min(len(data), 60)] {
			s.WriteString(pieces[int(b)%len(pieces)])
		}
		return s.String()
	}
	var spans []markup.Span
	for ; len(gold) >= 2; gold = gold[2:] {
		start := int(gold[0] % 8)
		spans = append(spans, markup.Span{Start: start, End: start + 1 + int(gold[1]%3)})
	}
	before := slices.Clone(spans)
	got := score.CountPublished(join(source), join(answer), spans)
	if want := naive(join(source), join(answer), spans); got != want {
		t.Fatalf("%q answered %q, gold %v: got %+v, want %+v", join(source), join(answer), spans, got, want)
	}
	if !slices.Equal(spans, before) {
		t.Fatalf("gold %v became %v", before, spans)
	}
}

func TestPublishedCountsAreThoseOfTheProcedure(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		checkPublished(t, randomBytes(r), randomBytes(r), randomBytes(r))
	}
}

func FuzzPublished(f *testing.F) {
	f.Add([]byte{0, 6, 1}, []byte{11, 6, 12}, []byte{0, 1})
	f.Add([]byte{}, []byte{2, 3, 6, 13, 13}, []byte{})
	f.Fuzz(checkPublished)
}

func BenchmarkCountPublished(b *testing.B) {
	source := strings.Repeat("The council of Zürich met Ada Li on Tuesday . ", 3)
	answer := strings.Repeat("The council of @@Zürich## met @@Ada Li## on Tuesday . ", 3)
	gold := []markup.Span{{Start: 3, End: 4}, {Start: 5, End: 7}, {Start: 13, End: 14}}
	for b.Loop() {
		score.CountPublished(source, answer, gold)
	}
}
