package wire_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/record"
	"nertools/pkg/wire"
)

func chunk(delta, finish string) string {
	return `{"object":"chat.completion.chunk","model":"m-1","choices":[{"index":0,"delta":` + delta + `,"finish_reason":` + finish + `}]}`
}

func TestStreamThatNobodyAskedForIsReadAsOneAnswer(t *testing.T) {
	const usage = `{"model":"m-1","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}`
	whole := []string{chunk(`{"role":"assistant","content":""}`, `null`), chunk(`{"content":"@@Ana "}`, `null`), chunk(`{"content":"Souza## \u00e9\n"}`, `null`), chunk(`{}`, `"stop"`), usage, "[DONE]"}
	answer := record.Result{Output: "@@Ana Souza## é\n", Model: "m-1", FinishReason: "stop", Usage: record.Usage{Prompt: 7, Completion: 3}}
	join := func(prefix, sep string, data ...string) string {
		var b strings.Builder
		for _, d := range data {
			b.WriteString(prefix + d + sep)
		}
		return b.String()
	}
	for _, c := range []struct {
		name, body string
		want       record.Result
	}{
		{"as the API has it", join("data: ", "\n\n", whole...), answer},
		{"CRLF", join("data: ", "\r\n\r\n", whole...), answer},
		{"CR", join("data: ", "\r\r", whole...), answer},
		{"no space", join("data:", "\n\n", whole...), answer},
		{"no blank lines", join("data: ", "\n", whole...), answer},
		{"no end of the last line", strings.TrimSpace(join("data: ", "\n\n", whole...)), answer},
		{"no [DONE]", join("data: ", "\n\n", whole[:5]...), answer},
		{"comments, names, ids", ": OPENROUTER PROCESSING\n\n" + join("event: message\nid: 7\nretry: 10\ndata: ", "\n\n", whole...), answer},
		{"a byte order mark", "\ufeff" + join("data: ", "\n\n", whole...), answer},
		{"an event over several lines", "data: {\"choices\":[{\"delta\":\ndata: {\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n", record.Result{Output: "a", FinishReason: "stop"}},
		{"lines of JSON", join("", "\n", whole[:5]...), answer},
		{"legacy", join("data: ", "\n\n", `{"choices":[{"text":"a "}]}`, `{"choices":[{"text":"b","finish_reason":"stop"}]}`, "[DONE]"), record.Result{Output: "a b", FinishReason: "stop"}},
		{"a whole answer as one event", "data: " + chat(`{"content":"a"}`, `"stop"`) + "\n\ndata: [DONE]\n\n",
			record.Result{Output: "a", Model: "gpt-4o-mini-2024-07-18", FinishReason: "stop", Usage: record.Usage{Prompt: 20, Completion: 5, Cached: 16, Reasoning: 2}}},
		{"done without a finish reason", join("data: ", "\n\n", chunk(`{"content":"a"}`, `null`), "[DONE]"), record.Result{Output: "a", Model: "m-1"}},
		{"another choice beside the first", join("data: ", "\n\n", chunk(`{"content":"a"}`, `null`), `{"choices":[{"index":1,"delta":{"content":"no"},"finish_reason":"stop"}]}`, chunk(`{}`, `"stop"`)),
			record.Result{Output: "a", Model: "m-1", FinishReason: "stop"}},
		{"content in parts", join("data: ", "\n\n", chunk(`{"content":[{"type":"text","text":"a"}]}`, `"stop"`)), record.Result{Output: "a", Model: "m-1", FinishReason: "stop"}},
		{"length", join("data: ", "\n\n", chunk(`{"content":"half"}`, `"length"`), "[DONE]"),
			record.Result{Partial: "half", Model: "m-1", FinishReason: "length", Failure: &record.Failure{Class: record.Length, Status: 200, Message: "the answer was cut off at the token limit"}}},
		{"refusal", join("data: ", "\n\n", chunk(`{"refusal":"No, "}`, `null`), chunk(`{"refusal":"thanks"}`, `"stop"`)),
			record.Result{Model: "m-1", FinishReason: "stop", Failure: &record.Failure{Class: record.Refused, Status: 200, Message: "No, thanks"}}},
	} {
		var r record.Result
		if err := new(wire.Judge).ParseAnswer([]byte(c.body), &r); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if d := cmp.Diff(c.want, r); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestStreamThatBreaksOffIsNoAnswer(t *testing.T) {
	begun := "data: " + chunk(`{"content":"@@Ana"}`, `null`) + "\n\n"
	for name, c := range map[string]struct {
		body    string
		class   record.Class
		message string
	}{
		"after an event":        {begun, record.Server, "the stream of the answer broke off"},
		"in an event":           {begun + `data: {"choices":[{"delta":{"con`, record.Server, "the stream of the answer broke off"},
		"in the first event":    {`data: {"choices":[{"delta":{"con`, record.Malformed, "cut off"},
		"with an error":         {begun + `data: {"error":{"message":"overloaded","code":529}}` + "\n\n", record.Server, "overloaded"},
		"with an error, named":  {begun + "event: error\ndata: {\"error\":\"no credits left\"}\n\n", record.Quota, "no credits left"},
		"with a choice's error": {begun + `data: {"choices":[{"delta":{},"finish_reason":"error","error":{"code":502,"message":"provider disconnected"}}]}` + "\n\ndata: [DONE]\n\n", record.Server, "provider disconnected"},
		"before it begins":      {"data: [DONE]\n\n", record.Malformed, "cut off"},
		"a comment alone":       {": hello\n\n", record.Malformed, "cut off"},
	} {
		var r record.Result
		e := asError(new(wire.Judge).ParseAnswer([]byte(c.body), &r))
		if e == nil || e.Class != c.class || !strings.Contains(e.Message, c.message) || r.Output != "" || strings.HasPrefix(c.body, begun) && r.Partial != "@@Ana" {
			t.Errorf("%s: got %+v, output %q", name, e, r.Output)
		}
	}
}

func TestEmbeddingsMayComeAsAnEvent(t *testing.T) {
	got, _, err := wire.ParseEmbeddings([]byte("data: "+`{"data":[{"index":0,"embedding":[1,2]}]}`+"\n\ndata: [DONE]\n\n"), 1)
	if d := cmp.Diff([][]float32{{1, 2}}, got); d != "" || err != nil {
		t.Error(d, err)
	}
}

func TestStreamIsToldFromOtherAnswers(t *testing.T) {
	for body, want := range map[string]bool{
		"data: {}": true, "\n\r\n data:{}": true, "event: x\ndata: {}": true, ": ping\n\n": true, "id: 1\n": true, "\ufeffdata: 1": true,
		`{"data": 1}`: false, "database error": false, "": false, "<html>": false, `"data: x"`: false,
	} {
		if got := wire.IsStream([]byte(body)); got != want {
			t.Errorf("%q: got %v", body, got)
		}
	}
}

func FuzzStream(f *testing.F) {
	f.Add("data: " + chunk(`{"content":"a"}`, `"stop"`) + "\n\ndata: [DONE]\n\n")
	f.Add("event: error\r\ndata: {\"error\":\"x\"}\r\n\r\n")
	f.Add("data: {\ndata: \"choices\":[{\"text\":\"a\"}]}\n")
	f.Fuzz(func(t *testing.T, body string) {
		var r record.Result
		err := new(wire.Judge).ParseAnswer([]byte(body), &r)
		if err == nil && r.Failure == nil && strings.TrimSpace(r.Output) == "" {
			t.Errorf("%q: an empty answer passed as a good one", body)
		}
		if e := asError(err); err != nil && (e == nil || e.Message == "" || e.Class == "") {
			t.Errorf("%q: %v", body, err)
		}
	})
}

func ExampleJudge_ParseAnswer() {
	body := `data: {"choices":[{"delta":{"content":"@@Ana## "}}]}

data: {"choices":[{"delta":{"content":"flew"},"finish_reason":"stop"}]}

data: [DONE]
`
	var r record.Result
	if err := new(wire.Judge).ParseAnswer([]byte(body), &r); err != nil {
		fmt.Println(err)
	}
	fmt.Println(r.Output)
	// Output: @@Ana## flew
}
