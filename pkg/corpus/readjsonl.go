package corpus

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/record"
)

// ReadJSONL reads sentences from r, one JSON object per line; errors use name as the file
// name. It keeps one sentence in memory at a time; the caller may keep the sentences. It
// stops at the first error; bad input is a [*fault.Error] with the line. All entities are
// [markup.Given], without duplicates.
//
//	{"id": "7", "tokens": ["Ada", "left"], "spans": [{"start": 0, "end": 1, "label": "PER"}]}
//	{"text": "Ada left", "spans": [{"start": 0, "end": 3, "label": "PER"}]}
//	{"text": "Ada left", "entities": [[0, 3, "PER"]]}
//
// Spans are half-open. If "tokens" is a list of strings, spans count tokens; otherwise
// they count Unicode code points of "text", and their members may be called start_char
// and end_char. White space at the ends of such a span is removed; a span that cuts a
// token is an error. "spans" and "entities" are two names for the same list, which is
// empty if there are no entities. "id" is optional. Other members, including start_byte
// and end_byte, are ignored.
//
// With tokens, the sentence's text is "text" if that splits into them, otherwise the
// tokens joined by single spaces; then they must not contain spaces. ReadJSONL also reads
// the output of [NewJSONL] and [NewSpaCy].
func ReadJSONL(name string, r io.Reader, how Reading) iter.Seq2[*Sentence, error] {
	j := &jsonl{reader: newReader(name, r, how)}
	return all(j.next)
}

type jsonl struct {
	reader
	at Offsets
}

// object is a parsed line.
type object struct {
	kind, v, id, text, tokens, spans, entities gjson.Result
}

// next returns the next sentence, or io.EOF.
func (j *jsonl) next() (*Sentence, error) {
	line, err := j.Next()
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(line) {
		return nil, j.Fault(errors.New("not UTF-8"), "convert the file, for example with iconv")
	}
	var o object
	if err := o.parse(line); err != nil {
		return nil, j.Fault(err, "each line must be a JSON object with one sentence")
	}
	s, byToken, err := o.sentence()
	if err != nil {
		return nil, j.Fault(err, `a line has "text", or "tokens" without white space`)
	}
	list, name := o.spans, "spans"
	if !list.Exists() {
		list, name = o.entities, "entities"
	}
	if !list.IsArray() || o.spans.Exists() && o.entities.Exists() {
		return nil, j.Fault(errors.New(`it must contain either a list "spans" or a list "entities"`), `for a sentence without entities, write "spans": []`)
	}
	if !byToken {
		j.at.Reset(s)
	}
	for i, v := range list.Array() {
		if err := j.entity(s, v, byToken); err != nil {
			return nil, j.Fault(fmt.Errorf("%s[%d]: %w", name, i, err), "")
		}
	}
	return unique(s), nil
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
		}
		return true
	})
	if o.kind.Exists() && (record.Text(o.kind) != "sentence" || o.v.Raw != "1") {
		return fmt.Errorf("a record of kind %s and version %s where a sentence of version 1 should be", o.kind.Raw, o.v.Raw)
	}
	return nil
}

// sentence returns the sentence without its entities, and whether spans count tokens.
func (o *object) sentence() (s *Sentence, byToken bool, err error) {
	s = &Sentence{ID: record.Text(o.id)}
	if o.id.Type == gjson.Number {
		s.ID = o.id.Raw
	}
	if o.text.Exists() {
		if o.text.Type != gjson.String {
			return nil, false, errors.New(`"text" is not a string`)
		}
		s.Text = record.Text(o.text)
		s.Tokens = markup.AppendTokens(nil, s.Text)
	}
	tokens, byToken := o.strings()
	switch {
	case !byToken && !o.text.Exists():
		return nil, false, errors.New(`neither "text" nor a list of strings "tokens" in it`)
	case !byToken || o.text.Exists() && slices.Equal(tokens, s.Tokens):
		return s, byToken, nil
	}
	s.Text = strings.Join(tokens, " ")
	s.Tokens = markup.AppendTokens(nil, s.Text)
	for i, token := range tokens {
		if i == len(s.Tokens) || s.Tokens[i] != token {
			return nil, false, fmt.Errorf("tokens[%d]: %q is empty or contains white space", i, token)
		}
	}
	return s, true, nil
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

// entity adds the entity v to s.
func (j *jsonl) entity(s *Sentence, v gjson.Result, byToken bool) error {
	var start, end, label gjson.Result
	if v.IsArray() {
		if part := v.Array(); len(part) == 3 {
			start, end, label = part[0], part[1], part[2]
		}
	} else {
		start, end, label = v.Get("start"), v.Get("end"), v.Get("label")
		if from := v.Get("start_char"); from.Exists() && !byToken {
			start, end = from, v.Get("end_char")
		}
	}
	if !whole(start) || !whole(end) || record.Text(label) == "" {
		return misplaced("a span has a start and an end, both whole numbers from 0, and a label")
	}
	span := markup.Span{Start: int(start.Num), End: int(end.Num)}
	switch {
	case span.End <= span.Start:
		return misplaced("it ends at %d, but starts at %d", span.End, span.Start)
	case byToken && span.End > len(s.Tokens):
		return misplaced("it ends at %d, but the sentence has %s", span.End, english.Count(len(s.Tokens), "token"))
	case !byToken:
		var err error
		if span, err = j.tokens(s, span); err != nil {
			return err
		}
	}
	name, err := j.label([]byte(record.Text(label)))
	if err != nil {
		return err
	}
	s.Entities = append(s.Entities, Entity{Span: span, Label: name})
	return nil
}

func misplaced(format string, args ...any) error {
	return fault.WithHint(fmt.Errorf(format, args...), "a span is half-open and counts tokens if the line has them, else characters of the text")
}

func whole(v gjson.Result) bool {
	return v.Type == gjson.Number && v.Num >= 0 && v.Num <= math.MaxInt32 && v.Num == math.Trunc(v.Num)
}

// tokens returns the tokens covered by a span of code points. j.at must have been reset
// to s.
func (j *jsonl) tokens(s *Sentence, chars markup.Span) (markup.Span, error) {
	if chars.End > j.at.chars {
		return chars, misplaced("it ends at %d, but the text has %s", chars.End, english.Count(j.at.chars, "character"))
	}
	at := j.at.tokens
	span := markup.Span{
		Start: sort.Search(len(at), func(i int) bool { return at[i].endChar > chars.Start }),
		End:   sort.Search(len(at), func(i int) bool { return at[i].startChar >= chars.End }),
	}
	const hint = `put spaces between words and punctuation, or give "tokens" and spans that count them`
	switch {
	case span.Start < len(at) && at[span.Start].startChar < chars.Start:
		return span, fault.WithHint(fmt.Errorf("it starts inside the token %q", s.Tokens[span.Start]), hint)
	case span.End > 0 && at[span.End-1].endChar > chars.End:
		return span, fault.WithHint(fmt.Errorf("it ends inside the token %q", s.Tokens[span.End-1]), hint)
	case span.Start >= span.End:
		return span, misplaced("it covers only white space")
	}
	return span, nil
}
