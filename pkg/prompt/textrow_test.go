package prompt_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nertools/pkg/mrc"
	"nertools/pkg/prompt"
	"nertools/pkg/record"
)

func TestPromptsShowTextRowsAsPeopleWroteThem(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"mrc-ner.test": `[{"context":"Zoë took “Lipitor”/metformin  (10 IU);\nthen left.","entity_label":"MISC","form":"text","spans":[],"qas_id":"n7.1","document":"a.txt","offset":3,"offset_bytes":6}]`,
		"mrc-ner.train": `[{"context":"Café\u0301  “Lipitor”/metformin, (10 IU).","entity_label":"MISC","form":"text","spans":[[17,26],[8,15]]},
			{"context":" No drugs,  \t at all. ","entity_label":"MISC","form":"text","spans":[]},
			{"context":"The  old form .","entity_label":"MISC","start_position":[1],"end_position":[1]}]`,
		"test.knn.jsonl": "[0,1,2]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const template = `{{define "instruction"}}{{end}}{{define "example"}}<{{.Context}}|{{.Marked}}|{{.JSON}}{{range .Entities}}|{{.}}{{end}}>{{end}}{{define "query"}}<{{.Context}}>{{end}}`
	list := records(t, write(t, &prompt.Plan{
		Rows: openRows(t, mrc.Path(dir, "test")), Train: openRows(t, mrc.Path(dir, "train")),
		Neighbours: openNeighbours(t, filepath.Join(dir, "test.knn.jsonl"), 1, 3), Template: parse(t, template), Examples: 3,
	}))
	const first, asked = "Café\u0301  “Lipitor”/metformin, (10 IU).", "Zoë took “Lipitor”/metformin  (10 IU);\nthen left."
	want := "<" + first + "|" + strings.NewReplacer("Lipitor", "@@Lipitor##", "metformin", "@@metformin##").Replace(first) + `|["Lipitor","metformin"]|Lipitor|metformin>` +
		"< No drugs,  \t at all. | No drugs,  \t at all. |[]>" +
		`<The  old form .|The @@old## form .|["old"]|old>` + "<" + strings.ReplaceAll(asked, "\n", " ") + ">" // a sentence is on a line
	origin := record.Origin{Sentence: "n7", Form: record.TextForm, Position: record.Position{Document: "a.txt", Chars: 3, Bytes: 6}}
	if p := list[0]; p.Text != want || p.Context != asked || p.Origin != origin {
		t.Errorf("got  %s\nwant %s\n%+v", p.Text, want, p.Origin)
	}
}
