package verify_test

import (
	"testing"

	"nertools/pkg/record"
	"nertools/pkg/verify"
)

// TestReasoningIsNoVerdict: what a model says on its way to a verdict does not
// count, and without a verdict behind it there is no answer.
func TestReasoningIsNoVerdict(t *testing.T) {
	sentences := []string{"Ada Li met Bob Li .", "Ada Li typed <think> , [THINK] and </think> .", "analysis <|channel|> by Ada Li : <reasoning>"}
	for _, n := range []struct{ name, open, close string }{
		{"think", "<think>", "</think>"},
		{"thinking", "<thinking>\n", "\n</thinking>\n\n"},
		{"reasoning, in a wrapper", "<reasoning>", "</reasoning>\n<answer>"},
		{"Magistral", "[THINK]", "[/THINK]"},
		{"Kimi", "◁think▷", "◁/think▷"},
		{"Gemma", "<|channel>thought\n", "<channel|>"},
		{"Command", "<|START_THINKING|>", "<|END_THINKING|><|START_RESPONSE|>"},
		{"harmony", "<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"},
		{"harmony without tokens", "analysis", "assistantfinal"},
	} {
		for _, sentence := range sentences {
			thought := "Yes? The sentence is \"" + sentence + "\" No, or\nanswer: yes\n"
			for _, c := range []struct {
				position, output string
				want             verify.Verdict
			}{
				{"yes behind it", n.open + "No. " + thought + n.close + "Yes.", verify.Yes},
				{"no behind it", n.open + thought + n.close + "no", verify.No},
				{"neither behind it", n.open + thought + n.close + "Hard to say.", verify.Unclear},
				{"no opening tag", thought + "\n" + n.close + "\nno", verify.No},
				{"unclosed", n.open + "We say: " + thought, verify.Failed},
				{"nothing behind it", n.open + thought + n.close, verify.Failed},
				{"several", n.open + thought + n.close + "\n" + n.open + thought + n.close + "no", verify.No},
			} {
				if n.open == "<|channel|>analysis<|message|>" && c.position == "several" || n.open == "analysis" && c.position == "several" {
					continue // what follows the final channel is the answer
				}
				list := []verify.Candidate{candidate(0, "PER", sentence, 0, 2)}
				_, q := questionLines(t, list)
				verdicts, _, err := decide(list, said(q[0], c.output))
				if err != nil {
					t.Fatal(err)
				}
				if verdicts[0] != c.want {
					t.Errorf("%s, %s, %q: %q is %s, want %s", n.name, c.position, sentence, c.output, verdicts[0], c.want)
				}
			}
		}
	}
}

// TestAnIncompleteVerdictIsNone: a verdict counts only if its answer is complete,
// as any other answer.
func TestAnIncompleteVerdictIsNone(t *testing.T) {
	list := found()[:1]
	_, q := questionLines(t, list)
	for finish, want := range map[string]verify.Verdict{"stop": verify.No, "EOS": verify.No, "": verify.No, "length": verify.Failed, "abort": verify.Failed, "odd": verify.Failed} {
		line := record.AppendResult(nil, &record.Result{ID: q[0].ID, Index: q[0].Index, Output: "no", FinishReason: finish, Extra: q[0].Extra})
		verdicts, _, err := decide(list, string(line))
		if err != nil || verdicts[0] != want {
			t.Errorf("%q: got %v, %v, want %s", finish, verdicts, err, want)
		}
	}
}
