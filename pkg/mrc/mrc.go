// Package mrc reads and writes the files of MRC-NER data sets: the rows ("mrc-ner.NAME",
// one JSON array) and the neighbours ("NAME.knn.jsonl").
//
// Files are checked completely when they are opened, so errors in them are reported
// before the first prompt is written. They are mapped into memory, not decoded: a row is
// decoded only when it is requested.
package mrc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"
	"unsafe"

	"github.com/tidwall/gjson"
	"golang.org/x/sync/errgroup"

	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/record"
)

// Path returns the path of the MRC file called name in dir.
func Path(dir, name string) string { return filepath.Join(dir, "mrc-ner."+name) }

// Split splits a path made by [Path]. For any other path, ok is false and name is the
// whole file name.
func Split(path string) (dir, name string, ok bool) {
	dir, name = filepath.Split(path)
	name, ok = strings.CutPrefix(name, "mrc-ner.")
	return dir, name, ok
}

// File is an open MRC file. It is safe for concurrent use.
type File struct {
	name   string
	text   string // the mapped file
	unmap  func() error
	blocks [][]place
	rows   int
	labels []string
}

// place locates a row's members so that decoding a row touches as little memory as
// possible: a run reads millions of rows, scattered over a file of any size. row is the
// offset of the row's object in the file, the others are offsets from row, or 0 for
// missing members.
type place struct {
	row     uint64
	context uint32 // of the first byte after the opening quote
	length  uint32 // of the context as in the file, escapes included
	starts  uint32
	ends    uint32
	label   uint16 // index into File.labels
	escaped bool   // the context contains JSON escapes
	plain   bool   // see Row.Plain
	pairs   bool   // starts is the offset of "span_position", because the row has no other positions
}

// A Row is one question of the data set about a sentence and a label.
type Row struct {
	Context string // valid until the next row is decoded into this Row
	Label   string
	Plain   bool // Context is the tokens joined by single spaces

	// Spans are the token spans, half-open, as in the file: possibly unsorted,
	// overlapping or beyond the sentence. A position that is not a whole number, or a
	// string of one, becomes a Start of -1 or an End of 0.
	Spans    []markup.Span
	Unpaired int // starts without an end, or ends without a start

	// Verbatim means that Context can be copied into a JSON string without escaping.
	Verbatim bool

	memory []byte // of Context
}

// Open maps, checks and indexes the file. The caller closes it.
func Open(path string) (*File, error) {
	text, unmap, err := mapFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &fault.Error{File: path, Err: fs.ErrNotExist, Hint: "the files of a data set are called mrc-ner.NAME: check the directory and NAME"}
	}
	if err != nil {
		return nil, err
	}
	f := &File{name: path, text: text, unmap: unmap}
	if err := guard(path, f.index); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Close unmaps the file.
func (f *File) Close() error { return f.unmap() }

// Name returns the path with which the file was opened.
func (f *File) Name() string { return f.name }

// Len returns the number of rows.
func (f *File) Len() int { return f.rows }

// Label returns the label that row i asks for, without decoding the row.
func (f *File) Label(i int) string { return f.labels[f.place(i).label] }

// Line returns the line of the file on which row i begins, from 1, or 0 if the file has
// changed since it was opened.
func (f *File) Line(i int) (line int) {
	_ = guard(f.name, func() error { // on an error, Line returns 0
		line = f.line(f.place(i).row)
		return nil
	})
	return line
}

func (f *File) line(offset uint64) int {
	n := 1
	for s := f.text[:offset]; ; n++ {
		i := bytes.IndexByte(unsafe.Slice(unsafe.StringData(s), len(s)), '\n')
		if i < 0 {
			return n
		}
		s = s[i+1:]
	}
}

func (f *File) place(i int) *place { return &f.blocks[i/blockRows][i%blockRows] }

// Decode decodes row i into r, reusing its memory. It returns an error if the file has
// changed since it was opened.
func (f *File) Decode(i int, r *Row) error {
	return guard(f.name, func() error {
		f.decode(i, r)
		return nil
	})
}

// DecodeAll decodes the rows with these numbers into list, reusing its memory. It is
// faster than calling [File.Decode] for each of them.
func (f *File) DecodeAll(numbers []int, list []Row) ([]Row, error) {
	list = slices.Grow(list[:0], len(numbers))[:len(numbers)]
	err := guard(f.name, func() error {
		f.prefetch(numbers)
		for i, n := range numbers {
			f.decode(n, &list[i])
		}
		return nil
	})
	return list, err
}

