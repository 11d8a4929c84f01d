package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/answers"
	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/cost"
	"nertools/cmd/internal/dataset"
	"nertools/pkg/annotate"
	"nertools/pkg/corpus"
	"nertools/pkg/durable"
	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/mrc"
)

// A format is one of what --format names.
type format struct {
	name   string
	folder bool // it writes a folder, which has to be named
	write  func(c *cli.Context, j *answers.Joined, target string) error
}

// check finds out whether the target can be written and what the format needs is
// there, before the answers come.
func (f format) check(c *cli.Context, target string) error {
	if f.name == "html" {
		if _, err := cost.Table(c); err != nil {
			return err
		}
	}
	switch {
	case target == "":
		return nil
	case !f.folder:
		return durable.CheckReplace(target)
	}
	if _, err := os.Lstat(target); err == nil {
		return &fault.Error{File: target, Err: errors.New("exists"), Hint: "remove it, or name a new folder"}
	}
	return nil
}

const formatNames = "text (a line a row), jsonl, conll, spacy, brat, labelstudio, csv, html"

func formatOf(c *cli.Context) (format, error) {
	formats := []format{
		{name: "text", write: writeText},
		{name: "jsonl", write: sentences(func(w io.Writer, _ *answers.Joined) *corpus.Encoder { return corpus.NewJSONL(w) })},
		{name: "conll", write: sentences(func(w io.Writer, j *answers.Joined) *corpus.Encoder {
			return corpus.NewCoNLL(w, scheme(c), j.Order)
		})},
		{name: "spacy", write: sentences(func(w io.Writer, j *answers.Joined) *corpus.Encoder { return corpus.NewSpaCy(w, j.Order) })},
		{name: "brat", folder: true, write: writeBrat},
		{name: "labelstudio", write: writeLabelStudio},
		{name: "csv", write: sentences(func(w io.Writer, _ *answers.Joined) *corpus.Encoder { return corpus.NewCSV(w) })},
		{name: "html", write: writeHTML},
	}
	name := strings.ToLower(c.String("format"))
	i := slices.IndexFunc(formats, func(f format) bool { return f.name == name })
	switch {
	case i < 0:
		return format{}, cmdline.UsageError("--format %s: one of %s", c.String("format"), formatNames)
	case formats[i].folder && c.String("write-name") == "":
		return format{}, cmdline.UsageError("--format %s writes a folder: name it with --write-name", name)
	}
	switch strings.ToLower(c.String("scheme")) {
	case "bio", "bioes":
	default:
		return format{}, cmdline.UsageError("--scheme %s: bio or bioes", c.String("scheme"))
	}
	return formats[i], nil
}

func scheme(c *cli.Context) corpus.Scheme {
	if strings.EqualFold(c.String("scheme"), "bioes") {
		return corpus.BIOES
	}
	return corpus.BIO
}

