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
}

// A pool is a list of texts of training rows, in row order, in which the nearest are
// searched. Labels whose rows have the same sentences share a pool and the results of its
// search.
type pool []int32

// A label's training rows; with Diverse, one per text.
type label struct {
	all, shown group  // shown: those of all that contain an entity; only with Diverse
	shows      []bool // whether each row of all contains an entity; only with Diverse
}

// A group is a list of training rows with the pool of their texts.
type group struct {
	pool int
	rows []int32
}

// An entry is a training row and its text.
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

// A finder finds the neighbours of one source sentence after another.
type finder struct {
	index   *index
	num     int
	diverse bool

	scores []float64 // similarities of the training texts
	same   int32     // the text to exclude, or -1
	known  []bool    // whether places belong to the current sentence
	places [][]int32 // by pool: the nearest texts, nearest first
}

func newFinder(x *index, num int, diverse bool) *finder {
	return &finder{index: x, num: num, diverse: diverse, known: make([]bool, len(x.pools)), places: make([][]int32, len(x.pools))}
}

// next starts another sentence.
func (f *finder) next(scores []float64, same int32) {
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

// nearest returns the places in a pool of its nearest texts; ties are in order of place.
func (f *finder) nearest(n int) []int32 {
	if f.known[n] {
		return f.places[n]
	}
	pool, places := f.index.pools[n], f.places[n][:0]
	nearer := func(a, b int32) int {
		return cmp.Or(cmp.Compare(f.scores[pool[b]], f.scores[pool[a]]), cmp.Compare(a, b))
	}
	// Texts not above the limit are not among the nearest: at least near other texts
	// precede them.
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

// balanced merges the rows with an entity and those without. places are the nearest of
// all rows. That suffices for the rows without an entity, because each position goes to
// the nearest remaining row or to a row with an entity.
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
	taken := 0 // from shown
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
