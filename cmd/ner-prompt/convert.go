package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/dataset"
	"nertools/pkg/corpus"
	"nertools/pkg/durable"
	"nertools/pkg/fault"
	"nertools/pkg/mrc"
)

var convertCommand = &cli.Command{
	Name: "convert", Usage: "make an MRC file of labelled sentences: CoNLL, or JSON lines with spans",
	UsageText: "ner-prompt convert test.conll --data-name CONLL --write-dir data --write-name test",
	ArgsUsage: "[FILE]",
	Description: "Reads a token a line with its tag (IOB1, BIO, BIOES and their kin), or a sentence a line as\n" +
		"JSON with token or character offsets. With --data-name or --labels the rows ask for the labels\n" +
		"of that data set, else for those found, in alphabetical order. No FILE, or -, is stdin.",
	Flags: slices.Concat(dataset.LabelFlags(), writeFlags("mrc-ner.NAME"), []cli.Flag{
		&cli.StringFlag{Name: "format", Usage: "read FILE as `FORMAT`: conll or jsonl (default: jsonl if the first line is JSON)"},
		&cli.IntFlag{Name: "column", Usage: "the tag stands in column `N` of a conll file, from 1", DefaultText: "the last one"},
	}),
	Action: convert,
}

// writeFlags say where to write what is called as.
func writeFlags(as string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "write-dir", Value: ".", Usage: "write to a file in `DIR`"},
		&cli.StringFlag{Name: "write-name", Usage: "write to " + as + " instead of stdout, `NAME` being this"},
	}
}

func convert(c *cli.Context) error {
	file := c.Args().First()
	if c.NArg() > 1 {
		return cmdline.UsageError("one file at a time: %s", strings.Join(c.Args().Slice(), ", "))
	}
	how := corpus.Reading{Column: c.Int("column")}
	if how.Column < 0 {
		return cmdline.UsageError("--column %d: a column from 1", how.Column)
	}
	var questions []mrc.Question
	if c.String("data-name") != "" || c.String("labels") != "" {
		set, err := dataset.Labels(c)
		if err != nil {
			return err
		}
		for _, label := range set.Labels {
			questions = append(questions, mrc.Question{Label: label.Key, Query: label.Description})
		}
		how.Label = func(key string) (string, error) {
			label, err := set.Label(key)
			return label.Key, fault.WithHint(err, "bring a catalogue that has it with --labels FILE, or convert without --data-name for the labels found")
		}
	}
	if file == "" {
		file = "-"
	}
	if err := checkFile(c, "mrc-ner.", "", file); err != nil {
		return err
	}
	in, name, err := cmdline.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	sentences, err := sentencesIn(c, name, in, how)
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
	err = writeFile(c, "mrc-ner.", "", func(w io.Writer) error {
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
		cmdline.Say(c, "%d sentences, %d rows", n, n*len(questions))
	}
	return err
}

// sentencesIn reads sentences in the form that --format names, or else in the
// one that the first line has. Ctrl-C ends it.
func sentencesIn(c *cli.Context, name string, in io.Reader, how corpus.Reading) (iter.Seq2[*corpus.Sentence, error], error) {
	format := c.String("format")
	r := bufio.NewReaderSize(cmdline.Interruptible(c.Context, in), 64<<10)
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
func found(name string, sentences iter.Seq2[*corpus.Sentence, error]) (all []*corpus.Sentence, questions []mrc.Question, err error) {
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
		questions = append(questions, mrc.Question{Label: label})
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

// targetFile is the file called prefix, --write-name, suffix, or "" for stdout.
func targetFile(c *cli.Context, prefix, suffix string) (string, error) {
	name := c.String("write-name")
	switch {
	case name == "" && (c.IsSet("write-dir") || c.IsSet("write-name")):
		return "", cmdline.UsageError("--write-name is missing: name what to write")
	case name == "":
		return "", nil
	case filepath.Base(name) != name:
		return "", cmdline.UsageError("--write-name %s: a name, without a directory: that is --write-dir", name)
	}
	return filepath.Join(c.String("write-dir"), prefix+name+suffix), nil
}

// checkFile finds out whether that file can be written, and is none of the inputs.
func checkFile(c *cli.Context, prefix, suffix string, inputs ...string) error {
	target, err := targetFile(c, prefix, suffix)
	if err != nil || target == "" {
		return err
	}
	if err := cmdline.CheckFiles(target, inputs...); err != nil {
		return err
	}
	return durable.CheckReplace(target)
}

// writeFile writes that file, whole or not at all, or to stdout.
func writeFile(c *cli.Context, prefix, suffix string, write func(io.Writer) error) error {
	target, err := targetFile(c, prefix, suffix)
	switch {
	case err != nil:
		return err
	case target == "":
		return write(os.Stdout)
	}
	return durable.Replace(target, write)
}
