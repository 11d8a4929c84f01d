package score

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"nertools/pkg/english"
)

// An Evaluation is the result of a [Scorer].
type Evaluation struct {
	Match     Match
	Sentences int
	Resamples int    // number of resamples behind the intervals; 0 without intervals
	Seed      uint64 // random seed of the resamples

	Micro  Score   // over all entities
	Macro  Macro   // mean over labels
	Labels []Score // those passed to New, then others by name

	Errors    Errors      // for all labels
	Confusion []Confusion // most frequent first, then by gold and predicted label

	Calls *Calls // behind the answers; nil if they are not known
}

// Calls say what answers took.
type Calls struct {
	Number        int
	Input, Output int64   // tokens
	Cost          float64 // NaN if a price is not known
	Currency      string  // of Cost
}

// String returns "37 calls, 1200 tokens in, 80 out, about 0.0012 USD".
func (c *Calls) String() string {
	s := fmt.Sprintf("%s, %s in, %d out", english.Count(c.Number, "call"), english.Count(c.Input, "token"), c.Output)
	if !math.IsNaN(c.Cost) {
		s += fmt.Sprintf(", about %.4f %s", c.Cost, c.Currency)
	}
	return s
}

// A Score is the score of one label, or of all labels.
type Score struct {
	Label string // "" for all labels
	Counts
	Intervals *Intervals // nil without resampling
	Errors    Errors
}

// Macro is the mean over the labels that occur in the gold or in the predictions; if
// there are none, all values are 0. F1 is the mean of the labels' F1.
type Macro struct {
	Labels                int // how many labels occur
	Precision, Recall, F1 float64
	Intervals             *Intervals // nil without resampling
}

// Errors counts differences by [Relation], as found by [Compare], independently of the
// match. Differences are counted for the entity's label, wrong labels for the label of
// the gold entity. For a published score all counts are 0, since it does not look at
// entities.
type Errors [kinds]int

// Confusion counts how often gold entities were predicted with another label.
type Confusion struct {
	Gold, Predicted string
	Count           int
}

// Report evaluates the sentences added so far. The intervals are based on the given
// number of resamples, at most [MaxResamples], drawn with seed; with 0 resamples there
// are none.
func (s *Scorer) Report(resamples int, seed uint64) *Evaluation {
	resamples = min(resamples, MaxResamples)
	r := &Evaluation{Match: s.match, Sentences: len(s.ends), Resamples: max(resamples, 0), Seed: seed}
	order := s.order()
	sums := make([]Counts, len(s.labels))
	for id, l := range s.labels {
		sums[id] = l.counts
	}
	for _, id := range order {
		l := &s.labels[id]
		r.Labels = append(r.Labels, Score{Label: l.name, Counts: l.counts, Errors: l.errors})
		r.Micro.Counts.add(l.counts)
		for k, n := range l.errors {
			r.Errors[k] += n
		}
	}
	r.Micro.Errors = r.Errors
	r.Macro = macro(sums, order)
	r.Confusion = s.confusion(order)
	if resamples > 0 {
		s.resample(r, order)
	}
	return r
}

// order returns the labels in the order in which they are shown.
func (s *Scorer) order() []int {
	order := make([]int, len(s.labels))
	for id := range order {
		order[id] = id
	}
	slices.SortFunc(order[s.listed:], func(a, b int) int { return strings.Compare(s.labels[a].name, s.labels[b].name) })
	return order
}

func macro(sums []Counts, order []int) Macro {
	var m Macro
	for _, id := range order {
		if c := sums[id]; c != (Counts{}) {
			m.Labels++
			m.Precision += c.Precision()
			m.Recall += c.Recall()
			m.F1 += c.F1()
		}
	}
	n := float64(max(m.Labels, 1))
	m.Precision, m.Recall, m.F1 = m.Precision/n, m.Recall/n, m.F1/n
	return m
}

func (s *Scorer) confusion(order []int) []Confusion {
	rank := make([]int, len(order))
	for i, id := range order {
		rank[id] = i
	}
	pairs := slices.SortedFunc(maps.Keys(s.confused), func(a, b [2]int) int {
		return cmp.Or(cmp.Compare(s.confused[b], s.confused[a]), cmp.Compare(rank[a[0]], rank[b[0]]), cmp.Compare(rank[a[1]], rank[b[1]]))
	})
	var list []Confusion
	for _, p := range pairs {
		list = append(list, Confusion{s.labels[p[0]].name, s.labels[p[1]].name, s.confused[p]})
	}
	return list
}
