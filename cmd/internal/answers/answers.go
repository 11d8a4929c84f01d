// Package answers is what the programs that work with answers have in common:
// how result files are read and joined with the rows that they answer.
package answers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/dataset"
	"nertools/cmd/internal/finish"
	"nertools/pkg/annotate"
	"nertools/pkg/catalog"
	"nertools/pkg/collect"
	"nertools/pkg/fault"
	"nertools/pkg/mrc"
	"nertools/pkg/verify"
	"nertools/pkg/wire"
)

// Joined is results and the rows that they answer.
type Joined struct {
	*annotate.Joined
	Rows  *mrc.File        // nil where the records tell their sentences
	set   *catalog.DataSet // that the flags name, if any
	close []func() error

	shown func(row int) func(text string) bool
	// Assumed is the kNN file that says what the prompts showed where no flag
	// does, else "".
	Assumed string
}

// Open opens what results are to be joined with: the MRC file that --gold names,
// or else the flags of the source. The answers may take hours to come: what else
// is needed must be there before. The caller closes what it returns.
func Open(c *cli.Context) (_ *Joined, err error) {
	j := new(Joined)
	switch {
	case c.String("gold") != "":
		j.Rows, err = mrc.Open(c.String("gold"))
	case c.IsSet("source-dir") || c.IsSet("source-name"):
		j.Rows, err = dataset.OpenSource(c)
	}
	if err != nil {
		return nil, err
	}
	if j.Rows != nil {
		j.close = append(j.close, j.Rows.Close)
	}
	if j.set, err = dataset.Named(c); err != nil {
		j.Close()
		return nil, err
	}
	return j, nil
}

// Close closes the files.
func (j *Joined) Close() {
	for _, f := range j.close {
		_ = f() // it was only read
	}
}

// Demonstrations opens what the prompts showed, so that [Joined.TellCopies] can
// tell what an answer copied from there. Where no flag says what that is, it is
// taken to be what ner-prompt shows by default, if the files for it are there;
// should they not belong to the rows, that is said, and is no error.
func (j *Joined) Demonstrations(c *cli.Context) error {
	if j.Rows == nil || c.Int("example-num") == 0 {
		return nil
	}
	dir, name := place(c)
	asked := dataset.ExamplesAsked(c)
	if !asked && !dataset.HaveExamples(c, dir, name) {
		return nil
	}
	train, neighbours, err := dataset.OpenExamplesOf(c, dir, name, cmp.Or(c.Int("total"), j.Rows.Len()))
	if err == nil && !asked && neighbours.More() && !c.IsSet("total") {
		err = fmt.Errorf("%s has more lines than %s has rows", neighbours.Name(), j.Rows.Name())
		_, _ = train.Close(), neighbours.Close() // they were only read
	}
	switch {
	case err != nil && asked:
		return err
	case err != nil:
		cmdline.Say(c, "%v: what answers copied from demonstrations is not told apart", err)
		return nil
	case !asked:
		j.Assumed = neighbours.Name()
	}
	j.close = append(j.close, train.Close, neighbours.Close)
	j.shown = (&annotate.Demonstrations{Train: train, Neighbours: neighbours, Num: c.Int("example-num")}).Shown
	return nil
}

// place is the folder of the data set and the name of the source in it: what the
// flags of the source say, or else the name of the --gold file.
func place(c *cli.Context) (dir, name string) {
	dir, file := filepath.Split(c.String("gold"))
	name, ok := strings.CutPrefix(file, "mrc-ner.")
	if !ok || c.IsSet("source-dir") || c.IsSet("source-name") {
		return c.String("source-dir"), c.String("source-name")
	}
	return dir, name
}

// TellCopies makes the sentences tell what was copied from the demonstrations
// that are open. Verdicts are to be settled before: ner-prompt verify, which has
// asked for them, knows no demonstrations.
func (j *Joined) TellCopies() { j.Shown = j.shown }

// Read reads result files and joins them with what is open.
func (j *Joined) Read(c *cli.Context, results *collect.Results, files []string) (err error) {
	rows := 0
	if j.Rows != nil {
		rows = j.Rows.Len()
	}
	results.Sources = true
	if results.Judge, err = judge(c); err != nil {
		return err
	}
	if j.Rows != nil {
		results.Judge.Sentence = j.sentence
	}
	if err := Read(c, results, files, rows); err != nil {
		return err
	}
	if results.Len() == 0 {
		return None(c)
	}
	if err := j.join(c, results); err != nil {
		return err
	}
	if j.set != nil {
		j.Order = dataset.Order(j.set)
		j.Names = annotate.Names(j.Labels(), *j.set)
	}
	return nil
}

func (j *Joined) join(c *cli.Context, results *collect.Results) (err error) {
	if j.Rows == nil {
		var lost int
		if j.Joined, lost, err = annotate.FromRecords(results); err == nil && lost > 0 {
			cmdline.Say(c, "rows without an answer whose sentence no record tells: %d; they are left out (--source-dir and --source-name give their sentences)", lost)
		}
		return err
	}
	if !results.TotalKnown() {
		if err := results.SetTotal(j.Rows.Len(), j.Rows.Name()); err != nil {
			return err
		}
	}
	if j.Joined, err = annotate.FromFile(results, j.Rows); err != nil {
		return err
	}
	if n := results.Len(); n < j.Rows.Len() {
		cmdline.Say(c, "the results are of the first %d of the %d rows of %s", n, j.Rows.Len(), j.Rows.Name())
	}
	return nil
}

