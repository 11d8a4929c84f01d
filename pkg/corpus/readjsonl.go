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
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/record"
	"nertools/pkg/segment"
)

// ReadJSONL reads sentences and documents from r: JSON values, one on each line, or the
// elements of an array; errors use name as the file name. It keeps one value in memory at a
// time; the caller may keep the sentences. It stops at the first error; bad input is a
// [*fault.Error] with the line. All entities are [markup.Given], without duplicates.
//
//	{"id": "7", "text": "Ada left. It rained."}
//	{"text": "Ada left.", "spans": [{"start": 0, "end": 3, "label": "PER"}]}
//	{"text": "Ada left.", "entities": [[0, 3, "PER"], {"text": "Ada", "label": "PER"}]}
//	{"id": "7", "tokens": ["Ada", "left"], "spans": [{"start": 0, "end": 1, "label": "PER"}]}
//
// Spans are half-open. If "tokens" is a list of strings, the value is a sentence whose spans
// count tokens. Otherwise it is a document, how.Split divides it, and spans count characters
// of "text", see [Counting]; their members may be called start_char and end_char. White space
// at the ends of such a span is removed. If a span says which text it marks, it must mark
// that. An entity without a place is found like those of an answer that lists them, see
// [markup.Aligner]; it is an error if it does not occur.
//
// The list of entities may be called spans, entities, ents, label, labels or annotations. A
// value without one has no entities; but then another list or object in it, which may hold
// some, is an error. "id" is optional: without it, the id of a document is the name of the
// file and the line. Other members, including start_byte and end_byte, are ignored.
//
// With tokens, the sentence's text is "text" if that splits into them, otherwise the
// tokens joined by single spaces; then they must not contain spaces. ReadJSONL also reads
// the output of [NewJSONL], [NewSpaCy] and [NewLabelStudio], and what annotation tools
// export: Label Studio's JSON and JSON-MIN, doccano's JSONL, Prodigy's, of which it leaves
// out rejected and ignored examples, the JSON of spaCy and Flair, and lists of tokens and their tags
// (names, or numbers of how.TagNames); see doc/formats.md. A text whose
// place in a document is known keeps it.
func ReadJSONL(name string, r io.Reader, how Reading) iter.Seq2[*Sentence, error] {
	j := &jsonl{texts: newTexts(name, how), in: newValues(name, r)}
	return all(func() (*Sentence, error) {
		s, err := j.next(j.document)
		if errors.Is(err, io.EOF) && j.conll != nil {
			j.conll.remark()
		}
		return s, err
	})
}

type jsonl struct {
	texts
	in       *values
	pending  []*document // of the value that was read last
	original markup.Original
	aligner  markup.Aligner
	conll    *conll // joins tokens with their tags
}

// document returns the next document, or nil if the next value does not hold one. A sentence with
// tokens goes into the queue instead.
func (j *jsonl) document() (*document, error) {
	if len(j.pending) > 0 {
		d := j.pending[0]
		j.pending = j.pending[1:]
		return d, nil
	}
	value, err := j.in.Next()
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(value) {
		return nil, j.in.Fault(errUTF8, "convert the file, for example with iconv")
	}
	if !record.ValidJSON(value) {
		return nil, j.in.Fault(errors.New("not a JSON object"), noObject)
	}
	if err := j.read(gjson.Parse(string(value))); err != nil { // one copy for all strings of the sentence
		if f, ok := errors.AsType[*fault.Error](err); ok && f.Line > 0 {
			return nil, err
		}
		return nil, j.in.Fault(err, "")
	}
	return nil, nil
}

const noObject = "each value must be a JSON object with one text"

// read adds the documents and sentences of a value.
func (j *jsonl) read(v gjson.Result) error {
	switch {
	case v.IsArray():
		return j.pair(v)
	case !v.IsObject():
		return fault.WithHint(errors.New("not a JSON object"), noObject)
	case v.Get("data").IsObject() && (v.Get("annotations").IsArray() || v.Get("completions").IsArray() || v.Get("predictions").IsArray()):
		return j.task(v)
	case v.Get("paragraphs").IsArray() && !v.Get("text").Exists():
		return j.paragraphs(v)
	case v.Get("annotations").IsArray() && v.Get("classes").IsArray() && !v.Get("text").Exists():
		for _, pair := range v.Get("annotations").Array() {
			if pair.Type == gjson.Null {
				j.Remarks.Skip(1, "text without annotations")
			} else if err := j.pair(pair); err != nil {
				return err
			}
		}
		return nil
	}
	var o object
	if err := o.parse(v, &j.Reading); err != nil {
		return err
	}
	return j.object(&o)
}

