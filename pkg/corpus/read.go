package corpus

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"

	"nertools/pkg/fault"
	"nertools/pkg/record"
)

// InputFormats lists the names of the formats that [Read] reads.
var InputFormats = []string{"text", "markup", "jsonl", "csv", "conll"}

// Reading holds the options for reading a file.
type Reading struct {
	// TokenColumn is the column of the tokens in a CoNLL file, from 1; 0 means that the
	// file decides.
	TokenColumn int

	// TagColumns are the columns of the tags in a CoNLL file, from 1. The entities of all
	// of them are read. If nil, the file decides.
	TagColumns []int

	// BareLabel is the label of all entities of a CoNLL file whose tags are just B, I and
	// O.
	BareLabel string

	// TagNames are the names of tags that are numbers, in the order of the numbers, from 0.
	TagNames []string

	// Remarks, if not nil, receives what was skipped, merged or guessed.
	Remarks *Remarks

	// TextColumn and IDColumn name the columns of a CSV file, or the members of JSON
	// objects; "" means "text", and "id" if there is such a column.
	TextColumn, IDColumn string

	// Offsets says what the offsets in JSON objects and brat files count.
	Offsets Counting

	// Documents is for files of which each is known to be a document. [Detect] takes tags for
	// inline markup only if Label knows them, and columns without tags for text.
	Documents bool

	// Split says how texts become sentences.
	Split Split

	// Pretokenized reads texts with white space between all tokens: spans of the sentences
	// count tokens, and a text, or with [ByLine] a line of it, is a sentence.
	Pretokenized bool

	// Label converts a label of the file, for example to the spelling in the catalogue,
	// or returns an error, which is reported with the line. If nil, labels are kept as
	// they are.
	Label func(label string) (string, error)

	// Document, if not nil, is called with each document before its sentences. Its error
	// ends the reading and is reported with the line.
	Document func(id, text string) error
}

// Read reads sentences from in. Errors use name as the file name. The formats are "text"
// (see [ReadText]), "markup" ([ReadMarkup]), "jsonl" ([ReadJSONL]), "csv" ([ReadCSV]) and
// "conll" ([ReadCoNLL]); "" chooses one by the beginning of the file, see [Detect]. A file
// in none of them is read as CoNLL, which reports what is wrong with it. A file compressed
// with gzip, Zstandard or bzip2 is decompressed. If in is an [io.Seeker] that can seek, a
// CoNLL file is read twice instead of being kept in memory. detected is the format, "" for a
// file in none of them.
func Read(name string, in io.Reader, format string, how Reading) (sentences iter.Seq2[*Sentence, error], detected string, err error) {
	rewind := rewinder(in)
	r, err := unpack(name, in)
	if err != nil {
		return nil, format, err
	}
	if format == "" {
		head, err := r.Peek(detectSize)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, format, fmt.Errorf("read %s: %w", name, err)
		}
		if i := bytes.LastIndexByte(head, '\n'); err == nil && i >= 0 { // the file is longer: leave out the torn line
			head = head[:i+1]
		}
		format = Detect(name, head, how)
	} else if !slices.Contains(InputFormats, format) {
		return nil, format, fmt.Errorf("unknown input format %q: it must be one of %s", format, strings.Join(InputFormats, ", "))
	}
	switch format {
	case "text":
		return ReadText(name, r, how), format, nil
	case "markup":
		return ReadMarkup(name, r, how), format, nil
	case "csv":
		return ReadCSV(name, r, how), format, nil
	case "jsonl":
		return ReadJSONL(name, r, how), format, nil
	}
	open := again(r)
	if rewind != nil {
		open = func() (io.Reader, error) {
			if err := rewind(); err != nil {
				return nil, err
			}
			return unpack(name, in)
		}
	}
	return all((&conll{texts: newTexts(name, how), open: open}).next), format, nil
}

// rewinder returns a function after which r is read again from where it is now, nil if r
// cannot seek.
func rewinder(r io.Reader) func() error {
	s, ok := r.(io.Seeker)
	if !ok {
		return nil
	}
	start, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil
	}
	return func() error {
		_, err := s.Seek(start, io.SeekStart)
		return err
	}
}

// again returns a function that returns, each time, a reader of all that r holds. It keeps
// that in memory if r cannot seek.
func again(r io.Reader) func() (io.Reader, error) {
	if rewind := rewinder(r); rewind != nil {
		return func() (io.Reader, error) { return r, rewind() }
	}
	read := sync.OnceValues(func() ([]byte, error) { return io.ReadAll(r) })
	return func() (io.Reader, error) {
		data, err := read()
		return bytes.NewReader(data), err
	}
}

// reader is the common part of the readers of lines.
type reader struct {
	*record.Lines
	texts
}

func newReader(name string, r io.Reader, how Reading) reader {
	return reader{Lines: record.NewLines(name, r), texts: newTexts(name, how)}
}

// texts is the common part of all readers.
type texts struct {
	Reading
	name   string
	labels map[string]string // labels of the file -> labels in sentences
	queue  []*Sentence       // of the current document, not returned yet
	at     Offsets
}

func newTexts(name string, how Reading) texts {
	return texts{Reading: how, name: name, labels: map[string]string{}}
}

// fault returns err as a fault of the given line.
func (r *texts) fault(line int, err error, hint string) error {
	return &fault.Error{File: r.name, Line: line, Err: err, Hint: hint}
}

// label converts a label of the file.
func (r *texts) label(raw string) (string, error) {
	if label, ok := r.labels[raw]; ok {
		return label, nil
	}
	label := strings.Clone(raw)
	if r.Label != nil {
		var err error
		if label, err = r.Label(label); err != nil {
			return "", err
		}
	}
	r.labels[strings.Clone(raw)] = label
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
