package cmdline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// text is the text of err, with the errors of the operating system in it put into
// words: "x: no such file" for "open x: no such file or directory".
func text(err error) string {
	s := err.Error()
	for _, e := range system(err) {
		s = strings.ReplaceAll(s, e.Error(), words(e))
	}
	return s
}

// system returns the errors of the operating system that err wraps.
func system(err error) []error {
	switch e := err.(type) {
	case *fs.PathError, *os.LinkError, syscall.Errno:
		return []error{err}
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return system(inner)
		}
	case interface{ Unwrap() []error }:
		var all []error
		for _, inner := range e.Unwrap() {
			all = append(all, system(inner)...)
		}
		return all
	}
	if err == fs.ErrNotExist {
		return []error{err}
	}
	return nil
}

func words(err error) string {
	switch e := err.(type) {
	case *fs.PathError:
		name := e.Path
		for _, f := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
			if name == f.Name() {
				name = strings.TrimPrefix(name, "/dev/")
			}
		}
		switch {
		case errors.Is(e.Err, fs.ErrNotExist):
			if dir := filepath.Dir(name); !exists(dir) {
				return fmt.Sprintf("%s: there is no directory %s", name, dir)
			}
			return name + ": no such file"
		case errors.Is(e.Err, syscall.EISDIR):
			return name + ": is a directory"
		case errors.Is(e.Err, syscall.ENOTDIR):
			return fmt.Sprintf("%s: %s is not a directory", name, filepath.Dir(name))
		}
		verb := map[string]string{"lstat": "look at", "stat": "look at", "mkdir": "make the directory", "unlinkat": "remove", "readdirent": "read"}[e.Op]
		if verb == "" {
			verb = e.Op
		}
		return fmt.Sprintf("cannot %s %s: %v", verb, name, e.Err)
	case *os.LinkError:
		return fmt.Sprintf("cannot %s %s to %s: %v", e.Op, e.Old, e.New, e.Err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "no such file"
	}
	return err.Error()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
