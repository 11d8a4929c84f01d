package batch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"nertools/pkg/pace"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// A service that asks for a pause longer than maxWait is not waited for. One of
// longPause is mentioned.
const (
	longPause = 5 * time.Second
	maxWait   = 10 * time.Minute
)

// try makes a call until it succeeds or fails for good.
func (m *Manager) try(ctx context.Context, call func(context.Context) error) error {
	return m.tryWhile(ctx, (*wire.Error).Passing, call)
}

// tryWhile makes a call until it succeeds or fails in a way that is not to be
// tried again.
func (m *Manager) tryWhile(ctx context.Context, again func(*wire.Error) bool, call func(context.Context) error) error {
	_, err := m.pacer.Do(ctx, 0, func(ctx context.Context) (pace.Limits, error) {
		err := call(ctx)
		e, ok := errors.AsType[*wire.Error](err)
		if err == nil || ok && !e.Unanswered() && !e.Suspect {
			m.heard = true
		}
		stays := ok && e.Fatal(m.heard)
		if ok && e.Unanswered() && !m.called && !stays {
			m.cfg.Say(fmt.Sprintf("no answer yet: %v", e))
		}
		m.called = true
		if ok && again(e) && !stays {
			if e.RetryAfter >= longPause && e.RetryAfter <= maxWait {
				m.cfg.Say(fmt.Sprintf("waiting for %v, as the service asks: %v", e.RetryAfter.Round(time.Second), e))
			}
			return pace.Limits{}, &pace.Retry{Err: e, After: e.RetryAfter, Throttled: e.Class == record.RateLimit}
		}
		return pace.Limits{}, err
	})
	return err
}

// UnknownBatch is the error of a batch that the service does not know, or whose id
// it does not accept.
type UnknownBatch struct {
	ID  string
	Err error // what the service said
}

func (e *UnknownBatch) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *UnknownBatch) Unwrap() error { return e.Err }

// lookup makes a call about the batch with this id.
func (m *Manager) lookup(ctx context.Context, id string, call func(context.Context) error) error {
	err := m.try(ctx, call)
	if hasStatus(err, http.StatusNotFound) || hasStatus(err, http.StatusBadRequest) {
		return &UnknownBatch{id, err}
	}
	return err
}

// hasStatus reports whether err is an answer of the service with the given status.
func hasStatus(err error, status int) bool {
	e, ok := errors.AsType[*wire.Error](err)
	return ok && e.Status == status
}

// batch returns a batch as it is now.
func (m *Manager) batch(ctx context.Context, id string) (b wire.Batch, err error) {
	err = m.lookup(ctx, id, func(ctx context.Context) (err error) {
		b, err = m.service.Batch(ctx, id)
		return err
	})
	if err != nil {
		return b, fmt.Errorf("look at %s: %w", id, err)
	}
	m.latest[id] = b
	if !b.StatusKnown() && !m.odd[b.Status] && !m.ledger.reported(&b) {
		m.odd[b.Status] = true
		m.cfg.Say(fmt.Sprintf("%s has the unknown status %q, which is taken to mean that it is still running", id, b.Status))
	}
	return b, nil
}

// cancel asks the service to stop a batch. For one that has ended the error has the
// status 409; it is not tried again.
func (m *Manager) cancel(ctx context.Context, id string) (b wire.Batch, err error) {
	var conflict error
	err = m.lookup(ctx, id, func(ctx context.Context) error {
		b, err = m.service.CancelBatch(ctx, id)
		if hasStatus(err, http.StatusConflict) {
			conflict = err
			return nil
		}
		return err
	})
	if err = cmp.Or(err, conflict); err != nil {
		return b, fmt.Errorf("cancel %s: %w", id, err)
	}
	return b, nil
}

// pages hands on the account's batches, newest first, until each has enough.
func (m *Manager) pages(ctx context.Context, each func(page []wire.Batch) (more bool)) error {
	seen := map[string]bool{}
	for after := ""; ; {
		var page []wire.Batch
		var next string
		err := m.try(ctx, func(ctx context.Context) (err error) {
			page, next, err = m.service.Batches(ctx, after)
			return err
		})
		if err != nil {
			return fmt.Errorf("list batches: %w", err)
		}
		page = slices.DeleteFunc(page, func(b wire.Batch) bool { return seen[b.ID] })
		for i := range page {
			seen[page[i].ID] = true
		}
		// A service that does not know where to go on shows the same page for ever.
		if len(page) == 0 || !each(page) || next == "" {
			return nil
		}
		after = next
	}
}

// since lists the batches that were made since then, and maybe some older ones.
func (m *Manager) since(ctx context.Context, then time.Time) ([]wire.Batch, error) {
	var all []wire.Batch
	err := m.pages(ctx, func(page []wire.Batch) bool {
		all = append(all, page...)
		return !page[len(page)-1].Created.Before(then)
	})
	return all, err
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
