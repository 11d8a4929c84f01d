package wire_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// Each body follows the thread or page that its row names.
var refusals = []struct {
	source string
	status int
	body   string
	want   wire.Refusal
}{
	{"OpenAI, appatalks/eva-agent#83", 400,
		`{"error":{"message":"Unsupported parameter: 'temperature' is not supported with this model.","type":"invalid_request_error","param":"temperature","code":"unsupported_parameter"}}`,
		wire.Refusal{Param: "temperature"}},
	{"OpenAI, microsoft/vscode#253673", 400,
		`{"error":{"message":"Unsupported value: 'temperature' does not support 0.1 with this model. Only the default (1) value is supported.","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}`,
		wire.Refusal{Param: "temperature"}},
	{"OpenAI, griptape-ai/griptape#1915", 400,
		`{"error":{"message":"Unsupported parameter: 'stop' is not supported with this model.","type":"invalid_request_error","param":"stop","code":"unsupported_parameter"}}`,
		wire.Refusal{Param: "stop"}},
	{"OpenAI, API reference of max_tokens", 400,
		`{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}`,
		wire.Refusal{Param: "max_tokens", Instead: "max_completion_tokens"}},
	{"OpenAI, UKGovernmentBEIS/inspect_ai#5254 and egoist/chatwise-releases#1257", 400,
		`{"error":{"message":"Unsupported value: 'reasoning_effort' does not support 'none' with this model. Supported values are: 'low', 'medium', 'high', 'xhigh', and 'max'.","type":"invalid_request_error","param":"reasoning_effort","code":"unsupported_value"}}`,
		wire.Refusal{Param: "reasoning_effort", Values: []string{"low", "medium", "high", "xhigh", "max"}}},
	{"OpenAI, openai/openai-agents-python#2089", 400,
		`{"error":{"message":"Unsupported value: 'minimal' is not supported with the 'gpt-5.1' model. Supported values are: 'none', 'low', 'medium', and 'high'.","type":"invalid_request_error","param":"reasoning_effort","code":"unsupported_value"}}`,
		wire.Refusal{Param: "reasoning_effort", Values: []string{"none", "low", "medium", "high"}}},
	{"code null, OpenHands/software-agent-sdk#1837", 400,
		`{"error":{"message":"Unsupported parameter: 'temperature' is not supported with this model.","type":"invalid_request_error","param":"temperature","code":null}}`,
		wire.Refusal{Param: "temperature"}},
	{"Azure", 400,
		`{"error":{"message":"Unrecognized request argument supplied: reasoning_effort","type":"invalid_request_error","param":null,"code":null}}`,
		wire.Refusal{Param: "reasoning_effort"}},
	{"an unknown parameter", 400,
		`{"error":{"message":"Unknown parameter: 'prompt_cache_options'.","type":"invalid_request_error","param":"prompt_cache_options","code":"unknown_parameter"}}`,
		wire.Refusal{Param: "prompt_cache_options"}},
	{"a part of a parameter", 400,
		`{"error":{"message":"Unknown parameter: 'prompt_cache_options.mode'.","type":"invalid_request_error","param":"prompt_cache_options.mode","code":"unknown_parameter"}}`,
		wire.Refusal{Param: "prompt_cache_options"}},
	{"LiteLLM, gethnet/litellm-connector-copilot#39", 400,
		`{"error":{"message":"litellm.UnsupportedParamsError: gpt-5 models (including gpt-5-codex) don't support temperature=0.7. Only temperature=1 is supported. For gpt-5.1, temperature is supported when reasoning_effort='none' (or not specified, as it defaults to 'none'). To drop unsupported params set litellm.drop_params = True. Received Model Group=gpt-5-mini\nAvailable Model Group Fallbacks=None","type":"None","param":null,"code":"400"}}`,
		wire.Refusal{Param: "temperature"}},
	{"LiteLLM, BerriAI/litellm#14146", 400,
		"{\"error\":{\"message\":\"litellm.UnsupportedParamsError: LlmProviders.AZURE does not support parameters: {'temperature': 1.0}, for model=gpt-5-mini. To drop these, set `litellm.drop_params=True` or for proxy: `litellm_settings: drop_params: true`\",\"type\":\"None\",\"param\":null,\"code\":\"400\"}}",
		wire.Refusal{Param: "temperature"}},
	{"LiteLLM, a list of names", 400,
		`{"error":{"message":"litellm.UnsupportedParamsError: bedrock does not support parameters: ['reasoning_effort'], for model=qwen3. To drop these, set litellm.drop_params=True","type":"None","param":null,"code":"400"}}`,
		wire.Refusal{Param: "reasoning_effort"}},
	{"LiteLLM, what the service behind it said, BerriAI/litellm#14146", 400,
		`{"error":{"message":"litellm.BadRequestError: AzureException BadRequestError - Unsupported parameter: 'top_p' is not supported with this model.. Received Model Group=gpt-5","type":null,"param":null,"code":"400"}}`,
		wire.Refusal{Param: "top_p"}},
	{"Anthropic, The-PR-Agent/pr-agent#2456", 400,
		"{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"`temperature` is deprecated for this model.\"},\"request_id\":\"req_1\"}",
		wire.Refusal{Param: "temperature"}},
	{"Anthropic's compatible endpoint", 400,
		"{\"error\":{\"code\":\"invalid_request_error\",\"message\":\"`temperature` is deprecated for this model.\",\"type\":\"invalid_request_error\",\"param\":null}}",
		wire.Refusal{Param: "temperature"}},
	{"Anthropic through a gateway, ltmoerdani/opencode-copilot-chat#20", 400,
		`{"message":"temperature is deprecated for this model."}`,
		wire.Refusal{Param: "temperature"}},
	{"Anthropic through Bedrock and LiteLLM, RooCodeInc/Roo-Code#12162", 400,
		`{"error":{"message":"litellm.BadRequestError: BedrockException - {\"message\":\"The model returned the following errors: {\\\"type\\\":\\\"error\\\",\\\"error\\\":{\\\"type\\\":\\\"invalid_request_error\\\",\\\"message\\\":\\\"` + "`temperature`" + ` is deprecated for this model.\\\"}}\"}","type":null,"param":null,"code":"400"}}`,
		wire.Refusal{Param: "temperature"}},
	{"detail, lobehub/lobehub#17831", 400,
		`{"detail":"Unsupported parameter: temperature"}`,
		wire.Refusal{Param: "temperature"}},
	{"detail in the message, Wei-Shaw/sub2api#2487", 400,
		`{"error":{"message":"{\"detail\":\"Unsupported parameter: temperature\"}","type":"invalid_request_error"},"type":"error"}`,
		wire.Refusal{Param: "temperature"}},
	{"GitHub Copilot, can1357/oh-my-pi#5606", 400,
		`{"error":{"message":"Unsupported parameter: 'temperature' is not supported with this model.","code":"invalid_request_body"}}`,
		wire.Refusal{Param: "temperature"}},
	{"a gateway's own form, nashsu/llm_wiki#670", 400,
		`{"error":{"cause":"{}","code":400,"message":"Unsupported value: 'temperature' does not support 0.1 with this model. Only the default (1) value is supported.","status":"FAILED_RESPONSE"}}`,
		wire.Refusal{Param: "temperature"}},
	{"Pydantic", 422,
		`{"detail":[{"type":"extra_forbidden","loc":["body","reasoning_effort"],"msg":"Extra inputs are not permitted","input":"none"}]}`,
		wire.Refusal{Param: "reasoning_effort"}},
	{"an error inside a 200", 200,
		`{"error":{"message":"Unsupported parameter: 'temperature' is not supported with this model.","code":400,"metadata":{"provider_name":"OpenAI"}}}`,
		wire.Refusal{Param: "temperature"}},
}

