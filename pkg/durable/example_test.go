package durable_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"nertools/pkg/durable"
)

// A file is replaced whole or not at all.
func ExampleReplace() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "results.txt")
	show := func(err error) {
		text, _ := os.ReadFile(path)
		fmt.Printf("%v: %q\n", err, text)
	}
	show(durable.Replace(path, func(w io.Writer) error {
		_, err := io.WriteString(w, "one\n")
		return err
	}))
	show(durable.Replace(path, func(w io.Writer) error {
		_, _ = io.WriteString(w, "half of tw")
		return errors.New("interrupted")
	}))
	// Output:
	// <nil>: "one\n"
	// interrupted: "one\n"
}
