package durable

import (
	"os"
	"time"
)

const unlinksOpenFiles = false

// A guard does nothing: an open file cannot be removed.
type guard struct{}

func guardFile(*os.File) (guard, bool) { return guard{}, true }

func (guard) release() error { return nil }

// abandonedAfter is the age from which no process is expected to rename a file any more.
const abandonedAfter = time.Hour

// abandoned reports whether the file at path is old enough to be removed, provided nobody
// has it open.
func abandoned(path string) (release func(), ok bool) {
	info, err := os.Stat(path)
	return func() {}, err == nil && time.Since(info.ModTime()) > abandonedAfter && os.Remove(path) == nil
}

// rename renames the file to path. os.Rename replaces an existing file unless another
// program has it open.
func (t *temporary) rename(path string) error {
	if err := t.file.Close(); err != nil {
		return err
	}
	return os.Rename(t.file.Name(), path)
}

func syncFolder(string) {} // a folder cannot be synced here
