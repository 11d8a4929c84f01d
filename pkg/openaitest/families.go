package openaitest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// modelRules says which parameters a model refuses, and how it reasons, with
// [Options.RealModels].
type modelRules struct {
	efforts    []string // the reasoning_effort that it takes; nil: it does not reason
	effort     string   // … if none is asked for
	noStop     bool
	noSampling bool // not even without reasoning
	cacheFee   bool // prompts are written to the cache for a fee, unless prompt_cache_options says otherwise
	claude     bool // Anthropic's compatible endpoint
	any        bool // a compatible server takes everything
}

var gptName = regexp.MustCompile(`^gpt-(\d+)(?:\.(\d+))?(?:-(.*))?$`)

// rulesOf follows the model pages and issue threads as of 26 November 2026:
// anomalyco/models.dev#2351 (efforts up to gpt-5.4), UKGovernmentBEIS/inspect_ai#5254 and
// bolna-ai/bolna#1019 (gpt-6-astra), The-PR-Agent/pr-agent#2456 (Claude).
func rulesOf(model string) modelRules {
	name := base(model[strings.LastIndexByte(model, '/')+1:])
	switch {
	case strings.HasPrefix(name, "claude"):
		return modelRules{claude: true}
	case isOSeries(name):
		return modelRules{efforts: []string{"low", "medium", "high"}, effort: "medium", noStop: true, noSampling: true}
	}
	m := gptName.FindStringSubmatch(name)
	if m == nil {
		return modelRules{any: !strings.HasPrefix(name, "gpt-4o")}
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	version, kind := 100*major+minor, m[3]
	switch {
	case version < 500:
		return modelRules{}
	case version == 500:
		return modelRules{efforts: []string{"minimal", "low", "medium", "high"}, effort: "medium", noStop: true, noSampling: true}
	case version == 501:
		return modelRules{efforts: []string{"none", "low", "medium", "high"}, effort: "none"}
	case version < 505:
		return modelRules{efforts: []string{"none", "low", "medium", "high", "xhigh"}, effort: "none"}
	}
	r := modelRules{efforts: []string{"none", "low", "medium", "high", "xhigh", "max"}, effort: "medium", cacheFee: version >= 506}
	if strings.HasPrefix(kind, "astra") || version > 600 && strings.HasPrefix(kind, "sol") || version > 602 {
		r.efforts, r.noSampling = r.efforts[1:], true
	}
	r.noStop = strings.HasPrefix(kind, "astra")
	return r
}

// refuse returns why the model does not take the request, or nil.
func (r *modelRules) refuse(req *completionRequest) *apiError {
	has := func(name string) bool { return slices.Contains(req.given, name) }
	switch {
	case r.any:
		return nil
	case r.claude && has("temperature"):
		return badRequest("invalid_request_error", "", "`temperature` is deprecated for this model.")
	case r.claude:
		return nil
	case r.efforts == nil && has("reasoning_effort"):
		return badRequest("", "", "Unrecognized request argument supplied: reasoning_effort")
	case !r.cacheFee && has("prompt_cache_options"):
		return badRequest("unknown_parameter", "prompt_cache_options", "Unknown parameter: 'prompt_cache_options'.")
	case r.efforts == nil:
		return nil
	case has("max_tokens"):
		return unsupportedParameter("max_tokens", " Use 'max_completion_tokens' instead.")
	case r.noStop && has("stop"):
		return unsupportedParameter("stop", "")
	case !slices.Contains(r.efforts, r.effortOf(req)):
		last := len(r.efforts) - 1
		return badRequest("unsupported_value", "reasoning_effort",
			"Unsupported value: 'reasoning_effort' does not support '%s' with this model. Supported values are: '%s', and '%s'.",
			r.effortOf(req), strings.Join(r.efforts[:last], "', '"), r.efforts[last])
	case !r.noSampling && r.effortOf(req) == "none":
		return nil
	case req.temperature != 1:
		return onlyDefault("temperature", req.temperature)
	case req.topP != 1:
		return onlyDefault("top_p", req.topP)
	}
	return nil
}

func (r *modelRules) effortOf(req *completionRequest) string {
	if req.effort != "" {
		return req.effort
	}
	return r.effort
}

// thoughts returns how many tokens the model uses for reasoning: more than an answer's usual limit unless
// the request asks for little reasoning.
func (r *modelRules) thoughts(req *completionRequest) int {
	if r.efforts == nil {
		return 0
	}
	return map[string]int{"minimal": 16, "low": 48, "medium": 600, "high": 2000, "xhigh": 4000, "max": 8000}[r.effortOf(req)]
}

// cacheable is the shortest prompt that is written to the cache, in tokens.
const cacheable = 1024

// cacheWrites returns how many tokens of the prompt are written to the cache.
func (r *modelRules) cacheWrites(req *completionRequest) int {
	if !r.cacheFee || req.uncached || req.tokens < cacheable {
		return 0
	}
	return req.tokens
}

// setDelivery sets the parameters that only [Options.RealModels] follows.
func (req *completionRequest) setDelivery(name string, value gjson.Result) *apiError {
	switch name {
	case "reasoning_effort":
		if value.Type != gjson.String {
			return wrongType(name, "a string", value)
		}
		req.effort = value.Str
	case "service_tier":
		if value.Type != gjson.String {
			return wrongType(name, "a string", value)
		}
		req.tier = value.Str
	case "prompt_cache_options":
		if !value.IsObject() {
			return wrongType(name, "an object", value)
		}
		req.uncached = value.Get("mode").Str == "explicit"
	}
	return nil
}
