package corpus

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/record"
)

// Documents joins text sentences to the documents that they are from. It reads a file of
// documents, {"id","text"} on each line, side by side with the sentences, and keeps one
// document in memory.
type Documents struct {
	lines *record.Lines
	emit  func(*Sentence) error
	last  *Sentence // the document that sentences are being added to; nil before the first

	// How far the sentences of last have come in its text:
	at, char int
}

// NewDocuments returns Documents that reads the documents from r and passes them to emit.
// Errors use name as the file name.
func NewDocuments(name string, r io.Reader, emit func(*Sentence) error) *Documents {
	return &Documents{lines: record.NewLines(name, r), emit: emit}
}

// Add adds s to its document. The sentences of a document follow each other, and the
// documents are in the order of the file. Those before it are passed on, also those without
// sentences.
func (d *Documents) Add(s *Sentence) error {
	id := s.Position.Document
	if s.Unit != markup.Char || id == "" {
		return fault.WithHint(fmt.Errorf("sentence %s is not from a document", s.ID), "only text rows with a document can be joined to documents")
	}
	for d.last == nil || d.last.Position.Document != id {
		switch more, err := d.next(); {
		case err != nil:
			return err
		case !more:
			return d.lines.Fault(fmt.Errorf("no document %q from here on, which sentence %s is from", id, s.ID), "name the documents that the sentences are from, in the order in which they were converted")
		}
	}
	return d.add(s)
}

// add adds s to the current document.
func (d *Documents) add(s *Sentence) error {
	all, p := d.last, s.Position
	if p.Chars < d.char {
		d.at, d.char = 0, 0
	}
	for d.char < p.Chars && d.at < len(all.Text) {
		_, size := utf8.DecodeRuneInString(all.Text[d.at:])
		d.at += size
		d.char++
	}
	mark := p.Bytes - d.at // the length of a byte order mark
	if d.char != p.Chars || !strings.HasPrefix(all.Text[d.at:], s.Text) || mark != 0 && mark != len(record.ByteOrderMark) {
		return d.lines.Fault(fmt.Errorf("sentence %s is not at character %d of the document %q", s.ID, p.Chars, p.Document), "name the documents that the sentences are from")
	}
	all.Position.Bytes = mark
	shifted := func(list []Entity) []Entity {
		list = slices.Clone(list)
		for i := range list {
			list[i].Start += p.Chars
			list[i].End += p.Chars
		}
		return list
	}
	all.Entities = append(all.Entities, shifted(s.Entities)...)
	all.Beside = append(all.Beside, shifted(s.Beside)...)
	all.Given = s.Given
	all.Unused = append(all.Unused, s.Unused...)
	all.Forms = append(all.Forms, s.Forms...)
	for _, label := range s.Unanswered {
		if !slices.Contains(all.Unanswered, label) {
			all.Unanswered = append(all.Unanswered, label)
		}
	}
	if all.Model == "" {
		all.Model = s.Model
	}
	return nil
}

// next passes the current document on and reads the next one. more is false if there are no
// further ones.
func (d *Documents) next() (more bool, err error) {
	if d.last != nil {
		if err := d.emit(d.last); err != nil {
			return false, err
		}
		d.last = nil
	}
	line, err := d.lines.Next()
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	const hint = `each line must be a JSON object with "id" and "text"`
	if !record.ValidJSON(line) || !utf8.Valid(line) {
		return false, d.lines.Fault(errors.New("not a JSON object in UTF-8"), hint)
	}
	fields := gjson.GetMany(string(line), "id", "text")
	if fields[0].Type != gjson.String || fields[1].Type != gjson.String {
		return false, d.lines.Fault(errors.New(`no "id" and "text" in it`), hint)
	}
	id := record.Text(fields[0])
	d.last = &Sentence{ID: id, Text: record.Text(fields[1]), Unit: markup.Char, Position: record.Position{Document: id}, Whole: true}
	d.at, d.char = 0, 0
	return true, nil
}

// Close passes the last document on. With rest, it also passes on the documents behind it,
// which have no sentences.
func (d *Documents) Close(rest bool) error {
	for {
		if more, err := d.next(); err != nil || !more || !rest {
			return err
		}
	}
}
