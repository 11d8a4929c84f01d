package markup

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A value is a JSON value, or what an answer has in place of one.
type value struct {
	kind     kind
	text     string // of a string, number or word
	from, to int    // bytes of the answer
	items    []item // of an array or object
	cut      bool   // the answer ends in it
}

// An item is an element of an array, or a member of an object.
type item struct {
	key  string
	from int // bytes of the answer, with the key
	value
}

type kind uint8

const (
	aString kind = iota
	aNumber
	aWord    // without quotes
	aNull    // null, None
	aBoolean // true, False
	anArray  // also a tuple or a set
	anObject
)

// readValue reads the value that begins at from, as JSON where it is JSON. It mends
// what can be read in one way only:
//
//   - strings in single, typographic or other quotes, quotes and line breaks in
//     strings, Python's escapes and prefixes
//   - missing and additional commas, comments, full-width punctuation
//   - True, False, None, tuples, sets, keys and words without quotes
//   - brackets that are missing, or of another kind, if those around them are closed
//
// mended reports whether anything was mended, and words whether a value is a word
// without quotes. If the answer ends in the value, the value is cut.
func readValue(answer string, from int) (v value, mended, words, ok bool) {
	r := valueReader{text: answer, at: from}
	ok = r.value(&v)
	return v, r.mended, r.words, ok
}

// valueReader reads values. Its methods report false for what nobody can read.
type valueReader struct {
	text          string
	at            int
	mended, words bool
	open          []rune // brackets that are to be closed
}

// deepestValue is how many brackets may be open.
const deepestValue = 24

// closers are the brackets that close others. ASCII ones come first of each kind.
var closers = map[rune]rune{'[': ']', '{': '}', '(': ')', '［': '］', '｛': '｝', '（': '）'}

// peek returns the next character, or 0 where the answer, or its code fence, ends.
func (r *valueReader) peek() rune {
	c, _ := r.rune()
	return c
}

func (r *valueReader) rune() (rune, int) {
	if r.at >= len(r.text) || strings.HasPrefix(r.text[r.at:], "```") {
		return 0, 0
	}
	c, size := utf8.DecodeRuneInString(r.text[r.at:])
	if c == 0 {
		c = utf8.RuneError
	}
	return c, size
}

func (r *valueReader) next() { _, size := r.rune(); r.at += size }

// space skips white space and comments, and reports whether there were any. Where
// line breaks have become spaces, a comment ends before the next quote or bracket.
func (r *valueReader) space() (any bool) {
	for r.at < len(r.text) {
		rest := r.text[r.at:]
		switch n := spaceAt(r.text, r.at); {
		case n > 0:
			r.at += n
		case strings.HasPrefix(rest, "//"), strings.HasPrefix(rest, "# "):
			r.mended = true
			comment, _, ok := strings.Cut(rest, "\n")
			if i := strings.IndexAny(comment, "\"'[]{}“”‘"); !ok && i >= 0 {
				comment = comment[:i]
			}
			r.at += len(comment)
		case strings.HasPrefix(rest, "/*"):
			r.mended = true
			comment, _, _ := strings.Cut(rest[2:], "*/")
			r.at = min(len(r.text), r.at+len(comment)+4)
		default:
			return any
		}
		any = true
	}
	return any
}

func (r *valueReader) value(v *value) bool {
	r.space()
	v.from = r.at
	c := r.peek()
	switch {
	case c == 0:
		v.cut = true
		return true
	case closers[c] != 0:
		if len(r.open) == deepestValue {
			return false
		}
		r.mended = r.mended || c != '[' && c != '{'
		r.open = append(r.open, closers[c])
		r.next()
		ok := false
		if closers[c] == '}' || closers[c] == '｝' {
			ok = r.object(v)
		} else {
			v.kind = anArray
			ok = r.array(v)
		}
		r.open = r.open[:len(r.open)-1]
		v.to = r.at
		return ok
	case r.quote() != "":
		return r.string(v)
	}
	return r.word(v)
}

// array reads the elements and the end of an array.
func (r *valueReader) array(v *value) bool {
	for {
		apart := r.space()
		if r.closed(v) {
			return true
		}
		switch n := len(v.items); {
		case isComma(r.peek()):
			if r.comma(v) {
				continue
			}
		case n > 0 && !r.separate(&v.items[n-1].value, apart):
			return false
		}
		v.items = append(v.items, item{from: r.at})
		e := &v.items[len(v.items)-1]
		if !r.value(&e.value) {
			return false
		}
		if e.cut && e.kind == aString && e.text == "" && e.to == 0 { // nothing is left of it
			v.items = v.items[:len(v.items)-1]
		}
	}
}

