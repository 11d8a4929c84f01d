package corpus

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"nertools/pkg/fault"
	"nertools/pkg/record"
)

// values reads a file of JSON values: one on each line, or one after the other over any
// number of lines, or the elements of an array. It keeps one of them in memory.
type values struct {
	file    string
	r       *bufio.Reader
	lines   *record.Lines // if each line is a value
	begun   bool
	inArray bool
	more    bool // the array has elements
	line    int  // where the value begins that was read last, from 1
	at      int  // line of the next byte, from 1
	value   []byte
}

func newValues(name string, r io.Reader) *values {
	return &values{file: name, r: bufio.NewReaderSize(r, detectSize), at: 1}
}

// Line returns the line in which the value begins that was read last.
func (v *values) Line() int {
	if v.lines != nil {
		return v.lines.Line()
	}
	return v.line
}

// Fault returns err as a fault of the value that was read last.
func (v *values) Fault(err error, hint string) error {
	return &fault.Error{File: v.file, Line: v.Line(), Err: err, Hint: hint}
}

// Next returns the next value, which is valid until the next call, or io.EOF. It may not be
// valid JSON.
func (v *values) Next() ([]byte, error) {
	if !v.begun {
		v.begun = true
		v.begin()
	}
	if v.lines != nil {
		return v.lines.Next()
	}
	for {
		b, err := v.skip()
		v.line = v.at
		switch {
		case errors.Is(err, io.EOF) && v.inArray:
			return nil, v.Fault(errors.New("the file ends before its array does"), "is the file complete?")
		case err != nil:
			return nil, err
		case v.inArray && b == ']':
			v.read()
			v.inArray = false
			continue
		case v.inArray && v.more:
			if b != ',' {
				return nil, v.Fault(fmt.Errorf("%q where a comma or the end of the array should be", b), "is this a JSON array?")
			}
			v.read()
			if _, err := v.skip(); errors.Is(err, io.EOF) {
				continue
			} else if err != nil {
				return nil, err
			}
			v.line = v.at
		case !v.inArray && b == '[' && isList(v.peek()):
			v.read()
			v.inArray, v.more = true, false
			continue
		}
		v.more = true
		return v.next()
	}
}

// begin decides whether each line is a value.
func (v *values) begin() {
	head := bytes.TrimPrefix(v.peek(), []byte(record.ByteOrderMark))
	line, _, whole := bytes.Cut(bytes.TrimLeft(head, " \t\r\n"), []byte("\n"))
	if whole = whole || len(head) < v.r.Size()-len(record.ByteOrderMark); whole && record.ValidJSON(line) || !whole {
		if !isList(line) {
			v.lines = record.NewLines(v.file, v.r)
			return
		}
	}
	if mark, err := v.r.Peek(len(record.ByteOrderMark)); err == nil && string(mark) == record.ByteOrderMark {
		_, _ = v.r.Discard(len(mark)) // cannot fail: it was peeked
	}
}

// isList reports whether head begins with an array of objects or arrays, or an empty one.
func isList(head []byte) bool {
	rest, ok := bytes.CutPrefix(head, []byte("["))
	rest = bytes.TrimLeft(rest, " \t\r\n")
	return ok && (len(rest) == 0 || bytes.IndexByte([]byte("{[]"), rest[0]) >= 0)
}

// peek returns the bytes that come next, as far as they are at hand.
func (v *values) peek() []byte {
	head, _ := v.r.Peek(v.r.Size()) // its error is that of reading on
	return head
}

// read returns the next byte.
func (v *values) read() (byte, error) {
	b, err := v.r.ReadByte()
	switch {
	case errors.Is(err, io.EOF):
	case err != nil:
		err = fmt.Errorf("read %s: %w", v.file, err)
	case b == '\n':
		v.at++
	}
	return b, err
}

// skip passes white space over and returns the byte behind it, which is the next one to be
// read.
func (v *values) skip() (byte, error) {
	for {
		b, err := v.read()
		if err != nil {
			return 0, err
		}
		if b != ' ' && b != '\t' && b != '\r' && b != '\n' {
			return b, v.r.UnreadByte()
		}
	}
}

// next reads a value up to its end: that of its outermost bracket, or of a number, string or
// word.
func (v *values) next() ([]byte, error) {
	v.value = v.value[:0]
	depth, quoted, escaped := 0, false, false
	for {
		b, err := v.read()
		switch {
		case errors.Is(err, io.EOF) && (depth > 0 || quoted):
			return nil, v.Fault(errors.New("the file ends before this JSON value does"), "is the file complete?")
		case errors.Is(err, io.EOF) && len(v.value) > 0:
			return v.value, nil
		case err != nil:
			return nil, err
		case len(v.value) >= record.MaxLine:
			return nil, v.Fault(fmt.Errorf("a JSON value of more than %d MiB", record.MaxLine>>20), "write one object on each line")
		case depth == 0 && !quoted && len(v.value) > 0 && bytes.IndexByte([]byte(",] \t\r\n"), b) >= 0:
			if b == '\n' {
				v.at--
			}
			return v.value, v.r.UnreadByte()
		}
		v.value = append(v.value, b)
		switch {
		case escaped:
			escaped = false
		case quoted:
			escaped, quoted = b == '\\', b != '"'
		case b == '"':
			quoted = true
		case b == '{' || b == '[':
			depth++
		case b == '}' || b == ']':
			depth--
		}
		if depth <= 0 && !quoted && bytes.IndexByte([]byte(`}]"`), b) >= 0 {
			return v.value, nil
		}
	}
}
