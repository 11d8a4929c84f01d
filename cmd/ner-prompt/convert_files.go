package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/corpus"
	"nertools/pkg/durable"
	"nertools/pkg/fault"
	"nertools/pkg/record"
)

// An input is a file to convert.
type input struct {
	path     string // "-" for stdin
	inFolder bool   // it was found in a folder, in which each file is a document
	entities string // brat's file with the entities of the text; "" if there is none
}

// files returns the files of the input.
func (in input) files() []string {
	if in.entities == "" {
		return []string{in.path}
	}
	return []string{in.path, in.entities}
}

// annExt is the extension of the files in which brat keeps the entities of texts.
const annExt = ".ann"

// isAnn reports whether brat keeps entities in the file.
func isAnn(path string) bool { return strings.EqualFold(filepath.Ext(path), annExt) }

// findInputs returns the files of args: a folder stands for the files in it, at any depth,
// whose names end in .txt, in the order of their paths. With brat, texts come with the files
// of their entities, and if a folder has any of these, left counts the texts in it that have
// none and are left out.
func findInputs(args []string, brat bool) (inputs []input, left int, err error) {
	for _, arg := range args {
		info, err := os.Stat(arg)
		if arg == "-" || err != nil || !info.IsDir() {
			in := input{path: arg} // errors are those of opening it
			if brat {
				in, err = withEntities(in)
			}
			if err != nil && brat && isAnn(arg) {
				return nil, 0, err
			}
			inputs = append(inputs, in)
			continue
		}
		found, err := folder(arg, brat)
		if err != nil {
			return nil, 0, err
		}
		texts := len(found)
		if slices.ContainsFunc(found, func(in input) bool { return in.entities != "" }) {
			found = slices.DeleteFunc(found, func(in input) bool { return in.entities == "" })
		}
		left += texts - len(found)
		if len(found) == 0 {
			return nil, 0, &fault.Error{File: arg, Err: errors.New("no file in this folder ends in .txt"), Hint: "name the files, for example " + filepath.Join(arg, "*.md")}
		}
		inputs = append(inputs, found...)
	}
	return inputs, left, nil
}

// withEntities adds to a text brat's file that is beside it, or to such a file its text.
func withEntities(in input) (input, error) {
	base := strings.TrimSuffix(in.path, filepath.Ext(in.path))
	switch {
	case isAnn(in.path):
		in.path, in.entities = base+".txt", in.path
		if _, err := os.Stat(in.path); err != nil {
			return in, &fault.Error{File: in.entities, Err: fmt.Errorf("no %s beside it", filepath.Base(in.path)), Hint: "brat keeps a text and its entities in files of the same name, which end in .txt and .ann"}
		}
	case strings.EqualFold(filepath.Ext(in.path), ".txt"):
		if info, err := os.Stat(base + annExt); err == nil && info.Mode().IsRegular() {
			in.entities = base + annExt
		}
	}
	return in, nil
}

// folder returns the texts in a folder.
func folder(dir string, brat bool) (inputs []input, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		in := input{path: filepath.ToSlash(path), inFolder: true}
		switch hidden := path != dir && strings.HasPrefix(entry.Name(), "."); {
		case err != nil:
			return err
		case entry.IsDir() && hidden:
			return filepath.SkipDir
		case entry.IsDir() || hidden:
			return nil
		case brat && isAnn(path):
			_, err := withEntities(in)
			return err
		case !strings.EqualFold(filepath.Ext(path), ".txt"):
			return nil
		}
		if brat {
			if in, err = withEntities(in); err != nil {
				return err
			}
		}
		inputs = append(inputs, in)
		return nil
	})
	return inputs, err
}

// bratLabels returns the labels that annotation.conf beside path has for types, nil without
// such a file.
func bratLabels(path string) (map[string]string, error) {
	conf, err := os.Open(filepath.Join(filepath.Dir(path), "annotation.conf"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer conf.Close()
	return corpus.BratLabels(conf)
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
		names = append(names, in.files()...)
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
