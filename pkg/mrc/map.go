package mrc

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"unsafe"

	"github.com/edsrzf/mmap-go"

	"nertools/pkg/fault"
)

// mapFile returns the contents of the file as a string that uses no private memory. Files
// that cannot be mapped, such as pipes, are read instead.
func mapFile(path string) (text string, unmap func() error, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", nil, err
	}
	if info.IsDir() {
		return "", nil, &fault.Error{File: path, Err: errors.New("is a directory"), Hint: "give the name of a file"}
	}
	if info.Mode().IsRegular() && info.Size() > 0 {
		m, err := mmap.Map(file, mmap.RDONLY, 0)
		if err != nil {
			return "", nil, fmt.Errorf("map %s: %w", path, err)
		}
		return unsafe.String(&m[0], len(m)), m.Unmap, nil
	}
	data, err := io.ReadAll(file)
	if err != nil {
		return "", nil, fmt.Errorf("read %s: %w", path, err)
	}
	return unsafe.String(unsafe.SliceData(data), len(data)), func() error { return nil }, nil
}

// guard calls f, which reads a mapped file. If the file is truncated meanwhile, guard
// turns the resulting memory fault into an error. Any other panic becomes a
// [*fault.Panic]. It guards the calling goroutine only.
func guard(name string, f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }:
			err = &fault.Error{
				File: name,
				Err:  errors.New("the file changed while it was being read"),
				Hint: "run the command again, and leave the input files alone until it has ended",
			}
		default:
			err = fault.Recovered(r)
		}
	}()
	return f()
}
