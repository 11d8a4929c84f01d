package main

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/answers"
	"nertools/cmd/internal/cost"
	"nertools/pkg/annotate"
	"nertools/pkg/collect"
	"nertools/pkg/price"
	"nertools/pkg/report"
	"nertools/pkg/score"
)

// writeHTML writes the report.
func writeHTML(c *cli.Context, j *answers.Joined, target string) error {
	prices, err := cost.Table(c)
	if err != nil {
		return err
	}
	r := report.Page{Title: title(c), Labels: j.Labels()}
	hasGold := c.String("gold") != ""
	var list []report.Prediction
	note := func(s *annotate.Annotation) {
		list = append(list, report.Prediction{Sentence: s.Sentence, Gold: s.Gold, HasGold: hasGold})
		for _, a := range s.Answers {
			if a.State == collect.OK {
				r.Answers.Add(&a.Alignment)
			}
		}
	}
	if hasGold {
		r.Scores, err = scoreOf(c, j, score.Strict, score.DefaultResamples, 1, note)
	} else {
		err = each(c, j, func(s *annotate.Annotation) error { note(s); return nil })
	}
	if err != nil {
		return err
	}
	sum := j.Results.Sum()
	r.Rows = report.Rows{Rows: sum.Rows, OK: sum.OK, Failed: sum.Failed.Rows(), Missing: sum.Missing}
	r.Sentences = slices.Values(list)
	addCosts(&r, j.Results.Spent(), prices)
	return write(target, r.WriteHTML)
}

// title names the inputs.
func title(c *cli.Context) string {
	var names []string
	for _, file := range inputs(c) {
		if file == "-" {
			file = "stdin"
		}
		names = append(names, filepath.Base(file))
	}
	return strings.Join(names, ", ")
}

func addCosts(r *report.Page, spent []collect.Spent, prices *price.Table) {
	total, known := 0.0, len(spent) > 0
	for _, s := range spent {
		line := report.Spending{Spent: s}
		if amount, ok := prices.Cost(s.Model, s.Usage, s.Batch); ok {
			line.Money = prices.Money(amount)
			total += amount
		} else {
			known = false
		}
		r.Costs = append(r.Costs, line)
	}
	r.Prices = prices.Date
	if known {
		r.Total = prices.Money(total)
	}
}
