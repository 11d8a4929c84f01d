package record_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/record"
)

func TestAJobRecordIsReadAsItWasWritten(t *testing.T) {
	for _, want := range []record.Job{
		{Status: "waiting", Key: "0123", File: "b.2.jsonl", Part: 2, Parts: 3, Source: "test", Total: 9, First: 3, Last: 5, Requests: 3},
		{BatchID: "batch_1", Status: "completed", Key: "0123", File: "b.jsonl", Part: 1, Parts: 3, Source: "test", Total: 9, First: 0, Last: 2, Requests: 3},
	} {
		full := want
		full.Created, full.Completed, full.Errors = time.Unix(1, 0), 2, []record.Problem{{Message: "m"}}
		for _, j := range []record.Job{want, full} {
			got, err := record.ParseJob(bytes.TrimSpace(record.AppendJob(nil, &j)))
			if d := cmp.Diff(want, got); err != nil || d != "" {
				t.Errorf("%v: %s", err, d)
			}
		}
	}
	for _, line := range []string{`{"kind":"job","v":1,"batch_id":3}`, `{"kind":"job","v":1,"part":-1}`, `{"kind":"prompt","v":1,"id":"p/0/0"}`, `{}`} {
		if j, err := record.ParseJob([]byte(line)); err == nil {
			t.Errorf("%s: read as %+v", line, j)
		}
	}
}
