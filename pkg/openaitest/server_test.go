package openaitest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nertools/pkg/openaitest"
)

const chatPath = "/v1/chat/completions"

// fewShot is a prompt in the usual form, about a sentence without known entities.
const fewShot = `Mark the people in the last sentence, as @@entity##.

Sentence: Ada met Bob Stone in York .
Marked: @@Ada## met @@Bob Stone## in York .

Sentence: `

func prompt(sentence string) string { return fewShot + sentence + "\nMarked:" }

// serve starts a simulated API on loopback and returns it with its address.
func serve(t testing.TB, opt openaitest.Options) (*openaitest.Server, *client) {
	t.Helper()
	api := openaitest.New(opt)
	ts := httptest.NewServer(api)
	t.Cleanup(ts.Close)
	t.Cleanup(api.Close)
	return api, &client{t: t, url: ts.URL, http: ts.Client()}
}

type client struct {
	t    testing.TB
	url  string
	http *http.Client
}

// answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func chatBody(model, prompt string, more ...any) string {
	body := map[string]any{
		"model":    model,
		"messages": []any{map[string]any{"role": "user", "content": prompt}},
	}
	return marshal(body, more)
}

func legacyBody(model, prompt string, more ...any) string {
	return marshal(map[string]any{"model": model, "prompt": prompt}, more)
}

func marshal(body map[string]any, more []any) string {
	for i := 0; i < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	b, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func newRequest(ctx context.Context, method, url, body string) *http.Request {
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Authorization", "Bearer sk-test")
	r.Header.Set("Content-Type", "application/json")
	return r
}

// try makes a call that may fail on its way.
func (c *client) try(path, body string) (answer, error) {
	return c.do(newRequest(context.Background(), http.MethodPost, c.url+path, body))
}

func (c *client) do(r *http.Request) (answer, error) {
	resp, err := c.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, b}, err
}

// post makes a call that must not fail on its way.
func (c *client) post(path, body string) answer {
	c.t.Helper()
	a, err := c.try(path, body)
	if err != nil {
		c.t.Fatalf("post %s: %v", path, err)
	}
	return a
}

func (c *client) get(path string) answer {
	c.t.Helper()
	a, err := c.do(newRequest(context.Background(), http.MethodGet, c.url+path, ""))
	if err != nil {
		c.t.Fatalf("get %s: %v", path, err)
	}
	return a
}

// content is the text of a completion, chat or legacy.
func content(t testing.TB, a answer) string {
	t.Helper()
	var c struct {
		Choices []struct {
			Text    string
			Message struct{ Content string }
		}
	}
	if err := json.Unmarshal(a.body, &c); err != nil || len(c.Choices) != 1 {
		t.Fatalf("status %d, not a completion: %v: %s", a.status, err, a.body)
	}
	return c.Choices[0].Text + c.Choices[0].Message.Content
}

// refusal is an error answer's status, code and param.
type refusal struct {
	status      int
	code, param string
}

func refusalOf(t testing.TB, a answer) (refusal, string) {
	t.Helper()
	var e struct {
		Error *struct{ Message, Type, Param, Code *string }
	}
	if err := json.Unmarshal(a.body, &e); err != nil || e.Error == nil || e.Error.Message == nil || e.Error.Type == nil {
		t.Fatalf("status %d, not the API's error form: %v: %s", a.status, err, a.body)
	}
	got := refusal{status: a.status}
	if e.Error.Code != nil {
		got.code = *e.Error.Code
	}
	if e.Error.Param != nil {
		got.param = *e.Error.Param
	}
	return got, *e.Error.Message
}

