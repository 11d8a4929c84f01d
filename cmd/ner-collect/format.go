package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
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

	per       string // "sentence" or "document"
	documents string // their file; "" for the one beside the MRC file

	gold  bool // write the gold entities, of rows that were answered
	tags  corpus.Scheme
	table *price.Table
}

const perSentence, perDocument = "sentence", "document"

// wholeFormats are the formats that whole documents can be written in.
var wholeFormats = []string{"jsonl", "spacy", "brat", "labelstudio", "csv"}

const formatNames = "text, jsonl, conll, spacy, brat, labelstudio, csv or html"

func (o *output) flags() []cli.Flag {
	return clidoc.Group("output", append([]cli.Flag{
		&cli.StringFlag{Name: "format", Value: "text", Destination: &o.format, Usage: "use `FORMAT` " + formatNames},
		&cli.StringFlag{Name: "scheme", Value: "bio", Destination: &o.scheme, Usage: "tag conll output with `SCHEME`: bio or bioes"},
		&cli.StringFlag{Name: "per", Value: perSentence, Destination: &o.per, Usage: "write one text per `UNIT`: sentence or document (text rows only)"},
		&cli.StringFlag{Name: "documents", Destination: &o.documents, DefaultText: "NAME.documents.jsonl", Usage: "read the whole documents from `FILE`"},
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
	switch o.per {
	case "", perSentence:
		if o.documents != "" {
			return cmdline.UsageError("--documents is read only with --per document")
		}
	case perDocument:
		if !slices.Contains(wholeFormats, o.format) {
			return cmdline.UsageError("--per document needs --format jsonl, spacy, brat, labelstudio or csv, not %s", o.format)
		}
	default:
		return cmdline.UsageError("--per must be sentence or document, not %q", o.per)
	}
	if o.tags, err = corpus.ParseScheme(o.scheme); err != nil {
		return cmdline.UsageError("--scheme must be bio or bioes, not %q", o.scheme)
	}
	inputs = append(inputs, o.prices.File, o.documents)
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
	if err == nil && o.format == "labelstudio" {
		err = o.target.Check("", configSuffix, inputs...)
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
	// each passes the sentences to add, or the documents that they are from.
	each := func(add func(*corpus.Sentence) error) error {
		close := func() error { return nil }
		if o.per == perDocument {
			in, err := o.openDocuments(j)
			if err != nil {
				return err
			}
			defer in.Close()
			documents := corpus.NewDocuments(in.Name(), cmdline.Interruptible(ctx, in), add)
			add, close = documents.Add, func() error { return documents.Close(j.AllRows()) }
		}
		err := j.Each(ctx, func(s *annotate.Annotation) error { return add(o.sentence(s, j.HasGold)) })
		if err == nil {
			err = close()
		}
		if err != nil {
			return err
		}
		return tellNotes(std, j, o.strict)
	}
	switch o.format {
	case "text":
		return o.target.Write(std, "", "", func(w io.Writer) error {
			err := j.WriteText(ctx, w)
			if err != nil || j.Results != nil && !j.Results.OfSentences() {
				return err
			}
			if n := j.Notes.Unused; n > 0 {
				std.Say("left out %s: the lines of the rows have only the entities found (--format jsonl shows all)", english.Count(n, "marked string"))
			}
			if n := j.Notes.Unmarked; n > 0 {
				std.Say("left out %s: a line cannot hold entities of one label that overlap; the longest one is kept", english.Count(n, "entity"))
			}
			return tellNotes(std, j, o.strict)
		})
	case "brat":
		folder, err := o.target.Path("", "")
		if err != nil {
			return err
		}
		return corpus.WriteBrat(folder, j.Labels(), each)
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
		if err := each(out.Add); err != nil {
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
	if o.format == "labelstudio" && o.target.Name != "" {
		return o.writeConfig(std, j.Labels())
	}
	if o.format == "labelstudio" {
		std.Show("set up the project that imports the file with this labelling interface:", corpus.LabelStudioConfig(j.Labels()))
	}
	return nil
}

// configSuffix is what follows the name of the output in the name of the file with Label
// Studio's labelling interface.
const configSuffix = ".config.xml"

// writeConfig writes the labelling interface that the tasks in the output need.
func (o *output) writeConfig(std cmdline.Streams, labels []string) error {
	err := o.target.Write(std, "", configSuffix, func(w io.Writer) error {
		_, err := io.WriteString(w, corpus.LabelStudioConfig(labels))
		return err
	})
	if err != nil {
		return err
	}
	path, err := o.target.Path("", configSuffix)
	std.Note("set up the project that imports the file with the labelling interface in %s", path)
	return err
}

// sentence returns the sentence to write. Where gold is known, words are split at the edges
// of gold and predicted entities.
func (o *output) sentence(s *annotate.Annotation, hasGold bool) *corpus.Sentence {
	switch {
	case o.gold:
		return &corpus.Sentence{ID: s.ID, Text: s.Text, Tokens: s.Tokens, Unit: s.Unit, Position: s.Position, Entities: s.Gold, Beside: s.Entities, Given: true}
	case hasGold:
		s.Beside = s.Gold
	}
	return &s.Sentence
}

// openDocuments opens the file of the documents.
func (o *output) openDocuments(j *answers.Joined) (*os.File, error) {
	path := o.documents
	if path == "" && j.Rows != nil {
		if dir, name, ok := mrc.Split(j.Rows.Name()); ok {
			path = mrc.DocumentsPath(dir, name)
		}
	}
	if path == "" {
		return nil, fault.WithHint(errors.New("the file of the documents is not known"), "name it with --documents, or the MRC file with --source-dir and --source-name")
	}
	in, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &fault.Error{File: path, Err: fs.ErrNotExist, Hint: "ner-prompt convert writes it beside the MRC file; name it with --documents"}
	}
	return in, err
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
	file    string   // MRC
	results []string // whose entities split words, too
	output
	labels dataset.LabelSet
}

func goldCommand() *cli.Command {
	var o goldOptions
	return &cli.Command{
		Name: "gold", Usage: "write the gold annotations of an MRC file in any format",
		UsageText: "ner-collect gold examples/news/mrc-ner.test --format conll",
		ArgsUsage: "FILE",
		Flags: slices.Concat(o.output.flags(), []cli.Flag{strictFlag(&o.strict),
			&cli.StringSliceFlag{Category: "gold annotations", Name: "results", Action: cmdline.Into(&o.results), Usage: "split words of text rows at the entities in `FILE`, too (repeatable)"},
		}, o.labels.Flags()),
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
	switch {
	case strings.EqualFold(o.format, "html"):
		return cmdline.UsageError("--format html shows results, which an MRC file does not have")
	case len(o.results) > 0 && strings.EqualFold(o.format, "text"):
		return cmdline.UsageError("--results does nothing with --format text, which has no words to split")
	}
	if err := o.check(append([]string{o.file, o.labels.Input()}, o.results...)...); err != nil {
		return err
	}
	if len(o.results) > 0 {
		return writeGoldBeside(ctx, std, o)
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

// writeGoldBeside writes the entities marked in an MRC file, with the words that the
// predicted ones have too: the CoNLL files of both have the same lines.
func writeGoldBeside(ctx context.Context, std cmdline.Streams, o *goldOptions) error {
	labels, err := o.labels.ReadGiven()
	if err != nil {
		return err
	}
	with := answers.Options{Files: o.results, Gold: o.file, Labels: o.labels}
	j, err := with.Join(ctx, std, labels)
	if err != nil {
		return err
	}
	defer j.Close()
	o.gold = true
	return o.write(ctx, std, j, nil)
}
