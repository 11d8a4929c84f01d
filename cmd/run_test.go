package cmd_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"nertools/pkg/openaitest"
	"nertools/pkg/record"
)

// service is the simulated API, in this process, for tests that look at its log
// while programs run against it.
func service(t *testing.T, opt openaitest.Options) (*openaitest.Server, string) {
	t.Helper()
	api := openaitest.New(opt)
	return api, serve(t, api, api)
}

// serve returns the base URL under which h answers, which is api or in front of it, until the
// test ends.
func serve(t *testing.T, api *openaitest.Server, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(func() {
		api.Close()
		srv.Close()
	})
	return srv.URL + "/v1"
}

// A gate holds calls back until it is opened.
type gate struct {
	api    http.Handler
	holds  func(*http.Request) bool
	held   atomic.Int64 // calls that have come to it
	opened chan struct{}
}

// gated is [service] behind a gate that holds the calls that holds names.
func gated(t *testing.T, opt openaitest.Options, holds func(*http.Request) bool) (*gate, *openaitest.Server, string) {
	t.Helper()
	api := openaitest.New(opt)
	g := &gate{api: api, holds: holds, opened: make(chan struct{})}
	return g, api, serve(t, api, g)
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if g.holds(r) {
		g.held.Add(1)
		select {
		case <-g.opened:
		case <-r.Context().Done():
			return
		}
	}
	g.api.ServeHTTP(w, r)
}

// program is a command that runs one of the programs.
func program(t *testing.T, url, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, name), args...)
	cmd.Env = append(os.Environ(), "OPENAI_BASE_URL="+url, "OPENAI_API_KEY=sk-simulated", "NER_MODEL=", "GORACE=atexit_sleep_ms=0")
	return cmd
}

// prompts are the sample data's prompt records.
func prompts(t *testing.T) []byte {
	t.Helper()
	out, err := program(t, "", "ner-prompt", "--source-dir", "../examples/news", "--data-name", "CONLL", "--example-num", "4").Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// finished returns how often each prompt digest has a good answer in the file of
// results at path, whole lines only.
func finished(t *testing.T, path string) map[string]int {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	digests := map[string]int{}
	for line := range bytes.Lines(data) {
		r, err := record.ParseResult(bytes.TrimSpace(line))
		if err != nil {
			if !bytes.HasSuffix(line, []byte("\n")) {
				continue
			}
			t.Fatalf("%s: %v: %s", path, err, line)
		}
		if r.OK() {
			_, _, digest, _ := record.ParseID(r.ID)
			digests[digest]++
		}
	}
	return digests
}

func lineCount(b []byte) int { return bytes.Count(b, []byte("\n")) }

func TestKilledRunsAreResumedWithoutAskingAFinishedRowAgain(t *testing.T) {
	for _, mode := range []struct {
		name string
		args []string
	}{{"as they come", nil}, {"in order", []string{"-k"}}} {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			api, url := service(t, openaitest.Options{Latency: 10 * time.Millisecond, Jitter: 20 * time.Millisecond,
				Faults: []openaitest.Fault{{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 500}, Turns: openaitest.Turns{Every: 11}}}})
			input := prompts(t)
			out := filepath.Join(t.TempDir(), "results.jsonl")
			run := func() *exec.Cmd {
				cmd := program(t, url, "ner-run", append([]string{"-j", "8", "-o", out, "--resume", out, "--progress", "none"}, mode.args...)...)
				cmd.Stdin = bytes.NewReader(input)
				return cmd
			}
			killed, chance := 0, rand.New(rand.NewPCG(uint64(len(mode.args)), 3))
			for round := range 12 {
				before, calls := finished(t, out), len(api.Log())
				answers, more := api.Answered(), chance.IntN(20)
				if kill(t, run(), func() bool { return api.Answered() >= answers+more }) {
					killed++
				}
				checkNotAskedAgain(t, api.Log()[calls:], before)
				if round%3 == 0 {
					tear(t, out, round)
				}
			}
			before, calls := finished(t, out), len(api.Log())
			if msg, err := run().CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, msg)
			}
			checkNotAskedAgain(t, api.Log()[calls:], before)
			got := finished(t, out)
			if len(got) == 0 || killed == 0 {
				t.Fatalf("nothing was tried: %d answers, %d runs killed", len(got), killed)
			}
			rows := map[string]int{}
			for line := range bytes.Lines(input) {
				p, err := record.ParsePrompt(bytes.TrimSpace(line))
				if err != nil {
					t.Fatal(err)
				}
				_, _, digest, _ := record.ParseID(p.ID)
				rows[digest]++
			}
			if !maps.Equal(got, rows) {
				t.Errorf("%d rows, %d of them answered; each has to be answered once", len(rows), len(got))
			}
			if mode.args != nil {
				checkOrder(t, out)
			}
			if runtime.GOOS != "windows" {
				wantFiles(t, filepath.Dir(out), "results.jsonl")
			}
		})
	}
}

