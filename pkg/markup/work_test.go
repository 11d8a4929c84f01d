package markup

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
)

type hardCase struct{ name, original, answer string }

// hard are sentences and answers of about n bytes, the hardest that were thought of.
func hard(n int) []hardCase {
	repeat := func(s string) string { return strings.Repeat(s, n/len(s)+1) }
	words := func(format string, kinds int) (list []string) {
		for i := range n / 7 {
			list = append(list, fmt.Sprintf(format, i%kinds))
		}
		return list
	}
	join := func(list []string) string { return strings.Join(list, " ") }
	marks := func(list []string) string { return "@@" + strings.Join(list, "## @@") + "##" }
	list := func(list []string) string { return `["` + strings.Join(list, `","`) + `"]` }
	nested := func(list []string) string {
		return "@@" + strings.Join(list[:len(list)/2], " @@") + " " + strings.Join(list[len(list)/2:], "## ") + "##"
	}
	distinct := words("w%05d", n)
	reversed := slices.Clone(distinct)
	slices.Reverse(reversed)
	equal := strings.Fields(strings.Repeat("a ", n/2))
	var growing []string // a, aa, aaa …
	for total := 0; total < n; total += len(growing) {
		growing = append(growing, strings.Repeat("a", len(growing)+1))
	}
	apart := strings.NewReplacer("a", "a ")
	var copies strings.Builder // of 40 words, of which another run is marked each time
	for i := 0; copies.Len() < n; i++ {
		line := strings.Fields(strings.Repeat("a ", 40))
		from := i % 40
		to := from + i/40%(40-from)
		line[from] = "@@" + line[from]
		line[to] += "##"
		copies.WriteString(join(line) + "\n")
	}
	return []hardCase{
		{"nested marks", join(distinct), nested(distinct)},
		{"nested marks around one word", join(equal), nested(equal)},
		{"nested marks around other words", join(distinct), repeat("@@x ") + repeat("y## ")},
		{"one token", repeat("a"), "@@" + repeat("a") + "##"},
		{"one token, a longer one", repeat("a"), repeat("aa") + repeat("aa") + " @@b##"},
		{"one token, half of it", repeat("a"), "x @@ " + repeat("a")[:n/2] + " ##"},
		{"one token, marks inside", repeat("a"), repeat("a@@a##")},
		{"one token, growing strings", repeat("a"), marks(growing)},
		{"one token, a list of growing strings", repeat("a"), list(growing)},
		{"one token of full stops", repeat("."), "@@" + repeat(".")[:n/2] + "## @@.##"},
		{"one token of full stops, many marks", repeat("."), marks(strings.Fields(strings.Repeat(". ", n/6)))},
		{"one token of full stops and a letter", repeat(".") + "a" + repeat("."), "x @@a## @@.a## @@..##"},
		{"one token of no letters", repeat("\xb6"), "#@@#= 0@@0##0000@@0 @@\xb6##"},
		{"one token of ideographs", repeat("京"), "@@" + repeat("京")[:n/6*3] + "## @@京##"},
		{"one token of emoji", repeat("😀"), repeat("@@😀##")},
		{"one token of accents", "e" + repeat("\u0301"), repeat("e@@\u0301e##")},
		{"one token of ampersands", repeat("&"), repeat("@@&##")},
		{"one token of character references", repeat("&amp;"), repeat("@@&##")},
		{"one token of signs", repeat("#"), repeat("#") + "##"},
		{"one token of words and signs", repeat("a@@b##"), repeat("a@@c##")},
		{"signs alone", "Ada wrote", repeat("#") + repeat("@@")},
		{"signs and spaces", join(distinct), repeat("@@ ") + repeat("## ")},
		{"signs in the sentence", repeat("@@a## "), repeat("@@@@a#### ")},
		{"stars", "Ada wrote", repeat("**a")},
		{"marks around one word", join(equal), marks(equal[:n/6])},
		{"marks around one word, other text", join(distinct), marks(equal[:n/6])},
		{"marks around every other word", join(equal), repeat("@@a## a ")},
		{"marks around growing strings", join(equal), strings.ReplaceAll(apart.Replace(marks(growing)), " ##", "##")},
		{"spaced marks", join(equal), repeat("@@ a ## ")},
		{"a list of one word", "b " + join(equal), list(append([]string{"b"}, equal...))},
		{"a list of growing strings", join(equal), apart.Replace(list(growing))},
		{"a list of all words", join(distinct), list(distinct)},
		{"a list of other words", join(distinct), list(words("v%05d", n))},
		{"a list of objects", join(distinct), `[{"text":"` + strings.Join(distinct, `"},{"text":"`) + `"}]`},
		{"a long list, a short sentence", "Ada met Bob", list(distinct)},
		{"brackets", join(distinct), repeat("[{")},
		{"nested brackets", join(distinct), repeat("[") + repeat("]")},
		{"copies", "a b c", repeat("@@a## b c ")},
		{"copies, other marks in each", join(equal[:40]), copies.String()},
		{"a long answer, a short sentence", "Ada met Bob", marks(distinct) + " @@Ada##"},
		{"a short answer, a long sentence", join(distinct), "@@Ada## met @@w00007##"},
		{"the other order", join(distinct), marks(reversed)},
		{"two words", repeat("a b "), repeat("@@a b## b @@a##")},
		{"every third word another", join(distinct), marks(words("w%05d", n/21))},
		{"tags", join(distinct), repeat("<PER>w00007</PER> met ")},
		{"tags in the sentence", repeat("<b>Ada</b> "), repeat("<PER>Ada</PER> <b>met</b> ")},
		{"tags of many names", repeat("<b>Ada</b> "), "<PER>Ada</PER> <" + strings.Join(distinct, "> <") + ">"},
		{"nested tags", join(distinct), repeat("<PER>w00007 ") + repeat("</PER>")},
		{"tags without an end", join(distinct), repeat("<PER>w00007 ")},
		{"marks of other signs", join(distinct), repeat("＠＠w00007＃＃ ")},
		{"round brackets", join(distinct), repeat("(")},
		{"a list of numbers", join(distinct), "[" + repeat("1234567, ") + "1]"},
		{"a list of pairs", join(distinct), "[" + repeat(`["w00007","PER"], `) + `["Ada","PER"]]`},
		{"lists by label", join(distinct), "{" + repeat(`"PER":["w00007"], `) + `"PER":["Ada"]}`},
		{"tokens with labels", join(distinct), "[" + repeat(`{"word":"w00007","label":"I-PER"}, `) + `{}]`},
		{"lists below each other", join(distinct), repeat("[\"w00007\"]\n")},
		{"lists in each other", join(distinct), repeat(`{"PER":["w00007",`)},
		{"brackets with labels", join(distinct) + " [x]", repeat("[PER: w00007] ")},
		{"brackets with labels behind", join(distinct), repeat("[w00007](PER) ")},
		{"emphasis", join(distinct), repeat("__w00007__ ")},
		{"labels behind words", join(distinct), repeat("w00007 (PER) ")},
		{"bullets", join(distinct), repeat("- w00007 ")},
		{"numbers", join(distinct), "1. " + join(words("%d.", n))},
		{"lines of labels", join(distinct), repeat("PER: w00007, ")},
		{"headings of lists", join(distinct), repeat("PER: [")},
		{"quotes in strings", join(distinct), `["` + repeat(`a "b" c `) + `"]`},
		{"quotes that do not pair", join(distinct), repeat(`["a" b" `)},
		{"comments in lists", join(distinct), "[" + repeat(`"a" /* `)},
		{"backslashes", join(distinct), `["` + repeat(`\"`) + `"]`},
		{"encoded lists", join(distinct), `"[` + repeat(`\"w00007\", `) + `]"`},
		{"strings of lists", join(distinct), "[" + repeat(`{"PER":"[\"w00007\"]"},`) + "]"},
		{"words without quotes", join(distinct), "[" + repeat("w00007, ") + "]"},
		{"marked strings in a list", join(distinct), `["` + repeat(`<PER>w00007</PER>", "`) + `"]`},
		{"objects of labels", join(distinct), "{" + repeat(`"w00007":"PER",`) + "}"},
		{"hidden characters", "a" + repeat("\u200b") + "b c", repeat("@@ab## c ")},
		{"hidden tokens", "a " + repeat("\u200b ") + "b c", repeat("@@a b## c ")},
		{"tags of the label in the sentence", repeat("<PER> a "), repeat("<PER><PER> a</PER> ")},
		{"tags of the label in the sentence, marked", repeat("<PER> a "), repeat("<PER><PER></PER> a ")},
		{"tags of the label in the sentence, and no end", repeat("<PER> a "), repeat("<PER> a ") + "<PER>"},
		{"nothing but tags", repeat("<PER></PER>"), repeat("<PER><PER></PER></PER>")},
		{"nothing but tags, one of them missing", repeat("<PER></PER>"), repeat("<PER></PER>")[1:]},
		{"tags of several labels", join(distinct), repeat("<PER>w00007</PER> <LOC>w00007</LOC> <ORG>met</ORG> ")},
		{"tags of several labels, crossing", join(equal), repeat("<PER>a <LOC>a </PER>a </LOC>a ")},
		{"entries of several labels", join(equal), "[" + repeat(`{"text":"a","label":"PER"},{"text":"a","label":"LOC"},`) + "{}]"},
		{"marked strings of a list in the sentence", repeat("<PER>a</PER> "), `["` + repeat(`<PER>b</PER>", "`) + `"]`},
	}
}

