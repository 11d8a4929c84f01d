package prompt_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/catalog"
	"nertools/pkg/mrc"
	"nertools/pkg/prompt"
	"nertools/pkg/record"
)

func parseSentence(t testing.TB, text string) *prompt.Template {
	t.Helper()
	tmpl, err := prompt.ParseSentenceTemplate("test.tmpl", text)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

// askNews returns a plan that asks about the sentences of the sample, whose rows have n
// neighbours.
func askNews(t testing.TB, template string, n int) *prompt.Plan {
	t.Helper()
	job := &prompt.Plan{Template: parseSentence(t, template), Examples: n}
	job.Source, job.Rows = "test", openRows(t, mrc.Path(news, "test"))
	job.Train = openRows(t, mrc.Path(news, "train"))
	job.Sentences = sentencesOf(t, job.Rows)
	job.Neighbours = openNeighbours(t, news+"/test.knn.jsonl", job.RowsUsed(), job.Train.Len())
	return job
}

func sentencesOf(t testing.TB, rows *mrc.File) []mrc.Group {
	t.Helper()
	list, err := rows.Sentences()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestASentenceIsAskedOnceForAllLabelsOfItsRows(t *testing.T) {
	job := askNews(t, prompt.SentenceMarkupTemplates[0], 4)
	var row mrc.Row
	list := records(t, write(t, job))
	if len(list) != 37 || len(job.Sentences) != 37 {
		t.Fatalf("%d questions about %d sentences", len(list), len(job.Sentences))
	}
	for n, p := range list {
		rows := job.Sentences[n].Rows
		if err := job.Rows.Decode(rows[0], &row); err != nil {
			t.Fatal(err)
		}
		source, index, _, ok := record.ParseID(p.ID)
		want := record.Prompt{
			ID: p.ID, Index: n, Total: 37, Labels: []string{"PER", "LOC", "ORG", "MISC"}, Context: row.Context,
			Origin: record.Origin{Sentence: job.Sentences[n].ID}, Text: p.Text, Examples: p.Examples,
		}
		if d := cmp.Diff(want, p); d != "" || !ok || source != "test.sentence" || index != n {
			t.Errorf("%s: %s", p.ID, d)
		}
		if strings.Count(p.Text, "\nSentence: ") != 5 || !strings.HasSuffix(p.Text, "\nSentence: "+row.Context+"\nMarked:") {
			t.Errorf("question %d shows other sentences: %s", n, p.Text)
		}
	}
}

func TestLabelsAreInTheOrderOfTheCatalogueAndDescribedOnceAtTheStart(t *testing.T) {
	rows := []row{{Context: "a b", Label: "LOC"}, {Context: "a b", Label: "person"}, {Context: "c d", Label: "MISC"}}
	job := prompt.Plan{Source: "made", Rows: openRows(t, writeRows(t, rows)), Template: parseSentence(t, prompt.SentenceJSONTemplates[0]), ResponseFormat: prompt.SentenceJSONFormat}
	job.Sentences = sentencesOf(t, job.Rows)
	list := records(t, write(t, &job))
	if len(list) != 2 || !slices.Equal(list[0].Labels, []string{"person", "LOC"}) || !slices.Equal(list[1].Labels, []string{"MISC"}) {
		t.Fatalf("%+v", list)
	}
	if !strings.Contains(list[0].Text, "\nperson: person.") || strings.Count(list[0].Text, "\nLOC: location. ") != 1 || strings.Contains(list[0].Text, "MISC") {
		t.Error(list[0].Text)
	}
	for _, p := range list {
		var format struct {
			Schema struct{ Schema any } `json:"json_schema"`
		}
		if err := json.Unmarshal([]byte(p.ResponseFormat), &format); err != nil {
			t.Fatal(err)
		}
		labels := []any{}
		for _, l := range p.Labels {
			labels = append(labels, l)
		}
		text := map[string]any{"type": "string"}
		want := map[string]any{"type": "object", "required": []any{"entities"}, "additionalProperties": false, "properties": map[string]any{
			"entities": map[string]any{"type": "array", "items": map[string]any{"type": "object", "required": []any{"text", "label"}, "additionalProperties": false,
				"properties": map[string]any{"text": text, "label": map[string]any{"type": "string", "enum": labels}}}},
		}}
		if d := cmp.Diff(any(want), format.Schema.Schema); d != "" {
			t.Error(d)
		}
	}
}

func TestADemonstrationShowsTheEntitiesOfAllLabelsAskedFor(t *testing.T) {
	train := []row{
		{Context: "x  Bank of <England>", Label: "ORG", Start: []int{1}, End: []int{3}}, {Context: "x  Bank of <England>", Label: "LOC", Start: []int{3, 0}, End: []int{3, 0}},
		{Context: "x  Bank of <England>", Label: "MISC", Start: []int{0}, End: []int{0}}, // nobody asks for it
		{Context: "y", Label: "LOC"}, {Context: "z z", Label: "PER", Start: []int{0, 0, 7}, End: []int{0, 0, 8}}, {Context: "z z", Label: "person", Start: []int{0}, End: []int{1}},
		{Context: "z z", Label: "LOC", Start: []int{0}, End: []int{0}},
	}
	rows := []row{{Context: "q", Label: "LOC"}, {Context: "q", Label: "PER"}, {Context: "q", Label: "ORG"}}
	job := prompt.Plan{
		Source: "made", Rows: openRows(t, writeRows(t, rows)), Train: openRows(t, writeRows(t, train)), Examples: 9,
		Template: parseSentence(t, `{{define "instruction"}}{{.Examples}}{{range .Labels}} {{.Open}}{{.Close}}{{end}}{{end}}{{define "example"}}
{{.Number}}. {{.Context}} | {{.Marked}} | {{range .Entities}}{{.Label}}:{{.Text}},{{end}} | {{.JSON}}{{end}}{{define "query"}}
{{.Context}}{{end}}`),
	}
	job.Sentences = sentencesOf(t, job.Rows)
	job.Neighbours = openNeighbours(t, writeFile(t, "made.knn.jsonl", "[2, 1]\n[5, 0]\n[3]\n"), 3, len(train))
	fill(t, &job)
	var out bytes.Buffer
	stats, err := job.Write(t.Context(), &out)
	if err != nil {
		t.Fatal(err)
	}
	p := records(t, out.Bytes())[0]
	want := `3 <PER></PER> <LOC></LOC> <ORG></ORG>
1. x  Bank of <England> | <LOC>x</LOC> <ORG>Bank of <LOC><England></LOC></ORG> | LOC:x,ORG:Bank of <England>,LOC:<England>, | [{"text":"x","label":"LOC"},{"text":"Bank of <England>","label":"ORG"},{"text":"<England>","label":"LOC"}]
2. z z | <PER><PER><LOC>z</LOC></PER> z</PER> | PER:z z,PER:z,LOC:z, | [{"text":"z z","label":"PER"},{"text":"z","label":"PER"},{"text":"z","label":"LOC"}]
3. y | y |  | []
q`
	if p.Text != want || !slices.Equal(p.Examples, []int{0, 4, 3}) {
		t.Errorf("%v\n%s\n%s", p.Examples, p.Text, cmp.Diff(want, p.Text))
	}
	if !slices.Equal(stats.Mended, []int{1, 4}) || stats.OtherLabel != 0 || stats.Leaking != 0 || stats.Prompts != 1 {
		t.Errorf("%+v", stats)
	}
}

func TestASentenceAmongItsOwnDemonstrationsIsCounted(t *testing.T) {
	job := files(t, []string{"Ada left .", "Bo  left ."}, []string{"PER", "LOC"}) // sentence 0 shows itself; so does sentence 1, before 0
	job.Template = parseSentence(t, prompt.SentenceMarkupTemplates[0])
	job.Sentences = sentencesOf(t, job.Rows)
	fill(t, &job)
	stats, err := job.Write(t.Context(), new(bytes.Buffer))
	if err != nil || stats.Leaking != 2 {
		t.Errorf("%+v, %v", stats, err)
	}
}

func TestNothingInASentenceOrLabelIsInterpreted(t *testing.T) {
	job := files(t, nasty, []string{"PER", "LOC"})
	job.Labels = catalog.DataSet{Name: "OWN", Labels: []catalog.Label{{Key: "LOC", Name: "a {{.}}"}, {Key: "PER", Name: `"<b>"`}}}
	job.Template = parseSentence(t, `{{define "instruction"}}{{end}}{{define "example"}}{{.Marked}}{{"\n"}}{{end}}{{define "query"}}{{.Context}}|{{range .Labels}}{{.Name}}{{end}}{{end}}`)
	job.Sentences = sentencesOf(t, job.Rows)
	for i, p := range records(t, write(t, &job)) {
		if want := p.Context + `|a {{.}}"<b>"`; p.Context != nasty[i] || !strings.HasSuffix(p.Text, want) {
			t.Errorf("%q: %q", nasty[i], p.Text)
		}
	}
	odd := prompt.Plan{
		Source: "made", Examples: 1, Rows: openRows(t, writeRows(t, []row{{Context: "a", Label: `1 "x"`}})), Train: openRows(t, writeRows(t, []row{{Context: "b", Label: `1 "x"`, Start: []int{0}, End: []int{0}}})),
		Labels: catalog.DataSet{Name: "OWN", Labels: []catalog.Label{{Key: `1 "x"`, Name: "x"}}}, Template: parseSentence(t, prompt.SentenceMarkupTemplates[0]), ResponseFormat: prompt.SentenceJSONFormat,
	}
	odd.Sentences = sentencesOf(t, odd.Rows)
	odd.Neighbours = openNeighbours(t, writeFile(t, "made.knn.jsonl", "[0]\n"), 1, 1)
	p := records(t, write(t, &odd))[0]
	if !strings.Contains(p.Text, `<entity type="1 &#34;x&#34;">b</entity>`) || !json.Valid([]byte(p.ResponseFormat)) {
		t.Error(p.Text, p.ResponseFormat)
	}
}

func TestShardsLimitAndWantedRowsSelectSentencesAndKeepTheirNumbers(t *testing.T) {
	all := bytes.SplitAfter(write(t, askNews(t, prompt.SentenceMarkupTemplates[0], 2)), []byte("\n"))
	all = all[:len(all)-1]
	for _, of := range []int{1, 2, 7, 37, 50} {
		var joined []byte
		for n := 1; n <= of; n++ {
			job := askNews(t, prompt.SentenceMarkupTemplates[0], 2)
			job.Shard = prompt.Shard{Number: n, Of: of}
			joined = append(joined, write(t, job)...)
		}
		if !bytes.Equal(joined, bytes.Join(all, nil)) {
			t.Errorf("%d shards are not the whole", of)
		}
	}

	job := askNews(t, prompt.SentenceMarkupTemplates[0], 2)
	job.Limit = 3
	if n := job.RowsUsed(); n != 12 {
		t.Errorf("3 sentences with %d rows", n)
	}
	limited := write(t, job)
	if want := bytes.ReplaceAll(bytes.Join(all[:3], nil), []byte(`"total":37`), []byte(`"total":3`)); !bytes.Equal(limited, want) {
		t.Errorf("limit 3: %s", limited)
	}

	job = askNews(t, prompt.SentenceMarkupTemplates[0], 2)
	job.Wanted = func(row int) bool { return row == 5 || row == 7 || row == 147 } // two of sentence 1, one of 36
	if got, want := write(t, job), slices.Concat(all[1], all[36]); !bytes.Equal(got, want) {
		t.Errorf("wanted rows: %s", got)
	}
}

func TestNearestLastReversesTheSentencesShown(t *testing.T) {
	first, last := askNews(t, prompt.SentenceJSONTemplates[0], 5), askNews(t, prompt.SentenceJSONTemplates[0], 5)
	last.NearestLast = true
	others := records(t, write(t, last))
	for i, p := range records(t, write(t, first)) {
		slices.Reverse(p.Examples)
		if !slices.Equal(p.Examples, others[i].Examples) || p.Text == others[i].Text {
			t.Fatalf("sentence %d shows %v, and %v", i, p.Examples, others[i].Examples)
		}
	}
}

func TestAnOwnTemplateMayShowTheSentenceInItsInstruction(t *testing.T) {
	job := askNews(t, `{{define "instruction"}}{{.Context}}: {{len .Labels}}{{end}}{{define "example"}}{{end}}{{define "query"}}{{end}}`, 0)
	for _, p := range records(t, write(t, job)) {
		if p.Text != p.Context+": 4" {
			t.Fatalf("%q", p.Text)
		}
	}
}

func TestTextRowsAreAskedAboutBySentence(t *testing.T) {
	text := func(label string, spans ...string) string {
		return fmt.Sprintf(`{"qas_id":"0.%s","form":"text","document":"d.txt","offset":7,"offset_bytes":9,"context":"Ä \"x\"\nAda 🦊.","entity_label":%q,"spans":[%s]}`, label, label, strings.Join(spans, ","))
	}
	path := writeFile(t, "mrc-ner.made", "["+text("PER", "[6,9]")+",\n"+text("LOC", "[6,11]", "[0,1]")+"]")
	job := prompt.Plan{Source: "made", Rows: openRows(t, path), Examples: 1, Template: parseSentence(t, prompt.SentenceMarkupTemplates[0])}
	job.Train, job.Sentences = job.Rows, sentencesOf(t, job.Rows)
	job.Neighbours = openNeighbours(t, writeFile(t, "made.knn.jsonl", "[0]\n[1]\n"), 2, 2)
	p := records(t, write(t, &job))[0]
	want := "\nSentence: Ä \"x\" Ada 🦊.\nMarked: <LOC>Ä</LOC> \"x\" <LOC><PER>Ada</PER> 🦊</LOC>.\n\nSentence: Ä \"x\" Ada 🦊.\nMarked:"
	if !strings.HasSuffix(p.Text, want) || p.Context != "Ä \"x\"\nAda 🦊." {
		t.Errorf("%q", p.Text)
	}
	if d := cmp.Diff(record.Origin{Sentence: "0", Form: record.TextForm, Position: record.Position{Document: "d.txt", Chars: 7, Bytes: 9}}, p.Origin); d != "" {
		t.Error(d)
	}
}
