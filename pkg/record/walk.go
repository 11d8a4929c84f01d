package record

import (
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// Walk calls member for each member of the JSON object s. key and value are raw JSON:
// strings include their quotes and escapes. at is the offset of the value. Walk reports
// whether s is one valid JSON object, apart from surrounding white space. If not, member
// may already have been called for what precedes the fault.
func Walk(s string, member func(key, value string, at int)) bool {
	i := skipSpace(s, 0)
	if i == len(s) || s[i] != '{' {
		return false
	}
	i = scanObject(s, i, 0, member)
	return i >= 0 && skipSpace(s, i) == len(s)
}

// WalkFirst is like [Walk] for the JSON object with which s begins, whatever follows it.
// It returns the length of the object, or -1 if s does not begin with a valid one.
func WalkFirst(s string, member func(key, value string, at int)) int {
	if s == "" || s[0] != '{' {
		return -1
	}
	return scanObject(s, 0, 0, member)
}

// ValidJSON reports whether b is one JSON value whose nesting is no deeper than
// encoding/json accepts.
func ValidJSON(b []byte) bool {
	s := unsafe.String(unsafe.SliceData(b), len(b))
	i := scanValue(s, skipSpace(s, 0), 0)
	return i >= 0 && skipSpace(s, i) == len(s)
}

// maxDepth is how deeply encoding/json lets arrays and objects be nested.
const maxDepth = 10_000

func skipSpace(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r') {
		i++
	}
	return i
}

// scanValue returns the end of the JSON value that begins at i, or -1 if no valid value begins there.
// The other scanners do the same.
func scanValue(s string, i, depth int) int {
	if i >= len(s) {
		return -1
	}
	switch c := s[i]; {
	case c == '"':
		return scanString(s, i)
	case c == '{':
		return scanObject(s, i, depth, nil)
	case c == '[':
		return scanArray(s, i, depth)
	case c == '-' || c >= '0' && c <= '9':
		return scanNumber(s, i)
	}
	for _, word := range [...]string{"null", "true", "false"} {
		if strings.HasPrefix(s[i:], word) {
			return i + len(word)
		}
	}
	return -1
}

func scanObject(s string, i, depth int, member func(key, value string, at int)) int {
	if depth == maxDepth {
		return -1
	}
	i = skipSpace(s, i+1)
	if i < len(s) && s[i] == '}' {
		return i + 1
	}
	for i < len(s) && s[i] == '"' {
		key := i
		if i = scanString(s, i); i < 0 {
			return -1
		}
		keyEnd := i
		if i = skipSpace(s, i); i == len(s) || s[i] != ':' {
			return -1
		}
		value := skipSpace(s, i+1)
		if i = scanValue(s, value, depth+1); i < 0 {
			return -1
		}
		if member != nil {
			member(s[key:keyEnd], s[value:i], value)
		}
		i = skipSpace(s, i)
		switch {
		case i < len(s) && s[i] == ',':
			i = skipSpace(s, i+1)
		case i < len(s) && s[i] == '}':
			return i + 1
		default:
			return -1
		}
	}
	return -1
}

func scanArray(s string, i, depth int) int {
	if depth == maxDepth {
		return -1
	}
	i = skipSpace(s, i+1)
	if i < len(s) && s[i] == ']' {
		return i + 1
	}
	for {
		if i = scanValue(s, i, depth+1); i < 0 {
			return -1
		}
		i = skipSpace(s, i)
		switch {
		case i < len(s) && s[i] == ',':
			i = skipSpace(s, i+1)
		case i < len(s) && s[i] == ']':
			return i + 1
		default:
			return -1
		}
	}
}

func scanString(s string, i int) int {
	for i++; ; {
		for i+8 <= len(s) {
			if m := special8(load8(s[i : i+8])); m != 0 {
				i += bits.TrailingZeros64(m) / 8
				break
			}
			i += 8
		}
		for i < len(s) && s[i] >= ' ' && s[i] != '"' && s[i] != '\\' {
			i++
		}
		switch {
		case i >= len(s) || s[i] < ' ':
			return -1
		case s[i] == '"':
			return i + 1
		case i+1 >= len(s):
			return -1
		case s[i+1] == 'u':
			if i+6 > len(s) || !isHex(s[i+2]) || !isHex(s[i+3]) || !isHex(s[i+4]) || !isHex(s[i+5]) {
				return -1
			}
			i += 6
		case strings.IndexByte(`"\/bfnrt`, s[i+1]) >= 0:
			i += 2
		default:
			return -1
		}
	}
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func scanNumber(s string, i int) int {
	if s[i] == '-' {
		i++
	}
	switch first := i; {
	case i < len(s) && s[i] == '0':
		i++
	default:
		if i = skipDigits(s, i); i == first {
			return -1
		}
	}
	if i < len(s) && s[i] == '.' {
		first := i + 1
		if i = skipDigits(s, first); i == first {
			return -1
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		first := i
		if i = skipDigits(s, first); i == first {
			return -1
		}
	}
	return i
}

func skipDigits(s string, i int) int {
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return i
}

// load8 returns the first 8 bytes of s, with the first in the lowest byte.
func load8(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// special8 sets the high bit of each byte of w that is below space, a quote or a
// backslash. Only the lowest bit set is reliable.
func special8(w uint64) uint64 {
	quote, slash := w^ones*'"', w^ones*'\\'
	return ((w-ones*0x20)&^w | (quote-ones)&^quote | (slash-ones)&^slash) & highs
}

// Unquote decodes raw, a valid JSON string including its quotes. Half a surrogate pair
// becomes U+FFFD. If there are no escapes, the result shares raw's memory.
func Unquote(raw string) string { return Unescape(raw[1 : len(raw)-1]) }

// Unescape is [Unquote] for what is between the quotes.
func Unescape(s string) string {
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
	return unsafe.String(unsafe.SliceData(b), len(b)) // nothing else refers to b
}

var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// appendEscaped appends the character that the \u escape at the beginning of s encodes,
// or the character that a surrogate pair encodes, and returns the length of the escapes.
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
		return utf8.RuneError // does not occur in a valid string
	}
	return rune(n)
}