// pair reads a text and an object with its entities, or the list of them.
func (j *jsonl) pair(v gjson.Result) error {
	parts := v.Array()
	if len(parts) != 2 || parts[0].Type != gjson.String || !parts[1].IsArray() && !parts[1].IsObject() {
		return fault.WithHint(errors.New("not a JSON object, nor a text and its entities"), noObject)
	}
	var o object
	if parts[1].IsArray() {
		o.lists = []entityList{{"entities", parts[1].Array()}}
	} else if err := o.parse(parts[1], &j.Reading); err != nil {
		return err
	}
	o.text = parts[0]
	return j.object(&o)
}

// An object is a parsed value.
type object struct {
	kind, v, form, id, answer, text, tokens gjson.Result
	tags                                    gjson.Result // of the tokens
	tagsName                                string
	lists                                   []entityList
	regions                                 bool           // lists are regions of Label Studio
	strings                                 []gjson.Result // members that may be the text
	position                                position
	other                                   string // another member that may hold entities
}

// An entityList is a member with entities.
type entityList struct {
	name string
	v    []gjson.Result
}

// position holds the members that say where a text is in its document.
type position struct{ document, offset, bytes gjson.Result }

// member notes a member, and reports whether it belongs to the position.
func (p *position) member(name string, v gjson.Result) bool {
	switch name {
	case "document":
		p.document = v
	case "offset":
		p.offset = v
	case "offset_bytes":
		p.bytes = v
	default:
		return false
	}
	return true
}

// known returns the position, and whether it is complete.
func (p position) known() (record.Position, bool) {
	at := record.Position{Document: record.Text(p.document), Chars: int(p.offset.Num), Bytes: int(p.bytes.Num)}
	return at, at.Document != "" && whole(p.offset) && whole(p.bytes)
}

// isSpans reports whether v can be a list of entities.
func isSpans(v gjson.Result) bool {
	first := v.Get("0")
	return v.IsArray() && (!first.Exists() || first.IsObject() || first.IsArray())
}

// isRegions reports whether v is a list of Label Studio's regions.
func isRegions(v gjson.Result) bool {
	first := v.Get("0")
	return v.IsArray() && first.IsObject() && (first.Get("labels").IsArray() || first.Get("hypertextlabels").IsArray())
}

func (o *object) parse(v gjson.Result, how *Reading) error {
	v.ForEach(func(key, value gjson.Result) bool {
		if value.Type == gjson.Null {
			return true
		}
		name := record.Text(key)
		if value.Type == gjson.String {
			o.strings = append(o.strings, value)
		}
		switch {
		case name == cmp.Or(how.TextColumn, "text"):
			o.text = value
			return true
		case name == cmp.Or(how.IDColumn, "id"):
			o.id = value
			return true
		}
		switch name {
		case "kind":
			o.kind = value
		case "v":
			o.v = value
		case "form":
			o.form = value
		case "answer":
			o.answer = value
		case "tokens", "words":
			if name == "tokens" || !o.tokens.Exists() {
				o.tokens = value
			}
		case "meta", "metadata", "relations", "comments", "Comments", "cats", "sents", "links", "options", "accept", "config", "offsets", "_":
		default:
			if !o.position.member(name, value) {
				o.member(name, value)
			}
		}
		return true
	})
	if o.kind.Exists() && (record.Text(o.kind) != "sentence" || o.v.Raw != "1") {
		return fault.WithHint(fmt.Errorf("a record of kind %s and version %s where a sentence of version 1 should be", o.kind.Raw, o.v.Raw), noObject)
	}
	return nil
}

// member notes a member that may hold entities.
func (o *object) member(name string, v gjson.Result) {
	switch {
	case !v.IsArray() && !v.IsObject():
		return
	case isTags(name, v):
		if o.tagsName == "" || name == "ner_tags" {
			o.tags, o.tagsName = v, name
		}
		return
	case isRegions(v):
		if !o.regions {
			o.lists, o.regions = nil, true
		}
		o.lists = append(o.lists, entityList{name, v.Array()})
		return
	case o.regions:
		return
	}
	switch name {
	case "spans", "entities":
		if v.IsArray() {
			o.lists = append(o.lists, entityList{name, v.Array()})
			return
		}
		groups, ok := []entityList(nil), true // as spaCy writes them
		v.ForEach(func(key, group gjson.Result) bool {
			groups, ok = append(groups, entityList{name + "." + record.Text(key), group.Array()}), ok && isSpans(group)
			return ok
		})
		if ok {
			o.lists = append(o.lists, groups...)
			return
		}
	case "ents", "label", "labels", "annotations":
		if first := v.Get("0"); name == "labels" && first.Get("value").Exists() && !first.Get("start").Exists() {
			return // those of Flair for the whole text
		}
		if isSpans(v) {
			o.lists = append(o.lists, entityList{name, v.Array()})
			return
		}
	}
	if o.other == "" {
		o.other = name
	}
}

