package wire

import (
	"slices"
	"sync/atomic"

	"github.com/tidwall/gjson"

	"nertools/pkg/record"
)

// Amendments records which members the run's model rejects. Once rejected, a member is
// left out, renamed or given another value in all later bodies of the run. The zero value amends nothing.
// Amendments is safe for concurrent use.
type Amendments struct {
	list atomic.Pointer[[]amendment]
}

type amendment struct{ key, instead, value string }

// needed lists members without which the request would mean something else.
var needed = []string{"model", "messages", "prompt", "input", "dimensions"}

// Learn examines why a body was rejected. If the reason is a member that the request can
// do without, or its value, later bodies are amended. learnt reports whether this call was
// the first to find this, and what describes the amendment ("leaving out top_p"). again
// reports whether the amended body is worth another try, whoever found it.
//
// A member in given is one that the user asked for, see [Builder.Given]. It is never
// amended, except for another name of it; if the service refuses it, e says so from then
// on, see [Error.Given].
func (a *Amendments) Learn(e *Error, body []byte, given map[string]bool) (what string, learnt, again bool) {
	r, ok := e.Refusal()
	if !ok || slices.Contains(needed, r.Param) {
		return "", false, false
	}
	sent := gjson.GetBytes(body, gjson.Escape(r.Param))
	if !sent.Exists() {
		return "", false, false
	}
	am := amendment{key: r.Param, instead: r.Instead}
	if am.key == "max_completion_tokens" && !a.renamed(am.key) {
		am.instead = "max_tokens" // an older server knows the limit by this name
	}
	what = "leaving out " + r.Param
	if am.instead != "" {
		what = "sending " + am.instead + " instead of " + r.Param
	} else if extra, ok := given[r.Param]; ok {
		e.Given, e.GivenExtra = r.Param, extra
		return "", false, false
	} else if lowest := lowestEffort(r.Values); r.Param == reasoningEffort && lowest != "" && sent.String() != lowest {
		am.value = string(record.AppendString(nil, lowest))
		what = "sending the reasoning effort " + lowest
	}
	for {
		old := a.list.Load()
		var list []amendment
		if old != nil {
			list = *old
		}
		at := slices.IndexFunc(list, func(x amendment) bool { return x.key == am.key })
		if at >= 0 && (list[at].value == "" || list[at].value != sent.Raw) {
			return what, false, true // known since this body was sent
		}
		if at >= 0 { // the value that was to replace it is refused, too
			am.value, what = "", "leaving out "+am.key
			list = slices.Delete(slices.Clone(list), at, at+1)
		}
		list = append(slices.Clip(list), am)
		if a.list.CompareAndSwap(old, &list) {
			return what, true, true
		}
	}
}

// renamed reports whether a member gets the name key.
func (a *Amendments) renamed(key string) bool {
	list := a.list.Load()
	return list != nil && slices.ContainsFunc(*list, func(am amendment) bool { return am.instead == key })
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
		key, raw, value := k.Str, k.Raw, v.Raw
		for _, am := range *list {
			switch {
			case am.key != key:
			case am.instead != "":
				key, raw = am.instead, `"`+am.instead+`"`
			case am.value != "":
				value = am.value
			default:
				return true
			}
		}
		if len(out) > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, raw...), ':'), value...)
		return true
	})
	return append(append([]byte{'{'}, out...), '}')
}
