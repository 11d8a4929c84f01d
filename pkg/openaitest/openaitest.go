// Package openaitest is a simulated OpenAI API: an [http.Handler] that answers
// as the real service does, at a stated speed, within stated limits, and with
// the faults a test scripts.
//
// It serves
//
//	POST /v1/chat/completions
//	POST /v1/completions
//	POST /v1/embeddings
//	GET  /v1/models
//	GET  /v1/models/{id}
//	POST /v1/files
//	GET  /v1/files
//	GET  /v1/files/{id}
//	GET  /v1/files/{id}/content
//	DELETE /v1/files/{id}
//	POST /v1/batches
//	GET  /v1/batches
//	GET  /v1/batches/{id}
//	POST /v1/batches/{id}/cancel
//
// and answers anything else with 404 in the API's error form. No model stands
// behind it: unless [Options.Answer] says otherwise, an answer is [Baseline],
// which marks what the prompt's own demonstrations mark. An embedding is made of
// hashed words and trigrams of characters: texts that share many are near each
// other, and what they mean plays no part. So that nobody takes it for the real
// service, every answer has the header "x-simulated: true", every completion the
// system_fingerprint "simulated", and every id of a file or batch begins with
// file-sim or batch_sim.
//
// # Batches
//
// A batch goes through validating, in_progress and finalizing to completed,
// expired or cancelled, or from validating to failed, as long in each as
// [BatchRules.Phases] says by the simulation's clock: [Options.Now] and what
// [Server.Advance] has added. Nothing runs by itself. Each look at a file or
// batch first brings all batches to where they should be by then, so the look
// at which many rows come due takes the time of answering them. A batch does its
// rows in an order of its own, and that is the order of its files.
//
// The rules of [Options.Faults] hit its rows too; see [Fault]. A row is answered
// as the same call would be, but takes nothing from the rate limits.
//
// # Control
//
// What a test in the same process does by methods, a script does by HTTP. No key
// is needed, and these calls are neither logged nor counted:
//
//	GET  /_sim/now                                the clock: {"now":"2026-11-22T20:00:00Z"}
//	POST /_sim/advance?d=25h                      [Server.Advance]; answers as now does
//	POST /_sim/batches/{id}/state?to=S[&rows=N]   [Server.SetBatchState]; answers with the batch
//	GET  /_sim/billed                             [Server.Billed]: {"total":3,"prompts":{"3f…":1,…}}
//	GET  /_sim/bills                              [Server.Bills], a line of JSON each
//
// # Independence and differences
//
// It deliberately shares no code with any client, and its texts and rules are
// written down here a second time, so that client and simulation can't agree on
// the same mistake.
//
// Known differences from the real service: streaming, n other than 1, several
// legacy prompts in one call, message parts other than text and embeddings of
// tokens are refused with 400; stop, logprobs and tools are accepted and have no
// effect; of a response_format only the type and the schema's name are looked at,
// and any but json_schema has no effect; any model but a known one of the completions gives
// embeddings; a token is 4 bytes; a refused call takes nothing from the rate
// limits; a batch's endpoint is one of the two completions endpoints, and other
// files than those of batches are refused; a batch names at most 100 errors; a
// row that got an error is not tried again by the batch itself; an input file
// that is deleted is kept for the batches that still need it.
//
// Not known of the real service, and chosen here: the code batch_cancelled of the
// rows that a cancelled batch leaves; the code invalid_request for an input with
// too many lines or bytes, another method than POST or a custom_id that is no
// string; 200 for cancelling a batch that already is; and that a download takes
// a Range.
package openaitest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options says how a [Server] behaves. The zero value is a service without
// latency, limits or faults that takes any key and any model and keeps its log
// in memory.
type Options struct {
	// Key is the only accepted bearer key. Empty: any key that isn't empty.
	Key string

	// Models lists the models that exist. Empty: every model exists, and
	// GET /v1/models lists none.
	Models []string

	// Unsupported names request parameters that every model refuses with
	// 400 unsupported_parameter.
	Unsupported []string

	// RealModels lets models refuse what the real ones refuse, by their names, and reason:
	// that uses up max_completion_tokens, and at the usual effort more than 512 of them.
	// Otherwise only the gpt-5 family and the o-series refuse something, and none reasons.
	RealModels bool

	// CutPrompts is how many tokens of a prompt are read, and counted in the usage, as a
	// local server does whose context is small. 0: all.
	CutPrompts int

	// Latency passes before each answer and before each scripted fault; a
	// refusal (a bad request, a rate limit) comes at once. Jitter adds a
	// duration from [0, Jitter) to it, chosen by Seed and the call's number.
	Latency, Jitter time.Duration

	// Answer makes the answer's text from the prompt. nil: Baseline. It is
	// called from several goroutines at once. For a batch's rows it is called
	// while all other calls about files and batches wait.
	Answer func(prompt string) string

	// Faults go wrong as scripted. They are tried in order: the first that
	// hits decides, and the ones after it don't see the call.
	Faults []Fault

	// Seed makes Jitter and the Rate of Faults repeatable.
	Seed uint64

	// Now is the clock that files and batches live by. nil: time.Now. It is
	// called from several goroutines at once.
	Now func() time.Time

	// Dir is a folder that holds the files, batches and bills, so that a later
	// Server continues with them; it is made if need be. One Server at a time
	// may have it. The state survives a killed process. What Faults have
	// counted does not. Empty: all is in memory.
	Dir string

	RateLimits
	Logging
	FileRules
	BatchRules
	Dialect
	Door
}

