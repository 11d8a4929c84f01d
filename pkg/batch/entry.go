package batch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"

	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// FetchJob is [Manager.Fetch] for a job: exactly one result for each request of
// its part. Where batches that asked the same rows were given up, their answers
// stand in for those that the job's batch does not have, and people are told what
// was paid for twice. A part that was given up has not been asked: each of its
// requests fails with the reason.
func (m *Manager) FetchJob(ctx context.Context, j *Entry, o *Outcome, put func(*record.Result) error) error {
	if j.BatchID == "" {
		return m.unasked(j, o, put)
	}
	if len(j.Doubles) == 0 {
		return m.Fetch(ctx, j.BatchID, j.File, o, put)
	}
	spare, doubles, err := m.spare(ctx, j, o)
	if err != nil {
		return err
	}
	used := 0
	var kept Outcome
	err = m.Fetch(ctx, j.BatchID, j.File, &kept, func(r *record.Result) error {
		if s := spare[r.ID]; s != nil {
			if r.OK() {
				o.Usage.Add(s.Usage)
			} else {
				r, used = s, used+1
			}
		}
		o.count(r)
		return put(r)
	})
	o.countUnnamed(kept.Unnamed)
	o.addFindings(&kept)
	if err == nil && len(spare) > 0 {
		m.cfg.Say(fmt.Sprintf("part %d: %d rows were also answered by %s before it was cancelled, and are paid for there as well; %d of these answers are in the results, as %s has none",
			j.Number, len(spare), strings.Join(doubles, ", "), used, j.BatchID))
	}
	return err
}

// spare fetches the good answers of the batches that the job gave up, by the ids
// of their rows, and returns the ids of the batches that have some. What is wrong
// with their files is added to o.
func (m *Manager) spare(ctx context.Context, j *Entry, o *Outcome) (map[string]*record.Result, []string, error) {
	answers, from := map[string]*record.Result{}, map[string]bool{}
	for _, id := range j.Doubles {
		b, err := m.Batch(ctx, id)
		if e, ok := errors.AsType[*wire.Error](err); ok && e.Status == http.StatusNotFound {
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("look at %s: %w", id, err)
		}
		if !b.Final() || b.Completed == 0 {
			continue
		}
		var given Outcome
		err = m.Fetch(ctx, id, j.File, &given, func(r *record.Result) error {
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

// unasked puts out a failure for each request of a part that has no batch.
func (m *Manager) unasked(j *Entry, o *Outcome, put func(*record.Result) error) error {
	file, err := os.Open(j.File)
	if err != nil {
		return err
	}
	defer file.Close()
	var failed error
	err = rows(file, j.File, func(id string) {
		r := record.Result{ID: id, Total: j.Total, Failure: &record.Failure{Class: record.Invalid, Message: "not asked: " + j.Reason}}
		if _, r.Index, _, _ = record.ParseID(id); failed == nil {
			o.count(&r)
			failed = put(&r)
		}
	})
	return errors.Join(err, failed)
}