func (f *File) decode(i int, r *Row) {
	p := f.place(i)
	r.Label = f.labels[p.label]
	// A copy, because all reads of the mapped file must be guarded.
	r.memory = append(r.memory[:0], f.context(p)...)
	r.Context = unsafe.String(unsafe.SliceData(r.memory), len(r.memory))
	r.Plain, r.Verbatim = p.plain, !p.escaped
	r.Spans, r.Unpaired = r.Spans[:0], 0
	if p.pairs {
		r.Spans = appendPairs(r.Spans, f.text[p.row+uint64(p.starts):])
		return
	}
	var starts, ends [16]int // so that few rows allocate
	r.pair(f.positions(starts[:0], p, p.starts), f.positions(ends[:0], p, p.ends))
}

// pair turns the positions in the file, where ends are inclusive, into spans.
func (r *Row) pair(starts, ends []int) {
	n := min(len(starts), len(ends))
	for i := range n {
		r.Spans = append(r.Spans, markup.Span{Start: starts[i], End: ends[i] + 1})
	}
	r.Unpaired = len(starts) + len(ends) - 2*n
}

// prefetch reads the memory that decode will read for these rows. The rows in one prompt
// are scattered over the file, and each costs several cache misses. Here the misses
// overlap, whereas decode would wait for one after the other.
//
//go:noinline
func (f *File) prefetch(rows []int) (sum uint64) {
	const line = 64 // bytes per cache line
	for _, i := range rows {
		sum += f.place(i).row
	}
	for _, i := range rows {
		p := f.place(i)
		context := f.text[p.row+uint64(p.context):][:p.length]
		for at := 0; at < len(context); at += line {
			sum += uint64(context[at])
		}
		sum += uint64(f.text[p.row+uint64(p.starts)]) + uint64(f.text[p.row+uint64(p.ends)])
	}
	return sum // keeps the compiler from removing the reads
}

func (f *File) context(p *place) string {
	from := p.row + uint64(p.context)
	if p.escaped {
		return record.Text(gjson.Parse(f.text[from-1:]))
	}
	return f.text[from : from+uint64(p.length)]
}

// positions appends the array at this offset of p, whose text has been validated.
func (f *File) positions(dst []int, p *place, offset uint32) []int {
	if offset == 0 {
		return dst
	}
	s := f.text[p.row+uint64(offset):]
	if s[0] != '[' {
		return append(dst, position(firstValue(s)))
	}
	base, n := len(dst), -1
	for i := 1; ; i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9' && n < math.MaxInt32/10:
			n = max(n, 0)*10 + int(c-'0')
		case c == ' ', c == '\n', c == '\r', c == '\t':
		case c == ',' && n >= 0:
			dst, n = append(dst, n), -1
		case c == ']':
			if n >= 0 {
				dst = append(dst, n)
			}
			return dst
		default:
			return oddPositions(dst[:base], s)
		}
	}
}

// oddPositions reads an array that contains something other than whole numbers.
func oddPositions(dst []int, s string) []int {
	list, _ := firstValue(s).([]any)
	for _, v := range list {
		dst = append(dst, position(v))
	}
	return dst
}

// firstValue returns the JSON value at the beginning of s.
func firstValue(s string) (v any) {
	dec := json.NewDecoder(strings.NewReader(s))
	dec.UseNumber() // a number too large for Go must not affect the others
	if err := dec.Decode(&v); err != nil {
		return nil
	}
	return v
}

// position returns the token index in v, a whole number or a string of one, or -1 for
// anything else.
func position(v any) int {
	var num json.Number
	switch v := v.(type) {
	case json.Number:
		num = v
	case string:
		num = json.Number(strings.TrimSpace(v))
	}
	n, err := num.Float64()
	if err != nil || n < 0 || n > math.MaxInt32 || n != math.Trunc(n) {
		return -1
	}
	return int(n)
}

// appendPairs appends the spans of a "span_position" member: a list of "3;4", "3,4" or
// [3,4], or a single one of these.
func appendPairs(dst []markup.Span, s string) []markup.Span {
	v := firstValue(s)
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, v := range list {
		pair, ok := v.([]any)
		if text, is := v.(string); is {
			start, end, found := strings.Cut(text, ";")
			if !found {
				start, end, found = strings.Cut(text, ",")
			}
			pair, ok = []any{start, end}, found
		}
		start, end := -1, -1
		if ok && len(pair) == 2 {
			start, end = position(pair[0]), position(pair[1])
		}
		dst = append(dst, markup.Span{Start: start, End: end + 1})
	}
	return dst
}

const blockRows = 4096

