package corpus

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/record"
	"nertools/pkg/segment"
)

// ReadJSONL reads sentences and documents from r, one JSON object per line; errors use name
// as the file name. It keeps one line in memory at a time; the caller may keep the
// sentences. It stops at the first error; bad input is a [*fault.Error] with the line. All
// entities are [markup.Given], without duplicates.
//
//	{"id": "7", "text": "Ada left. It rained."}
//	{"text": "Ada left.", "spans": [{"start": 0, "end": 3, "label": "PER"}]}
//	{"text": "Ada left.", "entities": [[0, 3, "PER"], {"text": "Ada", "label": "PER"}]}
//	{"id": "7", "tokens": ["Ada", "left"], "spans": [{"start": 0, "end": 1, "label": "PER"}]}
//
// Spans are half-open. If "tokens" is a list of strings, the line is a sentence whose spans
// count tokens. Otherwise it is a document, how.Split divides it, and spans count Unicode
// code points of "text"; their members may be called start_char and end_char. White space
// at the ends of such a span is removed. An entity without a place is found like those of an
// answer that lists them, see [markup.Aligner]; it is an error if it does not occur.
//
// "spans" and "entities" are two names for the same list. A line with neither has no
// entities; but then another list or object in it, which may hold some, is an error. "id" is
// optional: without it, the id of a document is the name of the file and the line. Other
// members, including start_byte and end_byte, are ignored.
//
// With tokens, the sentence's text is "text" if that splits into them, otherwise the
// tokens joined by single spaces; then they must not contain spaces. ReadJSONL also reads
// the output of [NewJSONL] and [NewSpaCy].
func ReadJSONL(name string, r io.Reader, how Reading) iter.Seq2[*Sentence, error] {
	j := &jsonl{reader: newReader(name, r, how)}
	return all(func() (*Sentence, error) { return j.next(j.document) })
}

type jsonl struct {
	reader
	original markup.Original
	aligner  markup.Aligner
}

// object is a parsed line.
type object struct {
	kind, v, form, id, text, tokens, spans, entities gjson.Result
	other                                            string // another member that may hold entities
}

// document returns the document of the next line. A sentence with tokens goes into the
// queue instead, and the document has no text.
func (j *jsonl) document() (*document, error) {
	line, err := j.Next()
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(line) {
		return nil, j.Fault(errUTF8, "convert the file, for example with iconv")
	}
	var o object
	if err := o.parse(line); err != nil {
		return nil, j.Fault(err, "each line must be a JSON object with one text")
	}
	list, name := o.spans, "spans"
	if !list.Exists() {
		list, name = o.entities, "entities"
	}
	switch {
	case o.spans.Exists() && o.entities.Exists() || list.Exists() && !list.IsArray():
		return nil, j.Fault(errors.New(`it must contain either a list "spans" or a list "entities"`), `for a text without entities, write "entities": []`)
	case !list.Exists() && o.other != "":
		return nil, j.Fault(fmt.Errorf(`neither "spans" nor "entities" in it, but %q`, o.other), `call the list of entities "entities"; for a text without entities, write "entities": []`)
	}
	if tokens, ok := o.strings(); ok && record.Text(o.form) != record.TextForm {
		s, err := o.sentence(tokens)
		if err != nil {
			return nil, j.Fault(err, `a line has "text", or "tokens" without white space`)
		}
		for i, v := range list.Array() {
			if err := j.entity(s, v); err != nil {
				return nil, j.Fault(fmt.Errorf("%s[%d]: %w", name, i, err), "")
			}
		}
		j.queue = append(j.queue, unique(s))
		return nil, nil
	}
	if o.text.Type != gjson.String {
		err := errors.New(`neither "text" nor a list of strings "tokens" in it`)
		if o.text.Exists() {
			err = errors.New(`"text" is not a string`)
		}
		return nil, j.Fault(err, `a line has "text", or "tokens" without white space`)
	}
	d := &document{given: o.name(), list: name, text: record.Text(o.text), line: j.Line()}
	d.id = cmp.Or(d.given, fmt.Sprintf("%s:%d", j.name, j.Line()))
	if err := j.entities(d, list.Array()); err != nil {
		return nil, j.Fault(fmt.Errorf("%s%w", name, err), "")
	}
	return d, nil
}

