package durable

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
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

// A Journal is a file of lines that is only ever appended to, by one process at
// a time. A line is in the file when Append returns, so that a killed process
// loses none; it is on the disk about a second later, so that a power cut loses
// little.
type Journal struct {
	file  *os.File
	lock  *flock.Flock
	size  int64
	dirty atomic.Bool
	lost  atomic.Pointer[error] // of syncing: the system tells it once
	stop  chan struct{}
	done  sync.WaitGroup
}

// syncEvery is how long a line may wait to be on the disk.
const syncEvery = time.Second

// OpenJournal opens path for appending, makes it if it is not there, and locks
// it. A last line without its newline gets one if whole says that it is whole. If
// it begins as every line of the journal does, with begin, it was left by a
// writer that was killed and is cut off: torn is how many bytes that were. Else
// the file is left as it is. The caller closes the journal. The error wraps
// [ErrLocked] if the file is open elsewhere, [ErrForeign] if it is no such file.
func OpenJournal(path, begin string, whole func(line []byte) bool) (j *Journal, torn int64, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, 0, err
	}
	j = &Journal{file: file, lock: flock.New(lockPath(path)), stop: make(chan struct{})}
	if torn, err = j.own(path, begin, whole); err != nil {
		return nil, 0, errors.Join(err, j.lock.Close(), file.Close())
	}
	j.done.Go(j.syncLoop)
	return j, torn, nil
}

// own locks the file and mends its end.
func (j *Journal) own(path, begin string, whole func(line []byte) bool) (torn int64, err error) {
	switch ok, err := j.lock.TryLock(); {
	case err != nil:
		return 0, fmt.Errorf("lock %s: %w", path, err)
	case !ok:
		return 0, fmt.Errorf("%s: %w", path, ErrLocked)
	}
	// Another process may have put a new file in this one's place before the lock
	// was ours: what is written to the old one would be lost.
	mine, err := j.file.Stat()
	if err != nil {
		return 0, err
	}
	if now, err := os.Stat(path); err != nil || !os.SameFile(mine, now) {
		return 0, fmt.Errorf("%s: %w", path, ErrLocked)
	}
	if torn, err = j.mendEnd(begin, whole); err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
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

// mendEnd moves to the end of the file, which then is the end of a line.
func (j *Journal) mendEnd(begin string, whole func(line []byte) bool) (torn int64, err error) {
	end, err := j.file.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	start, err := j.lastLine(end)
	if err != nil {
		return 0, err
	}
	last := make([]byte, end-start)
	if _, err := j.file.ReadAt(last, start); err != nil {
		return 0, err
	}
	j.size = end
	switch {
	case len(last) == 0:
		return 0, nil
	case whole(last):
		_, err = j.Append([]byte{'\n'})
		return 0, err
	case !bytes.HasPrefix(last, []byte(begin)) && !strings.HasPrefix(begin, string(last)):
		return 0, ErrForeign
	}
	if err := j.file.Truncate(start); err != nil {
		return 0, err
	}
	j.size, err = j.file.Seek(start, io.SeekStart)
	return end - start, err
}

// lastLine is where the bytes behind the last newline before end begin.
func (j *Journal) lastLine(end int64) (int64, error) {
	buf := make([]byte, 64<<10)
	for end > 0 {
		from := max(0, end-int64(len(buf)))
		part := buf[:end-from]
		if _, err := j.file.ReadAt(part, from); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return from + int64(i) + 1, nil
		}
		end = from
	}
	return 0, nil
}

// Append writes line, which ends in a newline, and returns where it begins.
func (j *Journal) Append(line []byte) (at int64, err error) {
	if err := j.lost.Load(); err != nil {
		return 0, *err
	}
	at = j.size
	n, err := j.file.Write(line)
	j.size += int64(n)
	j.dirty.Store(true)
	return at, err
}

// Size is the length of the file in bytes.
func (j *Journal) Size() int64 { return j.size }

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
