//go:build unix

package cmd_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// Nobody types in prompts or results, so that a program would wait for ever.
func TestAProgramDoesNotWaitForATerminal(t *testing.T) {
	news, err := filepath.Abs("../examples/news")
	if err != nil {
		t.Fatal(err)
	}
	_, terminal, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
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
