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
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"unsafe"

	"github.com/tidwall/gjson"

	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/record"
)

// Path returns the path of the MRC file called name in dir.
func Path(dir, name string) string { return filepath.Join(dir, "mrc-ner."+name) }

// DocumentsPath returns the path of the file with the documents of the MRC file called name
// in dir.
func DocumentsPath(dir, name string) string { return filepath.Join(dir, name+".documents.jsonl") }

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
	blocks []*block
	rows   int
	labels []string

	// contexts are those of the rows, once for rows that follow each other with the same
	// one. Short ones are copies, the others are in the mapped file.
	contexts []string
}

// A block is what is known about some rows that follow each other. What prompts need of
// every row that they show is apart from the rest: they show millions of rows, scattered
// over a file of any size, and most of the time would go into waiting for memory.
type block struct {
	entries [blockRows]entry
	origins [blockRows]origin
}

const blockRows = 4096

type entry struct {
	context uint32 // index into File.contexts
	label   uint16 // index into File.labels
	form    form
}

// origin locates a row's members.
type origin struct {
	row    uint64 // offset of the row's object in the file
	starts uint32 // offset from row, or 0 if it lists no position
	ends   uint32 // the same
}

// form is a set of facts about a row.
type form uint8

const (
	plain     form = 1 << iota // see Row.Plain
	verbatim                   // see Row.Verbatim
	mapped                     // the context is in the mapped file
	escaped                    // the same, and contains JSON escapes
	positions                  // origin has a position
	pairs                      // origin.starts is that of "span_position", because the row has no other positions
	written                    // a text row; origin.starts is that of "spans"
)

// A Row is one question of the data set about a sentence and a label.
type Row struct {
	Context string // valid until the next row is decoded into this Row
	Label   string
	Plain   bool // Context is the tokens joined by single spaces

	// Unit is [markup.Char] for a text row.
	Unit markup.Unit

	// Spans are half-open, in Unit, and as in the file: possibly unsorted or overlapping.
	// Those of a text row are in the sentence. Those that count tokens may be beyond it,
	// and a position that is not a whole number, or a string of one, becomes a Start of
	// -1 or an End of 0.
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

func (f form) unit() markup.Unit {
	if f&written != 0 {
		return markup.Char
	}
	return markup.Token
}

// Close unmaps the file.
func (f *File) Close() error { return f.unmap() }

// Name returns the path with which the file was opened.
func (f *File) Name() string { return f.name }

// Len returns the number of rows.
func (f *File) Len() int { return f.rows }

// Label returns the label that row i asks for, without decoding the row.
func (f *File) Label(i int) string { return f.labels[f.entry(i).label] }

// Unit returns what the spans of row i count: characters if it is a text row, otherwise
// tokens.
func (f *File) Unit(i int) markup.Unit { return f.entry(i).form.unit() }

// Position returns where the sentence of row i begins in its document, if the row says so.
// It returns an error if the row has changed since the file was opened.
func (f *File) Position(i int) (p record.Position, err error) {
	if f.Unit(i) != markup.Char {
		return p, nil
	}
	err = guard(f.name, func() error {
		row := gjson.GetMany(f.text[f.origin(i).row:], "document", "offset", "offset_bytes")
		if p.Document = strings.Clone(record.Text(row[0])); p.Document != "" {
			p.Chars, p.Bytes = int(row[1].Int()), int(row[2].Int())
		}
		return nil
	})
	return p, err
}

// Line returns the line of the file on which row i begins, from 1, or 0 if the file has
// changed since it was opened.
func (f *File) Line(i int) (line int) {
	_ = guard(f.name, func() error { // on an error, Line returns 0
		line = f.line(int(f.origin(i).row))
		return nil
	})
	return line
}

func (f *File) line(offset int) int {
	n := 1
	for s := f.text[:offset]; ; n++ {
		i := bytes.IndexByte(unsafe.Slice(unsafe.StringData(s), len(s)), '\n')
		if i < 0 {
			return n
		}
		s = s[i+1:]
	}
}

func (f *File) entry(i int) *entry {
	return &f.blocks[uint(i)/blockRows].entries[uint(i)%blockRows]
}

func (f *File) origin(i int) *origin {
	return &f.blocks[uint(i)/blockRows].origins[uint(i)%blockRows]
}

// Decode decodes row i into r, reusing its memory. It returns an error if what it has to
// read has changed since the file was opened.
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
	e := f.entry(i)
	r.Label = f.labels[e.label]
	r.Context = f.context(e)
	if e.form&mapped != 0 { // a copy, because all reads of the mapped file must be guarded
		r.memory = append(r.memory[:0], r.Context...)
		r.Context = unsafe.String(unsafe.SliceData(r.memory), len(r.memory))
	}
	r.Plain, r.Verbatim = e.form&plain != 0, e.form&verbatim != 0
	r.Spans, r.Unpaired, r.Unit = r.Spans[:0], 0, e.form.unit()
	if e.form&positions == 0 {
		return
	}
	o := f.origin(i)
	if e.form&written != 0 {
		r.Spans, _ = appendSpans(r.Spans, f.text[o.row+uint64(o.starts):])
		return
	}
	if e.form&pairs != 0 {
		r.Spans = appendPairs(r.Spans, f.text[o.row+uint64(o.starts):])
		return
	}
	var starts, ends [16]int // so that few rows allocate
	r.pair(f.positions(starts[:0], o.row, o.starts), f.positions(ends[:0], o.row, o.ends))
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
		sum += uint64(f.entry(i).label)
	}
	for _, i := range rows {
		e := f.entry(i)
		sum += uint64(len(f.contexts[e.context]))
		if e.form&positions != 0 {
			sum += f.origin(i).row
		}
	}
	for _, i := range rows {
		e := f.entry(i)
		context := f.contexts[e.context]
		for at := 0; at < len(context); at += line {
			sum += uint64(context[at])
		}
		if e.form&positions != 0 {
			o := f.origin(i)
			sum += uint64(f.text[o.row+uint64(o.starts)]) + uint64(f.text[o.row+uint64(o.ends)])
		}
	}
	return sum // keeps the compiler from removing the reads
}

func (f *File) context(e *entry) string {
	s := f.contexts[e.context]
	if e.form&escaped != 0 {
		return record.Unescape(s)
	}
	return s
}

// positions appends the array at this offset of the row, whose text has been validated.
func (f *File) positions(dst []int, row uint64, offset uint32) []int {
	if offset == 0 {
		return dst
	}
	s := f.text[row+uint64(offset):]
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

// appendSpans appends the pairs of a "spans" member. ok is false if it is anything but a
// list of pairs of whole numbers.
func appendSpans(dst []markup.Span, s string) (_ []markup.Span, ok bool) {
	i := skipSpace(s, 1)
	for s[0] == '[' && s[i] == '[' {
		var pair [2]int
		for n, end := range [2]byte{',', ']'} {
			from := skipSpace(s, i+1)
			for i = from; s[i] >= '0' && s[i] <= '9' && pair[n] < math.MaxInt32/10; i++ {
				pair[n] = 10*pair[n] + int(s[i]-'0')
			}
			if i, ok = skipSpace(s, i), i > from; !ok || s[i] != end {
				return dst, false
			}
		}
		dst = append(dst, markup.Span{Start: pair[0], End: pair[1]})
		if i = skipSpace(s, i+1); s[i] == ',' {
			if i = skipSpace(s, i+1); s[i] != '[' {
				return dst, false
			}
		}
	}
	return dst, s[0] == '[' && s[i] == ']'
}
