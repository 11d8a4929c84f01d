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

// FaultKind names what goes wrong.
type FaultKind string

// The kinds of faults. Those from EmptyChoices to Text are answers that are
// whole, and hit completions only. Those from BatchExpire on hit a batch when it
// is created, and decide what becomes of it; all that hit one work together, of
// two of a kind the first.
const (
	Status               FaultKind = "status"                // an error answer, as its ErrorReply says
	Reset                FaultKind = "reset"                 // the connection is reset before any answer
	ResetMidBody         FaultKind = "reset_mid_body"        // … after half of the answer
	TruncatedJSON        FaultKind = "truncated_json"        // complete HTTP that holds half of the JSON
	LostAnswer           FaultKind = "lost_answer"           // the call is done, then the connection is reset without an answer
	Hang                 FaultKind = "hang"                  // no answer until the client leaves
	Slow                 FaultKind = "slow"                  // the right answer after its Latency
	InsufficientQuota    FaultKind = "insufficient_quota"    // 429, with the code insufficient_quota
	Unauthorized         FaultKind = "unauthorized"          // 401 invalid_api_key
	UnsupportedParameter FaultKind = "unsupported_parameter" // 400 where the body has its Param
	ContextLength        FaultKind = "context_length"        // 400 context_length_exceeded
	NoContentType        FaultKind = "no_content_type"       // the right answer, as text/plain
	Gzip                 FaultKind = "gzip"                  // the right answer, compressed without saying so
	LateBatch            FaultKind = "late_batch"            // 504 from a gateway, and the batch that was asked for appears after After

	EmptyChoices  FaultKind = "empty_choices"
	NullContent   FaultKind = "null_content"
	EmptyContent  FaultKind = "empty_content"
	Refusal       FaultKind = "refusal"        // null content and a refusal; chat only
	Length        FaultKind = "length"         // half of the answer, finish_reason length
	ContentFilter FaultKind = "content_filter" // half of the answer, finish_reason content_filter
	Finish        FaultKind = "finish"         // half of the answer, with its Text as finish_reason
	Reasoning     FaultKind = "reasoning"      // null content, and the answer as reasoning_content; chat only
	Prefix        FaultKind = "prefix"         // its Text before the answer
	LineBreak     FaultKind = "line_break"     // the answer with a line break for a space
	Text          FaultKind = "text"           // its Text, and nothing else, as the answer

	BatchExpire        FaultKind = "batch_expire"         // it stops after Rows rows, and expires when its window ends
	BatchFail          FaultKind = "batch_fail"           // its validation fails with its Code, Message, Param and Line
	BatchAllFailed     FaultKind = "batch_all_failed"     // every row gets a 400
	BatchLateOutput    FaultKind = "batch_late_output"    // once ended it is shown Shown times without its files
	BatchStatusZero    FaultKind = "batch_status_zero"    // Rows rows have status_code 0 and count as completed
	BatchMissing       FaultKind = "batch_missing"        // Rows rows are in neither file and count as completed
	BatchUnknownStatus FaultKind = "batch_unknown_status" // it is shown Shown times with its Text as status
	BatchDamage        FaultKind = "batch_damage"         // Rows lines of its results, from the Line-th on, are damaged as its Text says
)

// scope is what a kind can hit.
type scope int

const (
	callOnly      scope = iota + 1 // how an answer comes: a batch's row has no connection
	anyCall                        // and rows
	anyCompletion                  // by a call or as a row
	chatOnly
	newBatch
)

var scopes = map[FaultKind]scope{
	Status: anyCall, InsufficientQuota: anyCall, Unauthorized: anyCall,
	Reset: callOnly, ResetMidBody: callOnly, TruncatedJSON: callOnly, LostAnswer: callOnly, Hang: callOnly,
	Slow: callOnly, NoContentType: callOnly, Gzip: callOnly, LateBatch: callOnly,
	UnsupportedParameter: anyCompletion, ContextLength: anyCompletion,
	EmptyChoices: anyCompletion, NullContent: anyCompletion, EmptyContent: anyCompletion, Refusal: chatOnly,
	Length: anyCompletion, ContentFilter: anyCompletion, Finish: anyCompletion, Reasoning: chatOnly, Prefix: anyCompletion, LineBreak: anyCompletion, Text: anyCompletion,
	BatchExpire: newBatch, BatchFail: newBatch, BatchAllFailed: newBatch, BatchLateOutput: newBatch,
	BatchStatusZero: newBatch, BatchMissing: newBatch, BatchUnknownStatus: newBatch, BatchDamage: newBatch,
}

