// Package reasoning separates a model's reasoning from its answer when a server returns
// both in one text.
//
// Only [Split] knows the notations: all code that interprets an answer (its marks, a
// list, a verdict) looks only at the rest that Split returns.
package reasoning

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Split divides an answer into its reasoning, tags included, and the rest, which is what
// the model answered. An answer without reasoning is returned unchanged as rest; the rest
// of an answer that is nothing but reasoning is empty. If the rest consists of several
// pieces, each is on its own line.
//
// sentence is the text that the answer is about, or "" if unknown. A tag that the answer
// copies from the sentence is text, and so is a tag in quotes, which is only mentioned.
// Without a sentence, an opening tag between spaces might be a copy, so it is text too.
func Split(answer, sentence string) (reasoning, rest string) {
	if !suspicious(answer) {
		return "", answer
	}
	rest = answer
	known := tagsOf(sentence)
	// The rest of one round may contain another notation: a server that strips a model's
	// tokens puts its own tags around the text.
	for range maxRounds {
		s := splitter{answer: rest, sentence: sentence, tags: appendTags(nil, rest)}
		s.tags = known.drop(rest, s.tags)
		if !s.channels() && !s.words() && !s.blocks() {
			break
		}
		s.unwrap()
		if reasoning != "" {
			reasoning += "\n"
		}
		reasoning += s.reasoning.String()
		rest = s.rest.String()
	}
	return reasoning, rest
}

const maxRounds = 4

// suspicious reports whether answer may contain reasoning. Most answers don't, and this
// check is all they cost.
func suspicious(answer string) bool {
	if strings.IndexByte(answer, '<') >= 0 || strings.Contains(answer, "◁") || hasPlainFinal(answer) {
		return true
	}
	if i := strings.IndexByte(answer, '['); i >= 0 && strings.Contains(answer[i:], "THINK]") {
		return true
	}
	answer = strings.TrimLeftFunc(answer, unicode.IsSpace)
	for i := range wordings {
		if _, ok := cutAny(answer, wordings[i].opens); ok {
			return true
		}
	}
	return false
}

// hasPlainFinal reports whether s contains plainFinal. It searches for the "f" in the
// middle, which is rarer than the first letter.
func hasPlainFinal(answer string) bool {
	const middle = len("assistant")
	for from := 0; ; {
		i := strings.IndexByte(answer[from:], 'f')
		if i < 0 {
			return false
		}
		from += i
		if strings.HasPrefix(answer[from:], plainFinal[middle:]) && strings.HasSuffix(answer[:from], plainFinal[:middle]) {
			return true
		}
		from++
	}
}

// splitter is the state of one Split.
type splitter struct {
	answer, sentence string
	tags             []tag // those that are not plain text

	reasoning, rest strings.Builder
}

// take adds answer[from:to] to the reasoning.
func (s *splitter) take(from, to int) { s.reasoning.WriteString(s.answer[from:to]) }

// leave adds answer[from:to] to the rest, without surrounding white space.
func (s *splitter) leave(from, to int) {
	piece := strings.TrimSpace(s.answer[from:to])
	if s.rest.Len() > 0 && piece != "" {
		s.rest.WriteByte('\n')
	}
	s.rest.WriteString(piece)
}

// blocks moves the text between opening and closing tags to the reasoning, and reports
// whether it found any.
//
// A block ends at the next closing tag of its notation; failing that, at a closing tag of
// another notation, since models confuse them; failing that, at the end of the answer. A
// closing tag without an opening tag ends reasoning that started at the beginning of the
// answer or after the previous block: the opening tag was part of the prompt.
func (s *splitter) blocks() bool {
	closing, left := map[int]int{}, 0 // closing tags from here on, by notation and in total
	for _, t := range s.tags {
		if t.kind == closes {
			closing[t.notation]++
			left++
		}
	}
	at, found := 0, false
	nested := 0 // opening tags inside blocks whose closing tags are still to come
	for k := 0; k < len(s.tags); k++ {
		t := s.tags[k]
		switch t.kind {
		case opens:
			s.leave(at, t.from)
			end, own := len(s.answer), closing[t.notation] > 0
			for left > 0 && end == len(s.answer) {
				k++
				switch u := s.tags[k]; {
				case u.kind == opens && u.notation == t.notation:
					nested++
				case u.kind == closes:
					closing[u.notation]--
					left--
					if u.notation == t.notation || !own {
						end = u.to
					}
				}
			}
			if left == 0 && end == len(s.answer) {
				k = len(s.tags)
			}
			s.take(t.from, end)
			at, found = end, true
		case closes:
			closing[t.notation]--
			left--
			if found && nested == 0 && strings.TrimSpace(s.answer[t.to:]) == "" {
				s.leave(at, t.from) // a stray tag at the very end closes nothing
				at = t.from
			}
			s.take(at, t.to)
			nested = max(0, nested-1)
			at, found = t.to, true
		case frame:
			s.leave(at, t.from)
			s.take(t.from, t.to)
			at, found = t.to, true
		}
	}
	if found {
		s.leave(at, len(s.answer))
	}
	return found
}

// words moves reasoning that a phrase at the beginning of the answer introduces, and
// reports whether it found any.
func (s *splitter) words() bool {
	begin := len(s.answer) - len(strings.TrimLeftFunc(s.answer, unicode.IsSpace))
	for i := range wordings {
		w := &wordings[i]
		text, opened := cutAny(s.answer[begin:], w.opens)
		if same, ok := cutAny(strings.TrimLeftFunc(s.sentence, unicode.IsSpace), w.opens); ok && lettersAfter(same) == lettersAfter(text) {
			opened = false // a copy of the sentence
		}
		if !opened && !w.unopened {
			continue
		}
		if from, to := indexAny(s.answer, w.closes); from >= begin && !containsAny(s.sentence, w.closes) {
			s.take(0, to)
			s.leave(to, len(s.answer))
			return true
		}
		if r, _ := utf8.DecodeRuneInString(text); opened && (w.unclosed || w.glued && unicode.IsLetter(r) && !unicode.IsLower(r)) {
			s.take(0, len(s.answer))
			return true
		}
	}
	return false
}

// unwrap removes what some models put around the answer after their reasoning.
func (s *splitter) unwrap() {
	rest := s.rest.String()
	for _, w := range wrappers {
		from, to := len(w.open), len(rest)
		if to < from || !strings.EqualFold(rest[:from], w.open) || strings.Contains(s.sentence, w.open) {
			continue
		}
		if i := to - len(w.close); i >= from && strings.EqualFold(rest[i:], w.close) {
			to = i
		}
		s.reasoning.WriteString(rest[:from] + rest[to:])
		s.rest.Reset()
		s.rest.WriteString(strings.TrimSpace(rest[from:to]))
		return
	}
}

func cutAny(s string, prefixes []string) (rest string, ok bool) {
	for _, p := range prefixes {
		if rest, ok = strings.CutPrefix(s, p); ok {
			return rest, true
		}
	}
	return s, false
}

func indexAny(s string, list []string) (from, to int) {
	from = -1
	for _, p := range list {
		if i := strings.Index(s, p); i >= 0 && (from < 0 || i < from) {
			from, to = i, i+len(p)
		}
	}
	return from, to
}

func containsAny(s string, list []string) bool {
	from, _ := indexAny(s, list)
	return from >= 0
}