// entities returns the list of the entities.
func (o *object) entities() (entityList, error) {
	full := slices.DeleteFunc(slices.Clone(o.lists), func(l entityList) bool { return len(l.v) == 0 })
	switch {
	case len(full) > 1 && o.regions:
		for _, l := range full[1:] {
			full[0].v = append(full[0].v, l.v...)
		}
	case len(full) > 1:
		return entityList{}, fault.WithHint(fmt.Errorf("entities in %q and in %q", full[0].name, full[1].name), "keep one of the two lists")
	case len(o.lists) == 0 && o.other != "":
		return entityList{}, fault.WithHint(fmt.Errorf("no list of entities in it, but %q", o.other), `if that holds entities, write them as "entities": [[start, end, "LABEL"], …]; otherwise remove it`)
	case len(full) == 0:
		return entityList{}, nil
	}
	return full[0], nil
}

const noText = `an object has "text", or "tokens" without white space`

// object adds the document or the sentence of an object.
func (j *jsonl) object(o *object) error {
	if answer := record.Text(o.answer); answer == "reject" || answer == "ignore" {
		j.Remarks.Skip(1, map[string]string{"reject": "rejected example", "ignore": "ignored example"}[answer])
		return nil
	}
	if tokens, ok := o.words(); ok && o.tagsName != "" && len(o.lists) == 0 {
		return j.tags(o, tokens)
	}
	if o.other == "" {
		o.other = o.tagsName // without tokens, tags are not known to belong to the text
	}
	found, err := o.entities()
	if err != nil {
		return err
	}
	if tokens, ok := o.words(); ok && record.Text(o.form) != record.TextForm {
		s, err := o.sentence(tokens)
		if err != nil {
			return fault.WithHint(err, noText)
		}
		for i, v := range found.v {
			if err := j.entity(s, v); err != nil {
				return fmt.Errorf("%s[%d]: %w", found.name, i, err)
			}
		}
		j.queue = append(j.queue, unique(s))
		return nil
	}
	if o.text.Exists() && o.text.Type != gjson.String {
		return fault.WithHint(errors.New(`"text" is not a string`), noText)
	}
	d := &document{given: o.name(), list: found.name, line: j.in.Line()}
	if !o.text.Exists() && o.regions {
		if o.text, err = chooseText(o.strings, found.v); err != nil {
			return err
		}
	}
	if !o.text.Exists() {
		return fault.WithHint(fmt.Errorf("neither %q nor a list of strings \"tokens\" in it", cmp.Or(j.TextColumn, "text")), noText)
	}
	d.text = record.Text(o.text)
	j.identify(d, o.position)
	if err := j.fill(d, found.v); err != nil {
		return err
	}
	j.pending = append(j.pending, d)
	return nil
}

// identify sets the id of d, and its position if that is known.
func (j *jsonl) identify(d *document, p position) {
	d.base, d.isPart = p.known()
	if d.id = d.base.Document; !d.isPart {
		d.id = cmp.Or(d.given, fmt.Sprintf("%s:%d", j.name, j.in.Line()))
		if n := len(j.pending); n > 0 && d.given == "" {
			d.id = fmt.Sprintf("%s#%d", d.id, n+1)
		}
	}
}

// chooseText returns the string in which the regions mark what they are said to mark.
func chooseText(strings []gjson.Result, regions []gjson.Result) (text gjson.Result, err error) {
	var marks []mark
	for _, v := range regions {
		if span, _, err := spanOf(v, true); err == nil {
			marks = append(marks, mark{Span: span, text: record.Text(v.Get("text"))})
		}
	}
	n := 0
	for _, s := range strings {
		if len(strings) > 1 {
			_, err1 := inText(record.Text(s), marks, CodePoints)
			_, err2 := inText(record.Text(s), marks, UTF16)
			if err1 != nil && err2 != nil || !slices.ContainsFunc(marks, func(m mark) bool { return m.text != "" }) {
				continue
			}
		}
		text = s
		n++
	}
	if n != 1 {
		return gjson.Result{}, fault.WithHint(ErrNoColumn, noText)
	}
	return text, nil
}

// name returns the id, "" without one.
func (o *object) name() string { return idOf(o.id) }

