package wire

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/tidwall/gjson"

	"nertools/pkg/record"
)

// IsBatchLine reports whether line looks like a request or response line of the Batch API
// rather than a record: it has a custom_id and no kind.
func IsBatchLine(line []byte) bool {
	if bytes.HasPrefix(line, []byte(`{"kind":`)) || !bytes.Contains(line, []byte(`"custom_id"`)) {
		return false // at a glance, which costs nothing where all lines are records
	}
	found := gjson.GetManyBytes(line, "custom_id", "kind")
	return found[0].Exists() && !found[1].Exists()
}

// ParseBatchLine parses a line of a batch's output or error file:
// {"custom_id","response":{"status_code","body"}|null,"error":{"code","message"}|null}.
// It does not matter which of the two files the line is from: the status decides, then
// the error. The row is taken from the custom_id, see [record.ParseID].
func (j *Judge) ParseBatchLine(line []byte) (record.Result, error) {
	var r record.Result
	if !record.ValidJSON(line) || !gjson.ParseBytes(line).IsObject() {
		return r, errors.New("not a JSON object")
	}
	obj := gjson.Parse(string(line))
	r.ID = obj.Get("custom_id").String()
	_, r.Index, _, _ = record.ParseID(r.ID)
	response, failure := obj.Get("response"), obj.Get("error")
	status := int(response.Get("status_code").Int())
	body := response.Get("body")
	switch {
	case r.ID == "":
		return r, errors.New(`no "custom_id" in it`)
	case r.Index < 0:
		return r, fmt.Errorf("custom_id %q does not end in a row number", r.ID)
	case !response.Exists() && !failure.Exists():
		return r, record.OtherKind(`neither "response" nor "error" in it: a request, not an answer`)
	case status/100 == 2:
		if err := j.ParseAnswer([]byte(body.Raw), &r); err != nil {
			r.Failure = Failed(err)
		}
	case status != 0 && body.IsObject():
		r.Failure = Failed(ParseError(status, []byte(body.Raw)))
	default:
		r.Failure = batchFailure(status, failure)
	}
	return r, nil
}

// batchFailure returns why a row has no answer of its own.
func batchFailure(status int, v gjson.Result) *record.Failure {
	e := &Error{Failure: record.Failure{Status: status}}
	var said saying
	said.read(v, 1)
	e.settle(&said)
	switch {
	case e.Code == "batch_expired":
		e.Class = record.Expired
	case e.Code == "batch_cancelled":
		e.Class = record.Cancelled
	case status == 0 && e.Class == record.Invalid:
		e.Class = record.Server // the model never saw the request
	}
	if e.Message == "" {
		// Services have been seen to count such rows, with status 0, as completed.
		e.Message = "the batch contains neither an answer nor a reason"
	}
	return &e.Failure
}
