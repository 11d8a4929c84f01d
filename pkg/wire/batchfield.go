package wire

import (
	"cmp"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"nertools/pkg/record"
	"nertools/pkg/safetext"
)

// otherStatuses maps other services' statuses to OpenAI's.
var otherStatuses = map[string]string{
	"complete": BatchCompleted, "done": BatchCompleted, "succeeded": BatchCompleted, "success": BatchCompleted,
	"successful": BatchCompleted, "finished": BatchCompleted, "ended": BatchCompleted,
	"partially_completed": BatchCompleted, "partially_succeeded": BatchCompleted, "completed_with_errors": BatchCompleted,
	"fail": BatchFailed, "failure": BatchFailed, "error": BatchFailed, "errored": BatchFailed,
	"invalid": BatchFailed, "validation_failed": BatchFailed, "rejected": BatchFailed,
	"expire": BatchExpired, "timeout": BatchExpired, "timed_out": BatchExpired, "timeout_exceeded": BatchExpired,
	"canceled": BatchCancelled, "cancel": BatchCancelled, "aborted": BatchCancelled, "stopped": BatchCancelled,
	"canceling": batchCancelling, "cancellation_requested": batchCancelling,
	"progress": batchInProgress, "running": batchInProgress, "processing": batchInProgress,
}

// OpenAI's statuses of a running batch.
const (
	batchValidating = "validating"
	batchInProgress = "in_progress"
	batchFinalizing = "finalizing"
	batchCancelling = "cancelling"
)

// StatusKnown reports whether the status is one of OpenAI's, or a common name for a
// queued batch.
func (b *Batch) StatusKnown() bool {
	switch b.Status {
	case batchValidating, batchInProgress, batchFinalizing, batchCancelling, "queued", "pending", "created", "submitted", "scheduled":
		return true
	}
	return b.Final()
}

// batchStatus returns OpenAI's name for a status, or the status itself in lower case if
// OpenAI has no such status.
func batchStatus(status string) string {
	s := strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(strings.TrimSpace(status)))
	s = strings.TrimPrefix(strings.TrimPrefix(s, "job_state_"), "batch_state_")
	return cmp.Or(otherStatuses[s], s)
}

// batchTime parses a time: seconds or milliseconds since 1970, as a number or a string,
// or a date in a common notation.
func batchTime(v gjson.Result) time.Time {
	text := strings.TrimSpace(v.String())
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		const year5138 = 1e11 // in seconds; in milliseconds it is 1973
		if n > year5138 {
			n /= 1000
		}
		if n <= 0 || n > year5138 {
			return time.Time{}
		}
		seconds, fraction := math.Modf(n)
		return time.Unix(int64(seconds), int64(fraction*1e9))
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05", time.RFC1123, time.RFC1123Z} {
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	return time.Time{}
}

// maxProblems is how many of a batch's problems are kept.
const maxProblems = 1000

// batchProblems returns why a batch failed. "errors" is an object with a list as "data",
// a list, one object or a string. If a batch failed without it, other members may say
// why.
func batchProblems(v gjson.Result, status string) []record.Problem {
	list := appendProblems(nil, v.Get("errors"), 0)
	if status != BatchFailed {
		return list
	}
	for _, name := range []string{"error", "last_error", "failure_reason", "failed_reason", "error_message", "status_message", "message"} {
		if len(list) > 0 {
			break
		}
		list = appendProblems(list, v.Get(name), 0)
	}
	return list
}

func appendProblems(list []record.Problem, v gjson.Result, depth int) []record.Problem {
	const deepest = 4
	switch {
	case len(list) >= maxProblems || depth > deepest || !v.Exists() || v.Type == gjson.Null:
		return list
	case v.IsArray():
		v.ForEach(func(_, item gjson.Result) bool {
			list = appendProblems(list, item, depth+1)
			return len(list) < maxProblems
		})
		return list
	case !v.IsObject():
		return appendProblem(list, record.Problem{Message: v.String()})
	}
	for _, name := range []string{"data", "errors"} {
		if inner := v.Get(name); inner.Exists() && inner.Type != gjson.Null {
			return appendProblems(list, inner, depth+1)
		}
	}
	p := record.Problem{Code: safetext.Code(v.Get("code").String()), Param: safetext.Code(v.Get("param").String()), Line: int(v.Get("line").Int())}
	for _, name := range []string{"message", "detail", "error", "msg", "reason", "description"} {
		switch inner := v.Get(name); {
		case inner.IsObject():
			return appendProblems(list, inner, depth+1)
		case inner.Type == gjson.String:
			p.Message = cmp.Or(p.Message, inner.Str)
		}
	}
	if p.Message == "" && p.Code == "" && v.Get("object").String() != "list" {
		p.Message = v.Raw
	}
	return appendProblem(list, p)
}

// lineInMessage matches the line number in a message.
var lineInMessage = regexp.MustCompile(`(?i)\bline (?:number |no\. ?|#)?(\d{1,9})\b`)

func appendProblem(list []record.Problem, p record.Problem) []record.Problem {
	p.Message = safetext.Message(p.Message)
	if p.Message == "" && p.Code == "" || p.Message == "{}" {
		return list
	}
	if found := lineInMessage.FindAllStringSubmatch(p.Message, 2); p.Line <= 0 && len(found) == 1 {
		p.Line, _ = strconv.Atoi(found[0][1])
	}
	p.Line = max(p.Line, 0)
	return append(list, p)
}
