package online

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"nertools/pkg/durable"
	"nertools/pkg/fault"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// Stream writes results to a pipe or a terminal, each line with one call of Write.
type Stream struct{ W io.Writer }

// Put writes the line.
func (s Stream) Put(_ int, line []byte) error {
	_, err := s.W.Write(line)
	return err
}

// Kept, Watch and Close do nothing.
func (Stream) Kept(int, int64, int) {}
func (Stream) Watch(func(error))    {}
func (Stream) Close() error         { return nil }

// ResultsFile writes results to a journal in the order in which they arrive.
type ResultsFile struct {
	*durable.Journal
	path    string
	ordered bool
	rows    []extent // with ordered: where the n-th row's line stands
}

type extent struct {
	at   int64
	size int
}

// ErrNotEmpty is the error of starting a new results file in a file that is not empty.
var ErrNotEmpty = errors.New("holds results already")

// ErrNotRegular is the error of a results file that is a folder, a device or a pipe.
var ErrNotRegular = errors.New("is not a regular file")

// OpenResults opens the file at path for appending. Unless goOn is set, the file must be
// empty or missing. OpenResults removes an incomplete last line, which a killed run leaves,
// and returns its size in bytes as torn. With ordered, Close puts the rows in the order of
// the input; until then they are in the order of arrival. The error may be one of
// [durable.OpenJournal].
func OpenResults(path string, goOn, ordered bool) (f *ResultsFile, torn int64, err error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, 0, &fault.Error{File: path, Err: ErrNotRegular}
	}
	if err == nil && info.Size() > 0 && !goOn {
		return nil, 0, &fault.Error{File: path, Err: ErrNotEmpty}
	}
	j, torn, err := durable.OpenJournal(path, record.ResultBegin, func(line []byte) bool {
		_, ok := rowOf(line)
		return ok
	})
	if err != nil {
		return nil, 0, err
	}
	return &ResultsFile{Journal: j, path: path, ordered: ordered}, torn, nil
}

// Put appends the line.
func (f *ResultsFile) Put(n int, line []byte) error {
	at, err := f.Append(line)
	f.Kept(n, at, len(line))
	return err
}

// Kept records where the line of the n-th row is.
func (f *ResultsFile) Kept(n int, at int64, size int) {
	if !f.ordered {
		return
	}
	for len(f.rows) <= n {
		f.rows = append(f.rows, extent{})
	}
	f.rows[n] = extent{at, size}
}

// Close sorts the file if it is ordered, and closes it. If another process changed the
// file, the error wraps a [*durable.ChangedError]; if the file is gone, its content is
// saved in another file.
func (f *ResultsFile) Close() error {
	err := f.Check()
	changed, ok := errors.AsType[*durable.ChangedError](err)
	switch {
	case err == nil && len(f.rows) > 0:
		err = f.reorder()
	case ok && changed.Gone && f.Size() > 0:
		saved, failed := f.Rescue()
		if changed.Rescued = saved; failed != nil {
			err = errors.Join(err, fmt.Errorf("save what was written to it: %w", failed))
		}
	}
	return errors.Join(err, f.Journal.Close())
}

// reorder replaces the file by one that holds the rows in the order of the input,
// each once, and behind them what the file holds of other rows, without what cannot be
// read.
func (f *ResultsFile) reorder() error {
	// A link is to lead to the file that is in order, not to be replaced by it.
	real, err := filepath.EvalSymlinks(f.path)
	if err != nil {
		return err
	}
	return durable.Replace(real, func(w io.Writer) error {
		seen := map[int]bool{}
		var line []byte
		for _, e := range f.rows {
			if e.size == 0 {
				continue
			}
			line = append(line[:0], make([]byte, e.size)...)
			if _, err := f.ReadAt(line, e.at); err != nil {
				return fmt.Errorf("read %s: %w", f.path, err)
			}
			line = append(bytes.TrimRight(line, "\n"), '\n')
			if row, ok := rowOf(line); ok {
				seen[row] = true
			}
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
		return f.copyOthers(w, seen)
	})
}

func (f *ResultsFile) copyOthers(w io.Writer, seen map[int]bool) error {
	in := record.NewLines(f.path, io.NewSectionReader(f, 0, f.Size()))
	for line, err := range in.All() {
		if errors.Is(err, record.ErrNUL) {
			continue
		}
		if err != nil {
			return err
		}
		if row, ok := rowOf(line); !ok || seen[row] {
			continue
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// rowOf is the row that a line of results speaks of. It is not ok for a line that
// cannot be read.
func rowOf(line []byte) (row int, ok bool) {
	r, err := new(wire.Judge).ParseResult(line)
	return r.Index, err == nil
}
