package corpus

import (
	"fmt"
	"io"
	"strings"

	"nertools/pkg/fault"
)

// Scheme is how tags tell where entities begin and end.
type Scheme uint8

// The schemes.
const (
	BIO   Scheme = iota // B-X begins an entity, I-X goes on, O is outside; also called IOB2
	BIOES               // besides, E-X is the last token of an entity of several, S-X an entity of one
)

// ParseScheme reads "bio" or "bioes", in any case.
func ParseScheme(name string) (Scheme, error) {
	for i, known := range []string{"bio", "bioes"} {
		if strings.EqualFold(name, known) {
			return Scheme(i), nil
		}
	}
	return 0, fmt.Errorf("no scheme of tags is called %q: bio or bioes", name)
}

// docstart is the line that stands between documents in the files of the
// CoNLL-2003 shared task.
const docstart = "-DOCSTART-"

// NewCoNLL returns a Writer of token and tag, a tab between them, a token a
// line and a blank line behind every sentence: the first and last columns of
// the CoNLL-2003 shared task (https://www.clips.uantwerpen.be/conll2003/ner/).
//
// Overlapping entities are left out as [Flat] has it with order; see
// [Encoder.Left]. White space in a label becomes "_"; should that make it equal
// to another label, the later one ends in "-2". A sentence without tokens leaves
// nothing; see [Encoder.Empty]. One whose first token reads as the mark between
// documents can't be written: the error says what to do instead. Further on in a
// sentence [ReadCoNLL] takes that token for what it is; other programs may not.
func NewCoNLL(w io.Writer, scheme Scheme, order func(label string) int) *Encoder {
	c := newWriter(w)
	labels := newNames(underscored)
	write := c.lines(func(dst []byte, s *Sentence) []byte {
		flat, left := Flat(s.Entities, order)
		c.left += left
		for i, token := range s.Tokens {
			dst = append(append(dst, token...), '\t')
			for len(flat) > 0 && flat[0].End <= i {
				flat = flat[1:]
			}
			if len(flat) == 0 || flat[0].Start > i {
				dst = append(dst, 'O', '\n')
				continue
			}
			dst = append(dst, scheme.prefix(flat[0], i), '-')
			dst = append(append(dst, labels.name(flat[0].Label)...), '\n')
		}
		return append(dst, '\n')
	}).add
	first := true
	c.add = func(s *Sentence) error {
		switch {
		case len(s.Tokens) == 0:
			c.empty++
			return nil
		case s.Tokens[0] == docstart:
			return fault.WithHint(fmt.Errorf("sentence %s begins with the token %s: CoNLL files have it for the mark between documents", s.ID, docstart),
				"write another format, such as jsonl, or put another token there")
		case first && strings.HasPrefix(s.Tokens[0], byteOrderMark):
			c.out.WriteByte('\n') // at the very beginning it would not be read as part of the token
		}
		first = false
		return write(s)
	}
	return c
}

const byteOrderMark = "\ufeff"

// prefix is that of token i of e.
func (s Scheme) prefix(e Entity, i int) byte {
	switch {
	case s == BIOES && e.End-e.Start == 1:
		return 'S'
	case i == e.Start:
		return 'B'
	case s == BIOES && i == e.End-1:
		return 'E'
	}
	return 'I'
}
