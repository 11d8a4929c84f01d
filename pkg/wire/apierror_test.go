package wire_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// forms are ways to put a message and, where the form has room for them, a code
// and a status number into an error body.
var forms = map[string]func(message, code string, number int) string{
	"OpenAI": func(m, c string, _ int) string {
		return mustJSON(map[string]any{"error": map[string]any{"message": m, "code": c}})
	},
	"OpenAI, a number for a code": func(m, _ string, n int) string {
		return mustJSON(map[string]any{"error": map[string]any{"message": m, "code": n}})
	},
	"OpenAI, a number as a string": func(m, _ string, n int) string {
		return mustJSON(map[string]any{"error": map[string]any{"message": m, "code": fmt.Sprint(n)}})
	},
	"vLLM": func(m, c string, n int) string {
		return mustJSON(map[string]any{"object": "error", "message": m, "type": c, "param": nil, "code": n})
	},
	"Anthropic": func(m, c string, _ int) string {
		return mustJSON(map[string]any{"type": "error", "error": map[string]any{"type": c, "message": m}})
	},
	"Google": func(m, c string, n int) string {
		return mustJSON([]any{map[string]any{"error": map[string]any{"code": n, "message": m, "status": strings.ToUpper(c)}}})
	},
	"Google, no list": func(m, c string, n int) string {
		return mustJSON(map[string]any{"error": map[string]any{"code": n, "message": m, "status": strings.ToUpper(c)}})
	},
	"a string":              func(m, _ string, _ int) string { return mustJSON(map[string]any{"error": m}) },
	"a string and a number": func(m, _ string, n int) string { return mustJSON(map[string]any{"error": m, "status": n}) },
	"a bare string":         func(m, _ string, _ int) string { return mustJSON(m) },
	"FastAPI":               func(m, _ string, _ int) string { return mustJSON(map[string]any{"detail": m}) },
	"FastAPI, an object": func(m, c string, _ int) string {
		return mustJSON(map[string]any{"detail": map[string]any{"error": m, "code": c}})
	},
	"Pydantic": func(m, _ string, _ int) string {
		return mustJSON(map[string]any{"detail": []any{map[string]any{"msg": m, "input": nil}}})
	},
	"success false": func(m, _ string, _ int) string {
		return mustJSON(map[string]any{"success": false, "msg": m, "data": nil})
	},
	"a vendor's own number": func(m, _ string, _ int) string {
		return mustJSON(map[string]any{"code": 20012, "message": m, "data": nil})
	},
	"status error": func(m, _ string, _ int) string { return mustJSON(map[string]any{"status": "error", "message": m}) },
	"choices null": func(m, _ string, _ int) string {
		return mustJSON(map[string]any{"choices": nil, "message": m, "id": "x"})
	},
	"choices empty": func(m, _ string, _ int) string {
		return mustJSON(map[string]any{"choices": []any{}, "error": map[string]any{"message": m}})
	},
	"DashScope": func(m, c string, _ int) string {
		return mustJSON(map[string]any{"code": c, "message": m, "request_id": "1"})
	},
	"MiniMax": func(m, _ string, _ int) string {
		return mustJSON(map[string]any{"choices": nil, "base_resp": map[string]any{"status_code": 1000, "status_msg": m}})
	},
	"Apigee": func(m, c string, _ int) string {
		return mustJSON(map[string]any{"fault": map[string]any{"faultstring": m, "detail": map[string]any{"errorcode": c}}})
	},
	"GraphQL": func(m, _ string, _ int) string {
		return mustJSON(map[string]any{"errors": []any{map[string]any{"message": m}}})
	},
	"a problem (RFC 9457)": func(m, _ string, n int) string {
		return mustJSON(map[string]any{"type": "about:blank", "title": "Error", "status": n, "detail": m})
	},
	"a router's": func(m, _ string, n int) string {
		return mustJSON(map[string]any{"error": map[string]any{"message": "Provider returned error", "code": n, "metadata": map[string]any{"raw": mustJSON(map[string]any{"error": map[string]any{"message": m}})}}})
	},
	"JSON in a string": func(m, _ string, _ int) string {
		return mustJSON(map[string]any{"error": mustJSON(map[string]any{"error": map[string]any{"message": m}})})
	},
	"an event": func(m, c string, _ int) string {
		return "data: " + mustJSON(map[string]any{"error": map[string]any{"message": m, "code": c}}) + "\n\n"
	},
	"an event with a name": func(m, c string, _ int) string {
		return "event: error\r\ndata: " + mustJSON(map[string]any{"error": map[string]any{"message": m, "code": c}}) + "\r\n\r\n"
	},
	"beside an answer": func(m, c string, _ int) string {
		return `{"choices":[{"message":{"content":"half"}}],"error":` + mustJSON(map[string]any{"message": m, "code": c}) + `}`
	},
	"an error with a position": func(m, c string, _ int) string {
		return mustJSON(map[string]any{"errors": map[string]any{"message": m, "code": c, "param": "x"}})
	},
}