// index finds and checks the rows. gjson quickly finds where values end but does not
// validate them, so each value is validated separately, on all cores, and the text
// between values is checked here. Together this is equivalent to validating the whole
// file.
func (f *File) index() error {
	f.text = strings.TrimPrefix(f.text, byteOrderMark)
	if err := f.checkStart(); err != nil {
		return err
	}
	var (
		g      errgroup.Group
		labels = interner{index: map[string]uint16{}}
		faults sync.Map // block number -> error
		failed atomic.Bool
		block  []span
		end    uint64 // of the last value
		broken error
	)
	g.SetLimit(runtime.GOMAXPROCS(0) + 1)
	flush := func() {
		n, spans := len(f.blocks), block
		places := make([]place, len(spans))
		f.blocks = append(f.blocks, places)
		block = make([]span, 0, blockRows)
		g.Go(func() error {
			err := guard(f.name, func() error { return f.indexBlock(n*blockRows, spans, places, &labels) })
			if err != nil {
				faults.Store(n, err)
				failed.Store(true)
			}
			return nil
		})
	}
	list := gjson.Parse(f.text)
	end = uint64(list.Index) + 1
	list.ForEach(func(_, v gjson.Result) bool {
		at := uint64(v.Index)
		if broken = f.checkGap(end, at, f.rows > 0); broken != nil {
			return false
		}
		end = at + uint64(len(v.Raw))
		block = append(block, span{at, end})
		f.rows++
		if len(block) == blockRows {
			flush()
		}
		return !failed.Load()
	})
	flush()
	_ = g.Wait() // the errors are in faults, by block
	for n := range f.blocks {
		if err, ok := faults.Load(n); ok {
			return err.(error)
		}
	}
	if broken == nil {
		broken = f.checkEnd(end)
	}
	f.labels = labels.list
	return broken
}

type span struct{ start, end uint64 }

// Hints for faults.
const (
	cutOff = "the file seems to be cut off: copy or make it again"
	mend   = "repair the file or make it again"
	alone  = "an MRC file is one JSON array and nothing else"
)

func (f *File) checkStart() error {
	switch i := skipSpace(f.text, 0); {
	case i == uint64(len(f.text)):
		return f.fault(0, errors.New("the file is empty"), "an MRC file is one JSON array of rows")
	case f.text[i] == '{':
		return f.fault(i, errors.New("a JSON object instead of a JSON array"), "an MRC file is one JSON array of rows: put the objects, with commas between them, into [ and ]")
	case f.text[i] != '[':
		return f.fault(i, errors.New("not a JSON array"), "an MRC file is one JSON array of rows")
	}
	return nil
}

// checkGap checks the text between two values: one comma and white space, or before the
// first value only white space.
func (f *File) checkGap(from, to uint64, comma bool) error {
	i := skipSpace(f.text, from)
	if f.text[i] == ']' {
		// gjson searches beyond the end of the array.
		return f.checkEnd(from)
	}
	if comma {
		if i >= to || f.text[i] != ',' {
			return f.fault(min(i, to), fmt.Errorf("broken JSON array: no comma before row %d", f.rows), mend)
		}
		i = skipSpace(f.text, i+1)
	}
	if i != to {
		return f.fault(i, fmt.Errorf("broken JSON array: %q instead of row %d", f.char(i), f.rows), mend)
	}
	return nil
}

// checkEnd checks the text after the last value.
func (f *File) checkEnd(end uint64) error {
	i := skipSpace(f.text, end)
	size := uint64(len(f.text))
	switch {
	case i == size, f.text[i] == ',' && f.rows > 0 && skipSpace(f.text, i+1) == size:
		return f.fault(size, fmt.Errorf("the JSON array does not end: no ']' after %s", english.Count(f.rows, "row")), cutOff)
	case f.text[i] != ']':
		return f.fault(i, fmt.Errorf("broken JSON array: %q instead of a row or ']' after %s", f.char(i), english.Count(f.rows, "row")), mend)
	}
	if i = skipSpace(f.text, i+1); i != size {
		return f.fault(i, fmt.Errorf("%q after the end of the JSON array", f.char(i)), alone)
	}
	if f.rows == 0 {
		return f.fault(end, errors.New("no rows in the JSON array"), "an MRC file has a row for each sentence and label")
	}
	return nil
}

// char returns the character at offset i.
func (f *File) char(i uint64) rune {
	r, _ := utf8.DecodeRuneInString(f.text[i:])
	return r
}

func skipSpace(s string, i uint64) uint64 {
	for i < uint64(len(s)) {
		switch s[i] {
		case ' ', '\t', '\n', '\r':
			i++
		default:
			return i
		}
	}
	return i
}