// RateLimits say how many calls for completions and embeddings are allowed.
type RateLimits struct {
	// RPM and TPM are the requests and tokens a minute that are allowed.
	// Each bucket starts full and refills steadily. 0: no such limit, and
	// no x-ratelimit headers of that kind. A call costs its text's bytes/4,
	// rounded up, plus the answer tokens it asks for.
	RPM, TPM int

	// RPD is how many requests a day are allowed, in place of RPM.
	RPD int

	// Period is what RPM and TPM are allowed in, for tests that can't wait for a
	// minute. 0: a minute.
	Period time.Duration

	// Windows refills the buckets all at once at the end of each period, not
	// steadily.
	Windows bool

	// Hints says what the answers tell of the rate limits.
	Hints Hints

	// MaxInFlight refuses calls with 429, without retry-after, while more than
	// this many calls of any kind are in flight. 0: no limit.
	MaxInFlight int
}

// Logging says what is kept of the calls.
type Logging struct {
	// NoLog keeps no calls in memory; LogTo still gets them, and the
	// counters still count.
	NoLog bool

	// LogTo gets every call as a line of JSON, with one Write per call and
	// one at a time. The Server doesn't close it.
	LogTo io.Writer

	// KeepBodies records the request bodies in the log, but not the files.
	KeepBodies bool
}

// FileRules say what files the service takes and how it returns them.
type FileRules struct {
	// MaxUploadBytes limits an upload. 0: 512 MiB, as the real service does.
	MaxUploadBytes int64

	// Processing is how long an upload is pending, as Azure's are, until a batch may name it.
	Processing time.Duration

	// Redirects sends downloads on to a store under another host name, which refuses calls
	// that say who asks.
	Redirects bool

	// NoRanges ignores the header Range, so that a download that broke has to
	// begin again.
	NoRanges bool
}

