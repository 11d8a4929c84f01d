//go:build unix

package cmd_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"nertools/pkg/openaitest"
)

// Nobody types in prompts or results, so that a program would wait for ever.
func TestAProgramDoesNotWaitForATerminal(t *testing.T) {
	news, err := filepath.Abs("../examples/news")
	if err != nil {
		t.Fatal(err)
	}
	screen, terminal, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	defer screen.Close() // until then it is a terminal
	defer terminal.Close()
	for _, line := range []string{
		"ner-prompt convert",
		"ner-prompt convert -",
		"ner-prompt verify --results - --source-dir " + news + " --data-name CONLL",
		"ner-prompt --labels - --source-dir " + news + " --data-name CONLL",
		"ner-run",
		"ner-run -",
		"ner-run --dry-run -",
		"ner-batch create --batch-file b.jsonl -",
		"ner-batch status -",
		"ner-batch wait -",
		"ner-batch wait",
		"ner-batch download",
		"ner-collect",
		"ner-collect -",
		"ner-collect score --gold " + filepath.Join(news, "mrc-ner.test"),
	} {
		args := strings.Fields(line)
		cmd := exec.CommandContext(t.Context(), filepath.Join(bin, args[0]), args[1:]...)
		cmd.Dir = t.TempDir()
		cmd.Env = append(os.Environ(), "OPENAI_API_KEY=sk-simulated", "OPENAI_BASE_URL=http://127.0.0.1:1/v1", "GORACE=atexit_sleep_ms=0")
		cmd.Stdin = terminal
		out, err := cmd.CombinedOutput()
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok || exit.ExitCode() != 2 || !strings.Contains(string(out), "pipe ") {
			t.Errorf("%s: %v: %s", line, err, out)
		}
	}
}

func TestTheBarOfARunShowsItsBatchAndTheNextCheck(t *testing.T) {
	_, url := service(t, openaitest.Options{BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{InProgress: time.Hour}}})
	screen, terminal, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	defer screen.Close()
	if err := pty.Setsize(screen, &pty.Winsize{Rows: 24, Cols: 100}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := program(t, url, "ner-batch", "run", "--batch-file", filepath.Join(dir, "b.jsonl"), "-o", filepath.Join(dir, "r.jsonl"), "--poll-interval", "1h")
	cmd.Env = append(cmd.Env, "TERM=xterm", "LC_ALL=C.UTF-8", "NO_COLOR=")
	cmd.Stdin, cmd.Stderr = strings.NewReader(string(requests(t, 1, 6))), terminal
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	terminal.Close()
	shown := make(chan string)
	go func() {
		var text []byte
		buf := make([]byte, 4096)
		for !regexp.MustCompile(`0% .*\(0/6\), batch_[a-z0-9]+ in_progress, next check \d\d:\d\d:\d\d`).Match(text) {
			n, err := screen.Read(buf)
			if text = append(text, buf[:n]...); err != nil {
				break
			}
		}
		shown <- string(text)
	}()
	select {
	case text := <-shown:
		if !strings.Contains(text, "next check") {
			t.Errorf("the terminal shows %q", text)
		}
	case <-time.After(time.Minute):
		t.Error("the status did not appear")
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait()
}
