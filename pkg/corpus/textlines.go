package corpus

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"nertools/pkg/record"
)

// textLines reads lines of any length that end in LF, CR LF or CR, without a byte order mark
// at the beginning. Any number of CR before LF belong to one line end.
type textLines struct {
	r     *bufio.Reader
	begun bool
	long  []byte // a line that does not fit into the buffer of r
	rest  []byte // further lines, without the last line end, if some ended in CR
	more  bool   // there is a rest
	line  []byte // the last line
	lone  int    // lines that ended in CR
}

func newTextLines(r io.Reader) *textLines {
	return &textLines{r: bufio.NewReaderSize(r, detectSize)}
}

// next returns the next line without its end, valid until the next call, or io.EOF.
func (t *textLines) next() ([]byte, error) {
	if !t.more {
		rest, err := t.feed()
		if err != nil {
			return nil, err
		}
		t.rest = rest
	}
	var rest []byte
	if t.line, rest, t.more = bytes.Cut(t.rest, []byte{'\r'}); t.more {
		t.lone++
	}
	t.rest = rest
	return t.line, nil
}

// feed reads up to the next LF, and returns what is before the line end.
func (t *textLines) feed() ([]byte, error) {
	if !t.begun {
		t.begun = true
		if mark, err := t.r.Peek(len(record.ByteOrderMark)); err == nil && string(mark) == record.ByteOrderMark {
			_, _ = t.r.Discard(len(mark)) // cannot fail: it was peeked
		}
	}
	line, err := t.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		t.long = t.long[:0]
		for errors.Is(err, bufio.ErrBufferFull) {
			t.long = append(t.long, line...)
			line, err = t.r.ReadSlice('\n')
		}
		t.long = append(t.long, line...)
		line = t.long
	}
	switch {
	case errors.Is(err, io.EOF) && len(line) > 0:
		return bytes.TrimSuffix(line, []byte{'\r'}), nil
	case err != nil:
		return nil, err
	}
	return bytes.TrimRight(line[:len(line)-1], "\r"), nil
}
