package wire

import (
	"regexp"
	"slices"
	"strings"

	"nertools/pkg/model"
	"nertools/pkg/record"
)

// A Refusal names the member of a request that a service does not accept.
type Refusal struct {
	Param   string   // the member: "temperature"
	Instead string   // the member that the service wants in its place; "" if none
	Values  []string // the values that it accepts, if it lists them
}

// ParseRefusal returns what the body of an error response says about a member of the
// request that the service does not accept at all, or not with its value. ok is false if
// the error is about something else. Services do not agree on how to say it: the code,
// the parameter and the words are looked at, see [Error.Refusal].
func ParseRefusal(status int, body []byte) (r Refusal, ok bool) {
	return ParseError(status, body).Refusal()
}

// Refusal returns which member of the request e is about; see [ParseRefusal].
//
// These forms are known: OpenAI's and Azure's codes unsupported_parameter,
// unsupported_value and unknown_parameter with the parameter, or with code null, or with
// the name in the message alone; LiteLLM's UnsupportedParamsError; "`temperature` is
// deprecated for this model" of Anthropic's compatible endpoint;
// {"detail":"Unsupported parameter: temperature"}; and the extra_forbidden of servers that
// use Pydantic.
func (e *Error) Refusal() (r Refusal, ok bool) {
	if e.Status != 400 && e.Status != 422 && e.Status/100 != 2 {
		return Refusal{}, false
	}
	if refusesFormat(e) {
		return Refusal{Param: responseFormat}, true
	}
	if r.Param = e.refused(); r.Param == "" || r.Param == responseFormat && !slices.Contains(refusals, e.Code) {
		return Refusal{}, false
	}
	if r.Param == "max_tokens" && strings.Contains(e.Message, "max_completion_tokens") {
		r.Instead = "max_completion_tokens"
	}
	if _, list, found := strings.Cut(lower(e.Message), "supported values are"); found {
		list, _, _ = strings.Cut(list, ".")
		for _, m := range listed.FindAllStringSubmatch(list, -1) {
			r.Values = append(r.Values, m[1])
		}
	}
	return r, true
}

// refusals are the codes that say that a parameter or its value is refused.
var refusals = []string{"unsupported_parameter", "unsupported_value", "unknown_parameter"}

var (
	quoted = regexp.MustCompile("['\"`]([a-z_]+)['\"`]")
	listed = regexp.MustCompile("['\"`]([a-z0-9_.]+)['\"`]")
	word   = regexp.MustCompile(`[a-z][a-z_]*`)

	unknown  = regexp.MustCompile(`\b(unsupported|not supported|(does not|doesn't|don't|do not) support|supported values|no longer supported|deprecated|unavailable|not available|not permitted|not allowed|unrecognized|unknown|unexpected)\b`)
	inSchema = regexp.MustCompile(`\b(schema|keyword|invalid json_schema|response_format\.json_schema\.\w+)\b`)
)

// parameters are the members of a request that a word of a message may be taken for.
var parameters = []string{
	"temperature", "top_p", "top_k", "max_tokens", "max_completion_tokens", reasoningEffort, "stop", "seed", "frequency_penalty", "presence_penalty",
	serviceTier, cacheOptions, "logprobs", "top_logprobs", "logit_bias", "verbosity",
}

// refused returns the member that e complains about, other than response_format, or "".
func (e *Error) refused() string {
	said := slices.Contains(refusals, e.Code)
	words := lower(e.Message)
	if !said && (e.Class != record.Invalid || !unknown.MatchString(words)) {
		return ""
	}
	if e.Param != "" {
		param := strings.TrimPrefix(e.Param, "body.")
		if whole, _, _ := strings.Cut(param, "."); slices.Contains(parameters, whole) {
			return whole
		}
		return param
	}
	// The first name in the message counts: others say what it depends on, or what to
	// send instead.
	for _, w := range word.FindAllString(words, -1) {
		if slices.Contains(parameters, w) {
			return w
		}
	}
	if m := quoted.FindStringSubmatch(words); m != nil {
		return m[1]
	}
	return ""
}

// refusesFormat reports whether the model or the server does not support response_format,
// or this type of it. Often, as with OpenAI's own service, no code says so and the words
// have to decide. An error in the schema itself is different: the user has to fix it.
func refusesFormat(e *Error) bool {
	words := strings.ReplaceAll(strings.ToLower(e.Message), "json schema", "json_schema")
	switch e.Param {
	case responseFormat, responseFormat + ".type", responseFormat + ".json_schema":
	case "":
		if !strings.Contains(words, responseFormat) {
			return false
		}
	default:
		return false
	}
	return unknown.MatchString(words) && !inSchema.MatchString(words)
}

// lowestEffort returns the lowest reasoning_effort among values, or "".
func lowestEffort(values []string) string {
	for _, effort := range model.Efforts {
		if slices.Contains(values, effort) {
			return effort
		}
	}
	return ""
}
