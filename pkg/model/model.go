// Package model knows what OpenAI's models accept in a request, by their names: dated
// names, fine-tuned models, names with a router's prefix, and names that do not exist
// yet. Any other model is treated as a plain chat model. What a service refuses
// nevertheless has to be learnt from its errors.
package model

import (
	"regexp"
	"strings"
)

var snapshot = regexp.MustCompile(`-20\d\d-\d\d-\d\d$`)

// Undated returns a model name without the date of its snapshot.
func Undated(name string) string { return snapshot.ReplaceAllString(name, "") }

// Base returns the undated name of the underlying model: without a router's prefix
// ("openai/gpt-5"), and without the "ft:" and the suffix of a fine-tuned model.
func Base(name string) string { return Undated(underlying(name)) }

// underlying is Base with the date.
func underlying(name string) string {
	name = strings.TrimPrefix(name[strings.LastIndexByte(name, '/')+1:], "ft:")
	name, _, _ = strings.Cut(name, ":")
	return name
}

// A Family says what requests to its models contain.
type Family struct {
	Completions      bool   // text completions, not chat
	CompletionTokens bool   // max_completion_tokens limits the answer, not max_tokens
	Temperature      bool   // temperature 0 is sent unless the user sets another
	Effort           string // the lowest reasoning_effort known to be accepted; "" sends none
	RefusesStop      bool   // known to refuse stop
	CacheWrites      bool   // writing a prompt to the cache costs extra, unless prompt_cache_options says otherwise
}

// Efforts are the values of reasoning_effort, the lowest first.
var Efforts = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}

// families lists OpenAI's models by their base names; the first match counts.
//
// Looked up on 2026-11-26. Sources: the pages https://developers.openai.com/api/docs/models/NAME
// and the guides "reasoning" and "prompt-caching" there; what was observed in live calls
// is in the issues named below. Two facts are in doubt, and a refusal corrects them:
//   - whether a temperature is accepted with effort none (gpt-5.6-luna refused it in August
//     and accepted it in September 2026, anomalyco/models.dev#6639), so none is sent;
//   - what models accept that are not listed by name: low is the lowest effort that all
//     reasoning models have in common, except the pro models.
var families = []struct {
	name   string // a regular expression for the whole base name
	family Family
}{
	{`gpt-3\.5-turbo-instruct(-.*)?|davinci-002|babbage-002`, Family{Completions: true, Temperature: true}},
	{`gpt-35-.*`, Family{Temperature: true}}, // Azure's spelling of gpt-3.5

	{`o[1-9].*`, Family{CompletionTokens: true, Effort: "low", RefusesStop: true}}, // stop: griptape-ai/griptape#1915
	{`gpt-5-pro`, Family{CompletionTokens: true, Effort: "high"}},
	{`gpt-5(\.[1-5])?-chat(-.*)?`, Family{CompletionTokens: true}}, // accept no effort but their own
	{`gpt-5(\.[1-5])?-codex(-.*)?`, Family{CompletionTokens: true, Effort: "low"}},
	{`gpt-5\.[1-5]-pro`, Family{CompletionTokens: true, Effort: "medium"}},
	{`gpt-5(-.*)?`, Family{CompletionTokens: true, Effort: "minimal", RefusesStop: true}}, // stop: BerriAI/litellm#15244
	{`gpt-5\.[1-5](-.*)?`, Family{CompletionTokens: true, Effort: "none"}},

	{`gpt-.*-chat(-.*)?`, Family{CompletionTokens: true, CacheWrites: true}},
	{`gpt-.*-codex(-.*)?`, Family{CompletionTokens: true, Effort: "low", CacheWrites: true}},
	{`gpt-.*-pro`, Family{CompletionTokens: true, Effort: "medium", CacheWrites: true}},
	{`gpt-5\.6(-.*)?`, Family{CompletionTokens: true, Effort: "none", CacheWrites: true}},
	{`gpt-6-astra(-.*)?`, Family{CompletionTokens: true, Effort: "low", RefusesStop: true, CacheWrites: true}}, // UKGovernmentBEIS/inspect_ai#5254; stop: bolna-ai/bolna#1019
	{`gpt-6-(luna|sol)(-.*)?|gpt-6\.1-terra(-.*)?`, Family{CompletionTokens: true, Effort: "none", CacheWrites: true}},
	{`gpt-.*`, Family{CompletionTokens: true, Effort: "low", CacheWrites: true}}, // gpt-6.1-sol and gpt-6.2-sol refuse none
}

// current matches OpenAI's names from gpt-5 on, and the names of older models that have a
// family of their own. It keeps names such as gpt-4o and gpt-oss-120b out.
var current = regexp.MustCompile(`^(gpt-([5-9]|[1-9]\d)(\.\d+)?(-.*)?|gpt-3\.5-turbo-instruct.*|davinci-002|babbage-002|o[1-9].*)$`)

var patterns = func() (list []*regexp.Regexp) {
	for _, f := range families {
		list = append(list, regexp.MustCompile(`^(`+f.name+`)$`))
	}
	return list
}()

// Of returns the family of a model.
func Of(name string) Family {
	base := Base(name)
	if current.MatchString(base) {
		for i, p := range patterns {
			if p.MatchString(base) {
				return families[i].family
			}
		}
	}
	return Family{Temperature: true}
}

// Former returns the family of a model as requests followed it until November 2026, when
// families were added: its members tell which requests earlier answers belong to.
func Former(name string) Family {
	base := Base(name)
	minor, _, _ := strings.Cut(strings.TrimPrefix(base, "gpt-5."), "-")
	switch {
	case base == "gpt-3.5-turbo-instruct", strings.HasPrefix(base, "gpt-3.5-turbo-instruct-"), base == "davinci-002", base == "babbage-002":
		return Family{Completions: true, Temperature: true}
	case strings.HasPrefix(base, "gpt-5."):
		return Family{CompletionTokens: true, Temperature: len(minor) > 1 || minor >= "4"}
	case strings.HasPrefix(base, "gpt-5"), len(base) >= 2 && base[0] == 'o' && base[1] >= '1' && base[1] <= '9':
		return Family{CompletionTokens: true}
	}
	return Family{Temperature: true}
}
