package batch

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nertools/pkg/openaiapi"
	"nertools/pkg/openaitest"
	"nertools/pkg/price"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

func init() {
	settleWaits = []time.Duration{time.Millisecond, time.Millisecond, time.Millisecond}
	sameSecond, patience = time.Millisecond, 300*time.Millisecond
}

// world is a service with a clock of its own, and a folder to work in.
type world struct {
	api     *openaitest.Server
	service Service
	dir     string
}

func newWorld(t *testing.T, opt openaitest.Options) *world {
	t.Helper()
	start := time.Now()
	opt.Now = func() time.Time { return start } // time passes by Advance alone
	w := &world{api: openaitest.New(opt), dir: t.TempDir()}
	srv := httptest.NewServer(w.api)
	client, err := openaiapi.New(openaiapi.Config{Key: "sk-simulated", BaseURL: srv.URL + "/v1", InFlight: 4, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		w.api.Close()
		srv.Close()
	})
	w.service = client
	return w
}

// parts writes n rows as parts of at most size requests.
func (w *world) parts(t *testing.T, n, size int) []Part {
	t.Helper()
	parts, err := split(filepath.Join(w.dir, "b.jsonl"), PartLimits{Requests: size}, asked(t, n, upTo(n)...))
	if err != nil {
		t.Fatal(err)
	}
	return parts
}

// manager opens the ledger, as a program does that starts.
func (w *world) manager(t *testing.T, cfg Config) *Manager {
	t.Helper()
	cfg.Window, cfg.MaxRetries, cfg.Say = "24h", 3, func(s string) { t.Log(s) }
	cfg.Prices = cmp.Or(cfg.Prices, price.Builtin())
	m, err := Open(filepath.Join(w.dir, "ledger"), w.service, cfg)
	if err != nil {
		t.Fatal(err)
	}
	m.now, m.ledger.now = w.api.Now, w.api.Now
	return m
}

