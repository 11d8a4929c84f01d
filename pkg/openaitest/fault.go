package openaitest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Kind names what goes wrong.
type Kind string

// The kinds of faults. Those from EmptyChoices on are answers that are whole,
// and hit calls to the completion endpoints only.
const (
	Status               Kind = "status"                // an error answer, from Fault's fields
	Reset                Kind = "reset"                 // the connection is reset before any answer
	ResetMidBody         Kind = "reset_mid_body"        // … after half of the answer
	TruncatedJSON        Kind = "truncated_json"        // complete HTTP that holds half of the JSON
	Hang                 Kind = "hang"                  // no answer until the client leaves
	Slow                 Kind = "slow"                  // the right answer after Fault.Latency more
	InsufficientQuota    Kind = "insufficient_quota"    // 429, with the code insufficient_quota
	Unauthorized         Kind = "unauthorized"          // 401 invalid_api_key
	UnsupportedParameter Kind = "unsupported_parameter" // 400 where the body has Fault.Param
	ContextLength        Kind = "context_length"        // 400 context_length_exceeded
	NoContentType        Kind = "no_content_type"       // the right answer, as text/plain

	EmptyChoices  Kind = "empty_choices"
	NullContent   Kind = "null_content"
	EmptyContent  Kind = "empty_content"
	Refusal       Kind = "refusal"        // null content and a refusal; chat only
	Length        Kind = "length"         // half of the answer, finish_reason length
	ContentFilter Kind = "content_filter" // half of the answer, finish_reason content_filter
	LineBreak     Kind = "line_break"     // the answer with a line break for a space
	Text          Kind = "text"           // Fault.Text, and nothing else, as the answer
)

// scope is what a kind can hit.
type scope int

const (
	anyCall scope = iota + 1
	anyCompletion
	chatOnly
)

var scopes = map[Kind]scope{
	Status: anyCall, Reset: anyCall, ResetMidBody: anyCall, TruncatedJSON: anyCall, Hang: anyCall, Slow: anyCall,
	InsufficientQuota: anyCall, Unauthorized: anyCall, UnsupportedParameter: anyCompletion, ContextLength: anyCompletion,
	NoContentType: anyCall, EmptyChoices: anyCompletion, NullContent: anyCompletion, EmptyContent: anyCompletion,
	Refusal: chatOnly, Length: anyCompletion, ContentFilter: anyCompletion, LineBreak: anyCompletion, Text: anyCompletion,
}

// Fault is a rule that makes some calls go wrong. Calls that are refused for
// what they are (a bad request, a wrong key, over the limits) never meet one.
type Fault struct {
	Kind Kind `json:"kind"`

	// A call matches if its prompt contains Contains, its model is Model and
	// its path begins with Path. Empty: any.
	Contains string `json:"contains"`
	Model    string `json:"model"`
	Path     string `json:"path"`

	// Of the matching calls, the first Skip pass. Of the rest each Every-th
	// is hit (0 and 1: each), with the probability Rate (0: always), until
	// Times calls have been hit (0: no end).
	Skip  int     `json:"skip"`
	Every int     `json:"every"`
	Rate  float64 `json:"rate"`
	Times int     `json:"times"`

	// PerPrompt counts for each distinct prompt on its own, so that Times: 1
	// is "the first call of each row".
	PerPrompt bool `json:"per_prompt"`

	// Latency is added to that of the call, for any kind.
	Latency time.Duration `json:"latency"`

	// What an error answer holds. Status is for the kind status, 200 to 599;
	// the other kinds have their own. Empty fields get what the service
	// would say. Retry-After headers are sent as they stand, if any.
	Status       int    `json:"status"`
	Type         string `json:"type"`
	Code         string `json:"code"`
	Message      string `json:"message"`
	Param        string `json:"param"`
	RetryAfter   string `json:"retry_after"`
	RetryAfterMS string `json:"retry_after_ms"`

	// Body replaces the whole body of an error answer. ContentType is its
	// type; empty: text/html if it begins with "<", application/json if not.
	Body        string `json:"body"`
	ContentType string `json:"content_type"`

	// Text is the answer for the kind text.
	Text string `json:"text"`
}

