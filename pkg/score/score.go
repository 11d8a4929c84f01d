// Package score says how well predicted entities agree with those of a data
// set: precision, recall and F1 with their intervals, and the kinds of error.
package score

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"nertools/pkg/corpus"
	"nertools/pkg/fault"
)

// Match is when a predicted entity counts as one of the gold. Each entity counts
// once at most, on either side.
type Match uint8

// The ways to match.
const (
	// Strict asks for the same span and the same label.
	Strict Match = iota

	// Boundary asks for the same span under any label. A pair of two labels
	// counts for that of the gold: the false positives of a label are those of
	// its predictions that are in no pair.
	Boundary

	// Overlap asks for the same label and a token in common; as many are paired
	// as can be: a maximum matching.
	Overlap

	// Published is the procedure of [CountPublished], row by row.
	Published
)

var matchNames = []string{"strict", "boundary", "overlap", "published"}

// String gives the name that [ParseMatch] reads.
func (m Match) String() string { return matchNames[m] }

// ParseMatch reads "strict", "boundary", "overlap" or "published".
func ParseMatch(name string) (Match, error) {
	if i := slices.Index(matchNames, name); i >= 0 {
		return Match(i), nil
	}
	return 0, fault.WithHint(fmt.Errorf("no way to match is called %q", name), "choose one of "+strings.Join(matchNames, ", "))
}

// Counts are those of true positives, false positives and false negatives.
type Counts struct{ TP, FP, FN int }

// Precision is the share of the predictions that are right, in [0,1]; 0 where
// there are none.
func (c Counts) Precision() float64 { return share(c.TP, c.TP+c.FP) }

// Recall is the share of the gold that is found, in [0,1]; 0 where there is none.
func (c Counts) Recall() float64 { return share(c.TP, c.TP+c.FN) }

// F1 is the harmonic mean of precision and recall, in [0,1]; 0 where there is
// neither gold nor a prediction.
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

// ErrMatch is the error of adding what the match of a [Scorer] does not look at.
var ErrMatch = errors.New("a published score counts rows, every other score counts entities")

// A Scorer adds up sentences. It keeps counts of each, not its entities. It is to
// be used by one goroutine at a time.
type Scorer struct {
	match    Match
	listed   int // of the labels: those that New was given
	labels   []label
	ids      map[string]int // label -> its place in labels
	confused map[[2]int]int // gold and predicted label -> entities with the same span
	counts   []labelCounts  // of one sentence after the other, those that are not 0
	ends     []int          // where the counts of each sentence end
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

// New returns a Scorer. labels are those of the data set, in the order in which
// they are to be shown; others follow by name.
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

// Add adds a sentence: what the gold marks in it, and what was predicted. What a
// list holds twice, the same span and label, counts once. It returns [ErrMatch] if
// the match is Published, which does not look at entities: see [Scorer.AddRows].
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

// lastHit is the kind up to which a pair is a match.
var lastHit = [...]Relation{Strict: Correct, Boundary: WrongLabel, Overlap: WrongBoundary}

// AddRows adds a sentence for a published score: its rows, one for each label.
// It returns [ErrMatch] if the match is another.
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

// note counts the kinds of a sentence's differences.
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

// count adds to the sentence that is not ended yet.
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
