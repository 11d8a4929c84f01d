package openaitest

import (
	"cmp"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// completionAPI is what tells the two completion endpoints apart.
type completionAPI struct {
	path             string
	op               string
	chat             bool
	text             string // the parameter that holds the prompt
	defaultMaxTokens int    // 0: as many as the answer needs
	parameters       map[string]bool
}

var chatAPI = &completionAPI{
	path: "/v1/chat/completions",
	op:   opChat,
	chat: true,
	text: "messages",
	parameters: setOf("audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs",
		"max_completion_tokens", "max_tokens", "messages", "metadata", "modalities", "model", "moderation", "n",
		"parallel_tool_calls", "prediction", "presence_penalty", "prompt_cache_key", "prompt_cache_options",
		"prompt_cache_retention", "reasoning_effort", "response_format", "safety_identifier", "seed",
		"service_tier", "stop", "store", "stream", "stream_options", "temperature", "tool_choice", "tools",
		"top_logprobs", "top_p", "user", "verbosity", "web_search_options"),
}

// legacyAPI stops after 16 tokens unless it is told otherwise, as the real one
// does: a client that forgets max_tokens must find out here.
var legacyAPI = &completionAPI{
	path:             "/v1/completions",
	op:               opLegacy,
	text:             "prompt",
	defaultMaxTokens: 16,
	parameters: setOf("best_of", "echo", "frequency_penalty", "logit_bias", "logprobs", "max_tokens", "model",
		"n", "presence_penalty", "prompt", "seed", "stop", "stream", "stream_options", "suffix", "temperature",
		"top_p", "user"),
}

func setOf(names ...string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}

// complete answers a call to one of the completion endpoints.
func (s *Server) complete(x *servedCall, api *completionAPI) response {
	x.call.Op = api.op
	raw, bad := x.readBody()
	req, malformed := readRequest(raw, api)
	x.note(raw, req)
	if denied := s.checkKey(x.r); denied != nil {
		return denied.reply()
	}
	if bad == nil {
		bad = malformed
	}
	if bad == nil {
		bad = s.checkModel(req, api)
	}
	if bad == nil {
		bad = s.admit(x, req)
	} else {
		s.limits.state(x.w.Header())
	}
	if bad != nil {
		return bad.reply()
	}
	rep := s.answer(req, api, x.call.Seq)
	rep.wait += s.latency(x.call.Seq)
	return rep
}

// admit refuses what is more than the limits allow.
func (s *Server) admit(x *servedCall, req completionRequest) *apiError {
	if limit := s.opt.MaxInFlight; limit > 0 && x.call.InFlight > limit {
		s.limits.state(x.w.Header())
		return rateLimited("requests", "Too many requests in flight at once. Please slow down.")
	}
	return s.limits.take(req.model, req.tokens+req.maxTokens, x.w.Header())
}

// latency is how long the call with this number takes.
func (s *Server) latency(seq int64) time.Duration {
	d := s.opt.Latency
	if s.opt.Jitter > 0 {
		d += time.Duration(fraction(s.opt.Seed, uint64(seq)) * float64(s.opt.Jitter))
	}
	return d
}

// answer makes the answer to a request that was found good, bent or spoiled by
// the fault that hits it.
func (s *Server) answer(req completionRequest, api *completionAPI, seq int64) response {
	f := s.script.hit(attempt{
		op: api.op, path: api.path, model: req.model, prompt: req.prompt, given: req.given, api: api,
	})
	c := s.makeCompletion(req, seq, f)
	rep := response{status: http.StatusOK, answered: c.good(), body: c.append(api)}
	rep.bills = []Bill{{
		PromptSHA: promptSHA(req.prompt), Call: seq, InputTokens: c.promptTokens, OutputTokens: c.answerTokens(),
	}}
	if f != nil {
		rep = f.spoil(rep)
	}
	return rep
}

// makeCompletion answers a request, as a call or as a batch's row. The fault, if
// any, may bend what the answer says.
func (s *Server) makeCompletion(req completionRequest, seq int64, f *Fault) completion {
	c := completion{seq: seq, model: req.model, promptTokens: req.tokens, finish: "stop", tier: req.tier}
	if cut := s.opt.CutPrompts; cut > 0 {
		c.promptTokens = min(c.promptTokens, cut)
	}
	switch {
	case s.opt.Answer != nil:
		c.content = s.opt.Answer(req.prompt)
	case req.object:
		c.content = baseline(req.prompt, asObject)
	default:
		c.content = Baseline(req.prompt)
	}
	limit := req.maxTokens
	if s.opt.RealModels {
		rules := rulesOf(req.model)
		c.thoughts, c.cacheWrites = rules.thoughts(&req), rules.cacheWrites(&req)
		if limit > 0 && c.thoughts >= limit {
			c.thoughts, c.content, c.finish = limit, "", "length"
		}
		limit = max(0, limit-c.thoughts)
	}
	if limit > 0 && tokens(len(c.content)) > limit {
		c.content, c.finish = cutAt(c.content, 4*limit), "length"
	}
	if f != nil {
		f.bend(&c)
	}
	return c
}

// cutAt is the start of s, at most n bytes, that ends between two characters.
func cutAt(s string, n int) string {
	if n >= len(s) {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// completion is an answer before it is put into an endpoint's form.
type completion struct {
	seq          int64
	model        string
	promptTokens int
	content      string
	refusal      string
	reasoning    string
	finish       string
	tier         string // "": the usual one
	thoughts     int    // tokens of reasoning that is not shown
	cacheWrites  int    // tokens of the prompt that are written to the cache
	null         bool   // the content is null
	noChoices    bool
}

// good tells an answer that a client may take as one.
func (c *completion) good() bool {
	return c.finish == "stop" && c.content != "" && !c.null && !c.noChoices
}

// append puts the answer into the endpoint's form.
func (c *completion) append(api *completionAPI) []byte {
	if api.chat {
		return c.appendChat(make([]byte, 0, len(c.content)+800))
	}
	return c.appendLegacy(make([]byte, 0, len(c.content)+400))
}

func (c *completion) answerTokens() int {
	return c.thoughts + tokens(len(c.content)+len(c.refusal)+len(c.reasoning))
}

func (c *completion) appendChat(b []byte) []byte {
	b = c.appendHead(b, "chatcmpl-simulated-", "chat.completion")
	if !c.noChoices {
		b = append(b, `{"index":0,"message":{"role":"assistant","content":`...)
		b = c.appendContent(b)
		b = append(b, `,"refusal":`...)
		b = appendStringOrNull(b, c.refusal)
		if c.reasoning != "" {
			b = gjson.AppendJSONString(append(b, `,"reasoning_content":`...), c.reasoning)
		}
		b = append(b, `,"annotations":[]},"logprobs":null,"finish_reason":`...)
		b = append(gjson.AppendJSONString(b, c.finish), '}')
	}
	b = c.appendUsage(b)
	b = append(b, `,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0`...)
	if c.cacheWrites > 0 {
		b = strconv.AppendInt(append(b, `,"cache_write_tokens":`...), int64(c.cacheWrites), 10)
	}
	b = strconv.AppendInt(append(b, `},"completion_tokens_details":{"reasoning_tokens":`...), int64(c.thoughts), 10)
	b = append(b, `,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":`...)
	b = gjson.AppendJSONString(b, cmp.Or(c.tier, "default"))
	return appendTail(b)
}

func (c *completion) appendLegacy(b []byte) []byte {
	b = c.appendHead(b, "cmpl-simulated-", "text_completion")
	if !c.noChoices {
		b = append(b, `{"text":`...)
		b = c.appendContent(b)
		b = append(b, `,"index":0,"logprobs":null,"finish_reason":`...)
		b = append(gjson.AppendJSONString(b, c.finish), '}')
	}
	return appendTail(append(c.appendUsage(b), '}'))
}

func (c *completion) appendHead(b []byte, idPrefix, object string) []byte {
	b = append(b, `{"id":"`...)
	b = append(b, idPrefix...)
	b = strconv.AppendInt(b, c.seq, 10)
	b = append(b, `","object":"`...)
	b = append(b, object...)
	b = append(b, `","created":`...)
	b = strconv.AppendInt(b, time.Now().Unix(), 10)
	b = append(b, `,"model":`...)
	b = gjson.AppendJSONString(b, c.model)
	return append(b, `,"choices":[`...)
}

func (c *completion) appendContent(b []byte) []byte {
	if c.null {
		return append(b, "null"...)
	}
	return gjson.AppendJSONString(b, c.content)
}

// appendUsage ends the choices and leaves the usage object open.
func (c *completion) appendUsage(b []byte) []byte {
	answer := c.answerTokens()
	b = append(b, `],"usage":{"prompt_tokens":`...)
	b = strconv.AppendInt(b, int64(c.promptTokens), 10)
	b = append(b, `,"completion_tokens":`...)
	b = strconv.AppendInt(b, int64(answer), 10)
	b = append(b, `,"total_tokens":`...)
	return strconv.AppendInt(b, int64(c.promptTokens+answer), 10)
}

func appendTail(b []byte) []byte {
	return append(b, `,"system_fingerprint":"simulated"}`+"\n"...)
}
