package markup

import (
	"bytes"
	"cmp"
	"index/suffixarray"
	"slices"
	"sort"
	"unicode/utf8"
)

// The looseness says how exactly a place matches a mark: letter for letter with the
// same tokens, letter for letter, or the same in the form that is compared.
const (
	sameTokens = iota
	sameLetters
	sameFolded
)

// reading is where a marked string occurs in the original: letter for letter, or if it
// does nowhere, in the form that is compared.
type reading struct {
	places []place // by at, none with the span of another
	strict []place // those of the strictest looseness
	inside bool    // the string occurs inside a token; of interest if there is no place
	more   bool    // there may be more places than were looked for
	used   bool    // a place is taken
	next   int     // all places before it are
}

// only reports whether a reading has a single place.
func (rd *reading) only() bool { return len(rd.places) == 1 && !rd.more }

type place struct {
	Span
	at        int // first letter
	looseness int
}

// placeMarks finds the place of each mark.
func (al *Aligner) placeMarks() { al.eachLabel(al.placeMarksOf) }

// eachLabel calls place for each label asked for that a mark names, as if the answer named no
// other. The label is as in a mark; in a question about one label, it is 0.
func (al *Aligner) eachLabel(place func(label int32)) {
	if !al.question.ofSentence() {
		place(0)
		return
	}
	for i := range al.question.Asked {
		label := int32(i + 1)
		if slices.ContainsFunc(al.answer.marks, func(m mark) bool { return m.label == label && m.reason == 0 }) {
			al.forgetPlaces()
			place(label)
		}
	}
}

// forgetPlaces makes all places free.
func (al *Aligner) forgetPlaces() {
	clear(al.taken)
	clear(al.readings)
	clear(al.covered)
}

// placeMarksOf is placeMarks for the marks of one label. First come those whose place
// follows from the text around them.
func (al *Aligner) placeMarksOf(label int32) {
	a := &al.answer
	for i := range a.marks {
		if m := &a.marks[i]; m.reason == 0 && m.label == label && !m.dropped {
			al.placeAligned(i, m)
		}
	}
	expected := 0
	for i := range a.marks {
		m := &a.marks[i]
		if m.label != label {
			continue
		}
		if m.reason == 0 && !m.found && !m.again && !m.dropped {
			al.placeFree(i, m, expected)
		}
		if m.found {
			_, expected = al.original.lettersOf(m.span)
		}
	}
}

// placeAligned places a mark where it was aligned with something beside it.
func (al *Aligner) placeAligned(i int, m *mark) {
	a := &al.answer
	from, to := a.signs[m.open].at, a.signs[m.close].at
	m.region = al.regionOf(from, to)
	if m.region < 0 {
		return
	}
	r := &al.regions[m.region]
	b := r.block(from)
	if b == nil || to > b.answer+b.n {
		return
	}
	at := b.original + from - b.answer
	if !r.whole && (al.likeness(from, to, at) == 0 || al.original.letters.cut(at+to-from) || m.mention && !al.inside(from, to, at)) {
		return
	}
	span, ok := al.spanAt(m, at, at+to-from)
	switch {
	case !ok:
		m.reason = PartOfToken
		return
	case al.foreign && !r.whole && al.copied(m):
		m.reason = Copied
		return
	}
	left := from == 0 && at == 0 || from > b.answer && a.letters.starts[a.letters.token(from-1)] >= b.answer
	right := to == len(a.letters.text) && at+to-from == len(al.original.letters.text) ||
		to < b.answer+b.n && a.letters.end(a.letters.token(to)) <= b.answer+b.n
	certain := r.whole || left && right && al.once(b, at, at+to-from)
	m.span = span
	l := al.looseness(m, span)
	if l == sameTokens && !certain {
		certain = al.reading(m).only()
	}
	al.take(i, m, l, certain)
}

// once reports whether the original has what it shares with the answer around a
// place, up to a few words, nowhere else.
func (al *Aligner) once(b *block, from, to int) bool {
	const longest = 63 // that bytes.Index is quick with
	text := al.original.letters.text
	reach := max(0, longest-(to-from)) / 2
	from, to = max(b.original, from-reach), min(b.original+b.n, to+reach)
	if al.searched() {
		return len(al.index.Lookup(text[from:to], 2)) == 1
	}
	return bytes.Index(text, text[from:to]) == from && !bytes.Contains(text[from+1:], text[from:to])
}

