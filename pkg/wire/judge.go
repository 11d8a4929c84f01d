package wire

import (
	"net/http"
	"slices"
	"strings"
	"sync"

	"nertools/pkg/reasoning"
	"nertools/pkg/record"
	"nertools/pkg/safetext"
)

// A Judge decides which answers are good, whether they come from the service or from a
// results file. An answer that is cut off, filtered, broken off, refused, empty or
// nothing but reasoning is a failure, and its text goes into Partial. A nil Judge accepts
// only the finish reasons of complete answers. A Judge is safe for concurrent use.
type Judge struct {
	// Accept lists further finish reasons to accept; case is ignored.
	Accept []string

	// Sentence, if not nil, returns the sentence that a result is about, or "" if unknown.
	// It is used for results that do not contain their sentence.
	Sentence func(r *record.Result) string

	// Remark, if not nil, is called the first time that answers fail for a reason that a
	// setting could change.
	Remark func(Remark)

	mu       sync.Mutex
	remarked map[Remark]bool
}

// A Remark says why answers fail.
type Remark struct {
	Kind RemarkKind
	Name string // the finish reason, the member that contains the reasoning, or the tool; may be empty
}

// RemarkKind is the subject of a [Remark].
type RemarkKind uint8

// The kinds of remarks. There is none for "content_filter", nor for "length" unless the
// answer repeats itself: the class of the failure says it all.
const (
	FinishReason  RemarkKind = iota + 1 // answers end for a reason that could be added to Accept
	OnlyReasoning                       // answers consist of reasoning
	ToolCall                            // the model calls a tool
	Repetition                          // answers repeat themselves until they are cut off
)

// ParseResult parses a result record, or a line of a batch's output or error file, and
// judges its answer.
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

// judgeRecord judges the answer in a record again: another program, or an earlier run
// that accepted other finish reasons, may have judged it differently.
func (j *Judge) judgeRecord(r *record.Result) {
	text := r.Output
	if r.Failure != nil {
		if text = r.Partial; !j.reopens(r) {
			return
		}
	}
	r.Output, r.Partial, r.Failure = text, "", nil
	if f := j.unfit(r, text); f != nil {
		r.Output, r.Partial, r.Failure = "", text, f
	}
}

// reopens reports whether the Partial of a failed r may be an answer after all.
func (j *Judge) reopens(r *record.Result) bool {
	switch {
	case strings.TrimSpace(r.Partial) == "", r.Failure.Class == record.Refused:
		return false
	case r.Failure.Class == record.Empty:
		// The whole text counted as reasoning because the sentence, which may contain
		// such tags, was unknown.
		_, rest := reasoning.Split(r.Partial, "")
		return rest == "" && j.sentence(r) != ""
	case completeReason(r.FinishReason):
		return false
	case !j.acceptsPart(r.FinishReason):
		j.reject(r.FinishReason)
		return false
	}
	return true
}

// unfit returns why text is not an answer to r, whose finish reason is set, or nil.
func (j *Judge) unfit(r *record.Result, text string) *record.Failure {
	empty := strings.TrimSpace(text) == ""
	if !completeReason(r.FinishReason) && !j.acceptsPart(r.FinishReason) {
		f := reasonFailure(r.FinishReason)
		if f.Class == record.Incomplete && empty {
			f.Class = record.Empty
		} else {
			j.reject(r.FinishReason)
		}
		if f.Class == record.Length && repeats(text) {
			j.remark(Repetition, "")
		}
		return f
	}
	if empty {
		return emptyFailure("the answer has no text")
	}
	if thought, rest := reasoning.Split(text, j.sentence(r)); thought != "" && rest == "" {
		j.remark(OnlyReasoning, "")
		return emptyFailure("the answer consists only of reasoning")
	}
	return nil
}

func emptyFailure(message string) *record.Failure {
	return &record.Failure{Class: record.Empty, Status: http.StatusOK, Message: message}
}

// Answer returns the model's answer: the output of a good result, without reasoning.
func (j *Judge) Answer(r *record.Result) string {
	_, rest := reasoning.Split(r.Output, j.sentence(r))
	return rest
}

func (j *Judge) sentence(r *record.Result) string {
	if r.Context == "" && j != nil && j.Sentence != nil {
		return j.Sentence(r)
	}
	return r.Context
}

// acceptsPart reports whether incomplete answers with this finish reason are accepted.
func (j *Judge) acceptsPart(reason string) bool {
	return j != nil && slices.ContainsFunc(j.Accept, func(a string) bool { return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(reason)) })
}

func (j *Judge) reject(reason string) {
	if !documentedReason(reason) {
		j.remark(FinishReason, strings.ToLower(reason))
	}
}

func (j *Judge) remark(kind RemarkKind, name string) {
	if j == nil || j.Remark == nil {
		return
	}
	r := Remark{kind, safetext.Code(name)}
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.remarked[r] {
		if j.remarked == nil {
			j.remarked = map[Remark]bool{}
		}
		j.remarked[r] = true
		j.Remark(r)
	}
}

// repeats reports whether text ends in the same up to 200 bytes over and over: at least
// five times, and for at least 64 bytes.
func repeats(text string) bool {
	for unit := 1; unit <= 200; unit++ {
		n := max(5*unit, 64)
		if n > len(text) {
			return false
		}
		if end := text[len(text)-n:]; end[unit:] == end[:n-unit] {
			return true
		}
	}
	return false
}
