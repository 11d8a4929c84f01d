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

// Reading holds the options for reading a file.
type Reading struct {
	// Column is the column of the tag in a CoNLL file, from 1; 0 means the last column.
	Column int

	// Label converts a label of the file, for example to the spelling in the catalogue,
	// or returns an error, which is reported with the line. If nil, labels are kept as
	// they are.
	Label func(label string) (string, error)
}

// Read reads sentences from in, in the format "conll" (see [ReadCoNLL]) or "jsonl" (see
// [ReadJSONL]); "" chooses the format by the first line. Errors use name as the file
// name.
func Read(name string, in io.Reader, format string, how Reading) (iter.Seq2[*Sentence, error], error) {
	r := bufio.NewReaderSize(in, 64<<10)
	if mark, err := r.Peek(len(record.ByteOrderMark)); err == nil && string(mark) == record.ByteOrderMark {
		_, _ = r.Discard(len(mark)) // cannot fail: it was peeked
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
	return nil, fmt.Errorf("unknown input format %q: it must be conll or jsonl", format)
}

// reader is the common part of the readers.
type reader struct {
	*record.Lines
	Reading
	name   string
	labels map[string]string // labels of the file -> labels in sentences
}

func newReader(name string, r io.Reader, how Reading) reader {
	return reader{Lines: record.NewLines(name, r), Reading: how, name: name, labels: map[string]string{}}
}

// label converts a label of the file.
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

// all yields the results of next until it returns io.EOF or an error.
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

// unique sorts the entities of s and removes duplicates.
func unique(s *Sentence) *Sentence {
	Sort(s.Entities, nil)
	s.Entities = slices.Compact(s.Entities)
	return s
}
