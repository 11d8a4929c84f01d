package markup

import (
	"bytes"
	"html"
	"slices"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
)

// piece is a part of an original that no span cuts: a grapheme cluster, or several that are
// spelt as one letter, such as "&amp;".
type piece struct {
	from, to      int  // bytes of the text
	start, end    int  // its code points
	letter, raw   int  // how many bytes of the letters are before it
	silent, shown bool // it has no letters; but it can be seen, such as the second of two dashes
}

// slice cuts the tokens of an original whose spans count characters into pieces.
func (o *Original) slice() {
	o.pieces = o.pieces[:0]
	at, chars := 0, 0
	for i, token := range o.Tokens {
		from := o.starts[i]
		chars += utf8.RuneCountInString(o.Text[at:from])
		at = from
		first := len(o.pieces)
		o.part.reset()
		for rest := token; rest != ""; {
			n := pieceLen(rest)
			p := piece{from: at, to: at + n, start: chars, end: chars + utf8.RuneCountInString(rest[:n])}
			p.letter, p.raw = o.letters.starts[i]+len(o.part.text), o.letters.rawStarts[i]+len(o.part.raw)
			o.part.add(rest[:n])
			if p.silent = p.letter == o.letters.starts[i]+len(o.part.text); p.silent {
				p.shown = strings.IndexFunc(rest[:n], func(r rune) bool { return !invisible(r) }) >= 0
			}
			o.pieces = append(o.pieces, p)
			at, chars, rest = p.to, p.end, rest[n:]
		}
		if !bytes.Equal(o.part.text, o.letters.text[o.letters.starts[i]:o.letters.end(i)]) {
			// Its letters depend on each other in a way that pieceLen does not know.
			o.pieces[first].to, o.pieces[first].end = at, chars
			o.pieces[first].silent = o.letters.starts[i] == o.letters.end(i)
			o.pieces = o.pieces[:first+1]
		}
	}
}

// pieceLen returns the length of the piece at the beginning of s.
func pieceLen(s string) int {
	least := 1
	switch s[0] {
	case '&':
		least = entityLen(s)
	case '-':
		if bracket([]byte(s[:min(len(s), len("-LRB-"))])) != 0 {
			least = len("-LRB-")
		}
	case '\\':
		if len(s) > 1 && s[1] < utf8.RuneSelf && s[1] != '\\' && s[1] != '-' && (unicode.IsPunct(rune(s[1])) || unicode.IsSymbol(rune(s[1]))) {
			least = 2
		}
	}
	n := 0
	for n < least {
		n += clusterLen(s[n:])
	}
	return n
}

// clusterLen returns the length of the grapheme cluster at the beginning of s.
func clusterLen(s string) int {
	if s[0] < utf8.RuneSelf && (len(s) == 1 || s[1] < utf8.RuneSelf) {
		return 1 // white space, and so "\r\n", is not among the pieces
	}
	clusters := graphemes.FromString(s)
	clusters.Next()
	return max(1, clusters.End())
}

// entityLen returns the length of the character reference of HTML at the beginning of s, or
// 1 if none begins there.
func entityLen(s string) int {
	end := 1
	if end < len(s) && s[end] == '#' {
		end++
	}
	for end < len(s) && (s[end]|0x20 >= 'a' && s[end]|0x20 <= 'z' || s[end] >= '0' && s[end] <= '9') {
		end++
	}
	if end < len(s) && s[end] == ';' {
		end++
	}
	if html.UnescapeString(s[:end]) == s[:end] {
		return 1
	}
	return end
}

// charsAt returns the characters with the letters from from to to. raw are the letters of
// the mark as they are, which say whether silent pieces at the ends belong to it. ok is
// false if that would cut a piece.
func (al *Aligner) charsAt(from, to int, raw []byte) (sp Span, ok bool) {
	o := al.original
	i := sort.Search(len(o.pieces), func(k int) bool { return o.pieces[k].letter > from }) - 1
	j := sort.Search(len(o.pieces), func(k int) bool { return o.pieces[k].letter >= to }) - 1
	if i < 0 || j < i || o.pieces[i].letter != from || o.letterEnd(j) != to {
		return sp, false
	}
	beside := i > 0 && o.pieces[i-1].silent || j+1 < len(o.pieces) && o.pieces[j+1].silent
	if beside && len(raw) != o.rawEnd(j)-o.pieces[i].raw && al.work.spend(len(raw)) {
		i, j = o.withSilent(i, j, raw)
	}
	return Span{o.pieces[i].start, o.pieces[j].end}, true
}

