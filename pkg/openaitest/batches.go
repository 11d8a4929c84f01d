package openaitest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// The states of a batch.
const (
	validating = "validating"
	failed     = "failed"
	inProgress = "in_progress"
	finalizing = "finalizing"
	completed  = "completed"
	expired    = "expired"
	cancelling = "cancelling"
	cancelled  = "cancelled"
)

// What the service takes.
const (
	onlyWindow      = "24h"
	maxMetadata     = 16
	maxMetadataKey  = 64
	maxMetadataText = 512
)

// batch is a batch with all that has to survive a restart.
type simBatch struct {
	ID          string
	Seq         int64 // order of creation
	Endpoint    string
	Model       string // known from the start, shown from validation on
	InputFileID string
	InputBytes  int64
	Metadata    map[string]string
	OutputLife  time.Duration
	Effects     effects
	Appears     time.Time // until then the service does as if it were not there
	Listed      time.Time // until then it is missing from the list

	Status     string
	Goal       string       // the state that finalizing leads to
	Errors     []batchError // found by validation, shown once failed
	Created    time.Time
	Validated  time.Time // zero until validation ended, well or not
	InProgress time.Time
	Finalizing time.Time
	Completed  time.Time
	Failed     time.Time
	Expired    time.Time
	Cancelling time.Time
	Cancelled  time.Time
	Expires    time.Time

	Total     int // rows in the input
	Tokens    int // of their prompts
	Done      int // rows that were done or given up, in the batch's order
	Succeeded int
	NoSuccess int

	InputTokens, OutputTokens int // of the rows that succeeded

	// The results, which become files when the batch ends.
	OutputID, ErrorID               string
	OutputSize, ErrorSize, BillSize int64

	input, output, failures *blob
	bills                   *blob   // nil: in memory
	starts                  []int64 // of the input's lines
	order                   []int   // in which the lines are done
	looks                   int     // how often it was shown once it ended
	oddLooks                int     // how often with the status of a fault
}

// effects is what faults do to a batch, decided when it is created.
type effects struct {
	Expires     bool
	ExpireAfter int
	Fail        *batchError
	RowCode     string // of the error for every row
	RowMessage  string
	AllFailed   bool
	LateOutput  int
	StatusZero  int
	Missing     int
	OddStatus   string
	OddShown    int
	Damage      string
	DamageFrom  int
	DamageRows  int
}

// batchObject is a batch as the API shows it.
type batchObject struct {
	ID               string            `json:"id"`
	Object           string            `json:"object"`
	Endpoint         string            `json:"endpoint"`
	Model            string            `json:"model,omitempty"` // left out, never null, until validation has found it
	Errors           *batchErrors      `json:"errors"`
	InputFileID      string            `json:"input_file_id"`
	CompletionWindow string            `json:"completion_window"`
	Status           string            `json:"status"`
	OutputFileID     *string           `json:"output_file_id"`
	ErrorFileID      *string           `json:"error_file_id"`
	CreatedAt        int64             `json:"created_at"`
	InProgressAt     *int64            `json:"in_progress_at"`
	ExpiresAt        int64             `json:"expires_at"`
	FinalizingAt     *int64            `json:"finalizing_at"`
	CompletedAt      *int64            `json:"completed_at"`
	FailedAt         *int64            `json:"failed_at"`
	ExpiredAt        *int64            `json:"expired_at"`
	CancellingAt     *int64            `json:"cancelling_at"`
	CancelledAt      *int64            `json:"cancelled_at"`
	RequestCounts    requestCounts     `json:"request_counts"`
	Usage            batchUsage        `json:"usage"`
	Metadata         map[string]string `json:"metadata"`
}

type batchErrors struct {
	Object string       `json:"object"`
	Data   []batchError `json:"data"`
}

type requestCounts struct {
	Total     int `json:"total"`
	Completed int `json:"completed"`
	Failed    int `json:"failed"`
}

type batchUsage struct {
	InputTokens        int `json:"input_tokens"`
	InputTokensDetails struct {
		CachedTokens int `json:"cached_tokens"`
	} `json:"input_tokens_details"`
	OutputTokens        int `json:"output_tokens"`
	OutputTokensDetails struct {
		ReasoningTokens int `json:"reasoning_tokens"`
	} `json:"output_tokens_details"`
	TotalTokens int `json:"total_tokens"`
}

func unixOrNil(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	seconds := t.Unix()
	return &seconds
}

func (b *simBatch) ended() bool {
	switch b.Status {
	case failed, completed, expired, cancelled:
		return true
	}
	return false
}

