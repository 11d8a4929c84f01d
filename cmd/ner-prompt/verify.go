package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/answers"
	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/dataset"
	"nertools/cmd/internal/finish"
	"nertools/pkg/collect"
	"nertools/pkg/fault"
	"nertools/pkg/verify"
)

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name: "verify", Usage: "ask of each entity that results mark whether it is one",
		UsageText: "ner-prompt verify --results results.jsonl --source-dir examples/news --data-name CONLL | ner-run -o verdicts.jsonl",
		Description: "The answers are for ner-collect --verdicts, which drops the entities answered with no.\n" +
			"--results takes result records, or a results file with --source-dir and --source-name.",
		Flags: slices.Concat(dataset.SourceFlags(), []cli.Flag{dataset.TrainFlag()}, dataset.LabelFlags(), []cli.Flag{
			&cli.StringSliceFlag{Name: "results", Usage: "ask about the entities that the results in this `FILE` mark (repeatable; - is stdin)"},
			&cli.IntFlag{Name: "example-num", Usage: "show `N` demonstrations, from the training rows"},
			finish.Flag(),
			&cli.StringFlag{Name: "template", Usage: "word the questions after `FILE` (see: ner-prompt template --of verify)"},
		}),
		Action: verifyResults,
	}
}

func verifyResults(c *cli.Context) (err error) {
	files := c.StringSlice("results")
	if len(files) == 0 {
		return cmdline.UsageError("--results is missing: name the results whose entities to ask about")
	}
	job := verify.Questions{Examples: c.Int("example-num")}
	if job.Examples < 0 {
		return cmdline.UsageError("--example-num %d: a number of demonstrations from 0", job.Examples)
	}
	if job.Labels, err = dataset.Labels(c); err != nil {
		return err
	}
	name, text, err := templateText(c.String("template"), "verify.tmpl", verify.DefaultTemplate)
	if err != nil {
		return err
	}
	if job.Template, err = verify.ParseTemplate(name, text); err != nil {
		return err
	}
	if job.Examples > 0 {
		if job.Train, err = dataset.OpenTrain(c); err != nil {
			return err
		}
		defer job.Train.Close()
	}
	if err := cmdline.CheckFiles("", slices.Concat(files, []string{c.String("template"), c.String("labels")})...); err != nil {
		return err
	}
	joined, err := answers.Open(c)
	if err != nil {
		return err
	}
	defer joined.Close()
	var results collect.Results
	if err := joined.Read(c, &results, files); err != nil {
		return err
	}
	job.Source, job.Rows = joined.Source(), joined.Rows
	if job.Rows == nil && verify.IsSource(job.Source) {
		return fault.WithHint(fmt.Errorf("%s: answers to the questions of ner-prompt verify, not results", strings.Join(files, ", ")),
			"name the results that the questions were made from")
	}
	candidates, err := joined.Candidates(c.Context)
	if err != nil {
		return err
	}
	report, err := job.Write(c.Context, os.Stdout, candidates)
	if err != nil {
		return dataset.Explain(err)
	}
	cmdline.Say(c, "%d entities to ask about", report.Questions)
	if report.Surplus > 0 {
		cmdline.Say(c, "%d entities are left out, as only 256 of a row can be asked about: look at these answers", report.Surplus)
	}
	if report.Fewer > 0 {
		cmdline.Say(c, "%d questions show fewer demonstrations than %d, as %s has no more that fit", report.Fewer, job.Examples, job.Train.Name())
	}
	return nil
}
