package wire

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"nertools/pkg/record"
	"nertools/pkg/safetext"
)

// content is the content of an answer's choice.
type content struct {
	text    string // of the answer
	refusal string
	aside   string // text that is not the answer: reasoning, the arguments of a tool call
	why     string // why there is only aside, for people
	remark  Remark
}

// reasoningMembers are the members of a message that contain reasoning; servers name them
// differently.
var reasoningMembers = []string{"reasoning_content", "reasoning", "reasoning_details", "thinking", "thinking_blocks"}

// reasoningParts are the types of message parts that contain reasoning.
var reasoningParts = []string{"thinking", "reasoning", "reasoning_text", "reasoning_content", "thought", "redacted_thinking"}

// readContent reads a choice: a chat message, whose content some servers split into
// parts, or a legacy completion.
func readContent(choice gjson.Result) (c content) {
	message := choice.Get("message")
	if !message.Exists() {
		c.text = record.Text(choice.Get("text"))
		return c
	}
	c.refusal = message.Get("refusal").String()
	switch v := message.Get("content"); {
	case v.IsArray():
		for _, part := range v.Array() {
			c.add(part)
		}
	case v.IsObject():
		c.add(v)
	default:
		c.text = record.Text(v)
	}
	if strings.TrimSpace(c.text) == "" {
		c.lookAside(message)
	}
	return c
}

// add adds a part of a message.
func (c *content) add(part gjson.Result) {
	if part.Type == gjson.String {
		c.text += record.Text(part)
		return
	}
	kind := part.Get("type").String()
	switch {
	case slices.Contains(reasoningParts, kind):
		c.setAside(texts(part), OnlyReasoning, kind)
	case kind == "refusal":
		c.refusal += part.Get("refusal").String()
	case part.Get("text").Exists():
		c.text += texts(part.Get("text"))
	default: // a part without text, or of an unknown form
		c.setAside(texts(part), 0, kind)
	}
}

// lookAside looks for text in places where an answer does not belong.
func (c *content) lookAside(message gjson.Result) {
	for _, name := range reasoningMembers {
		if c.aside == "" {
			c.setAside(texts(message.Get(name)), OnlyReasoning, name)
		}
	}
	calls := message.Get("tool_calls.#.function").Array()
	if f := message.Get("function_call"); f.IsObject() {
		calls = append(calls, f)
	}
	for _, call := range calls {
		arguments := call.Get("arguments")
		text := arguments.Raw
		if arguments.Type == gjson.String {
			text = record.Text(arguments)
		}
		if c.aside == "" || c.remark.Kind == ToolCall {
			c.setAside(text, ToolCall, call.Get("name").String())
		}
	}
}

func (c *content) setAside(text string, kind RemarkKind, name string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	if c.aside != "" {
		text = c.aside + "\n" + text
	}
	c.aside, c.remark = text, Remark{kind, name}
	name = safetext.Code(name)
	switch kind {
	case OnlyReasoning:
		c.why = fmt.Sprintf("the answer has no text: all of it is in %q", name)
	case ToolCall:
		c.why = fmt.Sprintf("the answer has no text: the model called the tool %q", name)
	default:
		c.why = fmt.Sprintf("the answer has no text, but a part of type %q", name)
	}
}

// texts returns all text in v: a string, or objects and arrays that contain it, at any
// depth, in members whose names suggest text.
func texts(v gjson.Result) string {
	if v.Type == gjson.String {
		return record.Text(v)
	}
	var all []string
	v.ForEach(func(key, e gjson.Result) bool {
		switch {
		case v.IsArray(), slices.Contains([]string{"text", "value", "content", "thinking", "reasoning", "summary", "output_text", "refusal"}, key.Str):
			if s := texts(e); s != "" {
				all = append(all, s)
			}
		}
		return true
	})
	return strings.Join(all, "\n")
}
