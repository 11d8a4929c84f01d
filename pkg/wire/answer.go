package wire

import (
	"bytes"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"unsafe"

	"github.com/tidwall/gjson"

	"nertools/pkg/english"
	"nertools/pkg/record"
	"nertools/pkg/safetext"
)

// maxText is the maximum length of an answer's text, in bytes. It is several times what
// the model with the longest answers can write, and small enough for every worker to hold
// one.
const maxText = 8 << 20

func tooMuchText(n int) *Error {
	e := malformed(fmt.Sprintf("an answer with %s of text, more than any model writes", english.Count(n, "byte")))
	e.Lasting = true
	return e
}

// ordinary is the length, in bytes, up to which answers are parsed directly.
const ordinary = 64 << 10

// reduced returns a large answer without the parts that are not read: choices after the
// first, log probabilities, other large members, and space between members. Otherwise the
// short strings kept from an answer would keep all of it in memory. If a member of the
// choice is larger than any answer can be, large is its size, escapes included; otherwise
// large is 0.
func reduced(body []byte) (small []byte, large int) {
	v := gjson.Parse(unsafe.String(unsafe.SliceData(body), len(body))) // nothing returned points into it
	most := ordinary
	if !v.Get("choices.0").IsObject() {
		most = maxErrorBody
	}
	if !v.IsObject() {
		if len(body) <= most {
			return body, 0
		}
		return []byte("null"), 0
	}
	small = []byte{'{'}
	add := func(key, value string) {
		if len(small) > 1 && small[len(small)-1] != '{' {
			small = append(small, ',')
		}
		small = append(append(append(small, key...), ':'), value...)
	}
	v.ForEach(func(key, value gjson.Result) bool {
		first := value.Get("0")
		switch {
		case key.Str == "choices" && value.IsArray() && first.IsObject():
			add(key.Raw, "[{")
			first.ForEach(func(key, value gjson.Result) bool {
				switch n := len(value.Raw); {
				case key.Str == "logprobs":
				case n > 3*maxText:
					large = n
				default:
					add(key.Raw, value.Raw)
				}
				return true
			})
			small = append(small, "}]"...)
		case len(value.Raw) <= most:
			add(key.Raw, value.Raw)
		}
		return true
	})
	return append(small, '}'), large
}

