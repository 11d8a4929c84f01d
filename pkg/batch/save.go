package batch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"

	"nertools/pkg/durable"
	"nertools/pkg/english"
	"nertools/pkg/record"
)

// Save writes the results of entries whose batches have ended to the file at path, which
// appears complete or not at all, and records that in the ledger. If path is "", it writes
// them to w and records nothing. There is exactly one result for each request of a part:
// an answer, an error, or that it is missing. If there is an error, the outcome is nil
// unless the results were written.
func (m *Manager) Save(ctx context.Context, entries []*Entry, path string, w io.Writer) (*Outcome, error) {
	each, err := m.fetchAll(ctx, entries, path, w)
	if err != nil {
		return nil, err
	}
	all := &Outcome{}
	for i, entry := range entries {
		o := &each[i]
		all.add(o)
		switch {
		case path == "" || !entry.pending() || err != nil:
		case o.Incomplete:
			m.cfg.Say(entry.BatchID + incomplete)
		default:
			err = m.saved(entry, path, o)
		}
	}
	return all, err
}

const incomplete = ": not all of its files were there: it will be fetched again"

// fetchAll writes the results of the entries to the file at path, or to w if path is "",
// and returns their outcomes. It records nothing in the ledger.
func (m *Manager) fetchAll(ctx context.Context, entries []*Entry, path string, w io.Writer) ([]Outcome, error) {
	each := make([]Outcome, len(entries))
	return each, write(path, w, func(put func(*record.Result) error) error {
		for i, entry := range entries {
			if err := m.fetchJob(ctx, entry, &each[i], put); err != nil {
				return err
			}
		}
		return nil
	})
}

// saved records that the entry's results are in the file at path.
func (m *Manager) saved(entry *Entry, path string, o *Outcome) error {
	return m.ledger.record(event{Event: fetched, Key: entry.Key, Attempt: entry.Attempt, Results: path, Unanswered: o.Unanswered(), Missing: o.Missing})
}

// write writes the results that each passes to put to the file at path, which appears
// complete or not at all, or to w if path is "".
func write(path string, w io.Writer, each func(put func(*record.Result) error) error) error {
	to := func(w io.Writer) error {
		out := bufio.NewWriterSize(w, 256<<10)
		var line []byte
		err := each(func(r *record.Result) error {
			line = record.AppendResult(line[:0], r)
			_, err := out.Write(line)
			return err
		})
		if err != nil {
			return err
		}
		return out.Flush()
	}
	if path == "" {
		return to(w)
	}
	return durable.Replace(path, to)
}

// fetchEntry is fetch for an entry. If batches with the same rows were given up, their
// answers replace those that the entry's batch lacks, and the rows that were paid for twice
// are reported. Each request of a part that could not be started fails with the reason.
func (m *Manager) fetchEntry(ctx context.Context, entry *Entry, o *Outcome, put func(*record.Result) error) error {
	if entry.BatchID == "" {
		return m.unasked(entry, o, put)
	}
	if len(entry.Doubles) == 0 {
		return m.fetch(ctx, entry.BatchID, entry.File, o, put)
	}
	spare, doubles, err := m.spare(ctx, entry, o)
	if err != nil {
		return err
	}
	used := 0
	var kept Outcome
	err = m.fetch(ctx, entry.BatchID, entry.File, &kept, func(r *record.Result) error {
		if s := spare[r.ID]; s != nil {
			if r.OK() {
				o.pay(s, m.cfg.Prices)
			} else {
				r, used = s, used+1
			}
		}
		o.count(r, m.cfg.Prices)
		return put(r)
	})
	o.countUnnamed(kept.Unnamed)
	o.addFindings(&kept)
	if err == nil && len(spare) > 0 {
		m.cfg.Say(fmt.Sprintf("part %d: %s also answered %s before the cancellation, to be paid for twice; %d of these answers are in the results, as %s has none",
			entry.Number, strings.Join(doubles, ", "), english.Count(len(spare), "row"), used, entry.BatchID))
	}
	return err
}

// spare fetches the complete answers of the batches that the entry gave up, by row id, and
// returns the ids of the batches that have some. Problems with their files are added to o.
func (m *Manager) spare(ctx context.Context, entry *Entry, o *Outcome) (map[string]*record.Result, []string, error) {
	answers, from := map[string]*record.Result{}, map[string]bool{}
	for _, id := range entry.Doubles {
		b, err := m.batch(ctx, id)
		if hasStatus(err, http.StatusNotFound) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		if !b.Final() || b.Completed == 0 {
			continue
		}
		var given Outcome
		err = m.fetch(ctx, id, entry.File, &given, func(r *record.Result) error {
			if r.OK() {
				copied := *r
				copied.ID = strings.Clone(r.ID)
				answers[copied.ID], from[id] = &copied, true
			}
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
		given.Reasons = nil
		o.addFindings(&given)
	}
	return answers, slices.Sorted(maps.Keys(from)), nil
}

// unasked passes a failure to put for each request of a part that has no batch.
func (m *Manager) unasked(entry *Entry, o *Outcome, put func(*record.Result) error) error {
	file, err := os.Open(entry.File)
	if err != nil {
		return err
	}
	defer file.Close()
	var failed error
	err = rows(file, entry.File, func(id string) {
		r := record.Result{ID: id, Total: entry.Total, Failure: &record.Failure{Class: record.Invalid, Message: "not asked: " + entry.Reason}}
		if _, r.Index, _, _ = record.ParseID(id); failed == nil {
			o.count(&r, m.cfg.Prices)
			failed = put(&r)
		}
	})
	return errors.Join(err, failed)
}
