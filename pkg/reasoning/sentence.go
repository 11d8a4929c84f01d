package reasoning

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// reach is how many bytes on each side of a tag are compared with the sentence.
const reach = 5

// sentenceTags are the tags in a sentence and the text next to them.
type sentenceTags struct {
	unknown bool // the sentence is unknown and could contain any tag
	names   map[string]bool
	places  map[place]bool
	sides   map[place]bool // one side empty, the other reach bytes long
	edges   []place        // less than reach bytes on one side, near an end of the sentence
}

// place is a tag and the text around it, up to reach bytes on either side.
type place struct{ name, before, after string }

// tagsOf finds the tags in a sentence. Spacing is ignored, since sentences are often
// tokenised: "< think >".
func tagsOf(sentence string) *sentenceTags {
	if !strings.ContainsAny(sentence, "<[◁") {
		return &sentenceTags{unknown: sentence == ""}
	}
	text := squeeze(sentence)
	tags := appendTags(nil, text)
	s := &sentenceTags{names: map[string]bool{}, places: map[place]bool{}, sides: map[place]bool{}}
	for _, t := range tags {
		p := place{t.name, text[max(0, t.from-reach):t.from], text[t.to:min(len(text), t.to+reach)]}
		s.names[t.name], s.places[p] = true, true
		if len(p.before) == reach {
			s.sides[place{t.name, p.before, ""}] = true
		}
		if len(p.after) == reach {
			s.sides[place{t.name, "", p.after}] = true
		}
		if len(p.before) < reach || len(p.after) < reach {
			s.edges = append(s.edges, p)
		}
	}
	return s
}

// drop removes those tags of an answer that are text: tags in quotes, and those that are
// or may be copies of tags in the sentence.
func (s *sentenceTags) drop(answer string, tags []tag) []tag {
	opened := map[int]bool{} // notations with an opening tag that is not a copy
	copied := map[int]bool{} // notations with an opening tag that may be a copy
	return slices.DeleteFunc(tags, func(t tag) bool {
		before, after := answer[:t.from], answer[t.to:]
		if quoted(before, after) || s.copied(before, after, t.name) {
			return true
		}
		p := positionOf(before, after)
		switch {
		case t.kind == opens && (s.has(t.name) && !p.begins || s.unknown && p.spaced):
			copied[t.notation] = true
			return true
		case t.kind == opens:
			opened[t.notation] = true
			return false
		case t.kind == closes && s.has(t.name):
			return !p.begins && !p.ends && !opened[t.notation]
		}
		return t.kind == closes && s.unknown && p.spaced && copied[t.notation] && !opened[t.notation]
	})
}

// position says where in its line a tag is.
type position struct {
	begins, ends bool // nothing precedes it, or nothing follows it
	spaced       bool // text on both sides, separated by spaces as in a tokenised sentence
}

func positionOf(before, after string) position {
	left, right := strings.TrimRight(before, " \t"), strings.TrimLeft(after, " \t")
	p := position{begins: left == "" || strings.HasSuffix(left, "\n"), ends: right == "" || right[0] == '\n'}
	p.spaced = !p.begins && !p.ends && len(left) < len(before) && len(right) < len(after)
	return p
}

// has reports whether the sentence contains a tag of this name.
func (s *sentenceTags) has(name string) bool { return s.names[name] }

// copied reports whether the tag occurs in the sentence with the same text on at least
// one side. For a special token both sides must match, because one side is often the same
// in any text.
func (s *sentenceTags) copied(before, after, name string) bool {
	if !s.has(name) {
		return false
	}
	p := place{name, lettersBefore(before), lettersAfter(after)}
	special := strings.HasPrefix(name, "<|") || strings.HasSuffix(name, "|>") || strings.HasPrefix(name, "<unused")
	if s.places[p] || !special && (s.sides[place{name, p.before, ""}] || s.sides[place{name, "", p.after}]) {
		return true
	}
	const few = 3 // bytes; fewer are no evidence
	for _, e := range s.edges {
		if e.name != name {
			continue
		}
		begins, ends := strings.HasSuffix(p.before, e.before), strings.HasPrefix(p.after, e.after)
		if begins && ends && len(e.before)+len(e.after) >= few || !special && (begins && len(e.before) >= few || ends && len(e.after) >= few) {
			return true
		}
	}
	return false
}

// quoted reports whether before ends with a quotation mark and after begins with one.
func quoted(before, after string) bool {
	for _, q := range [...]struct{ open, close string }{{"`", "`"}, {`"`, `"`}, {"'", "'"}, {"“", "”"}, {"‘", "’"}, {"「", "」"}} {
		if strings.HasSuffix(before, q.open) && strings.HasPrefix(after, q.close) {
			return true
		}
	}
	return false
}

// ignored reports whether r may be present in the answer but missing in the sentence, or
// vice versa: white space and marks.
func ignored(r rune) bool { return unicode.IsSpace(r) || r == '@' || r == '#' || r == '*' }

// squeeze returns text without the characters that are ignored.
func squeeze(text string) string {
	return strings.Map(func(r rune) rune {
		if ignored(r) {
			return -1
		}
		return r
	}, text)
}

// lettersAfter returns the first reach bytes of text, without ignored characters.
func lettersAfter(text string) string {
	var b []byte
	for i, r := range text {
		if ignored(r) {
			continue
		}
		_, size := utf8.DecodeRuneInString(text[i:])
		if b = append(b, text[i:i+size]...); len(b) >= reach {
			return string(b[:reach])
		}
	}
	return string(b)
}

// lettersBefore returns the last reach bytes of text, without ignored characters.
func lettersBefore(text string) string {
	var b [reach]byte
	at := reach
	for text != "" && at > 0 {
		r, size := utf8.DecodeLastRuneInString(text)
		if !ignored(r) {
			letter := text[len(text)-size:]
			n := min(size, at)
			at -= n
			copy(b[at:], letter[size-n:])
		}
		text = text[:len(text)-size]
	}
	return string(b[at:])
}
