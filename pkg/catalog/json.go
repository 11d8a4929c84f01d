package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"nertools/pkg/fault"
)

// Parse reads a catalogue. file is the name used in messages. The error is a
// [*fault.Error].
//
// A catalogue must have at least one data set, a data set at least one label, and a label
// a "name"; "description" and "aliases" are optional. Other members of a label are ignored,
// and so is a byte order mark. Two data sets must not differ only in case, nor two keys or
// aliases of the labels of a data set.
func Parse(file string, data []byte) (*Catalog, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	// Check the syntax of the whole text first. After that the parser only needs to check
	// the structure, and its offsets are right.
	if i := invalidUTF8(data); i >= 0 {
		return nil, errorAt(file, data, i, "save the file as UTF-8", "not valid UTF-8")
	}
	if err := json.Unmarshal(data, new(json.RawMessage)); err != nil {
		at := len(data)
		if se, ok := errors.AsType[*json.SyntaxError](err); ok {
			at = int(se.Offset) - 1 // Offset includes the offending byte
		}
		return nil, errorAt(file, data, at, "correct the JSON; a printed built-in catalogue shows the form", "not valid JSON: %w", err)
	}
	p := parser{file: file, data: data, dec: json.NewDecoder(bytes.NewReader(data))}
	p.dec.UseNumber() // so that a number is rejected as such, not for its size
	sets, err := p.catalog()
	if err != nil {
		return nil, err
	}
	return &Catalog{sets: sets}, nil
}

// parser walks the tokens of data, whose syntax has been checked. Unlike a map, the token
// stream keeps the order and shows repeated names.
type parser struct {
	file string
	data []byte
	dec  *json.Decoder
}

func (p *parser) catalog() ([]DataSet, error) {
	const what = "the catalogue"
	var sets []DataSet
	seen := make(lines)
	err := p.object(what, "a catalogue looks like "+form, func(name string) error {
		if err := p.claim(seen, name, what); err != nil {
			return err
		}
		labels, err := p.dataSet(name)
		sets = append(sets, DataSet{Name: name, Labels: labels})
		return err
	})
	if err == nil && len(sets) == 0 {
		err = p.errorf("add one: "+form, "no data set in the catalogue")
	}
	return sets, err
}

// form is a minimal catalogue, for hints.
const form = `{"DATASET": {"LABEL": {"name": "...", "description": "..."}}}`

func (p *parser) dataSet(name string) ([]Label, error) {
	what := fmt.Sprintf("data set %q", name)
	var labels []Label
	seen := make(lines)
	err := p.object(what, `map each label to {"name": "...", "description": "..."}`, func(key string) error {
		if err := p.claim(seen, key, what); err != nil {
			return err
		}
		l, err := p.label(what, key, seen)
		labels = append(labels, l)
		return err
	})
	if err == nil && len(labels) == 0 {
		err = p.errorf("add labels or remove it", "%s has no labels", what)
	}
	return labels, err
}

// label reads the label with the given key of a data set, whose keys and aliases so far are
// in taken.
func (p *parser) label(set, key string, taken lines) (Label, error) {
	what := fmt.Sprintf("label %q of %s", key, set)
	l := Label{Key: key}
	start := p.offset()
	seen := make(lines)
	err := p.object(what, `write it as {"name": "...", "description": "..."}`, func(field string) error {
		var dst *string
		switch field {
		case "name":
			dst = &l.Name
		case "description":
			dst = &l.Description
		case "aliases":
			if err := p.claim(seen, field, what); err != nil {
				return err
			}
			return p.aliases(&l, set, what, taken)
		default:
			return p.dec.Decode(new(json.RawMessage))
		}
		if err := p.claim(seen, field, what); err != nil {
			return err
		}
		tok, err := p.token()
		if err != nil {
			return err
		}
		s, ok := tok.(string)
		if !ok {
			return p.errorf("write it as a string, in quotation marks", "%q of %s is not a string", field, what)
		}
		*dst = s
		return nil
	})
	if err == nil && strings.TrimSpace(l.Name) == "" {
		err = errorAt(p.file, p.data, start, `add "name", a noun phrase such as "person"`, "%s has no name", what)
	}
	return l, err
}

