package corpus

import (
	"fmt"
	"slices"

	"github.com/tidwall/gjson"

	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/record"
)

// tagLists are the names that lists of tags have next to lists of tokens, for example in
// exported data sets of Hugging Face.
var tagLists = []string{"ner_tags", "tags", "labels", "ner", "iob_tags", "bio_tags"}

// isTags reports whether the member called name is a list of tags or of their numbers, not
// of entities.
func isTags(name string, v gjson.Result) bool {
	first := v.Get("0")
	return v.IsArray() && slices.Contains(tagLists, name) && (first.Type == gjson.String || first.Type == gjson.Number || !first.Exists() && name != "labels")
}

// tags adds the sentence of tokens with their tags, which are read like those of a CoNLL
// file. Numbers stand for how.TagNames.
func (j *jsonl) tags(o *object, tokens []string) error {
	list := o.tags.Array()
	if len(list) != len(tokens) {
		return fault.WithHint(fmt.Errorf("%s, but %d in %q", english.Count(len(tokens), "token"), len(list), o.tagsName), "each token needs one tag")
	}
	if j.conll == nil {
		j.conll = j.newTags()
	}
	c := j.conll
	c.reset()
	c.line = j.in.Line()
	for i, v := range list {
		tag := record.Text(v)
		if v.Type != gjson.String {
			n := int(v.Num)
			switch {
			case len(j.TagNames) == 0:
				err := &LayoutError{Need: NeedTagNames, Problem: fmt.Sprintf("the tags in %q are numbers, and their names are not in the file", o.tagsName)}
				return fault.WithHint(err, remedies[err.Need])
			case v.Type != gjson.Number || !whole(v) || n >= len(j.TagNames):
				return fault.WithHint(fmt.Errorf("%s[%d]: no name for the tag %s: the highest number with a name is %d", o.tagsName, i, v.Raw, len(j.TagNames)-1), remedies[NeedTagNames])
			}
			tag = j.TagNames[n]
		}
		if err := c.addToken([][]byte{[]byte(tokens[i]), []byte(tag)}); err != nil {
			return err
		}
	}
	s, err := c.sentence()
	if err != nil {
		return err
	}
	s.ID = o.name()
	j.queue = append(j.queue, s)
	return nil
}

// newTags returns a reader of tokens, in column 1, and their tags, in column 2.
func (j *jsonl) newTags() *conll {
	tag := tagColumn{}
	if len(j.TagNames) > 0 { // they show the notation
		names := &column{values: map[string]*value{}}
		for _, name := range j.TagNames {
			names.add([]byte(name), 0)
		}
		tag = judge(names, len(j.TagNames), true).tagColumn
	}
	tag.column = 2
	return &conll{texts: newTexts(j.name, j.Reading), layout: &layout{token: 1, gaps: true, tags: []tagColumn{tag}},
		known: map[string][]part{}, unclosed: make([]openEntities, 1)}
}
