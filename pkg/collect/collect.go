// Package collect brings the results of a run into the order of its rows: many
// files of records in any order, with rows answered twice and rows not answered
// at all, become one line a row.
package collect

import (
	"bufio"
	"cmp"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"math"
	"strconv"
	"strings"

	"nertools/pkg/fault"
	"nertools/pkg/mrc"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// A Reply is what is known of one row of the source.
type Reply struct {
	Line    string          // how the row stands in a results file, without a line end
	Failure *record.Failure // why it has no answer; nil for a good one. Its class is [record.Missing] if no answer was seen

	// What its record says, with [Options.Join]; each may be empty.
	Label, Context, Model string
}

// OK reports whether the row has an answer.
func (r *Reply) OK() bool { return r.Failure == nil }

// Missing reports whether no answer to the row was seen.
func (r *Reply) Missing() bool { return r.Failure != nil && r.Failure.Class == record.Missing }

// Options say how results are read. The zero value is fit for a results file.
type Options struct {
	// Judge decides which answers are good ones. It is told the sentences of Rows.
	Judge *wire.Judge

	// Join keeps the sentence, the label and the model of each row's record, and what
	// was spent. A results file, a line a row, then does instead of records if Rows
	// is set.
	Join bool

	// Rows are those that were asked, where they are at hand. The caller closes them.
	Rows *mrc.File
}

// Results is what is known of each row of one source. The zero value knows
// nothing, as what New returns for no Options. Of each row it keeps the line and
// little else.
//
// A later good answer replaces an earlier one and any failure; a later failure
// replaces an earlier failure only. Records that do not belong together (of two
// sources, of a source of two sizes, of two prompts for one row) are an error.
type Results struct {
	options Options

	rows    map[int]row
	told    map[int]told      // with Join
	names   map[string]string // the texts of told, each once
	spent   map[spending]*Spent
	counted map[uint64]bool // digests of what spent holds
	records int
	broken  int      // lines that could not be read
	torn    int      // last lines that could not be read
	length  int      // the highest row seen, plus 1
	files   []string // what place.file counts

	first   string // the first id, which all others are measured by
	firstAt place
	source  string // of first, and whether first is an id of ours
	ours    bool

	total   int // 0 when not known
	totalAt place

	lines string // name of the earlier results file that the results are laid over; "" without
	last  []row  // its lines
}

// New returns Results without rows.
func New(o Options) *Results {
	if o.Rows != nil {
		o.Judge = cmp.Or(o.Judge, new(wire.Judge))
		o.Judge.Sentence = func(i int) string {
			if i >= o.Rows.Len() {
				return ""
			}
			var row mrc.Row
			if o.Rows.Decode(i, &row) != nil {
				return ""
			}
			return row.Context
		}
	}
	return &Results{options: o}
}

// An Error is a doubt that whoever wants the results can settle.
type Error struct {
	Doubt Doubt
	Rows  int // that there would be, of [TooManyRows]
	Err   error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Doubt is what an [Error] is about.
type Doubt uint8

// The doubts.
const (
	TwoSizes    Doubt = iota + 1 // of one source
	NotARow                      // the number in an id is too large for that of a row, unless [Results.SetTotal] says otherwise
	TooManyRows                  // that no record is of, unless [Results.SetTotal] says so
	NoSentences                  // of a results file, as there are no Options.Rows
	NotAlone                     // a results file beside records or another one
)

func doubt(d Doubt, format string, args ...any) error {
	return &Error{Doubt: d, Err: fmt.Errorf(format, args...)}
}

type row struct {
	line    string
	failure *record.Failure // nil for a good answer
	digest  [6]byte         // of the prompt; zero in ids of other tools
	at      place
}

// told is what a record tells of its row besides the answer.
type told struct{ label, context, model string }

// A place is a line of an input. Each row has one, so it is small.
type place struct{ file, line int32 }

func (r *Results) addFile(name string) (file int32) {
	r.files = append(r.files, name)
	return int32(len(r.files) - 1)
}

// where gives FILE:LINE, or the name alone of what has no lines.
func (r *Results) where(p place) string {
	if p.line == 0 {
		return r.files[p.file]
	}
	return r.files[p.file] + ":" + strconv.Itoa(int(p.line))
}

// SetTotal says how many rows the source has, for records that don't. Errors
// call the one who says so by name.
func (r *Results) SetTotal(total int, name string) error {
	return r.setTotal(total, place{file: r.addFile(name)})
}

func (r *Results) setTotal(total int, at place) error {
	switch {
	case r.total != 0 && total != r.total:
		return doubt(TwoSizes, "a source of %d rows, but %s says %d", total, r.where(r.totalAt), r.total)
	case total < len(r.last):
		return fmt.Errorf("a source of %d rows, but the earlier results file has %d lines", total, len(r.last))
	case total < r.length:
		return fault.WithHint(fmt.Errorf("a source of %d rows, but %s is of row %d (from 0)", total, r.where(r.rows[r.length-1].at), r.length-1),
			"give all rows of the source as the total, or leave out the results of another source")
	}
	r.total, r.totalAt = total, at
	return nil
}

// Read takes in one input: result records and lines of a batch's output and
// error files, in any order, or with Join a results file. Lines that are damaged don't keep it from reading the
// others: the row of a broken line failed if the line still tells which it is, and
// has no answer elsewhere. After an error the results are good for nothing.
func (r *Results) Read(name string, in io.Reader) (record.Findings, error) {
	if r.options.Join {
		rest, lines, err := sniff(in)
		if err != nil {
			return record.Findings{}, err
		}
		if lines {
			return record.Findings{}, r.readText(name, rest)
		}
		in = rest
	}
	if r.lines != "" {
		return record.Findings{}, r.notAlone(r.lines)
	}
	file := r.addFile(name)
	at := func(line int) place { return place{file, int32(min(line, math.MaxInt32))} }
	var broken []record.BrokenLine // that tell their row
	s := record.Salvage{
		Name: name,
		Hint: "every line is to be a result record, or a line of a batch's output or error file",
		Take: func(line record.Line) error {
			rec, err := r.options.Judge.ParseResult(line.Text)
			if err != nil {
				return record.Damaged(err)
			}
			return r.add(&rec, wire.IsBatchLine(line.Text), at(line.Number))
		},
		Broken: func(b record.BrokenLine) {
			if b.ID != "" {
				broken = append(broken, b)
			}
		},
	}
	damage, err := s.Read(in)
	if err != nil {
		return damage, err
	}
	for _, b := range broken {
		r.addBroken(b, at(b.Number))
	}
	r.broken += damage.Broken
	if damage.Torn > 0 {
		r.torn++
	}
	return damage, nil
}

// addBroken counts the row of a broken line as failed, unless more is known of
// it. A torn last line is no record, so its row is missing; only if nobody knows
// that there is such a row does it count.
func (r *Results) addBroken(b record.BrokenLine, at place) {
	_, index, _, _ := record.ParseID(b.ID)
	if _, seen := r.rows[index]; seen || r.records == 0 || b.Torn && r.total != 0 {
		return
	}
	rec := record.Result{ID: b.ID, Index: index, Failure: &record.Failure{Class: record.Malformed, Message: "the line of this row is broken: " + b.Err.Error()}}
	_ = r.add(&rec, false, at) // if its id belongs elsewhere, it is only a broken line
}

// maxGuess bounds the rows of ids of other tools while nobody says how many
// rows there are: a number beyond it is a date or a key.
const maxGuess = 10_000_000

// Plausible returns an error if the records speak of so many more rows than they
// are that the number must be a slip: a results file of so many missing rows would
// only fill the disk.
func (r *Results) Plausible() error {
	n, at := r.total, r.totalAt
	if n == 0 && r.length > 0 {
		n, at = r.length, r.rows[r.length-1].at
	}
	if n <= maxGuess || r.records >= n/1000 || at.line == 0 {
		return nil
	}
	return &Error{TooManyRows, n, fmt.Errorf("%s: a source of %d rows, of which %s came", r.where(at), n, number(r.records, "record"))}
}

func (r *Results) add(rec *record.Result, batch bool, at place) error {
	source, index, digest, ours := record.ParseID(rec.ID)
	switch {
	case index < 0 || index != rec.Index:
		return fault.WithHint(fmt.Errorf("id %q does not give row %d", rec.ID, rec.Index),
			"ids are <source>/<row>/<digest>, or end in the number of the row, from 0")
	case !ours && r.total == 0 && index >= maxGuess:
		return doubt(NotARow, "id %q: is its number that of a row?", rec.ID)
	case r.records == 0:
		r.rows = map[int]row{}
		r.first, r.firstAt, r.source, r.ours = strings.Clone(rec.ID), at, strings.Clone(source), ours
	case source != r.source || ours != r.ours:
		return fault.WithHint(fmt.Errorf("id %q is not of the source of %q in %s", rec.ID, r.first, r.where(r.firstAt)),
			"collect each source by itself: what stands before the number of the row in an id names it")
	}
	if rec.Total != 0 && rec.Total != r.total {
		if err := r.setTotal(rec.Total, at); err != nil {
			return err
		}
	}
	if r.total != 0 && index >= r.total {
		return fault.WithHint(fmt.Errorf("row %d (from 0), but %s says that the source has %d rows", index, r.where(r.totalAt), r.total),
			"leave out the results of another source, or correct the total")
	}
	now := r.newRow(rec, digest, at)
	old, seen := r.rows[index]
	if seen && now.digest != old.digest {
		return fault.WithHint(fmt.Errorf("row %d answers another prompt than in %s", index, r.where(old.at)),
			"the prompts were made anew between the two runs: collect the results of each run by themselves")
	}
	r.records++
	if r.options.Join {
		r.keep(rec)
		r.spend(rec, batch || rec.BatchID != "")
	}
	r.length = max(r.length, index+1)
	if now.failure == nil || !seen || old.failure != nil {
		r.rows[index] = now
	}
	return nil
}

func (r *Results) newRow(rec *record.Result, digest string, at place) row {
	n := row{at: at}
	// ParseID has seen to it that a digest is 12 hex digits, or none.
	_, _ = hex.Decode(n.digest[:], []byte(digest))
	if rec.OK() {
		n.line = AnswerLine(r.options.Judge.Answer(rec))
	} else {
		n.fail(rec.Failure)
	}
	return n
}

// fail makes n a row without an answer.
func (n *row) fail(f *record.Failure) {
	own := &record.Failure{Class: className(f.Class), Status: f.Status, Code: strings.Clone(f.Code), Message: strings.Clone(f.Message)}
	n.failure, n.line = own, failureLine(own)
}

// keep notes what rec tells of its row. What it does not tell, as the lines of a
// batch do not, another record of the row may have told.
func (r *Results) keep(rec *record.Result) {
	if r.told == nil {
		r.told, r.names = map[int]told{}, map[string]string{}
	}
	t := r.told[rec.Index]
	for _, m := range []struct {
		to   *string
		text string
	}{{&t.label, rec.Label}, {&t.context, rec.Context}, {&t.model, rec.Model}} {
		if m.text != "" {
			*m.to = r.one(m.text)
		}
	}
	r.told[rec.Index] = t
}

// one returns a copy of s that all rows share: a record's own is part of its
// whole line.
func (r *Results) one(s string) string {
	kept, ok := r.names[s]
	if !ok {
		kept = strings.Clone(s)
		r.names[kept] = kept
	}
	return kept
}

// LayOver lays the results over an earlier results file, of which a rerun
// answered some rows: a good answer replaces the file's line, a failure only a
// line that is a failure or not there, and every other line stays exactly as it
// is, but for reasoning in it. Call it after the last Read, when the size of the source is known: a file
// of more lines is refused.
func (r *Results) LayOver(name string, file io.Reader) error {
	if r.lines != "" {
		return r.notAlone(r.lines)
	}
	lines, err := readLines(name, file, r.total)
	if err != nil {
		return err
	}
	r.lines, r.last = name, make([]row, len(lines))
	for i, line := range lines {
		r.last[i] = r.earlier(i, line)
	}
	return nil
}

// readText takes in a results file instead of records.
func (r *Results) readText(name string, in io.Reader) error {
	switch {
	case r.records > 0 || r.lines != "":
		return r.notAlone(name)
	case r.options.Rows == nil:
		return &fault.Error{File: name, Err: doubt(NoSentences, "not result records; a results file, a line a row, does not tell its sentences")}
	}
	if !r.TotalKnown() {
		if err := r.SetTotal(r.options.Rows.Len(), r.options.Rows.Name()); err != nil {
			return err
		}
	}
	return r.LayOver(name, in)
}

func (r *Results) notAlone(name string) error {
	return doubt(NotAlone, "%s is a results file, not records: give it alone", name)
}

// earlier returns line i of an earlier results file, without reasoning, as it
// would be written today.
func (r *Results) earlier(i int, line string) (n row) {
	if isFailure(line) {
		return row{line: line, failure: failureOf(line)}
	}
	switch answer := r.options.Judge.Answer(&record.Result{Index: i, Context: r.told[i].context, Output: line}); answer {
	case line:
		n.line = line
	case "":
		n.fail(&record.Failure{Class: record.Empty, Message: "the answer is only reasoning"})
	default:
		n.line = AnswerLine(answer)
	}
	return n
}

// Len is the number of rows: the source's where that is known, else as many as
// were seen.
func (r *Results) Len() int {
	if r.total != 0 {
		return r.total
	}
	return max(r.length, len(r.last))
}

// Rows are the rows that were asked, as [Options] name them, or nil.
func (r *Results) Rows() *mrc.File { return r.options.Rows }

// Source names the source in the ids of the records; "" where these are not of
// our making.
func (r *Results) Source() string {
	if !r.ours {
		return ""
	}
	return r.source
}

// TotalKnown reports whether Len is the source's own number of rows. Without it,
// rows after the last one seen may be missing.
func (r *Results) TotalKnown() bool { return r.total != 0 }

// All gives every row in order.
func (r *Results) All() iter.Seq2[int, Reply] {
	return func(yield func(int, Reply) bool) {
		for i := range r.Len() {
			row, _ := r.row(i)
			if !yield(i, row) {
				return
			}
		}
	}
}

// Row gives row i.
func (r *Results) Row(i int) Reply {
	row, _ := r.row(i)
	return row
}

// row gives row i, and whether it is a line of the earlier results file.
func (r *Results) row(i int) (_ Reply, kept bool) {
	now, seen := r.rows[i]
	if i < len(r.last) && (!seen || now.failure != nil && r.last[i].failure == nil) {
		now, kept = r.last[i], true
	} else if !seen {
		return Reply{Line: missingLine, Failure: &noAnswer}, false
	}
	t := r.told[i]
	return Reply{now.line, now.failure, t.label, t.context, t.model}, kept
}

// WriteText writes the rows as a results file: line i is row i.
func (r *Results) WriteText(w io.Writer) error {
	return WriteLines(w, func(yield func(string) bool) {
		for _, row := range r.All() {
			if !yield(row.Line) {
				return
			}
		}
	})
}

// WriteLines writes a results file of these lines.
func WriteLines(w io.Writer, lines iter.Seq[string]) error {
	buf := bufio.NewWriterSize(w, 256<<10)
	for line := range lines {
		buf.WriteString(line)
		// The buffer remembers its first error: there is nothing to gain from
		// filling it further.
		if err := buf.WriteByte('\n'); err != nil {
			return fmt.Errorf("write results: %w", err)
		}
	}
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}
