// Package collect puts the results of a run into row order: it reads files of records in
// any order, with rows answered several times or not at all, and produces one line per
// row.
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

	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/mrc"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// A Reply is the answer to one row of the source, or the reason why it is missing.
type Reply struct {
	Line    string          // the answer on one line; of a failure, as in a results file
	Failure *record.Failure // why there is no answer; nil for a good one. See [Reply.Missing]

	// Whole means that the question was about all labels of the row's sentence. Its other
	// rows then have the same reply.
	Whole bool

	// From the row's record, with [Options.Join]; each may be empty.
	Label, Context, Model string
	Labels                []string // of the sentence, if Whole
	Origin                record.Origin
}

// OK reports whether the row has a good answer.
func (r *Reply) OK() bool { return r.Failure == nil }

// Missing reports whether the class of the failure is [record.Missing]: no record was seen,
// or the record or line that was seen says that the answer is missing.
func (r *Reply) Missing() bool { return r.Failure != nil && r.Failure.Class == record.Missing }

// Options say how to read results. The zero value suffices for writing a results file.
type Options struct {
	// Judge decides which answers are good. It is given the sentences of Rows.
	Judge *wire.Judge

	// Join keeps the sentence, label and model of each row's record, and the tokens
	// spent. If Rows is set, a results file (one line per row) can then be read instead
	// of records.
	Join bool

	// Rows are the rows that were asked about, if available. The caller closes them.
	Rows *mrc.File

	// Open, if not nil, is called instead if the records turn out to be about whole
	// sentences, at the first of them. Join is then set, too. Its error ends the reading.
	Open func() (*mrc.File, error)
}

// Results holds the reply to each row of one source. The zero value is empty, like New
// with zero Options. For each row it keeps little more than the line.
//
// The records may instead be about the sentences of the source, each with all labels of a
// sentence: see [Results.OfSentences]. Their indexes, totals and [Results.SetTotal] then count
// sentences, in the order of [mrc.File.Sentences], and the rows of a sentence have its reply. Without
// Options.Rows it is not known which these are, and sentences take the place of rows.
//
// A later good answer replaces an earlier one and any failure; a later failure replaces
// only an earlier failure. Records that don't belong together (from two sources, from one
// source with two sizes, or with two prompts for one row) are an error.
type Results struct {
	options Options

	rows     map[int]row
	told     map[int]told        // with Join
	labels   map[int][]string    // with Join, of sentences
	names    map[string]string   // strings in told, stored once each
	lists    map[string][]string // lists in labels, the same
	expenses Expenses
	records  int
	broken   int      // number of lines that could not be read
	torn     int      // number of last lines that were torn
	length   int      // the highest row seen, plus 1
	files    []string // indexed by place.file

	first   string // the first id, with which all others are compared
	firstAt place
	source  string // from first, and whether first is one of our ids
	ours    bool

	sentences bool        // the records are about sentences
	certain   bool        // a record says what it is about, not only its source
	certainAt place       // that record
	groups    []mrc.Group // the sentences of Options.Rows, if they are needed
	groupOf   []int32     // the sentence of each row
	ends      []int       // up to which row the sentences before each one reach

	total   int // 0 if unknown
	totalAt place

	lines string // name of the earlier results file, with LayOver; "" without
	last  []row  // its lines
}

// New returns empty Results.
func New(o Options) *Results {
	r := &Results{options: o}
	if o.Rows != nil || o.Open != nil {
		r.options.Judge = cmp.Or(o.Judge, new(wire.Judge))
		r.options.Judge.Sentence = r.sentence
	}
	return r
}

