package main

import (
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/answers"
	"nertools/cmd/internal/cmdline"
	"nertools/pkg/annotate"
	"nertools/pkg/collect"
	"nertools/pkg/durable"
	"nertools/pkg/markup"
	"nertools/pkg/report"
	"nertools/pkg/score"
)

var strictFlag = &cli.BoolFlag{Name: "strict", Usage: "fail if a gold span is not in its sentence"}

var scoreFlags = []cli.Flag{
	&cli.StringFlag{Name: "match", Value: "strict", Usage: "an entity is right if `HOW`: strict (span and label), boundary (span), overlap (label, and a token in common), published (the procedure behind the published GPT-NER figures)"},
	&cli.BoolFlag{Name: "json", Usage: "write JSON, nothing rounded"},
	&cli.IntFlag{Name: "resamples", Value: score.DefaultResamples, Usage: "draw `N` resamples of the sentences for the intervals; 0: no intervals"},
	&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "draw them as `N` says"},
	strictFlag,
}

func scoreResults(c *cli.Context) error {
	match, err := score.ParseMatch(c.String("match"))
	if err != nil {
		return cmdline.Exit(cmdline.Usage, err)
	}
	switch {
	case c.String("gold") == "":
		return cmdline.UsageError("--gold is missing: name the MRC file whose entities are right")
	case c.Int("resamples") < 0, c.Int("resamples") > score.MaxResamples:
		return cmdline.UsageError("--resamples %d: a number from 0 to %d", c.Int("resamples"), score.MaxResamples)
	}
	if err := checkInputs(c, ""); err != nil {
		return err
	}
	var results collect.Results
	joined, verified, err := join(c, &results)
	if err != nil {
		return err
	}
	defer joined.Close()
	r, err := scoreOf(c, joined, match, c.Int("resamples"), c.Uint64("seed"), nil)
	if err == nil && c.Bool("json") {
		_, err = os.Stdout.Write(r.JSON())
	} else if err == nil {
		err = r.WriteTable(os.Stdout)
	}
	return conclude(c, &results, verified, err)
}

// scoreOf scores the results. also, if not nil, is called with each sentence.
func scoreOf(c *cli.Context, j *answers.Joined, match score.Match, resamples int, seed uint64, also func(*annotate.Annotation)) (*score.Evaluation, error) {
	scorer := score.New(match, j.Labels())
	err := each(c, j, func(s *annotate.Annotation) error {
		if also != nil {
			also(s)
		}
		if match != score.Published {
			scorer.Add(s.Gold, s.Entities)
			return nil
		}
		var rows []score.Case
		for _, a := range s.Answers {
			row := score.Case{Label: a.Label, Source: s.Text, Gold: a.Gold}
			switch {
			case a.State != collect.OK:
			case a.Class == markup.List: // which the procedure does not know
				row.Answer = string(markup.AppendMarked(nil, s.Tokens, spansOf(&a)))
			default:
				row.Answer = a.Line
			}
			rows = append(rows, row)
		}
		scorer.AddRows(rows)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return scorer.Report(resamples, seed), nil
}

func spansOf(a *annotate.Answer) []markup.Span {
	var found []markup.Span
	for _, f := range a.Found {
		found = append(found, f.Span)
	}
	spans, _ := markup.Place(nil, found, math.MaxInt)
	return spans
}

// compare sets scores beside each other: as a table, and as a picture of those
// that are called METHOD.N.json, the score of a method with N demonstrations.
func compare(c *cli.Context) error {
	if c.NArg() == 0 {
		return cmdline.UsageError("name the files to compare: what ner-collect score --json wrote")
	}
	svg := c.String("svg")
	if err := cmdline.CheckFiles(svg, c.Args().Slice()...); err != nil {
		return err
	}
	var scores []*score.Summary
	var points []report.Point
	for _, file := range c.Args().Slice() {
		data, name, err := cmdline.ReadFile(file)
		if err != nil {
			return err
		}
		s, err := score.ParseSummary(name, data)
		if err != nil {
			return err
		}
		s.Name = strings.TrimSuffix(filepath.Base(file), ".json")
		scores = append(scores, s)
		if p, ok := pointOf(s); ok {
			points = append(points, p)
		}
	}
	if svg != "" && len(points) == 0 {
		return cmdline.UsageError("--svg: the picture has a place for files that are called METHOD.N.json, and none is")
	}
	if err := score.WriteComparison(os.Stdout, scores); err != nil || svg == "" {
		return err
	}
	return durable.Replace(svg, func(w io.Writer) error { return report.WriteComparisonSVG(w, points) })
}

// pointOf gives the place of a score in the picture, if its name tells it.
func pointOf(s *score.Summary) (p report.Point, ok bool) {
	method, number, _ := strings.Cut(s.Name, ".")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 {
		return p, false
	}
	p = report.Point{Name: s.Name, Group: method, X: n, F1: s.Micro.F1(), Low: s.Micro.F1(), High: s.Micro.F1()}
	if s.Micro.Intervals != nil {
		p.Low, p.High = s.Micro.Intervals.F1.Low, s.Micro.Intervals.F1.High
	}
	return p, true
}
