// Package durable writes files that stay good whatever kills the program: whole
// files that are there or not ([Replace]), and files that only ever grow by whole
// lines ([Journal]).
package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"nertools/pkg/fault"
)

// Replace makes the file at path hold what write writes, or leaves everything
// as it was: the bytes go to a temporary file in the same folder, which is
// synced and then renamed. If write fails, Replace returns its error.
//
// An existing file's permissions are kept; a new file gets 0644 less the umask.
// A symbolic link at path is itself replaced by the file, and what it led to
// stays as it is. A path that leads to a folder, a device or a pipe is refused.
func Replace(path string, write func(io.Writer) error) (err error) {
	if err := replaceable(path); err != nil {
		return err
	}
	f, err := create(path)
	if err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	defer f.Cleanup() // does nothing once the file is in its place
	if err := write(f); err != nil {
		return err
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	return nil
}

// CheckReplace finds what would keep [Replace] from replacing the file at path,
// so that a long job learns of it before its work is done. It leaves nothing
// behind.
func CheckReplace(path string) error {
	if err := replaceable(path); err != nil {
		return err
	}
	f, err := create(path)
	if err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	return f.Cleanup()
}

func replaceable(path string) error {
	dir := filepath.Dir(path)
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return &fault.Error{File: dir, Err: errors.New("no such directory"), Hint: "make it first: mkdir -p " + dir}
	case err != nil:
		return err
	case !info.IsDir():
		return &fault.Error{File: dir, Err: errors.New("not a directory"), Hint: "name a directory to write to"}
	}
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return &fault.Error{File: path, Err: errors.New("is a directory"), Hint: "name a file in it"}
	case !info.Mode().IsRegular():
		// Renaming would put a file in the place of the device itself.
		return &fault.Error{File: path, Err: errors.New("not a regular file"), Hint: "write to stdout and redirect it there"}
	}
	return nil
}
