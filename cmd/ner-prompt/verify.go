package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/answers"
	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/dataset"
	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/mrc"
	"nertools/pkg/record"
	"nertools/pkg/verify"
)

type verifyOptions struct {
	answers.Options
	train    dataset.Train
	examples int    // demonstrations per question
	template string // a file, or builtin:N; "" for the newest built-in one
}

func verifyCommand() *cli.Command {
	var o verifyOptions
	return &cli.Command{
		Name: "verify", Usage: "ask about each entity found whether it really is one",
		UsageText: "ner-prompt verify --results results.jsonl --source-dir examples/news --data-name CONLL |\n" +
			"  ner-run -o verdicts.jsonl",
		Description: "Give the answers to ner-collect --verdicts, which drops the entities that were answered no.\n" +
			"--results takes result records, or a results file together with --source-dir and --source-name.",
		Flags: slices.Concat(o.Source.Flags(), []cli.Flag{o.train.Flag()}, o.Labels.Flags(), []cli.Flag{
			&cli.StringSliceFlag{Name: "results", Action: cmdline.Into(&o.Files), Usage: "ask about the entities found in these results (`FILE`, repeatable)"},
			&cli.IntFlag{Name: "example-num", Destination: &o.examples, Action: cmdline.AtLeast("example-num", 0), Usage: "show `N` demonstrations, taken from the training rows"},
			o.Accepted.Flag(),
			&cli.StringFlag{Name: "template", Destination: &o.template, Usage: "use the wording in `FILE`, or version N of the built-in one (builtin:N)"},
		}),
		Action: cmdline.Action(func(ctx context.Context, std cmdline.Streams, _ []string) error {
			return writeQuestions(ctx, std, &o)
		}),
	}
}

func writeQuestions(ctx context.Context, std cmdline.Streams, o *verifyOptions) (err error) {
	if len(o.Files) == 0 {
		return cmdline.UsageError("--results is missing: name the results with the entities to ask about")
	}
	if err := cmdline.CheckFiles("", append(o.Inputs(), templateFile(o.template))...); err != nil {
		return err
	}
	job := verify.Questions{Examples: o.examples}
	if job.Labels, err = o.Labels.Read(); err != nil {
		return err
	}
	name, text, err := templateText(o.template, "verify.tmpl", verify.Templates)
	if err != nil {
		return err
	}
	if job.Template, err = verify.ParseTemplate(name, text); err != nil {
		return err
	}
	if job.Examples > 0 {
		if job.Train, err = mrc.Open(o.train.Path(&o.Source)); err != nil {
			return err
		}
		defer job.Train.Close()
	}
	joined, err := o.Join(ctx, std, &job.Labels)
	if err != nil {
		return err
	}
	defer joined.Close()
	job.Source, job.Rows = joined.Source(), joined.Rows
	if job.Rows == nil && record.IsVerifySource(job.Source) {
		return fault.WithHint(fmt.Errorf("%s contains answers to the questions of ner-prompt verify, not results", strings.Join(o.Files, ", ")),
			"name the results that the questions were made from")
	}
	candidates, err := verify.Candidates(ctx, joined.Joined)
	if err != nil {
		return err
	}
	report, err := job.Write(ctx, std.Out, candidates)
	if err != nil {
		return dataset.Explain(err)
	}
	std.Note("%s to ask about", english.Count(report.Questions, "entity"))
	if report.Surplus > 0 {
		each := "row"
		if joined.Results.OfSentences() {
			each = "sentence and label"
		}
		std.Say("left out %s: of each %s, only 256 can be asked about; look at these answers", english.Count(report.Surplus, "entity"), each)
	}
	if report.Fewer > 0 {
		std.Say("%s with fewer than %s: %s has no more that fit", english.Count(report.Fewer, "question"), english.Count(job.Examples, "demonstration"), job.Train.Name())
	}
	return nil
}
