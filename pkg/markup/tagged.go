package markup

import (
	"strings"
	"unicode/utf8"
)

// sameTagged aligns an answer that is the original, white space aside, with entities wrapped
// in tags as [Slicer.AppendTagged] writes them: "<PER>Ada</PER>". Most answers about all labels
// are like that.
//
// Answer and original are read side by side. A tag of the answer is a mark if the original
// has no such tag at that place. If it has one, both readings are tried, until all marks pair
// and each begins and ends where an entity can.
func (al *Aligner) sameTagged(o *Original, answer string) (Alignment, bool) {
	w := &al.walk
	w.reset(o, answer, al.asked.tags)
	if w.textEnd == w.at || !w.walk() {
		return Alignment{}, false
	}
	found := make([]Found, 0, len(w.closed))
	for i := range w.closed {
		c := &w.closed[i]
		found = append(found, Found{Span: c.Span, Label: al.asked.labels[c.label], How: Exact, Text: w.textOf(c)})
	}
	sortByLabel(found, al.asked.labels)
	if len(found) == 0 {
		found = nil
	}
	return Alignment{Found: found}, true
}

// tagWalk reads an answer and its original side by side.
type tagWalk struct {
	original *Original
	tags     [][2]string // of the labels asked for
	answer   string
	end      int // of the answer without the white space around it
	textEnd  int // of the original without it
	walked
	open    []openTag
	closed  []closedTag
	marks   []tagRead // that were read
	choices []choice
	seen    map[state]bool // at which there was a choice
	steps   meter
}

// walked says how far a walk has come.
type walked struct {
	pos  int // in the answer
	at   int // in the text of the original
	unit int // how many tokens, or characters, of it have begun
}

// tagRead is a mark in the answer.
type tagRead struct{ from, to int }

// openTag is an entity of which the start was read.
type openTag struct {
	label int // which of the labels asked for
	at    int // where it starts in the original
	start int // the same in its unit
	mark  int // which mark starts it
}

// closedTag is an entity of which the end was read, too.
type closedTag struct {
	Span
	label      int
	first, end int // the marks that start and end it
}

// choice is a place at which a tag was taken for text, and may be a mark as well.
type choice struct {
	walked
	open          []openTag
	closed, marks int
	tag           tagKind
}

// state is what the rest of a walk depends on.
type state struct {
	walked
	open uint64 // hash
}

// tagKind is a tag of a label that was asked for.
type tagKind struct {
	text  string
	label int // of a start tag
	end   bool
}

func (w *tagWalk) reset(o *Original, answer string, tags [][2]string) {
	w.original, w.answer, w.tags = o, answer, tags
	w.open, w.closed, w.marks, w.choices = w.open[:0], w.closed[:0], w.marks[:0], w.choices[:0]
	clear(w.seen)
	w.end = len(strings.TrimRightFunc(answer, isSpace))
	w.textEnd = len(strings.TrimRightFunc(o.Text, isSpace))
	w.pos = w.end - len(strings.TrimLeftFunc(answer[:w.end], isSpace))
	w.at = w.textEnd - len(strings.TrimLeftFunc(o.Text[:w.textEnd], isSpace))
	w.unit = 0
	if o.Unit == Char {
		w.unit = utf8.RuneCountInString(o.Text[:w.at])
	}
	w.steps = meter{limit: 1<<16 + 64*len(answer)}
}

// walk reports whether there is a reading in which the answer is the original with marks.
func (w *tagWalk) walk() bool {
	for {
		w.skip()
		ok := w.pos == w.end || w.step()
		if ok && w.pos == w.end {
			if ok = w.at == w.textEnd && len(w.open) == 0; ok {
				return true
			}
		}
		if !ok && !w.back() {
			return false
		}
	}
}

// skip reads words of ASCII characters with single spaces between them, as far as the
// original has the same ones. It saves time.
func (w *tagWalk) skip() {
	answer, text := w.answer[w.pos:w.end], w.original.Text[w.at:w.textEnd]
	n, spaces := 0, 0
	for n < len(answer) && n < len(text) {
		c := answer[n]
		if c != text[n] || c == '<' || c >= utf8.RuneSelf {
			break
		}
		if asciiSpace[c] {
			if n == 0 || n+1 >= len(answer) || n+1 >= len(text) || !plainByte(answer[n+1]) || !plainByte(text[n+1]) || asciiSpace[answer[n-1]] {
				break
			}
			spaces++
		}
		n++
	}
	w.pos, w.at = w.pos+n, w.at+n
	if w.original.Unit == Char {
		w.unit += n
	} else {
		w.unit += spaces
	}
	w.steps.spend(n / lettersAStep)
}

// plainByte reports whether a byte is a visible ASCII character.
func plainByte(c byte) bool { return c < utf8.RuneSelf && !asciiSpace[c] }

