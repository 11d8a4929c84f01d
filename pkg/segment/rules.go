package segment

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// adjusted returns a better place for the boundary at of a sentence that begins at from.
func adjusted(block string, from, at int) int {
	head := strings.TrimRightFunc(block[from:at], IsSpace)
	c, size := utf8.DecodeLastRuneInString(head)
	if opens := unicode.Is(unicode.Ps, c) || unicode.Is(unicode.Pi, c) && len(head) == at-from; opens && len(head) > size {
		if after := reference(block[at-1:]); c != '[' || after == 0 { // "text.(Then", "。“次"
			return from + len(head) - size
		}
		at--
	}
	// "text. [12] Then", "« Why? » Then", "text . . . Then", "text! 😀 Then"
	for _, skip := range []func(string) int{reference, closing, emoji, func(s string) int { return quote(block[from:at], s) }} {
		if n := skip(block[at:]); n > 0 {
			at += n
			at += len(block[at:]) - len(strings.TrimLeftFunc(block[at:], IsSpace))
		}
	}
	return at
}

// hidden returns the place of the first word in s that follows a full stop and a space and
// begins with a digit or a lower-case letter, or -1. Unicode does not divide before it ("...
// at home. 30 minutes later ...").
func hidden(s string) int {
	for i := 0; ; i++ {
		n := strings.Index(s[i:], ". ")
		if n < 0 {
			return -1
		}
		i += n
		at := i + 1 + len(s[i+1:]) - len(strings.TrimLeft(s[i+1:], " "))
		if c := firstRune(s[at:]); c >= '0' && c <= '9' || unicode.IsLower(c) {
			return at
		}
	}
}

// dividesHidden reports whether left, which ends in a full stop and spaces, ends a sentence
// before such a word: a longer word precedes it that is no abbreviation, and a number or a
// word that often begins a sentence follows, or the sentence itself begins with a lower-case
// letter.
func dividesHidden(left, right string) bool {
	left = strings.TrimRight(left, " ")
	_, word := lastWord(left[:len(left)-1])
	if utf8.RuneCountInString(word) < 4 || strings.IndexByte(word, '.') >= 0 || abbreviations[strings.ToLower(word)] != 0 || !hasWord(left) {
		return false
	}
	return !unicode.IsLower(firstRune(right)) || starters[firstWord(right)] || unicode.IsLower(firstRune(firstWord(left)))
}

// reference returns the length of a number in brackets at the beginning of s, or 0.
func reference(s string) int {
	if !strings.HasPrefix(s, "[") {
		return 0
	}
	number, _, ok := strings.Cut(s[1:min(len(s), 32)], "]")
	if !ok || number == "" || strings.Trim(number, "0123456789,–- ") != "" {
		return 0
	}
	return len(number) + 2
}

// closing returns the length of the closing brackets, closing quotation marks and full
// stops at the beginning of s.
func closing(s string) int {
	rest := strings.TrimLeftFunc(s, func(c rune) bool { return unicode.In(c, unicode.Pe, unicode.Pf) || c == '.' })
	if c := firstRune(rest); len(rest) < len(s) && s[len(s)-len(rest)-1] == '.' && !IsSpace(c) {
		return 0 // ".25"
	}
	return len(s) - len(rest)
}

// emoji returns the length of the emoji at the beginning of s.
func emoji(s string) int {
	rest := strings.TrimLeftFunc(s, func(c rune) bool {
		return c >= 0x1f000 && c < 0x1fb00 || c == 0x200d || c == 0xfe0f || c >= 0x2600 && c < 0x2800
	})
	if len(rest) < len(s) && len(rest) > 0 && !IsSpace(firstRune(rest)) {
		return 0
	}
	return len(s) - len(rest)
}

// quote returns 1 if s begins with the second one of a pair of quotation marks.
func quote(left, s string) int {
	if strings.HasPrefix(s, `" `) && strings.Count(left, `"`)%2 == 1 {
		return 1
	}
	return 0
}

// divides reports whether a sentence of block that begins at from ends at the boundary at.
func divides(block string, from, at int) bool {
	if at <= from {
		return false
	}
	left, right := strings.TrimRightFunc(block[from:at], IsSpace), block[at:]
	if !hasWord(left) || !hasWord(right) {
		return false
	}
	head := strings.TrimRightFunc(left, isCloser)
	closed := left[len(head):]
	end, size := utf8.DecodeLastRuneInString(head)
	if end < utf8.RuneSelf && closed == "" && len(left) == at-from && right[0] < utf8.RuneSelf {
		return false // "/find?q=1", "v2.B"
	}
	next := firstWord(right)
	first, _ := utf8.DecodeRuneInString(next)
	switch end {
	case '!', '?', '！', '？', '…', '‽', '⁇', '⁈', '⁉':
		return (closed == "" || !unicode.IsLower(first)) && !reported(closed, right) // "Stop!" he said.
	case '。', '．', '｡':
		return !reported(closed, right)
	case '.', '․':
	default:
		return true
	}
	if unicode.IsLower(first) {
		return false
	}
	if strings.Trim(closed, ")]") != "" {
		return true
	}
	return !continues(head[:len(head)-size], next)
}

