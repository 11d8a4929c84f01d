// Ner-collect puts result records into row order: line i of its output is the answer to
// row i. It reads the output of ner-run and ner-batch, and the output and error files of
// the Batch API, in any order.
//
//	ner-prompt --source-dir data --data-name CONLL | ner-run | ner-collect > results.txt
//	ner-collect results.jsonl --format conll > predicted.conll
//	ner-collect results.jsonl --format html --gold data/mrc-ner.test > report.html
//
// With --format, the rows of a sentence become one sentence with the entities of all
// labels. "score" scores results against an MRC file, "compare" compares scores, "diff" shows
// where two files differ, and "gold" writes the entities marked in an MRC file.
//
// Its exit code is 3 if a row or a verdict failed or is missing. doc/formats.md describes
// which of two records counts, how answers become entities, and the formats.
package main

import (
	"context"
	"errors"
	"slices"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/answers"
	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/failures"
	"nertools/pkg/clidoc"
	"nertools/pkg/collect"
	"nertools/pkg/fault"
)

func main() { cmdline.Main(app()) }

func app() *cli.App {
	var o collectOptions
	return &cli.App{
		Name:      "ner-collect",
		Usage:     "collect result records in row order, as a results file or in other formats",
		UsageText: "ner-collect results.jsonl --write-dir . --write-name results.txt",
		ArgsUsage: "[FILE ...]",
		Description: "Reads any number of files in any order: result records, and output and error files of the\n" +
			"Batch API. Without FILE, or with -, it reads stdin. Line i of the results file is the answer to\n" +
			"row i, from 0; to write it from answers about whole sentences, name the MRC file. The exit code\n" +
			"is 3 if a row failed or is missing.\n" +
			"With --format, the rows of a sentence become one sentence with its entities. Its text comes from\n" +
			"the records, or from the MRC file named by --gold or the --source flags. With such a file, strings\n" +
			"that an answer copied from a demonstration are reported as such: pass the --example flags that you\n" +
			"gave to ner-prompt. --verdicts also needs the questions if the answers come from a batch.",
		Flags: slices.Concat(o.output.flags(), resultFlags(&o.Options), []cli.Flag{strictFlag(&o.strict)}, clidoc.Group("output", o.prices.Flag())),
		Action: cmdline.Action(func(ctx context.Context, std cmdline.Streams, files []string) error {
			o.Files = resultFiles(files)
			return collectResults(ctx, std, &o)
		}),
		Commands: []*cli.Command{scoreCommand(), compareCommand(), diffCommand(), goldCommand()},
	}
}

// resultFlags returns the flags for the results to read and what to join them with.
func resultFlags(o *answers.Options) []cli.Flag {
	return slices.Concat(clidoc.Group("results",
		o.Accepted.Flag(),
		&cli.StringFlag{Name: "last-results", Destination: &o.LastResults, Usage: "update this earlier results `FILE`: replace the rows collected"},
		&cli.IntFlag{Name: "total", Destination: &o.Total, Action: cmdline.AtLeast("total", 1), DefaultText: "what the records say", Usage: "expect `N` rows (or sentences asked about) in the source"},
		&cli.StringSliceFlag{Name: "verdicts", Action: cmdline.Into(&o.Verdicts), Usage: "drop entities rejected by the answers in `FILE` (repeatable)"},
	), o.Source.Flags(), o.Examples.Flags(), o.Labels.Flags(), clidoc.Group("gold annotations",
		&cli.StringFlag{Name: "gold", Destination: &o.Gold, Usage: "compare with the gold annotations in this MRC `FILE`"},
	))
}

func strictFlag(to *bool) cli.Flag {
	return &cli.BoolFlag{Category: "gold annotations", Name: "strict", Destination: to, Usage: "fail if a gold span is outside its sentence"}
}

// resultFiles returns the results files named on the command line.
func resultFiles(files []string) []string {
	if len(files) == 0 {
		return []string{"-"}
	}
	return files
}

type collectOptions struct {
	answers.Options
	output
}

func collectResults(ctx context.Context, std cmdline.Streams, o *collectOptions) error {
	if err := o.check(o.Inputs()...); err != nil {
		return err
	}
	o.Lines = o.format == "text"
	if o.Lines && len(o.Verdicts) == 0 {
		results, j, err := o.Collect(ctx, std)
		switch {
		case err != nil:
		case j == nil:
			err = o.target.Write(std, "", "", results.WriteText)
		default:
			defer j.Close()
			err = o.write(ctx, std, j, nil)
		}
		return conclude(ctx, std, &o.Options, results, true, err)
	}
	labels, err := o.Labels.ReadGiven()
	if err != nil {
		return err
	}
	j, err := o.Join(ctx, std, labels)
	if err != nil {
		return err
	}
	defer j.Close()
	return conclude(ctx, std, &o.Options, j.Results, j.Verified, o.write(ctx, std, j, o.Files))
}

// conclude reports on the results after they are written. verified says whether all
// verdicts are present.
func conclude(ctx context.Context, std cmdline.Streams, o *answers.Options, results *collect.Results, verified bool, err error) error {
	if err != nil {
		return err
	}
	if !results.TotalKnown() {
		if results.OfSentences() {
			std.Say("no record says how many sentences the source has: sentences after the last one seen may be missing")
		} else {
			std.Say("no record says how many rows the source has: rows after the last one seen may be missing")
		}
		std.Say("give their number with --total")
	}
	sum := results.Sum()
	std.Note("%s", sum)
	rows := failures.Rows{Failed: &sum.Failed, Missing: sum.Missing}
	if len(o.Files) == 1 && o.Files[0] != "-" && o.LastResults == "" {
		rows.File = o.Files[0] // it contains all results
	}
	rows.Say(std)
	switch {
	case ctx.Err() != nil:
		return cmdline.Exit(cmdline.Interrupted, fault.WithHint(errors.New("interrupted: the output contains only the results read before"), "run the same command again to collect all of them"))
	case !sum.Complete() || sum.Broken > 0 || !verified:
		return cmdline.Exit(cmdline.Partial, nil)
	}
	return nil
}
