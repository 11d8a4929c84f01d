package main

import (
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/dataset"
)

// targetFile is the file to write, or "" for stdout.
func targetFile(c *cli.Context) (string, error) {
	name := c.String("write-name")
	if name == "" && (c.IsSet("write-dir") || c.IsSet("write-name")) {
		return "", cmdline.UsageError("--write-name is missing: name the file to write")
	}
	if name == "" {
		return "", cmdline.CheckStdout()
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

// onlyInput is the file that holds all results, "" if there is no such file.
func onlyInput(c *cli.Context) string {
	if c.NArg() != 1 || c.Args().First() == "-" || c.IsSet("last-results") {
		return ""
	}
	return c.Args().First()
}

// checkInputs refuses, before anything is read, to read stdin twice or to write
// where an input is.
func checkInputs(c *cli.Context, target string) error {
	files := slices.Concat(inputs(c), c.StringSlice("verdicts"), []string{c.String("last-results"), c.String("gold"), c.String("labels"), c.String("prices")})
	if c.IsSet("source-dir") || c.IsSet("source-name") {
		files = append(files, dataset.SourceFile(c))
	}
	return cmdline.CheckFiles(target, files...)
}