func TestMalformedCallsAreRefusedAsByTheService(t *testing.T) {
	_, c := serve(t, openaitest.Options{Models: []string{"gpt-4.1-mini", "davinci-002"}})
	const hi = `"messages":[{"role":"user","content":"hi"}]`
	missing := func(param string) refusal { return refusal{400, "missing_required_parameter", param} }
	tests := []struct {
		name, path, body string
		want             refusal
		says             string
	}{
		{"empty body", chatPath, "", refusal{status: 400}, "parse the JSON body"},
		{"cut JSON", chatPath, `{"model":"gpt-4.1-mini"`, refusal{status: 400}, "parse the JSON body"},
		{"two values", chatPath, `{} {}`, refusal{status: 400}, "parse the JSON body"},
		{"array", chatPath, `[]`, refusal{status: 400}, "parse the JSON body"},
		{"byte order mark", chatPath, "\ufeff{}", refusal{status: 400}, "parse the JSON body"},
		{"not UTF-8", chatPath, "{\"model\":\"\xff\"}", refusal{status: 400}, "parse the JSON body"},
		{"no model", chatPath, `{` + hi + `}`, missing("model"), "'model'"},
		{"null model", chatPath, `{"model":null,` + hi + `}`, missing("model"), ""},
		{"model is a number", chatPath, `{"model":4,` + hi + `}`, refusal{400, "invalid_type", "model"}, ""},
		{"no messages", chatPath, `{"model":"gpt-4.1-mini"}`, missing("messages"), ""},
		{"prompt to chat", chatPath, `{"model":"gpt-4.1-mini","prompt":"hi"}`, refusal{status: 400}, "Unrecognized request argument supplied: prompt"},
		{"messages is text", chatPath, `{"model":"gpt-4.1-mini","messages":"hi"}`, refusal{400, "invalid_type", "messages"}, ""},
		{"no message", chatPath, `{"model":"gpt-4.1-mini","messages":[]}`, refusal{400, "empty_array", "messages"}, ""},
		{"message is text", chatPath, `{"model":"gpt-4.1-mini","messages":["hi"]}`, refusal{400, "invalid_type", "messages"}, ""},
		{"unknown role", chatPath, `{"model":"gpt-4.1-mini","messages":[{"role":"boss","content":"hi"}]}`, refusal{400, "invalid_value", "messages"}, "boss"},
		{"no content", chatPath, `{"model":"gpt-4.1-mini","messages":[{"role":"user"}]}`, missing("messages"), ""},
		{"null content", chatPath, `{"model":"gpt-4.1-mini","messages":[{"role":"user","content":null}]}`, refusal{400, "invalid_type", "messages"}, ""},
		{"image part", chatPath, `{"model":"gpt-4.1-mini","messages":[{"role":"user","content":[{"type":"image_url"}]}]}`, refusal{400, "unsupported_value", "messages"}, ""},
		{"no prompt", "/v1/completions", `{"model":"davinci-002"}`, missing("prompt"), ""},
		{"two prompts", "/v1/completions", `{"model":"davinci-002","prompt":["a","b"]}`, refusal{400, "unsupported_value", "prompt"}, ""},
		{"max tokens is text", chatPath, `{"model":"gpt-4.1-mini","max_tokens":"9",` + hi + `}`, refusal{400, "invalid_type", "max_tokens"}, ""},
		{"max tokens of 0", chatPath, `{"model":"gpt-4.1-mini","max_tokens":0,` + hi + `}`, refusal{400, "integer_below_min_value", "max_tokens"}, ""},
		{"both token limits", chatPath, `{"model":"gpt-4.1-mini","max_tokens":1,"max_completion_tokens":1,` + hi + `}`, refusal{400, "", "max_tokens"}, "at the same time"},
		{"temperature too high", chatPath, `{"model":"gpt-4.1-mini","temperature":3,` + hi + `}`, refusal{400, "decimal_above_max_value", "temperature"}, "<= 2, but got 3"},
		{"five stops", chatPath, `{"model":"gpt-4.1-mini","stop":["a","b","c","d","e"],` + hi + `}`, refusal{400, "array_above_max_length", "stop"}, "length 5"},
		{"no stop", chatPath, `{"model":"gpt-4.1-mini","stop":[],` + hi + `}`, refusal{400, "empty_array", "stop"}, ""},
		{"stop is a number", chatPath, `{"model":"gpt-4.1-mini","stop":1,` + hi + `}`, refusal{400, "invalid_type", "stop"}, ""},
		{"a stop is a number", chatPath, `{"model":"gpt-4.1-mini","stop":["a",1],` + hi + `}`, refusal{400, "invalid_type", "stop"}, ""},
		{"seed is text", chatPath, `{"model":"gpt-4.1-mini","seed":"1",` + hi + `}`, refusal{400, "invalid_type", "seed"}, ""},
		{"seed is a fraction", chatPath, `{"model":"gpt-4.1-mini","seed":1.5,` + hi + `}`, refusal{400, "invalid_type", "seed"}, ""},
		{"logprobs is a number", chatPath, `{"model":"gpt-4.1-mini","logprobs":1,` + hi + `}`, refusal{400, "invalid_type", "logprobs"}, ""},
		{"legacy logprobs", "/v1/completions", `{"model":"davinci-002","prompt":"a","logprobs":6}`, refusal{400, "integer_above_max_value", "logprobs"}, ""},
		{"top_logprobs", chatPath, `{"model":"gpt-4.1-mini","top_logprobs":21,` + hi + `}`, refusal{400, "integer_above_max_value", "top_logprobs"}, "<= 20, but got 21"},
		{"metadata", chatPath, `{"model":"gpt-4.1-mini","metadata":{"a":1},` + hi + `}`, refusal{400, "invalid_type", "metadata.a"}, ""},
		{"format", chatPath, `{"model":"gpt-4.1-mini","response_format":{"type":"xml"},` + hi + `}`, refusal{400, "invalid_value", "response_format.type"}, "json_object"},
		{"schema without a name", chatPath, `{"model":"gpt-4.1-mini","response_format":{"type":"json_schema"},` + hi + `}`, refusal{400, "missing_required_parameter", "response_format.json_schema.name"}, ""},
		{"top_p too low", chatPath, `{"model":"gpt-4.1-mini","top_p":-1,` + hi + `}`, refusal{400, "decimal_below_min_value", "top_p"}, ""},
		{"stream", chatPath, `{"model":"gpt-4.1-mini","stream":true,` + hi + `}`, refusal{400, "unsupported_value", "stream"}, "simulated"},
		{"several answers", chatPath, `{"model":"gpt-4.1-mini","n":2,` + hi + `}`, refusal{400, "unsupported_value", "n"}, "simulated"},
		{"unknown parameter", chatPath, `{"model":"gpt-4.1-mini","top_k":2,` + hi + `}`, refusal{status: 400}, "top_k"},
		{"unknown model", chatPath, `{"model":"gpt-7",` + hi + `}`, refusal{status: 404, code: "model_not_found"}, "`gpt-7`"},
		{"too long", chatPath, strings.Repeat(" ", 4<<20+1), refusal{status: 413}, "content size limit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, message := refusalOf(t, c.post(tt.path, tt.body))
			if got != tt.want || !strings.Contains(message, tt.says) {
				t.Errorf("got %+v %q\nwant %+v with %q", got, message, tt.want, tt.says)
			}
		})
	}
}

