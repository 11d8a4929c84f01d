package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/durable"
	"nertools/pkg/fault"
	"nertools/pkg/online"
	"nertools/pkg/record"
	"nertools/pkg/resume"
	"nertools/pkg/wire"
)

// files are the results of this run and of earlier ones.
type files struct {
	path    string
	journal *durable.Journal // nil when the results go to stdout
	output  *online.ResultsFile
	reorder bool
	resumed bool // the output holds results of earlier runs that count
	earlier []*os.File
}

// openFiles sets up where r's results go and what it need not ask.
func openFiles(c *cli.Context, r *online.Run) (*files, error) {
	f := &files{path: c.String("output"), reorder: c.Bool("keep-order")}
	if f.path == "-" {
		f.path = ""
	}
	if err := f.open(c, r); err != nil {
		f.reorder = false
		return nil, f.close(err)
	}
	for _, damage := range r.Earlier.Damage() {
		cmdline.SayDamage(c, damage)
	}
	if n := r.Earlier.Unsigned(); n > 0 {
		cmdline.Say(c, "%d earlier answers do not tell how they were asked: taken as asked with the same settings", n)
	}
	return f, nil
}

func (f *files) open(c *cli.Context, r *online.Run) error {
	r.Earlier = resume.New()
	r.Earlier.Judge = r.Judge
	r.Output, r.KeepOrder = online.Stream{W: os.Stdout}, f.reorder
	if f.path == "" {
		if err := cmdline.CheckStdout(); err != nil {
			return err
		}
	} else if err := f.openOutput(c, r); err != nil {
		return err
	}
	for _, path := range c.StringSlice("resume") {
		if f.path != "" && cmdline.SameFile(path, f.path) {
			continue
		}
		if err := f.addEarlier(path, r.Earlier); err != nil {
			return err
		}
	}
	return nil
}

func (f *files) openOutput(c *cli.Context, r *online.Run) error {
	info, err := os.Stat(f.path)
	if err == nil && !info.Mode().IsRegular() {
		return &fault.Error{File: f.path, Err: errors.New("is not a regular file"), Hint: "leave out -o to write to stdout"}
	}
	f.resumed = slices.ContainsFunc(c.StringSlice("resume"), func(path string) bool { return cmdline.SameFile(path, f.path) })
	if err == nil && info.Size() > 0 && !f.resumed {
		return &fault.Error{File: f.path, Err: errors.New("holds results already"),
			Hint: "go on with it by --resume " + f.path + ", or write to another file"}
	}
	journal, torn, err := durable.OpenJournal(f.path, record.ResultBegin, func(line []byte) bool {
		_, err := new(wire.Judge).ParseResult(line)
		return err == nil
	})
	if errors.Is(err, durable.ErrForeign) {
		return fault.WithHint(err, "this is no file of results: write to another one with -o")
	}
	if errors.Is(err, durable.ErrLocked) {
		return cmdline.Exit(cmdline.Locked, fault.WithHint(err, "wait until the other run has ended, or write to another file"))
	}
	if err != nil {
		return err
	}
	f.journal = journal
	f.output = online.NewResultsFile(journal, f.reorder)
	// A file's rows are put in order at its end: until then it has to hold what
	// there is, in whatever order.
	r.Output, r.KeepOrder = f.output, false
	if torn > 0 {
		cmdline.Say(c, "%s: dropped its last line, which was not finished", f.path)
	}
	if !f.resumed {
		return nil
	}
	r.Own = true
	return r.Earlier.Add(f.path, journal, journal.Size(), true)
}

// changed saves what can be saved of an output that somebody else has changed,
// and says where it is and how to continue.
func (f *files) changed(err error) error {
	e, ok := errors.AsType[*durable.ChangedError](err)
	switch {
	case !ok:
		return err
	case !e.Gone:
		return fault.WithHint(err, "to continue, run the same command with --resume "+f.path+": answers that are gone are asked for again")
	case f.journal.Size() == 0:
		return err
	}
	saved, failed := f.journal.Rescue()
	if failed != nil {
		return errors.Join(err, fmt.Errorf("save what was written to it: %w", failed))
	}
	return fault.WithHint(err, "what was written to it is in "+saved+"; to continue, run the same command with --resume "+saved)
}

func (f *files) addEarlier(path string, earlier *resume.Answers) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	f.earlier = append(f.earlier, file)
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return earlier.Add(path, file, info.Size(), false)
}

// goOn says how to continue after the run has ended early.
func (f *files) goOn() string {
	switch {
	case f.path == "":
		return "to continue, run the same command with --resume FILE, where FILE holds these results"
	case f.resumed:
		return "to continue, run the same command again"
	}
	return "to continue, run the same command with --resume " + f.path
}

// watch calls stop, from another goroutine, if somebody else changes the output.
func (f *files) watch(stop context.CancelCauseFunc) {
	if f.journal != nil {
		f.journal.Watch(stop)
	}
}

// close puts the output in order, if need be. err is how the run ended; close
// adds how to continue, and what is wrong if the output does not hold what was
// written to it.
func (f *files) close(err error) error {
	if errors.Is(err, context.Canceled) || f.journal != nil && fault.Hint(err) == "" {
		err = fault.WithHint(err, f.goOn()) // none for a nil err
	}
	for _, file := range f.earlier {
		file.Close()
	}
	if f.journal == nil {
		return err
	}
	switch changed := f.journal.Check(); {
	case changed != nil:
		if _, ok := errors.AsType[*durable.ChangedError](err); ok {
			err = nil // said again, with what became of the results
		}
		err = errors.Join(err, f.changed(changed))
	case f.reorder:
		err = errors.Join(err, f.output.Reorder(f.path))
	}
	return errors.Join(err, f.journal.Close())
}
