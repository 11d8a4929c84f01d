package corpus

import (
	"strings"
	"unicode/utf8"

	"nertools/pkg/markup"
	"nertools/pkg/record"
)

// Offsets locates the spans of a sentence in its text. Call [Offsets.Reset] before use.
// It is for one goroutine at a time.
type Offsets struct {
	in     record.Position
	unit   markup.Unit
	tokens []place
	starts []int // if unit is [markup.Char]: the byte offset of each code point, and the text's length
	chars  int   // in the text
}

// place is the position of a token: half-open, in bytes and in code points.
type place struct{ start, end, startChar, endChar int }

// Reset prepares o for s, reusing its memory. It takes time linear in the length of the
// text.
func (o *Offsets) Reset(s *Sentence) {
	o.in, o.unit, o.tokens = s.Position, s.Unit, o.tokens[:0]
	if s.Unit == markup.Char {
		o.starts = o.starts[:0]
		for i := range s.Text {
			o.starts = append(o.starts, i)
		}
		o.chars = len(o.starts)
		o.starts = append(o.starts, len(s.Text))
		return
	}
	pos, chars := 0, 0
	for _, token := range s.Tokens {
		// Between tokens there is only white space, and tokens contain none.
		start := pos + strings.Index(s.Text[pos:], token)
		p := place{start: start, end: start + len(token)}
		p.startChar = chars + utf8.RuneCountInString(s.Text[pos:start])
		p.endChar = p.startChar + utf8.RuneCountInString(token)
		o.tokens = append(o.tokens, p)
		pos, chars = p.end, p.endChar
	}
	o.chars = chars + utf8.RuneCountInString(s.Text[pos:])
}

// Bytes returns the span's position in the text: byte offsets, half-open.
func (o *Offsets) Bytes(s markup.Span) (start, end int) {
	if o.unit == markup.Char {
		return o.starts[s.Start], o.starts[s.End]
	}
	return o.tokens[s.Start].start, o.tokens[s.End-1].end
}

// Chars returns the span's position in the text: offsets in Unicode code points,
// half-open. A byte that is not UTF-8 counts as one code point, like the U+FFFD written
// for it.
func (o *Offsets) Chars(s markup.Span) (start, end int) {
	if o.unit == markup.Char {
		return s.Start, s.End
	}
	return o.tokens[s.Start].startChar, o.tokens[s.End-1].endChar
}

// InDocument returns the span's position in the document of the sentence: offsets in code
// points after a byte order mark, and in bytes from the start of the file.
func (o *Offsets) InDocument(s markup.Span) (start, end, startByte, endByte int) {
	start, end = o.Chars(s)
	startByte, endByte = o.Bytes(s)
	return o.in.Chars + start, o.in.Chars + end, o.in.Bytes + startByte, o.in.Bytes + endByte
}
