package mrc

import (
	"bufio"
	"fmt"
	"io"
	"strconv"

	"nertools/pkg/corpus"
	"nertools/pkg/record"
)

// A Query is what a written file asks of every sentence.
type Query struct {
	Label string // the row's entity_label
	Words string // its member query, in words, for other tools; may be empty
}

// A Writer writes an MRC file: for each sentence a row for each question, a row
// a line. The same sentences and questions give the same bytes on every machine.
type Writer struct {
	out       *bufio.Writer
	questions []Query
	rows      int
	sentences int
	line      []byte
}

// NewWriter returns a Writer to w, which Close does not close.
func NewWriter(w io.Writer, questions []Query) *Writer {
	return &Writer{out: bufio.NewWriterSize(w, 256<<10), questions: questions}
}

// Add writes the rows of s. Its ID, or where that is empty the number of the
// sentence from 0, is the S of qas_id "S.L"; L counts the questions from 1. What
// a question does not ask for is not written.
func (w *Writer) Add(s *corpus.Sentence) error {
	id := s.ID
	if id == "" {
		id = strconv.Itoa(w.sentences)
	}
	w.sentences++
	for n, q := range w.questions {
		w.line = w.appendRow(w.line[:0], s, id, n, q)
		// The buffer remembers its first error until Close.
		if _, err := w.out.Write(w.line); err != nil {
			return fmt.Errorf("write rows: %w", err)
		}
		w.rows++
	}
	return nil
}

func (w *Writer) appendRow(dst []byte, s *corpus.Sentence, id string, n int, q Query) []byte {
	between := ",\n"
	if w.rows == 0 {
		between = "[\n"
	}
	var starts, ends, spans []byte
	for _, e := range s.Entities {
		if e.Label != q.Label {
			continue
		}
		if len(starts) > 0 {
			starts, ends, spans = append(starts, ", "...), append(ends, ", "...), append(spans, ", "...)
		}
		starts = strconv.AppendInt(starts, int64(e.Start), 10)
		ends = strconv.AppendInt(ends, int64(e.End-1), 10)
		spans = fmt.Appendf(spans, `"%d;%d"`, e.Start, e.End-1)
	}
	dst = append(append(dst, between...), `{"context": `...)
	dst = record.AppendString(dst, s.Text)
	dst = append(append(append(dst, `, "end_position": [`...), ends...), `], "entity_label": `...)
	dst = record.AppendString(dst, q.Label)
	dst = append(dst, `, "impossible": `...)
	dst = strconv.AppendBool(dst, len(starts) == 0)
	dst = append(dst, `, "qas_id": `...)
	dst = record.AppendString(dst, id+"."+strconv.Itoa(n+1))
	if q.Words != "" {
		dst = record.AppendString(append(dst, `, "query": `...), q.Words)
	}
	dst = append(append(append(dst, `, "span_position": [`...), spans...), `], "start_position": [`...)
	return append(append(dst, starts...), "]}"...)
}

// Close ends the array. A file without rows is no MRC file: what was added
// has to have been at least one sentence.
func (w *Writer) Close() error {
	w.out.WriteString("\n]\n")
	if err := w.out.Flush(); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	return nil
}