// BatchRules say which batches the service takes, and how it does them.
type BatchRules struct {
	// Phases says how long a batch takes.
	Phases Phases

	// EnqueuedTokens is how many prompt tokens of one model the batches at
	// work may have together; one that would exceed it fails its validation.
	// 0: no limit.
	EnqueuedTokens int

	// BatchesPerHour is how many batches can be created in an hour. 0: no
	// limit.
	BatchesPerHour int

	// MaxBatchBytes and MaxBatchLines limit a batch's input. 0: 209,715,200 and
	// 50,000, as the real service does.
	MaxBatchBytes int64
	MaxBatchLines int

	// BadRowsInOutput puts the rows that got an HTTP error into a batch's
	// output file. Both places have been seen; by default it is the error file.
	BadRowsInOutput bool

	// InOrder lets a batch do its rows in the order of its input. By default
	// it is another order, which depends on Seed and on the batch's number.
	InOrder bool

	// ListDelay is how long a new batch is missing from the list of batches; by
	// its id it is there at once.
	ListDelay time.Duration
}

// Dialect says how the answers differ from those of the real service.
type Dialect struct {
	// Headers are added to every answer about completions and embeddings,
	// whatever they say.
	Headers map[string]string

	// EmptyFileIDs shows a file that a batch doesn't have as "" and not as null.
	EmptyFileIDs bool

	// LoudStatus shows a batch's status in upper case, and PROGRESS for
	// in_progress. TextDates shows dates as text.
	LoudStatus, TextDates bool

	// Together takes uploads as Together does (another path, and purpose), puts a new batch
	// into "job", lists batches as an array, and shows no metadata.
	Together bool

	// ErrorsAs is "text", "list" or "object" for a batch's errors that are not a
	// list under "data".
	ErrorsAs string
}

// Phases is how long a batch stays in each state. The zero value makes it
// complete at the first look after its creation.
type Phases struct {
	Validating time.Duration

	// A batch of n rows is in progress for InProgress and n times PerRow, and
	// in that time does its rows at a steady rate.
	InProgress, PerRow time.Duration

	Finalizing, Cancelling time.Duration

	// Window is how long the completion window of 24h really is. 0: 24 hours.
	Window time.Duration
}

// Server is the simulated API. It may be used by many goroutines at once, and
// it starts none of its own.
type Server struct {
	opt    Options
	limits *limiter
	script *script
	log    *callLog
	bills  *billing
	jobs   *jobs
	closed chan struct{}
	close  func()

	calls, answered, connections atomic.Int64
	inFlight, maxInFlight        atomic.Int64
	seen                         sync.Map // remote addresses
}

// New returns a simulated API. It panics where Open returns an error; with valid
// rules, such as those from [ReadFaults], and without a Dir that is never.
func New(opt Options) *Server {
	s, err := Open(opt)
	if err != nil {
		panic("openaitest: " + err.Error())
	}
	return s
}

// Open returns a simulated API that continues from the state in opt.Dir, if any.
// It returns an error if that can't be read, or if a rule in opt.Faults is not a
// valid one.
func Open(opt Options) (*Server, error) {
	for i, f := range opt.Faults {
		if err := f.check(); err != nil {
			return nil, fmt.Errorf("fault %d: %w", i+1, err)
		}
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	orDefault(&opt.Phases.Window, 24*time.Hour)
	orDefault(&opt.MaxUploadBytes, maxUpload)
	orDefault(&opt.MaxBatchBytes, maxBatchBytes)
	orDefault(&opt.MaxBatchLines, maxBatchLines)
	s := &Server{
		opt:    opt,
		limits: newLimiter(&opt),
		script: newScript(opt.Faults, opt.Seed),
		log:    &callLog{keep: !opt.NoLog, to: opt.LogTo},
		bills:  &billing{},
		jobs:   newJobs(opt.Dir),
		closed: make(chan struct{}),
	}
	s.close = sync.OnceFunc(func() { close(s.closed) })
	if opt.Dir != "" {
		if err := s.load(); err != nil {
			return nil, fmt.Errorf("load state: %w", err)
		}
	}
	return s, nil
}

func orDefault[T comparable](v *T, otherwise T) {
	if zero := *new(T); *v == zero {
		*v = otherwise
	}
}

// Close cuts the connections of the calls that wait, out of latency or because
// of a fault that hangs, and of later calls that would. It lets
// [net/http/httptest.Server.Close] and [http.Server.Shutdown] end without
// waiting for them. It does not close LogTo.
func (s *Server) Close() { s.close() }

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Simulated", "true")
	if _, path, ok := strings.Cut(r.URL.Path, "/_sim/"); ok {
		s.control(w, r, path)
		return
	}
	bad := s.enter(r)
	if op := strings.TrimPrefix(r.URL.Path, "/v1/"); strings.HasSuffix(op, "completions") || op == "embeddings" {
		for name, value := range s.opt.Headers {
			w.Header().Set(name, value)
		}
	}
	x := s.begin(w, r)
	defer x.settle(0) // a call that panics must not count as in flight for ever
	w.Header().Set("X-Request-Id", "req_simulated_"+strconv.FormatInt(x.call.Seq, 10))
	if bad != nil {
		x.send(bad.reply())
		return
	}
	x.send(s.route(x))
}

