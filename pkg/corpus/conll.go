package corpus

import (
	"fmt"
	"io"
	"strings"

	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/record"
)

// Scheme says how tags mark the beginning and end of entities.
type Scheme uint8

// The schemes.
const (
	BIO   Scheme = iota // B-X starts an entity, I-X continues it, O is outside; also called IOB2
	BIOES               // also E-X for the last token of a longer entity, and S-X for an entity of one token
)

// ParseScheme parses "bio" or "bioes"; case is ignored.
func ParseScheme(name string) (Scheme, error) {
	for i, known := range []string{"bio", "bioes"} {
		if strings.EqualFold(name, known) {
			return Scheme(i), nil
		}
	}
	return 0, fmt.Errorf("unknown tag scheme %q: it must be bio or bioes", name)
}

// NewCoNLL returns an [Encoder] that writes one token per line with a tab and its tag,
// and a blank line after each sentence: the first and last columns of the CoNLL-2003
// shared task (https://www.clips.uantwerpen.be/conll2003/ner/).
//
// Overlapping entities are dropped as by [Flat] with order; [Encoder.Left] counts them.
// White space in a label becomes "_"; if that makes two labels equal, the later one gets
// the suffix "-2". Sentences without tokens are omitted; [Encoder.Empty] counts them. A
// sentence whose first token looks like the document separator can't be written; the
// error says what to do instead. Elsewhere in a sentence, [ReadCoNLL] reads such a token
// correctly; other programs may not.
//
// The tokens of a text sentence are its words as Unicode divides them (UAX #29), split
// wherever an entity begins or ends.
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
		if s.Unit == markup.Char {
			flat, left := Flat(s.Entities, order)
			c.left += left
			s = tokenised(s, flat)
		}
		switch {
		case len(s.Tokens) == 0:
			c.empty++
			return nil
		case isDocstart(s.Tokens[0]):
			return fault.WithHint(fmt.Errorf("sentence %s begins with the token %s, which marks a new document in CoNLL files", s.ID, s.Tokens[0]),
				"write another format, such as jsonl, or replace the token")
		case first && strings.HasPrefix(s.Tokens[0], record.ByteOrderMark):
			c.out.WriteByte('\n') // at the beginning of the file it would not be read as part of the token
		}
		first = false
		return write(s)
	}
	return c
}

// prefix returns the prefix of token i of e.
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
