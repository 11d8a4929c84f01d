package corpus

import (
	"fmt"
	"io"
	"iter"
	"unicode/utf8"

	"nertools/pkg/fault"
	"nertools/pkg/segment"
	"nertools/pkg/tags"
)

// ReadMarkup reads texts from r, one on a line, whose entities are wrapped in tags:
//
//	I took <DRUG>aspirin</DRUG> at night.
//
// [tags.Parse] says what a tag is; "&lt;", "&gt;" and "&amp;" mean "<", ">" and "&". Each
// tag must have its counterpart, and its label must be known to how.Label. The document of
// a sentence is the text without the tags; its id is the name of the file and the line.
// Errors are [*fault.Error] with the line.
func ReadMarkup(name string, r io.Reader, how Reading) iter.Seq2[*Sentence, error] {
	m := newReader(name, r, how)
	return all(func() (*Sentence, error) {
		return m.next(func() (*document, error) {
			line, err := m.Next()
			if err != nil {
				return nil, err
			}
			if !utf8.Valid(line) {
				return nil, m.Fault(errUTF8, "convert the file, for example with iconv")
			}
			d, err := m.marked(string(line))
			if err != nil {
				return nil, m.Fault(err, "")
			}
			return d, nil
		})
	})
}

// marked returns the text and the entities of a line.
func (r *reader) marked(line string) (*document, error) {
	parsed := tags.Parse(line, tags.Options{Escapes: true})
	for _, p := range parsed.Problems {
		t := parsed.Tags[p.Tag]
		if err := flawed(line[t.From:t.To], p.Kind); err != nil {
			return nil, err
		}
	}
	d := &document{id: fmt.Sprintf("%s:%d", r.name, r.Line()), text: parsed.Text, line: r.Line()}
	for _, s := range parsed.Spans {
		label, err := r.label(s.Label)
		if err != nil {
			return nil, err
		}
		d.entities = append(d.entities, element{segment.Range{Start: s.Start, End: s.End}, label, 0})
	}
	return d, nil
}

// flawed returns an error about a tag, nil if there is only something odd about it: tags may
// cross, since entities may.
func flawed(tag string, kind tags.Kind) error {
	const hint = `write &lt; for a "<" that begins no tag`
	switch kind {
	case tags.Unclosed:
		return fault.WithHint(fmt.Errorf("%s without its end tag", tag), hint)
	case tags.Stray:
		return fault.WithHint(fmt.Errorf("%s without its start tag", tag), hint)
	case tags.Blank:
		return fault.WithHint(fmt.Errorf("nothing between %s and its end tag", tag), "an entity has at least one character")
	}
	return nil
}
