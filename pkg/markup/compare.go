package markup

import (
	"bytes"
	"slices"
)

// region is a part of the answer that was aligned by itself.
type region struct {
	from, to int // letters of the answer
	blocks   []block
	whole    bool // it is the source, from end to end
}

// begin forgets the answer before.
func (s *Source) begin() {
	a, src := &s.answer.letters, &s.letters
	s.regions, s.copies, s.differ.blocks = s.regions[:0], false, s.differ.blocks[:0]
	clear(s.taken)
	clear(s.readings)
	s.covered = append(s.covered[:0], make([]int, len(s.Tokens))...)
	size := len(a.text) + len(src.text)
	s.work = meter{limit: placeSteps + placeStepsEach*size}
	s.places = meter{limit: mostPlaces + size/4}
	s.differ.work = meter{limit: editSteps + editStepsEach*size}
}

// compare aligns the answer, its marks removed, to the source, and says how they compare.
func (s *Source) compare() Fidelity {
	a, src := &s.answer.letters, &s.letters
	switch {
	case len(a.text) == 0:
		return Empty
	case bytes.Equal(a.text, src.text):
		s.addWhole(0)
		switch {
		case !bytes.Equal(a.raw, src.raw):
			return Tokens
		case !slices.Equal(a.rawStarts, src.rawStarts):
			return Spacing
		}
		return Same
	case s.wholes():
		s.copies = true
		return Chatter
	case !s.isPart():
		s.align(0, len(a.text))
	}
	return s.class()
}

func (s *Source) addWhole(at int) {
	n := len(s.letters.text)
	s.addRegion(at, at+n, s.differ.add(block{at, 0, n}))
	s.regions[len(s.regions)-1].whole = true
}

func (s *Source) addRegion(from, to int, blocks []block) {
	s.regions = append(s.regions, region{from: from, to: to, blocks: blocks})
}

// wholes finds the source in a longer answer, also several times. What stands
// before, between and after is aligned as well where it has half of the source.
func (s *Source) wholes() bool {
	a, want := s.answer.letters.text, s.letters.text
	rest, found := 0, false
	if len(want) == 0 {
		return false
	}
	for i := range occurrences(a, want) {
		if l := &s.answer.letters; i < rest || !l.apart(i) || !l.apart(i+len(want)) {
			continue
		}
		s.between(rest, i)
		s.addWhole(i)
		found = true
		rest = i + len(want)
	}
	if found {
		s.between(rest, len(a))
	}
	return found
}

func (s *Source) between(from, to int) {
	if 2*(to-from) < len(s.letters.text) {
		return
	}
	s.align(from, to)
	shared := 0
	last := len(s.regions) - 1
	for _, b := range s.regions[last].blocks {
		shared += b.n
	}
	if 2*shared < len(s.letters.text) {
		s.regions = s.regions[:last]
	}
}

// isPart finds a shorter answer in the source, between tokens.
func (s *Source) isPart() bool {
	a, src := &s.answer.letters, &s.letters
	for i := range occurrences(src.text, a.text) {
		if src.begins(i) && src.begins(i+len(a.text)) {
			s.addRegion(0, len(a.text), s.differ.add(block{0, i, len(a.text)}))
			return true
		}
	}
	return false
}

// align adds a region. Its blocks are runs of equal atoms, lengthened letter by
// letter as far as the texts agree.
func (s *Source) align(from, to int) {
	a, src := &s.answer.letters, &s.letters
	s.answer.atoms = appendAtoms(s.answer.atoms[:0], a, from, to)
	blocks := s.differ.align(s.answer.atoms, s.atoms)
	for i := range blocks {
		b := &blocks[i]
		a0, s0 := from, 0
		if i > 0 {
			a0, s0 = blocks[i-1].answer+blocks[i-1].n, blocks[i-1].source+blocks[i-1].n
		}
		for b.answer > a0 && b.source > s0 && a.text[b.answer-1] == src.text[b.source-1] {
			b.answer--
			b.source--
			b.n++
		}
	}
	for i := range blocks {
		b := &blocks[i]
		a1, s1 := to, len(src.text)
		if i+1 < len(blocks) {
			a1, s1 = blocks[i+1].answer, blocks[i+1].source
		}
		for b.answer+b.n < a1 && b.source+b.n < s1 && a.text[b.answer+b.n] == src.text[b.source+b.n] {
			b.n++
		}
	}
	joined := blocks[:min(1, len(blocks))]
	for _, b := range blocks[len(joined):] {
		if last := &joined[len(joined)-1]; last.answer+last.n == b.answer && last.source+last.n == b.source {
			last.n += b.n
		} else {
			joined = append(joined, b)
		}
	}
	s.addRegion(from, to, joined)
}

// class judges an answer that neither is the source nor holds all of it. A few
// tokens are an eighth of the source, at least one.
func (s *Source) class() Fidelity {
	a, src := &s.answer.letters, &s.letters
	few := max(1, len(src.starts)/8)
	var missing, inner, inserted, around int
	replaced := false
	a0, s0 := 0, 0
	gap := func(a1, s1 int, outer bool) {
		added, gone := a.touched(a0, a1), src.touched(s0, s1)
		if outer && added > gone {
			around += added - gone
			added = gone
		}
		if !outer {
			inner += gone
		}
		missing += gone
		inserted += added
		replaced = replaced || added > 0 && gone > 0 || gone > 0 && !(src.begins(s0) && src.begins(s1)) || added > 0 && !(a.begins(a0) && a.begins(a1))
	}
	blocks := s.regions[0].blocks
	for i, b := range blocks {
		gap(b.answer, b.source, i == 0)
		a0, s0 = b.answer+b.n, b.source+b.n
	}
	gap(len(a.text), len(src.text), true)
	switch {
	case len(blocks) == 0:
		return Edited
	case around > few && missing+inserted <= few:
		return Chatter
	case !replaced && missing+inserted+around <= few:
		return Tokens
	case !replaced && inserted+around == 0 && inner <= few:
		return Part
	case !replaced && missing+inserted == 0:
		return Chatter
	}
	return Edited
}

// touched counts the tokens that have letters in a range.
func (l *letters) touched(from, to int) int {
	if from >= to {
		return 0
	}
	return l.token(to-1) - l.token(from) + 1
}
