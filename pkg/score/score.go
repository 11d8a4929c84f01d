// Package score measures how well predicted entities agree with those of a data set:
// precision, recall and F1 with confidence intervals, and the kinds of errors.
package score

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"nertools/pkg/corpus"
	"nertools/pkg/fault"
)

// Match says when a predicted entity matches a gold entity. Each entity on either side
// matches at most once.
type Match uint8

// The kinds of match.
const (
	// Strict requires the same span and the same label.
	Strict Match = iota

	// Boundary requires the same span, with any label. A pair with two labels counts for
	// the gold label: a label's false positives are its predictions that are in no pair.
	Boundary

	// Overlap requires the same label and a common token; as many entities as possible
	// are paired (a maximum matching).
	Overlap

	// Published applies [CountPublished] to each row.
	Published
)

var matchNames = []string{"strict", "boundary", "overlap", "published"}

// String returns the name that [ParseMatch] accepts.
func (m Match) String() string { return matchNames[m] }

// ParseMatch parses "strict", "boundary", "overlap" or "published".
func ParseMatch(name string) (Match, error) {
	if i := slices.Index(matchNames, name); i >= 0 {
		return Match(i), nil
	}
	return 0, fault.WithHint(fmt.Errorf("unknown way to match %q", name), "choose one of "+strings.Join(matchNames, ", "))
}

// Counts holds the numbers of true positives, false positives and false negatives.
type Counts struct{ TP, FP, FN int }

// Precision returns the share of predictions that are right, in [0,1]; 0 if there are
// none.
func (c Counts) Precision() float64 { return share(c.TP, c.TP+c.FP) }

// Recall returns the share of gold entities that were found, in [0,1]; 0 if there are
// none.
func (c Counts) Recall() float64 { return share(c.TP, c.TP+c.FN) }

// F1 returns the harmonic mean of precision and recall, in [0,1]; 0 if there are neither
// gold entities nor predictions.
func (c Counts) F1() float64 { return share(2*c.TP, 2*c.TP+c.FP+c.FN) }

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

func (c *Counts) add(d Counts) {
	c.TP += d.TP
	c.FP += d.FP
	c.FN += d.FN
}

// ErrMatch means that the method called does not suit the match of the [Scorer].
var ErrMatch = errors.New("a published score counts rows, every other score counts entities")

// A Scorer accumulates the counts of sentences, not their entities. It is for one
// goroutine at a time.
type Scorer struct {
	match    Match
	listed   int // how many of the labels were passed to New
	labels   []label
	ids      map[string]int // label -> index in labels
	confused map[[2]int]int // gold and predicted label -> entities with the same span
	counts   []labelCounts  // for one sentence after another, those that are not 0
	ends     []int          // ends of each sentence's counts
}

type label struct {
	name   string
	counts Counts
	errors Errors
}

type labelCounts struct {
	label int
	Counts
}

// New returns a Scorer. labels are the labels of the data set in the order in which to
// show them; others follow by name.
func New(match Match, labels []string) *Scorer {
	s := &Scorer{match: match, ids: map[string]int{}, confused: map[[2]int]int{}}
	for _, name := range labels {
		s.id(name)
	}
	s.listed = len(s.labels)
	return s
}

func (s *Scorer) id(name string) int {
	id, ok := s.ids[name]
	if !ok {
		id = len(s.labels)
		s.ids[name] = id
		s.labels = append(s.labels, label{name: name})
	}
	return id
}

// Add adds a sentence with its gold and predicted entities. Duplicates within a list
// count once. If the match is Published, Add returns [ErrMatch]; use [Scorer.AddRows]
// instead.
func (s *Scorer) Add(gold, predicted []corpus.Entity) error {
	if s.match == Published {
		return ErrMatch
	}
	gold, predicted = distinct(gold), distinct(predicted)
	pairs := Compare(gold, predicted)
	s.note(gold, predicted, pairs)
	if s.match == Overlap {
		pairs = overlaps(gold, predicted)
	}
	for _, d := range pairs {
		if d.Kind <= lastHit[s.match] {
			s.count(gold[d.Gold].Label, Counts{TP: 1})
			continue
		}
		if d.Gold >= 0 {
			s.count(gold[d.Gold].Label, Counts{FN: 1})
		}
		if d.Predicted >= 0 {
			s.count(predicted[d.Predicted].Label, Counts{FP: 1})
		}
	}
	s.end()
	return nil
}

// lastHit is the last relation that counts as a match.
var lastHit = [...]Relation{Strict: Correct, Boundary: WrongLabel, Overlap: WrongBoundary}

// AddRows adds the rows of a sentence, one per label, to a published score. With any
// other match it returns [ErrMatch].
func (s *Scorer) AddRows(rows []Case) error {
	if s.match != Published {
		return ErrMatch
	}
	for _, r := range rows {
		s.count(r.Label, CountPublished(r.Sentence, r.Answer, r.Gold))
	}
	s.end()
	return nil
}

func distinct(entities []corpus.Entity) []corpus.Entity {
	entities = slices.Clone(entities)
	slices.SortStableFunc(entities, func(a, b corpus.Entity) int { return byPlace(&a, &b) })
	return slices.CompactFunc(entities, func(a, b corpus.Entity) bool { return byPlace(&a, &b) == 0 })
}

// note counts the relations in a sentence.
func (s *Scorer) note(gold, predicted []corpus.Entity, differences []Difference) {
	for _, d := range differences {
		if d.Gold < 0 {
			s.labels[s.id(predicted[d.Predicted].Label)].errors[d.Kind]++
			continue
		}
		id := s.id(gold[d.Gold].Label)
		s.labels[id].errors[d.Kind]++
		if d.Kind == WrongLabel {
			s.confused[[2]int{id, s.id(predicted[d.Predicted].Label)}]++
		}
	}
}

// count adds c to the current sentence.
func (s *Scorer) count(name string, c Counts) {
	id := s.id(name)
	s.labels[id].counts.add(c)
	for i := s.begin(); i < len(s.counts); i++ {
		if s.counts[i].label == id {
			s.counts[i].add(c)
			return
		}
	}
	if c != (Counts{}) {
		s.counts = append(s.counts, labelCounts{id, c})
	}
}

func (s *Scorer) begin() int {
	if len(s.ends) == 0 {
		return 0
	}
	return s.ends[len(s.ends)-1]
}

func (s *Scorer) end() { s.ends = append(s.ends, len(s.counts)) }