// aliases reads the list of l's aliases.
func (p *parser) aliases(l *Label, set, what string, taken lines) error {
	const hint = `write the aliases as a list of strings: ["...", "..."]`
	tok, err := p.token()
	if err != nil {
		return err
	}
	if tok != json.Delim('[') {
		return p.errorf(hint, "\"aliases\" of %s is not a list", what)
	}
	for p.dec.More() {
		tok, err := p.token()
		if err != nil {
			return err
		}
		alias, ok := tok.(string)
		if !ok {
			return p.errorf(hint, "an alias of %s is not a string", what)
		}
		if err := p.claim(taken, alias, set); err != nil {
			return err
		}
		l.Aliases = append(l.Aliases, alias)
	}
	_, err = p.token() // the closing bracket
	return err
}

// object reads an object and calls member after each member's name to read its value.
// Messages use what as the object's name; hint shows what it should look like.
func (p *parser) object(what, hint string, member func(name string) error) error {
	tok, err := p.token()
	if err != nil {
		return err
	}
	if tok != json.Delim('{') {
		return p.errorf(hint, "%s is not an object", what)
	}
	for p.dec.More() {
		tok, err := p.token()
		if err != nil {
			return err
		}
		if err := member(tok.(string)); err != nil { // the syntax allows nothing but a string here
			return err
		}
	}
	_, err = p.token() // the closing brace
	return err
}

// lines maps the folded names seen in an object to their lines.
type lines map[string]int

// claim records the name read last. It is an error if the name is blank or already taken.
func (p *parser) claim(seen lines, name, what string) error {
	if strings.TrimSpace(name) == "" {
		return p.errorf("put a name between the quotation marks", "blank name in %s", what)
	}
	if line, taken := seen[fold(name)]; taken {
		return p.errorf("keep one of them; upper and lower case count as the same",
			"%q is in %s twice, first on line %d", name, what, line)
	}
	seen[fold(name)] = lineAt(p.data, p.offset())
	return nil
}

func (p *parser) token() (json.Token, error) {
	tok, err := p.dec.Token()
	if err != nil {
		return nil, p.errorf("", "%w", err)
	}
	return tok, nil
}

// offset returns the end of the last token read. No token spans lines.
func (p *parser) offset() int { return int(p.dec.InputOffset()) }

// errorf reports a fault at the last token read.
func (p *parser) errorf(hint, format string, args ...any) error {
	return errorAt(p.file, p.data, p.offset(), hint, format, args...)
}

func errorAt(file string, data []byte, offset int, hint, format string, args ...any) error {
	return &fault.Error{File: file, Line: lineAt(data, offset), Err: fmt.Errorf(format, args...), Hint: hint}
}

func lineAt(data []byte, offset int) int {
	return 1 + bytes.Count(data[:max(0, offset)], []byte("\n"))
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

func appendSets(dst []byte, sets []DataSet) []byte {
	dst = append(dst, '{')
	for i, d := range sets {
		dst = appendName(dst, i, "\n  ", d.Name)
		dst = append(dst, '{')
		for j, l := range d.Labels {
			dst = appendName(dst, j, "\n    ", l.Key)
			dst = append(dst, '{')
			dst = appendName(dst, 0, "\n      ", "name")
			dst = appendString(dst, l.Name)
			dst = appendName(dst, 1, "\n      ", "description")
			dst = appendString(dst, l.Description)
			if len(l.Aliases) > 0 {
				dst = appendName(dst, 2, "\n      ", "aliases")
				dst = appendList(dst, l.Aliases)
			}
			dst = append(dst, "\n    }"...)
		}
		dst = append(dst, "\n  }"...)
	}
	return append(dst, "\n}\n"...)
}

// appendName appends the name of an object's i-th member on a new line.
func appendName(dst []byte, i int, indent, name string) []byte {
	if i > 0 {
		dst = append(dst, ',')
	}
	dst = append(dst, indent...)
	dst = appendString(dst, name)
	return append(dst, ": "...)
}

// appendList appends a JSON array of strings, on one line.
func appendList(dst []byte, list []string) []byte {
	dst = append(dst, '[')
	for i, s := range list {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = appendString(dst, s)
	}
	return append(dst, ']')
}

// appendString appends s as a JSON string without escaping "<", ">" and "&", because
// people edit the output.
func appendString(dst []byte, s string) []byte {
	b := bytes.NewBuffer(dst)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(err) // every string can be encoded, and writing to a Buffer never fails
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

var (
	_ io.WriterTo = (*Catalog)(nil)
	_ io.WriterTo = DataSet{}
)