// separate reports whether a value follows the one before although there is no
// comma: behind a bracket, or apart from it.
func (r *valueReader) separate(before *value, apart bool) bool {
	r.mended = true
	bracket := closers[r.peek()] != 0
	return bracket && (before.kind == anArray || before.kind == anObject) || apart && (bracket || r.quote() != "")
}

func isComma(c rune) bool { return c == ',' || c == '，' || c == '、' }
func isColon(c rune) bool { return c == ':' || c == '：' }
func isCloser(c rune) bool {
	return c == ']' || c == '}' || c == ')' || c == '］' || c == '｝' || c == '）'
}

// comma skips commas, and reports whether no further item of v follows.
func (r *valueReader) comma(v *value) (last bool) {
	r.mended = r.mended || len(v.items) == 0 || r.peek() != ','
	r.next()
	for r.space(); isComma(r.peek()); r.space() {
		r.mended = true
		r.next()
	}
	c := r.peek()
	r.mended = r.mended || isCloser(c)
	return c == 0 || isCloser(c)
}

// closed reads the bracket that closes v, or notes that the answer ends, and reports
// whether either is there. A bracket that closes one around v closes v as well.
func (r *valueReader) closed(v *value) bool {
	c := r.peek()
	n := len(r.open)
	switch {
	case c == 0:
		v.cut = true
	case !isCloser(c):
		return false
	case c == r.open[n-1]:
		r.next()
	case slices.Contains(r.open[:n-1], c): // it is left to that one
		r.mended = true
	default: // a wrong one
		r.mended = true
		r.next()
	}
	return true
}

// object reads the members and the end of an object, or of a set.
func (r *valueReader) object(v *value) bool {
	v.kind = anObject
	for {
		apart := r.space()
		if r.closed(v) {
			return true
		}
		if isComma(r.peek()) {
			if r.comma(v) {
				continue
			}
		} else if n := len(v.items); n > 0 {
			if !apart {
				return false
			}
			r.mended = true
		}
		from := r.at
		var key value
		switch {
		case r.quote() != "":
			if !r.string(&key) {
				return false
			}
		case len(v.items) == 0 && closers[r.peek()] != 0: // a set of tuples
			r.mended = true
			v.kind = anArray
			return r.array(v)
		default:
			if !r.key(&key) {
				return false
			}
		}
		r.space()
		switch c := r.peek(); {
		case key.cut || c == 0:
			v.cut = true
			return true
		case isColon(c):
			r.mended = r.mended || c != ':'
			r.next()
		case len(v.items) == 0 && key.kind == aString: // a set
			r.mended = true
			v.kind = anArray
			v.items = append(v.items, item{from: from, value: key})
			return r.array(v)
		default:
			return false
		}
		v.items = append(v.items, item{key: key.text, from: from})
		m := &v.items[len(v.items)-1]
		if !r.value(&m.value) {
			return false
		}
		if m.cut && m.to == 0 {
			v.items = v.items[:len(v.items)-1]
		}
	}
}

// key reads a key without quotes.
func (r *valueReader) key(v *value) bool {
	from := r.at
	for {
		c, size := r.rune()
		switch {
		case c == 0:
			v.cut = true
			return true
		case isColon(c):
			v.kind, v.text = aWord, strings.TrimSpace(r.text[from:r.at])
			r.mended = true
			return v.text != ""
		case !inWord(c) && c != '_' && c != '-' && c != ' ':
			return false
		}
		r.at += size
	}
}

// word reads a number, or a word or several without quotes.
func (r *valueReader) word(v *value) bool {
	from := r.at
	for {
		c, size := r.rune()
		if c == 0 || isComma(c) || isCloser(c) || c == '\n' {
			break
		}
		if closers[c] != 0 || isColon(c) || strings.ContainsRune("\"“”„‟«»", c) {
			return false
		}
		r.at += size
	}
	v.text = strings.TrimSpace(r.text[from:r.at])
	v.to = from + len(strings.TrimRight(r.text[from:r.at], " \t\r"))
	if v.text == "" {
		return false
	}
	if r.peek() == 0 {
		v.cut = true
	}
	switch v.text {
	case "null":
		v.kind = aNull
	case "None", "nil", "undefined", "NULL":
		r.mended = true
		v.kind = aNull
	case "true", "false":
		v.kind = aBoolean
	case "True", "False":
		r.mended = true
		v.kind = aBoolean
	default:
		if _, err := strconv.ParseFloat(v.text, 64); err == nil && strings.Trim(v.text, "+-.eE0123456789") == "" {
			v.kind = aNumber
			break
		}
		r.mended, r.words = true, true
		v.kind = aWord
	}
	return true
}

