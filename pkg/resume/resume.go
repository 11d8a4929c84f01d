// Package resume finds the good answers of earlier runs, so that no row is asked and paid
// for twice. It rejects answers that belong to other rows, prompts or settings.
package resume

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"slices"

	"nertools/pkg/durable"
	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// Answers is an index of the good answers of earlier runs. It keeps their places in the
// files, not their text. The zero value is empty.
type Answers struct {
	judge    *wire.Judge
	files    []file
	answers  map[int32]Place // row -> its answer, or its failure in the own file
	source   string
	total    int             // of the records in the own file
	settings map[string]bool // first parts of the request digests seen
	unsigned int             // answers that do not tell how they were asked
	mended   [][]byte        // answers that do not stand so in their files
	damage   []record.Findings
}

type file struct {
	name string
	*os.File
}

// Place is the position of a row's answer in a file, with digests of its prompt and request.
type Place struct {
	at      int64
	size    int32
	file    int32  // below 0: it is mended[^file]
	own     bool   // it is in the file that the run appends to
	failed  bool   // it is no answer: it only tells which prompt was asked
	prompt  uint64 // hash of the digest in its id
	request uint64 // hash of its request digest; 0 where it is not told
}

// Open reads the files at paths, which contain result records or output lines of a batch.
// judge decides which answers are good. own is the file that the run appends to, or "". If
// own is among paths, it is read first, and it may be missing.
//
// Damaged lines are skipped and reported by [Answers.Damage]. In own, only the last line may
// be damaged (incomplete); any other damage is an [*OwnError]. The caller closes the
// answers, which keep the files open.
func Open(judge *wire.Judge, own string, paths []string) (_ *Answers, err error) {
	a := &Answers{judge: judge, answers: map[int32]Place{}, settings: map[string]bool{}}
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
	for _, f := range a.files {
		f.Close()
	}
}

// Empty reports whether there are no answers that a request could contradict.
func (a *Answers) Empty() bool { return len(a.answers) == 0 }

// Knows reports whether the row's prompt is known, answered or not.
func (a *Answers) Knows(row int) bool {
	_, ok := a.answers[int32(row)]
	return ok
}

// Unsigned returns how many answers have no request digest, such as those fetched by batch
// id alone. They are assumed to answer the same prompt with the same settings.
func (a *Answers) Unsigned() int { return a.unsigned }

// AnyGood reports whether there is at least one good answer.
func (a *Answers) AnyGood() bool { return len(a.settings) > 0 || a.unsigned > 0 }

// Damage returns the damage found, with one entry for each damaged file.
func (a *Answers) Damage() []record.Findings { return a.damage }

func (a *Answers) open(path string, own bool) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	a.files = append(a.files, file{path, in})
	n := int32(len(a.files) - 1)
	s := record.Salvage{
		Name: path, Strict: own,
		Hint: "these should be the result records of an earlier run",
		Take: func(line record.Line) error {
			r, err := a.judge.ParseResult(line.Text)
			if err != nil && own {
				err = &OwnError{err}
			}
			if err != nil {
				return record.Damaged(err)
			}
			p := Place{at: line.At, size: int32(len(line.Text)), file: n, own: own, request: hash(r.Request), prompt: promptOf(r.ID)}
			if line.Mended {
				p.file = ^int32(len(a.mended))
				a.mended = append(a.mended, bytes.Clone(line.Text))
			}
			return fault.WithHint(a.add(&r, p), "resume only from results of the same rows, and write to another file")
		},
	}
	damage, err := s.Read(in)
	if damage.Lines != nil {
		a.damage = append(a.damage, damage)
	}
	return err
}

// An OwnError is the error of a damaged line in the file that the run appends to.
type OwnError struct{ error }

func (e *OwnError) Unwrap() error { return e.error }

func promptOf(id string) uint64 {
	_, _, digest, _ := record.ParseID(id)
	return hash(digest)
}

// hash stands for a digest in the index, which would be four times as large if
// it held the digests themselves.
func hash(digest string) uint64 {
	if digest == "" {
		return 0
	}
	h := fnv.New64a()
	h.Write([]byte(digest))
	return h.Sum64()
}

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
	if p.failed && !p.own {
		return nil // nothing of it goes into what is collected
	}
	old, known := a.answers[int32(r.Index)]
	if known && old.prompt != p.prompt {
		return fmt.Errorf("row %d: answers to two different prompts", r.Index)
	}
	if known && (p.failed || !old.failed && !p.own) {
		return nil // an answer in the file appended to need not be written again
	}
	if p.failed {
		a.answers[int32(r.Index)] = p
		return nil
	}
	if r.Request == "" {
		a.unsigned++
	} else {
		a.settings[wire.SettingsOf(r.Request)] = true
	}
	a.answers[int32(r.Index)] = p
	return nil
}

// check finds out, before anything is asked, whether the answers belong to the
// run that begins with first and asks with the given settings. Requests that
// come ready-made have settings of their own, which find compares. The error is
// a [*MixError].
func (a *Answers) check(first *wire.Request, settings string) error {
	source, _, _, _ := record.ParseID(first.Row.ID)
	if a.source != "" && source != a.source {
		return &MixError{Err: fmt.Errorf("the earlier results are of source %q, these prompts of %q", a.source, source)}
	}
	if a.total != 0 && first.Row.Total != 0 && a.total != first.Row.Total {
		return &MixError{fmt.Errorf("the earlier results are for a source of %s, these prompts for one of %d", english.Count(a.total, "row"), first.Row.Total), true}
	}
	if wire.SettingsOf(first.Row.Request) != settings {
		return nil
	}
	for s := range a.settings {
		if s != settings {
			return &MixError{Err: errors.New("the earlier results were asked from another model or with other settings")}
		}
	}
	return nil
}

// find returns where the good answer to q stands. An answer to another question
// about the same row is a [*MixError].
func (a *Answers) find(q *wire.Request) (p Place, ok bool, err error) {
	p, ok = a.answers[int32(q.Row.Index)]
	if !ok {
		return p, false, nil
	}
	if p.prompt != promptOf(q.Row.ID) {
		return p, false, &MixError{Err: fmt.Errorf("row %d: the earlier answer is to another prompt", q.Row.Index)}
	}
	if p.failed {
		return p, false, nil
	}
	if p.request != 0 && p.request != hash(q.Row.Request) {
		return p, false, &MixError{Err: fmt.Errorf("row %d: the earlier answer was asked from another model or with other settings", q.Row.Index)}
	}
	return p, true, nil
}

// Own returns the byte offset and size of the record if it is in the file that the run
// appends to; ok reports whether it is.
func (p Place) Own() (at int64, size int, ok bool) { return p.at, int(p.size), p.own }

// Read returns the record at p.
func (a *Answers) Read(p Place) (record.Result, error) {
	if p.file < 0 {
		return a.judge.ParseResult(a.mended[^p.file])
	}
	f := a.files[p.file]
	line := make([]byte, p.size)
	if _, err := f.ReadAt(line, p.at); err != nil {
		return record.Result{}, fmt.Errorf("read %s: %w", f.name, err)
	}
	return a.judge.ParseResult(line)
}

// A MixError is the error of earlier results that do not belong to the run.
type MixError struct {
	Err   error
	Total bool // only the number of rows differs: other files may take the answers over
}

func (e *MixError) Error() string { return e.Err.Error() }
func (e *MixError) Unwrap() error { return e.Err }
