package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/answers"
	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/cost"
	"nertools/cmd/internal/dataset"
	"nertools/pkg/annotate"
	"nertools/pkg/clidoc"
	"nertools/pkg/corpus"
	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/mrc"
	"nertools/pkg/price"
	"nertools/pkg/report"
	"nertools/pkg/score"
)

// output says what to write and where.
type output struct {
	format string
	scheme string // of the tags, for conll
	target dataset.Target
	strict bool        // treat a gold span that is not in its sentence as an error
	prices cost.Prices // for html

	tags  corpus.Scheme
	table *price.Table
}

const formatNames = "text, jsonl, conll, spacy, brat, labelstudio, csv or html"

func (o *output) flags() []cli.Flag {
	return clidoc.Group("output", append([]cli.Flag{
		&cli.StringFlag{Name: "format", Value: "text", Destination: &o.format, Usage: "use `FORMAT` " + formatNames},
		&cli.StringFlag{Name: "scheme", Value: "bio", Destination: &o.scheme, Usage: "tag conll output with `SCHEME`: bio or bioes"},
	}, o.target.Flags("the file (brat: folder) NAME")...)...)
}

// check checks, before anything is read, that the format is known, can be written to the
// target, and that the target is not an input. It also reads the prices for html.
func (o *output) check(inputs ...string) (err error) {
	name := o.format
	o.format = strings.ToLower(name)
	switch {
	case !slices.Contains(append(corpus.Formats(), "text", "brat", "html"), o.format):
		return cmdline.UsageError("--format must be one of %[2]s, not %[1]q", name, formatNames)
	case o.format == "brat" && o.target.Name == "":
		return cmdline.UsageError("--format brat writes a folder: name it with --write-name")
	}
	if o.tags, err = corpus.ParseScheme(o.scheme); err != nil {
		return cmdline.UsageError("--scheme must be bio or bioes, not %q", o.scheme)
	}
	inputs = append(inputs, o.prices.File)
	if o.format != "brat" {
		err = o.target.Check("", "", inputs...)
	} else {
		var folder string
		if folder, err = o.target.Path("", ""); err == nil {
			err = cmdline.CheckFiles(folder, inputs...)
		}
		if _, e := os.Lstat(folder); err == nil && e == nil {
			err = &fault.Error{File: folder, Err: errors.New("exists"), Hint: "remove it, or name a new folder"}
		}
	}
	if err == nil && o.format == "html" {
		o.table, err = o.prices.Table()
	}
	return err
}

// write writes the sentences. After Ctrl-C it still writes those already read. files are
// the sources named on an HTML page.
func (o *output) write(ctx context.Context, std cmdline.Streams, j *answers.Joined, files []string) error {
	ctx = context.WithoutCancel(ctx)
	each := func(emit func(*annotate.Annotation) error) error {
		if err := j.Each(ctx, emit); err != nil {
			return err
		}
		return tellNotes(std, j, o.strict)
	}
	switch o.format {
	case "text":
		return o.target.Write(std, "", "", func(w io.Writer) error {
			err := j.WriteText(ctx, w)
			if err == nil && j.Results == nil {
				err = tellNotes(std, j, o.strict)
			}
			return err
		})
	case "brat":
		folder, err := o.target.Path("", "")
		if err != nil {
			return err
		}
		return corpus.WriteBrat(folder, j.Labels(), func(add func(*corpus.Sentence) error) error {
			return each(func(s *annotate.Annotation) error { return add(&s.Sentence) })
		})
	case "html":
		page, err := o.page(ctx, std, j, files)
		if err != nil {
			return err
		}
		return o.target.Write(std, "", "", page.WriteHTML)
	}
	var out *corpus.Encoder
	err := o.target.Write(std, "", "", func(w io.Writer) (err error) {
		if out, err = corpus.NewEncoder(o.format, w, o.tags, j.Rank); err != nil {
			return err
		}
		if err := each(func(s *annotate.Annotation) error { return out.Add(&s.Sentence) }); err != nil {
			return err
		}
		return out.Close()
	})
	if err != nil {
		return err
	}
	if n := out.Left(); n > 0 {
		std.Say("left out %s: this format cannot hold entities that overlap; the longest one is kept, then the one whose label comes first", english.Count(n, "entity"))
	}
	if n := out.Empty(); n > 0 {
		std.Say("left out %s: this format cannot hold a sentence without a token", english.Count(n, "sentence"))
	}
	if o.format == "labelstudio" {
		std.Show("set up the project that imports the file with this labelling interface:", corpus.LabelStudioConfig(j.Labels()))
	}
	return nil
}

