package openaitest

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// maxBody is the longest request body in bytes. It is below the real service's
// limit because gjson.Valid recurses: on 25 MB of "[" it overflows the stack.
const maxBody = 4 << 20

// request is what the simulation needs of a body.
type completionRequest struct {
	model     string
	prompt    string
	hasPrompt bool
	tokens    int  // of all the text sent
	maxTokens int  // asked for; 0: not asked
	object    bool // an answer by a JSON schema is demanded

	temperature, topP float64

	effort, tier string // asked for; "": not asked
	uncached     bool   // nothing of the prompt is to be written to the cache

	given []string // the parameters in the body that aren't null
}

// readRequest reads a body for the endpoint, as strictly as the service does.
// With a refusal it returns what it could read.
func readRequest(raw string, api *completionAPI) (completionRequest, *apiError) {
	req := completionRequest{temperature: 1, topP: 1, given: make([]string, 0, 8)}
	if !utf8.ValidString(raw) || !gjson.Valid(raw) {
		return req, badJSON()
	}
	root := gjson.Parse(raw)
	if !root.IsObject() {
		return req, badJSON()
	}
	var bad *apiError
	root.ForEach(func(key, value gjson.Result) bool {
		if err := req.set(key.Str, value, api); err != nil && bad == nil {
			bad = err
		}
		return true // the model and prompt are worth having for the log
	})
	for _, name := range []string{"model", api.text} {
		if bad == nil && !req.has(name) {
			bad = badRequest("missing_required_parameter", name, "Missing required parameter: '%s'.", name)
		}
	}
	if bad == nil && req.has("max_tokens") && req.has("max_completion_tokens") {
		bad = badRequest("", "max_tokens",
			"Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.")
	}
	if req.maxTokens == 0 {
		req.maxTokens = api.defaultMaxTokens
	}
	return req, bad
}

func badJSON() *apiError {
	return badRequest("", "", "We could not parse the JSON body of your request. "+
		"(HINT: This likely means you aren't using your HTTP library correctly. "+
		"The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)")
}

func (req *completionRequest) has(name string) bool {
	for _, g := range req.given {
		if g == name {
			return true
		}
	}
	return false
}

// set takes over one parameter.
func (req *completionRequest) set(name string, value gjson.Result, api *completionAPI) *apiError {
	if !api.parameters[name] {
		return badRequest("", "", "Unrecognized request argument supplied: %s", name)
	}
	if value.Type == gjson.Null {
		return nil
	}
	req.given = append(req.given, name)
	switch name {
	case "model":
		if value.Type != gjson.String || value.Str == "" {
			return wrongType(name, "a model's name", value)
		}
		req.model = value.Str
	case "messages":
		return req.setMessages(value)
	case "prompt":
		return req.setPrompt(value)
	case "max_tokens", "max_completion_tokens":
		return req.setMaxTokens(name, value)
	case "temperature":
		return setNumber(&req.temperature, name, value, 0, 2)
	case "top_p":
		return setNumber(&req.topP, name, value, 0, 1)
	case "frequency_penalty", "presence_penalty":
		var unused float64
		return setNumber(&unused, name, value, -2, 2)
	case "response_format":
		return req.setFormat(value)
	case "stop":
		return checkStop(value)
	case "seed":
		if !isInteger(value) {
			return wrongType(name, "an integer", value)
		}
	case "logprobs":
		if api.chat && !value.IsBool() {
			return wrongType(name, "a boolean", value)
		} else if !api.chat {
			return checkInteger(name, value, 0, 5)
		}
	case "top_logprobs":
		return checkInteger(name, value, 0, 20)
	case "metadata":
		_, bad := readMetadata(value)
		return bad
	case "n", "best_of":
		if value.Type != gjson.Number || value.Num != 1 {
			return notSimulated(name)
		}
	case "stream":
		if value.Type != gjson.False {
			return notSimulated(name)
		}
	default:
		return req.setDelivery(name, value)
	}
	return nil
}

func isInteger(value gjson.Result) bool {
	return value.Type == gjson.Number && value.Num == math.Trunc(value.Num)
}

func checkInteger(name string, value gjson.Result, low, high int) *apiError {
	switch {
	case !isInteger(value):
		return wrongType(name, "an integer", value)
	case value.Num < float64(low):
		return badRequest("integer_below_min_value", name,
			"Invalid '%s': integer below minimum value. Expected a value >= %d, but got %s instead.", name, low, value.Raw)
	case value.Num > float64(high):
		return badRequest("integer_above_max_value", name,
			"Invalid '%s': integer above maximum value. Expected a value <= %d, but got %s instead.", name, high, value.Raw)
	}
	return nil
}

// checkStop refuses all but a string and an array of one to four strings.
func checkStop(value gjson.Result) *apiError {
	const most = 4
	if value.Type == gjson.String {
		return nil
	}
	stops := value.Array()
	if !value.IsArray() || slices.ContainsFunc(stops, func(s gjson.Result) bool { return s.Type != gjson.String }) {
		return wrongType("stop", "a string or an array of strings", value)
	}
	switch n := len(stops); {
	case n == 0:
		return badRequest("empty_array", "stop",
			"Invalid 'stop': empty array. Expected an array with minimum length 1, but got an empty array instead.")
	case n > most:
		return badRequest("array_above_max_length", "stop",
			"Invalid 'stop': array too long. Expected an array with maximum length %d, but got an array with length %d instead.", most, n)
	}
	return nil
}

