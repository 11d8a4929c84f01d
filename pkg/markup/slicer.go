package markup

import (
	"strings"

	"nertools/pkg/tags"
)

// A Slicer returns what the spans of a sentence contain. Call Reset before use. It is not
// safe for concurrent use.
type Slicer struct {
	text   string
	unit   Unit
	tokens []string
	starts []int // of the characters in text, and its length
}

// Reset prepares s for a sentence whose spans count unit, reusing its memory.
func (s *Slicer) Reset(text string, unit Unit) {
	s.text, s.unit, s.tokens = text, unit, s.tokens[:0]
	if unit == Token {
		s.tokens = AppendTokens(s.tokens, text)
		return
	}
	s.starts = s.starts[:0]
	for i := range text {
		s.starts = append(s.starts, i)
	}
	s.starts = append(s.starts, len(text))
}

// Len returns the number of tokens or characters.
func (s *Slicer) Len() int {
	if s.unit == Token {
		return len(s.tokens)
	}
	return len(s.starts) - 1
}

// Text returns the text of a span: characters as the sentence has them, or tokens joined by
// single spaces.
func (s *Slicer) Text(sp Span) string {
	if s.unit == Token {
		return strings.Join(s.tokens[sp.Start:sp.End], " ")
	}
	return s.text[s.starts[sp.Start]:s.starts[sp.End]]
}

// AppendMarked appends the sentence with the spans, which must come from [Place], marked:
// as it is if they count characters, otherwise its tokens joined by single spaces.
func (s *Slicer) AppendMarked(dst []byte, spans []Span) []byte {
	if s.unit == Token {
		return AppendMarked(dst, s.tokens, spans)
	}
	done := 0
	for _, sp := range spans {
		start, end := s.starts[sp.Start], s.starts[sp.End]
		dst = append(append(dst, s.text[done:start]...), Open...)
		dst = append(append(dst, s.text[start:end]...), Close...)
		done = end
	}
	return append(dst, s.text[done:]...)
}

// AppendTagged appends the sentence as AppendMarked does, but each span in the tags of the
// label with its index, see [tags.Append]. Spans of different labels may be nested, cross
// or be equal.
func (s *Slicer) AppendTagged(dst []byte, spans []Span, labels []string) []byte {
	text, starts := s.text, s.starts
	if s.unit == Token {
		text, starts = strings.Join(s.tokens, " "), make([]int, 0, len(s.tokens)+1)
		at := 0
		for _, token := range s.tokens {
			starts = append(starts, at)
			at += len(token) + 1
		}
		starts = append(starts, at)
	}
	elements := make([]tags.Element, len(spans))
	for i, sp := range spans {
		end := starts[sp.End]
		if s.unit == Token {
			end-- // the space
		}
		elements[i] = tags.Element{Label: labels[i], Start: starts[sp.Start], End: end}
	}
	return tags.Append(dst, text, elements, false)
}