func TestWhatTheServiceAllowsIsAccepted(t *testing.T) {
	_, c := serve(t, openaitest.Options{})
	for _, more := range []string{
		`"stop":null`, `"stop":"a"`, `"stop":["a"]`, `"stop":["a","b","c","d"]`, `"seed":0`, `"seed":-9007199254740991`, `"logprobs":true,"top_logprobs":20`,
		`"metadata":{"a":"b"}`, `"metadata":null`, `"response_format":null`, `"response_format":{"type":"text"}`, `"response_format":{"type":"json_object"}`,
		`"response_format":{"type":"json_schema","json_schema":{"name":"a"}}`,
	} {
		if a := c.post(chatPath, `{"model":"gpt-4.1-mini","messages":[{"role":"user","content":"a"}],`+more+`}`); a.status != 200 {
			t.Errorf("%s: status %d: %s", more, a.status, a.body)
		}
	}
	if a := c.post("/v1/completions", `{"model":"davinci-002","prompt":"a","logprobs":5}`); a.status != 200 {
		t.Errorf("legacy logprobs: status %d: %s", a.status, a.body)
	}
}

func TestABodyNotDeclaredAsJSONIsRefused(t *testing.T) {
	_, c := serve(t, openaitest.Options{})
	for declared, want := range map[string]refusal{
		"application/x-www-form-urlencoded": {status: 400, code: "unsupported_content_type"},
		"":                                  {status: 400, code: "unsupported_content_type"},
	} {
		r := newRequest(t.Context(), http.MethodPost, c.url+chatPath, chatBody("m", "hi"))
		r.Header.Set("Content-Type", declared)
		a, err := c.do(r)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := refusalOf(t, a); got != want {
			t.Errorf("%q: got %+v, want %+v", declared, got, want)
		}
	}
	r := newRequest(t.Context(), http.MethodPost, c.url+chatPath, chatBody("m", "hi"))
	r.Header.Set("Content-Type", "Application/JSON; charset=utf-8")
	if a, err := c.do(r); err != nil || a.status != 200 {
		t.Errorf("JSON with a charset: %v, status %d", err, a.status)
	}
}

