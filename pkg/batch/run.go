package batch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// Submit records the parts in the ledger and starts those that were not started before, as
// far as the service's queue has room; the others wait. The error joins a [*TooLarge] for
// each part that the service will never accept. The entries are those of the parts; they
// are nil if an error occurred before any part was started.
func (m *Manager) Submit(ctx context.Context, parts []Part) ([]*Entry, error) {
	if err := m.lookBack(ctx, parts); err != nil {
		return nil, err
	}
	entries, err := m.add(ctx, parts)
	if err != nil {
		return nil, err
	}
	err = m.startAll(ctx, m.withRounds(entries))
	return entries, errors.Join(err, m.takeGivenUp())
}

// Run records the parts in the ledger, starts them and waits until all have ended, and all
// further rounds of rows that expired. tooLarge
// joins a [*TooLarge] for each part that the service will never accept; Run waits for the
// others. err wraps [ErrStillRunning] if that takes longer than poll.Most.
func (m *Manager) Run(ctx context.Context, parts []Part, poll Poll) (entries []*Entry, tooLarge, err error) {
	if m.cfg.Fresh {
		if err := m.lookBack(ctx, parts); err != nil {
			return nil, nil, err
		}
	}
	if entries, err = m.add(ctx, parts); err != nil {
		return nil, nil, err
	}
	err = poll.until(ctx, func(ctx context.Context) (Progress, bool, error) {
		err := m.startAll(ctx, m.withRounds(entries))
		if err == nil {
			err = m.look(ctx, m.withRounds(entries))
		}
		if err == nil {
			err = m.nextRounds(ctx, entries)
		}
		running := slices.ContainsFunc(entries, m.running)
		if up := m.takeGivenUp(); up != nil {
			tooLarge = errors.Join(tooLarge, up)
			if running {
				m.cfg.Say(up.Error())
			}
		}
		var p Progress
		for _, entry := range entries {
			p.add(m.progress(entry))
		}
		return p, !running, err
	})
	return entries, tooLarge, err
}

// lookBack updates the state of earlier parts before new ones are added.
func (m *Manager) lookBack(ctx context.Context, parts []Part) error {
	known := m.ledger.entries
	if m.cfg.InFlight == 0 {
		known = m.withRounds(m.entries(parts)) // without a limit, the others do not matter
	}
	return errors.Join(m.look(ctx, known), m.takeGivenUp())
}

// entries returns the ledger's entries of the given parts, as far as it has any.
func (m *Manager) entries(parts []Part) []*Entry {
	var entries []*Entry
	for i := range parts {
		if entry := m.ledger.entry(parts[i].Key); entry != nil {
			entries = append(entries, entry)
		}
	}
	return entries
}

// ErrStillRunning is the error for a wait that took longer than [Poll.Most].
var ErrStillRunning = errors.New("still running")

// Poll sets how to wait for batches.
type Poll struct {
	Every time.Duration  // pause between two checks
	Most  time.Duration  // longest wait, after which it fails with [ErrStillRunning]
	Seen  func(Progress) // called after each check; not nil
}

// Progress is the state of the batches that somebody waits for.
type Progress struct {
	Rows      int // of all batches
	Completed int
	Failed    int
	Jobs      []record.Job // as of this check
	Next      time.Time    // the time of the next check; zero after the last one
}

// add adds a job and its counts.
func (p *Progress) add(job record.Job) {
	p.Rows, p.Completed, p.Failed = p.Rows+job.Requests, p.Completed+job.Completed, p.Failed+job.Failed
	p.Jobs = append(p.Jobs, job)
}

// until calls look every p.Every until it is done or fails.
func (p *Poll) until(ctx context.Context, look func(context.Context) (now Progress, done bool, err error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, p.Most, ErrStillRunning)
	defer cancel()
	for {
		now, done, err := look(ctx)
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if err != nil {
			return err
		}
		if !done {
			now.Next = time.Now().Add(p.Every)
		}
		p.Seen(now)
		if done {
			return nil
		}
		if err := sleep(ctx, p.Every); err != nil {
			return err
		}
	}
}

// look checks each entry whose batch is running once, and records which have ended. Parts
// that the service will never accept are given up, see takeGivenUp.
func (m *Manager) look(ctx context.Context, entries []*Entry) error {
	defer m.sayFull()
	var doubtful []*Entry
	for _, entry := range entries {
		if entry.State != created {
			continue
		}
		b, err := m.batch(ctx, entry.BatchID)
		if hasStatus(err, http.StatusNotFound) {
			if err := m.sameAccount(entry); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
		if !m.alone[entry.Key] || b.Final() || !eligible(&b) {
			doubtful = append(doubtful, entry)
		}
	}
	if err := m.single(ctx, doubtful); err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.State == created {
			if err := m.took(ctx, entry, m.latest[entry.BatchID]); err != nil {
				return err
			}
		}
	}
	return nil
}

// A batch that has ended may not name its files at once. It is checked again a few times
// right away, and at later checks until settling has passed since its end.
const settling = 10 * time.Minute

var settleWaits = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}

// settle waits a few seconds for an ended batch to name its files. ok reports whether the
// batch has ended and its state is final.
func (m *Manager) settle(ctx context.Context, b wire.Batch) (settled wire.Batch, ok bool, err error) {
	for _, wait := range settleWaits {
		if !b.Final() || b.Settled() {
			return b, b.Final(), nil
		}
		if err := sleep(ctx, wait); err != nil {
			return b, false, err
		}
		if b, err = m.batch(ctx, b.ID); err != nil {
			return b, false, err
		}
	}
	// If the clocks differ by more than that, waiting would not help either.
	return b, b.Settled() || m.now().Sub(b.Ended).Abs() > settling, nil
}

// took updates the entry after a check of its batch.
func (m *Manager) took(ctx context.Context, entry *Entry, b wire.Batch) error {
	b, ended, err := m.settle(ctx, b)
	if err != nil || !ended {
		return err
	}
	if b.QueueFull() {
		return m.noRoom(ctx, entry, b.Problems[0].Message, b.Ended)
	}
	if left := m.lookFor(entry); left > 0 {
		// The entry has another run's batch, and its own may still appear, which then has
		// to be cancelled or its cost reported.
		if !m.warned[entry.Key] {
			m.warned[entry.Key] = true
			m.cfg.Say(fmt.Sprintf("part %d: a call that failed may have created another batch: looking for it for %v more", entry.Number, left.Round(time.Second)))
		}
		return nil
	}
	if ended, err := m.doublesEnded(ctx, entry); err != nil || !ended {
		return err
	}
	reason := ""
	if len(b.Problems) > 0 {
		reason = b.Problems[0].Error()
	}
	// The file of a failed batch stays at the service like any other: it is the only
	// record of the batch's rows, and the next attempt uses it.
	return m.ledger.record(event{Event: finished, Key: entry.Key, Attempt: entry.Attempt, Status: b.Status, Reason: reason})
}
