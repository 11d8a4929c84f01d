package verify

import (
	"strings"
	"unicode"
)

// A Verdict is what a model said of an entity.
type Verdict uint8

// The verdicts.
const (
	NotAsked Verdict = iota
	Yes
	No
	Unclear // the answer is neither yes nor no
	Failed  // there is no answer
)

// String gives "not asked", "yes", "no", "unclear" or "failed".
func (v Verdict) String() string {
	return [...]string{"not asked", "yes", "no", "unclear", "failed"}[v]
}

// verdictWords are the words that are a verdict, in lower case.
var verdictWords = map[string]Verdict{
	"yes": Yes, "no": No,
	"是": Yes, "是的": Yes, "不是": No, "不是的": No, "否": No,
	"ใช่": Yes, "ไม่ใช่": No,
}

// leadIns may stand in front of the verdict, among them one of cues.
var (
	leadIns = map[string]bool{"the": true, "my": true, "final": true, "correct": true}
	cues    = map[string]bool{"answer": true, "verdict": true, "答案": true, "答案是": true}
)

// readAnswer reads a model's answer: Yes, No or Unclear. Its first word decides,
// in any case and whatever signs stand around it: "Yes.", "**No**", "no, because
// it is a place". A lead-in may stand before it: "Answer: no", "The answer is
// yes", {"answer":"no"}. If the answer begins otherwise, its first line with a
// lead-in decides. "Yes and no", "yes/no" and the like, where the opposite
// follows at once or behind "and" or "or", are unclear. Other words are no
// verdict, those of verdictWords excepted.
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

// readLine reads how a text begins, and reports whether with a lead-in.
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

// maxWords is how many words of a text are looked at: lead-in, verdict, and what
// may contradict it.
const maxWords = 8

// firstWords gives the first words of a text in lower case. The last two, and
// all that the text does not have, are empty.
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
