package online

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"nertools/pkg/durable"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// Stream is the output to a pipe or a terminal: each line is one write.
type Stream struct{ W io.Writer }

// Put writes the line.
func (s Stream) Put(_ int, line []byte) error {
	_, err := s.W.Write(line)
	return err
}

// Kept does nothing: what a stream holds cannot be known.
func (Stream) Kept(int, int64, int) {}

// ResultsFile is the output to a journal, line by line as the results come.
type ResultsFile struct {
	journal *durable.Journal
	ordered bool
	rows    []extent // with ordered: where the n-th row's line stands
}

type extent struct {
	at   int64
	size int
}

// NewResultsFile writes to j, which the caller closes. ordered says that [ResultsFile.Reorder]
// is to be called at the end.
func NewResultsFile(j *durable.Journal, ordered bool) *ResultsFile {
	return &ResultsFile{journal: j, ordered: ordered}
}

// Put appends the line.
func (f *ResultsFile) Put(n int, line []byte) error {
	at, err := f.journal.Append(line)
	f.Kept(n, at, len(line))
	return err
}

// Kept notes where the n-th row's line stands.
func (f *ResultsFile) Kept(n int, at int64, size int) {
	if !f.ordered {
		return
	}
	for len(f.rows) <= n {
		f.rows = append(f.rows, extent{})
	}
	f.rows[n] = extent{at, size}
}

// Reorder replaces the file at path, which is the journal's, by one that holds
// the rows in the order of the input, each once, and behind them what the file
// holds of other rows, without what cannot be read. Until then every result stood in the
// file from the moment it was there: that is why it is not written in order to
// begin with.
func (f *ResultsFile) Reorder(path string) error {
	// A link is to lead to the file that is in order, not to be replaced by it.
	real, err := filepath.EvalSymlinks(path)
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
			if _, err := f.journal.ReadAt(line, e.at); err != nil {
				return fmt.Errorf("read %s: %w", path, err)
			}
			line = append(bytes.TrimRight(line, "\n"), '\n')
			if row, ok := rowOf(line); ok {
				seen[row] = true
			}
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
		return f.copyOthers(path, w, seen)
	})
}

func (f *ResultsFile) copyOthers(path string, w io.Writer, seen map[int]bool) error {
	in := record.NewLines(path, io.NewSectionReader(f.journal, 0, f.journal.Size()))
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
