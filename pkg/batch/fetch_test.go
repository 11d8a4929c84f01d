package batch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"nertools/pkg/openaitest"
	"nertools/pkg/price"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// ended runs rows rows as one batch to its end, and returns its entry.
func (w *world) ended(t *testing.T, rows int) (*Manager, *Entry) {
	t.Helper()
	m := w.manager(t, Config{})
	t.Cleanup(func() { m.Close() })
	parts := w.parts(t, rows, 100)
	entries := enter(t, m, parts)
	w.drive(t, m, entries)
	return m, entries[0]
}

// stranger is a manager that knows nothing but what the service tells.
func (w *world) stranger(t *testing.T) *Manager {
	m := New(w.service, Config{MaxRetries: 3, Say: func(s string) { t.Log(s) }})
	m.now = w.api.Now
	return m
}

// fetchAll fetches a batch and checks that the rows add up to asked.
func fetchAll(t *testing.T, m *Manager, id, local string, asked int) (map[int]record.Result, Outcome) {
	t.Helper()
	got := map[int]record.Result{}
	var o Outcome
	err := m.fetch(t.Context(), id, local, &o, func(r *record.Result) error {
		if _, twice := got[r.Index]; twice {
			t.Errorf("row %d has two results", r.Index)
		}
		got[r.Index] = *r
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if o.Requests != asked || o.OK+o.Failed.Rows()+o.Missing != asked {
		t.Errorf("%d ok + %d failed + %d missing of %d, submitted were %d", o.OK, o.Failed.Rows(), o.Missing, o.Requests, asked)
	}
	if len(got) != o.Requests-o.Unnamed {
		t.Errorf("%d results of %d rows, %d of them unnamed", len(got), o.Requests, o.Unnamed)
	}
	for i, r := range got {
		if r.OK() && strings.TrimSpace(r.Output) != fmt.Sprintf("@@Ada## met Bob %d .", i) {
			t.Errorf("row %d has the answer %q", i, r.Output)
		}
	}
	return got, o
}

func TestWhateverIsWrongWithABatchsFilesEveryRowIsAccountedFor(t *testing.T) {
	const rows = 12
	damage := func(how string, from, n int) openaitest.Options {
		return openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.BatchDamage, Text: how, BatchFault: openaitest.BatchFault{Line: from, Rows: n}}}}
	}
	faults := func(f ...openaitest.Fault) openaitest.Options { return openaitest.Options{Faults: f} }
	const download, info = "downloadFile", "retrieveFile"
	refused := openaitest.Fault{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 400, Message: "no"}, Aim: openaitest.Aim{Contains: "Bob 3 .", Path: "/v1/chat"}}
	not := func(what, op string) openaitest.Fault {
		return openaitest.Fault{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 404, Message: "No such File object"}, Aim: openaitest.Aim{Contains: what, Op: op}}
	}
	sized := func(size int) openaitest.Fault {
		return openaitest.Fault{
			Kind:       openaitest.Status,
			ErrorReply: openaitest.ErrorReply{Status: 200, Body: fmt.Sprintf(`{"object":"file","bytes":%d}`, size)},
			Aim:        openaitest.Aim{Op: info},
		}
	}
	page := openaitest.Fault{
		Kind:       openaitest.Status,
		ErrorReply: openaitest.ErrorReply{Status: 200, Body: "<html>\n<body>504 Gateway Timeout</body>\n</html>\n"},
		Aim:        openaitest.Aim{Op: download},
	}
	for _, c := range []struct {
		name      string
		opt       openaitest.Options
		ok        int
		malformed int
		invalid   int
		missing   int
		broken    int
		mended    int
		flaw      string
	}{
		{name: "cut lines", opt: damage("cut", 4, 2), ok: rows - 2, malformed: 2, broken: 2},
		{name: "a cut first line", opt: damage("cut", 1, 1), ok: rows - 1, malformed: 1, broken: 1},
		{name: "all lines cut", opt: damage("cut", 1, rows), malformed: rows, broken: rows},
		{name: "a torn last line", opt: damage("torn", rows, 1), ok: rows - 1, malformed: 1},
		{name: "a torn line in front of another", opt: damage("torn", 4, 1), ok: rows - 1, malformed: 1, broken: 1},
		{name: "lines without their ends", opt: damage("glued", 1, 5), ok: rows, mended: 1},
		{name: "pages in place of lines", opt: damage("page", 4, 3), ok: rows - 3, missing: 3, broken: 3},
		{name: "a page in place of the first line", opt: damage("page", 1, 1), ok: rows - 1, missing: 1, broken: 1},
		{name: "nothing but pages", opt: damage("page", 1, rows), missing: rows, flaw: "page"},
		{name: "lines without an id", opt: damage("no_id", 2, 2), ok: rows - 2, missing: 2, broken: 2},
		{name: "a byte order mark", opt: damage("bom", 1, 1), ok: rows, mended: 1},
		{name: "raw line breaks", opt: damage("line_break", 3, 4), ok: rows, mended: 4},
		{name: "line ends of Windows", opt: damage("crlf", 1, rows), ok: rows},
		{name: "lines that are there twice", opt: damage("twice", 1, rows), ok: rows},
		{name: "compressed", opt: faults(openaitest.Fault{Kind: openaitest.Gzip, Aim: openaitest.Aim{Op: download}}), ok: rows, flaw: "bytes"},
		{name: "no error file", opt: faults(refused, not("_error", download)), ok: rows - 1, missing: 1, flaw: "its error file is not there"},
		{name: "no error file, although all is answered", opt: faults(not("_error", "")), ok: rows},
		{name: "no output file", opt: faults(refused, not("_output", download)), invalid: 1, missing: rows - 1, flaw: "its output file is not there"},
		{name: "an error file that is out of reach", opt: faults(refused, openaitest.Fault{
			Kind: openaitest.Reset,
			Aim:  openaitest.Aim{Contains: "_error", Op: download},
		}), ok: rows - 1, missing: 1, flaw: "its error file is not there"},
		{name: "files that are never named", opt: faults(openaitest.Fault{
			Kind:       openaitest.BatchLateOutput,
			BatchFault: openaitest.BatchFault{Shown: 1000},
		}), missing: rows, flaw: "12 of its rows are said to be answered, but it names no output file"},
		{name: "no sizes", opt: faults(not("", info)), ok: rows},
		{name: "sizes that are too small", opt: faults(sized(7)), ok: rows, flaw: "bytes, although the service says that it has 7"},
		{name: "sizes that are too large", opt: faults(sized(1_000_000)), ok: rows, flaw: "bytes, although the service says that it has 1000000"},
		{name: "sizes that are too large, and no ranges", opt: openaitest.Options{
			FileRules: openaitest.FileRules{NoRanges: true},
			Faults:    []openaitest.Fault{sized(1_000_000)},
		}, ok: rows, flaw: "bytes"},
		{name: "an error in place of the error file", opt: faults(refused, openaitest.Fault{
			Kind:       openaitest.Status,
			ErrorReply: openaitest.ErrorReply{Status: 200, Body: `{"code":404,"message":"No such file","object":"error"}`},
			Aim:        openaitest.Aim{Op: download, Contains: "_error"},
		}),
			ok: rows - 1, missing: 1, flaw: "its error file is not there: download file-"},
		{name: "an error in place of the files at first", opt: faults(openaitest.Fault{
			Kind:       openaitest.Status,
			ErrorReply: openaitest.ErrorReply{Status: 200, Body: `{"error":{"message":"overloaded","code":503}}`},
			Aim:        openaitest.Aim{Op: download},
			Turns:      openaitest.Turns{Times: 2},
		}), ok: rows},
		{name: "a page at first", opt: faults(func() openaitest.Fault { f := page; f.Times = 2; return f }()), ok: rows},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.opt.InOrder = true
			w := newWorld(t, c.opt)
			m, entry := w.ended(t, rows)
			file := entry.File
			if c.name == "nothing but pages" { // which is no file of a batch at all
				if err := m.fetch(t.Context(), entry.BatchID, file, &Outcome{}, func(*record.Result) error { return nil }); err == nil || !strings.Contains(err.Error(), c.flaw) {
					t.Errorf("got %v", err)
				}
				return
			}
			check := func(o Outcome) {
				t.Helper()
				if o.OK != c.ok || o.Failed.Count(record.Malformed) != c.malformed || o.Failed.Count(record.Invalid) != c.invalid || o.Missing != c.missing {
					t.Errorf("%d ok, failed: %s, %d missing", o.OK, &o.Failed, o.Missing)
				}
				broken, mended := 0, 0
				for _, d := range o.Damage {
					broken, mended = broken+d.Broken, mended+d.Mended
				}
				if broken != c.broken || mended != c.mended {
					t.Errorf("%d lines broken, %d mended: %+v", broken, mended, o.Damage)
				}
				if flaws := fmt.Sprint(o.Flaws); !strings.Contains(flaws, c.flaw) || c.flaw == "" && len(o.Flaws) > 0 {
					t.Errorf("flaws: %s", flaws)
				}
			}
			_, o := fetchAll(t, m, entry.BatchID, file, rows)
			check(o)
			far, o := fetchAll(t, w.stranger(t), entry.BatchID, "", rows)
			check(o)
			if len(far) != rows {
				t.Errorf("%d rows have a result by the batch's id alone", len(far))
			}
		})
	}
}