// ReadFaults reads a JSON array of rules. In JSON a rule's latency is a string
// such as "250ms", and retry_after and retry_after_ms are numbers or strings.
// An unknown field, an unknown kind or a value that makes no sense is an error
// that names the rule, counted from 1.
func ReadFaults(r io.Reader) ([]Fault, error) {
	dec := json.NewDecoder(r)
	var rules []json.RawMessage
	if err := dec.Decode(&rules); err != nil {
		return nil, fmt.Errorf("read faults: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("read faults: more text after the array")
	}
	faults := make([]Fault, len(rules))
	for i, rule := range rules {
		if err := faults[i].decode(rule); err != nil {
			return nil, fmt.Errorf("read faults: fault %d: %w", i+1, err)
		}
	}
	return faults, nil
}

func (f *Fault) decode(rule []byte) error {
	form := struct {
		*Fault
		Latency      jsonDuration `json:"latency"`
		RetryAfter   jsonHeader   `json:"retry_after"`
		RetryAfterMS jsonHeader   `json:"retry_after_ms"`
	}{Fault: f}
	dec := json.NewDecoder(bytes.NewReader(rule))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&form); err != nil {
		return err
	}
	f.Latency = time.Duration(form.Latency)
	f.RetryAfter, f.RetryAfterMS = string(form.RetryAfter), string(form.RetryAfterMS)
	return f.check()
}

// jsonDuration is a duration in Go's notation.
type jsonDuration time.Duration

func (d *jsonDuration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = jsonDuration(parsed)
	return err
}

// jsonHeader is a header's value: a string, or a number as it is written.
type jsonHeader string

func (h *jsonHeader) UnmarshalJSON(b []byte) error {
	if b[0] == '"' {
		return json.Unmarshal(b, (*string)(h))
	}
	var n json.Number
	err := json.Unmarshal(b, &n)
	*h = jsonHeader(n)
	return err
}

// check finds what makes no sense in a rule.
func (f *Fault) check() error {
	switch _, known := scopes[f.Kind]; {
	case f.Kind == "":
		return errors.New("no kind")
	case !known:
		return fmt.Errorf("unknown kind %q", f.Kind)
	case f.Skip < 0 || f.Times < 0 || f.Every < 0 || f.Latency < 0:
		return errors.New("skip, times, every and latency can't be negative")
	case f.Rate < 0 || f.Rate > 1:
		return fmt.Errorf("rate %v is not between 0 and 1", f.Rate)
	case f.Kind == Status && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("status %d is not between 200 and 599", f.Status)
	case f.Kind != Status && f.Status != 0:
		return fmt.Errorf("kind %s has a status of its own", f.Kind)
	case f.Kind == Slow && f.Latency == 0:
		return errors.New("kind slow needs a latency")
	case f.Kind == UnsupportedParameter && f.Param == "":
		return errors.New("kind unsupported_parameter needs a param")
	}
	return nil
}

// attempt is what a rule can see of a call.
type attempt struct {
	path, model, prompt string
	given               []string       // parameters in the body
	api                 *completionAPI // nil: no completion
}

func (f *Fault) matches(a attempt) bool {
	switch scopes[f.Kind] {
	case anyCompletion:
		if a.api == nil {
			return false
		}
	case chatOnly:
		if a.api == nil || !a.api.chat {
			return false
		}
	}
	return strings.Contains(a.prompt, f.Contains) &&
		(f.Model == "" || f.Model == a.model) &&
		strings.HasPrefix(a.path, f.Path) &&
		(f.Kind != UnsupportedParameter || slices.Contains(a.given, f.Param))
}

// script is the rules with their counts.
type script struct {
	seed  uint64
	mu    sync.Mutex
	rules []rule
}

type rule struct {
	Fault
	counts map[promptKey]*count
}

// promptKey tells prompts apart; the zero key is for counting all together.
type promptKey [sha256.Size]byte

type count struct{ matched, hit int }

func newScript(faults []Fault, seed uint64) *script {
	s := &script{seed: seed}
	for _, f := range faults {
		s.rules = append(s.rules, rule{f, map[promptKey]*count{}})
	}
	return s
}

// hit returns the first rule that hits the call, or nil.
func (s *script) hit(a attempt) *Fault {
	for i := range s.rules {
		if r := &s.rules[i]; r.matches(a) && s.counts(i, r, a) {
			return &r.Fault
		}
	}
	return nil
}

