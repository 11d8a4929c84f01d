package batch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"nertools/pkg/wire"
)

// A part is asked by one batch, whoever creates it and however often: two runs of
// the same prompts from two folders, and a call that seemed to fail, make the same
// key and attempt. All that see several such batches keep the same one, see
// [winner]. Whoever made one of the others cancels it; nobody cancels what
// somebody else made, so that the one that is kept is never cancelled.

// eligible reports whether a batch may be kept.
func eligible(b *wire.Batch) bool {
	return b.Status != wire.BatchFailed && b.Status != wire.BatchCancelled && b.Status != "cancelling"
}

// winner is the batch among all that the job keeps: of those that ask its part,
// with its attempt or a later one, and are neither failed nor cancelled, the one
// that is completed, as that can't be cancelled any more, then the oldest, then
// the one with the smallest id. nil if there is none.
func winner(j *Entry, all []wire.Batch) *wire.Batch {
	var best *wire.Batch
	for i := range all {
		if b := &all[i]; asks(b, j) && eligible(b) && (best == nil || before(b, best)) {
			best = b
		}
	}
	return best
}

func asks(b *wire.Batch, j *Entry) bool {
	return b.Metadata[metaKey] == j.Key && attemptOf(b) >= j.Attempt
}

func before(a, b *wire.Batch) bool {
	if done := a.Status == wire.BatchCompleted; done != (b.Status == wire.BatchCompleted) {
		return done
	}
	if !a.Created.Equal(b.Created) {
		return a.Created.Before(b.Created)
	}
	return a.ID < b.ID
}

// mine reports whether this ledger's call made the batch.
func mine(b *wire.Batch, j *Entry) bool { return j.Run != "" && b.Metadata[metaRun] == j.Run }

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

// Clocks differ; an hour of it is more than enough.
const skew = time.Hour

// past is how far back, and among how many batches, a part is looked for when the
// ledger has just been begun: it may have been begun under one that is gone, or
// from another folder. Older results are no longer kept by the service.
const (
	pastTime    = 30 * 24 * time.Hour
	pastBatches = 1000
)

// find looks for a batch that asks the job's part although the ledger does not
// know of it, and makes it the job's. Where there is none but one that was
// cancelled after some of its rows were done, it is that one: its rows are not
// paid for again unless somebody wants that.
func (m *Manager) find(ctx context.Context, j *Entry) (found bool, err error) {
	all, err := m.candidates(ctx, j)
	if err != nil {
		return false, err
	}
	best := winner(j, all)
	for i := 0; best == nil && i < len(all); i++ {
		if b := &all[i]; asks(b, j) && b.Status != wire.BatchFailed && b.Completed+b.Failed > 0 && !slices.Contains(j.Doubles, b.ID) {
			best = b
		}
	}
	if best == nil {
		return false, nil
	}
	if err := m.take(j, best, mine(best, j)); err != nil {
		return false, err
	}
	return true, m.keepOne(ctx, j, all)
}

// candidates lists the batches that may ask the job's part.
func (m *Manager) candidates(ctx context.Context, j *Entry) (all []wire.Batch, err error) {
	if m.listed {
		all, err = m.since(ctx, j.Begun.Add(-skew))
		all = append(all, m.past...)
	} else {
		oldest, n := m.now().Add(-pastTime), 0
		err = m.pages(ctx, func(page []wire.Batch) bool {
			for i := range page {
				if m.ledger.Job(page[i].Metadata[metaKey]) != nil {
					all = append(all, page[i])
				}
			}
			n += len(page)
			return n < pastBatches && !page[len(page)-1].Created.Before(oldest)
		})
		if err == nil {
			m.past, m.listed = all, true
		}
	}
	return all, err
}

// ByKey returns the batches that ask the parts with the given keys, as far as there
// are any among the latest: for each the newest that did not fail.
func (m *Manager) ByKey(ctx context.Context, keys []string) (map[string]wire.Batch, error) {
	found := map[string]wire.Batch{}
	if len(keys) == 0 {
		return found, nil
	}
	n := 0
	err := m.pages(ctx, func(page []wire.Batch) bool {
		for _, b := range page {
			key := b.Metadata[metaKey]
			if earlier, ok := found[key]; slices.Contains(keys, key) && b.Status != wire.BatchFailed && (!ok || !eligible(&earlier) && eligible(&b)) {
				found[key] = b
			}
		}
		n += len(page)
		return n < pastBatches && len(found) < len(keys)
	})
	return found, err
}

// await is find for a batch that may appear within the given time.
func (m *Manager) await(ctx context.Context, j *Entry, most time.Duration) (found bool, err error) {
	end := time.Now().Add(most)
	for wait := most / 60; ; wait = min(2*wait, most/8) {
		found, err := m.find(ctx, j)
		left := time.Until(end)
		if err != nil || found || left <= 0 {
			return found, err
		}
		if err := sleep(ctx, min(wait, left)); err != nil {
			return false, err
		}
	}
}

// A batch shows the second in which it was created: another one of the same second
// may be created after it and come before it.
var sameSecond = 1200 * time.Millisecond

