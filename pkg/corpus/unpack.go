package corpus

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"

	"nertools/pkg/fault"
)

// unpack returns a reader of what in contains, decompressed if it is a gzip, Zstandard or
// bzip2 file. Errors use name as the file name.
func unpack(name string, in io.Reader) (*bufio.Reader, error) {
	r := bufio.NewReaderSize(in, detectSize)
	begin, err := r.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	var content io.Reader
	switch {
	case bytes.HasPrefix(begin, []byte{0x1f, 0x8b, 8}):
		content, err = gzip.NewReader(r)
	case bytes.HasPrefix(begin, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		content, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	case bytes.HasPrefix(begin, []byte("BZh")) && len(begin) > 3 && begin[3] >= '1' && begin[3] <= '9':
		content, err = bzip2.NewReader(r), nil
	case bytes.HasPrefix(begin, []byte("\xfd7zXZ")):
		return nil, packedAs(name, "an xz file", "decompress it first: xz -d")
	case bytes.HasPrefix(begin, []byte("PK\x03\x04")):
		return nil, packedAs(name, "a ZIP archive", "extract the file first: unzip")
	default:
		return checkArchive(name, r)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, damaged(err))
	}
	return checkArchive(name, bufio.NewReaderSize(&unpacked{content}, detectSize))
}

// checkArchive returns an error if r is a tar archive.
func checkArchive(name string, r *bufio.Reader) (*bufio.Reader, error) {
	const at, magic = 257, "ustar"
	if begin, err := r.Peek(at + len(magic)); err == nil && strings.HasSuffix(string(begin), magic) {
		return nil, packedAs(name, "a tar archive", "extract the file first: tar -x")
	}
	return r, nil
}

func packedAs(name, what, hint string) error {
	return &fault.Error{File: name, Err: errors.New("it is " + what), Hint: hint}
}

func damaged(err error) error {
	return fault.WithHint(fmt.Errorf("decompress: %w", err), "the file is incomplete or damaged: get it again")
}

// unpacked reads decompressed data.
type unpacked struct{ r io.Reader }

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = damaged(err)
	}
	return n, err
}
