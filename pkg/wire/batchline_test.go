package wire_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/record"
	"nertools/pkg/wire"
)

const customID = "test/7/0123456789ab"

func batchLine(response, failure string) string {
	return `{"id":"batch_req_1","custom_id":"` + customID + `","response":` + response + `,"error":` + failure + `}`
}

func TestBatchLineBecomesAResult(t *testing.T) {
	completion := chat(`{"content":"@@Ada##"}`, `"stop"`)
	usage := record.Usage{Prompt: 20, Completion: 5, Cached: 16, Reasoning: 2}
	const model = "gpt-4o-mini-2024-07-18"
	failed := func(class record.Class, status int, code, message string) record.Result {
		return record.Result{ID: customID, Index: 7, Failure: &record.Failure{Class: class, Status: status, Code: code, Message: message}}
	}
	for _, c := range []struct {
		name, line string
		want       record.Result
	}{
		{"answered", batchLine(`{"status_code":200,"request_id":"r","body":`+completion+`}`, `null`),
			record.Result{ID: customID, Index: 7, Output: "@@Ada##", Model: model, FinishReason: "stop", Usage: usage}},
		{"answered, in spite of an error", batchLine(`{"status_code":200,"body":`+completion+`}`, `{"code":"x"}`),
			record.Result{ID: customID, Index: 7, Output: "@@Ada##", Model: model, FinishReason: "stop", Usage: usage}},
		{"cut off", batchLine(`{"status_code":200,"body":`+chat(`{"content":"@@A"}`, `"length"`)+`}`, `null`),
			record.Result{ID: customID, Index: 7, Partial: "@@A", Model: model, FinishReason: "length", Usage: usage,
				Failure: &record.Failure{Class: record.Length, Status: 200, Message: "the answer was cut off at the token limit"}}},
		{"200 without a body", batchLine(`{"status_code":200}`, `null`), failed(record.Malformed, 200, "", "the answer is empty")},
		{"200 with null", batchLine(`{"status_code":200,"body":null}`, `null`), failed(record.Malformed, 200, "", "the answer is empty")},
		{"4xx with error null", batchLine(`{"status_code":400,"request_id":"r","body":`+apiError("invalid_request_error", "unsupported_value", "temperature", "no")+`}`, `null`),
			failed(record.Invalid, 400, "unsupported_value", "no")},
		{"4xx, too long", batchLine(`{"status_code":400,"body":`+apiError("", "context_length_exceeded", "", "long")+`}`, `null`),
			failed(record.ContextLength, 400, "context_length_exceeded", "long")},
		{"429 with an error beside it", batchLine(`{"status_code":429,"body":`+apiError("", "rate_limit_exceeded", "", "slow")+`}`, `{"code":"x","message":"y"}`),
			failed(record.RateLimit, 429, "rate_limit_exceeded", "slow")},
		{"4xx told by the error alone", batchLine(`{"status_code":400,"body":null}`, `{"code":"context_length_exceeded","message":"long"}`),
			failed(record.ContextLength, 400, "context_length_exceeded", "long")},
		{"5xx without a word", batchLine(`{"status_code":500,"body":null}`, `null`), failed(record.Server, 500, "", "the batch contains neither an answer nor a reason")},
		{"expired", batchLine(`null`, `{"code":"batch_expired","message":"This request could not be executed before the completion window expired."}`),
			failed(record.Expired, 0, "batch_expired", "This request could not be executed before the completion window expired.")},
		{"cancelled", batchLine(`null`, `{"code":"batch_cancelled","message":"gone"}`), failed(record.Cancelled, 0, "batch_cancelled", "gone")},
		{"expired with status 0", batchLine(`{"status_code":0,"request_id":"","body":null}`, `{"code":"batch_expired","message":"gone"}`), failed(record.Expired, 0, "batch_expired", "gone")},
		{"an error of another kind", batchLine(`null`, `{"code":"internal","message":"boom"}`), failed(record.Server, 0, "internal", "boom")},
		{"an error as a string", batchLine(`null`, `"boom"`), failed(record.Server, 0, "", "boom")},
		{"status 0", batchLine(`{"status_code":0,"request_id":"","body":""}`, `null`), failed(record.Server, 0, "", "the batch contains neither an answer nor a reason")},
		{"nothing at all", batchLine(`null`, `null`), failed(record.Server, 0, "", "the batch contains neither an answer nor a reason")},
		{"a key in the message", batchLine(`null`, `{"code":"x","message":"bad\nkey sk-proj-12345678"}`), failed(record.Server, 0, "x", "bad key sk-…")},
	} {
		got, err := new(wire.Judge).ParseBatchLine([]byte(c.line))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestBatchLineOfAnotherToolKeepsItsRowNumber(t *testing.T) {
	for id, index := range map[string]int{"request-17": 17, "0": 0, "row_0042": 42, "test/9/0123456789ab": 9} {
		got, err := new(wire.Judge).ParseBatchLine([]byte(strings.Replace(batchLine("null", `{"code":"x"}`), customID, id, 1)))
		if err != nil || got.Index != index || got.ID != id {
			t.Errorf("%s: got %+v, %v", id, got, err)
		}
	}
}

func TestBatchLineThatIsNoneIsRefusedWithItsReason(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{``, "not a JSON object"},
		{`[]`, "not a JSON object"},
		{batchLine(`{"status_code":200`, `null`), "not a JSON object"},
		{`{"response":null,"error":{}}`, `no "custom_id"`},
		{`{"custom_id":null,"response":null,"error":{}}`, `no "custom_id"`},
		{`{"custom_id":"no-number","response":null,"error":{}}`, "does not end in a row number"},
		{`{"custom_id":"a-99999999999","response":null,"error":{}}`, "does not end in a row number"},
		{`{"custom_id":"a-1","method":"POST","url":"/v1/chat/completions","body":{}}`, "a request, not an answer"},
	} {
		if _, err := new(wire.Judge).ParseBatchLine([]byte(c.line)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.line, err, c.want)
		}
	}
}

