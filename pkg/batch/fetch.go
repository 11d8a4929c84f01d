package batch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"nertools/pkg/durable"
	"nertools/pkg/english"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// UnfinishedError is the error for fetching a batch that has not ended.
type UnfinishedError struct{ ID, Status string }

func (e *UnfinishedError) Error() string {
	return e.ID + " is " + e.Status + ": the batch has not ended yet"
}

// fetch passes exactly one result for each request of an ended batch to put: an answer, an
// error, or, if neither of the batch's files contains the row, that it is missing. Lines
// that can't be read and a missing error file affect no other row. local is the batch's
// input file; if it is "" or another file, the submitted rows are read from the service's
// copy, and if that is gone, rows without an answer are only counted. put is not called
// before all files are downloaded. The outcome is added to o. The error wraps an
// [*UnfinishedError] if the batch has not ended.
func (m *Manager) fetch(ctx context.Context, id, local string, o *Outcome, put func(*record.Result) error) error {
	b, err := m.batch(ctx, id)
	if err == nil && b.Final() && !b.Settled() {
		b, _, err = m.settle(ctx, b)
	}
	if err != nil {
		return err
	}
	if !b.Final() {
		return &UnfinishedError{id, b.Status}
	}
	f := fetching{manager: m, batch: &b, local: local, seen: map[string]bool{}, outcome: o, put: put}
	o.Later = o.Later || m.ledger == nil && AsksAgain(&b)
	f.total, _ = strconv.Atoi(b.Metadata[metaTotal])
	defer f.remove()
	if err := f.run(ctx); err != nil {
		return fmt.Errorf("fetch %s: %w", id, err)
	}
	return nil
}

// fetching is the fetching of one batch.
type fetching struct {
	manager *Manager
	batch   *wire.Batch
	local   string
	total   int        // rows of the source; 0 if unknown
	files   []*os.File // temporary
	outcome *Outcome
	put     func(*record.Result) error

	rows    map[string]int // line numbers of the requests, by id; nil if unknown
	order   []string       // ids of the requests
	guessed bool           // rows are those of a local file that may not be the input
	partly  bool           // rows may be incomplete

	// settings are the first parts of the request digests, by id, if the metadata does not
	// contain them because they differ: rows that ask for different labels have different
	// schemas.
	settings map[string]string

	seen   map[string]bool     // ids that have a result
	broken []record.BrokenLine // broken lines that contain their row's id
	unread int                 // number of broken lines
	lost   bool                // the output file is gone
}

func (f *fetching) remove() {
	for _, file := range f.files {
		_ = durable.CloseScratch(file) // its content is no longer needed
	}
}

// flaw records a problem with the batch's files.
func (f *fetching) flaw(format string, args ...any) {
	f.outcome.Flaws = append(f.outcome.Flaws, fmt.Errorf(f.batch.ID+": "+format, args...))
}

func (f *fetching) run(ctx context.Context) error {
	answers, err := f.answers(ctx)
	if err != nil {
		return err
	}
	if err := f.submitted(ctx); err != nil {
		return err
	}
	if err := f.readBroken(answers); err != nil {
		return err
	}
	f.outcome.Reasons = append(f.outcome.Reasons, reasons(f.batch, f.rowOn)...)
	// Successes first, since a row may be in both files.
	for _, ok := range []bool{true, false} {
		for _, a := range answers {
			if err := f.results(a, ok); err != nil {
				return err
			}
		}
	}
	if err := f.failBroken(); err != nil {
		return err
	}
	if err := f.missing(); err != nil {
		return err
	}
	f.unknown()
	return nil
}

// rowOn returns the row id on a line of the input, "" if unknown.
func (f *fetching) rowOn(line int) string {
	for id, n := range f.rows {
		if n == line {
			return id
		}
	}
	return ""
}

// read passes the readable lines of an output or error file to take, and the others to
// broken.
func (f *fetching) read(a answerFile, take func(*record.Result) error, broken func(record.BrokenLine)) (record.Findings, error) {
	if err := rewind(a.file); err != nil {
		return record.Findings{}, err
	}
	s := record.Salvage{Name: a.id, Nothing: true, Broken: broken, Take: func(line record.Line) error {
		r, err := f.manager.cfg.Judge.ParseBatchLine(line.Text)
		if other, ok := errors.AsType[record.OtherKind](err); ok {
			err = errors.New(string(other)) // here it is a broken line like any other
		}
		if err != nil {
			return record.Damaged(err)
		}
		return take(&r)
	}}
	return s.Read(a.file)
}

// readBroken collects the lines that can't be read, and reports answers to rows that were
// not submitted.
func (f *fetching) readBroken(answers []answerFile) error {
	var foreign []string
	strangers := 0
	for _, a := range answers {
		damage, err := f.read(a, func(r *record.Result) error {
			if !f.asked(r.ID) {
				if strangers++; len(foreign) < 3 {
					foreign = append(foreign, strconv.Quote(r.ID))
				}
			}
			return nil
		}, func(b record.BrokenLine) {
			f.unread++
			if b.ID != "" {
				f.broken = append(f.broken, b)
			}
		})
		if err != nil {
			return err
		}
		if damage.Lines != nil {
			f.outcome.Damage = append(f.outcome.Damage, damage)
		}
	}
	if strangers > 0 && f.guessed {
		f.flaw("%s is not its input: it does not ask for %s", f.local, strings.Join(foreign, ", "))
		f.rows, f.order = nil, nil
	} else if strangers > 0 {
		f.flaw("left out %s to rows that it did not ask for (%s)", english.Count(strangers, "answer"), strings.Join(foreign, ", "))
	}
	return nil
}

