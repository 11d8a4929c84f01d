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

// Submit enters the parts into the ledger and starts those that were not started
// before, as far as the service takes them; the others wait. The error joins a
// [*TooLarge] for each part that the service will never take. With an error there
// are no entries if nothing was tried.
func (m *Manager) Submit(ctx context.Context, parts []Part) ([]*Entry, error) {
	if err := m.lookBack(ctx, parts); err != nil {
		return nil, err
	}
	entries, err := m.add(ctx, parts)
	if err != nil {
		return nil, err
	}
	err = m.startAll(ctx, entries)
	return entries, errors.Join(err, m.takeGivenUp())
}

// Run enters the parts into the ledger, and starts them and looks at them until all
// have ended, as poll says. tooLarge joins a [*TooLarge] for each part that the
// service will never take; the others are waited for.
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
		err := m.startAll(ctx, entries)
		if err == nil {
			err = m.look(ctx, entries)
		}
		running := slices.ContainsFunc(entries, (*Entry).running)
		if up := m.takeGivenUp(); up != nil {
			tooLarge = errors.Join(tooLarge, up)
			if running {
				m.cfg.Say(up.Error())
			}
		}
		var p Progress
		for _, entry := range entries {
			p.add(m.Record(entry))
		}
		return p, !running, err
	})
	return entries, tooLarge, err
}

// lookBack looks at what was started earlier, before parts are added.
func (m *Manager) lookBack(ctx context.Context, parts []Part) error {
	known := m.ledger.entries
	if m.cfg.InFlight == 0 {
		known = m.entries(parts) // how many others are running does not matter
	}
	return errors.Join(m.look(ctx, known), m.takeGivenUp())
}

// entries are the ledger's entries of the given parts, as far as it has them.
func (m *Manager) entries(parts []Part) []*Entry {
	var entries []*Entry
	for i := range parts {
		if entry := m.ledger.entry(parts[i].Key); entry != nil {
			entries = append(entries, entry)
		}
	}
	return entries
}

// ErrStillRunning is the error of waiting for longer than was wanted.
var ErrStillRunning = errors.New("still running")

// Poll says how batches are waited for.
type Poll struct {
	Every time.Duration  // the pause between two looks
	Most  time.Duration  // then the wait ends with [ErrStillRunning]
	Seen  func(Progress) // is called after each look
}

// Progress is how far batches have come.
type Progress struct {
	Rows      int // altogether
	Completed int
	Failed    int
	Jobs      []record.Job // as of the last look
	Next      time.Time    // when the next look is; zero if there is none
}

// add counts a job in.
func (p *Progress) add(job record.Job) {
	p.Rows, p.Completed, p.Failed = p.Rows+job.Requests, p.Completed+job.Completed, p.Failed+job.Failed
	p.Jobs = append(p.Jobs, job)
}

// until looks now and then until nothing is left to wait for.
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

// look asks the service once about each of the entries whose batch runs, and
// records which have ended. What the service will never take is given up, see
// takeGivenUp.
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

// A batch that has ended may not show its files at once. It is looked at again a
// few times on the spot, and on later looks for as long as settling after its end.
const settling = 10 * time.Minute

var settleWaits = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}

// settle returns b once it shows its files, or as it is when it will not.
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
	// Clocks may differ by more than that: then it is not worth waiting either.
	return b, b.Settled() || m.now().Sub(b.Ended).Abs() > settling, nil
}

// took takes over what is known of the entry's batch.
func (m *Manager) took(ctx context.Context, entry *Entry, b wire.Batch) error {
	b, ended, err := m.settle(ctx, b)
	if err != nil || !ended {
		return err
	}
	if b.QueueFull() {
		return m.noRoom(ctx, entry, b.Problems[0].Message, b.Ended)
	}
	if left := m.lookFor(entry); left > 0 {
		// It has another run's batch, and its own may still appear: to be cancelled,
		// or to be accounted for.
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
	// The file of a batch that failed stays at the service, as that of every other
	// batch: it alone tells which rows the batch had, and another attempt uses it.
	return m.ledger.record(event{Event: finished, Key: entry.Key, Attempt: entry.Attempt, Status: b.Status, Reason: reason})
}
