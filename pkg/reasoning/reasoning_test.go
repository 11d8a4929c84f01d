package reasoning_test

import (
	"strings"
	"testing"
	"unicode"

	"nertools/pkg/reasoning"
)

// thought is a notation: what stands before and after a thought.
type thought struct{ name, open, close string }

var thoughts = []thought{
	{"think", "<think>", "</think>"},
	{"think in capitals", "<THINK>", "</Think>"},
	{"think with line breaks", "<think>\n", "\n</think>\n\n"},
	{"thinking", "<thinking>", "</thinking>"},
	{"thought", "<thought>", "</thought>"},
	{"reasoning", "<reasoning>", "</reasoning>"},
	{"reflection", "<reflection>", "</reflection>"},
	{"analysis", "<analysis>", "</analysis>"},
	{"scratchpad", "<scratchpad>", "</scratchpad>"},
	{"Seed-OSS", "<seed:think>", "</seed:think>"},
	{"LongCat", "<longcat_think>", "</longcat_think>"},
	{"Magistral", "[THINK]", "[/THINK]"},
	{"Kimi", "◁think▷", "◁/think▷"},
	{"Gemma", "<|channel>thought\n", "<channel|>"},
	{"MedGemma", "<unused94>thought\n", "<unused95>"},
	{"Command", "<|START_THINKING|>", "<|END_THINKING|>"},
	{"OpenThoughts", "<|begin_of_thought|>\n\n", "\n\n<|end_of_thought|>\n\n"},
	{"Apertus", "<|inner_prefix|>", "<|inner_suffix|>"},
}

// messages are notations of messages in channels, around a thought and an answer.
var messages = []struct{ name, open, between, close string }{
	{"harmony", "<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>", "<|return|>"},
	{"harmony from the start", "<|start|>assistant<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>", ""},
	{"harmony with a constraint", "<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final <|constrain|>json<|message|>", "<|end|>"},
	{"harmony without the tokens", "analysis", "assistantfinal", ""},
	{"harmony without start tokens", "<|channel|>analysis<|message|>", "<|end|>assistant<|channel|>final<|message|>", ""},
	{"harmony without channel tokens", "analysis<|message|>", "<|end|><|start|>assistantfinal<|message|>", ""},
	{"harmony without message tokens", "<|channel|>analysis", "<|end|><|channel|>final", ""},
	{"harmony, the answer in no channel", "<|channel|>analysis<|message|>", "<|end|>", ""},
	{"Granite", "Here is my thought process:\n", "\nHere is my response:\n", ""},
	{"HuatuoGPT", "## Thinking\n\n", "\n\n## Final Response\n\n", ""},
}

