package wire_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/record"
	"nertools/pkg/wire"
)

func chat(message, finish string) string {
	return `{"id":"x","object":"chat.completion","model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":` + message + `,"finish_reason":` + finish + `}],` +
		`"usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25,"prompt_tokens_details":{"cached_tokens":16},"completion_tokens_details":{"reasoning_tokens":2}}}`
}

func TestAnswerIsGoodOrSaysWhyNot(t *testing.T) {
	type outcome struct {
		output, partial string
		class           record.Class
	}
	good := func(output string) outcome { return outcome{output: output} }
	bad := func(class record.Class, partial string) outcome { return outcome{partial: partial, class: class} }
	for _, c := range []struct {
		name, body string
		want       outcome
	}{
		{"stop", chat(`{"role":"assistant","content":"@@Ada## <&> \u2028\n \"x\" ","refusal":null}`, `"stop"`), good("@@Ada## <&> \u2028\n \"x\" ")},
		{"no finish_reason", chat(`{"content":"a"}`, `null`), good("a")},
		{"length", chat(`{"content":"half"}`, `"length"`), bad(record.Length, "half")},
		{"length, all of it spent on thinking", chat(`{"content":""}`, `"length"`), bad(record.Length, "")},
		{"content_filter", chat(`{"content":"half"}`, `"content_filter"`), bad(record.Filtered, "half")},
		{"tool_calls", chat(`{"content":null,"tool_calls":[{"id":"c"}]}`, `"tool_calls"`), bad(record.Empty, "")},
		{"function_call", chat(`{"content":null,"function_call":{}}`, `"function_call"`), bad(record.Empty, "")},
		{"null content", chat(`{"content":null,"refusal":null}`, `"stop"`), bad(record.Empty, "")},
		{"no content", chat(`{}`, `"stop"`), bad(record.Empty, "")},
		{"white space only", chat(`{"content":" \n\t\u3000"}`, `"stop"`), bad(record.Empty, " \n\t\u3000")},
		{"refusal", chat(`{"content":null,"refusal":"I can't help with that."}`, `"stop"`), bad(record.Refused, "")},
		{"refusal and length", chat(`{"content":"I","refusal":"No"}`, `"length"`), bad(record.Refused, "I")},
		{"parts", chat(`{"content":[{"type":"text","text":"a "},{"type":"thinking","thinking":[]},{"type":"text","text":"b"}]}`, `"stop"`), good("a b")},
		{"no parts", chat(`{"content":[]}`, `"stop"`), bad(record.Empty, "")},
		{"message null", chat(`null`, `"stop"`), bad(record.Empty, "")},
		{"empty choices", `{"choices":[]}`, bad(record.Empty, "")},
		{"choice null", `{"choices":[null]}`, bad(record.Empty, "")},
		{"choice a string", `{"choices":["{\"text\":\"x\"}"]}`, bad(record.Empty, "")},
		{"two choices", `{"choices":[{"text":"a"},{"text":"b"}]}`, good("a")},
		{"legacy", `{"object":"text_completion","choices":[{"text":"\n\nAda","index":0,"logprobs":null,"finish_reason":"stop"}]}`, good("\n\nAda")},
		{"legacy length", `{"choices":[{"text":"Ad","finish_reason":"length"}]}`, bad(record.Length, "Ad")},
		{"legacy empty", `{"choices":[{"text":"","finish_reason":"stop"}]}`, bad(record.Empty, "")},
		{"error null", `{"error":null,"choices":[{"text":"a"}]}`, good("a")},
		{"error empty", `{"error":"","choices":[{"text":"a"}]}`, good("a")},
		{"usage null", `{"usage":null,"choices":[{"text":"a"}]}`, good("a")},
	} {
		r := record.Result{ID: "a/0/x", Label: "PER", Output: "old", Partial: "old", Failure: &record.Failure{Class: record.Server}}
		if err := new(wire.Judge).ParseAnswer([]byte(c.body), &r); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := outcome{output: r.Output, partial: r.Partial}
		if r.Failure != nil {
			got.class = r.Failure.Class
			if r.Failure.Status != 200 || r.Failure.Message == "" {
				t.Errorf("%s: failure %+v", c.name, r.Failure)
			}
		}
		if got != c.want || r.ID != "a/0/x" || r.Label != "PER" {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestAnswerTellsModelAndUsage(t *testing.T) {
	var r record.Result
	if err := new(wire.Judge).ParseAnswer([]byte(chat(`{"content":"a"}`, `"stop"`)), &r); err != nil {
		t.Fatal(err)
	}
	want := record.Result{Output: "a", Model: "gpt-4o-mini-2024-07-18", FinishReason: "stop", Usage: record.Usage{Prompt: 20, Completion: 5, Cached: 16, Reasoning: 2}}
	if d := cmp.Diff(want, r); d != "" {
		t.Error(d)
	}
	if err := new(wire.Judge).ParseAnswer([]byte(`{"usage":{"input_tokens":7,"output_tokens":3,"input_tokens_details":{"cached_tokens":1},"output_tokens_details":{"reasoning_tokens":2}},"choices":[]}`), &r); err != nil {
		t.Fatal(err)
	}
	if want := (record.Usage{Prompt: 7, Completion: 3, Cached: 1, Reasoning: 2}); r.Usage != want || r.Model != "" || r.FinishReason != "" || r.Output != "" {
		t.Errorf("got %+v", r)
	}
}

func TestWhatIsNoCompletionIsAnErrorAndLeavesTheResultAlone(t *testing.T) {
	for _, c := range []struct {
		name, body string
		class      record.Class
		passing    bool
	}{
		{"nothing", ``, record.Malformed, true},
		{"cut off", chat(`{"content":"a"}`, `"stop"`)[:60], record.Malformed, true},
		{"an array", `[` + chat(`{"content":"a"}`, `"stop"`) + `]`, record.Malformed, true},
		{"a page", `<html>log in</html>`, record.Malformed, true},
		{"another object", `{"ok":true}`, record.Malformed, true},
		{"choices null", `{"choices":null}`, record.Malformed, true},
		{"choices an object", `{"choices":{"0":{"text":"a"}}}`, record.Malformed, true},
		{"nested too deeply", strings.Repeat("[", 200_000), record.Malformed, true},
		{"an error without a code", `{"error":{"message":"upstream failed"}}`, record.Server, true},
		{"an error as a string", `{"error":"upstream failed"}`, record.Server, true},
		{"a string that looks like JSON", `{"error":"upstream said {\"code\":999}"}`, record.Server, true},
		{"an error with a status", `{"error":{"message":"busy","code":429}}`, record.RateLimit, true},
		{"an error with a status as a string", `{"error":{"message":"no","code":"401"}}`, record.Auth, false},
		{"an error with an absurd status", `{"error":{"message":"no","code":1e30}}`, record.Server, true},
		{"no quota", `{"error":{"message":"pay","code":"insufficient_quota"}}`, record.Quota, false},
		{"too long", `{"error":{"message":"long","code":"context_length_exceeded"}}`, record.ContextLength, false},
		{"throttled", `{"error":{"message":"slow","code":"rate_limit_exceeded"}}`, record.RateLimit, true},
	} {
		before := record.Result{ID: "i", Output: "kept", Failure: &record.Failure{Class: record.Server}}
		r := before
		err := new(wire.Judge).ParseAnswer([]byte(c.body), &r)
		e, ok := errors.AsType[*wire.Error](err)
		if !ok {
			t.Errorf("%s: got %v", c.name, err)
			continue
		}
		if e.Class != c.class || e.Passing() != c.passing || e.Message == "" {
			t.Errorf("%s: got %+v, passing %v", c.name, e, e.Passing())
		}
		if d := cmp.Diff(before, r); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func apiError(kind, code, param, message string) string {
	quote := func(s string) string {
		if s == "" {
			return "null"
		}
		b, _ := json.Marshal(s)
		return string(b)
	}
	return `{"error":{"message":` + quote(message) + `,"type":` + quote(kind) + `,"param":` + quote(param) + `,"code":` + quote(code) + `}}`
}

func TestErrorIsPutIntoItsClass(t *testing.T) {
	const invalid = "invalid_request_error"
	for _, c := range []struct {
		status  int
		body    string
		class   record.Class
		message string
	}{
		// Worth another try.
		{429, apiError("requests", "rate_limit_exceeded", "", "Rate limit reached for gpt-4o-mini"), record.RateLimit, "Rate limit reached for gpt-4o-mini"},
		{429, apiError("tokens", "rate_limit_exceeded", "", "slow"), record.RateLimit, "slow"},
		{429, apiError("tokens", "rate_limit_exceeded", "", "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40000."), record.ContextLength,
			"Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40000."},
		{429, "", record.RateLimit, "too many requests"},
		{429, "<html>busy</html>", record.RateLimit, "too many requests (the answer is not the API's JSON)"},
		{408, "", record.Server, "request timeout"},
		{409, apiError("", "", "", "conflict"), record.Server, "conflict"},
		{500, apiError("server_error", "", "", "The server had an error"), record.Server, "The server had an error"},
		{502, "<html>\r\n<head><title>502 Bad Gateway</title></head></html>", record.Server, "bad gateway (the answer is not the API's JSON)"},
		{503, apiError("service_unavailable_error", "", "", "The engine is currently overloaded"), record.Server, "The engine is currently overloaded"},
		{504, "upstream request timeout", record.Server, "upstream request timeout"},
		{529, apiError("overloaded_error", "", "", "Overloaded"), record.Server, "Overloaded"},
		{520, "<html>", record.Server, "no reason given (the answer is not the API's JSON)"},

		// No row can fare better.
		{401, apiError(invalid, "invalid_api_key", "", "Incorrect API key provided"), record.Auth, "Incorrect API key provided"},
		{401, "", record.Auth, "unauthorized"},
		{400, apiError(invalid, "invalid_api_key", "", "no"), record.Auth, "no"},
		{403, apiError("request_forbidden", "unsupported_country_region_territory", "", "Country, region, or territory not supported"), record.Auth, "Country, region, or territory not supported"},
		{403, "<html>blocked</html>", record.Auth, "forbidden (the answer is not the API's JSON)"},
		{429, apiError("insufficient_quota", "insufficient_quota", "", "You exceeded your current quota"), record.Quota, "You exceeded your current quota"},
		{429, apiError("insufficient_quota", "", "", "You exceeded your current quota"), record.Quota, "You exceeded your current quota"},
		{400, apiError("", "billing_hard_limit_reached", "", "Billing hard limit has been reached"), record.Quota, "Billing hard limit has been reached"},
		{429, apiError("", "billing_not_active", "", "not active"), record.Quota, "not active"},
		{402, `{"error":{"message":"Insufficient credits","code":402}}`, record.Quota, "Insufficient credits"},
		{404, apiError(invalid, "model_not_found", "", "The model `x` does not exist or you do not have access to it."), record.Model, "The model `x` does not exist or you do not have access to it."},
		{403, apiError(invalid, "model_not_found", "", "Project `p` does not have access to model `x`"), record.Model, "Project `p` does not have access to model `x`"},
		{404, apiError(invalid, "", "model", "This is not a chat model and thus not supported in the v1/chat/completions endpoint."), record.Model, "This is not a chat model and thus not supported in the v1/chat/completions endpoint."},
		{404, `{"error":"model 'x' not found, try pulling it first"}`, record.Model, "model 'x' not found, try pulling it first"},
		{400, `{"error":{"message":"x is not a valid model ID","code":400}}`, record.Model, "x is not a valid model ID"},
		{404, apiError(invalid, "", "", "Invalid URL (POST /chat/completions)"), record.Invalid, "Invalid URL (POST /chat/completions)"},
		{404, "404 page not found\n", record.Invalid, "404 page not found"},
		{301, "<html>moved</html>", record.Invalid, "moved permanently (the answer is not the API's JSON)"},
		{307, "", record.Invalid, "temporary redirect"},

		// This row can't, others may.
		{400, apiError(invalid, "context_length_exceeded", "messages", "This model's maximum context length is 8192 tokens."), record.ContextLength, "This model's maximum context length is 8192 tokens."},
		{400, `{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000","type":"BadRequestError","param":null,"code":400}`, record.ContextLength, "This model's maximum context length is 4096 tokens. However, you requested 5000"},
		{500, apiError("", "context_length_exceeded", "", "too long"), record.ContextLength, "too long"},
		{413, "", record.ContextLength, "request entity too large"},
		{400, apiError(invalid, "content_filter", "prompt", "The response was filtered"), record.Filtered, "The response was filtered"},
		{400, apiError("", "content_policy_violation", "", "policy"), record.Filtered, "policy"},
		{403, `{"error":{"message":"Your chosen model requires moderation and your input was flagged","code":403}}`, record.Filtered, "Your chosen model requires moderation and your input was flagged"},
		{400, apiError(invalid, "unsupported_parameter", "max_tokens", "Unsupported parameter: 'max_tokens'"), record.Invalid, "Unsupported parameter: 'max_tokens'"},
		{400, apiError(invalid, "unsupported_value", "temperature", "Unsupported value: 'temperature'"), record.Invalid, "Unsupported value: 'temperature'"},
		{400, `{"error":"a string"}`, record.Invalid, "a string"},
		{400, `{"error":"Bad Request","message":"temperature is too high","statusCode":400}`, record.Invalid, "temperature is too high"},
		{400, `{"error":"invalid_request","error_description":"what is wrong"}`, record.Invalid, "what is wrong"},
		{400, `{"error":null,"message":"top"}`, record.Invalid, "top"},
		{422, `{"detail":"Unprocessable"}`, record.Invalid, "Unprocessable"},
		{422, `{"detail":[{"loc":["body","model"],"msg":"field required"}]}`, record.Invalid, "body.model: field required"},
		{400, `[{"error":{"code":400,"message":"Request contains an invalid argument.","status":"INVALID_ARGUMENT"}}]`, record.Invalid, "Request contains an invalid argument."},
		{400, `"a bare string with {\"error\":{\"code\":\"invalid_api_key\"}}"`, record.Invalid, `a bare string with {"error":{"code":"invalid_api_key"}}`},
		{400, `{}`, record.Invalid, "bad request (the answer is not the API's JSON)"},
		{400, `null`, record.Invalid, "bad request (the answer is not the API's JSON)"},
		{400, `{"error":{"message":"cut`, record.Invalid, `{"error":{"message":"cut`},
		{204, "", record.Invalid, "no content"},
	} {
		e := wire.ParseError(c.status, []byte(c.body))
		if e.Class != c.class || e.Message != c.message || e.Status != c.status {
			t.Errorf("%d %s:\n got %s %q\nwant %s %q", c.status, c.body, e.Class, e.Message, c.class, c.message)
		}
	}
}

func TestErrorShowsStatusCodeAndMessage(t *testing.T) {
	e := wire.ParseError(400, []byte(apiError("invalid_request_error", "unsupported_value", "temperature", "no\nthanks")))
	if got, want := e.Error(), "400 unsupported_value: no thanks"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if e.Type != "invalid_request_error" || e.Param != "temperature" {
		t.Errorf("got %+v", e)
	}
	if got, want := (&wire.Error{Failure: record.Failure{Class: record.Network, Message: "connection reset"}}).Error(), "connection reset"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestClassSaysWhetherToTryAgainOrToStop(t *testing.T) {
	passing := map[record.Class]bool{record.RateLimit: true, record.Server: true, record.Network: true, record.Timeout: true, record.Malformed: true}
	fatal := map[record.Class]bool{record.Auth: true, record.Model: true, record.Quota: true}
	for _, class := range []record.Class{
		record.Auth, record.Model, record.Quota, record.RateLimit, record.Server, record.Network, record.Timeout, record.Invalid, record.ContextLength,
		record.Length, record.Filtered, record.Refused, record.Empty, record.Malformed, record.Expired, record.Cancelled, record.Missing,
	} {
		e := &wire.Error{Failure: record.Failure{Class: class, Status: 400}}
		if e.Passing() != passing[class] || e.Fatal(true) != fatal[class] {
			t.Errorf("%s: passing %v, fatal %v", class, e.Passing(), e.Fatal(true))
		}
	}
	for status, want := range map[int]bool{204: false, 301: true, 307: true, 400: false, 404: true, 405: true, 422: false, 501: true, 505: true} {
		if e := wire.ParseError(status, nil); e.Fatal(true) != want || e.Passing() {
			t.Errorf("%d: fatal %v, passing %v", status, e.Fatal(true), e.Passing())
		}
	}
}

func TestMessageIsOneLineAndHidesKeys(t *testing.T) {
	for _, c := range []struct{ message, want string }{
		{"Incorrect API key provided: sk-proj-abcDEF123_-x. See", "Incorrect API key provided: sk-…  See"},
		{"Incorrect API key provided: sk-proj-********************Ab1c. See", "Incorrect API key provided: sk-…  See"},
		{"token sess-AbCdEf0123 refused", "token sess-… refused"},
		{"(key-AbCdEf0123)", "(key-…)"},
		{"a\r\nb\tc\x00d\u0085e \u2028f\x1b[31mg", "a b c d e fg"},
		{"task-force at risk-free price", "task-force at risk-free price"},
	} {
		want := strings.ReplaceAll(c.want, "  ", " ")
		for _, body := range []string{apiError("", "", "", c.message), mustJSON(map[string]string{"error": c.message}), mustJSON(map[string]string{"detail": c.message})} {
			if got := wire.ParseError(400, []byte(body)).Message; got != want {
				t.Errorf("%s: got %q, want %q", body, got, want)
			}
		}
		if got := wire.Failed(errors.New(c.message)); got.Message != want || got.Class != record.Network {
			t.Errorf("%q: got %+v", c.message, got)
		}
	}
	for n := 480; n < 520; n++ {
		message := strings.Repeat("x", n) + " sk-proj-abcdefghijklmnopqrstuvwxyz " + strings.Repeat("é", 40)
		got := wire.ParseError(400, []byte(apiError("", "", "", message))).Message
		if strings.Contains(got, "abcd") || !utf8.ValidString(got) || len(got) > 510 {
			t.Errorf("%d: got %q", n, got)
		}
	}
	for n := range 6 {
		if got := wire.ParseError(500, []byte(strings.Repeat("x", n)+strings.Repeat("é", 300))).Message; !utf8.ValidString(got) {
			t.Errorf("%d: got %q", n, got)
		}
	}
	refusal := chat(`{"content":null,"refusal":"No,\nnot with sk-abcdefgh."}`, `"stop"`)
	var r record.Result
	if err := new(wire.Judge).ParseAnswer([]byte(refusal), &r); err != nil || r.Failure.Message != "No, not with sk-…" {
		t.Errorf("got %v, %+v", err, r.Failure)
	}
}

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestFailureOfARecordIsThatOfTheError(t *testing.T) {
	e := wire.ParseError(400, []byte(apiError("", "c", "", "m")))
	e.RetryAfter = time.Second
	got := wire.Failed(fmt.Errorf("wrapped: %w", e))
	if d := cmp.Diff(&record.Failure{Class: record.Invalid, Status: 400, Code: "c", Message: "m"}, got); d != "" {
		t.Error(d)
	}
	got.Class = record.Auth
	if e.Class != record.Invalid {
		t.Error("the record's failure shares the error's memory")
	}
	if got := wire.Failed(io.ErrUnexpectedEOF); got.Class != record.Network || got.Message != "unexpected EOF" {
		t.Errorf("got %+v", got)
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte(chat(`{"content":"a"}`, `"stop"`)))
	f.Add([]byte(chat(`{"content":[{"text":"a"}],"refusal":""}`, `"length"`)))
	f.Add([]byte(`{"choices":[{"text":"a"}],"usage":{"prompt_tokens":1}}`))
	f.Add([]byte(`{"error":{"code":429,"message":"m"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var r record.Result
		err := new(wire.Judge).ParseAnswer(body, &r)
		switch {
		case err != nil:
			if e, ok := errors.AsType[*wire.Error](err); !ok || e.Class == "" || e.Message == "" {
				t.Errorf("%q: %v", body, err)
			}
		case r.Failure == nil && strings.TrimSpace(r.Output) == "":
			t.Errorf("%q: an empty answer passed as a good one", body)
		case r.Failure != nil && (r.Failure.Class == "" || r.Output != ""):
			t.Errorf("%q: %+v", body, r)
		}
	})
}

func FuzzParseError(f *testing.F) {
	f.Add(429, []byte(apiError("t", "c", "p", "m")))
	f.Add(400, []byte(`{"error":"a string"}`))
	f.Add(422, []byte(`{"detail":[{"msg":"x"}]}`))
	f.Add(502, []byte("<html>"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := wire.ParseError(status, body)
		if e.Class == "" || e.Message == "" || strings.ContainsAny(e.Message, "\r\n\x1b") || !utf8.ValidString(e.Message) || e.Fatal(true) && e.Passing() {
			t.Errorf("%d %q: %+v", status, body, e)
		}
	})
}

func BenchmarkParseAnswer(b *testing.B) {
	text, _ := json.Marshal(strings.Repeat("@@Ada## wrote to @@Bob Li## . ", 10))
	body := []byte(chat(`{"role":"assistant","content":`+string(text)+`,"refusal":null,"annotations":[]}`, `"stop"`))
	var r record.Result
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := new(wire.Judge).ParseAnswer(body, &r); err != nil {
			b.Fatal(err)
		}
	}
}
