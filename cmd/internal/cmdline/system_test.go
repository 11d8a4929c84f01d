package cmdline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"nertools/pkg/fault"
)

func TestSystemErrorsAreWords(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("its errors have other numbers")
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("file", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	open := func(path string) error { _, err := os.Open(path); return err }
	stat := func(path string) error { _, err := os.Stat(path); return err }
	read := func(path string) error { _, err := os.ReadFile(path); return err }
	for _, c := range []struct {
		err  error
		want string
	}{
		{open("none"), "none: no such file"},
		{stat("none"), "none: no such file"},
		{fmt.Errorf("read prompts: %w", open("none")), "read prompts: none: no such file"},
		{open("no/such/file"), "no/such/file: there is no directory no/such"},
		{open(filepath.Join("file", "x")), "file/x: file is not a directory"},
		{read("."), ".: is a directory"},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, "cannot open x: permission denied"},
		{&fs.PathError{Op: "write", Path: os.Stdout.Name(), Err: syscall.ENOSPC}, "cannot write stdout: no space left on device"},
		{os.Rename("none", "x"), "cannot rename none to x: no such file or directory"},
		{&fault.Error{File: "mrc-ner.test", Err: fs.ErrNotExist}, "mrc-ner.test: no such file"},
		{fmt.Errorf("two: %w", errors.Join(open("a"), stat("b"))), "two: a: no such file\nb: no such file"},
		{errors.New("open the file"), "open the file"},
	} {
		if got := text(c.err); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}
