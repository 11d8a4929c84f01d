package report

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"nertools/pkg/collect"
	"nertools/pkg/corpus"
	"nertools/pkg/markup"
	"nertools/pkg/record"
	"nertools/pkg/score"
)

var shots = flag.String("shots", "", "save screenshots in this `folder`")

var newsLabels = []string{"PER", "LOC", "ORG", "MISC"}

// news is the sentences of examples/news with gold, predicted as by a model
// that errs now and then.
func news(t testing.TB) []Prediction {
	t.Helper()
	data, err := os.ReadFile("../../examples/news/mrc-ner.test")
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Context string `json:"context"`
		Label   string `json:"entity_label"`
		Starts  []int  `json:"start_position"`
		Ends    []int  `json:"end_position"`
	}
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	var list []Prediction
	for i, row := range rows {
		if i%len(newsLabels) == 0 {
			list = append(list, Prediction{HasGold: true, Sentence: corpus.Sentence{
				ID: fmt.Sprint(i / len(newsLabels)), Text: row.Context, Tokens: markup.AppendTokens(nil, row.Context),
			}})
		}
		s := &list[len(list)-1]
		for j, start := range row.Starts {
			s.Gold = append(s.Gold, corpus.Entity{Span: markup.Span{Start: start, End: row.Ends[j] + 1}, Label: row.Label})
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range list {
		predict(random, &list[i])
	}
	return list
}

// predict makes up what a model says.
func predict(random *rand.Rand, s *Prediction) {
	one := func() bool { return random.IntN(9) == 0 }
	other := func() string { return newsLabels[random.IntN(len(newsLabels))] }
	for _, e := range s.Gold {
		e.How = markup.Exact
		if one() {
			e.How = markup.Repaired
		}
		switch {
		case one():
			continue
		case one() && e.End < len(s.Tokens):
			e.End++
		case one():
			e.Label = other()
		}
		s.Entities = append(s.Entities, e)
		if one() {
			s.Entities = append(s.Entities, corpus.Entity{Span: markup.Span{Start: e.Start, End: e.Start + 1}, Label: other(), How: markup.Exact})
		}
	}
	if at := random.IntN(len(s.Tokens)); one() {
		s.Entities = append(s.Entities, corpus.Entity{Span: markup.Span{Start: at, End: at + 1}, Label: other(), How: markup.Exact})
	}
	if one() {
		s.Unused = append(s.Unused, corpus.Rejected{Label: other(), Text: "Radio Delmara", Reason: markup.Reason(1 + random.IntN(3))})
	}
	if random.IntN(60) == 0 {
		s.Unanswered = append(s.Unanswered, other())
	}
	slices.SortFunc(s.Entities, func(x, y corpus.Entity) int { return x.Start - y.Start })
	s.Entities = slices.Compact(s.Entities)
}

// sample is a whole report on the sentences.
func sample(list []Prediction) *Page {
	scorer := score.New(score.Strict, newsLabels)
	for _, s := range list {
		scorer.Add(s.Gold, s.Entities)
	}
	return &Page{
		Title:  "mrc-ner.test, answers.jsonl",
		Labels: newsLabels,
		Scores: scorer.Report(score.DefaultResamples, 1),
		Rows:   Rows{Rows: 148, OK: 145, Failed: 2, Missing: 1},
		Answers: Quality{
			Classes: map[markup.Fidelity]int{markup.Same: 121, markup.Spacing: 7, markup.Edited: 9, markup.Part: 2, markup.Chatter: 6},
			Damage:  map[markup.Damage]int{markup.Glued: 11, markup.Unbalanced: 4, markup.Spaced: 2},
		},
		Costs: []Spending{
			{Spent: collect.Spent{Model: "gpt-4.1-mini", Calls: 120, Usage: record.Usage{Prompt: 212345, Cached: 131072, Completion: 4321}}, Money: "$0.0523"},
			{Spent: collect.Spent{Model: "gpt-4.1-mini", Batch: true, Calls: 28, Usage: record.Usage{Prompt: 49876, Completion: 1010}}, Money: "$0.0108"},
		},
		Total:     "$0.0631",
		Prices:    "2026-11-22",
		Sentences: list,
	}
}

// many is n sentences of the sample, over and over, each with other answers.
func many(t testing.TB, n int) []Prediction {
	few := news(t)
	random := rand.New(rand.NewPCG(3, 4))
	var list []Prediction
	for i := range n {
		s := few[i%len(few)]
		s.ID = fmt.Sprint(i)
		s.Entities, s.Unused, s.Unanswered = nil, nil, nil
		predict(random, &s)
		list = append(list, s)
	}
	return list
}

// hostile is what a model or a data set might say.
var hostile = []string{
	`</script><script>window.probe = 1</script>`,
	`<img src=x onerror="window.probe = 1">`,
	`"onmouseover="window.probe=1"'autofocus onfocus='window.probe=1`,
	"\"'&amp;&lt;`<!--<script>-->]]>",
	"</bdi></q></li></ul></article></main>",
	"</style><style>*{display:none}",
	"a\u2028b\u2029c",
	"\u202eflipped\u2066",
	"nul\x00esc\x1b[31m\xff\xfe\xed\xa0\x80",
	"{{.Title}}${probe}javascript:window.probe=1",
	"",
}

// hostileReport has s wherever text can stand.
func hostileReport(s string) *Page {
	entity := func(start, end int, label string) corpus.Entity {
		return corpus.Entity{Span: markup.Span{Start: start, End: end}, Label: label, How: markup.Repaired}
	}
	one := Prediction{HasGold: true,
		Sentence: corpus.Sentence{
			ID: s, Text: s, Tokens: []string{s, "x", s}, Model: s,
			Entities:   []corpus.Entity{entity(0, 2, s), entity(2, 3, s+"b")},
			Unused:     []corpus.Rejected{{Label: s, Text: "x" + s, Reason: markup.Hallucinated}},
			Unanswered: []string{s},
		},
		Gold: []corpus.Entity{entity(0, 1, s), entity(1, 2, s), entity(2, 3, s)},
	}
	r := sample([]Prediction{one})
	r.Title, r.Labels, r.Total, r.Prices = "x"+s, []string{s}, "x"+s, "x"+s
	r.Costs = []Spending{{Spent: collect.Spent{Model: "x" + s, Calls: 1}, Money: "x" + s}}
	return r
}
