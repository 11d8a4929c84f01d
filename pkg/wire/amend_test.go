package wire_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"nertools/pkg/wire"
)

func refusal(status int, code, param, message string) *wire.Error {
	return wire.ParseError(status, []byte(apiError("invalid_request_error", code, param, message)))
}

const amendable = `{"model":"m","messages":[{"role":"user","content":"{\"temperature\":0,\"max_tokens\":1}"}],"max_tokens":512,"temperature":0,"x":{"temperature": [ 1.50, "<&>" ] }}`

func TestRefusedMemberIsLeftOutFromThenOn(t *testing.T) {
	var a wire.Amendments
	if got := a.Apply([]byte(amendable)); string(got) != amendable {
		t.Errorf("before anything was learnt: %s", got)
	}
	what, learnt, again := a.Learn(refusal(400, "unsupported_value", "temperature", "Unsupported value: 'temperature' does not support 0 with this model."), []byte(amendable), nil)
	if what != "leaving out temperature" || !learnt || !again {
		t.Errorf("got %q, %v, %v", what, learnt, again)
	}
	want := strings.Replace(amendable, `"temperature":0,"x"`, `"x"`, 1)
	if got := a.Apply([]byte(amendable)); string(got) != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	what, learnt, again = a.Learn(refusal(400, "unsupported_parameter", "max_tokens",
		"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."), []byte(want), nil)
	if what != "sending max_completion_tokens instead of max_tokens" || !learnt || !again {
		t.Errorf("got %q, %v, %v", what, learnt, again)
	}
	want = strings.Replace(want, `"max_tokens":512`, `"max_completion_tokens":512`, 1)
	if got := a.Apply([]byte(amendable)); string(got) != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	// The other name is refused, too.
	if what, learnt, again := a.Learn(refusal(400, "unsupported_parameter", "max_completion_tokens", "no"), []byte(want), nil); what != "leaving out max_completion_tokens" || !learnt || !again {
		t.Errorf("got %q, %v, %v", what, learnt, again)
	}
	want = strings.Replace(want, `"max_completion_tokens":512,`, ``, 1)
	if got := a.Apply([]byte(amendable)); string(got) != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestRefusedMemberMayBeNamedByTheMessageAlone(t *testing.T) {
	var a wire.Amendments
	what, learnt, again := a.Learn(refusal(422, "unsupported_parameter", "", "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."), []byte(amendable), nil)
	if what != "sending max_completion_tokens instead of max_tokens" || !learnt || !again {
		t.Errorf("got %q, %v, %v", what, learnt, again)
	}
}

func TestOnlyWhatCanBeDoneWithoutIsAmended(t *testing.T) {
	for _, c := range []struct {
		name string
		e    *wire.Error
	}{
		{"model", refusal(400, "unsupported_value", "model", "no")},
		{"messages", refusal(400, "unsupported_value", "messages", "no")},
		{"prompt", refusal(400, "unsupported_parameter", "prompt", "no")},
		{"input", refusal(400, "unsupported_value", "input", "no")},
		{"dimensions", refusal(400, "unsupported_parameter", "dimensions", "no")},
		{"messages, named by the message", refusal(400, "unsupported_value", "", "'messages' does not support this")},
		{"inside messages", refusal(400, "unsupported_value", "messages[0].role", "no")},
		{"a path that gjson would follow", refusal(400, "unsupported_value", "x.temperature", "no")},
		{"not in the body", refusal(400, "unsupported_parameter", "top_p", "no")},
		{"a wildcard", refusal(400, "unsupported_parameter", "temp*", "no")},
		{"nothing named", refusal(400, "unsupported_parameter", "", "no")},
		{"another code", refusal(400, "invalid_value", "temperature", "no")},
		{"another status", refusal(500, "unsupported_value", "temperature", "no")},
	} {
		var a wire.Amendments
		if what, learnt, again := a.Learn(c.e, []byte(strings.Replace(amendable, `"x"`, `"prompt":"p","input":["i"],"dimensions":8,"x"`, 1)), nil); what != "" || learnt || again {
			t.Errorf("%s: got %q, %v, %v", c.name, what, learnt, again)
		}
		if got := a.Apply([]byte(amendable)); string(got) != amendable {
			t.Errorf("%s: got %s", c.name, got)
		}
	}
}

func TestServiceWithoutStructuredAnswersIsAskedForPlainOnes(t *testing.T) {
	const plain = `{"model":"m","messages":[]}`
	body := []byte(`{"model":"m","messages":[],"response_format":{"type":"json_schema"}}`)
	for _, c := range []struct {
		name string
		e    *wire.Error
		want string
	}{
		{"no such type for this model", refusal(400, "", "response_format", "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model."), plain},
		{"without param", refusal(400, "", "", "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model."), plain},
		{"inside it", refusal(400, "InvalidParameter", "response_format.type", "invalid value: `json_schema`, supported values are: `json_object` and `text`"), plain},
		{"not now", refusal(422, "invalid_request_error", "", "This response_format type is unavailable now"), plain},
		{"unknown member", refusal(400, "", "", "Unrecognized request argument supplied: response_format"), plain},
		{"unknown", refusal(400, "unknown_parameter", "response_format", "Unknown parameter: 'response_format'."), plain},
		{"not allowed", refusal(400, "", "", "response_format is not allowed for this model"), plain},
		{"a keyword of the schema", refusal(400, "", "", "unsupported keyword in response_format schema"), string(body)},
		{"a type in the schema", refusal(400, "", "response_format", "Unsupported type in the schema: 'number'"), string(body)},
		{"a mistake in the JSON schema", refusal(400, "", "response_format", "Invalid JSON schema: 'minimum' is not supported"), string(body)},
		{"a member of the schema", refusal(400, "", "", "Extra inputs are not permitted: response_format.json_schema.strict"), string(body)},
		{"something else", refusal(400, "", "", "Too many response_format requests, contact support"), string(body)},
		{"something else, more politely", refusal(400, "", "response_format", "Too many requests, please contact our support team"), string(body)},
		{"schemas not supported", refusal(400, "", "", "This model does not support JSON schema as response_format"), plain},
		{"its other half", refusal(400, "", "", "Unknown parameter: 'response_format.json_schema'."), plain},
		{"by its code", refusal(400, "unsupported_parameter", "response_format", "no"), plain},
		{"by its other code", refusal(400, "unknown_parameter", "response_format", "no"), plain},
		{"by its code, a member of the schema", refusal(400, "unknown_parameter", "response_format.json_schema.strict", "no"), string(body)},
		{"a mistake in the schema", refusal(400, "", "response_format", "Invalid schema for response_format 'entities': In context=(), 'minimum' is not permitted."), string(body)},
		{"a demand on the prompt", refusal(400, "", "messages", "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object', which is all that is supported."), string(body)},
		{"another status", refusal(500, "", "response_format", "not supported"), string(body)},
	} {
		var a wire.Amendments
		a.Learn(c.e, body, nil)
		if got := string(a.Apply(body)); got != c.want {
			t.Errorf("%s: got %s", c.name, got)
		}
	}
}

// A service that goes on refusing a member that was not sent must not keep a
// call going for ever.
func TestMemberRefusedThoughItWasLeftOutIsNotAskedAgain(t *testing.T) {
	var a wire.Amendments
	e := refusal(400, "unsupported_parameter", "temperature", "no")
	for n := range 3 {
		_, learnt, again := a.Learn(e, a.Apply([]byte(amendable)), nil)
		if want := n == 0; learnt != want || again != want {
			t.Errorf("try %d: learnt %v, again %v", n, learnt, again)
		}
	}
	if _, learnt, again := a.Learn(e, []byte(amendable), nil); learnt || !again {
		t.Errorf("a body sent before it was known: learnt %v, again %v", learnt, again)
	}
}

func TestEachAmendmentIsReportedOnceHoweverManyLearnIt(t *testing.T) {
	var a wire.Amendments
	errs := []*wire.Error{
		refusal(400, "unsupported_value", "temperature", "no"),
		refusal(400, "unsupported_parameter", "max_tokens", "Use 'max_completion_tokens' instead."),
		refusal(400, "unsupported_parameter", "x", "no"),
	}
	var learnt atomic.Int64
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for _, e := range errs {
				_, first, again := a.Learn(e, []byte(amendable), nil)
				if first {
					learnt.Add(1)
				}
				if !again {
					t.Error("not worth asking again")
				}
				if got := a.Apply([]byte(amendable)); !json.Valid(got) {
					t.Errorf("got %s", got)
				}
			}
		})
	}
	all.Wait()
	if n := learnt.Load(); n != int64(len(errs)) {
		t.Errorf("reported %d times, want %d", n, len(errs))
	}
	const want = `{"model":"m","messages":[{"role":"user","content":"{\"temperature\":0,\"max_tokens\":1}"}],"max_completion_tokens":512}`
	if got := a.Apply([]byte(amendable)); string(got) != want {
		t.Errorf("got %s", got)
	}
}