// route picks the endpoint. http.ServeMux would answer a wrong method or a
// doubled slash in its own way, which the real service doesn't.
func (s *Server) route(x *servedCall) response {
	method, path := x.r.Method, x.r.URL.Path
	switch endpoint := method + " " + path; endpoint {
	case "POST " + chatAPI.path:
		return s.complete(x, chatAPI)
	case "POST " + legacyAPI.path:
		return s.complete(x, legacyAPI)
	case "POST /v1/embeddings":
		return s.embed(x)
	case "GET /v1/models":
		return s.models(x, "")
	case "POST /v1/files":
		return s.serve(x, opUpload, "", s.createFile)
	case "POST /v1/files/upload":
		if s.opt.Together {
			return s.serve(x, opUpload, "", s.createFile)
		}
	case "GET /v1/files":
		return s.serve(x, opListFiles, "", s.listFiles)
	case "POST /v1/batches":
		return s.serve(x, opCreateBatch, "", s.createBatch)
	case "GET /v1/batches":
		return s.serve(x, opListBatches, "", s.listBatches)
	}
	if id, ok := between(path, "/v1/models/", ""); ok && method == http.MethodGet {
		return s.models(x, id)
	}
	for _, e := range oneObject {
		if id, ok := between(path, e.before, e.after); ok && method == e.method && !strings.Contains(id, "/") {
			return s.serve(x, e.op, id, func(x *servedCall) response { return e.do(s, x) })
		}
	}
	return (&apiError{
		status:  http.StatusNotFound,
		message: fmt.Sprintf("Invalid URL (%s %s)", method, path),
	}).reply()
}

// oneObject are the endpoints about one file or batch.
var oneObject = []struct {
	method, before, after string
	op                    string
	do                    func(*Server, *servedCall) response
}{
	{http.MethodGet, "/v1/files/", "/content", opDownload, (*Server).downloadFile},
	{http.MethodGet, "/v1/files/", "", opFile, (*Server).retrieveFile},
	{http.MethodDelete, "/v1/files/", "", opDeleteFile, (*Server).deleteFile},
	{http.MethodGet, "/v1/batches/", "", opBatch, (*Server).retrieveBatch},
	{http.MethodPost, "/v1/batches/", "/cancel", opCancelBatch, (*Server).cancelBatch},
}

// between returns what stands between two parts of a path, unless it is nothing.
func between(path, before, after string) (string, bool) {
	rest, ok := strings.CutPrefix(path, before)
	if !ok {
		return "", false
	}
	id, ok := strings.CutSuffix(rest, after)
	return id, ok && id != ""
}

