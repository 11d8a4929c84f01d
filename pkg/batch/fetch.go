package batch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"nertools/pkg/durable"
	"nertools/pkg/fault"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// Outcome counts the results of batches. Requests = OK + Failed + Missing.
type Outcome struct {
	Requests int
	OK       int
	Failed   record.Failures
	Missing  int
	Usage    record.Usage
	Models   map[string]bool // that gave the answers
}

// ErrUnfinished is the error of fetching a batch that has not ended.
var ErrUnfinished = errors.New("the batch has not ended yet")

// Fetch puts out exactly one result for each request of an ended batch: an
// answer, an error, or that it is missing, which is everything that was submitted
// and is in neither of the batch's files. local is the batch's input file where
// it is at hand; without it, or where it is another file, the service's copy
// tells what was submitted. Nothing is put out before all files are here, whole.
// The outcome is added to o.
func (m *Manager) Fetch(ctx context.Context, id, local string, o *Outcome, put func(*record.Result) error) error {
	b, err := m.Batch(ctx, id)
	if err != nil {
		return fmt.Errorf("look at %s: %w", id, err)
	}
	if b.Final() && !b.Settled() {
		if b, _, err = m.settle(ctx, b); err != nil {
			return fmt.Errorf("look at %s: %w", id, err)
		}
	}
	if !b.Final() {
		return fault.WithHint(fmt.Errorf("%s is %s: %w", id, b.Status, ErrUnfinished), "wait for it with ner-batch wait --batch-id "+id)
	}
	f := fetch{manager: m, batch: &b, local: local, seen: map[string]bool{}, outcome: o, put: put}
	f.total, _ = strconv.Atoi(b.Metadata[metaTotal])
	defer f.remove()
	if err := f.run(ctx); err != nil {
		return fmt.Errorf("fetch %s: %w", id, err)
	}
	return nil
}

// fetch is the fetching of one batch.
type fetch struct {
	manager *Manager
	batch   *wire.Batch
	local   string
	total   int
	files   []*os.File
	seen    map[string]bool // ids that have their result
	outcome *Outcome
	put     func(*record.Result) error
}

func (f *fetch) remove() {
	for _, file := range f.files {
		_ = durable.CloseScratch(file) // what it held is put out, or is not wanted
	}
}

func (f *fetch) run(ctx context.Context) error {
	var answers []*os.File
	for _, id := range []string{f.batch.OutputFile, f.batch.ErrorFile} {
		if id == "" {
			continue
		}
		file, err := f.download(ctx, id)
		if err != nil {
			return err
		}
		answers = append(answers, file)
	}
	input, name, err := f.input(ctx)
	if err != nil {
		return err
	}
	if input != nil {
		defer input.Close()
	}
	// Successes first, whichever file they stand in: a row may stand in both.
	for _, ok := range []bool{true, false} {
		for _, file := range answers {
			if err := f.results(file, ok); err != nil {
				return err
			}
		}
	}
	if input == nil {
		return f.unknown()
	}
	return f.missing(input, name)
}

// download brings a file here, going on where a connection breaks.
func (f *fetch) download(ctx context.Context, id string) (*os.File, error) {
	file, err := durable.Scratch("ner-batch-")
	if err != nil {
		return nil, err
	}
	f.files = append(f.files, file)
	size, err := f.manager.size(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("download %s: %w", id, err)
	}
	var at int64
	err = f.manager.try(ctx, func(ctx context.Context) error {
		n, err := f.manager.service.Download(ctx, id, at, file)
		at += n
		if err == nil && at < size {
			err = &wire.Error{Failure: record.Failure{Class: record.Network, Message: fmt.Sprintf("only %d of %d bytes came", at, size)}}
		}
		return err
	})
	if err == nil && size > 0 && at > size {
		err = fmt.Errorf("%d bytes came, the service says it has %d", at, size)
	}
	if err != nil {
		return nil, fmt.Errorf("download %s: %w", id, err)
	}
	_, err = file.Seek(0, io.SeekStart)
	return file, err
}

