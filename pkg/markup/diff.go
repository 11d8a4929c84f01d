package markup

import (
	"slices"
	"sort"
	"unicode/utf8"
)

// atom is what is compared when two texts are aligned: a word, or a character
// that belongs to none, or is of a script without spaces. Unlike tokens, atoms
// are nearly the same however a text was tokenised.
type atom struct {
	hash     uint64 // FNV-1a
	from, to int    // letters
}

// appendAtoms appends the atoms of a range of letters.
func appendAtoms(dst []atom, l *letters, from, to int) []atom {
	const offset, prime = 14695981039346656037, 1099511628211
	next := sortedAfter(l.starts, from)
	word := false // the last atom is a word and goes on
	for i := from; i < to; {
		if next < len(l.starts) && l.starts[next] == i {
			word = false
			next++
		}
		c, size := l.text[i], 1
		isWord := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		if c >= utf8.RuneSelf {
			var r rune
			r, size = utf8.DecodeRune(l.text[i:to])
			isWord = !Unspaced(r) && inWord(r)
		}
		if !isWord || !word {
			dst = append(dst, atom{offset, i, i})
		}
		word = isWord
		last := &dst[len(dst)-1]
		for range size {
			last.hash = (last.hash ^ uint64(l.text[i])) * prime
			i++
		}
		last.to = i
	}
	return dst
}

// sortedAfter returns the index of the first of starts that is not below from.
func sortedAfter(starts []int, from int) int {
	i, _ := slices.BinarySearch(starts, from)
	return i
}

// block is a run of letters that two texts share.
type block struct{ answer, original, n int }

// maxEdits is how many atoms may be missing and inserted between two anchors.
const maxEdits = 96

// In all, the alignment of an answer takes up to so many steps, and some for each letter.
const editSteps, editStepsEach = 1 << 23, 64

// differ aligns atoms. Of the same atoms on both sides it keeps as many as it
// can in order (E. W. Myers, An O(ND) difference algorithm and its variations,
// Algorithmica 1986). Where that takes more than maxEdits, atoms that both sides
// have exactly once divide the texts first, as in patience diff.
type differ struct {
	a, s     []atom
	blocks   []block // of all regions
	first    int     // of the present one
	furthest []int32 // of each number of edits and each diagonal
	seen     map[uint64]once
	work     meter
}

// once is where an atom occurs, if it occurs once; -1 if it does not, -2 if it does more often.
type once struct{ a, s int }

// maxDepth bounds how often a part is divided again.
const maxDepth = 6

// align returns the runs of atoms that answer and original share, in order.
func (d *differ) align(a, s []atom) []block {
	d.a, d.s, d.first = a, s, len(d.blocks)
	d.part(0, len(a), 0, len(s), 0)
	return d.blocks[d.first:]
}

// add returns a single block.
func (d *differ) add(b block) []block {
	d.blocks = append(d.blocks, b)
	return d.blocks[len(d.blocks)-1:]
}

func (d *differ) same(i, j int) bool { return d.a[i].hash == d.s[j].hash }

func (d *differ) emit(i, j int) {
	x, y := d.a[i], d.s[j]
	if x.to-x.from != y.to-y.from {
		return
	}
	if n := len(d.blocks); n > d.first {
		b := &d.blocks[n-1]
		if b.answer+b.n == x.from && b.original+b.n == y.from {
			b.n += x.to - x.from
			return
		}
	}
	d.blocks = append(d.blocks, block{x.from, y.from, x.to - x.from})
}

func (d *differ) part(a0, a1, s0, s1, depth int) {
	for a0 < a1 && s0 < s1 && d.same(a0, s0) {
		d.emit(a0, s0)
		a0++
		s0++
	}
	end := a1
	for a0 < a1 && s0 < s1 && d.same(a1-1, s1-1) {
		a1--
		s1--
	}
	if a0 < a1 && s0 < s1 && !d.edits(a0, a1, s0, s1) && depth < maxDepth {
		d.divide(a0, a1, s0, s1, depth)
	}
	for ; a1 < end; a1, s1 = a1+1, s1+1 {
		d.emit(a1, s1)
	}
}

