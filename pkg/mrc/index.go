package mrc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/parallel"
	"nertools/pkg/record"
)

// partSize is how many bytes of the file a worker checks and indexes at a time.
const partSize = 256 << 10

// copySize is how many bytes of contexts of a part are copied: a small share of the file,
// but enough for the contexts of a file with many labels, whose rows repeat them.
const copySize = partSize / 16

// A part is a run of rows that was checked and indexed on its own.
type part struct {
	begin  int       // offset of its first row, or -1 if no row seems to begin here
	limit  int       // rows that begin at this offset or later belong to other parts
	next   int       // offset of the row after the last one, or beyond the file if the array has ended
	broken faultFunc // what is wrong after the last row, or nil

	// As in [block] and [File], but with indexes into these contexts.
	entries  []entry
	origins  []origin
	contexts []string
}

// A faultFunc returns what is wrong with the row of this number.
type faultFunc func(row int) error

// index checks and indexes the rows, on all cores. Where rows begin is known only when
// all text before them has been read, so each part but the first begins where a row
// seems to begin. If this turns out to be wrong, the part is read again.
func (f *File) index() error {
	f.text = strings.TrimPrefix(f.text, record.ByteOrderMark)
	if err := f.checkStart(); err != nil {
		return err
	}
	labels := interner{index: map[string]uint16{}}
	newWorker := func() func(context.Context, int, int) (part, error) {
		ix := newIndexer(f, &labels)
		return func(_ context.Context, from, to int) (p part, err error) {
			err = guard(f.name, func() error {
				p = ix.part(f.seemingRow(from, to), to)
				return nil
			})
			return p, err
		}
	}
	again := newIndexer(f, &labels)
	next := f.firstRow()
	add := func(p part) error {
		if p.begin != next {
			if next >= p.limit {
				return nil // all of it belongs to a row of an earlier part, or the array has ended
			}
			p = again.part(next, p.limit)
		}
		f.add(&p)
		if p.broken != nil {
			return p.broken(f.rows)
		}
		next = p.next
		return nil
	}
	err := parallel.Do(context.Background(), len(f.text), partSize, newWorker, add)
	if err == nil && next <= len(f.text) {
		err = add(again.part(next, math.MaxInt)) // the file ends after a comma
	}
	f.labels = labels.list
	return err
}

// firstRow returns the offset of what follows the opening bracket.
func (f *File) firstRow() int { return skipSpace(f.text, skipSpace(f.text, 0)+1) }

// seemingRow returns the first offset at which a row seems to begin, or -1. It errs where
// a row contains a list of objects, or a string that ends in "}, {".
func (f *File) seemingRow(from, to int) int {
	if from == 0 {
		return f.firstRow()
	}
	const space = " \t\r\n"
	for i := from; ; i++ {
		n := strings.IndexByte(f.text[i:to], '{')
		if n < 0 {
			return -1
		}
		i += n
		before, comma := strings.CutSuffix(strings.TrimRight(f.text[:i], space), ",")
		if comma && strings.HasSuffix(strings.TrimRight(before, space), "}") && strings.HasPrefix(f.text[skipSpace(f.text, i+1):], `"`) {
			return i
		}
	}
}

// add adds the rows of the next part.
func (f *File) add(p *part) {
	for i := range p.entries {
		if f.rows%blockRows == 0 {
			f.blocks = append(f.blocks, new(block))
		}
		p.entries[i].context += uint32(len(f.contexts))
		*f.entry(f.rows), *f.origin(f.rows) = p.entries[i], p.origins[i]
		f.rows++
	}
	f.contexts = append(f.contexts, p.contexts...)
}

