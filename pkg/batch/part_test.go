package batch

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/fault"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// asked yields n requests for rows of a source of total rows.
func asked(t *testing.T, total int, rows ...int) Requests {
	t.Helper()
	b, err := wire.NewBuilder(wire.Settings{Model: "gpt-4o-mini", MaxTokens: 64})
	if err != nil {
		t.Fatal(err)
	}
	return func() (wire.Request, error) {
		if len(rows) == 0 {
			return wire.Request{}, io.EOF
		}
		i := rows[0]
		rows = rows[1:]
		text := fmt.Sprintf("Mark.\n\nSentence: Ada %d .\nMarked: @@Ada## %d .\n\nSentence: Ada met Bob %d .\nMarked:", i, i, i)
		return b.ParseRequest(record.AppendPrompt(nil, &record.Prompt{ID: record.NewID("test", i, []byte(text)), Index: i, Total: total, Text: text}))
	}
}

func upTo(n int) (rows []int) {
	for i := range n {
		rows = append(rows, i)
	}
	return rows
}

func TestPartsKeepTheServicesLimitsAndLoseNoRequest(t *testing.T) {
	one, err := asked(t, 10, 0)()
	if err != nil {
		t.Fatal(err)
	}
	line := int64(len(wire.AppendRequestLine(nil, &one)))
	for _, c := range []struct {
		name        string
		rows        int
		maxRequests int
		maxBytes    int64
		want        []int // requests a part
	}{
		{"one part", 10, 10, 1 << 20, []int{10}},
		{"by requests", 10, 4, 1 << 20, []int{4, 4, 2}},
		{"by bytes, to the byte", 9, 100, 3 * line, []int{3, 3, 3}},
		{"by bytes, a byte too few", 9, 100, 3*line - 1, []int{2, 2, 2, 2, 1}},
		{"nothing", 0, 10, 1 << 20, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "b.jsonl")
			parts, err := split(path, PartLimits{c.maxRequests, c.maxBytes}, asked(t, 10, upTo(c.rows)...))
			if err != nil {
				t.Fatal(err)
			}
			var got []int
			next := 0
			for i, p := range parts {
				got = append(got, p.Requests)
				info, err := os.Stat(p.File)
				if err != nil || info.Size() != p.Bytes || p.Bytes > c.maxBytes {
					t.Errorf("part %d: %d bytes in the file (%v), %d said", i, info.Size(), err, p.Bytes)
				}
				if p.First != next || p.Number != i+1 || p.Of != len(c.want) || p.Source != "test" || p.Total != 10 || p.Settings == "" {
					t.Errorf("part %d: %+v", i, p)
				}
				next = p.Last + 1
				scanned, err := scan(p.File)
				scanned.Number, scanned.Of, scanned.Total = p.Number, p.Of, p.Total
				if d := cmp.Diff(p, scanned); err != nil || d != "" {
					t.Errorf("part %d, read again: %v %s", i, err, d)
				}
			}
			if len(c.want) > 0 {
				if all, err := ScanParts(path); err != nil || len(all) != len(c.want) {
					t.Errorf("%d parts are found again (%v)", len(all), err)
				}
			}
			if d := cmp.Diff(c.want, got); d != "" || next != c.rows {
				t.Errorf("%s; the last row is %d", d, next-1)
			}
		})
	}
}

func TestSamePromptsGiveTheSameKeysAndOthersOthers(t *testing.T) {
	dir := t.TempDir()
	keys := map[string]int{}
	for i, rows := range [][]int{{0, 1, 2}, {0, 1, 2}, {0, 1, 3}} {
		parts, err := split(filepath.Join(dir, "b.jsonl"), PartLimits{}, asked(t, 10, rows...))
		if err != nil {
			t.Fatal(err)
		}
		keys[parts[0].Key] = i
	}
	if len(keys) != 2 {
		t.Errorf("keys %v", keys)
	}
}

func TestRequestsThatABatchDoesNotTakeAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "b.jsonl")
	if _, err := split(path, PartLimits{}, asked(t, 10, 1, 2, 1)); err == nil || !strings.Contains(err.Error(), "two requests have the id") {
		t.Errorf("an id twice: %v", err)
	}
	if _, err := split(path, PartLimits{10, 50}, asked(t, 10, 1)); err == nil || !strings.Contains(err.Error(), "row 1: a request of") {
		t.Errorf("a request larger than a batch: %v", err)
	}
	broken := errors.New("broken input")
	if _, err := split(path, PartLimits{}, func() (wire.Request, error) { return wire.Request{}, broken }); !errors.Is(err, broken) {
		t.Errorf("a broken input: %v", err)
	}
	if names, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(names) != 0 {
		t.Errorf("files were left behind: %v", names)
	}
}

