package cmd_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"nertools/pkg/openaitest"
)

// requests are ready request lines of several models, so that they make as many
// parts.
func requests(t *testing.T, models, rows int) []byte {
	t.Helper()
	var b bytes.Buffer
	for m := range models {
		for i := range rows {
			text, err := json.Marshal(fmt.Sprintf("Mark.\n\nSentence: Ada %d .\nMarked: @@Ada## %d .\n\nSentence: Ada met Bob %d .\nMarked:", i, i, m*rows+i))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, `{"custom_id":"request-%d","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-4.%d","messages":[{"role":"user","content":%s}],"max_tokens":50}}`+"\n", m*rows+i, m, text)
		}
	}
	return b.Bytes()
}

func TestKilledBatchRunsEndWithEveryRowOnceAndPaidOnce(t *testing.T) {
	t.Parallel()
	const models, rows = 3, 5
	var kills atomic.Int64
	t.Cleanup(func() {
		if kills.Load() == 0 {
			t.Error("no run was killed")
		}
	})
	for world := range 20 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			kills.Add(int64(killedRuns(t, world, models, rows)))
		})
	}
}

// killedRuns kills runs of the same prompts again and again, and returns how many
// were killed before they had ended.
func killedRuns(t *testing.T, world, models, rows int) (kills int) {
	faults := []openaitest.Fault{{Kind: openaitest.LostAnswer, Aim: openaitest.Aim{Path: "/v1/batches"}, Turns: openaitest.Turns{Rate: 0.1, Times: 3}}}
	if world%2 == 1 { // no row passes as it was meant
		faults = append(faults, openaitest.Fault{Kind: openaitest.UnsupportedParameter, ErrorReply: openaitest.ErrorReply{Param: "max_tokens"}})
	}
	expires := world%4 >= 2
	if expires { // and what is left is submitted again
		faults = append(faults, openaitest.Fault{Kind: openaitest.BatchExpire, BatchFault: openaitest.BatchFault{Rows: 2}, Turns: openaitest.Turns{Times: 2}})
	}
	api, url := service(t, openaitest.Options{
		BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{Window: 2 * time.Second, InProgress: time.Duration(world) * 20 * time.Millisecond}},
		Faults:     faults,
		Seed:       uint64(world),
	})
	dir, temp := t.TempDir(), t.TempDir()
	out := filepath.Join(dir, "results.jsonl")
	input := requests(t, models, rows)
	run := func() *exec.Cmd {
		cmd := program(t, url, "ner-batch", "run", "--batch-file", filepath.Join(dir, "b.jsonl"), "--poll-interval", "10ms", "--progress", "none", "-o", out)
		cmd.Env = append(cmd.Env, "TMPDIR="+temp)
		cmd.Stdin = bytes.NewReader(input)
		return cmd
	}
	chance := rand.New(rand.NewPCG(uint64(world), 1))
	for range 10 {
		calls, more := api.Calls(), chance.IntN(30)
		if kill(t, run(), func() bool { return api.Calls() >= calls+more }) {
			kills++
		}
	}
	if msg, err := run().CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, msg)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if n := lineCount(data); n != models*rows {
		t.Errorf("world %d: %d results for %d rows", world, n, models*rows)
	}
	// A run that was killed between a trial and its event in the ledger has paid for it.
	paidOnce(t, api, models*rows, models+kills)
	if ok := answered(t, out, models*rows); ok != models*rows {
		t.Errorf("world %d: %d of %d rows are answered", world, ok, models*rows)
	}
	// Nothing is left that killed runs needed for a while.
	if runtime.GOOS != "windows" {
		wantFiles(t, temp)
		if further, err := filepath.Glob(filepath.Join(dir, "b*.round?.jsonl")); err != nil || len(further) > 0 != expires {
			t.Errorf("%q are left of further rounds, %v", further, err)
		} else {
			for _, path := range further {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
		}
		wantFiles(t, dir, "b.2.jsonl", "b.3.jsonl", "b.jsonl", "b.jsonl.ledger", "results.jsonl")
	}
	return kills
}

// paidOnce fails unless batches answered each of so many prompts once, and no more than so
// many were answered at once, as trials.
func paidOnce(t *testing.T, api *openaitest.Server, rows, trials int) {
	t.Helper()
	times, tried := map[string]int{}, 0
	for _, bill := range api.Bills() {
		if bill.BatchID == "" {
			tried++
		} else {
			times[bill.PromptSHA]++
		}
	}
	for prompt, n := range times {
		if n != 1 {
			t.Errorf("batches were paid %d times for prompt %s", n, prompt)
		}
	}
	if len(times) != rows || tried > trials {
		t.Errorf("%d rows and %d trials were paid for, want %d and at most %d", len(times), tried, rows, trials)
	}
}

