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

	"nertools/pkg/english"
)

// A temporary is a file that is renamed once it is complete. While it is being written, a
// lock (or, on Windows, the open handle) keeps another process's [sweep] from removing
// it.
type temporary struct {
	file    *os.File
	guard   guard
	written int64
	done    bool
}

// newTemporary creates a temporary file beside path, with the permissions of the file at
// path if there is one.
func newTemporary(path string) (*temporary, error) {
	for range 100 {
		name := temporaryName(path)
		// O_APPEND, so that no gap arises if somebody truncates the file meanwhile.
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
			f.Close() // a sweep removed it before it was guarded
			continue
		}
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			if err := os.Chmod(name, info.Mode().Perm()); err != nil {
				return nil, errors.Join(err, t.discard())
			}
		}
		return t, nil
	}
	return nil, errors.New("no free name for a temporary file")
}

// Write appends to the file.
func (t *temporary) Write(p []byte) (int, error) {
	n, err := t.file.Write(p)
	t.written += int64(n)
	return n, err
}

// commit renames the file to path.
func (t *temporary) commit(path string) error {
	// Without the sync, a power cut could keep the new name but lose the bytes.
	if err := t.file.Sync(); err != nil {
		return err
	}
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() != t.written {
		return fmt.Errorf("another process wrote to the temporary file %s: it has %s, not %d", t.file.Name(), english.Count(info.Size(), "byte"), t.written)
	}
	if err := t.rename(path); err != nil {
		return err
	}
	t.done = true
	syncFolder(filepath.Dir(path))
	return nil
}

// discard removes the file, unless it has been renamed.
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

// A temporaryFolder is a folder that contains the folder to be renamed once complete, and
// a file that guards it.
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

// The name of a temporary is that of its target file between these, and random digits. It
// identifies the target, so that a later run recognises its own leftovers.
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

// isTemporary reports whether name is a temporary of the file called base.
func isTemporary(name, base string) bool {
	digits, ok := strings.CutPrefix(name, temporaryPrefix+base+temporaryInfix)
	return ok && len(digits) == temporaryDigits && strings.Trim(digits, "0123456789abcdef") == ""
}

// sweep removes temporaries of path that no process is writing. It is only a clean-up:
// errors are ignored.
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

// Scratch opens a new file for data that need not outlive the process. Where the system
// allows it, the file has no name from the start, so that even a killed process leaves
// nothing behind. The caller closes it with [CloseScratch].
func Scratch(prefix string) (*os.File, error) {
	if nameless != 0 {
		if f, err := os.OpenFile(os.TempDir(), os.O_RDWR|nameless, 0o600); err == nil {
			return f, nil // otherwise the file system does not support nameless files
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

// CloseScratch closes and removes a file opened by [Scratch].
func CloseScratch(f *os.File) error {
	err := f.Close()
	if !unlinksOpenFiles {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}