func TestAModelOrEndpointOfItsOwnIsAPartOfItsOwn(t *testing.T) {
	lines := []string{
		`{"custom_id":"request-0","method":"POST","url":"/v1/chat/completions","body":{"model":"a","messages":[]}}`,
		`{"custom_id":"request-1","method":"POST","url":"/v1/chat/completions","body":{"model":"a","messages":[]}}`,
		`{"custom_id":"request-2","method":"POST","url":"/v1/chat/completions","body":{"model":"b","messages":[]}}`,
		`{"custom_id":"request-3","method":"POST","url":"/v1/completions","body":{"model":"b","prompt":"x"}}`,
	}
	path := filepath.Join(t.TempDir(), "b.jsonl")
	var requests []wire.Request
	for _, line := range lines {
		q, err := wire.ParseRequestLine([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		requests = append(requests, q)
	}
	parts, err := split(path, PartLimits{}, each(requests))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range parts {
		got = append(got, fmt.Sprintf("%d %s %s", p.Requests, p.Model, p.Endpoint))
	}
	if d := cmp.Diff([]string{"2 a /v1/chat/completions", "1 b /v1/chat/completions", "1 b /v1/completions"}, got); d != "" {
		t.Error(d)
	}
	// All in one file they are no batch.
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := scan(path); err == nil || !strings.Contains(err.Error(), ":3: b at /v1/chat/completions among requests of a") {
		t.Errorf("got %v", err)
	}
}

func TestLedgerKnowsAfterARestartWhatItKnewBefore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	part := Part{Key: "k1", File: "b.jsonl", Number: 1, Of: 2, Requests: 3}
	events := []event{
		{Event: planned, Key: "k1", Part: &part},
		{Event: intent, Key: "k1", Attempt: 1, Account: "a", Part: &part},
		{Event: uploaded, Key: "k1", Attempt: 1, FileID: "file-1"},
		{Event: queued, Key: "k1", Attempt: 1, Reason: "full"},
		{Event: intent, Key: "k1", Attempt: 2, Account: "a", Part: &part},
		{Event: created, Key: "k1", Attempt: 2, BatchID: "batch_1"},
		{Event: finished, Key: "k1", Attempt: 2, Status: "completed"},
		{Event: reported, Key: "k1", Attempt: 2, Status: "completed"},
		{Event: reported, Key: "k1", Attempt: 2, BatchID: "batch_2"},
		{Event: watched},
		{Event: fetched, Key: "k1", Attempt: 2, Results: "r.jsonl", Unanswered: 2, Missing: 1},
		{Event: handled, Key: "k1", Attempt: 2},
	}
	for n := range len(events) + 1 {
		os.Remove(path)
		l, err := openLedger(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events[:n] {
			if err := l.record(e); err != nil {
				t.Fatal(err)
			}
		}
		before, isWatched := l.entries, l.watched
		if err := l.close(); err != nil {
			t.Fatal(err)
		}
		// A torn last line is that of an event whose step was not taken.
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(`{"v":1,"event":"crea`); err != nil {
			t.Fatal(err)
		}
		f.Close()
		l, err = openLedger(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(before, l.entries); d != "" {
			t.Errorf("after %d events: %s", n, d)
		}
		if l.watched != isWatched {
			t.Errorf("after %d events the ledger is watched: %v", n, l.watched)
		}
		if n >= 5 && l.entry("k1").FileID != "file-1" {
			t.Errorf("after %d events the uploaded file is forgotten: %+v", n, l.entry("k1"))
		}
		if err := l.close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnotherFileIsNoLedger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	for text, want := range map[string]string{
		"{\"kind\":\"prompt\",\"v\":1}\n":         "ledger:1: not a line of a ledger",
		"{\"kind\":\"prompt\",\"v\":1}":           "ledger: its last line does not belong there",
		"{\"v\":1,\"event\":\"of another kind\"}": "ledger: its last line does not belong there",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := openLedger(path)
		if err == nil || !strings.Contains(err.Error(), want) || fault.Hint(err) == "" {
			t.Errorf("%s: got %v", text, err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%s became %s (%v)", text, got, err)
		}
	}
}

// split writes the files of the parts.
func split(path string, limits PartLimits, next Requests) ([]Part, error) {
	d, err := NewDraft(path, limits, next)
	if err != nil {
		return nil, err
	}
	return d.Parts, errors.Join(d.writeAll(), d.Close())
}