// enter adds the parts to the manager's ledger.
func enter(t *testing.T, m *Manager, parts []Part) []*Entry {
	t.Helper()
	entries, err := m.add(t.Context(), parts)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func running(entries []*Entry) bool { return slices.ContainsFunc(entries, (*Entry).running) }

// results fetches all the entries' results, and checks that each row has one.
func results(t *testing.T, m *Manager, entries []*Entry, rows int) (map[int]record.Result, Outcome) {
	t.Helper()
	got := map[int]record.Result{}
	var o Outcome
	for _, entry := range entries {
		err := m.fetch(t.Context(), entry.BatchID, entry.File, &o, func(r *record.Result) error {
			if _, twice := got[r.Index]; twice {
				t.Errorf("row %d has two results", r.Index)
			}
			if r.BatchID != entry.BatchID || r.Total != rows {
				t.Errorf("row %d: %+v", r.Index, r)
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

// drive starts the entries and lets time pass until none runs.
func (w *world) drive(t *testing.T, m *Manager, entries []*Entry) {
	t.Helper()
	for range 200 {
		if err := m.startAll(t.Context(), entries); err != nil {
			t.Fatal(err)
		}
		if err := m.look(t.Context(), entries); err != nil {
			t.Fatal(err)
		}
		if !running(entries) {
			return
		}
		if err := w.api.Advance(20 * time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the entries do not end")
}

func TestEveryEndOfABatchGivesEachRowOneResult(t *testing.T) {
	const rows = 12
	answered := func(o Outcome) bool { return o.OK == rows }
	for _, c := range []struct {
		name string
		opt  openaitest.Options
		want func(Outcome) bool
		end  string
	}{
		{"completed", openaitest.Options{}, answered, wire.BatchCompleted},
		{"completed, whole downloads only, broken ones", openaitest.Options{
			FileRules: openaitest.FileRules{NoRanges: true},
			Faults:    []openaitest.Fault{{Kind: openaitest.ResetMidBody, Aim: openaitest.Aim{Path: "/v1/files/"}, Turns: openaitest.Turns{Times: 2}}},
		}, answered, wire.BatchCompleted},
		{"completed, a download that is short without saying so", openaitest.Options{
			Faults: []openaitest.Fault{{Kind: openaitest.TruncatedJSON, Aim: openaitest.Aim{Op: "downloadFile"}, Turns: openaitest.Turns{Times: 2}}}}, answered, wire.BatchCompleted},
		{"completed, broken downloads", openaitest.Options{
			Faults: []openaitest.Fault{{Kind: openaitest.ResetMidBody, Aim: openaitest.Aim{Path: "/v1/files/"}, Turns: openaitest.Turns{Times: 3}}}}, answered, wire.BatchCompleted},
		{"some rows refused", openaitest.Options{Faults: []openaitest.Fault{{
			Kind:       openaitest.Status,
			ErrorReply: openaitest.ErrorReply{Status: 400, Code: "bad", Message: "no"},
			Aim:        openaitest.Aim{Contains: "Bob 3 .", Path: "/v1/chat"},
		}}},
			func(o Outcome) bool { return o.OK == rows-1 && o.Failed.Count(record.Invalid) == 1 }, wire.BatchCompleted},
		{"some rows refused, in the output file", openaitest.Options{
			BatchRules: openaitest.BatchRules{BadRowsInOutput: true},
			Faults: []openaitest.Fault{{
				Kind:       openaitest.Status,
				ErrorReply: openaitest.ErrorReply{Status: 400, Code: "bad", Message: "no"},
				Aim:        openaitest.Aim{Contains: "Bob 3 .", Path: "/v1/chat"},
			}},
		},
			func(o Outcome) bool { return o.OK == rows-1 && o.Failed.Count(record.Invalid) == 1 }, wire.BatchCompleted},
		{"an answer cut off", openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.Length, Aim: openaitest.Aim{Contains: "Bob 3 ."}}}},
			func(o Outcome) bool { return o.OK == rows-1 && o.Failed.Count(record.Length) == 1 }, wire.BatchCompleted},
		{"all rows failed", openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.BatchAllFailed}}},
			func(o Outcome) bool { return o.Failed.Count(record.Invalid) == rows }, wire.BatchCompleted},
		{"all rows failed, empty file id", openaitest.Options{Dialect: openaitest.Dialect{EmptyFileIDs: true}, Faults: []openaitest.Fault{{Kind: openaitest.BatchAllFailed}}},
			func(o Outcome) bool { return o.Failed.Count(record.Invalid) == rows }, wire.BatchCompleted},
		{"files shown late", openaitest.Options{Faults: []openaitest.Fault{{
			Kind:       openaitest.BatchLateOutput,
			BatchFault: openaitest.BatchFault{Shown: 2},
		}}}, answered, wire.BatchCompleted},
		{"rows with status 0", openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.BatchStatusZero, BatchFault: openaitest.BatchFault{Rows: 4}}}},
			func(o Outcome) bool { return o.OK == rows-4 && o.Failed.Count(record.Server) == 4 }, wire.BatchCompleted},
		{"rows in neither file", openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.BatchMissing, BatchFault: openaitest.BatchFault{Rows: 5}}}},
			func(o Outcome) bool { return o.OK == rows-5 && o.Missing == 5 }, wire.BatchCompleted},
		{"a status of the future", openaitest.Options{Faults: []openaitest.Fault{{
			Kind:       openaitest.BatchUnknownStatus,
			Text:       "polishing",
			BatchFault: openaitest.BatchFault{Shown: 3},
		}}}, answered, wire.BatchCompleted},
		{"expired", openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.BatchExpire, BatchFault: openaitest.BatchFault{Rows: 7}}}},
			func(o Outcome) bool { return o.OK == 7 && o.Failed.Count(record.Expired) == rows-7 }, wire.BatchExpired},
		{"failed over a row", openaitest.Options{Faults: []openaitest.Fault{{
			Kind:       openaitest.BatchFail,
			ErrorReply: openaitest.ErrorReply{Code: "invalid_request", Message: "what is this", Param: "body.x"},
			BatchFault: openaitest.BatchFault{Line: 4},
		}}},
			func(o Outcome) bool { return o.Failed.Count(record.Invalid) == rows }, wire.BatchFailed},
		{"failed over the whole", openaitest.Options{Models: []string{"another"}},
			func(o Outcome) bool { return o.Failed.Count(record.Invalid) == rows }, wire.BatchFailed},
		{"the service has hiccups", openaitest.Options{Faults: []openaitest.Fault{{
			Kind:       openaitest.Status,
			ErrorReply: openaitest.ErrorReply{Status: 503, RetryAfterMS: "1"},
			Turns:      openaitest.Turns{Every: 3, Times: 8},
			Aim:        openaitest.Aim{Path: "/v1/batches"},
		}}}, answered, wire.BatchCompleted},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.opt.Phases = openaitest.Phases{Validating: time.Minute, InProgress: time.Hour}
			w := newWorld(t, c.opt)
			m := w.manager(t, Config{})
			defer m.Close()
			parts := w.parts(t, rows, 100)
			entries := enter(t, m, parts)
			w.drive(t, m, entries)
			if entries[0].Status != c.end {
				t.Errorf("the batch ended as %s, want %s", entries[0].Status, c.end)
			}
			got, o := results(t, m, entries, rows)
			if !c.want(o) {
				t.Errorf("outcome %+v", o)
			}
			for i, r := range got {
				if r.OK() && r.Output != fmt.Sprintf("@@Ada## met Bob %d .", i) {
					t.Errorf("row %d has the answer %q", i, r.Output)
				}
			}
			if strings.HasPrefix(c.name, "failed over a row") && !strings.Contains(got[3].Failure.Message, "what is this (body.x)") {
				t.Errorf("the row at fault says %+v", got[3].Failure)
			}
		})
	}
}