// An Error is a problem that the user can resolve.
type Error struct {
	Doubt Doubt
	Rows  int // number of rows, for [TooManyRows]
	Err   error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Doubt is the subject of an [Error].
type Doubt uint8

// The doubts.
const (
	TwoSizes    Doubt = iota + 1 // one source has two sizes
	NotARow                      // the number in an id is too large for a row, unless [Results.SetTotal] says otherwise
	TooManyRows                  // far more rows than records, unless [Results.SetTotal] says so
	NoSentences                  // a results file was read without Options.Rows
	NotAlone                     // a results file was read besides records or another results file
)

func doubt(d Doubt, format string, args ...any) error {
	return &Error{Doubt: d, Err: fmt.Errorf(format, args...)}
}

type row struct {
	line    string
	failure *record.Failure // nil for a good answer
	digest  [6]byte         // of the prompt; zero for ids from other tools
	at      place
}

// told is what a record says about its row besides the answer.
type told struct {
	label, context, model string
	origin                record.Origin
}

// A place is a line of an input. There is one per row, so it is small.
type place struct{ file, line int32 }

func (r *Results) addFile(name string) (file int32) {
	r.files = append(r.files, name)
	return int32(len(r.files) - 1)
}

// where returns FILE:LINE, or only the name if the input has no lines.
func (r *Results) where(p place) string {
	if p.line == 0 {
		return r.files[p.file]
	}
	return r.files[p.file] + ":" + strconv.Itoa(int(p.line))
}

// SetTotal sets the number of rows of the source, for records that don't contain it.
// Errors use name for the origin of the number.
func (r *Results) SetTotal(total int, name string) error {
	return r.setTotal(total, place{file: r.addFile(name)})
}

func (r *Results) setTotal(total int, at place) error {
	switch {
	case r.total != 0 && total != r.total:
		return doubt(TwoSizes, "a source of %s, but %s says %d", r.count(total), r.where(r.totalAt), r.total)
	case r.rowsOf(total) < len(r.last):
		return fmt.Errorf("a source of %s, but the earlier results file has %s", r.count(total), english.Count(len(r.last), "line"))
	case total < r.length:
		return fault.WithHint(fmt.Errorf("a source of %s, but %s is of %s %d (from 0)", r.count(total), r.where(r.rows[r.length-1].at), r.Unit(), r.length-1),
			"give the number of all "+r.Unit()+"s of the source as the total, or leave out the results of another source")
	}
	r.total, r.totalAt = total, at
	return nil
}

// Read reads one input: result records and lines of a batch's output and error files, in
// any order, or, with Join, a results file. Damaged lines don't prevent it from reading
// the others: if a broken line still identifies its row, that row has failed unless it
// has an answer elsewhere. After an error, the Results must not be used.
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
	var broken []record.BrokenLine // those that identify their row
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

// addBroken counts the row of a broken line as failed, unless more is known about it. A
// torn last line does not count as a record, so its row is missing; only if the row is
// otherwise unknown does it count.
func (r *Results) addBroken(b record.BrokenLine, at place) {
	_, index, _, _ := record.ParseID(b.ID)
	if _, seen := r.rows[index]; seen || r.records == 0 || b.Torn && r.total != 0 {
		return
	}
	rec := record.Result{ID: b.ID, Index: index, Failure: &record.Failure{Class: record.Malformed, Message: "the line of this row is broken: " + b.Err.Error()}}
	_ = r.add(&rec, false, at) // if the id belongs elsewhere, this is only a broken line
}

// maxGuess is the largest number in an id from another tool that is taken for a row if
// the number of rows is unknown: larger ones are dates or keys.
const maxGuess = 10_000_000

// Plausible returns an error if the records imply so many more rows than there are
// records that the number must be a mistake: a results file would consist almost only of
// missing rows and could fill the disk.
func (r *Results) Plausible() error {
	n, at := r.total, r.totalAt
	if n == 0 && r.length > 0 {
		n, at = r.length, r.rows[r.length-1].at
	}
	if n <= maxGuess || r.records >= n/1000 || at.line == 0 {
		return nil
	}
	return &Error{TooManyRows, n, fmt.Errorf("%s: a source of %s, but the input has only %s", r.where(at), r.count(n), english.Count(r.records, "record"))}
}

func (r *Results) add(rec *record.Result, batch bool, at place) error {
	source, index, digest, ours := record.ParseID(rec.ID)
	if err := r.settle(rec, at); err != nil {
		return err
	}
	switch {
	case index < 0 || index != rec.Index:
		return fault.WithHint(fmt.Errorf("id %q is not that of %s %d", rec.ID, r.Unit(), rec.Index),
			"ids are <source>/<row>/<digest>, or end in the number of the row, from 0")
	case !ours && r.total == 0 && index >= maxGuess:
		return doubt(NotARow, "id %q: the number at its end is too large for a row number", rec.ID)
	case r.records == 0:
		r.rows = map[int]row{}
		r.first, r.firstAt, r.source, r.ours = strings.Clone(rec.ID), at, strings.Clone(source), ours
	case source != r.source || ours != r.ours:
		return fault.WithHint(fmt.Errorf("id %q belongs to another source than %q in %s", rec.ID, r.first, r.where(r.firstAt)),
			"collect each source separately; the part of an id before the row number names the source")
	}
	if rec.Total != 0 && rec.Total != r.total {
		if err := r.setTotal(rec.Total, at); err != nil {
			return err
		}
	}
	if r.total != 0 && index >= r.total {
		return fault.WithHint(fmt.Errorf("%s %d (from 0), but %s says that the source has %s", r.Unit(), index, r.where(r.totalAt), r.count(r.total)),
			"leave out the results of another source, or correct the total")
	}
	now := r.newRow(rec, digest, at)
	old, seen := r.rows[index]
	if seen && now.digest != old.digest {
		return fault.WithHint(fmt.Errorf("%s %d: this record answers another prompt than the one in %s", r.Unit(), index, r.where(old.at)),
			"the prompts changed between the two runs: collect the results of each run separately")
	}
	r.records++
	if r.options.Join {
		r.keep(rec)
		r.expenses.Add(rec, batch)
	}
	r.length = max(r.length, index+1)
	if now.failure == nil || !seen || old.failure != nil {
		r.rows[index] = now
	}
	return nil
}

func (r *Results) newRow(rec *record.Result, digest string, at place) row {
	n := row{at: at}
	// ParseID has checked that the digest is empty or 12 hex digits.
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

// keep stores what rec says about its row. What it does not say (lines of a batch don't)
// may come from another record of the row.
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
	if o := rec.Origin; o != (record.Origin{}) {
		o.Sentence, o.Form, o.Document = r.one(o.Sentence), r.one(o.Form), r.one(o.Document)
		t.origin = o
	}
	r.told[rec.Index] = t
	r.keepLabels(rec.Index, rec.Labels)
}

// one returns a copy of s that all rows share: the record's own string shares memory with
// its whole line.
func (r *Results) one(s string) string {
	kept, ok := r.names[s]
	if !ok {
		kept = strings.Clone(s)
		r.names[kept] = kept
	}
	return kept
}

// LayOver merges the results into an earlier results file, some of whose rows were rerun.
// A good answer replaces the file's line; a failure replaces only a failure or a missing
// line; all other lines remain unchanged, except that reasoning is removed. Call LayOver
// after the last Read, when the size of the source is known: it is an error if the file
// has more lines.
func (r *Results) LayOver(name string, file io.Reader) error {
	if r.lines != "" {
		return r.notAlone(r.lines)
	}
	total := r.rowsOf(r.total)
	if r.sentences {
		if r.groups == nil {
			return doubt(NoSentences, "%s has a line for each row, and the records do not say which rows their sentences have", name)
		} else if total == 0 {
			total = r.options.Rows.Len()
		}
	}
	lines, err := readLines(name, file, total)
	if err != nil {
		return err
	}
	r.lines, r.last = name, make([]row, len(lines))
	for i, line := range lines {
		r.last[i] = r.earlier(i, line)
	}
	return nil
}

// readText reads a results file instead of records.
func (r *Results) readText(name string, in io.Reader) error {
	switch {
	case r.records > 0 || r.lines != "":
		return r.notAlone(name)
	case r.options.Rows == nil:
		return &fault.Error{File: name, Err: doubt(NoSentences, "not result records; a results file does not contain the sentences")}
	}
	if !r.TotalKnown() {
		if err := r.SetTotal(r.options.Rows.Len(), r.options.Rows.Name()); err != nil {
			return err
		}
	}
	return r.LayOver(name, in)
}

func (r *Results) notAlone(name string) error {
	return doubt(NotAlone, "%s is a results file, not result records: collect it alone", name)
}

// earlier returns line i of an earlier results file, without reasoning, as it would be
// written today.
func (r *Results) earlier(i int, line string) (n row) {
	if isFailure(line) {
		return row{line: line, failure: failureOf(line)}
	}
	context := r.told[i].context
	if r.sentences {
		context = r.context(i)
	}
	switch answer := r.options.Judge.Answer(&record.Result{Index: i, Context: context, Output: line}); answer {
	case line:
		n.line = line
	case "":
		n.fail(&record.Failure{Class: record.Empty, Message: "the answer consists only of reasoning"})
	default:
		n.line = AnswerLine(answer)
	}
	return n
}

// Len returns the number of rows: the source's if known, otherwise as many as were seen.
// Of records about sentences, it is the number of rows up to the last one of these
// sentences.
func (r *Results) Len() int {
	return max(r.rowsOf(r.questions()), len(r.last))
}

// questions returns the number of questions: of the rows of the source, or of its sentences.
func (r *Results) questions() int {
	if r.total != 0 {
		return r.total
	}
	return r.length
}

// Rows returns Options.Rows.
func (r *Results) Rows() *mrc.File { return r.options.Rows }

// Source returns the name of the source in the ids of the records, or "" if another tool
// made the ids.
func (r *Results) Source() string {
	if !r.ours {
		return ""
	}
	return r.source
}

// TotalKnown reports whether the number of rows, or of sentences, of the source is known. If
// not, rows after the last one seen may be missing.
func (r *Results) TotalKnown() bool { return r.total != 0 }

// All yields all rows in order.
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

// Row returns the reply to row i.
func (r *Results) Row(i int) Reply {
	row, _ := r.row(i)
	return row
}

// row returns row i, and whether it is a line of the earlier results file.
func (r *Results) row(i int) (_ Reply, kept bool) {
	question := i
	if r.groups != nil {
		question = int(r.groupOf[i])
	}
	now, seen := r.rows[question]
	if i < len(r.last) && (!seen || now.failure != nil && r.last[i].failure == nil) {
		now, kept = r.last[i], true
	}
	if !seen && !kept {
		return r.reply(question), false
	}
	t := r.told[question]
	return Reply{now.line, now.failure, r.sentences && !kept, t.label, t.context, t.model, r.labels[question], t.origin}, kept
}

// WriteText writes the rows as a results file: line i is row i. Answers about sentences,
// which have to be divided among their rows first, are an error.
func (r *Results) WriteText(w io.Writer) error {
	if r.sentences {
		return doubt(NoSentences, "answers about whole sentences are not lines of a results file")
	}
	return WriteLines(w, func(yield func(string) bool) {
		for _, row := range r.All() {
			if !yield(row.Line) {
				return
			}
		}
	})
}

// WriteLines writes a results file with these lines.
func WriteLines(w io.Writer, lines iter.Seq[string]) error {
	buf := bufio.NewWriterSize(w, 256<<10)
	for line := range lines {
		buf.WriteString(line)
		// The buffer keeps its first error, so there is no point in filling it further.
		if err := buf.WriteByte('\n'); err != nil {
			return fmt.Errorf("write results: %w", err)
		}
	}
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}
