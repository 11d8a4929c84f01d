// Package collect brings the results of a run into the order of its rows: many
// files of records in any order, with rows answered twice and rows not answered
// at all, become one line a row.
package collect

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"math"
	"strconv"
	"strings"

	"nertools/pkg/fault"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// State tells whether a row has an answer.
type State uint8

// A row is in one of these states.
const (
	Missing State = iota // no answer seen
	Failed               // asked, but there is a reason why it has no answer
	OK
)

// A Reply is what is known of one row of the source.
type Reply struct {
	State State
	Line  string // how the row stands in a results file, without a line end

	// What its record says, where [Results.Sources] is set; each may be empty.
	Label, Context, Model string
}

// Class is the kind of failure of a row that failed or is missing, and empty for
// a good one.
func (r Reply) Class() record.Class {
	if r.State == OK {
		return ""
	}
	return classOf(r.Line)
}

// Results is what is known of each row of one source. The zero value knows
// nothing. Of each row it keeps the line and little else.
//
// A later good answer replaces an earlier one and any failure; a later failure
// replaces an earlier failure only. Records that do not belong together (of two
// sources, of a source of two sizes, of two prompts for one row) are an error.
type Results struct {
	// Sources, set before the first Read, keeps the sentence, the label and the
	// model of each row's record, and what was spent.
	Sources bool

	// Judge, set before the first Read, decides which answers are good ones.
	Judge *wire.Judge

	rows    map[int]row
	told    map[int]told      // with Sources
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

	over bool     // laid over the lines of an earlier results file
	last []string // those lines
}

type row struct {
	line   string
	digest [6]byte // of the prompt; zero in ids of other tools
	state  State
	at     place
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
		return fault.WithHint(fmt.Errorf("a source of %d rows, but %s says %d", total, r.where(r.totalAt), r.total),
			"results of two sizes of a source (--limit changes it too) are collected apart")
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
// error files, in any order. Lines that are damaged don't keep it from reading the
// others: the row of a broken line failed if the line still tells which it is, and
// has no answer elsewhere. After an error the results are good for nothing.
func (r *Results) Read(name string, in io.Reader) (record.Findings, error) {
	file := r.addFile(name)
	at := func(line int) place { return place{file, int32(min(line, math.MaxInt32))} }
	var broken []record.BrokenLine // that tell their row
	s := record.Salvage{
		Name: name,
		Hint: "every line is to be a result record, or a line of a batch's output or error file",
		Take: func(line record.Line) error {
			rec, err := r.Judge.ParseResult(line.Text)
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
	return fault.WithHint(fmt.Errorf("%s: a source of %d rows, of which %s", r.where(at), n, number(r.records, "record")+" came"),
		fmt.Sprintf("if that is right, say so with --total %d", n))
}

func (r *Results) add(rec *record.Result, batch bool, at place) error {
	source, index, digest, ours := record.ParseID(rec.ID)
	switch {
	case index < 0 || index != rec.Index:
		return fault.WithHint(fmt.Errorf("id %q does not give row %d", rec.ID, rec.Index),
			"ids are <source>/<row>/<digest>, or end in the number of the row, from 0")
	case !ours && r.total == 0 && index >= maxGuess:
		return fault.WithHint(fmt.Errorf("id %q: is its number that of a row?", rec.ID),
			"if so, give the number of rows with --total")
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
	if r.Sources {
		r.keep(rec)
		r.spend(rec, batch || rec.BatchID != "")
	}
	r.length = max(r.length, index+1)
	if now.state == OK || old.state != OK {
		r.rows[index] = now
	}
	return nil
}

func (r *Results) newRow(rec *record.Result, digest string, at place) row {
	n := row{at: at}
	// ParseID has seen to it that a digest is 12 hex digits, or none.
	_, _ = hex.Decode(n.digest[:], []byte(digest))
	if rec.OK() {
		n.state, n.line = OK, answerLine(r.Judge.Answer(rec))
		return n
	}
	n.line = failureLine(rec.Failure)
	n.state = stateOf(n.line)
	return n
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
func (r *Results) LayOver(name string, file io.Reader) (err error) {
	r.over = true
	r.last, err = ReadLines(name, file, r.total)
	for i, line := range r.last {
		r.last[i] = r.withoutReasoning(i, line)
	}
	return err
}

// withoutReasoning returns line i of an earlier results file as it would be
// written today.
func (r *Results) withoutReasoning(i int, line string) string {
	if IsFailure(line) {
		return line
	}
	switch answer := r.Judge.Answer(&record.Result{Index: i, Context: r.told[i].context, Output: line}); answer {
	case line:
		return line
	case "":
		return failureLine(&record.Failure{Class: record.Empty, Message: "the answer is only reasoning"})
	default:
		return answerLine(answer)
	}
}

// Len is the number of rows: the source's where that is known, else as many as
// were seen.
func (r *Results) Len() int {
	if r.total != 0 {
		return r.total
	}
	return max(r.length, len(r.last))
}

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

// Reply gives row i.
func (r *Results) Row(i int) Reply {
	row, _ := r.row(i)
	return row
}

// row gives row i, and whether it is a line of the earlier results file.
func (r *Results) row(i int) (_ Reply, kept bool) {
	now, seen := r.rows[i]
	if i < len(r.last) && now.state != OK {
		if line := r.last[i]; !seen || !IsFailure(line) {
			return r.with(i, Reply{State: stateOf(line), Line: line}), true
		}
	}
	if !seen {
		return Reply{State: Missing, Line: missingLine}, false
	}
	return r.with(i, Reply{State: now.state, Line: now.line}), false
}

// with adds what the records of row i tell.
func (r *Results) with(i int, row Reply) Reply {
	t := r.told[i]
	row.Label, row.Context, row.Model = t.label, t.context, t.model
	return row
}

// SetLine gives row i, which is OK, another answer.
func (r *Results) SetLine(i int, answer string) {
	line := answerLine(answer)
	if now, seen := r.rows[i]; seen && now.state == OK {
		now.line = line
		r.rows[i] = now
		return
	}
	r.last[i] = line
}

// WriteText writes the rows as a results file: line i is row i.
func (r *Results) WriteText(w io.Writer) error {
	buf := bufio.NewWriterSize(w, 256<<10)
	for _, row := range r.All() {
		buf.WriteString(row.Line)
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
