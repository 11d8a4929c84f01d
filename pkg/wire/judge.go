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

// A Judge decides which answers count, whether they come from the service or
// from a file of results. An answer that is cut off, filtered, broken off,
// refused, empty or only reasoning is a failure, with its text in Partial. A nil
// Judge accepts the finish reasons of complete answers only. A Judge may be used
// by several goroutines at once.
type Judge struct {
	// Accept lists further finish reasons of answers to accept, in any case.
	Accept []string

	// Sentence, if not nil, returns the sentence of a row of the source, for
	// results that do not tell theirs; "" if it is not known.
	Sentence func(index int) string

	// Remark, if not nil, is called the first time that something about the answers
	// comes up which a setting could change.
	Remark func(Remark)

	mu       sync.Mutex
	remarked map[Remark]bool
}

// A Remark is why answers are failures.
type Remark struct {
	Kind RemarkKind
	Name string // the finish reason, the member that holds the reasoning, or the tool; may be empty
}

// RemarkKind is what a [Remark] is about.
type RemarkKind uint8

// The kinds of remarks. Of finish reasons, "length" and "content_filter" are not
// remarked: the class of the failure says it all.
const (
	FinishReason  RemarkKind = iota + 1 // answers end for a reason that Accept could list
	OnlyReasoning                       // answers consist of reasoning
	ToolCall                            // the model calls a tool
)

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

// reopens reports whether Partial of a failed r may be an answer all the same.
func (j *Judge) reopens(r *record.Result) bool {
	switch {
	case strings.TrimSpace(r.Partial) == "", r.Failure.Class == record.Refused:
		return false
	case r.Failure.Class == record.Empty:
		// It was taken for reasoning where the sentence was not known, which has
		// such tags.
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
		return f
	}
	if empty {
		return emptyFailure("the answer has no text")
	}
	if thought, rest := reasoning.Split(text, j.sentence(r)); thought != "" && rest == "" {
		j.remark(OnlyReasoning, "")
		return emptyFailure("the answer is only reasoning")
	}
	return nil
}

func emptyFailure(message string) *record.Failure {
	return &record.Failure{Class: record.Empty, Status: http.StatusOK, Message: message}
}

// Answer returns what the model answered: the output of a good result without
// the reasoning in it.
func (j *Judge) Answer(r *record.Result) string {
	_, rest := reasoning.Split(r.Output, j.sentence(r))
	return rest
}

func (j *Judge) sentence(r *record.Result) string {
	if r.Context == "" && j != nil && j.Sentence != nil {
		return j.Sentence(r.Index)
	}
	return r.Context
}

// acceptsPart reports whether answers that ended for this reason, which is not
// that of a complete one, are to be accepted.
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
