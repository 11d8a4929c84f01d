// Package openaitest is a simulated OpenAI API: an [http.Handler] that answers
// as the real service does, at a stated speed, within stated limits, and with
// the faults a test scripts.
//
// It serves
//
//	POST /v1/chat/completions
//	POST /v1/completions
//	GET  /v1/models
//	GET  /v1/models/{id}
//
// and answers anything else with 404 in the API's error form. No model stands
// behind it: unless [Options.Answer] says otherwise, an answer is [Baseline],
// which marks what the prompt's own demonstrations mark. So that nobody takes
// it for the real service, every answer has the header "x-simulated: true" and
// every completion the system_fingerprint "simulated".
//
// It deliberately shares no code with any client, and its texts and rules are
// written down here a second time, so that client and simulation can't agree on
// the same mistake.
//
// Known differences from the real service: streaming, n other than 1, several
// legacy prompts in one call and message parts other than text are refused with
// 400; stop, logprobs, tools and response_format are accepted and have no
// effect; a token is 4 bytes; a refused call takes nothing from the rate
// limits.
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

	// Latency passes before each answer and before each scripted fault; a
	// refusal (a bad request, a rate limit) comes at once. Jitter adds a
	// duration from [0, Jitter) to it, chosen by Seed and the call's number.
	Latency, Jitter time.Duration

	// RPM and TPM are the requests and tokens a minute that are allowed.
	// Each bucket starts full and refills steadily. 0: no such limit, and
	// no x-ratelimit headers of that kind. A call costs its text's bytes/4,
	// rounded up, plus the answer tokens it asks for.
	RPM, TPM int

	// MaxInFlight refuses calls to the completions endpoints with 429,
	// without retry-after, while more than this many calls of any kind are
	// in flight. 0: no limit.
	MaxInFlight int

	// Answer makes the answer's text from the prompt. nil: Baseline. It is
	// called from several goroutines at once.
	Answer func(prompt string) string

	// Faults go wrong as scripted. They are tried in order: the first that
	// hits decides, and the ones after it don't see the call.
	Faults []Fault

	// Seed makes Jitter and Fault.Rate repeatable.
	Seed uint64

	// NoLog keeps no calls in memory; LogTo still gets them, and the
	// counters still count.
	NoLog bool

	// LogTo gets every call as a line of JSON, with one Write per call and
	// one at a time. The Server doesn't close it.
	LogTo io.Writer

	// KeepBodies records the request bodies in the log.
	KeepBodies bool
}

// Server is the simulated API. It may be used by many goroutines at once, and
// it starts none of its own.
type Server struct {
	opt    Options
	limits *limiter
	script *script
	log    *journal
	closed chan struct{}
	close  func()

	calls, answered, connections atomic.Int64
	inFlight, maxInFlight        atomic.Int64
	seen                         sync.Map // remote addresses
}

// New returns a simulated API. It panics if a rule in opt.Faults is not a valid
// one; rules that came from [ReadFaults] are.
func New(opt Options) *Server {
	for i, f := range opt.Faults {
		if err := f.check(); err != nil {
			panic(fmt.Sprintf("openaitest: fault %d: %v", i+1, err))
		}
	}
	if opt.Answer == nil {
		opt.Answer = Baseline
	}
	s := &Server{
		opt:    opt,
		limits: newLimiter(opt.RPM, opt.TPM),
		script: newScript(opt.Faults, opt.Seed),
		log:    &journal{keep: !opt.NoLog, to: opt.LogTo},
		closed: make(chan struct{}),
	}
	s.close = sync.OnceFunc(func() { close(s.closed) })
	return s
}

// Close cuts the connections of the calls that wait, out of latency or because
// of a fault that hangs, and of later calls that would. It lets
// [net/http/httptest.Server.Close] and [http.Server.Shutdown] end without
// waiting for them. It does not close Options.LogTo.
func (s *Server) Close() { s.close() }

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := s.begin(w, r)
	defer x.settle(0, false) // a call that panics must not count as in flight for ever
	w.Header().Set("X-Simulated", "true")
	w.Header().Set("X-Request-Id", "req_simulated_"+strconv.FormatInt(x.call.Seq, 10))
	x.send(s.route(x))
}

