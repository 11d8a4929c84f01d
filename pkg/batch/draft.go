package batch

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"os"

	"nertools/pkg/durable"
	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// PartLimits are those of a part. 0 means as much as a batch takes, and so does more than
// that.
type PartLimits struct {
	Requests int
	Bytes    int64
}

func (l PartLimits) bounded() PartLimits {
	if l.Requests <= 0 || l.Requests > wire.MaxBatchRequests {
		l.Requests = wire.MaxBatchRequests
	}
	if l.Bytes <= 0 || l.Bytes > wire.MaxBatchBytes {
		l.Bytes = wire.MaxBatchBytes
	}
	return l
}

// A Draft is the parts of an input, whose files [Manager.Prepare] writes.
type Draft struct {
	Parts []Part

	path   string
	lines  *os.File // the parts' lines as intended; nil if the files are there already
	starts []int64  // of the parts in lines, and the end
}

// NewDraft splits the requests into parts that comply with the service's limits. The file of
// the first one is to be at path, the others next to it with their numbers ("batch.jsonl",
// "batch.2.jsonl"). A part has one model, one endpoint and complies with the limits. The caller
// closes the draft.
func NewDraft(path string, limits PartLimits, next Requests) (*Draft, error) {
	limits = limits.bounded()
	s := newSplitter(next, limits)
	lines, err := durable.Scratch("batch-")
	if err != nil {
		return nil, err
	}
	d := &Draft{path: path, lines: lines, starts: []int64{0}}
	if err := s.advance(); err != nil {
		return nil, d.closeAfter(err)
	}
	for s.more {
		p := Part{File: partPath(path, len(d.Parts)+1)}
		if err := s.write(lines, &p); err != nil {
			return nil, d.closeAfter(err)
		}
		d.Parts, d.starts = append(d.Parts, p), append(d.starts, d.starts[len(d.Parts)]+p.Bytes)
	}
	number(d.Parts)
	return d, nil
}

// Written returns a draft of parts whose files are there already.
func Written(parts []Part) *Draft { return &Draft{Parts: parts} }

// Close removes what the draft needs. It does not concern the parts' files.
func (d *Draft) Close() error {
	if d.lines == nil {
		return nil
	}
	return durable.CloseScratch(d.lines)
}

func (d *Draft) closeAfter(err error) error {
	_ = d.Close() // nothing in it is needed
	return err
}

// part returns the lines of the n-th part, n from 0; nil if its file is there already.
func (d *Draft) part(n int) io.Reader {
	if d.lines == nil {
		return nil
	}
	return io.NewSectionReader(d.lines, d.starts[n], d.starts[n+1]-d.starts[n])
}

// writeAll writes the files of all parts, and removes further parts of an earlier, larger
// input.
func (d *Draft) writeAll() error {
	if d.lines == nil {
		return nil
	}
	for n := range d.Parts {
		if err := d.write(n); err != nil {
			return err
		}
	}
	if len(d.Parts) > 0 {
		removeFurther(d.path, len(d.Parts))
	}
	return nil
}

// first returns the first request of the n-th part.
func (d *Draft) first(n int) (wire.Request, error) {
	for line, err := range record.NewLines(d.path, d.part(n)).All() {
		if err != nil {
			return wire.Request{}, err
		}
		return wire.ParseRequestLine(line)
	}
	return wire.Request{}, io.ErrUnexpectedEOF
}

// write writes the file of the n-th part with its amendments, unless it is there.
func (d *Draft) write(n int) error {
	p := &d.Parts[n]
	amend := wire.NewAmendments(p.Amended)
	if len(p.Amended) == 0 || p.Sent != "" {
		if digest, err := digestOf(p.File); err == nil && digest == p.digest() {
			return nil
		}
	}
	sum := sha256.New()
	var size int64
	err := durable.Replace(p.File, func(w io.Writer) error {
		out := bufio.NewWriterSize(io.MultiWriter(w, sum), 256<<10)
		lines := bufio.NewReaderSize(d.part(n), 256<<10)
		if len(p.Amended) == 0 {
			var err error
			size, err = io.Copy(out, lines)
			if err != nil {
				return err
			}
			return out.Flush()
		}
		var amended []byte
		for line, err := range record.NewLines(d.path, lines).All() {
			if err != nil {
				return err
			}
			amended = append(amend.ApplyLine(amended[:0], line), '\n')
			size += int64(len(amended))
			if _, err := out.Write(amended); err != nil {
				return err
			}
		}
		if size > wire.MaxBatchBytes {
			return fault.WithHint(fmt.Errorf("%s with what the model wants instead: a batch takes %s", english.Count(size, "byte"), english.Count(wire.MaxBatchBytes, "byte")), "make smaller parts")
		}
		return out.Flush()
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", p.File, err)
	}
	p.Bytes, p.Sent = size, keyOf(sum)
	if p.Sent == p.Key {
		p.Sent = ""
	}
	return nil
}
