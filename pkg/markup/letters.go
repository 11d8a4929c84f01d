package markup

import (
	"bytes"
	"html"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// letters are a text without its white space, twice: as it stands, and in the
// form in which letters are compared.
type letters struct {
	text, raw  []byte
	starts     []int // in text, of each token
	rawStarts  []int // in raw, of each token
	space      bool  // the next piece begins a token
	normalised []byte
}

func (l *letters) reset() {
	l.text, l.raw, l.starts, l.rawStarts, l.space = l.text[:0], l.raw[:0], l.starts[:0], l.rawStarts[:0], true
}

// addSpace ends a token.
func (l *letters) addSpace() { l.space = true }

// add adds a piece of a token.
func (l *letters) add(piece string) {
	if piece == "" {
		return
	}
	if l.space {
		l.starts = append(l.starts, len(l.text))
		l.rawStarts = append(l.rawStarts, len(l.raw))
		l.space = false
	}
	l.raw = append(l.raw, piece...)
	l.text = l.appendFolded(l.text, piece)
}

// addText adds a text, which may hold white space.
func (l *letters) addText(text string) {
	from := 0
	for i := 0; i < len(text); {
		size := spaceAt(text, i)
		if size == 0 {
			i++
			continue
		}
		l.add(text[from:i])
		l.addSpace()
		i += size
		from = i
	}
	l.add(text[from:])
}

// appendFolded appends the letters of a piece without white space in the form
// in which they are compared. It appends at least one.
func (l *letters) appendFolded(dst []byte, piece string) []byte {
	start := len(dst)
	for i := range len(piece) {
		c := piece[i]
		if c >= utf8.RuneSelf || c == '&' {
			return l.appendNormalised(dst[:start], piece)
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

func (l *letters) appendNormalised(dst []byte, piece string) []byte {
	start := len(dst)
	l.normalised = norm.NFKD.AppendString(l.normalised[:0], html.UnescapeString(piece))
	for b := l.normalised; len(b) > 0; {
		r, size := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(dst, 0xff, b[0]) // so that it never becomes part of a letter
		case !isSpace(r):
			dst = utf8.AppendRune(dst, fold(r))
		}
		b = b[size:]
	}
	if len(dst) == start { // "&nbsp;"
		dst = append(dst, strings.ToLower(piece)...)
	}
	return dst
}

// fold gives the same for all letters that [strings.EqualFold] takes for equal,
// and for quotes and dashes that are typographic variants of each other.
func fold(r rune) rune {
	switch r {
	case '\u2018', '\u2019', '\u201a', '\u201b', '\u2032':
		return '\''
	case '\u201c', '\u201d', '\u201e', '\u201f':
		return '"'
	case '\u2010', '\u2011', '\u2012', '\u2013', '\u2014', '\u2015', '\u2212':
		return '-'
	}
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	if unspaced(r) {
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

// unspaced reports whether r is of a script that puts no spaces between words.
// These know no case either.
func unspaced(r rune) bool {
	switch {
	case r < 0x0e00:
		return false
	case r < 0x10a0, 0x1780 <= r && r < 0x1800: // Thai, Lao, Tibetan, Myanmar; Khmer
		return true
	case 0x3040 <= r && r < 0x3100, 0x3400 <= r && r < 0xa000, 0xf900 <= r && r < 0xfb00, 0x20000 <= r && r < 0x40000: // kana, Han
		return true
	}
	return false
}

func isSpace(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }

// spaceAt gives the length of the white space character at i, 0 if there is none.
func spaceAt(s string, i int) int {
	c := s[i]
	if c < utf8.RuneSelf {
		if asciiSpace[c] {
			return 1
		}
		return 0
	}
	if r, size := utf8.DecodeRuneInString(s[i:]); unicode.IsSpace(r) {
		return size
	}
	return 0
}

// token gives the token that holds the letter at i, for i in range.
func (l *letters) token(i int) int { return sort.SearchInts(l.starts, i+1) - 1 }

// end gives where token i ends in text.
func (l *letters) end(i int) int {
	if i+1 < len(l.starts) {
		return l.starts[i+1]
	}
	return len(l.text)
}

// rawRange gives where the tokens of a span stand in raw.
func (l *letters) rawRange(sp Span) (from, to int) {
	to = len(l.raw)
	if sp.End < len(l.rawStarts) {
		to = l.rawStarts[sp.End]
	}
	return l.rawStarts[sp.Start], to
}

// begins reports whether a token begins at i, or i is the end.
func (l *letters) begins(i int) bool {
	if i == len(l.text) {
		return true
	}
	_, found := sort.Find(len(l.starts), func(k int) int { return i - l.starts[k] })
	return found
}

// atEdge reports whether r is punctuation, a symbol such as an emoji, or a part of
// one: a variation selector, a joiner, a skin tone.
func atEdge(r rune) bool {
	return unicode.IsPunct(r) || r >= utf8.RuneSelf && (unicode.Is(unicode.So, r) || r == 0xfe0f || r == 0x200d || 0x1f3fb <= r && r <= 0x1f3ff)
}

// apart reports whether no word goes on at i.
func (l *letters) apart(i int) bool {
	if i == 0 || l.begins(i) {
		return true
	}
	before, _ := utf8.DecodeLastRune(l.text[:i])
	after, _ := utf8.DecodeRune(l.text[i:])
	return !inWord(before) || !inWord(after) || unspaced(before) || unspaced(after)
}

// Holds reports whether text reads as part does somewhere, from word to word,
// as far as [Source.Align] compares letters.
func Holds(text, part string) bool {
	var l, want letters
	l.reset()
	l.addText(text)
	want.reset()
	want.addText(part)
	n := len(want.text)
	for from := 0; n > 0; {
		i := bytes.Index(l.text[from:], want.text)
		if i < 0 {
			break
		}
		i += from
		if l.apart(i) && l.apart(i+n) && !l.cut(i+n) {
			return true
		}
		from = i + 1
	}
	return false
}

// cut reports whether i is inside of a letter: before an accent, or a part of a
// Korean syllable.
func (l *letters) cut(i int) bool {
	return i < len(l.text) && l.text[i] >= utf8.RuneSelf && !norm.NFC.Properties(l.text[i:]).BoundaryBefore() && !l.begins(i)
}

// onlyEdge reports whether all of text may stand at the edge of a token that a
// string stands for.
func onlyEdge(text []byte) bool {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if !atEdge(r) {
			return false
		}
		text = text[size:]
	}
	return true
}
