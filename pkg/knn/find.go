package knn

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
)

// An index groups the training rows by label.
type index struct {
	labels  []label
	numbers map[string]int // label name -> label number
	pools   []pool
	known   map[string]int // texts -> their pool
	marked  []marked       // only for methods that use entities
}

// A pool is a list of texts of training rows, in row order, in which the nearest are
// searched. Labels whose rows have the same sentences share a pool and the results of its
// search.
type pool struct {
	texts  []int32 // or marked texts
	marked bool    // which of them
	joined bool    // the texts are numbered one after the other
	width  int     // how many of the nearest to find
}

// A label's training rows; with Diverse, one per text.
type label struct {
	all   group
	shown group  // those that contain an entity; only with Diverse or marked texts
	shows []bool // by place in all: whether shown contains it
}

// A group is a list of training rows with the pool of their texts.
type group struct {
	pool int
	rows []int32
}

// An entry is a training row and its text.
type entry struct {
	row, text int32
	marked    int32 // its marked text, or -1
	shows     bool  // the row or, for methods that use entities, its text contains an entity
}

// index groups the rows. With usesEntities it also makes t.marked.
func (s *Search) index(t *texts, usesEntities bool) (*index, error) {
	x := &index{numbers: map[string]int{}, known: map[string]int{}}
	var lists [][]entry
	var markedOf []map[int32]int32 // by label: the marked text of each text
	for i, rows := range s.Train.Rows {
		for _, row := range rows {
			name := s.Train.Label(row)
			n, ok := x.numbers[name]
			if !ok {
				n = len(lists)
				x.numbers[name] = n
				lists, markedOf = append(lists, nil), append(markedOf, map[int32]int32{})
			}
			e := entry{row: int32(row), text: t.of[i], marked: -1}
			if s.Diverse || usesEntities {
				entities, err := s.Train.Entities(row)
				if err != nil {
					return nil, err
				}
				if e.shows = len(entities) > 0; e.shows && usesEntities {
					at, ok := markedOf[n][e.text]
					if !ok {
						at = -1
					}
					markedOf[n][e.text] = t.mark(at, e.text, s.Train.Texts[i], entities)
				}
			}
			lists[n] = append(lists[n], e)
		}
	}
	// Marked texts are numbered anew, in the order in which pools list them.
	numbers := make([]int32, len(t.marked))
	for n, list := range lists {
		if s.Diverse {
			list = onePerText(list)
		}
		slices.SortFunc(list, func(a, b entry) int { return cmp.Compare(a.row, b.row) })
		for i := range list {
			at, ok := markedOf[n][list[i].text]
			if !ok {
				continue
			}
			if numbers[at] == 0 {
				x.marked = append(x.marked, t.marked[at])
				numbers[at] = int32(len(x.marked))
			}
			list[i].marked, list[i].shows = numbers[at]-1, true
		}
		l := label{all: x.group(list, false, s.Num)}
		if s.Diverse || usesEntities {
			for _, e := range list {
				l.shows = append(l.shows, e.shows)
			}
			if s.Diverse && usesEntities { // see finder.empty
				x.pools[l.all.pool].width = 4 * s.Num
			}
			l.shown = x.group(slices.DeleteFunc(list, func(e entry) bool { return !e.shows }), usesEntities, s.Num)
		}
		x.labels = append(x.labels, l)
	}
	t.marked = x.marked
	return x, nil
}

// onePerText keeps one of the rows with the same text: the first that contains an entity,
// or else the first.
func onePerText(list []entry) []entry {
	slices.SortFunc(list, func(a, b entry) int {
		switch {
		case a.text == b.text && a.shows && !b.shows:
			return -1
		case a.text == b.text && b.shows && !a.shows:
			return 1
		}
		return cmp.Or(cmp.Compare(a.text, b.text), cmp.Compare(a.row, b.row))
	})
	return slices.CompactFunc(list, func(a, b entry) bool { return a.text == b.text })
}

func (x *index) group(list []entry, marked bool, width int) group {
	var g group
	p := pool{marked: marked, joined: true, width: width}
	key := []byte{0}
	if marked {
		key[0] = 1
	}
	for _, e := range list {
		g.rows = append(g.rows, e.row)
		text := e.text
		if marked {
			text = e.marked
		}
		p.texts = append(p.texts, text)
		p.joined = p.joined && text == p.texts[0]+int32(len(p.texts)-1)
		key = binary.NativeEndian.AppendUint32(key, uint32(text))
	}
	n, ok := x.known[string(key)]
	if !ok {
		n = len(x.pools)
		x.known[string(key)] = n
		x.pools = append(x.pools, p)
	}
	g.pool = n
	return g
}

// A finder finds the neighbours of one source sentence after another.
type finder struct {
	index   *index
	num     int
	diverse bool

	scores similarities
	same   int32         // the text to exclude, or -1
	known  []bool        // whether found belongs to the current sentence
	found  [][]candidate // by pool: the nearest texts, nearest first
	rest   []candidate   // the last result of without
}

// A candidate is a place in a pool, and the similarity of the text there.
type candidate struct {
	similarity float64
	place      int32
}

func newFinder(x *index, num int, diverse bool) *finder {
	return &finder{index: x, num: num, diverse: diverse, known: make([]bool, len(x.pools)), found: make([][]candidate, len(x.pools))}
}

