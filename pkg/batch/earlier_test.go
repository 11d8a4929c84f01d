package batch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nertools/pkg/record"
	"nertools/pkg/resume"
	"nertools/pkg/wire"
)

// prompts are prompt records of a source, and their requests to gpt-4o-mini.
func prompts(t *testing.T, n int) (lines [][]byte, requests []wire.Request, b *wire.Builder) {
	t.Helper()
	b, err := wire.NewBuilder(wire.Settings{Model: "gpt-4o-mini", MaxTokens: 512})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		text := fmt.Sprintf("Mark %d.", i)
		line := record.AppendPrompt(nil, &record.Prompt{ID: record.NewID("test", i, []byte(text)), Index: i, Total: n, Text: text})
		q, err := b.ParseRequest(bytes.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		lines, requests = append(lines, line), append(requests, q)
	}
	return lines, requests, b
}

// each yields the requests.
func each(requests []wire.Request) Requests {
	return func() (wire.Request, error) {
		if len(requests) == 0 {
			return wire.Request{}, io.EOF
		}
		q := requests[0]
		requests = requests[1:]
		return q, nil
	}
}

// writeLedger adds the events to the ledger at path.
func writeLedger(t *testing.T, path string, events ...event) {
	t.Helper()
	l, err := openLedger(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if err := l.record(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
}

// left returns the rows that are still to be asked, and the error.
func left(t *testing.T, e *Earlier, b *wire.Builder, lines [][]byte, keep bool) (string, []int) {
	t.Helper()
	a, err := resume.Open(nil, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	a.KeepEarlier = keep
	a.SetSent(e.Batches())
	next := a.Rest(record.NewLines("prompts", bytes.NewReader(bytes.Join(lines, nil))), b, func(*wire.Request, resume.Place) error { return nil })
	var rows []int
	for {
		q, err := next()
		if _, ok := errors.AsType[*resume.DifferError](err); ok {
			return err.Error(), nil
		}
		if err != nil {
			return fmt.Sprint(rows), a.Same()
		}
		rows = append(rows, q.Row.Index)
	}
}

// The ledger was written by ner-batch as of commit d1b92f0, with its default model: one job,
// of rows 0 and 1, is fetched, one, of row 2, runs.
func TestTheRowsOfALedgerOfAnEarlierVersionAreKnown(t *testing.T) {
	lines, _, then := prompts(t, 3)
	now, err := wire.NewBuilder(wire.Settings{Model: "gpt-6-luna", MaxTokens: 512})
	if err != nil {
		t.Fatal(err)
	}
	e, err := ReadEarlier("testdata/d1b92f0.ledger", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := left(t, e, now, lines, false)
	if !strings.HasPrefix(got, "3 rows were asked before from another model or with other settings (gpt-4o-mini): 2 in batch_sim") ||
		!strings.HasSuffix(got, "(testdata/d1b92f0.ledger), to be fetched") {
		t.Errorf("with today's default: %s", got)
	}
	if got, _ := left(t, e, now, lines, true); got != "[]" {
		t.Errorf("kept, rows %s are left", got)
	}
	// With the settings of then only the key can tell whether it is the same part.
	got, same := left(t, e, then, lines, false)
	if got != "[0 1 2]" || fmt.Sprint(same) != "[0 2 1]" {
		t.Errorf("with the default of then: %s are left, %v are the same", got, same)
	}
	for _, c := range []struct {
		key  string
		want bool
	}{{e.entries[0].Key, false}, {"another", true}} {
		err := e.Check([]Part{{Key: c.key, Number: 1, Source: "test", First: 0, Last: 1, Requests: 2}}, same)
		if again, ok := errors.AsType[*AgainError](err); ok != c.want || ok && again.Rows != 2 {
			t.Errorf("part %s: %v", c.key, err)
		}
	}
}

func TestOfFetchedPartsOnlyTheGoodAnswersCount(t *testing.T) {
	dir := t.TempDir()
	ledger, results := filepath.Join(dir, "ledger"), filepath.Join(dir, "r.jsonl")
	lines, requests, _ := prompts(t, 4)
	parts, err := split(filepath.Join(dir, "b.jsonl"), PartLimits{Requests: 2}, each(requests))
	if err != nil || len(parts) != 2 {
		t.Fatal(parts, err)
	}
	for i := range parts {
		writeLedger(t, ledger, []event{
			{Event: intent, Key: parts[i].Key, Attempt: 1, Part: &parts[i]},
			{Event: created, Key: parts[i].Key, Attempt: 1, BatchID: fmt.Sprintf("batch_%d", i)},
			{Event: finished, Key: parts[i].Key, Attempt: 1, Status: wire.BatchCompleted},
			{Event: fetched, Key: parts[i].Key, Attempt: 1, Results: results},
		}[:4-i]...) // the second one is not fetched
	}
	good, bad := requests[0].Row, requests[1].Row
	good.Output, good.FinishReason, good.BatchID = "a", "stop", "batch_0"
	bad.Failure, bad.BatchID = &record.Failure{Class: record.Expired}, "batch_0"
	if err := os.WriteFile(results, record.AppendResult(record.AppendResult(nil, &good), &bad), 0o600); err != nil {
		t.Fatal(err)
	}
	other, err := wire.NewBuilder(wire.Settings{Model: "gpt-6-luna", MaxTokens: 512})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		do   func()
		want string
		left string
	}{
		{"all is there", func() {}, "3 rows were asked before from another model or with other settings (gpt-4o-mini): 1 in " + results + "; 2 in batch_1 (" + ledger + "), to be fetched", "[1]"},
		{"the second part's file is gone", func() { os.Remove(parts[1].File) }, "3 rows were asked before", "[1]"},
		{"the results are gone", func() { os.Remove(results) }, "4 rows were asked before", "[]"},
	} {
		c.do()
		e, err := ReadEarlier(ledger, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := left(t, e, other, lines, false); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: got  %s\nwant %s", c.name, got, c.want)
		}
		if got, _ := left(t, e, other, lines, true); got != c.left {
			t.Errorf("%s: kept, rows %s are left, want %s", c.name, got, c.left)
		}
	}
	if e, err := ReadEarlier(filepath.Join(dir, "none"), "", nil); err != nil || len(e.Batches()) != 0 {
		t.Errorf("no ledger: %v, %v", e, err)
	}
}

// A job's batches often have no row in its results: those that expired before they processed
// any.
func TestRowsWithoutAnAnswerInTheResultsOfSeveralRoundsAreAskedAgain(t *testing.T) {
	dir := t.TempDir()
	ledger, results := filepath.Join(dir, "ledger"), filepath.Join(dir, "r.jsonl")
	lines, requests, b := prompts(t, 2)
	parts, err := split(filepath.Join(dir, "b.jsonl"), PartLimits{}, each(requests))
	if err != nil {
		t.Fatal(err)
	}
	again := parts[0]
	again.Key, again.Sent, again.Job, again.Round = "round", again.Key, again.Key, 2
	writeLedger(t, ledger,
		event{Event: intent, Key: again.Job, Attempt: 1, Part: &parts[0], Rounds: 2},
		event{Event: created, Key: again.Job, Attempt: 1, BatchID: "batch_1"},
		event{Event: finished, Key: again.Job, Attempt: 1, Status: wire.BatchExpired},
		event{Event: intent, Key: again.Key, Attempt: 1, Part: &again},
		event{Event: created, Key: again.Key, Attempt: 1, BatchID: "batch_2"},
		event{Event: finished, Key: again.Key, Attempt: 1, Status: wire.BatchExpired},
		event{Event: fetched, Key: again.Job, Attempt: 1, Results: results},
	)
	good, bad := requests[0].Row, requests[1].Row
	good.Output, good.FinishReason, good.BatchID = "a", "stop", "batch_2"
	bad.Failure, bad.BatchID = &record.Failure{Class: record.Expired}, "batch_2"
	if err := os.WriteFile(results, record.AppendResult(record.AppendResult(nil, &good), &bad), 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := ReadEarlier(ledger, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	got, same := left(t, e, b, lines[1:], false) // the other one has an answer
	if err := e.Check([]Part{{Key: "new", Number: 1, Source: "test", First: 1, Last: 1, Requests: 1}}, same); got != "[1]" || err != nil {
		t.Errorf("%s are left, %v are the same: %v", got, same, err)
	}
}
