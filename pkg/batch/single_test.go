package batch

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"nertools/pkg/openaitest"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// blinkered is a service whose list of batches is empty as long as blind says so,
// and whose clock moves on with each look at the list.
type blinkered struct {
	Service
	blind func() bool
	look  func()
}

func (s *blinkered) Batches(ctx context.Context, after string) ([]wire.Batch, string, error) {
	if s.look != nil {
		s.look()
	}
	if s.blind != nil && s.blind() {
		return nil, "", nil
	}
	return s.Service.Batches(ctx, after)
}

// folder is another place from which the same service is used.
func (w *world) folder(t *testing.T) *world {
	return &world{api: w.api, service: w.service, dir: t.TempDir()}
}

// hears makes the manager's messages readable.
func hears(m *Manager) *strings.Builder {
	var said strings.Builder
	m.cfg.Say = func(s string) { fmt.Fprintln(&said, s) }
	return &said
}

// begin opens the folder's ledger and starts n rows as one part.
func (w *world) begin(t *testing.T, n int) (*Manager, *Entry, *strings.Builder) {
	t.Helper()
	m := w.manager(t, Config{})
	t.Cleanup(func() { m.Close() })
	said := hears(m)
	parts := w.parts(t, n, 100)
	entry := enter(t, m, parts)[0]
	if err := m.startAll(t.Context(), []*Entry{entry}); err != nil {
		t.Fatal(err)
	}
	return m, entry, said
}

// statuses are those of all the service's batches, oldest first.
func (w *world) statuses(t *testing.T) (all []string) {
	t.Helper()
	page, _, err := w.service.Batches(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range slices.Backward(page) {
		all = append(all, b.Status)
	}
	return all
}

func (w *world) advance(t *testing.T, d time.Duration) {
	t.Helper()
	if err := w.api.Advance(d); err != nil {
		t.Fatal(err)
	}
}

func TestABatchThatAppearsLateIsNotMadeASecondTime(t *testing.T) {
	w := newWorld(t, openaitest.Options{
		BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{Validating: time.Minute}},
		Faults:     []openaitest.Fault{{Kind: openaitest.LateBatch, BatchFault: openaitest.BatchFault{After: 4 * time.Second}, Turns: openaitest.Turns{Times: 1}}},
	})
	w.service = &blinkered{Service: w.service, look: func() { w.advance(t, time.Second) }}
	m, entry, said := w.begin(t, 5)
	if got := w.statuses(t); len(got) != 1 || entry.State != created {
		t.Errorf("batches %v, the entry is %s", got, entry.State)
	}
	if !strings.Contains(said.String(), "504") || !strings.Contains(said.String(), "looking for it for") {
		t.Errorf("said %q", said)
	}
	w.drive(t, m, []*Entry{entry})
	results(t, m, []*Entry{entry}, 5)
	billedOnce(t, w, 5)
}

func TestARunThatWasKilledWhileItLookedForALateBatchGoesOnLooking(t *testing.T) {
	w := newWorld(t, openaitest.Options{
		BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{Validating: time.Minute}},
		Faults:     []openaitest.Fault{{Kind: openaitest.LateBatch, BatchFault: openaitest.BatchFault{After: 20 * time.Millisecond}, Turns: openaitest.Turns{Times: 1}}},
	})
	real, looks := w.service, 0
	w.service = &blinkered{Service: real, look: func() {
		if looks++; looks == 3 {
			panic(errKilled)
		}
	}}
	parts := w.parts(t, 5, 100)
	if !w.life(t, parts, 5) {
		t.Fatal("not killed")
	}
	// Time passes with each look: the batch is not there at the first one.
	w.service = &blinkered{Service: real, look: func() { w.advance(t, 8*time.Millisecond) }}
	if w.life(t, parts, 5) {
		t.Fatal("killed without a killer")
	}
	if got := w.statuses(t); len(got) != 1 {
		t.Errorf("batches %v", got)
	}
	billedOnce(t, w, 5)
}

