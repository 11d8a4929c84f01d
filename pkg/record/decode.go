package record

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"nertools/pkg/english"
	"nertools/pkg/fault"
)

// Extra holds the members of a record that this version does not know, exactly as they
// were in the line, each preceded by a comma.
type Extra string

func (e Extra) append(dst []byte) []byte { return append(dst, e...) }

// ParsePrompt parses one line as a prompt record.
func ParsePrompt(line []byte) (p Prompt, err error) {
	p.Extra, err = parse(line, "prompt", func(key string, v gjson.Result) (known bool, err error) {
		switch key {
		case "id":
			p.ID, err = text(v)
		case "index":
			p.Index, err = count(v)
		case "total":
			p.Total, err = count(v)
		case "label":
			p.Label, err = text(v)
		case "labels":
			p.Labels, known = texts(v)
			return known, nil
		case "context":
			p.Context, err = text(v)
		case "prompt":
			p.Text, err = text(v)
		case "examples":
			p.Examples, err = counts(v)
		case "response_format":
			p.ResponseFormat, err = object(v)
		case "output", "error", "partial", "request", "model", "finish_reason", "usage", "attempts", "latency_ms", "batch_id":
			// A member of result records. Carried through, it would be repeated in the
			// result.
		default:
			return p.Origin.member(key, v), nil
		}
		return true, err
	})
	if err == nil && p.Text == "" {
		err = errors.New(`no "prompt" in it`)
	}
	if err == nil {
		err = check(p.ID, p.Index, p.Total)
	}
	return p, err
}

// ParseResult parses one line as a result record.
func ParseResult(line []byte) (r Result, err error) {
	answered := false
	r.Extra, err = parse(line, "result", func(key string, v gjson.Result) (known bool, err error) {
		switch key {
		case "id":
			r.ID, err = text(v)
		case "index":
			r.Index, err = count(v)
		case "total":
			r.Total, err = count(v)
		case "label":
			r.Label, err = text(v)
		case "labels":
			r.Labels, known = texts(v)
			return known, nil
		case "context":
			r.Context, err = text(v)
		case "output":
			r.Output, err = text(v)
			answered = v.Type == gjson.String
		case "error":
			r.Failure, err = failure(v)
		case "partial":
			r.Partial, err = text(v)
		case "request":
			r.Request, err = text(v)
		case "model":
			r.Model, err = text(v)
		case "finish_reason":
			r.FinishReason, err = text(v)
		case "usage":
			r.Usage, err = usage(v)
		case "attempts":
			r.Attempts, err = count(v)
		case "latency_ms":
			var ms int
			ms, err = count(v)
			r.Latency = time.Duration(ms) * time.Millisecond
		case "batch_id":
			r.BatchID, err = text(v)
		default:
			return r.Origin.member(key, v), nil
		}
		return true, err
	})
	switch {
	case err != nil:
	case r.Failure == nil && !answered:
		err = errors.New(`neither "output" nor "error" in it`)
	case r.Failure != nil && answered:
		err = errors.New(`both "output" and "error" in it`)
	default:
		err = check(r.ID, r.Index, r.Total)
	}
	return r, err
}

// member takes note of a member of a record. It reports false if that is none of o's: a
// record of another tool may have one of another type with the same name.
func (o *Origin) member(key string, v gjson.Result) (known bool) {
	const most = 1 << 53 // up to which a number of JSON is exact
	whole := v.Type == gjson.Number && v.Num >= 0 && v.Num <= most && v.Num == math.Trunc(v.Num)
	switch {
	case key == "sentence" && v.Type == gjson.String:
		o.Sentence = Text(v)
	case key == "form" && v.Type == gjson.String:
		o.Form = Text(v)
	case key == "document" && v.Type == gjson.String:
		o.Document = Text(v)
	case key == "offset" && whole:
		o.Chars = int(v.Num)
	case key == "offset_bytes" && whole:
		o.Bytes = int(v.Num)
	default:
		return false
	}
	return true
}

