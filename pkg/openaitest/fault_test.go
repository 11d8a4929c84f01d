package openaitest_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/openaitest"
)

func TestErrorFaultsAnswerAsScripted(t *testing.T) {
	tests := []struct {
		name    string
		fault   openaitest.Fault
		want    refusal
		says    string
		headers map[string]string
	}{
		{"server error", openaitest.Fault{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 500}},
			refusal{status: 500}, "The server had an error", map[string]string{"Content-Type": "application/json"}},
		{"everything stated",
			openaitest.Fault{
				Kind:       openaitest.Status,
				ErrorReply: openaitest.ErrorReply{Status: 409, Type: "t", Code: "c", Message: "m", Param: "p", RetryAfter: "2", RetryAfterMS: "1500"},
			},
			refusal{409, "c", "p"}, "m", map[string]string{"Retry-After": "2", "Retry-After-Ms": "1500"}},
		{"rate limit", openaitest.Fault{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 429, RetryAfter: "Wed, 21 Oct 2026 07:28:00 GMT"}},
			refusal{status: 429, code: "rate_limit_exceeded"}, "Rate limit", map[string]string{"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT", "Retry-After-Ms": ""}},
		{"quota", openaitest.Fault{Kind: openaitest.InsufficientQuota},
			refusal{status: 429, code: "insufficient_quota"}, "exceeded your current quota", nil},
		{"key", openaitest.Fault{Kind: openaitest.Unauthorized},
			refusal{status: 401, code: "invalid_api_key"}, "Incorrect API key", nil},
		{"context", openaitest.Fault{Kind: openaitest.ContextLength},
			refusal{400, "context_length_exceeded", "messages"}, "maximum context length", nil},
		{"parameter", openaitest.Fault{Kind: openaitest.UnsupportedParameter, ErrorReply: openaitest.ErrorReply{Param: "seed"}},
			refusal{400, "unsupported_parameter", "seed"}, "'seed'", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			api, c := serve(t, openaitest.Options{Faults: []openaitest.Fault{tt.fault}})
			a := c.post(chatPath, chatBody("m", "hi", "seed", 1))
			if got, message := refusalOf(t, a); got != tt.want || !strings.Contains(message, tt.says) {
				t.Errorf("got %+v %q, want %+v %q", got, message, tt.want, tt.says)
			}
			for name, want := range tt.headers {
				if got := a.header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if call := api.Log()[0]; call.Answered || call.Fault != tt.fault.Kind || call.Status != tt.want.status {
				t.Errorf("logged as %+v", call)
			}
		})
	}
}

func TestAnErrorFaultCanSendAnyBody(t *testing.T) {
	for _, tt := range []struct{ body, declared, want string }{
		{"<html>bad gateway</html>", "", "text/html"},
		{`{"error":"a string"}`, "", "application/json"},
		{"oops", "text/plain", "text/plain"},
	} {
		_, c := serve(t, openaitest.Options{Faults: []openaitest.Fault{
			{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 502, Body: tt.body, ContentType: tt.declared}}}})
		a := c.post(chatPath, chatBody("m", "hi"))
		if a.status != 502 || string(a.body) != tt.body || a.header.Get("Content-Type") != tt.want {
			t.Errorf("got %d %q %q, want 502 %q %q", a.status, a.header.Get("Content-Type"), a.body, tt.want, tt.body)
		}
	}
}