func idOf(v gjson.Result) string {
	if v.Type == gjson.Number {
		return v.Raw
	}
	return record.Text(v)
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

// words returns the tokens if they are all strings: other tools describe theirs by
// objects.
func (o *object) words() (tokens []string, ok bool) {
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
	span, labels, err := spanOf(v, false)
	switch {
	case err != nil:
		return err
	case span.End > len(s.Tokens):
		return misplaced("it ends at %d, but the sentence has %s", span.End, english.Count(len(s.Tokens), "token"))
	}
	for _, label := range labels {
		if label, err = j.label(label); err != nil {
			return err
		}
		s.Entities = append(s.Entities, Entity{Span: span, Label: label})
	}
	return nil
}

// spanOf returns the span and the labels of an entity.
func spanOf(v gjson.Result, chars bool) (span markup.Span, labels []string, err error) {
	var start, end, name gjson.Result
	if v.IsArray() {
		if part := v.Array(); len(part) == 3 || len(part) == 4 && part[2].Type == gjson.String { // spaCy adds the id of an entry
			start, end, name = part[0], part[1], part[2]
		}
	} else {
		start, end, name = v.Get("start"), v.Get("end"), v.Get("label")
		for _, names := range [][2]string{{"start_char", "end_char"}, {"start_offset", "end_offset"}, {"globalOffsets.start", "globalOffsets.end"}, {"start_pos", "end_pos"}} {
			if from := v.Get(names[0]); from.Exists() && chars {
				start, end = from, v.Get(names[1])
				break
			}
		}
	}
	labels = labelsOf(v, name)
	if name.Type == gjson.Number && len(labels) == 0 && whole(start) {
		return span, nil, fault.WithHint(fmt.Errorf("its label is the number %s", name.Raw), "export the names of the labels: doccano does so as JSONL with text labels")
	}
	if !whole(start) || !whole(end) || len(labels) == 0 {
		return span, nil, misplaced("a span has a start and an end, both whole numbers from 0, and a label")
	}
	if span = (markup.Span{Start: int(number(start)), End: int(number(end))}); span.End <= span.Start {
		return span, nil, misplaced("it ends at %d, but starts at %d", span.End, span.Start)
	}
	return span, labels, nil
}

// labelsOf returns the labels of an entity, whose label is name or in one of the lists that
// Label Studio and Flair write.
func labelsOf(v, name gjson.Result) (labels []string) {
	if label := record.Text(name); label != "" {
		return []string{label}
	}
	if v.IsObject() {
		for _, list := range []string{"labels", "hypertextlabels"} {
			for _, label := range v.Get(list).Array() {
				if label.IsObject() {
					label = label.Get("value")
				}
				if label := record.Text(label); label != "" {
					labels = append(labels, label)
				}
			}
		}
	}
	return labels
}

func misplaced(format string, args ...any) error {
	return fault.WithHint(fmt.Errorf(format, args...), "a span is half-open and counts tokens if the line has them, else characters of the text")
}

// whole reports whether v is an offset; some tools write them as strings.
func whole(v gjson.Result) bool {
	n := number(v)
	return n >= 0 && n <= math.MaxInt32 && n == math.Trunc(n)
}

// number returns the number that v is or spells, or -1.
func number(v gjson.Result) float64 {
	switch {
	case v.Type == gjson.Number:
		return v.Num
	case v.Type == gjson.String && v.Str != "" && len(v.Str) < 10 && strings.Trim(v.Str, "0123456789") == "":
		n, _ := strconv.Atoi(v.Str) // only digits
		return float64(n)
	}
	return -1
}

// fill adds the entities of a list to d.
func (j *jsonl) fill(d *document, list []gjson.Result) error {
	var marks []mark
	named := map[string][]int{} // entities without a place, by their labels
	doccano := d.list == "label" || d.list == "labels"
	for i, v := range list {
		if name := v.Get("text"); v.IsObject() && name.Exists() && !v.Get("start").Exists() && !v.Get("start_char").Exists() && !v.Get("start_offset").Exists() && !v.Get("start_pos").Exists() {
			if name.Type != gjson.String || strings.TrimSpace(name.Str) == "" || record.Text(v.Get("label")) == "" {
				return d.about(element{n: i}, misplaced(`an entity without a place has a "text" and a "label"`))
			}
			label := record.Text(v.Get("label"))
			named[label] = append(named[label], i)
			continue
		}
		span, labels, err := spanOf(v, true)
		if err != nil {
			return d.about(element{n: i}, err)
		}
		doccano = (doccano || v.Get("start_offset").Exists()) && !v.Get("labels").Exists()
		for _, label := range labels {
			marks = append(marks, mark{Span: span, text: record.Text(v.Get("text")), label: label, n: i})
		}
	}
	ways := []Counting{CodePoints}
	switch {
	case doccano:
		ways = []Counting{UTF16, CodePoints}
	case slices.ContainsFunc(marks, func(m mark) bool { return m.text != "" }):
		ways = []Counting{CodePoints, UTF16, oneCRLF}
	}
	if err := j.addMarks(d, marks, ways...); err != nil {
		return err
	}
	for _, raw := range slices.Sorted(maps.Keys(named)) {
		label, err := j.label(raw)
		if err != nil {
			return d.about(element{n: named[raw][0]}, err)
		}
		if err := j.locate(d, CodePoints.starts(d.text), list, named[raw], label); err != nil {
			return fmt.Errorf("%s%w", d.list, err)
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
