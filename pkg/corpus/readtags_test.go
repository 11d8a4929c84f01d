package corpus_test

import (
	"strings"
	"testing"

	"nertools/pkg/corpus"
	"nertools/pkg/fault"
)

func TestTokensAndTagsInJSONAreRead(t *testing.T) {
	for _, c := range []struct {
		name, file, want, remarks string
		names                     []string
	}{
		{"tags", `{"id":"3","tokens":["Mia","Li","left"],"tags":["B-PER","I-PER","O"]}`, "Mia Li left|0-2 PER", "", nil},
		{"in an array", `[{"words":["Mia","left"],"ner_tags":["B-PER","O"]},` + "\n" + `{"tokens":["Bo"],"labels":["O"]}]`, "Mia left|0-1 PER\nBo", "", nil},
		{"numbers", `{"tokens":["Mia","left"],"ner_tags":[1,0],"pos_tags":[3,4]}`, "Mia left|0-1 PER", "", []string{"O", "B-PER", "I-PER"}},
		{"numbers of labels without prefixes", `{"tokens":["Mia","Li","left"],"ner_tags":[1,1,0],"fine_ner_tags":[7,7,0]}`, "Mia Li left|0-2 person", "", []string{"O", "person", "S-Bahn"}},
		{"white space", `{"tokens":["New York","\u3000"],"tags":["B-LOC","O"]}`, "New York|0-2 LOC", "skipped 1 empty token; split 1 token at white space", nil},
		{"no tokens", `{"tokens":[],"ner_tags":[]}`, "", "", nil},
	} {
		got, remarks, err := readExport(c.file, corpus.Reading{TagNames: c.names})
		if list := strings.Join(got, "\n"); list != c.want || remarks != c.remarks || err != nil {
			t.Errorf("%s: %q %q %v", c.name, list, remarks, err)
		}
	}
	for _, c := range []struct{ name, file, want string }{
		{"no names", `{"tokens":["Mia"],"ner_tags":[1]}`, `f:1: the tags in "ner_tags" are numbers`},
		{"too few tags", `{"tokens":["Mia","left"],"tags":["O"]}`, `f:1: 2 tokens, but 1 in "tags"`},
		{"no tag", `{"tokens":["Mia"],"tags":["PER"]}`, `f:1: "PER" is not a tag`},
	} {
		if _, _, err := readExport(c.file, corpus.Reading{}); err == nil || !strings.HasPrefix(err.Error(), c.want) || fault.Hint(err) == "" {
			t.Errorf("%s: %v (%s)", c.name, err, fault.Hint(err))
		}
	}
	if _, _, err := readExport(`{"tokens":["Mia"],"ner_tags":[2]}`, corpus.Reading{TagNames: []string{"O", "B-X"}}); err == nil || fault.Hint(err) == "" {
		t.Error(err)
	}
}
