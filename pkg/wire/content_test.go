package wire_test

import (
	"strings"
	"testing"

	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// TestTextOutsideOfTheAnswerIsKeptAndSaysWhereItWas: text that came only as
// reasoning, as a tool call or in parts of another kind is paid for, but is no
// answer.
func TestTextOutsideOfTheAnswerIsKeptAndSaysWhereItWas(t *testing.T) {
	const text = "@@Ana## flew"
	only := func(name string) wire.Remark { return wire.Remark{Kind: wire.OnlyReasoning, Name: name} }
	tool := wire.Remark{Kind: wire.ToolCall, Name: "mark"}
	for _, c := range []struct {
		message, finish string
		partial         string
		class           record.Class
		names           string // what the message names
		remark          wire.Remark
	}{
		{`{"content":null,"reasoning_content":"` + text + `"}`, "stop", text, record.Empty, "reasoning_content", only("reasoning_content")},
		{`{"content":"","reasoning":"` + text + `"}`, "stop", text, record.Empty, `"reasoning"`, only("reasoning")},
		{`{"content":" \n","reasoning":"` + text + `","reasoning_content":"` + text + `"}`, "stop", text, record.Empty, "reasoning_content", only("reasoning_content")},
		{`{"content":null,"reasoning_details":[{"type":"reasoning.text","text":"` + text + `","signature":"x"}]}`, "stop", text, record.Empty, "reasoning_details", only("reasoning_details")},
		{`{"content":null,"thinking":"` + text + `"}`, "stop", text, record.Empty, "thinking", only("thinking")},
		{`{"content":[{"type":"thinking","thinking":[{"type":"text","text":"` + text + `"}]}]}`, "stop", text, record.Empty, "thinking", only("thinking")},
		{`{"content":[{"type":"thinking","thinking":"` + text + `","signature":"x"},{"type":"text","text":""}]}`, "stop", text, record.Empty, "thinking", only("thinking")},
		{`{"content":[{"type":"reasoning","text":"` + text + `"}]}`, "stop", text, record.Empty, `"reasoning"`, only("reasoning")},
		{`{"content":[{"type":"markdown","content":"` + text + `"}]}`, "stop", text, record.Empty, "markdown", wire.Remark{}},
		{`{"content":null,"tool_calls":[{"type":"function","function":{"name":"mark","arguments":"{\"x\":1}"}}]}`, "tool_calls", `{"x":1}`, record.Empty, `"mark"`, tool},
		{`{"content":null,"tool_calls":[{"function":{"name":"mark","arguments":{"x":1}}},{"function":{"name":"mark","arguments":"{}"}}]}`, "stop", "{\"x\":1}\n{}", record.Empty, `"mark"`, tool},
		{`{"content":null,"function_call":{"name":"mark","arguments":"{\"x\":1}"}}`, "function_call", `{"x":1}`, record.Empty, `"mark"`, tool},
		{`{"content":null,"reasoning_content":"` + text + `"}`, "length", text, record.Length, "token limit", wire.Remark{}},
		{`{"content":[{"type":"refusal","refusal":"I won't"}]}`, "stop", "", record.Refused, "I won't", wire.Remark{}},
		{`{"content":"<think>` + text + `</think>"}`, "stop", "<think>" + text + "</think>", record.Empty, "reasoning", only("")},
		{`{"content":"` + text + `</think>"}`, "stop", text + "</think>", record.Empty, "reasoning", only("")},
	} {
		var remarks []wire.Remark
		j := &wire.Judge{Remark: func(r wire.Remark) { remarks = append(remarks, r) }}
		var r record.Result
		if err := j.ParseAnswer([]byte(chat(c.message, `"`+c.finish+`"`)), &r); err != nil || r.OK() {
			t.Errorf("%s: got %+v, %v", c.message, r, err)
			continue
		}
		if r.Partial != c.partial || r.Output != "" || r.Failure.Class != c.class || !strings.Contains(r.Failure.Message, c.names) {
			t.Errorf("%s: got partial %q, failure %+v", c.message, r.Partial, r.Failure)
		}
		if len(remarks) > 1 || (len(remarks) == 1) != (c.remark != wire.Remark{}) || len(remarks) == 1 && remarks[0] != c.remark {
			t.Errorf("%s: got remarks %v", c.message, remarks)
		}
	}
}

func TestReasoningBesideAnAnswerIsLeftOut(t *testing.T) {
	const text = "@@Ana## flew"
	for _, message := range []string{
		`{"content":"` + text + `","reasoning_content":"@@Lima##"}`,
		`{"content":"` + text + `","reasoning":"@@Lima##","tool_calls":[]}`,
		`{"content":[{"type":"thinking","thinking":"@@Lima##"},{"type":"text","text":"` + text + `"}]}`,
		`{"content":[{"type":"reasoning","text":"@@Lima##"},{"type":"output_text","text":"` + text + `"}]}`,
		`{"content":[{"type":"text","text":{"value":"` + text + `","annotations":[]}}]}`,
		`{"content":["@@Ana##"," flew"]}`,
		`{"content":{"type":"text","text":"` + text + `"}}`,
	} {
		var r record.Result
		if err := new(wire.Judge).ParseAnswer([]byte(chat(message, `"stop"`)), &r); err != nil || !r.OK() || r.Output != text || r.Partial != "" {
			t.Errorf("%s: got %+v, %v", message, r, err)
		}
	}
	// In one text with the answer, it stays in the output, which is what came.
	const both = "<think>@@Lima##</think>\n" + text
	var r record.Result
	if err := new(wire.Judge).ParseAnswer([]byte(chat(`{"content":"<think>@@Lima##</think>\n`+text+`"}`, `"stop"`)), &r); err != nil || r.Output != both {
		t.Errorf("got %+v, %v", r, err)
	}
	if got := new(wire.Judge).Answer(&r); got != text {
		t.Errorf("got %q", got)
	}
}

func TestSentenceTellsTagsInTextFromReasoning(t *testing.T) {
	const sentence = "<think> is a tag of Ana ."
	answered := record.Result{ID: "a/3/0123456789ab", Index: 3, Output: "<think> is a tag of @@Ana## ."}
	line := record.AppendResult(nil, &answered)
	j := &wire.Judge{Sentence: func(r *record.Result) string { return map[int]string{3: sentence}[r.Index] }}
	r, err := j.ParseResult(line)
	if err != nil || !r.OK() || j.Answer(&r) != answered.Output {
		t.Errorf("got %+v, %v", r, err)
	}
	// A program that does not know the sentence takes the answer for reasoning.
	r, err = new(wire.Judge).ParseResult(line)
	if err != nil || r.OK() || r.Failure.Class != record.Empty || r.Partial != answered.Output {
		t.Fatalf("got %+v, %v", r, err)
	}
	// One that reads its results with the sentence at hand does not.
	r, err = j.ParseResult(record.AppendResult(nil, &r))
	if err != nil || !r.OK() || r.Output != answered.Output {
		t.Errorf("got %+v, %v", r, err)
	}
	// The sentence of the record counts before that of the row.
	answered.Context = "Ana flew ."
	if r, err = j.ParseResult(record.AppendResult(nil, &answered)); err != nil || r.OK() {
		t.Errorf("got %+v, %v", r, err)
	}
}
