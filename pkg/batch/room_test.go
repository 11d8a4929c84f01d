package batch

import (
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nertools/pkg/openaitest"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// batches counts those that the service was ever asked for.
func (w *world) batches(t *testing.T) int {
	t.Helper()
	return len(w.statuses(t))
}

// poll is one round of a run that polls.
func poll(t *testing.T, m *Manager, entries []*Entry) error {
	t.Helper()
	if err := m.startAll(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	if err := m.look(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	return m.takeGivenUp()
}

func (w *world) open(t *testing.T, parts []Part) (*Manager, []*Entry, *strings.Builder) {
	t.Helper()
	m := w.manager(t, Config{})
	t.Cleanup(func() { m.Close() })
	said := hears(m)
	return m, enter(t, m, parts), said
}

func TestAPartLargerThanTheWholeQueueIsGivenUpAndSaysSo(t *testing.T) {
	// A row takes about 20 prompt tokens.
	w := newWorld(t, openaitest.Options{BatchRules: openaitest.BatchRules{EnqueuedTokens: 60, Phases: openaitest.Phases{Validating: time.Second}}})
	m, entries, _ := w.open(t, w.parts(t, 5, 5))
	var given error
	for range 20 {
		given = errors.Join(given, poll(t, m, entries))
		w.advance(t, time.Second)
	}
	large, ok := errors.AsType[*TooLarge](given)
	if !ok || large.Part.Number != 1 || !strings.Contains(given.Error(), "part 1 (5 requests, ") || !strings.Contains(given.Error(), "Enqueued token limit reached") {
		t.Errorf("got %v", given)
	}
	if n := w.batches(t); n != 1 {
		t.Errorf("%d batches were created, want 1", n)
	}
	_, o := fetchEntries(t, m, entries, 5)
	if o.Failed.Count(record.Invalid) != 5 {
		t.Errorf("%+v", o)
	}
}

func TestOfSeveralPartsOnlyThoseLargerThanTheQueueAreGivenUp(t *testing.T) {
	w := newWorld(t, openaitest.Options{BatchRules: openaitest.BatchRules{EnqueuedTokens: 200, Phases: openaitest.Phases{Validating: time.Minute, InProgress: time.Hour}}})
	parts := w.parts(t, 26, 12) // two of about 240 tokens, one of 40
	m, entries, _ := w.open(t, parts)
	var given error
	for range 40 {
		given = errors.Join(given, poll(t, m, entries))
		w.advance(t, 5*time.Minute)
	}
	if entries[0].State != dropped || entries[1].State != dropped || entries[2].State != finished {
		t.Errorf("the parts are %s, %s, %s: %v", entries[0].State, entries[1].State, entries[2].State, given)
	}
	if n := w.batches(t); n > 12 {
		t.Errorf("%d batches were created in 200 minutes", n)
	}
	_, o := fetchEntries(t, m, entries, 26)
	if o.OK != 2 || o.Failed.Count(record.Invalid) != 24 {
		t.Errorf("%+v", o)
	}
	billedOnce(t, w, 2)
}

func TestAPartWaitsForBatchesOfOthersAndIsTriedAgainMoreAndMoreSeldom(t *testing.T) {
	w := newWorld(t, openaitest.Options{BatchRules: openaitest.BatchRules{EnqueuedTokens: 150, Phases: openaitest.Phases{Validating: time.Second, InProgress: 4 * time.Hour}}})
	// Another program of the account has a batch at work.
	first, others, _ := w.open(t, w.parts(t, 6, 6))
	if err := poll(t, first, others); err != nil {
		t.Fatal(err)
	}
	w.advance(t, time.Minute)
	w2 := w.folder(t)
	m, entries, said := w2.open(t, w2.parts(t, 5, 5))
	made := 0
	for minutes := range 5 * 60 {
		if err := poll(t, m, entries); err != nil {
			t.Fatal(err)
		}
		if n := w.batches(t) - 1; n != made {
			made = n
			if minutes == 59 && made > 7 {
				t.Errorf("%d batches after an hour", made)
			}
		}
		w.advance(t, time.Minute)
	}
	if made > 16 {
		t.Errorf("%d batches were created while there was no room", made)
	}
	if !strings.Contains(said.String(), "no room in the service's queue for part 1, which is tried again when a batch has ended, or in 1m0s: Enqueued") ||
		!strings.Contains(said.String(), "or in 30m0s") {
		t.Errorf("said %q", said)
	}
	w.drive(t, m, entries)
	if entries[0].Status != wire.BatchCompleted {
		t.Errorf("%+v", entries[0])
	}
	fetchEntries(t, m, entries, 5)
}

func TestAPartIsNotGivenUpOverRoomThatIsJustBecomingFree(t *testing.T) {
	w := newWorld(t, openaitest.Options{BatchRules: openaitest.BatchRules{EnqueuedTokens: 100, Phases: openaitest.Phases{}}})
	first, others, _ := w.open(t, w.parts(t, 2, 2))
	if err := poll(t, first, others); err != nil || others[0].Status != wire.BatchCompleted {
		t.Fatal(others[0], err)
	}
	// The part is too large, but that can't be known yet.
	w2 := w.folder(t)
	m, entries, _ := w2.open(t, w2.parts(t, 8, 8))
	var given error
	minutes := 0
	for ; given == nil && minutes < 60; minutes++ {
		given = poll(t, m, entries)
		w.advance(t, time.Minute)
	}
	if given == nil || minutes < 10 || minutes > 20 || w.batches(t) > 7 {
		t.Errorf("given up after %d minutes and %d batches: %v", minutes, w.batches(t), given)
	}
}

func TestAQueueThatIsFullAtTheCreationIsWaitedForToo(t *testing.T) {
	for _, status := range []int{400, 429} {
		w := newWorld(t, openaitest.Options{BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{InProgress: time.Hour}}, Faults: []openaitest.Fault{
			{
				Kind:       openaitest.Status,
				ErrorReply: openaitest.ErrorReply{Status: status, Code: "token_limit_exceeded", Message: "Enqueued token limit reached"},
				Aim:        openaitest.Aim{Op: "createBatch"},
				Turns:      openaitest.Turns{Skip: 1, Times: 1},
			}}})
		m, entries, said := w.open(t, w.parts(t, 6, 3))
		if err := poll(t, m, entries); err != nil || entries[1].State != queued || !strings.Contains(said.String(), "for part 2") {
			t.Errorf("%d: %v, the part is %s; said %q", status, err, entries[1].State, said)
		}
		w.drive(t, m, entries)
		if _, o := fetchEntries(t, m, entries, 6); o.OK != 6 {
			t.Errorf("%d: %+v", status, o)
		}
		billedOnce(t, w, 6)
	}
}

func TestAFileThatIsLargerThanAnUploadMayBeIsGivenUpAndTheOthersGoOn(t *testing.T) {
	w := newWorld(t, openaitest.Options{FileRules: openaitest.FileRules{MaxUploadBytes: 2000}})
	m, entries, _ := w.open(t, w.parts(t, 13, 10)) // ten rows take 3,000 bytes
	given := poll(t, m, entries)
	if large, ok := errors.AsType[*TooLarge](given); !ok || large.Part.Number != 1 {
		t.Errorf("got %v", given)
	}
	if entries[0].State != dropped || entries[1].State != finished {
		t.Errorf("the parts are %s and %s", entries[0].State, entries[1].State)
	}
	if _, o := fetchEntries(t, m, entries, 13); o.OK != 3 || o.Failed.Count(record.Invalid) != 10 {
		t.Errorf("%+v", o)
	}
}

func TestWhatIsWrongWithTheAccountGivesNoPartUp(t *testing.T) {
	for _, fault := range []openaitest.Fault{
		{Kind: openaitest.Unauthorized}, {Kind: openaitest.InsufficientQuota}, {Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 403}},
	} {
		for _, op := range []string{"listBatches", "createFile", "createBatch"} {
			fault.Op, fault.Times = op, 1
			w := newWorld(t, openaitest.Options{Faults: []openaitest.Fault{fault}})
			m := w.manager(t, Config{})
			entries := enter(t, m, w.parts(t, 3, 3))
			err := m.startAll(t.Context(), entries)
			if e, ok := errors.AsType[*wire.Error](err); !ok || !e.Fatal(true) || !entries[0].Waiting() {
				t.Errorf("%s at %s: %v, and the part is %s", fault.Kind, op, err, entries[0].State)
			}
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
			m, _, _ = w.open(t, nil)
			if entries = m.ledger.entries; m.lookFor(entries[0]) > 0 {
				t.Errorf("%s at %s: the next run looks for a batch that was refused", fault.Kind, op)
			}
			w.drive(t, m, entries)
			fetchEntries(t, m, entries, 3)
			billedOnce(t, w, 3)
		}
	}
}

func TestAPartWhoseBatchFailedIsStartedAgainByTheSameCommand(t *testing.T) {
	for _, isFetched := range []bool{false, true} {
		w := newWorld(t, openaitest.Options{Faults: []openaitest.Fault{{
			Kind:       openaitest.BatchFail,
			ErrorReply: openaitest.ErrorReply{Code: "model_not_found", Message: "no such model"},
			Turns:      openaitest.Turns{Times: 1},
		}}})
		parts := w.parts(t, 3, 3)
		m := w.manager(t, Config{})
		entries := enter(t, m, parts)
		w.drive(t, m, entries)
		path := ""
		if isFetched {
			path = filepath.Join(w.dir, "r.jsonl")
		}
		if o, err := m.Save(t.Context(), entries, path, io.Discard); err != nil || o.Failed.Rows() != 3 {
			t.Errorf("%v, %+v", err, o)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		m, entries, said := w.open(t, parts)
		if !strings.Contains(said.String(), "part 1 was refused earlier, and is started again: model_not_found: no such model") {
			t.Errorf("said %q", said)
		}
		w.drive(t, m, entries)
		if _, o := fetchEntries(t, m, entries, 3); o.OK != 3 || w.batches(t) != 2 {
			t.Errorf("%+v, %d batches", o, w.batches(t))
		}
		billedOnce(t, w, 3)
	}
}