func TestEverythingElseIs404InTheErrorForm(t *testing.T) {
	api, c := serve(t, openaitest.Options{})
	for _, call := range []string{"GET /", "GET " + chatPath, "POST /v1/models", "POST //v1/chat/completions",
		"POST /v1/chat/completions/", "GET /v1/models/", "POST /chat/completions", "DELETE /v1/models/x"} {
		method, path, _ := strings.Cut(call, " ")
		a, err := c.do(newRequest(t.Context(), method, c.url+path, "{}"))
		if err != nil {
			t.Fatal(err)
		}
		if got, message := refusalOf(t, a); got != (refusal{status: 404}) || !strings.Contains(message, call) {
			t.Errorf("%s: got %+v %q", call, got, message)
		}
	}
	if got := len(api.Log()); got != 8 {
		t.Errorf("%d calls in the log, want all 8", got)
	}
}

func TestOnlyTheRightKeyIsAccepted(t *testing.T) {
	const right, long = "sk-right", "sk-proj-0123456789abcdefghij"
	tests := []struct {
		key, header string
		ok          bool
		says        string
	}{
		{right, "Bearer " + right, true, ""},
		{right, "bearer " + right, true, ""},
		{right, "Bearer sk-wrong", false, "Incorrect API key provided: ********."},
		{right, "Bearer " + long, false, "provided: sk-proj-****************ghij."},
		{right, "Basic " + right, false, "didn't provide"},
		{right, "", false, "didn't provide"},
		{"", "Bearer anything", true, ""},
		{"", "Bearer ", false, "didn't provide"},
		{"", "", false, "didn't provide"},
	}
	for _, tt := range tests {
		_, c := serve(t, openaitest.Options{Key: tt.key})
		for _, r := range []*http.Request{
			newRequest(t.Context(), http.MethodPost, c.url+chatPath, chatBody("m", "hi")),
			newRequest(t.Context(), http.MethodGet, c.url+"/v1/models", ""),
		} {
			r.Header.Set("Authorization", tt.header)
			a, err := c.do(r)
			if err != nil {
				t.Fatal(err)
			}
			if tt.ok {
				if a.status != 200 {
					t.Errorf("%q with key %q: status %d", tt.header, tt.key, a.status)
				}
				continue
			}
			got, message := refusalOf(t, a)
			if got != (refusal{status: 401, code: "invalid_api_key"}) || !strings.Contains(message, tt.says) {
				t.Errorf("%q with key %q: got %+v %q", tt.header, tt.key, got, message)
			}
		}
	}
}

func TestEveryAnswerSaysThatItIsSimulated(t *testing.T) {
	_, c := serve(t, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 502}, Aim: openaitest.Aim{Contains: "fail"}}}})
	for _, a := range []answer{
		c.post(chatPath, chatBody("m", "hi")),
		c.post(chatPath, chatBody("m", "fail")),
		c.post(chatPath, ""),
		c.get("/v1/models"),
		c.get("/nowhere"),
	} {
		if got := a.header.Get("X-Simulated"); got != "true" {
			t.Errorf("status %d: x-simulated is %q", a.status, got)
		}
		if a.header.Get("X-Request-Id") == "" {
			t.Errorf("status %d: no x-request-id", a.status)
		}
	}
}

func TestLatencyIsExactAndJitterRepeatable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const latency, jitter = 300 * time.Millisecond, 100 * time.Millisecond
		times := func(seed uint64) (took []time.Duration) {
			api := openaitest.New(openaitest.Options{Latency: latency, Jitter: jitter, Seed: seed})
			for range 5 {
				start := time.Now()
				direct(t, api, chatBody("m", "hi"))
				took = append(took, time.Since(start))
			}
			return took
		}
		first, again, other := times(1), times(1), times(2)
		if fmt.Sprint(first) != fmt.Sprint(again) {
			t.Errorf("seed 1 gave %v, then %v", first, again)
		}
		if fmt.Sprint(first) == fmt.Sprint(other) {
			t.Errorf("seeds 1 and 2 both gave %v", first)
		}
		for _, d := range first {
			if d < latency || d >= latency+jitter {
				t.Errorf("took %v, want %v to %v", d, latency, latency+jitter)
			}
		}
		fixed := openaitest.New(openaitest.Options{Latency: latency})
		start := time.Now()
		direct(t, fixed, chatBody("m", "hi"))
		if got := time.Since(start); got != latency {
			t.Errorf("took %v, want %v", got, latency)
		}
		if got := fixed.Log()[0].Duration; got != latency {
			t.Errorf("the log says %v, want %v", got, latency)
		}
	})
}

