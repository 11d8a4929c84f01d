package segment

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Lines of which nothing shows that they were wrapped: those shorter than this, in code
// points, before a lower-case letter and before other characters.
const (
	minWrapped      = 40
	minWrappedUpper = 60
)

// each calls f with each run of lines of text that belong together.
func each(text string, f func(Range)) {
	var paragraph []Range
	flush := func() {
		width := 0
		for _, r := range paragraph {
			width = max(width, columns(text, r))
		}
		for i := 0; i < len(paragraph); {
			r := paragraph[i]
			for i++; i < len(paragraph) && wrapped(text, paragraph[i-1], paragraph[i], width); i++ {
				r.End = paragraph[i].End
			}
			f(r)
		}
		paragraph = paragraph[:0]
	}
	end := 0
	lines(text, func(r Range) {
		t := trimmed(text, r)
		if t.Start == t.End || len(paragraph) > 0 && strings.ContainsAny(text[end:r.Start], "\v\f\u0085\u2028\u2029") {
			flush()
		}
		if t.Start < t.End {
			paragraph = append(paragraph, t)
		}
		end = r.End
	})
	flush()
}

func columns(text string, r Range) int { return utf8.RuneCountInString(text[r.Start:r.End]) }

// wrapped reports whether the line next continues the line before it, in a paragraph whose
// longest line has width code points.
func wrapped(text string, before, next Range, width int) bool {
	line := text[next.Start:next.End]
	if isItem(line) {
		return false
	}
	first, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(line, unicode.IsPunct))
	word := strings.IndexFunc(line, IsSpace)
	if word < 0 {
		word = len(line)
	}
	length, least := columns(text, before), minWrappedUpper
	if unicode.IsLower(first) {
		least = minWrapped
	}
	return length >= least && length+1+utf8.RuneCountInString(line[:word]) > width
}

// isItem reports whether a line is an item of a list.
func isItem(line string) bool {
	word, _, _ := strings.Cut(line, " ")
	switch word {
	case "-", "–", "—", "*", "+", "•", "·", "‣", "▪", "◦", "●", "o", "#":
		return true
	}
	number := strings.TrimRight(strings.TrimLeft(word, "("), ".):")
	return number != word && number != "" && len(number) <= 3 && strings.Trim(number, "0123456789") == ""
}
