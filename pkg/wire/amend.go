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
	list atomic.Pointer[[]Amendment]
}

// An Amendment is how one member of the bodies is amended. Without Instead and Value, it
// is left out.
type Amendment struct {
	Param   string `json:"param"`             // the member that is rejected
	Instead string `json:"instead,omitempty"` // the name to send it under
	Value   string `json:"value,omitempty"`   // the value to send, as raw JSON
}

// NewAmendments returns the amendments in list, as [Amendments.List] returned them.
func NewAmendments(list []Amendment) *Amendments {
	a := new(Amendments)
	if len(list) > 0 {
		a.list.Store(&list)
	}
	return a
}

// List returns what has been learned so far. The caller must not modify it.
func (a *Amendments) List() []Amendment {
	if list := a.list.Load(); list != nil {
		return *list
	}
	return nil
}

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
	am := Amendment{Param: r.Param, Instead: r.Instead}
	if am.Param == "max_completion_tokens" && !a.renamed(am.Param) {
		am.Instead = "max_tokens" // an older server knows the limit by this name
	}
	what = "leaving out " + r.Param
	if am.Instead != "" {
		what = "sending " + am.Instead + " instead of " + r.Param
	} else if extra, ok := given[r.Param]; ok {
		e.Given, e.GivenExtra = r.Param, extra
		return "", false, false
	} else if lowest := lowestEffort(r.Values); r.Param == reasoningEffort && lowest != "" && sent.String() != lowest {
		am.Value = string(record.AppendString(nil, lowest))
		what = "sending the reasoning effort " + lowest
	}
	for {
		old := a.list.Load()
		var list []Amendment
		if old != nil {
			list = *old
		}
		at := slices.IndexFunc(list, func(x Amendment) bool { return x.Param == am.Param })
		if at >= 0 && (list[at].Value == "" || list[at].Value != sent.Raw) {
			return what, false, true // known since this body was sent
		}
		if at >= 0 { // the value that was to replace it is refused, too
			am.Value, what = "", "leaving out "+am.Param
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
	return list != nil && slices.ContainsFunc(*list, func(am Amendment) bool { return am.Instead == key })
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
			case am.Param != key:
			case am.Instead != "":
				key, raw = am.Instead, `"`+am.Instead+`"`
			case am.Value != "":
				value = am.Value
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

// ApplyLine appends a line of a batch's input file with its body amended. The line is one
// of [AppendRequestLine].
func (a *Amendments) ApplyLine(dst, line []byte) []byte {
	body := gjson.GetBytes(line, "body")
	if a.list.Load() == nil || body.Index == 0 {
		return append(dst, line...)
	}
	end := body.Index + len(body.Raw)
	dst = append(dst, line[:body.Index]...)
	dst = append(dst, a.Apply(line[body.Index:end])...)
	return append(dst, line[end:]...)
}