func TestWithoutItsInputTheRowsOfABatchAreCounted(t *testing.T) {
	const rows = 12
	for _, c := range []struct {
		name  string
		fault openaitest.Fault
		named int
		ok    int
		why   string
	}{
		{"answered", openaitest.Fault{Kind: openaitest.BatchLateOutput, BatchFault: openaitest.BatchFault{Shown: 1}}, rows, rows, ""},
		{"some are in neither file", openaitest.Fault{Kind: openaitest.BatchMissing, BatchFault: openaitest.BatchFault{Rows: 5}}, rows - 5, rows - 5, ""},
		{"some lines are pages", openaitest.Fault{Kind: openaitest.BatchDamage, Text: "page", BatchFault: openaitest.BatchFault{Rows: 5}}, rows - 5, rows - 5, ""},
		{"some lines are cut", openaitest.Fault{Kind: openaitest.BatchDamage, Text: "cut", BatchFault: openaitest.BatchFault{Rows: 5}}, rows, rows - 5, ""},
		{"expired", openaitest.Fault{Kind: openaitest.BatchExpire, BatchFault: openaitest.BatchFault{Rows: 7}}, rows, 7, ""},
		{"failed", openaitest.Fault{
			Kind:       openaitest.BatchFail,
			ErrorReply: openaitest.ErrorReply{Code: "invalid_url", Message: "no such endpoint"},
			BatchFault: openaitest.BatchFault{Line: 4},
		}, 0, 0, "failed: line 4: invalid_url: no such endpoint"},
	} {
		for _, known := range []string{"ledger", "metadata", "an older version's metadata"} {
			t.Run(c.name+"/"+known, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, openaitest.Options{BatchRules: openaitest.BatchRules{InOrder: true}, Faults: []openaitest.Fault{c.fault}})
				if known == "an older version's metadata" {
					w.service = forgetful{w.service}
				}
				m, entry := w.ended(t, rows)
				if err := os.Rename(entry.File, entry.File+".moved"); err != nil {
					t.Fatal(err)
				}
				if err := w.service.DeleteFile(t.Context(), entry.FileID); err != nil {
					t.Fatal(err)
				}
				if known != "ledger" {
					m = w.stranger(t)
				}
				got, o := fetchAll(t, m, entry.BatchID, entry.File, rows)
				if len(got) != c.named || o.Unnamed != rows-c.named || o.OK != c.ok {
					t.Errorf("%d results, %d rows unnamed, %d ok", len(got), o.Unnamed, o.OK)
				}
				if o.Unnamed > 0 && !strings.Contains(fmt.Sprint(o.Flaws), fmt.Sprintf("%d of its %d rows have no answer", o.Unnamed, rows)) {
					t.Errorf("flaws: %v", o.Flaws)
				}
				if c.why != "" && (len(o.Reasons) != 1 || o.Reasons[0].String() != entry.BatchID+" "+c.why) {
					t.Errorf("reasons: %+v", o.Reasons)
				}
				// The input that was moved names them again.
				if got, o = fetchAll(t, m, entry.BatchID, entry.File+".moved", rows); len(got) != rows || o.Unnamed != 0 {
					t.Errorf("with the input, %d results, %d rows unnamed", len(got), o.Unnamed)
				}
			})
		}
	}
}

