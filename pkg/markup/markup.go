// Package markup writes sentences with their entities marked as "@@entity##", and aligns
// the marked sentences in a model's answers with the original sentences.
package markup

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Open and Close are the marks before and after an entity.
const (
	Open  = "@@"
	Close = "##"
)

// AppendTokens appends the tokens of s, split as Python's str.split() does: at
// Unicode white space and at U+001C to U+001F. The positions in MRC files count
// these tokens. The tokens share s's memory.
func AppendTokens(dst []string, s string) []string {
	start := -1
	for i := 0; i < len(s); {
		c := s[i]
		space, size := asciiSpace[c], 1
		if c >= utf8.RuneSelf {
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			space = unicode.IsSpace(r)
		}
		switch {
		case !space && start < 0:
			start = i
		case space && start >= 0:
			dst = append(dst, s[start:i])
			start = -1
		}
		i += size
	}
	if start >= 0 {
		dst = append(dst, s[start:])
	}
	return dst
}

// JoinTokens returns the tokens of s joined by single spaces.
func JoinTokens(s string) string {
	if SingleSpaced(s) {
		return s
	}
	return strings.Join(AppendTokens(nil, s), " ")
}

// SingleSpaced reports whether s is its tokens joined by single spaces.
func SingleSpaced(s string) bool {
	space := true // as if one stood in front
	for i := 0; i < len(s); {
		c := s[i]
		size := 1
		switch {
		case c == ' ' && space, c != ' ' && asciiSpace[c]:
			return false
		case c >= utf8.RuneSelf:
			var r rune
			if r, size = utf8.DecodeRuneInString(s[i:]); unicode.IsSpace(r) {
				return false
			}
		}
		space = c == ' '
		i += size
	}
	return !space || s == ""
}

var asciiSpace = [256]bool{
	'\t': true, '\n': true, '\v': true, '\f': true, '\r': true, ' ': true,
	0x1c: true, 0x1d: true, 0x1e: true, 0x1f: true,
}

// A Unit is what the positions of a [Span] count.
type Unit uint8

// The units.
const (
	Token Unit = iota // tokens, as [AppendTokens] splits the sentence
	Char              // Unicode code points of the sentence; a byte that is not UTF-8 counts as one
)

// Span is the half-open interval [Start, End) of a sentence. Its [Unit] is that of the
// sentence.
type Span struct{ Start, End int }

// InLine returns text as prompts show it: in rows whose spans count characters, each code
// point of a line break is replaced by a space, because prompts have a sentence on a line.
// Spans of text are also spans of the result.
func InLine(text string, unit Unit) string {
	const breaks = "\n\r\v\f\u0085\u2028\u2029"
	if unit == Token || !strings.ContainsAny(text, breaks) {
		return text
	}
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune(breaks, c) {
			return ' '
		}
		return c
	}, text)
}

// Compare orders spans by Start, and spans with the same Start from long to short.
func (s Span) Compare(t Span) int {
	return cmp.Or(cmp.Compare(s.Start, t.Start), cmp.Compare(t.End, s.End))
}

// Mended counts the repairs that [Place] made to the spans of one row.
type Mended struct {
	Unsorted    bool // the spans were not in order
	Duplicate   int  // left out: the same span again
	Overlapping int  // left out: inside or across a longer one
	Unplaced    int  // left out: beyond the sentence, or ending before its start
}

// Any reports whether anything was repaired.
func (m Mended) Any() bool { return m != Mended{} }

// Place appends to dst, in order, the spans that can be marked together in a sentence of
// n tokens. Of overlapping spans it keeps the longest, of equally long ones the first.
func Place(dst, spans []Span, n int) ([]Span, Mended) {
	var m Mended
	base := len(dst)
	for _, s := range spans {
		if s.Start < 0 || s.End <= s.Start || s.End > n {
			m.Unplaced++
			continue
		}
		dst = append(dst, s)
	}
	placed := dst[base:]
	m.Unsorted = !slices.IsSortedFunc(placed, Span.Compare)
	if !m.Unsorted && apart(placed) {
		return dst, m
	}
	slices.SortFunc(placed, longestFirst)
	kept := placed[:0]
	for i, s := range placed {
		switch {
		case i > 0 && slices.Contains(kept, s):
			m.Duplicate++
		case slices.ContainsFunc(kept, s.overlaps):
			m.Overlapping++
		default:
			kept = append(kept, s)
		}
	}
	slices.SortFunc(kept, Span.Compare)
	return dst[:base+len(kept)], m
}

func longestFirst(a, b Span) int {
	return cmp.Or(cmp.Compare(b.End-b.Start, a.End-a.Start), cmp.Compare(a.Start, b.Start))
}

func (s Span) overlaps(t Span) bool { return s.Start < t.End && t.Start < s.End }

func apart(spans []Span) bool {
	for i := 1; i < len(spans); i++ {
		if spans[i].Start < spans[i-1].End {
			return false
		}
	}
	return true
}

// AppendMarked appends the tokens joined by single spaces, with the spans marked. The
// spans must come from [Place].
func AppendMarked(dst []byte, tokens []string, spans []Span) []byte {
	next := 0
	for i, token := range tokens {
		if i > 0 {
			dst = append(dst, ' ')
		}
		if next < len(spans) && spans[next].Start == i {
			dst = append(dst, Open...)
		}
		dst = append(dst, token...)
		if next < len(spans) && spans[next].End == i+1 {
			dst = append(dst, Close...)
			next++
		}
	}
	return dst
}
