package openaitest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Call is one finished call, as the log keeps it. In a JSONL log it is one line.
type Call struct {
	Seq      int64         `json:"seq"` // order of arrival, from 1
	Start    time.Time     `json:"start"`
	Duration time.Duration `json:"duration_ns"`
	Method   string        `json:"method"`
	Path     string        `json:"path"`
	Model    string        `json:"model,omitempty"`

	// Op is the endpoint by its name in the API's published description, such
	// as createBatch. It is empty for a call to no endpoint.
	Op string `json:"op,omitempty"`

	// Object is the file or batch that the call made or named.
	Object string `json:"object,omitempty"`

	// PromptSHA is the first 12 hex digits of the SHA-256 of the prompt's
	// text. For chat that is the last message of the role user.
	PromptSHA string `json:"prompt_sha,omitempty"`

	// Status is the HTTP status sent, or 0 if none was.
	Status int `json:"status"`

	// Answered says that a whole good answer to a prompt was written to the
	// client: 200, valid JSON, text that isn't empty, finish_reason stop.
	// It is set just before the answer's last byte leaves, so the log may
	// claim an answer that the client didn't live to read, but never lacks
	// one that it has.
	Answered bool `json:"answered"`

	Fault    FaultKind `json:"fault,omitempty"`
	InFlight int       `json:"in_flight"` // calls in flight at the start, with this one
	Remote   string    `json:"remote"`    // the client's address: one for each connection
	BodySHA  string    `json:"body_sha,omitempty"`
	Body     string    `json:"body,omitempty"` // with Options.KeepBodies
}

// Log returns the finished calls in the order in which they finished. A call is
// in it before the client can have its answer's last byte.
func (s *Server) Log() []Call { return s.log.all() }

// LogErr returns the first error of writing to Options.LogTo, or bills to
// Options.Dir.
func (s *Server) LogErr() error {
	if err := s.bills.firstErr(); err != nil {
		return fmt.Errorf("write bills: %w", err)
	}
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.err
}

// Calls counts the calls that have arrived.
func (s *Server) Calls() int { return int(s.calls.Load()) }

// Answered counts the calls whose Call.Answered is true.
func (s *Server) Answered() int { return int(s.answered.Load()) }

// MaxInFlight is the highest number of calls that were in flight at once.
func (s *Server) MaxInFlight() int { return int(s.maxInFlight.Load()) }

// Connections counts the connections that calls have come by. A connection is
// known by the client's address, so it takes a real network to be right.
func (s *Server) Connections() int { return int(s.connections.Load()) }

// journal is the request log.
type callLog struct {
	keep bool
	to   io.Writer

	mu    sync.Mutex
	calls []Call
	err   error
}

func (j *callLog) on() bool { return j.keep || j.to != nil }

func (j *callLog) add(c Call) {
	if !j.on() {
		return
	}
	var line []byte
	var err error
	if j.to != nil {
		line, err = json.Marshal(c)
		line = append(line, '\n')
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.keep {
		j.calls = append(j.calls, c)
	}
	if j.to != nil && err == nil {
		_, err = j.to.Write(line)
	}
	if err != nil && j.err == nil {
		j.err = fmt.Errorf("write request log: %w", err)
	}
}

func (j *callLog) all() []Call {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.calls)
}

// note adds what a completion's body tells to the log's entry.
func (x *servedCall) note(raw string, req completionRequest) {
	x.call.Model = strings.Clone(req.model) // or it would keep the whole body
	if req.hasPrompt && x.srv.log.on() {
		x.call.PromptSHA = promptSHA(req.prompt)
	}
	x.noteBody(raw)
}

// noteBody adds the request's body to the log's entry.
func (x *servedCall) noteBody(raw string) {
	if !x.srv.log.on() {
		return
	}
	sum := sha256.Sum256([]byte(raw))
	x.call.BodySHA = hex.EncodeToString(sum[:])
	if x.srv.opt.KeepBodies {
		x.call.Body = raw
	}
}