func TestErrorIsClassifiedByWhatItSaysInEveryForm(t *testing.T) {
	for _, c := range []struct {
		message, code string
		number        int
		class         record.Class
	}{
		{"The model `zz` does not exist.", "NotFoundError", 404, record.Model},
		{"model 'llama3.1' not found, try pulling it first", "not_found", 404, record.Model},
		{"Incorrect API key provided", "invalid_api_key", 401, record.Auth},
		{"API key not valid. Please pass a valid API key.", "INVALID_ARGUMENT", 400, record.Auth},
		{"Invalid authentication", "authentication_error", 401, record.Auth},
		{"Insufficient balance", "insufficient_balance", 402, record.Quota},
		{"You exceeded your current quota, please check your plan and billing details.", "insufficient_quota", 429, record.Quota},
		{"Your credit balance is too low to access the API", "invalid_request_error", 400, record.Quota},
		{"This model's maximum context length is 8192 tokens", "context_length_exceeded", 400, record.ContextLength},
		{"the request exceeds the available context size, try increasing it", "exceed_context_size_error", 400, record.ContextLength},
		{"The decoder prompt (length 9000) is longer than the maximum model length of 8192", "BadRequestError", 400, record.ContextLength},
		{"prompt is too long: 210000 tokens > 200000 maximum", "invalid_request_error", 400, record.ContextLength},
		{"Unexpected endpoint or method. (POST /chat/completions)", "not_found", 404, record.Invalid},
		{"temperature must be between 0 and 2", "invalid_request_error", 400, record.Invalid},
		{"The response was filtered due to the prompt triggering the content management policy", "content_filter", 400, record.Filtered},
		{"Rate limit exceeded: 20 requests per minute", "rate_limit_exceeded", 429, record.RateLimit},
		{"Too many requests, please slow down", "too_many_requests", 429, record.RateLimit},
		{"You exceeded your current quota, please check your plan. Please retry in 38.2s.", "RESOURCE_EXHAUSTED", 429, record.RateLimit},
		{"The server is overloaded, please try again later", "overloaded_error", 503, record.Server},
		{"upstream request timeout", "upstream_error", 504, record.Server},
	} {
		for name, form := range forms {
			body := form(c.message, c.code, c.number)
			for _, status := range []int{200, c.number, 500} {
				var e *wire.Error
				if status == 200 {
					e, _ = errors.AsType[*wire.Error](new(wire.Judge).ParseAnswer([]byte(body), new(record.Result)))
				} else if e = wire.ParseError(status, []byte(body)); status == 500 && c.class == record.Invalid {
					continue // 5xx says that the fault is the server's
				}
				if e == nil {
					t.Errorf("%d, %s: taken for an answer", status, name)
					continue
				}
				if e.Class != c.class || !strings.Contains(e.Message, c.message) {
					t.Errorf("%d, %s: got %s %q, want %s %q\n%s", status, name, e.Class, e.Message, c.class, c.message, body)
				}
				if status == 200 {
					_, _, err := wire.ParseEmbeddings([]byte(body), 1)
					if got := asError(err); got == nil || got.Class != e.Class || got.Message != e.Message {
						t.Errorf("%s: as embeddings: got %v, want %v", name, err, e)
					}
				}
				passing := c.class == record.RateLimit || c.class == record.Server
				fatal := c.class == record.Auth || c.class == record.Model || c.class == record.Quota || strings.HasPrefix(c.message, "Unexpected endpoint")
				if e.Passing() != passing || e.Fatal(true) != fatal {
					t.Errorf("%d, %s, %s: passing %v, fatal %v", status, name, c.message, e.Passing(), e.Fatal(true))
				}
			}
		}
	}
}

