package durable

import (
	"errors"
	"os"
	"path/filepath"
)

// pendingFile is what renameio, which leaves Windows out since a rename there is
// not always atomic, gives elsewhere. It is as good as it gets: os.Rename
// replaces an existing file unless another program has it open.
type pendingFile struct {
	*os.File
	path string
	done bool
}

// create opens the temporary file that is to become the file at path.
func create(path string) (*pendingFile, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"*")
	if err != nil {
		return nil, err
	}
	p := &pendingFile{File: f, path: path}
	if info, err := os.Stat(path); err == nil {
		if err := os.Chmod(f.Name(), info.Mode().Perm()); err != nil {
			return nil, errors.Join(err, p.Cleanup())
		}
	}
	return p, nil
}

// CloseAtomicallyReplace puts the file in its place.
func (p *pendingFile) CloseAtomicallyReplace() error {
	if err := p.Sync(); err != nil {
		return err
	}
	if err := p.Close(); err != nil {
		return err
	}
	if err := os.Rename(p.Name(), p.path); err != nil {
		return err
	}
	p.done = true
	return nil
}

// Cleanup removes the temporary file, unless it is in its place.
func (p *pendingFile) Cleanup() error {
	if p.done {
		return nil
	}
	p.done = true
	if err := p.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return errors.Join(err, os.Remove(p.Name()))
	}
	return os.Remove(p.Name())
}
