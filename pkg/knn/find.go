package knn

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
)

// An index is the training rows by label.
type index struct {
	labels  []label
	numbers map[string]int // the label called so
	pools   []pool
	known   map[string]int // the pool with these texts
}

// A pool is the texts of training rows among which the nearest are looked for,
// in row order. Labels whose rows follow the same sentences share one, and what
// is found in it.
type pool []int32

// A label's training rows. With Diverse they are of different texts.
type label struct {
	all, shown group  // shown are those of all that show an entity; for Diverse
	shows      []bool // of each row of all; for Diverse
}

// A group is training rows and the pool of their texts.
type group struct {
	pool int
	rows []int32
}

// An entry is a training row and the text it asks about.
type entry struct {
	row, text int32
	shows     bool
}

func (s *Search) index(t *texts) (*index, error) {
	x := &index{numbers: map[string]int{}, known: map[string]int{}}
	var lists [][]entry
	for i, rows := range s.Train.Rows {
		for _, row := range rows {
			name := s.Train.Label(row)
			n, ok := x.numbers[name]
			if !ok {
				n = len(lists)
				x.numbers[name] = n
				lists = append(lists, nil)
			}
			e := entry{row: int32(row), text: t.of[i]}
			if s.Diverse {
				var err error
				if e.shows, err = s.Train.Shows(row); err != nil {
					return nil, err
				}
			}
			lists[n] = append(lists[n], e)
		}
	}
	for _, list := range lists {
		if s.Diverse {
			list = onePerText(list)
		}
		slices.SortFunc(list, func(a, b entry) int { return cmp.Compare(a.row, b.row) })
		l := label{all: x.group(list)}
		if s.Diverse {
			for _, e := range list {
				l.shows = append(l.shows, e.shows)
			}
			l.shown = x.group(slices.DeleteFunc(list, func(e entry) bool { return !e.shows }))
		}
		x.labels = append(x.labels, l)
	}
	return x, nil
}

// onePerText keeps, of the rows that ask about the same text, the first that
// shows an entity, or the first if none does.
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

func (x *index) group(list []entry) group {
	var g group
	var p pool
	var key []byte
	for _, e := range list {
		g.rows = append(g.rows, e.row)
		p = append(p, e.text)
		key = binary.NativeEndian.AppendUint32(key, uint32(e.text))
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

// A finder finds the neighbours of one source sentence after the other.
type finder struct {
	index   *index
	num     int
	diverse bool

	scores []float64 // of the training texts
	same   int32     // the text that is not to be found, or -1
	known  []bool    // whether places are those of this sentence
	places [][]int32 // by pool: the nearest, nearest first
}

func newFinder(x *index, num int, diverse bool) *finder {
	return &finder{index: x, num: num, diverse: diverse, known: make([]bool, len(x.pools)), places: make([][]int32, len(x.pools))}
}

// next goes on to another sentence.
func (f *finder) next(scores []float64, same int32) {
	f.scores, f.same = scores, same
	clear(f.known)
}

// neighbours gives the neighbours of the sentence's row for a label; a negative
// label has none. The list is the caller's.
func (f *finder) neighbours(label int) []Neighbour {
	if label < 0 {
		return []Neighbour{}
	}
	l := &f.index.labels[label]
	places := f.nearest(l.all.pool)
	if f.diverse {
		return f.balanced(l, places)
	}
	list := make([]Neighbour, len(places))
	for i, place := range places {
		list[i] = f.neighbour(&l.all, place)
	}
	return list
}

func (f *finder) neighbour(g *group, place int32) Neighbour {
	return Neighbour{int(g.rows[place]), f.scores[f.index.pools[g.pool][place]]}
}

// nearest gives the places of a pool whose texts are the nearest, equally near
// ones in order.
func (f *finder) nearest(n int) []int32 {
	if f.known[n] {
		return f.places[n]
	}
	pool, places := f.index.pools[n], f.places[n][:0]
	nearer := func(a, b int32) int {
		return cmp.Or(cmp.Compare(f.scores[pool[b]], f.scores[pool[a]]), cmp.Compare(a, b))
	}
	// What is not above the limit is not among the nearest: as many at least as
	// near stand in front of it.
	limit := math.Inf(-1)
	for place, text := range pool {
		if f.scores[text] <= limit || text == f.same {
			continue
		}
		if places = append(places, int32(place)); len(places) == 2*f.num {
			slices.SortFunc(places, nearer)
			places = places[:f.num]
			limit = f.scores[pool[places[f.num-1]]]
		}
	}
	slices.SortFunc(places, nearer)
	f.known[n], f.places[n] = true, places[:min(f.num, len(places))]
	return f.places[n]
}

// balanced merges the rows that show an entity with the empty ones. places are
// the nearest of all: more of the empty ones are not needed, since each place
// goes to the nearest row that is left or to one that shows an entity.
func (f *finder) balanced(l *label, places []int32) []Neighbour {
	var shown, empty []Neighbour
	for _, place := range f.nearest(l.shown.pool) {
		shown = append(shown, f.neighbour(&l.shown, place))
	}
	for _, place := range places {
		if !l.shows[place] {
			empty = append(empty, f.neighbour(&l.all, place))
		}
	}
	list := make([]Neighbour, 0, len(places))
	taken := 0 // of shown
	for len(list) < len(places) {
		left := empty[len(list)-taken:]
		if taken < len(shown) && (len(left) == 0 || 2*taken < len(list)+1 || shown[taken].nearer(left[0])) {
			list = append(list, shown[taken])
			taken++
		} else {
			list = append(list, left[0])
		}
	}
	return list
}

func (n Neighbour) nearer(o Neighbour) bool {
	return n.Similarity > o.Similarity || n.Similarity == o.Similarity && n.Row < o.Row
}
