package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/dataset"
	"nertools/pkg/corpus"
	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/mrc"
)

type convertOptions struct {
	file   string // "-" for stdin
	labels dataset.LabelSet
	target dataset.Target
	format string // "" to detect it from the first line
	column int
}

func convertCommand() *cli.Command {
	var o convertOptions
	return &cli.Command{
		Name: "convert", Usage: "convert labelled sentences (CoNLL or JSON lines) to an MRC file",
		UsageText: "ner-prompt convert test.conll --data-name CONLL --write-dir data --write-name test",
		ArgsUsage: "[FILE]",
		Description: "Reads CoNLL files, with one token and its tag per line (IOB1, BIO, BIOES and similar), and\n" +
			"JSON lines, with one sentence and the offsets of its entities per line. The rows ask for the\n" +
			"labels of --data-name or --labels, otherwise for the labels found, in alphabetical order.\n" +
			"Without FILE, or with -, it reads stdin.",
		Flags: slices.Concat(o.labels.Flags(), o.target.Flags("mrc-ner.NAME"), []cli.Flag{
			&cli.StringFlag{Name: "format", Destination: &o.format, Usage: "read FILE as `FORMAT`: conll or jsonl (default: by the first line)"},
			&cli.IntFlag{Name: "column", Destination: &o.column, Action: cmdline.AtLeast("column", 1), DefaultText: "the last one", Usage: "read the tags from column `N` of a CoNLL file, from 1"},
		}),
		Action: cmdline.Action(func(ctx context.Context, std cmdline.Streams, files []string) error {
			if len(files) > 1 {
				return cmdline.UsageError("only one file can be converted at a time, not %s", strings.Join(files, ", "))
			}
			o.file = cmp.Or(strings.Join(files, ""), "-")
			return convert(ctx, std, &o)
		}),
	}
}

func convert(ctx context.Context, std cmdline.Streams, o *convertOptions) error {
	how := corpus.Reading{Column: o.column}
	var questions []mrc.Query
	if o.labels.Given() {
		set, err := o.labels.Read()
		if err != nil {
			return err
		}
		for _, label := range set.Labels {
			questions = append(questions, mrc.Query{Label: label.Key, Words: label.Description})
		}
		how.Label = func(key string) (string, error) {
			label, err := set.Label(key)
			return label.Key, fault.WithHint(err, "give a catalogue that contains it with --labels FILE, or leave out --data-name to use the labels found")
		}
	}
	if err := o.target.Check("mrc-ner.", "", o.file); err != nil {
		return err
	}
	in, name, err := cmdline.Open(o.file)
	if err != nil {
		return err
	}
	defer in.Close()
	sentences, err := corpus.Read(name, cmdline.Interruptible(ctx, in), o.format, how)
	if err != nil {
		return cmdline.UsageError("--format must be conll or jsonl, not %q", o.format)
	}
	var n, rows int
	err = o.target.Write(std, "mrc-ner.", "", func(w io.Writer) (err error) {
		n, rows, err = mrc.Write(w, name, sentences, questions)
		return err
	})
	switch {
	case errors.Is(err, mrc.ErrNoLabels):
		return fault.WithHint(err, "name the labels to ask for with --data-name or --labels")
	case err != nil:
		return err
	}
	std.Note("%s, %s", english.Count(n, "sentence"), english.Count(rows, "row"))
	return nil
}