func BenchmarkAlignHard(b *testing.B) {
	const least, most = 1 << 12, 1 << 16
	for i, c := range hard(least) {
		switch c.name {
		case "nested marks", "nested marks around one word", "one token, half of it", "one token, growing strings", "one token of full stops, many marks",
			"one token of no letters", "one token of emoji", "a list of growing strings", "the other order":
		default:
			continue
		}
		for n := least; n <= most; n *= 2 {
			b.Run(fmt.Sprintf("%s/%d", c.name, n), func(b *testing.B) {
				c := hard(n)[i]
				var o Original
				var al Aligner
				b.ReportAllocs()
				b.SetBytes(int64(len(c.original) + len(c.answer)))
				for b.Loop() {
					o.Reset(c.original)
					al.Align(&o, c.answer, Question{})
				}
			})
		}
	}
}

// cost is what an alignment takes.
type cost struct{ steps, bytes int }

func (c *hardCase) cost(t *testing.T, q Question) cost {
	t.Helper()
	q.Shown = func(text string) bool { return strings.HasPrefix(text, "v") }
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var o Original
	var al Aligner
	o.Reset(c.original)
	a := al.Align(&o, c.answer, q)
	runtime.ReadMemStats(&after)
	for _, m := range []meter{al.work, al.lookups, al.differ.work, al.tagDiffer.work, al.walk.steps} {
		if m.done > m.limit {
			t.Errorf("%s: %d steps, of %d", c.name, m.done, m.limit)
		}
	}
	if m, marks := al.places, len(al.answer.marks); m.done > m.limit+marks*fewPlaces {
		t.Errorf("%s: %d places, of %d for all marks and %d for each of %d", c.name, m.done, m.limit, fewPlaces, marks)
	}
	text := 0
	for _, f := range a.Found {
		text += len(f.Text)
	}
	for _, u := range a.Unused {
		text += len(u.Text)
	}
	if text > deepest*len(c.answer) {
		t.Errorf("%s: %d bytes of entities in an answer of %d", c.name, text, len(c.answer))
	}
	return cost{al.work.done + al.lookups.done + al.differ.work.done + al.tagDiffer.work.done + al.walk.steps.done + al.places.done, int(after.TotalAlloc - before.TotalAlloc)}
}