// letterEnd returns where the letters of piece k end.
func (o *Original) letterEnd(k int) int {
	if k+1 < len(o.pieces) {
		return o.pieces[k+1].letter
	}
	return len(o.letters.text)
}

// rawEnd returns where piece k ends in the raw letters.
func (o *Original) rawEnd(k int) int { return o.pieces[k].raw + o.pieces[k].to - o.pieces[k].from }

// withSilent adds to the pieces i to j the silent ones around them that raw has too. If it
// has none of them, or other ones, those that can be seen at the end belong to the last
// letter.
func (o *Original) withSilent(i, j int, raw []byte) (first, last int) {
	const most = 8 // on each side
	all := o.letters.raw
	for first = i; ; first-- {
		if from := o.pieces[first].raw; bytes.HasPrefix(raw, all[from:o.rawEnd(j)]) {
			for last = j; ; last++ {
				if end := o.rawEnd(last); end-from == len(raw) && bytes.Equal(raw, all[from:end]) {
					return first, last
				}
				if last == j+most || !o.silentAfter(last) {
					break
				}
			}
		}
		if first == i-most || first == 0 || !o.pieces[first-1].silent || o.pieces[first-1].to != o.pieces[first].from {
			break
		}
	}
	for o.silentAfter(j) && o.pieces[j+1].shown {
		j++
	}
	return i, j
}

// silentAfter reports whether a silent piece follows piece k in its token.
func (o *Original) silentAfter(k int) bool {
	return k+1 < len(o.pieces) && o.pieces[k+1].silent && o.pieces[k+1].from == o.pieces[k].to
}

// covers returns the first and the last piece of a span that [Original.charsAt] returned.
func (o *Original) covers(sp Span) (first, last int) {
	first, _ = slices.BinarySearchFunc(o.pieces, sp.Start, func(p piece, at int) int { return p.start - at })
	last, _ = slices.BinarySearchFunc(o.pieces, sp.End, func(p piece, at int) int { return p.end - at })
	return first, last
}

// between reports whether a span ends at the ends of words on both sides; see apart.
func (o *Original) between(sp Span) bool {
	first, last := o.covers(sp)
	return o.apart(o.pieces[first].from) && o.apart(o.pieces[last].to)
}

// apart reports whether this offset of the text is not inside a word or a number. In scripts
// without spaces, none is.
func (o *Original) apart(at int) bool {
	before, rest := lastVisible(o.Text[:at])
	after, next := firstVisible(o.Text[at:])
	if inWord(before) && inWord(after) {
		return Unspaced(before) || Unspaced(after)
	}
	digit := unicode.IsDigit
	point := func(r rune) bool { return r == '.' || r == ',' }
	switch {
	case point(before) && digit(after):
		r, _ := lastVisible(rest)
		return !digit(r)
	case digit(before) && point(after):
		r, _ := firstVisible(next)
		return !digit(r)
	}
	return true
}

// zeroWidthSpace separates words; other invisible characters do not.
const zeroWidthSpace = '\u200b'

func lastVisible(s string) (r rune, rest string) {
	for s != "" {
		r, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
		if r == zeroWidthSpace || !invisible(r) {
			return r, s
		}
	}
	return ' ', ""
}

func firstVisible(s string) (r rune, rest string) {
	for s != "" {
		r, size := utf8.DecodeRuneInString(s)
		s = s[size:]
		if r == zeroWidthSpace || !invisible(r) {
			return r, s
		}
	}
	return ' ', ""
}

