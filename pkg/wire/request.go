// Package wire owns the API's JSON: it turns a prompt into the body of a
// request, and the body of an answer into a result or the reason why there is
// none. It sends nothing, so that the same bytes go out in a run and in a batch,
// and programs that only read answers need no client.
package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"nertools/pkg/record"
)

// The endpoints, as paths under the API's base URL.
const (
	Chat        = "chat/completions"
	Completions = "completions"
)

// Settings is all of a request but the prompt.
type Settings struct {
	Model     string
	Endpoint  string // "auto", "chat" or "completions"
	MaxTokens int    // bound of the answer, in tokens; 0 sends none

	// Sampling. What is nil is not sent, but for the temperature: that is 0
	// where the model's family takes it, since an answer should copy its source.
	Temperature      *float64
	TopP             *float64
	FrequencyPenalty *float64
	PresencePenalty  *float64
	Seed             *int64
	Stop             []string

	Extra string // a JSON object whose members are added, or stand instead of ours; may be empty
}

// A Builder makes request bodies. It is safe for concurrent use.
type Builder struct {
	path      string
	head      string // up to the prompt, which follows as a JSON string
	tail      string
	maxTokens int
	settings  string // digest of all but the prompt
}

// NewBuilder checks the settings and prepares what all bodies have in common.
func NewBuilder(s Settings) (*Builder, error) {
	if s.Model == "" {
		return nil, errors.New("no model named")
	}
	f := familyOf(s.Model)
	b := &Builder{maxTokens: s.MaxTokens}
	switch s.Endpoint {
	case "auto", "":
		b.path = Chat
		if f.legacy {
			b.path = Completions
		}
	case "chat":
		b.path = Chat
	case "completions":
		b.path = Completions
	default:
		return nil, fmt.Errorf("unknown endpoint %q: auto, chat or completions", s.Endpoint)
	}
	members, err := s.members(f)
	if err != nil {
		return nil, err
	}
	model := `{"model":` + string(record.AppendString(nil, s.Model))
	if b.path == Chat {
		b.head = model + `,"messages":[{"role":"user","content":`
		b.tail = `}]`
	} else {
		b.head = model + `,"prompt":`
	}
	rest := ""
	for _, m := range members {
		rest += `,"` + m.key + `":` + m.value
	}
	b.tail += rest + "}"
	b.settings = settingsDigest(b.path, model[1:]+rest)
	return b, nil
}

// member is a member of a JSON object: key as it stands between the quotes,
// value as raw JSON.
type member struct{ key, value string }

func (s *Settings) members(f family) ([]member, error) {
	var list []member
	add := func(key, value string) { list = append(list, member{key, value}) }
	if s.MaxTokens > 0 {
		key := "max_tokens"
		if f.completionTokens {
			key = "max_completion_tokens"
		}
		add(key, strconv.Itoa(s.MaxTokens))
	}
	if s.Temperature == nil && f.sampling {
		add("temperature", "0")
	}
	for _, n := range []struct {
		key   string
		value *float64
	}{{"temperature", s.Temperature}, {"top_p", s.TopP}, {"frequency_penalty", s.FrequencyPenalty}, {"presence_penalty", s.PresencePenalty}} {
		if n.value != nil {
			add(n.key, strconv.FormatFloat(*n.value, 'g', -1, 64))
		}
	}
	if s.Seed != nil {
		add("seed", strconv.FormatInt(*s.Seed, 10))
	}
	if len(s.Stop) > 0 {
		stop := []byte{'['}
		for i, t := range s.Stop {
			if i > 0 {
				stop = append(stop, ',')
			}
			stop = record.AppendString(stop, t)
		}
		add("stop", string(append(stop, ']')))
	}
	return s.merge(list)
}

// merge lays the members of s.Extra over list.
func (s *Settings) merge(list []member) ([]member, error) {
	if s.Extra == "" {
		return list, nil
	}
	if !record.ValidJSON([]byte(s.Extra)) || !gjson.Parse(s.Extra).IsObject() {
		return nil, errors.New("the extra body is not a JSON object")
	}
	var err error
	gjson.Parse(s.Extra).ForEach(func(k, v gjson.Result) bool {
		switch k.Str {
		case "model", "messages", "prompt", "stream", "n":
			err = fmt.Errorf("the extra body must not set %q", k.Str)
			return false
		}
		m := member{k.Raw[1 : len(k.Raw)-1], v.Raw}
		for i := range list {
			if list[i].key == m.key {
				list[i] = m
				return true
			}
		}
		list = append(list, m)
		return true
	})
	return list, err
}

