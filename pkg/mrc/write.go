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

// ErrNoLabels is the error of sentences without entities, and so without labels to ask
// for.
var ErrNoLabels = errors.New("no entities, and so no labels, in it")

// Write writes an MRC file of the sentences that were read from the file called name,
// and returns how many sentences and rows it has. Without questions it asks for the
// labels that the sentences bear, in alphabetical order: then it holds all of them in
// memory. Sentences of which there are none are a fault.
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

// labelled reads all sentences, and asks for the labels that they bear.
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
