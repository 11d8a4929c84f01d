package score

import (
	"slices"
	"strings"

	"nertools/pkg/markup"
)

// A Case is one row of a published score: a sentence, a label, and the answer.
type Case struct {
	Label    string
	Sentence string
	Answer   string        // as received; "" if absent
	Gold     []markup.Span // as in the row; duplicates count separately
}

// CountPublished counts as the evaluation behind the published GPT-NER figures does, for
// comparison with them. It is not a fair measure: an entity that does not occur in the
// sentence costs nothing by itself, but everything marked after it is lost.
//
// Sentence and answer are split into words as by [markup.AppendTokens]. A word of more
// than two characters that begins with "@@" is an opening word; one that ends with "##"
// is a closing word. A cursor moves through the sentence while the words of the answer
// are read in order:
//
//   - For an opening word, the first closing word from itself on is its end. If there
//     is one, the words up to it, without the marks at both ends, are searched for in
//     the sentence, from the cursor on. If they are found, they are a candidate, and
//     the cursor moves to its first word. If not, the cursor moves to the end of the
//     sentence, and nothing is counted.
//   - From an opening word, even one without an end, to the next closing word, the
//     cursor does not move.
//   - A closing word never moves the cursor, whether or not something was open.
//   - Every other word moves the cursor on by one word.
//
// So the cursor lags behind by the length of each entity. A candidate equal to a gold
// span that is still free takes it and is a true positive; any other candidate is a false
// positive. Gold spans left over are false negatives.
func CountPublished(sentence, answer string, gold []markup.Span) Counts {
	words := markup.AppendTokens(nil, sentence)
	said := markup.AppendTokens(nil, answer)
	left := slices.Clone(gold)
	var c Counts
	cursor, open, end := 0, false, -1
	for i, word := range said {
		if opens(word) {
			open = true
			if end < i {
				end = from(said, i, closes)
			}
			if end < len(said) {
				cursor = find(words, cursor, said[i:end+1])
				if cursor < len(words) {
					candidate := markup.Span{Start: cursor, End: cursor + end + 1 - i}
					if k := slices.Index(left, candidate); k >= 0 {
						left = slices.Delete(left, k, k+1)
						c.TP++
					} else {
						c.FP++
					}
				}
			}
		}
		switch {
		case closes(word):
			open = false
		case !open:
			cursor++
		}
	}
	c.FN = len(left)
	return c
}

func opens(word string) bool  { return len(word) > 2 && strings.HasPrefix(word, markup.Open) }
func closes(word string) bool { return len(word) > 2 && strings.HasSuffix(word, markup.Close) }

// from returns the first i >= start for which is(words[i]) is true, or len(words).
func from(words []string, start int, is func(string) bool) int {
	for i := start; i < len(words); i++ {
		if is(words[i]) {
			return i
		}
	}
	return len(words)
}

// find returns the position of the marked words, without their marks, in words, at or
// after start; or len(words) if they don't occur.
func find(words []string, start int, marked []string) int {
	end := len(marked) - 1
	first, last := strings.TrimPrefix(marked[0], markup.Open), strings.TrimSuffix(marked[end], markup.Close)
	if end == 0 {
		first = strings.TrimSuffix(first, markup.Close)
		last = first
	}
	for i := start; i+end < len(words); i++ {
		if words[i] == first && words[i+end] == last && (end == 0 || slices.Equal(words[i+1:i+end], marked[1:end])) {
			return i
		}
	}
	return len(words)
}
