package corpus

import (
	"io"
	"strconv"

	"nertools/pkg/record"
)

// NewSpaCy returns an [Encoder] that writes JSON lines with the members "text" and
// "entities", the annotations from which spaCy makes training examples
// (https://spacy.io/api/data-formats#dict-input):
//
//	{"text":"Ada Li left .","entities":[[0,6,"PER"]]}
//
// Offsets are half-open and count Unicode code points. To load a line:
//
//	Example.from_dict(nlp.make_doc(line["text"]), {"entities": line["entities"]})
//
// spaCy accepts no overlapping entities: they are dropped as by [Flat] with order;
// [Encoder.Left] counts them.
func NewSpaCy(w io.Writer, order func(label string) int) *Encoder {
	c := newWriter(w)
	return c.lines(func(dst []byte, s *Sentence) []byte {
		flat, left := Flat(s.Entities, order)
		c.left += left
		c.at.Reset(s)
		dst = record.AppendString(append(dst, `{"text":`...), s.Text)
		dst = append(dst, `,"entities":[`...)
		for i, e := range flat {
			if i > 0 {
				dst = append(dst, ',')
			}
			start, end := c.at.Chars(e.Span)
			dst = strconv.AppendInt(append(dst, '['), int64(start), 10)
			dst = strconv.AppendInt(append(dst, ','), int64(end), 10)
			dst = append(record.AppendString(append(dst, ','), e.Label), ']')
		}
		return append(dst, "]}\n"...)
	})
}
