package mrc

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"

	"nertools/pkg/corpus"
	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/record"
)

// A Query is a question that a written file asks about every sentence.
type Query struct {
	Label string // the row's entity_label
	Words string // the row's member query: the question in words, for other tools; may be empty
}

// A Writer writes an MRC file: for each sentence one row per question, one row per line.
// The same sentences and questions result in the same bytes on every machine.
type Writer struct {
	out       *bufio.Writer
	questions []Query
	rows      int
	sentences int
	line      []byte
}

// NewWriter returns a Writer that writes to w. Its Close does not close w.
func NewWriter(w io.Writer, questions []Query) *Writer {
	return &Writer{out: bufio.NewWriterSize(w, 256<<10), questions: questions}
}

// Add writes the rows of s: text rows if its Unit is [markup.Char], with its document if
// that is known. The qas_id is "S.L": S is s.ID or, if that is empty, the
// number of the sentence, from 0; L is the number of the question, from 1. Entities whose
// label no question asks for are not written.
func (w *Writer) Add(s *corpus.Sentence) error {
	id := s.ID
	if id == "" {
		id = strconv.Itoa(w.sentences)
	}
	w.sentences++
	appendRow := w.appendRow
	if s.Unit == markup.Char {
		appendRow = w.appendTextRow
	}
	for n, q := range w.questions {
		w.line = appendRow(append(w.line[:0], w.between()...), s, id, n, q)
		// The buffer remembers its first error until Close.
		if _, err := w.out.Write(w.line); err != nil {
			return fmt.Errorf("write rows: %w", err)
		}
		w.rows++
	}
	return nil
}

// between returns what to write before the next row.
func (w *Writer) between() string {
	if w.rows == 0 {
		return "[\n"
	}
	return ",\n"
}

// appendTextRow appends a row whose spans count characters.
func (w *Writer) appendTextRow(dst []byte, s *corpus.Sentence, id string, n int, q Query) []byte {
	dst = record.AppendString(append(dst, `{"context": `...), s.Text)
	if s.Position.Document != "" {
		dst = record.AppendString(append(dst, `, "document": `...), s.Position.Document)
	}
	dst = record.AppendString(append(dst, `, "entity_label": `...), q.Label)
	dst = append(dst, `, "form": "`+record.TextForm+`"`...)
	if s.Position.Document != "" {
		dst = strconv.AppendInt(append(dst, `, "offset": `...), int64(s.Position.Chars), 10)
		dst = strconv.AppendInt(append(dst, `, "offset_bytes": `...), int64(s.Position.Bytes), 10)
	}
	dst = record.AppendString(append(dst, `, "qas_id": `...), id+"."+strconv.Itoa(n+1))
	if q.Words != "" {
		dst = record.AppendString(append(dst, `, "query": `...), q.Words)
	}
	dst = append(dst, `, "spans": [`...)
	between := ""
	for _, e := range s.Entities {
		if e.Label == q.Label {
			dst = fmt.Appendf(dst, "%s[%d, %d]", between, e.Start, e.End)
			between = ", "
		}
	}
	return append(dst, "]}"...)
}

func (w *Writer) appendRow(dst []byte, s *corpus.Sentence, id string, n int, q Query) []byte {
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
	dst = record.AppendString(append(dst, `{"context": `...), s.Text)
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

// Close ends the array. At least one sentence must have been added, because a file
// without rows is not an MRC file.
func (w *Writer) Close() error {
	w.out.WriteString("\n]\n")
	if err := w.out.Flush(); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	return nil
}

// ErrNoLabels means that the sentences have no entities, so there are no labels to ask
// for.
var ErrNoLabels = errors.New("it contains no entities, so the labels are unknown")

// Write writes an MRC file with the sentences read from the file called name, and returns
// how many sentences and rows it contains. Without questions, it asks for all labels that
// occur, in alphabetical order; then it keeps all sentences in memory. It is an error if
// there are no sentences.
func Write(w io.Writer, name string, sentences iter.Seq2[*corpus.Sentence, error], questions []Query) (n, rows int, err error) {
	if questions == nil {
		var all []*corpus.Sentence
		if all, questions, err = labelled(sentences); err != nil {
			return 0, 0, err
		}
		if len(all) > 0 && len(questions) == 0 {
			return 0, 0, &fault.Error{File: name, Err: ErrNoLabels}
		}
		sentences = func(yield func(*corpus.Sentence, error) bool) {
			for _, s := range all {
				if !yield(s, nil) {
					return
				}
			}
		}
	}
	out := NewWriter(w, questions)
	for s, err := range sentences {
		if err != nil {
			return 0, 0, err
		}
		if err := out.Add(s); err != nil {
			return 0, 0, err
		}
	}
	if out.sentences == 0 {
		return 0, 0, &fault.Error{File: name, Err: errors.New("no sentences in it"), Hint: "an MRC file needs at least one"}
	}
	return out.sentences, out.rows, out.Close()
}

// labelled reads all sentences and returns them with one question per label that occurs.
func labelled(sentences iter.Seq2[*corpus.Sentence, error]) (all []*corpus.Sentence, questions []Query, err error) {
	labels := map[string]bool{}
	for s, err := range sentences {
		if err != nil {
			return nil, nil, err
		}
		all = append(all, s)
		for _, e := range s.Entities {
			labels[e.Label] = true
		}
	}
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		questions = append(questions, Query{Label: label})
	}
	return all, questions, nil
}
