package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/batch"
	"nertools/pkg/openaitest"
	"nertools/pkg/record"
)

// world is a simulated service, and a folder with prompts to work in.
type world struct {
	*openaitest.Server
	t *testing.T
}

func newWorld(t *testing.T, opt openaitest.Options) *world {
	t.Helper()
	w := &world{openaitest.New(opt), t}
	srv := httptest.NewServer(w.Server)
	t.Cleanup(func() {
		w.Close()
		srv.Close()
	})
	t.Setenv("OPENAI_API_KEY", "sk-simulated")
	t.Setenv("OPENAI_BASE_URL", srv.URL+"/v1")
	t.Setenv("NER_POLL_INTERVAL", "10ms")
	t.Chdir(t.TempDir())
	var prompts []byte
	for i := range 3 {
		text := fmt.Sprintf("Mark.\n\nSentence: Ada met Bob %d .\nMarked:", i)
		prompts = record.AppendPrompt(prompts, &record.Prompt{ID: record.NewID("p", i, []byte(text)), Index: i, Total: 3, Text: text})
	}
	write(t, "p.jsonl", string(prompts))
	return w
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// run runs a command line of ner-batch that writes to stdout, and checks its exit code.
func (w *world) run(stdout io.Writer, code int, line string) (stderr string) {
	w.t.Helper()
	var said bytes.Buffer
	app := app()
	app.Writer, app.ErrWriter = stdout, &said
	if got := cmdline.Run(w.t.Context(), app, append([]string{"ner-batch"}, strings.Fields(line)...)); got != code {
		w.t.Errorf("ner-batch %s: exit code %d, want %d: %s", line, got, code, &said)
	}
	return said.String()
}

// made counts the calls to an endpoint.
func (w *world) made(op string) (n int) {
	for _, call := range w.Log() {
		if call.Op == op {
			n++
		}
	}
	return n
}

// submitted submits the prompts, and leaves the job records in jobs.jsonl.
func submitted(t *testing.T, opt openaitest.Options) *world {
	t.Helper()
	w := newWorld(t, opt)
	var jobs bytes.Buffer
	w.run(&jobs, cmdline.OK, "submit --batch-file b.jsonl p.jsonl")
	write(t, "jobs.jsonl", jobs.String())
	return w
}

func TestEveryCommandTakesItsFlagsBehindTheFile(t *testing.T) {
	w := newWorld(t, openaitest.Options{})
	for _, c := range []struct{ line, stdout, stderr, save string }{
		{"create p.jsonl --dry-run --batch-file none.jsonl", `{"kind":"estimate"`, "3 rows for gpt-6-luna", ""},
		{"create p.jsonl --batch-file b.jsonl", "", "b.jsonl: 3 requests", ""},
		{"submit p.jsonl --batch-file b.jsonl --description d", `"batch_id":"batch_`, "batch submitted with ID: batch_", "jobs.jsonl"},
		{"status jobs.jsonl --timeout 5s", `"status":"completed"`, "", ""},
		{"wait jobs.jsonl --progress none --max-wait 5s", `"status":"completed"`, "3 rows: 3 done, 0 failed, 0 left undone", ""},
		{"download jobs.jsonl --output r.jsonl", "", "3 rows: 3 ok, 0 failed, 0 missing", ""},
		{"cancel jobs.jsonl --timeout 5s", `"status":"completed"`, "has ended already", ""},
		{"list --limit 1", `"status":"completed"`, "", ""},
		{"sync --ledger b.jsonl.ledger --out-dir .", `"status":"completed"`, "b.results.jsonl: 3 rows: 3 ok, 0 failed, 0 missing", ""},
		{"run p.jsonl --batch-file c.jsonl --progress none -o again.jsonl", "", "3 rows: 3 ok, 0 failed, 0 missing", ""},
		{"submit p.jsonl --wait-for-batch --batch-file c.jsonl --progress none -o waited.jsonl", "", "3 rows: 3 ok, 0 failed, 0 missing", ""},
	} {
		var stdout bytes.Buffer
		if stderr := w.run(&stdout, cmdline.OK, c.line); !strings.Contains(stdout.String(), c.stdout) || c.stdout == "" && stdout.Len() > 0 || !strings.Contains(stderr, c.stderr) {
			t.Errorf("%s: stdout %q, stderr %q", c.line, &stdout, stderr)
		}
		if c.save != "" {
			write(t, c.save, stdout.String())
		}
	}
	for _, file := range []string{"r.jsonl", "b.results.jsonl", "again.jsonl", "waited.jsonl"} {
		if n := strings.Count(read(t, file), `"output":`); n != 3 {
			t.Errorf("%s has %d answers", file, n)
		}
	}
	if n := w.made("createBatch"); n != 1 {
		t.Errorf("%d batches were made for the same prompts", n)
	}
}

func TestAWrongCommandLineIsKnownBeforeAnythingIsSent(t *testing.T) {
	w := newWorld(t, openaitest.Options{})
	write(t, "jobs.jsonl", `{"kind":"job","v":1,"batch_id":"batch_1","status":"completed"}`+"\n")
	write(t, "bad.json", "{}")
	write(t, "r.jsonl", "")
	write(t, "l", "")
	for _, c := range []struct {
		line string
		code int
		want string
	}{
		// flags that do nothing
		{"submit --batch-file b.jsonl -o r.jsonl p.jsonl", cmdline.Usage, "--output does nothing without --wait-for-batch"},
		{"submit --batch-file b.jsonl --poll-interval 1s p.jsonl", cmdline.Usage, "--poll-interval "},
		{"submit --batch-file b.jsonl --max-wait 1s p.jsonl", cmdline.Usage, "--max-wait does nothing"},
		{"submit --batch-file b.jsonl --progress none p.jsonl", cmdline.Usage, "--progress does nothing"},
		{"submit --batch-file b.jsonl --prices bad.json p.jsonl", cmdline.Usage, "--prices does nothing"},
		{"submit --batch-file b.jsonl --accept-finish x p.jsonl", cmdline.Usage, "--accept-finish does nothing without --wait-for-batch or --resume"},
		{"create --batch-file b.jsonl --prices bad.json p.jsonl", cmdline.Usage, "--prices does nothing without --dry-run"},
		{"create --batch-file b.jsonl --accept-finish x p.jsonl", cmdline.Usage, "--accept-finish does nothing without --resume"},
		{"run --batch-file b.jsonl --wait-for-batch p.jsonl", cmdline.Usage, "unknown flag --wait-for-batch"},
		{"wait --batch-id x --wait-for-batch", cmdline.Usage, "unknown flag --wait-for-batch"},
		{"sync --ledger l --fresh", cmdline.Usage, "unknown flag --fresh"},
		{"status --batch-id x -o r.jsonl", cmdline.Usage, "unknown flag -o"},
		{"--fresh status --batch-id x", cmdline.Usage, "unknown flag --fresh"},
		{"list --limit 3 more", cmdline.Usage, `unexpected argument "more"`},
		// values
		{"run --batch-file b.jsonl --progress foo p.jsonl", cmdline.Usage, `--progress must be auto, bar, plain or none, not "foo"`},
		{"wait --batch-id x --progress foo", cmdline.Usage, `--progress must be`},
		{"wait --batch-id x --poll-interval never", cmdline.Usage, `--poll-interval "never"`},
		{"wait --batch-id x --max-wait -1s", cmdline.Usage, `--max-wait must be at least 0s, not -1s`},
		{"list --limit 0", cmdline.Usage, "--limit must be at least 1, not 0"},
		{"submit --batch-file b.jsonl --max-parts-in-flight -1 p.jsonl", cmdline.Usage, "--max-parts-in-flight must be at least 0, not -1"},
		{"create --batch-file b.jsonl --max-part-requests 0 p.jsonl", cmdline.Usage, "--max-part-requests must be at least 1, not 0"},
		{"download --batch-id x --accept-finish=", cmdline.Usage, "--accept-finish is empty"},
		// files
		{"run --batch-file b.jsonl p.jsonl r.jsonl", cmdline.Usage, `unexpected argument "r.jsonl"`},
		{"submit p.jsonl", cmdline.Usage, "--batch-file is missing"},
		{"sync", cmdline.Usage, "--ledger is missing"},
		{"sync --ledger nowhere", cmdline.Failed, "nowhere: no such file"},
		{"sync --ledger l --out-dir nowhere", cmdline.Failed, "nowhere"},
		{"sync --ledger l --prices bad.json", cmdline.Failed, "bad.json"},
		{"run --batch-file b.jsonl --prices bad.json p.jsonl", cmdline.Failed, "bad.json"},
		{"run --batch-file b.jsonl -o nowhere/r.jsonl p.jsonl", cmdline.Failed, "nowhere"},
		{"download --prices bad.json jobs.jsonl", cmdline.Failed, "bad.json"},
		{"download -o nowhere/r.jsonl jobs.jsonl", cmdline.Failed, "nowhere"},
		{"download --batch-file nowhere.jsonl jobs.jsonl", cmdline.Failed, "nowhere.jsonl: no such file"},
		{"run --batch-file b.jsonl --resume nowhere.jsonl p.jsonl", cmdline.Failed, "nowhere.jsonl: no such file"},
		{"submit --batch-file b.jsonl --prices - --wait-for-batch -", cmdline.Usage, "stdin can be read only once"},
		{"status batch_1", cmdline.Failed, "name a batch by its id with --batch-id batch_1"},
		{"status p.jsonl", cmdline.Failed, "p.jsonl:1: a prompt record where a job record should be"},
		{"status --batch-id x jobs.jsonl", cmdline.Usage, `unexpected argument "jobs.jsonl"`},
		{"status r.jsonl", cmdline.Usage, "which batch?"},
		// the file that is there already
		{"submit --batch-file b.jsonl", cmdline.Failed, "no prompts, and no batch file"},
		{"submit --batch-file p.jsonl p.jsonl", cmdline.Failed, "p.jsonl:1: "},
		{"submit --batch-file p.jsonl --resume r.jsonl p.jsonl", cmdline.Usage, "--resume does nothing without prompts"},
		// the key, whose file may be named by the key itself
		{"run --batch-file b.jsonl --api-key-file sk-secret p.jsonl", cmdline.Key, "--api-key-file: no such file"},
	} {
		var stdout bytes.Buffer
		if stderr := w.run(&stdout, c.code, c.line); !strings.Contains(stderr, c.want) || stdout.Len() > 0 || strings.Contains(stderr, "sk-secret") {
			t.Errorf("%s: stdout %q, stderr %q", c.line, &stdout, stderr)
		}
	}
	if n := w.Calls(); n > 0 {
		t.Errorf("the service was called %d times", n)
	}
	if _, err := os.Stat("b.jsonl"); err == nil {
		t.Error("a batch file was written")
	}
}

func TestNoInputIsWrittenOver(t *testing.T) {
	w := submitted(t, openaitest.Options{})
	write(t, "r.jsonl", "")
	calls := w.Calls()
	for _, line := range []string{
		"run --batch-file b.jsonl -o p.jsonl p.jsonl",
		"run --batch-file b.jsonl -o ./b.jsonl p.jsonl",
		"run --batch-file b.jsonl -o b.jsonl.ledger p.jsonl",
		"run --batch-file c.jsonl --resume r.jsonl -o r.jsonl p.jsonl",
		"submit --batch-file r.jsonl --resume r.jsonl p.jsonl",
		"download -o jobs.jsonl jobs.jsonl",
		"download -o b.jsonl --batch-file b.jsonl jobs.jsonl",
	} {
		before := map[string]string{}
		for _, file := range []string{"p.jsonl", "b.jsonl", "b.jsonl.ledger", "r.jsonl", "jobs.jsonl"} {
			before[file] = read(t, file)
		}
		w.run(io.Discard, cmdline.Usage, line)
		for file, text := range before {
			if read(t, file) != text {
				t.Errorf("%s: %s has changed", line, file)
			}
		}
	}
	if n := w.Calls() - calls; n > 0 {
		t.Errorf("the service was called %d times", n)
	}
}

// gone is a stdout whose reader has gone.
type gone struct{}

func (gone) Write([]byte) (int, error) {
	return 0, &fs.PathError{Op: "write", Path: os.Stdout.Name(), Err: syscall.EPIPE}
}

func TestAClosedPipeEndsACommandQuietly(t *testing.T) {
	w := submitted(t, openaitest.Options{})
	for _, line := range []string{
		"create --dry-run --batch-file b.jsonl p.jsonl", "submit --batch-file b.jsonl p.jsonl", "run --batch-file b.jsonl --progress none p.jsonl",
		"status jobs.jsonl", "wait --progress none jobs.jsonl", "download jobs.jsonl", "cancel jobs.jsonl", "list", "sync --ledger b.jsonl.ledger",
	} {
		if stderr := w.run(gone{}, cmdline.OK, line); strings.Contains(stderr, "pipe") || strings.Contains(stderr, "write") {
			t.Errorf("%s: %s", line, stderr)
		}
	}
}

func TestOfJoinedErrorsTheGravestDecidesTheExitCodeAndAllAreSaid(t *testing.T) {
	w := submitted(t, openaitest.Options{Faults: []openaitest.Fault{{
		Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 400, Message: "no"}, Aim: openaitest.Aim{Contains: "Bob 1 .", Path: "/v1/chat"},
	}}})
	const waiting = `{"kind":"job","v":1,"status":"waiting","part":2,"parts":3,"key":"%d","requests":1}` + "\n"
	jobs := read(t, "jobs.jsonl")
	write(t, "waiting.jsonl", jobs+fmt.Sprintf(waiting, 1))
	write(t, "refused.jsonl", jobs+fmt.Sprintf(waiting, 1)+strings.Replace(fmt.Sprintf(waiting, 2), "waiting", "failed", 1))
	write(t, "unknown.jsonl", jobs+`{"kind":"job","v":1,"batch_id":"batch_x","status":"completed"}`+"\n")
	for _, c := range []struct {
		line string
		code int
		want []string
	}{
		{"download jobs.jsonl", cmdline.Partial, []string{"3 rows: 2 ok, 1 failed (invalid 1), 0 missing"}},
		{"wait --progress none jobs.jsonl", cmdline.Partial, []string{"3 rows: 2 done, 1 failed, 0 left undone"}},
		{"download waiting.jsonl", cmdline.Pending, []string{"2 ok, 1 failed", "not started yet: part 2", "ner-batch submit again, or ner-batch sync"}},
		{"wait --progress none waiting.jsonl", cmdline.Pending, []string{"not started yet: part 2"}},
		{"download refused.jsonl", cmdline.Failed, []string{"2 ok, 1 failed", "not started yet: part 2", "refused by the service: part 2", "ner-batch submit again says why"}},
		{"status unknown.jsonl", cmdline.Failed, []string{"look at batch_x: 404", "see what ner-batch list shows"}},
		{"sync --ledger b.jsonl.ledger", cmdline.Partial, []string{"b.results.jsonl: 3 rows: 2 ok, 1 failed"}},
		{"sync --ledger b.jsonl.ledger", cmdline.Partial, nil},
	} {
		stderr := w.run(io.Discard, c.code, c.line)
		if slices.ContainsFunc(c.want, func(want string) bool { return !strings.Contains(stderr, want) }) {
			t.Errorf("%s: stderr %q, want %q", c.line, stderr, c.want)
		}
	}
}