// confirm makes sure that the batches of the jobs, which were just created, are
// the only ones that ask their parts. A list that shows them shows all older ones,
// too, since a list that lags behind lags for all.
func (m *Manager) confirm(ctx context.Context, jobs []*Entry) error {
	if len(jobs) == 0 {
		return nil
	}
	var shown time.Time
	for end := time.Now().Add(patience); ; {
		all, err := m.since(ctx, m.earliest(jobs))
		if err != nil {
			return err
		}
		if err := m.resolve(ctx, jobs, all); err != nil {
			return err
		}
		now := time.Now()
		missing := slices.ContainsFunc(jobs, func(j *Entry) bool {
			return j.State == created && !slices.ContainsFunc(all, func(b wire.Batch) bool { return b.ID == j.BatchID })
		})
		switch {
		case missing && now.After(end):
			m.cfg.Say("the service does not list the new batches: whether others ask the same rows is looked at later")
			return nil
		case !missing && shown.IsZero():
			shown = now
		case !missing && now.Sub(shown) >= sameSecond:
			return nil
		}
		if err := sleep(ctx, sameSecond/3); err != nil {
			return err
		}
	}
}

// single looks whether other batches ask the same parts as those of the jobs.
func (m *Manager) single(ctx context.Context, jobs []*Entry) error {
	if len(jobs) == 0 {
		return nil
	}
	all, err := m.since(ctx, m.earliest(jobs))
	if err != nil {
		return err
	}
	if err := m.resolve(ctx, jobs, all); err != nil {
		return err
	}
	for _, j := range jobs {
		if m.now().Sub(j.Since) >= patience {
			m.alone[j.Key] = true
			m.warn(j, all)
		}
	}
	return nil
}

// earliest is when the first batch of the jobs may have been made.
func (m *Manager) earliest(jobs []*Entry) time.Time {
	var first time.Time
	for _, j := range jobs {
		if t := j.Begun.Add(-skew); first.IsZero() || t.Before(first) {
			first = t
		}
	}
	return first
}

// resolve makes the jobs keep the batch that everybody keeps, and cancels the
// others that this ledger's calls made.
func (m *Manager) resolve(ctx context.Context, jobs []*Entry, all []wire.Batch) error {
	for _, j := range jobs {
		if j.State != created {
			continue
		}
		known := all
		if current, ok := m.latest[j.BatchID]; ok && !slices.ContainsFunc(all, func(b wire.Batch) bool { return b.ID == j.BatchID }) {
			known = append(slices.Clip(all), current)
		}
		if err := m.keepOne(ctx, j, known); err != nil {
			return err
		}
	}
	return nil
}

func (m *Manager) keepOne(ctx context.Context, j *Entry, all []wire.Batch) error {
	best := winner(j, all)
	if best == nil {
		return nil
	}
	var others []*wire.Batch
	for i := range all {
		if b := &all[i]; b.ID != best.ID && asks(b, j) && b.Status != wire.BatchFailed && (mine(b, j) || b.ID == j.BatchID) {
			others = append(others, b)
		}
	}
	// What is to be given up is in the ledger before the job has another batch: a
	// run that is killed in between leaves the rest to the next one.
	for _, b := range others {
		if !slices.Contains(j.Doubles, b.ID) {
			if err := m.ledger.record(event{Event: double, Key: j.Key, Attempt: j.Attempt, BatchID: b.ID, Own: mine(b, j)}); err != nil {
				return err
			}
		}
	}
	if best.ID != j.BatchID {
		m.cfg.Say(fmt.Sprintf("part %d: %s, which asks the same rows, was created first: continuing with it instead of %s", j.Number, best.ID, j.BatchID))
		m.begun[j.Key] = m.begun[j.Key] && mine(best, j)
		if err := m.take(j, best, mine(best, j)); err != nil {
			return err
		}
	}
	for _, b := range others {
		if !mine(b, j) || b.Final() || !eligible(b) {
			continue
		}
		m.cfg.Say(fmt.Sprintf("part %d: cancelling %s, which asks the same rows as %s", j.Number, b.ID, best.ID))
		now, err := m.Cancel(ctx, b.ID)
		if e, ok := errors.AsType[*wire.Error](err); ok && e.Status == http.StatusConflict {
			continue // it has ended meanwhile
		}
		if err != nil {
			return fmt.Errorf("cancel %s: %w", b.ID, err)
		}
		m.latest[b.ID] = now
	}
	return nil
}

// warn tells of batches that ask the same rows as the job's and that nobody
// cancels, so that they will be paid for as well.
func (m *Manager) warn(j *Entry, all []wire.Batch) {
	for i := range all {
		b := &all[i]
		if b.ID == j.BatchID || !asks(b, j) || attemptOf(b) != j.Attempt || !eligible(b) || b.Final() || mine(b, j) || m.warned[b.ID] {
			continue
		}
		m.warned[b.ID] = true
		m.cfg.Say(fmt.Sprintf("part %d: %s (%s), begun by another run, asks the same rows as %s and is paid for as well: cancel it unless it is wanted", j.Number, b.ID, b.Status, j.BatchID))
	}
}

// doublesEnded reports whether those batches that the job gave up, and that are
// being cancelled, have come to their end, so that their answers can be fetched.
func (m *Manager) doublesEnded(ctx context.Context, j *Entry) (bool, error) {
	for _, id := range j.Doubles {
		if b, ok := m.latest[id]; ok && b.Final() {
			continue
		}
		b, err := m.Batch(ctx, id)
		if e, ok := errors.AsType[*wire.Error](err); ok && e.Status == http.StatusNotFound {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("look at %s: %w", id, err)
		}
		if b.Status == "cancelling" {
			return false, nil
		}
	}
	return true, nil
}
