package record

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"
)

// packed reads gzip-compressed data. If the data is damaged, it ends there.
type packed struct {
	r      *gzip.Reader
	damage error
}

var errUTF16 = errors.New("the file is UTF-16")

// unpack returns a reader for the contents of in, decompressed if in is a gzip file; the
// packed reader is nil otherwise. For a file in UTF-16 the error is errUTF16.
func unpack(in io.Reader) (io.Reader, *packed, error) {
	r := bufio.NewReaderSize(in, 64<<10)
	begin, err := r.Peek(3)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, nil, err
	case bytes.HasPrefix(begin, []byte{0xff, 0xfe}), bytes.HasPrefix(begin, []byte{0xfe, 0xff}):
		return nil, nil, errUTF16
	case !bytes.HasPrefix(begin, []byte{0x1f, 0x8b, 8}):
		return r, nil, nil
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		return bytes.NewReader(nil), &packed{damage: err}, nil
	}
	p := &packed{r: z}
	return p, p, nil
}

func (p *packed) Read(b []byte) (n int, err error) {
	n, err = p.r.Read(b)
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) || corrupt {
		p.damage, err = err, io.EOF
	}
	return n, err
}