// direct makes a chat call without a network.
func direct(t testing.TB, api http.Handler, body string) answer {
	t.Helper()
	w := httptest.NewRecorder()
	api.ServeHTTP(w, newRequest(t.Context(), http.MethodPost, chatPath, body))
	return answer{w.Code, w.Header(), w.Body.Bytes()}
}

func TestACallEndsWhenItsClientLeaves(t *testing.T) {
	for name, opt := range map[string]openaitest.Options{
		"latency": {Latency: time.Hour},
		"hang":    {Faults: []openaitest.Fault{{Kind: openaitest.Hang}}},
	} {
		t.Run(name, func(t *testing.T) {
			api, c := serve(t, opt)
			ctx, leave := context.WithCancel(t.Context())
			done := make(chan error)
			go func() {
				_, err := c.do(newRequest(ctx, http.MethodPost, c.url+chatPath, chatBody("m", "hi")))
				done <- err
			}()
			waitFor(t, func() bool { return api.Calls() == 1 })
			leave()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want a cancelled call", err)
			}
			waitFor(t, func() bool { return len(api.Log()) == 1 })
			if call := api.Log()[0]; call.Answered || call.Status != 0 {
				t.Errorf("the log claims an answer: %+v", call)
			}
		})
	}
}

func waitFor(t testing.TB, what func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !what(); {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen in a minute")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestCloseCutsTheCallsThatWait(t *testing.T) {
	api, c := serve(t, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.Hang}}})
	done := make(chan error)
	go func() {
		_, err := c.try(chatPath, chatBody("m", "hi"))
		done <- err
	}()
	waitFor(t, func() bool { return api.Calls() == 1 })
	api.Close()
	api.Close() // twice does no harm
	if err := <-done; err == nil {
		t.Error("a hanging call was answered by Close")
	}
}

func TestNothingIsLeftRunning(t *testing.T) {
	before := runtime.NumGoroutine()
	api := openaitest.New(openaitest.Options{Faults: []openaitest.Fault{
		{Kind: openaitest.Hang, Aim: openaitest.Aim{Contains: "hang"}}, {Kind: openaitest.Reset, Aim: openaitest.Aim{Contains: "reset"}},
		{Kind: openaitest.ResetMidBody, Aim: openaitest.Aim{Contains: "half"}},
	}})
	ts := httptest.NewServer(api)
	c := &client{t: t, url: ts.URL, http: ts.Client()}
	var calls sync.WaitGroup
	for _, text := range []string{"hang", "reset", "half", "hi"} {
		calls.Go(func() { _, _ = c.try(chatPath, chatBody("m", text)) })
	}
	waitFor(t, func() bool { return len(api.Log()) == 3 })
	api.Close()
	calls.Wait()
	ts.Close()
	waitFor(t, func() bool { return runtime.NumGoroutine() <= before })
}

func TestCountersCountCallsConnectionsAndThoseInFlight(t *testing.T) {
	const workers, each = 8, 5
	var gate sync.WaitGroup
	gate.Add(workers)
	api, c := serve(t, openaitest.Options{Answer: func(prompt string) string {
		if strings.HasPrefix(prompt, "gather") {
			gate.Done()
			gate.Wait()
		}
		return prompt
	}})
	c.http.Transport.(*http.Transport).MaxIdleConnsPerHost = workers
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := range each {
				text := fmt.Sprintf("%d/%d", w, i)
				if i == 0 {
					text = "gather " + text
				}
				if a, err := c.try(chatPath, chatBody("m", text)); err != nil || content(t, a) != text {
					t.Errorf("%s: %v %s", text, err, a.body)
				}
			}
		})
	}
	all.Wait()
	c.get("/v1/models")
	got := fmt.Sprint(api.Calls(), api.Answered(), api.MaxInFlight(), len(api.Log()))
	if want := fmt.Sprint(workers*each+1, workers*each, workers, workers*each+1); got != want {
		t.Errorf("calls, answered, most in flight, logged: %s, want %s", got, want)
	}
	remotes := map[string]bool{}
	for _, call := range api.Log() {
		remotes[call.Remote] = true
	}
	if got := api.Connections(); got != len(remotes) || got < workers {
		t.Errorf("%d connections, the log has %d, want at least %d", got, len(remotes), workers)
	}
}

