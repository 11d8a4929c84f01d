package wire

import (
	"regexp"
	"strings"
)

var snapshot = regexp.MustCompile(`-20\d\d-\d\d-\d\d$`)

// Undated returns the name of a model without the date of a snapshot.
func Undated(name string) string { return snapshot.ReplaceAllString(name, "") }

// BaseModel returns the undated name of the model behind a name: without what a router
// puts before it ("openai/gpt-5"), and without the "ft:" and the suffix of a fine-tuned
// one.
func BaseModel(name string) string {
	base := strings.TrimPrefix(name[strings.LastIndexByte(name, '/')+1:], "ft:")
	base, _, _ = strings.Cut(base, ":")
	return Undated(base)
}

// family is what requests to a model may hold.
type family struct {
	legacy           bool // text completions, no chat
	completionTokens bool // max_completion_tokens instead of max_tokens
	sampling         bool // temperature and top_p can be set
}

// familyOf knows OpenAI's models by their names. Any other model, one on a
// compatible server for example, is taken for a plain chat model; what it
// refuses all the same is found out by asking, see [Amendments].
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

// gpt5Samples: gpt-5.4 and later take a temperature, those before do not.
func gpt5Samples(name string) bool {
	minor, ok := strings.CutPrefix(name, "gpt-5.")
	if !ok {
		return false
	}
	minor, _, _ = strings.Cut(minor, "-")
	return len(minor) > 1 || minor >= "4"
}