func TestRefusalIsRecognisedInEveryForm(t *testing.T) {
	for _, c := range refusals {
		got, ok := wire.ParseRefusal(c.status, []byte(c.body))
		if d := cmp.Diff(c.want, got); !ok || d != "" {
			t.Errorf("%s: %v %s", c.source, ok, d)
		}
	}
}

func TestOtherErrorsRefuseNoMember(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
	}{
		{400, `{"error":{"message":"Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.","type":"invalid_request_error","param":"temperature","code":"decimal_above_max_value"}}`},
		{400, `{"error":{"message":"This model's maximum context length is 128000 tokens. However, you requested 130000 tokens (129488 in the messages, 512 in the completion). Please reduce max_tokens, which is not supported beyond that.","code":"context_length_exceeded"}}`},
		{404, `{"error":{"message":"The model 'temperature' is not supported","code":"model_not_found"}}`},
		{401, `{"error":{"message":"Unsupported parameter: 'temperature'"}}`},
		{429, `{"error":{"message":"temperature: not supported, try again"}}`},
		{500, `{"error":{"message":"Unsupported parameter: 'temperature' is not supported with this model.","param":"temperature","code":"unsupported_parameter"}}`},
		{400, `{"error":{"message":"'messages' must contain the word 'json'","param":"messages"}}`},
		{400, `not supported`},
		{200, `{"choices":[]}`},
	} {
		if got, ok := wire.ParseRefusal(c.status, []byte(c.body)); ok {
			t.Errorf("%d %s: got %+v", c.status, c.body, got)
		}
	}
}

