package wire

import (
	"regexp"
	"strings"
)

var snapshot = regexp.MustCompile(`-20\d\d-\d\d-\d\d$`)

// Undated returns a model name without the date of its snapshot.
func Undated(name string) string { return snapshot.ReplaceAllString(name, "") }

// BaseModel returns the undated name of the underlying model: without a router's prefix
// ("openai/gpt-5"), and without the "ft:" and the suffix of a fine-tuned model.
func BaseModel(name string) string {
	base := strings.TrimPrefix(name[strings.LastIndexByte(name, '/')+1:], "ft:")
	base, _, _ = strings.Cut(base, ":")
	return Undated(base)
}

// family says what requests to a model may contain.
type family struct {
	legacy           bool // text completions, not chat
	completionTokens bool // max_completion_tokens instead of max_tokens
	sampling         bool // temperature and top_p may be set
}

// familyOf recognises OpenAI's models by name. Any other model, such as one on a
// compatible server, is treated as a plain chat model; what it rejects nevertheless is
// learnt from its errors, see [Amendments].
func familyOf(model string) family {
	switch name := BaseModel(model); {
	case name == "gpt-3.5-turbo-instruct", strings.HasPrefix(name, "gpt-3.5-turbo-instruct-"),
		name == "davinci-002", name == "babbage-002":
		return family{legacy: true, sampling: true}
	case strings.HasPrefix(name, "gpt-5"):
		return family{completionTokens: true, sampling: gpt5Samples(name)}
	case len(name) >= 2 && name[0] == 'o' && name[1] >= '1' && name[1] <= '9':
		return family{completionTokens: true}
	}
	return family{sampling: true}
}

// gpt5Samples reports whether a GPT-5 model accepts a temperature: from gpt-5.4 on they
// do.
func gpt5Samples(name string) bool {
	minor, ok := strings.CutPrefix(name, "gpt-5.")
	if !ok {
		return false
	}
	minor, _, _ = strings.Cut(minor, "-")
	return len(minor) > 1 || minor >= "4"
}