func TestReasoningIsNotPartOfTheAnswer(t *testing.T) {
	const (
		thinking = "Ana Souza flew to @@Lima## . Hmm, [\"Lima\"] is a place: \"no\""
		answer   = "@@Ana Souza## flew to Lima ."
		sentence = "Ana Souza flew to Lima ."
	)
	for _, n := range thoughts {
		block := n.open + thinking + n.close
		for _, c := range []struct{ name, text, want string }{
			{"before", block + answer, answer},
			{"before, white space between", " \n" + block + "\n\n  " + answer + "\n", answer},
			{"unclosed", n.open + thinking, ""},
			{"nothing else", block, ""},
			{"no opening tag", thinking + n.close + answer, answer},
			{"no opening tag and nothing else", thinking + n.close, ""},
			{"several", block + block + answer + block, answer},
			{"several with text between", block + "Result:" + block + answer, "Result:\n" + answer},
			{"nested", n.open + thinking + block + thinking + n.close + answer, answer},
			{"nested, and nothing else", n.open + thinking + block + thinking + n.close, ""},
			{"opened twice", n.open + n.open + thinking + n.close + answer, answer},
			{"closed twice", block + answer + n.close, answer},
			{"closed twice before the answer", block + thinking + n.close + answer, answer},
			{"closed by another notation", n.open + thinking + "</reason></thinking>" + answer, answer},
			{"mentioned", n.open + "I close with `" + strings.TrimSpace(n.close) + "`." + n.close + answer, answer},
			{"after", answer + "\n" + block, answer},
			{"after, unclosed", answer + n.open + thinking, answer},
			{"an empty thought", n.open + n.close + answer, answer},
			{"in a wrapper", block + "<answer>\n" + answer + "\n</Answer>", answer},
			{"between special tokens", block + "<|begin_of_box|>" + answer + "<|end_of_box|>", answer},
			{"in a wrapper that is not closed", block + "<|START_RESPONSE|>" + answer, answer},
			{"another notation inside", n.open + "<scratchpad>" + thinking + n.close + answer, answer},
			{"the answer of a server that adds tags", "<think>" + block + "</think>" + answer, answer},
		} {
			if n.name == "scratchpad" && c.name == "another notation inside" {
				continue // not another one
			}
			wantSplit(t, n.name+", "+c.name, c.text, sentence, c.want)
		}
	}
	for _, n := range messages {
		for _, c := range []struct{ name, text, want string }{
			{"before", n.open + thinking + n.between + answer + n.close, answer},
			{"behind a thought", "<think></think>" + n.open + thinking + n.between + answer + n.close, answer},
			{"unclosed", n.open + thinking, ""},
			{"nothing else", n.open + thinking + n.between, ""},
		} {
			if n.name == "HuatuoGPT" && c.name == "unclosed" {
				continue // the heading alone could be anything
			}
			wantSplit(t, n.name+", "+c.name, c.text, sentence, c.want)
		}
	}
	for _, c := range []struct{ name, text, want string }{
		{"only the final channel", "<|channel|>final<|message|>" + answer, answer},
		{"the opening tokens are part of the prompt", thinking + "<|end|><|start|>assistant<|channel|>final<|message|>" + answer, answer},
		{"commentary", "<|channel|>commentary<|message|>" + thinking + "<|end|><|start|>assistant<|channel|>final<|message|>" + answer, answer},
		{"the answer in commentary", "<|channel|>analysis<|message|>" + thinking + "<|end|><|start|>assistant<|channel|>commentary<|message|>" + answer + "<|end|>", answer},
		{"a role in the place of a channel", "<|channel|>analysis<|message|>" + thinking + "<|end|><|channel|>assistant<|message|>" + answer, answer},
		{"a last token", answer + "<|return|>", answer},
		{"several thoughts", "analysis" + thinking + "assistantanalysis" + thinking + "assistantfinal" + answer, answer},
		{"no opening word", thinking + "assistantfinal" + answer, answer},
		{"no letters around it", "analysis我想想。assistantfinal" + answer, answer},
		{"without tokens, unclosed", "analysisWe have to mark @@Lima##", ""},
		{"without tokens, unclosed, not Latin", "analysis我想想", ""},
	} {
		wantSplit(t, c.name, c.text, sentence, c.want)
	}
}

func wantSplit(t *testing.T, name, answer, sentence, want string) {
	t.Helper()
	thought, rest := reasoning.Split(answer, sentence)
	if rest != want {
		t.Errorf("%s: %q left %q, want %q", name, answer, rest, want)
	}
	if letters(thought)+letters(rest) != letters(answer) {
		t.Errorf("%s: %q became %q and %q: not all of it is there once", name, answer, thought, rest)
	}
	if thought, again := reasoning.Split(rest, sentence); again != rest || thought != "" {
		t.Errorf("%s: %q became %q when split again", name, rest, again)
	}
}

