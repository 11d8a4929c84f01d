// Package resume finds the good answers of earlier runs, so that no row is asked and paid
// for twice. It rejects answers that belong to other rows, prompts or settings.
package resume

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"

	"nertools/pkg/durable"
	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// Answers is an index of the good answers of earlier runs. It keeps their places in the
// files, not their text. The zero value is empty.
type Answers struct {
	// KeepEarlier keeps answers to other prompts, from other models or with other
	// settings. Otherwise they are a [*DifferError].
	KeepEarlier bool

	judge    *wire.Judge
	files    []*os.File
	origins  []origin // the files first, in the same order
	answers  map[int32]Place
	met      int // of the answers, how many were compared with a request
	source   string
	total    int       // of the records in the own file
	settings []setting // of the answers
	byDigest map[string]int32
	unsigned int      // answers that do not say how they were asked
	mended   [][]byte // answers that differ from what is in their files
	damage   []record.Findings
	batches  []Sent
	same     []int             // for each batch, how many requests ask the same as it did
	resent   map[int32][]Place // for rows of several batches, where else they are

	reuse   map[uint64]Place   // answers to any rows, by the hash of their request digests
	similar map[uint64][]Place // further ones, which are about other sentences or labels
	unknown int                // of them, how many do not say how they were asked

	mu     sync.Mutex
	spools []*spool // open ones
}

// origin is a file of answers, or a batch.
type origin struct {
	name    string
	pending bool // its answers are still to come
}

// setting is the first part of request digests, and a model that answered such requests.
type setting struct{ digest, model string }

// Place is where the answer to a row is, and to which request it is.
type Place struct {
	at       int64  // offset in its file, or index in mended
	prompt   uint64 // hash of the digest in its id; 0 if unknown
	request  uint64 // hash of its request digest; 0 if unknown
	about    uint64 // hash of its sentence and label; 0 if unknown
	size     int32
	origin   int32
	settings int32 // index of its settings, or -1
	own      bool  // it is in the file that the run appends to
	failed   bool  // it is no answer: it only says which prompt was asked
	sent     bool  // it is no answer: it was asked in a batch
	mended   bool
	reused   bool // it may be the answer to another row
	met      bool // it was compared with a request
}

