package corpus

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"

	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/record"
	"nertools/pkg/segment"
)

// task adds the document of a task of Label Studio
// (https://labelstud.io/guide/task_format). Of several annotations it takes the ground
// truth, otherwise the latest one. It takes a prediction only if there are no annotations. A
// task without either, or that annotators skipped, is left out.
func (j *jsonl) task(v gjson.Result) error {
	annotations := v.Get("annotations")
	if !annotations.IsArray() {
		annotations = v.Get("completions") // before version 1.0
	}
	chosen, ok, cancelled := j.latest(annotations.Array(), "further annotation")
	switch {
	case !ok && cancelled:
		j.Remarks.Skip(1, "cancelled task")
		return nil
	case !ok:
		if chosen, ok, _ = j.latest(v.Get("predictions").Array(), "further prediction"); !ok {
			j.Remarks.Skip(1, "task without annotations")
			return nil
		}
		j.Remarks.Add("read the predictions of tasks without annotations")
	}
	var regions []gjson.Result
	for _, r := range chosen.Get("result").Array() {
		value := r.Get("value")
		switch {
		case value.Get("labels").IsArray() || value.Get("hypertextlabels").IsArray():
			if len(labelsOf(value, gjson.Result{})) == 0 {
				j.Remarks.Skip(1, "region without a label")
				continue
			}
			regions = append(regions, value)
		case record.Text(r.Get("type")) == "relation":
			j.Remarks.Skip(1, "relation")
		default:
			j.Remarks.Skip(1, "other result")
		}
	}
	data := v.Get("data")
	d := &document{given: cmp.Or(idOf(data.Get("sentence")), idOf(v.Get("id"))), list: "result", line: j.in.Line()}
	text := gjson.Result{}
	var p position
	var texts []gjson.Result
	data.ForEach(func(key, value gjson.Result) bool {
		name := record.Text(key)
		p.member(name, value)
		if value.Type == gjson.String {
			texts = append(texts, value)
			if name == cmp.Or(j.TextColumn, "text") {
				text = value
			}
		}
		if name == j.IDColumn && j.IDColumn != "" {
			d.given = idOf(value)
		}
		return true
	})
	if !text.Exists() {
		var err error
		if text, err = chooseText(texts, regions); err != nil {
			return fault.WithHint(fmt.Errorf(`no %q in "data": %w`, cmp.Or(j.TextColumn, "text"), err), noText)
		}
	}
	d.text = record.Text(text)
	j.identify(d, p)
	if err := j.fill(d, regions); err != nil {
		return err
	}
	j.pending = append(j.pending, d)
	return nil
}

// latest returns the one of list that counts.
func (j *jsonl) latest(list []gjson.Result, noun string) (chosen gjson.Result, ok, cancelled bool) {
	rank := func(v gjson.Result) string {
		truth := "0"
		if v.Get("ground_truth").Bool() {
			truth = "1"
		}
		return truth + cmp.Or(record.Text(v.Get("updated_at")), record.Text(v.Get("created_at")))
	}
	n := 0
	for _, v := range list {
		if v.Get("was_cancelled").Bool() || v.Get("skipped").Bool() {
			cancelled = true
			continue
		}
		if n++; n == 1 || rank(v) >= rank(chosen) {
			chosen = v
		}
	}
	if n > 1 {
		j.Remarks.Skip(n-1, noun)
	}
	return chosen, n > 0, cancelled
}

// paragraphs adds the documents of a value in the training format of spaCy 2
// (https://v2.spacy.io/api/annotation#json-input): texts whose tokens have tags.
func (j *jsonl) paragraphs(v gjson.Result) error {
	list := v.Get("paragraphs").Array()
	for i, p := range list {
		d := &document{given: idOf(v.Get("id")), list: fmt.Sprintf("paragraphs[%d].entities", i), line: j.in.Line()}
		if d.given != "" && len(list) > 1 {
			d.given = fmt.Sprintf("%s.%d", d.given, i)
		}
		raw := p.Get("raw")
		d.text = record.Text(raw)
		j.identify(d, position{})
		if entities := p.Get("entities"); raw.Type == gjson.String && isSpans(entities) && len(entities.Array()) > 0 {
			if err := j.fill(d, entities.Array()); err != nil {
				return err
			}
			j.pending = append(j.pending, d)
			continue
		}
		at := 0
		for n, s := range p.Get("sentences").Array() {
			if err := j.tagged(d, s, raw.Type == gjson.String, &at); err != nil {
				return fmt.Errorf("paragraphs[%d].sentences[%d]: %w", i, n, err)
			}
		}
		if raw.Type == gjson.String {
			j.pending = append(j.pending, d)
		}
	}
	return nil
}

// tagged adds the entities of a sentence to d, in whose text its tokens are from the byte
// *at on. Without a text, the sentence goes into the queue.
func (j *jsonl) tagged(d *document, s gjson.Result, hasText bool, at *int) error {
	var tokens, list []string
	var places []segment.Range
	for i, t := range s.Get("tokens").Array() {
		token, tag := record.Text(t.Get("orth")), record.Text(t.Get("ner"))
		if strings.TrimFunc(token, segment.IsSpace) == "" && !hasText {
			continue
		}
		if tag == "-" {
			j.Remarks.Add("read the tag -, which means unknown, as O")
			tag = "O"
		}
		if hasText {
			found := strings.Index(d.text[*at:], token)
			if found < 0 {
				return fault.WithHint(fmt.Errorf("tokens[%d]: %q does not occur in the rest of the text", i, token), `"raw" must contain all tokens in their order`)
			}
			places = append(places, segment.Range{Start: *at + found, End: *at + found + len(token)})
			*at += found + len(token)
		}
		tokens, list = append(tokens, token), append(list, tag)
	}
	entities, err := entitiesOf(list)
	if err != nil {
		return err
	}
	if hasText {
		for _, e := range entities {
			label, err := j.label(e.Label)
			if err != nil {
				return err
			}
			d.entities = append(d.entities, element{segment.Range{Start: places[e.Start].Start, End: places[e.End-1].End}, label, e.Start})
		}
		return nil
	}
	sentence, err := (&object{}).sentence(tokens)
	if err != nil {
		return fault.WithHint(err, noText)
	}
	for _, e := range entities {
		if e.Label, err = j.label(e.Label); err != nil {
			return err
		}
		sentence.Entities = append(sentence.Entities, e)
	}
	j.queue = append(j.queue, unique(sentence))
	return nil
}

// entitiesOf returns the entities that tags with prefixes mark, by the rule of [ReadCoNLL].
func entitiesOf(list []string) (entities []Entity, err error) {
	open := false
	for i, tag := range list {
		if isOutside([]byte(tag)) {
			open = false
			continue
		}
		p, ok := parsePart(prefixed, []byte(tag))
		if !ok {
			return nil, fault.WithHint(fmt.Errorf("tokens[%d]: %q is not a tag", i, tag), "a tag is O, or one of B I E S L U M W, a hyphen and a label")
		}
		last := len(entities) - 1
		if open && strings.IndexByte("IMEL", p.prefix) >= 0 && entities[last].Label == p.label {
			entities[last].End = i + 1
		} else {
			entities = append(entities, Entity{Span: markup.Span{Start: i, End: i + 1}, Label: p.label})
		}
		open = strings.IndexByte("ELSUW", p.prefix) < 0
	}
	return entities, nil
}
