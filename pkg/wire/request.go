package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode/utf8"
	"unsafe"

	"github.com/tidwall/gjson"

	"nertools/pkg/model"
	"nertools/pkg/record"
)

// The endpoints, as paths relative to the API's base URL.
const (
	Chat        = "chat/completions"
	Completions = "completions"
)

// Settings is everything in a request except the prompt.
type Settings struct {
	Model     string
	Endpoint  string // "auto", "chat" or "completions"
	MaxTokens int    // maximum length of the answer, in tokens; 0 sends no limit
	Bounded   bool   // the user asked for MaxTokens: it must not be left out

	// Sampling parameters. nil ones are not sent, except that the temperature is 0 if the
	// model's family takes one, since an answer should copy its sentence.
	Temperature      *float64
	NoTemperature    bool // send no temperature at all
	TopP             *float64
	FrequencyPenalty *float64
	PresencePenalty  *float64
	Seed             *int64
	Stop             []string

	// Effort is the reasoning_effort: "" sends the lowest that the model is known to
	// accept, since copying a sentence needs no reasoning; [ModelsEffort] sends none.
	Effort string
	Tier   string // service_tier; "" sends none

	Extra string // a JSON object whose members are added to the body and override ours; may be empty
}

// ModelsEffort is the Effort that leaves it to the model.
const ModelsEffort = "default"

// A Builder builds request bodies. It is safe for concurrent use.
type Builder struct {
	path      string
	head      string // up to the prompt, which follows as a JSON string
	tail      string // without the closing brace
	format    string // the response_format in the extra body, as raw JSON; for chat only
	maxTokens int    // limit of the answer, for the estimate of a call's tokens
	members   string // everything but prompt and format, as hashed into the settings' digest
	settings  string // digest of everything but the prompt
	given     map[string]bool
	last      atomic.Pointer[formatDigest]
}

// formatDigest caches the settings' digest for a record's response_format, which is
// nearly always the same for consecutive records.
type formatDigest struct{ format, settings string }

// NewBuilder checks the settings and prepares what all bodies share.
func NewBuilder(s Settings) (*Builder, error) {
	if s.Model == "" {
		return nil, errors.New("no model is named")
	}
	f := model.Of(s.Model)
	b := &Builder{given: map[string]bool{}}
	switch s.Endpoint {
	case "auto", "":
		b.path = Chat
		if f.Completions {
			b.path = Completions
		}
	case "chat":
		b.path = Chat
	case "completions":
		b.path = Completions
	default:
		return nil, fmt.Errorf("unknown endpoint %q: it must be auto, chat or completions", s.Endpoint)
	}
	if b.path != Chat {
		f.Effort, f.CacheWrites = "", false // members of chat requests only
	}
	members, err := s.members(f)
	if err != nil {
		return nil, err
	}
	head := `{"model":` + string(record.AppendString(nil, s.Model))
	if b.path == Chat {
		b.head = head + `,"messages":[{"role":"user","content":`
		b.tail = `}]`
	} else {
		b.head = head + `,"prompt":`
	}
	rest, settings := "", ""
	for _, m := range members {
		if m.given {
			b.given[m.key] = m.extra
		}
		if b.path == Chat && m.key == responseFormat {
			b.format = m.value
			continue
		}
		text := "," + string(record.AppendString(nil, m.key)) + ":" + m.value
		rest += text
		if !isDelivery(m.key) {
			settings += text
		}
		if isMaxTokens(m.key) {
			b.maxTokens = tokenCount(gjson.Parse(m.value))
		}
	}
	b.tail += rest
	b.members = head[1:] + settings
	b.settings = settingsDigest(b.path, b.members, b.format)
	return b, nil
}

// member is a member of a JSON object, with its value as raw JSON.
type member struct {
	key, value string
	given      bool // the user asked for it
	extra      bool // it is in the extra body
}

// responseFormat is the member that a prompt record may override. In the request digest
// it always counts as a setting, wherever it comes from: a batch has one digest of
// settings, and its answers don't contain the format.
const responseFormat = "response_format"

// These members control how an answer is transferred, how soon it comes, and what it
// costs. The question is the same, so the digest of the settings ignores them.
const (
	streaming    = "stream"
	serviceTier  = "service_tier"
	cacheOptions = "prompt_cache_options"
)

func isDelivery(key string) bool {
	return key == streaming || key == serviceTier || key == cacheOptions
}

const reasoningEffort = "reasoning_effort"

// noCache keeps a prompt out of the service's cache. Without it, models whose cache
// writes cost extra (1.25 times the price, from gpt-5.6 on) write every prompt of 1,024
// tokens or more, up to its end: they no longer look for a shorter prefix in common, so
// that prompts which end differently pay for the writes and never profit
// (https://developers.openai.com/api/docs/guides/prompt-caching, 2026-11-26; observed in
// openai/codex#35300).
const noCache = `{"mode":"explicit"}`

