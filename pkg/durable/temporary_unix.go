//go:build !windows

package durable

import (
	"errors"
	"os"

	"github.com/gofrs/flock"
)

// unlinksOpenFiles says that the name of an open file can be removed.
const unlinksOpenFiles = true

// A guard is the lock on a temporary file. The kernel releases it when the process ends,
// however it ends.
type guard struct{ lock *flock.Flock }

// guardFile locks f. ok is false if another process has already removed it. On a file
// system without locks f is not guarded; but there, sweep can't lock it either and
// removes nothing.
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

// abandoned reports whether no process guards the file at path. Until the caller calls
// release, no other process can guard it.
func abandoned(path string) (release func(), ok bool) {
	lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
	if locked, err := lock.TryLock(); err != nil || !locked {
		return nil, false
	}
	return func() { _ = lock.Close() }, true
}

// rename renames the file to path before it is closed and unlocked: in between, a sweep
// would consider it abandoned.
func (t *temporary) rename(path string) error {
	if err := os.Rename(t.file.Name(), path); err != nil {
		return err
	}
	return errors.Join(t.file.Close(), t.guard.release())
}

// syncFolder syncs the folder after a rename, if the file system supports it.
func syncFolder(dir string) {
	if f, err := os.Open(dir); err == nil {
		_ = f.Sync()
		f.Close()
	}
}