// take places a mark at m.span.
func (al *Aligner) take(i int, m *mark, looseness int, certain bool) {
	if other, taken := al.taken[m.span]; taken {
		if o := &al.answer.marks[other]; o.region != m.region && o.region >= 0 && m.region >= 0 {
			m.again = true
		} else {
			m.reason = Repeated
		}
		return
	}
	al.taken[m.span] = i
	for k := al.uncovered(m.span.Start); k < m.span.End; k = al.uncovered(k + 1) {
		al.covered[k] = k + 1
	}
	m.found = true
	m.how = Repaired
	if certain && looseness == sameTokens && !m.odd && !al.glued(m) {
		m.how = Exact
	}
}

// uncovered returns the first token from k on that no mark has.
func (al *Aligner) uncovered(k int) int {
	for k < len(al.covered) && al.covered[k] > 0 {
		next := al.covered[k]
		if next < len(al.covered) && al.covered[next] > 0 {
			al.covered[k] = al.covered[next]
		}
		k = next
	}
	return k
}

// glued reports whether text is close to the marks of m on the outside. What
// is around the whole original does not count.
func (al *Aligner) glued(m *mark) bool {
	if al.original.Unit == Char {
		return false // there, entities are close to other text
	}
	if m.region < 0 || !al.regions[m.region].whole {
		return m.left || m.right
	}
	r := &al.regions[m.region]
	return m.left && al.answer.signs[m.open].at > r.from || m.right && al.answer.signs[m.close].at < r.to
}

// placeFree places a mark where its string occurs and no other mark is.
func (al *Aligner) placeFree(i int, m *mark, expected int) {
	a := &al.answer
	from, to := a.signs[m.open].at, a.signs[m.close].at
	rd := al.reading(m)
	if m.region >= 0 {
		expected = al.regions[m.region].expected(from)
	}
	aside := al.copies && (m.region < 0 || !al.regions[m.region].whole)
	p, ok := al.choose(rd, from, to, expected)
	switch {
	case !ok:
		m.reason = rd.missing()
	case aside && m.region < 0 && al.used(rd):
		m.reason = Repeated
	}
	if m.mention && (!ok || !al.inside(from, to, p.at)) {
		m.stray = true
		return
	}
	if (m.reason == Repeated || m.reason == 0) && al.copied(m) {
		m.reason = Copied
	}
	if m.reason != 0 {
		return
	}
	m.span = p.Span
	al.take(i, m, p.looseness, rd.only() && !aside)
	rd.used = true
}

// copied reports whether the text around a mark occurs in a demonstration, and not in
// the original.
func (al *Aligner) copied(m *mark) bool {
	if al.question.Shown == nil {
		return false
	}
	text, ok := al.answer.context(m)
	return ok && al.shown(text) && !al.holds(text)
}

// lettersAStep is how many letters are searched in a step.
const lettersAStep = 16

// holds is [Text.Holds] for the original. What there are no steps left to look for is
// not found.
func (al *Aligner) holds(text string) bool {
	al.part.reset()
	al.part.addText(text)
	found, known := al.contains(al.part.text, &al.work)
	return found && known && al.work.spend(len(al.original.letters.text)/lettersAStep) && al.original.letters.holds(al.part.text)
}

// reads reports whether text occurs anywhere in the original. What there are no
// steps left to look for is taken for text of the original, and so for no mark.
func (al *Aligner) reads(text string) bool {
	al.part.reset()
	al.part.addText(text)
	found, known := al.contains(al.part.text, &al.lookups)
	return found || !known
}

// contains reports whether want is among the letters of the original, if there are
// steps left to know that.
func (al *Aligner) contains(want []byte, steps *meter) (found, known bool) {
	switch {
	case len(want) == 0:
		return false, true
	case al.searched():
		return len(al.index.Lookup(want, 1)) > 0, true
	case !steps.spend(1 + len(al.original.letters.text)/lettersAStep):
		return false, false
	}
	return bytes.Contains(al.original.letters.text, want), true
}

// searched counts a search of the whole original, and reports whether there have been
// so many that there is an index now.
func (al *Aligner) searched() bool {
	if al.scanned += len(al.original.letters.text); al.index == nil && al.scanned >= 8*indexFrom {
		al.index = suffixarray.New(al.original.letters.text)
	}
	return al.index != nil
}

