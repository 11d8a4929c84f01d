package batch

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nertools/pkg/openaitest"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// patient is a poll that lets time pass at each look.
func (w *world) patient(t *testing.T, seen *[]Progress) Poll {
	return Poll{Every: time.Millisecond, Most: time.Minute, Seen: func(p Progress) {
		*seen = append(*seen, p)
		w.advance(t, 20*time.Minute)
	}}
}

func TestARunWaitsForAllPartsAndGivesUpThoseThatAreTooLarge(t *testing.T) {
	w := newWorld(t, openaitest.Options{
		FileRules:  openaitest.FileRules{MaxUploadBytes: 2000},
		BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{InProgress: time.Hour}},
	})
	m := w.manager(t, Config{})
	defer m.Close()
	var seen []Progress
	entries, given, err := m.Run(t.Context(), w.parts(t, 13, 10), w.patient(t, &seen)) // ten rows take 3,000 bytes
	large, ok := errors.AsType[*TooLarge](given)
	if err != nil || !ok || large.Part.Number != 1 || len(entries) != 2 {
		t.Fatalf("%d entries, given up %v, %v", len(entries), given, err)
	}
	if last := seen[len(seen)-1]; len(seen) < 3 || last.Completed != 3 || last.Rows != 13 {
		t.Errorf("seen %+v", seen)
	}
	path := filepath.Join(w.dir, "r.jsonl")
	o, err := m.Save(t.Context(), entries, path, nil)
	if err != nil || o.OK != 3 || o.Failed.Count(record.Invalid) != 10 || o.Unpriced {
		t.Errorf("%v, %v", o, err)
	}
	if text, err := os.ReadFile(path); err != nil || strings.Count(string(text), "\n") != 13 || entries[1].Results != path {
		t.Errorf("%s, %v", text, err)
	}
	// The same again sends nothing but the part that was refused.
	before := w.batches(t)
	if _, _, err := m.Run(t.Context(), w.parts(t, 13, 10), w.patient(t, &seen)); err != nil || w.batches(t) != before {
		t.Errorf("%d batches, %v", w.batches(t), err)
	}
}

func TestAWaitEndsAfterItsTime(t *testing.T) {
	w := newWorld(t, openaitest.Options{BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{InProgress: time.Hour}}})
	m := w.manager(t, Config{})
	defer m.Close()
	parts := w.parts(t, 3, 3)
	if _, err := m.Submit(t.Context(), parts); err != nil { // which has all the time it needs
		t.Fatal(err)
	}
	entries, _, err := m.Run(t.Context(), parts, Poll{Every: time.Millisecond, Most: 20 * time.Millisecond, Seen: func(Progress) {}})
	if !errors.Is(err, ErrStillRunning) || len(entries) != 1 || entries[0].BatchID == "" {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	if _, err := m.Save(t.Context(), entries, "", io.Discard); !errors.As(err, new(*UnfinishedError)) {
		t.Errorf("its results: %v", err)
	}
}

func TestASyncGoesThroughAllPartsAlsoIfTheServiceTakesOneNever(t *testing.T) {
	w := newWorld(t, openaitest.Options{FileRules: openaitest.FileRules{MaxUploadBytes: 2000}})
	m := w.manager(t, Config{})
	defer m.Close()
	if _, err := m.add(t.Context(), w.parts(t, 13, 10)); err != nil { // ten rows take 3,000 bytes
		t.Fatal(err)
	}
	var seen []int
	_, unanswered, err := m.Sync(t.Context(), w.dir, func(c *Change) error {
		seen = append(seen, c.Job.Part)
		return nil
	})
	if _, ok := errors.AsType[*TooLarge](err); !ok || !slices.Equal(seen, []int{1, 2}) || unanswered < 10 {
		t.Errorf("parts %v, %d rows without an answer, %v", seen, unanswered, err)
	}
}