func TestWhatIsRunningOrLockedHasItsOwnExitCode(t *testing.T) {
	w := submitted(t, openaitest.Options{BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{InProgress: time.Hour}}})
	for _, c := range []struct{ line, want string }{
		{"download jobs.jsonl", "is in_progress: the batch has not ended yet\nner-batch: wait for it with ner-batch wait --batch-id batch_"},
		{"wait --max-wait 50ms --progress none jobs.jsonl", "still running\nner-batch: the same command again goes on waiting"},
		{"run --batch-file b.jsonl --max-wait 50ms --progress none p.jsonl", "still running\nner-batch: the same command again goes on waiting"},
		{"sync --ledger b.jsonl.ledger", ""},
	} {
		if stderr := w.run(io.Discard, cmdline.Pending, c.line); !strings.Contains(stderr, c.want) {
			t.Errorf("%s: %s", c.line, stderr)
		}
	}
	other, err := batch.Open("b.jsonl.ledger", nil, batch.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for _, line := range []string{"create --batch-file b.jsonl p.jsonl", "submit --batch-file b.jsonl p.jsonl", "run --batch-file b.jsonl p.jsonl", "sync --ledger b.jsonl.ledger"} {
		if stderr := w.run(io.Discard, cmdline.Locked, line); !strings.Contains(stderr, "wait until the other ner-batch has ended") {
			t.Errorf("%s: %s", line, stderr)
		}
	}
}

func TestSyncWithABadTableOfPricesFetchesNothingAndLaterOnce(t *testing.T) {
	w := submitted(t, openaitest.Options{})
	write(t, "bad.json", "{}")
	for _, line := range []string{"sync --ledger b.jsonl.ledger --prices bad.json", "sync --ledger b.jsonl.ledger --prices nowhere.json"} {
		calls := w.Calls()
		w.run(io.Discard, cmdline.Failed, line)
		if w.Calls() > calls {
			t.Errorf("%s: the service was called", line)
		}
	}
	for range 2 {
		w.run(io.Discard, cmdline.OK, "sync --ledger b.jsonl.ledger")
		if n := w.made("downloadFile"); n != 1 {
			t.Errorf("%d files were downloaded", n)
		}
	}
}