func TestRefusedEffortBecomesTheLowestThatTheMessageLists(t *testing.T) {
	const sent = `{"model":"m","messages":[],"reasoning_effort":"none"}`
	lists := refusal(400, "unsupported_value", "reasoning_effort", "Unsupported value: 'none'. Supported values are: 'high', 'low', and 'medium'.")
	var a wire.Amendments
	what, learnt, again := a.Learn(lists, []byte(sent), nil)
	if what != "sending the reasoning effort low" || !learnt || !again {
		t.Errorf("got %q, %v, %v", what, learnt, again)
	}
	amended := a.Apply([]byte(sent))
	if want := strings.Replace(sent, "none", "low", 1); string(amended) != want {
		t.Errorf("got %s", amended)
	}
	// A body that was sent before that was known does not make it worse.
	if _, learnt, again := a.Learn(lists, []byte(sent), nil); learnt || !again || string(a.Apply([]byte(sent))) != string(amended) {
		t.Errorf("learnt %v, again %v, got %s", learnt, again, a.Apply([]byte(sent)))
	}
	// If that is refused, too, it is left out.
	what, learnt, again = a.Learn(refusal(400, "unsupported_parameter", "reasoning_effort", "no"), amended, nil)
	if what != "leaving out reasoning_effort" || !learnt || !again || string(a.Apply([]byte(sent))) != `{"model":"m","messages":[]}` {
		t.Errorf("got %q, %v, %v, %s", what, learnt, again, a.Apply([]byte(sent)))
	}
	// Nothing listed: it is left out at once.
	var b wire.Amendments
	if what, _, _ := b.Learn(refusal(400, "unknown_parameter", "reasoning_effort", "no"), []byte(sent), nil); what != "leaving out reasoning_effort" {
		t.Errorf("got %q", what)
	}
}

func TestMemberThatTheUserAskedForIsNeverLeftOut(t *testing.T) {
	low := 0.5
	b := builder(t, wire.Settings{Model: "gpt-6-luna", MaxTokens: 9, Temperature: &low, Extra: `{"verbosity":"low"}`})
	body := b.Append(nil, "hi")
	for param, extra := range map[string]bool{"temperature": false, "verbosity": true} {
		var a wire.Amendments
		e := refusal(400, "unsupported_parameter", param, "no")
		if what, learnt, again := a.Learn(e, body, b.Given()); what != "" || learnt || again || string(a.Apply(body)) != string(body) {
			t.Errorf("%s: got %q, %v, %v", param, what, learnt, again)
		}
		if e.Given != param || e.GivenExtra != extra || !e.Fatal(true) {
			t.Errorf("%s: got %+v", param, e)
		}
	}
	for _, param := range []string{"reasoning_effort", "prompt_cache_options"} {
		var a wire.Amendments
		e := refusal(400, "unsupported_parameter", param, "no")
		if what, learnt, _ := a.Learn(e, body, b.Given()); what != "leaving out "+param || !learnt || e.Fatal(true) {
			t.Errorf("%s: got %q, %v", param, what, learnt)
		}
	}
	// Another name of a limit is no other limit.
	b = builder(t, wire.Settings{Model: "m", MaxTokens: 9, Bounded: true})
	var a wire.Amendments
	e := refusal(400, "unsupported_parameter", "max_tokens", "Use 'max_completion_tokens' instead.")
	if what, _, _ := a.Learn(e, b.Append(nil, "hi"), b.Given()); what != "sending max_completion_tokens instead of max_tokens" {
		t.Errorf("got %q", what)
	}
	if e = refusal(400, "unsupported_parameter", "max_tokens", "no"); true {
		if what, _, _ := a.Learn(e, b.Append(nil, "hi"), b.Given()); what != "" || e.Given != "max_tokens" {
			t.Errorf("got %q, %+v", what, e)
		}
	}
}

func TestLimitOfAnAnswerIsKnownByTwoNames(t *testing.T) {
	const sent = `{"model":"m","messages":[],"max_completion_tokens":9}`
	var a wire.Amendments
	what, learnt, again := a.Learn(refusal(400, "", "", "Unrecognized request argument supplied: max_completion_tokens"), []byte(sent), map[string]bool{"max_completion_tokens": false})
	if want := strings.Replace(sent, "max_completion_tokens", "max_tokens", 1); what != "sending max_tokens instead of max_completion_tokens" || !learnt || !again || string(a.Apply([]byte(sent))) != want {
		t.Errorf("got %q, %v, %v, %s", what, learnt, again, a.Apply([]byte(sent)))
	}
}

func TestNoFlexCapacityIsWaitedOut(t *testing.T) {
	for status, body := range map[int]string{
		// https://developers.openai.com/api/docs/guides/flex-processing: 429 Resource Unavailable, not charged
		http.StatusTooManyRequests: `{"error":{"message":"Resource unavailable","type":"resource_unavailable_error","param":null,"code":"resource_unavailable"}}`,
		// https://console.groq.com/docs/flex-processing
		498: `{"error":{"message":"Flex tier capacity exceeded","type":"invalid_request_error","code":"capacity_exceeded"}}`,
	} {
		if e := wire.ParseError(status, []byte(body)); e.Class != record.RateLimit || !e.Passing() || e.Fatal(true) {
			t.Errorf("%d: got %+v", status, e)
		}
	}
}
