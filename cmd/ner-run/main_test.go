package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/openaitest"
	"nertools/pkg/record"
)

// rows are so many prompt records.
func rows(n int) string {
	var b []byte
	for i := range n {
		text := fmt.Sprintf("Mark.\n\nSentence: Ada met Bob %d .\nMarked:", i)
		b = record.AppendPrompt(b, &record.Prompt{ID: record.NewID("test", i, []byte(text)), Index: i, Total: n, Label: "PER", Context: fmt.Sprintf("Ada met Bob %d .", i), Text: text})
	}
	return string(b)
}

// setUp makes a folder with the prompts p.jsonl the current one, and serves the API.
func setUp(t *testing.T, faults ...openaitest.Fault) *openaitest.Server {
	t.Helper()
	api := openaitest.New(openaitest.Options{Faults: faults})
	t.Cleanup(api.Close)
	serve(t, api)
	return api
}

func serve(t *testing.T, api http.Handler) {
	t.Helper()
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	t.Setenv("OPENAI_BASE_URL", server.URL+"/v1")
	t.Setenv("OPENAI_API_KEY", "sk-simulated")
	t.Chdir(t.TempDir())
	write(t, "p.jsonl", rows(3))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// start runs the program, its stdout being out.
func start(ctx context.Context, out io.Writer, args ...string) (code int, stderr string) {
	var messages bytes.Buffer
	a := app()
	a.Writer, a.ErrWriter = out, &messages
	code = cmdline.Run(ctx, a, append([]string{"ner-run"}, args...))
	return code, messages.String()
}

// want fails unless the program ends with code and prints all of said on stderr, and
// returns what it wrote.
func want(t *testing.T, code int, said string, args ...string) (stdout string) {
	t.Helper()
	var out bytes.Buffer
	got, stderr := start(t.Context(), &out, args...)
	if got != code || !strings.Contains(stderr, said) {
		t.Errorf("%q: exit code %d, want %d; want %q on stderr:\n%s", args, got, code, said, stderr)
	}
	return out.String()
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestFlagsMayStandBehindThePrompts(t *testing.T) {
	setUp(t)
	if out := want(t, cmdline.OK, "3 rows: 3 ok, 0 failed", "p.jsonl", "-j2", "-k", "--model", "gpt-4o", "--seed", "7"); strings.Count(out, "\n") != 3 || !strings.Contains(out, `"model":"gpt-4o"`) {
		t.Errorf("got %s", out)
	}
	want(t, cmdline.OK, "3 rows: 3 ok", "p.jsonl", "-o", "r.jsonl", "--progress", "none")
	want(t, cmdline.OK, "3 rows: 0 ok, 3 answered earlier, 0 failed; 0 tokens in, 0 out", "p.jsonl", "-o", "r.jsonl", "--resume", "r.jsonl")
}

func TestASingleRowIsNotCountedInThePlural(t *testing.T) {
	setUp(t, openaitest.Fault{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 500}, Turns: openaitest.Turns{Times: 1}})
	write(t, "one.jsonl", rows(1))
	want(t, cmdline.OK, "ner-run: 1 row: 1 ok, 0 failed; 1 retry; ", "one.jsonl")
}

func TestWhatTheCommandLineGetsWrongIsKnownBeforeAnythingIsSent(t *testing.T) {
	api := setUp(t)
	write(t, "r.jsonl", "notes\n")
	write(t, "open.jsonl", "notes")
	for _, c := range []struct {
		code int
		said string
		args []string
	}{
		{cmdline.Usage, "unexpected argument \"q.jsonl\"", []string{"p.jsonl", "q.jsonl"}},
		{cmdline.Usage, "--workers must be at least 1, not 0", []string{"p.jsonl", "-j", "0"}},
		{cmdline.Usage, "--max-retries must be at least 0, not -1", []string{"p.jsonl", "--max-retries", "-1"}},
		{cmdline.Usage, "--timeout must be at least 0s, not -1s", []string{"p.jsonl", "--timeout", "-1s"}},
		{cmdline.Usage, `--progress must be auto, bar, plain or none, not "loud"`, []string{"p.jsonl", "--progress", "loud"}},
		{cmdline.Usage, "--accept-finish is empty", []string{"p.jsonl", "--accept-finish", ""}},
		{cmdline.Usage, `unknown endpoint "nowhere"`, []string{"p.jsonl", "--endpoint", "nowhere"}},
		{cmdline.Usage, "stdin can be read only once", []string{"--prices", "-"}},
		{cmdline.Usage, "stdin can be read only once", []string{"-", "--api-key-file", "-"}},
		{cmdline.Usage, "stdin can be read only once", []string{"p.jsonl", "--api-key-file", "-", "--prices", "-"}},
		{cmdline.Failed, "nowhere.jsonl", []string{"nowhere.jsonl"}},
		{cmdline.Failed, "nowhere.json", []string{"p.jsonl", "--prices", "nowhere.json"}},
		{cmdline.Failed, "nowhere.jsonl", []string{"p.jsonl", "--resume", "nowhere.jsonl", "-o", "new.jsonl"}},
		{cmdline.Failed, "r.jsonl:1: not a JSON object\nner-run: these should be the result records of an earlier run\n", []string{"p.jsonl", "--resume", "r.jsonl"}},
		{cmdline.Failed, "r.jsonl:1: not a JSON object\nner-run: these should be the result records of an earlier run; if it is one that was damaged, rename it", []string{"p.jsonl", "-o", "r.jsonl", "--resume", "r.jsonl"}},
		{cmdline.Failed, "open.jsonl: its last line does not belong there\nner-run: this is no file of results", []string{"p.jsonl", "-o", "open.jsonl", "--resume", "open.jsonl"}},
		{cmdline.Failed, "r.jsonl: holds results already\nner-run: continue it with --resume r.jsonl", []string{"p.jsonl", "-o", "r.jsonl"}},
		{cmdline.Failed, ".: is not a regular file\nner-run: leave out -o to write to stdout", []string{"p.jsonl", "-o", "."}},
		{cmdline.Failed, "unencrypted\nner-run: use https, or add --allow-http", []string{"p.jsonl", "--base-url", "http://example.org/v1"}},
	} {
		if out := want(t, c.code, c.said, c.args...); out != "" {
			t.Errorf("%q: wrote %s", c.args, out)
		}
	}
	t.Setenv("OPENAI_API_KEY", "")
	want(t, cmdline.Key, "OPENAI_API_KEY environment variable not set", "p.jsonl", "--base-url", "https://example.org/v1")
	if n := api.Calls(); n > 0 {
		t.Errorf("%d calls were made", n)
	}
}

func TestPromptsAreNeverWrittenOver(t *testing.T) {
	api := setUp(t)
	for _, args := range [][]string{{"-o", "p.jsonl"}, {"-o", "p.jsonl", "--resume", "p.jsonl"}, {"-o", "./p.jsonl", "-k"}} {
		want(t, cmdline.Usage, "p.jsonl", append([]string{"p.jsonl"}, args...)...)
	}
	if read(t, "p.jsonl") != rows(3) || api.Calls() > 0 {
		t.Errorf("%d calls; the prompts are now %s", api.Calls(), read(t, "p.jsonl"))
	}
}

// gone is a pipe whose reader has gone.
type gone struct{}

func (gone) Write([]byte) (int, error) {
	return 0, &fs.PathError{Op: "write", Path: os.Stdout.Name(), Err: syscall.EPIPE}
}

func TestAClosedPipeEndsTheRunQuietly(t *testing.T) {
	setUp(t)
	for _, args := range [][]string{{"p.jsonl", "-j", "1"}, {"p.jsonl", "-k"}, {"p.jsonl", "--dry-run"}} {
		code, stderr := start(t.Context(), gone{}, args...)
		if code != cmdline.OK || strings.Contains(stderr, "write") {
			t.Errorf("%q: exit code %d: %s", args, code, stderr)
		}
	}
}

func TestAnEstimateNeedsNoKeyAndSendsNothing(t *testing.T) {
	api := setUp(t)
	t.Setenv("OPENAI_API_KEY", "")
	if out := want(t, cmdline.OK, "3 rows for gpt-6-luna", "--dry-run", "p.jsonl", "-o", "r.jsonl", "--resume", "r.jsonl"); !strings.HasPrefix(out, `{"kind":"estimate","v":1,"rows":3,"kept":0,`) {
		t.Errorf("got %s", out)
	}
	want(t, cmdline.OK, "the price is not known\nner-run: ", "--dry-run", "p.jsonl", "--model", "m-1")
	if _, err := os.Stat("r.jsonl"); err == nil || api.Calls() > 0 {
		t.Errorf("it made a file, or one of %d calls", api.Calls())
	}
}

func TestExitCodes(t *testing.T) {
	status := func(code int) openaitest.Fault {
		return openaitest.Fault{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: code}}
	}
	for name, c := range map[string]struct {
		fault openaitest.Fault
		args  []string
		code  int
		said  string
	}{
		"a row that failed":        {status(422), nil, cmdline.Partial, "3 rows: 0 ok, 3 failed (invalid 3)"},
		"a rejected key":           {openaitest.Fault{Kind: openaitest.Unauthorized}, nil, cmdline.Key, "ner-run: check OPENAI_API_KEY"},
		"no more credit":           {openaitest.Fault{Kind: openaitest.InsufficientQuota}, nil, cmdline.Failed, "ner-run: add credit to the account, then run the same command again; with --resume "},
		"an unknown model":         {openaitest.Fault{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 404, Code: "model_not_found"}}, nil, cmdline.Failed, "ner-run: choose another --model"},
		"a wrong address":          {status(405), nil, cmdline.Failed, "ner-run: check --base-url"},
		"as many errors as may be": {status(422), []string{"-j", "1", "--max-errors", "1"}, cmdline.Failed, "ner-run: 1 row failed, the last one with invalid: "},
		"too long a pause": {openaitest.Fault{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 429, RetryAfter: "9999"}}, nil,
			cmdline.Failed, "ner-run: run the same command again after that time; with --resume "},
	} {
		t.Run(name, func(t *testing.T) {
			setUp(t, c.fault)
			want(t, c.code, c.said, append([]string{"p.jsonl"}, c.args...)...)
		})
	}
}