func TestACancelledBatchKeepsWhatIsPaidForAndCancellingItAgainIsNoFailure(t *testing.T) {
	w := newWorld(t, openaitest.Options{BatchRules: openaitest.BatchRules{InOrder: true, Phases: openaitest.Phases{PerRow: time.Hour}}})
	m := w.manager(t, Config{})
	defer m.Close()
	parts := w.parts(t, 10, 100)
	entries := enter(t, m, parts)
	if err := m.startAll(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	if err := w.api.Advance(4*time.Hour + time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, err := m.cancel(t.Context(), entries[0].BatchID); err != nil {
		t.Fatal(err)
	}
	w.drive(t, m, entries)
	_, o := results(t, m, entries, 10)
	if o.OK != 4 || entries[0].Status != wire.BatchCancelled {
		t.Errorf("%+v, %s", o, entries[0].Status)
	}
	calls := w.api.Calls()
	_, err := m.cancel(t.Context(), entries[0].BatchID)
	if e, ok := errors.AsType[*wire.Error](err); !ok || e.Status != http.StatusConflict || w.api.Calls() != calls+1 {
		t.Errorf("got %v after %d calls", err, w.api.Calls()-calls)
	}
}

func TestResultsAreTheSameFromAnotherMachineByBatchIDAlone(t *testing.T) {
	w := newWorld(t, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.BatchMissing, BatchFault: openaitest.BatchFault{Rows: 3}}}})
	m := w.manager(t, Config{})
	defer m.Close()
	parts := w.parts(t, 10, 100)
	entries := enter(t, m, parts)
	w.drive(t, m, entries)
	here, _ := results(t, m, entries, 10)
	far := New(w.service, Config{MaxRetries: 3, Say: func(s string) { t.Log(s) }})
	entries[0].File = ""
	there, o := results(t, far, entries, 10)
	for i, r := range here {
		other := there[i]
		if !bytes.Equal(record.AppendResult(nil, &r), record.AppendResult(nil, &other)) {
			t.Errorf("row %d: %+v here, %+v there", i, r, other)
		}
		if r.OK() && r.Request == "" {
			t.Errorf("row %d does not tell what was asked", i)
		}
	}
	if o.Missing != 3 {
		t.Errorf("%+v", o)
	}
}

func TestPartsWaitWhileTheQueueIsFullAndStartAsOthersEnd(t *testing.T) {
	// A part of 5 rows takes about 150 prompt tokens.
	w := newWorld(t, openaitest.Options{BatchRules: openaitest.BatchRules{EnqueuedTokens: 400, Phases: openaitest.Phases{Validating: time.Minute, InProgress: time.Hour}}})
	m := w.manager(t, Config{})
	defer m.Close()
	parts := w.parts(t, 40, 5)
	entries := enter(t, m, parts)
	w.drive(t, m, entries)
	if _, o := results(t, m, entries, 40); o.OK != 40 {
		t.Errorf("%+v", o)
	}
	if slices.ContainsFunc(entries, func(entry *Entry) bool { return entry.Attempt != 1 }) {
		t.Error("a part that had to wait has become another attempt: other runs would not know that it is the same")
	}
	if !slices.ContainsFunc(entries, func(entry *Entry) bool { return !entry.Refused.IsZero() }) {
		t.Error("no part had to wait: the test tests nothing")
	}
	billedOnce(t, w, 40)
}

