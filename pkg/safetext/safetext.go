// Package safetext makes text from other programs and from users safe to print and to
// store: a service's error messages, codes, file names, flag values. Such text may
// contain terminal escape sequences, characters that reorder a line, line breaks that
// forge a second line, or a secret.
package safetext

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxLine is the maximum length, in bytes, of a line that a program prints.
	MaxLine = 4096
	// MaxMessage is the maximum length, in bytes, of another program's message.
	MaxMessage = 500
	// maxCode is the maximum length of something that should be one word, such as an
	// error code.
	maxCode = 100
	// maxRead is how many bytes of a text are looked at.
	maxRead = 64 << 10
)

// Line makes s fit for one line of a terminal or a log: valid UTF-8, without control
// characters, terminal sequences, characters that reorder or hide text, and secrets. If
// the line is longer than [MaxLine] bytes, its middle is cut out.
func Line(s string) string {
	s = hide(plain(begin(s)), false)
	if len(s) <= MaxLine {
		return s
	}
	return head(s, MaxLine*3/4) + " … " + tail(s, MaxLine/4)
}

// Message makes another program's message fit to be stored in a record and printed as
// part of a line: like [Line], but with runs of white space replaced by single spaces,
// cut after [MaxMessage] bytes, and without anything that looks like a secret.
func Message(s string) string { return word(s, MaxMessage) }

// Code is [Message] for text that should be one word.
func Code(s string) string { return word(s, maxCode) }

func word(s string, most int) string {
	s = hide(strings.Join(strings.Fields(plain(begin(s))), " "), true)
	if len(s) > most {
		s = head(s, most) + "…"
	}
	return s
}

// begin returns the part of s that is looked at. It never ends in the middle of a word,
// since half a secret would not be recognised.
func begin(s string) string {
	if len(s) <= maxRead {
		return s
	}
	s = s[:maxRead]
	return s[:strings.LastIndexByte(s, ' ')+1]
}

// head returns at most n bytes from the beginning of s, in whole characters.
func head(s string, n int) string {
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// tail returns at most n bytes from the end of s, in whole characters.
func tail(s string, n int) string {
	i := len(s) - n
	for i < len(s) && !utf8.RuneStart(s[i]) {
		i++
	}
	return s[i:]
}

// plain removes everything that is not text.
func plain(s string) string {
	i := 0
	for i < len(s) && s[i] >= ' ' && s[i] <= '~' {
		i++
	}
	if i == len(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	b.WriteString(s[:i])
	for i < len(s) {
		if n := sequence(s[i:]); n > 0 {
			i += n
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		switch {
		case r == '\r' && strings.HasPrefix(s[i:], "\n"):
		case unicode.IsSpace(r) && r != '\u00a0' && r != '\u3000', unicode.IsControl(r), r == '\u2028', r == '\u2029':
			b.WriteByte(' ')
		case deceptive(r):
		default:
			b.WriteRune(r) // U+FFFD if it is not UTF-8
		}
	}
	return b.String()
}

// deceptive reports whether r is invisible or changes how other characters are shown.
// Joiners and direction marks are not deceptive: some scripts use them in ordinary text.
func deceptive(r rune) bool {
	switch {
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // directional embeddings, overrides, isolates
		return true
	case r == 0x200b, r >= 0x2060 && r <= 0x2064, r >= 0x206a && r <= 0x206f, r == 0xfeff, r >= 0xfff9 && r <= 0xfffb:
		return true
	}
	return r >= 0xe0000 && r <= 0xe0fff // tags and further variation selectors
}

// sequence returns the length of the terminal sequence at the beginning of s, or 0:
// ECMA-48 control sequences and strings, in 7-bit form or introduced by a C1 control.
func sequence(s string) int {
	kind, i := byte(0), 0
	switch {
	case len(s) >= 2 && s[0] == 0x1b:
		kind, i = s[1], 2
	case len(s) >= 2 && s[0] == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f:
		kind, i = s[1]-0x40, 2
	default:
		return 0
	}
	switch kind {
	case '[':
		for i < len(s) && s[i] >= 0x20 && s[i] <= 0x3f {
			i++
		}
		if i < len(s) && s[i] >= 0x40 && s[i] <= 0x7e {
			i++
		}
		return i
	case ']', 'P', 'X', '^', '_':
		// An unterminated string hides nothing, so only its introducer is removed.
		for j := i; j < len(s); j++ {
			switch {
			case s[j] == 0x07:
				return j + 1
			case strings.HasPrefix(s[j:], "\x1b\\"), strings.HasPrefix(s[j:], "\u009c"):
				return j + 2
			}
		}
		return i
	}
	if s[0] == 0xc2 {
		return 0 // another control character
	}
	for i = 1; i < len(s) && s[i] >= 0x20 && s[i] <= 0x2f; i++ {
	}
	if i < len(s) && s[i] >= 0x30 && s[i] <= 0x7e {
		return i + 1
	}
	return 0
}
