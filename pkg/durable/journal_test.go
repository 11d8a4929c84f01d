package durable_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nertools/pkg/durable"
)

// whole says of a test's lines that they end as they should.
func whole(line []byte) bool { return strings.HasSuffix(string(line), "}") }

func TestJournalMendsTheEndThatAKilledWriterLeft(t *testing.T) {
	long := "{" + strings.Repeat("x", 200_000) + "}\n"
	for _, c := range []struct {
		name, before, after string
		torn                int64
	}{
		{"new", "", "", 0},
		{"whole lines", "{a}\n{b}\n", "{a}\n{b}\n", 0},
		{"torn last line", "{a}\n{b", "{a}\n", 2},
		{"torn only line", "{a", "", 2},
		{"a newline is all that lacks", "{a}\n{b}", "{a}\n{b}\n", 0},
		{"torn behind a long line", long + "{b", long, 2},
		{"a long torn line", "{a}\n" + long[:100_000], "{a}\n", 100_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal")
			if c.before != "" {
				if err := os.WriteFile(path, []byte(c.before), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			j, torn, err := durable.OpenJournal(path, "{", whole)
			if err != nil || torn != c.torn {
				t.Fatalf("torn %d (%v), want %d", torn, err, c.torn)
			}
			at, err := j.Append([]byte("{new}\n"))
			if err != nil || at != int64(len(c.after)) || j.Size() != at+6 {
				t.Errorf("appended at %d of %d (%v), want at %d", at, j.Size(), err, len(c.after))
			}
			back := make([]byte, 6)
			if _, err := j.ReadAt(back, at); err != nil || string(back) != "{new}\n" {
				t.Errorf("read back %q (%v)", back, err)
			}
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil || string(got) != c.after+"{new}\n" {
				t.Errorf("the file holds %.60q (%v)", got, err)
			}
		})
	}
}

func TestAFileThatIsNoJournalIsLeftAsItIs(t *testing.T) {
	for _, text := range []string{"some notes", "{a}\nsome notes", "[{\"context\": \"a file of another kind\"}]"} {
		path := filepath.Join(t.TempDir(), "notes.txt")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := durable.OpenJournal(path, "{", whole); !errors.Is(err, durable.ErrForeign) {
			t.Errorf("%q: %v", text, err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%q became %q (%v)", text, got, err)
		}
	}
}

func TestJournalHasOneOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	first, _, err := durable.OpenJournal(path, "{", whole)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Append([]byte("{half")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := durable.OpenJournal(path, "{", whole); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("a second owner: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, torn, err := durable.OpenJournal(path, "{", whole)
	if err != nil || torn != 5 {
		t.Fatalf("after the first has closed: torn %d, %v", torn, err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestJournalNeedsItsFolder(t *testing.T) {
	if _, _, err := durable.OpenJournal(filepath.Join(t.TempDir(), "no", "journal"), "{", whole); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, _, err := durable.OpenJournal(t.TempDir(), "{", whole); err == nil {
		t.Error("a folder passes as a journal")
	}
}