// input opens what was submitted: the local file if it is the batch's, else the
// service's copy; nil if that is gone, too.
func (f *fetch) input(ctx context.Context) (io.ReadCloser, string, error) {
	if f.local != "" {
		if ok, err := isPart(f.local, f.batch.Metadata[metaKey]); err == nil && ok {
			file, err := os.Open(f.local)
			return file, f.local, err
		}
	}
	file, err := f.download(ctx, f.batch.InputFile)
	var e *wire.Error
	if errors.As(err, &e) && !e.Passing() {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	return file, f.batch.InputFile, nil
}

// results puts out the lines of an output or error file that are good answers,
// or those that are not.
func (f *fetch) results(file *os.File, good bool) error {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	lines := record.NewLines(f.batch.ID, bufio.NewReaderSize(file, 256<<10))
	for {
		line, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		r, err := f.manager.cfg.Judge.ParseBatchLine(line)
		if err != nil {
			return lines.Fault(err, "the service's file is not as it should be: look at it in the dashboard")
		}
		if r.OK() != good || f.seen[r.ID] {
			continue
		}
		if err := f.emit(&r); err != nil {
			return err
		}
	}
}

func (f *fetch) emit(r *record.Result) error {
	f.seen[strings.Clone(r.ID)] = true // a clone, since the id holds on to its whole line
	r.BatchID, r.Total = f.batch.ID, f.total
	if _, _, digest, ok := record.ParseID(r.ID); ok && f.batch.Metadata[metaSettings] != "" {
		// The digest in the id is that of the prompt, as in the request's digest.
		r.Request = f.batch.Metadata[metaSettings] + "-" + digest
	}
	f.outcome.count(r)
	return f.put(r)
}

// missing puts out a result for each submitted request that has none yet.
func (f *fetch) missing(input io.Reader, name string) error {
	line := 0
	var failed error
	err := rows(input, name, func(id string) {
		line++
		if f.seen[id] || failed != nil {
			return
		}
		r := record.Result{ID: id, Failure: f.why(line)}
		_, r.Index, _, _ = record.ParseID(id)
		if r.Index < 0 {
			failed = fmt.Errorf("custom_id %q does not end in a row number", id)
			return
		}
		failed = f.emit(&r)
	})
	return errors.Join(err, failed)
}

// why is the failure of the request on the given line of the input, of which
// the batch's files say nothing.
func (f *fetch) why(line int) *record.Failure {
	if f.batch.Status != wire.BatchFailed {
		return &record.Failure{Class: record.Missing, Message: "the batch (" + f.batch.Status + ") has no answer for this row"}
	}
	var general *wire.Problem
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
	return &record.Failure{Class: record.Invalid, Message: "not asked: the batch failed its validation over other rows"}
}

func problem(p *wire.Problem) *record.Failure {
	message := p.Message
	if p.Param != "" {
		message += " (" + p.Param + ")"
	}
	return &record.Failure{Class: record.Invalid, Code: p.Code, Message: message}
}

// unknown finds out whether anything is missing where the input is gone.
func (f *fetch) unknown() error {
	if n := f.batch.Total - len(f.seen); n > 0 {
		return fault.WithHint(fmt.Errorf("%d of %d rows have no answer, and the file that says which is no longer there", n, f.batch.Total),
			"give the batch's input file with --batch-file")
	}
	return nil
}

func (o *Outcome) count(r *record.Result) {
	o.Requests++
	if r.Model != "" && !o.Models[r.Model] {
		if o.Models == nil {
			o.Models = map[string]bool{}
		}
		o.Models[strings.Clone(r.Model)] = true
	}
	switch {
	case r.OK():
		o.OK++
	case r.Failure.Class == record.Missing:
		o.Missing++
	default:
		o.Failed.Add(r.Failure)
	}
	o.Usage.Add(r.Usage)
}

func (m *Manager) size(ctx context.Context, id string) (size int64, err error) {
	err = m.try(ctx, func(ctx context.Context) (err error) {
		size, err = m.service.FileSize(ctx, id)
		return err
	})
	return size, err
}
