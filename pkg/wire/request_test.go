package wire_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/record"
	"nertools/pkg/wire"
)

func builder(t testing.TB, s wire.Settings) *wire.Builder {
	t.Helper()
	b, err := wire.NewBuilder(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func number(f float64) *float64 { return &f }

// The table is to be compared with https://developers.openai.com/api/docs/models/NAME.
func TestBodyIsWhatTheModelsFamilyTakes(t *testing.T) {
	const (
		chat, completions = "chat/completions", "completions"

		plain     = `"max_tokens":512,"temperature":0`
		reasoning = `"max_completion_tokens":512`
		cache     = `,"prompt_cache_options":{"mode":"explicit"}`
		none      = reasoning + `,"reasoning_effort":"none"`
		low       = reasoning + `,"reasoning_effort":"low"`
		minimal   = reasoning + `,"reasoning_effort":"minimal"`
	)
	for _, c := range []struct{ model, path, rest string }{
		// Older models: these bytes, and with them the digests of earlier results, must not change.
		{"gpt-4o-mini", chat, plain},
		{"gpt-4o", chat, plain},
		{"gpt-4o-mini-2024-07-18", chat, plain},
		{"gpt-4.1", chat, plain},
		{"gpt-4.1-mini-2025-04-14", chat, plain},
		{"gpt-3.5-turbo", chat, plain},
		{"gpt-35-turbo", chat, plain}, // Azure
		{"ft:gpt-4o-mini:org::id", chat, plain},
		{"gpt-3.5-turbo-instruct", completions, plain},
		{"gpt-3.5-turbo-instruct-0914", completions, plain},
		{"davinci-002", completions, plain},
		{"ft:babbage-002:org::id", completions, plain},

		{"o3", chat, low},
		{"o3-mini", chat, low},
		{"o4-mini-2025-04-16", chat, low},
		{"ft:o4-mini:org::id", chat, low},
		{"gpt-5", chat, minimal},
		{"gpt-5-mini", chat, minimal},
		{"gpt-5-mini-2025-08-07", chat, minimal},
		{"openai/gpt-5", chat, minimal},
		{"gpt-5-chat-latest", chat, reasoning},
		{"gpt-5.1", chat, none},
		{"gpt-5.3-mini", chat, none},
		{"gpt-5.4", chat, none},
		{"gpt-5.4-nano", chat, none},

		{"gpt-5.5", chat, none},
		{"gpt-5.5-2026-04-23", chat, none},
		{"gpt-5.5-pro", chat, reasoning + `,"reasoning_effort":"medium"`},
		{"gpt-5.6", chat, none + cache},
		{"gpt-5.6-luna", chat, none + cache},
		{"gpt-5.6-terra", chat, none + cache},
		{"gpt-5.6-sol", chat, none + cache},
		{"gpt-5.6-chat-latest", chat, reasoning + cache},
		{"gpt-6-luna", chat, none + cache},
		{"gpt-6-luna-2026-09-22", chat, none + cache},
		{"openai/gpt-6-luna", chat, none + cache},
		{"openrouter/openai/gpt-6-luna:flex", chat, none + cache},
		{"ft:gpt-6-luna:org::id", chat, none + cache},
		{"gpt-6-sol", chat, none + cache},
		{"gpt-6-astra", chat, low + cache},
		{"gpt-6-astra-2026-09-03", chat, low + cache},
		{"gpt-6.1-sol", chat, low + cache},
		{"gpt-6.1-terra", chat, none + cache},
		{"gpt-6.2-sol", chat, low + cache},
		{"gpt-7", chat, low + cache},
		{"openai/gpt-7.2-nova-2027-03-01", chat, low + cache},
		{"gpt-10", chat, low + cache},

		{"claude-haiku-5-5", chat, plain},
		{"anthropic/claude-sonnet-5.5", chat, plain},
		{"qwen3-32b", chat, plain},
		{"Qwen/Qwen3-8B", chat, plain},
		{"meta-llama/Llama-3.1-8B-Instruct", chat, plain},
		{"llama3.1:8b", chat, plain},
		{"openai/gpt-oss-120b", chat, plain},
		{"gpt-oss:20b", chat, plain},
		{"olmo-2", chat, plain},
		{`a "model"`, chat, plain},
	} {
		b := builder(t, wire.Settings{Model: c.model, MaxTokens: 512})
		want := `{"model":` + string(record.AppendString(nil, c.model)) + `,"messages":[{"role":"user","content":"hi"}],` + c.rest + "}"
		if c.path == completions {
			want = `{"model":"` + c.model + `","prompt":"hi",` + c.rest + "}"
		}
		if got := string(b.Append(nil, "hi")); got != want || b.Path() != c.path {
			t.Errorf("%s: %s\n got %s\nwant %s", c.model, b.Path(), got, want)
		}
	}
}

func TestSettingsOfTheUserReplaceThoseOfTheFamily(t *testing.T) {
	const luna, mini = `{"model":"gpt-6-luna","messages":[{"role":"user","content":"hi"}]`, `{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hi"}]`
	const cache = `"prompt_cache_options":{"mode":"explicit"}`
	for _, c := range []struct {
		name string
		s    wire.Settings
		want string
	}{
		{"an effort", wire.Settings{Model: "gpt-6-luna", Effort: "high"}, luna + `,"reasoning_effort":"high",` + cache + `}`},
		{"the model's effort", wire.Settings{Model: "gpt-6-luna", Effort: "default"}, luna + `,` + cache + `}`},
		{"an effort of another model", wire.Settings{Model: "gpt-4o-mini", Effort: "low"}, mini + `,"temperature":0,"reasoning_effort":"low"}`},
		{"an effort in the extra body", wire.Settings{Model: "gpt-6-luna", Extra: `{"reasoning_effort":"low"}`}, luna + `,` + cache + `,"reasoning_effort":"low"}`},
		{"a router's effort", wire.Settings{Model: "gpt-6-luna", Extra: `{"reasoning":{"effort":"low"}}`}, luna + `,` + cache + `,"reasoning":{"effort":"low"}}`},
		{"a temperature", wire.Settings{Model: "gpt-6-luna", Temperature: number(0)}, luna + `,"temperature":0,"reasoning_effort":"none",` + cache + `}`},
		{"no temperature", wire.Settings{Model: "gpt-4o-mini", NoTemperature: true}, mini + `}`},
		{"a tier", wire.Settings{Model: "gpt-6-luna", Tier: "flex"}, luna + `,"reasoning_effort":"none","service_tier":"flex",` + cache + `}`},
		{"the service's cache", wire.Settings{Model: "gpt-6-luna", Extra: `{"prompt_cache_options":{"mode":"implicit"}}`}, luna + `,"reasoning_effort":"none","prompt_cache_options":{"mode":"implicit"}}`},
		{"legacy completions", wire.Settings{Model: "gpt-6-luna", Endpoint: "completions"}, `{"model":"gpt-6-luna","prompt":"hi"}`},
	} {
		if got := string(builder(t, c.s).Append(nil, "hi")); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestEachSettingStandsInTheBodyAsItWasGiven(t *testing.T) {
	seed := int64(-7)
	const head = `{"model":"m","messages":[{"role":"user","content":"hi"}]`
	for _, c := range []struct {
		name string
		s    wire.Settings
		want string
	}{
		{"nothing", wire.Settings{}, head + `,"temperature":0}`},
		{"endpoint auto", wire.Settings{Endpoint: "auto"}, head + `,"temperature":0}`},
		{"endpoint chat", wire.Settings{Endpoint: "chat"}, head + `,"temperature":0}`},
		{"endpoint completions", wire.Settings{Endpoint: "completions"}, `{"model":"m","prompt":"hi","temperature":0}`},
		{"max tokens", wire.Settings{MaxTokens: 1}, head + `,"max_tokens":1,"temperature":0}`},
		{"temperature", wire.Settings{Temperature: number(0.25)}, head + `,"temperature":0.25}`},
		{"tiny temperature", wire.Settings{Temperature: number(1e-9)}, head + `,"temperature":1e-09}`},
		{"all", wire.Settings{MaxTokens: 9, Temperature: number(1), TopP: number(.5), FrequencyPenalty: number(-2), PresencePenalty: number(0), Seed: &seed, Stop: []string{"\n", `"end"`}},
			head + `,"max_tokens":9,"temperature":1,"top_p":0.5,"frequency_penalty":-2,"presence_penalty":0,"seed":-7,"stop":["\n","\"end\""]}`},
	} {
		c.s.Model = "m"
		if got := string(builder(t, c.s).Append(nil, "hi")); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestWhatTheUserSetsIsSentToAnyFamily(t *testing.T) {
	b := builder(t, wire.Settings{Model: "o3", Temperature: number(1), Endpoint: "completions"})
	if got, want := string(b.Append(nil, "hi")), `{"model":"o3","prompt":"hi","temperature":1}`; got != want || b.Path() != wire.Completions {
		t.Errorf("got %s, want %s", got, want)
	}
	b = builder(t, wire.Settings{Model: "davinci-002", Endpoint: "chat"})
	if b.Path() != wire.Chat {
		t.Errorf("got %s", b.Path())
	}
}

func TestExtraBodyAddsAndReplaces(t *testing.T) {
	const head = `{"model":"m","messages":[{"role":"user","content":"hi"}],`
	for _, c := range []struct{ extra, want string }{
		{"", head + `"max_tokens":5,"temperature":0}`},
		{`{}`, head + `"max_tokens":5,"temperature":0}`},
		{`{"top_k":3}`, head + `"max_tokens":5,"temperature":0,"top_k":3}`},
		{`{"temperature":null,"x":[1.50,{"<&>":"\u2028"}]}`, head + `"max_tokens":5,"temperature":null,"x":[1.50,{"<&>":"\u2028"}]}`},
		{"{\n \"temperature\" : 2 ,\n \"x\" : { \"a b\" : [ 1 ] }\n}\n", head + `"max_tokens":5,"temperature":2,"x":{"a b":[1]}}`},
		{`{"temper\u0061ture":2}`, head + `"max_tokens":5,"temperature":2}`},
		{`{"x":1,"x":2}`, head + `"max_tokens":5,"temperature":0,"x":2}`},
		{`{"max_completion_tokens":6}`, head + `"max_completion_tokens":6,"temperature":0}`},
		{`{"max_tokens":7}`, head + `"max_tokens":7,"temperature":0}`},
		{`{"":0,"a\"b":1}`, head + `"max_tokens":5,"temperature":0,"":0,"a\"b":1}`},
	} {
		b := builder(t, wire.Settings{Model: "m", MaxTokens: 5, Extra: c.extra})
		got := string(b.Append(nil, "hi"))
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.extra, got, c.want)
		}
		if !json.Valid([]byte(got)) || strings.Contains(got, "\n") {
			t.Errorf("%s: %q is not one line of JSON", c.extra, got)
		}
	}
}

func TestSettingsThatMakeNoSenseAreRefused(t *testing.T) {
	for _, c := range []struct {
		s    wire.Settings
		want string
	}{
		{wire.Settings{}, "no model"},
		{wire.Settings{Model: "m", Endpoint: "responses"}, `unknown endpoint "responses"`},
		{wire.Settings{Model: "m", Temperature: number(math.NaN())}, "temperature must be a finite number, not NaN"},
		{wire.Settings{Model: "m", TopP: number(math.Inf(-1))}, "top_p must be a finite number, not -Inf"},
		{wire.Settings{Model: "m", Extra: `{"model":"x"}`}, `must not set "model"`},
		{wire.Settings{Model: "m", Extra: `{"a":1,"messages":[]}`}, `must not set "messages"`},
		{wire.Settings{Model: "m", Extra: `{"prompt":""}`}, `must not set "prompt"`},
		{wire.Settings{Model: "m", Extra: `{"stream":true}`}, `must not set "stream"`},
		{wire.Settings{Model: "m", Extra: `{"stream":"false"}`}, `must not set "stream"`},
		{wire.Settings{Model: "m", Extra: `{"\u006e":2}`}, `must not set "n"`},
		{wire.Settings{Model: "m", Extra: `[]`}, "not a JSON object"},
		{wire.Settings{Model: "m", Extra: `"x"`}, "not a JSON object"},
		{wire.Settings{Model: "m", Extra: `{"a":1`}, "not a JSON object"},
		{wire.Settings{Model: "m", Extra: `{"a":1} {}`}, "not a JSON object"},
		{wire.Settings{Model: "m", Extra: ` `}, "not a JSON object"},
		{wire.Settings{Model: "m", Extra: "{\"\xff\":1}"}, "not a JSON object"},
	} {
		if _, err := wire.NewBuilder(c.s); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want %q", c.s, err, c.want)
		}
	}
}

var awkward = "<&> \u2028 \u2029 \"quoted\" \\ {{.}} %s $1\r\n\t\x00\x1f\x7f é 中 😀 </script>"

func TestPromptGoesOutUnchanged(t *testing.T) {
	for _, endpoint := range []string{"chat", "completions"} {
		body := builder(t, wire.Settings{Model: "m", Endpoint: endpoint}).Append([]byte("before"), awkward)
		var got struct {
			Prompt   string
			Messages []struct{ Role, Content string }
		}
		if err := json.Unmarshal(body[len("before"):], &got); err != nil {
			t.Fatal(err)
		}
		text := got.Prompt
		if endpoint == "chat" {
			text = got.Messages[0].Content
		}
		if text != awkward {
			t.Errorf("%s: got %q, want %q", endpoint, text, awkward)
		}
		for _, plain := range []string{"<&>", "\u2028", "é 中 😀"} {
			if !strings.Contains(string(body), plain) {
				t.Errorf("%s: %q was escaped: %s", endpoint, plain, body)
			}
		}
	}
}

func promptLine(text string) []byte {
	p := record.Prompt{ID: record.NewID("test", 3, []byte(text)), Index: 3, Total: 9, Label: "PER", Context: "Ada", Text: text, Examples: []int{1}, Extra: `,"mine":[1]`}
	line := record.AppendPrompt(nil, &p)
	return line[:len(line)-1]
}

func request(t *testing.T, b *wire.Builder, line []byte) wire.Request {
	t.Helper()
	r, err := b.ParseRequest(line)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return r
}

func TestPromptRecordBecomesARequest(t *testing.T) {
	b := builder(t, wire.Settings{Model: "m", MaxTokens: 100})
	got := request(t, b, promptLine("some text"))
	want := wire.Request{
		Row: record.Result{ID: record.NewID("test", 3, []byte("some text")), Index: 3, Total: 9, Label: "PER", Context: "Ada",
			Extra: `,"mine":[1]`, Request: got.Row.Request},
		Path: wire.Chat, Body: b.Append(nil, "some text"), Tokens: 102,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if wire.SettingsOf(got.Row.Request) != b.Settings() || len(got.Row.Request) != 25 {
		t.Errorf("request digest %q, settings %q", got.Row.Request, b.Settings())
	}
	b = builder(t, wire.Settings{Model: "m", MaxTokens: 100, Extra: `{"max_completion_tokens":1000}`})
	if got := request(t, b, promptLine("some text")).Tokens; got != 1002 {
		t.Errorf("tokens with the bound in the extra body: %d", got)
	}
}

func TestReadyLineBecomesARequestAsItStands(t *testing.T) {
	b := builder(t, wire.Settings{Model: "unused"})
	const body = `{"model": "m", "messages": [{"role": "system", "content": "<&>"}, {"role": "user", "content": "hi"}], "max_tokens": 50}`
	got := request(t, b, []byte(`{"custom_id": "request-17", "method": "POST", "url": "/v1/chat/completions", "body": `+body+`}`))
	want := wire.Request{Row: record.Result{ID: "request-17", Index: 17, Request: got.Row.Request}, Path: wire.Chat, Body: []byte(body), Tokens: got.Tokens}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if len(got.Row.Request) != 25 || got.Tokens < 50 || got.Tokens > 100 {
		t.Errorf("digest %q, %d tokens", got.Row.Request, got.Tokens)
	}
	got = request(t, b, []byte(`{"custom_id":"test/4/0123456789ab","url":"/v1/completions","body":{"prompt":"see [{\"content\":\"x\"}]"}}`))
	if got.Path != wire.Completions || got.Row.Index != 4 {
		t.Errorf("got %+v", got)
	}
}

func TestLineThatCannotBeAskedIsRefusedWithItsReason(t *testing.T) {
	b := builder(t, wire.Settings{Model: "m"})
	for _, c := range []struct{ line, want string }{
		{`{"custom_id":"","url":"/v1/completions","body":{}}`, `no "custom_id"`},
		{`{"custom_id":"no-number","url":"/v1/completions","body":{}}`, "does not end in a row number"},
		{`{"custom_id":"a-1","body":{}}`, `url ""`},
		{`{"custom_id":"a-1","url":"/v1/embeddings","body":{}}`, `url "/v1/embeddings"`},
		{`{"custom_id":"a-1","url":"/v1/responses","body":{}}`, `url "/v1/responses"`},
		{`{"custom_id":"a-1","url":"/v1/completions"}`, `no "body"`},
		{`{"custom_id":"a-1","url":"/v1/completions","body":{"stream":true}}`, `"stream"`},
		{`{"custom_id":"a-1","url":"/v1/completions","body":{"n":2}}`, `"n"`},
		{`{"custom_id":"a-1","url":"/v1/completions","body":"{}"}`, `no "body"`},
		{`{"custom_id":"a-1","url":"/v1/completions","body":{}`, "not a JSON object"},
		{"{\"custom_id\":\"a-1\",\"url\":\"/v1/completions\",\"body\":{\"prompt\":\"\xff\"}}", "not UTF-8"},
		{`{"kind":"prompt","v":1,"id":"a"}`, `no "prompt"`},
		{`{"kind":"result","v":1,"id":"a","custom_id":"b"}`, "a result record where a prompt record should be"},
		{`[{"custom_id":"a-1"}]`, "not a JSON object"},
		{`plain text`, "not a JSON object"},
		{``, "not a JSON object"},
	} {
		if _, err := b.ParseRequest([]byte(c.line)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.line, err, c.want)
		}
	}
}

func TestAbsurdBoundOfAnAnswerIsNoCallSize(t *testing.T) {
	b := builder(t, wire.Settings{Model: "m"})
	for _, n := range []string{"9e300", "-9e300", "9223372036854775807", "-1", "null", `"x"`} {
		r := request(t, b, []byte(`{"custom_id":"a-1","url":"/v1/completions","body":{"prompt":"","max_tokens":`+n+`}}`))
		if r.Tokens < 0 || r.Tokens > 1_000_000 {
			t.Errorf("max_tokens %s: %d tokens", n, r.Tokens)
		}
	}
}

func TestRequestDigestTellsWhatWasAsked(t *testing.T) {
	base := wire.Settings{Model: "m", MaxTokens: 512}
	digest := func(s wire.Settings, text string) string {
		return request(t, builder(t, s), promptLine(text)).Row.Request
	}
	first := digest(base, "text")
	if again := digest(base, "text"); again != first {
		t.Errorf("the same question: %s and %s", first, again)
	}
	if auto := digest(wire.Settings{Model: "m", MaxTokens: 512, Endpoint: "auto", Temperature: number(0)}, "text"); auto != first {
		t.Errorf("the same question, said in full: %s and %s", first, auto)
	}
	seen := map[string]string{first: "base"}
	for name, change := range map[string]func(*wire.Settings){
		"model":       func(s *wire.Settings) { s.Model = "m2" },
		"endpoint":    func(s *wire.Settings) { s.Endpoint = "completions" },
		"max tokens":  func(s *wire.Settings) { s.MaxTokens = 511 },
		"none":        func(s *wire.Settings) { s.MaxTokens = 0 },
		"temperature": func(s *wire.Settings) { s.Temperature = number(0.1) },
		"top_p":       func(s *wire.Settings) { s.TopP = number(0.1) },
		"seed":        func(s *wire.Settings) { s.Seed = new(int64) },
		"stop":        func(s *wire.Settings) { s.Stop = []string{"x"} },
		"effort":      func(s *wire.Settings) { s.Effort = "low" },
		"extra":       func(s *wire.Settings) { s.Extra = `{"x":1}` },
	} {
		s := base
		change(&s)
		got := digest(s, "text")
		if old, known := seen[got]; known {
			t.Errorf("%s: the same digest as %s", name, old)
		}
		seen[got] = name
		if wire.SettingsOf(got) == wire.SettingsOf(first) {
			t.Errorf("%s: the settings' part is the same", name)
		}
		if _, prompt, _ := strings.Cut(got, "-"); !strings.HasSuffix(first, prompt) {
			t.Errorf("%s: the prompt's part changed", name)
		}
	}
	other := digest(base, "text ")
	if other == first || wire.SettingsOf(other) != wire.SettingsOf(first) {
		t.Errorf("another prompt: %s and %s", first, other)
	}
}

func TestSettingsOfWhatIsNoRequestDigestIsEmpty(t *testing.T) {
	for request, want := range map[string]string{"": "", "abc": "", "a-b": "a", "-b": ""} {
		if got := wire.SettingsOf(request); got != want {
			t.Errorf("%q: got %q", request, got)
		}
	}
}

func readyLine(b *wire.Builder, text string) []byte {
	line := fmt.Appendf(nil, `{"custom_id":"%s","method":"POST","url":"/v1/%s","body":`, record.NewID("test", 3, []byte(text)), b.Path())
	return append(b.Append(line, text), '}')
}

func TestReadyLineHasTheRequestDigestOfItsPromptRecord(t *testing.T) {
	for _, s := range []wire.Settings{
		{Model: "gpt-4o-mini", MaxTokens: 512},
		{Model: "gpt-3.5-turbo-instruct", MaxTokens: 512, Stop: []string{"a", "b"}},
		{Model: "o3", MaxTokens: 5, Extra: `{"a": {"b": 1}, "reasoning_effort": "low"}`},
	} {
		b := builder(t, s)
		for _, text := range []string{"hi", awkward, `see [{"role":"user","content":"x"}]`} {
			plain, ready := request(t, b, promptLine(text)), request(t, b, readyLine(b, text))
			if plain.Row.Request != ready.Row.Request || plain.Row.ID != ready.Row.ID || plain.Tokens != ready.Tokens || plain.Path != ready.Path || string(plain.Body) != string(ready.Body) {
				t.Errorf("%s: %q:\n%+v\n%+v", s.Model, text, plain, ready)
			}
		}
	}
}

const schema = `{"type": "json_schema", "json_schema":{"name":"entities"}}`

func formatLine(text string) []byte {
	p := record.Prompt{ID: record.NewID("test", 3, []byte(text)), Index: 3, Text: text, ResponseFormat: schema}
	return bytes.TrimSpace(record.AppendPrompt(nil, &p))
}

func TestRecordsResponseFormatIsSentAsItStandsInPlaceOfTheExtraBodys(t *testing.T) {
	const head = `{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":0`
	for _, c := range []struct {
		name string
		s    wire.Settings
		line []byte
		want string
	}{
		{"of the record", wire.Settings{}, formatLine("hi"), head + `,"response_format":` + schema + `}`},
		{"of the extra body", wire.Settings{Extra: `{"response_format":{"type": "text"},"x":1}`}, promptLine("hi"), head + `,"x":1,"response_format":{"type":"text"}}`},
		{"of both", wire.Settings{Extra: `{"response_format":{"type": "text"},"x":1}`}, formatLine("hi"), head + `,"x":1,"response_format":` + schema + `}`},
		{"completions", wire.Settings{Endpoint: "completions"}, formatLine("hi"), `{"model":"m","prompt":"hi","temperature":0}`},
		{"completions, of both", wire.Settings{Endpoint: "completions", Extra: `{"response_format":{}}`}, formatLine("hi"), `{"model":"m","prompt":"hi","temperature":0,"response_format":{}}`},
	} {
		c.s.Model = "m"
		b := builder(t, c.s)
		got := request(t, b, c.line)
		if string(got.Body) != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got.Body, c.want)
		}
		line := fmt.Appendf(nil, `{"custom_id":"%s","method":"POST","url":"/v1/%s","body":%s}`, got.Row.ID, b.Path(), got.Body)
		if ready := request(t, b, line); ready.Row.Request != got.Row.Request || ready.Tokens != got.Tokens {
			t.Errorf("%s: as a record %s, %d tokens, in a batch %s, %d tokens", c.name, got.Row.Request, got.Tokens, ready.Row.Request, ready.Tokens)
		}
	}
	b := builder(t, wire.Settings{Model: "m"})
	with, without := request(t, b, formatLine("hi")).Row.Request, request(t, b, promptLine("hi")).Row.Request
	if wire.SettingsOf(with) == wire.SettingsOf(without) || strings.SplitAfter(with, "-")[1] != strings.SplitAfter(without, "-")[1] {
		t.Errorf("with a response_format %s, without one %s: the settings differ, the prompts do not", with, without)
	}
}

// Files of earlier versions are resumed by these.
func TestRequestDigestsStayWhatTheyAre(t *testing.T) {
	seed := int64(7)
	for _, c := range []struct {
		s    wire.Settings
		want string
	}{
		{wire.Settings{Model: "m"}, "c911d3f5f8e3"},
		{wire.Settings{Model: "gpt-4o-mini", MaxTokens: 512}, "bd57a096b2b2"},
		{wire.Settings{Model: "gpt-3.5-turbo-instruct", MaxTokens: 512, Seed: &seed, Stop: []string{"a"}}, "43bf68599fe6"},
		{wire.Settings{Model: "o3", MaxTokens: 5, Extra: `{"a": {"b": 1}, "reasoning_effort": "low"}`}, "b07899157c1f"},
		{wire.Settings{Model: "gpt-4.1-mini", MaxTokens: 512}, "a5b2e803ee7a"},
		// What these models got by default before there was an effort in requests.
		{wire.Settings{Model: "gpt-5-mini", MaxTokens: 512, Effort: wire.ModelsEffort}, "d843da219e16"},
		{wire.Settings{Model: "gpt-5.4", MaxTokens: 512, Effort: wire.ModelsEffort, Temperature: new(float64)}, "57ec10f1c0aa"},
		{wire.Settings{Model: "claude-sonnet-5-5", MaxTokens: 512}, "727b09881e5f"},
		{wire.Settings{Model: "qwen3-32b", MaxTokens: 512}, "155fdc9b5699"},
		{wire.Settings{Model: "m", Endpoint: "completions", Extra: `{"response_format":{"type":"json_object"}}`}, "bc3e55eca8ba"},
	} {
		b := builder(t, c.s)
		c.want += "-1f6cc8380825"
		if got := request(t, b, promptLine(awkward)).Row.Request; got != c.want {
			t.Errorf("%+v: got %s, want %s", c.s, got, c.want)
		}
		if got := request(t, b, readyLine(b, awkward)).Row.Request; got != c.want {
			t.Errorf("%+v, in a batch: got %s, want %s", c.s, got, c.want)
		}
	}
}

func TestReadyLinesThatDifferHaveDifferentDigests(t *testing.T) {
	b := builder(t, wire.Settings{Model: "m"})
	seen := map[string]string{}
	for _, body := range []string{
		`{"messages":[{"role":"user","content":"x"}]}`,
		`{"messages":[{"role":"system","content":"x"}]}`,
		`{"messages":[{"role":"user","name":"n","content":"x"}]}`,
		`{"messages":[{"role":"user","content":"x"},{"role":"user","content":"x"}]}`,
		`{"messages":[{"role":"user","content":["x"]}]}`,
		`{"messages":[{"role":"user","content":"x"}],"prompt":"y"}`,
		`{"messages":[{"role":"user","content":"x"}],"prompt":"z"}`,
		`{"messages":[{"role":"user","content":"x"}],"response_format":{}}`,
		`{"messages":[{"role":"user","content":"x"}],"response_format":{"type":"text"}}`,
		`{"messages":[]}`,
		`{}`,
	} {
		got := request(t, b, []byte(`{"custom_id":"a-1","url":"/v1/chat/completions","body":`+body+`}`)).Row.Request
		if old, known := seen[got]; known {
			t.Errorf("%s and %s have one digest", old, body)
		}
		seen[got] = body
	}
}

func TestBuilderServesManyGoroutines(t *testing.T) {
	b := builder(t, wire.Settings{Model: "m"})
	want := string(b.Append(nil, awkward))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				if got := string(b.Append(nil, awkward)); got != want {
					t.Errorf("got %s", got)
				}
				if _, err := b.ParseRequest(promptLine("x")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func FuzzParseRequest(f *testing.F) {
	b := builder(f, wire.Settings{Model: "m"})
	f.Add(promptLine(awkward))
	f.Add(formatLine(awkward))
	f.Add(readyLine(b, awkward))
	f.Add([]byte(`{"custom_id":"a-1","url":"/v1/chat/completions","body":{"messages":[{"role":"user","content":"x"}]}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := b.ParseRequest(line)
		if err != nil {
			return
		}
		if !json.Valid(r.Body) || len(r.Row.Request) != 25 || r.Row.ID == "" || r.Row.Index < 0 || r.Tokens < 0 {
			t.Errorf("%q became %+v", line, r)
		}
	})
}

var longPrompt = strings.Repeat("The given sentence: \"Ada wrote to Bob Li .\"\nThe labeled sentence: @@Ada## wrote to @@Bob Li## .\n", 84)

func BenchmarkAppend(b *testing.B) {
	build := builder(b, wire.Settings{Model: "gpt-4o-mini", MaxTokens: 512})
	var body []byte
	b.SetBytes(int64(len(longPrompt)))
	b.ReportAllocs()
	for b.Loop() {
		body = build.Append(body[:0], longPrompt)
	}
}

func BenchmarkParseRequest(b *testing.B) {
	build := builder(b, wire.Settings{Model: "gpt-4o-mini", MaxTokens: 512})
	line := promptLine(longPrompt)
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := build.ParseRequest(line); err != nil {
			b.Fatal(err)
		}
	}
}

func TestHowAnAnswerIsDeliveredMakesNoOtherQuestion(t *testing.T) {
	plain, err := wire.NewBuilder(wire.Settings{Model: "m", MaxTokens: 9})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := wire.NewBuilder(wire.Settings{Model: "m", MaxTokens: 9, Extra: `{"stream": false, "top_k": 1}`})
	if err != nil {
		t.Fatal(err)
	}
	other, err := wire.NewBuilder(wire.Settings{Model: "m", MaxTokens: 9, Extra: `{"top_k": 1}`})
	if err != nil {
		t.Fatal(err)
	}
	if whole.Settings() != other.Settings() || whole.Settings() == plain.Settings() {
		t.Errorf("got %s, %s and %s", plain.Settings(), whole.Settings(), other.Settings())
	}
	for _, extra := range []string{`{"top_k": 1, "service_tier": "flex"}`, `{"prompt_cache_options": {"mode": "explicit"}, "top_k": 1}`} {
		if b := builder(t, wire.Settings{Model: "m", MaxTokens: 9, Extra: extra}); b.Settings() != other.Settings() {
			t.Errorf("%s: got %s, want %s", extra, b.Settings(), other.Settings())
		}
	}
	body := string(whole.Append(nil, "hi"))
	if !strings.Contains(body, `"stream":false`) {
		t.Errorf("got %s", body)
	}
	line, err := wire.ParseRequestLine([]byte(`{"custom_id":"a-1","url":"/v1/chat/completions","body":` + body + `}`))
	if err != nil || wire.SettingsOf(line.Row.Request) != whole.Settings() {
		t.Errorf("got %+v, %v", line, err)
	}
}