// kill runs cmd until when holds, or cmd has ended, and reports whether it killed it.
func kill(t *testing.T, cmd *exec.Cmd, when func() bool) bool {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	waitFor(t, func() bool { return when() || len(ended) > 0 })
	_ = cmd.Process.Kill()
	return <-ended != nil
}

// tear leaves the file as a writer does that is killed in the middle of a line.
func tear(t *testing.T, path string, n int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(`{"kind":"result","v":1,"id":"test/3/0123456789ab","output":"` + strings.Repeat("x", n)); err != nil {
		t.Fatal(err)
	}
}

func checkNotAskedAgain(t *testing.T, calls []openaitest.Call, done map[string]int) {
	t.Helper()
	for _, c := range calls {
		if done[c.PromptSHA] > 0 {
			t.Fatalf("prompt %s was asked again although its answer was in the file", c.PromptSHA)
		}
	}
}

func checkOrder(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range bytes.Lines(data) {
		r, err := record.ParseResult(bytes.TrimSpace(line))
		if err != nil || r.Index != n {
			t.Fatalf("line %d is of row %d (%v)", n, r.Index, err)
		}
		n++
	}
}

func TestInterruptWritesWhatIsInFlightAndAsksNoMore(t *testing.T) {
	t.Parallel()
	api, url := service(t, openaitest.Options{Latency: 300 * time.Millisecond})
	out := filepath.Join(t.TempDir(), "results.jsonl")
	input := prompts(t)
	cmd := program(t, url, "ner-run", "-j", "4", "-o", out)
	cmd.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return api.Answered() >= 4 })
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
	done, calls := finished(t, out), api.Calls()
	if len(done) != calls || calls < 4 || calls > lineCount(input)/2 {
		t.Errorf("%d calls were made, %d answers are in the file", calls, len(done))
	}
	if !strings.Contains(stderr.String(), "ner-run: interrupted\nner-run: to continue, run the same command with --resume "+out+"\n") {
		t.Errorf("stderr does not say why it ended and how to continue: %s", &stderr)
	}
}

func TestSecondInterruptIsImmediate(t *testing.T) {
	t.Parallel()
	api, url := service(t, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.Hang}}})
	cmd := program(t, url, "ner-run", "-j", "2", "--progress", "none")
	cmd.Stdin = bytes.NewReader(prompts(t))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return api.MaxInFlight() >= 2 })
	// Two of one kind that come close together would count as one.
	_ = cmd.Process.Signal(syscall.SIGINT)
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d", code)
	}
	// The first alone would wait for the calls in flight, and then say what was done.
	if stderr.Len() > 0 {
		t.Errorf("it ended in order: %s", &stderr)
	}
}

