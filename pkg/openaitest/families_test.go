package openaitest_test

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"nertools/pkg/openaitest"
)

func TestRealModelsRefuseWhatTheyRefuse(t *testing.T) {
	_, c := serve(t, openaitest.Options{RealModels: true})
	for _, x := range []struct{ model, rest, param, said string }{
		{"gpt-6-luna", `"max_tokens":512`, "max_tokens", "Use 'max_completion_tokens' instead."},
		{"openai/gpt-6-luna", `"max_tokens":512`, "max_tokens", "Use 'max_completion_tokens' instead."},
		{"gpt-6-luna", `"temperature":0`, "temperature", "does not support 0 with this model"},
		{"gpt-6-luna", `"temperature":0,"reasoning_effort":"none"`, "", ""},
		{"gpt-6-luna", `"reasoning_effort":"minimal"`, "reasoning_effort", "Supported values are: 'none', 'low', 'medium', 'high', 'xhigh', and 'max'."},
		{"gpt-6-luna", `"stop":["x"],"prompt_cache_options":{"mode":"explicit"}`, "", ""},
		{"gpt-6-astra", `"reasoning_effort":"none"`, "reasoning_effort", "Supported values are: 'low', 'medium', 'high', 'xhigh', and 'max'."},
		{"gpt-6-astra", `"stop":["x"]`, "stop", "'stop' is not supported"},
		{"gpt-6-astra", `"reasoning_effort":"low"`, "", ""},
		{"gpt-6.1-sol", `"reasoning_effort":"none"`, "reasoning_effort", "'low'"},
		{"gpt-6.1-terra", `"reasoning_effort":"none"`, "", ""},
		{"gpt-5.6-sol", `"reasoning_effort":"none","temperature":0`, "", ""},
		{"gpt-5.6-sol", `"top_p":0.5`, "top_p", "Only the default"},
		{"gpt-5.1", `"temperature":0`, "", ""},
		{"gpt-5.1", `"prompt_cache_options":{"mode":"explicit"}`, "prompt_cache_options", "Unknown parameter"},
		{"gpt-5-mini", `"reasoning_effort":"none"`, "reasoning_effort", "'minimal'"},
		{"o3", `"stop":["x"]`, "stop", ""},
		{"gpt-4o-mini", `"max_tokens":512,"temperature":0`, "", ""},
		{"gpt-4o-mini", `"reasoning_effort":"none"`, "", "Unrecognized request argument supplied: reasoning_effort"},
		{"claude-sonnet-5-5", `"temperature":0`, "", "`temperature` is deprecated for this model."},
		{"claude-sonnet-5-5", `"max_tokens":512,"reasoning_effort":"none"`, "", ""},
		{"qwen3-32b", `"max_tokens":512,"temperature":0,"reasoning_effort":"none"`, "", ""},
	} {
		a := c.post(chatPath, `{"model":"`+x.model+`","messages":[{"role":"user","content":"hi"}],`+x.rest+`}`)
		e := gjson.GetBytes(a.body, "error")
		if refused := x.param != "" || x.said != ""; refused != e.Exists() || e.Get("param").String() != x.param || !strings.Contains(e.Get("message").String(), x.said) {
			t.Errorf("%s %s: got %s", x.model, x.rest, a.body)
		}
	}
}

func TestRealModelsReasonAndWriteToTheCache(t *testing.T) {
	s, c := serve(t, openaitest.Options{RealModels: true})
	long := prompt(strings.Repeat("Ada . ", 1000))
	for _, x := range []struct {
		rest, finish               string
		completion, thought, wrote int64
	}{
		{`"reasoning_effort":"none"`, "stop", 1500, 0, 1504},
		{`"reasoning_effort":"none","prompt_cache_options":{"mode":"explicit"}`, "stop", 1500, 0, 0},
		{`"reasoning_effort":"low","max_completion_tokens":100`, "length", 100, 48, 1504},
		{`"max_completion_tokens":512`, "length", 512, 512, 1504},
	} {
		a := c.post(chatPath, `{"model":"gpt-6-luna","messages":[{"role":"user","content":`+quote(long)+`}],`+x.rest+`}`)
		u := gjson.GetBytes(a.body, "usage")
		thought, wrote := u.Get("completion_tokens_details.reasoning_tokens").Int(), u.Get("prompt_tokens_details.cache_write_tokens").Int()
		if gjson.GetBytes(a.body, "choices.0.finish_reason").Str != x.finish || u.Get("completion_tokens").Int() < x.completion || thought != x.thought || (wrote > 1024) != (x.wrote > 0) {
			t.Errorf("%s: got %s", x.rest, a.body)
		}
	}
	if bills := s.Bills(); bills[3].OutputTokens != 512 {
		t.Errorf("reasoning is not billed: %+v", bills[3])
	}
}

func TestPromptsAreCut(t *testing.T) {
	_, c := serve(t, openaitest.Options{CutPrompts: 10})
	a := c.post(chatPath, `{"model":"qwen3","service_tier":"flex","messages":[{"role":"user","content":`+quote(prompt(strings.Repeat("Ada . ", 100)))+`}]}`)
	if n := gjson.GetBytes(a.body, "usage.prompt_tokens").Int(); n != 10 || gjson.GetBytes(a.body, "service_tier").Str != "flex" {
		t.Errorf("got %s", a.body)
	}
}

func quote(s string) string { return string(gjson.AppendJSONString(nil, s)) }
