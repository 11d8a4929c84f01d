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

	"nertools/pkg/english"
)

// ErrLocked means that another process has the journal open.
var ErrLocked = errors.New("another process is writing to it")

// ErrForeign means that the file ends in something that no writer of this journal left
// there.
var ErrForeign = errors.New("its last line does not belong there")

// A Journal is an append-only file of JSON lines with one writing process at a time. A
// line is in the file when Append returns, so a killed process loses nothing; it is on
// the disk about a second later, so a power cut loses little.
type Journal struct {
	path  string
	file  *os.File
	lock  *flock.Flock
	info  fs.FileInfo // identifies the file
	dirty atomic.Bool
	lost  atomic.Pointer[error] // the error of syncing, which the system reports only once
	stop  chan struct{}
	done  sync.WaitGroup

	mu   sync.Mutex // held while the file grows
	size int64
}

// syncEvery is how long a line may wait to be synced.
const syncEvery = time.Second

// OpenJournal opens path for appending, creates it if necessary, and locks it. The caller
// closes the journal.
//
// If the last line has no newline, there are three cases. If whole returns true for it, a
// newline is added. If it starts with begin, as every line of the journal does, and is
// not complete JSON of another kind, a killed writer left it: it is cut off, and torn is
// its length in bytes. Otherwise the file is left unchanged and the error wraps
// [ErrForeign]. NUL bytes at the end, which a power cut leaves, count as part of the last
// line.
//
// The error wraps [ErrLocked] if another process has the file open.
func OpenJournal(path, begin string, whole func(line []byte) bool) (j *Journal, torn int64, err error) {
	// O_APPEND, so that no gap arises if somebody truncates the file meanwhile.
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

// own locks the file and repairs its end.
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
	// Another process may have replaced the file before we got the lock; anything written
	// to the old file would be lost.
	if now, err := os.Stat(j.path); err != nil || !os.SameFile(j.info, now) {
		return 0, fmt.Errorf("%s: %w", j.path, ErrLocked)
	}
	if torn, err = j.mendEnd(begin, whole); err != nil {
		return 0, fmt.Errorf("%s: %w", j.path, err)
	}
	return torn, nil
}

// lockPath returns the file to lock: the journal itself, so that no lock file is left
// beside it, except on systems where a lock would prevent our own writes.
func lockPath(path string) string {
	if runtime.GOOS == "windows" {
		return path + ".lock"
	}
	return path
}

// mendEnd makes sure that the file ends with a whole line.
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
	case len(last) == 0 && start > 0: // check that this is a journal at all
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

// before returns the offset just after the last byte before end that is wanted, or 0.
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

// cut truncates the file to size.
func (j *Journal) cut(size int64) error {
	j.size = size
	return os.Truncate(j.path, size) // on Windows, a file opened for appending cannot be truncated
}

// Append writes line, which must end in a newline, and returns its offset in the file.
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

// A ChangedError reports that somebody else changed a file while this process was writing
// to it.
type ChangedError struct {
	Path    string
	What    string // "was deleted while it was written"
	Gone    bool   // the path now leads to another file, or to none
	Rescued string // file to which the written data was rescued; "" if it was not
}

func (e *ChangedError) Error() string { return e.Path + ": " + e.What }

// Check compares the file at the journal's path with what was written. If it is another
// file or has another size, the error is a [*ChangedError].
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
	mine, err := j.file.Stat() // of the open file: for the path, Windows may report an old size
	if err != nil {
		return err
	}
	switch n := mine.Size(); {
	case n < j.size:
		return &ChangedError{Path: j.path, What: fmt.Sprintf("contains only %d of the %s written to it", n, english.Count(j.size, "byte"))}
	case n > j.size:
		return &ChangedError{Path: j.path, What: fmt.Sprintf("contains %s, although the run wrote only %d", english.Count(n, "byte"), j.size)}
	}
	return nil
}

// Watch checks the file about once a second until the journal is closed. On the first
// error it calls changed, from another goroutine, and stops checking.
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

// Rescue copies what was written to a new file beside the path and returns its name. It
// is for a journal whose own file was deleted or replaced.
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

// Size returns the length of the file in bytes.
func (j *Journal) Size() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.size
}

// ReadAt implements [io.ReaderAt] for what was appended.
func (j *Journal) ReadAt(p []byte, at int64) (int, error) { return j.file.ReadAt(p, at) }

// Sync writes everything to the disk now.
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

// Close syncs the file, unlocks it and closes it.
func (j *Journal) Close() error {
	close(j.stop)
	j.done.Wait()
	var lost error
	if err := j.lost.Load(); err != nil {
		lost = *err
	}
	return errors.Join(lost, j.file.Sync(), j.lock.Close(), j.file.Close())
}
