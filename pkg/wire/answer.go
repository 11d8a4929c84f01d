package wire

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"nertools/pkg/record"
	"nertools/pkg/safetext"
)

// An Error is what the service answered instead of a completion.
type Error struct {
	record.Failure
	Type       string        // the service's own type; may be empty
	Param      string        // the parameter that it names; may be empty
	RetryAfter time.Duration // the pause that the service asked for; 0 if none
}

// Error gives the status, the code and the message.
func (e *Error) Error() string {
	s := e.Message
	if e.Code != "" {
		s = e.Code + ": " + s
	}
	if e.Status != 0 {
		s = fmt.Sprintf("%d %s", e.Status, s)
	}
	return s
}

// Passing reports whether the same request may succeed later.
func (e *Error) Passing() bool {
	switch e.Class {
	case record.RateLimit, record.Server, record.Network, record.Timeout, record.Malformed:
		return true
	}
	return false
}

// Unanswered reports whether nothing came back, or not all of it.
func (e *Error) Unanswered() bool { return e.Class == record.Network || e.Class == record.Timeout }

// Fatal reports whether no other request can fare better.
func (e *Error) Fatal() bool {
	switch e.Class {
	case record.Auth, record.Model, record.Quota:
		return true
	case record.Invalid:
		return e.Status == http.StatusNotFound || e.Status >= 300 && e.Status < 400
	}
	return false
}

// ParseError reads an answer whose status is not 200. It makes sense of
// {"error":{…}}, of {"error":"a string"} and of pages that are no JSON at all.
func ParseError(status int, body []byte) *Error {
	e := &Error{Failure: record.Failure{Status: status}}
	if record.ValidJSON(body) {
		e.read(gjson.ParseBytes(body))
	} else if text := strings.TrimSpace(string(body[:min(len(body), 200)])); text != "" && text[0] != '<' {
		e.Message = text
	}
	e.Message = safetext.Message(e.Message)
	if e.Message == "" {
		e.Message = cmp.Or(strings.ToLower(http.StatusText(status)), "no reason given")
		if len(body) > 0 {
			e.Message += " (the answer is not the API's JSON)"
		}
	}
	e.settle()
	if e.Passing() {
		e.RetryAfter = pauseIn(body, time.Now())
	}
	return e
}

func (e *Error) read(v gjson.Result) {
	if v.IsArray() {
		v = v.Get("0") // as Google's compatible endpoint has it
	}
	if !v.IsObject() {
		e.Message = v.String()
		return
	}
	inner := v.Get("error")
	if inner.IsObject() {
		v = inner
	}
	for _, key := range []string{"message", "detail", "error_description"} {
		e.Message = cmp.Or(e.Message, v.Get(key).String())
	}
	if inner.Type == gjson.String {
		e.Message = cmp.Or(e.Message, inner.Str)
	}
	e.Code, e.Type, e.Param = v.Get("code").String(), v.Get("type").String(), v.Get("param").String()
}

// settle classifies the error by what the service said, and then makes that safe.
func (e *Error) settle() {
	e.Class = e.class()
	e.Code, e.Type, e.Param = safetext.Code(e.Code), safetext.Code(e.Type), safetext.Code(e.Param)
}

func (e *Error) class() record.Class {
	is := func(names ...string) bool {
		for _, n := range names {
			if e.Code == n || e.Type == n {
				return true
			}
		}
		return false
	}
	says := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(strings.ToLower(e.Message), w) {
				return true
			}
		}
		return false
	}
	switch {
	case is("insufficient_quota", "billing_hard_limit_reached", "billing_not_active"), e.Status == http.StatusPaymentRequired:
		return record.Quota
	case e.Status == http.StatusUnauthorized, is("invalid_api_key"):
		return record.Auth
	case is("model_not_found"), e.Status == http.StatusNotFound && says("model"), says("is not a valid model"):
		return record.Model
	case e.Status == http.StatusForbidden && says("moderation", "flagged"):
		return record.Filtered
	case e.Status == http.StatusForbidden:
		return record.Auth
	case e.Status == http.StatusTooManyRequests && says("request too large"):
		return record.ContextLength // larger than a minute's limit: waiting does not help
	case e.Status == http.StatusTooManyRequests, is("rate_limit_exceeded"):
		return record.RateLimit
	case is("context_length_exceeded"), says("maximum context length"), e.Status == http.StatusRequestEntityTooLarge:
		return record.ContextLength
	case is("content_filter", "content_policy_violation"):
		return record.Filtered
	case e.Status == http.StatusRequestTimeout, e.Status == http.StatusConflict, e.Status >= 500:
		return record.Server
	}
	return record.Invalid
}

