package wire

import (
	"errors"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"nertools/pkg/record"
)

// The bounds of a batch's input file. The service's guide says 200 MB; an error
// of it names the number.
const (
	MaxBatchRequests = 50_000
	MaxBatchBytes    = 209_715_200
)

// AppendRequestLine appends the line that asks q in a batch's input file, its
// newline included. The body is the one that a run sends.
func AppendRequestLine(dst []byte, q *Request) []byte {
	dst = append(dst, `{"custom_id":`...)
	dst = record.AppendString(dst, q.Row.ID)
	dst = append(dst, `,"method":"POST","url":"/v1/`...)
	dst = append(dst, q.Path...)
	dst = append(dst, `","body":`...)
	dst = append(dst, q.Body...)
	return append(dst, '}', '\n')
}

// A Batch is a batch as the service shows it.
type Batch struct {
	ID         string
	Status     string
	Endpoint   string // "/v1/chat/completions"
	Model      string // "" where the service does not say
	InputFile  string
	OutputFile string // "" until there is one, or if no row succeeded
	ErrorFile  string // "" until there is one, or if no row failed
	Total      int
	Completed  int
	Failed     int // leaves out expired and cancelled rows
	Created    time.Time
	Expires    time.Time
	Ended      time.Time // zero while it has not ended
	Problems   []Problem // why it failed
	Metadata   map[string]string
}

// A Problem is a reason why a batch failed its validation.
type Problem struct {
	Code    string
	Line    int // of the input file, from 1; 0 if no single line is at fault
	Message string
	Param   string
}

// The statuses that a batch ends in. The others, those included that this
// version does not know, mean that it goes on.
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

// Settled reports whether the batch has ended and shows all the files that its
// counts speak of: a batch may be seen completed a moment before it does.
func (b *Batch) Settled() bool {
	if !b.Final() {
		return false
	}
	return b.Status == BatchFailed || b.OutputFile != "" || b.ErrorFile != "" || b.Total == 0 ||
		b.Status == BatchCancelled && b.Completed+b.Failed == 0
}

// QueueFull reports whether the batch failed only because too many tokens wait
// for its model: submitted again later it may run.
func (b *Batch) QueueFull() bool {
	for _, p := range b.Problems {
		if p.Code != "token_limit_exceeded" {
			return false
		}
	}
	return b.Status == BatchFailed && len(b.Problems) > 0
}

// ParseBatch reads a batch object.
func ParseBatch(body []byte) (Batch, error) {
	if !record.ValidJSON(body) {
		return Batch{}, errors.New("the answer is cut off or is not JSON")
	}
	return parseBatch(gjson.ParseBytes(body))
}

func parseBatch(v gjson.Result) (Batch, error) {
	b := Batch{
		ID: v.Get("id").String(), Status: v.Get("status").String(), Endpoint: v.Get("endpoint").String(), Model: v.Get("model").String(),
		InputFile: v.Get("input_file_id").String(), OutputFile: v.Get("output_file_id").String(), ErrorFile: v.Get("error_file_id").String(),
		Total:     int(v.Get("request_counts.total").Int()),
		Completed: int(v.Get("request_counts.completed").Int()),
		Failed:    int(v.Get("request_counts.failed").Int()),
		Created:   unix(v.Get("created_at")), Expires: unix(v.Get("expires_at")),
	}
	if b.ID == "" || b.Status == "" {
		return Batch{}, errors.New(`no "id" or no "status" in the batch`)
	}
	if b.Final() {
		b.Ended = unix(v.Get(b.Status + "_at"))
	}
	v.Get("errors.data").ForEach(func(_, p gjson.Result) bool {
		b.Problems = append(b.Problems, Problem{
			Code: p.Get("code").String(), Line: int(p.Get("line").Int()),
			Message: clean(p.Get("message").String()), Param: p.Get("param").String(),
		})
		return true
	})
	v.Get("metadata").ForEach(func(k, m gjson.Result) bool {
		if b.Metadata == nil {
			b.Metadata = map[string]string{}
		}
		b.Metadata[k.Str] = m.String()
		return true
	})
	return b, nil
}

// ParseBatches reads a page of the list of batches, newest first. after is where
// the next page begins, "" if this was the last.
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

func unix(v gjson.Result) time.Time {
	if v.Int() == 0 {
		return time.Time{}
	}
	return time.Unix(v.Int(), 0)
}

// BatchName is the endpoint of a request path as batches name it.
func BatchName(path string) string { return "/v1/" + strings.TrimPrefix(path, "/") }

// ModelOf is the model that a request body names, "" if none.
func ModelOf(body []byte) string { return gjson.GetBytes(body, "model").String() }

// CustomID is the custom_id of a line of the Batch API, "" if it has none.
func CustomID(line []byte) string { return gjson.GetBytes(line, "custom_id").String() }
