package main

import (
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/dataset"
	"nertools/pkg/collect"
	"nertools/pkg/mrc"
	"nertools/pkg/prompt"
	"nertools/pkg/reasoning"
)

var promptFlags = []cli.Flag{
	&cli.IntFlag{Name: "limit", Usage: "ask about the first `N` rows, as if the file ended there"},
	&cli.StringFlag{Name: "style", Value: "markup", Usage: "ask for the sentence with its entities marked (`markup`), or for a list of them (json)"},
	&cli.StringFlag{Name: "shard", Usage: "write the `I/N`th part of the rows, whole sentences together, such as 2/8"},
	&cli.StringFlag{Name: "template", Usage: "word the prompts after `FILE` (see: ner-prompt template)"},
	&cli.StringFlag{Name: "last-results", Usage: "ask again only for the rows that failed in this results `FILE`"},
	&cli.BoolFlag{Name: "verbose", Usage: "name the training rows whose spans were mended"},
}

func run(c *cli.Context) (err error) {
	job := prompt.Job{Source: c.String("source-name"), Limit: c.Int("limit"), Examples: c.Int("example-num")}
	if job.Limit < 0 || c.IsSet("limit") && job.Limit == 0 {
		return cmdline.UsageError("--limit %d: a number of rows from 1", job.Limit)
	}
	if job.Examples < 0 {
		return cmdline.UsageError("--example-num %d: a number of demonstrations from 0", job.Examples)
	}
	switch c.String("style") {
	case "markup":
	case "json":
		job.ResponseFormat = prompt.JSONFormat
	default:
		return cmdline.UsageError("--style %s: markup or json", c.String("style"))
	}
	if c.IsSet("shard") {
		if job.Shard, err = prompt.ParseShard(c.String("shard")); err != nil {
			return cmdline.Exit(cmdline.Usage, err)
		}
	}
	if job.Labels, err = dataset.Labels(c); err != nil {
		return err
	}
	if job.Template, err = wording(c); err != nil {
		return err
	}
	if job.Rows, err = dataset.OpenSource(c); err != nil {
		return err
	}
	defer job.Rows.Close()
	if job.Examples > 0 {
		if job.Train, job.Neighbours, err = dataset.OpenExamples(c, job.Total()); err != nil {
			return err
		}
		defer job.Train.Close()
		defer job.Neighbours.Close()
		if job.Neighbours.More() && job.Total() == job.Rows.Len() {
			cmdline.Say(c, "%s has more lines than %s has rows: do they belong together?", job.Neighbours.Name(), job.Rows.Name())
		}
	}
	if last := c.String("last-results"); last != "" {
		if job.Wanted, err = failedIn(last, job.Rows, job.Total()); err != nil {
			return err
		}
	}
	report, err := job.Write(c.Context, os.Stdout)
	if err != nil {
		return err // "| head" ends here too, and is to be quiet
	}
	return tell(c, &job, report)
}

// wording is the template that the flags choose.
func wording(c *cli.Context) (*prompt.Template, error) {
	builtin := prompt.DefaultTemplate
	if c.String("style") == "json" {
		builtin = prompt.JSONTemplate
	}
	name, text, err := templateText(c, c.String("style")+".tmpl", builtin)
	if err != nil {
		return nil, err
	}
	if c.String("style") == "json" && strings.Contains(text, ".Marked") {
		return nil, cmdline.UsageError("--style json demands a list, and %s shows marks: take .JSON instead of .Marked", name)
	}
	return prompt.ParseTemplate(name, text)
}

// templateText is the file that --template names, or the built-in text.
func templateText(c *cli.Context, name, builtin string) (_, text string, err error) {
	file := c.String("template")
	if file == "" {
		return name, builtin, nil
	}
	data, name, err := cmdline.ReadFile(file)
	return name, string(data), err
}

// failedIn returns which rows to ask again: those that failed in the results
// file, those of which it holds only reasoning, and those that it does not reach.
func failedIn(file string, rows *mrc.File, total int) (func(row int) bool, error) {
	r, name, err := cmdline.Open(file)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	lines, err := collect.ReadLines(name, r, total)
	if err != nil {
		return nil, err
	}
	return func(row int) bool {
		return row >= len(lines) || collect.IsFailure(lines[row]) || onlyReasoning(lines[row], rows, row)
	}, nil
}

func onlyReasoning(line string, rows *mrc.File, row int) bool {
	if thought, rest := reasoning.Split(line, ""); thought == "" || rest != "" {
		return false
	}
	var r mrc.Row
	rows.Decode(row, &r)
	_, rest := reasoning.Split(line, r.Context)
	return rest == ""
}

func tell(c *cli.Context, job *prompt.Job, r prompt.Report) error {
	if n := len(r.Mended); n > 0 {
		cmdline.Say(c, "%s: mended the spans of %d of the rows shown: sorted, overlapping ones dropped, impossible ones left out%s",
			job.Train.Name(), n, map[bool]string{false: " (--verbose names them)"}[c.Bool("verbose")])
		if c.Bool("verbose") {
			err := mrc.Guard(job.Train.Name(), func() error {
				for _, row := range r.Mended {
					cmdline.Say(c, "%s: row %d: %s", job.Train.Name(), row, prompt.Mending(job.Train, row))
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	if r.OtherLabel > 0 {
		cmdline.Say(c, "%d demonstrations are of another label than the row that shows them: is %s made for %s?",
			r.OtherLabel, job.Neighbours.Name(), job.Train.Name())
	}
	if c.IsSet("last-results") {
		cmdline.Say(c, "%d of %d rows to ask again", r.Prompts, job.Total())
	}
	return nil
}