// letters counts what is not white space.
func letters(s string) (n int) {
	for _, r := range s {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

func TestWhatMayBeTextIsText(t *testing.T) {
	for _, sentence := range []string{
		"I typed <think> and left .",
		"<think> is a tag .",
		"He closed it with </think>",
		"< think > and < / think > are tags .",
		"[THINK] twice, [/THINK] and ◁think▷ once",
		"Use <reasoning> Ana </reasoning> here .",
		"analysisWe is no word",
		"analysis of the assistantfinal state",
		"Here is my thought process: none",
		"<|channel|>analysis<|message|> is harmony .",
		"<think>",
		"<|channel>thought , said Ana <channel|> then",
	} {
		for _, answer := range []string{
			sentence,
			strings.ReplaceAll(sentence, "Ana", "@@Ana##"),
			strings.ReplaceAll(sentence, "<think>", "@@<think>##"),
			strings.Replace(strings.Replace(sentence, "< think >", "<think>", 1), "< / think >", "</think>", 1),
		} {
			if thought, rest := reasoning.Split(answer, sentence); thought != "" || rest != answer {
				t.Errorf("%q, a copy of %q: got %q and %q", answer, sentence, thought, rest)
			}
		}
		if sentence == "<think>" {
			continue // nothing tells it from a tag, if it is not alone
		}
		// A thought about it, in the notations that the sentence does not have.
		for _, n := range thoughts {
			if strings.Contains(strings.ToLower(strings.ReplaceAll(sentence, " ", "")), strings.ToLower(strings.TrimSpace(n.open[:6]))) {
				continue
			}
			wantSplit(t, n.name, n.open+"It says: "+sentence+"\nNo entity."+n.close+"\n"+sentence, sentence, sentence)
		}
	}
	// In the notation of the sentence, on lines of its own.
	for _, sentence := range []string{"I typed <think> and left .", "He wrote <think> and </think> twice .", "<think> is a tag ."} {
		wantSplit(t, "the same notation", "<think>\nIt says: "+sentence+"\nNo entity.\n</think>\n"+sentence, sentence, sentence)
	}
	for _, c := range []struct{ answer, sentence string }{
		{"I typed <think> and left .", ""},
		{"@@Ana## wrote <think> and </think> twice .", ""},
		{`["<think>"]`, "I typed <think> and left ."},
		{`["a <think>", "b"]`, "It has a <think> and b ."},
		{"The sentence mentions `<think>`, which is no entity.", ""},
		{"“</think>” is a tag", ""},
		{"analysis of data", ""},
		{"analysis", ""},
		{"Analysis: none", ""},
		{"1 < 2 and 3 > 2", ""},
		{"<thinker>Ana</thinker> <b>x</b> <think", ""},
		{"[think] Ana [/think]", ""},
		{"## Thinking\nabout Ana", ""},
		{"<answer>yes</answer>", ""},
		{"<PER>Ana</PER>", ""},
		{" Ana \n", ""},
		{"", ""},
	} {
		if thought, rest := reasoning.Split(c.answer, c.sentence); thought != "" || rest != c.answer {
			t.Errorf("%q: got %q and %q", c.answer, thought, rest)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("<think>", "a", "</think>", "b", "c")
	f.Add("", "analysisWe", "assistantfinal", "b", "analysis")
	f.Add("<|channel|>analysis<|message|>", "a", "<|end|><|start|>assistant<|channel|>final<|message|>", "b", "I typed <think> .")
	f.Add("I typed @@<think>## <th", "<think>", "</think>", "ink> .", "I typed <think> .")
	f.Fuzz(func(t *testing.T, before, open, close, after, sentence string) {
		answer := before + open + close + after
		thought, rest := reasoning.Split(answer, sentence)
		if letters(thought)+letters(rest) != letters(answer) {
			t.Errorf("%q became %q and %q: not all of it is there once", answer, thought, rest)
		}
		if thought == "" && rest != answer {
			t.Errorf("%q became %q without reasoning", answer, rest)
		}
		if _, again := reasoning.Split(rest, sentence); again != rest {
			t.Errorf("%q became %q, and that became %q", answer, rest, again)
		}
		if strings.ContainsAny(before+after, "<>[]◁▷\"'`“‘「") || strings.Contains(before+after, "final") || strings.Contains(before+after, ":") || strings.Contains(before, "analysis") || strings.Contains(before, "#") {
			return
		}
		// What is around a thought is text, whatever it is.
		answer = before + "<think>" + "x" + "</think>" + after
		want := strings.TrimSpace(before) + "\n" + strings.TrimSpace(after)
		if _, rest := reasoning.Split(answer, ""); rest != strings.TrimSpace(want) && !strings.HasPrefix(strings.TrimSpace(rest), "analysis") && !strings.Contains(after, "analysis") {
			t.Errorf("%q left %q", answer, rest)
		}
	})
}

var sink string

func BenchmarkSplit(b *testing.B) {
	const sentence = "The European Commission said on Thursday it disagreed with German advice to consumers to shun British lamb until scientists determine whether mad cow disease can be transmitted to sheep ."
	for _, c := range []struct{ name, answer string }{
		{"marks", "The @@European Commission## said on Thursday it disagreed with German advice to consumers to shun British lamb until scientists determine whether mad cow disease can be transmitted to sheep ."},
		{"list", `["European Commission"]`},
		{"tags", "The <ORG>European Commission</ORG> said on Thursday it disagreed with German advice to consumers to shun British lamb until scientists determine whether mad cow disease can be transmitted to sheep ."},
		{"thought", "<think>" + strings.Repeat("The European Commission is an organisation. ", 50) + "</think>\nThe @@European Commission## said on Thursday"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.answer)))
			for b.Loop() {
				_, sink = reasoning.Split(c.answer, sentence)
			}
		})
	}
}