func billedOnce(t *testing.T, w *world, rows int) {
	t.Helper()
	billed := w.api.Billed()
	if len(billed) != rows {
		t.Errorf("%d rows were billed of %d", len(billed), rows)
	}
	for prompt, n := range billed {
		if n != 1 {
			t.Errorf("prompt %s was billed %d times", prompt, n)
		}
	}
}

func TestNoMorePartsFlyThanWanted(t *testing.T) {
	w := newWorld(t, openaitest.Options{BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{InProgress: time.Hour}}})
	m := w.manager(t, Config{InFlight: 2})
	defer m.Close()
	parts := w.parts(t, 10, 2)
	entries := enter(t, m, parts)
	for range 10 {
		if err := m.startAll(t.Context(), entries); err != nil {
			t.Fatal(err)
		}
		inFlight := 0
		for _, entry := range entries {
			if entry.State == created {
				inFlight++
			}
		}
		if inFlight > 2 {
			t.Fatalf("%d parts in flight", inFlight)
		}
		if err := w.api.Advance(2 * time.Hour); err != nil {
			t.Fatal(err)
		}
		if err := m.look(t.Context(), entries); err != nil {
			t.Fatal(err)
		}
	}
	if running(entries) {
		t.Error("the entries did not end")
	}
}

func TestAPartIsPaidForAgainOnlyIfThatIsWanted(t *testing.T) {
	w := newWorld(t, openaitest.Options{})
	parts := w.parts(t, 5, 100)
	for round, fresh := range []bool{false, false, true, true} {
		if round == 3 {
			os.Remove(filepath.Join(w.dir, "ledger")) // what is meant does not depend on it
		}
		m := w.manager(t, Config{Fresh: fresh})
		entries := enter(t, m, parts)
		w.drive(t, m, entries)
		results(t, m, entries, 5)
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		for prompt, n := range w.api.Billed() {
			if want := []int{1, 1, 2, 3}[round]; n != want {
				t.Errorf("round %d: prompt %s was billed %d times, want %d", round, prompt, n, want)
			}
		}
	}
}

func TestALedgerOfAnotherAccountSaysSo(t *testing.T) {
	w := newWorld(t, openaitest.Options{BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{InProgress: time.Hour}}})
	parts := w.parts(t, 5, 100)
	m := w.manager(t, Config{Account: "one"})
	if err := m.startAll(t.Context(), enter(t, m, parts)); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	w.service = newWorld(t, openaitest.Options{}).service // which knows nothing of it
	m = w.manager(t, Config{Account: "two"})
	defer m.Close()
	err := m.look(t.Context(), m.ledger.entries)
	if !errors.Is(err, ErrOtherAccount) || !strings.Contains(err.Error(), "made under another API key") {
		t.Errorf("got %v", err)
	}
	m.cfg.Former = []string{"one"}
	if err := m.look(t.Context(), m.ledger.entries); errors.Is(err, ErrOtherAccount) {
		t.Errorf("an account under its former name: %v", err)
	}
}

func TestAFileOfAPartThatCannotBeStartedIsDeleted(t *testing.T) {
	w := newWorld(t, openaitest.Options{Faults: []openaitest.Fault{{
		Kind:       openaitest.Status,
		ErrorReply: openaitest.ErrorReply{Status: 400, Code: "invalid_request_error", Message: "no"},
		Aim:        openaitest.Aim{Op: "createBatch"},
	}}})
	m := w.manager(t, Config{})
	defer m.Close()
	parts := w.parts(t, 5, 100)
	entries := enter(t, m, parts)
	if err := m.startAll(t.Context(), entries); err == nil || entries[0].State != dropped {
		t.Fatalf("%v, %s", err, entries[0].State)
	}
	if id, err := w.service.FindFile(t.Context(), "ner-"+entries[0].Key+".jsonl", entries[0].Bytes); err != nil || id != "" {
		t.Errorf("the file %s is still there (%v)", id, err)
	}
}

