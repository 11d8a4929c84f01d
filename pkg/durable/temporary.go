package durable

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A temporary is a file that is to be renamed when it is whole. While it is
// written, it is locked or open in a way that keeps [sweep] of another process
// from removing it.
type temporary struct {
	file    *os.File
	guard   guard
	written int64
	done    bool
}

// newTemporary makes a temporary beside path, with the permissions of the file at
// path if there is one.
func newTemporary(path string) (*temporary, error) {
	for range 100 {
		name := temporaryName(path)
		// Appending, so that a file that somebody cuts meanwhile holds no gap.
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o644)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		t := &temporary{file: f}
		var ok bool
		if t.guard, ok = guardFile(f); !ok {
			f.Close() // removed by a sweep before it was guarded
			continue
		}
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			if err := os.Chmod(name, info.Mode().Perm()); err != nil {
				return nil, errors.Join(err, t.discard())
			}
		}
		return t, nil
	}
	return nil, errors.New("no name for a temporary file is free")
}

// Write appends to the file.
func (t *temporary) Write(p []byte) (int, error) {
	n, err := t.file.Write(p)
	t.written += int64(n)
	return n, err
}

// commit puts the file at path.
func (t *temporary) commit(path string) error {
	// Without syncing, a power cut could leave the new name and none of the bytes.
	if err := t.file.Sync(); err != nil {
		return err
	}
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() != t.written {
		return fmt.Errorf("somebody else wrote to the temporary file %s: %d bytes where %d were written", t.file.Name(), info.Size(), t.written)
	}
	if err := t.rename(path); err != nil {
		return err
	}
	t.done = true
	syncFolder(filepath.Dir(path))
	return nil
}

// discard removes the file, unless it is in its place.
func (t *temporary) discard() error {
	if t.done {
		return nil
	}
	t.done = true
	err := t.file.Close()
	if errors.Is(err, os.ErrClosed) {
		err = nil
	}
	return errors.Join(err, os.Remove(t.file.Name()), t.guard.release())
}

// A temporaryFolder is a folder that holds one to be renamed when that is whole,
// and a file to guard it by.
type temporaryFolder struct {
	path  string
	file  *os.File
	guard guard
}

const guardName = "in-use"

func newTemporaryFolder(path string) (*temporaryFolder, error) {
	dir := temporaryName(path)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.Create(filepath.Join(dir, guardName))
	if err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	g, ok := guardFile(f)
	if !ok {
		return nil, errors.Join(errors.New("another process removed the temporary folder"), f.Close())
	}
	return &temporaryFolder{dir, f, g}, nil
}

func (t *temporaryFolder) discard() error {
	return errors.Join(t.file.Close(), t.guard.release(), os.RemoveAll(t.path))
}

// The name of a temporary is that of its file between these, and random digits.
// It says which file it is of, so that a later run can tell its own.
const (
	temporaryPrefix = "."
	temporaryInfix  = ".tmp-"
	temporaryDigits = 16
)

func temporaryName(path string) string {
	dir, base := filepath.Split(path)
	var random [temporaryDigits / 2]byte
	_, _ = rand.Read(random[:]) // never fails
	return filepath.Join(dir, temporaryPrefix+base+temporaryInfix+hex.EncodeToString(random[:]))
}

// isTemporary reports whether name is that of a temporary of the file called base.
func isTemporary(name, base string) bool {
	digits, ok := strings.CutPrefix(name, temporaryPrefix+base+temporaryInfix)
	return ok && len(digits) == temporaryDigits && strings.Trim(digits, "0123456789abcdef") == ""
}

// sweep removes the temporaries of path that no process is writing. Nothing
// depends on it: what it cannot remove stays.
func sweep(path string) {
	dir, base := filepath.Split(filepath.Clean(path))
	if dir == "" {
		dir = "."
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !isTemporary(e.Name(), base) {
			continue
		}
		name := filepath.Join(dir, e.Name())
		switch {
		case e.Type().IsRegular():
			if release, ok := abandoned(name); ok {
				_ = os.Remove(name)
				release()
			}
		case e.IsDir():
			if release, ok := abandoned(filepath.Join(name, guardName)); ok {
				_ = os.RemoveAll(name)
				release()
			}
		}
	}
}

// Scratch opens a new file for what need not outlive the process. Where the
// system can, the file has no name from the start, so that not even a killed
// process leaves it behind. The caller closes it with [CloseScratch].
func Scratch(prefix string) (*os.File, error) {
	if nameless != 0 {
		if f, err := os.OpenFile(os.TempDir(), os.O_RDWR|nameless, 0o600); err == nil {
			return f, nil // else the file system knows no such files
		}
	}
	f, err := os.CreateTemp("", prefix+"*")
	if err != nil {
		return nil, err
	}
	if unlinksOpenFiles {
		if err := os.Remove(f.Name()); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return f, nil
}

// CloseScratch closes and removes a file of [Scratch].
func CloseScratch(f *os.File) error {
	err := f.Close()
	if !unlinksOpenFiles {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}
