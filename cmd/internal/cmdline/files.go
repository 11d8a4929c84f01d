package cmdline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"golang.org/x/term"

	"nertools/pkg/fault"
	"nertools/pkg/record"
)

// Open opens an input file; "-" is stdin. name is its name in messages. A terminal is an
// error, because a program that waits for typed input seems to hang.
func Open(path string) (r io.ReadCloser, name string, err error) {
	if path == "-" {
		if term.IsTerminal(int(os.Stdin.Fd())) {
			return nil, InputName(path), Exit(Usage, &fault.Error{File: InputName(path), Err: errors.New("is a terminal"), Hint: "name a file to read, or pipe it in"})
		}
		return io.NopCloser(os.Stdin), InputName(path), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, path, err
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		f.Close()
		return nil, path, &fault.Error{File: path, Err: errors.New("is a directory"), Hint: "give the name of a file"}
	}
	return f, path, nil
}

// InputName returns the name of an input file in messages: "stdin" for "-".
func InputName(path string) string {
	if path == "-" {
		return "stdin"
	}
	return path
}

// Interruptible returns a reader of r whose Read returns ctx's error once ctx has ended. It
// can seek if r can.
func Interruptible(ctx context.Context, r io.Reader) io.Reader { return interruptible{ctx, r} }

type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}

func (i interruptible) Seek(offset int64, whence int) (int64, error) {
	if s, ok := i.r.(io.Seeker); ok {
		return s.Seek(offset, whence)
	}
	return 0, fmt.Errorf("seek: %w", errors.ErrUnsupported)
}

// ReadFile reads a whole input file, without a byte order mark; "-" is stdin.
func ReadFile(path string) (data []byte, name string, err error) {
	r, name, err := Open(path)
	if err != nil {
		return nil, name, err
	}
	defer r.Close()
	data, err = io.ReadAll(r)
	if err != nil {
		return nil, name, fmt.Errorf("read %s: %w", name, err)
	}
	return bytes.TrimPrefix(data, []byte(record.ByteOrderMark)), name, nil
}

// CheckFiles checks, before anything is read, that all inputs exist, that stdin ("-") is
// among them at most once, and that none of them is an output: the file target, if it
// exists, or the file that stdout is redirected to. Without a target ("") stdout must be
// open. Empty names are ignored.
func CheckFiles(target string, inputs ...string) error {
	var outputs []os.FileInfo
	// Only a file: a terminal may be both stdin and stdout.
	if out, err := os.Stdout.Stat(); err == nil && out.Mode().IsRegular() {
		outputs = append(outputs, out)
	}
	if target == "" && !writable(os.Stdout) {
		return errNoStdout
	}
	if out, err := os.Stat(target); err == nil {
		outputs = append(outputs, out)
	}
	stdin := false
	for _, file := range inputs {
		var in os.FileInfo
		var err error
		switch {
		case file == "":
			continue
		case file == "-" && stdin:
			return UsageError("stdin can be read only once: give \"-\" once")
		case file == "-":
			stdin = true
			in, err = os.Stdin.Stat()
		default:
			in, err = os.Stat(file)
		}
		if err != nil {
			return err
		}
		if slices.ContainsFunc(outputs, func(out os.FileInfo) bool { return os.SameFile(in, out) }) {
			return Exit(Usage, &fault.Error{File: InputName(file), Err: errors.New("is also the output, and inputs are never overwritten"),
				Hint: "write to another file, and rename it afterwards"})
		}
	}
	return nil
}