// quotes are what opens a string, and what may close it.
var quotes = [...][2]string{
	{`"`, `"`}, {"'", "'’"}, {"“", "”“\"‟"}, {"”", "”\"“"}, {"„", "“”\"‟"}, {"‟", "”“\"‟"},
	{"‘", "’'‘"}, {"’", "’'‘"}, {"‚", "‘’'"}, {"«", "»"}, {"»", "«"}, {"「", "」"}, {"『", "』"}, {"＂", "＂"}, {"＇", "＇"}, {"`", "`'"},
}

// quote returns the characters that close the string that begins here, "" if none
// does. Python's prefixes of strings count.
func (r *valueReader) quote() string {
	if r.peek() == 0 {
		return ""
	}
	rest := r.text[r.at:]
	if len(rest) > 1 && strings.IndexByte("ubrUBR", rest[0]) >= 0 && (rest[1] == '\'' || rest[1] == '"') {
		rest = rest[1:]
	}
	for _, q := range quotes {
		if strings.HasPrefix(rest, q[0]) {
			return q[1]
		}
	}
	return ""
}

// string reads a string. It ends at the first quote behind which a list can go on;
// quotes before that have to be of its text.
func (r *valueReader) string(v *value) bool {
	v.from = r.at
	closing := r.quote()
	if c := r.text[r.at]; c != '"' {
		r.mended = true
		if c < utf8.RuneSelf && c != '\'' && c != '`' { // a prefix
			r.at++
		}
	}
	r.next()
	start, from := r.at, r.at // from is where the text begins that is not yet in b
	var b strings.Builder
	inner := false // within quotes in the string
	for r.at < len(r.text) {
		c, size := utf8.DecodeRuneInString(r.text[r.at:])
		switch {
		case c == '\\':
			b.WriteString(r.text[from:r.at])
			r.escape(&b)
			from = r.at
			continue
		case c < ' ':
			r.mended = true
		case strings.ContainsRune(closing, c):
			if r.goesOn(size) {
				if inner {
					return false
				}
				b.WriteString(r.text[from:r.at])
				r.at += size
				v.text, v.to = b.String(), r.at
				return true
			}
			before, _ := utf8.DecodeLastRuneInString(r.text[start:r.at])
			after, _ := utf8.DecodeRuneInString(r.text[r.at+size:])
			r.mended = true
			switch {
			case c != '"' && inWord(before) && (inWord(after) || isSpace(after) && strings.ContainsRune("sSxz", before)): // an apostrophe
			case !inner && (r.at == start || isSpace(before) || unicode.IsPunct(before)) && !isSpace(after):
				inner = true
			case inner && !isSpace(before) && !inWord(after):
				inner = false
			default:
				return false
			}
		}
		r.at += size
	}
	b.WriteString(r.text[from:])
	v.text, v.to, v.cut = b.String(), len(r.text), true
	return true
}

// goesOn reports whether a list goes on, or the answer ends, behind a quote.
func (r *valueReader) goesOn(size int) bool {
	const reach = 256 // of white space
	rest := valueReader{text: r.text[:min(len(r.text), r.at+size+reach)], at: r.at + size}
	apart := rest.space()
	c := rest.peek()
	return c == 0 && (rest.at < len(rest.text) || len(rest.text) == len(r.text)) ||
		isComma(c) || isCloser(c) || isColon(c) || apart && (rest.quote() != "" || closers[c] != 0)
}

// escape reads an escaped character.
func (r *valueReader) escape(b *strings.Builder) {
	rest := r.text[r.at:]
	if len(rest) == 1 {
		r.at++
		return
	}
	c := rest[1]
	simple := strings.IndexByte(`"\/bfnrt`, c)
	digits := map[byte]int{'u': 4, 'x': 2, 'U': 8}[c]
	switch {
	case simple >= 0:
		b.WriteByte("\"\\/\b\f\n\r\t"[simple])
		r.at += 2
	case digits > 0 && len(rest) >= 2+digits:
		code, err := strconv.ParseUint(rest[2:2+digits], 16, 32)
		if err != nil {
			r.mended = true
			b.WriteByte(c)
			r.at += 2
			return
		}
		r.mended = r.mended || c != 'u'
		char := rune(code)
		r.at += 2 + digits
		if low := r.text[r.at:]; 0xd800 <= char && char < 0xdc00 && len(low) >= 6 && low[:2] == `\u` {
			if code, err := strconv.ParseUint(low[2:6], 16, 32); err == nil && 0xdc00 <= code && code < 0xe000 {
				char = (char-0xd800)<<10 + rune(code) - 0xdc00 + 0x10000
				r.at += 6
			}
		}
		b.WriteRune(char)
	default: // the character stands for itself
		r.mended = true
		_, size := utf8.DecodeRuneInString(rest[1:])
		b.WriteString(rest[1 : 1+size])
		r.at += 1 + size
	}
}