func (o *output) page(ctx context.Context, std cmdline.Streams, j *answers.Joined, files []string) (page *report.Page, err error) {
	var names []string
	for _, file := range files {
		names = append(names, filepath.Base(cmdline.InputName(file)))
	}
	page = report.NewPage(strings.Join(names, ", "), j.Results, o.table)
	page.Labels = j.Labels()
	if j.HasGold {
		page.Scores, err = j.Score(ctx, score.Strict, score.DefaultResamples, 1, func(s *annotate.Annotation) { page.Add(s, true) })
	} else {
		err = j.Each(ctx, func(s *annotate.Annotation) error { page.Add(s, false); return nil })
	}
	if err != nil {
		return nil, err
	}
	return page, tellNotes(std, j, o.strict)
}

// tellNotes prints what the user should know after a pass over the sentences. With
// strict, gold spans that are not in their sentences are an error.
func tellNotes(std cmdline.Streams, j *answers.Joined, strict bool) error {
	n := &j.Notes
	if n.Copied > 0 && j.Assumed != "" {
		std.Say("the answers copied %s from demonstrations, if the prompts showed %s", english.Count(n.Copied, "marked string"), j.Assumed)
		std.Say("if they did not, give the number of demonstrations with --example-num; 0 for none")
	}
	if n.Instead > 0 {
		std.Say("answers that repeat a demonstration instead of the sentence: %d (--format jsonl shows which)", n.Instead)
	}
	if n.Unread+n.PartRead > 0 {
		std.Say("lists that cannot be read: %d; lists that can be read only in part: %d (--format jsonl shows which)", n.Unread, n.PartRead)
	}
	if n.UnusableGold == 0 || !j.HasGold {
		return nil
	}
	e := &fault.Error{File: j.Rows.Name(), Line: j.Rows.Line(n.FirstUnusable),
		Err:  fmt.Errorf("%s outside the sentence, in %s, the first in row %d: not counted", english.Count(n.UnusableGold, "gold span"), english.Count(n.UnusableRows, "row"), n.FirstUnusable),
		Hint: "start_position and end_position are equally long lists of token indexes from 0; an end is the last token of its entity"}
	if strict {
		return e
	}
	std.Say("%s", e)
	std.Say("%s (--strict makes this an error)", e.Hint)
	return nil
}

type goldOptions struct {
	file string // MRC
	output
	labels dataset.LabelSet
}

func goldCommand() *cli.Command {
	var o goldOptions
	return &cli.Command{
		Name: "gold", Usage: "write the gold annotations of an MRC file in any format",
		UsageText: "ner-collect gold examples/news/mrc-ner.test --format conll",
		ArgsUsage: "FILE",
		Flags:     slices.Concat(o.output.flags(), []cli.Flag{strictFlag(&o.strict)}, o.labels.Flags()),
		Action: cmdline.Action(func(ctx context.Context, std cmdline.Streams, files []string) error {
			if len(files) != 1 {
				return cmdline.UsageError("name the MRC file to read")
			}
			o.file = files[0]
			return writeGold(ctx, std, &o)
		}),
	}
}

// writeGold writes the entities marked in an MRC file.
func writeGold(ctx context.Context, std cmdline.Streams, o *goldOptions) error {
	if strings.EqualFold(o.format, "html") {
		return cmdline.UsageError("--format html shows results, which an MRC file does not have")
	}
	if err := o.check(o.file, o.labels.Input()); err != nil {
		return err
	}
	rows, err := mrc.Open(o.file)
	if err != nil {
		return err
	}
	defer rows.Close()
	labels, err := o.labels.ReadGiven()
	if err != nil {
		return err
	}
	j := answers.Joined{HasGold: true}
	if j.Joined, err = annotate.Gold(rows, labels); err != nil {
		return err
	}
	return o.write(ctx, std, &j, nil)
}