func TestAnswerFaultsBendTheAnswer(t *testing.T) {
	type choice struct {
		Content, Refusal, Reasoning *string
		Finish                      string
	}
	text := func(s string) *string { return &s }
	const sentence = "one two three four"
	tests := []struct {
		fault    openaitest.Fault
		want     []choice
		answered bool
	}{
		{openaitest.Fault{Kind: openaitest.EmptyChoices}, nil, false},
		{openaitest.Fault{Kind: openaitest.NullContent}, []choice{{nil, nil, nil, "stop"}}, false},
		{openaitest.Fault{Kind: openaitest.EmptyContent}, []choice{{text(""), nil, nil, "stop"}}, false},
		{openaitest.Fault{Kind: openaitest.Refusal}, []choice{{nil, text("I'm sorry, but I can't help with that."), nil, "stop"}}, false},
		{openaitest.Fault{Kind: openaitest.Length}, []choice{{text("one two t"), nil, nil, "length"}}, false},
		{openaitest.Fault{Kind: openaitest.ContentFilter}, []choice{{text("one two t"), nil, nil, "content_filter"}}, false},
		{openaitest.Fault{Kind: openaitest.Finish, Text: "abort"}, []choice{{text("one two t"), nil, nil, "abort"}}, false},
		{openaitest.Fault{Kind: openaitest.Reasoning}, []choice{{nil, nil, text(sentence), "stop"}}, false},
		{openaitest.Fault{Kind: openaitest.Prefix, Text: "<think></think>"}, []choice{{text("<think></think>" + sentence), nil, nil, "stop"}}, true},
		{openaitest.Fault{Kind: openaitest.LineBreak}, []choice{{text("one two\nthree four"), nil, nil, "stop"}}, true},
		{openaitest.Fault{Kind: openaitest.Text, Text: "Sure!\n@@x##"}, []choice{{text("Sure!\n@@x##"), nil, nil, "stop"}}, true},
		{openaitest.Fault{Kind: openaitest.NoContentType}, []choice{{text(sentence), nil, nil, "stop"}}, true},
		{openaitest.Fault{Kind: openaitest.Slow, Latency: time.Nanosecond}, []choice{{text(sentence), nil, nil, "stop"}}, true},
	}
	for _, tt := range tests {
		t.Run(string(tt.fault.Kind), func(t *testing.T) {
			api, c := serve(t, openaitest.Options{Faults: []openaitest.Fault{tt.fault}})
			a := c.post(chatPath, chatBody("m", "Echo: "+sentence))
			var got struct {
				Choices []struct {
					Message struct {
						Content, Refusal *string
						Reasoning        *string `json:"reasoning_content"`
					}
					Finish string `json:"finish_reason"`
				}
			}
			if err := json.Unmarshal(a.body, &got); err != nil || a.status != 200 {
				t.Fatalf("status %d, %v: %s", a.status, err, a.body)
			}
			var choices []choice
			for _, ch := range got.Choices {
				choices = append(choices, choice{ch.Message.Content, ch.Message.Refusal, ch.Message.Reasoning, ch.Finish})
			}
			if diff := cmp.Diff(tt.want, choices); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if plain := strings.HasPrefix(a.header.Get("Content-Type"), "text/plain"); plain != (tt.fault.Kind == openaitest.NoContentType) {
				t.Errorf("content type %q", a.header.Get("Content-Type"))
			}
			if call := api.Log()[0]; call.Answered != tt.answered || call.Fault != tt.fault.Kind {
				t.Errorf("logged as %+v, want answered %v", call, tt.answered)
			}
		})
	}
}

func TestConnectionFaultsBreakTheConnection(t *testing.T) {
	body := chatBody("m", "Echo: "+strings.Repeat("long ", 4000))
	isReset := func(err error) bool {
		return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) || strings.Contains(err.Error(), "reset") ||
			strings.Contains(err.Error(), "forcibly closed") // as Windows says it
	}
	t.Run("before any answer", func(t *testing.T) {
		api, c := serve(t, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.Reset}}})
		a, err := c.try(chatPath, body)
		if err == nil || !isReset(err) || a.status != 0 {
			t.Errorf("got %v, status %d", err, a.status)
		}
		if call := api.Log()[0]; call.Answered || call.Status != 0 || call.Fault != openaitest.Reset {
			t.Errorf("logged as %+v", call)
		}
	})
	t.Run("after half of the answer", func(t *testing.T) {
		api, c := serve(t, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.ResetMidBody, Turns: openaitest.Turns{Times: 1}}}})
		a, err := c.try(chatPath, body)
		if err == nil || !isReset(err) && !errors.Is(err, io.ErrUnexpectedEOF) || a.status != 200 || len(a.body) == 0 {
			t.Errorf("got %v, status %d, %d bytes", err, a.status, len(a.body))
		}
		if call := api.Log()[0]; call.Answered || call.Status != 200 {
			t.Errorf("logged as %+v", call)
		}
		whole := c.post(chatPath, body)
		if len(a.body) > len(whole.body)/2 {
			t.Errorf("%d of %d bytes came, want half at most", len(a.body), len(whole.body))
		}
	})
	t.Run("half of the JSON in complete HTTP", func(t *testing.T) {
		api, c := serve(t, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.TruncatedJSON}}})
		a := c.post(chatPath, body)
		if a.status != 200 || json.Valid(a.body) || len(a.body) == 0 {
			t.Errorf("status %d, %d bytes, valid %v", a.status, len(a.body), json.Valid(a.body))
		}
		if api.Answered() != 0 {
			t.Error("counted as answered")
		}
	})
}

func TestFaultLatencyIsAddedToTheCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := openaitest.New(openaitest.Options{Latency: time.Second, Faults: []openaitest.Fault{
			{Kind: openaitest.Slow, Latency: 2 * time.Minute, Turns: openaitest.Turns{Times: 1}},
			{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 500}, Latency: time.Minute},
		}})
		for _, want := range []time.Duration{121 * time.Second, 61 * time.Second} {
			start := time.Now()
			direct(t, api, chatBody("m", "hi"))
			if got := time.Since(start); got != want {
				t.Errorf("took %v, want %v", got, want)
			}
		}
	})
}

// pattern calls with each prompt in turn and notes which calls were hit.
func pattern(t *testing.T, opt openaitest.Options, prompts ...string) string {
	t.Helper()
	api := openaitest.New(opt)
	var b strings.Builder
	for _, p := range prompts {
		switch direct(t, api, chatBody("gpt-4.1", p)).status {
		case 200:
			b.WriteByte('.')
		case 500:
			b.WriteByte('x')
		default:
			b.WriteByte('y')
		}
	}
	return b.String()
}

func TestRulesHitTheCallsTheyName(t *testing.T) {
	fault := func(change func(*openaitest.Fault)) openaitest.Fault {
		f := openaitest.Fault{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 500}}
		change(&f)
		return f
	}
	aaaaaa := []string{"a", "a", "a", "a", "a", "a"}
	abcabc := []string{"a", "b", "c", "a", "b", "c"}
	tests := []struct {
		name    string
		faults  []openaitest.Fault
		prompts []string
		want    string
	}{
		{"all", []openaitest.Fault{fault(func(f *openaitest.Fault) {})}, aaaaaa, "xxxxxx"},
		{"the first 2", []openaitest.Fault{fault(func(f *openaitest.Fault) { f.Times = 2 })}, aaaaaa, "xx...."},
		{"2 after 1", []openaitest.Fault{fault(func(f *openaitest.Fault) { f.Skip, f.Times = 1, 2 })}, aaaaaa, ".xx..."},
		{"each second", []openaitest.Fault{fault(func(f *openaitest.Fault) { f.Every = 2 })}, aaaaaa, ".x.x.x"},
		{"each second, twice, after 1", []openaitest.Fault{fault(func(f *openaitest.Fault) { f.Skip, f.Every, f.Times = 1, 2, 2 })}, aaaaaa, "..x.x."},
		{"containing b", []openaitest.Fault{fault(func(f *openaitest.Fault) { f.Contains = "b" })}, abcabc, ".x..x."},
		{"the model", []openaitest.Fault{fault(func(f *openaitest.Fault) { f.Model = "gpt-4.1" })}, abcabc, "xxxxxx"},
		{"another model", []openaitest.Fault{fault(func(f *openaitest.Fault) { f.Model = "gpt-4" })}, abcabc, "......"},
		{"the path", []openaitest.Fault{fault(func(f *openaitest.Fault) { f.Path = chatPath })}, abcabc, "xxxxxx"},
		{"another path", []openaitest.Fault{fault(func(f *openaitest.Fault) { f.Path = "/v1/completions" })}, abcabc, "......"},
		{"the first of each prompt", []openaitest.Fault{fault(func(f *openaitest.Fault) { f.Times, f.PerPrompt = 1, true })}, abcabc, "xxx..."},
		{"the second of each prompt", []openaitest.Fault{fault(func(f *openaitest.Fault) { f.Skip, f.PerPrompt = 1, true })}, abcabc, "...xxx"},
		{"one rule after the other", []openaitest.Fault{
			fault(func(f *openaitest.Fault) { f.Times = 2 }),
			fault(func(f *openaitest.Fault) { f.Times, f.Status = 1, 503 }),
		}, aaaaaa, "xxy..."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := pattern(t, openaitest.Options{Faults: tt.faults}, tt.prompts...); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestARateIsARepeatableShareOfTheCalls(t *testing.T) {
	prompts := make([]string, 2000)
	for i := range prompts {
		prompts[i] = strings.Repeat("a", i%7)
	}
	for _, perPrompt := range []bool{false, true} {
		run := func(seed uint64) string {
			return pattern(t, openaitest.Options{Seed: seed, Logging: openaitest.Logging{NoLog: true}, Faults: []openaitest.Fault{
				{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 500}, Turns: openaitest.Turns{Rate: 0.1, PerPrompt: perPrompt}}}}, prompts...)
		}
		first := run(7)
		if hits := strings.Count(first, "x"); hits < 150 || hits > 250 {
			t.Errorf("per prompt %v: %d of 2000 hit, want about 200", perPrompt, hits)
		}
		if run(7) != first {
			t.Errorf("per prompt %v: the same seed hit other calls", perPrompt)
		}
		if run(8) == first {
			t.Errorf("per prompt %v: another seed hit the same calls", perPrompt)
		}
	}
}

func TestAnUnsupportedParameterFaultNeedsTheParameter(t *testing.T) {
	_, c := serve(t, openaitest.Options{Faults: []openaitest.Fault{
		{Kind: openaitest.UnsupportedParameter, ErrorReply: openaitest.ErrorReply{Param: "temperature"}, Turns: openaitest.Turns{Times: 1}}}})
	var got []int
	for _, body := range []string{chatBody("m", "x"), chatBody("m", "x", "temperature", nil),
		chatBody("m", "x", "temperature", 0), chatBody("m", "x", "temperature", 0)} {
		got = append(got, c.post(chatPath, body).status)
	}
	if diff := cmp.Diff([]int{200, 200, 400, 200}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestFaultsHitTheModelsEndpointToo(t *testing.T) {
	_, c := serve(t, openaitest.Options{Faults: []openaitest.Fault{
		{Kind: openaitest.EmptyContent}, // no such thing as an empty answer here
		{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 503}, Aim: openaitest.Aim{Path: "/v1/models"}, Turns: openaitest.Turns{Times: 1}},
	}})
	if a, b := c.get("/v1/models").status, c.get("/v1/models").status; a != 503 || b != 200 {
		t.Errorf("got %d and %d, want 503 and 200", a, b)
	}
}

func TestRefusedCallsDoNotUseUpFaults(t *testing.T) {
	_, c := serve(t, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 500}, Turns: openaitest.Turns{Times: 1}}}})
	c.post(chatPath, "{")
	if got := c.post(chatPath, chatBody("m", "hi")).status; got != http.StatusInternalServerError {
		t.Errorf("status %d, want the fault's 500", got)
	}
}

