package reasoning

import (
	"slices"
	"strings"
)

// The channels in which a model writes messages.
const (
	analysis   = "analysis"
	commentary = "commentary"
	final      = "final"
	assistant  = "assistant" // a role that some servers write instead of "final"
)

// message is a message in a channel, the text between two messages, or a token.
type message struct {
	from, to int
	channel  string // "" if unknown
	head     bool   // a token, or the role and channel in front of a message
}

// channels splits an answer that consists of messages in channels:
//
//	<|start|>ROLE<|channel|>NAME<|message|>TEXT<|end|>
//
// The rest is the text in the channel "final" if there is one, otherwise everything
// outside the channel "analysis". Any of the tokens may be missing; if all are, channels
// returns false.
func (s *splitter) channels() bool {
	messages := s.messages()
	answered := slices.ContainsFunc(messages, func(m message) bool { return m.channel == final })
	for _, m := range messages {
		if m.head || m.channel == analysis || answered && m.channel != final {
			s.take(m.from, m.to)
		} else {
			s.leave(m.from, m.to)
		}
	}
	return messages != nil
}

func (s *splitter) messages() (list []message) {
	at, last, channel := 0, "", "" // the previous token, and the channel if that token started a message
	until := func(to int, token string) {
		text := s.answer[at:to]
		name := channelOf(text)
		switch {
		case token == tokenMessage && (name != "" || last == tokenStart || last == tokenChannel || last == tokenConstrain):
			if name == assistant && last != tokenChannel {
				name = "" // this is its role
			}
			list = append(list, message{at, to, "", true})
			channel = strings.Replace(name, assistant, final, 1)
		case last == tokenStart || last == tokenChannel || last == tokenConstrain:
			// Either the token between head and text is missing, or the text is.
			name, ok := gluedChannel(text)
			if token == tokenConstrain || !ok {
				list = append(list, message{at, to, "", true})
				break
			}
			text := at + strings.Index(text, name) + len(name)
			list = append(list, message{at, text, "", true}, message{text, to, name, false})
		default:
			list = append(list, message{at, to, channel, channel == "" && strings.TrimSpace(text) == assistant})
		}
		if token != tokenMessage {
			channel = ""
		}
	}
	for _, t := range s.tags {
		if t.kind == token {
			until(t.from, t.name)
			list = append(list, message{t.from, t.to, "", true})
			at, last = t.to, t.name
		}
	}
	if list != nil {
		until(len(s.answer), "")
	}
	return list
}

// channelOf returns the channel named in the head of a message, or the role if it names
// no channel, or "".
func channelOf(head string) string {
	name, _, _ := strings.Cut(strings.TrimSpace(head), " ")
	if of := strings.TrimPrefix(name, assistant); of != "" {
		name = of
	}
	switch name {
	case analysis, commentary, final, assistant:
		return name
	}
	return ""
}

// gluedChannel returns the channel name at the beginning of text if the text of a message
// follows it directly.
func gluedChannel(text string) (name string, ok bool) {
	text = strings.TrimSpace(text)
	for _, name := range []string{analysis, commentary, final} {
		if rest, ok := strings.CutPrefix(text, name); ok && rest != "" && (name == final || rest[0] != ' ') {
			return name, true
		}
	}
	return "", false
}
