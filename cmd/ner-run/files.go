package main

import (
	"errors"
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
	output  *online.File
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
		return nil, errors.Join(err, f.close())
	}
	for _, name := range r.Earlier.Torn {
		cmdline.Say(c, "%s: passed over its last line, which was not finished", name)
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
	if f.path != "" {
		if err := f.openOutput(c, r); err != nil {
			return err
		}
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
	f.output = online.NewFile(journal, f.reorder)
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

// goOn says how to continue after an interruption.
func (f *files) goOn() string {
	switch {
	case f.path == "":
		return "to continue, run the same command with --resume FILE, where FILE holds these results"
	case f.resumed:
		return "to continue, run the same command again"
	}
	return "to continue, run the same command with --resume " + f.path
}

func (f *files) close() error {
	var errs []error
	if f.journal != nil {
		if f.reorder {
			errs = append(errs, f.output.Reorder(f.path))
		}
		errs = append(errs, f.journal.Close())
	}
	for _, file := range f.earlier {
		file.Close()
	}
	return errors.Join(errs...)
}
