package durable_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"nertools/pkg/durable"
)

// TestMain runs, in a process of its own, a writer that says when it is in the
// middle of its work and goes on when its stdin ends.
func TestMain(m *testing.M) {
	path := os.Getenv("DURABLE_TEST_WRITE")
	if path == "" {
		os.Exit(m.Run())
	}
	middle := func() error {
		os.Stdout.WriteString("writing\n")
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	}
	var err error
	if strings.HasSuffix(path, "folder") {
		err = durable.NewFolder(path, func(dir string) error {
			if err := os.WriteFile(filepath.Join(dir, "a"), []byte("half"), 0o600); err != nil {
				return err
			}
			return middle()
		})
	} else {
		err = durable.Replace(path, func(w io.Writer) error {
			if _, err := io.WriteString(w, "half"); err != nil {
				return err
			}
			return middle()
		})
	}
	if err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
}

// writer starts a process that is in the middle of writing path. end makes it
// finish.
func writer(t *testing.T, path string) (cmd *exec.Cmd, end func() error) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), "DURABLE_TEST_WRITE="+path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "writing\n" {
		t.Fatalf("the writer says %q (%v)", line, err)
	}
	return cmd, func() error {
		in.Close()
		return cmd.Wait()
	}
}

func TestWhatKilledWritersLeftIsRemovedAndWhatLivingOnesNeedStays(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files of killed writers are removed after an hour there")
	}
	for _, c := range []struct {
		name  string
		write func(path string) error
	}{
		{"file", func(path string) error { return durable.Replace(path, put("whole")) }},
		{"folder", func(path string) error {
			return durable.NewFolder(path, func(dir string) error { return os.WriteFile(filepath.Join(dir, "a"), nil, 0o600) })
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, c.name)
			for range 3 {
				cmd, _ := writer(t, path)
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			}
			if n := temporaries(t, dir); n == 0 {
				t.Fatal("a killed writer left nothing: the test tries nothing")
			}
			_, end := writer(t, path) // removes those three
			if n := temporaries(t, dir); n != 1 {
				t.Errorf("%d temporary files, want that of the living writer alone", n)
			}
			if err := c.write(path); err != nil {
				t.Error(err)
			}
			if n := temporaries(t, dir); n != 1 {
				t.Errorf("%d temporary files, want that of the living writer", n)
			}
			if err := os.RemoveAll(path); err != nil { // a folder is not replaced
				t.Fatal(err)
			}
			if err := end(); err != nil {
				t.Errorf("the living writer: %v", err)
			}
			wantFolder(t, dir, c.name)
		})
	}
}

func temporaries(t *testing.T, dir string) int {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, ".*.tmp-*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

func TestOpeningAJournalRemovesTheTemporariesOfItsFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files of killed writers are removed after an hour there")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "journal")
	cmd, _ := writer(t, path)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	j, _, err := durable.OpenJournal(path, "{", whole)
	if err != nil {
		t.Fatal(err)
	}
	wantFolder(t, dir, "journal")
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFilesOfOthersAreNotRemoved(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	others := []string{
		".other.tmp-0123456789abcdef", // of another file
		".out.tmp-0123456789abcde", ".out.tmp-0123456789abcdeg", ".out.tmp-0123456789ABCDEF", ".out.tmp-0123456789abcdef0",
		".out1234567890123456789", "out.tmp-0123456789abcdef",
	}
	for _, name := range others {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, ".out.tmp-aaaaaaaaaaaaaaaa"), 0o700); err != nil { // not one of NewFolder
		t.Fatal(err)
	}
	if err := durable.Replace(path, put("new")); err != nil {
		t.Fatal(err)
	}
	for _, name := range append(others, ".out.tmp-aaaaaaaaaaaaaaaa") {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			t.Errorf("%s was removed", name)
		}
	}
}

func TestATemporaryFileThatSomebodyElseChangedReplacesNothing(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"cut":     func(path string) error { return os.Truncate(path, 0) },
		"removed": os.Remove,
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "out")
		if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		err := durable.Replace(path, func(w io.Writer) error {
			if _, err := io.WriteString(w, "new"); err != nil {
				return err
			}
			names, err := filepath.Glob(filepath.Join(dir, ".out.tmp-*"))
			if err != nil || len(names) != 1 {
				t.Fatalf("temporary files: %q (%v)", names, err)
			}
			if err := change(names[0]); err != nil {
				t.Skip(err)
			}
			return put("er")(w)
		})
		if err == nil || !strings.Contains(err.Error(), "replace ") {
			t.Errorf("%s: %v", name, err)
		}
		wantText(t, path, "old")
		wantFolder(t, dir, "out")
	}
}

func TestScratchFilesLeaveNoTrace(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, dir)
	}
	f, err := durable.Scratch("test-")
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" {
		wantFolder(t, dir)
	}
	if _, err := f.WriteString("text"); err != nil {
		t.Fatal(err)
	}
	back := make([]byte, 4)
	if _, err := f.ReadAt(back, 0); err != nil || string(back) != "text" {
		t.Errorf("read back %q (%v)", back, err)
	}
	if err := durable.CloseScratch(f); err != nil {
		t.Error(err)
	}
	wantFolder(t, dir)
}
