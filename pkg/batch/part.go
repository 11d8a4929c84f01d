package batch

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"nertools/pkg/durable"
	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// A Part is one batch input file: the requests of one batch.
type Part struct {
	File     string `json:"file"`
	Key      string `json:"key"` // 32 hex digits of the SHA-256 of the file, as it is without amendments
	Number   int    `json:"part"`
	Of       int    `json:"parts"`
	Source   string `json:"source,omitempty"`
	Total    int    `json:"total,omitempty"` // rows of the source; 0 if unknown
	First    int    `json:"first"`           // lowest and highest row requested, from 0
	Last     int    `json:"last"`
	Requests int    `json:"requests"`
	Bytes    int64  `json:"bytes"` // size of the file
	Model    string `json:"model,omitempty"`
	Endpoint string `json:"endpoint"`           // "/v1/chat/completions"
	Settings string `json:"settings,omitempty"` // first part of the request digests; "" if they differ

	// What the service refused in a trial, and how the requests in the file differ from
	// those intended, which Key and Settings describe.
	Amended []wire.Amendment `json:"amended,omitempty"`
	Sent    string           `json:"sent,omitempty"` // digest of the file, in the form of Key; "" if it is Key

	// A further round asks rows of another part again that its batch did not process.
	Job   string `json:"job,omitempty"`   // key of that part; "" if this is no further round
	Round int    `json:"round,omitempty"` // from 2
}

// digest returns the digest of the part's file.
func (p *Part) digest() string { return cmp.Or(p.Sent, p.Key) }

// known reports whether key is the part's: that of the requests as intended or as sent.
func (p *Part) known(key string) bool { return key != "" && (key == p.Key || key == p.Sent) }

// Requests returns the next request, or io.EOF after the last one.
type Requests func() (wire.Request, error)

// removeFurther removes the files of an earlier, larger input, which are no parts of this
// one.
func removeFurther(path string, parts int) {
	for n := parts + 1; ; n++ {
		if err := os.Remove(partPath(path, n)); err != nil {
			return // it does not exist, or can't be removed
		}
	}
}

func number(parts []Part) {
	for i := range parts {
		parts[i].Number, parts[i].Of = i+1, len(parts)
	}
}

// ScanParts reads the batch input file at path and the further parts next to it.
func ScanParts(path string) ([]Part, error) {
	var parts []Part
	for {
		file := partPath(path, len(parts)+1)
		if _, err := os.Stat(file); err != nil && len(parts) > 0 {
			number(parts)
			return parts, nil
		}
		p, err := scan(file)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
}

func partPath(path string, number int) string {
	if number == 1 {
		return path
	}
	ext := filepath.Ext(path)
	return fmt.Sprintf("%s.%d%s", strings.TrimSuffix(path, ext), number, ext)
}

// IsFurtherPart reports whether path is the name of a further part next to the batch file,
// such as "batch.2.jsonl" next to "batch.jsonl". The files need not exist.
func IsFurtherPart(path, batchFile string) bool {
	ext := filepath.Ext(batchFile)
	base := strings.TrimSuffix(filepath.Base(batchFile), ext) + "."
	n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), base), ext))
	return err == nil && n > 1 && filepath.Base(path) == filepath.Base(partPath(batchFile, n)) && durable.SameFile(filepath.Dir(path), filepath.Dir(batchFile))
}

type splitter struct {
	next   Requests
	limits PartLimits
	seen   map[string]struct{} // ids, of all parts

	more    bool // request and line are the next to be written
	request wire.Request
	model   string
	line    []byte
}

func newSplitter(next Requests, limits PartLimits) *splitter {
	return &splitter{next: next, limits: limits, seen: map[string]struct{}{}}
}

func (s *splitter) advance() error {
	q, err := s.next()
	if errors.Is(err, io.EOF) {
		s.more = false
		return nil
	}
	if err != nil {
		return err
	}
	if _, ok := s.seen[q.Row.ID]; ok {
		return fault.WithHint(fmt.Errorf("two requests have the id %q", q.Row.ID), "give each row once: a batch tells its answers apart by id")
	}
	s.seen[strings.Clone(q.Row.ID)] = struct{}{} // a clone, since the id would keep its whole line in memory
	s.more, s.request = true, q
	s.model = wire.ModelOf(q.Body)
	s.line = wire.AppendRequestLine(s.line[:0], &q)
	if int64(len(s.line)) > s.limits.Bytes {
		return fault.WithHint(fmt.Errorf("row %d: a request of %s", q.Row.Index, english.Count(len(s.line), "byte")), fmt.Sprintf("a batch takes %s in all: show fewer demonstrations", english.Count(s.limits.Bytes, "byte")))
	}
	return nil
}

