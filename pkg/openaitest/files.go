package openaitest

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// What the service takes.
const (
	maxUpload     = 512 << 20
	maxBatchBytes = 209_715_200
	maxBatchLines = 50_000
)

// A file expires after 30 days unless its upload says otherwise.
const (
	fileLife     = 30 * 24 * time.Hour
	minFileLife  = time.Hour
	maxFileLife  = fileLife
	purposeInput = "batch"
	purposeOut   = "batch_output"
)

// file is an uploaded file or a batch's result. Its fields never change.
type simFile struct {
	ID       string
	Seq      int64 // order of creation
	Filename string
	Purpose  string
	Bytes    int64
	Created  time.Time
	Expires  time.Time

	data *blob
}

// fileObject is a file as the API shows it.
type fileObject struct {
	Object        string  `json:"object"`
	ID            string  `json:"id"`
	Purpose       string  `json:"purpose"`
	Filename      string  `json:"filename"`
	Bytes         int64   `json:"bytes"`
	CreatedAt     int64   `json:"created_at"`
	ExpiresAt     int64   `json:"expires_at"`
	Status        string  `json:"status"`
	StatusDetails *string `json:"status_details"`
}

// pending reports whether the service still processes the file. It needs jobs.mu.
func (s *Server) pending(f *simFile) bool {
	return f.Purpose == purposeInput && s.now().Before(f.Created.Add(s.opt.Processing))
}

func (s *Server) object(f *simFile) fileObject {
	status := "processed"
	if s.pending(f) {
		status = "pending"
	}
	return fileObject{
		Object:    "file",
		ID:        f.ID,
		Purpose:   f.Purpose,
		Filename:  f.Filename,
		Bytes:     f.Bytes,
		CreatedAt: f.Created.Unix(),
		ExpiresAt: f.Expires.Unix(),
		Status:    status,
	}
}

// list is a page of objects as the API shows it.
type list struct {
	Object  string  `json:"object"`
	Data    any     `json:"data"`
	FirstID *string `json:"first_id"`
	LastID  *string `json:"last_id"`
	HasMore bool    `json:"has_more"`
}

// page is the part of all that a list call asks for.
func page[T any](all []T, id func(T) string, after string, limit int) (part []T, l list, bad *apiError) {
	if after != "" {
		i := slices.IndexFunc(all, func(v T) bool { return id(v) == after })
		if i < 0 {
			return nil, l, badRequest("invalid_value", "after", "Invalid 'after': no such object: '%s'.", after)
		}
		all = all[i+1:]
	}
	part = all[:min(limit, len(all))]
	l = list{Object: "list", HasMore: len(part) < len(all)}
	if len(part) > 0 {
		first, last := id(part[0]), id(part[len(part)-1])
		l.FirstID, l.LastID = &first, &last
	}
	return part, l, nil
}

// limitOf reads the query's limit.
func limitOf(x *servedCall, otherwise, most int) (int, *apiError) {
	text := x.r.URL.Query().Get("limit")
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return 0, badRequest("invalid_type", "limit", "Invalid type for 'limit': expected an integer, but got '%s' instead.", text)
	case n < 1:
		return 0, badRequest("integer_below_min_value", "limit",
			"Invalid 'limit': integer below minimum value. Expected a value >= 1, but got %d instead.", n)
	case n > most:
		return 0, badRequest("integer_above_max_value", "limit",
			"Invalid 'limit': integer above maximum value. Expected a value <= %d, but got %d instead.", most, n)
	}
	return n, nil
}

// jsonReply answers with an object.
func jsonReply(v any) response {
	body, err := json.Marshal(v)
	if err != nil {
		return storageError(err).reply()
	}
	return response{status: http.StatusOK, body: append(body, '\n')}
}

// storageError is an answer that the real service would never give: the
// simulation itself can't go on.
func storageError(err error) *apiError {
	return &apiError{
		status:  http.StatusInternalServerError,
		message: "The simulated API can't keep its state: " + err.Error(),
		kind:    "server_error",
	}
}

func noSuchFile(id string) *apiError {
	return &apiError{status: http.StatusNotFound, message: "No such File object: " + id, param: "id"}
}

// createFile takes an upload.
func (s *Server) createFile(x *servedCall) response {
	// The parts' own lines come on top of the content.
	x.r.Body = http.MaxBytesReader(x.w, x.r.Body, s.opt.MaxUploadBytes+1<<20)
	up, bad := s.readUpload(x.r)
	if bad == nil {
		bad = up.check()
	}
	if bad == nil {
		bad = s.keepUpload(up)
	}
	if bad != nil {
		if up.data != nil {
			up.data.remove()
		}
		return x.afterBody(bad.reply())
	}
	x.call.Object = up.ID
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	return jsonReply(s.object(&up.simFile))
}