// counts counts a matching call and reports whether it is one to hit.
func (s *script) counts(i int, r *rule, a attempt) bool {
	var key promptKey
	if r.PerPrompt {
		key = sha256.Sum256([]byte(a.prompt))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := r.counts[key]
	if c == nil {
		c = new(count)
		r.counts[key] = c
	}
	c.matched++
	n := c.matched - r.Skip
	if n <= 0 || r.Times > 0 && c.hit >= r.Times || r.Every > 1 && n%r.Every != 0 {
		return false
	}
	if r.Rate > 0 && fraction(s.seed, uint64(i), binary.LittleEndian.Uint64(key[:]), uint64(n)) >= r.Rate {
		return false
	}
	c.hit++
	return true
}

// fraction is a number in [0, 1) that depends on its arguments alone. Unlike a
// generator that is shared, it gives a call the same number in every run.
func fraction(parts ...uint64) float64 {
	var x uint64
	for _, part := range parts { // SplitMix64's steps
		x += part + 0x9e3779b97f4a7c15
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		x ^= x >> 31
	}
	return float64(x>>11) / (1 << 53)
}

// bend changes what the answer says.
func (f *Fault) bend(c *completion) {
	switch f.Kind {
	case EmptyChoices:
		c.noChoices, c.content = true, ""
	case NullContent:
		c.null, c.content = true, ""
	case EmptyContent:
		c.content = ""
	case Refusal:
		c.null, c.content, c.refusal = true, "", "I'm sorry, but I can't help with that."
	case Length, ContentFilter:
		c.content, c.finish = cutAt(c.content, len(c.content)/2), string(f.Kind)
	case LineBreak:
		c.content = breakLine(c.content)
	case Text:
		c.content, c.finish = f.Text, "stop"
	}
}

// breakLine puts a line break in place of the space nearest to the middle from
// the left, or into the middle if there is none.
func breakLine(s string) string {
	middle := cutAt(s, (len(s)+1)/2)
	if i := strings.LastIndexByte(middle, ' '); i >= 0 {
		return s[:i] + "\n" + s[i+1:]
	}
	return middle + "\n" + s[len(middle):]
}

// spoil changes how the answer comes, or puts an error in its place.
func (f *Fault) spoil(rep reply) reply {
	answered := rep.answered
	rep.answered = false
	switch f.Kind {
	case Reset:
		rep.ending = nothing
	case ResetMidBody:
		rep.ending = halfBody
	case TruncatedJSON:
		rep.body = rep.body[:len(rep.body)/2]
	case Hang:
		rep.ending = never
	case NoContentType:
		rep.contentType = "text/plain; charset=utf-8"
		rep.answered = answered
	case Status, InsufficientQuota, Unauthorized, UnsupportedParameter, ContextLength:
		rep = f.errorReply()
	default:
		rep.answered = answered
	}
	rep.wait += f.Latency
	rep.fault = f.Kind
	return rep
}

// errorReply is the service's error of the fault's kind, with what the fault
// itself says in place of the service's words.
func (f *Fault) errorReply() reply {
	e := f.standardError()
	e.kind = orElse(f.Type, e.kind)
	e.code = orElse(f.Code, e.code)
	e.message = orElse(f.Message, e.message)
	e.param = orElse(f.Param, e.param)
	e.retryAfter, e.retryAfterMS = f.RetryAfter, f.RetryAfterMS
	rep := e.reply()
	if f.Body != "" {
		rep.body = []byte(f.Body)
		if strings.HasPrefix(f.Body, "<") {
			rep.contentType = "text/html"
		}
	}
	rep.contentType = orElse(f.ContentType, rep.contentType)
	return rep
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (f *Fault) standardError() *apiError {
	switch f.Kind {
	case InsufficientQuota:
		return &apiError{
			status:  http.StatusTooManyRequests,
			message: "You exceeded your current quota, please check your plan and billing details.",
			kind:    "insufficient_quota",
			code:    "insufficient_quota",
		}
	case Unauthorized:
		return wrongKey("simulated")
	case UnsupportedParameter:
		return unsupportedParameter(f.Param, "")
	case ContextLength:
		return badRequest("context_length_exceeded", "messages",
			"This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens. "+
				"Please reduce the length of the messages.")
	}
	switch {
	case f.Status == http.StatusTooManyRequests:
		return rateLimited("requests", "Rate limit reached for requests. Please try again later.")
	case f.Status >= 500:
		return &apiError{
			status:  f.Status,
			message: "The server had an error while processing your request. Sorry about that!",
			kind:    "server_error",
		}
	}
	return &apiError{status: f.Status, message: http.StatusText(f.Status)}
}