// Open reads the files at paths, which contain result records or output lines of a batch.
// judge decides which answers are good. own is the file that the run appends to, or "". If
// own is among paths, it is read first, and it may be missing.
// Damaged lines are skipped and reported by [Answers.Damage]. In own, only the last line may
// be damaged (incomplete); any other damage is an [*OwnError]. The caller closes the
// answers, which keep the files open.
func Open(judge *wire.Judge, own string, paths []string) (_ *Answers, err error) {
	a := &Answers{judge: judge, answers: map[int32]Place{}, byDigest: map[string]int32{}}
	defer func() {
		if err != nil {
			a.Close()
		}
	}()
	isOwn := func(path string) bool { return own != "" && durable.SameFile(path, own) }
	if slices.ContainsFunc(paths, isOwn) {
		if err := a.open(own, true); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	for _, path := range paths {
		if isOwn(path) {
			continue
		}
		if err := a.open(path, false); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// Close closes the files.
func (a *Answers) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, f := range a.files {
		f.Close()
	}
	for _, s := range a.spools {
		s.close()
	}
}

// Unsigned returns how many answers have no request digest, such as those fetched by batch
// id alone. They are assumed to answer the same prompt with the same settings.
func (a *Answers) Unsigned() int { return a.unsigned }

// AnyGood reports whether there is at least one good answer.
func (a *Answers) AnyGood() bool { return len(a.settings) > 0 || a.unsigned > 0 }

// Damage returns the damage found, with one entry for each damaged file.
func (a *Answers) Damage() []record.Findings { return a.damage }

func (a *Answers) open(path string, own bool) error {
	return a.read(path, own, "these should be the result records of an earlier run", func(line record.Line, place Place) error {
		r, err := a.judge.ParseResult(line.Text)
		if err != nil && own {
			err = &OwnError{err}
		}
		if err != nil {
			return record.Damaged(err)
		}
		return fault.WithHint(a.add(&r, a.placeOf(&r, line, place)), "resume only from results of the same rows, and write to another file")
	})
}

// read opens the file at path and passes its lines to take, each with its place.
func (a *Answers) read(path string, own bool, hint string, take func(record.Line, Place) error) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	a.files = append(a.files, in)
	a.origins = append(a.origins, origin{name: path})
	n := int32(len(a.files) - 1)
	s := record.Salvage{Name: path, Strict: own, Hint: hint, Take: func(line record.Line) error {
		return take(line, Place{at: line.At, size: int32(len(line.Text)), origin: n, own: own, mended: line.Mended})
	}}
	damage, err := s.Read(in)
	if damage.Lines != nil {
		a.damage = append(a.damage, damage)
	}
	return err
}

// placeOf completes the place of a line, which r is the record of.
func (a *Answers) placeOf(r *record.Result, line record.Line, p Place) Place {
	p.request, p.prompt, p.about, p.settings = hash(r.Request), promptOf(r.ID), about(r), -1
	if line.Mended {
		p.at = int64(len(a.mended))
		a.mended = append(a.mended, bytes.Clone(line.Text))
	}
	return p
}

// An OwnError is the error of a damaged line in the file that the run appends to.
type OwnError struct{ error }

func (e *OwnError) Unwrap() error { return e.error }

func promptOf(id string) uint64 {
	_, _, digest, _ := record.ParseID(id)
	return hash(digest)
}

// hash stands for a digest in the index, which would be four times as large if it held the
// digests themselves.
func hash(digest string) uint64 {
	if digest == "" {
		return 0
	}
	h := fnv.New64a()
	h.Write([]byte(digest))
	return h.Sum64()
}

// about returns a hash of the sentence and the label or labels of r, 0 if it has neither.
func about(r *record.Result) uint64 {
	if r.Context == "" && r.Label == "" && r.Labels == nil {
		return 0
	}
	return hash(r.Label + "\x00" + strings.Join(r.Labels, "\x00") + "\x00" + r.Context)
}

// differ reports whether two hashes are known and differ.
func differ(a, b uint64) bool { return a != 0 && b != 0 && a != b }

func (a *Answers) add(r *record.Result, p Place) error {
	source, _, _, _ := record.ParseID(r.ID)
	if a.source == "" {
		a.source = source
	}
	if source != a.source {
		return fmt.Errorf("results of source %q among those of %q", source, a.source)
	}
	if p.own && r.Total != 0 {
		if a.total != 0 && a.total != r.Total {
			return fmt.Errorf("a result from a source of %s among those from a source of %d", english.Count(r.Total, "row"), a.total)
		}
		a.total = r.Total
	}
	p.failed = !r.OK()
	old, known := a.answers[int32(r.Index)]
	if known && old.prompt != p.prompt {
		switch {
		case p.failed && !p.own:
			return nil // nothing of it goes into what is collected
		case old.own || !old.failed:
			return fmt.Errorf("row %d: answers to two different prompts", r.Index)
		}
	}
	if known && (p.failed || !old.failed && !p.own) {
		return nil // an answer in the file appended to need not be written again
	}
	if !p.failed {
		if r.Request == "" {
			a.unsigned++
		}
		p.settings = a.settingsOf(wire.SettingsOf(r.Request), r.Model)
	}
	a.answers[int32(r.Index)] = p
	return nil
}

// settingsOf returns the index of settings, or -1 without a digest.
func (a *Answers) settingsOf(digest, model string) int32 {
	if digest == "" {
		return -1
	}
	i, ok := a.byDigest[digest]
	if !ok {
		i = int32(len(a.settings))
		a.settings = append(a.settings, setting{digest, model})
		a.byDigest[digest] = i
	}
	if a.settings[i].model == "" {
		a.settings[i].model = model
	}
	return i
}

// check finds out, before anything is asked, whether the answers belong to the source that
// first is from. The error is a [*MixError].
func (a *Answers) check(first *wire.Request) error {
	source, _, _, _ := record.ParseID(first.Row.ID)
	switch {
	case a.source == "" || source == a.source:
	case a.source == record.SentenceSource(source):
		return &MixError{Err: errors.New("the earlier results are about whole sentences, these prompts about single labels"), Asked: true}
	case source == record.SentenceSource(a.source):
		return &MixError{Err: errors.New("the earlier results are about single labels, these prompts about whole sentences"), Asked: true}
	default:
		return &MixError{Err: fmt.Errorf("the earlier results are of source %q, these prompts of %q", a.source, source), Moved: true}
	}
	if a.total != 0 && first.Row.Total != 0 && a.total != first.Row.Total {
		return &MixError{Err: fmt.Errorf("the earlier results are for a source of %s, these prompts for one of %d", english.Count(a.total, "row"), first.Row.Total), Total: true}
	}
	return nil
}

// find returns where the good answer to q is. An answer that does not match it counts in d.
func (a *Answers) find(q *wire.Request, d *DifferError) (p Place, ok bool, err error) {
	p, ok = a.answers[int32(q.Row.Index)]
	if ok && !p.met {
		p.met = true
		a.answers[int32(q.Row.Index)] = p
		a.met++
	}
	switch {
	case !ok || p.failed && !p.own:
		p, ok = a.reusable(q)
		return p, ok, nil
	case p.failed && differ(p.prompt, promptOf(q.Row.ID)):
		return p, false, &MixError{Err: fmt.Errorf("row %d failed with another prompt, and its failure is in the file to append to", q.Row.Index), Total: true}
	case p.failed:
		p, ok = a.reusable(q)
		return p, ok, nil
	}
	if p.sent {
		return a.findSent(p, q, d)
	}
	if sentence, prompt, settings := a.compared(p, q); sentence || prompt || settings {
		d.count(a, p, sentence, prompt, settings)
	}
	return p, true, nil
}

// compared reports whether the answer at p is about another sentence or label than q, or was
// asked with another prompt or with other settings.
func (a *Answers) compared(p Place, q *wire.Request) (sentence, prompt, settings bool) {
	settings = p.settings >= 0 && a.settings[p.settings].digest != wire.SettingsOf(q.Row.Request)
	prompt = differ(p.prompt, promptOf(q.Row.ID)) || !settings && differ(p.request, hash(q.Row.Request))
	return differ(p.about, about(&q.Row)), prompt, settings
}

// Own returns the byte offset and size of the record if it is in the file that the run
// appends to; ok reports whether it is.
func (p Place) Own() (at int64, size int, ok bool) { return p.at, int(p.size), p.own }

// Reused reports whether the answer may be that of another row.
func (p Place) Reused() bool { return p.reused }

// Readable reports whether the answer is in one of the files. It is not if it is still to
// come from a batch.
func (p Place) Readable() bool { return !p.sent }

// Where returns the name of the file or the batch that p is in.
func (a *Answers) Where(p Place) string { return a.origins[p.origin].name }

// Read returns the record at p, the answer to q, completed by what is known of the row
// today: one fetched by batch id has neither sentence nor label, one of a trial has another
// total. A reused one gets the row's id and all that its prompt says.
func (a *Answers) Read(q *wire.Request, p Place) (record.Result, error) {
	var line []byte
	if p.mended {
		line = a.mended[p.at]
	} else {
		f := a.files[p.origin]
		line = make([]byte, p.size)
		if _, err := f.ReadAt(line, p.at); err != nil {
			return record.Result{}, fmt.Errorf("read %s: %w", f.Name(), err)
		}
	}
	r, err := a.judge.ParseResult(line)
	if err != nil {
		return r, err
	}
	asked := &q.Row
	r.Total = asked.Total
	if p.reused {
		r.ID, r.Index, r.Request, r.Label, r.Labels, r.Context, r.Origin, r.Extra = asked.ID, asked.Index, asked.Request, asked.Label, asked.Labels, asked.Context, asked.Origin, asked.Extra
		return r, nil
	}
	r.Label = cmp.Or(r.Label, asked.Label)
	if r.Labels == nil {
		r.Labels = asked.Labels
	}
	r.Context = cmp.Or(r.Context, asked.Context)
	r.Origin = cmp.Or(r.Origin, asked.Origin)
	r.Extra = cmp.Or(r.Extra, asked.Extra)
	return r, nil
}

// A MixError is the error of earlier results that do not belong to the rows of the run.
type MixError struct {
	Err   error
	Moved bool // they are of another source
	Asked bool // they answer questions about labels, and the rows ask about sentences, or the reverse
	Total bool // they fit, but the run must not append to their file
}

func (e *MixError) Error() string { return e.Err.Error() }
func (e *MixError) Unwrap() error { return e.Err }
