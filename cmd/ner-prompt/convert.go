package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/dataset"
	"nertools/pkg/corpus"
	"nertools/pkg/fault"
	"nertools/pkg/mrc"
)

type convertOptions struct {
	file   string // "-" for stdin
	labels dataset.LabelSet
	target dataset.Target
	format string // "" for that of the first line
	column int
}

func convertCommand() *cli.Command {
	var o convertOptions
	return &cli.Command{
		Name: "convert", Usage: "make an MRC file of labelled sentences: CoNLL, or JSON lines with spans",
		UsageText: "ner-prompt convert test.conll --data-name CONLL --write-dir data --write-name test",
		ArgsUsage: "[FILE]",
		Description: "Reads a token a line with its tag (IOB1, BIO, BIOES and their kin), or a sentence a line as\n" +
			"JSON with token or character offsets. With --data-name or --labels the rows ask for the labels\n" +
			"of that data set, else for those found, in alphabetical order. No FILE, or -, is stdin.",
		Flags: slices.Concat(o.labels.Flags(), o.target.Flags("mrc-ner.NAME"), []cli.Flag{
			&cli.StringFlag{Name: "format", Destination: &o.format, Usage: "read FILE as `FORMAT`: conll or jsonl (default: jsonl if the first line is JSON)"},
			&cli.IntFlag{Name: "column", Destination: &o.column, Action: cmdline.AtLeast("column", 1), DefaultText: "the last one", Usage: "the tag stands in column `N` of a conll file, from 1"},
		}),
		Action: cmdline.Action(func(ctx context.Context, std cmdline.Streams, files []string) error {
			if len(files) > 1 {
				return cmdline.UsageError("one file at a time: %s", strings.Join(files, ", "))
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
			return label.Key, fault.WithHint(err, "bring a catalogue that has it with --labels FILE, or convert without --data-name for the labels found")
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
	sentences, err := sentencesIn(ctx, o.format, name, in, how)
	if err != nil {
		return err
	}
	if questions == nil {
		// The labels are known when the last sentence is.
		var all []*corpus.Sentence
		if all, questions, err = found(name, sentences); err != nil {
			return err
		}
		sentences = values(all)
	}
	n := 0
	err = o.target.Write(std, "mrc-ner.", "", func(w io.Writer) error {
		out := mrc.NewWriter(w, questions)
		for s, err := range sentences {
			if err != nil {
				return err
			}
			if err := out.Add(s); err != nil {
				return err
			}
			n++
		}
		if n == 0 {
			return &fault.Error{File: name, Err: errors.New("no sentences in it"), Hint: "an MRC file needs at least one"}
		}
		return out.Close()
	})
	if err == nil {
		std.Say("%d sentences, %d rows", n, n*len(questions))
	}
	return err
}

// sentencesIn reads sentences in the form that --format names, or else in the
// one that the first line has. Ctrl-C ends it.
func sentencesIn(ctx context.Context, format, name string, in io.Reader, how corpus.Reading) (iter.Seq2[*corpus.Sentence, error], error) {
	r := bufio.NewReaderSize(cmdline.Interruptible(ctx, in), 64<<10)
	if mark, err := r.Peek(3); err == nil && string(mark) == "\ufeff" {
		_, _ = r.Discard(len(mark)) // it has been read
	}
	if format == "" {
		format = "conll"
		if begin, err := r.Peek(1); err == nil && begin[0] == '{' {
			line, _ := r.Peek(r.Buffered())
			if line, _, _ = bytes.Cut(line, []byte("\n")); gjson.GetBytes(line, "@keys").Get("#").Int() > 0 {
				format = "jsonl"
			}
		}
	}
	switch format {
	case "conll":
		return corpus.ReadCoNLL(name, r, how), nil
	case "jsonl":
		return corpus.ReadJSONL(name, r, how), nil
	}
	return nil, cmdline.UsageError("--format %s: conll or jsonl", format)
}

// found reads all sentences, and asks for the labels that they bear.
func found(name string, sentences iter.Seq2[*corpus.Sentence, error]) (all []*corpus.Sentence, questions []mrc.Query, err error) {
	labels := map[string]bool{}
	for s, err := range sentences {
		if err != nil {
			return nil, nil, err
		}
		all = append(all, s)
		for _, e := range s.Entities {
			labels[e.Label] = true
		}
	}
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		questions = append(questions, mrc.Query{Label: label})
	}
	if len(all) > 0 && len(questions) == 0 {
		return nil, nil, &fault.Error{File: name, Err: errors.New("no entities, and so no labels, in it"), Hint: "name the labels to ask for with --data-name or --labels"}
	}
	return all, questions, nil
}

func values(list []*corpus.Sentence) iter.Seq2[*corpus.Sentence, error] {
	return func(yield func(*corpus.Sentence, error) bool) {
		for _, s := range list {
			if !yield(s, nil) {
				return
			}
		}
	}
}
