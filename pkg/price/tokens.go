package price

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/tidwall/gjson"
	"github.com/tiktoken-go/tokenizer/codec"

	"nertools/pkg/model"
	"nertools/pkg/wire"
)

// Vocabulary is the vocabulary with which tokens are counted for all models.
const Vocabulary = "o200k_base"

// Overhead of the chat format, after num_tokens_from_messages in OpenAI's cookbook
// (How_to_count_tokens_with_tiktoken.ipynb): three tokens per message, one more if it has
// a name, and three at the beginning of the answer. The role is counted as text. For
// newer models this is approximate.
const (
	perMessage = 3
	perName    = 1
	perAnswer  = 3
)

// usesVocabulary reports whether the model is known to use Vocabulary, as all of OpenAI's
// models from gpt-4o to gpt-5.6 do. Of later ones that is not known: OpenAI's tokenizer
// did not list them on 2026-11-26.
func usesVocabulary(name string) bool {
	base := model.Base(name)
	for _, family := range []string{"gpt-4o", "chatgpt-4o", "gpt-4.1", "gpt-4.5", "gpt-5", "o1", "o3", "o4"} {
		// "gpt-5.1", "o3-mini"; but not "o1000".
		if rest, ok := strings.CutPrefix(base, family); ok && (rest == "" || strings.ContainsAny(rest[:1], "-.")) {
			return true
		}
	}
	return false
}

// A counter counts tokens. It is safe for concurrent use.
type counter struct {
	codec *codec.Codec

	// Instructions and demonstrations are repeated from prompt to prompt: the counts of
	// earlier lines are cached, which is many times faster.
	mu    sync.RWMutex
	lines map[string]int
	size  int // total length of the text in lines, in bytes
}

// maxCached is the maximum total length of the cached lines, in bytes.
const maxCached = 16 << 20

// PromptTokens counts the tokens of a request's prompt.
func PromptTokens(q *wire.Request) int64 { return newCounter().request(q.Path, q.Body).input }

func newCounter() *counter {
	return &counter{codec: codec.NewO200kBase(), lines: map[string]int{}}
}

// counted is what a request body says about its size.
type counted struct {
	input  int64  // prompt tokens
	text   string // of the prompt
	bound  int64  // limit of the answer; 0 means no limit
	effort string // how much the model is to reason; "" if the body does not say
}

// request counts the prompt tokens of a request body, and finds what limits its answer.
func (c *counter) request(path string, body []byte) (n counted) {
	gjson.ParseBytes(body).ForEach(func(key, v gjson.Result) bool {
		switch {
		case key.Str == "messages" && path == wire.Chat:
			n.input += c.messages(v, &n.text)
		case key.Str == "prompt" && path == wire.Completions:
			n.input += c.texts(v, &n.text)
		case key.Str == "max_tokens" || key.Str == "max_completion_tokens":
			n.bound = max(0, v.Int())
		case key.Str == "reasoning_effort":
			n.effort = v.Str
		}
		return true
	})
	return n
}

func (c *counter) messages(list gjson.Result, all *string) int64 {
	n := int64(perAnswer)
	list.ForEach(func(_, message gjson.Result) bool {
		n += perMessage
		message.ForEach(func(key, v gjson.Result) bool {
			switch key.Str {
			case "name":
				n += perName + c.texts(v, new(string))
			case "role":
				n += c.texts(v, new(string))
			case "content":
				n += c.texts(v, all)
			}
			return true
		})
		return true
	})
	return n
}

// texts counts a text, or the texts in a list of parts: strings, or objects with a text. It
// appends them to all. Other parts, such as images, are not counted.
func (c *counter) texts(v gjson.Result, all *string) (n int64) {
	switch {
	case v.Type == gjson.String:
		*all += v.Str
		return int64(c.text(v.Str))
	case v.IsArray():
		v.ForEach(func(_, part gjson.Result) bool {
			n += c.texts(part, all)
			return true
		})
	case v.IsObject():
		n = c.texts(v.Get("text"), all)
	}
	return n
}

// text counts the tokens of s line by line. The sum is exact: by the vocabulary's
// splitting rules, no token extends past the end of a line unless white space or a slash
// follows.
func (c *counter) text(s string) (n int) {
	for begin, i := 0, 0; begin < len(s); {
		next := strings.IndexByte(s[i:], '\n')
		if next < 0 {
			return n + c.line(s[begin:])
		}
		i += next + 1
		if r, _ := utf8.DecodeRuneInString(s[i:]); i == len(s) || r != '/' && !unicode.IsSpace(r) {
			n += c.line(s[begin:i])
			begin = i
		}
	}
	return n
}

func (c *counter) line(s string) int {
	c.mu.RLock()
	n, ok := c.lines[s]
	c.mu.RUnlock()
	if ok {
		return n
	}
	n = c.count(s)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size+len(s) > maxCached {
		clear(c.lines)
		c.size = 0
	}
	if _, ok := c.lines[s]; !ok {
		c.lines[strings.Clone(s)] = n
		c.size += len(s)
	}
	return n
}

func (c *counter) count(s string) int {
	n, err := c.codec.Count(s)
	if err != nil {
		panic(err) // fails only after a match timeout, and none is set
	}
	return n
}