// shown reports whether a demonstration of the prompt contains text.
func (al *Aligner) shown(text string) bool {
	return al.question.Shown != nil && al.work.spend(shownSteps) && al.question.Shown(text)
}

// regionOf returns the region that holds a range of letters, -1 if none does.
func (al *Aligner) regionOf(from, to int) int {
	i := sort.Search(len(al.regions), func(i int) bool { return al.regions[i].from > from }) - 1
	if i < 0 || to > al.regions[i].to {
		return -1
	}
	return i
}

// block returns the last block that begins at or before a letter of the answer.
func (r *region) block(at int) *block {
	i := sort.Search(len(r.blocks), func(i int) bool { return r.blocks[i].answer > at }) - 1
	if i < 0 {
		return nil
	}
	return &r.blocks[i]
}

// expected returns where in the original a letter of the answer would be if
// nothing had been left out or inserted since the last block.
func (r *region) expected(at int) int {
	if b := r.block(at); b != nil {
		return b.original + at - b.answer
	}
	return at - r.from
}

// spanAt returns the span with the letters from from to to, those of m. Of tokens, only what
// [atEdge] knows may be missing at their outer ends, and none of it in parts. Characters
// are exactly those with these letters.
func (al *Aligner) spanAt(m *mark, from, to int) (Span, bool) {
	l := &al.original.letters
	if al.original.Unit == Char {
		a := &al.answer
		return al.charsAt(from, to, a.letters.raw[a.signs[m.open].rawAt:a.signs[m.close].rawAt])
	}
	sp := Span{l.token(from), l.token(to-1) + 1}
	return sp, !l.cut(from) && !l.cut(to) && al.onlyEdges(sp, from, to)
}

// edges are where in the letters the punctuation that a token begins with ends, and
// where that which it ends with begins.
type edges struct{ first, last int }

// onlyEdges reports whether the tokens of a span have nothing before from and
// behind to but what [atEdge] knows.
func (al *Aligner) onlyEdges(sp Span, from, to int) bool {
	const short = 64
	l := &al.original.letters
	start, end := l.starts[sp.Start], l.end(sp.End-1)
	if from-start+end-to <= short {
		return onlyEdge(l.text[start:from]) && onlyEdge(l.text[to:end])
	}
	if len(al.edges) == 0 {
		for i, start := range l.starts {
			end := l.end(i)
			e := edges{start, end}
			for e.first < end {
				r, size := utf8.DecodeRune(l.text[e.first:end])
				if !atEdge(r) {
					break
				}
				e.first += size
			}
			for e.last > start {
				r, size := utf8.DecodeLastRune(l.text[start:e.last])
				if !atEdge(r) {
					break
				}
				e.last -= size
			}
			al.edges = append(al.edges, e)
		}
	}
	return from <= al.edges[sp.Start].first && to >= al.edges[sp.End-1].last
}

// looseness says how exactly a span matches a mark.
func (al *Aligner) looseness(m *mark, sp Span) int {
	a, orig := &al.answer.letters, &al.original.letters
	from, to := al.answer.signs[m.open].rawAt, al.answer.signs[m.close].rawAt
	origFrom, origTo, starts := al.original.rawOf(sp)
	raw, want := a.raw[from:to], orig.raw[origFrom:origTo]
	if !bytes.Equal(raw, want) {
		if al.work.spend(len(want)) && bytes.Contains(want, raw) {
			return sameLetters
		}
		return sameFolded
	}
	if !al.work.spend(len(raw)) {
		return sameLetters
	}
	i, _ := slices.BinarySearch(a.rawStarts, from+1)
	for _, start := range starts {
		if i == len(a.rawStarts) || a.rawStarts[i]-from != start-origFrom {
			return sameLetters
		}
		i++
	}
	if i < len(a.rawStarts) && a.rawStarts[i] < to {
		return sameLetters
	}
	return sameTokens
}

// An answer's marks are placed as well as can be as long as that takes less than so
// many steps; of the letters of original and answer each adds some. All places of
// all strings are looked for up to so many, of further strings a few.
const (
	placeSteps, placeStepsEach = 1 << 24, 256
	mostPlaces, fewPlaces      = 1 << 15, 64
	shownSteps                 = 1 << 12 // to look into the demonstrations of a prompt
)