// ParseAnswer is [Judge.ParseAnswer] with a nil Judge.
func ParseAnswer(body []byte, r *record.Result) error {
	return (*Judge)(nil).ParseAnswer(body, r)
}

// ParseAnswer reads the body of an answer whose status is 200, of either
// endpoint, into r: its output, or the failure that stands instead of it, and
// what else the answer tells. The error is an [*Error] for an answer that is
// not a completion, and then r stays as it is, or for one that the service broke
// off, and then r holds what came of it. r's failure is left alone in both cases.
func (j *Judge) ParseAnswer(body []byte, r *record.Result) error {
	if !record.ValidJSON(body) || !gjson.ParseBytes(body).IsObject() {
		return malformed("the answer is cut off or is not JSON")
	}
	v := gjson.Parse(string(body))
	if err := answeredError(v, body); err != nil {
		return err
	}
	choices := v.Get("choices")
	if !choices.IsArray() {
		return malformed(`no "choices" in the answer`)
	}
	r.Model = v.Get("model").String()
	r.Usage = parseUsage(v.Get("usage"))
	choice := choices.Get("0")
	r.FinishReason = choice.Get("finish_reason").String()
	c := readContent(choice)
	r.Output, r.Partial = "", c.text
	if strings.TrimSpace(c.text) == "" && c.aside != "" {
		r.Partial = c.aside
	}
	if err := brokenOff(choice); err != nil && (strings.TrimSpace(c.text) == "" || !j.acceptsPart(r.FinishReason)) {
		return err
	}
	if !choice.IsObject() {
		r.Failure = emptyFailure("no choices in the answer")
		return nil
	}
	if c.refusal != "" {
		r.Failure = &record.Failure{Class: record.Refused, Status: http.StatusOK, Message: safetext.Message(c.refusal)}
		return nil
	}
	switch f := j.unfit(r, c.text); {
	case f == nil:
		r.Output, r.Partial, r.Failure = c.text, "", nil
	case f.Class == record.Server:
		return &Error{Failure: *f} // the next one may be complete
	case f.Class == record.Empty && c.aside != "":
		r.Failure = emptyFailure(c.why)
		if c.remark.Kind != 0 {
			j.remark(c.remark.Kind, c.remark.Name)
		}
	default:
		r.Failure = f
	}
	return nil
}

// brokenOff is the error that stands in a choice, as routers have it where the
// service behind them failed in the middle of an answer, or nil.
func brokenOff(choice gjson.Result) error {
	e := choice.Get("error")
	if !e.IsObject() && (e.Type != gjson.String || e.Str == "") {
		return nil
	}
	status := int(e.Get("code").Int())
	if status < 300 || status > 599 {
		status = http.StatusBadGateway
	}
	return ParseError(status, []byte(`{"error":`+e.Raw+`}`))
}

// answeredError is the error that stands in an answer whose status is 200, as
// some routers have it, or nil. v is the body.
func answeredError(v gjson.Result, body []byte) error {
	e := v.Get("error")
	if !e.IsObject() && (e.Type != gjson.String || e.Str == "") {
		return nil
	}
	status := int(e.Get("code").Int())
	if status < 300 || status > 599 {
		status = http.StatusBadGateway
	}
	return ParseError(status, body)
}

func parseUsage(u gjson.Result) record.Usage {
	first := func(keys ...string) int {
		for _, k := range keys {
			if v := u.Get(k); v.Exists() {
				return int(v.Int())
			}
		}
		return 0
	}
	return record.Usage{
		Prompt:     first("prompt_tokens", "input_tokens"),
		Completion: first("completion_tokens", "output_tokens"),
		Cached:     first("prompt_tokens_details.cached_tokens", "input_tokens_details.cached_tokens"),
		Reasoning:  first("completion_tokens_details.reasoning_tokens", "output_tokens_details.reasoning_tokens"),
	}
}

func malformed(message string) *Error {
	return &Error{Failure: record.Failure{Class: record.Malformed, Status: http.StatusOK, Message: message}}
}

// Failed turns the error of asking into the failure that a record shows. Errors
// other than [*Error] are those of the way to the service.
func Failed(err error) *record.Failure {
	var e *Error
	if errors.As(err, &e) {
		f := e.Failure
		return &f
	}
	return &record.Failure{Class: record.Network, Message: safetext.Message(err.Error())}
}
