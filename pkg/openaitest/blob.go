package openaitest

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sort"
)

// blob is a file's content: on disk if it has a path, and else in memory. It
// only ever grows. It may be read by many goroutines once it is written.
type blob struct {
	path string

	// size is how much of it counts. A file on disk can be longer if the
	// process was killed between writing it and noting that.
	size int64

	// In memory it is a list of chunks: a slice that grows would be copied,
	// and for a moment be there twice.
	chunks [][]byte
	starts []int64
}

const (
	smallestChunk = 1 << 10
	largestChunk  = 1 << 20
)

// appender writes to the end of a blob. What was written counts from Close on.
type blobWriter struct {
	b    *blob
	file *os.File      // nil: in memory
	w    *bufio.Writer // nil: in memory
	n    int64
}

func (b *blob) append() (*blobWriter, error) {
	a := &blobWriter{b: b}
	if b.path == "" {
		b.cut()
		return a, nil
	}
	f, err := os.OpenFile(b.path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	err = f.Truncate(b.size)
	if err == nil {
		_, err = f.Seek(b.size, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	a.file, a.w = f, bufio.NewWriterSize(f, 64<<10)
	return a, nil
}

func (a *blobWriter) Write(p []byte) (n int, err error) {
	if a.w != nil {
		n, err = a.w.Write(p)
	} else {
		n = len(p)
		a.b.grow(a.b.size+a.n, p)
	}
	a.n += int64(n)
	return n, err
}

// Close ends the writing; without an error, all that was written counts.
func (a *blobWriter) Close() error {
	if a.file != nil {
		if err := errors.Join(a.w.Flush(), a.file.Close()); err != nil {
			return err
		}
	}
	a.b.size += a.n
	a.n = 0
	return nil
}

// cut drops from memory what doesn't count, because its writer never closed.
func (b *blob) cut() {
	for i := len(b.chunks) - 1; i >= 0; i-- {
		if b.starts[i] < b.size {
			b.chunks[i] = b.chunks[i][:min(int64(len(b.chunks[i])), b.size-b.starts[i])]
			return
		}
		b.chunks, b.starts = b.chunks[:i], b.starts[:i]
	}
}

// grow puts p behind the first n bytes in memory.
func (b *blob) grow(n int64, p []byte) {
	for len(p) > 0 {
		last := len(b.chunks) - 1
		if last < 0 || len(b.chunks[last]) == cap(b.chunks[last]) {
			length := min(max(n, smallestChunk), largestChunk)
			b.chunks = append(b.chunks, make([]byte, 0, length))
			b.starts = append(b.starts, n)
			last++
		}
		chunk := b.chunks[last]
		take := min(cap(chunk)-len(chunk), len(p))
		b.chunks[last] = append(chunk, p[:take]...)
		p = p[take:]
		n += int64(take)
	}
}

// readerAtCloser is an open blob.
type readerAtCloser interface {
	io.ReaderAt
	io.Closer
}

func (b *blob) open() (readerAtCloser, error) {
	if b.path == "" {
		return memoryReader{b}, nil
	}
	return os.Open(b.path)
}

// remove frees the content. A reader that is open may go on where the system
// allows it.
func (b *blob) remove() {
	if b.path != "" {
		_ = os.Remove(b.path)
	}
}

type memoryReader struct{ b *blob }

func (memoryReader) Close() error { return nil }

func (r memoryReader) ReadAt(p []byte, off int64) (n int, err error) {
	i := sort.Search(len(r.b.starts), func(i int) bool { return r.b.starts[i] > off }) - 1
	for ; i >= 0 && i < len(r.b.chunks) && n < len(p); i++ {
		if skip := off + int64(n) - r.b.starts[i]; skip < int64(len(r.b.chunks[i])) {
			n += copy(p[n:], r.b.chunks[i][skip:])
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// saveJSON puts v into a file in one step, so that a process killed at any
// moment leaves the old or the new object. It does not sync: the state is meant
// to survive a kill, not a power cut.
func saveJSON(path string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), tempPrefix+"*")
	if err != nil {
		return err
	}
	_, err = temp.Write(append(text, '\n'))
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
	}
	return err
}

const tempPrefix = ".temp-"

func loadJSON(path string, v any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}
