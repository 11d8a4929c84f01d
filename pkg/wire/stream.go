package wire

import (
	"bytes"
	"iter"
	"strings"

	"github.com/tidwall/gjson"

	"nertools/pkg/record"
)

var bom = []byte(record.ByteOrderMark)

// IsStream reports whether the body consists of server-sent events. Some services stream
// unless told not to.
func IsStream(body []byte) bool {
	body = bytes.TrimPrefix(bytes.TrimSpace(body), bom)
	for _, field := range []string{"data:", "event:", "id:", "retry:", ":"} {
		if bytes.HasPrefix(body, []byte(field)) {
			return true
		}
	}
	return false
}

// events yields the data of each event in a stream: JSON, or something else such as
// [DONE]. It accepts streams without blank lines between events or without "data:".
func events(body []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		var open []byte // data lines that are not complete JSON yet
		for len(body) > 0 {
			line := body
			if i := bytes.IndexAny(body, "\r\n"); i >= 0 {
				line, body = body[:i], body[i+1:]
				if line = bytes.TrimPrefix(line, bom); len(line) == 0 && len(open) > 0 {
					if !yield(open) {
						return
					}
					open = nil
				}
			} else {
				body = nil
			}
			data, ok := bytes.CutPrefix(line, []byte("data:"))
			if data = bytes.TrimSpace(data); !ok && !bytes.HasPrefix(data, []byte("{")) || len(data) == 0 {
				continue
			}
			if len(open) > 0 {
				data = append(append(open, '\n'), data...)
			}
			if !record.ValidJSON(data) && !bytes.Equal(data, []byte("[DONE]")) {
				open = bytes.Clone(data)
				continue
			}
			open = nil
			if !yield(data) {
				return
			}
		}
		if len(open) > 0 {
			yield(open)
		}
	}
}

// firstEvent returns the data of the first event of a stream.
func firstEvent(body []byte) ([]byte, bool) {
	if IsStream(body) {
		for data := range events(body) {
			return data, true
		}
	}
	return nil, false
}

// assembled is an answer that arrived in pieces.
type assembled struct {
	// As raw JSON; "" for members that did not arrive.
	model, usage, finish, broken, calls string

	content, reasoning, refusal strings.Builder // of chat
	text                        strings.Builder // of legacy completions
	chat, legacy                bool            // such a piece arrived
	finished                    bool            // the end arrived
}

// assemble turns a stream of events into the answer that the service would have sent in
// one piece. A stream that ends early becomes an answer that the service broke off. ok is
// false if body is not such a stream.
func assemble(body []byte) (answer []byte, ok bool) {
	a := assembled{}
	for data := range events(body) {
		if bytes.Equal(data, []byte("[DONE]")) {
			a.finished = true
			break
		}
		if !record.ValidJSON(data) {
			if !ok {
				return nil, false
			}
			break // the piece in which the stream broke off
		}
		ok = true
		v := gjson.ParseBytes(data)
		choice := v.Get("choices.0")
		failed := !choice.Exists() && answeredError(v, "choices") != nil
		if choice.Get("message").IsObject() || failed && !a.chat && !a.legacy {
			return data, true // a complete answer, or an error
		}
		if failed {
			a.broken = v.Raw
			break
		}
		a.add(v, choice)
	}
	if !ok {
		return nil, false
	}
	return a.answer(), true
}

func (a *assembled) add(v, choice gjson.Result) {
	if m := v.Get("model"); a.model == "" && m.Type == gjson.String {
		a.model = m.Raw
	}
	if u := v.Get("usage"); u.IsObject() {
		a.usage = u.Raw
	}
	if !choice.IsObject() || choice.Get("index").Int() != 0 {
		return
	}
	if f := choice.Get("finish_reason"); f.Type == gjson.String && f.Str != "" {
		a.finish, a.finished = f.Raw, true
	}
	if e := choice.Get("error"); e.Exists() && e.Type != gjson.Null {
		a.broken = e.Raw
	}
	if t := choice.Get("text"); t.Exists() {
		a.legacy = true
		a.text.WriteString(record.Text(t))
		return
	}
	delta := choice.Get("delta")
	if !delta.IsObject() {
		return
	}
	a.chat = true
	content := delta.Get("content")
	a.content.WriteString(record.Text(content))
	if content.IsArray() {
		for _, part := range content.Array() {
			a.content.WriteString(record.Text(part.Get("text")))
		}
	}
	a.reasoning.WriteString(record.Text(delta.Get("reasoning_content")))
	a.reasoning.WriteString(record.Text(delta.Get("reasoning")))
	a.refusal.WriteString(record.Text(delta.Get("refusal")))
	if calls := delta.Get("tool_calls"); a.calls == "" && calls.IsArray() && calls.Get("0").Exists() {
		a.calls = calls.Raw
	}
}

// answer returns the answer in one piece.
func (a *assembled) answer() []byte {
	b := []byte(`{"choices":[`)
	if a.chat || a.legacy {
		if a.legacy {
			b = record.AppendString(append(b, `{"text":`...), a.text.String())
		} else {
			b = record.AppendString(append(b, `{"message":{"role":"assistant","content":`...), a.content.String())
			for _, m := range []struct {
				key  string
				text *strings.Builder
			}{{"reasoning_content", &a.reasoning}, {"refusal", &a.refusal}} {
				if m.text.Len() > 0 {
					b = record.AppendString(append(append(append(b, `,"`...), m.key...), `":`...), m.text.String())
				}
			}
			if a.calls != "" {
				b = append(append(b, `,"tool_calls":`...), a.calls...)
			}
			b = append(b, '}')
		}
		if a.finish != "" {
			b = append(append(b, `,"finish_reason":`...), a.finish...)
		}
		switch {
		case a.broken != "":
			b = append(append(b, `,"error":`...), a.broken...)
		case !a.finished:
			b = append(b, `,"error":"the stream of the answer broke off, try again"`...)
		}
		b = append(b, '}')
	}
	b = append(b, ']')
	if a.model != "" {
		b = append(append(b, `,"model":`...), a.model...)
	}
	if a.usage != "" {
		b = append(append(b, `,"usage":`...), a.usage...)
	}
	return append(b, '}')
}
