package durable

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
)

// ErrLocked is the error of opening a journal that another process has open.
var ErrLocked = errors.New("another process is writing to it")

// A Journal is a file of lines that is only ever appended to, by one process at
// a time. A line is in the file when Append returns, so that a killed process
// loses none; it is on the disk about a second later, so that a power cut loses
// little.
type Journal struct {
	file  *os.File
	lock  *flock.Flock
	size  int64
	dirty atomic.Bool
	stop  chan struct{}
	done  sync.WaitGroup
}

// syncEvery is how long a line may wait to be on the disk.
const syncEvery = time.Second

// OpenJournal opens path for appending, makes it if it is not there, and locks
// it. A last line without its newline gets one if whole says that it is whole;
// else it was left by a writer that was killed and is cut off: torn is how many
// bytes that were. The caller closes the journal. The error wraps [ErrLocked] if
// the file is open elsewhere.
func OpenJournal(path string, whole func(line []byte) bool) (j *Journal, torn int64, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, 0, err
	}
	j = &Journal{file: file, lock: flock.New(lockPath(path)), stop: make(chan struct{})}
	if torn, err = j.own(path, whole); err != nil {
		return nil, 0, errors.Join(err, j.lock.Close(), file.Close())
	}
	j.done.Go(j.syncLoop)
	return j, torn, nil
}

// own locks the file and mends its end.
func (j *Journal) own(path string, whole func(line []byte) bool) (torn int64, err error) {
	switch ok, err := j.lock.TryLock(); {
	case err != nil:
		return 0, fmt.Errorf("lock %s: %w", path, err)
	case !ok:
		return 0, fmt.Errorf("%s: %w", path, ErrLocked)
	}
	if torn, err = j.mendEnd(whole); err != nil {
		return 0, fmt.Errorf("mend the end of %s: %w", path, err)
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
func (j *Journal) mendEnd(whole func(line []byte) bool) (torn int64, err error) {
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
				// Close reports what cannot be synced.
				_ = j.file.Sync()
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
	return errors.Join(j.file.Sync(), j.lock.Close(), j.file.Close())
}