func (o *object) parse(line []byte) error {
	if !record.ValidJSON(line) {
		return errors.New("not a JSON object")
	}
	v := gjson.Parse(string(line)) // one copy for all strings of the sentence
	if !v.IsObject() {
		return errors.New("not a JSON object")
	}
	v.ForEach(func(key, value gjson.Result) bool {
		if value.Type == gjson.Null {
			return true
		}
		switch key.Str {
		case "kind":
			o.kind = value
		case "v":
			o.v = value
		case "form":
			o.form = value
		case "id":
			o.id = value
		case "text":
			o.text = value
		case "tokens":
			o.tokens = value
		case "spans":
			o.spans = value
		case "entities":
			o.entities = value
		case "meta", "metadata":
		default:
			if (value.IsArray() || value.IsObject()) && o.other == "" {
				o.other = record.Text(key)
			}
		}
		return true
	})
	if o.kind.Exists() && (record.Text(o.kind) != "sentence" || o.v.Raw != "1") {
		return fmt.Errorf("a record of kind %s and version %s where a sentence of version 1 should be", o.kind.Raw, o.v.Raw)
	}
	return nil
}

// name returns the id, "" if there is none.
func (o *object) name() string {
	if o.id.Type == gjson.Number {
		return o.id.Raw
	}
	return record.Text(o.id)
}

// sentence returns the sentence of these tokens, without its entities.
func (o *object) sentence(tokens []string) (*Sentence, error) {
	s := &Sentence{ID: o.name()}
	if o.text.Exists() {
		if o.text.Type != gjson.String {
			return nil, errors.New(`"text" is not a string`)
		}
		s.Text = record.Text(o.text)
		s.Tokens = markup.AppendTokens(nil, s.Text)
		if slices.Equal(tokens, s.Tokens) {
			return s, nil
		}
	}
	s.Text = strings.Join(tokens, " ")
	s.Tokens = markup.AppendTokens(nil, s.Text)
	for i, token := range tokens {
		if i == len(s.Tokens) || s.Tokens[i] != token {
			return nil, fmt.Errorf("tokens[%d]: %q is empty or contains white space", i, token)
		}
	}
	return s, nil
}

// strings returns the tokens if they are all strings: other tools describe theirs by
// objects.
func (o *object) strings() (tokens []string, ok bool) {
	if !o.tokens.IsArray() {
		return nil, false
	}
	ok = true
	o.tokens.ForEach(func(_, v gjson.Result) bool {
		tokens = append(tokens, record.Text(v))
		ok = v.Type == gjson.String
		return ok
	})
	return tokens, ok
}

// entity adds the entity v, which counts tokens, to s.
func (j *jsonl) entity(s *Sentence, v gjson.Result) error {
	span, label, err := spanOf(v, false)
	switch {
	case err != nil:
		return err
	case span.End > len(s.Tokens):
		return misplaced("it ends at %d, but the sentence has %s", span.End, english.Count(len(s.Tokens), "token"))
	}
	if label, err = j.label(label); err != nil {
		return err
	}
	s.Entities = append(s.Entities, Entity{Span: span, Label: label})
	return nil
}

