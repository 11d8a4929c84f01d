// Ner-prompt makes prompt records from the files of an MRC-NER data set.
//
// For each row of mrc-ner.SOURCE it writes one JSON line: an instruction for the
// row's label, the demonstrations that the kNN file names, and the row's
// sentence. The records go to ner-run or ner-batch:
//
//	ner-prompt --source-dir data --data-name CONLL | ner-run -o results.jsonl
//
// Its two commands print what can be edited and handed back: "labels" the
// catalogue of labels (--labels), "template" the wording (--template).
package main

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/catalog"
	"nertools/pkg/collect"
	"nertools/pkg/fault"
	"nertools/pkg/mrc"
	"nertools/pkg/prompt"
)

func main() {
	cmdline.Main(&cli.App{
		Name:      "ner-prompt",
		Usage:     "make prompt records from MRC-NER files and kNN files",
		UsageText: "ner-prompt --source-dir examples/news --data-name CONLL --example-num 8 | head -n 1",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "source-dir", Value: ".", Usage: "`DIR` of the MRC files"},
			&cli.StringFlag{Name: "source-name", Value: "test", Usage: "ask about the rows of mrc-ner.`NAME`"},
			&cli.StringFlag{Name: "train-name", Value: "train", Usage: "take demonstrations from mrc-ner.`NAME`"},
			dataNameFlag,
			&cli.StringFlag{Name: "example-dir", Usage: "`DIR` of the kNN file (default: the source directory)"},
			&cli.StringFlag{Name: "example-name", Usage: "kNN file NAME.knn.jsonl; test, test.knn and the whole `NAME` all do (default: the source name)"},
			&cli.IntFlag{Name: "example-num", Value: 16, Usage: "show `N` demonstrations; 0 needs neither training nor kNN file"},
			&cli.IntFlag{Name: "limit", Usage: "ask about the first `N` rows, as if the file ended there"},
			&cli.StringFlag{Name: "template", Usage: "word the prompts after `FILE` (see: ner-prompt template)"},
			labelsFlag,
			&cli.StringFlag{Name: "last-results", Usage: "ask again only for the rows that failed in this results `FILE`"},
			&cli.BoolFlag{Name: "verbose", Usage: "name the training rows whose spans were mended"},
		},
		Action: run,
		Commands: []*cli.Command{
			{
				Name: "labels", Usage: "print the catalogue of labels as JSON, to edit and hand back with --labels",
				UsageText: "ner-prompt labels --data-name CONLL > labels.json",
				Flags:     []cli.Flag{dataNameFlag, labelsFlag},
				Action:    printLabels,
			},
			{
				Name: "template", Usage: "print the built-in template, to edit and hand back with --template",
				UsageText: "ner-prompt template > wording.tmpl",
				Action: func(*cli.Context) error {
					_, err := os.Stdout.WriteString(prompt.DefaultTemplate)
					return err
				},
			},
		},
	})
}

var (
	dataNameFlag = &cli.StringFlag{Name: "data-name", Usage: "the `DATASET` whose labels the rows carry, in any case: CONLL, ONTONOTES, WNUT ..."}
	labelsFlag   = &cli.StringFlag{Name: "labels", Usage: "look labels up in this `FILE` instead of the built-in catalogue"}
)

func run(c *cli.Context) (err error) {
	job := prompt.Job{Source: c.String("source-name"), Limit: c.Int("limit"), Examples: c.Int("example-num")}
	if job.Limit < 0 || c.IsSet("limit") && job.Limit == 0 {
		return cmdline.UsageError("--limit %d: a number of rows from 1", job.Limit)
	}
	if job.Examples < 0 {
		return cmdline.UsageError("--example-num %d: a number of demonstrations from 0", job.Examples)
	}
	if job.Labels, err = dataSet(c); err != nil {
		return err
	}
	if job.Template, err = wording(c); err != nil {
		return err
	}
	if job.Rows, err = mrc.Open(mrc.Path(c.String("source-dir"), job.Source)); err != nil {
		return err
	}
	defer job.Rows.Close()
	if job.Examples > 0 {
		if err := openExamples(c, &job); err != nil {
			return err
		}
		defer job.Train.Close()
		defer job.Neighbours.Close()
	}
	if last := c.String("last-results"); last != "" {
		if job.Wanted, err = failedIn(last, job.Total()); err != nil {
			return err
		}
	}
	report, err := job.Write(c.Context, os.Stdout)
	if err != nil {
		return err // "| head" ends here too, and is to be quiet
	}
	return tell(c, &job, report)
}

func dataSet(c *cli.Context) (catalog.DataSet, error) {
	labels, err := labelCatalog(c)
	if err != nil {
		return catalog.DataSet{}, err
	}
	name := c.String("data-name")
	if names := labels.Names(); name == "" && len(names) == 1 {
		name = names[0]
	} else if name == "" {
		return catalog.DataSet{}, cmdline.UsageError("--data-name is missing: name the data set that the labels belong to")
	}
	set, err := labels.DataSet(name)
	return set, fault.WithHint(err, "ner-prompt labels prints what is known; bring another catalogue with --labels FILE")
}

func labelCatalog(c *cli.Context) (*catalog.Catalog, error) {
	file := c.String("labels")
	if file == "" {
		return catalog.Builtin(), nil
	}
	data, name, err := cmdline.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return catalog.Parse(name, data)
}

func wording(c *cli.Context) (*prompt.Template, error) {
	file := c.String("template")
	if file == "" {
		return prompt.ParseTemplate("default.tmpl", prompt.DefaultTemplate)
	}
	data, name, err := cmdline.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return prompt.ParseTemplate(name, string(data))
}

func openExamples(c *cli.Context, job *prompt.Job) error {
	dir, name := c.String("example-dir"), c.String("example-name")
	if dir == "" {
		dir = c.String("source-dir")
	}
	if name == "" {
		name = job.Source
	}
	path, err := mrc.FindNeighbours(dir, name)
	if err != nil {
		return err
	}
	if job.Train, err = mrc.Open(mrc.Path(c.String("source-dir"), c.String("train-name"))); err != nil {
		return err
	}
	if job.Neighbours, err = mrc.OpenNeighbours(path, job.Total(), job.Train.Len()); err != nil {
		return err
	}
	if job.Neighbours.More() && job.Total() == job.Rows.Len() {
		cmdline.Say(c, "%s has more lines than %s has rows: do they belong together?", path, job.Rows.Name())
	}
	return nil
}

// failedIn returns which rows to ask again: those that failed in the results
// file and those that it does not reach.
func failedIn(file string, total int) (func(row int) bool, error) {
	r, name, err := cmdline.Open(file)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	lines, err := collect.ReadLines(name, r, total)
	if err != nil {
		return nil, err
	}
	return func(row int) bool { return row >= len(lines) || collect.IsFailure(lines[row]) }, nil
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

func printLabels(c *cli.Context) error {
	labels, err := labelCatalog(c)
	if err != nil {
		return err
	}
	if !c.IsSet("data-name") {
		_, err = labels.WriteTo(os.Stdout)
		return err
	}
	set, err := labels.DataSet(c.String("data-name"))
	if err != nil {
		return fault.WithHint(err, "ner-prompt labels without --data-name prints the whole catalogue")
	}
	if _, err := set.WriteTo(os.Stdout); err != nil {
		return fmt.Errorf("write labels: %w", err)
	}
	return nil
}