func TestAmendedBodyKeepsAllElse(t *testing.T) {
	var a wire.Amendments
	a.Learn(refusal(400, "unsupported_value", "temperature", "no"), []byte(amendable), nil)
	for body, want := range map[string]string{
		`{}`:                      `{}`,
		`{"temperature":1}`:       `{}`,
		`{"temper\u0061ture":1}`:  `{}`,
		`{"":1,"\"a\\":{"b":[]}}`: `{"":1,"\"a\\":{"b":[]}}`,
		` { "a" : 1.0 , "temperature" : 1 , "temperature":2, "b" : "\u2028 \u003c" } `: `{"a":1.0,"b":"\u2028 \u003c"}`,
	} {
		if got := string(a.Apply([]byte(body))); got != want {
			t.Errorf("%s:\n got %s\nwant %s", body, got, want)
		}
	}
}

func FuzzAmend(f *testing.F) {
	f.Add([]byte(amendable), "temperature")
	f.Add([]byte(`{"a\u0062":1,"":[],"max_tokens":{}}`), "ab")
	f.Add([]byte(`{"a.b":1}`), "a.b")
	f.Fuzz(func(t *testing.T, body []byte, param string) {
		var a wire.Amendments
		a.Learn(refusal(400, "unsupported_parameter", "max_tokens", "Use 'max_completion_tokens' instead."), []byte(amendable), nil)
		a.Learn(refusal(400, "unsupported_parameter", param, "no"), body, nil)
		got := a.Apply(body)
		var before, after map[string]json.RawMessage
		if json.Unmarshal(body, &before) != nil || before == nil {
			return
		}
		if err := json.Unmarshal(got, &after); err != nil {
			t.Fatalf("%q became %q: %v", body, got, err)
		}
		for _, key := range slices.Collect(maps.Keys(before)) {
			if key == "max_tokens" || key == "max_completion_tokens" || key == param || strings.ContainsRune(key, '\ufffd') {
				continue
			}
			if string(before[key]) != string(after[key]) {
				t.Errorf("%q: %q became %q", key, before[key], after[key])
			}
		}
	})
}

func TestALineOfABatchIsAmendedLikeItsBody(t *testing.T) {
	list := []wire.Amendment{{Param: "temperature"}, {Param: "max_tokens", Instead: "max_completion_tokens"}, {Param: "reasoning_effort", Value: `"low"`}}
	line := []byte(`{"custom_id":"s/0/a","method":"POST","url":"/v1/chat/completions","body":{"model":"m","max_tokens":5,"temperature":0,"reasoning_effort":"none"}}`)
	want := `-{"custom_id":"s/0/a","method":"POST","url":"/v1/chat/completions","body":{"model":"m","max_completion_tokens":5,"reasoning_effort":"low"}}`
	if got := string(wire.NewAmendments(list).ApplyLine([]byte("-"), line)); got != want {
		t.Errorf("got %s", got)
	}
	if got := string(wire.NewAmendments(nil).ApplyLine(nil, line)); got != string(line) {
		t.Errorf("without amendments: got %s", got)
	}
	if !slices.Equal(wire.NewAmendments(list).List(), list) || wire.NewAmendments(nil).List() != nil {
		t.Error("the list is another one")
	}
}
