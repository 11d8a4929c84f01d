package verify

import (
	"strings"
	"testing"
)

func TestTheFirstWordOfAnAnswerDecides(t *testing.T) {
	for want, answers := range map[Verdict][]string{
		Yes: {
			"yes", "Yes", "YES.", " yes\n", "\"yes\"", "'Yes'", "“Yes.”", "**Yes**", "`yes`", "```\nyes\n```", "# Yes", "- yes", "(yes)", "yes!", "Yes, it is.",
			"Yes, there is no doubt", "Yes: Ada is a person, not a place.", "Yes and it always was one.", "yes, yes", "Answer: yes", "**Answer:** Yes", "The answer is yes.", "The answer is: yes",
			"My final answer is yes", "ANSWER — YES", "The correct answer is \"Yes\".", `{"answer":"yes"}`, "```json\n{\"answer\": \"Yes\"}\n```", "{\"verdict\":\"yes\"}",
			"Ada Li is a name.\nAnswer: yes\n", "Sentence: No one came .\nPhrase: No one\nAnswer: yes", "Yes or no?\nAnswer: yes",
			"是", "是。", "是的，", "答案：是", "答案是：是", "ใช่", "ใช่ เพราะ", "\ufeffyes",
		},
		No: {
			"no", "No", "NO!", "no.", "**No**", "*no*", "> no", "No, because it is a place.", "no, not a person; yes, a place", "Answer: no", "answer:no", "Answer is no",
			`{"answer":"no"}`, `["no"]`, "The final answer is **no**.", "It is a place.\n\nThe answer is no.", "否", "不是", "不是的。", "答案：不是", "否，因为", "ไม่ใช่", "no\u2028maybe",
		},
		Unclear: {
			"", " ", "...", "maybe", "yes and no", "Yes/No", "yes or no", "No. Yes.", "no and yes", "yes, no", "Yes\nNo", "\"yes\" or \"no\"", "Answer: yes or no", "yes — no question", "No. Yes would be wrong.", "Answer:", "answer", "The answer is", "The answer",
			"nobody", "Yesterday", "yes1", "no_", "none", "not an entity", "true", "unknown", "I think yes", "Ada Li: yes", "It is no entity", "Answer: perhaps\nAnswer: yes", "yés", "no\u0301",
			"是否", "是一个人名", "不", "对", "oui", "ja", "нет", strings.Repeat("the ", 1000) + "answer is yes", strings.Repeat("is ", 100), "answer answer yes",
		},
	} {
		for _, answer := range answers {
			if got := readAnswer(answer); got != want {
				t.Errorf("%q is %s, want %s", answer, got, want)
			}
		}
	}
}

func FuzzReadAnswer(f *testing.F) {
	for _, s := range []string{"yes", "**No**", "Answer: no", "the my final correct the answer is yes or no", "yes\nand\nno", "是的", "ไม่ใช่", "\xff\xfe", "答案是：否", "İyes"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v := readAnswer(s)
		if v != Yes && v != No && v != Unclear {
			t.Fatalf("%q is %s", s, v)
		}
		if got := readAnswer(" \"**" + s + "**\"\n"); got != v {
			t.Errorf("%q is %s, and %s in quotes and bold", s, v, got)
		}
		if got := readAnswer("Answer: " + s); v != Unclear && got != v {
			// Behind a lead-in the same words say the same, but a second lead-in.
			if _, led := readLine(s); !led {
				t.Errorf("%q is %s, and %s behind a lead-in", s, v, got)
			}
		}
	})
}
