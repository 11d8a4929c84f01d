package corpus

import (
	"slices"
	"sort"
	"strings"

	"nertools/pkg/markup"
)

// appendWords appends the words of a text sentence: those of Unicode (UAX #29), split wherever
// one of its entities or of those beside them begins or ends.
func appendWords(dst []markup.Word, s *Sentence) []markup.Word {
	var edges []int
	for _, list := range [][]Entity{s.Entities, s.Beside} {
		for _, e := range list {
			edges = append(edges, e.Start, e.End)
		}
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	for _, w := range markup.AppendWords(nil, s.Text) {
		for len(edges) > 0 && edges[0] <= w.Start {
			edges = edges[1:]
		}
		for len(edges) > 0 && edges[0] < w.End {
			from := byteAt(w.Text, edges[0]-w.Start)
			dst = append(dst, markup.Word{Span: markup.Span{Start: w.Start, End: edges[0]}, Text: w.Text[:from]})
			w.Start, w.Text = edges[0], w.Text[from:]
			edges = edges[1:]
		}
		dst = append(dst, w)
	}
	return dst
}

// byteAt returns where character n of text begins.
func byteAt(text string, n int) int {
	for i := range text {
		if n == 0 {
			return i
		}
		n--
	}
	return len(text)
}

// inWords returns the words that a span of characters covers.
func inWords(words []markup.Word, chars markup.Span) markup.Span {
	return markup.Span{
		Start: sort.Search(len(words), func(i int) bool { return words[i].End > chars.Start }),
		End:   sort.Search(len(words), func(i int) bool { return words[i].Start >= chars.End }),
	}
}

// tokenised returns a text sentence as one of tokens, with the given ones of its entities.
func tokenised(s *Sentence, entities []Entity) *Sentence {
	words := appendWords(nil, s)
	t := &Sentence{ID: s.ID}
	for _, w := range words {
		t.Tokens = append(t.Tokens, w.Text)
	}
	t.Text = strings.Join(t.Tokens, " ")
	for _, e := range entities {
		if e.Span = inWords(words, e.Span); e.Start < e.End {
			t.Entities = append(t.Entities, e)
		}
	}
	return t
}