func TestNewPanicsOnARuleThatMakesNoSense(t *testing.T) {
	defer func() {
		if got := fmt.Sprint(recover()); !strings.Contains(got, `fault 1: unknown kind "explode"`) {
			t.Errorf("panicked with %q", got)
		}
	}()
	openaitest.New(openaitest.Options{Faults: []openaitest.Fault{{Kind: "explode"}}})
}

// The two sides of a conversation may only agree because they agree with the
// published API, so neither may lend the other its code.
func TestTheSimulationSharesNoCodeWithAClient(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range parsed.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			own := path == "nertools/pkg/openaitest"
			if strings.HasPrefix(path, "github.com/openai/") || strings.HasPrefix(path, "nertools/") && !own {
				t.Errorf("%s imports %s", file, path)
			}
		}
	}
}

// FuzzRequestBody checks that whatever is sent, the API answers with JSON.
func FuzzRequestBody(f *testing.F) {
	for _, seed := range []string{
		"", "{", "null", "[]", `"text"`, "{}", `{"model":1}`, "\xff", "\ufeff{}",
		chatBody("gpt-4.1-mini", prompt("Ada left .")),
		chatBody("gpt-5", "x", "max_tokens", 1), chatBody("gpt-5", "x", "max_completion_tokens", 1),
		chatBody("m", "@@##", "temperature", 0, "top_p", 1, "n", 1, "stream", false),
		legacyBody("davinci-002", "a\n\n: \nMarked:"), legacyBody("davinci-002", ":\n:"),
		`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a: b"}]}]}`,
		`{"model":"m","model":null,"messages":[{"role":"user","content":"\ud800"}],"prompt":["x"]}`,
		`{"model":"m","max_tokens":1e400,"messages":[{}]}`, strings.Repeat("[", 1000),
	} {
		f.Add(seed)
	}
	api := openaitest.New(openaitest.Options{Logging: openaitest.Logging{NoLog: true}})
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{chatPath, "/v1/completions"} {
			w := httptest.NewRecorder()
			api.ServeHTTP(w, newRequest(t.Context(), http.MethodPost, path, body))
			if w.Code != 200 && w.Code != 400 && w.Code != 404 && w.Code != 413 {
				t.Errorf("%s: status %d", path, w.Code)
			}
			if !json.Valid(w.Body.Bytes()) {
				t.Errorf("%s: not JSON: %s", path, w.Body)
			}
			if w.Header().Get("Content-Length") != fmt.Sprint(w.Body.Len()) {
				t.Errorf("%s: content-length %s of %d bytes", path, w.Header().Get("Content-Length"), w.Body.Len())
			}
		}
	})
}

// discard is a ResponseWriter that costs nothing.
type discard http.Header

func (d discard) Header() http.Header         { return http.Header(d) }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func BenchmarkChatAnswer(b *testing.B) {
	demos := strings.Repeat("Sentence: Ada met Bob Stone in York , and they went on by train .\n"+
		"Marked: @@Ada## met @@Bob Stone## in York , and they went on by train .\n\n", 32)
	body := chatBody("gpt-4.1-mini", "Mark the people.\n\n"+demos+"Sentence: Ada came back without Bob Stone .\nMarked:")
	for name, answer := range map[string]func(string) string{
		"baseline": openaitest.Baseline,
		"fixed":    openaitest.Fixed("Nobody ."),
	} {
		b.Run(name, func(b *testing.B) {
			api := openaitest.New(openaitest.Options{Answer: answer, Logging: openaitest.Logging{NoLog: true}})
			r := newRequest(b.Context(), http.MethodPost, chatPath, "")
			w := discard{}
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				r.Body = io.NopCloser(strings.NewReader(body))
				r.ContentLength = int64(len(body))
				api.ServeHTTP(w, r)
			}
			if api.Answered() != api.Calls() {
				b.Fatalf("%d of %d calls answered", api.Answered(), api.Calls())
			}
		})
	}
}
