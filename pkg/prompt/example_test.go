package prompt_test

import (
	"context"
	"fmt"
	"strings"

	"nertools/pkg/catalog"
	"nertools/pkg/mrc"
	"nertools/pkg/prompt"
	"nertools/pkg/record"
)

// The prompts of a data set: which rows to ask about, what to show, in which words.
func ExamplePlan_Write() {
	const words = `{{define "instruction"}}Mark every {{.Name}}.
{{end}}{{define "example"}}{{.Context}} => {{.Marked}}
{{end}}{{define "query"}}{{.Context}} =>{{end}}`
	template, err := prompt.ParseTemplate("words", words)
	if err != nil {
		fmt.Println(err)
		return
	}
	labels, err := catalog.Builtin().DataSet("CONLL")
	if err != nil {
		fmt.Println(err)
		return
	}
	rows, err := mrc.Open(mrc.Path("../../examples/news", "test"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer rows.Close()
	train, err := mrc.Open(mrc.Path("../../examples/news", "train"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer train.Close()
	neighbours, err := mrc.OpenNeighbours("../../examples/news/test.knn.jsonl", rows.Len(), train.Len())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer neighbours.Close()

	plan := prompt.Plan{Source: "test", Rows: rows, Limit: 1, Labels: labels, Template: template, Examples: 2, Train: train, Neighbours: neighbours}
	var out strings.Builder
	stats, err := plan.Write(context.Background(), &out)
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := record.ParsePrompt([]byte(out.String()))
	fmt.Println(stats.Prompts, "prompt:", p.ID, err)
	fmt.Println(p.Text)
	// Output:
	// 1 prompt: test/0/f3d42b3aae64 <nil>
	// Mark every person.
	// Prime Minister Ingrid Solheim will meet the Swiss president in Zürich on Tuesday . => Prime Minister @@Ingrid Solheim## will meet the Swiss president in Zürich on Tuesday .
	// Aster Pharma opened a research centre in Kraków with 250 staff . => Aster Pharma opened a research centre in Kraków with 250 staff .
	// Ingrid Solheim arrived in Kraków on Monday for talks with the Polish president . =>
}
