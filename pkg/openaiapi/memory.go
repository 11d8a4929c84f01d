package openaiapi

import (
	"context"
	"io"
	"net/http"
	"sync"
)

const (
	// maxAnswer bounds an answer: a completion is far smaller, and so are the
	// embeddings that one call of ours asks for.
	maxAnswer = 64 << 20
	// maxMemory bounds what answers take that are being read at the same time, but
	// for one that is larger than its share.
	maxMemory = 384 << 20
	// maxShare and minShare bound the share of one of them.
	maxShare = 16 << 20
	minShare = 256 << 10
)

// memory is where answers are read into. Each call has a share of its own, which no
// ordinary answer exceeds; of larger ones a single one is read at a time, since a
// few kilobytes of a compressed answer can become any number of megabytes.
type memory struct {
	share  int
	shares sync.Pool    // of *[]byte
	large  chan *[]byte // holds the memory for a large answer while nobody has it
}

// newMemory is for so many calls at a time.
func newMemory(inFlight int) *memory {
	m := &memory{share: min(max(maxMemory/max(inFlight, 1), minShare), maxShare), large: make(chan *[]byte, 1)}
	m.shares.New = func() any { return new([]byte) }
	m.large <- new([]byte)
	return m
}

// read reads an answer and hands it to use, which must not keep it.
func (m *memory) read(ctx context.Context, r *http.Response, use func(answer []byte) error) error {
	buf := m.shares.Get().(*[]byte)
	defer func() { m.shares.Put(buf) }()
	b, err := m.fill((*buf)[:0], r, m.share)
	*buf = b
	if err != nil || len(b) < m.share {
		return done(err, b, use)
	}
	select {
	case large := <-m.large:
		defer func() { m.large <- large }()
		b, err = m.fill(append((*large)[:0], b...), r, maxAnswer+1)
		*large = b
		if len(b) > maxAnswer {
			err = errTooLong
		}
		return done(err, b, use)
	case <-ctx.Done():
		return &readError{ctx.Err()}
	}
}

func done(err error, answer []byte, use func([]byte) error) error {
	if err != nil {
		return &readError{err}
	}
	return use(answer)
}

// readError is an error of reading an answer, not of what is in it.
type readError struct{ error }

func (e *readError) Unwrap() error { return e.error }

// fill reads on behind b until there is no more or b is of the given length.
func (m *memory) fill(b []byte, r *http.Response, most int) ([]byte, error) {
	const begin = 4 << 10
	if n := int(r.ContentLength); n > cap(b) && n < most {
		b = append(make([]byte, 0, n+1), b...)
	}
	for len(b) < most {
		if len(b) == cap(b) {
			b = append(make([]byte, 0, min(max(2*cap(b), begin), most)), b...)
		}
		n, err := r.Body.Read(b[len(b):min(cap(b), most)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
	return b, nil
}