// spanOf returns the span and the label of an entity.
func spanOf(v gjson.Result, chars bool) (span markup.Span, label string, err error) {
	var start, end, name gjson.Result
	if v.IsArray() {
		if part := v.Array(); len(part) == 3 {
			start, end, name = part[0], part[1], part[2]
		}
	} else {
		start, end, name = v.Get("start"), v.Get("end"), v.Get("label")
		if from := v.Get("start_char"); from.Exists() && chars {
			start, end = from, v.Get("end_char")
		}
	}
	if label = record.Text(name); !whole(start) || !whole(end) || label == "" {
		return span, "", misplaced("a span has a start and an end, both whole numbers from 0, and a label")
	}
	if span = (markup.Span{Start: int(start.Num), End: int(end.Num)}); span.End <= span.Start {
		return span, "", misplaced("it ends at %d, but starts at %d", span.End, span.Start)
	}
	return span, label, nil
}

func misplaced(format string, args ...any) error {
	return fault.WithHint(fmt.Errorf(format, args...), "a span is half-open and counts tokens if the line has them, else characters of the text")
}

func whole(v gjson.Result) bool {
	return v.Type == gjson.Number && v.Num >= 0 && v.Num <= math.MaxInt32 && v.Num == math.Trunc(v.Num)
}

// entities adds entities to d.
func (j *jsonl) entities(d *document, list []gjson.Result) error {
	if len(list) == 0 {
		return nil
	}
	starts := make([]int, 0, len(d.text)+1) // bytes of the code points
	for i := range d.text {
		starts = append(starts, i)
	}
	starts = append(starts, len(d.text))
	named := map[string][]int{} // entities without a place, by their labels
	for i, v := range list {
		if name := v.Get("text"); v.IsObject() && name.Exists() && !v.Get("start").Exists() && !v.Get("start_char").Exists() {
			if name.Type != gjson.String || strings.TrimSpace(name.Str) == "" || record.Text(v.Get("label")) == "" {
				return fmt.Errorf("[%d]: %w", i, misplaced(`an entity without a place has a "text" and a "label"`))
			}
			label := record.Text(v.Get("label"))
			named[label] = append(named[label], i)
			continue
		}
		span, label, err := spanOf(v, true)
		if err == nil && span.End >= len(starts) {
			err = misplaced("it ends at %d, but the text has %s", span.End, english.Count(len(starts)-1, "character"))
		}
		if err == nil {
			label, err = j.label(label)
		}
		if err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
		d.entities = append(d.entities, element{segment.Range{Start: starts[span.Start], End: starts[span.End]}, label, i})
	}
	for _, raw := range slices.Sorted(maps.Keys(named)) {
		label, err := j.label(raw)
		if err != nil {
			return fmt.Errorf("[%d]: %w", named[raw][0], err)
		}
		if err := j.locate(d, starts, list, named[raw], label); err != nil {
			return err
		}
	}
	return nil
}

// locate adds the entities of list that which lists, whose label is label and which have a
// text but no place.
func (j *jsonl) locate(d *document, starts []int, list []gjson.Result, which []int, label string) error {
	answer := []byte{'['}
	for n, i := range which {
		if n > 0 {
			answer = append(answer, ',')
		}
		answer = record.AppendString(answer, record.Text(list[i].Get("text")))
	}
	j.original.ResetUnit(d.text, markup.Char)
	found := j.aligner.Align(&j.original, string(append(answer, ']')), markup.Question{Label: label})
	const hint = "copy the entity as it is in the text, once for each time it occurs, or give its start and end"
	if len(found.Unused) > 0 {
		u := found.Unused[0]
		for _, i := range which {
			if record.Text(list[i].Get("text")) == u.Text {
				return fault.WithHint(fmt.Errorf("[%d]: %q does not occur in the text (%s)", i, u.Text, u.Reason), hint)
			}
		}
		return fault.WithHint(fmt.Errorf(": %q does not occur in the text (%s)", u.Text, u.Reason), hint)
	}
	if n := len(found.Found); n != len(which) {
		return fault.WithHint(fmt.Errorf(": %s of %s found in the text, not %d", english.Count(n, "entity"), label, len(which)), hint)
	}
	for _, f := range found.Found {
		d.entities = append(d.entities, element{segment.Range{Start: starts[f.Start], End: starts[f.End]}, label, which[0]})
	}
	return nil
}
