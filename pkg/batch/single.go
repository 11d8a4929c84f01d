package batch

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"nertools/pkg/wire"
)

// A part should have one batch, but several may be created: by runs of the same prompts
// from two folders, or after a call that only seemed to fail. They have the same key and
// attempt. Every run that sees several of them keeps the same one, see [winner], and cancels
// only those that it created itself, so the one that is kept is never cancelled.

// eligible reports whether a batch may be kept.
func eligible(b *wire.Batch) bool {
	return b.Status != wire.BatchFailed && b.Status != wire.BatchCancelled && b.Status != "cancelling"
}

// wanted reports whether a batch that the ledger does not know is continued with: it may be
// kept, or was cancelled after some of its rows were processed.
func wanted(b *wire.Batch) bool {
	return eligible(b) || b.Status != wire.BatchFailed && b.Completed+b.Failed > 0
}

// winner returns the batch that the entry keeps. Candidates ask its part, with its attempt
// or a later one, and have neither failed nor been cancelled. A completed one wins, because
// it can't be cancelled any more, then the oldest, then the one with the smallest id.
// winner returns nil if there is no candidate.
func winner(entry *Entry, all []wire.Batch) *wire.Batch {
	var best *wire.Batch
	for i := range all {
		if b := &all[i]; asks(b, entry) && eligible(b) && (best == nil || before(b, best)) {
			best = b
		}
	}
	return best
}

