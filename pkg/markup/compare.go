package markup

import (
	"bytes"
	"slices"
)

// region is a part of the answer that was aligned by itself.
type region struct {
	from, to int // letters of the answer
	blocks   []block
	whole    bool // it is the original, from end to end
}

// begin forgets the answer before.
func (al *Aligner) begin() {
	a, orig := &al.answer.letters, &al.original.letters
	al.regions, al.copies, al.differ.blocks = al.regions[:0], false, al.differ.blocks[:0]
	if al.taken == nil {
		al.taken, al.readings = map[Span]int{}, map[string]*reading{}
	}
	clear(al.taken)
	clear(al.readings)
	al.covered = append(al.covered[:0], make([]int, al.original.length())...)
	size := len(a.text) + len(orig.text)
	al.work = meter{limit: placeSteps + placeStepsEach*size}
	al.places = meter{limit: mostPlaces + size/4}
	al.differ.work = meter{limit: editSteps + editStepsEach*size}
}

// compare aligns the answer, its marks removed, to the original, and says how they compare.
func (al *Aligner) compare() Fidelity {
	a, orig := &al.answer.letters, &al.original.letters
	switch {
	case len(a.text) == 0:
		return Empty
	case bytes.Equal(a.text, orig.text):
		al.addWhole(0)
		switch {
		case !bytes.Equal(a.raw, orig.raw):
			return Tokens
		case !slices.Equal(a.rawStarts, orig.rawStarts):
			return Spacing
		}
		return Same
	case al.wholes():
		al.copies = true
		return Chatter
	case !al.isPart():
		al.align(0, len(a.text))
	}
	return al.class()
}

func (al *Aligner) addWhole(at int) {
	n := len(al.original.letters.text)
	al.addRegion(at, at+n, al.differ.add(block{at, 0, n}))
	al.regions[len(al.regions)-1].whole = true
}

func (al *Aligner) addRegion(from, to int, blocks []block) {
	al.regions = append(al.regions, region{from: from, to: to, blocks: blocks})
}

// wholes finds the original in a longer answer, once or several times. What is
// before, between and after is aligned as well if it has half of the original.
func (al *Aligner) wholes() bool {
	a, want := al.answer.letters.text, al.original.letters.text
	rest, found := 0, false
	if len(want) == 0 {
		return false
	}
	for i := range occurrences(a, want) {
		if l := &al.answer.letters; i < rest || !l.apart(i) || !l.apart(i+len(want)) {
			continue
		}
		al.between(rest, i)
		al.addWhole(i)
		found = true
		rest = i + len(want)
	}
	if found {
		al.between(rest, len(a))
	}
	return found
}

func (al *Aligner) between(from, to int) {
	if 2*(to-from) < len(al.original.letters.text) {
		return
	}
	al.align(from, to)
	shared := 0
	last := len(al.regions) - 1
	for _, b := range al.regions[last].blocks {
		shared += b.n
	}
	if 2*shared < len(al.original.letters.text) {
		al.regions = al.regions[:last]
	}
}

// isPart finds a shorter answer in the original, between tokens.
func (al *Aligner) isPart() bool {
	a, orig := &al.answer.letters, &al.original.letters
	for i := range occurrences(orig.text, a.text) {
		if orig.begins(i) && orig.begins(i+len(a.text)) {
			al.addRegion(0, len(a.text), al.differ.add(block{0, i, len(a.text)}))
			return true
		}
	}
	return false
}

// align adds a region. Its blocks are runs of equal atoms, lengthened letter by
// letter as far as the texts agree.
func (al *Aligner) align(from, to int) {
	a, orig := &al.answer.letters, &al.original.letters
	al.answer.atoms = appendAtoms(al.answer.atoms[:0], a, from, to)
	blocks := al.differ.align(al.answer.atoms, al.original.atoms)
	for i := range blocks {
		b := &blocks[i]
		a0, s0 := from, 0
		if i > 0 {
			a0, s0 = blocks[i-1].answer+blocks[i-1].n, blocks[i-1].original+blocks[i-1].n
		}
		for b.answer > a0 && b.original > s0 && a.text[b.answer-1] == orig.text[b.original-1] {
			b.answer--
			b.original--
			b.n++
		}
	}
	for i := range blocks {
		b := &blocks[i]
		a1, s1 := to, len(orig.text)
		if i+1 < len(blocks) {
			a1, s1 = blocks[i+1].answer, blocks[i+1].original
		}
		for b.answer+b.n < a1 && b.original+b.n < s1 && a.text[b.answer+b.n] == orig.text[b.original+b.n] {
			b.n++
		}
	}
	joined := blocks[:min(1, len(blocks))]
	for _, b := range blocks[len(joined):] {
		if last := &joined[len(joined)-1]; last.answer+last.n == b.answer && last.original+last.n == b.original {
			last.n += b.n
		} else {
			joined = append(joined, b)
		}
	}
	al.addRegion(from, to, joined)
}

// class judges an answer that neither is the original nor holds all of it. A few
// tokens are an eighth of the original, at least one.
func (al *Aligner) class() Fidelity {
	a, orig := &al.answer.letters, &al.original.letters
	few := max(1, len(orig.starts)/8)
	var missing, inner, inserted, around int
	replaced := false
	begins := (*letters).begins
	if al.original.Unit == Char { // punctuation is close to words
		begins = (*letters).apart
	}
	a0, s0 := 0, 0
	blocks := al.regions[0].blocks
	for i := range len(blocks) + 1 { // what is before each, and behind the last
		b := block{len(a.text), len(orig.text), 0}
		if i < len(blocks) {
			b = blocks[i]
		}
		a1, s1 := b.answer, b.original
		added, gone := a.touched(a0, a1), orig.touched(s0, s1)
		if outer := i == 0 || i == len(blocks); !outer {
			inner += gone
		} else if added > gone {
			around += added - gone
			added = gone
		}
		missing += gone
		inserted += added
		replaced = replaced || added > 0 && gone > 0 || gone > 0 && !(begins(orig, s0) && begins(orig, s1)) || added > 0 && !(begins(a, a0) && begins(a, a1))
		a0, s0 = b.answer+b.n, b.original+b.n
	}
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
