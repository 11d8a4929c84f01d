package batch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// A Change is what has changed about a job since the last sync.
type Change struct {
	Job     record.Job
	Status  bool     // the job's status has changed
	Started bool     // this sync created the job's batch
	Results string   // the file that the results were saved in; "" if none were
	Outcome *Outcome // of the results; nil if none were saved
}

// Sync checks every job of the ledger once, starts those that wait and the further rounds
// that are due, and saves the results of those that have ended, all rounds of a job in one
// file in dir. The file is named after the part's file; it replaces no file with anything but
// earlier results of the same job, and has another name instead. If the results of a job
// cannot be saved, those of the others are saved nevertheless.
//
// Sync calls report for each job that has changed since the last sync. The change counts as
// reported when report returns nil; if the program is killed before, the next sync reports
// it again.
//
// running is the number of jobs that have not ended, unanswered the number of rows of the
// other jobs without a complete answer. The errors are those of [Manager.Submit],
// [Manager.Save] and report.
func (m *Manager) Sync(ctx context.Context, dir string, report func(*Change) error) (running, unanswered int, err error) {
	// Ended batches first, since they make room for those that wait.
	err = m.look(ctx, m.ledger.entries)
	if err == nil {
		err = m.nextRounds(ctx, m.ledger.entries)
	}
	if err == nil {
		err = m.startAll(ctx, m.ledger.entries)
	}
	failed := []error{m.takeGivenUp()}
	if err != nil {
		return 0, 0, errors.Join(err, failed[0])
	}
	for _, entry := range m.ledger.entries {
		if entry.State == planned || entry.Job != "" {
			continue
		}
		if further := m.ledger.rounds(entry); len(further) > 0 {
			for _, e := range append([]*Entry{entry}, further...) {
				if err := m.report(e, "", nil, report); err != nil {
					return running, unanswered, errors.Join(append(failed, err)...)
				}
			}
		}
		ended := !m.running(entry)
		switch {
		case !ended:
			running++
		case entry.State == dropped:
			unanswered += entry.Requests
		}
		path, o := "", (*Outcome)(nil)
		if ended && entry.State == finished {
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

// report reports what has changed about an entry and records that. o is the outcome of the
// results that were just written to path, nil if none were.
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

// resultsPath returns the file in dir for the entry's results. It is named after the part's
// file, and after the part's key as well if the results of another job have that name.
func (m *Manager) resultsPath(dir string, entry *Entry) string {
	stem := func(e *Entry) string { return strings.TrimSuffix(filepath.Base(e.File), filepath.Ext(e.File)) }
	path := func(more string) string { return filepath.Join(dir, stem(entry)+more+".results.jsonl") }
	earlier := m.ledger.entries[:slices.Index(m.ledger.entries, entry)]
	reserved := slices.ContainsFunc(earlier, func(other *Entry) bool { return other.pending() && strings.EqualFold(stem(other), stem(entry)) })
	if !reserved && m.replaceable(path(""), entry) {
		return path("")
	}
	key := fmt.Sprintf(".%.8s", entry.Key)
	more := key
	for n := 2; !m.replaceable(path(more), entry); n++ {
		more = fmt.Sprintf("%s-%d", key, n)
	}
	return path(more)
}

// replaceable reports whether the results of a job may replace the file at path: if it has
// anything in it, that must be results of the job's batches. Another ledger may have written
// it, or a person.
func (m *Manager) replaceable(path string, job *Entry) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return true // who replaces it reports what is wrong with it
	}
	var own []string
	for _, entry := range m.ledger.entries {
		if entry == job || entry.Job == job.Key {
			own = append(own, entry.batches()...)
		}
	}
	ours, others := 0, 0
	eachResult(path, m.cfg.Judge, func(r *record.Result, _ string, _ int) {
		if slices.Contains(own, r.BatchID) {
			ours++
		} else {
			others++
		}
	})
	return ours > 0 && others == 0
}

// reported reports whether the status of the batch was reported. A nil ledger knows none.
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

// Watch records in the ledger that jobs have to be handled that finish from now on, by
// whatever manager: jobs whose results are saved and jobs that cannot be started. See
// [Manager.Finished]. Further calls do nothing.
func (m *Manager) Watch() error {
	if m.ledger.watched {
		return nil
	}
	return m.ledger.record(event{Event: watched})
}

// Finished calls handle for each job that has finished since the first call of
// [Manager.Watch], until handle returns nil for it. If the program is killed before that is
// recorded, the next call of Finished calls handle again: each job is handled at least once.
// Finished joins the errors of all calls, and makes no more when ctx is done.
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