// What takes quadratic time or memory takes four times as much for twice the length.
func TestWorkAndMemoryGrowWithTheLength(t *testing.T) {
	const n = 1 << 14
	twice := hard(2 * n)
	for i, c := range hard(n) {
		for _, q := range []Question{{Label: "PER"}, {Asked: []string{"PER", "LOC", "ORG"}}} {
			small, large := c.cost(t, q), twice[i].cost(t, q)
			if large.steps > 3*small.steps+1<<16 || large.bytes > 3*small.bytes+1<<20 {
				t.Errorf("%s, %d labels: %+v, and %+v for twice the length", c.name, len(q.Asked), small, large)
			}
		}
	}
}

// An answer on which all steps are spent still has each of its marks reported.
func TestEveryMarkOfAHardAnswerIsReported(t *testing.T) {
	const n = 1 << 14
	for _, c := range hard(n) {
		var o Original
		var al Aligner
		o.Reset(c.original)
		if _, ok := o.same(c.answer); ok {
			continue
		}
		a := al.Align(&o, c.answer, Question{Label: "PER"})
		want := 0
		for _, m := range al.answer.marks {
			if !m.stray && !m.again && !m.dropped {
				want++
			}
		}
		if got := len(a.Found) + len(a.Unused); got != want {
			t.Errorf("%s: %d of %d marks are reported", c.name, got, want)
		}
	}
}

func TestAllOccurrencesAreFound(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = "aab"[r.IntN(3)]
		}
		return b
	}
	for range 2000 {
		text, want := random(r.IntN(300)), random(1+r.IntN(8))
		if r.IntN(2) == 0 {
			text, want = bytes.Repeat(want, r.IntN(60)), bytes.Repeat(want, 1+r.IntN(4))
		}
		var naive, all, overlapping []int
		for i := range text {
			if bytes.HasPrefix(text[i:], want) {
				naive = append(naive, i)
			}
		}
		for at := range occurrences(text, want) {
			all = append(all, at)
		}
		repeated(text, want, 0, func(at int) bool { overlapping = append(overlapping, at); return true })
		if !slices.Equal(all, naive) || !slices.Equal(overlapping, naive) {
			t.Fatalf("%q in %q: %v and %v, not %v", want, text, all, overlapping, naive)
		}
	}
}

func TestEdgesOfLongTokensAreReadOnce(t *testing.T) {
	for _, edge := range []string{".", "«", "😀", "\xb6", "👍🏽", "-", "a", "é"} {
		text := strings.Repeat(edge, 40)
		var o Original
		o.Reset(text + "x" + text + " " + text + " y" + text)
		o.fold()
		al := Aligner{original: &o}
		l := &o.letters
		for from := range l.text {
			if from%7 != 0 || l.cut(from) {
				continue
			}
			for _, to := range []int{from + 1, from + 2, len(l.text)} {
				to = min(to, len(l.text))
				sp := Span{l.token(from), l.token(to-1) + 1}
				want := onlyEdge(l.text[l.starts[sp.Start]:from]) && onlyEdge(l.text[to:l.end(sp.End-1)])
				if got := al.onlyEdges(sp, from, to); got != want {
					t.Errorf("%q: %d to %d: %t", o.Text, from, to, got)
				}
			}
		}
	}
}
