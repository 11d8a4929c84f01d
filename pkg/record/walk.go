package record

import (
	"iter"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// Members iterates over the members of a JSON object that [ValidJSON] accepts,
// which may not begin with white space. Keys and values are the bytes of the
// object, strings with their quotes and escapes.
func Members(obj string) iter.Seq2[string, string] {
	return func(yield func(key, value string) bool) {
		i := skipSpace(obj, 0) + 1
		for {
			i = skipSpace(obj, i)
			if obj[i] == '}' {
				return
			}
			if obj[i] == ',' {
				i = skipSpace(obj, i+1)
			}
			k := valueEnd(obj, i)
			key := obj[i:k]
			i = skipSpace(obj, skipSpace(obj, k)+1) // over the colon
			k = valueEnd(obj, i)
			if !yield(key, obj[i:k]) {
				return
			}
			i = k
		}
	}
}

func skipSpace(s string, i int) int {
	for s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r' {
		i++
	}
	return i
}

// valueEnd is where the valid JSON value that begins at i ends.
func valueEnd(s string, i int) int {
	depth := 0
	for {
		switch s[i] {
		case '"':
			i = stringEnd(s, i)
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i // of a number that the object or array ends behind
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return i
			}
		}
		i++
	}
}

// stringEnd is where the valid JSON string that begins at i ends.
func stringEnd(s string, i int) int {
	for i++; ; i++ {
		i += strings.IndexByte(s[i:], '"')
		slashes := 0
		for s[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i + 1
		}
	}
}

// Unquote is the text of a valid JSON string, quotes and all. Half a surrogate
// pair becomes U+FFFD. Without escapes it shares raw's memory.
func Unquote(raw string) string {
	s := raw[1 : len(raw)-1]
	i := strings.IndexByte(s, '\\')
	if i < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i >= 0 {
		b = append(b, s[:i]...)
		switch c := s[i+1]; c {
		case 'u':
			var size int
			b, size = appendEscaped(b, s[i:])
			s = s[i+size:]
		default:
			b = append(b, unescaped[c])
			s = s[i+2:]
		}
		i = strings.IndexByte(s, '\\')
	}
	b = append(b, s...)
	return unsafe.String(unsafe.SliceData(b), len(b)) // nobody else holds b
}

var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// appendEscaped appends the character that the \u escape in front of s stands
// for, or the two of a surrogate pair, and tells how long they are.
func appendEscaped(b []byte, s string) ([]byte, int) {
	r := hex4(s)
	if utf16.IsSurrogate(r) {
		if len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
			if pair := utf16.DecodeRune(r, hex4(s[6:])); pair != utf8.RuneError {
				return utf8.AppendRune(b, pair), 12
			}
		}
		r = utf8.RuneError
	}
	return utf8.AppendRune(b, r), 6
}

func hex4(s string) rune {
	n, err := strconv.ParseUint(s[2:6], 16, 32)
	if err != nil {
		return utf8.RuneError // never in a valid string
	}
	return rune(n)
}
