package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/dataset"
	"nertools/pkg/clidoc"
	"nertools/pkg/collect"
	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/mrc"
	"nertools/pkg/prompt"
)

type promptOptions struct {
	source      dataset.Source
	examples    dataset.Examples
	labels      dataset.LabelSet
	limit       int    // questions; 0 for all
	ask         string // what a question is about: a label of a sentence, or the whole sentence
	style       string
	order       string // of the demonstrations
	shard       prompt.Shard
	template    string // a file, or builtin:N; "" for the newest built-in one of the style
	lastResults string // a file; "" to ask about all rows
}

func (o *promptOptions) flags() []cli.Flag {
	return slices.Concat(o.source.Flags(), o.examples.Flags(), o.labels.Flags(), clidoc.Group("which rows",
		&cli.IntFlag{Name: "limit", Destination: &o.limit, Action: cmdline.AtLeast("limit", 1), Usage: "ask the first `N` questions, as if the file ended there"},
		&cli.StringFlag{Name: "shard", Usage: "write part I of N (`I/N`, such as 2/8), with whole sentences",
			Action: func(_ *cli.Context, value string) (err error) {
				o.shard, err = prompt.ParseShard(value)
				return cmdline.ExitIf(cmdline.Usage, err)
			}},
		&cli.StringFlag{Name: "last-results", Destination: &o.lastResults, Usage: "ask again only for the rows that failed in this results `FILE`"},
	), clidoc.Group("wording",
		&cli.StringFlag{Name: "ask", Value: askLabel, Destination: &o.ask, Usage: "ask once for each `WHAT`: label or sentence (with all its labels)"},
		&cli.StringFlag{Name: "style", Value: "markup", Destination: &o.style, Usage: "ask for `STYLE`: markup (the marked sentence) or json (a list)"},
		&cli.StringFlag{Name: "order", Value: "nearest-first", Destination: &o.order, Usage: "show demonstrations in `ORDER`: nearest-first or nearest-last"},
		&cli.StringFlag{Name: "template", Destination: &o.template, Usage: "use the wording in `FILE`, or version N of the built-in one (builtin:N)"},
	))
}

// The values of --ask.
const askLabel, askSentence = "label", "sentence"

func writePrompts(ctx context.Context, std cmdline.Streams, o *promptOptions) (err error) {
	if err := cmdline.CheckFiles("", templateFile(o.template), o.lastResults, o.labels.Input()); err != nil {
		return err
	}
	job := prompt.Plan{Source: o.source.Name, Limit: o.limit, Shard: o.shard, Examples: o.examples.Num}
	switch o.order {
	case "nearest-first":
	case "nearest-last":
		job.NearestLast = true
	default:
		return cmdline.UsageError("--order must be nearest-first or nearest-last, not %q", o.order)
	}
	if job.Template, job.ResponseFormat, err = wording(o.ask, o.style, o.template); err != nil {
		return err
	}
	if job.Labels, err = o.labels.Read(); err != nil {
		return err
	}
	noteUndescribed(std, job.Labels)
	if job.Rows, err = mrc.Open(o.source.Path()); err != nil {
		return err
	}
	defer job.Rows.Close()
	if job.Sentences, err = job.Rows.Sentences(); err != nil {
		return err
	}
	opened := []string{job.Rows.Name()}
	if job.Examples > 0 {
		if job.Train, job.Neighbours, err = o.examples.Open(&o.source, job.RowsUsed()); err != nil {
			return err
		}
		defer job.Train.Close()
		defer job.Neighbours.Close()
		opened = append(opened, job.Train.Name(), job.Neighbours.Name())
		if job.Neighbours.More() && job.RowsUsed() == job.Rows.Len() {
			std.Say("%s has more lines than %s has rows: do they belong together?", job.Neighbours.Name(), job.Rows.Name())
		}
	}
	if err := cmdline.CheckFiles("", opened...); err != nil {
		return err
	}
	if o.lastResults != "" {
		if job.Wanted, err = failedIn(o.lastResults, job.Rows, job.RowsUsed()); err != nil {
			return err
		}
	}
	report, err := job.Write(ctx, std.Out)
	if err != nil {
		return dataset.Explain(err) // this is also the end of "| head", which must be quiet
	}
	return tell(std, o, &job, report)
}

