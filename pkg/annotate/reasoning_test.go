package annotate_test

import (
	"bytes"
	"strings"
	"testing"

	"nertools/pkg/annotate"
	"nertools/pkg/collect"
	"nertools/pkg/record"
)

// TestReasoningIsNotPartOfTheAnswer: whatever the notation, wherever the
// reasoning stands, and whatever the sentence holds, only what the model answers
// becomes entities and lines of a results file, be it marked text or a list.
func TestReasoningIsNotPartOfTheAnswer(t *testing.T) {
	notations := []struct{ name, open, close string }{
		{"think", "<think>", "</think>"},
		{"thinking", "<thinking>\n", "\n</thinking>\n"},
		{"reasoning", "<reasoning>", "</reasoning>"},
		{"Magistral", "[THINK]", "[/THINK]"},
		{"Kimi", "◁think▷", "◁/think▷"},
		{"Gemma", "<|channel>thought\n", "<channel|>"},
		{"Command", "<|START_THINKING|>", "<|END_THINKING|><|START_RESPONSE|>"},
		{"harmony", "<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"},
		{"harmony without tokens", "analysis", "assistantfinal"},
	}
	sentences := []struct{ text, marked string }{
		{"Ana Souza flew to Lima .", "@@Ana Souza## flew to Lima ."},
		{"Ana Souza typed <think> and left Lima .", "@@Ana Souza## typed <think> and left Lima ."},
		{"</think> is a tag of Ana Souza in Lima", "</think> is a tag of @@Ana Souza## in Lima"},
		{"[THINK] or ◁think▷ , Ana Souza , Lima", "[THINK] or ◁think▷ , @@Ana Souza## , Lima"},
		{"analysis by Ana Souza , Lima : <reasoning> no </reasoning>", "analysis by @@Ana Souza## , Lima : <reasoning> no </reasoning>"},
		{"Ana Souza wrote <|channel|>analysis<|message|> in Lima", "@@Ana Souza## wrote <|channel|>analysis<|message|> in Lima"},
	}
	const draft = `So @@Lima## and ["Lima"]?`
	for _, n := range notations {
		channels := strings.HasPrefix(n.name, "harmony")
		for _, s := range sentences {
			// A thought may quote the sentence.
			thought := "The sentence is:\n" + s.text + "\nThe draft:\n" + strings.Replace(s.text, "Lima", "@@Lima##", 1) + "\n" + draft + "\n"
			for _, answer := range []string{s.marked, `["Ana Souza"]`, `{"entities":["Ana Souza"]}`} {
				for _, c := range []struct {
					position, text string
					answered       bool
				}{
					{"before", n.open + thought + n.close + answer, true},
					{"unclosed", n.open + "We have " + thought, false},
					{"alone", n.open + "We have " + thought + n.close, false},
					{"no opening tag", thought + n.close + "\n" + answer, true},
					{"several", n.open + draft + n.close + "\n" + n.open + thought + n.close + answer, true},
					{"after", answer + "\n" + n.open + thought + n.close, true},
					{"after, unclosed", answer + "\n" + n.open + thought, true},
				} {
					if channels && (c.position == "several" || strings.HasPrefix(c.position, "after")) {
						continue // the final channel ends the answer
					}
					name := n.name + ", " + c.position + ", " + s.text + ", " + answer
					r := collect.New(collect.Options{Join: true})
					line := record.AppendResult(nil, &record.Result{ID: record.NewID("test", 0, nil), Total: 1, Label: "PER", Context: s.text, Output: c.text})
					if _, err := r.Read("r.jsonl", bytes.NewReader(line)); err != nil {
						t.Fatal(err)
					}
					j, err := annotate.Join(r, annotate.Options{})
					if err != nil {
						t.Fatal(err)
					}
					var found, unanswered []string
					err = j.Each(t.Context(), func(s *annotate.Annotation) error {
						for _, e := range s.Entities {
							found = append(found, strings.Join(s.Tokens[e.Start:e.End], " ")+" "+e.How.String())
						}
						unanswered = s.Unanswered
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
					row := r.Row(0)
					switch {
					case c.answered && (!row.OK() || row.Line != answer || strings.Join(found, ", ") != "Ana Souza exact"):
						t.Errorf("%s: line %q, found %q", name, row.Line, found)
					case !c.answered && (row.OK() || row.Failure.Class != record.Empty || len(found) > 0 || len(unanswered) != 1 || strings.Contains(row.Line, "Lima")):
						t.Errorf("%s: line %q, found %q", name, row.Line, found)
					}
				}
			}
		}
	}
}