// parse walks the members of a record of the given kind and returns those for which
// member returns false. The strings it passes on do not share memory with line.
func parse(line []byte, kind string, member func(key string, v gjson.Result) (known bool, err error)) (Extra, error) {
	if !utf8.Valid(line) {
		return "", errors.New("not UTF-8")
	}
	var (
		version int
		found   string
		extra   []byte
		err     error
	)
	own := string(line) // one copy for all strings of the record
	valid := Walk(own, func(key, raw string, _ int) {
		if err != nil {
			return
		}
		v := value(raw)
		switch name := Unquote(key); name {
		case "v":
			version, err = count(v)
		case "kind":
			found, err = text(v)
		default:
			var known bool
			if known, err = member(name, v); !known {
				extra = append(append(append(append(extra, ','), key...), ':'), raw...)
			}
		}
		if err != nil {
			err = fmt.Errorf("%q: %w", Unquote(key), err)
		}
	})
	switch {
	case !valid:
		return "", errors.New("not a JSON object")
	case err != nil:
		return "", err
	case found == "":
		return "", fmt.Errorf(`no "kind" in it: not a %s record`, kind)
	case found != kind:
		return "", OtherKind(fmt.Sprintf("a %s record where a %s record should be", found, kind))
	case version != Version:
		return "", OtherKind(fmt.Sprintf("format version %d: this program reads version %d", version, Version))
	}
	return Extra(extra), nil
}

// value parses raw as gjson does, except for strings, which [Unquote] decodes: most of a
// record is one long string, and gjson removes escapes byte by byte.
func value(raw string) gjson.Result {
	if raw[0] == '"' {
		return gjson.Result{Type: gjson.String, Raw: raw}
	}
	return gjson.Parse(raw)
}

// Text returns the string v, decoded by [Unquote], or "" if v is not a string.
func Text(v gjson.Result) string {
	if v.Type != gjson.String {
		return ""
	}
	return Unquote(v.Raw)
}

func check(id string, index, total int) error {
	switch {
	case id == "":
		return errors.New(`no "id" in it`)
	case total > 0 && index >= total:
		return fmt.Errorf("index %d, but the source has only %s", index, english.Count(total, "row"))
	}
	return nil
}

func text(v gjson.Result) (string, error) {
	if v.Type != gjson.String && v.Type != gjson.Null {
		return "", errors.New("should be a string")
	}
	return Text(v), nil
}

// texts returns a list of strings. It reports false if v is something else: a record of
// another tool may have a member of another type with the same name.
func texts(v gjson.Result) (list []string, ok bool) {
	if !v.IsArray() {
		return nil, false
	}
	ok = true
	v.ForEach(func(_, e gjson.Result) bool {
		ok = e.Type == gjson.String && e.Raw != `""`
		list = append(list, Text(e))
		return ok
	})
	if !ok || len(list) == 0 {
		return nil, false
	}
	return list, true
}

func count(v gjson.Result) (int, error) {
	if v.Type == gjson.Null {
		return 0, nil
	}
	if v.Type != gjson.Number || v.Num < 0 || v.Num > math.MaxInt32 || v.Num != math.Trunc(v.Num) {
		return 0, errors.New("should be a whole number from 0")
	}
	return int(v.Num), nil
}

func counts(v gjson.Result) (list []int, err error) {
	if v.Type == gjson.Null {
		return nil, nil
	}
	if !v.IsArray() {
		return nil, errors.New("should be an array of row numbers")
	}
	v.ForEach(func(_, e gjson.Result) bool {
		var n int
		n, err = count(e)
		list = append(list, n)
		return err == nil
	})
	return list, err
}

// object returns the raw JSON of an object, or "" for null.
func object(v gjson.Result) (string, error) {
	if v.Type == gjson.Null {
		return "", nil
	}
	if !v.IsObject() {
		return "", errors.New("should be an object")
	}
	return v.Raw, nil
}

func failure(v gjson.Result) (*Failure, error) {
	if v.Type == gjson.Null {
		return nil, nil
	}
	if !v.IsObject() {
		return nil, errors.New("should be an object")
	}
	f := Failure{
		Class:   Class(v.Get("class").String()),
		Status:  int(v.Get("status").Int()),
		Code:    v.Get("code").String(),
		Message: v.Get("message").String(),
	}
	if f.Class == "" {
		return nil, errors.New(`no "class" in it`)
	}
	return &f, nil
}

func usage(v gjson.Result) (u Usage, err error) {
	if v.Type != gjson.Null && !v.IsObject() {
		return u, errors.New("should be an object")
	}
	v.ForEach(func(key, n gjson.Result) bool {
		switch key.Str {
		case "prompt_tokens":
			u.Prompt = int(n.Int())
		case "completion_tokens":
			u.Completion = int(n.Int())
		case "cached_tokens":
			u.Cached = int(n.Int())
		case "cache_write_tokens":
			u.CacheWrite = int(n.Int())
		case "reasoning_tokens":
			u.Reasoning = int(n.Int())
		}
		return true
	})
	return u, nil
}

// MaxLine is the maximum length of a line in bytes. It stops a file that is not JSONL
// from filling the memory.
const MaxLine = 64 << 20