// serve answers a call about files or batches: key, fault, and then what do says,
// which finds the id of the file or batch in the call's Object.
func (s *Server) serve(x *servedCall, op, id string, do func(*servedCall) response) response {
	x.call.Op, x.call.Object = op, id
	if op == opDownload && s.opt.Redirects {
		if rep, ok := redirect(x.r); ok {
			return rep
		}
		return do(x)
	}
	if bad := s.checkKey(x.r); bad != nil {
		return x.afterBody(bad.reply())
	}
	f := s.script.hit(attempt{op: op, path: x.r.URL.Path, prompt: s.fileName(op, id)})
	var rep response
	switch {
	case f == nil:
		rep = do(x)
	case f.Kind == Reset:
		rep = f.spoil(rep)
	case f.prevents():
		rep = x.afterBody(f.spoil(rep))
	case f.Kind == LateBatch:
		x.hide = f.After
		rep = f.spoil(do(x))
	default:
		if f.Kind == Gzip {
			x.r.Header.Del("Range") // of which bytes would it be?
		}
		rep = f.spoil(do(x))
	}
	rep.wait += s.latency(x.call.Seq)
	return rep
}

// afterBody reads the rest of the request and returns the reply. A client that is
// still sending when the connection closes may never see the answer.
func (x *servedCall) afterBody(rep response) response {
	if _, err := io.Copy(io.Discard, x.r.Body); err != nil && x.r.Context().Err() == nil && rep.ending == never {
		rep.ending = nothing // net/http can't tell when such a client leaves
	}
	return rep
}

// checkKey refuses a call without the right key.
func (s *Server) checkKey(r *http.Request) *apiError {
	key, misplaced := s.keyOf(r)
	switch {
	case misplaced:
		return wrongKey("in Authorization")
	case s.opt.KeyHeader == NoKey:
		return nil
	case key == "" || s.opt.Key != "" && key != s.opt.Key:
		return wrongKey(key)
	}
	return nil
}

// pause waits, and reports whether the full time passed before the client went
// away or the server was closed. With forever it only ends that way.
func (s *Server) pause(ctx context.Context, d time.Duration, forever bool) bool {
	if d <= 0 && !forever {
		return true
	}
	var over <-chan time.Time
	if !forever {
		timer := time.NewTimer(d)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-over:
		return true
	case <-ctx.Done():
	case <-s.closed:
	}
	return false
}

// reply is what a call gets.
type response struct {
	status      int
	contentType string // "": application/json
	header      http.Header
	body        []byte
	content     *section // in place of body, for what is too long for it
	bills       []Bill   // what the answer costs
	answered    bool     // a whole good answer, once it is written
	wait        time.Duration
	ending      ending
	fault       FaultKind
}

// section is a part of a blob that is sent as it is read.
type section struct {
	blob        readerAtCloser
	start, size int64
}

// length is how long the whole body is.
func (rep *response) length() int64 {
	if rep.content != nil {
		return rep.content.size
	}
	return int64(len(rep.body))
}

// write writes the bytes from start to end of the body.
func (rep *response) write(w io.Writer, start, end int64) error {
	if rep.content == nil {
		_, err := w.Write(rep.body[start:end])
		return err
	}
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	r := io.NewSectionReader(rep.content.blob, rep.content.start+start, end-start)
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, *buf)
	return err
}

func (rep *response) close() {
	if rep.content != nil {
		_ = rep.content.blob.Close()
	}
}

// ending is how much of a reply is written.
type ending int

const (
	whole ending = iota
	halfBody
	nothing
	never
)

// servedCall is one call, from its arrival to its answer's last byte.
type servedCall struct {
	srv     *Server
	w       http.ResponseWriter
	r       *http.Request
	call    Call
	settled bool
	hide    time.Duration // how long the batch that the call makes stays out of sight
}