// route picks the endpoint. http.ServeMux would answer a wrong method or a
// doubled slash in its own way, which the real service doesn't.
func (s *Server) route(x *exchange) reply {
	method, path := x.r.Method, x.r.URL.Path
	id, oneModel := strings.CutPrefix(path, "/v1/models/")
	switch {
	case method == http.MethodPost && path == chatAPI.path:
		return s.complete(x, chatAPI)
	case method == http.MethodPost && path == legacyAPI.path:
		return s.complete(x, legacyAPI)
	case method == http.MethodGet && path == "/v1/models":
		return s.models(x, "")
	case method == http.MethodGet && oneModel && id != "":
		return s.models(x, id)
	}
	return (&apiError{
		status:  http.StatusNotFound,
		message: fmt.Sprintf("Invalid URL (%s %s)", method, path),
	}).reply()
}

// checkKey refuses a call without the right bearer key.
func (s *Server) checkKey(r *http.Request) *apiError {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		key = ""
	}
	key = strings.TrimSpace(key)
	if key == "" || s.opt.Key != "" && key != s.opt.Key {
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
type reply struct {
	status      int
	contentType string // "": application/json
	header      http.Header
	body        []byte
	answered    bool // a whole good answer, once it is written
	wait        time.Duration
	ending      ending
	fault       Kind
}

// ending is how much of a reply is written.
type ending int

const (
	whole ending = iota
	halfBody
	nothing
	never
)

// exchange is one call, from its arrival to its answer's last byte.
type exchange struct {
	srv     *Server
	w       http.ResponseWriter
	r       *http.Request
	call    Call
	settled bool
}

func (s *Server) begin(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{srv: s, w: w, r: r}
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
func (x *exchange) readBody() (string, *apiError) {
	var text strings.Builder
	if n := x.r.ContentLength; n > 0 && n <= maxBody {
		text.Grow(int(n))
	}
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	_, err := io.CopyBuffer(&text, http.MaxBytesReader(x.w, x.r.Body, maxBody), *buf)
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
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
func (x *exchange) send(rep reply) {
	x.call.Fault = rep.fault
	if !x.srv.pause(x.r.Context(), rep.wait, rep.ending == never) {
		x.settle(0, false)
		if x.r.Context().Err() == nil {
			x.cut()
		}
		return
	}
	if rep.ending == nothing {
		x.settle(0, false)
		x.cut()
		return
	}
	x.writeHead(rep)
	if rep.ending == halfBody {
		_, _ = x.w.Write(rep.body[:len(rep.body)/2])
		_ = http.NewResponseController(x.w).Flush()
		x.settle(rep.status, false)
		x.cut()
		return
	}
	// The call is settled before its last byte, so a client that has the
	// whole answer finds it in the log and no longer in flight.
	last := max(len(rep.body)-1, 0)
	_, err := x.w.Write(rep.body[:last])
	x.settle(rep.status, rep.answered && err == nil && x.r.Context().Err() == nil)
	_, _ = x.w.Write(rep.body[last:])
}

func (x *exchange) writeHead(rep reply) {
	h := x.w.Header()
	for name, values := range rep.header {
		h[name] = values
	}
	if rep.contentType == "" {
		rep.contentType = "application/json"
	}
	h.Set("Content-Type", rep.contentType)
	h.Set("Content-Length", strconv.Itoa(len(rep.body)))
	x.w.WriteHeader(rep.status)
}

// cut ends the connection at once: with a reset where it is a TCP connection of
// its own, and otherwise as net/http aborts a handler.
func (x *exchange) cut() {
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
func (x *exchange) settle(status int, answered bool) {
	if x.settled {
		return
	}
	x.settled = true
	x.call.Status = status
	x.call.Answered = answered
	x.call.Duration = time.Since(x.call.Start)
	if answered {
		x.srv.answered.Add(1)
	}
	x.srv.log.add(x.call)
	x.srv.inFlight.Add(-1)
}
