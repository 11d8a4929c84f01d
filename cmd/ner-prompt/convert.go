package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/dataset"
	"nertools/cmd/internal/inputs"
	"nertools/pkg/clidoc"
	"nertools/pkg/corpus"
	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/mrc"
	"nertools/pkg/progress"
)

type convertOptions struct {
	files     []string // files, folders, and "-" for stdin
	labels    dataset.LabelSet
	target    dataset.Target
	documents string // file for the documents; "" for the one beside the MRC file
	format    string // "" to detect it from the beginning
	split     string // "" for the default
	offsets   string // "" to detect what they count
	how       corpus.Reading
	progress  string
}

func convertCommand() *cli.Command {
	var o convertOptions
	return &cli.Command{
		Name: "convert", Usage: "convert text, with or without entities, to an MRC file",
		UsageText: "ner-prompt convert examples/pharmacy/notes --labels examples/pharmacy/labels.json",
		ArgsUsage: "[FILE or FOLDER]...",
		Description: "Reads text files (each is a document), folders of them (files that end in .txt), also with\n" +
			"the entities that brat keeps in .ann files beside them, inline markup (a text on a line: I\n" +
			"took <DRUG>aspirin</DRUG> at night), JSON (also exports of Label Studio, doccano, Prodigy\n" +
			"and spaCy), CSV with texts, and CoNLL files, with one token and its tag per line (IOB1, BIO,\n" +
			"BIOES and similar). Texts are divided into sentences, and spans count characters. The rows\n" +
			"ask for the labels of --data-name or --labels, otherwise for the labels found, in\n" +
			"alphabetical order. With --write-name, the documents go to NAME.documents.jsonl. Files may\n" +
			"be compressed (gz, zst, bz2). One line on stderr says what was skipped, merged or guessed.\n" +
			"Without FILE, or with -, it reads stdin.",
		Flags: slices.Concat(o.labels.Flags(), o.target.Flags("mrc-ner.NAME"), []cli.Flag{
			&cli.StringFlag{Name: "documents", Destination: &o.documents, Usage: "write the documents to `FILE` (default: with --write-name only)"},
			cmdline.ProgressFlag(&o.progress),
		}, clidoc.Group("what is read",
			&cli.StringFlag{Name: "format", Destination: &o.format, Usage: "read `FORMAT`: text, markup, jsonl, csv or conll (default: detect it)"},
			&cli.IntFlag{Name: "token-column", Destination: &o.how.TokenColumn, Action: cmdline.AtLeast("token-column", 1), DefaultText: "the first with text", Usage: "read the tokens from column `N` of a CoNLL file, from 1"},
			&cli.IntSliceFlag{Name: "tag-column", Aliases: []string{"column"}, Action: o.tagColumns, Usage: "read the tags from column `N` of a CoNLL file (repeatable)"},
			&cli.StringFlag{Name: "label", Destination: &o.how.BareLabel, Usage: "use this `LABEL` for CoNLL tags that are just B, I and O"},
			&cli.StringFlag{Name: "tag-names", Action: o.tagNames, Usage: "use these `NAMES` for JSON tags that are numbers: O,B-PER,I-PER,…"},
			&cli.StringFlag{Name: "text-column", Destination: &o.how.TextColumn, DefaultText: "text", Usage: "read the texts from the column `NAME` of CSV or JSON"},
			&cli.StringFlag{Name: "id-column", Destination: &o.how.IDColumn, DefaultText: "id, if there is one", Usage: "read the ids of texts from the column `NAME` of CSV or JSON"},
			&cli.StringFlag{Name: "offsets", Destination: &o.offsets, DefaultText: "detect it", Usage: "count offsets of JSON in `UNIT`: codepoints, utf16 or graphemes"},
			&cli.StringFlag{Name: "split", Destination: &o.split, DefaultText: "sentence", Usage: "make rows of each `PART` of a text: sentence, line or none (the whole)"},
			&cli.BoolFlag{Name: "pretokenized", Destination: &o.how.Pretokenized, Usage: "read texts with spaces between all tokens; spans count tokens"},
		)),
		Action: cmdline.Action(func(ctx context.Context, std cmdline.Streams, files []string) error {
			o.files = files
			return convert(ctx, std, &o)
		}),
	}
}