// Path is the endpoint that the bodies are for.
func (b *Builder) Path() string { return b.path }

// Settings is the digest of all that b asks for but the prompt: the first part
// of the request digest of each of its results.
func (b *Builder) Settings() string { return b.settings }

// Append appends the body that asks prompt.
func (b *Builder) Append(dst []byte, prompt string) []byte {
	dst = append(dst, b.head...)
	dst = record.AppendString(dst, prompt)
	return append(dst, b.tail...)
}

// A Request is one row ready to be sent.
type Request struct {
	Row    record.Result // the result to come: id, index, total, label, context, request digest
	Path   string        // the endpoint
	Body   []byte
	Tokens int // what the service will count before it answers: an estimate
}

// ParseRequest reads a line to be asked: a prompt record, for which b makes the
// body, or a Batch API request line, which is sent as it stands.
func (b *Builder) ParseRequest(line []byte) (Request, error) {
	if IsBatchLine(line) {
		return parseReady(line)
	}
	p, err := record.ParsePrompt(line)
	if err != nil {
		return Request{}, err
	}
	body := b.Append(make([]byte, 0, len(line)+len(b.head)+len(b.tail)), p.Text)
	return Request{
		Row: record.Result{
			ID: p.ID, Index: p.Index, Total: p.Total, Label: p.Label, Context: p.Context, Extra: p.Extra,
			Request: b.settings + "-" + promptDigest(p.Text),
		},
		Path:   b.path,
		Body:   body,
		Tokens: len(p.Text)/4 + b.maxTokens,
	}, nil
}

// parseReady reads a line of a Batch API input file:
// {"custom_id","method":"POST","url":"/v1/chat/completions","body":{…}}.
func parseReady(line []byte) (Request, error) {
	if !record.ValidJSON(line) {
		return Request{}, errors.New("not a JSON object")
	}
	obj := gjson.ParseBytes(line)
	id, body := obj.Get("custom_id").String(), obj.Get("body")
	path := strings.TrimPrefix(obj.Get("url").String(), "/v1/")
	switch {
	case id == "":
		return Request{}, errors.New(`no "custom_id" in it`)
	case path != Chat && path != Completions:
		return Request{}, fmt.Errorf("url %q: only /v1/%s and /v1/%s can be asked", obj.Get("url").String(), Chat, Completions)
	case !body.IsObject():
		return Request{}, errors.New(`no "body" object in it`)
	}
	_, index, _, _ := record.ParseID(id)
	if index < 0 {
		return Request{}, fmt.Errorf("custom_id %q does not end in a row number", id)
	}
	r := Request{Row: record.Result{ID: id, Index: index}, Path: path, Body: []byte(body.Raw)}
	rest, prompt := "", ""
	body.ForEach(func(k, v gjson.Result) bool {
		switch k.Str {
		case "messages", "prompt":
			prompt = v.Raw
			if text := v.Get("0.content"); v.Get("#").Int() == 1 && text.Type == gjson.String {
				prompt = text.Str
			} else if v.Type == gjson.String {
				prompt = v.Str
			}
		case "max_tokens", "max_completion_tokens":
			r.Tokens += int(v.Int())
			fallthrough
		default:
			rest += "," + k.Raw + ":" + v.Raw
		}
		return true
	})
	r.Tokens += len(prompt) / 4
	r.Row.Request = settingsDigest(path, strings.TrimPrefix(rest, ",")) + "-" + promptDigest(prompt)
	return r, nil
}

func settingsDigest(path, members string) string {
	sum := sha256.Sum256([]byte(path + "\n" + members))
	return hex.EncodeToString(sum[:6])
}

func promptDigest(prompt string) string {
	sum := sha256.Sum256([]byte(prompt))
	return hex.EncodeToString(sum[:6])
}

// SettingsOf returns the part of a result's request digest that tells the
// endpoint, the model and the settings, without the prompt; "" if there is none.
func SettingsOf(request string) string {
	settings, _, ok := strings.Cut(request, "-")
	if !ok {
		return ""
	}
	return settings
}
