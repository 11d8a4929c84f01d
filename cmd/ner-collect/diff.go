package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/tidwall/gjson"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"nertools/cmd/internal/answers"
	"nertools/cmd/internal/cmdline"
	"nertools/pkg/annotate"
	"nertools/pkg/catalog"
	"nertools/pkg/corpus"
	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/mrc"
	"nertools/pkg/safetext"
)

type diffOptions struct {
	answers.Options
	format string // text or jsonl; "" for text on a terminal
}

func diffCommand() *cli.Command {
	var o diffOptions
	return &cli.Command{
		Name: "diff", Usage: "show where two runs, or a run and its correction, differ",
		UsageText: "ner-collect diff results.jsonl corrected.json",
		ArgsUsage: "A B",
		Description: "Compares the entities of two files: result records, MRC files, and what ner-prompt convert\n" +
			"reads (jsonl, CoNLL, and exports of Label Studio, doccano, Prodigy and spaCy). Sentences belong\n" +
			"together if their texts are the same, white space aside; an entity is the same if its span and\n" +
			"label are. On a terminal it shows each sentence that differs, and behind - and + the entities\n" +
			"that only A and only B have; otherwise it writes a line of JSON for each. The exit code is 0 if\n" +
			"nothing differs, and 3 if something does.",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "format", Destination: &o.format, DefaultText: "text on a terminal, otherwise jsonl", Usage: "write `FORMAT` text or jsonl"},
			o.Accepted.Flag(),
		}, o.Source.Flags(), o.Examples.Flags(), o.Labels.Flags()),
		Action: cmdline.Action(func(ctx context.Context, std cmdline.Streams, files []string) error {
			o.Files = files
			return diff(ctx, std, &o)
		}),
	}
}

func diff(ctx context.Context, std cmdline.Streams, o *diffOptions) error {
	if len(o.Files) != 2 {
		return cmdline.UsageError("name two files to compare, not %d", len(o.Files))
	}
	if !slices.Contains([]string{"", "text", "jsonl"}, o.format) {
		return cmdline.UsageError("--format must be text or jsonl, not %q", o.format)
	}
	if err := cmdline.CheckFiles("", o.Inputs()...); err != nil {
		return err
	}
	labels, err := o.Labels.ReadGiven()
	if err != nil {
		return err
	}
	var versions [2]corpus.Version
	for i, file := range o.Files {
		if err := o.readVersion(ctx, std, file, labels, &versions[i]); err != nil {
			return err
		}
	}
	out := bufio.NewWriter(std.Out)
	write, colours := o.style(std)
	var differ, onlyA, onlyB int
	for d := range corpus.Diff(&versions[0], &versions[1]) {
		differ, onlyA, onlyB = differ+1, onlyA+len(d.OnlyA), onlyB+len(d.OnlyB)
		if write {
			writeDiscrepancy(out, d, colours)
		} else {
			_, err = out.Write(corpus.AppendDiscrepancy(nil, d))
		}
		if err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	std.Note("%s in %s, %s in %s: %d differ; entities only in the first: %d, only in the second: %d",
		english.Count(versions[0].Len(), "sentence"), cmdline.InputName(o.Files[0]),
		english.Count(versions[1].Len(), "sentence"), cmdline.InputName(o.Files[1]), differ, onlyA, onlyB)
	if differ > 0 {
		return cmdline.Exit(cmdline.Partial, nil)
	}
	return nil
}

// style returns whether to write text, and whether it is coloured.
func (o *diffOptions) style(std cmdline.Streams) (text, colours bool) {
	f, ok := std.Out.(*os.File)
	terminal := ok && term.IsTerminal(int(f.Fd()))
	return o.format == "text" || o.format == "" && terminal, terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// readVersion adds the sentences of a file to v.
func (o *diffOptions) readVersion(ctx context.Context, std cmdline.Streams, file string, labels *catalog.DataSet, v *corpus.Version) error {
	in, name, err := cmdline.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	r := bufio.NewReaderSize(in, 64<<10)
	head, err := r.Peek(r.Size())
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return fmt.Errorf("read %s: %w", name, err)
	}
	head = bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\ufeff")))
	line, _, _ := bytes.Cut(head, []byte{'\n'})
	rows := bytes.HasPrefix(head, []byte{'['}) && bytes.Contains(head, []byte(`"entity_label"`))
	switch {
	case len(head) == 0:
		return &fault.Error{File: name, Err: errors.New("the file is empty"), Hint: "name a file with sentences"}
	case gjson.GetBytes(line, "kind").Str == "result", gjson.GetBytes(line, "custom_id").Exists(), rows:
		if file == "-" {
			return &fault.Error{File: name, Err: errors.New("result records and MRC files are not read from stdin"), Hint: "write them to a file, and name it"}
		}
		if rows {
			return readRows(ctx, std, file, labels, v)
		}
		return o.readResults(ctx, std, file, labels, v)
	}
	var remarks corpus.Remarks
	sentences, _, err := corpus.Read(name, r, "", corpus.Reading{Split: corpus.NoSplit, Remarks: &remarks})
	if err != nil {
		return err
	}
	for s, err := range sentences {
		if err != nil {
			return err
		}
		v.Add(s)
	}
	if text := remarks.String(); text != "" {
		std.Say("%s: %s", name, text)
	}
	return nil
}

// readResults adds the sentences of result records, with the entities found.
func (o *diffOptions) readResults(ctx context.Context, std cmdline.Streams, file string, labels *catalog.DataSet, v *corpus.Version) error {
	one := o.Options
	one.Files = []string{file}
	j, err := one.Join(ctx, std, labels)
	if err != nil {
		return err
	}
	defer j.Close()
	unanswered := 0
	err = j.Each(ctx, func(s *annotate.Annotation) error {
		unanswered += len(s.Unanswered)
		v.Add(&s.Sentence)
		return nil
	})
	if err == nil && unanswered > 0 {
		std.Say("%s of %s without an answer: their entities count as absent", english.Count(unanswered, "row"), file)
	}
	return err
}

// readRows adds the sentences of an MRC file, with the entities marked in it.
func readRows(ctx context.Context, std cmdline.Streams, file string, labels *catalog.DataSet, v *corpus.Version) error {
	rows, err := mrc.Open(file)
	if err != nil {
		return err
	}
	defer rows.Close()
	j := answers.Joined{HasGold: true}
	if j.Joined, err = annotate.Gold(rows, labels); err != nil {
		return err
	}
	if err := j.Each(ctx, func(s *annotate.Annotation) error { v.Add(&s.Sentence); return nil }); err != nil {
		return err
	}
	return tellNotes(std, &j, false)
}

// writeDiscrepancy writes d for people.
func writeDiscrepancy(out *bufio.Writer, d *corpus.Discrepancy, colours bool) {
	paint := func(code, line string) {
		line = safetext.Line(line)
		if colours {
			line = "\x1b[" + code + "m" + line + "\x1b[0m"
		}
		out.WriteString(line + "\n") // an error of out comes back from Flush
	}
	where := ""
	switch {
	case !d.InB:
		where = " (only in the first file)"
	case !d.InA:
		where = " (only in the second file)"
	}
	paint("1", d.ID+": "+d.Text+where)
	for _, m := range d.OnlyA {
		paint("31", fmt.Sprintf("- %s %d-%d %s", m.Label, m.Start, m.End, m.Text))
	}
	for _, m := range d.OnlyB {
		paint("32", fmt.Sprintf("+ %s %d-%d %s", m.Label, m.Start, m.End, m.Text))
	}
}
