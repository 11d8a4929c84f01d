package corpus

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// notation is a way to write tags.
type notation uint8

// The notations. In each of them O, o, _ and an empty cell mean "outside".
const (
	prefixed  notation = iota // B-PER, b-per, B_PER
	suffixed                  // PER-B, PER_B
	bare                      // B
	typed                     // PER
	bracketed                 // (PER*
	keyed                     // SpaceAfter=No|ner=B-PER
)

// part is what a tag says about one label.
type part struct {
	prefix byte // one of BIESLUMW
	label  string
}

const prefixes = "BIESLUMW"

// prefix returns b as an upper-case prefix, or 0.
func prefix(b byte) byte {
	if b >= 'a' && b <= 'z' {
		b -= 'a' - 'A'
	}
	if strings.IndexByte(prefixes, b) < 0 {
		return 0
	}
	return b
}

// isOutside reports whether a tag means "outside of all entities".
func isOutside(tag []byte) bool {
	return len(tag) == 0 || len(tag) == 1 && (tag[0] == 'O' || tag[0] == 'o' || tag[0] == '_')
}

// parsePart parses a tag with one label.
func parsePart(n notation, tag []byte) (p part, ok bool) {
	switch n {
	case prefixed:
		if len(tag) >= 3 && (tag[1] == '-' || tag[1] == '_') {
			p.prefix = prefix(tag[0])
			p.label = string(tag[2:])
		}
	case suffixed:
		if end := len(tag) - 2; end >= 1 && (tag[end] == '-' || tag[end] == '_') {
			p.prefix = prefix(tag[end+1])
			p.label = string(tag[:end])
		}
	case bare:
		if len(tag) == 1 {
			p.prefix = prefix(tag[0])
		}
	case typed:
		if isName(tag) {
			p = part{'I', string(tag)}
		}
	}
	return p, p.prefix != 0
}

// isName reports whether tag can be a label: letters, digits and a few signs, the first
// one a letter.
func isName(tag []byte) bool {
	first, _ := utf8.DecodeRune(tag)
	return unicode.IsLetter(first) && bytes.IndexFunc(tag, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && !strings.ContainsRune("-_/.:&#+ ", r)
	}) < 0
}

// parseTags parses a tag, which may consist of several tags with a separator between
// them, and appends its parts to dst. known are the labels of tags that hold just one.
func parseTags(dst []part, n notation, tag []byte, known map[string]bool) ([]part, bool) {
	if isOutside(tag) {
		return dst, true
	}
	for _, separator := range "|,;+&/" {
		if !bytes.ContainsRune(tag, separator) {
			continue
		}
		if list, ok := parseList(dst, n, strings.Split(string(tag), string(separator)), known); ok {
			return list, true
		}
	}
	p, ok := parsePart(n, tag)
	if !ok {
		return dst, false
	}
	return append(dst, p), true
}

// parseList parses tags, or a tag and further labels with its prefix.
func parseList(dst []part, n notation, tags []string, known map[string]bool) ([]part, bool) {
	if n == bare {
		return dst, false
	}
	var first byte
	for i, tag := range tags {
		tag = strings.TrimSpace(tag)
		if tag == "" {
			return dst, false
		}
		if isOutside([]byte(tag)) {
			continue
		}
		p, ok := parsePart(n, []byte(tag))
		if n == typed {
			ok = ok && known[tag]
		}
		if !ok && i > 0 && n == prefixed && known[tag] && first != 0 {
			p, ok = part{first, tag}, true
		}
		if !ok {
			return dst, false
		}
		if i == 0 {
			first = p.prefix
		}
		dst = append(dst, p)
	}
	return dst, true
}

// brackets is a tag of CoNLL-2012: the entities that it opens, and how many it closes.
type brackets struct {
	opens  []string
	closes int
}

// parseBrackets parses a tag such as "*", "(PER*", "(ORG(GPE*)" or "(PER)".
func parseBrackets(tag []byte) (b brackets, ok bool) {
	s := string(tag)
	if isOutside(tag) {
		return b, true
	}
	for strings.HasPrefix(s, "(") {
		end := strings.IndexAny(s[1:], "(*)")
		if end < 1 || !strings.ContainsFunc(s[1:1+end], unicode.IsLetter) {
			return b, false
		}
		b.opens = append(b.opens, s[1:1+end])
		s = s[1+end:]
	}
	rest, star := strings.CutPrefix(s, "*")
	b.closes = len(rest)
	return b, (star || len(b.opens) > 0 && b.closes > 0) && strings.Trim(rest, ")") == ""
}

