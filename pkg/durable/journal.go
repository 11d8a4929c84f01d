package durable

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
)

// ErrLocked is the error of opening a journal that another process has open.
var ErrLocked = errors.New("another process is writing to it")

// ErrForeign is the error of opening a file that ends in something that no
// journal's writer has left there.
var ErrForeign = errors.New("its last line is not one that belongs there")

// A Journal is a file of JSON lines that is only ever appended to, by one process at
// a time. A line is in the file when Append returns, so that a killed process
// loses none; it is on the disk about a second later, so that a power cut loses
// little.
type Journal struct {
	path  string
	file  *os.File
	lock  *flock.Flock
	info  fs.FileInfo // tells the file from others
	dirty atomic.Bool
	lost  atomic.Pointer[error] // of syncing: the system tells it once
	stop  chan struct{}
	done  sync.WaitGroup

	mu   sync.Mutex // held while the file grows
	size int64
}

// syncEvery is how long a line may wait to be on the disk.
const syncEvery = time.Second

// OpenJournal opens path for appending, makes it if it is not there, and locks
// it. A last line without its newline gets one if whole says that it is a whole line
// of the journal. If it begins as every line of the journal does, with begin, and is
// not whole JSON of another kind, it was left by a writer that was killed and is cut
// off: torn is how many bytes that were. Else the file is left as it is. NUL bytes at
// the end, which a power cut leaves, count as the rest of the last line. The caller
// closes the journal. The error wraps [ErrLocked] if the file is open elsewhere,
// [ErrForeign] if it is no such file.
func OpenJournal(path, begin string, whole func(line []byte) bool) (j *Journal, torn int64, err error) {
	// Appending, so that a file that somebody cuts meanwhile holds no gap.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, 0, err
	}
	j = &Journal{path: path, file: file, lock: flock.New(lockPath(path)), stop: make(chan struct{})}
	if torn, err = j.own(begin, whole); err != nil {
		return nil, 0, errors.Join(err, j.lock.Close(), file.Close())
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		sweep(real)
	}
	j.done.Go(j.syncLoop)
	return j, torn, nil
}

// own locks the file and mends its end.
func (j *Journal) own(begin string, whole func(line []byte) bool) (torn int64, err error) {
	switch ok, err := j.lock.TryLock(); {
	case err != nil:
		return 0, fmt.Errorf("lock %s: %w", j.path, err)
	case !ok:
		return 0, fmt.Errorf("%s: %w", j.path, ErrLocked)
	}
	if j.info, err = j.file.Stat(); err != nil {
		return 0, err
	}
	// Another process may have put a new file in this one's place before the lock
	// was ours: what is written to the old one would be lost.
	if now, err := os.Stat(j.path); err != nil || !os.SameFile(j.info, now) {
		return 0, fmt.Errorf("%s: %w", j.path, ErrLocked)
	}
	if torn, err = j.mendEnd(begin, whole); err != nil {
		return 0, fmt.Errorf("%s: %w", j.path, err)
	}
	return torn, nil
}

// lockPath is the file to lock: the journal itself, so that nothing is left
// lying beside it, but where a lock would keep ourselves from writing.
func lockPath(path string) string {
	if runtime.GOOS == "windows" {
		return path + ".lock"
	}
	return path
}

// mendEnd makes the end of the file the end of a line.
func (j *Journal) mendEnd(begin string, whole func(line []byte) bool) (torn int64, err error) {
	end := j.info.Size()
	j.size = end
	text, err := j.before(end, func(c byte) bool { return c != 0 })
	if err != nil {
		return 0, err
	}
	start, err := j.before(text, isNewline)
	if err != nil {
		return 0, err
	}
	last, err := j.read(start, text)
	if err != nil {
		return 0, err
	}
	ours := func(line []byte) bool {
		return bytes.HasPrefix(line, []byte(begin)) || strings.HasPrefix(begin, string(line)) || whole(line)
	}
	switch {
	case text == end && len(last) == 0:
		return 0, nil
	case len(last) == 0 && start > 0: // is this a journal at all?
		from, err := j.before(start-1, isNewline)
		if err != nil {
			return 0, err
		}
		if last, err = j.read(from, start-1); err != nil {
			return 0, err
		}
		if !ours(last) {
			return 0, ErrForeign
		}
		return end - start, j.cut(start)
	case whole(last):
		if text < end {
			if err := j.cut(text); err != nil {
				return 0, err
			}
		}
		_, err = j.Append([]byte{'\n'})
		return 0, err
	case !ours(last), json.Valid(last):
		return 0, ErrForeign
	}
	return end - start, j.cut(start)
}

