package batch

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"nertools/pkg/durable"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// A Change is what a sync found out about a job and no earlier sync has reported.
type Change struct {
	Job     record.Job
	Status  bool     // the job's status is not the one that was reported last
	Started bool     // this sync created the job's batch
	Results string   // the file that the results were saved in; "" if none were
	Outcome *Outcome // of these results; nil if there are none
}

// Sync looks once at every job of the ledger, starts those that wait, and saves the
// results of those that have ended: in dir, in a file named after the part's file, and
// after its key as well if another job's results have that name. It calls report for
// each job that has changed since the last sync. A change counts as reported when
// report returns nil; if the program is killed before that, the next sync reports it
// again. If the results of a job cannot be saved, the others are saved all the same.
//
// running is the number of jobs that have not ended, unanswered the number of rows of
// the others that have no good answer. The errors are those of [Manager.Submit] and
// [Manager.Save].
func (m *Manager) Sync(ctx context.Context, dir string, report func(*Change) error) (running, unanswered int, err error) {
	// First what has ended, since that makes room for what waits.
	err = m.look(ctx, m.ledger.entries)
	if err == nil {
		err = m.startAll(ctx, m.ledger.entries)
	}
	failed := []error{m.takeGivenUp()} // which costs the other jobs nothing
	if err != nil {
		return 0, 0, errors.Join(err, failed[0])
	}
	for _, entry := range m.ledger.entries {
		switch {
		case entry.State == planned:
			continue
		case entry.running():
			running++
		case entry.State == dropped:
			unanswered += entry.Requests
		}
		path, o := "", (*Outcome)(nil)
		if entry.State == finished {
			path = m.resultsPath(dir, entry)
			each, err := m.fetchAll(ctx, []*Entry{entry}, path, nil)
			if failed = append(failed, err); err == nil {
				o = &each[0]
			}
		}
		if err := m.report(entry, path, o, report); err != nil {
			return running, unanswered, errors.Join(append(failed, err)...)
		}
		if entry.State != dropped {
			unanswered += entry.Unanswered
		}
	}
	return running, unanswered, errors.Join(failed...)
}

// report reports what has changed about an entry, and enters that into the ledger. o is
// the outcome of the results that were just saved at path, nil if none were.
func (m *Manager) report(entry *Entry, path string, o *Outcome, report func(*Change) error) error {
	c := Change{Job: m.Record(entry), Started: m.begun[entry.Key]}
	c.Status = c.Job.Status != entry.Reported
	known := event{Event: reported, Key: entry.Key, Attempt: entry.Attempt, Status: c.Job.Status}
	if o != nil && (c.Status || !o.Incomplete || o.Unanswered() != entry.Unanswered) {
		c.Results, c.Outcome, known.Unanswered = path, o, o.Unanswered()
	}
	if c.Outcome == nil && !c.Status {
		return nil
	}
	if err := report(&c); err != nil {
		return err
	}
	if o != nil && !o.Incomplete {
		return m.saved(entry, path, o)
	}
	if o != nil {
		m.cfg.Say(entry.BatchID + incomplete)
	}
	return m.ledger.record(known)
}

// resultsPath returns the file in dir for the entry's results.
func (m *Manager) resultsPath(dir string, entry *Entry) string {
	stem := func(e *Entry) string { return strings.TrimSuffix(filepath.Base(e.File), filepath.Ext(e.File)) }
	const suffix = ".results.jsonl"
	path := filepath.Join(dir, stem(entry)+suffix)
	earlier := true
	for _, other := range m.ledger.entries {
		if other == entry {
			earlier = false
			continue
		}
		sameName := earlier && other.pending() && strings.EqualFold(stem(other), stem(entry))
		if sameName || other.Results != "" && durable.SameFile(other.Results, path) {
			return filepath.Join(dir, fmt.Sprintf("%s.%.8s%s", stem(entry), entry.Key, suffix))
		}
	}
	return path
}

// reported reports whether the ledger has a batch whose status was reported. A nil
// ledger has none.
func (l *ledger) reported(b *wire.Batch) bool {
	if l == nil {
		return false
	}
	for _, entry := range l.entries {
		if entry.BatchID == b.ID && entry.Reported == b.Status {
			return true
		}
	}
	return false
}

// Watch makes the manager keep account, in the ledger, of the jobs that finish from the
// first call on, also under other managers: those whose results are saved, and those
// that cannot be started. See [Manager.Finished].
func (m *Manager) Watch() error {
	if m.ledger.watched {
		return nil
	}
	return m.ledger.record(event{Event: watched})
}

// Finished calls handle for each job that has finished since the first call of
// [Manager.Watch] and for which handle has not returned nil yet. Each job is handled at
// least once: if the program is killed before the ledger has that handle returned nil,
// handle is called again. The errors of all calls are joined; when ctx is done, no
// further call is made.
func (m *Manager) Finished(ctx context.Context, handle func(*Entry) error) error {
	var errs []error
	for _, entry := range m.ledger.entries {
		if !entry.Due {
			continue
		}
		if ctx.Err() != nil {
			errs = append(errs, context.Cause(ctx))
			break
		}
		err := handle(entry)
		if err == nil {
			err = m.ledger.record(event{Event: handled, Key: entry.Key, Attempt: entry.Attempt})
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
