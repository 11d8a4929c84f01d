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
		name   string
		spans  []markup.Span
		want   string
		mended markup.Mended
	}{
		{"none", nil, "a b c d e", markup.Mended{}},
		{"in order", []markup.Span{{0, 1}, {3, 5}}, "@@a## b c @@d e##", markup.Mended{}},
		{"side by side", []markup.Span{{0, 1}, {1, 2}}, "@@a## @@b## c d e", markup.Mended{}},
		{"the whole sentence", []markup.Span{{0, 5}}, "@@a b c d e##", markup.Mended{}},
		{"unsorted", []markup.Span{{3, 5}, {0, 1}}, "@@a## b c @@d e##", markup.Mended{Unsorted: true}},
		{"nested", []markup.Span{{0, 3}, {1, 2}}, "@@a b c## d e", markup.Mended{Overlapping: 1}},
		{"nested, the inner one first", []markup.Span{{1, 2}, {0, 3}}, "@@a b c## d e", markup.Mended{Overlapping: 1, Unsorted: true}},
		{"nested twice", []markup.Span{{0, 5}, {0, 3}, {0, 1}}, "@@a b c d e##", markup.Mended{Overlapping: 2}},
		{"crossing, the longer stays", []markup.Span{{0, 2}, {1, 4}}, "a @@b c d## e", markup.Mended{Overlapping: 1}},
		{"crossing, equally long", []markup.Span{{0, 2}, {1, 3}}, "@@a b## c d e", markup.Mended{Overlapping: 1}},
		{"duplicated", []markup.Span{{1, 3}, {1, 3}}, "a @@b c## d e", markup.Mended{Duplicate: 1}},
		{"end before start", []markup.Span{{2, 2}, {4, 5}}, "a b c d @@e##", markup.Mended{Unplaced: 1}},
		{"out of range", []markup.Span{{3, 6}, {5, 7}, {-1, 1}}, "a b c d e", markup.Mended{Unplaced: 3}},
		{"largest numbers", []markup.Span{{0, 1<<63 - 1}, {1 << 62, 1<<63 - 1}, {0, -1 << 63}}, "a b c d e", markup.Mended{Unplaced: 3}},
	} {
		tokens := strings.Fields("a b c d e")
		spans, mended := markup.Place(nil, c.spans, len(tokens))
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
	spans, _ := markup.Place(nil, []markup.Span{{3, 5}, {0, 1}}, len(tokens))
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
		spans, mended := markup.Place(nil, []markup.Span{{a, b}, {c, d}}, len(tokens))
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

func TestASentenceInLineHasTheSpansOfTheSentence(t *testing.T) {
	const text = "a\r\nb\u2028\U0001f98a\tc \u0085\n"
	if got := markup.InLine(text, markup.Char); got != "a  b \U0001f98a\tc   " {
		t.Errorf("%q", got)
	}
	for text, unit := range map[string]markup.Unit{text: markup.Token, "a b\t": markup.Char} {
		if got := markup.InLine(text, unit); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}
