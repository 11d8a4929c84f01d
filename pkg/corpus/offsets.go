package corpus

import (
	"strings"
	"unicode/utf8"

	"nertools/pkg/markup"
)

// Offsets tells where the tokens of a sentence stand in its text. The zero
// value is to be [Offsets.Reset]; it serves one goroutine at a time.
type Offsets struct {
	tokens []place
	chars  int // of the text
}

// place is where a token stands: half-open, in bytes and in code points.
type place struct{ start, end, startChar, endChar int }

// Reset makes o those of s, reusing its memory. It takes time in proportion to
// the text, whatever is asked afterwards.
func (o *Offsets) Reset(s *Sentence) {
	o.tokens = o.tokens[:0]
	pos, chars := 0, 0
	for _, token := range s.Tokens {
		// Between tokens stands white space only, of which they hold none.
		start := pos + strings.Index(s.Text[pos:], token)
		p := place{start: start, end: start + len(token)}
		p.startChar = chars + utf8.RuneCountInString(s.Text[pos:start])
		p.endChar = p.startChar + utf8.RuneCountInString(token)
		o.tokens = append(o.tokens, p)
		pos, chars = p.end, p.endChar
	}
	o.chars = chars + utf8.RuneCountInString(s.Text[pos:])
}

// Bytes gives where the span stands in the text, in bytes, half-open.
func (o *Offsets) Bytes(s markup.Span) (start, end int) {
	return o.tokens[s.Start].start, o.tokens[s.End-1].end
}

// Chars gives where the span stands in the text, in Unicode code points,
// half-open. A byte that is not UTF-8 counts as one, like the U+FFFD that is
// written for it.
func (o *Offsets) Chars(s markup.Span) (start, end int) {
	return o.tokens[s.Start].startChar, o.tokens[s.End-1].endChar
}