// indexFrom is the work, letters of the original times marks, from which an index
// of the original is made before it is searched for each mark.
const indexFrom = 1 << 21

// reading finds where the string of m occurs in the original.
func (al *Aligner) reading(m *mark) *reading {
	a := &al.answer
	key := a.text[a.signs[m.open].to:a.signs[m.close].from]
	if rd, ok := al.readings[key]; ok {
		return rd
	}
	from, to := a.signs[m.open].at, a.signs[m.close].at
	want := a.letters.text[from:to]
	rd := new(reading)
	folded := true // all places are
	found, more := al.search(want)
	rd.more = more
	for _, at := range found {
		if al.original.letters.cut(at + len(want)) {
			continue
		}
		sp, ok := al.spanAt(m, at, at+len(want))
		if al.original.Unit == Char && !(ok && al.original.between(sp)) {
			rd.inside = true
			continue
		}
		if !ok {
			rd.inside = rd.inside || sp.End-sp.Start == a.letters.touched(from, to)
			continue
		}
		l := al.looseness(m, sp)
		if l < sameFolded && folded {
			folded, rd.places = false, rd.places[:0]
		}
		if n := len(rd.places); (l < sameFolded || folded) && (n == 0 || rd.places[n-1].Span != sp) {
			rd.places = append(rd.places, place{sp, at, l})
		}
	}
	al.readings[key] = rd
	return rd
}

// search returns where want occurs in the letters of the original, in order, and
// whether there may be more.
func (al *Aligner) search(want []byte) (found []int, more bool) {
	al.found = al.found[:0]
	text := al.original.letters.text
	most := max(fewPlaces, al.places.limit-al.places.done)
	if al.index == nil && len(text)*len(al.answer.marks) >= indexFrom {
		al.index = suffixarray.New(text)
	}
	if al.index != nil {
		al.found = append(al.found, al.index.Lookup(want, most)...)
		slices.Sort(al.found)
	} else {
		for at := range occurrences(text, want) {
			al.found = append(al.found, at)
			if len(al.found) == most {
				break
			}
		}
	}
	al.places.spend(len(al.found))
	return al.found, len(al.found) == most
}

// used reports whether a place of a reading is taken.
func (al *Aligner) used(rd *reading) bool {
	if !rd.used {
		rd.used = al.work.spend(len(rd.places)) && slices.ContainsFunc(rd.places, func(p place) bool { _, taken := al.taken[p.Span]; return taken })
	}
	return rd.used
}

// nearby is how many places on either side of the expected one are compared.
const nearby = 32

// shortWord is a likeness that may be chance.
const shortWord = 2

// choose returns the free place around which the original is most like the answer
// around the mark, where to be in another entity outweighs a short word; of such
// places one of the strictest looseness, and of these the nearest to the expected
// one. Where none nearby is free it is the first.
func (al *Aligner) choose(rd *reading, from, to, expected int) (best place, ok bool) {
	i, _ := slices.BinarySearchFunc(rd.places, expected, func(p place, at int) int { return cmp.Compare(p.at, at) })
	var least [3]int
	near := nearby
	if !al.work.spend(min(len(rd.places), 2*nearby) * 2 * reach) {
		near = 1
	}
	for _, p := range rd.places[max(0, i-near):min(len(rd.places), i+near)] {
		if _, taken := al.taken[p.Span]; taken {
			continue
		}
		rank := [3]int{-al.likeness(from, to, p.at), p.looseness, max(p.at-expected, expected-p.at)}
		if al.covered[p.Start] > 0 || al.covered[p.End-1] > 0 {
			rank[0] += shortWord
		}
		if !ok || slices.Compare(rank[:], least[:]) < 0 {
			best, ok, least = p, true, rank
		}
	}
	if !ok {
		return al.firstFree(rd)
	}
	return best, true
}

func (al *Aligner) firstFree(rd *reading) (p place, ok bool) {
	for rd.next < len(rd.places) {
		p = rd.places[rd.next]
		if _, taken := al.taken[p.Span]; !taken {
			return p, true
		}
		rd.next++
	}
	return p, false
}

