package batch

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"nertools/pkg/record"
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
	err = poll.until(ctx, func(ctx context.Context) (bool, error) {
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
			r := m.Record(entry)
			p.Rows, p.Completed, p.Failed = p.Rows+r.Requests, p.Completed+r.Completed, p.Failed+r.Failed
		}
		poll.Seen(p)
		return !running, err
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

// Sync looks once at every entry of the ledger, starts those that wait, and saves
// the results of those that have ended: in dir, in a file called after the part's.
// each is called for every entry, with the file and what was saved there, "" and nil
// where nothing was. What goes wrong with the results of one entry costs the others
// nothing. running is the number of entries that have not ended, unanswered the
// number of rows of the others that have no good answer.
func (m *Manager) Sync(ctx context.Context, dir string, each func(job record.Job, path string, o *Outcome) error) (running, unanswered int, err error) {
	// First what has ended, since that makes room for what waits.
	err = m.look(ctx, m.ledger.entries)
	if err == nil {
		err = m.startAll(ctx, m.ledger.entries)
	}
	if err = errors.Join(err, m.takeGivenUp()); err != nil {
		return 0, 0, err
	}
	var failed []error
	for _, entry := range m.ledger.entries {
		path, o := "", (*Outcome)(nil)
		switch {
		case entry.running():
			running++
		case entry.pending():
			base := filepath.Base(entry.File)
			path = filepath.Join(dir, strings.TrimSuffix(base, filepath.Ext(base))+".results.jsonl")
			if o, err = m.Save(ctx, []*Entry{entry}, path, nil); o != nil {
				unanswered += o.Unanswered()
			}
			failed = append(failed, err)
		case entry.State == dropped:
			unanswered += entry.Requests
		default:
			unanswered += entry.Unanswered
		}
		if err := each(m.Record(entry), path, o); err != nil {
			return running, unanswered, errors.Join(append(failed, err)...)
		}
	}
	return running, unanswered, errors.Join(failed...)
}
