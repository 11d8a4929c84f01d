package corpus

import (
	"bufio"
	"fmt"
	"io"

	"nertools/pkg/record"
)

// An Encoder writes sentences in one of the formats, in the order in which they
// are added. It holds one sentence at a time, and the same sentences give the
// same bytes.
//
// The spans of a sentence's entities have to be within its tokens.
type Encoder struct {
	out           *bufio.Writer
	add           func(s *Sentence) error
	between, last string // written between sentences, and after the last
	sentences     int
	left          int
	empty         int
	line          []byte
	at            Offsets
}

// encoders are the formats by name.
var encoders = []struct {
	name string
	open func(w io.Writer, scheme Scheme, order func(label string) int) *Encoder
}{
	{"jsonl", func(w io.Writer, _ Scheme, _ func(string) int) *Encoder { return NewJSONL(w) }},
	{"conll", NewCoNLL},
	{"spacy", func(w io.Writer, _ Scheme, order func(string) int) *Encoder { return NewSpaCy(w, order) }},
	{"labelstudio", func(w io.Writer, _ Scheme, _ func(string) int) *Encoder { return NewLabelStudio(w) }},
	{"csv", func(w io.Writer, _ Scheme, _ func(string) int) *Encoder { return NewCSV(w) }},
}

// Formats are the formats that [NewEncoder] knows.
func Formats() (names []string) {
	for _, e := range encoders {
		names = append(names, e.name)
	}
	return names
}

// NewEncoder returns the Encoder of a format that [Formats] names. scheme is for conll,
// order for the formats that hold no entities that overlap.
func NewEncoder(format string, w io.Writer, scheme Scheme, order func(label string) int) (*Encoder, error) {
	for _, e := range encoders {
		if e.name == format {
			return e.open(w, scheme, order), nil
		}
	}
	return nil, fmt.Errorf("no format is called %q", format)
}

func newWriter(w io.Writer) *Encoder {
	return &Encoder{out: bufio.NewWriterSize(w, 256<<10)}
}

// Add writes s.
func (w *Encoder) Add(s *Sentence) error {
	if w.sentences > 0 {
		w.out.WriteString(w.between)
	}
	w.sentences++
	if err := w.add(s); err != nil {
		return fmt.Errorf("write sentences: %w", err)
	}
	return nil
}

// Close ends what was written and hands it on. It does not close the writer
// that w writes to.
func (w *Encoder) Close() error {
	w.out.WriteString(w.last)
	if err := w.out.Flush(); err != nil {
		return fmt.Errorf("write sentences: %w", err)
	}
	return nil
}

// Left is how many entities have been left out so far, as the format holds no
// entities that overlap: see [Flat].
func (w *Encoder) Left() int { return w.left }

// Empty is how many sentences have been left out so far, as they have no token
// and the format holds no sentence without one: see [NewCoNLL].
func (w *Encoder) Empty() int { return w.empty }

// lines makes w write what line appends for each sentence.
func (w *Encoder) lines(line func(dst []byte, s *Sentence) []byte) *Encoder {
	w.add = func(s *Sentence) error {
		w.line = line(w.line[:0], s)
		_, err := w.out.Write(w.line) // the first error stays until Close
		return err
	}
	return w
}

// text is the text of e, as w.at has been reset to s.
func (w *Encoder) text(s *Sentence, e Entity) string {
	start, end := w.at.Bytes(e.Span)
	return s.Text[start:end]
}

// appendList appends list as a JSON array of strings.
func appendList(dst []byte, list []string) []byte {
	dst = append(dst, '[')
	for i, s := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = record.AppendString(dst, s)
	}
	return append(dst, ']')
}
