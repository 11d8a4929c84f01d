package price

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"nertools/pkg/wire"
)

// The counts of these texts are those that OpenAI's cookbook shows for
// o200k_base (How_to_count_tokens_with_tiktoken.ipynb).
func TestKnownCounts(t *testing.T) {
	c := newCounter()
	for _, k := range []struct {
		text string
		want int
	}{
		{"", 0},
		{"tiktoken is great!", 6},
		{"antidisestablishmentarianism", 6},
		{"2 + 2 = 4", 7},
		{"お誕生日おめでとう", 8},
		{"hello world", 2},
		{"<|endoftext|>", 7}, // a text like others, in a prompt
	} {
		if got := c.text(k.text); got != k.want {
			t.Errorf("%q: got %d, want %d", k.text, got, k.want)
		}
	}
}

// A message costs its text (2 tokens here), its role (1) and 3 more, its name that
// name's tokens (1) and 1 more, and the answer begins with 3: the rule that
// OpenAI's cookbook gives, whose own example of 124 tokens it was checked with.
func TestChatFormatAddsItsTokens(t *testing.T) {
	const body = `{"model":"gpt-4o","messages":[
{"role":"system","content":"hello world"},
{"role":"system","name":"hello","content":"hello world"},
{"role":"user","content":"hello world"}],"max_tokens":7}`
	n := newCounter().request(wire.Chat, []byte(body))
	if n != (counted{input: 6 + 8 + 6 + 3, text: "hello worldhello worldhello world", bound: 7}) {
		t.Errorf("got %+v", n)
	}
}

func TestRequestsOfAnyForm(t *testing.T) {
	c := newCounter()
	for _, k := range []struct {
		path, body   string
		input, bound int64
	}{
		{wire.Chat, `{"messages":[{"role":"user","content":"hello world"}]}`, 3 + 1 + 2 + 3, 0},
		{wire.Chat, `{"max_completion_tokens":9,"messages":[{"role":"user","content":"hello world"}]}`, 9, 9},
		{wire.Chat, `{"messages":[{"role":"user","content":[{"type":"text","text":"hello world"},{"type":"image_url","image_url":{"url":"data:"}}]}]}`, 9, 0},
		{wire.Chat, `{"messages":[{"role":"assistant","content":null}]}`, 3 + 1 + 3, 0},
		{wire.Chat, `{"messages":[{"role":"user","content":"hello\u0020world"}],"max_tokens":-1}`, 9, 0},
		{wire.Chat, `{"prompt":"hello world"}`, 0, 0},
		{wire.Completions, `{"prompt":"hello world","max_tokens":3}`, 2, 3},
		{wire.Completions, `{"prompt":["hello world","hello"]}`, 3, 0},
	} {
		if n := c.request(k.path, []byte(k.body)); n.input != k.input || n.bound != k.bound {
			t.Errorf("%s: got %+v", k.body, n)
		}
	}
}

// Counting line by line, and from memory, gives what counting the whole gives.
func TestCountByLinesIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"\n", "\n\n", "\r\n", " ", "  ", "\t", "/", "//", ".", "!", "'s", "'", "@@", "##", "Ada", "met", "ab", "X", "1", "2345", "é", "ไทย", "你好", "\u00a0", "\u3000", "\u2028", "\u200b", "\x00", "🙂", "\u0301", "\xff"}
	c := newCounter()
	for range 20_000 {
		var b strings.Builder
		for range r.IntN(24) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		if got, want := c.text(b.String()), c.count(b.String()); got != want {
			t.Fatalf("%q: got %d, want %d", b.String(), got, want)
		}
	}
}

func FuzzCountByLines(f *testing.F) {
	for _, s := range []string{"a \n/b\n\nc's\r\n d", "", "\r\n \r\n", "if x {\n\treturn 1234567\n}\n", "กรุงเทพ\n我是 \n", "e\u0301\n\xff", "<|endoftext|>\n"} {
		f.Add(s)
	}
	c := newCounter()
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := c.text(s), c.count(s); got != want {
			t.Errorf("%q: got %d, want %d", s, got, want)
		}
	})
}

func TestRememberedLinesStayWithinBounds(t *testing.T) {
	c := newCounter()
	c.size = maxCached - 1000 // as if full of others
	for i := range 200 {
		c.line(fmt.Sprint("a line of its own: ", i))
	}
	held := 0
	for line := range c.lines {
		held += len(line)
	}
	if held != c.size || held == 0 || held > maxCached {
		t.Errorf("%d bytes held, %d noted", held, c.size)
	}
}

func TestModelsWhoseVocabularyIsKnown(t *testing.T) {
	for model, want := range map[string]bool{
		"gpt-4o": true, "gpt-4o-mini-2024-07-18": true, "chatgpt-4o-latest": true, "gpt-4.1-nano": true, "gpt-5": true, "gpt-5.4-mini": true, "gpt-5.6-luna": true,
		"o1": true, "o3-mini": true, "o4-mini": true, "ft:gpt-4o-mini-2024-07-18:org::id": true, "ft:gpt-4.1:org": true, "openai/gpt-5-nano": true,
		"gpt-4": false, "gpt-4-turbo": false, "gpt-3.5-turbo": false, "ft:gpt-3.5-turbo:org": false, "davinci-002": false, "o1000": false, "llama-3": false, "gpt-6-luna": false, "": false,
	} {
		if got := usesVocabulary(model); got != want {
			t.Errorf("%q: got %v", model, got)
		}
	}
}
