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
		{"NUL bytes behind whole lines", "{a}\n" + nuls(5000), "{a}\n", 5000},
		{"NUL bytes behind a torn line", "{a}\n{b" + nuls(3), "{a}\n", 5},
		{"NUL bytes in place of a newline", "{a}\n{b}" + nuls(100_000), "{a}\n{b}\n", 0},
		{"nothing but NUL bytes", nuls(10), "", 10},
		{"NUL bytes before the end stay", "{a}\n" + nuls(4) + "\n{b}\n", "{a}\n" + nuls(4) + "\n{b}\n", 0},
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
	for _, text := range []string{"some notes", "{a}\nsome notes", "some notes\n" + nuls(512), "some notes" + nuls(512), `{"whole": "but of another kind"} `, "[{\"context\": \"a file of another kind\"}]"} {
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

// nuls are what a power cut leaves where the size of a file came to the disk and
// its bytes did not.
func nuls(n int) string { return strings.Repeat("\x00", n) }

func TestCheckFindsWhatSomebodyElseDidToTheFile(t *testing.T) {
	const text = "{a}\n{b}\n"
	for _, c := range []struct {
		name string
		do   func(path string) error
		want string
		gone bool
		left string // in the file after another line was appended
	}{
		{"nothing", func(string) error { return nil }, "", false, text + "{c}\n"},
		{"deleted", os.Remove, "was deleted", true, ""},
		{"renamed", func(path string) error { return os.Rename(path, path+".old") }, "was deleted", true, ""},
		{"replaced", func(path string) error {
			return errors.Join(os.WriteFile(path+".new", []byte(text), 0o600), os.Rename(path+".new", path))
		}, "was replaced", true, text},
		{"emptied", func(path string) error { return os.Truncate(path, 0) }, "contains only 0 of the 8 bytes", false, "{c}\n"},
		{"cut", func(path string) error { return os.Truncate(path, 4) }, "contains only 4 of the 8 bytes", false, "{a}\n{c}\n"},
		{"appended to", func(path string) error {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("x\n")
			return errors.Join(err, f.Close())
		}, "contains 10 bytes, although the run wrote only 8", false, text + "x\n{c}\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "journal")
			j, _, err := durable.OpenJournal(path, "{", whole)
			if err != nil {
				t.Fatal(err)
			}
			defer j.Close()
			if _, err := j.Append([]byte(text)); err != nil {
				t.Fatal(err)
			}
			if err := j.Check(); err != nil {
				t.Fatal(err)
			}
			if err := c.do(path); err != nil {
				t.Skip(err) // Windows lets nobody remove a file that is open
			}
			err = j.Check()
			changed, ok := errors.AsType[*durable.ChangedError](err)
			if ok != (c.want != "") || ok && (!strings.Contains(err.Error(), c.want) || changed.Gone != c.gone) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			told := make(chan error, 1)
			j.Watch(func(err error) { told <- err })
			if ok && !strings.Contains((<-told).Error(), c.want) {
				t.Error("whoever watches is told something else")
			}
			// Lines appended after that are whole, and no gap stands before them.
			if _, err := j.Append([]byte("{c}\n")); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(path); string(got) != c.left || err != nil && c.left != "" {
				t.Errorf("the file holds %q (%v), want %q", got, err, c.left)
			}
			if !c.gone {
				return
			}
			for _, want := range []string{path + ".rescued-1", path + ".rescued-2"} {
				saved, err := j.Rescue()
				if err != nil || saved != want {
					t.Fatalf("saved as %q (%v), want %q", saved, err, want)
				}
				wantText(t, saved, text+"{c}\n")
			}
		})
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
