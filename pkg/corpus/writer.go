package corpus

import (
	"bufio"
	"fmt"
	"io"
	"strconv"

	"nertools/pkg/markup"
	"nertools/pkg/record"
)

// An Encoder writes sentences in one of the formats, in the order in which they are
// added. It keeps one sentence in memory at a time. The same sentences result in the same
// bytes.
//
// Entities must be within the tokens or characters of their sentence.
type Encoder struct {
	out           *bufio.Writer
	add           func(s *Sentence) error
	finish        func() error // called before the end; may be nil
	between, last string       // written between sentences and after the last one
	sentences     int
	left          int
	empty         int
	line          []byte
	at            Offsets
}

// encoders lists the formats by name.
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

// Formats returns the names of the formats for [NewEncoder].
func Formats() (names []string) {
	for _, e := range encoders {
		names = append(names, e.name)
	}
	return names
}

// NewEncoder returns the Encoder for one of the [Formats]. scheme is used by conll, order
// by formats that don't allow overlapping entities.
func NewEncoder(format string, w io.Writer, scheme Scheme, order func(label string) int) (*Encoder, error) {
	for _, e := range encoders {
		if e.name == format {
			return e.open(w, scheme, order), nil
		}
	}
	return nil, fmt.Errorf("unknown output format %q", format)
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

// Close finishes and flushes the output. It does not close the underlying writer.
func (w *Encoder) Close() error {
	if w.finish != nil {
		if err := w.finish(); err != nil {
			return fmt.Errorf("write sentences: %w", err)
		}
	}
	w.out.WriteString(w.last)
	if err := w.out.Flush(); err != nil {
		return fmt.Errorf("write sentences: %w", err)
	}
	return nil
}

// Left returns how many entities have been dropped so far because the format doesn't
// allow overlaps; see [Flat].
func (w *Encoder) Left() int { return w.left }

// Empty returns how many sentences have been omitted so far because they have no tokens
// and the format can't represent that; see [NewCoNLL].
func (w *Encoder) Empty() int { return w.empty }

// lines makes w write, for each sentence, what line appends.
func (w *Encoder) lines(line func(dst []byte, s *Sentence) []byte) *Encoder {
	w.add = func(s *Sentence) error {
		w.line = line(w.line[:0], s)
		_, err := w.out.Write(w.line) // the first error remains until Close
		return err
	}
	return w
}

// text returns the text of e. w.at must have been reset to s.
func (w *Encoder) text(s *Sentence, e Entity) string {
	start, end := w.at.Bytes(e.Span)
	return s.Text[start:end]
}

// appendPosition appends the members "form", "document", "offset" and "offset_bytes" of a text
// sentence, each preceded by a comma.
func appendPosition(dst []byte, s *Sentence) []byte {
	if s.Unit != markup.Char {
		return dst
	}
	dst = append(dst, `,"form":"`+record.TextForm+`"`...)
	if s.Position.Document == "" {
		return dst
	}
	dst = record.AppendString(append(dst, `,"document":`...), s.Position.Document)
	dst = strconv.AppendInt(append(dst, `,"offset":`...), int64(s.Position.Chars), 10)
	return strconv.AppendInt(append(dst, `,"offset_bytes":`...), int64(s.Position.Bytes), 10)
}

// appendInDocument appends where e is in the document of s, if that is known, as members that
// are preceded by a comma each. w.at must have been reset to s.
func (w *Encoder) appendInDocument(dst []byte, s *Sentence, e Entity) []byte {
	if s.Position.Document == "" {
		return dst
	}
	start, end, startByte, endByte := w.at.InDocument(e.Span)
	dst = strconv.AppendInt(append(dst, `,"document_start":`...), int64(start), 10)
	dst = strconv.AppendInt(append(dst, `,"document_end":`...), int64(end), 10)
	dst = strconv.AppendInt(append(dst, `,"document_start_byte":`...), int64(startByte), 10)
	return strconv.AppendInt(append(dst, `,"document_end_byte":`...), int64(endByte), 10)
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