// isMaxTokens reports whether key is one of the two names for the limit of an answer.
func isMaxTokens(key string) bool { return key == "max_tokens" || key == "max_completion_tokens" }

// tokenCount parses the limit of an answer. No model writes a million tokens, so larger
// values, like negative ones, say nothing about the size of a call.
func tokenCount(v gjson.Result) int { return int(max(0, min(v.Int(), 1_000_000))) }

func (s *Settings) members(f model.Family) ([]member, error) {
	var list []member
	add := func(key, value string, given bool) { list = append(list, member{key: key, value: value, given: given}) }
	if s.MaxTokens > 0 {
		key := "max_tokens"
		if f.CompletionTokens {
			key = "max_completion_tokens"
		}
		add(key, strconv.Itoa(s.MaxTokens), s.Bounded)
	}
	if s.Temperature == nil && f.Temperature && !s.NoTemperature {
		add("temperature", "0", false)
	}
	for _, n := range []struct {
		key   string
		value *float64
	}{{"temperature", s.Temperature}, {"top_p", s.TopP}, {"frequency_penalty", s.FrequencyPenalty}, {"presence_penalty", s.PresencePenalty}} {
		if n.value == nil {
			continue
		}
		if math.IsNaN(*n.value) || math.IsInf(*n.value, 0) {
			return nil, fmt.Errorf("%s must be a finite number, not %v", n.key, *n.value)
		}
		add(n.key, strconv.FormatFloat(*n.value, 'g', -1, 64), true)
	}
	if s.Seed != nil {
		add("seed", strconv.FormatInt(*s.Seed, 10), true)
	}
	if len(s.Stop) > 0 {
		stop := []byte{'['}
		for i, t := range s.Stop {
			if i > 0 {
				stop = append(stop, ',')
			}
			stop = record.AppendString(stop, t)
		}
		add("stop", string(append(stop, ']')), true)
	}
	switch {
	case s.Effort != "" && s.Effort != ModelsEffort:
		add(reasoningEffort, string(record.AppendString(nil, s.Effort)), true)
	case s.Effort == "" && f.Effort != "" && !gjson.Get(s.Extra, reasoningEffort).Exists() && !gjson.Get(s.Extra, "reasoning").Exists(): // a router's own member for it
		add(reasoningEffort, string(record.AppendString(nil, f.Effort)), false)
	}
	if s.Tier != "" {
		add(serviceTier, string(record.AppendString(nil, s.Tier)), true)
	}
	if f.CacheWrites {
		add(cacheOptions, noCache, false)
	}
	return s.merge(list)
}

// merge overrides list with the members of s.Extra, compacted, since a body must be on
// one line in a batch's file. The limit of the answer replaces ours under either name,
// because the API rejects both together.
func (s *Settings) merge(list []member) ([]member, error) {
	if s.Extra == "" {
		return list, nil
	}
	var extra bytes.Buffer
	if err := json.Compact(&extra, []byte(s.Extra)); err != nil || extra.Bytes()[0] != '{' || !utf8.ValidString(s.Extra) {
		return nil, errors.New("the extra body is not a JSON object")
	}
	var err error
	gjson.Parse(extra.String()).ForEach(func(k, v gjson.Result) bool {
		switch k.Str {
		case "model", "messages", "prompt", "n":
			err = fmt.Errorf("the extra body must not set %q", k.Str)
			return false
		case streaming:
			if v.Type != gjson.False {
				err = errors.New(`the extra body must not set "stream" to anything but false: each row gets one whole answer`)
				return false
			}
		}
		m := member{key: k.Str, value: v.Raw, given: true, extra: true}
		for i := range list {
			if list[i].key == m.key || isMaxTokens(list[i].key) && isMaxTokens(m.key) {
				list[i] = m
				return true
			}
		}
		list = append(list, m)
		return true
	})
	return list, err
}

// Path returns the endpoint that the bodies are for.
func (b *Builder) Path() string { return b.path }

// Settings returns the digest of everything in the requests except the prompt. It is the
// first part of each result's request digest, unless the prompt has its own
// response_format.
func (b *Builder) Settings() string { return b.settings }

// Given returns the members of the bodies that the user asked for, and whether by the
// extra body. The others may be left out if the service refuses them.
func (b *Builder) Given() map[string]bool { return b.given }

// Append appends the request body for prompt.
func (b *Builder) Append(dst []byte, prompt string) []byte {
	return b.append(dst, prompt, b.format)
}

func (b *Builder) append(dst []byte, prompt, format string) []byte {
	dst = append(dst, b.head...)
	dst = record.AppendString(dst, prompt)
	dst = append(dst, b.tail...)
	if format != "" {
		dst = append(append(dst, `,"`+responseFormat+`":`...), format...)
	}
	return append(dst, '}')
}

// A Request is one row, ready to be sent.
type Request struct {
	Row    record.Result // the future result: id, index, total, label, context, request digest
	Path   string        // the endpoint
	Body   []byte
	Tokens int // estimate of how many tokens the service will count against the limits
}

