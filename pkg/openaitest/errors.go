package openaitest

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/tidwall/gjson"
)

// apiError is a refusal in the API's own form.
type apiError struct {
	status                     int
	message, kind, param, code string
	retryAfter, retryAfterMS   string // header values; "": no header
}

// badRequest is a 400. Empty code and param are null in the answer.
func badRequest(code, param, format string, args ...any) *apiError {
	return &apiError{
		status:  http.StatusBadRequest,
		message: fmt.Sprintf(format, args...),
		param:   param,
		code:    code,
	}
}

func (e *apiError) reply() response {
	kind := e.kind
	if kind == "" {
		kind = "invalid_request_error"
	}
	body := append([]byte(nil), `{"error":{"message":`...)
	body = gjson.AppendJSONString(body, e.message)
	body = append(body, `,"type":`...)
	body = gjson.AppendJSONString(body, kind)
	body = append(body, `,"param":`...)
	body = appendStringOrNull(body, e.param)
	body = append(body, `,"code":`...)
	body = appendStringOrNull(body, e.code)
	body = append(body, "}}\n"...)

	rep := response{status: e.status, body: body}
	if e.retryAfter != "" || e.retryAfterMS != "" {
		rep.header = http.Header{}
		setIfAny(rep.header, "Retry-After", e.retryAfter)
		setIfAny(rep.header, "Retry-After-Ms", e.retryAfterMS)
	}
	return rep
}

func setIfAny(h http.Header, name, value string) {
	if value != "" {
		h.Set(name, value)
	}
}

func appendStringOrNull(b []byte, s string) []byte {
	if s == "" {
		return append(b, "null"...)
	}
	return gjson.AppendJSONString(b, s)
}

// wrongKey quotes the key half-hidden, as the real service does: a client has
// to keep even that out of its own messages.
func wrongKey(key string) *apiError {
	message := "You didn't provide an API key. You need to provide your API key in an Authorization header " +
		"using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
	if key != "" {
		message = fmt.Sprintf("Incorrect API key provided: %s. "+
			"You can find your API key at https://platform.openai.com/account/api-keys.", hideKey(key))
	}
	return &apiError{status: http.StatusUnauthorized, message: message, code: "invalid_api_key"}
}

func hideKey(key string) string {
	const head, tail = 8, 4
	if len(key) < 2*(head+tail) {
		return strings.Repeat("*", len(key))
	}
	return key[:head] + strings.Repeat("*", len(key)-head-tail) + key[len(key)-tail:]
}

func unsupportedParameter(name, hint string) *apiError {
	return badRequest("unsupported_parameter", name,
		"Unsupported parameter: '%s' is not supported with this model.%s", name, hint)
}