// show returns the batch as a client sees it, and counts that it was shown.
func (s *Server) show(b *simBatch) batchObject {
	o := batchObject{
		ID:               b.ID,
		Object:           "batch",
		Endpoint:         b.Endpoint,
		InputFileID:      b.InputFileID,
		CompletionWindow: onlyWindow,
		Status:           b.Status,
		OutputFileID:     s.noFile(),
		ErrorFileID:      s.noFile(),
		CreatedAt:        b.Created.Unix(),
		InProgressAt:     unixOrNil(b.InProgress),
		ExpiresAt:        b.Expires.Unix(),
		FinalizingAt:     unixOrNil(b.Finalizing),
		CompletedAt:      unixOrNil(b.Completed),
		FailedAt:         unixOrNil(b.Failed),
		ExpiredAt:        unixOrNil(b.Expired),
		CancellingAt:     unixOrNil(b.Cancelling),
		CancelledAt:      unixOrNil(b.Cancelled),
		Metadata:         b.Metadata,
	}
	if !b.Validated.IsZero() && b.Model != "" {
		o.Model = b.Model
	}
	if b.Status == failed {
		o.Errors = &batchErrors{Object: "list", Data: b.Errors}
	}
	if !b.InProgress.IsZero() {
		o.RequestCounts = requestCounts{b.Total, b.Succeeded, b.NoSuccess}
	}
	o.Usage.InputTokens, o.Usage.OutputTokens = b.InputTokens, b.OutputTokens
	o.Usage.TotalTokens = b.InputTokens + b.OutputTokens
	if b.ended() {
		b.looks++
		if b.looks > b.Effects.LateOutput {
			o.OutputFileID = s.fileOr(b.OutputID, b.OutputSize)
			o.ErrorFileID = s.fileOr(b.ErrorID, b.ErrorSize)
		}
	}
	return o
}

// showLater is show for a look after the creation, which a fault may give a
// status that no client knows.
func (s *Server) showLater(b *simBatch) batchObject {
	if b.oddLooks >= b.Effects.OddShown {
		return s.show(b)
	}
	b.oddLooks++
	looks := b.looks
	o := s.show(b)
	b.looks = looks
	o.Status = b.Effects.OddStatus
	o.OutputFileID, o.ErrorFileID = s.noFile(), s.noFile()
	return o
}

// fileOr returns the id of a result, unless there is nothing in it.
func (s *Server) fileOr(id string, size int64) *string {
	if size == 0 {
		return s.noFile()
	}
	return &id
}

func (s *Server) noFile() *string {
	if s.opt.EmptyFileIDs {
		return new(string)
	}
	return nil
}

// createBatch checks what the service checks at once, and leaves the rest to the
// validation.
func (s *Server) createBatch(x *servedCall) response {
	raw, bad := x.readBody()
	if bad != nil {
		return x.afterBody(bad.reply())
	}
	x.noteBody(raw)
	b, bad := readNewBatch(raw)
	if bad != nil {
		return bad.reply()
	}
	api, bad := batchEndpoint(b.Endpoint)
	if bad != nil {
		return bad.reply()
	}

	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	if err := s.settle(); err != nil {
		return storageError(err).reply()
	}
	f := s.findFile(b.InputFileID)
	switch {
	case f == nil:
		return badRequest("", "input_file_id", "No such File object: %s", b.InputFileID).reply()
	case f.Purpose != purposeInput:
		return badRequest("invalid_value", "input_file_id", "Invalid file purpose: '%s'. Expected 'batch'.", f.Purpose).reply()
	}
	if s.pending(f) {
		return badRequest("", "", "The input file '%s' is in 'pending' state. Only files with status 'Processed' are accepted for batch inferencing. "+
			"Please check the file status and try again", f.ID).reply()
	}
	if bad := s.tooManyBatches(); bad != nil {
		return bad.reply()
	}
	in, err := s.readBatchInput(f.data, api)
	if err != nil {
		return storageError(err).reply()
	}
	b.ID = newID("batch_sim")
	b.OutputID, b.ErrorID = newID("file-sim"), newID("file-sim")
	b.Status = validating
	b.Created = s.now()
	b.Appears = b.Created.Add(x.hide)
	b.Listed = b.Appears.Add(s.opt.ListDelay)
	b.Expires = b.Created.Add(s.opt.Phases.Window)
	b.InputBytes = f.Bytes
	b.Model, b.Total, b.Tokens, b.Errors = in.model, in.lines, in.tokens, in.errors
	b.starts = in.starts
	b.Effects = s.effectsOn(b)
	if err := s.jobs.addBatch(b); err != nil {
		return storageError(err).reply()
	}
	s.prepare(b, f.data)
	x.call.Object, x.call.Model = b.ID, b.Model
	if s.opt.Together {
		return jsonReply(map[string]any{"job": s.spell(s.show(b))})
	}
	return jsonReply(s.spell(s.show(b)))
}

