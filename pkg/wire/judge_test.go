package wire_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// finishReasons are reasons that services give, and the class of the failure
// that each stands for; "" for those of complete answers.
var finishReasons = []struct {
	reason string
	class  record.Class
}{
	{"stop", ""}, {"STOP", ""}, {"eos", ""}, {"eos_token", ""}, {"EOS_TOKEN", ""}, {"end_turn", ""}, {"stop_sequence", ""}, {"COMPLETE", ""}, {"Completed", ""}, {"", ""}, {"null", ""},

	{"length", record.Length}, {"max_tokens", record.Length}, {"MAX_TOKENS", record.Length}, {"max_output_tokens", record.Length},
	{"model_length", record.Length}, {"model_context_window_exceeded", record.Length}, {"ERROR_LIMIT", record.Length}, {"max-new-tokens", record.Length}, {"LENGTH", record.Length},

	{"content_filter", record.Filtered}, {"content_filtered", record.Filtered}, {"sensitive", record.Filtered}, {"SAFETY", record.Filtered}, {"RECITATION", record.Filtered},
	{"BLOCKLIST", record.Filtered}, {"PROHIBITED_CONTENT", record.Filtered}, {"SPII", record.Filtered}, {"guardrail_intervened", record.Filtered}, {"ERROR_TOXIC", record.Filtered},

	{"error", record.Server}, {"network_error", record.Server}, {"insufficient_system_resource", record.Server}, {"abort", record.Server}, {"aborted", record.Server},
	{"cancelled", record.Server}, {"canceled", record.Server}, {"USER_CANCEL", record.Server}, {"timeout", record.Server},

	{"refusal", record.Refused},
	{"tool_calls", record.Incomplete}, {"function_call", record.Incomplete}, {"tool_use", record.Incomplete}, {"MALFORMED_FUNCTION_CALL", record.Incomplete},
	{"pause_turn", record.Incomplete}, {"OTHER", record.Incomplete}, {"stopped early", record.Incomplete}, {"7", record.Incomplete},
}

func TestOnlyACompleteAnswerIsAnOutput(t *testing.T) {
	for _, c := range finishReasons {
		const text = "@@Ana## flew"
		want := record.Result{Output: text, FinishReason: c.reason}
		if c.class != "" {
			want = record.Result{Partial: text, FinishReason: c.reason, Failure: &record.Failure{Class: c.class, Status: 200}}
		}
		check := func(where string, r record.Result) {
			t.Helper()
			if r.Output != want.Output || r.Partial != want.Partial || r.FinishReason != c.reason || (r.Failure == nil) != (c.class == "") {
				t.Errorf("%s, %q: got %+v", where, c.reason, r)
			} else if f := r.Failure; f != nil && (f.Class != c.class || f.Message == "") {
				t.Errorf("%s, %q: got %+v", where, c.reason, f)
			} else if f != nil && c.reason != "length" && c.reason != "content_filter" && !strings.Contains(f.Message, c.reason) {
				t.Errorf("%s, %q: the message does not name the reason: %s", where, c.reason, f.Message)
			}
		}
		body := chat(`{"content":"`+text+`"}`, fmt.Sprintf("%q", c.reason))
		var r record.Result
		err := new(wire.Judge).ParseAnswer([]byte(body), &r)
		if e, ok := errors.AsType[*wire.Error](err); (c.class == record.Server) != ok || ok && !e.Passing() {
			t.Errorf("%q: got error %v: an answer that was broken off is asked again, others are not", c.reason, err)
		} else if ok {
			r.Failure = wire.Failed(err)
		}
		check("answer", r)

		r, err = new(wire.Judge).ParseResult([]byte(batchLine(`{"status_code":200,"body":`+body+`}`, "null")))
		if err != nil {
			t.Fatal(err)
		}
		check("batch line", r)

		line := record.AppendResult(nil, &record.Result{ID: "a/0/0123456789ab", Output: text, FinishReason: c.reason})
		if r, err = new(wire.Judge).ParseResult(line); err != nil {
			t.Fatal(err)
		}
		check("record", r)
	}
}

