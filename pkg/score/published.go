package score

import (
	"slices"
	"strings"

	"nertools/pkg/markup"
)

// A Case is what a published score looks at: a sentence, a label, and the answer.
type Case struct {
	Label    string
	Sentence string
	Answer   string        // as it came; "" where there is none
	Gold     []markup.Span // as the row has them; what stands there twice counts twice
}

// CountPublished counts as the evaluation behind the published GPT-NER figures
// does, so that one can compare with them. It is not a fair measure: an entity
// that the sentence does not hold costs nothing by itself, but everything marked
// after it is lost.
//
// Sentence and answer are split into words as by [markup.AppendTokens]. A word of
// more than two characters that begins with "@@" opens an entity; one of more
// than two that ends with "##" closes. A cursor walks through the sentence while
// the words of the answer are read one after the other:
//
//   - An opening word looks for its end, the first closing word from itself on.
//     If there is one, the words up to it, without the two signs at either end,
//     are looked for in the sentence, from the cursor on. Where they are found is a
//     candidate, and the cursor goes to its first word; where they are not, the
//     cursor goes to the end of the sentence, and nothing is counted.
//   - From an opening word, even one without an end, up to the next closing
//     word the cursor rests.
//   - A closing word never moves it, whether something was open or not.
//   - Every other word moves it on by one.
//
// So the cursor lags behind by the length of each entity. A candidate that is
// equal to a gold span not yet taken takes it and is a true positive, any other
// is a false positive; gold spans that nothing took are false negatives.
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

// from gives the first i from start on for which is(words[i]); their number if
// there is none.
func from(words []string, start int, is func(string) bool) int {
	for i := start; i < len(words); i++ {
		if is(words[i]) {
			return i
		}
	}
	return len(words)
}

// find gives where the marked words stand in words, without their marks, from
// start on; the number of words if they do not.
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