// cutsCluster reports whether i is inside of a grapheme cluster of s.
func cutsCluster(s string, i int) bool {
	if i == 0 || i == len(s) || s[i] < utf8.RuneSelf && s[i-1] < utf8.RuneSelf {
		return false // white space, and so "\r\n", has no mark inside
	}
	const reach = 128 // bytes; longer clusters are not written by people
	from := max(0, i-reach)
	for from > 0 && from < i && !utf8.RuneStart(s[from]) {
		from++
	}
	clusters := graphemes.FromString(s[from:min(len(s), i+reach)])
	for clusters.Next() {
		if end := from + clusters.End(); end >= i {
			return end > i
		}
	}
	return false
}

// sameChars is [Original.same] for an original whose spans count characters.
func (o *Original) sameChars(answer string) (out Alignment, ok bool) {
	m := sameMarks{open: -1}
	var before map[Span]bool // found in the copies before
	pos, token, copied := 0, 0, 0
	for len(o.Tokens) > 0 {
		for pos < len(answer) && spaceAt(answer, pos) > 0 {
			pos += spaceAt(answer, pos)
		}
		if pos == len(answer) {
			break
		}
		if token == len(o.Tokens) {
			if before == nil {
				before = map[Span]bool{}
			}
			for _, f := range m.found[copied:] {
				before[f.Span] = true
			}
			out.Class, token, copied = Chatter, 0, len(m.found)
		}
		if pos, ok = o.sameToken(answer, pos, token, &m, before); !ok || pos < len(answer) && spaceAt(answer, pos) == 0 {
			return out, false
		}
		if token++; token == len(o.Tokens) && m.open >= 0 {
			return out, false
		}
	}
	sortFound(m.found)
	out.Found = m.found
	return out, pos == len(answer) && token == len(o.Tokens) && token > 0
}

// sameMarks are the marks that [Original.same] has met.
type sameMarks struct {
	open  int // the character at which an entity begins, or -1
	text  int // where its text begins in the answer
	found []Found
}

// sameToken is the part of [Original.same] for token i of an original whose spans count
// characters: in these, an entity may begin and end anywhere between two grapheme clusters.
// It reads the token in the answer from pos on, and returns where that ends, or false if
// the answer has something else there. Spans in before are not found again.
func (o *Original) sameToken(answer string, pos, i int, m *sameMarks, before map[Span]bool) (_ int, ok bool) {
	want, start := o.Tokens[i], o.starts[i]
	for at := 0; ; {
		var sign byte // at which the answer may have a mark
		if pos < len(answer) && (answer[pos] == '@' || answer[pos] == '#') {
			sign = answer[pos]
		}
		if sign == 0 {
			if at == len(want) {
				return pos, true
			}
			n := 0
			for at+n < len(want) && pos+n < len(answer) && want[at+n] == answer[pos+n] && answer[pos+n] != '@' && answer[pos+n] != '#' {
				n++
			}
			if n == 0 {
				return pos, false
			}
			at, pos = at+n, pos+n
			continue
		}
		signs := count(want[at:], sign) // that are text
		switch marks := count(answer[pos:], sign) - signs; {
		case marks == 0:
		case marks == len(Open) && sign == '@' && m.open < 0 && at < len(want) && !cutsCluster(o.Text, start+at):
			pos += len(Open)
			m.open, m.text = o.charAt(start+at), pos
		case marks == len(Close) && sign == '#' && m.open >= 0 && m.text < pos+signs && !cutsCluster(o.Text, start+at+signs):
			at, pos = at+signs, pos+signs
			if sp := (Span{m.open, o.charAt(start + at)}); !before[sp] {
				m.found = append(m.found, Found{Span: sp, How: Exact, Text: answer[m.text:pos]})
			}
			pos += len(Close)
			m.open = -1
			continue
		default:
			return pos, false
		}
		at, pos = at+signs, pos+signs
	}
}

// charAt returns how many characters are before a byte of the text. It counts on from the
// byte asked for before.
func (o *Original) charAt(at int) int {
	if at < o.at {
		o.at, o.char = 0, 0
	}
	o.char += utf8.RuneCountInString(o.Text[o.at:at])
	o.at = at
	return o.char
}

func sizeAt(s string, i int) int {
	_, size := utf8.DecodeRuneInString(s[i:])
	return size
}
