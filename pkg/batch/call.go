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
	"nertools/pkg/retry"
	"nertools/pkg/wire"
)

const (
	longPause = 5 * time.Second  // a pause that the service asks for is reported from here on
	maxWait   = 10 * time.Minute // a call fails if the service asks for a longer one
)

// try makes a call and repeats it after temporary errors, up to Config.MaxRetries times.
func (m *Manager) try(ctx context.Context, call func(context.Context) error) error {
	return m.tryWhile(ctx, (*wire.Error).Passing, call)
}

// tryWhile is try, but again decides which errors are temporary.
func (m *Manager) tryWhile(ctx context.Context, again func(*wire.Error) bool, call func(context.Context) error) error {
	_, err := m.pacer.Do(ctx, 0, func(ctx context.Context) (pace.Limits, error) {
		err := call(ctx)
		m.heard = m.heard || retry.Answered(err)
		e, ok := errors.AsType[*wire.Error](err)
		stays := ok && e.Fatal(m.heard)
		if ok && e.Unanswered() && !m.called && !stays {
			m.cfg.Say(fmt.Sprintf("no answer yet: %v", e))
		}
		m.called = true
		if ok && again(e) && !stays {
			if e.RetryAfter >= longPause && e.RetryAfter <= maxWait {
				m.cfg.Say(fmt.Sprintf("waiting for %v, as the service asks: %v", e.RetryAfter.Round(time.Second), e))
			}
			return pace.Limits{}, retry.Again(e)
		}
		return pace.Limits{}, err
	})
	return err
}

// UnknownBatch is the error for a batch id that the service does not know or rejects.
type UnknownBatch struct {
	ID  string
	Err error // of the service
}

func (e *UnknownBatch) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *UnknownBatch) Unwrap() error { return e.Err }

// lookup is try for a call about one batch. It returns an [*UnknownBatch] for status 404
// or 400.
func (m *Manager) lookup(ctx context.Context, id string, call func(context.Context) error) error {
	err := m.try(ctx, call)
	if hasStatus(err, http.StatusNotFound) || hasStatus(err, http.StatusBadRequest) {
		return &UnknownBatch{id, err}
	}
	return err
}

// hasStatus reports whether err is a response of the service with the given status.
func hasStatus(err error, status int) bool {
	e, ok := errors.AsType[*wire.Error](err)
	return ok && e.Status == status
}

// batch fetches the current state of a batch.
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

// cancel cancels a batch. If the batch has ended, the error has status 409.
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

// pages passes the account's batches to each, page by page and newest first, until each
// returns false. A batch is passed only once.
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
		// Some services ignore the cursor and return the same page forever.
		if len(page) == 0 || !each(page) || next == "" {
			return nil
		}
		after = next
	}
}

// since lists all batches created since then, and possibly some older ones.
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
