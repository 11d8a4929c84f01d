package markup_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/markup"
)

func TestTokensAreThoseOfPythonsSplit(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"", nil},
		{"  ", nil},
		{"Ada wrote .", []string{"Ada", "wrote", "."}},
		{" a\tb\nc\rd\ve\ff ", []string{"a", "b", "c", "d", "e", "f"}},
		{"a\x1cb\x1dc\x1ed\x1fe", []string{"a", "b", "c", "d", "e"}},
		{"a\u00a0b\u0085c\u2028d\u2029e\u3000f\u1680g\u202fh\u205fi", strings.Split("abcdefghi", "")},
		{"a\u200bb\ufeffc\u180ed", []string{"a\u200bb\ufeffc\u180ed"}},
		{"Zürich 東京", []string{"Zürich", "東京"}},
		{"a\xff b", []string{"a\xff", "b"}},
	} {
		if d := cmp.Diff(c.want, markup.AppendTokens(nil, c.in)); d != "" {
			t.Errorf("%q: %s", c.in, d)
		}
	}
}

func TestSpansAreMendedBeforeTheyAreMarked(t *testing.T) {
	for _, c := range []struct {
		name         string
		starts, ends []int
		want         string
		mended       markup.Mended
	}{
		{"none", nil, nil, "a b c d e", markup.Mended{}},
		{"in order", []int{0, 3}, []int{0, 4}, "@@a## b c @@d e##", markup.Mended{}},
		{"side by side", []int{0, 1}, []int{0, 1}, "@@a## @@b## c d e", markup.Mended{}},
		{"the whole sentence", []int{0}, []int{4}, "@@a b c d e##", markup.Mended{}},
		{"unsorted", []int{3, 0}, []int{4, 0}, "@@a## b c @@d e##", markup.Mended{Unsorted: true}},
		{"nested", []int{0, 1}, []int{2, 1}, "@@a b c## d e", markup.Mended{Overlapping: 1}},
		{"nested, the inner one first", []int{1, 0}, []int{1, 2}, "@@a b c## d e", markup.Mended{Overlapping: 1, Unsorted: true}},
		{"nested twice", []int{0, 0, 0}, []int{4, 2, 0}, "@@a b c d e##", markup.Mended{Overlapping: 2, Unsorted: true}},
		{"crossing, the longer stays", []int{0, 1}, []int{1, 3}, "a @@b c d## e", markup.Mended{Overlapping: 1}},
		{"crossing, equally long", []int{0, 1}, []int{1, 2}, "@@a b## c d e", markup.Mended{Overlapping: 1}},
		{"duplicated", []int{1, 1}, []int{2, 2}, "a @@b c## d e", markup.Mended{Duplicate: 1}},
		{"end before start", []int{2, 4}, []int{1, 4}, "a b c d @@e##", markup.Mended{Unplaced: 1}},
		{"out of range", []int{3, 5, -1}, []int{5, 6, 0}, "a b c d e", markup.Mended{Unplaced: 3}},
		{"more starts than ends", []int{0, 3}, []int{0}, "@@a## b c d e", markup.Mended{Unplaced: 1}},
		{"more ends than starts", nil, []int{0, 1}, "a b c d e", markup.Mended{Unplaced: 2}},
		{"largest numbers", []int{0, 1 << 62}, []int{1<<63 - 1, 1<<63 - 1}, "a b c d e", markup.Mended{Unplaced: 2}},
	} {
		tokens := strings.Fields("a b c d e")
		spans, mended := markup.Place(nil, c.starts, c.ends, len(tokens))
		if got := string(markup.AppendMarked(nil, tokens, spans)); got != c.want || mended != c.mended {
			t.Errorf("%s: got %q %+v, want %q %+v", c.name, got, mended, c.want, c.mended)
		}
		if mended.Any() != (c.mended != markup.Mended{}) {
			t.Errorf("%s: Any is %v", c.name, mended.Any())
		}
	}
}

func TestTheExampleOfTheFormat(t *testing.T) {
	tokens := markup.AppendTokens(nil, "Ada  wrote to\tBob Li .")
	spans, _ := markup.Place(nil, []int{3, 0}, []int{4, 0}, len(tokens))
	if got := string(markup.AppendMarked(nil, tokens, spans)); got != "@@Ada## wrote to @@Bob Li## ." {
		t.Errorf("got %q", got)
	}
}

func FuzzMark(f *testing.F) {
	f.Add("Ada wrote to Bob Li .", 0, 0, 3, 4)
	f.Add("a\x1cb\u3000c @@ ##", 2, 1, -1, 9)
	f.Add("", 0, 0, 0, 0)
	f.Fuzz(func(t *testing.T, s string, a, b, c, d int) {
		tokens := markup.AppendTokens(nil, s)
		for _, token := range tokens {
			if token == "" || strings.IndexFunc(token, func(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }) >= 0 {
				t.Fatalf("token %q", token)
			}
		}
		if got := markup.SingleSpaced(s); got != (s == strings.Join(tokens, " ")) {
			t.Fatalf("%q is single-spaced: %v", s, got)
		}
		spans, mended := markup.Place(nil, []int{a, c}, []int{b, d}, len(tokens))
		if len(spans)+mended.Duplicate+mended.Overlapping+mended.Unplaced != 2 {
			t.Fatalf("2 spans became %v and %+v", spans, mended)
		}
		end := 0
		for _, sp := range spans {
			if sp.Start < end || sp.End <= sp.Start || sp.End > len(tokens) {
				t.Fatalf("spans %v of %d tokens", spans, len(tokens))
			}
			end = sp.End
		}
		// Taking the marks out at the spans' places gives the tokens back.
		rest := string(markup.AppendMarked(nil, tokens, spans))
		if want := strings.Join(tokens, " "); len(rest) != len(want)+4*len(spans) {
			t.Fatalf("%q became %q", want, rest)
		}
		words := strings.Split(rest, " ")
		for _, sp := range spans {
			words[sp.Start] = words[sp.Start][len(markup.Open):]
			words[sp.End-1] = strings.TrimSuffix(words[sp.End-1], markup.Close)
		}
		if len(tokens) > 0 && strings.Join(words, " ") != strings.Join(tokens, " ") {
			t.Fatalf("%q became %q", tokens, rest)
		}
	})
}

func BenchmarkMark(b *testing.B) {
	s := strings.Repeat("The council of Zürich met Ada Li on Tuesday . ", 4)
	var tokens []string
	var out []byte
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		tokens = markup.AppendTokens(tokens[:0], s)
		out = markup.AppendMarked(out[:0], tokens, []markup.Span{{3, 4}, {5, 7}})
	}
}
