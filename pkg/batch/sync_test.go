package batch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nertools/pkg/openaitest"
	"nertools/pkg/wire"
)

// syncOnce looks at all jobs and returns the statuses of those that have changed, and the names
// of the files that results were saved in.
func syncOnce(t *testing.T, m *Manager, dir string) (changed, saved []string) {
	t.Helper()
	_, _, err := m.Sync(t.Context(), dir, func(c *Change) error {
		changed = append(changed, c.Job.Status)
		if c.Outcome != nil {
			saved = append(saved, filepath.Base(c.Results))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return changed, saved
}

// steady is a service whose batches are always in progress.
type steady struct{ Service }

func (steady) Batch(_ context.Context, id string) (wire.Batch, error) {
	return wire.Batch{ID: id, Status: "in_progress"}, nil
}

// The ledger was written by ner-batch as of commit d1b92f0: one job is fetched, one runs.
func TestOfALedgerOfAnEarlierVersionOnlyWhatChangesIsReported(t *testing.T) {
	w := newWorld(t, openaitest.Options{})
	w.service = steady{w.service}
	text, err := os.ReadFile("testdata/d1b92f0.ledger")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "ledger"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	m := w.manager(t, Config{})
	defer m.Close()
	if err := m.Watch(); err != nil {
		t.Fatal(err)
	}
	for _, want := range [][]string{{"in_progress"}, nil} {
		if got, _ := syncOnce(t, m, w.dir); !slices.Equal(got, want) {
			t.Errorf("changed: %v, want %v", got, want)
		}
	}
	err = m.Finished(t.Context(), func(entry *Entry) error {
		t.Errorf("%s had finished before anybody wanted to hear of it", entry.File)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAChangeThatWasNotReportedIsReportedByTheNextSync(t *testing.T) {
	w := newWorld(t, openaitest.Options{})
	m := w.manager(t, Config{})
	if _, err := m.Submit(t.Context(), w.parts(t, 3, 3)); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("nobody reads it")
	if _, _, err := m.Sync(t.Context(), w.dir, func(*Change) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	m = w.manager(t, Config{})
	defer m.Close()
	fetches := 0
	for range 2 {
		_, _, err := m.Sync(t.Context(), w.dir, func(c *Change) error {
			if !c.Status || c.Outcome == nil || c.Outcome.OK != 3 {
				t.Errorf("%+v", c)
			}
			fetches++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if fetches != 1 {
		t.Errorf("reported %d times", fetches)
	}
}

// vanished is a service that has lost the files of its batches.
type vanished struct{ Service }

func (s vanished) Batch(ctx context.Context, id string) (wire.Batch, error) {
	b, err := s.Service.Batch(ctx, id)
	if b.OutputFile != "" {
		b.OutputFile = "file-vanished"
	}
	return b, err
}

func TestResultsThatStayIncompleteAreReportedOnce(t *testing.T) {
	w := newWorld(t, openaitest.Options{})
	real := w.service
	w.service = vanished{real}
	m := w.manager(t, Config{})
	defer m.Close()
	if _, err := m.Submit(t.Context(), w.parts(t, 3, 3)); err != nil {
		t.Fatal(err)
	}
	for _, want := range [][]string{{"completed"}, nil} {
		if got, _ := syncOnce(t, m, w.dir); !slices.Equal(got, want) {
			t.Errorf("changed: %v, want %v", got, want)
		}
	}
	m.service = real
	if got, _ := syncOnce(t, m, w.dir); len(got) != 1 || m.ledger.entries[0].State != fetched {
		t.Errorf("with its files: %v, %s", got, m.ledger.entries[0].State)
	}
}

func TestSyncReplacesNoResultsButThoseOfTheSameJob(t *testing.T) {
	w := newWorld(t, openaitest.Options{})
	out, texts := t.TempDir(), map[string]string{}
	if err := os.WriteFile(filepath.Join(out, "b.2.results.jsonl"), []byte("my notes\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var last *Manager
	var parts []Part
	for n, size := range []int{3, 2, 4} { // each in a folder and with a ledger of its own
		other := w.folder(t)
		last, parts = other.manager(t, Config{}), other.parts(t, size*min(n+1, 2), size)
		defer last.Close()
		if _, err := last.Submit(t.Context(), parts); err != nil {
			t.Fatal(err)
		}
		key := func(p Part) string { return "." + p.Key[:8] }
		want := []string{"b.results.jsonl"}
		if n > 0 {
			want = []string{"b" + key(parts[0]) + ".results.jsonl", "b.2" + key(parts[1]) + ".results.jsonl"}
		}
		_, names := syncOnce(t, last, out)
		if !slices.Equal(names, want) {
			t.Errorf("ledger %d: saved in %q, want %q", n+1, names, want)
		}
		for _, name := range names {
			text, err := os.ReadFile(filepath.Join(out, name))
			if err != nil || len(text) == 0 {
				t.Fatalf("%s: %d bytes, %v", name, len(text), err)
			}
			texts[name] = string(text)
		}
	}
	texts["b.2.results.jsonl"] = "my notes\n"
	for name, want := range texts {
		if text, err := os.ReadFile(filepath.Join(out, name)); err != nil || string(text) != want {
			t.Errorf("%s has changed: %s, %v", name, text, err)
		}
	}
	// A job that is asked again replaces its own results, also under a name that is not the first.
	last.cfg.Fresh = true
	if _, err := last.Submit(t.Context(), parts[:1]); err != nil {
		t.Fatal(err)
	}
	name := "b." + parts[0].Key[:8] + ".results.jsonl"
	if _, names := syncOnce(t, last, out); !slices.Equal(names, []string{name}) {
		t.Errorf("asked again: saved in %q", names)
	}
	if text, err := os.ReadFile(filepath.Join(out, name)); err != nil || string(text) == texts[name] {
		t.Errorf("asked again: %v, or the results are those of before", err)
	}
}

func TestABatchOfAnotherRunIsReportedOnceWhateverLooksAtIt(t *testing.T) {
	w := newWorld(t, openaitest.Options{BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{InProgress: 10 * time.Hour}}})
	m := w.manager(t, Config{})
	parts := w.parts(t, 3, 3)
	entries, err := m.Submit(t.Context(), parts)
	if err != nil {
		t.Fatal(err)
	}
	w.advance(t, time.Minute)
	meta := m.metadata(entries[0])
	meta[metaRun] = "another"
	if _, err := w.service.CreateBatch(t.Context(), entries[0].FileID, entries[0].Endpoint, "24h", meta); err != nil {
		t.Fatal(err)
	}
	w.advance(t, time.Minute)
	said := 0
	for range 3 {
		told := hears(m)
		syncOnce(t, m, w.dir)
		said += strings.Count(told.String(), "begun by another run")
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		m = w.manager(t, Config{})
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if said != 1 {
		t.Errorf("said %d times", said)
	}
}

func TestAFurtherPartIsKnownByItsName(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		path, batchFile string
		want            bool
	}{
		{"b.2.jsonl", "b.jsonl", true},
		{"./b.12.jsonl", "b.jsonl", true},
		{"b.2", "b", true},
		{"b.jsonl", "b.jsonl", false},
		{"b.1.jsonl", "b.jsonl", false},
		{"b.02.jsonl", "b.jsonl", false},
		{"b.2.json", "b.jsonl", false},
		{"c.2.jsonl", "b.jsonl", false},
		{"nowhere/b.2.jsonl", "b.jsonl", false},
		{"", "b.jsonl", false},
		{"-", "b.jsonl", false},
	} {
		if got := IsFurtherPart(c.path, c.batchFile); got != c.want {
			t.Errorf("%s of %s: %v", c.path, c.batchFile, got)
		}
	}
}