// ParseAnswer parses the body of a successful response of either endpoint into r: its
// output, or the failure instead of it, and model, usage and finish reason. An answer
// sent as server-sent events is assembled first. Nothing in r shares memory with body.
//
// The error is an [*Error] if the body is not a completion (then r is unchanged) or if
// the service broke off the answer (then r holds what arrived). In both cases r.Failure
// is unchanged.
func (j *Judge) ParseAnswer(body []byte, r *record.Result) error {
	if !record.ValidJSON(body) {
		whole, ok := assemble(body)
		if !ok || !record.ValidJSON(whole) {
			return noJSON(body)
		}
		body = whole
	}
	if len(body) > ordinary {
		var large int
		if body, large = reduced(body); large > 0 {
			return tooMuchText(large)
		}
	}
	v := gjson.Parse(string(body))
	if v.Type == gjson.Null {
		return malformed("the answer is empty")
	}
	var model, usage, choices, failed gjson.Result
	if v.IsObject() {
		v.ForEach(func(key, value gjson.Result) bool {
			switch key.Str {
			case "model":
				model = value
			case "usage":
				usage = value
			case "choices":
				choices = value
			case "error":
				failed = value
			}
			return true
		})
	}
	choice := choices.Get("0")
	if !choices.IsArray() || !choice.Exists() || failed.Type != gjson.Null {
		if err := answeredError(v, "choices"); err != nil {
			return err
		}
	}
	if !choices.IsArray() {
		return malformed(`no "choices" in the answer: ` + safetext.Code(v.Raw))
	}
	r.Model = safetext.Data(model.String())
	r.Usage = parseUsage(usage)
	r.FinishReason = safetext.Data(choice.Get("finish_reason").String())
	c := readContent(choice)
	if c.text, c.aside = safetext.Data(c.text), safetext.Data(c.aside); len(c.text)+len(c.aside) > maxText {
		return tooMuchText(len(c.text) + len(c.aside))
	}
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
		return &Error{Failure: *f} // the next attempt may return a complete answer
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

// brokenOff returns the error inside a choice, or nil. Routers put it there if the
// service behind them failed in the middle of an answer.
func brokenOff(choice gjson.Result) error {
	e := choice.Get("error")
	if !e.IsObject() && (e.Type != gjson.String || e.Str == "") {
		return nil
	}
	return answeredError(gjson.Parse(`{"error":`+e.Raw+`}`), "")
}

// UsageOf returns the usage in the body of a successful response. ok is false if there is
// none.
func UsageOf(body []byte) (u record.Usage, ok bool) {
	if !record.ValidJSON(body) {
		if body, ok = assemble(body); !ok {
			return u, false
		}
	}
	usage := gjson.GetBytes(body, "usage")
	u = parseUsage(usage)
	return u, usage.IsObject() && u != record.Usage{}
}

// parseUsage reads a usage in the names of chat completions, or else in those of batches
// and of the responses API.
func parseUsage(usage gjson.Result) record.Usage {
	var u, other record.Usage
	prompt, completion := false, false
	usage.ForEach(func(key, v gjson.Result) bool {
		switch key.Str {
		case "prompt_tokens":
			u.Prompt, prompt = int(v.Int()), true
		case "completion_tokens":
			u.Completion, completion = int(v.Int()), true
		case "input_tokens":
			other.Prompt = int(v.Int())
		case "output_tokens":
			other.Completion = int(v.Int())
		case "prompt_tokens_details":
			readDetails(v, &u)
		case "completion_tokens_details":
			readDetails(v, &u)
		case "input_tokens_details", "output_tokens_details":
			readDetails(v, &other)
		}
		return true
	})
	if !prompt {
		u.Prompt, u.Cached, u.CacheWrite = other.Prompt, max(u.Cached, other.Cached), max(u.CacheWrite, other.CacheWrite)
	}
	if !completion {
		u.Completion, u.Reasoning = other.Completion, max(u.Reasoning, other.Reasoning)
	}
	return u
}

func readDetails(details gjson.Result, u *record.Usage) {
	details.ForEach(func(key, v gjson.Result) bool {
		switch key.Str {
		case "cached_tokens":
			u.Cached = int(v.Int())
		case "cache_write_tokens":
			u.CacheWrite = int(v.Int())
		case "reasoning_tokens":
			u.Reasoning = int(v.Int())
		}
		return true
	})
}

// noJSON is the error of an answer that is not JSON, or is truncated.
func noJSON(body []byte) *Error {
	body = bytes.TrimPrefix(bytes.TrimSpace(body), bom)
	switch {
	case len(body) == 0:
		return malformed("the answer is empty")
	case body[0] == '<':
		e := malformed("the answer is a web page")
		if title := pageTitle.FindSubmatch(body[:min(len(body), 4<<10)]); title != nil {
			e.Message += ": " + safetext.Code(html.UnescapeString(string(title[1])))
		}
		e.Suspect = true
		return e
	case body[0] == '{', body[0] == '[', IsStream(body):
		return malformed("the answer is cut off or is not JSON")
	}
	said := saying{message: string(body[:min(len(body), 200)])}
	e := &Error{Failure: record.Failure{Status: http.StatusOK}}
	if e.settle(&said); e.Class == record.Server || e.Class == record.Invalid && !e.WrongAddress {
		e.Class = record.Malformed
	}
	e.Message = "the answer is not JSON: " + e.Message
	return e
}

var pageTitle = regexp.MustCompile(`(?is)<title[^>]*>\s*(.*?)\s*</title>`)

func malformed(message string) *Error {
	return &Error{Failure: record.Failure{Class: record.Malformed, Status: http.StatusOK, Message: message}}
}