// judge decides which answers count, as the flags say.
func judge(c *cli.Context) (*wire.Judge, error) {
	return finish.Judge(c, func(s string) { cmdline.Say(c, "%s", s) })
}

// sentence returns the sentence of a row, or "" if there is no such row.
func (j *Joined) sentence(row int) (sentence string) {
	if row >= j.Rows.Len() {
		return ""
	}
	var r mrc.Row
	if err := j.Rows.Decode(row, &r); err != nil {
		return ""
	}
	return r.Context
}

// Candidates are the entities that were found, in the order of the rows. They
// share memory with the file.
func (j *Joined) Candidates(ctx context.Context) ([]verify.Candidate, error) {
	var list []verify.Candidate
	err := j.Each(ctx, func(s *annotate.Annotation) error {
		for _, a := range s.Answers {
			for _, f := range a.Found {
				list = append(list, verify.Candidate{Row: a.Row, Label: a.Label, Context: s.Text, Span: f.Span,
					Text: strings.Join(s.Tokens[f.Start:f.End], " ")})
			}
		}
		return nil
	})
	slices.SortStableFunc(list, func(a, b verify.Candidate) int { return cmp.Compare(a.Row, b.Row) })
	return list, err
}

// Source names the source that the results are of: what their ids say, or else
// the MRC file's name.
func (j *Joined) Source() string {
	if name := j.Results.Source(); name != "" || j.Rows == nil {
		return name
	}
	return strings.TrimPrefix(filepath.Base(j.Rows.Name()), "mrc-ner.")
}

// None is the error of having no results at all.
func None(c *cli.Context) error {
	if err := c.Context.Err(); err != nil {
		return err
	}
	return fault.WithHint(errors.New("no result records to collect"),
		"see what the program that should have written them says; --total N would take all N rows for missing")
}

// Read reads result files, and what the flags --total and --last-results, where a
// program has them, add. A results file, a line a row, does instead of records
// where results keep their sources and the rows are known from elsewhere: rows is
// how many there are.
//
// Ctrl-C ends it, but for stdin, which is read to its end: what else was to be
// read then is left out.
func Read(c *cli.Context, results *collect.Results, files []string, rows int) (err error) {
	if results.Judge == nil {
		if results.Judge, err = judge(c); err != nil {
			return err
		}
	}
	if c.IsSet("total") {
		if c.Int("total") <= 0 {
			return cmdline.UsageError("--total %d: a number of rows from 1", c.Int("total"))
		}
		if err := results.SetTotal(c.Int("total"), "--total"); err != nil {
			return err
		}
	}
	// The answers may take hours to come: what else is needed must be there.
	var last io.ReadCloser
	var lastName string
	if file := c.String("last-results"); file != "" {
		if last, lastName, err = cmdline.Open(file); err != nil {
			return err
		}
		defer last.Close()
	}
	stdin := false // has been read
	for _, file := range files {
		err := read(c, results, file, rows, len(files) == 1 && last == nil)
		if errors.Is(err, context.Canceled) && stdin {
			break
		}
		if err != nil {
			return err
		}
		stdin = stdin || file == "-"
	}
	if err := results.Plausible(); err != nil {
		return err
	}
	if last != nil {
		return results.LayOver(lastName, last)
	}
	return nil
}

func read(c *cli.Context, results *collect.Results, file string, rows int, alone bool) error {
	r, name, err := cmdline.Open(file)
	if err != nil {
		return err
	}
	defer r.Close()
	in := io.Reader(r)
	if file != "-" {
		in = cmdline.Interruptible(c.Context, r)
	} else {
		defer context.AfterFunc(c.Context, func() {
			cmdline.Say(c, "interrupted: reading stdin to its end (once more: stop at once)")
		})()
	}
	if results.Sources {
		var lines bool
		if in, lines, err = collect.Sniff(in); err != nil {
			return err
		}
		switch {
		case lines && !alone:
			return cmdline.UsageError("%s is a results file, not records: give it alone", name)
		case lines && rows == 0:
			return &fault.Error{File: name, Err: errors.New("not result records; a results file, a line a row, does not tell its sentences"),
				Hint: "name the MRC file that the prompts were made from with --source-dir and --source-name"}
		case lines:
			return readLines(c, results, name, in, rows)
		}
	}
	damage, err := results.Read(name, in)
	cmdline.SayDamage(c, damage)
	return err
}

func readLines(c *cli.Context, results *collect.Results, name string, in io.Reader, rows int) error {
	if !c.IsSet("total") {
		if err := results.SetTotal(rows, "the MRC file"); err != nil {
			return err
		}
	}
	if err := results.LayOver(name, in); err != nil {
		return err
	}
	if sum := results.Sum(); sum.Kept < sum.Rows {
		cmdline.Say(c, "%s has %d lines for %d rows: the others count as missing (--total N says that it is of the first N rows)", name, sum.Kept, sum.Rows)
	}
	return nil
}
