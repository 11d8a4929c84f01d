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

// An é of two code points, an emoji of two UTF-16 units, and a line end of two characters.
const exported = `Zoe\u0301 \ud83e\udd8a met Mia.\r\nIn Kiel.`

// readExport returns the sentences of a file, as spell does, and the remarks.
func readExport(file string, how corpus.Reading) ([]string, string, error) {
	how.Remarks = &corpus.Remarks{}
	sentences, _, err := corpus.Read("f", strings.NewReader(file), "", how)
	if err != nil {
		return nil, "", err
	}
	list, err := spell(sentences)
	return list, how.Remarks.String(), err
}

func TestExportsOfAnnotationToolsAreRead(t *testing.T) {
	const two = "Zoe\u0301 🦊 met Mia.\r\nIn Kiel.|0-4 PER|11-14 PER|20-24 LOC"
	task := func(more string) string { return `{"data":{"text":"` + exported + `"},` + more + "}" }
	region := func(value string) string { return `{"id":"x","type":"labels","value":{` + value + `}}` }
	marked := region(`"start":11,"end":14,"text":"Mia","labels":["PER"]`) + "," + region(`"start":20,"end":24,"text":"Kiel","labels":["LOC"]`) + "," +
		region(`"start":0,"end":4,"text":"Zoe\u0301","labels":["PER"]`)
	for _, c := range []struct{ name, file, want, remarks string }{
		{"Label Studio", "[" + task(`"id":4,"annotations":[{"result":[`+marked+`],"was_cancelled":false}],"predictions":[]`) + "]", two, ""},
		{"Label Studio until 2021", "[" + task(`"completions":[{"result":[`+region(`"start":12,"end":15,"text":"Mia","labels":["PER"]`)+`]}]`) + "]",
			"Zoe\u0301 🦊 met Mia.\r\nIn Kiel.|11-14 PER", "read offsets as UTF-16 units, of which an emoji has two"},
		{"Label Studio in a browser that changes line ends", "[" + task(`"annotations":[{"result":[`+region(`"start":19,"end":23,"text":"Kiel","labels":["LOC"]`)+`]}]`) + "]",
			"Zoe\u0301 🦊 met Mia.\r\nIn Kiel.|20-24 LOC", "read offsets as if CR LF were one character"},
		{"Label Studio, over a line end", "[" + task(`"annotations":[{"result":[`+region(`"start":11,"end":24,"text":"Mia.\\nIn Kiel","labels":["X"]`)+`]}]`) + "]", "Zoe\u0301 🦊 met Mia.\r\nIn Kiel.|11-24 X", ""},
		{"Label Studio, HTML", "[" + task(`"annotations":[{"result":[{"type":"hypertextlabels","value":{"start":"/text()[1]","end":"/text()[1]","startOffset":0,"endOffset":3,"globalOffsets":{"start":11,"end":14},"hypertextlabels":["PER"]}}]}]`) + "]",
			"Zoe\u0301 🦊 met Mia.\r\nIn Kiel.|11-14 PER", ""},
		{"Label Studio, several labels, and what marks nothing", "[" + task(`"annotations":[{"result":[`+region(`"start":11,"end":14,"labels":["A","B"]`)+`,{"type":"relation","from_id":"x","to_id":"x"},{"type":"choices","value":{"choices":["good"]}},`+region(`"start":0,"end":4,"labels":[]`)+`]}]`) + "]",
			"Zoe\u0301 🦊 met Mia.\r\nIn Kiel.|11-14 A|11-14 B", "skipped 1 relation, 1 other result and 1 region without a label"},
		{"Label Studio, several annotations", "[" + task(`"annotations":[{"updated_at":"2024-05-02T00:00:00Z","result":[]},{"updated_at":"2024-05-03T00:00:00Z","result":[`+marked+`]},{"was_cancelled":true,"result":[]}]`) + "]", two, "skipped 1 further annotation"},
		{"Label Studio, ground truth", "[" + task(`"annotations":[{"ground_truth":true,"result":[`+marked+`]},{"updated_at":"2024-05-03T00:00:00Z","result":[]}]`) + "]", two, "skipped 1 further annotation"},
		{"Label Studio, unfinished tasks", "[" + task(`"annotations":[{"was_cancelled":true,"result":[]}]`) + "," + task(`"annotations":[],"predictions":[]`) + "," + task(`"annotations":[{"result":[]}]`) + "]",
			"Zoe\u0301 🦊 met Mia.\r\nIn Kiel.", "skipped 1 cancelled task and 1 task without annotations"},
		{"Label Studio, another field", `[{"data":{"title":"Mia","body":"` + exported + `"},"annotations":[{"result":[` + marked + `]}]}]`, two, ""},
		{"JSON-MIN", `[{"text":"` + exported + `","id":4,"ner":[{"start":0,"end":4,"text":"Zoe\u0301","labels":["PER"]},{"start":11,"end":14,"text":"Mia","labels":["PER"]}],"place":[{"start":20,"end":24,"text":"Kiel","labels":["LOC"]}],"annotator":1,"annotation_id":7,"created_at":"2024-05-02T00:00:00Z","lead_time":3.2}]`, two, ""},
		{"JSON-MIN, another field", `[{"body":"` + exported + `","label":[{"start":11,"end":14,"text":"Mia","labels":["PER"]}],"created_at":"2024-05-02T00:00:00Z"}]`, "Zoe\u0301 🦊 met Mia.\r\nIn Kiel.|11-14 PER", ""},
		{"JSON-MIN, nothing marked", `[{"text":"a","id":4,"annotator":1,"annotation_id":7}]`, "a", ""},
		{"doccano", `{"id":1,"text":"` + exported + `","label":[[0,4,"PER"],[12,15,"PER"],[21,25,"LOC"]],"Comments":[]}`, two, "read offsets as UTF-16 units, of which an emoji has two"},
		{"doccano, counting grapheme clusters", `{"id":1,"text":"` + exported + `","label":[[0,3,"PER"],[10,13,"PER"],[18,22,"LOC"]],"Comments":[]}`, two, "read offsets as grapheme clusters, of which an emoji is one, and CR LF too"},
		{"doccano, a part of a word", `{"id":1,"text":"Kielwasser","label":[[0,4,"LOC"]]}`, "Kielwasser|0-4 LOC", ""},
		{"doccano, offsets from a script", `{"id":1,"text":"` + exported + `","label":[[11,14,"PER"]]}`, "Zoe\u0301 🦊 met Mia.\r\nIn Kiel.|11-14 PER", ""},
		{"doccano, text labels", `{"id":1,"text":"Mia","labels":[[0,3,"PER"]],"meta":{},"annotation_approver":null}`, "Mia|0-3 PER", ""},
		{"doccano, relations", `{"id":1,"text":"` + exported + `","entities":[{"id":5,"label":"PER","start_offset":12,"end_offset":15}],"relations":[{"id":1}],"Comments":[]}`, "Zoe\u0301 🦊 met Mia.\r\nIn Kiel.|11-14 PER", "read offsets as UTF-16 units, of which an emoji has two"},
		{"Prodigy", `{"text":"` + exported + `","_input_hash":1,"tokens":[{"text":"Zoe\u0301","start":0,"end":4,"id":0,"ws":true}],"spans":[{"start":11,"end":14,"token_start":3,"token_end":3,"label":"PER"}],"_view_id":"ner_manual","answer":"accept"}` + "\n" +
			`{"text":"a","spans":[{"start":0,"end":1,"label":"X"}],"answer":"reject"}` + "\n" + `{"text":"b","spans":[],"answer":"ignore"}`, "Zoe\u0301 🦊 met Mia.\r\nIn Kiel.|11-14 PER", "skipped 1 rejected example and 1 ignored example"},
		{"spaCy, pairs", `["` + exported + `", {"entities": [[11, 14, "PER"], [20, 24, "LOC", "Q1707"], [0, 4, "PER"]]}]`, two, ""},
		{"spaCy, a list of pairs", "[\n [\"Mia\", {\"entities\": [[0, 3, \"PER\"]]}],\n [\"Bo\", [[\"0\", \"2\", \"PER\"]]]\n]", "Mia|0-3 PER\nBo|0-2 PER", ""},
		{"spaCy, classes", `{"classes":["PER"],"annotations":[["Mia",{"entities":[[0,3,"PER"]]}],null]}`, "Mia|0-3 PER", "skipped 1 text without annotations"},
		{"spaCy, a document", `{"text":"` + exported + `","ents":[{"start":11,"end":14,"label":"PER"}],"sents":[{"start":0,"end":16}],"tokens":[{"id":0,"start":0,"end":4}],"spans":{}}`, "Zoe\u0301 🦊 met Mia.\r\nIn Kiel.|11-14 PER", ""},
		{"spaCy, groups of spans", `{"text":"Mia","ents":[],"spans":{"sc":[{"start":0,"end":3,"label":"PER","kb_id":""}]}}`, "Mia|0-3 PER", ""},
		{"spaCy 2", `[{"id":0,"paragraphs":[{"raw":"` + exported + `","sentences":[{"tokens":[{"orth":"Zoe\u0301","ner":"U-PER"},{"orth":"\ud83e\udd8a","ner":"O"},{"orth":"met","ner":"-"},{"orth":"Mia","ner":"B-PER"},{"orth":".","ner":"L-PER"}]}]}]}]`,
			"Zoe\u0301 🦊 met Mia.\r\nIn Kiel.|0-4 PER|11-15 PER", "read the tag -, which means unknown, as O"},
		{"spaCy 2, offsets", `[{"id":0,"paragraphs":[{"raw":"Mia","entities":[[0,3,"PER"]],"sentences":[]}]}]`, "Mia|0-3 PER", ""},
		{"spaCy 2 without a text", `[{"id":0,"paragraphs":[{"sentences":[{"tokens":[{"orth":"Mia","ner":"B-PER"},{"orth":"Berg","ner":"L-PER"},{"orth":"left","ner":"O"}]}]}]}]`, "Mia Berg left|0-2 PER", ""},
		{"Flair", `{"text":"` + exported + `","labels":[{"value":"GOOD","confidence":0.9}],"entities":[{"text":"Mia","start_pos":11,"end_pos":14,"labels":[{"value":"PER","confidence":0.98}]}],"tokens":[{"text":"Zoe\u0301","start_pos":0}]}`,
			"Zoe\u0301 🦊 met Mia.\r\nIn Kiel.|11-14 PER", ""},
		{"an object on many lines", "\ufeff\n{\n \"text\": \"Mia\",\n \"entities\": [[0, 3, \"PER\"]]\n}\n{\n \"text\": \"Bo\"}\n", "Mia|0-3 PER\nBo", ""},
		{"nothing", "[]", "", ""},
	} {
		got, remarks, err := readExport(c.file, corpus.Reading{Split: corpus.NoSplit})
		if d := cmp.Diff(c.want, strings.Join(got, "\n")); d != "" || remarks != c.remarks || err != nil {
			t.Errorf("%s: %v %q %s", c.name, err, remarks, d)
		}
	}
}

