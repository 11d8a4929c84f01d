package verify

import (
	"strings"
	"unicode"
)

// A Verdict is a model's verdict on an entity.
type Verdict uint8

// The verdicts.
const (
	NotAsked Verdict = iota
	Yes
	No
	Unclear // the answer is neither yes nor no
	Failed  // there is no answer
)

// String returns "not asked", "yes", "no", "unclear" or "failed".
func (v Verdict) String() string {
	return [...]string{"not asked", "yes", "no", "unclear", "failed"}[v]
}

// verdictWords maps lower-case words to verdicts.
var verdictWords = map[string]Verdict{
	"yes": Yes, "no": No,
	"是": Yes, "是的": Yes, "不是": No, "不是的": No, "否": No,
	"ใช่": Yes, "ไม่ใช่": No,
}

// leadIns may precede the verdict if one of cues is among them.
var (
	leadIns = map[string]bool{"the": true, "my": true, "final": true, "correct": true}
	cues    = map[string]bool{"answer": true, "verdict": true, "答案": true, "答案是": true}
)

// readAnswer parses a model's answer into Yes, No or Unclear. The first word decides;
// case and surrounding punctuation are ignored: "Yes.", "**No**", "no, because it is a
// place". A lead-in may precede it: "Answer: no", "The answer is yes", {"answer":"no"}.
// If the answer begins differently, its first line with a lead-in decides. The answer is
// unclear if the opposite follows directly or after "and" or "or" ("Yes and no",
// "yes/no"). Only the words in verdictWords are verdicts.
func readAnswer(answer string) Verdict {
	if v, _ := readLine(answer); v != Unclear {
		return v
	}
	for line := range strings.Lines(answer) {
		if v, led := readLine(line); led {
			return v
		}
	}
	return Unclear
}

// readLine parses the beginning of a text, and reports whether it has a lead-in.
func readLine(text string) (v Verdict, led bool) {
	all := firstWords(text)
	words := all[:]
	i := 0
	for leadIns[words[i]] {
		i++
	}
	if led = cues[words[i]]; led {
		i++
		if words[i] == "is" {
			i++
		}
		words = words[i:]
	}
	v, ok := verdictWords[words[0]]
	if !ok {
		return Unclear, led
	}
	next := words[1]
	if next == "and" || next == "or" {
		next = words[2]
	}
	if other, ok := verdictWords[next]; ok && other != v {
		return Unclear, led
	}
	return v, led
}

// maxWords is how many words of a text are looked at: lead-in, verdict, and a possible
// contradiction.
const maxWords = 8

// firstWords returns the first words of a text in lower case, padded with empty strings;
// the last two are always empty.
func firstWords(text string) (words [maxWords + 2]string) {
	n := 0
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !inWord(r) }) {
		words[n] = strings.ToLower(word)
		if n++; n == maxWords {
			break
		}
	}
	return words
}

func inWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) || r == '_'
}
