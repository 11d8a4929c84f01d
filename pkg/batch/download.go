package batch

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"nertools/pkg/durable"
	"nertools/pkg/english"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// download copies a file of the service to a temporary file, and continues after broken
// connections. A size other than the one that the service reports is recorded as a flaw
// if repeating does not help.
func (f *fetching) download(ctx context.Context, id string) (*os.File, error) {
	file, err := durable.Scratch("batch-")
	if err != nil {
		return nil, err
	}
	f.files = append(f.files, file)
	size, err := f.size(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("download %s: %w", id, err)
	}
	var at int64
	idle := 0 // calls in a row that returned no bytes
	err = f.manager.try(ctx, func(ctx context.Context) error {
		n, err := f.manager.service.Download(ctx, id, at, file)
		at += n
		if err != nil {
			return err
		}
		if n > 0 {
			idle = 0
		} else {
			idle++
		}
		if at < size && (at > 0 && idle == 0 || at == 0 && idle < 2) {
			return &wire.Error{Failure: record.Failure{Class: record.Network, Message: fmt.Sprintf("only %d of %s came", at, english.Count(size, "byte"))}}
		}
		if err := errorInstead(file); err != nil {
			at, idle = 0, 0
			return cmp.Or(errors.Join(file.Truncate(0), rewind(file)), err)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("download %s: %w", id, err)
	}
	if size > 0 && at != size {
		f.flaw("%s holds %s, although the service says that it has %d", id, english.Count(at, "byte"), size)
	}
	return file, rewind(file)
}

func rewind(file *os.File) error {
	_, err := file.Seek(0, io.SeekStart)
	return err
}

// size returns the size of a file in bytes as the service reports it, 0 if it does not.
func (f *fetching) size(ctx context.Context, id string) (size int64, err error) {
	err = f.manager.try(ctx, func(ctx context.Context) (err error) {
		size, err = f.manager.service.FileSize(ctx, id)
		return err
	})
	if e, ok := errors.AsType[*wire.Error](err); ok && !e.Unanswered() && e.Class != record.Auth {
		return 0, nil
	}
	return size, err
}

// errorInstead returns an error if the response contains an HTML page without a line of
// JSON, or an error of the API, instead of the file. Its status was that of a success.
func errorInstead(file *os.File) error {
	const largest = 1 << 20
	begin := make([]byte, largest)
	n, err := file.ReadAt(begin, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	begin = bytes.TrimSpace(begin[:n])
	if bytes.HasPrefix(begin, []byte("<")) && !bytes.Contains(begin, []byte("\n{")) {
		return &wire.Error{Failure: record.Failure{Class: record.Malformed, Status: http.StatusOK, Message: "an HTML page came instead of the file"}}
	}
	if n == largest || !bytes.HasPrefix(begin, []byte("{")) || !record.ValidJSON(begin) {
		return nil
	}
	err = wire.CheckObject(begin, "custom_id", "response", "id")
	if e, ok := errors.AsType[*wire.Error](err); ok && e.Class != record.Malformed {
		return err
	}
	return nil
}

// gone reports whether err means that the service does not have the file.
func gone(err error) bool {
	return hasStatus(err, http.StatusNotFound) || hasStatus(err, http.StatusGone)
}

// answers downloads the batch's output and error files. A file that the service does not
// have is recorded as a flaw; an output file that is only unreachable at the moment is an
// error.
func (f *fetching) answers(ctx context.Context) ([]answerFile, error) {
	var files []answerFile
	if b := f.batch; b.OutputFile == "" && b.Completed > 0 && b.Status != wire.BatchFailed {
		f.flaw("%d of its rows are said to be answered, but it names no output file", b.Completed)
		f.lost, f.outcome.Incomplete = true, true
	}
	for _, id := range []string{f.batch.OutputFile, f.batch.ErrorFile} {
		if id == "" || len(files) > 0 && files[0].id == id {
			continue
		}
		file, err := f.download(ctx, id)
		e, refused := errors.AsType[*wire.Error](err)
		switch {
		case err == nil:
			files = append(files, answerFile{id, file})
		case gone(err) && id == f.batch.OutputFile:
			f.flaw("its output file is not there: %w", err)
			f.lost, f.outcome.Incomplete = true, true
		case refused && id != f.batch.OutputFile && ctx.Err() == nil:
			f.flaw("its error file is not there: %w", err)
			f.outcome.Incomplete = f.outcome.Incomplete || e.Passing()
		default:
			return nil, err
		}
	}
	return files, nil
}

// An answerFile is a downloaded output or error file.
type answerFile struct {
	id   string
	file *os.File
}

// submitted reads which rows were submitted: from the local file if that is the batch's
// input, otherwise from the service's copy. If both are gone, f.rows stays nil.
func (f *fetching) submitted(ctx context.Context) error {
	if file, err := f.openPart(); file != nil || err != nil {
		if err != nil {
			return err
		}
		defer file.Close()
		return f.readRows(file.Name(), file)
	}
	if f.batch.InputFile != "" {
		file, err := f.download(ctx, f.batch.InputFile)
		e, refused := errors.AsType[*wire.Error](err)
		switch {
		case err == nil:
			return f.readRows(f.batch.InputFile, file)
		case !refused || e.Passing() || ctx.Err() != nil:
			return err
		}
	}
	if f.local == "" || f.batch.Metadata[metaKey] != "" {
		return nil
	}
	// Only the answers can show whether the local file is the input.
	file, err := os.Open(f.local)
	if err != nil {
		return err
	}
	defer file.Close()
	f.guessed = true
	return f.readRows(f.local, file)
}

// openPart opens the local file that contains the batch's part. It returns nil if the
// file is not there.
func (f *fetching) openPart() (*os.File, error) {
	if _, err := os.Stat(f.local); err != nil || f.batch.Metadata[metaKey] == "" {
		return nil, nil // it was moved; the service has a copy
	}
	path := f.part()
	if path == "" {
		f.flaw("%s is not its input", f.local)
		return nil, nil
	}
	return os.Open(path)
}

// part returns the local file that contains the batch's part: the named one, or the one
// with the part's number next to it. It returns "" if neither does.
func (f *fetching) part() string {
	paths := []string{f.local}
	number, _, _ := strings.Cut(f.batch.Metadata[metaPart], "/")
	if n, err := strconv.Atoi(number); err == nil && n > 1 {
		paths = append(paths, partPath(f.local, n))
	}
	for _, path := range paths {
		if digest, err := digestOf(path); err == nil && keyed(f.batch, digest) {
			return path
		}
	}
	return ""
}

// readRows reads the row ids in an input file, and what else only the file says.
func (f *fetching) readRows(name string, in io.Reader) error {
	// Of a part that was changed for the service, the file does not say what was intended.
	differ := f.batch.Metadata[metaKey] != "" && f.batch.Metadata[metaSettings] == "" && f.batch.Metadata[metaSent] == ""
	digests := map[string]string{} // each once
	s := record.Salvage{Name: name, Nothing: true, Take: func(line record.Line) error {
		id := wire.CustomID(line.Text)
		if id == "" || !record.ValidJSON(line.Text) {
			return record.Damaged(errors.New("not a request line"))
		}
		if f.rows == nil {
			f.rows = map[string]int{}
		}
		if _, twice := f.rows[id]; !twice {
			id = strings.Clone(id)
			f.rows[id] = line.Number
			f.order = append(f.order, id)
			if differ {
				f.readSettings(id, line.Text, digests)
			}
		}
		return nil
	}}
	damage, err := s.Read(in)
	f.partly = damage.Broken > 0 || damage.Torn > 0
	if damage.Lines != nil {
		f.outcome.Damage = append(f.outcome.Damage, damage)
	}
	return err
}

func (f *fetching) readSettings(id string, line []byte, digests map[string]string) {
	q, err := wire.ParseRequestLine(line)
	if err != nil {
		return // as if the settings were not known
	}
	settings := wire.SettingsOf(q.Row.Request)
	if _, known := digests[settings]; !known {
		settings = strings.Clone(settings)
		digests[settings] = settings
	}
	if f.settings == nil {
		f.settings = map[string]string{}
	}
	f.settings[id] = digests[settings]
}
