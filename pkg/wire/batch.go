package wire

import (
	"errors"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"nertools/pkg/record"
)

// The limits of a batch's input file. OpenAI's guide says 200 MB; the error message of
// the service names this number.
const (
	MaxBatchRequests = 50_000
	MaxBatchBytes    = 209_715_200
)

// AppendRequestLine appends q as a line of a batch's input file, including the newline.
// The body is the same as in a run.
func AppendRequestLine(dst []byte, q *Request) []byte {
	dst = append(dst, `{"custom_id":`...)
	dst = record.AppendString(dst, q.Row.ID)
	dst = append(dst, `,"method":"POST","url":"/v1/`...)
	dst = append(dst, q.Path...)
	dst = append(dst, `","body":`...)
	dst = append(dst, q.Body...)
	return append(dst, '}', '\n')
}

// A Batch is a batch as the service describes it.
type Batch struct {
	ID         string
	Status     string // OpenAI's name for the status, if it has one
	Endpoint   string // "/v1/chat/completions"
	Model      string // "" if the service does not say
	InputFile  string
	OutputFile string // "" until there is one, or if no row succeeded
	ErrorFile  string // "" until there is one, or if no row failed
	Total      int
	Completed  int
	Failed     int // without expired and cancelled rows
	Created    time.Time
	Expires    time.Time
	Ended      time.Time        // zero until it has ended
	Problems   []record.Problem // the errors that the service reports
	Metadata   map[string]string
}

// The statuses of a batch that has ended. With any other status, known or unknown, the
// batch is still running.
const (
	BatchCompleted = "completed"
	BatchFailed    = "failed"
	BatchExpired   = "expired"
	BatchCancelled = "cancelled"
)

// Final reports whether the batch has ended.
func (b *Batch) Final() bool {
	switch b.Status {
	case BatchCompleted, BatchFailed, BatchExpired, BatchCancelled:
		return true
	}
	return false
}

// Settled reports whether the batch has ended and lists all files that its counts imply:
// a batch may be "completed" a moment before its files are listed.
func (b *Batch) Settled() bool {
	if !b.Final() {
		return false
	}
	return b.Status == BatchFailed || b.OutputFile != "" || b.ErrorFile != "" || b.Total == 0 ||
		b.Status == BatchCancelled && b.Completed+b.Failed == 0
}

// QueueFull reports whether the batch failed only because too many tokens are queued for
// its model. Submitted again later, it may run.
func (b *Batch) QueueFull() bool {
	for _, p := range b.Problems {
		if p.Code != "token_limit_exceeded" {
			return false
		}
	}
	return b.Status == BatchFailed && len(b.Problems) > 0
}

// ParseBatch parses a batch object, which some services wrap in another object. It
// accepts other services' notations for statuses, dates, counts and errors.
func ParseBatch(body []byte) (Batch, error) {
	if !record.ValidJSON(body) {
		return Batch{}, errors.New("the answer is cut off or is not JSON")
	}
	v := gjson.ParseBytes(body)
	for _, wrapper := range []string{"job", "batch", "data"} {
		if inner := v.Get(wrapper); !v.Get("id").Exists() && inner.Get("id").Exists() {
			v = inner
		}
	}
	return parseBatch(v)
}

func parseBatch(v gjson.Result) (Batch, error) {
	count := func(name string) int {
		return max(int(v.Get("request_counts."+name).Int()), int(v.Get(name).Int()), 0)
	}
	b := Batch{
		ID: v.Get("id").String(), Status: batchStatus(v.Get("status").String()), Endpoint: v.Get("endpoint").String(), Model: v.Get("model").String(),
		InputFile: v.Get("input_file_id").String(), OutputFile: v.Get("output_file_id").String(), ErrorFile: v.Get("error_file_id").String(),
		Total: count("total"), Completed: count("completed"), Failed: count("failed"),
		Created: batchTime(v.Get("created_at")), Expires: batchTime(v.Get("expires_at")),
	}
	if b.ID == "" || b.Status == "" {
		return Batch{}, errors.New(`no "id" or no "status" in the batch`)
	}
	if b.Final() {
		b.Ended = batchTime(v.Get(b.Status + "_at"))
	}
	b.Problems = batchProblems(v, b.Status)
	v.Get("metadata").ForEach(func(k, m gjson.Result) bool {
		if b.Metadata == nil {
			b.Metadata = map[string]string{}
		}
		b.Metadata[k.Str] = m.String()
		return true
	})
	return b, nil
}

// ParseBatches parses a page of the list of batches, newest first. after is the cursor
// for the next page, or "" if this is the last.
func ParseBatches(body []byte) (page []Batch, after string, err error) {
	if !record.ValidJSON(body) {
		return nil, "", errors.New("the answer is cut off or is not JSON")
	}
	v := gjson.ParseBytes(body)
	v.Get("data").ForEach(func(_, item gjson.Result) bool {
		var b Batch
		if b, err = parseBatch(item); err == nil {
			page = append(page, b)
		}
		return err == nil
	})
	if err == nil && v.Get("has_more").Bool() && len(page) > 0 {
		after = page[len(page)-1].ID
	}
	return page, after, err
}

// BatchName returns the endpoint for a request path as batches name it: "/v1/…".
func BatchName(path string) string { return "/v1/" + strings.TrimPrefix(path, "/") }

// ModelOf returns the model named in a request body, or "".
func ModelOf(body []byte) string { return gjson.GetBytes(body, "model").String() }

// CustomID returns the custom_id of a line of a batch, or "".
func CustomID(line []byte) string { return gjson.GetBytes(line, "custom_id").String() }