func TestABatchThatAppearsLaterThanThatIsKeptAndTheSecondOneCancelled(t *testing.T) {
	w := newWorld(t, openaitest.Options{
		BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{Validating: time.Hour}},
		Faults:     []openaitest.Fault{{Kind: openaitest.LateBatch, BatchFault: openaitest.BatchFault{After: 10 * time.Minute}, Turns: openaitest.Turns{Times: 1}}},
	})
	w.service = &blinkered{Service: w.service, look: func() { w.advance(t, time.Second) }}
	m, entry, said := w.begin(t, 5)
	second := entry.BatchID
	w.advance(t, 11*time.Minute)
	if err := m.look(t.Context(), []*Entry{entry}); err != nil {
		t.Fatal(err)
	}
	if entry.BatchID == second || !strings.Contains(said.String(), "cancelling "+second) {
		t.Errorf("still %s; said %q", entry.BatchID, said)
	}
	w.drive(t, m, []*Entry{entry})
	if got := w.statuses(t); !slices.Equal(got, []string{"completed", "cancelled"}) {
		t.Errorf("batches %v", got)
	}
	if _, o := fetchEntries(t, m, []*Entry{entry}, 5); o.OK != 5 {
		t.Errorf("%+v", o)
	}
	billedOnce(t, w, 5)
}

func TestARunWaitsForTheBatchThatItsOwnCallMayHaveMade(t *testing.T) {
	// The call is answered by 504; another run's batch is found at once.
	w := newWorld(t, openaitest.Options{
		BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{Validating: time.Hour}},
		Faults:     []openaitest.Fault{{Kind: openaitest.LateBatch, BatchFault: openaitest.BatchFault{After: 8 * time.Millisecond}, Turns: openaitest.Turns{Skip: 1, Times: 1}}},
	})
	m1, one, _ := w.begin(t, 5)
	other := w.folder(t)
	looks := 0
	other.service = &blinkered{Service: w.service, blind: func() bool { return looks < 3 }, look: func() { looks++; w.advance(t, time.Millisecond) }}
	m2, two, said := other.begin(t, 5)
	if two.BatchID != one.BatchID {
		t.Fatalf("one has %s, the other %s: %s", one.BatchID, two.BatchID, said)
	}
	if err := w.api.SetBatchState(one.BatchID, "completed", -1); err != nil {
		t.Fatal(err)
	}
	// What it asked for itself is not accounted for yet.
	for range 20 {
		if err := m2.look(t.Context(), []*Entry{two}); err != nil {
			t.Fatal(err)
		}
	}
	w.advance(t, time.Minute)
	if err := m2.look(t.Context(), []*Entry{two}); err != nil || running([]*Entry{two}) {
		t.Errorf("%v, %+v", err, two)
	}
	if got := w.statuses(t); !slices.Equal(got, []string{"completed", "cancelled"}) || !strings.Contains(said.String(), "cancelling") {
		t.Errorf("batches %v; said %q", got, said)
	}
	for m, entry := range map[*Manager]*Entry{m1: one, m2: two} {
		fetchEntries(t, m, []*Entry{entry}, 5)
	}
	billedOnce(t, w, 5)
}