// tagNames is the action of --tag-names.
func (o *convertOptions) tagNames(_ *cli.Context, names string) error {
	o.how.TagNames = strings.FieldsFunc(names, func(r rune) bool { return strings.ContainsRune(", \t\r\n[]\"'", r) })
	if len(o.how.TagNames) == 0 {
		return cmdline.UsageError("--tag-names must be a list such as O,B-PER,I-PER, not %q", names)
	}
	return nil
}

// tagColumns is the action of --tag-column.
func (o *convertOptions) tagColumns(_ *cli.Context, columns []int) error {
	for _, n := range columns {
		if n < 1 {
			return cmdline.UsageError("--tag-column must be at least 1, not %d", n)
		}
	}
	o.how.TagColumns = columns
	return nil
}

// check completes the options.
func (o *convertOptions) check() error {
	if len(o.files) == 0 {
		o.files = []string{"-"}
	}
	switch o.split {
	case "", "sentence":
		if o.how.Pretokenized && o.split != "" {
			return cmdline.UsageError("--split sentence needs texts as people write them: leave out --pretokenized, or use --split line or none")
		}
	case "line":
		o.how.Split = corpus.ByLine
	case "none":
		o.how.Split = corpus.NoSplit
	default:
		return cmdline.UsageError("--split must be sentence, line or none, not %q", o.split)
	}
	counting := slices.Index(corpus.Countings, o.offsets)
	if counting < 0 {
		return cmdline.UsageError("--offsets must be codepoints, utf16 or graphemes, not %q", o.offsets)
	}
	o.how.Offsets = corpus.Counting(counting)
	if o.format != "" && !slices.Contains(corpus.InputFormats, o.format) {
		return cmdline.UsageError("--format must be one of %s, not %q", strings.Join(corpus.InputFormats, ", "), o.format)
	}
	if o.documents != "" && o.how.Pretokenized {
		return cmdline.UsageError("--documents does nothing with --pretokenized: such rows have no documents")
	}
	return nil
}

func convert(ctx context.Context, std cmdline.Streams, o *convertOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	questions, err := o.questions()
	if err != nil {
		return err
	}
	found, left, err := inputs.Find(o.files, o.format == "")
	if err != nil {
		return err
	}
	names := make([]string, 0, len(found))
	for _, in := range found {
		names = append(names, in.Files()...)
	}
	if err := o.target.Check("mrc-ner.", "", names...); err != nil {
		return err
	}
	c := conversion{ctx: ctx, o: o, inputs: found}
	if text := left.String(); text != "" {
		c.remarks = append(c.remarks, text)
	}
	c.meter = progress.NewOf("files", std.Err, std.Name, o.progress)
	c.meter.Total(len(found))
	var n, rows int
	err = c.writeDocuments(func() error {
		return o.target.Write(std, "mrc-ner.", "", func(w io.Writer) (err error) {
			n, rows, err = mrc.Write(w, c.name(), c.sentences(), questions)
			return err
		})
	})
	c.meter.Close()
	switch {
	case errors.Is(err, mrc.ErrNoLabels):
		return fault.WithHint(err, "name the labels to ask for with --data-name or --labels (ner-prompt labels --new makes a catalogue)")
	case errors.Is(err, corpus.ErrNoColumn):
		return fault.WithHint(err, "name the columns with --text-column and --id-column")
	case errors.Is(err, corpus.ErrInsideToken):
		return fault.WithHint(err, "leave out --pretokenized: then an entity may be any part of the text")
	case err != nil:
		return err
	}
	for _, remark := range c.remarks {
		std.Note("%s", remark)
	}
	c.tell(std, n, rows)
	return nil
}

// adviseLayout adds to an error about the columns of a file which flags help.
func adviseLayout(err error) error {
	layout, ok := errors.AsType[*corpus.LayoutError](err)
	if !ok {
		return err
	}
	switch layout.Need {
	case corpus.NeedTokenColumn:
		return fault.WithHint(err, "name the column of the tokens with --token-column N")
	case corpus.NeedTagNames:
		return fault.WithHint(err, "name them in order, starting with number 0: --tag-names O,B-PER,I-PER")
	case corpus.NeedLabel:
		return fault.WithHint(err, "name the label of these entities with --label LABEL")
	}
	if len(layout.Columns) == 0 {
		return fault.WithHint(err, "a tag is O, or one of B I E S L U M W, a hyphen and a label; if it is in another column, name that column with --tag-column N")
	}
	flags := make([]string, len(layout.Columns))
	for i, n := range layout.Columns {
		flags[i] = fmt.Sprintf("--tag-column %d", n)
	}
	return fault.WithHint(err, fmt.Sprintf("choose one, for example with %s, or read the entities of all: %s", flags[0], strings.Join(flags, " ")))
}