// An indexer indexes parts of a file. It may be used by one goroutine at a time.
type indexer struct {
	file   *File
	labels *interner
	known  map[string]uint16 // labels that it has met, and their numbers
	rows   int               // of the part before, as a guess for the next one

	// Of the row that is being read:
	origin       origin
	context      string // as in the file, including its quotes; "" if the row has no context
	label        string
	pairs        uint32
	starts, ends bool // it has these lists

	// Of a text row, as in the file; "" is missing or null:
	form, spans, document, offset, offsetBytes string
	spansAt                                    uint32
	list                                       []markup.Span
}

func newIndexer(f *File, labels *interner) *indexer {
	return &indexer{file: f, labels: labels, known: map[string]uint16{}}
}

// part checks and indexes the rows that begin at begin or later, and before limit.
func (ix *indexer) part(begin, limit int) part {
	p := part{begin: begin, limit: limit, next: begin}
	if begin < 0 {
		return p
	}
	f := ix.file
	p.entries, p.origins = make([]entry, 0, ix.rows+ix.rows/4), make([]origin, 0, ix.rows+ix.rows/4)
	defer func() { ix.rows = len(p.entries) }()
	var before string // the context of the row before
	var of form       // of that context
	copied := 0
	for p.next < limit {
		var end int
		var e entry
		if e, end, p.broken = ix.read(p.next); p.broken != nil {
			return p
		}
		if ix.context != before {
			before = ix.context
			context := record.Unquote(before)
			of = formOf(context)
			if copied+len(context) <= copySize {
				copied += len(context)
				context = strings.Clone(context)
			} else {
				of |= mapped
				if len(context) < len(before)-2 {
					of |= escaped
				}
				context = before[1 : len(before)-1]
			}
			p.contexts = append(p.contexts, context)
		}
		e.context, e.form = uint32(len(p.contexts)-1), e.form|of
		p.entries, p.origins = append(p.entries, e), append(p.origins, ix.origin)
		switch i := skipSpace(f.text, end); {
		case strings.HasPrefix(f.text[i:], ","):
			p.next = skipSpace(f.text, i+1)
		case strings.HasPrefix(f.text[i:], "]"):
			p.next = len(f.text) + 1
			p.broken = f.afterEnd(i + 1)
			return p
		default:
			p.broken = f.noComma(i)
			return p
		}
	}
	return p
}

// read checks the row at this offset and returns its entry, apart from what depends on its
// context, and its end. It sets ix.origin and ix.context.
func (ix *indexer) read(at int) (e entry, end int, broken faultFunc) {
	f := ix.file
	if at >= len(f.text) || f.text[at] != '{' {
		return e, 0, f.noRow(at)
	}
	ix.origin, ix.context, ix.label, ix.pairs, ix.starts, ix.ends = origin{row: uint64(at)}, "", "", 0, false, false
	ix.form, ix.spans, ix.document, ix.offset, ix.offsetBytes = "", "", "", "", ""
	size := record.WalkFirst(f.text[at:], ix.member)
	if size < 0 {
		return e, 0, f.brokenRow(at)
	}
	end = at + size
	wrong := func(hint, format string, args ...any) (entry, int, faultFunc) {
		return e, end, func(row int) error {
			return f.fault(at, fmt.Errorf("row %d: %w", row, fmt.Errorf(format, args...)), hint)
		}
	}
	switch {
	case int64(size) > math.MaxUint32:
		return wrong("a row contains one sentence: make the file again", "longer than 4 GiB")
	case !utf8.ValidString(f.text[at:end]):
		return wrong("convert the file to UTF-8, with iconv for example", "not UTF-8")
	case ix.context == "":
		return wrong("each row must contain its sentence", `no "context" string in it`)
	case ix.label == "":
		return wrong("each row must contain the label that it asks for", `no "entity_label" string in it`)
	}
	switch {
	case ix.form != "":
		if err := ix.textRow(); err != nil {
			return wrong(`a text row has "form": "text" and "spans": [[start, end], ...], half-open offsets of characters in "context"`, "%w", err)
		}
		ix.origin.starts, e.form = ix.spansAt, written
	case ix.pairs != 0 && !ix.starts && !ix.ends:
		ix.origin.starts, e.form = ix.pairs, pairs
	}
	if ix.origin.starts|ix.origin.ends != 0 {
		e.form |= positions
	}
	n, ok := ix.known[ix.label]
	if !ok {
		var err error
		if n, err = ix.labels.number(ix.label); err != nil {
			return wrong("entity_label must be a label such as PER, not a text", "%w", err)
		}
		ix.known[ix.label] = n
	}
	e.label = n
	return e, end, nil
}

