package batch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"nertools/pkg/english"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// maxComplaints limits how many problems of one batch are reported one by one.
const maxComplaints = 10

// A Complaint is a problem that the service reports for a batch.
type Complaint struct {
	Batch   string
	Status  string
	Problem record.Problem
	Row     string // id of the row on the problem's line; "" if unknown
	More    int    // if not 0: how many further problems the batch has; Problem is not set
}

// String returns the problem with its line and row, if they are known.
func (r *Complaint) String() string {
	if r.More > 0 {
		return fmt.Sprintf("%s has %s", r.Batch, english.Count(r.More, "more problem"))
	}
	s := r.Batch + " " + r.Status + ": "
	if r.Problem.Line > 0 {
		s += fmt.Sprintf("line %d", r.Problem.Line)
		if _, index, _, _ := record.ParseID(r.Row); r.Row != "" && index >= 0 {
			s += fmt.Sprintf(" (row %d, %s)", index, r.Row)
		} else if r.Row != "" {
			s += fmt.Sprintf(" (%s)", r.Row)
		}
		s += ": "
	}
	return s + r.Problem.Error()
}

// reasons returns the problems of a batch. row returns the row id on a line of its input.
func reasons(b *wire.Batch, row func(line int) string) []Complaint {
	named := min(len(b.Problems), maxComplaints)
	list := make([]Complaint, 0, named+1)
	for _, p := range b.Problems[:named] {
		r := Complaint{Batch: b.ID, Status: b.Status, Problem: p}
		if p.Line > 0 {
			r.Row = row(p.Line)
		}
		list = append(list, r)
	}
	if len(list) == 0 && b.Status == wire.BatchFailed {
		list = append(list, Complaint{Batch: b.ID, Status: b.Status, Problem: record.Problem{Message: "the service does not say why"}})
	}
	if more := len(b.Problems) - named; more > 0 {
		list = append(list, Complaint{Batch: b.ID, Status: b.Status, More: more})
	}
	return list
}

// Reasons returns the problems that the service reports for the batches. The row of a
// problem is looked up in the file that the batch's job names if that is its input, and
// otherwise in the service's copy.
func (m *Manager) Reasons(ctx context.Context, batches []wire.Batch, jobs []record.Job) ([]Complaint, error) {
	var all []Complaint
	var errs []error
	for i := range batches {
		b, last := &batches[i], 0
		for _, p := range b.Problems[:min(len(b.Problems), maxComplaints)] {
			last = max(last, p.Line)
		}
		var rows map[int]string
		if last > 0 {
			file := ""
			if n := slices.IndexFunc(jobs, func(job record.Job) bool { return job.BatchID == b.ID }); n >= 0 {
				file = jobs[n].File
			}
			var err error
			rows, err = m.firstRows(ctx, b, file, last)
			if e, ok := errors.AsType[*wire.Error](err); !ok || e.Unanswered() { // otherwise the problems are reported without rows
				errs = append(errs, err)
			}
		}
		all = append(all, reasons(b, func(line int) string { return rows[line] })...)
	}
	return all, errors.Join(errs...)
}

// firstRows returns the row ids in the batch's input, by line number, up to line last.
func (m *Manager) firstRows(ctx context.Context, b *wire.Batch, local string, last int) (map[int]string, error) {
	f := fetching{manager: m, batch: b, local: local, outcome: &Outcome{}}
	file, err := f.openPart()
	if err != nil {
		return nil, err
	}
	var in io.Reader = file
	if file != nil {
		defer file.Close()
	} else if b.InputFile == "" {
		return nil, nil
	} else {
		begin := beginning{lines: last}
		err := m.try(ctx, func(ctx context.Context) error {
			begin = beginning{lines: last}
			_, err := m.service.Download(ctx, b.InputFile, 0, &begin)
			return err
		})
		if err != nil && !errors.Is(err, errEnough) {
			return nil, err
		}
		in = &begin.text
	}
	rows := map[int]string{}
	err = f.readRows(b.InputFile, io.LimitReader(in, maxBeginning))
	for id, line := range f.rows {
		rows[line] = id
	}
	return rows, err
}

// beginning is a writer that keeps the first lines and then returns errEnough.
type beginning struct {
	text  bytes.Buffer
	lines int // still to be kept
}

// maxBeginning limits how many bytes of an input file are read only to name rows.
const maxBeginning = 64 << 20

var errEnough = errors.New("that is enough of it")

func (b *beginning) Write(p []byte) (int, error) {
	n, _ := b.text.Write(p) // never fails
	if b.lines -= bytes.Count(p, []byte{'\n'}); b.lines <= 0 || b.text.Len() > maxBeginning {
		return n, errEnough
	}
	return n, nil
}