func (f *File) fault(offset uint64, err error, hint string) error {
	return &fault.Error{File: f.name, Line: f.line(min(offset, uint64(len(f.text)))), Err: err, Hint: hint}
}

func (f *File) indexBlock(first int, spans []span, places []place, labels *interner) error {
	known := map[string]uint16{}
	for i, s := range spans {
		raw := f.text[s.start:s.end]
		if uint64(len(raw)) > math.MaxUint32 {
			return f.fault(s.start, fmt.Errorf("row %d: longer than 4 GiB", first+i), "a row contains one sentence: make the file again")
		}
		places[i].row = s.start
		label := ""
		var pairs uint32
		var starts, ends bool // whether the row has these lists
		valid := record.Walk(raw, func(key, value string, offset int) {
			at := uint32(offset)
			switch record.Unquote(key) {
			// If a key is repeated, the last one wins, as in Python.
			case "context":
				places[i].setContext(at, value)
			case "entity_label":
				label = text(value)
			case "start_position":
				places[i].starts, starts = positionsAt(at, value), value != "null"
			case "end_position":
				places[i].ends, ends = positionsAt(at, value), value != "null"
			case "span_position":
				pairs = positionsAt(at, value)
			}
		})
		switch {
		case !valid:
			return f.brokenRow(first+i, s, raw)
		case !utf8.ValidString(raw):
			return f.fault(s.start, fmt.Errorf("row %d: not UTF-8", first+i), "convert the file to UTF-8, with iconv for example")
		}
		if pairs != 0 && !starts && !ends {
			places[i].starts, places[i].pairs = pairs, true
		}
		if places[i].context == 0 {
			return f.fault(s.start, fmt.Errorf(`row %d: no "context" string in it`, first+i), "each row must contain its sentence")
		}
		if label == "" {
			return f.fault(s.start, fmt.Errorf(`row %d: no "entity_label" string in it`, first+i), "each row must contain the label that it asks for")
		}
		n, ok := known[label]
		if !ok {
			var err error
			if n, err = labels.number(label); err != nil {
				return f.fault(s.start, fmt.Errorf("row %d: %w", first+i, err), "entity_label must be a label such as PER, not a text")
			}
			known[label] = n
		}
		places[i].label = n
	}
	return nil
}

func (p *place) setContext(at uint32, value string) {
	if value[0] != '"' {
		p.context = 0
		return
	}
	p.context = at + 1
	p.length = uint32(len(value)) - 2
	p.escaped = strings.IndexByte(value, '\\') >= 0
	p.plain = markup.SingleSpaced(record.Unquote(value))
}

// text returns the string in value, or "" if value is not a string.
func text(value string) string {
	if value[0] != '"' {
		return ""
	}
	return record.Unquote(value)
}

// positionsAt returns at if value contains positions, one or a list, otherwise 0.
func positionsAt(at uint32, value string) uint32 {
	switch c := value[0]; {
	case value == "[]", value == `""`:
		return 0
	case c == '[', c == '"', c == '-', c >= '0' && c <= '9':
		return at
	}
	return 0
}

// brokenRow returns the fault of row n, which is not a valid JSON object.
func (f *File) brokenRow(n int, s span, raw string) error {
	// If a bracket or quotation mark is missing, gjson's idea of the row may extend to
	// the end of the file; encoding/json finds the actual place of the error.
	var row struct{}
	err := json.Unmarshal([]byte(raw), &row)
	syntax, ok := errors.AsType[*json.SyntaxError](err)
	switch {
	case !ok:
		return f.fault(s.start, fmt.Errorf("row %d is not a JSON object", n), "each row is an object with context, entity_label, start_position and end_position")
	case s.end == uint64(len(f.text)) && syntax.Offset == int64(len(raw)):
		return f.fault(s.start, fmt.Errorf("broken JSON array: row %d does not end", n), cutOff)
	}
	return f.fault(s.start+uint64(max(syntax.Offset-1, 0)), fmt.Errorf("row %d is broken JSON: %w", n, err), mend)
}

// interner numbers the labels of a file.
type interner struct {
	mu    sync.Mutex
	index map[string]uint16
	list  []string
}

func (in *interner) number(label string) (uint16, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if n, ok := in.index[label]; ok {
		return n, nil
	}
	if len(in.list) > math.MaxUint16 {
		return 0, errors.New("more than 65,536 different labels")
	}
	n := uint16(len(in.list))
	label = strings.Clone(label) // readable even if the mapped file changes
	in.index[label] = n
	in.list = append(in.list, label)
	return n, nil
}