// wantFiles fails unless dir holds these files and nothing else.
func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("the folder holds %q, want %q", got, want)
	}
}

func TestAKilledDownloadLeavesNothingBehind(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files that are open have names there")
	}
	t.Parallel()
	g, _, url := gated(t, openaitest.Options{}, func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/content") })
	dir, temp := t.TempDir(), t.TempDir()
	out := filepath.Join(dir, "results.jsonl")
	run := func() *exec.Cmd {
		cmd := program(t, url, "ner-batch", "run", "--batch-file", filepath.Join(dir, "b.jsonl"), "--poll-interval", "10ms", "--progress", "none", "-o", out)
		cmd.Env = append(cmd.Env, "TMPDIR="+temp)
		cmd.Stdin = bytes.NewReader(requests(t, 1, 8))
		return cmd
	}
	left := func() bool {
		names, err := filepath.Glob(filepath.Join(dir, ".results.jsonl.tmp-*"))
		return err == nil && len(names) > 0
	}
	for round := range int64(3) {
		if !kill(t, run(), func() bool { return g.held.Load() > round && left() }) {
			t.Fatal("it was not killed while it downloaded")
		}
		wantFiles(t, temp)
	}
	if !left() {
		t.Fatal("a killed run left nothing: the test tries nothing")
	}
	close(g.opened)
	if msg, err := run().CombinedOutput(); err != nil || !strings.Contains(string(msg), "8 rows: 8 ok, 0 failed, 0 missing") {
		t.Errorf("%v: %s", err, msg)
	}
	wantFiles(t, dir, "b.jsonl", "b.jsonl.ledger", "results.jsonl")
}

func TestTwoSyncsTheSecondIsRefused(t *testing.T) {
	t.Parallel()
	g, _, url := gated(t, openaitest.Options{BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{InProgress: time.Hour}}},
		func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/v1/batches/") })
	dir := t.TempDir()
	file := filepath.Join(dir, "b.jsonl")
	submit := program(t, url, "ner-batch", "submit", "--batch-file", file)
	submit.Stdin = bytes.NewReader(requests(t, 1, 3))
	if msg, err := submit.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, msg)
	}
	first := program(t, url, "ner-batch", "sync", "--ledger", file+".ledger", "--out-dir", dir)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return g.held.Load() > 0 })
	second := program(t, url, "ner-batch", "sync", "--ledger", file+".ledger", "--out-dir", dir)
	msg, _ := second.CombinedOutput()
	if code := second.ProcessState.ExitCode(); code != 11 {
		t.Errorf("exit code %d: %s", code, msg)
	}
	close(g.opened)
	_ = first.Wait()
	if code := first.ProcessState.ExitCode(); code != 8 {
		t.Errorf("the first sync: exit code %d", code)
	}
}

func TestAnInterruptedBatchRunSaysHowToContinue(t *testing.T) {
	t.Parallel()
	api, url := service(t, openaitest.Options{BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{InProgress: time.Hour}}})
	dir := t.TempDir()
	out := filepath.Join(dir, "results.jsonl")
	run := func() (*exec.Cmd, *bytes.Buffer) {
		cmd := program(t, url, "ner-batch", "run", "--batch-file", filepath.Join(dir, "b.jsonl"), "--poll-interval", "50ms", "--progress", "none", "-o", out)
		cmd.Stdin = bytes.NewReader(requests(t, 1, 6))
		stderr := new(bytes.Buffer)
		cmd.Stderr = stderr
		return cmd, stderr
	}
	cmd, stderr := run()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		return slices.ContainsFunc(api.Log(), func(c openaitest.Call) bool { return c.Op == "retrieveBatch" })
	})
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(stderr.String(), "ner-batch: interrupted\n") ||
		!strings.Contains(stderr.String(), "to continue, run the same command again\n") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if err := api.Advance(time.Hour); err != nil {
		t.Fatal(err)
	}
	cmd, stderr = run()
	if err := cmd.Run(); err != nil || !strings.Contains(stderr.String(), "6 rows: 6 ok, 0 failed, 0 missing;") {
		t.Errorf("%v: %s", err, stderr)
	}
	paidOnce(t, api, 6, 1)
}
