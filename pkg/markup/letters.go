package markup

import (
	"html"
	"slices"
	"sort"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// letters are a text without its white space, twice: as it is, and in the
// form in which letters are compared. In that a token may have no letters at all.
type letters struct {
	text, raw  []byte
	starts     []int // in text, of each token
	rawStarts  []int // in raw, of each token
	space      bool  // the next piece begins a token
	joined     bool  // a joiner was the last of the token, or among the invisible ones there
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
		l.space, l.joined = false, false
	}
	l.raw = append(l.raw, piece...)
	l.fold(piece)
}

// addText adds a text, which may hold white space.
func (l *letters) addText(text string) {
	from := 0
	for i := 0; i < len(text); {
		c := text[i]
		size, space := 1, asciiSpace[c]
		if c >= utf8.RuneSelf {
			var r rune
			r, size = utf8.DecodeRuneInString(text[i:])
			space = unicode.IsSpace(r)
		}
		if space {
			l.add(text[from:i])
			l.addSpace()
			from = i + size
		}
		i += size
	}
	l.add(text[from:])
}

// fold appends the letters of a piece of the last token in the form in which they
// are compared. That may be none.
func (l *letters) fold(piece string) {
	before := len(l.text)
	l.text = slices.Grow(l.text, len(piece))[:before+len(piece)]
	folded := l.text[before:]
	for i := range len(folded) {
		p := plainASCII[piece[i]]
		if p == 0 {
			l.text = l.text[:before]
			l.normalise(piece)
			return
		}
		folded[i] = p
	}
}

// normalise is fold for a piece that is not plain ASCII.
func (l *letters) normalise(piece string) {
	start := l.starts[len(l.starts)-1]
	piece = html.UnescapeString(piece)
	if norm.NFKD.QuickSpanString(piece) == len(piece) { // which needs no buffer
		l.normalised = append(l.normalised[:0], piece...)
	} else {
		l.normalised = norm.NFKD.AppendString(l.normalised[:0], piece)
	}
	dst := l.text
	for b := l.normalised; len(b) > 0; {
		size := 1
		if c := b[0]; c < utf8.RuneSelf {
			switch p := plainASCII[c]; {
			case p != 0:
				dst = append(dst, p)
			case !asciiSpace[c]:
				dst, size = appendSign(dst, start, b)
			}
			b = b[size:]
			continue
		}
		var r rune
		r, size = utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(dst, 0xff, b[0]) // so that it never becomes part of a letter
		case invisible(r):
			if r == joiner {
				l.joined = true
			} else if flagTag(r) {
				if last, _ := utf8.DecodeLastRune(dst[start:]); last == '\U0001f3f4' || flagTag(last) {
					dst = utf8.AppendRune(dst, r)
				}
			}
		case vowelSign(r), unicode.IsSpace(r):
		case doubleQuote(r):
			dst = append(dst, "''"...)
		default:
			if l.joined && emoji(r) {
				if last, _ := utf8.DecodeLastRune(dst[start:]); emoji(last) {
					dst = utf8.AppendRune(dst, joiner)
				}
			}
			l.joined = false
			if r = fold(r); r == '-' {
				dst = appendDash(dst, start)
			} else {
				dst = utf8.AppendRune(dst, r)
			}
		}
		b = b[size:]
	}
	l.text = dst
}

func isSpace(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }

// spaceAt returns the length of the white space character at i, 0 if i is not at white space.
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

// blank reports whether r is white space or invisible.
func blank(r rune) bool { return isSpace(r) || invisible(r) }

// token returns the token that holds the letter at i, for i in range.
func (l *letters) token(i int) int { return sort.SearchInts(l.starts, i+1) - 1 }

// end returns where token i ends in text.
func (l *letters) end(i int) int {
	if i+1 < len(l.starts) {
		return l.starts[i+1]
	}
	return len(l.text)
}

// rawRange returns where the tokens of a span are in raw.
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
// one: a joiner, a skin tone, a letter of a flag.
func atEdge(r rune) bool {
	return unicode.IsPunct(r) || r >= utf8.RuneSelf && (unicode.Is(unicode.So, r) || r == joiner || skinTone(r) || flagTag(r))
}

// apart reports whether no word goes on at i.
func (l *letters) apart(i int) bool {
	if i == 0 || l.begins(i) {
		return true
	}
	before, _ := utf8.DecodeLastRune(l.text[:i])
	after, _ := utf8.DecodeRune(l.text[i:])
	return !inWord(before) || !inWord(after) || Unspaced(before) || Unspaced(after)
}

// A Text is a text prepared for [Text.Holds].
type Text struct{ letters letters }

// NewText prepares text.
func NewText(text string) *Text {
	t := new(Text)
	t.letters.reset()
	t.letters.addText(text)
	return t
}

// Holds reports whether the text contains part as whole words, comparing letters as
// [Aligner.Align] does.
func (t *Text) Holds(part string) bool {
	var want letters
	want.reset()
	want.addText(part)
	return t.letters.holds(want.text)
}

// holds reports whether want is from word to word of the letters.
func (l *letters) holds(want []byte) bool {
	n := len(want)
	if n == 0 {
		return false
	}
	for i := range occurrences(l.text, want) {
		if l.apart(i) && l.apart(i+n) && !l.cut(i) && !l.cut(i+n) {
			return true
		}
	}
	return false
}

// cut reports whether i is inside of a letter: before an accent, in a Korean
// syllable, or in an emoji of several characters.
func (l *letters) cut(i int) bool {
	if i == len(l.text) || l.text[i] < utf8.RuneSelf || l.begins(i) {
		return false
	}
	if !norm.NFC.Properties(l.text[i:]).BoundaryBefore() {
		return true
	}
	r, _ := utf8.DecodeRune(l.text[i:])
	before, _ := utf8.DecodeLastRune(l.text[:i])
	return r == joiner || before == joiner || flagTag(r) || skinTone(r) && emoji(before)
}

// onlyEdge reports whether all of text may be missing from a string at the edge of a
// token.
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
