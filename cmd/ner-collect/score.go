package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/answers"
	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/cost"
	"nertools/pkg/annotate"
	"nertools/pkg/collect"
	"nertools/pkg/durable"
	"nertools/pkg/fault"
	"nertools/pkg/price"
	"nertools/pkg/report"
	"nertools/pkg/score"
)

type scoreOptions struct {
	answers.Options
	match     score.Match
	json      bool
	resamples int // 0: no intervals
	seed      uint64
	strict    bool // treat a gold span that is not in its sentence as an error
	costs     bool // say what the answers took
	prices    cost.Prices
}

func scoreCommand() *cli.Command {
	var o scoreOptions
	return &cli.Command{
		Name: "score", Usage: "score results against gold annotations",
		UsageText: "ner-collect score --gold examples/news/mrc-ner.test results.jsonl",
		ArgsUsage: "[FILE ...]",
		Description: "--match says when an entity is right: strict, if span and label are those of gold; boundary, if\n" +
			"the span is; overlap, if the label is and the spans share a token (in text rows, a character);\n" +
			"published counts as the published GPT-NER figures do, and knows neither text rows nor answers\n" +
			"about whole sentences.",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "match", DefaultText: "strict", Usage: "count matches by `RULE`: strict, boundary, overlap or published",
				Action: func(_ *cli.Context, name string) (err error) {
					o.match, err = score.ParseMatch(name)
					return cmdline.ExitIf(cmdline.Usage, err)
				}},
			&cli.BoolFlag{Name: "json", Destination: &o.json, Usage: "write JSON with unrounded figures"},
			&cli.BoolFlag{Name: "costs", Destination: &o.costs, Usage: "also say how many tokens the answers took, and what they cost"},
			o.prices.Flag(),
			&cli.IntFlag{Name: "resamples", Value: score.DefaultResamples, Destination: &o.resamples, Usage: "draw `N` resamples for the confidence intervals; 0 for none"},
			&cli.Uint64Flag{Name: "seed", Value: 1, Destination: &o.seed, Usage: "draw the resamples with seed `N`"},
			strictFlag(&o.strict),
		}, resultFlags(&o.Options)),
		Action: cmdline.Action(func(ctx context.Context, std cmdline.Streams, files []string) error {
			o.Files = resultFiles(files)
			return scoreResults(ctx, std, &o)
		}),
	}
}

func scoreResults(ctx context.Context, std cmdline.Streams, o *scoreOptions) error {
	switch {
	case o.Gold == "":
		return cmdline.UsageError("--gold is missing: name the MRC file with the gold annotations")
	case o.resamples < 0, o.resamples > score.MaxResamples:
		return cmdline.UsageError("--resamples must be from 0 to %d, not %d", score.MaxResamples, o.resamples)
	}
	if err := cmdline.CheckFiles("", append(o.Inputs(), o.prices.File)...); err != nil {
		return err
	}
	labels, err := o.Labels.ReadGiven()
	if err != nil {
		return err
	}
	prices, err := o.prices.Table()
	if err != nil {
		return err
	}
	j, err := o.Join(ctx, std, labels)
	if err != nil {
		return err
	}
	defer j.Close()
	r, err := j.Score(context.WithoutCancel(ctx), o.match, o.resamples, o.seed, nil)
	if errors.Is(err, annotate.ErrPublishedText) || errors.Is(err, annotate.ErrPublishedSentences) {
		return cmdline.Exit(cmdline.Usage, fault.WithHint(err, "score them with another --match"))
	}
	if err == nil {
		err = tellNotes(std, j, o.strict)
	}
	if err == nil && o.costs {
		if r.Calls = calls(slices.Concat(j.Results.Spent(), j.Verdicts), prices); r.Calls == nil {
			std.Say("no record says how many tokens it took")
		}
	}
	if err == nil && o.json {
		_, err = std.Out.Write(r.JSON())
	} else if err == nil {
		err = r.WriteTable(std.Out)
	}
	return conclude(ctx, std, &o.Options, j.Results, j.Verified, err)
}

// calls sums up what was spent. It returns nil if no record tells of any tokens.
func calls(spent []collect.Spent, prices *price.Table) *score.Calls {
	if len(spent) == 0 {
		return nil
	}
	c := &score.Calls{Currency: prices.Currency}
	for _, s := range spent {
		c.Number += s.Calls
		c.Input += int64(s.Usage.Prompt)
		c.Output += int64(s.Usage.Completion)
		if amount, ok := s.Cost(prices); ok {
			c.Cost += amount
		} else {
			c.Cost = math.NaN()
		}
	}
	return c
}

type compareOptions struct {
	files []string
	svg   string // file for the chart; "" for none
	over  string // name of its axis
}

// axes are the axes of a chart by the names that --over accepts.
var axes = map[string]report.Axis{"demonstrations": report.OverDemonstrations, "cost": report.OverCost, "tokens": report.OverTokens}

func compareCommand() *cli.Command {
	var o compareOptions
	return &cli.Command{
		Name: "compare", Usage: "compare scores that score --json wrote",
		UsageText: "ner-collect compare bm25.8.json random.8.json --svg comparison.svg",
		ArgsUsage: "FILE ...",
		Description: "Scores that score --json --costs wrote have columns with what 1,000 sentences took: calls,\n" +
			"tokens in and out, and the cost.\n\n" +
			"--over demonstrations draws the files that are named METHOD.N.json, where N is the number of\n" +
			"demonstrations. --over cost and --over tokens draw all files. A line joins those with the same\n" +
			"METHOD.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "svg", Destination: &o.svg, Usage: "draw a chart of the scores into this `FILE`"},
			&cli.StringFlag{Name: "over", Value: "demonstrations", Destination: &o.over, Usage: "draw F1 over this `AXIS`: demonstrations, cost or tokens"},
		},
		Action: cmdline.Action(func(_ context.Context, std cmdline.Streams, files []string) error {
			o.files = files
			return compare(std, &o)
		}),
	}
}

// compare writes a comparison of scores, as a table and as a chart.
func compare(std cmdline.Streams, o *compareOptions) error {
	if len(o.files) == 0 {
		return cmdline.UsageError("no files to compare: name files that ner-collect score --json wrote")
	}
	axis, ok := axes[o.over]
	if !ok {
		return cmdline.UsageError("--over must be demonstrations, cost or tokens, not %q", o.over)
	}
	if err := cmdline.CheckFiles(o.svg, o.files...); err != nil {
		return err
	}
	var scores []*score.Summary
	var points []report.Point
	for _, file := range o.files {
		data, name, err := cmdline.ReadFile(file)
		if err != nil {
			return err
		}
		s, err := score.ParseSummary(name, data)
		if err != nil {
			return fault.WithHint(err, "give files that ner-collect score --json wrote")
		}
		s.Name = strings.TrimSuffix(filepath.Base(file), ".json")
		scores = append(scores, s)
		p, ok := report.PointOf(s, axis)
		if ok {
			points = append(points, p)
		} else if axis != report.OverDemonstrations && o.svg != "" {
			return fault.WithHint(fmt.Errorf("%s does not say what the answers took (%s)", name, o.over),
				"score them with --json --costs; if a price is unknown, give it with --prices, or draw --over tokens")
		}
	}
	if o.svg != "" && len(points) == 0 {
		return cmdline.UsageError("--svg needs files named METHOD.N.json, such as bm25.8.json, and no file is named so")
	}
	if err := score.WriteComparison(std.Out, scores); err != nil || o.svg == "" {
		return err
	}
	return durable.Replace(o.svg, func(w io.Writer) error { return report.WriteComparisonSVG(w, points, axis) })
}