// wording returns the template for a style of answer, or the one that --template names, and
// the response_format for it.
func wording(ask, style, template string) (t *prompt.Template, responseFormat func(labels []string) string, err error) {
	versions, err := builtinTemplates(ask, style)
	if err != nil {
		return nil, nil, err
	}
	name, text, err := templateText(template, style+".tmpl", versions)
	if err != nil {
		return nil, nil, err
	}
	if style == "json" && strings.Contains(text, ".Marked") {
		return nil, nil, cmdline.UsageError("--style json asks for a list, but %s shows marks: use .JSON instead of .Marked", name)
	}
	switch {
	case style != "json":
	case ask == askSentence:
		responseFormat = prompt.SentenceJSONFormat
	default:
		responseFormat = func([]string) string { return prompt.JSONFormat }
	}
	t, err = parseTemplate(ask, name, text)
	if err != nil {
		other := askSentence
		if ask == askSentence {
			other = askLabel
		}
		if _, fails := parseTemplate(other, name, text); fails == nil {
			err = fault.WithHint(fmt.Errorf("--ask %s: %s is a template for --ask %s", ask, name, other),
				"start from the output of ner-prompt template --ask "+ask)
		}
	}
	return t, responseFormat, err
}

func parseTemplate(ask, name, text string) (*prompt.Template, error) {
	if ask == askSentence {
		return prompt.ParseSentenceTemplate(name, text)
	}
	return prompt.ParseTemplate(name, text)
}

// builtinTemplates returns the versions of the built-in template.
func builtinTemplates(ask, style string) ([]string, error) {
	styles := map[string][]string{"markup": prompt.MarkupTemplates, "json": prompt.JSONTemplates}
	switch ask {
	case askLabel:
	case askSentence:
		styles = map[string][]string{"markup": prompt.SentenceMarkupTemplates, "json": prompt.SentenceJSONTemplates}
	default:
		return nil, cmdline.UsageError("--ask must be label or sentence, not %q", ask)
	}
	versions, ok := styles[style]
	if !ok {
		return nil, cmdline.UsageError("--style must be markup or json, not %q", style)
	}
	return versions, nil
}

// failedIn returns a function that selects the rows to ask again: those that failed in
// the results file, those with only reasoning, and those after its end.
func failedIn(file string, rows *mrc.File, total int) (func(row int) bool, error) {
	r, name, err := cmdline.Open(file)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	results := collect.New(collect.Options{Rows: rows})
	if err := results.SetTotal(total, rows.Name()); err != nil {
		return nil, err
	}
	if err := results.LayOver(name, r); err != nil {
		return nil, err
	}
	return func(row int) bool {
		reply := results.Row(row)
		return !reply.OK()
	}, nil
}

func tell(std cmdline.Streams, o *promptOptions, job *prompt.Plan, r prompt.Stats) error {
	if n := len(r.Mended); n > 0 {
		more := " (--verbose names them)"
		if std.Verbose {
			more = ""
		}
		std.Note("%s: repaired the spans of %s shown: sorted them, left out overlapping and impossible ones%s",
			job.Train.Name(), english.Count(n, "row"), more)
		if std.Verbose {
			for _, row := range r.Mended {
				mending, err := prompt.Mending(job.Train, row)
				if err != nil {
					return err
				}
				std.Say("%s: row %d: %s", job.Train.Name(), row, mending)
			}
		}
	}
	if r.Leaking > 0 {
		std.Say("%s (of %d) with the answer among the demonstrations: the scores of these rows mean nothing", english.Count(r.Leaking, "prompt"), r.Prompts)
		std.Say("make %s with ner-prompt knn, which never shows a row its own sentence", job.Neighbours.Name())
	}
	if r.OtherLabel > 0 {
		std.Say("%s of another label than the row asks for: was %s made for %s?",
			english.Count(r.OtherLabel, "demonstration"), job.Neighbours.Name(), job.Train.Name())
	}
	if o.lastResults != "" {
		what := "row"
		if o.ask == askSentence {
			what = "sentence"
		}
		std.Note("%d of %s to ask again", r.Prompts, english.Count(job.Total(), what))
	}
	return nil
}