// The endpoints, by their names in the API's published description.
const (
	opChat        = "createChatCompletion"
	opLegacy      = "createCompletion"
	opEmbed       = "createEmbedding"
	opListModels  = "listModels"
	opModel       = "retrieveModel"
	opUpload      = "createFile"
	opListFiles   = "listFiles"
	opFile        = "retrieveFile"
	opDownload    = "downloadFile"
	opDeleteFile  = "deleteFile"
	opCreateBatch = "createBatch"
	opListBatches = "listBatches"
	opBatch       = "retrieveBatch"
	opCancelBatch = "cancelBatch"
)

// The values of Aim.On.
const (
	onCalls = "calls"
	onRows  = "rows"
)

var ops = setOf(opChat, opLegacy, opEmbed, opListModels, opModel, opUpload, opListFiles, opFile, opDownload, opDeleteFile,
	opCreateBatch, opListBatches, opBatch, opCancelBatch)

// Fault is a rule that makes some calls go wrong, or some rows of batches, or
// some batches. Completions and embeddings that are refused for what they are (a bad request, a
// wrong key, over the limits) never meet one. Calls about files and batches meet
// one once their key was found right, before anything else is looked at: with an
// error, Reset or Hang they have no effect, with the other kinds they have.
type Fault struct {
	Kind FaultKind `json:"kind"`
	Aim
	Turns

	// Latency is added to that of the call, for any kind.
	Latency time.Duration `json:"latency"`

	// Text is the answer for the kind text, what stands before it for prefix, the
	// finish reason for finish, the status for batch_unknown_status, and for batch_damage what becomes of a line: cut, torn (cut, and without a
	// line break), glued (without a line break), page (HTML in its place), no_id,
	// line_break (in the middle of a string), bom, crlf or twice.
	Text string `json:"text"`

	ErrorReply
	BatchFault
}

// Aim says what a rule is about. A call matches if its prompt contains Contains,
// its model is Model, its path begins with Path and its Call.Op is Op. Empty: any.
// A batch's row matches as the same completion called for would. A batch has its
// metadata, as JSON, for a prompt, and a call for embeddings its inputs, a line
// each. Calls about files and batches have no model; that about one file has its
// name for a prompt, which for a batch's results is BATCH_output.jsonl or
// BATCH_error.jsonl. The ops are
//
//	createChatCompletion createCompletion createEmbedding
//	listModels retrieveModel
//	createFile listFiles retrieveFile downloadFile deleteFile
//	createBatch listBatches retrieveBatch cancelBatch
type Aim struct {
	Contains string `json:"contains"`
	Model    string `json:"model"`
	Path     string `json:"path"`
	Op       string `json:"op"`

	// On is "calls" or "rows" for a rule that shall hit only HTTP calls or
	// only the rows of batches. Empty: both.
	On string `json:"on"`
}

// Turns say which of the matching calls a rule hits. The first Skip pass. Of the
// rest each Every-th is hit (0 and 1: each), with the probability Rate (0: always),
// until Times calls have been hit (0: no end).
type Turns struct {
	Skip  int     `json:"skip"`
	Every int     `json:"every"`
	Rate  float64 `json:"rate"`
	Times int     `json:"times"`

	// PerPrompt counts for each distinct prompt on its own, so that Times: 1
	// is "the first call of each row".
	PerPrompt bool `json:"per_prompt"`
}

