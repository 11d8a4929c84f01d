package wire

import (
	"fmt"
	"slices"
	"strings"

	"nertools/pkg/record"
	"nertools/pkg/safetext"
)

// completeReasons are the finish reasons of complete answers, in lower case.
var completeReasons = []string{"", "null", "stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete", "completed"}

// reasonWords maps words in a finish reason to its meaning; the first matching line
// decides. Services have dozens of reasons but use few words.
var reasonWords = []struct {
	class record.Class
	words []string
	what  string // what happened
}{
	{record.Filtered, []string{"filter", "safety", "sensitive", "recitation", "blocklist", "blocked", "prohibited", "spii", "policy", "moderation", "guardrail", "toxic", "censor"},
		"stopped by the content filter"},
	{record.Length, []string{"length", "max_token", "max_output", "max_new", "token_limit", "context_window", "error_limit", "truncat"},
		"the answer was cut off at the token limit"},
	{record.Refused, []string{"refus"}, "the model declined to answer"},
	{record.Incomplete, []string{"tool", "function"}, "the model called a tool instead of answering"},
	{record.Server, []string{"error", "insufficient", "abort", "cancel", "timeout", "time_limit", "overload", "unavailable", "interrupt"},
		"the service stopped in the middle of the answer"},
}

// completeReason reports whether answers with this finish reason are complete.
func completeReason(reason string) bool {
	return slices.Contains(completeReasons, strings.ToLower(strings.TrimSpace(reason)))
}

// reasonFailure returns the failure for the finish reason of an incomplete answer.
func reasonFailure(reason string) *record.Failure {
	f := &record.Failure{Class: record.Incomplete, Status: 200}
	name := strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(reason))
	for _, m := range reasonWords {
		if slices.ContainsFunc(m.words, func(word string) bool { return strings.Contains(name, word) }) {
			f.Class, f.Message = m.class, m.what
			break
		}
	}
	switch {
	case f.Message == "":
		f.Message = fmt.Sprintf("the answer ended with the unknown finish reason %q", safetext.Code(reason))
	case !documentedReason(reason):
		f.Message += fmt.Sprintf(" (finish reason %q)", safetext.Code(reason))
	}
	return f
}

// documentedReason reports whether OpenAI's API documents the reason for incomplete
// answers: the class of the failure says all about it.
func documentedReason(reason string) bool { return reason == "length" || reason == "content_filter" }