// member takes note of a member of the row. If a key is repeated, the last one wins, as in
// Python.
func (ix *indexer) member(key, value string, offset int) {
	switch record.Unquote(key) {
	case "context":
		ix.context = ""
		if value[0] == '"' {
			ix.context = value
		}
	case "entity_label":
		ix.label = ""
		if value[0] == '"' {
			ix.label = record.Unquote(value)
		}
	case "start_position":
		ix.origin.starts, ix.starts = positionsAt(offset, value), value != "null"
	case "end_position":
		ix.origin.ends, ix.ends = positionsAt(offset, value), value != "null"
	case "span_position":
		ix.pairs = positionsAt(offset, value)
	case "form":
		ix.form = unlessNull(value)
	case "spans":
		ix.spans, ix.spansAt = unlessNull(value), uint32(offset)
	case "document":
		ix.document = unlessNull(value)
	case "offset":
		ix.offset = unlessNull(value)
	case "offset_bytes":
		ix.offsetBytes = unlessNull(value)
	}
}

func unlessNull(value string) string {
	if value == "null" {
		return ""
	}
	return value
}

// textRow checks what only text rows have.
func (ix *indexer) textRow() error {
	switch {
	case ix.form[0] != '"' || record.Unquote(ix.form) != record.TextForm:
		return fmt.Errorf("unknown form %.40s", ix.form)
	case ix.starts || ix.ends || ix.pairs != 0:
		return errors.New("positions of tokens in a text row")
	case ix.spans == "":
		return errors.New(`no "spans" in a text row`)
	case ix.document != "" && ix.document[0] != '"':
		return errors.New(`"document" is not a string`)
	case ix.document != "" && !(isOffset(ix.offset) && isOffset(ix.offsetBytes)):
		return errors.New(`a "document" without "offset" and "offset_bytes", whole numbers from 0`)
	}
	var ok bool
	if ix.list, ok = appendSpans(ix.list[:0], ix.spans); !ok {
		return fmt.Errorf(`"spans" is not a list of pairs of whole numbers: %.40s`, ix.spans)
	}
	if len(ix.list) == 0 {
		ix.spansAt = 0
		return nil
	}
	n := utf8.RuneCountInString(record.Unquote(ix.context))
	for _, s := range ix.list {
		if s.End <= s.Start || s.End > n {
			return fmt.Errorf("the span [%d,%d] is not in the sentence of %s", s.Start, s.End, english.Count(n, "character"))
		}
	}
	return nil
}

func isOffset(value string) bool {
	n, err := strconv.ParseUint(value, 10, 63)
	return err == nil && n <= math.MaxInt
}

// positionsAt returns offset if value contains positions, one or a list, otherwise 0.
func positionsAt(offset int, value string) uint32 {
	switch c := value[0]; {
	case value == "[]", value == `""`:
		return 0
	case c == '[', c == '"', c == '-', c >= '0' && c <= '9':
		return uint32(offset)
	}
	return 0
}

// formOf returns the facts about a context.
func formOf(context string) (f form) {
	if markup.SingleSpaced(context) {
		f |= plain
	}
	if !strings.ContainsFunc(context, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' }) {
		f |= verbatim
	}
	return f
}

// Hints for faults.
const (
	cutOff = "the file seems to be cut off: copy or make it again"
	mend   = "repair the file or make it again"
	alone  = "an MRC file is one JSON array and nothing else"
)