func TestOfJoinedErrorsAllAreSaidAndTheGravestDecides(t *testing.T) {
	serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = os.Remove("r.jsonl")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error":{"message":"no such key","code":"invalid_api_key"}}`)
	}))
	code, stderr := start(t.Context(), io.Discard, "p.jsonl", "-j", "1", "-o", "r.jsonl")
	for _, said := range []string{"ner-run: 401 invalid_api_key: no such key\nner-run: check OPENAI_API_KEY", "ner-run: r.jsonl: was deleted while it was written\nner-run: what was written to it is in r.jsonl.rescued-1"} {
		if code != cmdline.Key || !strings.Contains(stderr, said) {
			t.Errorf("exit code %d, want %q:\n%s", code, said, stderr)
		}
	}
	if lines := read(t, "r.jsonl.rescued-1"); !strings.Contains(lines, `"class":"auth"`) {
		t.Errorf("saved %s", lines)
	}
}

func TestAnInterruptedRunSaysHowToContinue(t *testing.T) {
	for hint, args := range map[string][]string{
		"with --resume FILE, where FILE holds these results": {},
		"with --resume r.jsonl":                              {"-o", "r.jsonl"},
		"run the same command again":                         {"-o", "r.jsonl", "--resume", "r.jsonl"},
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			interrupt()
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, `{"choices":[{"message":{"content":"Ada"},"finish_reason":"stop"}]}`)
		}))
		code, stderr := start(ctx, io.Discard, append([]string{"p.jsonl", "-j", "1"}, args...)...)
		if code != cmdline.Interrupted || !strings.Contains(stderr, "ner-run: 1 row: 1 ok") || !strings.Contains(stderr, hint) {
			t.Errorf("%q: exit code %d:\n%s", args, code, stderr)
		}
	}
}

func TestTheSecondRunIntoOneFileIsRefused(t *testing.T) {
	var code int
	var stderr string
	serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		code, stderr = start(t.Context(), io.Discard, "p.jsonl", "-o", "r.jsonl", "--resume", "r.jsonl")
		_, _ = io.WriteString(w, `{"choices":[{"message":{"content":"Ada"},"finish_reason":"stop"}]}`)
	}))
	write(t, "one.jsonl", rows(1))
	want(t, cmdline.OK, "1 row: 1 ok", "one.jsonl", "-o", "r.jsonl")
	if code != cmdline.Locked || !strings.Contains(stderr, "r.jsonl: another process is writing to it\nner-run: wait until the other run has ended") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