func TestBatchLinesAreToldFromRecords(t *testing.T) {
	for line, want := range map[string]bool{
		batchLine("null", "null"): true,
		`{"custom_id":"a-1","method":"POST","url":"/v1/chat/completions","body":{}}`: true,
		`{"custom_id":"a-1"`:                               true, // cut off: the one who reads it as such will say so
		string(promptLine(`{"custom_id":"a-1"}`)):          false,
		`{"kind":"result","v":1,"id":"a","custom_id":"b"}`: false,
		`{"kind":"prompt","v":1,"mine":{"custom_id":"b"}}`: false,
		`{"mine":{"custom_id":"b"}}`:                       false,
		`[{"custom_id":"b"}]`:                              false,
		``:                                                 false,
		`"custom_id"`:                                      false,
	} {
		if got := wire.IsBatchLine([]byte(line)); got != want {
			t.Errorf("%s: got %v", line, got)
		}
	}
}

func FuzzParseBatchLine(f *testing.F) {
	f.Add([]byte(batchLine(`{"status_code":200,"body":`+chat(`{"content":"a"}`, `"stop"`)+`}`, `null`)))
	f.Add([]byte(batchLine(`{"status_code":400,"body":`+apiError("", "c", "", "m")+`}`, `null`)))
	f.Add([]byte(batchLine(`null`, `{"code":"batch_expired"}`)))
	f.Add([]byte(`{"custom_id":"a-1","kind":1}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		wire.IsBatchLine(line)
		r, err := new(wire.Judge).ParseBatchLine(line)
		if err != nil {
			return
		}
		if r.ID == "" || r.Index < 0 || r.Failure == nil && strings.TrimSpace(r.Output) == "" || r.Failure != nil && (r.Failure.Class == "" || r.Failure.Message == "") {
			t.Errorf("%q became %+v", line, r)
		}
		written := record.AppendResult(nil, &r)
		if _, err := record.ParseResult(written[:len(written)-1]); err != nil {
			t.Errorf("%q became %s: %v", line, written, err)
		}
	})
}
