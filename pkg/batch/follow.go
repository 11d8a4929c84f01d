package batch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// Sort divides the jobs into those that have a batch, with its id, and those that wait to
// be started. The record of a waiting job may be older than its batch, so Sort looks for
// the newest batch of its part that did not fail, among the account's 1000 latest.
func (m *Manager) Sort(ctx context.Context, jobs []record.Job) (started, waiting []record.Job, err error) {
	found := map[string]wire.Batch{} // by key of the part; the zero batch until one is found
	for _, job := range jobs {
		if job.BatchID == "" && job.Key != "" {
			found[job.Key] = wire.Batch{}
		}
	}
	if missing, n := len(found), 0; missing > 0 {
		err = m.pages(ctx, func(page []wire.Batch) bool {
			for _, b := range page {
				key := b.Metadata[metaKey]
				if _, wanted := found[key]; !wanted {
					key = b.Metadata[metaSent]
				}
				earlier, wanted := found[key]
				if !wanted || b.Status == wire.BatchFailed || earlier.ID != "" && (eligible(&earlier) || !eligible(&b)) {
					continue
				}
				if found[key] = b; earlier.ID == "" {
					missing--
				}
			}
			n += len(page)
			return n < pastBatches && missing > 0
		})
	}
	for _, job := range jobs {
		if job.BatchID = cmp.Or(job.BatchID, found[job.Key].ID); job.BatchID != "" {
			started = append(started, job)
		} else {
			waiting = append(waiting, job)
		}
	}
	return started, waiting, err
}

// NotStartedError is the error for jobs that have no batch.
type NotStartedError struct {
	Parts   []string // their part numbers
	Refused bool     // the service refused them; otherwise they wait to be started
}

func (e *NotStartedError) Error() string {
	if e.Refused {
		return "refused by the service: part " + strings.Join(e.Parts, ", ")
	}
	return "not started yet: part " + strings.Join(e.Parts, ", ")
}

// NotStarted joins a [*NotStartedError] for the jobs that wait to be started and one for
// those that the service refused. It returns nil if there are no jobs.
func NotStarted(jobs []record.Job) error {
	var errs []error
	for _, refused := range []bool{false, true} {
		e := &NotStartedError{Refused: refused}
		for _, job := range jobs {
			if (job.Status == wire.BatchFailed) == refused {
				e.Parts = append(e.Parts, strconv.Itoa(job.Part))
			}
		}
		if len(e.Parts) > 0 {
			errs = append(errs, e)
		}
	}
	return errors.Join(errs...)
}

// Batches fetches the current state of the jobs' batches. If that fails for some of them,
// it returns the others with the error.
func (m *Manager) Batches(ctx context.Context, jobs []record.Job) ([]wire.Batch, error) {
	var batches []wire.Batch
	var errs []error
	for _, job := range jobs {
		b, err := m.batch(ctx, job.BatchID)
		if err == nil {
			batches = append(batches, b)
			continue
		}
		errs = append(errs, err)
		if e, ok := errors.AsType[*wire.Error](err); !ok || e.Unanswered() || e.Class == record.Auth {
			break // the others would fail, too
		}
	}
	return batches, errors.Join(errs...)
}

// Wait waits until the batches of the jobs have ended, and returns them as last seen. The
// error wraps [ErrStillRunning] if that takes longer than poll.Most.
func (m *Manager) Wait(ctx context.Context, jobs []record.Job, poll Poll) (batches []wire.Batch, err error) {
	err = poll.until(ctx, func(ctx context.Context) (p Progress, done bool, err error) {
		now, err := m.Batches(ctx, jobs)
		if err != nil {
			return p, false, err
		}
		batches = now
		p, _ = Sum(batches)
		return p, !slices.ContainsFunc(batches, func(b wire.Batch) bool { return !b.Final() }), nil
	})
	return batches, err
}

// Sum adds up the progress of the batches. left counts the rows that ended batches did
// not process, by reason.
func Sum(batches []wire.Batch) (p Progress, left *record.Failures) {
	left = &record.Failures{}
	jobs := Describe(batches)
	for i := range batches {
		b := &batches[i]
		p.add(jobs[i])
		class := record.Missing
		switch b.Status {
		case wire.BatchExpired:
			class = record.Expired
		case wire.BatchCancelled:
			class = record.Cancelled
		case wire.BatchFailed:
			class = record.Invalid
		}
		left.AddRows(&record.Failure{Class: class}, max(0, b.Total-b.Completed-b.Failed))
	}
	return p, left
}

// Download writes the results of the jobs' batches to the file at path, or to w if path is
// "", as [Manager.Save] does. If a job names its file, the submitted rows are read from
// there. The error wraps an [*UnfinishedError] if a batch has not ended.
func (m *Manager) Download(ctx context.Context, jobs []record.Job, path string, w io.Writer) (*Outcome, error) {
	o := &Outcome{}
	return o, write(path, w, func(put func(*record.Result) error) error {
		for _, job := range jobs {
			if err := m.fetch(ctx, job.BatchID, job.File, o, put); err != nil {
				return err
			}
		}
		return nil
	})
}

// Cancel cancels the batches of the jobs and returns their new state. If one fails, it
// returns those before it with the error.
func (m *Manager) Cancel(ctx context.Context, jobs []record.Job) ([]wire.Batch, error) {
	var batches []wire.Batch
	for _, job := range jobs {
		b, err := m.cancel(ctx, job.BatchID)
		if hasStatus(err, http.StatusConflict) {
			m.cfg.Say(fmt.Sprintf("%s has ended already", job.BatchID))
			b, err = m.batch(ctx, job.BatchID)
		}
		if err != nil {
			return batches, err
		}
		batches = append(batches, b)
	}
	return batches, nil
}

// List returns up to n of the account's batches, newest first.
func (m *Manager) List(ctx context.Context, n int) ([]wire.Batch, error) {
	var all []wire.Batch
	err := m.pages(ctx, func(page []wire.Batch) bool {
		all = append(all, page...)
		return len(all) < n
	})
	return all[:min(n, len(all))], err
}