// tooManyBatches keeps the limit on creations. It needs jobs.mu.
func (s *Server) tooManyBatches() *apiError {
	if s.opt.BatchesPerHour <= 0 {
		return nil
	}
	since, n := s.now().Add(-time.Hour), 0
	for _, b := range s.jobs.batches {
		if b.Created.After(since) {
			n++
		}
	}
	if n < s.opt.BatchesPerHour {
		return nil
	}
	return rateLimited("requests", fmt.Sprintf("Rate limit reached for batches per hour: Limit %d, Used %d, Requested 1. "+
		"Please try again later.", s.opt.BatchesPerHour, n))
}

// effectsOn asks the faults what becomes of a new batch.
func (s *Server) effectsOn(b *simBatch) (e effects) {
	metadata, _ := json.Marshal(b.Metadata) // strings always can be
	hits := s.script.hitAll(attempt{
		subject: aBatch, op: opCreateBatch, path: "/v1/batches", model: b.Model, prompt: string(metadata),
	})
	for _, f := range slices.Backward(hits) { // the first of a kind has the last word
		switch f.Kind {
		case BatchExpire:
			e.Expires, e.ExpireAfter = true, f.Rows
		case BatchFail:
			fail := lineError(f.Line, orElse(f.Code, "invalid_request"), f.Param, "%s",
				orElse(f.Message, "The batch failed as its simulation was told."))
			e.Fail = &fail
		case BatchAllFailed:
			e.AllFailed, e.RowCode, e.RowMessage = true, f.Code, f.Message
		case BatchLateOutput:
			e.LateOutput = f.Shown
		case BatchStatusZero:
			e.StatusZero = f.Rows
		case BatchMissing:
			e.Missing = f.Rows
		case BatchUnknownStatus:
			e.OddStatus, e.OddShown = f.Text, f.Shown
		case BatchDamage:
			e.Damage, e.DamageFrom, e.DamageRows = f.Text, max(f.Line-1, 0), f.Rows
		}
	}
	return e
}

// readNewBatch reads the body of a creation.
func readNewBatch(raw string) (*simBatch, *apiError) {
	if !utf8.ValidString(raw) || !gjson.Valid(raw) {
		return nil, badJSON()
	}
	root := gjson.Parse(raw)
	if !root.IsObject() {
		return nil, badJSON()
	}
	b := &simBatch{OutputLife: fileLife}
	window := ""
	texts := map[string]*string{"input_file_id": &b.InputFileID, "endpoint": &b.Endpoint, "completion_window": &window}
	var bad *apiError
	root.ForEach(func(key, value gjson.Result) bool {
		switch name := key.Str; {
		case texts[name] != nil && value.Type == gjson.Null:
		case texts[name] != nil && value.Type != gjson.String:
			bad = wrongType(name, "a string", value)
		case texts[name] != nil:
			*texts[name] = value.Str
		case name == "metadata":
			b.Metadata, bad = readMetadata(value)
		case name == "output_expires_after":
			b.OutputLife, bad = readOutputLife(value)
		default:
			bad = badRequest("unknown_parameter", name, "Unknown parameter: '%s'.", name)
		}
		return bad == nil
	})
	for _, name := range []string{"input_file_id", "endpoint", "completion_window"} {
		if bad == nil && *texts[name] == "" {
			bad = badRequest("missing_required_parameter", name, "Missing required parameter: '%s'.", name)
		}
	}
	if bad == nil && window != onlyWindow {
		bad = badRequest("invalid_value", "completion_window", "Invalid value: '%s'. Value must be '24h'.", window)
	}
	return b, bad
}

// realEndpoints are those of the service's batches.
var realEndpoints = []string{
	"/v1/responses", "/v1/chat/completions", "/v1/embeddings", "/v1/completions", "/v1/moderations",
	"/v1/images/generations", "/v1/images/edits", "/v1/videos",
}