// fetchEntries fetches all the entries' results, and checks that each row has one.
func fetchEntries(t *testing.T, m *Manager, entries []*Entry, rows int) (map[int]record.Result, Outcome) {
	t.Helper()
	got := map[int]record.Result{}
	var o Outcome
	for _, entry := range entries {
		err := m.fetchEntry(t.Context(), entry, &o, func(r *record.Result) error {
			if _, twice := got[r.Index]; twice {
				t.Errorf("row %d has two results", r.Index)
			}
			got[r.Index] = *r
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(got) != rows || o.Requests != rows || o.OK+o.Failed.Rows()+o.Missing != rows {
		t.Errorf("%d rows have results of %d, outcome %+v", len(got), rows, o)
	}
	return got, o
}

func TestOfTwoRunsAtTheSameTimeOneBatchIsKept(t *testing.T) {
	for _, killed := range []string{"", "before the check", "after the answer was lost"} {
		t.Run(killed, func(t *testing.T) {
			w := newWorld(t, openaitest.Options{BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{Validating: time.Minute, InProgress: time.Hour}}})
			m1, one, _ := w.begin(t, 7)
			w.advance(t, 2*time.Second)
			// The second run does not see the first one's batch before it has made its own.
			other := w.folder(t)
			made := false
			blind := &blinkered{Service: w.service, blind: func() bool { return !made }}
			switch killed {
			case "":
				other.service = &counting{blind, func() { made = true }}
			case "before the check":
				other.service = &mortal{Service: blind, killAt: 5}
			default:
				other.service = &mortal{Service: blind, killAt: 4, after: true}
			}
			if killed != "" {
				if !other.life(t, other.parts(t, 7, 100), 7) {
					t.Fatal("not killed")
				}
				other.service = w.service
			}
			if n := len(w.statuses(t)); killed != "" && n != 2 {
				t.Fatalf("%d batches exist: the test tests nothing", n)
			}
			m2, two, said := other.begin(t, 7)
			if killed == "before the check" { // the ledger knows of the batch: it is not started again
				if err := m2.look(t.Context(), []*Entry{two}); err != nil {
					t.Fatal(err)
				}
			}
			if one.BatchID != two.BatchID {
				t.Errorf("one has %s, the other %s", one.BatchID, two.BatchID)
			}
			if !strings.Contains(said.String(), "cancelling") {
				t.Errorf("said %q", said)
			}
			for range 5 {
				w.advance(t, 30*time.Minute)
				for m, entry := range map[*Manager]*Entry{m1: one, m2: two} {
					if err := m.look(t.Context(), []*Entry{entry}); err != nil {
						t.Fatal(err)
					}
				}
			}
			if got := w.statuses(t); !slices.Equal(got, []string{"completed", "cancelled"}) {
				t.Errorf("batches %v", got)
			}
			for m, entry := range map[*Manager]*Entry{m1: one, m2: two} {
				if _, o := fetchEntries(t, m, []*Entry{entry}, 7); o.OK != 7 {
					t.Errorf("%+v", o)
				}
			}
			billedOnce(t, w, 7)
		})
	}
}

// counting tells when a batch was created.
type counting struct {
	Service
	created func()
}

func (s *counting) CreateBatch(ctx context.Context, file, endpoint, window string, metadata map[string]string) (wire.Batch, error) {
	b, err := s.Service.CreateBatch(ctx, file, endpoint, window, metadata)
	s.created()
	return b, err
}

// twice begins the same 10 rows, an hour each, from two folders, the second of
// which sees the batch of the first only when it is told to.
func twice(t *testing.T) (w *world, m1, m2 *Manager, one, two *Entry, said *strings.Builder, see func()) {
	t.Helper()
	w = newWorld(t, openaitest.Options{BatchRules: openaitest.BatchRules{InOrder: true, Phases: openaitest.Phases{PerRow: time.Hour}}})
	m1, one, _ = w.begin(t, 10)
	w.advance(t, time.Second)
	other := w.folder(t)
	seen := false
	other.service = &blinkered{Service: w.service, blind: func() bool { return !seen }}
	m2, two, said = other.begin(t, 10)
	return w, m1, m2, one, two, said, func() { seen = true }
}

func TestAnswersOfABatchThatIsGivenUpAreKeptAndReported(t *testing.T) {
	w, _, m2, one, two, said, see := twice(t)
	w.advance(t, 3*time.Hour)
	see()
	w.drive(t, m2, []*Entry{two})
	if two.BatchID != one.BatchID {
		t.Errorf("one has %s, the other %s", one.BatchID, two.BatchID)
	}
	_, o := fetchEntries(t, m2, []*Entry{two}, 10)
	if o.OK != 10 {
		t.Errorf("%+v", o)
	}
	paid := 0
	for _, n := range w.api.Billed() {
		paid += n
	}
	if !strings.Contains(said.String(), fmt.Sprintf("also answered %d rows ", paid-10)) || paid == 10 {
		t.Errorf("%d rows were paid for; said %q", paid, said)
	}
}

func TestAnswersOfABatchThatIsGivenUpStandInForThoseThatTheKeptOneLacks(t *testing.T) {
	w, m1, m2, one, two, said, see := twice(t)
	w.advance(t, 3*time.Hour)
	see()
	if err := m2.look(t.Context(), []*Entry{two}); err != nil {
		t.Fatal(err)
	}
	// The user cancels the one that was kept, after two more hours.
	w.advance(t, 2*time.Hour)
	if _, err := m1.cancel(t.Context(), one.BatchID); err != nil {
		t.Fatal(err)
	}
	w.drive(t, m2, []*Entry{two})
	if two.BatchID != one.BatchID || two.Status != wire.BatchCancelled {
		t.Errorf("kept %s (%s), want %s, cancelled", two.BatchID, two.Status, one.BatchID)
	}
	got, o := fetchEntries(t, m2, []*Entry{two}, 10)
	if o.OK != 5 || o.OK+o.Failed.Rows()+o.Missing != 10 {
		t.Errorf("%+v", o)
	}
	for i, r := range got {
		if r.OK() != (i < 5) {
			t.Errorf("row %d: %+v", i, r)
		}
	}
	if !strings.Contains(said.String(), "also answered 3 rows ") {
		t.Errorf("said %q", said)
	}
}

func TestARunMovesOnWhenTheBatchItTookOverIsGivenUpByItsMaker(t *testing.T) {
	// A third batch, made first, appears last: whoever made the second cancels it.
	w := newWorld(t, openaitest.Options{
		BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{Validating: time.Hour}},
		Faults:     []openaitest.Fault{{Kind: openaitest.LateBatch, BatchFault: openaitest.BatchFault{After: 10 * time.Minute}, Turns: openaitest.Turns{Times: 1}}},
	})
	w.service = &blinkered{Service: w.service, look: func() { w.advance(t, time.Second) }}
	m1, one, _ := w.begin(t, 5) // in vain, and then its second
	second := one.BatchID
	m2, two, _ := w.folder(t).begin(t, 5)
	if two.BatchID != second {
		t.Fatalf("took %s, want %s", two.BatchID, second)
	}
	w.advance(t, 11*time.Minute)
	if err := m1.look(t.Context(), []*Entry{one}); err != nil {
		t.Fatal(err)
	}
	w.drive(t, m2, []*Entry{two})
	w.drive(t, m1, []*Entry{one})
	if two.BatchID != one.BatchID || one.BatchID == second {
		t.Errorf("one has %s, the other %s", one.BatchID, two.BatchID)
	}
	if got := w.statuses(t); !slices.Equal(got, []string{"completed", "cancelled"}) {
		t.Errorf("batches %v", got)
	}
	billedOnce(t, w, 5)
}

func TestNobodyCancelsABatchThatAnotherRunOrAnotherAttemptMade(t *testing.T) {
	w, m1, m2, one, two, _, see := twice(t)
	see()
	// The one that made the older batch looks as well.
	for range 3 {
		if err := m1.look(t.Context(), []*Entry{one}); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.statuses(t); !slices.Equal(got, []string{"in_progress", "in_progress"}) {
		t.Errorf("batches %v: only the second run may cancel, and has not looked", got)
	}
	if err := m2.look(t.Context(), []*Entry{two}); err != nil {
		t.Fatal(err)
	}
	// Somebody who wants to pay again makes an attempt of its own.
	w.advance(t, time.Minute)
	third := w.folder(t)
	m3 := third.manager(t, Config{Fresh: true})
	defer m3.Close()
	parts := third.parts(t, 10, 100)
	entries := enter(t, m3, parts)
	if err := m3.startAll(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		w.advance(t, time.Minute)
		for m, entry := range map[*Manager]*Entry{m1: one, m2: two, m3: entries[0]} {
			if err := m.look(t.Context(), []*Entry{entry}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := w.statuses(t); !slices.Equal(got, []string{"in_progress", "cancelled", "in_progress"}) {
		t.Errorf("batches %v", got)
	}
}

func TestALostLedgerFindsTheBatchWhateverTheQueueDidToIt(t *testing.T) {
	// Another batch is in the way first.
	w := newWorld(t, openaitest.Options{BatchRules: openaitest.BatchRules{EnqueuedTokens: 400, Phases: openaitest.Phases{Validating: time.Minute, InProgress: time.Hour}}})
	m := w.manager(t, Config{})
	parts := w.parts(t, 20, 10)
	entries := enter(t, m, parts)
	w.drive(t, m, entries)
	if !slices.ContainsFunc(entries, func(entry *Entry) bool { return !entry.Refused.IsZero() }) {
		t.Fatal("no part had to wait: the test tests nothing")
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	other := w.folder(t)
	m = other.manager(t, Config{})
	defer m.Close()
	parts = other.parts(t, 20, 10)
	enter(t, m, parts)
	entries = m.entries(parts)
	other.drive(t, m, entries)
	fetchEntries(t, m, entries, 20)
	billedOnce(t, w, 20)
}

func TestTheBatchThatIsKeptIsTheSameForAllWhoSeeIt(t *testing.T) {
	entry := &Entry{Part: Part{Key: "k"}, Attempt: 1}
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	batch := func(id, status string, made int64, attempt int) wire.Batch {
		return wire.Batch{ID: id, Status: status, Created: at(made), Metadata: map[string]string{metaKey: "k", metaAttempt: strconv.Itoa(attempt)}}
	}
	for _, c := range []struct {
		name string
		all  []wire.Batch
		want string
	}{
		{"none", nil, ""},
		{"the oldest", []wire.Batch{batch("a", "in_progress", 3, 1), batch("b", "validating", 2, 1)}, "b"},
		{"of one second the smallest id", []wire.Batch{batch("b", "validating", 2, 1), batch("a", "in_progress", 2, 1)}, "a"},
		{"none that failed or is cancelled", []wire.Batch{batch("a", "failed", 1, 1), batch("b", "cancelled", 1, 1), batch("c", "cancelling", 1, 1), batch("d", "finalizing", 2, 1)}, "d"},
		{"a completed one", []wire.Batch{batch("a", "in_progress", 1, 1), batch("b", "completed", 2, 1)}, "b"},
		{"an expired one is as good as one that runs", []wire.Batch{batch("a", "expired", 1, 1), batch("b", "in_progress", 2, 1)}, "a"},
		{"a later attempt", []wire.Batch{batch("a", "failed", 1, 1), batch("b", "in_progress", 2, 2)}, "b"},
		{"no earlier attempt, no other key, none of others", []wire.Batch{batch("a", "completed", 1, 0), {ID: "b", Status: "completed", Metadata: map[string]string{metaKey: "x", metaAttempt: "1"}}, {ID: "c", Status: "completed"}}, ""},
	} {
		for range 2 {
			got := ""
			if b := winner(entry, c.all); b != nil {
				got = b.ID
			}
			if got != c.want {
				t.Errorf("%s: %q, want %q", c.name, got, c.want)
			}
			slices.Reverse(c.all)
		}
	}
}

func TestAListThatNeverEndsIsReadOnce(t *testing.T) {
	w := newWorld(t, openaitest.Options{})
	_, _, _ = w.begin(t, 3)
	stuck := &stuckList{Service: w.service}
	m := New(stuck, Config{MaxRetries: 1, Say: func(string) {}})
	if all, err := m.List(t.Context(), 1000); err != nil || len(all) != 1 || stuck.calls > 3 {
		t.Errorf("%d batches after %d calls, %v", len(all), stuck.calls, err)
	}
}

// stuckList says that there is more and always shows the same.
type stuckList struct {
	Service
	calls int
}

func (s *stuckList) Batches(ctx context.Context, _ string) ([]wire.Batch, string, error) {
	if s.calls++; s.calls > 100 {
		return nil, "", errors.New("100 pages were asked for")
	}
	page, _, err := s.Service.Batches(ctx, "")
	return page, "more", err
}

func TestAFileThatSomebodyDeletedIsSentAgain(t *testing.T) {
	w := newWorld(t, openaitest.Options{})
	real := w.service
	w.service = &deleting{Service: real}
	m, entry, _ := w.begin(t, 3)
	w.drive(t, m, []*Entry{entry})
	results(t, m, []*Entry{entry}, 3)
	if files, err := filepath.Glob(filepath.Join(w.dir, "*.jsonl")); err != nil || len(files) != 1 {
		t.Errorf("%v, %v", files, err)
	}
}

// deleting deletes the first file before a batch is made of it.
type deleting struct {
	Service
	done bool
}

func (s *deleting) CreateBatch(ctx context.Context, file, endpoint, window string, metadata map[string]string) (wire.Batch, error) {
	if !s.done {
		s.done = true
		if err := s.DeleteFile(ctx, file); err != nil {
			return wire.Batch{}, err
		}
	}
	return s.Service.CreateBatch(ctx, file, endpoint, window, metadata)
}