func TestTheUserCanSayWhatOffsetsCount(t *testing.T) {
	const file = `{"text":"Zoe\u0301 \ud83e\udd8a met","label":[[%d,%d,"X"]]}`
	for _, c := range []struct {
		what       corpus.Counting
		start, end int
	}{{corpus.CodePoints, 7, 10}, {corpus.UTF16, 8, 11}, {corpus.Graphemes, 6, 9}} {
		got, remarks, err := readExport(fmt.Sprintf(file, c.start, c.end), corpus.Reading{Offsets: c.what})
		if err != nil || remarks != "" || len(got) != 1 || got[0] != "Zoe\u0301 🦊 met|7-10 X" {
			t.Errorf("%s: %v %q %v", corpus.Countings[c.what], got, remarks, err)
		}
	}
	if _, _, err := readExport(fmt.Sprintf(file, 6, 9), corpus.Reading{Offsets: corpus.UTF16}); err == nil {
		t.Error("an entity begins inside an emoji")
	}
}

func TestExportsThatCantBeReadAreRefusedWithTheirLineAndARemedy(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"torn", "[\n{\"text\":\"a\"},\n{\"text\":", "f:3: the file ends before this JSON value does"},
		{"torn between values", "[\n{\"text\":\"a\"},\n", "f:3: the file ends before its array does"},
		{"no comma", "[{\"text\":\"a\"}\n{\"text\":\"b\"}]", `f:2: '{' where a comma`},
		{"a number", "[{\"text\":\"a\"},\n7]", "f:2: not a JSON object"},
		{"an unknown list", "[\n{\"text\":\"a\",\"ner\":[[\"a\",\"X\"]]}]", `f:2: no list of entities in it, but "ner"`},
		{"another text", `[{"data":{"text":"Mia"},"annotations":[{"result":[{"value":{"start":0,"end":2,"text":"Bo","labels":["X"]}}]}]}]`, `f:1: result[0]: characters 0 to 2 are "Mi", not "Bo"`},
		{"which text", `[{"data":{"a":"Mia","b":"Mia"},"annotations":[{"result":[]}]}]`, `f:1: no "text" in "data"`},
		{"spaCy's tags", `[{"paragraphs":[{"sentences":[{"tokens":[{"orth":"a","ner":"PER"}]}]}]}]`, `f:1: paragraphs[0].sentences[0]: tokens[0]: "PER" is not a tag`},
		{"spaCy's tokens", `[{"paragraphs":[{"raw":"a","sentences":[{"tokens":[{"orth":"b","ner":"O"}]}]}]}]`, `f:1: paragraphs[0].sentences[0]: tokens[0]: "b" does not occur`},
	} {
		_, _, err := readExport(c.file, corpus.Reading{})
		if _, ok := errors.AsType[*fault.Error](err); !ok || !strings.HasPrefix(err.Error(), c.want) || fault.Hint(err) == "" || strings.Contains(fault.Hint(err), "[]") {
			t.Errorf("%s: got %v (%s), want %s", c.name, err, fault.Hint(err), c.want)
		}
	}
}
