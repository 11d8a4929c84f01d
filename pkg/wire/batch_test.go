package wire_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/record"
	"nertools/pkg/wire"
)

func parseBatch(t *testing.T, body string) wire.Batch {
	t.Helper()
	b, err := wire.ParseBatch([]byte(body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return b
}

func TestAStatusEndsAWaitInAnySpelling(t *testing.T) {
	for _, c := range []struct {
		want  string
		final bool
		known bool
		said  []string
	}{
		{wire.BatchCompleted, true, true, []string{"completed", "COMPLETED", "Completed", " completed ", "complete", "done", "DONE", "succeeded", "Succeeded", "success", "finished", "JOB_STATE_SUCCEEDED"}},
		{wire.BatchFailed, true, true, []string{"failed", "FAILED", "Failed", "error", "ERROR", "errored", "validation_failed", "JOB_STATE_FAILED"}},
		{wire.BatchExpired, true, true, []string{"expired", "EXPIRED", "Expired", "timed_out", "TIMEOUT_EXCEEDED", "timed-out"}},
		{wire.BatchCancelled, true, true, []string{"cancelled", "canceled", "CANCELLED", "CANCELED", "Canceled"}},
		{"validating", false, true, []string{"validating", "VALIDATING"}},
		{"in_progress", false, true, []string{"in_progress", "IN_PROGRESS", "in progress", "In-Progress", "PROGRESS", "running", "processing"}},
		{"finalizing", false, true, []string{"finalizing", "FINALIZING"}},
		{"cancelling", false, true, []string{"cancelling", "canceling", "CANCELLING", "CANCELLATION_REQUESTED"}},
		{"queued", false, true, []string{"queued", "QUEUED"}},
		{"polishing", false, false, []string{"polishing", "Polishing"}},
		{"not_completed", false, false, []string{"not completed"}},
	} {
		for _, said := range c.said {
			b := parseBatch(t, fmt.Sprintf(`{"id":"b","status":%q}`, said))
			if b.Status != c.want || b.Final() != c.final || b.StatusKnown() != c.known {
				t.Errorf("%q became %q, final %v, known %v", said, b.Status, b.Final(), b.StatusKnown())
			}
		}
	}
}

func TestWhatWentWrongIsReadInEveryForm(t *testing.T) {
	const long = "input file has 3 invalid lines"
	for _, c := range []struct {
		members string
		want    []record.Problem
	}{
		{`"errors":null`, nil},
		{`"errors":""`, nil},
		{`"errors":[]`, nil},
		{`"errors":{}`, nil},
		{`"errors":{"object":"list","data":[]}`, nil},
		{`"errors":{"object":"list","data":null}`, nil},
		{`"errors":"` + long + `"`, []record.Problem{{Message: long}}},
		{`"errors":["one","two"]`, []record.Problem{{Message: "one"}, {Message: "two"}}},
		{`"errors":[{"code":"invalid_url","line":4,"message":"no such endpoint","param":"url"}]`, []record.Problem{{Code: "invalid_url", Line: 4, Message: "no such endpoint", Param: "url"}}},
		{`"errors":{"object":"list","data":[{"code":"c","line":null,"message":"m","param":null}]}`, []record.Problem{{Code: "c", Message: "m"}}},
		{`"errors":{"data":"` + long + `"}`, []record.Problem{{Message: long}}},
		{`"errors":{"message":"` + long + `","code":"c"}`, []record.Problem{{Code: "c", Message: long}}},
		{`"errors":{"error":{"message":"inner","code":17}}`, []record.Problem{{Code: "17", Message: "inner"}}},
		{`"errors":{"detail":"inner"}`, []record.Problem{{Message: "inner"}}},
		{`"errors":{"code":"empty_file"}`, []record.Problem{{Code: "empty_file"}}},
		{`"errors":{"odd":"form"}`, []record.Problem{{Message: `{"odd":"form"}`}}},
		{`"errors":"bad JSON in line 12, column 5"`, []record.Problem{{Line: 12, Message: "bad JSON in line 12, column 5"}}},
		{`"errors":"line 1 and line 2"`, []record.Problem{{Message: "line 1 and line 2"}}},
		{`"errors":"Line #3: bad","error":"other"`, []record.Problem{{Line: 3, Message: "Line #3: bad"}}},
		{`"error":{"message":"quota"}`, []record.Problem{{Message: "quota"}}},
		{`"errors":null,"failure_reason":"too old"`, []record.Problem{{Message: "too old"}}},
		{`"errors":"two\nlines and a key sk-proj-12345678"`, []record.Problem{{Message: "two lines and a key sk-…"}}},
	} {
		b := parseBatch(t, `{"id":"b","status":"failed",`+c.members+`}`)
		if d := cmp.Diff(c.want, b.Problems); d != "" {
			t.Errorf("%s: %s", c.members, d)
		}
	}
	if b := parseBatch(t, `{"id":"b","status":"completed","error":"","message":"have a nice day"}`); len(b.Problems) > 0 {
		t.Errorf("a completed batch has the problems %+v", b.Problems)
	}
	if b := parseBatch(t, `{"id":"b","status":"expired","errors":"out of time"}`); len(b.Problems) != 1 {
		t.Errorf("an expired batch has the problems %+v", b.Problems)
	}
}

func TestDatesAreReadAsNumbersAndAsText(t *testing.T) {
	want := time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)
	for _, said := range []string{`1767607200`, `"1767607200"`, `1767607200000`, `1767607200.0`, `"2026-01-05T10:00:00Z"`, `"2026-01-05T11:00:00+01:00"`,
		`"2026-01-05T10:00:00.000000"`, `"2026-01-05 10:00:00"`, `"Mon, 05 Jan 2026 10:00:00 GMT"`} {
		b := parseBatch(t, `{"id":"b","status":"COMPLETED","created_at":`+said+`,"expires_at":`+said+`,"completed_at":`+said+`}`)
		if !b.Created.Equal(want) || !b.Expires.Equal(want) || !b.Ended.Equal(want) {
			t.Errorf("%s became %v, %v and %v", said, b.Created, b.Expires, b.Ended)
		}
	}
	for _, said := range []string{`null`, `""`, `0`, `-5`, `"soon"`, `1e300`, `{}`} {
		if b := parseBatch(t, `{"id":"b","status":"failed","created_at":`+said+`}`); !b.Created.IsZero() {
			t.Errorf("%s became %v", said, b.Created)
		}
	}
}

func TestABatchIsFoundInAWrapperAndItsCountsWhereTheyStand(t *testing.T) {
	for _, body := range []string{
		`{"id":"b","status":"IN_PROGRESS","request_counts":{"total":7,"completed":3,"failed":1}}`,
		`{"job":{"id":"b","status":"IN_PROGRESS","request_counts":{"total":7,"completed":3,"failed":1}}}`,
		`{"id":"b","status":"PROGRESS","request_counts":{"total":0,"completed":0,"failed":0},"total":7,"completed":3,"failed":1}`,
		`{"id":"b","status":"running","total":"7","completed":"3","failed":"1"}`,
	} {
		b := parseBatch(t, body)
		if b.ID != "b" || b.Status != "in_progress" || b.Total != 7 || b.Completed != 3 || b.Failed != 1 {
			t.Errorf("%s became %+v", body, b)
		}
	}
	if _, err := wire.ParseBatch([]byte(`{"job":{"status":"failed"}}`)); err == nil {
		t.Error("a batch without an id passes")
	}
}
