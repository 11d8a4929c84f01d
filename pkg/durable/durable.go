// Package durable writes files that survive the program being killed at any time: files
// that are either complete or absent ([Replace], [NewFolder]), and files that grow only
// by whole lines ([Journal]). Leftovers of a killed program are removed when the same
// file is written again.
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

// Replace replaces the contents of the file at path with what write writes, or changes
// nothing: the bytes go to a temporary file in the same folder, which is synced and then
// renamed. If write fails, Replace returns its error.
//
// An existing file keeps its permissions; a new file gets 0644 minus the umask. A
// symbolic link at path is itself replaced by the file; its target is not changed. If
// path is a folder, a device or a pipe, Replace returns an error. Temporary files that a
// killed program left for this path are removed.
func Replace(path string, write func(io.Writer) error) error {
	f, err := begin(path)
	if err != nil {
		return err
	}
	defer f.discard() // does nothing after the rename
	if err := write(f); err != nil {
		return err
	}
	if err := f.commit(path); err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	return nil
}

// CheckReplace reports what would keep [Replace] from replacing the file at path, so that
// a long job finds out before it starts. It leaves nothing behind.
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
		// Renaming would replace the device itself by a file.
		return &fault.Error{File: path, Err: errors.New("not a regular file"), Hint: "write to stdout and redirect it there"}
	}
	return nil
}

// parentFolder returns an error if path can't be created in its folder.
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

// NewFolder creates a folder at path with the files that write puts into dir, or creates
// nothing: dir is a temporary folder, which is renamed when write returns. If write
// fails, NewFolder returns its error. It is an error if path exists.
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
	// A subfolder, because it gets the permissions of an ordinary new folder.
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

// SameFile reports whether both paths lead to the same file, or would if it existed.
func SameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	if errX == nil && errY == nil {
		return os.SameFile(x, y)
	}
	return errX != nil && errY != nil && filepath.Clean(a) == filepath.Clean(b)
}