// ParseRequest parses an input line: a prompt record, for which b builds the body, or a
// Batch API request line, whose body is sent unchanged. A record's response_format
// replaces that of the extra body; legacy completions have none, so there it is ignored.
func (b *Builder) ParseRequest(line []byte) (Request, error) {
	if IsBatchLine(line) {
		return ParseRequestLine(line)
	}
	p, err := record.ParsePrompt(line)
	if err != nil {
		return Request{}, err
	}
	format := b.format
	if p.ResponseFormat != "" && b.path == Chat {
		format = p.ResponseFormat
	}
	body := b.append(make([]byte, 0, len(line)+len(b.head)+len(b.tail)+len(b.format)+1), p.Text, format)
	return Request{
		Row: record.Result{
			ID: p.ID, Index: p.Index, Total: p.Total, Label: p.Label, Labels: p.Labels, Context: p.Context, Origin: p.Origin, Extra: p.Extra,
			Request: b.settingsOf(format) + "-" + promptDigest(p.Text),
		},
		Path:   b.path,
		Body:   body,
		Tokens: (len(p.Text)+len(format))/4 + b.maxTokens,
	}, nil
}

// ParseRequestLine parses a line of a batch's input file:
// {"custom_id","method":"POST","url":"/v1/chat/completions","body":{…}}.
func ParseRequestLine(line []byte) (Request, error) {
	if !utf8.Valid(line) {
		return Request{}, errors.New("not UTF-8")
	}
	if !record.ValidJSON(line) {
		return Request{}, errors.New("not a JSON object")
	}
	obj := gjson.ParseBytes(line)
	id, body := obj.Get("custom_id").String(), obj.Get("body")
	path := strings.TrimPrefix(strings.TrimPrefix(obj.Get("url").String(), "/v1"), "/") // Azure's have no /v1
	switch {
	case id == "":
		return Request{}, errors.New(`no "custom_id" in it`)
	case path != Chat && path != Completions:
		return Request{}, fmt.Errorf("unsupported url %q: it must be /v1/%s or /v1/%s", obj.Get("url").String(), Chat, Completions)
	case body.Get("stream").Bool(), body.Get("n").Int() > 1:
		return Request{}, errors.New(`"stream" or "n" in the body: each row gets one whole answer`)
	case !body.IsObject():
		return Request{}, errors.New(`no "body" object in it`)
	}
	_, index, _, _ := record.ParseID(id)
	if index < 0 {
		return Request{}, fmt.Errorf("custom_id %q does not end in a row number", id)
	}
	r := Request{Row: record.Result{ID: id, Index: index}, Path: path, Body: []byte(body.Raw)}
	rest, prompt, format := "", "", ""
	body.ForEach(func(k, v gjson.Result) bool {
		if k.Str == "messages" && path == Chat || k.Str == "prompt" && path == Completions {
			prompt = promptText(v)
			return true
		}
		if k.Str == responseFormat && path == Chat {
			format = v.Raw
			return true
		}
		if isMaxTokens(k.Str) {
			r.Tokens += tokenCount(v)
		}
		if !isDelivery(k.Str) {
			rest += "," + k.Raw + ":" + v.Raw
		}
		return true
	})
	r.Tokens += (len(prompt) + len(format)) / 4
	r.Row.Request = settingsDigest(path, strings.TrimPrefix(rest, ","), format) + "-" + promptDigest(prompt)
	return r, nil
}

// promptText returns the prompt if v has the form that [Builder.Append] writes, or v
// itself if it has another form: several messages, or another role.
func promptText(v gjson.Result) string {
	if v.Type == gjson.String {
		return v.Str
	}
	if !v.IsArray() || v.Get("#").Int() != 1 {
		return v.Raw
	}
	only := v.Get("0")
	text := only.Get("content")
	if only.IsObject() && len(only.Map()) == 2 && only.Get("role").Str == "user" && text.Type == gjson.String {
		return text.Str
	}
	return v.Raw
}

// settingsOf returns the digest of b's settings with this response_format.
func (b *Builder) settingsOf(format string) string {
	if format == b.format {
		return b.settings
	}
	last := b.last.Load()
	if last == nil || last.format != format {
		last = &formatDigest{format, settingsDigest(b.path, b.members, format)}
		b.last.Store(last)
	}
	return last.settings
}

func settingsDigest(path, members, format string) string {
	if format != "" {
		members += `,"` + responseFormat + `":` + format
	}
	sum := sha256.Sum256([]byte(path + "\n" + members))
	return hex.EncodeToString(sum[:6])
}

func promptDigest(prompt string) string {
	sum := sha256.Sum256(unsafe.Slice(unsafe.StringData(prompt), len(prompt))) // without a copy
	return hex.EncodeToString(sum[:6])
}

// SettingsOf returns the part of a request digest that identifies the endpoint, the model
// and the settings, without the prompt, or "".
func SettingsOf(request string) string {
	settings, _, ok := strings.Cut(request, "-")
	if !ok {
		return ""
	}
	return settings
}
