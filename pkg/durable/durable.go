// Package durable writes files that stay good whatever kills the program: whole
// files that are there or not ([Replace], [NewFolder]), and files that only ever
// grow by whole lines ([Journal]). What a killed program left unfinished is
// removed when the same file is written again.
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
// Temporary files of path that a killed program left behind are removed.
func Replace(path string, write func(io.Writer) error) error {
	f, err := begin(path)
	if err != nil {
		return err
	}
	defer f.discard() // does nothing once the file is in its place
	if err := write(f); err != nil {
		return err
	}
	if err := f.commit(path); err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	return nil
}

// CheckReplace finds what would keep [Replace] from replacing the file at path,
// so that a long job learns of it before its work is done. It leaves nothing
// behind.
func CheckReplace(path string) error {
	f, err := begin(path)
	if err != nil {
		return err
	}
	return f.discard()
}

func begin(path string) (*temporary, error) {
	if err := replaceable(path); err != nil {
		return nil, err
	}
	sweep(path)
	f, err := newTemporary(path)
	if err != nil {
		return nil, fmt.Errorf("replace %s: %w", path, err)
	}
	return f, nil
}

func replaceable(path string) error {
	if err := parentFolder(path); err != nil {
		return err
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

// parentFolder returns what is wrong with the folder that path is to be made in.
func parentFolder(path string) error {
	dir := filepath.Dir(path)
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return &fault.Error{File: dir, Err: errors.New("no such directory"), Hint: "make it first: mkdir -p " + dir}
	case err != nil:
		return err
	case !info.IsDir():
		return &fault.Error{File: dir, Err: errors.New("not a directory"), Hint: "name a directory to write to"}
	}
	return nil
}

// NewFolder makes a folder at path that holds what write puts into the folder it
// is called with, or makes none: that one is renamed when write returns. If write
// fails, NewFolder returns its error. What exists at path is refused.
func NewFolder(path string, write func(dir string) error) error {
	path = filepath.Clean(path)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return err
		}
		return &fault.Error{File: path, Err: errors.New("exists"), Hint: "remove it, or name a new folder"}
	}
	if err := parentFolder(path); err != nil {
		return err
	}
	sweep(path)
	dir, err := newTemporaryFolder(path)
	if err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	defer dir.discard()
	// A folder in it, as that gets the permissions of any new folder.
	whole := filepath.Join(dir.path, "whole")
	if err := os.Mkdir(whole, 0o777); err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	if err := write(whole); err != nil {
		return err
	}
	if err := os.Rename(whole, path); err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	return nil
}

// SameFile reports whether two paths lead to one file, which then exists.
func SameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	if errX == nil && errY == nil {
		return os.SameFile(x, y)
	}
	return errX != nil && errY != nil && filepath.Clean(a) == filepath.Clean(b)
}