func isNewline(c byte) bool { return c == '\n' }

// before is the place behind the last byte before end that is as wanted, or 0.
func (j *Journal) before(end int64, wanted func(byte) bool) (int64, error) {
	buf := make([]byte, 64<<10)
	for end > 0 {
		from := max(0, end-int64(len(buf)))
		part := buf[:end-from]
		if _, err := j.file.ReadAt(part, from); err != nil {
			return 0, err
		}
		for i, c := range slices.Backward(part) {
			if wanted(c) {
				return from + int64(i) + 1, nil
			}
		}
		end = from
	}
	return 0, nil
}

func (j *Journal) read(from, to int64) ([]byte, error) {
	b := make([]byte, to-from)
	_, err := j.file.ReadAt(b, from)
	return b, err
}

// cut ends the file at size.
func (j *Journal) cut(size int64) error {
	j.size = size
	return os.Truncate(j.path, size) // a file that is open for appending cannot be cut on Windows
}

// Append writes line, which ends in a newline, and returns where it begins.
func (j *Journal) Append(line []byte) (at int64, err error) {
	if err := j.lost.Load(); err != nil {
		return 0, *err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	at = j.size
	n, err := j.file.Write(line)
	j.size += int64(n)
	j.dirty.Store(true)
	return at, err
}

// A ChangedError says that somebody else changed a file while this process was
// writing to it.
type ChangedError struct {
	Path    string
	What    string // "was deleted while it was written"
	Gone    bool   // the file at the path is another one, or there is none
	Rescued string // where what was written is saved; "" if it is not
}

func (e *ChangedError) Error() string { return e.Path + ": " + e.What }

// Check compares the file at the journal's path with what was written to it. The
// error is a [*ChangedError] if that is another file or one of another size.
func (j *Journal) Check() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	there, err := os.Stat(j.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &ChangedError{Path: j.path, What: "was deleted while it was written", Gone: true}
	case err != nil:
		return err
	case !os.SameFile(j.info, there):
		return &ChangedError{Path: j.path, What: "was replaced by another file while it was written", Gone: true}
	}
	mine, err := j.file.Stat() // of a file that is open, Windows may show an old size at its path
	if err != nil {
		return err
	}
	switch n := mine.Size(); {
	case n < j.size:
		return &ChangedError{Path: j.path, What: fmt.Sprintf("holds only %d of the %d bytes written to it", n, j.size)}
	case n > j.size:
		return &ChangedError{Path: j.path, What: fmt.Sprintf("holds %d bytes, but only %d were written to it", n, j.size)}
	}
	return nil
}

// Watch checks the file about once a second until the journal is closed. It calls
// changed, from another goroutine, with the first error, and then no more.
func (j *Journal) Watch(changed func(error)) {
	j.done.Go(func() {
		tick := time.NewTicker(syncEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if err := j.Check(); err != nil {
					changed(err)
					return
				}
			case <-j.stop:
				return
			}
		}
	})
}

// Rescue copies what was written to a new file beside the path, for a journal
// whose own file is gone, and returns the new file's name.
func (j *Journal) Rescue() (path string, err error) {
	var f *os.File
	for n := 1; ; n++ {
		path = fmt.Sprintf("%s.rescued-%d", j.path, n)
		f, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", err
		}
	}
	_, err = io.Copy(f, io.NewSectionReader(j.file, 0, j.Size()))
	return path, errors.Join(err, f.Sync(), f.Close())
}

// Size is the length of the file in bytes.
func (j *Journal) Size() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.size
}

// ReadAt reads what was appended, as [io.ReaderAt] has it.
func (j *Journal) ReadAt(p []byte, at int64) (int, error) { return j.file.ReadAt(p, at) }

// Sync brings everything to the disk now.
func (j *Journal) Sync() error {
	j.dirty.Store(false)
	return j.file.Sync()
}

func (j *Journal) syncLoop() {
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if j.dirty.Swap(false) {
				if err := j.file.Sync(); err != nil {
					j.lost.Store(&err)
				}
			}
		case <-j.stop:
			return
		}
	}
}

// Close brings everything to the disk and unlocks the file.
func (j *Journal) Close() error {
	close(j.stop)
	j.done.Wait()
	var lost error
	if err := j.lost.Load(); err != nil {
		lost = *err
	}
	return errors.Join(lost, j.file.Sync(), j.lock.Close(), j.file.Close())
}
