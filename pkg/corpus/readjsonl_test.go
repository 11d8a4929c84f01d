package corpus_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/corpus"
	"nertools/pkg/fault"
)

func TestPretokenizedJSONLinesAreRead(t *testing.T) {
	for _, c := range []struct{ name, line, want string }{
		{"tokens", `{"tokens":["Ada","Li","left"],"spans":[{"start":0,"end":2,"label":"PER"}]}`, "Ada Li left|0-2 PER"},
		{"tokens and triples", `{"tokens":["Ada","left"],"entities":[[0,1,"PER"]]}`, "Ada left|0-1 PER"},
		{"characters", `{"text":"Ada Li left","spans":[{"start":0,"end":6,"label":"PER"}]}`, "Ada Li left|0-2 PER"},
		{"characters and triples", `{"text":"Ada Li left","entities":[[7,11,"X"]]}`, "Ada Li left|2-3 X"},
		{"characters, by another name", `{"text":"Ada left","spans":[{"start_char":4,"end_char":8,"label":"X","start":0,"end":1}]}`, "Ada left|1-2 X"},
		{"code points", `{"text":"🦊 é e\u0301 left","entities":[[0,1,"A"],[2,3,"B"],[4,6,"C"],[7,11,"D"]]}`, "🦊 é e\u0301 left|0-1 A|1-2 B|2-3 C|3-4 D"},
		{"white space around an entity", `{"text":"  Ada \u00a0 left ","entities":[[0,6,"PER"],[7,13,"X"]]}`, "  Ada \u00a0 left |0-1 PER|1-2 X"},
		{"text that splits into the tokens", `{"text":"Ada  left\n","tokens":["Ada","left"],"spans":[[1,2,"X"]]}`, "Ada  left\n|1-2 X"},
		{"text that does not", `{"text":"Ada left.","tokens":["Ada","left","."],"spans":[[1,2,"X"]]}`, "Ada left .|1-2 X"},
		{"tokens of other tools", `{"text":"Ada left","tokens":[{"text":"Ada","start":0,"end":3,"id":0},{"text":"left"}],"spans":[{"start":0,"end":3,"token_start":0,"token_end":0,"label":"PER"}]}`, "Ada left|0-1 PER"},
		{"entities twice, and unsorted", `{"text":"a b","spans":[[2,3,"X"],[0,1,"X"],[2,3,"X"],[0,3,"X"]]}`, "a b|0-2 X|0-1 X|1-2 X"},
		{"overlaps", `{"tokens":["a","b"],"spans":[[0,1,"X"],[0,2,"Y"],[0,2,"X"]]}`, "a b|0-2 X|0-2 Y|0-1 X"},
		{"no entities", `{"text":"a","spans":[],"entities":null}`, "a"},
		{"no tokens", `{"tokens":[],"spans":[]}`, ""},
		{"bytes do not count", `{"text":"é Ada","spans":[{"start":2,"end":5,"label":"PER","start_byte":0,"end_byte":3}]}`, "é Ada|1-2 PER"},
		{"of this project", `{"kind":"sentence","v":1,"id":"0","text":"Ada left","tokens":["Ada","left"],"spans":[{"start":0,"end":1,"label":"PER","text":"Ada","start_char":0,"end_char":3,"start_byte":0,"end_byte":3,"found":"exact"}],"answers":[{"label":"LOC","class":"part"}],"model":"m"}`, "Ada left|0-1 PER"},
	} {
		got, err := spell(corpus.ReadJSONL("f", strings.NewReader(c.line), corpus.Reading{Pretokenized: true}))
		if d := cmp.Diff([]string{c.want}, got); d != "" || err != nil {
			t.Errorf("%s: %v %s", c.name, err, d)
		}
	}
}

func TestSentencesOfJSONLinesKeepTheirIDs(t *testing.T) {
	const file = "\n" + `{"id":"a.1","text":"x","spans":[]}` + "\n\n" + `{"id":12,"text":"x","spans":[]}` + "\r\n" + `{"id":null,"text":"x","spans":[]}`
	var got []string
	for s, err := range corpus.ReadJSONL("f", strings.NewReader(file), corpus.Reading{Pretokenized: true}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, s.ID)
	}
	if d := cmp.Diff([]string{"a.1", "12", ""}, got); d != "" {
		t.Error(d)
	}
}