// ErrorReply is what an error answer contains. Status is for the kind status, 200
// to 599; the other kinds have their own. Empty fields get what the service would
// say. Retry-After headers are sent as they stand, if any.
type ErrorReply struct {
	Status       int    `json:"status"`
	Type         string `json:"type"`
	Code         string `json:"code"`
	Message      string `json:"message"`
	Param        string `json:"param"`
	RetryAfter   string `json:"retry_after"`
	RetryAfterMS string `json:"retry_after_ms"`

	// Headers are added to the answer.
	Headers map[string]string `json:"headers"`

	// Body replaces the whole body of the answer. ContentType is its type; empty:
	// text/html if it begins with "<", application/json if not.
	Body        string `json:"body"`
	ContentType string `json:"content_type"`
}

// BatchFault is what the kinds about batches need.
type BatchFault struct {
	// After is how long a batch of the kind late_batch stays out of sight.
	After time.Duration `json:"after"`

	// How many rows, how many times shown, and which line is at fault, of the input
	// (0: none) or of the results.
	Rows  int `json:"rows"`
	Shown int `json:"shown"`
	Line  int `json:"line"`
}

// ReadFaults reads a JSON array of rules. In JSON a rule's latency and after are
// strings such as "250ms", and retry_after and retry_after_ms are numbers or strings.
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
		After        jsonDuration `json:"after"`
		RetryAfter   jsonHeader   `json:"retry_after"`
		RetryAfterMS jsonHeader   `json:"retry_after_ms"`
	}{Fault: f}
	dec := json.NewDecoder(bytes.NewReader(rule))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&form); err != nil {
		return err
	}
	f.Latency, f.After = time.Duration(form.Latency), time.Duration(form.After)
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
	case f.Skip < 0 || f.Times < 0 || f.Every < 0 || f.Latency < 0 || f.After < 0:
		return errors.New("skip, times, every, latency and after can't be negative")
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
	case f.Kind == LateBatch && f.Op != "" && f.Op != opCreateBatch:
		return fmt.Errorf("kind %s is about %s, not about %s", f.Kind, opCreateBatch, f.Op)
	case f.Op != "" && !ops[f.Op]:
		return fmt.Errorf("unknown op %q", f.Op)
	case f.On != "" && f.On != onCalls && f.On != onRows:
		return fmt.Errorf("on %q is neither calls nor rows", f.On)
	case scopes[f.Kind] == newBatch && f.On != "":
		return fmt.Errorf("kind %s is about batches, not about %s", f.Kind, f.On)
	case scopes[f.Kind] == callOnly && f.On == onRows:
		return fmt.Errorf("kind %s can't hit rows", f.Kind)
	case f.Rows < 0 || f.Shown < 0 || f.Line < 0:
		return errors.New("rows, shown and line can't be negative")
	case f.Rows == 0 && (f.Kind == BatchStatusZero || f.Kind == BatchMissing || f.Kind == BatchDamage):
		return fmt.Errorf("kind %s needs rows", f.Kind)
	case f.Shown == 0 && (f.Kind == BatchLateOutput || f.Kind == BatchUnknownStatus):
		return fmt.Errorf("kind %s needs shown", f.Kind)
	case f.Text == "" && (f.Kind == BatchUnknownStatus || f.Kind == Finish || f.Kind == Prefix):
		return fmt.Errorf("kind %s needs a text", f.Kind)
	case f.Kind == BatchDamage && damages[f.Text] == nil:
		return fmt.Errorf("kind %s knows no text %q", f.Kind, f.Text)
	}
	return nil
}

// subject is what a rule is asked about.
type subject int

const (
	aCall subject = iota
	aRow
	aBatch
)

// attempt is what a rule can see of a call, a row or a batch.
type attempt struct {
	subject             subject
	op                  string
	path, model, prompt string
	given               []string       // parameters in the body
	api                 *completionAPI // nil: no completion
}