// edits aligns two parts if that takes at most maxEdits.
func (d *differ) edits(a0, a1, s0, s1 int) bool {
	n, m := a1-a0, s1-s0
	if n-m > maxEdits || m-n > maxEdits {
		return false
	}
	a, t := d.a[a0:a1], d.s[s0:s1]
	var before []int32 // the row of one edit less
	d.furthest = d.furthest[:0]
	for e := 0; e <= min(maxEdits, n+m); e++ {
		// Row e holds the diagonals -e to e, and begins at e*e.
		row := e * e
		d.furthest = slices.Grow(d.furthest, 2*e+1)[:row+2*e+1]
		furthest := d.furthest[row:]
		steps := e + 1
		for k := -e; k <= e; k += 2 {
			x := furthestBefore(before, e, k)
			steps -= x
			for x < n && x-k < m && a[x].hash == t[x-k].hash {
				x++
			}
			steps += x
			furthest[k+e] = int32(x)
			if x >= n && x-k >= m {
				d.work.spend(steps)
				d.trace(a0, s0, e, k, n)
				return true
			}
		}
		if !d.work.spend(steps) {
			return false
		}
		before = furthest
	}
	return false
}

// furthestBefore returns how far e edits come on diagonal k without a further
// atom that is the same. before is the row of one edit less.
func furthestBefore(before []int32, e, k int) int {
	if e == 0 {
		return 0
	}
	at := k + e - 1
	if k == -e || k != e && before[at-1] < before[at+1] {
		return int(before[at+1])
	}
	return int(before[at-1]) + 1
}

// trace emits what lies on the way to x on diagonal k with e edits.
func (d *differ) trace(a0, s0, e, k, x int) {
	from := 0
	if e > 0 {
		before := d.furthest[(e-1)*(e-1):]
		at := k + e - 1
		if k == -e || k != e && before[at-1] < before[at+1] {
			from = int(before[at+1])
			d.trace(a0, s0, e-1, k+1, from)
		} else {
			from = int(before[at-1])
			d.trace(a0, s0, e-1, k-1, from)
			from++
		}
	}
	for i := from; i < x; i++ {
		d.emit(a0+i, s0+i-k)
	}
}

// divide aligns the parts between the atoms that occur exactly once on both sides.
func (d *differ) divide(a0, a1, s0, s1, depth int) {
	anchors := d.anchors(a0, a1, s0, s1)
	if len(anchors) == 0 {
		return
	}
	for _, x := range anchors {
		if x.a < a0 || x.s < s0 {
			continue
		}
		d.part(a0, x.a, s0, x.s, depth+1)
		d.emit(x.a, x.s)
		a0, s0 = x.a+1, x.s+1
	}
	d.part(a0, a1, s0, s1, depth+1)
}

// anchors returns as many of these as are in the same order on both sides.
func (d *differ) anchors(a0, a1, s0, s1 int) []once {
	if d.seen == nil {
		d.seen = map[uint64]once{}
	}
	clear(d.seen)
	place := func(before, i int) int {
		if before == -1 {
			return i
		}
		return -2
	}
	for i := a0; i < a1; i++ {
		o, ok := d.seen[d.a[i].hash]
		if !ok {
			o = once{-1, -1}
		}
		o.a = place(o.a, i)
		d.seen[d.a[i].hash] = o
	}
	for j := s0; j < s1; j++ {
		if o, ok := d.seen[d.s[j].hash]; ok {
			o.s = place(o.s, j)
			d.seen[d.s[j].hash] = o
		}
	}
	var pairs []once
	for i := a0; i < a1; i++ {
		if o := d.seen[d.a[i].hash]; o.a == i && o.s >= 0 {
			pairs = append(pairs, o)
		}
	}
	rises := func(x, y once) bool { return x.s < y.s }
	return longestChain(pairs, rises, rises)
}

// longestChain returns the longest subsequence in which each item follows the one
// before. Which item ends first must decide which items follow it. Of equally
// long chains it is the one whose last item ends first, and so on back to the
// first.
func longestChain[T any](list []T, follows, endsFirst func(x, y T) bool) []T {
	before := make([]int32, len(list))
	var last []int32 // of the chains of each length, the last item that ends first
	for i, x := range list {
		n := sort.Search(len(last), func(k int) bool { return !follows(list[last[k]], x) })
		before[i] = -1
		if n > 0 {
			before[i] = last[n-1]
		}
		if n == len(last) {
			last = append(last, int32(i))
		} else if endsFirst(x, list[last[n]]) {
			last[n] = int32(i)
		}
	}
	if len(last) == 0 {
		return nil
	}
	chain := make([]T, len(last))
	for i, n := last[len(last)-1], len(last)-1; n >= 0; i, n = before[i], n-1 {
		chain[n] = list[i]
	}
	return chain
}
