package corpus

import (
	"io"
	"iter"
	"strings"

	"nertools/pkg/record"
)

// ReadText reads a document without entities, the whole of r, and returns its sentences.
// They count code points, and name is the id of the document. A text has at most
// [record.MaxLine] bytes; bad input is a [*fault.Error] with the line.
func ReadText(name string, r io.Reader, how Reading) iter.Seq2[*Sentence, error] {
	t := newTexts(name, how)
	read := false
	return all(func() (*Sentence, error) {
		return t.next(func() (*document, error) {
			if read {
				return nil, io.EOF
			}
			read = true
			text, err := readAll(name, r)
			if err != nil {
				return nil, err
			}
			if how.Pretokenized {
				text = strings.TrimPrefix(text, record.ByteOrderMark)
			}
			return &document{id: name, text: text, line: 1}, t.checkText(text)
		})
	})
}