// step reads one character, a run of white space or a tag. It reports false if the original
// has something else there.
func (w *tagWalk) step() bool {
	if !w.steps.spend(1) {
		return false
	}
	text := w.original.Text[:w.textEnd]
	if w.answer[w.pos] == '<' {
		if tag, ok := w.tag(); ok {
			if !strings.HasPrefix(text[w.at:], tag.text) {
				return w.mark(tag)
			}
			if !w.choose(tag) {
				return false
			}
		}
	}
	if w.at == len(text) {
		return false
	}
	space, given := spaceAt(w.answer, w.pos), spaceAt(text, w.at)
	if space == 0 && given == 0 {
		_, size := utf8.DecodeRuneInString(text[w.at:])
		if !strings.HasPrefix(w.answer[w.pos:w.end], text[w.at:w.at+size]) {
			return false
		}
		w.pos, w.at = w.pos+size, w.at+size
		if w.original.Unit == Char {
			w.unit++
		}
		return true
	}
	if space == 0 || given == 0 {
		return false
	}
	for w.pos < w.end && spaceAt(w.answer, w.pos) > 0 {
		w.pos += spaceAt(w.answer, w.pos)
	}
	if w.original.Unit == Token {
		w.unit++
	}
	for w.at < len(text) && spaceAt(text, w.at) > 0 {
		w.at += spaceAt(text, w.at)
		if w.original.Unit == Char {
			w.unit++
		}
	}
	return true
}

// tag returns the tag of a label asked for that the answer has here.
func (w *tagWalk) tag() (tagKind, bool) {
	rest := w.answer[w.pos:w.end]
	side := 0
	if strings.HasPrefix(rest, "</") {
		side = 1
	}
	for i := range w.tags {
		if text := w.tags[i][side]; strings.HasPrefix(rest, text) {
			return tagKind{text, i, side == 1}, true
		}
	}
	return tagKind{}, false
}

// mark reads a tag as a mark. It reports false if an entity can't begin or end there.
func (w *tagWalk) mark(tag tagKind) bool {
	m := len(w.marks)
	w.marks = append(w.marks, tagRead{w.pos, w.pos + len(tag.text)})
	w.pos += len(tag.text)
	if !tag.end {
		w.open = append(w.open, openTag{tag.label, w.at, w.unit, m})
		return len(w.open) <= deepest && w.mayBegin()
	}
	for i := len(w.open) - 1; i >= 0; i-- {
		t := w.open[i]
		if w.tags[t.label][1] != tag.text {
			continue
		}
		c := closedTag{Span{t.start, w.unit}, t.label, t.mark, m}
		if w.original.Unit == Token {
			c.End++
		}
		w.open = append(w.open[:i], w.open[i+1:]...)
		if t.at == w.at || !w.mayEnd() || w.twice(&c) {
			return false
		}
		w.closed = append(w.closed, c)
		return true
	}
	return false
}

// mayBegin reports whether an entity can begin here.
func (w *tagWalk) mayBegin() bool {
	text := w.original.Text
	switch {
	case w.at == w.textEnd || spaceAt(text, w.at) > 0:
		return false
	case w.original.Unit == Char:
		return !cutsCluster(text, w.at)
	}
	return w.afterSpace()
}

// mayEnd reports whether an entity can end here.
func (w *tagWalk) mayEnd() bool {
	text := w.original.Text
	switch {
	case w.afterSpace():
		return false
	case w.original.Unit == Char:
		return !cutsCluster(text, w.at)
	}
	return w.at == w.textEnd || spaceAt(text, w.at) > 0
}

// afterSpace reports whether there is white space, or nothing, before this place of the
// original.
func (w *tagWalk) afterSpace() bool {
	before, size := utf8.DecodeLastRuneInString(w.original.Text[:w.at])
	return size == 0 || isSpace(before)
}

// twice reports whether an entity was read before.
func (w *tagWalk) twice(c *closedTag) bool {
	for i := len(w.closed) - 1; i >= 0 && w.closed[i].End == c.End; i-- {
		if w.closed[i].Span == c.Span && w.closed[i].label == c.label {
			return true
		}
	}
	return false
}

// choose notes that a tag may be a mark, too. It reports false if this was tried before, with
// the same rest of the walk.
func (w *tagWalk) choose(tag tagKind) bool {
	s := state{w.walked, hashOpen(w.open)}
	if w.seen[s] {
		return false
	}
	if w.seen == nil {
		w.seen = map[state]bool{}
	}
	w.seen[s] = true
	w.choices = append(w.choices, choice{w.walked, append([]openTag(nil), w.open...), len(w.closed), len(w.marks), tag})
	return true
}

// back goes back to the last choice and makes the other one. It reports false if there is
// none left.
func (w *tagWalk) back() bool {
	for len(w.choices) > 0 {
		last := len(w.choices) - 1
		c := w.choices[last]
		w.choices = w.choices[:last]
		w.walked, w.open, w.closed, w.marks = c.walked, append(w.open[:0], c.open...), w.closed[:c.closed], w.marks[:c.marks]
		if w.mark(c.tag) {
			return true
		}
	}
	return false
}

func hashOpen(open []openTag) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	hash := uint64(offset)
	for _, t := range open {
		hash = (hash ^ uint64(t.label)) * prime
		hash = (hash ^ uint64(t.at)) * prime
	}
	return hash
}

// textOf returns the text of an entity in the answer, without the marks in it.
func (w *tagWalk) textOf(c *closedTag) string {
	from, to := w.marks[c.first].to, w.marks[c.end].from
	if c.end == c.first+1 {
		return w.answer[from:to]
	}
	var b strings.Builder
	for _, m := range w.marks[c.first+1 : c.end] {
		b.WriteString(w.answer[from:m.from])
		from = m.to
	}
	b.WriteString(w.answer[from:to])
	return b.String()
}
