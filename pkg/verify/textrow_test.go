package verify_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nertools/pkg/annotate"
	"nertools/pkg/collect"
	"nertools/pkg/markup"
	"nertools/pkg/record"
	"nertools/pkg/verify"
)

func TestQuestionsAboutTextRowsAskAboutSlicesOfTheText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mrc-ner.train")
	const rows = `[
{"context":"Party “Lipitor”/art.","entity_label":"MISC","form":"text","spans":[[7,14]],"qas_id":"0.1"},
{"context":"(Lipitor), too","entity_label":"MISC","form":"text","spans":[],"qas_id":"1.1"},
{"context":"Lipitors","entity_label":"MISC","form":"text","spans":[],"qas_id":"2.1"}]`
	if err := os.WriteFile(path, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	const text = "Zoë: “Lipitor”,\n 10 mg."
	origin := record.Origin{Sentence: "7", Form: record.TextForm, Position: record.Position{Document: "a", Chars: 1, Bytes: 4}}
	results := collect.New(collect.Options{Join: true})
	line := record.AppendResult(nil, &record.Result{ID: record.NewID("notes", 0, nil), Total: 1, Label: "MISC", Context: text, Origin: origin, Output: "Zoë: “@@Lipitor##”,\n 10 mg."})
	if _, err := results.Read("r", bytes.NewReader(line)); err != nil {
		t.Fatal(err)
	}
	j, err := annotate.Join(results, annotate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	list, err := verify.Candidates(t.Context(), j)
	if err != nil || len(list) != 1 || list[0].Text != "Lipitor" || list[0].Span != (markup.Span{Start: 6, End: 13}) || list[0].Origin != origin {
		t.Fatal(list, err)
	}
	template := wording(t, `{{define "instruction"}}{{end}}{{define "example"}}<{{.Context}}|{{.Phrase}}|{{.Verdict}}>{{end}}{{define "query"}}<{{.Context}}|{{.Phrase}}>{{end}}`)
	q := questions(t, verify.Questions{Template: template, Examples: 4, Train: open(t, path)}, list)[0]
	for _, want := range []string{"<Party “Lipitor”/art.|Lipitor|yes>", "<(Lipitor), too|Lipitor|no>", "<" + strings.ReplaceAll(text, "\n", " ") + "|Lipitor>"} {
		if !strings.Contains(q.Text, want) {
			t.Errorf("no %q in %q", want, q.Text)
		}
	}
	if strings.Contains(q.Text, "Lipitors|") || q.Origin != origin {
		t.Errorf("%q, %+v", q.Text, q.Origin)
	}
	verdicts := verify.NewVerdicts("test", nil)
	said := record.AppendResult(nil, &record.Result{ID: q.ID, Index: q.Index, Label: q.Label, Context: q.Context, Origin: q.Origin, Output: "no", Extra: q.Extra})
	if _, err := verdicts.Read("v", bytes.NewReader(said)); err != nil {
		t.Fatal(err)
	}
	if n, err := verdicts.Apply(t.Context(), j); err != nil || n.No != 1 {
		t.Error(n, err)
	}
}