// parseKeyed returns the tag of key in cell, empty without one.
func parseKeyed(cell []byte, key string) []byte {
	for item := range bytes.SplitSeq(cell, []byte("|")) {
		if name, tag, ok := bytes.Cut(item, []byte("=")); ok && strings.EqualFold(string(name), key) {
			return tag
		}
	}
	return nil
}

// judge finds the notation of the tags in a column of a file with the given number of
// rows. named says that the caller named the column.
func judge(c *column, rows int, named bool) verdict {
	for _, key := range tagKeys {
		if k := c.keyed[key]; k != nil && k.bad == 0 {
			return verdict{tagColumn: tagColumn{notation: keyed, key: key, labels: map[string]bool{key: true}}, clean: true, share: 1, marked: true}
		}
	}
	if c.values == nil {
		return verdict{}
	}
	var fits [typed]int // rows of notations up to bare
	var inBrackets, stars, inside, outside, named0 int
	letters := map[byte]bool{} // prefixes
	for text, v := range c.values {
		tag := []byte(text)
		if _, ok := parseBrackets(tag); ok {
			inBrackets += v.count
			if !isOutside(tag) {
				stars += v.count
			}
		}
		if isOutside(tag) {
			outside += v.count
			if text == "O" || text == "o" {
				named0 += v.count
			}
			continue
		}
		inside += v.count
		for n := range typed {
			if _, ok := parseTags(nil, n, tag, nil); ok {
				fits[n] += v.count
				if n == prefixed {
					letters[tag[0]] = true
				}
			}
		}
	}
	v := verdict{marked: named0 > 0}
	lone := !letters['B'] && !letters['I'] && !letters['b'] && !letters['i']
	for letter := range letters {
		lone = lone && letter >= 'a'
	}
	switch {
	case inside == 0:
		v.clean = named0 > 0 || named
	case fits[prefixed] == inside && !lone:
		v.clean = true
	case fits[suffixed] == inside:
		v.clean, v.notation = true, suffixed
	case fits[bare] == inside:
		v.clean, v.notation = true, bare
	case inBrackets == rows && stars > 0:
		v.clean, v.notation = true, bracketed
	case c.isTyped(named, rows, named0):
		v.clean, v.notation = true, typed
	case inBrackets > outside+fits[prefixed]:
		v.notation = bracketed
	}
	v.share = 1
	if !v.clean {
		good := outside + fits[prefixed]
		if v.notation == bracketed {
			good = inBrackets
		}
		v.share = float64(good) / float64(rows)
	}
	v.labels = c.labels(v.notation)
	return v
}

// labels returns the labels of the tags in the column that have just one.
func (c *column) labels(n notation) map[string]bool {
	labels := map[string]bool{}
	for text := range c.values {
		if n == bracketed {
			if b, ok := parseBrackets([]byte(text)); ok {
				for _, label := range b.opens {
					labels[label] = true
				}
			}
			continue
		}
		if isOutside([]byte(text)) {
			continue
		}
		if parts, ok := parseTags(nil, n, []byte(text), nil); ok && len(parts) == 1 && n != bare {
			labels[parts[0].label] = true
		}
	}
	return labels
}

// isTyped reports whether the column holds labels without prefixes. If the caller did not
// name the column, it must look like tags: O is common, and there are few labels.
func (c *column) isTyped(named bool, rows, outside int) bool {
	var labels, split []string // labels, and those that look like tags with a prefix
	unknown := true            // all have a prefix, though one that no scheme has
	for text := range c.values {
		if isOutside([]byte(text)) {
			continue
		}
		if !isName([]byte(text)) {
			if list := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("|,;", r) }); len(list) < 2 {
				return false
			}
			continue
		}
		if len(text) < 3 || text[1] != '-' && text[1] != '_' {
			unknown = false
		} else if prefix(text[0]) != 0 {
			split = append(split, text)
		}
		labels = append(labels, text)
	}
	for _, text := range split {
		if p := prefix(text[0]); p == 'B' || p == 'I' || slices.Contains(labels, text[2:]) {
			return false
		}
		for _, other := range split {
			if other != text && other[2:] == text[2:] {
				return false
			}
		}
	}
	if unknown || len(labels) == 0 {
		return false
	}
	return named || outside*4 >= rows && len(labels) <= 100 && rows >= 2*len(labels)
}