func batchEndpoint(path string) (*completionAPI, *apiError) {
	switch {
	case path == chatAPI.path:
		return chatAPI, nil
	case path == legacyAPI.path:
		return legacyAPI, nil
	case slices.Contains(realEndpoints, path):
		return nil, notSimulated("endpoint")
	}
	return nil, badRequest("invalid_value", "endpoint", "Invalid value: '%s'. Supported values are: '%s'.",
		path, strings.Join(realEndpoints, "', '"))
}

func readMetadata(value gjson.Result) (map[string]string, *apiError) {
	if value.Type == gjson.Null {
		return nil, nil
	}
	if !value.IsObject() {
		return nil, wrongType("metadata", "an object", value)
	}
	metadata := map[string]string{}
	var bad *apiError
	value.ForEach(func(key, value gjson.Result) bool {
		name := key.Str
		switch {
		case value.Type != gjson.String:
			bad = wrongType("metadata."+name, "a string", value)
		case utf8.RuneCountInString(name) > maxMetadataKey:
			bad = badRequest("property_name_above_max_length", "metadata",
				"Invalid property name in 'metadata': '%s' is too long. Expected a name of at most %d characters.", name, maxMetadataKey)
		case utf8.RuneCountInString(value.Str) > maxMetadataText:
			bad = badRequest("string_above_max_length", "metadata."+name,
				"Invalid 'metadata.%s': string too long. Expected a string with maximum length %d, but got a string with length %d instead.",
				name, maxMetadataText, utf8.RuneCountInString(value.Str))
		}
		metadata[name] = value.Str
		return bad == nil
	})
	if bad == nil && len(metadata) > maxMetadata {
		bad = badRequest("object_above_max_properties", "metadata", "Invalid 'metadata': too many properties. "+
			"Expected an object with at most %d properties, but got an object with %d properties instead.", maxMetadata, len(metadata))
	}
	return metadata, bad
}

func readOutputLife(value gjson.Result) (time.Duration, *apiError) {
	if value.Type == gjson.Null {
		return fileLife, nil
	}
	life := time.Duration(value.Get("seconds").Num) * time.Second
	if value.Get("anchor").Str != "created_at" || life < minFileLife || life > maxFileLife {
		return 0, badRequest("invalid_value", "output_expires_after",
			"Invalid 'output_expires_after': expected the anchor 'created_at' and from %d to %d seconds.",
			minFileLife/time.Second, maxFileLife/time.Second)
	}
	return life, nil
}

// lookAtBatch brings all batches up to date and returns the one that a call names.
func (s *Server) lookAtBatch(id string) (*simBatch, *apiError) {
	if err := s.settle(); err != nil {
		return nil, storageError(err)
	}
	b := s.jobs.batches[id]
	if b == nil || b.Appears.After(s.now()) {
		return nil, &apiError{status: http.StatusNotFound, message: fmt.Sprintf("No batch found with id '%s'.", id)}
	}
	return b, nil
}

func (s *Server) retrieveBatch(x *servedCall) response {
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	b, bad := s.lookAtBatch(x.call.Object)
	if bad != nil {
		return bad.reply()
	}
	x.call.Model = b.Model
	return jsonReply(s.spell(s.showLater(b)))
}

func (s *Server) listBatches(x *servedCall) response {
	limit, bad := limitOf(x, 20, 100)
	if bad != nil {
		return bad.reply()
	}
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	if err := s.settle(); err != nil {
		return storageError(err).reply()
	}
	all := s.jobs.oldestFirst()
	slices.Reverse(all)
	now := s.now()
	all = slices.DeleteFunc(all, func(b *simBatch) bool { return b.Listed.After(now) })
	all, l, bad := page(all, func(b *simBatch) string { return b.ID }, x.r.URL.Query().Get("after"), limit)
	if bad != nil {
		return bad.reply()
	}
	data := make([]any, len(all))
	for i, b := range all {
		data[i] = s.spell(s.showLater(b))
	}
	if s.opt.Together {
		return jsonReply(data)
	}
	l.Data = data
	return jsonReply(l)
}

func (s *Server) cancelBatch(x *servedCall) response {
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	b, bad := s.lookAtBatch(x.call.Object)
	if bad != nil {
		return bad.reply()
	}
	if b.ended() {
		return (&apiError{
			status:  http.StatusConflict,
			message: fmt.Sprintf("Cannot cancel a batch with status '%s'.", b.Status),
		}).reply()
	}
	x.call.Model = b.Model
	if b.Status != cancelling {
		b.Status, b.Cancelling = cancelling, s.now()
		if err := s.jobs.saveBatch(b); err != nil {
			return storageError(err).reply()
		}
	}
	return jsonReply(s.spell(s.show(b)))
}
