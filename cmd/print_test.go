package cmd_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Messages are made safe for terminals in one place, which nothing may go around.
func TestMessagesArePrintedInOnePlace(t *testing.T) {
	around := regexp.MustCompile(`(Fprint\w*|WriteString|Copy)\((os\.Stderr|std\.Err|s\.Err|[\w.]*ErrWriter)\b|\b(os\.Stderr|std\.Err|ErrWriter)\.Write|\bprintln\(`)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, filepath.Join("internal", "cmdline")) {
			return err
		}
		text, err := os.ReadFile(path)
		if m := around.Find(text); m != nil {
			t.Errorf("%s: %s: messages are printed by cmdline or a progress meter", path, m)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