func TestASyncSavesWhatHasEndedStartsWhatWaitsAndCountsTheRest(t *testing.T) {
	w := newWorld(t, openaitest.Options{BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{InProgress: time.Hour}}})
	m := w.manager(t, Config{InFlight: 1})
	defer m.Close()
	if entries, err := m.Submit(t.Context(), w.parts(t, 9, 3)); err != nil || len(entries) != 3 {
		t.Fatal(entries, err)
	}
	for round, want := range []struct {
		statuses string
		running  int
		saved    string
	}{
		{"in_progress waiting waiting", 3, ""}, // only what has changed is reported
		{"completed validating", 2, "b.results.jsonl"},
		{"completed validating", 1, "b.2.results.jsonl"},
		{"completed", 0, "b.3.results.jsonl"},
		{"", 0, ""},
	} {
		var statuses, saved []string
		running, unanswered, err := m.Sync(t.Context(), w.dir, func(c *Change) error {
			statuses = append(statuses, c.Job.Status)
			if c.Outcome != nil {
				saved = append(saved, filepath.Base(c.Results))
				if c.Outcome.OK != 3 {
					t.Errorf("round %d: %s holds %v", round, c.Results, c.Outcome)
				}
			}
			return nil
		})
		if got := strings.Join(statuses, " "); err != nil || running != want.running || unanswered != 0 || got != want.statuses || strings.Join(saved, " ") != want.saved {
			t.Errorf("round %d: %s, %d running, %d unanswered, saved %q, %v", round, got, running, unanswered, saved, err)
		}
		w.advance(t, 2*time.Hour)
	}
	billedOnce(t, w, 9)
}

func TestResultsThatCannotBeSavedCostTheOthersNothing(t *testing.T) {
	w := newWorld(t, openaitest.Options{})
	m := w.manager(t, Config{})
	defer m.Close()
	if _, err := m.Submit(t.Context(), w.parts(t, 6, 3)); err != nil {
		t.Fatal(err)
	}
	inTheWay := filepath.Join(w.dir, "b.results.jsonl")
	if err := os.Mkdir(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	looked := 0
	sync := func() error {
		_, _, err := m.Sync(t.Context(), w.dir, func(*Change) error { looked++; return nil })
		return err
	}
	if err := sync(); err == nil || !strings.Contains(err.Error(), "b.results.jsonl") || looked != 2 {
		t.Errorf("%d entries looked at, %v", looked, err)
	}
	if m.ledger.entries[0].State != finished || m.ledger.entries[1].State != fetched {
		t.Errorf("the parts are %s and %s", m.ledger.entries[0].State, m.ledger.entries[1].State)
	}
	if err := os.Remove(inTheWay); err != nil {
		t.Fatal(err)
	}
	if err := sync(); err != nil || m.ledger.entries[0].State != fetched {
		t.Errorf("%v, the first part is %s", err, m.ledger.entries[0].State)
	}
}

func TestJobsWhoseBatchesWereStartedSinceAreFoundByTheirParts(t *testing.T) {
	w := newWorld(t, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.BatchFail, Turns: openaitest.Turns{Times: 1}}}})
	m := w.manager(t, Config{})
	defer m.Close()
	parts := w.parts(t, 3, 3)
	var seen []Progress
	for range 2 { // the first batch fails
		if _, _, err := m.Run(t.Context(), parts, w.patient(t, &seen)); err != nil {
			t.Fatal(err)
		}
	}
	entry := m.entries(parts)[0]
	jobs := []record.Job{
		{Key: entry.Key, Part: 1, Status: "waiting"}, {Key: "another", Part: 2, Status: "waiting"},
		{Part: 3, Status: wire.BatchFailed}, {BatchID: "batch_x"},
	}
	started, waiting, err := w.stranger(t).Sort(t.Context(), jobs)
	ids := []string{}
	for _, job := range started {
		ids = append(ids, job.BatchID)
	}
	if err != nil || !slices.Equal(ids, []string{entry.BatchID, "batch_x"}) || len(waiting) != 2 {
		t.Errorf("started %q, %d waiting, %v", ids, len(waiting), err)
	}
	if err := NotStarted(waiting); err == nil || err.Error() != "not started yet: part 2\nrefused by the service: part 3" {
		t.Errorf("got %v", err)
	}
	if err := NotStarted(nil); err != nil {
		t.Errorf("of no jobs: %v", err)
	}
}