func TestErrorTellsWhatItSaysBesideTheMessage(t *testing.T) {
	for body, want := range map[string]wire.Error{
		`{"code":404,"message":"The model x does not exist.","object":"error","param":null,"type":"NotFoundError"}`: {
			Failure: record.Failure{Class: record.Model, Status: 404, Code: "404", Message: "The model x does not exist."}, Type: "NotFoundError"},
		`{"detail":"Insufficient balance"}`: {Failure: record.Failure{Class: record.Quota, Status: 200, Message: "Insufficient balance"}},
		`{"detail":[{"type":"missing","loc":["body","messages",0,"role"],"msg":"Field required"},{"type":"extra_forbidden","loc":["body","seed"],"msg":"Extra inputs are not permitted"}]}`: {
			Failure: record.Failure{Class: record.Invalid, Status: 200, Message: "body.messages.0.role: Field required; body.seed: Extra inputs are not permitted"}, Type: "missing", Param: "role"},
		`{"error":{"message":"outer","code":"invalid_value","param":"top_p","type":"invalid_request_error"},"message":"not this","code":"nor_this"}`: {
			Failure: record.Failure{Class: record.Invalid, Status: 200, Code: "invalid_value", Message: "outer"}, Type: "invalid_request_error", Param: "top_p"},
		`{"error":"Bad Request","message":"temperature is too high","statusCode":400}`: {Failure: record.Failure{Class: record.Invalid, Status: 400, Message: "temperature is too high"}},
		`{"success":false}`:        {Failure: record.Failure{Class: record.Server, Status: 200, Message: `an error without a message: {"success":false}`}},
		`{"error":{"code":1013}}`:  {Failure: record.Failure{Class: record.Server, Status: 200, Code: "1013", Message: `an error without a message: {"error":{"code":1013}}`}},
		`{"errors":["one","two"]}`: {Failure: record.Failure{Class: record.Server, Status: 200, Message: "one; two"}},
		`[{"error":{"message":"a","code":429}},{"error":{"message":"b"}},{"error":{"message":"c"}},{"error":{"message":"d"}}]`: {
			Failure: record.Failure{Class: record.RateLimit, Status: 429, Code: "429", Message: "a; b; c; 1 more"}},
	} {
		err := new(wire.Judge).ParseAnswer([]byte(body), new(record.Result))
		got, ok := errors.AsType[*wire.Error](err)
		if !ok {
			t.Errorf("%s: got %v", body, err)
			continue
		}
		if d := cmp.Diff(want, *got); d != "" {
			t.Errorf("%s: %s", body, d)
		}
	}
}

func TestMessageIsNotLostInWhatIsNoError(t *testing.T) {
	for body, want := range map[string]string{
		``:                 "the answer is empty",
		` null`:            "the answer is empty",
		`{"ok":true}`:      `no "choices" in the answer: {"ok":true}`,
		`{"choices":null}`: `no "choices" in the answer: {"choices":null}`,
		`{"message":{"role":"assistant","content":"@@Ada##"},"done":true}`: `no "choices" in the answer: {"message":{"role":"assistant","content":"@@Ada##"},"done":true}`,
		`Bad Gateway`:                   "the answer is not JSON: Bad Gateway",
		`{"choices":[{"message":{"cont`: "the answer is cut off or is not JSON",
		"\ufeff<html><head>\n<TITLE>\n Log in &amp; go </TITLE>": "the answer is a web page: Log in & go",
		"<!doctype html>": "the answer is a web page",
		`"just a string"`: "just a string",
		`17`:              `no "choices" in the answer: 17`,
	} {
		err := new(wire.Judge).ParseAnswer([]byte(body), new(record.Result))
		e, ok := errors.AsType[*wire.Error](err)
		if !ok || e.Message != want || !e.Passing() || e.Fatal(true) {
			t.Errorf("%q: got %+v, want %q", body, err, want)
		}
		if page := strings.Contains(body, "<"); ok && e.Fatal(false) != page {
			t.Errorf("%q: fatal for the first answer: %v", body, e.Fatal(false))
		}
	}
}

func TestTextThatIsNoJSONIsClassifiedToo(t *testing.T) {
	for body, want := range map[string]record.Class{
		"Unauthorized":                 record.Auth,
		"model not found":              record.Model,
		"404 page not found":           record.Invalid,
		"upstream connect error":       record.Malformed,
		"something or other":           record.Malformed,
		"Rate limit exceeded, go away": record.RateLimit,
	} {
		e, _ := errors.AsType[*wire.Error](new(wire.Judge).ParseAnswer([]byte(body), new(record.Result)))
		if e == nil || e.Class != want || !strings.Contains(e.Message, body) {
			t.Errorf("%s: got %+v", body, e)
		}
	}
}

func TestAnswerBesideAnEmptyErrorIsAnAnswer(t *testing.T) {
	for _, member := range []string{`null`, `""`, `{}`, `{"message":null,"code":null}`, `{"message":""}`, `false`, `[]`} {
		var r record.Result
		body := `{"error":` + member + `,"message":"ok","success":true,"base_resp":{"status_code":0,"status_msg":"success"},"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}`
		if err := new(wire.Judge).ParseAnswer([]byte(body), &r); err != nil || r.Output != "a" {
			t.Errorf("%s: got %q, %v", member, r.Output, err)
		}
	}
}

