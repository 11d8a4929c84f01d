package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"nertools/pkg/openaitest"
)

// asProgram makes the test binary act as fakeopenai, or as a parent that starts
// one and leaves.
const asProgram = "FAKEOPENAI_TEST_AS"

func TestMain(m *testing.M) {
	switch os.Getenv(asProgram) {
	case "fakeopenai":
		main()
		return
	case "parent":
		child := exec.Command(os.Args[0], os.Args[1:]...)
		child.Env = append(os.Environ(), asProgram+"=fakeopenai")
		if err := child.Start(); err != nil {
			panic(err)
		}
		for _, err := os.Stat(os.Args[2]); err != nil; _, err = os.Stat(os.Args[2]) {
			time.Sleep(time.Millisecond)
		}
		return
	}
	os.Exit(m.Run())
}

// start runs the program in this process until the test ends or stop is called.
func start(t *testing.T, args ...string) (url string, stop func() (string, error)) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "url")
	ctx, cancel := context.WithCancel(t.Context())
	var stderr bytes.Buffer
	done := make(chan error, 1)
	go func() {
		done <- newApp(&stderr).RunContext(ctx, append([]string{"fakeopenai", "--addr-file", file}, args...))
	}()
	stopped := false
	stop = func() (string, error) {
		stopped = true
		cancel()
		err := <-done
		if _, left := os.Stat(file); left == nil {
			t.Error("the address is still published")
		}
		return stderr.String(), err
	}
	t.Cleanup(func() {
		if !stopped {
			_, _ = stop()
		}
	})
	return strings.TrimSpace(waitForFile(t, file, done)), stop
}

