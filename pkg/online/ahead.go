package online

import (
	"bytes"
	"io"
	"os"
	"sync"
)

// ReadAhead returns a reader of r. It calls ended once, from another goroutine, with the
// number of nonblank lines left in r, as soon as the end of r is known: at once for a
// regular file, otherwise when the end is within a few megabytes of what was read.
func ReadAhead(r io.Reader, ended func(lines int)) io.Reader {
	if file, ok := r.(*os.File); ok {
		info, err := file.Stat()
		at, err2 := file.Seek(0, io.SeekCurrent)
		if err == nil && err2 == nil && info.Mode().IsRegular() {
			go countFile(io.NewSectionReader(file, at, max(info.Size()-at, 0)), ended)
			return r
		}
	}
	a := new(ahead)
	a.changed.L = &a.mu
	go a.fill(r, ended)
	return a
}

const (
	partSize = 64 << 10
	maxAhead = 8 << 20
)

func countFile(r io.Reader, ended func(lines int)) {
	var n lineCount
	buf := make([]byte, partSize)
	for {
		read, err := r.Read(buf)
		n.add(buf[:read])
		if err == io.EOF {
			ended(n.lines())
		}
		if err != nil {
			return // whoever reads the file will meet it, too
		}
	}
}

// ahead holds what has been read ahead.
type ahead struct {
	mu      sync.Mutex
	changed sync.Cond
	data    bytes.Buffer
	err     error // of reading, to be returned behind data
}

func (a *ahead) fill(r io.Reader, ended func(lines int)) {
	var n lineCount
	buf := make([]byte, partSize)
	for {
		read, err := r.Read(buf)
		n.add(buf[:read])
		if err == io.EOF {
			ended(n.lines())
		}
		a.mu.Lock()
		for a.data.Len() > maxAhead {
			a.changed.Wait()
		}
		a.data.Write(buf[:read])
		a.err = err
		a.changed.Broadcast()
		a.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (a *ahead) Read(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.data.Len() == 0 && a.err == nil {
		a.changed.Wait()
	}
	if a.data.Len() == 0 {
		return 0, a.err
	}
	n, err := a.data.Read(p)
	a.changed.Broadcast()
	return n, err
}

// lineCount counts the lines of a stream that are not blank.
type lineCount struct {
	whole int
	open  bool // the last line, which has no end yet, is not blank
}

func (c *lineCount) add(data []byte) {
	for {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			c.open = c.open || !blank(data)
			return
		}
		if c.open || !blank(data[:i]) {
			c.whole++
		}
		c.open = false
		data = data[i+1:]
	}
}

func blank(line []byte) bool { return len(bytes.TrimLeft(line, " \t\r\x00")) == 0 }

func (c *lineCount) lines() int {
	if c.open {
		return c.whole + 1
	}
	return c.whole
}