// upload is what a multipart body holds.
type upload struct {
	simFile
	life            time.Duration
	anchor, seconds string // of expires_after
}

func (s *Server) readUpload(r *http.Request) (*upload, *apiError) {
	wanted := purposeInput
	if s.opt.Together {
		wanted = "batch-api"
	}
	up := &upload{simFile: simFile{ID: newID("file-sim")}, life: fileLife}
	parts, err := r.MultipartReader()
	if err != nil {
		return up, badRequest("", "", "We could not parse the multipart body of your request: %v.", err)
	}
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return up, nil
		}
		if err != nil {
			return up, readError(err)
		}
		switch name := part.FormName(); name {
		case "purpose":
			if up.Purpose, err = shortField(part); up.Purpose == wanted {
				up.Purpose = purposeInput
			} else if s.opt.Together {
				up.Purpose = "not batch-api"
			}
		case "file_name", "file_type":
			if !s.opt.Together {
				return up, badRequest("unknown_parameter", name, "Unknown parameter: '%s'.", name)
			}
		case "expires_after[anchor]":
			up.anchor, err = shortField(part)
		case "expires_after[seconds]":
			up.seconds, err = shortField(part)
		case "file":
			if up.data != nil {
				return up, badRequest("", "file", "There is more than one file in the request.")
			}
			up.Filename = part.FileName()
			err = s.readContent(up, part)
		default:
			return up, badRequest("unknown_parameter", name, "Unknown parameter: '%s'.", name)
		}
		if err != nil {
			return up, readError(err)
		}
	}
}

var errTooLarge = errors.New("file too large")

func readError(err error) *apiError {
	if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong || errors.Is(err, errTooLarge) {
		return &apiError{status: http.StatusRequestEntityTooLarge, message: "File is too large."}
	}
	return badRequest("", "", "The request body could not be read: %v.", err)
}

func shortField(part *multipart.Part) (string, error) {
	text, err := io.ReadAll(io.LimitReader(part, 1<<10))
	return string(text), err
}

// readContent streams the file's content to where it is kept.
func (s *Server) readContent(up *upload, content io.Reader) error {
	up.data = s.jobs.newBlob(up.ID)
	w, err := up.data.append()
	if err != nil {
		return err
	}
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, io.LimitReader(content, s.opt.MaxUploadBytes+1), *buf)
	err = errors.Join(err, w.Close())
	if err == nil && n > s.opt.MaxUploadBytes {
		err = errTooLarge
	}
	return err
}

// check refuses what the service would refuse of a whole upload.
func (up *upload) check() *apiError {
	switch {
	case up.data == nil:
		return badRequest("missing_required_parameter", "file", "Missing required parameter: 'file'.")
	case up.Purpose == "":
		return badRequest("missing_required_parameter", "purpose", "Missing required parameter: 'purpose'.")
	case up.Purpose != purposeInput:
		return notSimulated("purpose")
	case !strings.EqualFold(filepath.Ext(up.Filename), ".jsonl") || !up.startsWithJSON():
		return badRequest("", "", "Invalid file format for Batch API. Must be .jsonl")
	}
	up.Bytes = up.data.size
	return up.checkExpiry()
}

// checkExpiry reads how long the file shall live. Both fields are needed.
func (up *upload) checkExpiry() *apiError {
	if up.anchor == "" && up.seconds == "" {
		return nil
	}
	seconds, err := strconv.Atoi(up.seconds)
	if up.anchor != "created_at" {
		return badRequest("invalid_value", "expires_after[anchor]",
			"Invalid value: '%s'. Supported values are: 'created_at'.", up.anchor)
	}
	if life := time.Duration(seconds) * time.Second; err != nil || life < minFileLife || life > maxFileLife {
		return badRequest("invalid_value", "expires_after[seconds]",
			"Invalid 'expires_after[seconds]': expected an integer from %d to %d, but got '%s' instead.",
			minFileLife/time.Second, maxFileLife/time.Second, up.seconds)
	}
	up.life = time.Duration(seconds) * time.Second
	return nil
}

// startsWithJSON reports whether the first line is JSON. A byte order mark passes
// here and fails later, when the batch is validated.
func (up *upload) startsWithJSON() bool {
	r, err := up.data.open()
	if err != nil {
		return false
	}
	defer r.Close()
	size := min(up.data.size, maxBody)
	line, err := bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 16<<10).ReadString('\n')
	if err != nil && err != io.EOF {
		return false
	}
	return gjson.Valid(strings.TrimPrefix(line, "\ufeff"))
}

// keepUpload makes the upload a file that others can see.
func (s *Server) keepUpload(up *upload) *apiError {
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	up.Created = s.now()
	up.Expires = up.Created.Add(up.life)
	if err := s.jobs.addFile(&up.simFile); err != nil {
		return storageError(err)
	}
	return nil
}