func TestLostAnswersToUploadAndCreateCostNothing(t *testing.T) {
	for _, path := range []string{"/v1/files", "/v1/batches"} {
		w := newWorld(t, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.LostAnswer, Aim: openaitest.Aim{Path: path}, Turns: openaitest.Turns{Times: 2}}}})
		m := w.manager(t, Config{})
		parts := w.parts(t, 5, 100)
		entries := enter(t, m, parts)
		w.drive(t, m, entries)
		results(t, m, entries, 5)
		billedOnce(t, w, 5)
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// errKilled stands for the end of the process.
var errKilled = errors.New("killed")

// mortal is a service during whose n-th call the program is killed: before the
// call is sent, or after it was done and before its answer was seen.
type mortal struct {
	Service
	calls, killAt int
	after         bool
}

func (s *mortal) call(do func()) {
	s.calls++
	if s.calls != s.killAt {
		do()
		return
	}
	if s.after {
		do()
	}
	panic(errKilled)
}

func (s *mortal) Upload(ctx context.Context, name string, size int64, open func() (io.ReadCloser, error)) (id string, err error) {
	s.call(func() { id, err = s.Service.Upload(ctx, name, size, open) })
	return id, err
}

func (s *mortal) FindFile(ctx context.Context, name string, size int64) (id string, err error) {
	s.call(func() { id, err = s.Service.FindFile(ctx, name, size) })
	return id, err
}

func (s *mortal) CreateBatch(ctx context.Context, file, endpoint, window string, metadata map[string]string) (b wire.Batch, err error) {
	s.call(func() { b, err = s.Service.CreateBatch(ctx, file, endpoint, window, metadata) })
	return b, err
}

func (s *mortal) Batch(ctx context.Context, id string) (b wire.Batch, err error) {
	s.call(func() { b, err = s.Service.Batch(ctx, id) })
	return b, err
}

func (s *mortal) Batches(ctx context.Context, after string) (page []wire.Batch, next string, err error) {
	s.call(func() { page, next, err = s.Service.Batches(ctx, after) })
	return page, next, err
}

func (s *mortal) Download(ctx context.Context, id string, at int64, w io.Writer) (n int64, err error) {
	s.call(func() { n, err = s.Service.Download(ctx, id, at, w) })
	return n, err
}

// life is one run of the program from its start to its end, or until it is killed.
func (w *world) life(t *testing.T, parts []Part, rows int) (killed bool) {
	t.Helper()
	m := w.manager(t, Config{})
	defer func() {
		_ = m.Close() // as the system does for a process that is killed
		if r := recover(); r != nil {
			if r != errKilled {
				panic(r)
			}
			killed = true
		}
	}()
	entries := enter(t, m, parts)
	w.drive(t, m, entries)
	results(t, m, entries, rows)
	if _, err := m.Save(t.Context(), entries, filepath.Join(w.dir, "results.jsonl"), nil); err != nil {
		t.Fatal(err)
	}
	return false
}

func TestKilledAtAnyCallTheSameCommandEndsWithEveryRowOnceAndPaidOnce(t *testing.T) {
	const rows = 9
	for _, after := range []bool{false, true} {
		for n := 1; ; n++ {
			w := newWorld(t, openaitest.Options{BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{InProgress: 30 * time.Minute}}})
			parts := w.parts(t, rows, 3)
			real := w.service
			w.service = &mortal{Service: real, killAt: n, after: after}
			killed := w.life(t, parts, rows)
			w.service = real
			if w.life(t, parts, rows) {
				t.Fatal("killed without a killer")
			}
			billedOnce(t, w, rows)
			page, _, err := real.Batches(t.Context(), "")
			if err != nil || len(page) != len(parts) {
				t.Errorf("killed at call %d (after it: %v): %d batches for %d parts (%v)", n, after, len(page), len(parts), err)
			}
			if !killed {
				if n < 15 {
					t.Errorf("only %d calls: the test tests little", n)
				}
				break
			}
		}
	}
}
