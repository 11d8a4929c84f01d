package durable_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"nertools/pkg/durable"
	"nertools/pkg/fault"
)

func put(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

// wantFolder fails unless dir holds the named files and nothing beside them.
func wantFolder(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the folder holds %q, want %q", got, want)
	}
}

func wantText(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s holds %q (%v), want %q", filepath.Base(path), got, err, want)
	}
}

func TestReplaceMakesAndReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	for _, text := range []string{"first, and longer\n", "second\n", ""} {
		if err := durable.Replace(path, put(text)); err != nil {
			t.Fatal(err)
		}
		wantText(t, path, text)
		wantFolder(t, dir, "out")
	}
}

func TestFailureMidwayLeavesTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	broken := errors.New("broken")
	fail := func(w io.Writer) error {
		if _, err := io.WriteString(w, "half of the ne"); err != nil {
			return err
		}
		return broken
	}
	if err := durable.Replace(path, fail); !errors.Is(err, broken) {
		t.Errorf("got %v, want the writer's own error", err)
	}
	wantFolder(t, dir)
	if err := durable.Replace(path, put("old")); err != nil {
		t.Fatal(err)
	}
	if err := durable.Replace(path, fail); !errors.Is(err, broken) {
		t.Errorf("got %v, want the writer's own error", err)
	}
	wantText(t, path, "old")
	wantFolder(t, dir, "out")
}

func TestPanicMidwayLeavesTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	if err := durable.Replace(path, put("old")); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = durable.Replace(path, func(io.Writer) error { panic("midway") })
	}()
	wantText(t, path, "old")
	wantFolder(t, dir, "out")
}

func TestPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such permissions there")
	}
	dir := t.TempDir()
	path, plain := filepath.Join(dir, "out"), filepath.Join(dir, "plain")
	if err := durable.Replace(path, put("new")); err != nil {
		t.Fatal(err)
	}
	// What the umask leaves of 0644 is what any other new file has.
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, want := mode(t, path), mode(t, plain); got != want {
		t.Errorf("a new file has %v, want %v", got, want)
	}
	for _, want := range []os.FileMode{0o600, 0o664, 0o444} {
		if err := os.Chmod(path, want); err != nil {
			t.Fatal(err)
		}
		if err := durable.Replace(path, put("newer")); err != nil {
			t.Fatal(err)
		}
		if got := mode(t, path); got != want {
			t.Errorf("%v became %v", want, got)
		}
	}
}

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestSymbolicLinkIsReplacedNotFollowed(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Skip(err)
	}
	if err := durable.Replace(link, put("new")); err != nil {
		t.Fatal(err)
	}
	wantText(t, target, "old")
	wantText(t, link, "new")
	wantFolder(t, dir, "link", "target")
}

func TestWhatCannotBeReplacedIsRefused(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	cases := []struct{ path, want, hint string }{
		{filepath.Join(dir, "no", "out"), "no such directory", "mkdir -p " + filepath.Join(dir, "no")},
		{filepath.Join(file, "out"), "not a directory", "name a directory"},
		{dir, "is a directory", "name a file in it"},
	}
	if runtime.GOOS != "windows" {
		cases = append(cases, struct{ path, want, hint string }{os.DevNull, "not a regular file", "redirect"})
	}
	for _, c := range cases {
		called := false
		err := durable.Replace(c.path, func(io.Writer) error { called = true; return nil })
		if called {
			t.Errorf("%s: written to", c.path)
		}
		check := durable.CheckReplace(c.path)
		if err == nil || check == nil || err.Error() != check.Error() {
			t.Errorf("%s: Replace says %v, CheckReplace %v", c.path, err, check)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || !strings.Contains(fault.Hint(err), c.hint) {
			t.Errorf("%s: got %v (%s), want %q (%q)", c.path, err, fault.Hint(err), c.want, c.hint)
		}
	}
	wantText(t, file, "old")
	wantFolder(t, dir, "file")
}

func TestCheckReplaceLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	if err := durable.CheckReplace(path); err != nil {
		t.Error(err)
	}
	wantFolder(t, dir)
	if err := durable.Replace(path, put("old")); err != nil {
		t.Fatal(err)
	}
	if err := durable.CheckReplace(path); err != nil {
		t.Error(err)
	}
	wantText(t, path, "old")
	wantFolder(t, dir, "out")
}
