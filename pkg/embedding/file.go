package embedding

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"
	"unsafe"

	"github.com/edsrzf/mmap-go"
	"github.com/gofrs/flock"

	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/record"
)

// A file of the cache contains the vectors of one model in the machine's byte order, so
// that they can be used in place:
//
//	magic     8 bytes, for the byte order 3 or 4
//	id        32 bytes, see Cache.id
//	dim       uint32: the length of the vectors
//	records   32 bytes: the SHA-256 of the text; dim × float32: its vector;
//	          uint32: the CRC-32C of both
//
// Files of earlier versions, whose magic ends in 1 or 2, have no checksums.
//
// Only the process that holds the lock appends records, and only whole ones. The last
// records may be torn if that process was killed, or damaged if a power cut left NUL
// bytes in their place. Readers ignore such records, and the next writer cuts them off.
const (
	digestSize = sha256.Size
	headerSize = 8 + digestSize + 4
	sumSize    = 4
	maxDim     = 1 << 20
)

// oldMagic is the magic of a file without checksums.
var magic, oldMagic = func() (string, string) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return "ner-vec3", "ner-vec1"
	}
	return "ner-vec4", "ner-vec2"
}()

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// form describes a file's records.
type form struct {
	dim  int  // 0: unknown
	sums bool // records end in a checksum
}

// record returns the size of a record in bytes.
func (f form) record() int64 {
	size := digestSize + 4*int64(f.dim)
	if f.sums {
		size += sumSize
	}
	return size
}

// whole reports whether an entry is intact.
func (f form) whole(entry []byte) bool {
	if !f.sums {
		return digest(entry) != digest{}
	}
	text := entry[:len(entry)-sumSize]
	return crc32.Checksum(text, castagnoli) == binary.NativeEndian.Uint32(entry[len(text):])
}

// digest is a SHA-256: of a text, or of what identifies a file.
type digest [digestSize]byte

// id identifies the file's server, model and dimensions. It contains no secret.
func (c *Cache) id() digest {
	return sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", c.Server, c.Model, c.Dimensions))
}

// path returns the path of the cache's file.
func (c *Cache) path() string {
	id := c.id()
	return filepath.Join(c.Dir, record.SourceName(c.Model)+"-"+hex.EncodeToString(id[:6])+".vectors")
}

// file is a file of the cache, as it was when opened. A missing file is treated as empty.
type file struct {
	form
	data  mmap.MMap      // header and records; nil if there are no records
	index map[digest]int // numbers of the intact records
}

// open maps the file's intact records.
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
	if f.form, err = readHeader(in, id); err != nil {
		return nil, &fault.Error{File: path, Err: err, Hint: "move it away; its embeddings will be requested again"}
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
		if r := f.data[f.at(i):]; f.whole(r[:f.record()]) {
			f.index[digest(r)] = i
		}
	}
	return f, nil
}

// readHeader returns the form of a file's records. If the header is incomplete because
// its writer was killed, the dimensions are unknown.
func readHeader(in *os.File, id digest) (form, error) {
	var head [headerSize]byte
	n, err := in.ReadAt(head[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return form{}, err
	}
	if head == [headerSize]byte{} {
		return form{sums: true}, nil
	}
	begins := func(magic string) bool {
		want := append([]byte(magic), id[:]...)
		read := min(n, len(want))
		return string(head[:read]) == string(want[:read])
	}
	f := form{sums: begins(magic)}
	if !f.sums && !begins(oldMagic) {
		return form{}, errors.New("not a cache of this model's embeddings")
	}
	if n < headerSize {
		return form{sums: true}, nil
	}
	f.dim = int(binary.NativeEndian.Uint32(head[headerSize-4:]))
	if f.dim < 1 || f.dim > maxDim {
		return form{}, fmt.Errorf("vectors with %s", english.Count(f.dim, "dimension"))
	}
	return f, nil
}

// at returns the offset of the i-th record.
func (f *file) at(i int) int { return headerSize + i*int(f.record()) }

// vector returns the vector of the i-th record. It points into the mapped file, where
// every record begins at a multiple of 4.
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
	form // without dimensions until the first record is written
	out  *os.File
	lock *flock.Flock
	id   digest
}

// lock opens the file for appending once no other process has it open for that.
func lock(ctx context.Context, path string, id digest, say func(string)) (a *appender, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the cache's folder: %w", err)
	}
	// A separate file, because on some systems the lock would keep others from reading
	// the cache.
	a = &appender{lock: flock.New(path + ".lock"), id: id}
	ok, err := a.lock.TryLock()
	if err == nil && !ok {
		say("waiting for another run, which is requesting embeddings of this model")
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

// mend cuts off torn records and moves to the end.
func (a *appender) mend() (err error) {
	if a.form, err = readHeader(a.out, a.id); err != nil {
		return err
	}
	info, err := a.out.Stat()
	if err != nil {
		return err
	}
	end := int64(0)
	if a.dim > 0 {
		end = info.Size() - (info.Size()-headerSize)%a.record()
	}
	last := make([]byte, a.record())
	for ; end > headerSize; end -= a.record() {
		if _, err := a.out.ReadAt(last, end-a.record()); err != nil {
			return err
		}
		if a.whole(last) {
			break
		}
	}
	if end < info.Size() {
		if err := a.out.Truncate(end); err != nil {
			return err
		}
	}
	_, err = a.out.Seek(end, io.SeekStart)
	return err
}

// append writes records to the disk.
func (a *appender) append(keys []digest, vectors [][]float32) error {
	dim := len(vectors[0])
	first := a.dim == 0
	a.dim = dim
	buf := make([]byte, 0, headerSize+len(keys)*int(a.record()))
	if first {
		buf = append(append(buf, magic...), a.id[:]...)
		buf = binary.NativeEndian.AppendUint32(buf, uint32(dim))
	}
	for i, k := range keys {
		at := len(buf)
		buf = append(buf, k[:]...)
		for _, x := range vectors[i] {
			buf = binary.NativeEndian.AppendUint32(buf, math.Float32bits(x))
		}
		if a.sums {
			buf = binary.NativeEndian.AppendUint32(buf, crc32.Checksum(buf[at:], castagnoli))
		}
	}
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
