package openaitest

import (
	"cmp"
	"crypto/rand"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// jobs is the state that outlives a call: files, batches and the clock. Under
// dir it is
//
//	files/ID.json      a file object
//	files/ID.data      its content
//	batches/ID.json    a batch
//	batches/ID.bills   what its rows cost, a line of JSON each
//	bills              what synchronous calls cost, likewise
//	clock.json         how far the clock was advanced
//
// An object is there when its .json is; .data and .bills hold at least as much
// as it says.
type jobs struct {
	dir string // "": in memory

	mu      sync.Mutex
	files   map[string]*simFile
	batches map[string]*simBatch
	live    []*simBatch // those that haven't ended, oldest first
	seq     int64       // the highest that was given out
	clock   clock
}

// clock is what is added to Options.Now.
type clock struct{ Advanced time.Duration }

func newJobs(dir string) *jobs {
	return &jobs{dir: dir, files: map[string]*simFile{}, batches: map[string]*simBatch{}}
}

// newID returns an id that no other server gives out: with numbers, a client that
// asks the wrong server would find something there.
func newID(prefix string) string { return prefix + strings.ToLower(rand.Text()) }

func (j *jobs) path(parts ...string) string {
	return filepath.Join(append([]string{j.dir}, parts...)...)
}

// newBlob returns an empty blob for the content of a file.
func (j *jobs) newBlob(fileID string) *blob {
	if j.dir == "" {
		return &blob{}
	}
	return &blob{path: j.path("files", fileID+".data")}
}

func (j *jobs) newBills(batchID string) *blob {
	return &blob{path: j.path("batches", batchID+".bills")}
}

func (j *jobs) addFile(f *simFile) error {
	j.seq++
	f.Seq = j.seq
	if j.dir != "" {
		if err := saveJSON(j.path("files", f.ID+".json"), f); err != nil {
			return err
		}
	}
	j.files[f.ID] = f
	return nil
}

// dropFile forgets a file. The content stays as long as a batch needs it.
func (j *jobs) dropFile(f *simFile) error {
	if j.dir != "" {
		if err := os.Remove(j.path("files", f.ID+".json")); err != nil {
			return err
		}
	}
	delete(j.files, f.ID)
	if !j.needed(f.ID) {
		f.data.remove()
	}
	return nil
}

// needed reports whether a batch has yet to read the file.
func (j *jobs) needed(fileID string) bool {
	return slices.ContainsFunc(j.live, func(b *simBatch) bool { return b.InputFileID == fileID })
}

func (j *jobs) saveBatch(b *simBatch) error {
	if j.dir == "" {
		return nil
	}
	return saveJSON(j.path("batches", b.ID+".json"), b)
}

func (j *jobs) addBatch(b *simBatch) error {
	j.seq++
	b.Seq = j.seq
	if err := j.saveBatch(b); err != nil {
		return err
	}
	j.batches[b.ID] = b
	j.live = append(j.live, b)
	return nil
}

func (j *jobs) oldestFirst() []*simBatch {
	return slices.SortedFunc(maps.Values(j.batches), func(a, b *simBatch) int { return cmp.Compare(a.Seq, b.Seq) })
}

// retire takes a batch that has ended off the live ones.
func (j *jobs) retire(b *simBatch) {
	j.live = slices.DeleteFunc(j.live, func(other *simBatch) bool { return other == b })
	if j.files[b.InputFileID] == nil && !j.needed(b.InputFileID) {
		b.input.remove()
	}
}

// load reads what an earlier server left, and removes what it left unfinished.
func (s *Server) load() error {
	j := s.jobs
	for _, dir := range []string{j.path("files"), j.path("batches")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if err := loadJSON(j.path("clock.json"), &j.clock); err != nil && !os.IsNotExist(err) {
		return err
	}
	s.bills.path = j.path("bills")
	bills, err := readBills(s.bills.path, -1)
	if err != nil {
		return err
	}
	s.bills.add(bills)
	if err := loadAll(j.path("files"), func(f *simFile) {
		f.data = j.newBlob(f.ID)
		f.data.size = f.Bytes
		j.files[f.ID] = f
		j.seq = max(j.seq, f.Seq)
	}); err != nil {
		return err
	}
	if err := loadAll(j.path("batches"), func(b *simBatch) {
		j.batches[b.ID] = b
		j.seq = max(j.seq, b.Seq)
	}); err != nil {
		return err
	}
	for _, b := range j.oldestFirst() {
		if err := s.resume(b); err != nil {
			return err
		}
	}
	return j.clean()
}

// loadAll reads the objects of one kind.
func loadAll[T any](dir string, add func(*T)) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) != ".json" {
			continue
		}
		v := new(T)
		if err := loadJSON(filepath.Join(dir, entry.Name()), v); err != nil {
			return err
		}
		add(v)
	}
	return nil
}

// clean removes temporary files, and contents that belong to no file and no
// batch at work.
func (j *jobs) clean() error {
	keep := map[string]bool{}
	for id := range j.files {
		keep[id] = true
	}
	for _, b := range j.live {
		keep[b.InputFileID], keep[b.OutputID], keep[b.ErrorID] = true, true, true
	}
	for _, dir := range []string{j.dir, j.path("files"), j.path("batches")} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			id, content := strings.CutSuffix(entry.Name(), ".data")
			if !strings.HasPrefix(entry.Name(), tempPrefix) && (!content || keep[id]) {
				continue
			}
			if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// now is the simulation's time. It needs jobs.mu.
func (s *Server) now() time.Time { return s.opt.Now().Add(s.jobs.clock.Advanced) }

// Now is the time that files and batches live by.
func (s *Server) Now() time.Time {
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	return s.now()
}

// Advance puts the clock that files and batches live by forward. It returns an
// error if d is negative or the state can't be written.
func (s *Server) Advance(d time.Duration) error {
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	return s.advance(d)
}
