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

// Sort divides the jobs into those whose batches were started, with the batches'
// ids, and those that wait for that. A record that says that a job waits may be
// older than its batch: the newest one counts that asks its part and did not fail, if
// it is among the latest.
func (m *Manager) Sort(ctx context.Context, jobs []record.Job) (started, waiting []record.Job, err error) {
	found := map[string]wire.Batch{} // by the key of a part; the zero batch until there is one
	for _, job := range jobs {
		if job.BatchID == "" && job.Key != "" {
			found[job.Key] = wire.Batch{}
		}
	}
	if missing, n := len(found), 0; missing > 0 {
		err = m.pages(ctx, func(page []wire.Batch) bool {
			for _, b := range page {
				key := b.Metadata[metaKey]
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

// NotStartedError is the error of jobs that have no batch.
type NotStartedError struct {
	Parts   []string // their numbers
	Refused bool     // by the service; else they wait to be started
}

func (e *NotStartedError) Error() string {
	if e.Refused {
		return "refused by the service: part " + strings.Join(e.Parts, ", ")
	}
	return "not started yet: part " + strings.Join(e.Parts, ", ")
}

// NotStarted joins a [*NotStartedError] of the jobs that wait to be started and one
// of those that the service refused.
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

// Batches returns the batches of the jobs as they are now. With an error it returns
// those that it could look at.
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
			break // the others fare no better
		}
	}
	return batches, errors.Join(errs...)
}

// Wait waits until the batches of the jobs have ended. It returns them as they were
// at the last look.
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

// Sum returns how far the batches have come, and why the rows were left that those
// which have ended leave undone.
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

// Download puts the results of the jobs' batches, see [Manager.Save], into the file
// at path, or writes them to w if that is "". A job's file, if it names one, is
// looked for the rows that were submitted. The error wraps an [*UnfinishedError] if a
// batch has not ended.
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

// Cancel asks the service to stop the batches of the jobs, and returns them as they
// are then. With an error it returns those before the one that it is about.
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
