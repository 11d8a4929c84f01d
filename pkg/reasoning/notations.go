package reasoning

import (
	"slices"
	"strings"
)

// notations lists the tags that models put around their reasoning, with the models or
// servers that use them. Case is ignored, except for tags in square brackets.
var notations = []struct{ open, close string }{
	{"<think>", "</think>"},                        // most: DeepSeek, Qwen, GLM, Hunyuan, MiniMax, Nemotron, Phi
	{"<thinking>", "</thinking>"},                  // Claude and others, if the prompt asks for it
	{"<thought>", "</thought>"},                    // EXAONE Deep, Marco
	{"<thoughts>", "</thoughts>"},                  //
	{"<reasoning>", "</reasoning>"},                // fine-tuned models
	{"<reflection>", "</reflection>"},              // Reflection
	{"<analysis>", "</analysis>"},                  //
	{"<scratchpad>", "</scratchpad>"},              //
	{"<antthinking>", "</antthinking>"},            // Claude
	{"<seed:think>", "</seed:think>"},              // Seed-OSS
	{"<longcat_think>", "</longcat_think>"},        // LongCat
	{"<|think|>", "<|/think|>"},                    // Gemma on devices, Solar
	{"<|start_thinking|>", "<|end_thinking|>"},     // Command A, Command R
	{"<|begin_of_thought|>", "<|end_of_thought|>"}, // OpenThoughts
	{"<|inner_prefix|>", "<|inner_suffix|>"},       // Apertus
	{"<|channel>", "<channel|>"},                   // Gemma 4
	{"<unused94>", "<unused95>"},                   // MedGemma
	{"[THINK]", "[/THINK]"},                        // Magistral
	{"◁think▷", "◁/think▷"},                        // Kimi
}

// channelTokens are the special tokens around messages in channels, as gpt-oss writes
// them.
var channelTokens = []string{tokenStart, tokenChannel, tokenMessage, tokenConstrain, "<|end|>", "<|return|>", "<|call|>"}

const (
	tokenStart     = "<|start|>"
	tokenChannel   = "<|channel|>"
	tokenMessage   = "<|message|>"
	tokenConstrain = "<|constrain|>"
)

// plainFinal is what remains of gpt-oss's tokens between reasoning and answer when a
// server removes special tokens.
const plainFinal = "assistantfinal"

// wordings lists phrases that begin an answer with reasoning, and the phrases that end
// that reasoning.
var wordings = []struct {
	opens, closes []string
	unopened      bool // closes counts even without opens
	unclosed      bool // opens counts even without closes
	glued         bool // opens counts without closes if a letter other than a lower-case one follows directly
}{
	{opens: []string{"analysis", "assistantanalysis"}, closes: []string{plainFinal}, unopened: true, glued: true},
	{opens: []string{"Here is my thought process:", "Here's my thought process:"}, closes: []string{"Here is my response:", "Here's my response:"}, unclosed: true}, // Granite 3
	{opens: []string{"## Thinking\n"}, closes: []string{"## Final Response\n"}},                                                                                     // HuatuoGPT-o1
}

// wrappers are what models put around the answer after their reasoning.
var wrappers = []struct{ open, close string }{
	{"<answer>", "</answer>"},
	{"<final_answer>", "</final_answer>"},
	{"<final>", "</final>"},
	{"<response>", "</response>"},
	{"<output>", "</output>"},
	{"<solution>", "</solution>"},
}

// frames are the special tokens around the answer of models that write their reasoning
// between special tokens.
var frames = []string{
	"<|start_response|>", "<|end_response|>", "<|start_text|>", "<|end_text|>", // Command
	"<|begin_of_solution|>", "<|end_of_solution|>", // OpenThoughts
	"<|begin_of_box|>", "<|end_of_box|>", // GLM
}

// tag is a tag found in a text.
type tag struct {
	from, to int
	spelling
}

// spelling is one of the two tags of a notation, or a channel token.
type spelling struct {
	kind     kind
	notation int // index of its notation
	name     string
}

type kind uint8

const (
	opens kind = iota + 1
	closes
	token // of channels
	frame
)

// spellings maps names to tags; names whose case is ignored are in lower case.
var spellings = func() map[string]spelling {
	all := map[string]spelling{}
	for i, n := range notations {
		all[n.open] = spelling{opens, i, n.open}
		all[n.close] = spelling{closes, i, n.close}
	}
	for _, name := range frames {
		all[name] = spelling{frame, -1, name}
	}
	for _, name := range channelTokens {
		all[name] = spelling{token, -1, name}
	}
	return all
}()

// brackets are the ways in which tags begin and end.
var brackets = []struct {
	open, close string
	fold        bool
}{{"<", ">", true}, {"[", "]", false}, {"◁", "▷", true}}

var longestTag = func() (n int) {
	for name := range spellings {
		n = max(n, len(name))
	}
	return n
}()

// appendTags appends the tags in text, in order.
func appendTags(tags []tag, text string) []tag {
	for _, b := range brackets {
		for i := 0; i < len(text); {
			n := strings.Index(text[i:], b.open)
			if n < 0 {
				break
			}
			i += n
			part := text[i:min(len(text), i+longestTag)]
			n = strings.Index(part, b.close)
			if n < 0 {
				i += len(b.open)
				continue
			}
			name := part[:n+len(b.close)]
			if b.fold {
				name = strings.ToLower(name)
			}
			if s, ok := spellings[name]; ok {
				tags = append(tags, tag{i, i + n + len(b.close), s})
				i += n
			}
			i += len(b.open)
		}
	}
	slices.SortFunc(tags, func(a, b tag) int { return a.from - b.from })
	return tags
}