// setFormat reads a response_format.
func (req *completionRequest) setFormat(value gjson.Result) *apiError {
	if !value.IsObject() {
		return wrongType("response_format", "an object", value)
	}
	switch kind := value.Get("type").Str; kind {
	case "text", "json_object":
	case "json_schema":
		req.object = true
		if value.Get("json_schema.name").Str == "" {
			return badRequest("missing_required_parameter", "response_format.json_schema.name",
				"Missing required parameter: 'response_format.json_schema.name'.")
		}
	default:
		return badRequest("invalid_value", "response_format.type",
			"Invalid value: '%s'. Supported values are: 'json_object', 'json_schema', and 'text'.", kind)
	}
	return nil
}

func (req *completionRequest) setMaxTokens(name string, value gjson.Result) *apiError {
	if !isInteger(value) || math.Abs(value.Num) > math.MaxInt32 {
		return wrongType(name, "an integer", value)
	}
	if value.Num < 1 {
		return badRequest("integer_below_min_value", name,
			"Invalid '%s': integer below minimum value. Expected a value >= 1, but got %d instead.", name, int(value.Num))
	}
	req.maxTokens = int(value.Num)
	return nil
}

func setNumber(to *float64, name string, value gjson.Result, low, high float64) *apiError {
	if value.Type != gjson.Number {
		return wrongType(name, "a decimal", value)
	}
	if value.Num < low {
		return badRequest("decimal_below_min_value", name,
			"Invalid '%s': decimal below minimum value. Expected a value >= %v, but got %v instead.", name, low, value.Num)
	}
	if value.Num > high {
		return badRequest("decimal_above_max_value", name,
			"Invalid '%s': decimal above maximum value. Expected a value <= %v, but got %v instead.", name, high, value.Num)
	}
	*to = value.Num
	return nil
}

// setPrompt takes a legacy prompt: a string, or an array that holds one.
func (req *completionRequest) setPrompt(value gjson.Result) *apiError {
	if value.IsArray() {
		prompts := value.Array()
		if len(prompts) != 1 {
			return notSimulated("prompt")
		}
		value = prompts[0]
	}
	if value.Type != gjson.String {
		return wrongType("prompt", "a string", value)
	}
	req.prompt, req.hasPrompt = value.Str, true
	req.tokens = tokens(len(value.Str))
	return nil
}

// setMessages takes the text of the last user message as the prompt.
func (req *completionRequest) setMessages(value gjson.Result) *apiError {
	if !value.IsArray() {
		return wrongType("messages", "an array of objects", value)
	}
	var bad *apiError
	messages, size := 0, 0
	value.ForEach(func(_, message gjson.Result) bool {
		messages++
		var role, text string
		if role, text, bad = readMessage(message); bad != nil {
			return false
		}
		size += len(text)
		if role == "user" {
			req.prompt, req.hasPrompt = text, true
		}
		return true
	})
	if bad == nil && messages == 0 {
		bad = badRequest("empty_array", "messages",
			"Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.")
	}
	req.tokens = tokens(size)
	return bad
}

var roles = map[string]bool{
	"developer": true, "system": true, "user": true, "assistant": true, "tool": true, "function": true,
}

func readMessage(message gjson.Result) (role, text string, bad *apiError) {
	if !message.IsObject() {
		return "", "", wrongType("messages", "an array of objects", message)
	}
	var content gjson.Result
	message.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "role":
			role = value.Str
		case "content":
			content = value
		}
		return true
	})
	if !roles[role] {
		return role, "", badRequest("invalid_value", "messages",
			"Invalid value: '%s'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.", role)
	}
	switch {
	case content.Type == gjson.String:
		return role, content.Str, nil
	case content.IsArray():
		text, bad = readParts(content)
		return role, text, bad
	case content.Type == gjson.Null && role == "assistant":
		return role, "", nil
	case !content.Exists():
		return role, "", badRequest("missing_required_parameter", "messages", "Missing required parameter: 'messages.content'.")
	}
	return role, "", wrongType("messages", "a string or an array of parts as content", content)
}

// readParts joins the text parts of a message.
func readParts(parts gjson.Result) (string, *apiError) {
	var text strings.Builder
	n := 0
	var bad *apiError
	parts.ForEach(func(_, part gjson.Result) bool {
		n++
		if kind, value := part.Get("type"), part.Get("text"); kind.Str == "text" && value.Type == gjson.String {
			text.WriteString(value.Str)
			return true
		}
		bad = notSimulated("messages")
		return false
	})
	if n == 0 {
		bad = badRequest("empty_array", "messages", "Invalid 'messages': a message's content is an empty array.")
	}
	return text.String(), bad
}

func wrongType(name, want string, value gjson.Result) *apiError {
	return badRequest("invalid_type", name,
		"Invalid type for '%s': expected %s, but got %s instead.", name, want, typeName(value))
}

func typeName(value gjson.Result) string {
	switch {
	case value.IsObject():
		return "an object"
	case value.IsArray():
		return "an array"
	case value.IsBool():
		return "a boolean"
	case value.Type == gjson.String:
		return "a string"
	case value.Type == gjson.Number:
		return "a number"
	}
	return "null"
}

func notSimulated(name string) *apiError {
	return badRequest("unsupported_value", name, "Unsupported value for '%s': the simulated API can't do this.", name)
}

// tokens is the simulated tokenizer: 4 bytes a token, rounded up.
func tokens(bytes int) int { return (bytes + 3) / 4 }
