package main

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/durable"
	"nertools/pkg/fault"
	"nertools/pkg/record"
)

// An input is a file to convert.
type input struct {
	path     string // "-" for stdin
	inFolder bool   // it was found in a folder, in which each file is a document
}

// findInputs returns the files of args: a folder stands for the files in it, at any depth,
// whose names end in .txt, in the order of their paths.
func findInputs(args []string) (inputs []input, err error) {
	for _, arg := range args {
		info, err := os.Stat(arg)
		if arg == "-" || err != nil || !info.IsDir() {
			inputs = append(inputs, input{path: arg}) // errors are those of opening it
			continue
		}
		found := len(inputs)
		if inputs, err = appendFolder(inputs, arg); err != nil {
			return nil, err
		}
		if len(inputs) == found {
			return nil, &fault.Error{File: arg, Err: errors.New("no file in this folder ends in .txt"), Hint: "name the files, for example " + filepath.Join(arg, "*.md")}
		}
	}
	return inputs, nil
}

func appendFolder(inputs []input, dir string) ([]input, error) {
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch hidden := path != dir && strings.HasPrefix(entry.Name(), "."); {
		case err != nil:
			return err
		case entry.IsDir() && hidden:
			return filepath.SkipDir
		case entry.IsDir() || hidden || !strings.EqualFold(filepath.Ext(path), ".txt"):
			return nil
		}
		inputs = append(inputs, input{path: filepath.ToSlash(path), inFolder: true})
		return nil
	})
	return inputs, err
}

// errNoDocuments ends the writing of documents if there are none.
var errNoDocuments = errors.New("no documents")

// writeDocuments calls work, and writes the documents that it reads. If they have a file, it
// appears after work has ended without an error.
func (c *conversion) writeDocuments(work func() error) error {
	path := c.o.documentsPath()
	if path == "" {
		return work()
	}
	names := make([]string, 0, len(c.inputs))
	for _, in := range c.inputs {
		names = append(names, in.path)
	}
	if err := cmdline.CheckFiles(path, names...); err != nil {
		return err
	}
	err := durable.Replace(path, func(w io.Writer) error {
		out := bufio.NewWriterSize(w, 256<<10)
		var line []byte
		c.save = func(id, text string) error {
			line = record.AppendString(append(line[:0], `{"id": `...), id)
			line = record.AppendString(append(line, `, "text": `...), text)
			_, err := out.Write(append(line, "}\n"...))
			return err
		}
		if err := work(); err != nil {
			return err
		}
		if c.documents == 0 && c.o.documents == "" {
			return errNoDocuments
		}
		return out.Flush()
	})
	if errors.Is(err, errNoDocuments) {
		return nil
	}
	return err
}