// findFile returns a file that is there and not expired. It needs jobs.mu.
func (s *Server) findFile(id string) *simFile {
	f := s.jobs.files[id]
	if f == nil || !s.now().Before(f.Expires) {
		return nil
	}
	return f
}

// lookAtFile brings all batches up to date and returns the file that a call names.
func (s *Server) lookAtFile(x *servedCall) (*simFile, *apiError) {
	if err := s.settle(); err != nil {
		return nil, storageError(err)
	}
	f := s.findFile(x.call.Object)
	if f == nil {
		return nil, noSuchFile(x.call.Object)
	}
	return f, nil
}

func (s *Server) retrieveFile(x *servedCall) response {
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	f, bad := s.lookAtFile(x)
	if bad != nil {
		return bad.reply()
	}
	return jsonReply(s.object(f))
}

func (s *Server) deleteFile(x *servedCall) response {
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	f, bad := s.lookAtFile(x)
	if bad != nil {
		return bad.reply()
	}
	if err := s.jobs.dropFile(f); err != nil {
		return storageError(err).reply()
	}
	return jsonReply(struct {
		Object  string `json:"object"`
		ID      string `json:"id"`
		Deleted bool   `json:"deleted"`
	}{"file", f.ID, true})
}

func (s *Server) listFiles(x *servedCall) response {
	query := x.r.URL.Query()
	limit, bad := limitOf(x, 10_000, 10_000)
	if bad != nil {
		return bad.reply()
	}
	order := orElse(query.Get("order"), "desc")
	if order != "asc" && order != "desc" {
		return badRequest("invalid_value", "order", "Invalid value: '%s'. Supported values are: 'asc' and 'desc'.", order).reply()
	}
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	if err := s.settle(); err != nil {
		return storageError(err).reply()
	}
	all := []*simFile{}
	for id, f := range s.jobs.files {
		if purpose := query.Get("purpose"); s.findFile(id) != nil && (purpose == "" || purpose == f.Purpose) {
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b *simFile) int {
		if order == "asc" {
			a, b = b, a
		}
		return cmp.Compare(b.Seq, a.Seq)
	})
	all, l, bad := page(all, func(f *simFile) string { return f.ID }, query.Get("after"), limit)
	if bad != nil {
		return bad.reply()
	}
	data := make([]fileObject, len(all))
	for i, f := range all {
		data[i] = s.object(f)
	}
	l.Data = data
	return jsonReply(l)
}

// downloadFile sends a file's content, or the range that was asked for.
func (s *Server) downloadFile(x *servedCall) response {
	s.jobs.mu.Lock()
	f, bad := s.lookAtFile(x)
	s.jobs.mu.Unlock()
	if bad != nil {
		return bad.reply()
	}
	rep := response{status: http.StatusOK, contentType: "application/octet-stream", header: http.Header{}}
	part := section{size: f.Bytes}
	if !s.opt.NoRanges {
		rep.header.Set("Accept-Ranges", "bytes")
		switch start, end, kind := parseRange(x.r.Header.Get("Range"), f.Bytes); kind {
		case oneRange:
			rep.status = http.StatusPartialContent
			rep.header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, end-1, f.Bytes))
			part.start, part.size = start, end-start
		case outsideRange:
			rep.status = http.StatusRequestedRangeNotSatisfiable
			rep.header.Set("Content-Range", fmt.Sprintf("bytes */%d", f.Bytes))
			return rep
		}
	}
	rep.header.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", f.Filename))
	content, err := f.data.open()
	if err != nil {
		return storageError(err).reply()
	}
	part.blob = content
	rep.content = &part
	return rep
}

type rangeKind int

const (
	noRange rangeKind = iota // none, or one that is not understood
	oneRange
	outsideRange
)

// parseRange reads a header Range with one range of a content of that size.
func parseRange(header string, size int64) (start, end int64, kind rangeKind) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	if !ok {
		return 0, 0, noRange
	}
	from, to, ok := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok {
		return 0, 0, noRange
	}
	first, firstErr := strconv.ParseInt(from, 10, 64)
	last, lastErr := strconv.ParseInt(to, 10, 64)
	switch {
	case from == "" && lastErr == nil && last >= 0:
		start, end = max(size-last, 0), size // the last bytes
	case firstErr == nil && first >= 0 && to == "":
		start, end = first, size
	case firstErr == nil && lastErr == nil && first >= 0 && first <= last:
		start, end = first, min(last, size-1)+1
	default:
		return 0, 0, noRange
	}
	if start >= end {
		return 0, 0, outsideRange
	}
	return start, end, oneRange
}
