// Package resume knows the good answers of earlier runs, so that they are not
// asked and paid for again, and refuses those that belong to something else.
package resume

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"io"

	"nertools/pkg/fault"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// Answers are the good answers of earlier runs. It holds where they stand, not
// what they are.
type Answers struct {
	Judge *wire.Judge // which answers are good ones; set before the first Add

	files    []file
	answers  map[int32]Place // row -> its answer, or its failure in the own file
	good     int             // of these, the answers
	source   string
	total    int             // of the records in the file that is appended to
	settings map[string]bool // first parts of the request digests seen
	unsigned int             // answers that do not tell how they were asked
	mended   [][]byte        // answers that do not stand so in their files
	damage   []record.Findings
}

type file struct {
	name string
	r    io.ReaderAt
}

// Place is where the answer to a row stands, and to what question it is.
type Place struct {
	at      int64
	size    int32
	file    int32  // below 0: it is mended[^file]
	failed  bool   // it is no answer: it only tells which prompt was asked
	prompt  uint64 // hash of the digest in its id
	request uint64 // hash of its request digest; 0 where it is not told
}

// New returns Answers that knows none.
func New() *Answers {
	return &Answers{answers: map[int32]Place{}, settings: map[string]bool{}}
}

// Len is how many rows have a good answer.
func (a *Answers) Len() int { return a.good }

// Empty reports whether nothing is known that a request could contradict.
func (a *Answers) Empty() bool { return len(a.answers) == 0 }

// Knows reports whether the row's prompt is known, answered or not.
func (a *Answers) Knows(row int) bool {
	_, ok := a.answers[int32(row)]
	return ok
}

// Unsigned is how many of the answers do not tell how they were asked, as those
// that were fetched by batch id alone. They are taken to be the answers to the
// same prompt with the same settings.
func (a *Answers) Unsigned() int { return a.unsigned }

// Damage is what was wrong with the files, one entry for each that is damaged.
func (a *Answers) Damage() []record.Findings { return a.damage }

// Add reads a file of result records, or of a batch's output lines. r is kept
// for as long as a is used. Lines that are damaged don't keep it from reading the
// others. own says that it is the file that the run appends to: then no line of it
// may be damaged but a torn last one, and its records must agree with those to come
// in their total, too.
func (a *Answers) Add(name string, r io.ReaderAt, size int64, own bool) error {
	a.files = append(a.files, file{name, r})
	n := int32(len(a.files) - 1)
	s := record.Salvage{
		Name: name, Strict: own,
		Hint: "these should be the result records of an earlier run",
		Take: func(line record.Line) error {
			res, err := a.Judge.ParseResult(line.Text)
			if err != nil {
				return record.Damaged(err)
			}
			p := Place{at: line.At, size: int32(len(line.Text)), file: n, request: requestOf(&res), prompt: promptOf(res.ID)}
			if line.Mended {
				p.file = ^int32(len(a.mended))
				a.mended = append(a.mended, bytes.Clone(line.Text))
			}
			return fault.WithHint(a.add(&res, p, own), "give only results of the same rows to --resume, and write to another file")
		},
	}
	if own {
		s.Hint += "; if it is one that was damaged, rename it, and take its answers over with --resume into a new file"
	}
	damage, err := s.Read(io.NewSectionReader(r, 0, size))
	if damage.Lines != nil {
		a.damage = append(a.damage, damage)
	}
	return err
}

func promptOf(id string) uint64 {
	_, _, digest, _ := record.ParseID(id)
	return hash(digest)
}

func requestOf(r *record.Result) uint64 { return hash(r.Request) }

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

func (a *Answers) add(r *record.Result, p Place, own bool) error {
	source, _, _, _ := record.ParseID(r.ID)
	if a.source == "" {
		a.source = source
	}
	if source != a.source {
		return fmt.Errorf("results of source %q among those of %q", source, a.source)
	}
	if own && r.Total != 0 {
		if a.total != 0 && a.total != r.Total {
			return fmt.Errorf("a result of %d rows among those of %d", r.Total, a.total)
		}
		a.total = r.Total
	}
	p.failed = !r.OK()
	if p.failed && !own {
		return nil // nothing of it goes into what is collected
	}
	old, known := a.answers[int32(r.Index)]
	if known && old.prompt != p.prompt {
		return fmt.Errorf("row %d: answers to two different prompts", r.Index)
	}
	if known && (p.failed || !old.failed && !own) {
		return nil // an answer in the file appended to need not be written again
	}
	if p.failed {
		a.answers[int32(r.Index)] = p
		return nil
	}
	if !known || old.failed {
		a.good++
	}
	if r.Request == "" {
		a.unsigned++
	} else {
		a.settings[wire.SettingsOf(r.Request)] = true
	}
	a.answers[int32(r.Index)] = p
	return nil
}

// Check finds out, before anything is asked, whether the answers belong to the
// run that begins with first and asks with the given settings. Requests that
// come ready-made have settings of their own, which Find compares. The error is
// a [*MixError].
func (a *Answers) Check(first *wire.Request, settings string) error {
	source, _, _, _ := record.ParseID(first.Row.ID)
	if a.source != "" && source != a.source {
		return &MixError{err: fmt.Errorf("the earlier results are of source %q, these prompts of %q", a.source, source)}
	}
	if a.total != 0 && first.Row.Total != 0 && a.total != first.Row.Total {
		return &MixError{fmt.Errorf("the earlier results are of %d rows, these prompts of %d", a.total, first.Row.Total),
			"write to another -o file: --resume takes these answers over into it"}
	}
	if wire.SettingsOf(first.Row.Request) != settings {
		return nil
	}
	for s := range a.settings {
		if s != settings {
			return &MixError{err: errors.New("the earlier results were asked from another model or with other settings")}
		}
	}
	return nil
}

// Find returns where the good answer to q stands. An answer to another question
// about the same row is a [*MixError].
func (a *Answers) Find(q *wire.Request) (p Place, ok bool, err error) {
	p, ok = a.answers[int32(q.Row.Index)]
	if !ok {
		return p, false, nil
	}
	if p.prompt != promptOf(q.Row.ID) {
		return p, false, &MixError{err: fmt.Errorf("row %d: the earlier answer is to another prompt", q.Row.Index)}
	}
	if p.failed {
		return p, false, nil
	}
	if p.request != 0 && p.request != requestOf(&q.Row) {
		return p, false, &MixError{err: fmt.Errorf("row %d: the earlier answer was asked from another model or with other settings", q.Row.Index)}
	}
	return p, true, nil
}

// First reports whether p is in the file that was added first, and where.
func (p Place) First() (at int64, size int, ok bool) { return p.at, int(p.size), p.file == 0 }

// Read returns the record at p.
func (a *Answers) Read(p Place) (record.Result, error) {
	if p.file < 0 {
		return a.Judge.ParseResult(a.mended[^p.file])
	}
	f := a.files[p.file]
	line := make([]byte, p.size)
	if _, err := f.r.ReadAt(line, p.at); err != nil {
		return record.Result{}, fmt.Errorf("read %s: %w", f.name, err)
	}
	return a.Judge.ParseResult(line)
}

// A MixError says that earlier results do not belong to the run.
type MixError struct {
	err  error
	hint string
}

func (e *MixError) Error() string { return e.err.Error() }
func (e *MixError) Unwrap() error { return e.err }

// Remedy implements what package fault looks for.
func (e *MixError) Remedy() string {
	if e.hint != "" {
		return e.hint
	}
	return "start anew with another -o file and without --resume, or use the prompts, the model and the settings of the earlier run"
}