func asks(b *wire.Batch, entry *Entry) bool {
	return (keyed(b, entry.Key) || keyed(b, entry.Sent)) && attemptOf(b) >= entry.Attempt
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

// mine reports whether a call of this ledger created the batch.
func mine(b *wire.Batch, entry *Entry) bool {
	return entry.Run != "" && b.Metadata[metaRun] == entry.Run
}

// skew is more than the clocks of this machine and the service should differ by.
const skew = time.Hour

// How far back, and among how many batches, find looks for a part that another folder or a
// lost ledger may have started. The service does not keep older results.
const (
	pastTime    = 30 * 24 * time.Hour
	pastBatches = 1000
)

// find looks for a batch of the entry's part that the ledger does not know, and assigns it
// to the entry. If the only such batch was cancelled after some of its rows were processed,
// find takes that one: its rows are not paid for again unless the user wants that.
func (m *Manager) find(ctx context.Context, entry *Entry) (found bool, err error) {
	all, err := m.candidates(ctx, entry)
	if err != nil {
		return false, err
	}
	best := winner(entry, all)
	for i := 0; best == nil && i < len(all); i++ {
		if b := &all[i]; asks(b, entry) && wanted(b) && !slices.Contains(entry.Doubles, b.ID) {
			best = b
		}
	}
	if best == nil {
		return false, nil
	}
	if err := m.take(entry, best, mine(best, entry)); err != nil {
		return false, err
	}
	return true, m.keepOne(ctx, entry, all)
}

// candidates returns the batches that may be of the entry's part.
func (m *Manager) candidates(ctx context.Context, entry *Entry) (all []wire.Batch, err error) {
	if m.listed {
		all, err = m.since(ctx, entry.Begun.Add(-skew))
		all = append(all, m.past...)
	} else {
		oldest, n := m.now().Add(-pastTime), 0
		err = m.pages(ctx, func(page []wire.Batch) bool {
			for i := range page {
				meta := page[i].Metadata
				if m.ledger.entry(meta[metaKey]) != nil || m.ledger.entry(meta[metaSent]) != nil {
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

// await repeats find until it finds a batch or the given time is over.
func (m *Manager) await(ctx context.Context, entry *Entry, most time.Duration) (found bool, err error) {
	end := time.Now().Add(most)
	for wait := most / 60; ; wait = min(2*wait, most/8) {
		found, err := m.find(ctx, entry)
		left := time.Until(end)
		if err != nil || found || left <= 0 {
			return found, err
		}
		if err := sleep(ctx, min(wait, left)); err != nil {
			return false, err
		}
	}
}

// sameSecond is how long another batch may be created that sorts before a new one, as
// creation times count seconds.
var sameSecond = 1200 * time.Millisecond

// confirm makes sure that the batches that were just created for the entries are the only
// ones of their parts. Once the list shows them, it also shows all older ones, since a list
// that lags behind does so for all batches.
func (m *Manager) confirm(ctx context.Context, entries []*Entry) error {
	if len(entries) == 0 {
		return nil
	}
	var shown time.Time
	for end := time.Now().Add(patience); ; {
		all, err := m.since(ctx, m.earliest(entries))
		if err != nil {
			return err
		}
		if err := m.resolve(ctx, entries, all); err != nil {
			return err
		}
		now := time.Now()
		missing := slices.ContainsFunc(entries, func(entry *Entry) bool {
			return entry.State == created && !slices.ContainsFunc(all, func(b wire.Batch) bool { return b.ID == entry.BatchID })
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

// single checks whether there are other batches of the entries' parts.
func (m *Manager) single(ctx context.Context, entries []*Entry) error {
	if len(entries) == 0 {
		return nil
	}
	all, err := m.since(ctx, m.earliest(entries))
	if err != nil {
		return err
	}
	if err := m.resolve(ctx, entries, all); err != nil {
		return err
	}
	for _, entry := range entries {
		if m.now().Sub(entry.Since) >= patience {
			m.alone[entry.Key] = true
			if err := m.warn(entry, all); err != nil {
				return err
			}
		}
	}
	return nil
}

// earliest returns the time before which no batch of the entries can have been created.
func (m *Manager) earliest(entries []*Entry) time.Time {
	var first time.Time
	for _, entry := range entries {
		if t := entry.Begun.Add(-skew); first.IsZero() || t.Before(first) {
			first = t
		}
	}
	return first
}

// resolve makes the entries keep the batch that all runs keep, and cancels the others that
// calls of this ledger created.
func (m *Manager) resolve(ctx context.Context, entries []*Entry, all []wire.Batch) error {
	for _, entry := range entries {
		if entry.State != created {
			continue
		}
		known := all
		if current, ok := m.latest[entry.BatchID]; ok && !slices.ContainsFunc(all, func(b wire.Batch) bool { return b.ID == entry.BatchID }) {
			known = append(slices.Clip(all), current)
		}
		if err := m.keepOne(ctx, entry, known); err != nil {
			return err
		}
	}
	return nil
}

func (m *Manager) keepOne(ctx context.Context, entry *Entry, all []wire.Batch) error {
	best := winner(entry, all)
	if best == nil {
		return nil
	}
	var others []*wire.Batch
	for i := range all {
		if b := &all[i]; b.ID != best.ID && asks(b, entry) && b.Status != wire.BatchFailed && (mine(b, entry) || b.ID == entry.BatchID) {
			others = append(others, b)
		}
	}
	// What is to be given up is recorded before the entry gets another batch, so that the
	// next run can continue if this one is killed in between.
	for _, b := range others {
		if !slices.Contains(entry.Doubles, b.ID) {
			if err := m.ledger.record(event{Event: double, Key: entry.Key, Attempt: entry.Attempt, BatchID: b.ID, Own: mine(b, entry)}); err != nil {
				return err
			}
		}
	}
	if best.ID != entry.BatchID {
		m.cfg.Say(fmt.Sprintf("part %d: %s, which asks the same rows, was created first: continuing with it instead of %s", entry.Number, best.ID, entry.BatchID))
		m.begun[entry.Key] = m.begun[entry.Key] && mine(best, entry)
		if err := m.take(entry, best, mine(best, entry)); err != nil {
			return err
		}
	}
	for _, b := range others {
		if !mine(b, entry) || b.Final() || !eligible(b) {
			continue
		}
		m.cfg.Say(fmt.Sprintf("part %d: cancelling %s, which asks the same rows as %s", entry.Number, b.ID, best.ID))
		now, err := m.cancel(ctx, b.ID)
		if hasStatus(err, http.StatusConflict) {
			continue // it has ended in the meantime
		}
		if err != nil {
			return err
		}
		m.latest[b.ID] = now
	}
	return nil
}

// warn reports, once, each batch with the same rows as the entry's that nobody cancels, so
// that it has to be paid for as well.
func (m *Manager) warn(entry *Entry, all []wire.Batch) error {
	for i := range all {
		b := &all[i]
		if b.ID == entry.BatchID || !asks(b, entry) || attemptOf(b) != entry.Attempt || !eligible(b) || b.Final() || mine(b, entry) || slices.Contains(entry.Rivals, b.ID) {
			continue
		}
		m.cfg.Say(fmt.Sprintf("part %d: %s (%s), begun by another run, asks the same rows as %s and is paid for as well: cancel it unless it is wanted", entry.Number, b.ID, b.Status, entry.BatchID))
		if err := m.ledger.record(event{Event: reported, Key: entry.Key, Attempt: entry.Attempt, BatchID: b.ID}); err != nil {
			return err
		}
	}
	return nil
}

// doublesEnded reports whether the batches that the entry gave up have ended, so that their
// answers can be fetched.
func (m *Manager) doublesEnded(ctx context.Context, entry *Entry) (bool, error) {
	for _, id := range entry.Doubles {
		if b, ok := m.latest[id]; ok && b.Final() {
			continue
		}
		b, err := m.batch(ctx, id)
		if hasStatus(err, http.StatusNotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		if b.Status == "cancelling" {
			return false, nil
		}
	}
	return true, nil
}
