package corpus

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/tidwall/gjson"

	"nertools/pkg/record"
)

// Reading is how to read a file.
type Reading struct {
	// Column is where the lines of a CoNLL file have the tag, from 1; 0 is the
	// last column.
	Column int

	// Label makes a label of the file one of the sentence, for example as a
	// catalogue spells it, or says why it can't; nil takes labels as they are. The
	// error becomes a fault with the line.
	Label func(label string) (string, error)
}

// Read reads sentences from in, which errors call name: a file of [ReadCoNLL] ("conll"),
// of [ReadJSONL] ("jsonl"), or with "" as format what the first line is.
func Read(name string, in io.Reader, format string, how Reading) (iter.Seq2[*Sentence, error], error) {
	r := bufio.NewReaderSize(in, 64<<10)
	if mark, err := r.Peek(len(byteOrderMark)); err == nil && string(mark) == byteOrderMark {
		_, _ = r.Discard(len(mark)) // it has been read
	}
	if format == "" {
		format = "conll"
		if begin, err := r.Peek(1); err == nil && begin[0] == '{' {
			line, _ := r.Peek(r.Buffered())
			if line, _, _ = bytes.Cut(line, []byte("\n")); gjson.GetBytes(line, "@keys").Get("#").Int() > 0 {
				format = "jsonl"
			}
		}
	}
	switch format {
	case "conll":
		return ReadCoNLL(name, r, how), nil
	case "jsonl":
		return ReadJSONL(name, r, how), nil
	}
	return nil, fmt.Errorf("no format of labelled sentences is called %q: conll or jsonl", format)
}

// reader is what the readers share.
type reader struct {
	*record.Lines
	Reading
	name   string
	labels map[string]string // those of the file, and what they are in sentences
}

func newReader(name string, r io.Reader, how Reading) reader {
	return reader{Lines: record.NewLines(name, r), Reading: how, name: name, labels: map[string]string{}}
}

// label is what a label of the file is in the sentence.
func (r *reader) label(raw []byte) (string, error) {
	if label, ok := r.labels[string(raw)]; ok {
		return label, nil
	}
	label := string(raw)
	if r.Label != nil {
		var err error
		if label, err = r.Label(label); err != nil {
			return "", err
		}
	}
	r.labels[string(raw)] = label
	return label, nil
}

// all gives what next returns until that is io.EOF or an error.
func all(next func() (*Sentence, error)) iter.Seq2[*Sentence, error] {
	return func(yield func(*Sentence, error) bool) {
		for {
			s, err := next()
			if errors.Is(err, io.EOF) || !yield(s, err) || err != nil {
				return
			}
		}
	}
}

// unique orders the entities of s and leaves each there once.
func unique(s *Sentence) *Sentence {
	Sort(s.Entities, nil)
	s.Entities = slices.Compact(s.Entities)
	return s
}
