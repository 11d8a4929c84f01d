package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/fault"
)

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

// inputs are the result files of the command line.
func inputs(c *cli.Context) []string {
	if c.NArg() == 0 {
		return []string{"-"}
	}
	return c.Args().Slice()
}

// checkInputs refuses, before anything is read, to read stdin twice or to write
// where an input is.
func checkInputs(c *cli.Context, target string) error {
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
	files := slices.Concat(inputs(c), c.StringSlice("verdicts"))
	for _, flag := range []string{"last-results", "gold"} {
		if file := c.String(flag); file != "" {
			files = append(files, file)
		}
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