func TestSecretIsHiddenAfterItIsDecoded(t *testing.T) {
	const key = `\u0073k-secret1234567890abcd`
	for _, body := range []string{
		`{"error":{"message":"` + key + `","code":"` + key + `","type":"` + key + `","param":"` + key + `"}}`,
		`{"detail":[{"loc":["` + key + `"],"msg":"` + key + `"}]}`,
		`{"error":"{\"message\":\"\u0073k-secret1234567890abcd\"}"}`,
	} {
		for _, e := range []*wire.Error{wire.ParseError(401, []byte(body)), asError(new(wire.Judge).ParseAnswer([]byte(body), new(record.Result)))} {
			if strings.Contains(fmt.Sprintf("%+v", *e), "secret") {
				t.Errorf("%s: got %+v", body, e)
			}
		}
	}
}

func asError(err error) *wire.Error {
	e, _ := errors.AsType[*wire.Error](err)
	return e
}

// Each form is of the thread, document or source that it names.
func TestPromptsThatAreTooLongAreRecognisedInTheFormOfEveryServer(t *testing.T) {
	for from, c := range map[string]struct {
		status int
		body   string
	}{
		"llama.cpp, ggml-org/llama.cpp#15780": {500, `{"error":{"code":500,"message":"the request exceeds the available context size. try increasing the context size or enable context shift",` +
			`"type":"exceed_context_size_error","n_prompt_tokens":1407,"n_ctx":256}}`},
		"llama.cpp, oobabooga/textgen#7257, with status 200": {200, `{"error":{"code":400,"message":"the request exceeds the available context size. try increasing the context size or enable context shift",` +
			`"type":"exceed_context_size_error","n_prompt_tokens":14429,"n_ctx":8192}}`},
		"llama-cpp-python, rllm-team/rllm#55": {500, `{"error":{"message":"Requested tokens (516) exceed context window of 512","type":"internal_server_error","param":null,"code":null}}`},
		"SGLang, QwenLM/Qwen3#1321":           {400, `{"object":"error","message":"The input (61709 tokens) is longer than the model's context length (40960 tokens).","type":"BadRequestError","param":null,"code":400}`},
		"SGLang, sgl-project/sglang#4048":     {400, `{"object":"error","message":"Input length (160062 tokens) exceeds the maximum allowed length (59862 tokens).","type":"BadRequestError","param":null,"code":400}`},
		"vLLM, ogx-ai/ogx#4534": {400, `{"object":"error","message":"This model's maximum context length is 6048 tokens. However, you requested 6616 tokens (568 in the messages, 6048 in the completion). ` +
			`Please reduce the length of the messages or completion.","type":"BadRequestError","param":null,"code":400}`},
		"vLLM, vllm-project/vllm#4667":                    {400, `{"object":"error","message":"max_tokens must be at least 1, got -186.","type":"BadRequestError","param":null,"code":400}`},
		"LM Studio, Gitlawb/openclaude#353":               {400, `{"error":"The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 13055>= n_ctx: 4096). Try to load the model with a larger context length, or provide a shorter input."}`},
		"LM Studio, lmstudio-ai/lmstudio-bug-tracker#237": {400, `{"error":"Trying to keep the first 15857 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough."}`},
		"LM Studio, anomalyco/opencode#11141":             {400, `{"error":"Cannot truncate prompt with n_keep (15028) >= n_ctx (7424)"}`},
		"Groq, console.groq.com/docs/errors": {413, `{"error":{"message":"Request too large for model llama on tokens per minute (TPM): Limit 6000, Requested 7421, please reduce your message size and try again.",` +
			`"type":"tokens","code":"rate_limit_exceeded"}}`},
		"LiteLLM, docs.litellm.ai/docs/exception_mapping": {400, `{"error":{"message":"litellm.ContextWindowExceededError: ContextWindowExceededError: too long","type":null,"param":null,"code":"400"}}`},
		"text-generation-inference":                       {422, "{\"error\":\"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5210 `inputs` tokens and 512 `max_new_tokens`\",\"error_type\":\"validation\"}"},
		"xAI":                                             {400, `{"code":"Client specified an invalid argument","error":"This model's maximum prompt length is 131072 but the request contains 200170 tokens."}`},
	} {
		e := wire.ParseError(c.status, []byte(c.body))
		if c.status == 200 {
			e = asError(new(wire.Judge).ParseAnswer([]byte(c.body), new(record.Result)))
		}
		if e == nil || e.Class != record.ContextLength || e.Passing() || e.Fatal(true) {
			t.Errorf("%s: got %+v", from, e)
		}
	}
}