// Lines reads a file or stream line by line. Lines have at most [MaxLine] bytes.
type Lines struct {
	name       string
	r          *bufio.Reader
	line       int
	start, end int64 // of the last line returned
	long       []byte
	torn       bool
	nuls       bool // the last line returned had NUL bytes at its ends
}

// NewLines returns Lines that read from r. Errors use name as the file name.
func NewLines(name string, r io.Reader) *Lines {
	return &Lines{name: name, r: bufio.NewReaderSize(r, 256<<10)}
}

// Reader returns what l reads from, at the place that it has come to. l is not to be used
// again before Restart.
func (l *Lines) Reader() io.Reader { return l.r }

// Restart makes l read from r, whose first line is line 1.
func (l *Lines) Restart(r io.Reader) { *l = *NewLines(l.name, r) }

// Next returns the next non-blank line, without its line end; a byte order mark at the
// beginning of the file is removed. The line is valid until the next call. At the end
// Next returns io.EOF.
func (l *Lines) Next() ([]byte, error) {
	for {
		line, err := l.any()
		if errors.Is(err, errTooLong) {
			return nil, l.Fault(err, "is this a text file?")
		}
		if err != nil {
			return nil, err
		}
		if text, marked := bytes.CutPrefix(line, []byte(ByteOrderMark)); marked && l.line == 1 {
			line, l.start = text, l.start+int64(len(ByteOrderMark))
		}
		switch {
		case len(bytes.TrimSpace(line)) > 0:
			return line, nil
		case l.nuls:
			return nil, l.Fault(ErrNUL, "lines may be missing here: make the file again")
		}
	}
}

// All yields the results of [Lines.Next] until the end. After an error it continues with
// the following lines, if any; most callers stop at the first error.
func (l *Lines) All() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for {
			line, err := l.Next()
			if errors.Is(err, io.EOF) || !yield(line, err) {
				return
			}
		}
	}
}

// ErrNUL is the error of a line that contains NUL bytes.
var ErrNUL = errors.New("NUL bytes, as a power cut can leave them instead of lines")

var errTooLong = fmt.Errorf("a line of more than %d MiB", MaxLine>>20)

// any returns the next line, blank or not, without NUL bytes at its ends: a power cut
// leaves them, and JSON never contains them. After a line that is too long it continues
// with the next.
func (l *Lines) any() ([]byte, error) {
	line, err := l.read()
	if err == nil || errors.Is(err, errTooLong) {
		l.line++
	}
	text := bytes.TrimLeft(line, "\x00")
	l.start += int64(len(line) - len(text))
	text = bytes.TrimRight(text, "\x00")
	l.nuls, line = len(text) < len(line), text
	for skip := err; errors.Is(skip, errTooLong); {
		var part []byte
		part, skip = l.r.ReadSlice('\n')
		l.end += int64(len(part))
		if errors.Is(skip, bufio.ErrBufferFull) {
			skip = errTooLong
		}
	}
	return line, err
}

func (l *Lines) read() ([]byte, error) {
	l.start = l.end
	l.long = l.long[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		l.end += int64(len(part))
		switch {
		case err == nil && len(l.long) == 0:
			return trimEnd(part), nil
		case err == nil:
			return trimEnd(append(l.long, part...)), nil
		case errors.Is(err, bufio.ErrBufferFull):
			l.long = append(l.long, part...)
			if len(l.long) > MaxLine {
				return nil, errTooLong
			}
		case errors.Is(err, io.EOF):
			if len(l.long)+len(part) == 0 {
				return nil, io.EOF
			}
			l.torn = true
			return append(l.long, part...), nil
		default:
			return nil, fmt.Errorf("read %s: %w", l.name, err)
		}
	}
}

func trimEnd(line []byte) []byte {
	return bytes.TrimSuffix(line[:len(line)-1], []byte{'\r'})
}

// Line returns the number of the last line returned, from 1.
func (l *Lines) Line() int { return l.line }

// Fault returns err as a fault of the last line returned, with hint as the remedy.
func (l *Lines) Fault(err error, hint string) error {
	return &fault.Error{File: l.name, Line: l.line, Err: err, Hint: hint}
}

// OneLine puts an answer on one line: each line break inside it (everything that Python's
// str.splitlines recognises; "\r\n" counts as one) becomes a space, and line breaks at
// its ends are removed.
func OneLine(s string) string {
	if strings.IndexFunc(s, isBreak) < 0 {
		return s
	}
	s = strings.TrimFunc(s, isBreak)
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		if isBreak(r) {
			return ' '
		}
		return r
	}, s)
}

func isBreak(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', '\x1c', '\x1d', '\x1e', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
}