// write writes one part, without amendments, and describes it in p.
func (s *splitter) write(w io.Writer, p *Part) error {
	sum := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 256<<10)
	p.Model, p.Endpoint = s.model, wire.BatchName(s.request.Path)
	for s.more && p.Requests < s.limits.Requests && p.Bytes+int64(len(s.line)) <= s.limits.Bytes &&
		s.model == p.Model && wire.BatchName(s.request.Path) == p.Endpoint {
		p.add(&s.request.Row, int64(len(s.line)))
		if _, err := out.Write(s.line); err != nil {
			return err
		}
		if err := s.advance(); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	p.Key = keyOf(sum)
	return nil
}

// add counts a request of the given length in bytes.
func (p *Part) add(row *record.Result, length int64) {
	source, _, _, _ := record.ParseID(row.ID)
	settings := wire.SettingsOf(row.Request)
	if p.Requests == 0 {
		p.Source, p.Total, p.First, p.Last, p.Settings = source, row.Total, row.Index, row.Index, settings
	}
	if settings != p.Settings {
		p.Settings = ""
	}
	p.First, p.Last = min(p.First, row.Index), max(p.Last, row.Index)
	p.Requests++
	p.Bytes += length
}

// digestOf returns the digest of a file, in the form of [Part.Key].
func digestOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return keyOf(sum), nil
}

func keyOf(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)[:16]) }

const splitHint = "to split it, name it as the input, and another file as the batch file"

// scan reads and checks an existing batch input file.
func scan(path string) (Part, error) {
	p := Part{File: path, Number: 1, Of: 1}
	f, err := os.Open(path)
	if err != nil {
		return p, err
	}
	defer f.Close()
	sum := sha256.New()
	lines := record.NewLines(path, io.TeeReader(f, sum))
	seen := map[string]struct{}{}
	for line, err := range lines.All() {
		if err != nil {
			return p, err
		}
		q, err := wire.ParseRequestLine(line)
		if err != nil {
			return p, lines.Fault(err, "a batch file holds request lines")
		}
		model, endpoint := wire.ModelOf(q.Body), wire.BatchName(q.Path)
		if p.Requests == 0 {
			p.Model, p.Endpoint = model, endpoint
		}
		_, twice := seen[q.Row.ID]
		seen[strings.Clone(q.Row.ID)] = struct{}{}
		switch {
		case twice:
			return p, lines.Fault(fmt.Errorf("custom_id %q a second time", q.Row.ID), "a batch tells its answers apart by custom_id")
		case model != p.Model || endpoint != p.Endpoint:
			return p, lines.Fault(fmt.Errorf("%s at %s among requests of %s at %s", model, endpoint, p.Model, p.Endpoint), "a batch asks one model at one endpoint: "+splitHint)
		}
		p.add(&q.Row, int64(len(line))+1)
	}
	info, err := f.Stat()
	if err != nil {
		return p, err
	}
	p.Bytes, p.Key = info.Size(), keyOf(sum)
	switch {
	case p.Requests == 0:
		return p, &fault.Error{File: path, Err: errors.New("no requests in it"), Hint: "a batch file holds request lines"}
	case p.Requests > wire.MaxBatchRequests || p.Bytes > wire.MaxBatchBytes:
		return p, &fault.Error{File: path, Err: fmt.Errorf("%s in %s: a batch takes %d in %d", english.Count(p.Requests, "request"), english.Count(p.Bytes, "byte"), wire.MaxBatchRequests, wire.MaxBatchBytes),
			Hint: splitHint}
	}
	return p, nil
}

// rows passes the row ids of a part to each, in order.
func rows(r io.Reader, name string, each func(id string)) error {
	lines := record.NewLines(name, r)
	for line, err := range lines.All() {
		if err != nil {
			return err
		}
		id := wire.CustomID(line)
		if id == "" {
			return lines.Fault(errors.New(`no "custom_id" in it`), "a batch file holds request lines")
		}
		each(id)
	}
	return nil
}