// writeText writes the results file anew, as --verdicts has changed it; without
// results, the one that would be right.
func writeText(c *cli.Context, j *answers.Joined, target string) error {
	if j.Results != nil {
		return write(target, j.Results.WriteText)
	}
	lines := make([]string, j.Rows.Len())
	err := each(c, j, func(s *annotate.Annotation) error {
		for _, a := range s.Answers {
			spans, _ := markup.Place(nil, a.Gold, len(s.Tokens))
			lines[a.Row] = string(markup.AppendMarked(nil, s.Tokens, spans))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return write(target, func(w io.Writer) error {
		out := bufio.NewWriter(w)
		for _, line := range lines {
			out.WriteString(line)
			out.WriteByte('\n')
		}
		return out.Flush()
	})
}

// sentences writes one of the formats that a sentence after the other makes up.
func sentences(open func(w io.Writer, j *answers.Joined) *corpus.Encoder) func(c *cli.Context, j *answers.Joined, target string) error {
	return func(c *cli.Context, j *answers.Joined, target string) error {
		var left, empty int
		err := write(target, func(w io.Writer) error {
			out := open(w, j)
			if err := each(c, j, func(s *annotate.Annotation) error { return out.Add(&s.Sentence) }); err != nil {
				return err
			}
			left, empty = out.Left(), out.Empty()
			return out.Close()
		})
		if err == nil && left > 0 {
			cmdline.Say(c, "left out %d of the entities: this format holds none that overlap, and the longest goes first, then the first label", left)
		}
		if err == nil && empty > 0 {
			cmdline.Say(c, "left out %d of the sentences: this format holds none without a token", empty)
		}
		return err
	}
}

func writeLabelStudio(c *cli.Context, j *answers.Joined, target string) error {
	write := sentences(func(w io.Writer, _ *answers.Joined) *corpus.Encoder { return corpus.NewLabelStudio(w) })
	if err := write(c, j, target); err != nil {
		return err
	}
	cmdline.Show(c, "a project that imports it needs this labelling interface:", corpus.LabelStudioConfig(j.Labels()))
	return nil
}

func writeBrat(c *cli.Context, j *answers.Joined, target string) error {
	return corpus.WriteBrat(target, j.Labels(), func(add func(*corpus.Sentence) error) error {
		return each(c, j, func(s *annotate.Annotation) error { return add(&s.Sentence) })
	})
}

// each goes through the sentences, of which Ctrl-C loses none: what has been
// read is written.
func each(c *cli.Context, j *answers.Joined, emit func(*annotate.Annotation) error) error {
	copied := 0
	var unread unreadAnswers
	var unusable unusableGold
	err := j.Each(context.WithoutCancel(c.Context), func(s *annotate.Annotation) error {
		for _, u := range s.Unused {
			if u.Reason == markup.Copied {
				copied++
			}
		}
		unread.count(s)
		unusable.count(s)
		return emit(s)
	})
	if err == nil && copied > 0 && j.Assumed != "" {
		cmdline.Say(c, "%d of what the answers mark was copied from demonstrations, if the prompts showed the first %d that %s names (else say with --example-num how many; 0: none)",
			copied, c.Int("example-num"), j.Assumed)
	}
	if err == nil {
		unread.report(c)
	}
	if err == nil && unusable.spans > 0 && (c.String("gold") != "" || j.Results == nil) {
		err = unusable.report(c, j.Rows)
	}
	return err
}

// unreadAnswers counts the answers that can't be read, and those that can be read only in part.
type unreadAnswers struct{ whole, part int }

func (u *unreadAnswers) count(s *annotate.Annotation) {
	for _, f := range s.Forms {
		switch {
		case f.Class == markup.Unreadable:
			u.whole++
		case f.Damage&(markup.Unread|markup.CutOff) != 0:
			u.part++
		}
	}
}

func (u *unreadAnswers) report(c *cli.Context) {
	if u.whole+u.part > 0 {
		cmdline.Say(c, "lists that cannot be read: %d; lists of which only a part can be read: %d (--format jsonl shows which)", u.whole, u.part)
	}
}

// unusableGold counts the gold spans that can't be in their sentences.
type unusableGold struct{ spans, rows, first int }

func (u *unusableGold) count(s *annotate.Annotation) {
	for _, a := range s.Answers {
		if a.UnusableGold == 0 {
			continue
		}
		if u.rows == 0 || a.Row < u.first {
			u.first = a.Row
		}
		u.spans += a.UnusableGold
		u.rows++
	}
}

// report says what is wrong with the gold spans, as an error with --strict.
func (u *unusableGold) report(c *cli.Context, file *mrc.File) error {
	e := &fault.Error{File: file.Name(), Line: file.Line(u.first),
		Err:  fmt.Errorf("gold spans that are not in their sentences: %d, in %d rows, the first in row %d; they count nowhere", u.spans, u.rows, u.first),
		Hint: "start_position and end_position are lists of token indexes from 0, equally long, and an end is the last token of its entity"}
	if c.Bool("strict") {
		return e
	}
	cmdline.Say(c, "%s", e)
	cmdline.Say(c, "%s (--strict makes this an error)", e.Hint)
	return nil
}

// gold writes what an MRC file marks.
func gold(c *cli.Context) error {
	format, err := formatOf(c)
	if err != nil {
		return err
	}
	switch {
	case c.NArg() != 1:
		return cmdline.UsageError("name the MRC file to read")
	case format.name == "html":
		return cmdline.UsageError("--format html shows results, and there are none")
	}
	target, err := targetFile(c)
	if err != nil {
		return err
	}
	if err := cmdline.CheckFiles(target, c.Args().First(), c.String("labels")); err != nil {
		return err
	}
	if err := format.check(c, target); err != nil {
		return err
	}
	rows, err := mrc.Open(c.Args().First())
	if err != nil {
		return err
	}
	defer rows.Close()
	j := &answers.Joined{Rows: rows}
	if j.Joined, err = annotate.Gold(rows); err != nil {
		return err
	}
	set, err := dataset.Named(c)
	if err != nil {
		return err
	}
	if set != nil {
		j.Order = dataset.Order(set)
	}
	return format.write(c, j, target)
}
