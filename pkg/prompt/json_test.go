package prompt_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/mrc"
	"nertools/pkg/prompt"
)

func TestTheBuiltInJSONDemonstrationsListTheEntitiesOfTheirRows(t *testing.T) {
	train := readJSON[[]row](t, mrc.Path(news, "train"))[0]
	shown := 0
	for i, p := range records(t, write(t, &prompt.Plan{Template: parse(t, prompt.JSONTemplates[0]), Examples: 8})) {
		_, demonstrations, ok := strings.Cut(p.Text, "\n\n")
		parts := strings.Split(demonstrations, "\n\n")
		if !ok || len(parts) != len(p.Examples)+1 {
			t.Fatalf("row %d: %d parts behind the instruction for %d demonstrations", i, len(parts), len(p.Examples))
		}
		if want := "Sentence: " + p.Context + "\nEntities:"; parts[len(p.Examples)] != want {
			t.Errorf("row %d ends in %q, want %q", i, parts[len(p.Examples)], want)
		}
		for k, n := range p.Examples {
			answer, ok := strings.CutPrefix(parts[k], "Sentence: "+train[n].Context+"\nEntities: ")
			if !ok {
				t.Fatalf("row %d: demonstration %q of training row %d", i, parts[k], n)
			}
			words := strings.Fields(train[n].Context)
			want := map[string][]string{"entities": {}}
			for s := range train[n].Start {
				want["entities"] = append(want["entities"], strings.Join(words[train[n].Start[s]:train[n].End[s]+1], " "))
				shown++
			}
			var got map[string][]string
			if err := json.Unmarshal([]byte(answer), &got); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("row %d, demonstration %d: %s", i, k, d)
			}
		}
	}
	if shown == 0 {
		t.Error("no demonstration shows an entity")
	}
}

func TestEntitiesAreListedAsJSONWhateverTheyHold(t *testing.T) {
	job := files(t, nasty, []string{"PER"})
	job.Template = parse(t, `{{define "instruction"}}{{end}}{{define "example"}}{{.JSON}}|||{{end}}{{define "query"}}{{end}}`)
	for i, p := range records(t, write(t, &job)) {
		list, _, _ := strings.Cut(p.Text, "|||")
		want := []string{}
		if words := strings.Fields(nasty[i]); len(words) > 1 {
			want = append(want, words[0]+" "+words[1])
		}
		var got []string
		if err := json.Unmarshal([]byte(list), &got); err != nil {
			t.Fatalf("%q: %v", list, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("row %d: %s", i, d)
		}
	}
}

func TestTheJSONFormatTakesAListOfStringsAndNothingElse(t *testing.T) {
	var got any
	if err := json.Unmarshal([]byte(prompt.JSONFormat), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"type": "json_schema", "json_schema": map[string]any{"name": "entities", "strict": true, "schema": map[string]any{
		"type": "object", "required": []any{"entities"}, "additionalProperties": false,
		"properties": map[string]any{"entities": map[string]any{"type": "array", "items": map[string]any{"type": "string"}}},
	}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, format := range []string{prompt.JSONFormat, ""} {
		for _, p := range records(t, write(t, &prompt.Plan{ResponseFormat: func([]string) string { return format }})) {
			if p.ResponseFormat != format {
				t.Fatalf("row %d demands %q, want %q", p.Index, p.ResponseFormat, format)
			}
		}
	}
}
