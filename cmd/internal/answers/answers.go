// Package answers is what the programs that work with answers have in common:
// how result files are read and joined with the rows that they answer.
package answers

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
	"nertools/pkg/annotate"
	"nertools/pkg/collect"
	"nertools/pkg/fault"
	"nertools/pkg/mrc"
	"nertools/pkg/verify"
)

// Joined is results and the rows that they answer.
type Joined struct {
	*annotate.Job
	Rows  *mrc.File // nil where the records tell their sentences
	close []func() error
}

// Close closes the files.
func (j *Joined) Close() {
	for _, f := range j.close {
		_ = f() // it was only read
	}
}

// Join reads result files and joins them with the MRC file that the flags name:
// --gold, or else the source. The caller closes what it returns.
func Join(c *cli.Context, results *collect.Results, files []string) (_ *Joined, err error) {
	j := new(Joined)
	defer func() {
		if err != nil {
			j.Close()
		}
	}()
	if j.Rows, err = openRows(c); err != nil {
		return j, err
	}
	rows := 0
	if j.Rows != nil {
		j.close = append(j.close, j.Rows.Close)
		rows = j.Rows.Len()
	}
	results.Sources = true
	if err := Read(c, results, files, rows); err != nil {
		return j, err
	}
	if results.Len() == 0 {
		return j, None(c)
	}
	if j.Rows == nil {
		var lost int
		if j.Job, lost, err = annotate.FromRecords(results); err != nil {
			return j, err
		}
		if lost > 0 {
			cmdline.Say(c, "%d rows have no record and so no sentence: they are left out (--source-dir and --source-name give their sentences)", lost)
		}
	} else if err := j.fromFile(c, results); err != nil {
		return j, err
	}
	if j.Order, err = dataset.Order(c); err != nil {
		return j, err
	}
	return j, nil
}

func openRows(c *cli.Context) (*mrc.File, error) {
	switch {
	case c.String("gold") != "":
		return mrc.Open(c.String("gold"))
	case c.IsSet("source-dir") || c.IsSet("source-name"):
		return dataset.OpenSource(c)
	}
	return nil, nil
}

func (j *Joined) fromFile(c *cli.Context, results *collect.Results) (err error) {
	if !results.TotalKnown() {
		if err := results.SetTotal(j.Rows.Len(), j.Rows.Name()); err != nil {
			return err
		}
	}
	if j.Job, err = annotate.FromFile(results, j.Rows); err != nil {
		return err
	}
	if n := results.Len(); n < j.Rows.Len() {
		cmdline.Say(c, "the results are of the first %d of the %d rows of %s", n, j.Rows.Len(), j.Rows.Name())
	}
	return nil
}

// Demonstrations opens what the prompts showed, where a flag says so, so that what
// an answer copied from there can be told.
func (j *Joined) Demonstrations(c *cli.Context) error {
	if j.Rows == nil || c.Int("example-num") == 0 || !slices.ContainsFunc([]string{"train-name", "example-dir", "example-name", "example-num"}, c.IsSet) {
		return nil
	}
	train, neighbours, err := dataset.OpenExamples(c, j.Results.Len())
	if err != nil {
		return err
	}
	j.close = append(j.close, train.Close, neighbours.Close)
	j.Shown = (&annotate.Demonstrations{Train: train, Neighbours: neighbours, Num: c.Int("example-num")}).Shown
	return nil
}

// Candidates are the entities that were found, in the order of the rows. They
// share memory with the file.
func (j *Joined) Candidates(ctx context.Context) ([]verify.Candidate, error) {
	var list []verify.Candidate
	err := j.Each(ctx, func(s *annotate.Sentence) error {
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

// Source names the source that the results are of.
func (j *Joined) Source(c *cli.Context) string {
	return cmp.Or(j.Results.Source(), c.String("source-name"))
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
func Read(c *cli.Context, results *collect.Results, files []string, rows int) error {
	if c.IsSet("total") {
		if err := results.SetTotal(c.Int("total"), "--total"); err != nil {
			return err
		}
	}
	// The answers may take hours to come: what else is needed must be there.
	var last io.ReadCloser
	var lastName string
	if file := c.String("last-results"); file != "" {
		var err error
		if last, lastName, err = cmdline.Open(file); err != nil {
			return err
		}
		defer last.Close()
	}
	for _, file := range files {
		if err := read(c, results, file, rows, len(files) == 1 && last == nil); err != nil {
			return err
		}
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
	torn, err := results.Read(name, in)
	if torn > 0 {
		cmdline.Say(c, "%s:%d: passed over the last line: its writer was stopped in the middle of it", name, torn)
	}
	return err
}

func readLines(c *cli.Context, results *collect.Results, name string, in io.Reader, rows int) error {
	if !c.IsSet("total") {
		if err := results.SetTotal(rows, "the MRC file"); err != nil {
			return err
		}
	}
	return results.LayOver(name, in)
}