func TestAcceptedFinishReasonMakesAnAnswerComplete(t *testing.T) {
	for _, c := range finishReasons {
		if c.class == "" {
			continue
		}
		const text = "@@Ana## flew"
		j := &wire.Judge{Accept: []string{"other reason", strings.ToUpper(c.reason)}}
		var r record.Result
		if err := j.ParseAnswer([]byte(chat(`{"content":"`+text+`"}`, fmt.Sprintf("%q", c.reason))), &r); err != nil || !r.OK() || r.Output != text || r.Partial != "" {
			t.Errorf("answer, %q: got %+v, %v", c.reason, r, err)
		}
		// A record that a run without Accept wrote.
		line := record.AppendResult(nil, &record.Result{ID: "a/0/0123456789ab", Partial: text, FinishReason: c.reason, Failure: &record.Failure{Class: c.class, Message: "m"}})
		r, err := j.ParseResult(line)
		if accepted := c.class != record.Refused; err != nil || r.OK() != accepted || accepted && r.Output != text {
			t.Errorf("record, %q: got %+v, %v", c.reason, r, err)
		}
	}
}

func TestAcceptedFinishReasonDoesNotTouchOtherFailures(t *testing.T) {
	j := &wire.Judge{Accept: []string{"tool_calls", "stop", "error", "length", ""}}
	for _, r := range []record.Result{
		{Partial: `get({"a":1})`, FinishReason: "tool_calls", Failure: &record.Failure{Class: record.Empty}},
		{Partial: "I", FinishReason: "length", Failure: &record.Failure{Class: record.Refused}},
		{Partial: " \n", FinishReason: "length", Failure: &record.Failure{Class: record.Length}},
		{Partial: "half", FinishReason: "stop", Failure: &record.Failure{Class: record.Server}},
		{Partial: "half", Failure: &record.Failure{Class: record.Server}},
		{FinishReason: "length", Failure: &record.Failure{Class: record.Length}},
	} {
		r.ID = "a/0/0123456789ab"
		got, err := j.ParseResult(record.AppendResult(nil, &r))
		if err != nil || got.OK() || got.Failure.Class != r.Failure.Class || got.Partial != r.Partial {
			t.Errorf("%+v became %+v, %v", r, got, err)
		}
	}
	for _, body := range []string{
		chat(`{"content":null}`, `"length"`), chat(`{"content":"a","refusal":"No"}`, `"length"`), chat(`{"content":null,"tool_calls":[]}`, `"tool_calls"`),
	} {
		var r record.Result
		if err := j.ParseAnswer([]byte(body), &r); err != nil || r.OK() {
			t.Errorf("%s: got %+v, %v", body, r, err)
		}
	}
}

func TestErrorInAChoiceIsAFailureWhateverTheFinishReason(t *testing.T) {
	for _, c := range []struct {
		finish, problem, message string
		class                    record.Class
		passing                  bool
	}{
		{"error", `{"code":502,"message":"Upstream idle timeout"}`, "Upstream idle timeout", record.Server, true},
		{"stop", `{"code":502,"message":"Upstream idle timeout"}`, "Upstream idle timeout", record.Server, true},
		{"error", `{"code":429,"message":"slow down"}`, "slow down", record.RateLimit, true},
		{"error", `"lost the connection"`, "lost the connection", record.Server, true},
		{"error", `{"code":"context_length_exceeded","message":"too long"}`, "too long", record.ContextLength, false},
		{"error", `null`, `the service stopped in the middle of the answer (finish reason "error")`, record.Server, true},
	} {
		body := `{"choices":[{"message":{"content":"@@Ana Sou"},"finish_reason":"` + c.finish + `","error":` + c.problem + `}],"usage":{"prompt_tokens":5,"completion_tokens":3}}`
		var r record.Result
		e, ok := errors.AsType[*wire.Error](new(wire.Judge).ParseAnswer([]byte(body), &r))
		if !ok || e.Class != c.class || e.Message != c.message || e.Passing() != c.passing || r.Output != "" || r.Partial != "@@Ana Sou" || r.Usage.Completion != 3 {
			t.Errorf("%s: got %+v, result %+v", c.problem, e, r)
		}
	}
}

func TestUnusualFinishReasonIsReportedOnce(t *testing.T) {
	var told []string
	j := &wire.Judge{Remark: func(r wire.Remark) { told = append(told, r.Name) }}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for _, reason := range []string{"abort", "ABORT", "length", "content_filter", "stop", "odd\x1b[2J", "max_tokens"} {
				line := record.AppendResult(nil, &record.Result{ID: "a/0/0123456789ab", Output: "x", FinishReason: reason})
				if _, err := j.ParseResult(line); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	slices.Sort(told)
	if got, want := strings.Join(told, ", "), "abort, max_tokens, odd"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