func TestABatchOfWhichNothingIsKnownIsNotComplete(t *testing.T) {
	w := newWorld(t, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.BatchFail}}})
	w.service = forgetful{w.service}
	_, entry := w.ended(t, 5)
	if err := w.service.DeleteFile(t.Context(), entry.FileID); err != nil {
		t.Fatal(err)
	}
	w.service = silent{w.service}
	_, o := fetchAll(t, w.stranger(t), entry.BatchID, "", 0)
	if !o.Unsure || len(o.Flaws) != 1 {
		t.Errorf("%+v", o)
	}
}

// forgetful creates batches as an older version did, without the number of rows.
type forgetful struct{ Service }

func (s forgetful) CreateBatch(ctx context.Context, file, endpoint, window string, metadata map[string]string) (wire.Batch, error) {
	metadata = maps.Clone(metadata)
	delete(metadata, metaRequests)
	return s.Service.CreateBatch(ctx, file, endpoint, window, metadata)
}

// silent shows batches without their metadata.
type silent struct{ Service }

func (s silent) Batch(ctx context.Context, id string) (wire.Batch, error) {
	b, err := s.Service.Batch(ctx, id)
	b.Metadata = nil
	return b, err
}

func TestTheInputOfABatchOfAnotherToolIsTakenFromTheFileThatTheAnswersFit(t *testing.T) {
	const rows = 6
	w := newWorld(t, openaitest.Options{
		BatchRules: openaitest.BatchRules{InOrder: true},
		Faults:     []openaitest.Fault{{Kind: openaitest.BatchMissing, BatchFault: openaitest.BatchFault{Rows: 2}}},
	})
	_, entry := w.ended(t, rows)
	w.service = silent{w.service}
	m := w.stranger(t)
	got, _ := fetchAll(t, m, entry.BatchID, "", rows)
	if len(got) != rows {
		t.Errorf("%d results from the service's copy", len(got))
	}
	if err := w.service.DeleteFile(t.Context(), entry.FileID); err != nil {
		t.Fatal(err)
	}
	if got, o := fetchAll(t, m, entry.BatchID, entry.File, rows); len(got) != rows || len(o.Flaws) > 0 {
		t.Errorf("%d results from the local file, flaws %v", len(got), o.Flaws)
	}
	other := entry.File + ".other"
	if err := os.WriteFile(other, []byte(`{"custom_id":"other-1","method":"POST","url":"/v1/chat/completions","body":{}}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, o := fetchAll(t, m, entry.BatchID, other, rows); len(got) != rows-2 || o.Unnamed != 2 || !strings.Contains(fmt.Sprint(o.Flaws), "is not its input") {
		t.Errorf("%d results with another file, flaws %v", len(got), o.Flaws)
	}
}

func TestThePartOfABatchIsFoundBesideTheFileThatIsNamed(t *testing.T) {
	w := newWorld(t, openaitest.Options{})
	m := w.manager(t, Config{})
	defer m.Close()
	parts := w.parts(t, 10, 4)
	entries := enter(t, m, parts)
	w.drive(t, m, entries)
	for _, entry := range entries {
		if err := w.service.DeleteFile(t.Context(), entry.FileID); err != nil {
			t.Fatal(err)
		}
	}
	var o Outcome
	for _, entry := range entries {
		if err := w.stranger(t).fetch(t.Context(), entry.BatchID, parts[0].File, &o, func(*record.Result) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if o.OK != 10 || len(o.Flaws) > 0 {
		t.Errorf("%+v", o)
	}
	if err := w.stranger(t).fetch(t.Context(), entries[2].BatchID, parts[1].File, &o, func(*record.Result) error { return nil }); err != nil || len(o.Flaws) != 1 {
		t.Errorf("%v, %v", o.Flaws, err)
	}
}

func TestAnswersToRowsThatWereNotAskedAreLeftOutAndNamed(t *testing.T) {
	const rows = 4
	w := newWorld(t, openaitest.Options{})
	m, entry := w.ended(t, rows)
	w.service = renaming{w.service}
	m.service = w.service
	got, o := fetchAll(t, m, entry.BatchID, entry.File, rows)
	if len(got) != rows || o.OK != rows-1 || o.Missing != 1 || !strings.Contains(fmt.Sprint(o.Flaws), `left out 1 answer to rows that it did not ask for ("Request-2")`) {
		t.Errorf("%d ok, %d missing, %v", o.OK, o.Missing, o.Flaws)
	}
}

// renaming changes the id of row 2 in what is downloaded.
type renaming struct{ Service }

func (s renaming) Download(ctx context.Context, id string, at int64, w io.Writer) (int64, error) {
	var all bytes.Buffer
	if _, err := s.Service.Download(ctx, id, 0, &all); err != nil {
		return 0, err
	}
	n, err := w.Write(bytes.ReplaceAll(all.Bytes(), []byte(idOf(2)), []byte("Request-2"))[at:])
	return int64(n), err
}

// idOf is the id of a row that asked yields.
func idOf(row int) string {
	return record.NewID("test", row, fmt.Appendf(nil, "Mark.\n\nSentence: Ada %d .\nMarked: @@Ada## %d .\n\nSentence: Ada met Bob %d .\nMarked:", row, row, row))
}

func TestWhyABatchFailedIsToldWithItsRows(t *testing.T) {
	w := newWorld(t, openaitest.Options{
		Dialect: openaitest.Dialect{ErrorsAs: "text"},
		Faults:  []openaitest.Fault{{Kind: openaitest.BatchFail, ErrorReply: openaitest.ErrorReply{Message: "bad JSON in line 3"}}},
	})
	_, entry := w.ended(t, 5)
	m := w.stranger(t)
	b, err := m.batch(t.Context(), entry.BatchID)
	if err != nil {
		t.Fatal(err)
	}
	want := entry.BatchID + " failed: line 3 (row 2, " + idOf(2) + "): bad JSON in line 3"
	for _, local := range []string{entry.File, "", "nowhere"} {
		reasons, err := m.Reasons(t.Context(), []wire.Batch{b}, []record.Job{{BatchID: b.ID, File: local}})
		if err != nil || len(reasons) != 1 || reasons[0].String() != want {
			t.Errorf("from %q: %v, %v, want %s", local, reasons, err, want)
		}
	}
	if err := w.service.DeleteFile(t.Context(), entry.FileID); err != nil {
		t.Fatal(err)
	}
	reasons, err := m.Reasons(t.Context(), []wire.Batch{b}, nil)
	if err != nil || len(reasons) != 1 || reasons[0].String() != entry.BatchID+" failed: line 3: bad JSON in line 3" {
		t.Errorf("without the input: %v, %v", reasons, err)
	}
}

func TestAFailedBatchKeepsItsFileUntilAnotherAttemptHasUsedIt(t *testing.T) {
	w := newWorld(t, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.BatchFail, Turns: openaitest.Turns{Times: 1}}}})
	m, entry := w.ended(t, 5)
	uploads := func() (n int) {
		for _, call := range w.api.Log() {
			if call.Method == http.MethodPost && call.Path == "/v1/files" {
				n++
			}
		}
		return n
	}
	if _, o := fetchAll(t, w.stranger(t), entry.BatchID, "", 5); o.Failed.Count(record.Invalid) != 5 {
		t.Errorf("%+v", o)
	}
	parts := []Part{entry.Part}
	entries := enter(t, m, parts)
	w.drive(t, m, entries)
	if _, o := results(t, m, entries, 5); o.OK != 5 || entries[0].Status != wire.BatchCompleted {
		t.Errorf("%+v, %s", o, entries[0].Status)
	}
	if n := uploads(); n != 1 {
		t.Errorf("the file was uploaded %d times", n)
	}
}

func TestStatusesAndErrorsOfOtherServicesEndTheWait(t *testing.T) {
	for _, form := range []string{"text", "list", "object"} {
		w := newWorld(t, openaitest.Options{
			Dialect:    openaitest.Dialect{LoudStatus: true, TextDates: true, ErrorsAs: form},
			BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{Validating: time.Minute, InProgress: time.Hour}},
		})
		m, entry := w.ended(t, 5)
		if _, o := fetchAll(t, m, entry.BatchID, entry.File, 5); o.OK != 5 || entry.Status != wire.BatchCompleted {
			t.Errorf("%s, %+v", entry.Status, o)
		}
		w = newWorld(t, openaitest.Options{
			Dialect: openaitest.Dialect{LoudStatus: true, TextDates: true, ErrorsAs: form},
			Faults:  []openaitest.Fault{{Kind: openaitest.BatchFail, ErrorReply: openaitest.ErrorReply{Code: "c", Message: "what is this"}}},
		})
		m, entry = w.ended(t, 5)
		got, o := fetchAll(t, m, entry.BatchID, entry.File, 5)
		if o.Failed.Count(record.Invalid) != 5 || got[0].Failure.Message != "what is this" || entry.Status != wire.BatchFailed {
			t.Errorf("%s as %s: %+v", entry.Status, form, got[0].Failure)
		}
		b, err := m.batch(t.Context(), entry.BatchID)
		if err != nil || !b.Created.Equal(w.api.Now().Truncate(time.Second)) && b.Created.IsZero() {
			t.Errorf("created %v, %v", b.Created, err)
		}
		if !slices.ContainsFunc(o.Reasons, func(r Complaint) bool { return strings.Contains(r.String(), "what is this") }) {
			t.Errorf("reasons: %v", o.Reasons)
		}
	}
}

func TestEachCallOfABatchIsPricedByItsOwnModelAndLength(t *testing.T) {
	prices := &price.Table{Currency: "USD", Per: 1, Models: map[string]price.Price{
		"plain": {Input: 1, CachedInput: 1, CacheWrite: 1, Output: 4, BatchDiscount: 0.5},
		"long":  {Input: 1, CachedInput: 1, CacheWrite: 1, Output: 4, BatchDiscount: 0.5, Long: price.LongContext{Above: 100, Input: 2, Output: 1.5}},
	}}
	answer := func(model string, prompt int) *record.Result {
		return &record.Result{Model: model, Output: "x", Usage: record.Usage{Prompt: prompt, Completion: 10}}
	}
	var o, all Outcome
	for _, r := range []*record.Result{answer("long", 100), answer("long", 101), answer("plain", 101), {Failure: &record.Failure{Class: record.Expired}}} {
		o.count(r, prices)
	}
	if want := 0.5 * (100 + 40 + 2*101 + 1.5*40 + 101 + 40); o.Cost != want || o.Unpriced {
		t.Errorf("cost %v, want %v; unpriced %v", o.Cost, want, o.Unpriced)
	}
	o.count(answer("unheard-of", 1), prices)
	all.add(&o)
	if all.Cost != o.Cost || !all.Unpriced {
		t.Errorf("sum %v, unpriced %v", all.Cost, all.Unpriced)
	}
}