func (f *Fault) matches(a attempt) bool {
	scope := scopes[f.Kind]
	if (scope == newBatch) != (a.subject == aBatch) ||
		a.subject == aRow && (scope == callOnly || f.On == onCalls) ||
		a.subject == aCall && f.On == onRows {
		return false
	}
	switch scope {
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
		(f.Op == "" || f.Op == a.op) &&
		(f.Kind != LateBatch || a.op == opCreateBatch) &&
		strings.HasPrefix(a.path, f.Path) &&
		(f.Kind != UnsupportedParameter || slices.Contains(a.given, f.Param))
}

// prevents reports whether a call that the fault hits has no effect.
func (f *Fault) prevents() bool { return f.isError() || f.Kind == Reset || f.Kind == Hang }

// isError reports whether the fault puts an error in the answer's place.
func (f *Fault) isError() bool {
	switch f.Kind {
	case Status, InsufficientQuota, Unauthorized, UnsupportedParameter, ContextLength:
		return true
	}
	return false
}

// script is the rules with their counts.
type script struct {
	seed  uint64
	mu    sync.Mutex
	rules []rule
}

type rule struct {
	Fault
	counts map[promptKey]*hitCount
}

// promptKey tells prompts apart; the zero key is for counting all together.
type promptKey [sha256.Size]byte

type hitCount struct{ matched, hit int }

func newScript(faults []Fault, seed uint64) *script {
	s := &script{seed: seed}
	for _, f := range faults {
		s.rules = append(s.rules, rule{f, map[promptKey]*hitCount{}})
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

// hitAll returns every rule that hits.
func (s *script) hitAll(a attempt) []*Fault {
	var hits []*Fault
	for i := range s.rules {
		if r := &s.rules[i]; r.matches(a) && s.counts(i, r, a) {
			hits = append(hits, &r.Fault)
		}
	}
	return hits
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
		c = new(hitCount)
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
	case Finish:
		c.content, c.finish = cutAt(c.content, len(c.content)/2), f.Text
	case Reasoning:
		c.null, c.content, c.reasoning = true, "", c.content
	case Prefix:
		c.content = f.Text + c.content
	case LineBreak:
		c.content = breakLine(c.content)
	case Text:
		c.content, c.finish = f.Text, "stop"
	}
}

// breakLine puts a line break in place of the space nearest to the middle from
// the left, or into the middle if the left has no space.
func breakLine(s string) string {
	middle := cutAt(s, (len(s)+1)/2)
	if i := strings.LastIndexByte(middle, ' '); i >= 0 {
		return s[:i] + "\n" + s[i+1:]
	}
	return middle + "\n" + s[len(middle):]
}

// spoil changes how the answer comes, or puts an error in its place.
func (f *Fault) spoil(rep response) response {
	answered := rep.answered
	rep.answered = false
	switch f.Kind {
	case Reset:
		rep.ending, rep.bills = nothing, nil
	case LostAnswer:
		rep.ending = nothing
	case ResetMidBody:
		rep.ending = halfBody
	case TruncatedJSON:
		rep.body = rep.body[:len(rep.body)/2]
		if rep.content != nil {
			rep.content.size /= 2
		}
	case Hang:
		rep.ending, rep.bills = never, nil
	case LateBatch:
		rep = response{status: http.StatusGatewayTimeout, contentType: "text/html", body: []byte("<html><title>504 Gateway Time-out</title></html>\n"), wait: rep.wait}
	case Gzip:
		rep.compress()
		rep.answered = answered
	case NoContentType:
		rep.contentType = "text/plain; charset=utf-8"
		rep.answered = answered
	default:
		if f.isError() {
			rep = f.errorReply()
			break
		}
		rep.answered = answered
	}
	rep.wait += f.Latency
	rep.fault = f.Kind
	return rep
}

// errorReply is the service's error of the fault's kind, with what the fault
// itself says in place of the service's words.
func (f *Fault) errorReply() response {
	e := f.standardError()
	e.kind = orElse(f.Type, e.kind)
	e.code = orElse(f.Code, e.code)
	e.message = orElse(f.Message, e.message)
	e.param = orElse(f.Param, e.param)
	e.retryAfter, e.retryAfterMS = f.RetryAfter, f.RetryAfterMS
	rep := e.reply()
	for name, value := range f.Headers {
		if rep.header == nil {
			rep.header = http.Header{}
		}
		rep.header.Set(name, value)
	}
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
