package openaitest

import (
	"cmp"
	"html"
	"regexp"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// A labelledPhrase is an entity of a demonstration that shows entities of several labels.
type labelledPhrase struct{ text, label string }

// labelledStretch is a part of a sentence with a label.
type labelledStretch struct {
	stretch
	label string
}

var tag = regexp.MustCompile(`</?([\p{L}_][\p{L}\p{N}_.:-]*)(?: type="([^"]*)")?>`)

// untag returns the entities of an answer that repeats the sentence at the end of line with
// tags around them: "<PER>Ada</PER> left", or `<entity type="work of art">Hamlet</entity>`
// for a label that can't be the name of a tag. A tag without an end is text.
func untag(line, answer string) (plain string, entities []labelledPhrase, ok bool) {
	tags := tag.FindAllStringSubmatchIndex(answer, -1)
	tags = slices.DeleteFunc(tags, func(m []int) bool {
		name := answer[m[2]:m[3]]
		return !strings.Contains(answer, "<"+name+">") && !strings.Contains(answer, "<"+name+" ") || !strings.Contains(answer, "</"+name+">")
	})
	plain = answer
	for _, m := range slices.Backward(tags) {
		plain = plain[:m[0]] + plain[m[1]:]
	}
	if len(tags) == 0 || !strings.HasSuffix(strings.TrimRight(line, " \t\r"), plain) {
		return "", nil, false
	}
	type start struct {
		name, label string
		at          int // in plain
	}
	var open []start
	at, done := 0, 0
	for _, m := range tags {
		at += m[0] - done
		done = m[1]
		name := answer[m[2]:m[3]]
		if answer[m[0]+1] != '/' {
			label := name
			if m[4] >= 0 {
				label = html.UnescapeString(answer[m[4]:m[5]])
			}
			open = append(open, start{name, label, at})
			continue
		}
		for i, s := range slices.Backward(open) {
			if s.name == name {
				if text := strings.TrimSpace(plain[s.at:at]); text != "" {
					entities = append(entities, labelledPhrase{text, s.label})
				}
				open = slices.Delete(open, i, i+1)
				break
			}
		}
	}
	return plain, entities, true
}

// unlistLabelled returns the entities of an object {"entities":[{"text":"Ada","label":"PER"}]}.
func unlistLabelled(answer string) (entities []labelledPhrase) {
	for _, e := range gjson.Get(answer, "entities").Array() {
		if text, label := e.Get("text").String(), e.Get("label").String(); text != "" && label != "" {
			entities = append(entities, labelledPhrase{text, label})
		}
	}
	return entities
}

// labelledAnswer answers as the demonstrations do that show entities of several labels. It
// reports false if none does.
func labelledAnswer(sentence string, demos []shownExample) (answer string, ok bool) {
	phrases := map[string][]string{} // by label
	object := false
	for _, d := range demos {
		object = object || d.object
		for _, p := range d.labelled {
			phrases[p.label] = append(phrases[p.label], p.text)
		}
	}
	if len(phrases) == 0 {
		return "", false
	}
	var spans []labelledStretch
	for label, list := range phrases {
		for _, s := range find(sentence, list) {
			spans = append(spans, labelledStretch{s, label})
		}
	}
	slices.SortFunc(spans, func(a, b labelledStretch) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end), strings.Compare(a.label, b.label))
	})
	if object {
		return asLabelledObject(sentence, spans), true
	}
	return wrap(sentence, spans), true
}

func asLabelledObject(sentence string, spans []labelledStretch) string {
	b := []byte(`{"entities":[`)
	for i, s := range spans {
		if i > 0 {
			b = append(b, ',')
		}
		b = gjson.AppendJSONString(append(b, `{"text":`...), sentence[s.start:s.end])
		b = append(gjson.AppendJSONString(append(b, `,"label":`...), s.label), '}')
	}
	return string(append(b, "]}"...))
}

// wrap puts tags around the spans of the sentence, which are in order.
func wrap(sentence string, spans []labelledStretch) string {
	var b strings.Builder
	for i := range len(sentence) + 1 {
		for _, s := range slices.Backward(spans) {
			if s.end == i {
				_, end := tagsOf(s.label)
				b.WriteString(end)
			}
		}
		for _, s := range spans {
			if s.start == i {
				start, _ := tagsOf(s.label)
				b.WriteString(start)
			}
		}
		if i < len(sentence) {
			b.WriteByte(sentence[i])
		}
	}
	return b.String()
}

// tagsOf returns the tags around an entity with a label.
func tagsOf(label string) (start, end string) {
	start = "<" + label + ">"
	if tag.FindString(start) == start && label[0] != '/' {
		return start, "</" + label + ">"
	}
	return `<entity type="` + html.EscapeString(label) + `">`, "</entity>"
}