// next starts another sentence.
func (f *finder) next(scores similarities, same int32) {
	f.scores, f.same = scores, same
	clear(f.known)
}

// neighbours returns the neighbours of the sentence's row for a label; none if label is
// negative. The caller may keep the list.
func (f *finder) neighbours(label int) []Neighbour {
	if label < 0 {
		return []Neighbour{}
	}
	l := &f.index.labels[label]
	switch {
	case f.diverse:
		return f.balanced(l)
	case l.shows == nil:
		return l.all.list(f.nearest(l.all.pool))
	}
	return f.merged(l)
}

func (g *group) list(found []candidate) []Neighbour {
	list := make([]Neighbour, len(found))
	for i, c := range found {
		list[i] = Neighbour{int(g.rows[c.place]), c.similarity}
	}
	return list
}

// nearest returns the nearest texts of a pool; ties are in order of place.
func (f *finder) nearest(n int) []candidate {
	if !f.known[n] {
		f.known[n], f.found[n] = true, f.search(&f.index.pools[n], nil, f.found[n][:0])
	}
	return f.found[n]
}

// search returns the nearest texts of a pool, except for those in skip, in the memory of
// found.
func (f *finder) search(p *pool, skip []bool, found []candidate) []candidate {
	scores := f.scores.texts
	if p.marked {
		scores = f.scores.marked
	}
	limit := math.Inf(-1) // texts not above the limit are not among the nearest
	try := func(place int, similarity float64) {
		if f.isSame(p, p.texts[place]) || skip != nil && skip[place] {
			return
		}
		if len(found) < p.width {
			found = append(found, candidate{})
		}
		at := len(found) - 1
		for ; at > 0 && found[at-1].similarity < similarity; at-- {
			found[at] = found[at-1]
		}
		found[at] = candidate{similarity, int32(place)}
		if len(found) == p.width {
			limit = found[len(found)-1].similarity
		}
	}
	if p.joined && len(p.texts) > 0 {
		for place, similarity := range scores[p.texts[0]:][:len(p.texts)] {
			if similarity > limit {
				try(place, similarity)
			}
		}
		return found
	}
	for place, text := range p.texts {
		if similarity := scores[text]; similarity > limit {
			try(place, similarity)
		}
	}
	return found
}

// isSame reports whether a text of the pool is that of the source sentence.
func (f *finder) isSame(p *pool, text int32) bool {
	switch {
	case f.same < 0:
		return false
	case p.marked:
		text = f.index.marked[text].text
	}
	return text == f.same
}

// merged returns the nearest rows where those with an entity have other similarities than
// their texts. These are never lower. So if a row without an entity is among the nearest,
// its text is among the nearest texts.
func (f *finder) merged(l *label) []Neighbour {
	shown, empty := l.shown.list(f.nearest(l.shown.pool)), l.all.list(f.without(l, f.num))
	list := make([]Neighbour, 0, f.num)
	for len(list) < f.num && len(shown)+len(empty) > 0 {
		if len(empty) == 0 || len(shown) > 0 && shown[0].nearer(empty[0]) {
			list, shown = append(list, shown[0]), shown[1:]
		} else {
			list, empty = append(list, empty[0]), empty[1:]
		}
	}
	return list
}

// without returns the rows without an entity that are among the nearest, at most n, as
// places in l.all.
func (f *finder) without(l *label, n int) []candidate {
	f.rest = f.rest[:0]
	for _, c := range f.nearest(l.all.pool) {
		if len(f.rest) < n && !l.shows[c.place] {
			f.rest = append(f.rest, c)
		}
	}
	return f.rest
}

// empty returns the nearest rows without an entity, as many as balanced may need besides
// the number of shown ones.
func (f *finder) empty(l *label, shown int) []Neighbour {
	need := f.num - min(shown, (f.num+1)/2)
	found := f.without(l, need)
	// If rows with and without an entity have similarities of one kind, each position goes
	// to the nearest remaining row or to a row with an entity, and the nearest rows are
	// enough. Otherwise a wider search mostly finds enough, and this one always does.
	p := &f.index.pools[l.all.pool]
	if p.width > f.num && len(found) < need && len(f.nearest(l.all.pool)) == p.width {
		f.rest = f.search(p, l.shows, f.rest[:0])
		found = f.rest[:min(need, len(f.rest))]
	}
	return l.all.list(found)
}

// balanced merges the rows with an entity and those without.
func (f *finder) balanced(l *label) []Neighbour {
	shown := l.shown.list(f.nearest(l.shown.pool))
	empty := f.empty(l, len(shown))
	list := make([]Neighbour, 0, f.num)
	taken := 0 // from shown
	for len(list) < f.num && len(shown)+len(empty) > 0 {
		if len(empty) == 0 || len(shown) > 0 && (2*taken < len(list)+1 || shown[0].nearer(empty[0])) {
			list, shown = append(list, shown[0]), shown[1:]
			taken++
		} else {
			list, empty = append(list, empty[0]), empty[1:]
		}
	}
	return list
}

func (n Neighbour) nearer(o Neighbour) bool {
	return n.Similarity > o.Similarity || n.Similarity == o.Similarity && n.Row < o.Row
}