// hasWord reports whether s contains a letter or a digit.
func hasWord(s string) bool {
	return strings.ContainsFunc(s, func(c rune) bool { return unicode.IsLetter(c) || unicode.IsNumber(c) })
}

// isCloser reports whether c may stand between a full stop and the end of its sentence.
func isCloser(c rune) bool {
	return c == '"' || c == '\'' || unicode.In(c, unicode.Pe, unicode.Pf, unicode.Pi)
}

// reported reports whether quoted speech is followed by what says that it was said.
func reported(closed, right string) bool {
	if !strings.HasSuffix(closed, "」") && !strings.HasSuffix(closed, "』") {
		return false
	}
	for _, s := range []string{"と", "って", "という", "の", "を", "が", "は", "に", "も", "で", "、"} {
		if strings.HasPrefix(right, s) {
			return true
		}
	}
	return false
}

// firstWord returns the first word of s.
func firstWord(s string) string {
	s = strings.TrimLeftFunc(s, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsNumber(c) })
	if i := strings.IndexFunc(s, func(c rune) bool { return !isWordRune(c) }); i >= 0 {
		s = s[:i]
	}
	return s
}

func isWordRune(c rune) bool {
	return unicode.IsLetter(c) || unicode.IsNumber(c) || unicode.IsMark(c) || c == '\'' || c == '’'
}

// lastWord returns the last word of s, which may contain full stops, and what precedes it.
func lastWord(s string) (before, word string) {
	i := strings.LastIndexFunc(s, func(c rune) bool { return !isWordRune(c) && c != '.' })
	if i >= 0 {
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	i = max(i, 0)
	return s[:i], s[i:]
}

// continues reports whether the sentence goes on behind the full stop that follows left,
// with the word next, which does not begin with a lower-case letter.
func continues(left, next string) bool {
	before, word := lastWord(left)
	if word == "" {
		return false // an ellipsis, or a full stop on its own
	}
	begins := starters[strings.ToLower(next)] && next != strings.ToUpper(next) || len(next) == 1 && starters[next]
	digit := next != "" && next[0] >= '0' && next[0] <= '9'
	low := strings.ToLower(word)
	kind := abbreviations[low]
	if utf8.RuneCountInString(word) == 1 && word != low {
		kind = 0 // an initial
	}
	switch {
	case kind == title:
		return true
	case kind == numbered:
		return digit || isRoman(next)
	case kind == dated:
		return digit
	case kind == ending:
		return !begins
	}
	switch {
	case isNumber(word):
		return len(word) <= 3 && strings.TrimSpace(before) == "" || // 1. Rest
			len(word) <= 2 && (ordinal[lowLast(before)] || months[strings.ToLower(next)])
	case strings.TrimSpace(before) == "" && (utf8.RuneCountInString(word) == 1 || isRoman(word) && len(word) <= 4 && word == low):
		return !begins || word == low // a. Rest
	case dotted(word):
		return !begins
	case utf8.RuneCountInString(word) == 1 && unicode.IsLetter(firstRune(word)):
		return initial(before, word, begins)
	}
	return false
}

// initial reports whether a single letter and a full stop abbreviate something.
func initial(before, word string, begins bool) bool {
	if begins {
		return false
	}
	if word == "I" { // you and I.
		return unicode.IsUpper(firstRune(lastOf(before)))
	}
	return !lettered[lowLast(before)]
}

func lastOf(s string) string {
	_, word := lastWord(strings.TrimRightFunc(s, IsSpace))
	return word
}

func lowLast(s string) string { return strings.ToLower(lastOf(s)) }

func firstRune(s string) rune {
	c, _ := utf8.DecodeRuneInString(s)
	return c
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func isRoman(s string) bool { return s != "" && strings.Trim(strings.ToUpper(s), "IVXLC") == "" }

// dotted reports whether word consists of letters, or pairs of them, with full stops
// between them: "U.S", "p.m", "Ph.D".
func dotted(word string) bool {
	parts := strings.Split(word, ".")
	for _, p := range parts {
		if n := utf8.RuneCountInString(p); n < 1 || n > 2 || !unicode.IsLetter(firstRune(p)) {
			return false
		}
	}
	return len(parts) > 1
}
