package resume

import (
	"bytes"
	"io"
	"os"
	"sync"

	"nertools/pkg/durable"
)

// A spool is a reader that keeps what was read from it, to be read again.
type spool struct {
	from   io.Reader
	err    error // of from, which need not return it twice
	kept   bytes.Buffer
	mu     sync.Mutex
	file   *os.File // instead of kept, once that is too large; nil if it is not
	size   int64    // of file
	closed bool
}

// spoolMemory is how much a spool keeps in memory, in bytes. The heap may grow to several
// times as much before the next collection, and a file costs no more time.
var spoolMemory = 8 << 20

func (s *spool) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.from.Read(p)
	s.err = err
	if keepErr := s.keep(p[:n]); keepErr != nil {
		return 0, keepErr
	}
	return n, err
}

func (s *spool) keep(p []byte) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return os.ErrClosed
	}
	if s.file == nil && s.kept.Len()+len(p) > spoolMemory {
		if s.file, err = durable.Scratch("ner-prompts-"); err != nil {
			return err
		}
		if s.size, err = s.kept.WriteTo(s.file); err != nil {
			return err
		}
		s.kept = bytes.Buffer{}
	}
	if s.file == nil {
		s.kept.Write(p)
		return nil
	}
	n, err := s.file.Write(p)
	s.size += int64(n)
	return err
}

// again returns a reader of all that was read, and then of what is left. s is not to be read
// from again.
func (s *spool) again() io.Reader {
	rest := s.from
	if s.err != nil {
		rest = failing{s.err}
	}
	if s.file == nil {
		return io.MultiReader(&s.kept, rest)
	}
	return io.MultiReader(io.NewSectionReader(s.file, 0, s.size), rest)
}

// failing is a reader at the end of what can be read.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func (s *spool) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.file != nil {
		_ = durable.CloseScratch(s.file) // its content is no longer needed
	}
}