func TestResultsReachThePipeAsTheyComeWhileInputIsStillOpen(t *testing.T) {
	t.Parallel()
	_, url := service(t, openaitest.Options{})
	cmd := program(t, url, "ner-run")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	results := bufio.NewReader(stdout)
	for line := range bytes.Lines(prompts(t)[:20_000]) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		if _, err := stdin.Write(line); err != nil {
			t.Fatal(err)
		}
		if _, err := results.ReadBytes('\n'); err != nil {
			t.Fatalf("no result for a prompt although the service answered: %v", err)
		}
	}
	stdin.Close()
	if rest, _ := io.ReadAll(results); len(rest) > 0 {
		t.Errorf("more results than prompts: %s", rest)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestManyWorkersKeepTheirConnections(t *testing.T) {
	t.Parallel()
	api, url := service(t, openaitest.Options{})
	var input []byte
	for i := range 1500 {
		text := fmt.Sprintf("Mark.\n\nSentence: Ada met Bob %d .\nMarked:", i)
		input = record.AppendPrompt(input, &record.Prompt{ID: record.NewID("many", i, []byte(text)), Index: i, Total: 1500, Text: text})
	}
	cmd := program(t, url, "ner-run", "-j", "64", "--progress", "none")
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if n := lineCount(out); n != lineCount(input) {
		t.Errorf("%d results for %d prompts", n, lineCount(input))
	}
	// net/http gives up a connection now and then on a busy machine, see pkg/openaiapi's
	// TestConnectionsAreReusedAtAnyNumberOfWorkers.
	if n := api.Connections(); n > 2*64 {
		t.Errorf("%d connections for %d calls of 64 workers", n, api.Calls())
	}
}

func TestOutputThatSomebodyElseChangesStopsTheRunAndLosesNothing(t *testing.T) {
	remove := func(path string) error { return os.Remove(path) }
	for _, c := range []struct {
		name   string
		args   []string
		change func(path string) error
		said   string
		gone   bool // the file; what was written is saved under another name
		lost   bool // what was in the file
	}{
		{"deleted", nil, remove, "was deleted while it was written", true, false},
		{"deleted, in order", []string{"-k"}, remove, "was deleted while it was written", true, false},
		{"replaced", nil, func(path string) error {
			return errors.Join(os.WriteFile(path+".new", nil, 0o600), os.Rename(path+".new", path))
		}, "was replaced by another file", true, false},
		{"cut", nil, func(path string) error { return os.Truncate(path, 0) }, "contains only", false, true},
		{"cut, in order", []string{"-k"}, func(path string) error { return os.Truncate(path, 0) }, "contains only", false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			api, url := service(t, openaitest.Options{Latency: 100 * time.Millisecond})
			out := filepath.Join(t.TempDir(), "results.jsonl")
			input := prompts(t)
			run := func(out string, args ...string) (int, string) {
				cmd := program(t, url, "ner-run", slices.Concat([]string{"-j", "2", "-o", out, "--progress", "none"}, c.args, args)...)
				cmd.Stdin = bytes.NewReader(input)
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				if len(args) == 0 {
					waitFor(t, func() bool { return len(finished(t, out)) >= 4 })
					if err := c.change(out); err != nil {
						t.Skip(err) // Windows lets nobody remove a file that is open
					}
				}
				_ = cmd.Wait()
				return cmd.ProcessState.ExitCode(), stderr.String()
			}
			code, stderr := run(out)
			if code != 1 || !strings.Contains(stderr, "ner-run: "+out+": "+c.said) || strings.Count(stderr, "ner-run: "+out+": ") != 1 {
				t.Errorf("exit code %d: %s", code, stderr)
			}
			calls, rows := api.Calls(), lineCount(input)
			if calls > rows/2 {
				t.Errorf("it stopped after %d calls for %d rows only", calls, rows)
			}
			if c.gone {
				out += ".rescued-1"
			}
			if data, err := os.ReadFile(out); err != nil || bytes.Contains(data, []byte{0}) {
				t.Errorf("%s: %v, or it holds NUL bytes", out, err)
			}
			saved := finished(t, out)
			if !c.lost && len(saved) != calls || c.lost && len(saved) == 0 {
				t.Errorf("%d answers were paid for, %d are there", calls, len(saved))
			}
			if !strings.Contains(stderr, "to continue, run the same command with --resume "+out) {
				t.Errorf("it does not say how to continue with %s: %s", out, stderr)
			}
			if code, stderr := run(out, "--resume", out, "-j", "20"); code != 0 || len(finished(t, out)) != rows {
				t.Errorf("continued: exit code %d, %d of %d rows: %s", code, len(finished(t, out)), rows, stderr)
			}
			if n := api.Calls() - calls; n != rows-len(saved) {
				t.Errorf("continued, it made %d calls for %d rows", n, rows-len(saved))
			}
		})
	}
}

func TestTwoRunsIntoOneFileTheSecondIsRefused(t *testing.T) {
	t.Parallel()
	g, _, url := gated(t, openaitest.Options{}, func(*http.Request) bool { return true })
	out := filepath.Join(t.TempDir(), "results.jsonl")
	input := prompts(t)
	args := []string{"-o", out, "--resume", out, "-j", "4"}
	first := program(t, url, "ner-run", args...)
	first.Stdin = bytes.NewReader(input)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return g.held.Load() > 0 })
	second := program(t, url, "ner-run", args...)
	second.Stdin = bytes.NewReader(input)
	msg, _ := second.CombinedOutput()
	if code := second.ProcessState.ExitCode(); code != 11 {
		t.Errorf("exit code %d: %s", code, msg)
	}
	close(g.opened)
	if err := first.Wait(); err != nil {
		t.Error(err)
	}
	for digest, n := range finished(t, out) {
		if n != 1 {
			t.Errorf("prompt %s was answered %d times", digest, n)
		}
	}
}

// waitFor waits until cond holds. It gives up only where that can't be slowness.
func waitFor(t *testing.T, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
		time.Sleep(2 * time.Millisecond)
	}
}
