package corpus

import (
	"cmp"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"nertools/pkg/record"
)

// A Version is one of two versions of a corpus, such as the output of a run and its
// correction. It keeps all sentences in memory.
type Version struct{ sentences []versioned }

// versioned is what a Version keeps of a sentence.
type versioned struct {
	id, text string
	letters  string // the text without white space
	marks    []located
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
	ID, Text     string // as in the first version that has the sentence
	InA, InB     bool   // which version has the sentence; both, if its entities differ
	OnlyA, OnlyB []Mark // entities that the other version lacks, in the order of the text
}

// Add adds a copy of a sentence.
func (v *Version) Add(s *Sentence) {
	add := versioned{id: strings.Clone(s.ID), text: strings.Clone(s.Text)}
	var letters strings.Builder
	var before, starts []int // of each code point: letters before it, and its offset in bytes
	n := 0
	for i, r := range add.text {
		before, starts = append(before, n), append(starts, i)
		if !unicode.IsSpace(r) {
			letters.WriteRune(r)
			n++
		}
	}
	before, starts = append(before, n), append(starts, len(add.text))
	add.letters = letters.String()
	var at Offsets
	at.Reset(s)
	for _, e := range s.Entities {
		start, end := at.Chars(e.Span)
		add.marks = append(add.marks, located{Mark{start, end, strings.Clone(e.Label), add.text[starts[start]:starts[end]]}, before[start], before[end]})
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

// lacking returns those marks that are not among others, in the order of the text.
func lacking(marks, others []located) []Mark {
	var list []Mark
	for _, m := range marks {
		same := func(o located) bool { return o.start == m.start && o.end == m.end && o.Label == m.Label }
		if !slices.ContainsFunc(others, same) {
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