// results emits the complete answers of an output or error file, or the failures.
func (f *fetching) results(a answerFile, good bool) error {
	var failed error // of emit, which is no fault of the line
	_, err := f.read(a, func(r *record.Result) error {
		if r.OK() == good && !f.seen[r.ID] && f.asked(r.ID) {
			failed = f.emit(r)
		}
		return failed
	}, nil)
	return cmp.Or(failed, err)
}

// asked reports whether the row was submitted, or may have been.
func (f *fetching) asked(id string) bool {
	_, asked := f.rows[id]
	return asked || f.rows == nil || f.partly
}

// failBroken emits a failure for each row that has only a broken line.
func (f *fetching) failBroken() error {
	for _, b := range f.broken {
		_, index, _, _ := record.ParseID(b.ID)
		if f.seen[b.ID] || !f.asked(b.ID) || index < 0 {
			continue
		}
		r := record.Result{ID: b.ID, Index: index, Failure: &record.Failure{
			Class: record.Malformed, Message: fmt.Sprintf("the line of this row in the batch's files can't be read (%v)", b.Err),
		}}
		if err := f.emit(&r); err != nil {
			return err
		}
	}
	return nil
}

func (f *fetching) emit(r *record.Result) error {
	f.seen[strings.Clone(r.ID)] = true // a clone, since r.ID would keep its whole line in memory
	r.BatchID, r.Total = f.batch.ID, f.total
	settings := cmp.Or(f.batch.Metadata[metaSettings], f.settings[r.ID])
	if _, _, digest, ok := record.ParseID(r.ID); ok && settings != "" {
		// The request's digest ends in the digest of the prompt, which the id contains.
		r.Request = settings + "-" + digest
	}
	f.outcome.count(r, f.manager.cfg.Prices)
	return f.put(r)
}

// missing emits a result for each submitted request that has none yet.
func (f *fetching) missing() error {
	nameless := 0
	for _, id := range f.order {
		if f.seen[id] {
			continue
		}
		_, index, _, _ := record.ParseID(id)
		if index < 0 {
			nameless++
			continue
		}
		if err := f.emit(&record.Result{ID: id, Index: index, Failure: f.why(f.rows[id])}); err != nil {
			return err
		}
	}
	if nameless > 0 {
		f.flaw("%d of its rows have no result, as their custom_id does not end in a row number", nameless)
		f.outcome.countUnnamed(nameless)
	}
	return nil
}

// why returns the failure of the request on the given line of the input if the batch's
// files do not mention it.
func (f *fetching) why(line int) *record.Failure {
	if f.batch.Status != wire.BatchFailed {
		message := "the batch (" + f.batch.Status + ") has no answer for this row"
		switch {
		case f.lost:
			message += ": its output file is not there"
		case f.unread > 0:
			message += " among the lines that can be read"
		}
		return &record.Failure{Class: record.Missing, Message: message}
	}
	var general *record.Problem
	for i := range f.batch.Problems {
		p := &f.batch.Problems[i]
		if p.Line == line {
			return problem(p)
		}
		if p.Line == 0 && general == nil {
			general = p
		}
	}
	if general != nil {
		return problem(general)
	}
	if len(f.batch.Problems) == 0 {
		return &record.Failure{Class: record.Invalid, Message: "not asked: the batch failed, and the service does not say why"}
	}
	return &record.Failure{Class: record.Invalid, Message: "not asked: the batch failed its validation over other rows"}
}

func problem(p *record.Problem) *record.Failure {
	message := p.Message
	if p.Param != "" {
		message += " (" + p.Param + ")"
	}
	return &record.Failure{Class: record.Invalid, Code: p.Code, Message: message}
}

// unknown counts the rows without a result whose ids are unknown.
func (f *fetching) unknown() {
	if f.rows != nil && !f.partly {
		return
	}
	asked := f.expected()
	if n := asked - len(f.seen); n > 0 {
		f.flaw("%d of its %s have no answer, and the file that says which they are is not there, or not whole", n, english.Count(asked, "row"))
		f.outcome.countUnnamed(n)
	} else if asked == 0 && len(f.seen) == 0 {
		f.flaw("nothing says which rows it had, nor how many")
		f.outcome.Unsure = true
	}
}

// expected returns how many rows were submitted, according to the ledger, the batch's
// metadata or the service's count. It returns 0 if that is unknown.
func (f *fetching) expected() int {
	if f.manager.ledger != nil {
		for _, entry := range f.manager.ledger.entries {
			if entry.BatchID == f.batch.ID && entry.Requests > 0 {
				return entry.Requests
			}
		}
	}
	number := func(key string) int {
		n, _ := strconv.Atoi(f.batch.Metadata[key]) // 0 if another tool wrote something else there
		return max(n, 0)
	}
	if n := max(number(metaRequests), f.batch.Total); n > 0 {
		return n
	}
	if f.total == 0 {
		return 0
	}
	// There may have been fewer, because rows that were answered earlier are left out.
	return min(f.total, max(0, number(metaLast)-number(metaFirst)+1))
}
