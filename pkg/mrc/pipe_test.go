//go:build unix

package mrc_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"nertools/pkg/mrc"
)

// pipe makes a named pipe that gives text once.
func pipe(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip("no named pipes here:", err)
	}
	done := make(chan error, 1)
	go func() { done <- os.WriteFile(path, []byte(text), 0o600) }()
	t.Cleanup(func() {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Error("nobody read the pipe")
		}
	})
	return path
}

func TestWhatCannotBeMappedIsRead(t *testing.T) {
	data, err := os.ReadFile("../../examples/news/mrc-ner.train")
	if err != nil {
		t.Fatal(err)
	}
	checkAgainstOracle(t, pipe(t, string(data)), data)

	k := openNeighbours(t, pipe(t, "[2, 1]\n[]\n"), 2, 3)
	if got := neighbours(t, k, nil, 0, all); len(got) != 2 {
		t.Errorf("neighbours %v, want 2 and 1", got)
	}

	path := pipe(t, "")
	_, err = mrc.Open(path)
	checkFault(t, err, path, 1, "the file is empty")
}
