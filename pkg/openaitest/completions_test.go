package openaitest_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/openaitest"
)

// object decodes an answer and takes out the time it was made, which must be now.
func object(t *testing.T, a answer) map[string]any {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal(a.body, &got); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	created, _ := got["created"].(float64)
	if age := time.Since(time.Unix(int64(created), 0)); age < 0 || age > time.Minute {
		t.Errorf("created %v ago", age)
	}
	delete(got, "created")
	return got
}

func TestAChatAnswerIsAWholeChatCompletion(t *testing.T) {
	_, c := serve(t, openaitest.Options{})
	text := prompt(`Ada said "hi" <b> in 東京 .`)
	a := c.post(chatPath, chatBody("gpt-4.1-mini", text))
	if got := a.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("content type %q", got)
	}
	const marked = `@@Ada## said "hi" <b> in 東京 .`
	promptTokens, answerTokens := float64((len(text)+3)/4), float64((len(marked)+3)/4)
	want := map[string]any{
		"id": "chatcmpl-simulated-1", "object": "chat.completion", "model": "gpt-4.1-mini",
		"choices": []any{map[string]any{
			"index": 0.0, "logprobs": nil, "finish_reason": "stop",
			"message": map[string]any{"role": "assistant", "content": marked, "refusal": nil, "annotations": []any{}},
		}},
		"usage": map[string]any{
			"prompt_tokens": promptTokens, "completion_tokens": answerTokens, "total_tokens": promptTokens + answerTokens,
			"prompt_tokens_details": map[string]any{"cached_tokens": 0.0, "audio_tokens": 0.0},
			"completion_tokens_details": map[string]any{"reasoning_tokens": 0.0, "audio_tokens": 0.0,
				"accepted_prediction_tokens": 0.0, "rejected_prediction_tokens": 0.0},
		},
		"service_tier": "default", "system_fingerprint": "simulated",
	}
	if diff := cmp.Diff(want, object(t, a)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestALegacyAnswerIsAWholeTextCompletion(t *testing.T) {
	_, c := serve(t, openaitest.Options{})
	a := c.post("/v1/completions", legacyBody("davinci-002", prompt("Ada left ."), "max_tokens", 100))
	want := map[string]any{
		"id": "cmpl-simulated-1", "object": "text_completion", "model": "davinci-002",
		"choices": []any{map[string]any{"text": "@@Ada## left .", "index": 0.0, "logprobs": nil, "finish_reason": "stop"}},
		"usage": map[string]any{"prompt_tokens": float64((len(prompt("Ada left .")) + 3) / 4), "completion_tokens": 4.0,
			"total_tokens": float64((len(prompt("Ada left ."))+3)/4) + 4},
		"system_fingerprint": "simulated",
	}
	if diff := cmp.Diff(want, object(t, a)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func finishReason(t *testing.T, a answer) string {
	t.Helper()
	choices, _ := object(t, a)["choices"].([]any)
	if len(choices) != 1 {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	return choices[0].(map[string]any)["finish_reason"].(string)
}

func TestAnAnswerLongerThanTheTokenLimitIsCut(t *testing.T) {
	api, c := serve(t, openaitest.Options{})
	const sentence = "a sentence of 36 bytes in all, it is"
	tests := []struct {
		path, body, want, finish string
	}{
		{chatPath, chatBody("gpt-4.1", "Echo: "+sentence, "max_tokens", 9), sentence, "stop"},
		{chatPath, chatBody("gpt-4.1", "Echo: "+sentence, "max_tokens", 8), sentence[:32], "length"},
		{chatPath, chatBody("gpt-5", "Echo: "+sentence, "max_completion_tokens", 1), "a se", "length"},
		{chatPath, chatBody("gpt-4.1", "Echo: 東京都", "max_tokens", 2), "東京", "length"},
		{chatPath, chatBody("gpt-4.1", "Echo: "+strings.Repeat(sentence, 99)), strings.Repeat(sentence, 99), "stop"},
		// 16 tokens is the legacy endpoint's default.
		{"/v1/completions", legacyBody("davinci-002", "Echo: "+sentence+sentence), (sentence + sentence)[:64], "length"},
	}
	for _, tt := range tests {
		a := c.post(tt.path, tt.body)
		if got, finish := content(t, a), finishReason(t, a); got != tt.want || finish != tt.finish {
			t.Errorf("%.60s: got %q %s, want %q %s", tt.body, got, finish, tt.want, tt.finish)
		}
	}
	if got := api.Answered(); got != 2 {
		t.Errorf("%d calls count as answered, want the 2 that were not cut", got)
	}
}

func TestThePromptIsTheLastUserMessage(t *testing.T) {
	api, c := serve(t, openaitest.Options{Answer: func(prompt string) string { return "<" + prompt + ">" }})
	message := func(role string, content any) any { return map[string]any{"role": role, "content": content} }
	part := func(text string) any { return map[string]any{"type": "text", "text": text} }
	for want, messages := range map[string][]any{
		"<one>":       {message("user", "one")},
		"<two>":       {message("user", "one"), message("assistant", nil), message("user", "two")},
		"<three>":     {message("system", "be brief"), message("user", "three"), message("assistant", "so")},
		"<four five>": {message("user", []any{part("four "), part("five")})},
		"<>":          {message("system", "nobody asks")},
	} {
		a := c.post(chatPath, marshal(map[string]any{"model": "m", "messages": messages}, nil))
		if got := content(t, a); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	a := c.post("/v1/completions", `{"model":"m","prompt":["six"]}`)
	if got := content(t, a); got != "<six>" {
		t.Errorf("got %q, want <six>", got)
	}
	if got := api.Answered(); got != 6 {
		t.Errorf("%d answered, want 6", got)
	}
}

func TestModelFamiliesTakeWhatTheRealOnesTake(t *testing.T) {
	_, c := serve(t, openaitest.Options{Unsupported: []string{"seed"}})
	const legacy = "/v1/completions"
	ok := refusal{status: 200}
	noMaxTokens := refusal{400, "unsupported_parameter", "max_tokens"}
	noTemperature := refusal{400, "unsupported_value", "temperature"}
	notHere := refusal{404, "", "model"}
	tests := []struct {
		path, model string
		param       string
		value       any
		want        refusal
	}{
		{chatPath, "gpt-4.1-mini", "max_tokens", 99, ok},
		{chatPath, "gpt-4.1-mini", "max_completion_tokens", 99, ok},
		{chatPath, "gpt-4o", "temperature", 0, ok},
		{chatPath, "o3-mini", "max_tokens", 99, noMaxTokens},
		{chatPath, "gpt-5", "max_tokens", 99, noMaxTokens},
		{chatPath, "gpt-5.4-mini", "max_tokens", 99, noMaxTokens},
		{chatPath, "ft:gpt-5-mini:me::x", "max_tokens", 99, noMaxTokens},
		{chatPath, "gpt-5", "max_tokens", nil, ok},
		{chatPath, "gpt-5", "max_completion_tokens", 99, ok},
		{chatPath, "gpt-5", "temperature", 0, noTemperature},
		{chatPath, "gpt-5", "temperature", 1, ok},
		{chatPath, "gpt-5-mini-2025-08-07", "top_p", 0.5, refusal{400, "unsupported_value", "top_p"}},
		{chatPath, "gpt-5.1", "temperature", 0, noTemperature},
		{chatPath, "gpt-5.4", "temperature", 0, ok},
		{chatPath, "gpt-5.4-mini-2026-03-01", "top_p", 0.5, ok},
		{chatPath, "gpt-5.10", "temperature", 0, ok},
		{chatPath, "o4-mini", "temperature", 0.2, noTemperature},
		{chatPath, "omni", "temperature", 0, ok},
		{chatPath, "gpt-4.1", "seed", 1, refusal{400, "unsupported_parameter", "seed"}},
		{chatPath, "gpt-3.5-turbo-instruct", "user", "me", notHere},
		{chatPath, "davinci-002", "user", "me", notHere},
		{legacy, "gpt-3.5-turbo-instruct", "max_tokens", 99, ok},
		{legacy, "ft:babbage-002:me::x", "temperature", 0, ok},
		{legacy, "gpt-4.1-mini", "user", "me", notHere},
		{legacy, "o3", "user", "me", notHere},
		{legacy, "gpt-3.5-turbo", "user", "me", notHere},
		{legacy, "llama-3", "max_tokens", 99, ok},
		{chatPath, "llama-3", "max_tokens", 99, ok},
		{legacy, "llama-3", "max_completion_tokens", 99, refusal{status: 400}},
	}
	for _, tt := range tests {
		body := chatBody(tt.model, "hi", tt.param, tt.value)
		if tt.path == legacy {
			body = legacyBody(tt.model, "hi", tt.param, tt.value)
		}
		a := c.post(tt.path, body)
		got, message := refusal{status: a.status}, ""
		if a.status != 200 {
			got, message = refusalOf(t, a)
		}
		if got != tt.want {
			t.Errorf("%s %s: got %+v %q, want %+v", tt.path, body, got, message, tt.want)
		}
		if tt.want == noMaxTokens && !strings.Contains(message, "Use 'max_completion_tokens' instead") {
			t.Errorf("%s: %q does not name the other parameter", tt.model, message)
		}
		if tt.want == notHere && !strings.Contains(message, "chat model") {
			t.Errorf("%s: %q does not say chat model", tt.model, message)
		}
	}
}

func TestModelsAreListedWithTheirShutdownDates(t *testing.T) {
	_, c := serve(t, openaitest.Options{Models: []string{"gpt-4o", "org/llama"}})
	var list struct {
		Object string
		Data   []struct {
			ID, Object   string
			ShutdownDate *string `json:"shutdown_date"`
		}
	}
	if err := json.Unmarshal(c.get("/v1/models").body, &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Data) != 2 || list.Object != "list" || list.Data[0].ID != "gpt-4o" ||
		*list.Data[0].ShutdownDate != "2027-01-14" || list.Data[1].ShutdownDate != nil {
		t.Errorf("got %+v", list)
	}
	if a := c.get("/v1/models/org/llama"); a.status != 200 || !strings.Contains(string(a.body), `"id":"org/llama"`) {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	if got, _ := refusalOf(t, c.get("/v1/models/gpt-2")); got != (refusal{status: 404, code: "model_not_found"}) {
		t.Errorf("unknown model: %+v", got)
	}
	_, any := serve(t, openaitest.Options{})
	if a := any.get("/v1/models"); string(a.body) != `{"object":"list","data":[]}`+"\n" {
		t.Errorf("no models: %s", a.body)
	}
	if a := any.get("/v1/models/whatever"); a.status != 200 {
		t.Errorf("any model: status %d", a.status)
	}
}
