package corpus

import (
	"cmp"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"nertools/pkg/record"
)

// A Version is one of two versions of a corpus, such as the output of a run and its
// correction. It keeps all sentences in memory.
type Version struct {
	sentences []versioned
	at        Offsets // of the sentence added last
	before    []int   // of each of its code points: how many letters come before it
}

// versioned is what a Version keeps of a sentence.
type versioned struct {
	id, text string
	letters  string    // the text without white space
	marks    []located // in the order of [Sort]
}

// located is an entity of a versioned sentence.
type located struct {
	Mark
	start, end int // in letters: code points, half-open
}

// A Mark is an entity as a part of a text.
type Mark struct {
	Start, End  int // in code points of the text, half-open
	Label, Text string
}

// A Discrepancy is a sentence in which two versions of a corpus differ.
type Discrepancy struct {
	ID, Text     string // as in the first version that has the sentence; without an id, ID is its document
	InA, InB     bool   // which version has the sentence; both, if its entities differ
	OnlyA, OnlyB []Mark // entities that the other version lacks, in the order of the text
}

// Add adds a copy of a sentence.
func (v *Version) Add(s *Sentence) {
	add := versioned{id: strings.Clone(cmp.Or(s.ID, s.Position.Document)), text: strings.Clone(s.Text)}
	var letters strings.Builder
	v.before = v.before[:0]
	n := 0
	for _, r := range add.text {
		v.before = append(v.before, n)
		if !unicode.IsSpace(r) {
			letters.WriteRune(r)
			n++
		}
	}
	v.before = append(v.before, n)
	add.letters = letters.String()
	v.at.Reset(s)
	for _, e := range s.Entities {
		start, end := v.at.Chars(e.Span)
		startByte, endByte := v.at.Bytes(e.Span)
		add.marks = append(add.marks, located{Mark{start, end, strings.Clone(e.Label), add.text[startByte:endByte]}, v.before[start], v.before[end]})
	}
	v.sentences = append(v.sentences, add)
}

// Len returns the number of sentences.
func (v *Version) Len() int { return len(v.sentences) }

// Diff yields the sentences in which two versions differ: in the order of a, then those
// that only b has. White space does not count, so that a text and its tokens are the same
// sentence; where a text occurs several times, the first of a belongs to the first of b,
// and so on. Ids don't count, since other tools number sentences in their own way.
func Diff(a, b *Version) iter.Seq[*Discrepancy] {
	return func(yield func(*Discrepancy) bool) {
		left := map[string][]int{} // sentences of b that no sentence of a was compared with, by their letters
		for i := range b.sentences {
			s := &b.sentences[i]
			left[s.letters] = append(left[s.letters], i)
		}
		paired := make([]bool, len(b.sentences))
		for i := range a.sentences {
			s := &a.sentences[i]
			d := Discrepancy{ID: s.id, Text: s.text, InA: true}
			if same := left[s.letters]; len(same) > 0 {
				other := &b.sentences[same[0]]
				left[s.letters], paired[same[0]] = same[1:], true
				d.InB, d.OnlyA, d.OnlyB = true, lacking(s.marks, other.marks), lacking(other.marks, s.marks)
			} else {
				d.OnlyA = lacking(s.marks, nil)
			}
			if (!d.InB || len(d.OnlyA)+len(d.OnlyB) > 0) && !yield(&d) {
				return
			}
		}
		for i := range b.sentences {
			if s := &b.sentences[i]; !paired[i] && !yield(&Discrepancy{ID: s.id, Text: s.text, InB: true, OnlyB: lacking(s.marks, nil)}) {
				return
			}
		}
	}
}

// Divide returns v, with each text that consists of several sentences of other, such as a
// whole document, divided into these. An entity then belongs to the sentence in which it
// begins. White space does not count.
func (v *Version) Divide(other *Version) *Version {
	parts := newParts(other)
	divided := &Version{sentences: make([]versioned, 0, len(v.sentences))}
	for _, s := range v.sentences {
		if ends := parts.of(s.letters); len(ends) > 1 {
			divided.sentences = s.cut(divided.sentences, ends)
		} else {
			divided.sentences = append(divided.sentences, s)
		}
	}
	return divided
}

// parts are sentences of which a text may consist, all without white space.
type parts struct {
	sorted []string
	prefix []int // of each, the longest other one that it begins with; -1 without one
}

func newParts(v *Version) *parts {
	var p parts
	for _, s := range v.sentences {
		if s.letters != "" {
			p.sorted = append(p.sorted, s.letters)
		}
	}
	slices.Sort(p.sorted)
	p.sorted = slices.Compact(p.sorted)
	for i, s := range p.sorted {
		p.prefix = append(p.prefix, p.begins(s, i-1))
	}
	return &p
}

