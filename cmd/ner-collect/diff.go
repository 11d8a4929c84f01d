package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"nertools/cmd/internal/answers"
	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/inputs"
	"nertools/pkg/annotate"
	"nertools/pkg/catalog"
	"nertools/pkg/corpus"
	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/mrc"
	"nertools/pkg/record"
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
		Description: "Compares the entities of two files or folders: result records, MRC files, and what ner-prompt\n" +
			"convert reads (jsonl, CoNLL, brat folders, exports of Label Studio, doccano, Prodigy and spaCy).\n" +
			"Sentences belong together if their texts are the same, white space aside; a whole document is\n" +
			"divided into the other side's sentences. An entity is the same if its span and label are. On a\n" +
			"terminal it shows each sentence that differs, and behind - and + the entities that only A and\n" +
			"only B have; otherwise it writes a line of JSON for each. The exit code is 0 if nothing differs,\n" +
			"and 3 if something does.",
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
	var formats [2]string
	for i, file := range o.Files {
		if formats[i], err = o.readVersion(ctx, std, file, labels, &versions[i]); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	a, b := versions[0].Divide(&versions[1]), versions[1].Divide(&versions[0])
	out := bufio.NewWriter(std.Out)
	write, colours := o.style(std)
	var differ, onlyA, onlyB int
	for d := range corpus.Diff(a, b) {
		differ, onlyA, onlyB = differ+1, onlyA+len(d.OnlyA), onlyB+len(d.OnlyB)
		if write {
			writeDiscrepancy(out, d, colours)
		} else {
			_, err = out.Write(corpus.AppendDiscrepancy(nil, d))
		}
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	std.Note("%s in %s (%s), %s in %s (%s): %d differ; entities only in the first: %d, only in the second: %d",
		english.Count(a.Len(), "sentence"), cmdline.InputName(o.Files[0]), formats[0],
		english.Count(b.Len(), "sentence"), cmdline.InputName(o.Files[1]), formats[1], differ, onlyA, onlyB)
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

// readVersion adds the sentences of a file or folder to v, and returns its format.
func (o *diffOptions) readVersion(ctx context.Context, std cmdline.Streams, file string, labels *catalog.DataSet, v *corpus.Version) (format string, err error) {
	info, err := os.Stat(file)
	pipe := file == "-" || err == nil && !info.Mode().IsRegular() && !info.IsDir()
	if err == nil && info.Mode().IsRegular() {
		switch format, err = ownFormat(file); {
		case err != nil:
			return "", err
		case format == resultRecords:
			return format, o.readResults(ctx, std, file, labels, v)
		case format == mrcFile:
			return format, readRows(ctx, std, file, labels, v)
		}
	}
	found, left, err := inputs.Find([]string{file}, true)
	if err != nil {
		return "", err
	}
	if text := left.String(); text != "" {
		std.Say("%s", text)
	}
	var formats []string
	for _, in := range found {
		format, err := readInput(ctx, std, in, v)
		if err != nil && pipe && format == "jsonl" { // a pipe can't be read twice, so its format was not looked at
			err = fault.WithHint(err, fault.Hint(err)+"; result records and MRC files are read from files, not from stdin or a pipe")
		}
		if err != nil {
			return "", err
		}
		if !slices.Contains(formats, format) {
			formats = append(formats, format)
		}
	}
	return strings.Join(formats, ", "), nil
}

// The names of the formats that are this project's own.
const (
	resultRecords = "results"
	mrcFile       = "MRC file"
)

// ownFormat returns the name of the file's format, "" if it is another one.
func ownFormat(file string) (string, error) {
	in, name, err := cmdline.Open(file)
	if err != nil {
		return "", err
	}
	defer in.Close()
	head, err := bufio.NewReaderSize(in, headSize).Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	if len(bytes.TrimSpace(head)) == 0 {
		return "", &fault.Error{File: name, Err: errors.New("the file is empty"), Hint: "name a file with sentences"}
	}
	return formatOf(head), nil
}

const headSize = 64 << 10 // of a file: enough to see what it is

// formatOf is like ownFormat, for a file that begins with head.
func formatOf(head []byte) string {
	head = bytes.TrimSpace(bytes.TrimPrefix(head, []byte(record.ByteOrderMark)))
	line, _, _ := bytes.Cut(head, []byte{'\n'})
	switch {
	case gjson.GetBytes(line, "kind").Str == "result", gjson.GetBytes(line, "custom_id").Exists():
		return resultRecords
	case bytes.HasPrefix(head, []byte{'['}) && bytes.Contains(head, []byte(`"entity_label"`)):
		return mrcFile
	}
	return ""
}

// readInput adds the sentences of a file that ner-prompt convert reads, and returns its
// format.
func readInput(ctx context.Context, std cmdline.Streams, in inputs.Input, v *corpus.Version) (format string, err error) {
	var remarks corpus.Remarks
	r, err := in.Open(ctx, "", corpus.Reading{Split: corpus.NoSplit, Remarks: &remarks})
	if err != nil {
		return "", err
	}
	defer r.Close()
	for s, err := range r.Sentences {
		if _, ok := errors.AsType[*corpus.LayoutError](err); ok {
			err = fault.WithHint(err, "convert it with ner-prompt convert, which has flags for the columns, and compare the MRC file")
		}
		if err != nil {
			return r.Format, err
		}
		v.Add(s)
	}
	if text := remarks.String(); text != "" {
		std.Say("%s: %s", r.Name, text)
	}
	return cmp.Or(r.Format, "conll"), nil
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
