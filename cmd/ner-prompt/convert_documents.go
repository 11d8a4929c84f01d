package main

import (
	"bufio"
	"errors"
	"io"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/durable"
	"nertools/pkg/record"
)

// errNoDocuments ends the writing of documents if the rows name no document.
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
		names = append(names, in.Files()...)
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