func TestReadFaultsReadsEveryField(t *testing.T) {
	got, err := openaitest.ReadFaults(strings.NewReader(`[
		{"kind":"status","contains":"a","model":"m","path":"/v1","skip":1,"every":2,"rate":0.5,"times":3,
		 "per_prompt":true,"latency":"250ms","status":502,"type":"t","code":"c","message":"m","param":"p",
		 "retry_after":2,"retry_after_ms":"1.5e3","body":"<b>","content_type":"text/html"},
		{"kind":"text","text":"x","on":"rows"},
		{"kind":"lost_answer","op":"createBatch"},
		{"kind":"batch_expire","rows":3},
		{"kind":"batch_unknown_status","text":"paused","shown":2},
		{"kind":"batch_fail","line":4},
		{"kind":"status","status":429,"retry_after":"soon"}
	]`))
	want := []openaitest.Fault{
		{
			Kind:       openaitest.Status,
			Aim:        openaitest.Aim{Contains: "a", Model: "m", Path: "/v1"},
			Turns:      openaitest.Turns{Skip: 1, Every: 2, Rate: 0.5, Times: 3, PerPrompt: true},
			Latency:    250 * time.Millisecond,
			ErrorReply: openaitest.ErrorReply{Status: 502, Type: "t", Code: "c", Message: "m", Param: "p", RetryAfter: "2", RetryAfterMS: "1.5e3", Body: "<b>", ContentType: "text/html"},
		},
		{Kind: openaitest.Text, Text: "x", Aim: openaitest.Aim{On: "rows"}},
		{Kind: openaitest.LostAnswer, Aim: openaitest.Aim{Op: "createBatch"}},
		{Kind: openaitest.BatchExpire, BatchFault: openaitest.BatchFault{Rows: 3}},
		{Kind: openaitest.BatchUnknownStatus, Text: "paused", BatchFault: openaitest.BatchFault{Shown: 2}},
		{Kind: openaitest.BatchFail, BatchFault: openaitest.BatchFault{Line: 4}},
		{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 429, RetryAfter: "soon"}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
}

func TestReadFaultsSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		`[{"kind":"reset"},{"kind":"explode"}]`:           `fault 2: unknown kind "explode"`,
		`[{"kind":"reset","tmies":1}]`:                    `fault 1: json: unknown field "tmies"`,
		`[{"times":1}]`:                                   "fault 1: no kind",
		`[{"kind":"status"}]`:                             "fault 1: status 0 is not between 200 and 599",
		`[{"kind":"reset","status":500}]`:                 "fault 1: kind reset has a status of its own",
		`[{"kind":"reset","rate":2}]`:                     "fault 1: rate 2 is not between 0 and 1",
		`[{"kind":"reset","skip":-1}]`:                    "can't be negative",
		`[{"kind":"slow"}]`:                               "fault 1: kind slow needs a latency",
		`[{"kind":"slow","latency":"soon"}]`:              `invalid duration "soon"`,
		`[{"kind":"unsupported_parameter"}]`:              "needs a param",
		`[{"kind":"status","status":"500"}]`:              "cannot unmarshal string",
		`[{"kind":"status","status":1,"retry_after":[]}]`: "cannot unmarshal array",
		`[{"kind":"reset","op":"createbatch"}]`:           `unknown op "createbatch"`,
		`[{"kind":"text","on":"lines"}]`:                  `on "lines" is neither calls nor rows`,
		`[{"kind":"batch_fail","on":"rows"}]`:             "kind batch_fail is about batches, not about rows",
		`[{"kind":"late_batch","op":"createFile"}]`:       "kind late_batch is about createBatch, not about createFile",
		`[{"kind":"hang","on":"rows"}]`:                   "kind hang can't hit rows",
		`[{"kind":"batch_expire","rows":-1}]`:             "rows, shown and line can't be negative",
		`[{"kind":"batch_missing"}]`:                      "kind batch_missing needs rows",
		`[{"kind":"batch_damage","text":"cut"}]`:          "kind batch_damage needs rows",
		`[{"kind":"batch_damage","rows":1,"text":"x"}]`:   `kind batch_damage knows no text "x"`,
		`[{"kind":"batch_status_zero"}]`:                  "kind batch_status_zero needs rows",
		`[{"kind":"batch_late_output"}]`:                  "kind batch_late_output needs shown",
		`[{"kind":"batch_unknown_status","shown":1}]`:     "kind batch_unknown_status needs a text",
		`{}`:        "cannot unmarshal object",
		`[] []`:     "more text after the array",
		`[{"kind"`:  "unexpected EOF",
		``:          "EOF",
		`["reset"]`: "cannot unmarshal string",
	} {
		faults, err := openaitest.ReadFaults(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "read faults: ") {
			t.Errorf("%s: got %v, %v, want %q", text, faults, err, want)
		}
	}
}
