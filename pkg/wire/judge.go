package wire

import (
	"net/http"
	"slices"
	"strings"
	"sync"

	"nertools/pkg/record"
	"nertools/pkg/safetext"
)

// A Judge decides which answers count, whether they come from the service or
// from a file of results. An answer that is cut off, filtered, broken off,
// refused or empty is a failure, with its text in Partial. A nil Judge accepts
// the finish reasons of complete answers only. A Judge may be used by several
// goroutines at once.
type Judge struct {
	// Accept lists further finish reasons of answers to accept, in any case.
	Accept []string

	// Rejected, if not nil, is called once for each finish reason that made an
	// answer a failure and that Accept could list, other than the two that the
	// class of the failure tells already, "length" and "content_filter".
	Rejected func(reason string, class record.Class)

	mu   sync.Mutex
	told map[string]bool // reasons that Rejected knows
}

// ParseResult reads a result record, or a line of a batch's output or error
// file, and judges the answer in it.
func (j *Judge) ParseResult(line []byte) (record.Result, error) {
	if IsBatchLine(line) {
		return j.ParseBatchLine(line)
	}
	r, err := record.ParseResult(line)
	if err == nil {
		j.judgeRecord(&r)
	}
	return r, err
}

// judgeRecord judges the answer in a record, which another program, or an
// earlier run with other finish reasons accepted, may have judged differently.
func (j *Judge) judgeRecord(r *record.Result) {
	text := r.Output
	if f := r.Failure; f != nil {
		text = r.Partial
		if completeReason(r.FinishReason) || f.Class == record.Empty || f.Class == record.Refused || strings.TrimSpace(text) == "" {
			return // another finish reason would not make an answer of it
		}
		if !j.acceptsPart(r.FinishReason) {
			j.reject(r.FinishReason, f.Class)
			return
		}
	}
	r.Output, r.Partial, r.Failure = text, "", nil
	if f := j.unfit(r, text); f != nil {
		r.Output, r.Partial, r.Failure = "", text, f
	}
}

// unfit returns why text is not an answer to r, whose finish reason is set, or nil.
func (j *Judge) unfit(r *record.Result, text string) *record.Failure {
	empty := strings.TrimSpace(text) == ""
	if !completeReason(r.FinishReason) && !j.acceptsPart(r.FinishReason) {
		f := reasonFailure(r.FinishReason)
		if f.Class == record.Incomplete && empty {
			f.Class = record.Empty
		} else {
			j.reject(r.FinishReason, f.Class)
		}
		return f
	}
	if empty {
		return &record.Failure{Class: record.Empty, Status: http.StatusOK, Message: "the answer has no text"}
	}
	return nil
}

// acceptsPart reports whether answers that ended for this reason, which is not
// that of a complete one, are to be accepted.
func (j *Judge) acceptsPart(reason string) bool {
	return j != nil && slices.ContainsFunc(j.Accept, func(a string) bool { return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(reason)) })
}

func (j *Judge) reject(reason string, class record.Class) {
	if j == nil || j.Rejected == nil || documentedReason(reason) {
		return
	}
	reason = strings.ToLower(reason)
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.told[reason] {
		if j.told == nil {
			j.told = map[string]bool{}
		}
		j.told[strings.Clone(reason)] = true
		j.Rejected(safetext.Code(reason), class)
	}
}