// questions returns the questions to ask, nil to ask for the labels found, and prepares the
// reading of labels.
func (o *convertOptions) questions() (questions []mrc.Query, err error) {
	if !o.labels.Given() {
		return nil, nil
	}
	set, err := o.labels.Read()
	if err != nil {
		return nil, err
	}
	for _, label := range set.Labels {
		questions = append(questions, mrc.Query{Label: label.Key, Words: label.Description})
	}
	o.how.Label = func(key string) (string, error) {
		label, err := set.Label(key)
		return label.Key, fault.WithHint(err, "give a catalogue that contains it with --labels FILE, or leave out --data-name to use the labels found")
	}
	return questions, nil
}

// conversion reads the inputs one after the other.
type conversion struct {
	ctx    context.Context
	o      *convertOptions
	inputs []inputs.Input
	meter  *progress.Meter

	save      func(id, text string) error // keeps a document; nil to keep none
	ids       map[string]bool
	documents int
	formats   map[string]int // detected: how many files
	remarks   []string       // on what was skipped, merged or guessed
}

// name returns a name for all inputs, for messages.
func (c *conversion) name() string {
	if len(c.o.files) == 1 {
		return cmdline.InputName(c.o.files[0])
	}
	return english.Count(len(c.inputs), "file")
}

// sentences returns the sentences of all inputs.
func (c *conversion) sentences() iter.Seq2[*corpus.Sentence, error] {
	c.formats = map[string]int{}
	c.ids = map[string]bool{}
	c.o.how.Document = c.document
	return func(yield func(*corpus.Sentence, error) bool) {
		for _, in := range c.inputs {
			if !c.read(in, yield) {
				return
			}
			c.meter.Done(false)
		}
	}
}

// read yields the sentences of one input, and reports whether to continue.
func (c *conversion) read(in inputs.Input, yield func(*corpus.Sentence, error) bool) bool {
	how := c.o.how
	how.Remarks = &corpus.Remarks{}
	r, err := in.Open(c.ctx, c.o.format, how)
	if err != nil {
		yield(nil, err)
		return false
	}
	defer r.Close()
	c.formats[r.Format]++
	for s, err := range r.Sentences {
		err = adviseLayout(err)
		if err != nil && r.Format == "" {
			err = fault.WithHint(err, fault.Hint(err)+"; if the file is running text without tags, use --format text")
		}
		if !yield(s, err) || err != nil {
			return false
		}
	}
	if remarks := how.Remarks.String(); remarks != "" {
		c.remarks = append(c.remarks, r.Name+": "+remarks)
	}
	return true
}

// document keeps a document.
func (c *conversion) document(id, text string) error {
	if c.ids[id] {
		return fault.WithHint(errors.New("a second document with the id \""+id+"\""), "give each document an id of its own; a column with ids is named by --id-column")
	}
	c.ids[strings.Clone(id)] = true
	c.documents++
	if c.save == nil {
		return nil
	}
	return c.save(id, text)
}

func (c *conversion) tell(std cmdline.Streams, sentences, rows int) {
	counts := english.Count(sentences, "sentence") + ", " + english.Count(rows, "row")
	if c.documents > 0 {
		counts = english.Count(c.documents, "document") + ", " + counts
	}
	if n := c.formats["markup"]; n > 0 && c.o.format == "" {
		counts += "; read as inline markup"
	}
	std.Note("%s", counts)
}

// documentsPath returns the file for the documents, "" for none.
func (o *convertOptions) documentsPath() string {
	switch {
	case o.documents != "" || o.how.Pretokenized:
		return o.documents
	case o.target.Name == "":
		return ""
	}
	return filepath.Join(cmp.Or(o.target.Dir, "."), o.target.Name+".documents.jsonl")
}