// strictest returns the places of the strictest looseness that there is.
func (rd *reading) strictest() []place {
	if rd.strict == nil && len(rd.places) > 0 {
		least := slices.MinFunc(rd.places, func(p, q place) int { return cmp.Compare(p.looseness, q.looseness) }).looseness
		looser := func(p place) bool { return p.looseness > least }
		if rd.strict = rd.places; slices.ContainsFunc(rd.places, looser) {
			rd.strict = slices.DeleteFunc(slices.Clone(rd.places), looser)
		}
	}
	return rd.strict
}

// missing says why a string that has no free place is not found.
func (rd *reading) missing() Reason {
	switch {
	case len(rd.places) > 0:
		return Repeated
	case rd.inside:
		return PartOfToken
	}
	return Hallucinated
}

// likeness counts the letters that answer and original share on both sides of a
// mark, in threes.
func (al *Aligner) likeness(from, to, at int) int {
	a, orig := al.answer.letters.text, al.original.letters.text
	return (alike(a[:from], orig[:at], lastLetter) + alike(a[to:], orig[at+to-from:], firstLetter)) / 3
}

// inside reports whether answer and original are alike on both sides of a mark, or
// very much so on one.
func (al *Aligner) inside(from, to, at int) bool {
	a, orig := al.answer.letters.text, al.original.letters.text
	before, after := alike(a[:from], orig[:at], lastLetter), alike(a[to:], orig[at+to-from:], firstLetter)
	return min(before, after) > 1 || max(before, after)/3 > shortWord
}

// reach is how many letters around a mark are compared, those of a few words.
const reach = 24

func firstLetter(text []byte) (r rune, rest []byte) {
	r, size := utf8.DecodeRune(text)
	return r, text[size:]
}

func lastLetter(text []byte) (r rune, rest []byte) {
	r, size := utf8.DecodeLastRune(text)
	return r, text[:len(text)-size]
}

// alike counts the letters that two texts share at their beginning or at their end, which
// letter takes off, up to the reach of a few words. What [atEdge] knows and only one has is passed over. A
// Chinese or Japanese character counts for two, and so does that both end together.
func alike(x, y []byte, letter func([]byte) (rune, []byte)) (n int) {
	const together = 2
	for steps := 0; n < reach && steps < 2*reach && (len(x) > 0 || len(y) > 0); steps++ {
		r, x1 := letter(x)
		q, y1 := letter(y)
		switch {
		case len(x) > 0 && len(y) > 0 && r == q:
			n++
			if r >= 0x3040 && Unspaced(r) {
				n++
			}
			x, y = x1, y1
		case len(y) > 0 && atEdge(q):
			y = y1
		case len(x) > 0 && atEdge(r):
			x = x1
		default:
			return n
		}
	}
	if len(x) == 0 && len(y) == 0 {
		n += together
	}
	return n
}

// report lists what became of the marks.
func (al *Aligner) report(class Fidelity) Alignment {
	a := &al.answer
	out := Alignment{Class: class, Damage: a.damage}
	if al.question.Shown != nil && out.Class == Edited && al.shown(a.without(0, len(a.text), 0)) {
		out.Class = Demonstration
		for i := range a.marks {
			if m := &a.marks[i]; m.reason != Blank && m.reason != Unclosed {
				m.found, m.again, m.reason = false, false, Copied
			}
		}
	}
	for i := range a.marks {
		m := &a.marks[i]
		switch {
		case m.stray:
			out.Damage |= Stray
			continue
		case m.dropped:
			continue
		}
		if m.close >= 0 && m.reason != Blank && m.reason < OtherLabel && al.glued(m) {
			out.Damage |= Glued
		}
		switch {
		case m.found:
			out.Found = append(out.Found, Found{Span: m.span, Label: a.claim(m).label, How: m.how, Text: a.plain(m)})
		case !m.again:
			text := ""
			if m.reason != Blank {
				text = a.plain(m)
			}
			if m.reason == Hallucinated && al.shown(text) {
				m.reason = Copied
			}
			out.Unused = append(out.Unused, Unused{Text: text, Reason: m.reason, Label: a.claim(m).label})
		}
	}
	if al.question.ofSentence() {
		sortByLabel(out.Found, al.question.Asked)
	} else {
		sortFound(out.Found)
	}
	return out
}

func sortFound(list []Found) {
	slices.SortFunc(list, func(a, b Found) int { return a.Span.Compare(b.Span) })
}
