package embedding

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unsafe"

	"github.com/edsrzf/mmap-go"
	"github.com/gofrs/flock"

	"nertools/pkg/fault"
	"nertools/pkg/record"
)

// A file of the cache holds the vectors of one model, in the byte order of the
// machine, so that they can be read where they lie:
//
//	magic     8 bytes, for the byte order 1 or 2
//	id        32 bytes, see Cache.id
//	dim       uint32: how many numbers a vector has
//	records   32 bytes: the SHA-256 of the text; dim × float32: its vector
//
// Records are only ever appended, whole, by the process that holds the lock. The
// last one may be torn where that was killed; it is left out by readers and cut
// off by the next writer.
const (
	digestSize = sha256.Size
	headerSize = 8 + digestSize + 4
	maxDim     = 1 << 20
)

var magic = func() string {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return "ner-vec1"
	}
	return "ner-vec2"
}()

// digest is a SHA-256: of a text, or of what tells a file from others.
type digest [digestSize]byte

// id tells the file's server, model and dimensions. It holds no secret.
func (c *Cache) id() digest {
	return sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", place(c.Server), c.Model, c.Dimensions))
}

// place is what tells a server from others: where it is, not how it is reached
// and by whom.
func place(base string) string {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return base
	}
	return strings.ToLower(u.Host) + strings.TrimRight(u.Path, "/")
}

// path is the file's.
func (c *Cache) path() string {
	id := c.id()
	return filepath.Join(c.Dir, record.SourceName(c.Model)+"-"+hex.EncodeToString(id[:6])+".vectors")
}

// file is a file of the cache as it was when it was opened. One that is not
// there is empty.
type file struct {
	data  mmap.MMap // header and whole records; nil if there are none
	dim   int       // 0: not known
	index map[digest]int
}

// open maps the file's whole records.
func open(path string, id digest) (*file, error) {
	f := &file{index: map[digest]int{}}
	in, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	} else if err != nil {
		return nil, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	if f.dim, err = readHeader(in, id); err != nil {
		return nil, &fault.Error{File: path, Err: err, Hint: "move it away; what it holds is asked for anew"}
	}
	if f.dim == 0 {
		return f, nil
	}
	n := (info.Size() - headerSize) / f.record()
	if n == 0 {
		return f, nil
	}
	if f.data, err = mmap.MapRegion(in, int(headerSize+n*f.record()), mmap.RDONLY, 0, 0); err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	for i := range int(n) {
		f.index[digest(f.data[f.at(i):])] = i
	}
	return f, nil
}

// readHeader returns the dimensions that a file says it has, 0 for one without a
// whole header.
func readHeader(in *os.File, id digest) (dim int, err error) {
	var head [headerSize]byte
	n, err := in.ReadAt(head[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	want := append([]byte(magic), id[:]...)
	if read := min(n, len(want)); string(head[:read]) != string(want[:read]) {
		return 0, errors.New("not a file of this model's embeddings")
	}
	if n < headerSize {
		return 0, nil // its writer was killed
	}
	dim = int(binary.NativeEndian.Uint32(head[headerSize-4:]))
	if dim < 1 || dim > maxDim {
		return 0, fmt.Errorf("vectors of %d numbers", dim)
	}
	return dim, nil
}

// record is the size of one.
func (f *file) record() int64 { return digestSize + 4*int64(f.dim) }

// at is where the i-th record begins.
func (f *file) at(i int) int { return headerSize + i*int(f.record()) }

// vector is that of the i-th record. It lies in the mapped file, where every
// record begins at a multiple of 4.
func (f *file) vector(i int) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(&f.data[f.at(i)+digestSize])), f.dim)
}

func (f *file) close() error {
	if f.data == nil {
		return nil
	}
	return f.data.Unmap()
}

// appender is the only writer of a file.
type appender struct {
	out  *os.File
	lock *flock.Flock
	id   digest
	dim  int // 0 before the first record
}

// lock opens the file for appending once no other process has it open so.
func lock(ctx context.Context, path string, id digest, say func(string)) (a *appender, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the cache's folder: %w", err)
	}
	// A file of its own: where a lock keeps others from reading, they could not look.
	a = &appender{lock: flock.New(path + ".lock"), id: id}
	ok, err := a.lock.TryLock()
	if err == nil && !ok {
		say("another run asks for embeddings of this model: waiting for it")
		_, err = a.lock.TryLockContext(ctx, 100*time.Millisecond)
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	} else if err != nil {
		err = fmt.Errorf("lock %s: %w", path, err)
	}
	if err == nil {
		a.out, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	}
	if err != nil {
		return nil, errors.Join(err, a.lock.Close())
	}
	return a, nil
}

// mend cuts a torn record off and moves to the end.
func (a *appender) mend() (err error) {
	if a.dim, err = readHeader(a.out, a.id); err != nil {
		return err
	}
	info, err := a.out.Stat()
	if err != nil {
		return err
	}
	end := int64(0)
	if f := (&file{dim: a.dim}); a.dim > 0 {
		end = info.Size() - (info.Size()-headerSize)%f.record()
	}
	if end < info.Size() {
		if err := a.out.Truncate(end); err != nil {
			return err
		}
	}
	_, err = a.out.Seek(end, io.SeekStart)
	return err
}

// append writes the records to the disk.
func (a *appender) append(keys []digest, vectors [][]float32) error {
	dim := len(vectors[0])
	buf := make([]byte, 0, headerSize+len(keys)*(digestSize+4*dim))
	if a.dim == 0 {
		buf = append(append(buf, magic...), a.id[:]...)
		buf = binary.NativeEndian.AppendUint32(buf, uint32(dim))
	}
	for i, k := range keys {
		buf = append(buf, k[:]...)
		for _, x := range vectors[i] {
			buf = binary.NativeEndian.AppendUint32(buf, math.Float32bits(x))
		}
	}
	a.dim = dim
	if _, err := a.out.Write(buf); err != nil {
		return fmt.Errorf("write the cache: %w", err)
	}
	if err := a.out.Sync(); err != nil {
		return fmt.Errorf("write the cache: %w", err)
	}
	return nil
}

func (a *appender) close() error {
	return errors.Join(a.out.Close(), a.lock.Close())
}
