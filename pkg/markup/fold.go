package markup

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/rangetable"
)

// plainASCII holds the lower case of the ASCII characters that count for
// themselves, and 0 for all other bytes.
var plainASCII = func() (plain [256]byte) {
	for c := byte(1); c < utf8.RuneSelf; c++ {
		switch {
		case asciiSpace[c], c == '"', c == '`', c == '-', c == '\\', c == '&':
		case 'A' <= c && c <= 'Z':
			plain[c] = c + 'a' - 'A'
		default:
			plain[c] = c
		}
	}
	return plain
}()

// appendSign appends what the ASCII character at the start of rest counts for if
// it is not plain, and returns how many bytes of rest that is. The token that
// rest is of begins at start of dst.
//
// A double quote counts as two single ones, so that ", ” and the Penn Treebank's
// “ and ” are the same however they were tokenised. A run of dashes in one
// token counts as one, so that -- is an em dash. Brackets may be spelt -LRB-, and
// a backslash before punctuation does not count: the treebank writes \/ and \*.
func appendSign(dst []byte, start int, rest []byte) ([]byte, int) {
	switch c := rest[0]; c {
	case '"':
		return append(dst, "''"...), 1
	case '`':
		return append(dst, '\''), 1
	case '-':
		if b := bracket(rest); b != 0 {
			return append(dst, b), len("-LRB-")
		}
		return appendDash(dst, start), 1
	case '\\':
		if len(rest) > 1 && rest[1] < utf8.RuneSelf && (unicode.IsPunct(rune(rest[1])) || unicode.IsSymbol(rune(rest[1]))) {
			if p := plainASCII[rest[1]]; p != 0 {
				return append(dst, p), 2
			}
			if rest[1] != '\\' && rest[1] != '-' {
				dst, _ = appendSign(dst, start, rest[1:2])
				return dst, 2
			}
		}
		return append(dst, c), 1
	default:
		return append(dst, c), 1
	}
}

func appendDash(dst []byte, start int) []byte {
	if n := len(dst); n > start && dst[n-1] == '-' {
		return dst
	}
	return append(dst, '-')
}

// bracket returns the bracket at the start of rest in the Penn Treebank's spelling, or 0.
func bracket(rest []byte) byte {
	if len(rest) < len("-LRB-") || rest[4] != '-' || rest[3]|0x20 != 'b' {
		return 0
	}
	side := 0
	switch rest[1] | 0x20 {
	case 'l':
	case 'r':
		side = 1
	default:
		return 0
	}
	switch rest[2] | 0x20 {
	case 'r':
		return "()"[side]
	case 's':
		return "[]"[side]
	case 'c':
		return "{}"[side]
	}
	return 0
}

// fold returns the same rune for all that [strings.EqualFold] takes for equal,
// and for dashes and for single quotes that are typographic variants of each other.
func fold(r rune) rune {
	switch r {
	case '\u2018', '\u2019', '\u201a', '\u201b', '\u2032', '\u02bc', '\u05f3':
		return '\''
	case '\u2010', '\u2011', '\u2012', '\u2013', '\u2014', '\u2015', '\u2212', '\u05be', '\u2e3a', '\u2e3b':
		return '-'
	}
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	if Unspaced(r) {
		return r
	}
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	if 'A' <= least && least <= 'Z' {
		least += 'a' - 'A'
	}
	return least
}

// doubleQuote reports whether r is a typographic double quote.
func doubleQuote(r rune) bool { return 0x201c <= r && r <= 0x201f || r == 0x5f4 }

// unspaced are the scripts that put no spaces between words, with the signs that the two
// kana share. Tibetan marks the end of each syllable, and is not among them.
var unspaced = rangetable.Merge(unicode.Thai, unicode.Lao, unicode.Myanmar, unicode.Khmer, unicode.Hiragana, unicode.Katakana, unicode.Han,
	&unicode.RangeTable{R16: []unicode.Range16{{Lo: 0x3040, Hi: 0x30ff, Stride: 1}}})

// Unspaced reports whether r belongs to a script that puts no spaces between words. Such
// scripts have no upper and lower case either.
func Unspaced(r rune) bool { return r >= 0x0e00 && unicode.Is(unspaced, r) }

// invisible reports whether r leaves no trace of its own on a page: Unicode's
// Default_Ignorable_Code_Point. Among these are joiners, bidirectional controls,
// soft hyphens, variation selectors and the byte order mark.
func invisible(r rune) bool {
	switch {
	case r < 0x300:
		return r == 0xad
	case r < 0x2000:
		return r == 0x34f || r == 0x61c || r == 0x115f || r == 0x1160 || r == 0x17b4 || r == 0x17b5 || 0x180b <= r && r <= 0x180f
	case r < 0x2070:
		return 0x200b <= r && r <= 0x200f || 0x202a <= r && r <= 0x202e || 0x2060 <= r
	case r < 0xfe00:
		return r == 0x3164
	case r < 0x10000:
		return r <= 0xfe0f || r == 0xfeff || r == 0xffa0 || 0xfff0 <= r && r <= 0xfff8
	}
	return 0x1bca0 <= r && r <= 0x1bca3 || 0x1d173 <= r && r <= 0x1d17a || 0xe0000 <= r && r <= 0xe0fff
}

// vowelSign reports whether r is a sign that Arabic and Hebrew texts may leave
// out: harakat, the signs of recitation and tatweel; niqqud and cantillation.
// Hamza and madda, which make another letter, are none.
func vowelSign(r rune) bool {
	switch {
	case r < 0x591 || 0x6ed < r:
		return false
	case r < 0x600:
		return r <= 0x5c7 && r != 0x5be && r != 0x5c0 && r != 0x5c3 && r != 0x5c6
	}
	return 0x610 <= r && r <= 0x61a || r == 0x640 || 0x64b <= r && r <= 0x652 || r == 0x670 ||
		0x6d6 <= r && r <= 0x6dc || 0x6df <= r && r <= 0x6e4 || r == 0x6e7 || r == 0x6e8 || 0x6ea <= r
}

// A joiner makes one emoji of those on both sides.
const joiner = '\u200d'

func skinTone(r rune) bool { return 0x1f3fb <= r && r <= 0x1f3ff }

// flagTag reports whether r is one of the letters behind a black flag that make
// it that of a region.
func flagTag(r rune) bool { return 0xe0020 <= r && r <= 0xe007f }

// emoji reports whether r may be joined with another emoji.
func emoji(r rune) bool { return unicode.Is(unicode.So, r) || skinTone(r) || r == '\u2194' }
