//go:build !windows

package durable

import (
	"errors"
	"os"

	"github.com/gofrs/flock"
)

// unlinksOpenFiles says that a file may lose its name while it is open.
const unlinksOpenFiles = true

// A guard is the lock on a temporary file. The kernel releases it when the
// process ends, whatever ends it.
type guard struct{ lock *flock.Flock }

// guardFile locks f. ok is false if another process has removed it before. On a
// file system without locks f is written unguarded; there a sweep finds no lock
// either, and removes nothing.
func guardFile(f *os.File) (g guard, ok bool) {
	g.lock = flock.New(f.Name(), flock.SetFlag(os.O_RDONLY))
	locked, err := g.lock.TryLock()
	if err != nil {
		return g, !errors.Is(err, os.ErrNotExist)
	}
	if !locked {
		return g, false
	}
	mine, err1 := f.Stat()
	there, err2 := os.Stat(f.Name())
	if err1 != nil || err2 != nil || !os.SameFile(mine, there) {
		_ = g.release()
		return g, false
	}
	return g, true
}

func (g guard) release() error { return g.lock.Close() }

// abandoned reports whether no process guards the file at path. The caller
// releases what keeps others from guarding it meanwhile.
func abandoned(path string) (release func(), ok bool) {
	lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
	if locked, err := lock.TryLock(); err != nil || !locked {
		return nil, false
	}
	return func() { _ = lock.Close() }, true
}

// rename puts the file at path before it is closed and unlocked: in between, a
// sweep would take it for abandoned.
func (t *temporary) rename(path string) error {
	if err := os.Rename(t.file.Name(), path); err != nil {
		return err
	}
	return errors.Join(t.file.Close(), t.guard.release())
}

// syncFolder brings a rename to the disk, where the file system can do that.
func syncFolder(dir string) {
	if f, err := os.Open(dir); err == nil {
		_ = f.Sync()
		f.Close()
	}
}