// begins returns the longest sentence with which s begins: i, a prefix of i, a prefix of this
// one and so on; -1 without one.
func (p *parts) begins(s string, i int) int {
	for i >= 0 && !strings.HasPrefix(s, p.sorted[i]) {
		i = p.prefix[i]
	}
	return i
}

// longest returns the longest sentence with which s begins, -1 without one.
func (p *parts) longest(s string) int {
	i, found := slices.BinarySearch(p.sorted, s)
	if found {
		return i
	}
	return p.begins(s, i-1) // what is sorted between a prefix of s and s begins with this prefix
}

// of returns the ends of the sentences of which letters consists, in bytes, nil if it does not
// consist of any. Long sentences come before short ones.
func (p *parts) of(letters string) (ends []int) {
	var path []int           // the sentences
	failed := map[int]bool{} // offsets at which no sentence leads to the end
	at := 0
	for next := p.longest(letters); at < len(letters); {
		for next >= 0 && failed[at+len(p.sorted[next])] {
			next = p.prefix[next]
		}
		if next >= 0 {
			at += len(p.sorted[next])
			path, ends = append(path, next), append(ends, at)
			next = p.longest(letters[at:])
			continue
		}
		if len(path) == 0 {
			return nil
		}
		failed[at] = true
		last := len(path) - 1
		at -= len(p.sorted[path[last]])
		next = path[last]
		path, ends = path[:last], ends[:last]
	}
	return ends
}

// cut appends the parts of s to list: ends are the ends of their letters, in bytes.
func (s versioned) cut(list []versioned, ends []int) []versioned {
	var from, fromChar, fromLetter, fromByte int // where the part begins: bytes and code points of the text, code points and bytes of the letters
	var chars, letters, bytes int                // so far
	marks := s.marks
	for i := 0; i < len(s.text); chars++ {
		r, size := utf8.DecodeRuneInString(s.text[i:])
		i += size
		if unicode.IsSpace(r) {
			continue
		}
		if bytes == fromByte {
			from, fromChar, fromLetter = i-size, chars, letters
		}
		letters++
		bytes += utf8.RuneLen(r)
		if bytes < ends[0] {
			continue
		}
		part := versioned{id: s.id, text: s.text[from:i], letters: s.letters[fromByte:bytes]}
		for len(marks) > 0 && (marks[0].start < letters || len(ends) == 1) {
			m := marks[0]
			m.Start, m.End = max(0, m.Start-fromChar), m.End-fromChar // it may begin with white space before the part
			m.start, m.end = m.start-fromLetter, m.end-fromLetter
			part.marks, marks = append(part.marks, m), marks[1:]
		}
		list = append(list, part)
		fromByte, ends = bytes, ends[1:]
	}
	return list
}

// lacking returns those marks that are not among others, in the order of the text.
func lacking(marks, others []located) []Mark {
	if len(marks) == 0 {
		return nil
	}
	type key struct {
		start, end int
		label      string
	}
	of := func(m located) key { return key{m.start, m.end, m.Label} }
	there := make(map[key]bool, len(others))
	for _, o := range others {
		there[of(o)] = true
	}
	var list []Mark
	for _, m := range marks {
		if !there[of(m)] {
			list = append(list, m.Mark)
		}
	}
	slices.SortStableFunc(list, func(a, b Mark) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End), strings.Compare(a.Label, b.Label))
	})
	return list
}

// AppendDiscrepancy appends d as a line of JSON. "in" is "both", "a" or "b"; start_char and
// end_char are half-open and count code points of "text", for entities of b those of b's
// own text, which may have other white space.
//
//	{"kind":"difference","v":1,"id":"3","text":"I took aspirin.","in":"both",
//	 "only_a":[{"label":"DRUG","text":"aspirin.","start_char":7,"end_char":15}],
//	 "only_b":[{"label":"DRUG","text":"aspirin","start_char":7,"end_char":14}]}
func AppendDiscrepancy(dst []byte, d *Discrepancy) []byte {
	in := "both"
	switch {
	case !d.InB:
		in = "a"
	case !d.InA:
		in = "b"
	}
	dst = record.AppendString(append(dst, `{"kind":"difference","v":1,"id":`...), d.ID)
	dst = record.AppendString(append(dst, `,"text":`...), d.Text)
	dst = record.AppendString(append(dst, `,"in":`...), in)
	dst = appendMarks(append(dst, `,"only_a":`...), d.OnlyA)
	dst = appendMarks(append(dst, `,"only_b":`...), d.OnlyB)
	return append(dst, "}\n"...)
}

func appendMarks(dst []byte, list []Mark) []byte {
	dst = append(dst, '[')
	for i, m := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = record.AppendString(append(dst, `{"label":`...), m.Label)
		dst = record.AppendString(append(dst, `,"text":`...), m.Text)
		dst = strconv.AppendInt(append(dst, `,"start_char":`...), int64(m.Start), 10)
		dst = strconv.AppendInt(append(dst, `,"end_char":`...), int64(m.End), 10)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}
