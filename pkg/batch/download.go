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
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// download brings a file here, continuing where a connection breaks. The file may
// be of another size than the service says, if that is all there is.
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
	idle := 0 // tries that brought nothing
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
			return &wire.Error{Failure: record.Failure{Class: record.Network, Message: fmt.Sprintf("only %d of %d bytes came", at, size)}}
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
		f.flaw("%s holds %d bytes, although the service says that it has %d", id, at, size)
	}
	return file, rewind(file)
}

func rewind(file *os.File) error {
	_, err := file.Seek(0, io.SeekStart)
	return err
}

// size is how long the service says that a file is, 0 if it does not say.
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

// errorInstead returns the error that came instead of the file, although the status
// was that of a success: an HTML page without a line of JSON, or an error of the API.
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

// gone reports whether err says that there is no such file at the service.
func gone(err error) bool {
	return hasStatus(err, http.StatusNotFound) || hasStatus(err, http.StatusGone)
}

// answers downloads the batch's output and error files, those that are there. An
// error file that can't be had hides no answer; an output file that is only
// unreachable at the moment is an error.
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

// An answerFile is an output or error file that is here.
type answerFile struct {
	id   string
	file *os.File
}

// submitted finds out which rows were submitted: from the local file if it is the
// batch's input, else from the service's copy. It finds none if both are gone.
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
	// Only the answers tell whether the local file is the input.
	file, err := os.Open(f.local)
	if err != nil {
		return err
	}
	defer file.Close()
	f.guessed = true
	return f.readRows(f.local, file)
}

// openPart opens the local file that holds the batch's part, nil if none does.
func (f *fetching) openPart() (*os.File, error) {
	key := f.batch.Metadata[metaKey]
	if _, err := os.Stat(f.local); err != nil || key == "" {
		return nil, nil // it was moved; what is at the service serves as well
	}
	path := f.part(key)
	if path == "" {
		f.flaw("%s is not its input", f.local)
		return nil, nil
	}
	return os.Open(path)
}

// part returns the local file that holds the batch's part: the one that was named,
// or the one with the part's number beside it. "" if neither does.
func (f *fetching) part(key string) string {
	paths := []string{f.local}
	number, _, _ := strings.Cut(f.batch.Metadata[metaPart], "/")
	if n, err := strconv.Atoi(number); err == nil && n > 1 {
		paths = append(paths, partPath(f.local, n))
	}
	for _, path := range paths {
		if ok, err := isPart(path, key); err == nil && ok {
			return path
		}
	}
	return ""
}

// readRows reads the ids of the rows that an input file asks for.
func (f *fetching) readRows(name string, in io.Reader) error {
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
