package corpus

import (
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"unicode/utf8"

	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/record"
	"nertools/pkg/segment"
)

// Split says how a text becomes sentences.
type Split uint8

// The ways to split.
const (
	BySentence Split = iota // see [segment.Sentences]
	ByLine                  // each line is a sentence
	NoSplit                 // the whole text is one
)

// document is a text with its entities.
type document struct {
	id       string
	given    string // the id, if the file has one
	text     string // may begin with a byte order mark
	entities []element
	list     string // name of the list with the entities, for messages; "" if they have no numbers
	line     int    // where it begins in the file, for messages

	base   record.Position // of the text, if it is a part of a document that the file names
	isPart bool
}

// An element is an entity in a document: the half-open interval of bytes.
type element struct {
	segment.Range
	label string
	n     int // in the document's list
}

// about returns an error about e.
func (d *document) about(e element, err error) error {
	if d.list == "" {
		return err
	}
	return fmt.Errorf("%s[%d]: %w", d.list, e.n, err)
}

// ErrInsideToken means that an entity begins or ends inside a token, although the text is
// to be read with white space between all tokens.
var ErrInsideToken = errors.New("inside the token")

// next returns the next sentence of the queue, or of the next document that read returns.
func (r *texts) next(read func() (*document, error)) (*Sentence, error) {
	for len(r.queue) == 0 {
		d, err := read()
		if err != nil {
			return nil, err
		}
		if d != nil {
			if err := r.add(d); err != nil {
				return nil, err
			}
		}
	}
	s := r.queue[0]
	r.queue[0] = nil
	if r.queue = r.queue[1:]; len(r.queue) == 0 {
		r.queue = nil
	}
	return s, nil
}

// add puts the sentences of d into the queue.
func (r *texts) add(d *document) error {
	body := d.text
	if !r.Pretokenized {
		body = strings.TrimPrefix(body, record.ByteOrderMark)
	}
	mark := len(d.text) - len(body)
	if r.Document != nil && !r.Pretokenized && !d.isPart {
		if err := r.Document(d.id, body); err != nil {
			return r.fault(d.line, err, "")
		}
	}
	keep := make([]segment.Range, 0, len(d.entities))
	for i, e := range d.entities {
		e.Start, e.End = max(e.Start-mark, 0), e.End-mark
		e.Range = trimmedSpace(body, e.Range)
		if e.Start >= e.End {
			return r.fault(d.line, d.about(e, misplaced("it covers only white space")), "")
		}
		d.entities[i] = e
		keep = append(keep, e.Range)
	}
	sort.SliceStable(d.entities, func(i, j int) bool { return d.entities[i].Start < d.entities[j].Start })
	var parts []segment.Range
	switch {
	case r.Pretokenized && r.Split != ByLine:
		parts = []segment.Range{{Start: 0, End: len(body)}}
	case r.Split == ByLine:
		parts = segment.Lines(body, keep)
	case r.Split == NoSplit:
		parts = segment.Whole(body)
	default:
		parts = segment.Sentences(body, keep)
	}
	at, chars := 0, 0
	entities := d.entities
	for _, p := range parts {
		chars += utf8.RuneCountInString(body[at:p.Start])
		at = p.Start
		s := &Sentence{Text: body[p.Start:p.End], Unit: markup.Char, Position: record.Position{Document: d.id, Chars: d.base.Chars + chars, Bytes: d.base.Bytes + mark + p.Start}}
		if r.Pretokenized && r.Split != ByLine || d.isPart && len(parts) == 1 {
			s.ID = d.given
		}
		n := 0
		for n < len(entities) && entities[n].Start < p.End {
			n++
		}
		if err := r.place(d, s, entities[:n], p.Start); err != nil {
			return r.fault(d.line, err, "")
		}
		entities = entities[n:]
		r.queue = append(r.queue, unique(s))
	}
	return nil
}

// trimmedSpace returns part without the white space at its ends.
func trimmedSpace(text string, part segment.Range) segment.Range {
	s := text[part.Start:part.End]
	part.Start += len(s) - len(strings.TrimLeftFunc(s, segment.IsSpace))
	part.End = part.Start + len(strings.TrimFunc(s, segment.IsSpace))
	return part
}

// place adds entities of d to its sentence that begins at the byte start.
func (r *texts) place(d *document, s *Sentence, entities []element, start int) error {
	at, chars := 0, 0
	for _, e := range entities {
		e.Start, e.End = e.Start-start, e.End-start
		chars += utf8.RuneCountInString(s.Text[at:e.Start])
		at = e.Start
		end := chars + utf8.RuneCountInString(s.Text[e.Start:e.End])
		s.Entities = append(s.Entities, Entity{Span: markup.Span{Start: chars, End: end}, Label: e.label})
	}
	if !r.Pretokenized {
		return nil
	}
	s.Unit, s.Position, s.Tokens = markup.Token, record.Position{}, markup.AppendTokens(nil, s.Text)
	r.at.Reset(s)
	for i := range s.Entities {
		var err error
		if s.Entities[i].Span, err = r.tokens(s, s.Entities[i].Span); err != nil {
			return d.about(entities[i], err)
		}
	}
	return nil
}

// tokens returns the tokens covered by a span of code points. r.at must have been reset
// to s.
func (r *texts) tokens(s *Sentence, chars markup.Span) (markup.Span, error) {
	at := r.at.tokens
	span := markup.Span{
		Start: sort.Search(len(at), func(i int) bool { return at[i].endChar > chars.Start }),
		End:   sort.Search(len(at), func(i int) bool { return at[i].startChar >= chars.End }),
	}
	const hint = `put spaces between words and punctuation, or give "tokens" and spans that count them`
	switch {
	case span.Start < len(at) && at[span.Start].startChar < chars.Start:
		return span, fault.WithHint(fmt.Errorf("it starts %w %q", ErrInsideToken, s.Tokens[span.Start]), hint)
	case span.End > 0 && at[span.End-1].endChar > chars.End:
		return span, fault.WithHint(fmt.Errorf("it ends %w %q", ErrInsideToken, s.Tokens[span.End-1]), hint)
	}
	return span, nil
}

// errUTF8 is the error of a text in another encoding.
var errUTF8 = errors.New("not UTF-8")

// checkText returns an error, with the line, if text is no UTF-8.
func (r *texts) checkText(text string) error {
	if utf8.ValidString(text) {
		return nil
	}
	if strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") {
		return r.fault(1, errors.New("UTF-16, not UTF-8"), "convert it, for example: iconv -f UTF-16 -t UTF-8")
	}
	line, rest := 1, text
	for {
		head, tail, ok := strings.Cut(rest, "\n")
		if !utf8.ValidString(head) || !ok {
			return r.fault(line, errUTF8, "convert it, for example: iconv -f WINDOWS-1252 -t UTF-8")
		}
		line, rest = line+1, tail
	}
}

// readAll returns the text of in, or an error if it is longer than a text may be.
func readAll(name string, in io.Reader) (string, error) {
	var b strings.Builder
	n, err := io.Copy(&b, io.LimitReader(in, record.MaxLine+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read %s: %w", name, err)
	case n > record.MaxLine:
		return "", &fault.Error{File: name, Err: fmt.Errorf("a text of more than %d MiB", record.MaxLine>>20), Hint: "divide the file"}
	}
	return b.String(), nil
}
