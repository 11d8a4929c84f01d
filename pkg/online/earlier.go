package online

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"

	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// Earlier knows the good answers of earlier runs, so that they are not asked
// and paid for again. It holds where they stand, not the answers.
type Earlier struct {
	files    []earlierFile
	answers  map[int32]place // row -> its answer
	source   string
	total    int             // of the records in the file that is appended to
	settings map[string]bool // first parts of the request digests seen
	unsigned int             // answers that do not tell how they were asked
	Torn     []string        // files whose last line a killed writer left unfinished
}

type earlierFile struct {
	name string
	r    io.ReaderAt
}

// place is where the answer to a row stands, and to what question it is.
type place struct {
	at      int64
	size    int32
	file    int32
	prompt  uint64 // hash of the digest in its id
	request uint64 // hash of its request digest; 0 where it is not told
}

// NewEarlier returns an Earlier that knows no answers.
func NewEarlier() *Earlier {
	return &Earlier{answers: map[int32]place{}, settings: map[string]bool{}}
}

// Len is how many rows have a good answer.
func (e *Earlier) Len() int { return len(e.answers) }

// Unsigned is how many of the answers do not tell how they were asked, as those
// that were fetched by batch id alone. They are taken to be the answers to the
// same prompt with the same settings.
func (e *Earlier) Unsigned() int { return e.unsigned }

// Add reads a file of result records, or of a batch's output lines. r is kept
// for as long as e is used. own says that it is the file that the run appends
// to: then its records must agree with those to come in their total, too.
func (e *Earlier) Add(name string, r io.ReaderAt, size int64, own bool) error {
	lines := record.NewLines(name, io.NewSectionReader(r, 0, size))
	e.files = append(e.files, earlierFile{name, r})
	file := int32(len(e.files) - 1)
	for {
		line, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		res, err := parseResult(line)
		if err != nil && lines.Torn() {
			e.Torn = append(e.Torn, name)
			return nil
		}
		if err != nil {
			return lines.Fault(err, "these should be the result records of an earlier run")
		}
		p := place{at: lines.Offset(), size: int32(len(line)), file: file, request: requestOf(&res), prompt: promptOf(res.ID)}
		if err := e.add(&res, p, own); err != nil {
			return lines.Fault(err, "give only results of the same rows to --resume, and write to another file")
		}
	}
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

func parseResult(line []byte) (record.Result, error) {
	if wire.IsBatchLine(line) {
		return wire.ParseBatchLine(line)
	}
	return record.ParseResult(line)
}

func (e *Earlier) add(r *record.Result, p place, own bool) error {
	source, _, _, _ := record.ParseID(r.ID)
	if e.source == "" {
		e.source = source
	}
	if source != e.source {
		return fmt.Errorf("results of source %q among those of %q", source, e.source)
	}
	if own && r.Total != 0 {
		if e.total != 0 && e.total != r.Total {
			return fmt.Errorf("a result of %d rows among those of %d", r.Total, e.total)
		}
		e.total = r.Total
	}
	if !r.OK() {
		return nil
	}
	old, known := e.answers[int32(r.Index)]
	if known && old.prompt != p.prompt {
		return fmt.Errorf("row %d: answers to two different prompts", r.Index)
	}
	if known && !own {
		return nil // the one that is in the file appended to need not be written again
	}
	if r.Request == "" {
		e.unsigned++
	} else {
		e.settings[wire.SettingsOf(r.Request)] = true
	}
	e.answers[int32(r.Index)] = p
	return nil
}

// check finds out, before anything is asked, whether the answers belong to the
// run that begins with first. ready says that the requests come ready-made, each
// with settings of its own.
func (e *Earlier) check(first *wire.Request, settings string) error {
	source, _, _, _ := record.ParseID(first.Row.ID)
	if e.source != "" && source != e.source {
		return &MixError{fmt.Errorf("the earlier results are of source %q, these prompts of %q", e.source, source)}
	}
	if e.total != 0 && first.Row.Total != 0 && e.total != first.Row.Total {
		return &MixError{fmt.Errorf("the earlier results are of %d rows, these prompts of %d", e.total, first.Row.Total)}
	}
	if wire.SettingsOf(first.Row.Request) != settings {
		return nil
	}
	for s := range e.settings {
		if s != settings {
			return &MixError{errors.New("the earlier results were asked from another model or with other settings")}
		}
	}
	return nil
}

// answer returns where the good answer to q stands. It is an error if there is
// one to another question for the same row.
func (e *Earlier) answer(q *wire.Request) (p place, ok bool, err error) {
	p, ok = e.answers[int32(q.Row.Index)]
	if !ok {
		return p, false, nil
	}
	if p.prompt != promptOf(q.Row.ID) {
		return p, false, &MixError{fmt.Errorf("row %d: the earlier answer is to another prompt", q.Row.Index)}
	}
	if p.request != 0 && p.request != requestOf(&q.Row) {
		return p, false, &MixError{fmt.Errorf("row %d: the earlier answer was asked from another model or with other settings", q.Row.Index)}
	}
	return p, true, nil
}

// read returns the record at p.
func (e *Earlier) read(p place) (record.Result, error) {
	f := e.files[p.file]
	line := make([]byte, p.size)
	if _, err := f.r.ReadAt(line, p.at); err != nil {
		return record.Result{}, fmt.Errorf("read %s: %w", f.name, err)
	}
	return parseResult(line)
}

// A MixError says that earlier results do not belong to the run.
type MixError struct{ err error }

func (e *MixError) Error() string { return e.err.Error() }
func (e *MixError) Unwrap() error { return e.err }

// Remedy implements what package fault looks for.
func (e *MixError) Remedy() string {
	return "start anew with another -o file and without --resume, or use the prompts, the model and the settings of the earlier run"
}