func (s *Server) begin(w http.ResponseWriter, r *http.Request) *servedCall {
	x := &servedCall{srv: s, w: w, r: r}
	x.call = Call{
		Seq:      s.calls.Add(1),
		Start:    time.Now(),
		Method:   r.Method,
		Path:     r.URL.Path,
		InFlight: int(s.inFlight.Add(1)),
		Remote:   r.RemoteAddr,
	}
	for n := int64(x.call.InFlight); ; {
		old := s.maxInFlight.Load()
		if n <= old || s.maxInFlight.CompareAndSwap(old, n) {
			break
		}
	}
	if _, known := s.seen.Load(r.RemoteAddr); !known {
		if _, known = s.seen.LoadOrStore(r.RemoteAddr, true); !known {
			s.connections.Add(1)
		}
	}
	return x
}

// readBody reads the whole request body, and refuses one that is too long or
// not declared as JSON.
func (x *servedCall) readBody() (string, *apiError) {
	var text strings.Builder
	if n := x.r.ContentLength; n > 0 && n <= maxBody {
		text.Grow(int(n))
	}
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	_, err := io.CopyBuffer(&text, http.MaxBytesReader(x.w, x.r.Body, maxBody), *buf)
	if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
		return text.String(), &apiError{
			status:  http.StatusRequestEntityTooLarge,
			message: fmt.Sprintf("Maximum content size limit (%d) exceeded", maxBody),
		}
	} else if err != nil {
		return text.String(), badRequest("", "", "The request body could not be read.")
	}
	declared := x.r.Header.Get("Content-Type")
	kind, _, _ := strings.Cut(declared, ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "application/json") {
		return text.String(), badRequest("unsupported_content_type", "",
			"Unsupported content type: '%s'. This API method only accepts 'application/json' requests, "+
				"but you specified the header 'Content-Type: %[1]s'. "+
				"Please try again with a supported content type.", declared)
	}
	return text.String(), nil
}

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 16<<10); return &b }}

// send waits as the reply says and writes it.
func (x *servedCall) send(rep response) {
	defer rep.close()
	x.call.Fault = rep.fault
	if !x.srv.pause(x.r.Context(), rep.wait, rep.ending == never) {
		x.settle(0)
		if x.r.Context().Err() == nil {
			x.cut()
		}
		return
	}
	x.srv.bills.addCall(rep.bills)
	if rep.ending == nothing {
		x.settle(0)
		x.cut()
		return
	}
	x.writeHead(rep)
	if rep.ending == halfBody {
		_ = rep.write(x.w, 0, rep.length()/2)
		_ = http.NewResponseController(x.w).Flush()
		x.settle(rep.status)
		x.cut()
		return
	}
	// The call is settled before its last byte, so a client that has the
	// whole answer finds it in the log and no longer in flight.
	last := max(rep.length()-1, 0)
	err := rep.write(x.w, 0, last)
	x.call.Answered = rep.answered && err == nil && x.r.Context().Err() == nil
	x.settle(rep.status)
	_ = rep.write(x.w, last, rep.length())
}

func (x *servedCall) writeHead(rep response) {
	h := x.w.Header()
	for name, values := range rep.header {
		h[name] = values
	}
	if rep.contentType == "" {
		rep.contentType = "application/json"
	}
	h.Set("Content-Type", rep.contentType)
	h.Set("Content-Length", strconv.FormatInt(rep.length(), 10))
	x.w.WriteHeader(rep.status)
}

// cut ends the connection at once: with a reset where it is a TCP connection of
// its own, and otherwise as net/http aborts a handler.
func (x *servedCall) cut() {
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	raw := conn
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		raw = secure.NetConn()
	}
	if tcp, ok := raw.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // what hasn't been sent is dropped, and the peer gets an RST
	}
	_ = raw.Close()
}

// settle ends the accounting of the call: once, before its last byte leaves.
func (x *servedCall) settle(status int) {
	if x.settled {
		return
	}
	x.settled = true
	x.call.Status = status
	x.call.Duration = time.Since(x.call.Start)
	if x.call.Answered {
		x.srv.answered.Add(1)
	}
	x.srv.log.add(x.call)
	x.srv.inFlight.Add(-1)
}