func waitForFile(t *testing.T, file string, failed <-chan error) string {
	t.Helper()
	for range 60_000 {
		if b, err := os.ReadFile(file); err == nil {
			return string(b)
		}
		select {
		case err := <-failed:
			t.Fatalf("ended early: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	t.Fatalf("%s did not appear", file)
	return ""
}

func ask(t *testing.T, url, key string) (int, string) {
	t.Helper()
	body := `{"model":"m","messages":[{"role":"user","content":"Say: hi"}]}`
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestItServesUntilItIsToldToStop(t *testing.T) {
	log := filepath.Join(t.TempDir(), "calls.jsonl")
	for range 2 { // the second run appends to the log
		url, stop := start(t, "--log", log, "--key", "sk-1", "--answer", "Hello .", "--keep-bodies")
		if status, body := ask(t, url, "sk-1"); status != 200 || !strings.Contains(body, `"Hello ."`) {
			t.Errorf("status %d: %s", status, body)
		}
		if status, _ := ask(t, url, "sk-2"); status != 401 {
			t.Errorf("another key: status %d", status)
		}
		said, err := stop()
		if err != nil {
			t.Error(err)
		}
		if want := "fakeopenai: simulated API on " + url + " (not the real service)\n"; !strings.HasPrefix(said, want) {
			t.Errorf("said %q, want %q first", said, want)
		}
		if !strings.Contains(said, "2 calls, 1 answered") {
			t.Errorf("said %q at the end", said)
		}
	}
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	answered := 0
	for line := range bytes.Lines(b) {
		var call openaitest.Call
		if err := json.Unmarshal(line, &call); err != nil || call.Body == "" {
			t.Errorf("%v: %s", err, line)
		}
		if call.Answered {
			answered++
		}
	}
	if lines := bytes.Count(b, []byte("\n")); lines != 4 || answered != 2 {
		t.Errorf("%d lines, %d answered, want 4 and 2", lines, answered)
	}
}

func TestFlagsReachTheAPI(t *testing.T) {
	faults := filepath.Join(t.TempDir(), "faults.json")
	if err := os.WriteFile(faults, []byte(`[{"kind":"status","status":503,"times":1}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("FAKEOPENAI_KEY", "sk-env")
	url, stop := start(t, "--faults", faults, "--rpm", "3", "--tpm", "1000", "--models", "m,n", "--quiet",
		"--latency", "1ms", "--jitter", "1ms", "--seed", "1", "--max-in-flight", "5")
	var got []int
	for _, key := range []string{"sk-env", "sk-env", "sk-env", "sk-env", "sk-other"} {
		status, _ := ask(t, url, key)
		got = append(got, status)
	}
	want := []int{503, 200, 200, 429, 401}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	if said, err := stop(); said != "" || err != nil {
		t.Errorf("said %q, %v", said, err)
	}
}

func TestItRefusesWhatItCannotServe(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.json")
	if err := os.WriteFile(bad, []byte(`[{"kind":"explode"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"0.0.0.0:0 is not a loopback address":                        {"--addr", "0.0.0.0:0"},
		":0 is not a loopback address":                               {"--addr", ":0"},
		"192.0.2.1:80 is not a loopback address":                     {"--addr", "192.0.2.1:80"},
		`run a command: `:                                            {"./no-such"},
		"there is no command no-such-command on the PATH":            {"no-such-command"},
		"unknown flag -nonsense":                                     {"--nonsense"},
		bad + `: read faults: fault 1: unknown kind "explode"`:       {"--faults", bad},
		"open faults: open " + filepath.Join(dir, "none") + ": ":     {"--faults", filepath.Join(dir, "none")},
		"open log: open " + filepath.Join(dir, "none", "log") + ": ": {"--log", filepath.Join(dir, "none", "log")},
		"write address: ":                                            {"--addr-file", filepath.Join(dir, "none", "url")},
	} {
		err := newApp(io.Discard).RunContext(t.Context(), append([]string{"fakeopenai"}, args...))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", args, err, want)
		}
	}
}

func TestAWrongFlagNamesTheHelp(t *testing.T) {
	cmd := exec.Command(os.Args[0], "--halp")
	cmd.Env = append(os.Environ(), asProgram+"=fakeopenai")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 2 || string(out) != "fakeopenai: unknown flag --halp\nfakeopenai: see fakeopenai --help\n" {
		t.Errorf("said %q, %v", out, err)
	}
}

func TestItEndsByItself(t *testing.T) {
	var stderr bytes.Buffer
	err := newApp(&stderr).RunContext(t.Context(), []string{"fakeopenai", "--max-life", "20ms"})
	if err != nil || !strings.Contains(stderr.String(), "stopped: 20ms are over (--max-life)") {
		t.Errorf("%v, said %q", err, stderr.String())
	}
}

func TestItEndsWithItsParent(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process keeps its dead parent's number there")
	}
	for _, args := range [][]string{nil, {"--", "sleep", "600"}} {
		file := filepath.Join(t.TempDir(), "url")
		parent := exec.Command(os.Args[0], append([]string{"--addr-file", file, "--with-parent", "--quiet", "--max-life", "10m"}, args...)...)
		parent.Env = append(os.Environ(), asProgram+"=parent")
		if out, err := parent.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		gone := func() bool {
			_, err := os.Stat(file)
			return err != nil
		}
		for range 60_000 {
			if gone() {
				break
			}
			time.Sleep(time.Millisecond)
		}
		if !gone() {
			t.Errorf("with %q it outlived its parent by a minute", args)
		}
	}
}

func TestACommandFindsTheAPIAndItsCodeIsPassedOn(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the command is a POSIX shell")
	}
	cmd := exec.Command(os.Args[0], "--quiet", "--", "sh", "-c", `echo "$OPENAI_BASE_URL $OPENAI_API_KEY"; cat; exit 7`)
	cmd.Env = append(os.Environ(), asProgram+"=fakeopenai")
	cmd.Stdin = strings.NewReader("what it reads")
	out, err := cmd.Output()
	if got := string(out); !strings.HasPrefix(got, "http://127.0.0.1:") || !strings.HasSuffix(got, "/v1 sk-simulated\nwhat it reads") || cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("got %q, code %d (%v)", got, cmd.ProcessState.ExitCode(), err)
	}
}

func TestACommandEndsWithMaxLife(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the command is a POSIX one")
	}
	for name, args := range map[string][]string{
		"by the signal":   {"sleep", "60"},
		"by its own code": {"sh", "-c", `trap 'kill $!; exit 0' TERM; sleep 60 & wait`},
	} {
		cmd := exec.Command(os.Args[0], append([]string{"--quiet", "--max-life", "300ms", "--"}, args...)...)
		cmd.Env = append(os.Environ(), asProgram+"=fakeopenai")
		out, err := cmd.CombinedOutput()
		if want := "fakeopenai: the command was ended: 300ms are over (--max-life)\n"; string(out) != want || cmd.ProcessState.ExitCode() != 1 {
			t.Errorf("%s: code %d (%v), said %q", name, cmd.ProcessState.ExitCode(), err, out)
		}
	}
}
