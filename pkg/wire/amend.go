package wire

import (
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/tidwall/gjson"
)

// Amendments records which members the run's model rejects. Once rejected, a member is
// left out or renamed in all later bodies of the run. The zero value amends nothing.
// Amendments is safe for concurrent use.
type Amendments struct {
	list atomic.Pointer[[]amendment]
}

type amendment struct{ key, instead string }

// needed lists members without which the request would mean something else.
var needed = []string{"model", "messages", "prompt", "input", "dimensions"}

var quoted = regexp.MustCompile(`'([a-z_]+)'`)

// Learn examines why a body was rejected. If the reason is a member that the request can
// do without, later bodies are amended. learnt reports whether this call was the first to
// find this, and what describes the amendment ("leaving out top_p"). again reports
// whether the amended body is worth another try, whoever found it.
func (a *Amendments) Learn(e *Error, body []byte) (what string, learnt, again bool) {
	if e.Status != 400 && e.Status != 422 && e.Status/100 != 2 {
		return "", false, false
	}
	key := refused(e)
	if key == "" || !gjson.GetBytes(body, gjson.Escape(key)).Exists() || slices.Contains(needed, key) {
		return "", false, false
	}
	am := amendment{key: key}
	what = "leaving out " + key
	if key == "max_tokens" && strings.Contains(e.Message, "max_completion_tokens") {
		am.instead = "max_completion_tokens"
		what = "sending " + am.instead + " instead of " + key
	}
	for {
		old := a.list.Load()
		var list []amendment
		if old != nil {
			list = *old
		}
		if slices.ContainsFunc(list, func(x amendment) bool { return x.key == key }) {
			return what, false, true
		}
		list = append(slices.Clip(list), am)
		if a.list.CompareAndSwap(old, &list) {
			return what, true, true
		}
	}
}

// refused returns the member that e complains about, or "".
func refused(e *Error) string {
	if refusesFormat(e) {
		return responseFormat
	}
	if !slices.Contains([]string{"unsupported_parameter", "unsupported_value", "unknown_parameter"}, e.Code) {
		return ""
	}
	if m := quoted.FindStringSubmatch(e.Message); e.Param == "" && m != nil {
		return m[1] // compatible servers omit param
	}
	return e.Param
}

var (
	unknown  = regexp.MustCompile(`\b(unsupported|not supported|(does not|doesn't|don't) support|supported values|unavailable|not available|not permitted|not allowed|unrecognized|unknown)\b`)
	inSchema = regexp.MustCompile(`\b(schema|keyword|invalid json_schema|response_format\.json_schema\.\w+)\b`)
)

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

// Apply returns the body to send: body itself as long as there is nothing to amend,
// otherwise an amended copy.
func (a *Amendments) Apply(body []byte) []byte {
	list := a.list.Load()
	if list == nil {
		return body
	}
	out := make([]byte, 0, len(body)+16)
	gjson.ParseBytes(body).ForEach(func(k, v gjson.Result) bool {
		key, raw := k.Str, k.Raw
		for _, am := range *list {
			if am.key != key {
				continue
			}
			if am.instead == "" {
				return true
			}
			key, raw = am.instead, `"`+am.instead+`"`
		}
		if len(out) > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, raw...), ':'), v.Raw...)
		return true
	})
	return append(append([]byte{'{'}, out...), '}')
}