func (f *File) checkStart() error {
	switch i := skipSpace(f.text, 0); {
	case i == len(f.text):
		return f.fault(0, errors.New("the file is empty"), "an MRC file is one JSON array of rows")
	case f.text[i] == '{':
		return f.fault(i, errors.New("a JSON object instead of a JSON array"), "an MRC file is one JSON array of rows: put the objects, with commas between them, into [ and ]")
	case f.text[i] != '[':
		return f.fault(i, errors.New("not a JSON array"), "an MRC file is one JSON array of rows")
	}
	return nil
}

// noRow returns what is wrong if no object begins at this offset.
func (f *File) noRow(at int) faultFunc {
	return func(row int) error {
		switch c := f.char(at); {
		case at >= len(f.text):
			return f.noEnd(row)
		case c == ']' && row == 0:
			if broken := f.afterEnd(at + 1); broken != nil {
				return broken(row)
			}
			return f.fault(skipSpace(f.text, 0), errors.New("no rows in the JSON array"), "an MRC file has a row for each sentence and label")
		case c == ']':
			at = strings.LastIndexByte(f.text[:at], ',')
			return f.noBracket(at, row)
		case c == '}':
			return f.noBracket(at, row)
		case strings.ContainsRune(`"[{-0123456789tfn`, c):
			return f.brokenRow(at)(row)
		default:
			return f.fault(at, fmt.Errorf("broken JSON array: %q instead of row %d", c, row), mend)
		}
	}
}

// noComma returns what is wrong if neither a comma nor the end of the array is at this
// offset, behind a row.
func (f *File) noComma(at int) faultFunc {
	return func(row int) error {
		switch {
		case at >= len(f.text):
			return f.noEnd(row)
		case f.text[at] == '}':
			return f.noBracket(at, row)
		}
		return f.fault(at, fmt.Errorf("broken JSON array: no comma before row %d", row), mend)
	}
}

func (f *File) noEnd(rows int) error {
	return f.fault(len(f.text), fmt.Errorf("the JSON array does not end: no ']' after %s", english.Count(rows, "row")), cutOff)
}

func (f *File) noBracket(at, rows int) error {
	return f.fault(at, fmt.Errorf("broken JSON array: %q instead of a row or ']' after %s", f.char(at), english.Count(rows, "row")), mend)
}

// afterEnd returns what is wrong after the end of the array, or nil.
func (f *File) afterEnd(at int) faultFunc {
	i := skipSpace(f.text, at)
	if i == len(f.text) {
		return nil
	}
	return func(int) error {
		return f.fault(i, fmt.Errorf("%q after the end of the JSON array", f.char(i)), alone)
	}
}

// brokenRow returns what is wrong with the row at this offset, which is not a valid JSON
// object.
func (f *File) brokenRow(at int) faultFunc {
	return func(row int) error {
		var object struct{}
		err := json.NewDecoder(strings.NewReader(f.text[at:])).Decode(&object)
		syntax, broken := errors.AsType[*json.SyntaxError](err)
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF):
			return f.fault(at, fmt.Errorf("broken JSON array: row %d does not end", row), cutOff)
		case !broken:
			return f.fault(at, fmt.Errorf("row %d is not a JSON object", row), "each row is an object with context, entity_label, start_position and end_position")
		}
		return f.fault(at+int(max(syntax.Offset-1, 0)), fmt.Errorf("row %d is broken JSON: %w", row, err), mend)
	}
}

// char returns the character at this offset.
func (f *File) char(i int) rune {
	r, _ := utf8.DecodeRuneInString(f.text[min(i, len(f.text)):])
	return r
}

func skipSpace(s string, i int) int {
	for i < len(s) {
		switch s[i] {
		case ' ', '\t', '\n', '\r':
			i++
		default:
			return i
		}
	}
	return i
}

func (f *File) fault(offset int, err error, hint string) error {
	return &fault.Error{File: f.name, Line: f.line(min(offset, len(f.text))), Err: err, Hint: hint}
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
