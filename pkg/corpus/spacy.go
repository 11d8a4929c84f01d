package corpus

import (
	"fmt"
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
// The line of a text sentence also has "form":"text" and, if it is known, "document" with
// "offset" and "offset_bytes"; then "offsets" has the start, the end, the first byte and the
// byte behind the last one of each entity in the document.
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
		dst = appendPosition(append(dst, ']'), s)
		if s.Position.Document != "" {
			dst = append(dst, `,"offsets":[`...)
			for i, e := range flat {
				if i > 0 {
					dst = append(dst, ',')
				}
				start, end, startByte, endByte := c.at.InDocument(e.Span)
				dst = fmt.Appendf(dst, "[%d,%d,%d,%d]", start, end, startByte, endByte)
			}
			dst = append(dst, ']')
		}
		return append(dst, "}\n"...)
	})
}
