// Ner-collect brings result records into the order of the rows: line i of what
// it writes is the answer to row i.
//
// It reads any number of files, or stdin, in any order: what ner-run and
// ner-batch write, and the output and error files of the Batch API as they are.
//
//	ner-prompt --source-dir data --data-name CONLL | ner-run | ner-collect > results.txt
//
// One row is one line: line breaks inside an answer become spaces, and an answer
// that would read as a failure gets a space in front. The line of a row that
// failed is "ERROR: <class>: <message>", that of a row without a record
// "ERROR: missing: no answer seen". Of two records for one row the later one
// counts, but a failure never replaces a good answer; later is what stands
// further right on the command line or further down in a file.
//
// The records are to be of one source. Two sources, two sizes of a source, or
// two prompts for one row are refused, and nothing is written. An id that another
// tool made ("request-17") gives the row by the number at its end, counted from
// 0; where no record says how many rows there are, --total does.
//
// With --last-results the results are laid over an earlier results file: a good
// answer replaces a line, a failure only a line that is a failure, and all other
// lines stay as they are. So a rerun of what failed needs no other file:
//
//	ner-prompt --source-dir data --data-name CONLL --last-results results.txt | ner-run |
//	ner-collect --last-results results.txt --write-dir . --write-name results2.txt
//
// With --write-name the file is there as a whole or not at all, and an input is
// never written over. An existing file's permissions are kept; a symbolic link is
// replaced, not followed.
//
// On stderr it prints the sum: rows = ok + failed + missing, and records read =
// rows that have one + duplicates. It exits with 3 if a row failed or is missing.
// Ctrl-C ends the reading of files, but stdin is read to its end: the answers
// that ner-run still writes then are paid for. A second Ctrl-C ends it at once.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/collect"
	"nertools/pkg/durable"
	"nertools/pkg/fault"
)

func main() {
	cmdline.Main(&cli.App{
		Name:      "ner-collect",
		Usage:     "bring result records into row order, as a results file",
		UsageText: "ner-collect results.jsonl --write-dir . --write-name results.txt",
		ArgsUsage: "[FILE ...]",
		Description: "Reads any number of files, in any order: result records, and the output and error\n" +
			"files of the Batch API. No file, or -, is stdin. Line i of the results file is row i,\n" +
			"from 0; the sum goes to stderr. Exits with 3 if a row failed or is missing.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "write-dir", Value: ".", Usage: "write to a file in `DIR`"},
			&cli.StringFlag{Name: "write-name", Usage: "write to the file `NAME` instead of stdout"},
			&cli.StringFlag{Name: "last-results", Usage: "lay the results over those in this earlier results `FILE`"},
			&cli.IntFlag{Name: "total", Usage: "the source has `N` rows", DefaultText: "what the records say"},
		},
		Action: run,
	})
}

func run(c *cli.Context) error {
	if c.IsSet("total") && c.Int("total") <= 0 {
		return cmdline.UsageError("--total %d: a number of rows from 1", c.Int("total"))
	}
	target, err := targetFile(c)
	if err != nil {
		return err
	}
	files := c.Args().Slice()
	if len(files) == 0 {
		files = []string{"-"}
	}
	if err := checkInputs(c, files, target); err != nil {
		return err
	}
	// The answers may take hours to come: what else is needed must be there.
	if target != "" {
		if err := durable.CheckReplace(target); err != nil {
			return err
		}
	}
	var last io.ReadCloser
	var lastName string
	if file := c.String("last-results"); file != "" {
		if last, lastName, err = cmdline.Open(file); err != nil {
			return err
		}
		defer last.Close()
	}
	var results collect.Results
	if c.IsSet("total") {
		if err := results.SetTotal(c.Int("total"), "--total"); err != nil {
			return err
		}
	}
	for _, file := range files {
		if err := read(c, &results, file); err != nil {
			return err
		}
	}
	if last != nil {
		if err := results.LayOver(lastName, last); err != nil {
			return err
		}
	}
	return finish(c, &results, target)
}

// targetFile is the file to write, or "" for stdout.
func targetFile(c *cli.Context) (string, error) {
	name := c.String("write-name")
	if name == "" && (c.IsSet("write-dir") || c.IsSet("write-name")) {
		return "", cmdline.UsageError("--write-name is missing: name the file to write")
	}
	if name == "" {
		return "", nil
	}
	return filepath.Join(c.String("write-dir"), name), nil
}

// checkInputs refuses, before anything is read, to read stdin twice or to write
// where an input is.
func checkInputs(c *cli.Context, files []string, target string) error {
	var out os.FileInfo
	var err error
	if target == "" {
		// What a shell redirects stdout to is a file; a terminal may well be both.
		if out, err = os.Stdout.Stat(); err != nil || !out.Mode().IsRegular() {
			out = nil
		}
	} else if out, err = os.Stat(target); err != nil {
		out = nil // a new file, or one that durable will not replace
	}
	if last := c.String("last-results"); last != "" {
		files = append(slices.Clip(files), last)
	}
	stdin := false
	for _, file := range files {
		var in os.FileInfo
		if file == "-" {
			if stdin {
				return cmdline.UsageError("stdin can be read only once: give \"-\" once")
			}
			stdin = true
			in, err = os.Stdin.Stat()
		} else {
			in, err = os.Stat(file)
		}
		if err != nil {
			return err
		}
		if out != nil && os.SameFile(in, out) {
			return cmdline.Exit(cmdline.Usage, &fault.Error{File: file, Err: errors.New("is an input, and inputs are not written over"),
				Hint: "write to another file; it can be renamed afterwards"})
		}
	}
	return nil
}

func read(c *cli.Context, results *collect.Results, file string) error {
	r, name, err := cmdline.Open(file)
	if err != nil {
		return err
	}
	defer r.Close()
	in := io.Reader(r)
	if file != "-" {
		in = interruptible{c.Context, r}
	} else {
		defer context.AfterFunc(c.Context, func() {
			cmdline.Say(c, "interrupted: reading stdin to its end (once more: stop at once)")
		})()
	}
	torn, err := results.Read(name, in)
	if torn > 0 {
		cmdline.Say(c, "%s:%d: passed over the last line: its writer was stopped in the middle of it", name, torn)
	}
	return err
}

// interruptible is a reader that ends with its context.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}

func finish(c *cli.Context, results *collect.Results, target string) (err error) {
	if results.Len() == 0 {
		if err := c.Context.Err(); err != nil {
			return err
		}
		return fault.WithHint(errors.New("no result records to collect"),
			"see what the program that should have written them says; --total N would take all N rows for missing")
	}
	if target == "" {
		err = results.WriteText(os.Stdout)
	} else {
		err = durable.Replace(target, results.WriteText)
	}
	if err != nil {
		return err
	}
	if !results.TotalKnown() {
		cmdline.Say(c, "no record says how many rows there are: rows after the last one seen may be missing (--total N says it)")
	}
	sum := results.Sum()
	cmdline.Say(c, "%s", sum)
	switch {
	case c.Context.Err() != nil:
		return cmdline.Exit(cmdline.Interrupted, errors.New("interrupted: the results are those that had come by then"))
	case !sum.Complete():
		return cmdline.Exit(cmdline.Partial, nil)
	}
	return nil
}
