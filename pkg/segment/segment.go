// Package segment divides a text into sentences, each of which becomes one question to a
// model.
//
// [Sentences] starts from the sentence boundaries of Unicode (UAX #29) and corrects them
// with what that standard leaves to the language: abbreviations ("Dr. Li"), initials ("J.
// Smith"), ordinals ("am 3. Mai"), numbers of list items ("1. Rest"), quoted speech, and
// lines that were wrapped at a column. When in doubt it does not divide, because an entity
// that is cut in two is lost, while a longer sentence is only a longer question.
package segment

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"github.com/clipperhouse/uax29/v2/sentences"
)

// A Range is a part of a text: the half-open interval of bytes [Start, End).
type Range struct{ Start, End int }

// MaxLength is the greatest length of a sentence, in bytes, beyond which [Sentences]
// divides it elsewhere: after a line break, a semicolon, a comma, or a space, whichever is
// found first in the second half of that length, or else between two characters.
const MaxLength = 2000

// Sentences returns the sentences of text, in order. Between them, before the first and
// after the last, is only white space. None of them is empty.
//
// A blank line ends a sentence, and so does a line break, unless the line was wrapped: the
// next word would not have fitted into the longest line of the paragraph. No part of text
// in keep is divided, however long it is.
func Sentences(text string, keep []Range) []Range {
	var all []Range
	each(text, func(r Range) { all = appendSentences(all, text, r) })
	return limited(joined(all, keep), text, keep)
}

// Lines returns the lines of text that contain more than white space, without the white
// space at their ends. Lines with a common part in keep are one.
func Lines(text string, keep []Range) []Range {
	var all []Range
	lines(text, func(r Range) {
		if r = trimmed(text, r); r.Start < r.End {
			all = append(all, r)
		}
	})
	return joined(all, keep)
}

// Whole returns text as one sentence, without white space at its ends, or nothing if it
// contains nothing else.
func Whole(text string) []Range {
	if r := trimmed(text, Range{0, len(text)}); r.Start < r.End {
		return []Range{r}
	}
	return nil
}

// IsSpace reports whether c is white space: Unicode's, and U+001C to U+001F.
func IsSpace(c rune) bool { return unicode.IsSpace(c) || c >= 0x1c && c <= 0x1f }

// trimmed returns r without the white space at its ends.
func trimmed(text string, r Range) Range {
	r.Start += len(text[r.Start:r.End]) - len(strings.TrimLeftFunc(text[r.Start:r.End], IsSpace))
	r.End = r.Start + len(strings.TrimRightFunc(text[r.Start:r.End], IsSpace))
	return r
}

// joined joins the ranges of all that have a common part in keep.
func joined(all, keep []Range) []Range {
	if len(keep) == 0 {
		return all
	}
	keep = slices.Clone(keep)
	slices.SortFunc(keep, func(a, b Range) int { return a.Start - b.Start })
	out := all[:0]
	end, k := 0, 0 // of the parts that begin before the current range, the furthest end
	for _, r := range all {
		for ; k < len(keep) && keep[k].Start < r.Start; k++ {
			end = max(end, keep[k].End)
		}
		if n := len(out); n > 0 && end > r.Start {
			out[n-1].End = r.End
			continue
		}
		out = append(out, r)
	}
	return out
}

// limited divides what is too long.
func limited(all []Range, text string, keep []Range) []Range {
	if !slices.ContainsFunc(all, func(r Range) bool { return r.End-r.Start > MaxLength }) {
		return all
	}
	var out []Range
	for _, r := range all {
		for r.End-r.Start > MaxLength {
			at := place(text[:r.End], r.Start, keep)
			if at >= r.End {
				break
			}
			out = append(out, trimmed(text, Range{r.Start, at}))
			r = trimmed(text, Range{at, r.End})
		}
		if r.Start < r.End {
			out = append(out, r)
		}
	}
	return out
}

// place returns where to divide text[from:], which is too long and does not begin with
// white space.
func place(text string, from int, keep []Range) int {
	window := text[from : from+MaxLength]
	for _, after := range []string{"\n\r\u2028\u2029", ";；؛；", ",，、،", " \t\u00a0\u3000"} {
		for w := window; ; {
			i := strings.LastIndexAny(w, after)
			if i < MaxLength/2 {
				break
			}
			_, size := utf8.DecodeRuneInString(window[i:])
			if at := from + i + size; !inside(at, keep) && spaced(text, at, i, window) {
				return at
			}
			w = w[:i]
		}
	}
	// Between two characters as people see them, the last in the window, or the first
	// behind it if the window is one character or all of it must be kept.
	last := from
	chars := graphemes.FromString(text[from:])
	for chars.Next() {
		at := from + chars.End()
		if at-from > MaxLength && last > from {
			break
		}
		if !inside(at, keep) {
			last = at
			if at-from > MaxLength {
				break
			}
		}
	}
	if last == from {
		return len(text)
	}
	return last
}

// spaced reports whether the punctuation mark before at ends a part of the sentence: an
// ASCII one does only before white space ("1,000").
func spaced(text string, at, i int, window string) bool {
	if window[i] != ',' && window[i] != ';' {
		return true
	}
	c, _ := utf8.DecodeRuneInString(text[at:])
	return IsSpace(c)
}

func inside(at int, keep []Range) bool {
	return slices.ContainsFunc(keep, func(k Range) bool { return k.Start < at && at < k.End })
}

// lines calls f with each line of text, without its line break.
func lines(text string, f func(Range)) {
	from := 0
	for from < len(text) {
		i := strings.IndexAny(text[from:], "\n\r\v\f\u0085\u2028\u2029")
		if i < 0 {
			break
		}
		f(Range{from, from + i})
		_, size := utf8.DecodeRuneInString(text[from+i:])
		if strings.HasPrefix(text[from+i:], "\r\n") {
			size = 2
		}
		from += i + size
	}
	f(Range{from, len(text)})
}

// appendSentences appends the sentences of text[r.Start:r.End], in which line breaks count
// as spaces.
func appendSentences(dst []Range, text string, r Range) []Range {
	block := text[r.Start:r.End]
	if strings.ContainsAny(block, "\n\r") {
		block = strings.NewReplacer("\n", " ", "\r", " ").Replace(block) // of the same length
	}
	from := 0
	add := func(to int) {
		if s := trimmed(text, Range{r.Start + from, r.Start + to}); s.Start < s.End {
			dst = append(dst, s)
		}
		from = to
	}
	parts := sentences.FromString(block)
	for parts.Next() {
		part := block[parts.Start():parts.End()]
		for i := 0; ; {
			n := hidden(part[i:])
			if n < 0 {
				break
			}
			i += n
			if at := parts.Start() + i; dividesHidden(block[from:at], block[at:]) {
				add(at)
			}
		}
		if at := parts.End(); at < len(block) {
			if at = adjusted(block, from, at); divides(block, from, at) {
				add(at)
			}
		}
	}
	add(len(block))
	return dst
}