func TestJSONLinesThatCantBeReadAreRefusedWithTheirLineAndARemedy(t *testing.T) {
	for _, c := range []struct{ name, line, want string }{
		{"no JSON", `{"text":"a"`, "not a JSON object"},
		{"an array", `[]`, "not a JSON object"},
		{"Latin-1", "{\"text\":\"Z\xfcrich\"}", "not UTF-8"},
		{"deep", strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000), "not a JSON object"},
		{"another record", `{"kind":"prompt","v":1}`, `a record of kind "prompt" and version 1`},
		{"another version", `{"kind":"sentence","v":2}`, `a record of kind "sentence" and version 2`},
		{"no text", `{"spans":[]}`, `neither "text" nor`},
		{"text of another type", `{"text":7,"spans":[]}`, `"text" is not a string`},
		{"tokens of two types", `{"tokens":["a",1],"spans":[]}`, `neither "text" nor`},
		{"a token with a space", `{"tokens":["a","New\u00a0York"],"spans":[]}`, `tokens[1]: "New\u00a0York" is empty or contains white space`},
		{"an empty token", `{"tokens":["a",""],"spans":[]}`, `tokens[1]: "" is empty or contains white space`},
		{"another list", `{"text":"a","meta":{},"names":[[0,1,"X"]]}`, `no list of entities in it, but "names"`},
		{"labels of the text", `{"text":"a","label":["good"]}`, `no list of entities in it, but "label"`},
		{"no list", `{"text":"a","spans":{"X":"a"}}`, `no list of entities in it, but "spans"`},
		{"two lists", `{"text":"a","spans":[[0,1,"X"]],"entities":[[0,1,"X"]]}`, `entities in "spans" and in "entities"`},
		{"labels that are numbers", `{"text":"a","annotations":[{"label":2,"start_offset":0,"end_offset":1,"user":1}]}`, "annotations[0]: its label is the number 2"},
		{"another text at its place", `{"text":"a b","spans":[{"start":0,"end":1,"text":"b","label":"X"}]}`, `spans[0]: characters 0 to 1 are "a", not "b"`},
		{"no label", `{"text":"a","spans":[[0,1,"X"],{"start":0,"end":1}]}`, "spans[1]: a span has a start and an end"},
		{"an empty label", `{"text":"a","entities":[[0,1,""]]}`, "entities[0]: a span has a start and an end"},
		{"two parts", `{"text":"a","entities":[[0,1]]}`, "entities[0]: a span has a start and an end"},
		{"no object", `{"text":"a","spans":["a"]}`, "spans[0]: a span has a start and an end"},
		{"a fraction", `{"text":"a","entities":[[0,0.5,"X"]]}`, "entities[0]: a span has a start and an end"},
		{"below 0", `{"text":"a","entities":[[-1,1,"X"]]}`, "entities[0]: a span has a start and an end"},
		{"one more than the text", `{"text":"🦊🦊","entities":[[0,3,"X"]]}`, "entities[0]: it ends at 3, but the text has 2 characters"},
		{"one more than the tokens", `{"tokens":["a"],"spans":[[0,2,"X"]]}`, "spans[0]: it ends at 2, but the sentence has 1 token"},
		{"end before start", `{"text":"a b","spans":[[2,1,"X"]]}`, "spans[0]: it ends at 1, but starts at 2"},
		{"empty", `{"text":"a b","spans":[[1,1,"X"]]}`, "spans[0]: it ends at 1, but starts at 1"},
		{"starts in a token", `{"text":"(Ada left","spans":[[1,4,"X"]]}`, `spans[0]: it starts inside the token "(Ada"`},
		{"ends in a token", `{"text":"in Paris.","spans":[[3,8,"X"]]}`, `spans[0]: it ends inside the token "Paris."`},
		{"white space", `{"text":"a  b","spans":[[1,3,"X"]]}`, "spans[0]: it covers only white space"},
	} {
		_, err := spell(corpus.ReadJSONL("f", strings.NewReader(`{"text":"","spans":[]}`+"\n\n"+c.line), corpus.Reading{Pretokenized: true}))
		if _, ok := errors.AsType[*fault.Error](err); !ok || !strings.HasPrefix(err.Error(), "f:3: "+c.want) || fault.Hint(err) == "" {
			t.Errorf("%s: got %v (%s), want %s", c.name, err, fault.Hint(err), c.want)
		}
	}
}

func TestALabelThatIsRefusedIsNamedWithItsSpan(t *testing.T) {
	how := corpus.Reading{Label: func(label string) (string, error) {
		return "", fault.WithHint(fmt.Errorf("no label %q", label), "use PER")
	}}
	_, err := spell(corpus.ReadJSONL("f", strings.NewReader(`{"text":"a","spans":[[0,1,"X"]]}`), how))
	if got := fmt.Sprintf("%v (%s)", err, fault.Hint(err)); got != `f:1: spans[0]: no label "X" (use PER)` {
		t.Error(got)
	}
}

func TestTheFirstLineTellsTheFormat(t *testing.T) {
	const line = `{"tokens":["Ada","left"],"spans":[{"start":0,"end":1,"label":"PER"}]}` + "\n"
	for _, c := range []struct{ format, file, text string }{
		{"", line, "Ada left"},
		{"", "\ufeff" + line, "Ada left"},
		{"jsonl", line, "Ada left"},
		{"", "Ada\tB-PER\nleft\tO\n", "Ada left"},
		{"", "\ufeffAda B-PER\n", "Ada"},
		{"", "{ O\nAda B-PER\n", "{ Ada"},
		{"", "{} O\n", "{}"},
		{"conll", "{\"a\":1} O\n", `{"a":1}`},
		{"", "", ""},
	} {
		sentences, _, err := corpus.Read("f", strings.NewReader(c.file), c.format, corpus.Reading{})
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		for s, err := range sentences {
			if err != nil {
				t.Errorf("%q: %v", c.file, err)
				break
			}
			text += s.Text
		}
		if text != c.text {
			t.Errorf("%q as %q: got %q, want %q", c.file, c.format, text, c.text)
		}
	}
	if _, _, err := corpus.Read("f", strings.NewReader(line), "xml", corpus.Reading{}); err == nil {
		t.Error("an unknown format is read")
	}
}
