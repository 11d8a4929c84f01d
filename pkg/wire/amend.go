package wire

import (
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/tidwall/gjson"
)

// Amendments is what a run has learnt of the members that its model refuses. A
// member refused once is left out, or renamed, in every later body of the run.
// The zero value amends nothing. It is safe for concurrent use.
type Amendments struct {
	list atomic.Pointer[[]amendment]
}

type amendment struct{ key, instead string }

var quoted = regexp.MustCompile(`'([a-z_]+)'`)

// Learn looks at why a body was refused. If that is a member that can be done
// without, it is amended from now on: learnt reports whether this call was the
// first to find that, and what tells it in words. again reports that the body
// is worth asking again in any case.
func (a *Amendments) Learn(e *Error, body []byte) (what string, learnt, again bool) {
	if e.Status != 400 && e.Status != 422 || e.Code != "unsupported_parameter" && e.Code != "unsupported_value" {
		return "", false, false
	}
	key := e.Param
	if m := quoted.FindStringSubmatch(e.Message); key == "" && m != nil {
		key = m[1] // as compatible servers do, which leave param out
	}
	if key == "" || !gjson.GetBytes(body, gjson.Escape(key)).Exists() || slices.Contains([]string{"model", "messages", "prompt"}, key) {
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

// Apply returns body as it is to be sent: body itself while nothing has been
// learnt, an amended copy after that.
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
