package score

import (
	"cmp"
	"slices"
	"strings"

	"nertools/pkg/corpus"
)

// Relation says how a gold or predicted entity relates to the other side.
type Relation uint8

// The relations. If two entities overlap but differ in both span and label, the gold one
// is missed and the predicted one spurious.
const (
	Correct       Relation = iota // same span and label as in the gold
	WrongLabel                    // same span, different label
	WrongBoundary                 // same label, overlapping span
	Missed                        // only in the gold
	Spurious                      // only predicted
	kinds
)

var kindNames = [kinds]string{"correct", "wrong label", "wrong boundary", "missed", "spurious"}

// String returns the relation in words: "wrong label".
func (k Relation) String() string { return kindNames[k] }

// A Difference is a gold entity and the predicted entity paired with it.
type Difference struct {
	Kind            Relation
	Gold, Predicted int // indexes of the entities; -1 if absent
}

// Compare pairs the gold and predicted entities of a sentence; each of them is in exactly
// one Difference. First, equal entities are paired; then those with the same span, in the
// order of their labels; then as many as possible that have the same label and share a
// token. Swapping the two lists swaps missed and spurious but changes no pair.
//
// The lists may be in any order; spans must not be empty. The differences are in sentence
// order: by the start of the gold entity, or of the predicted one if there is no gold
// entity, longer ones first.
func Compare(gold, predicted []corpus.Entity) []Difference {
	if len(gold)+len(predicted) == 0 {
		return nil
	}
	p := pairing{gold: gold, predicted: predicted}
	g, q := inOrder(gold), inOrder(predicted)
	g, q = p.equal(Correct, g, q, byPlace)
	g, q = p.equal(WrongLabel, g, q, bySpan)
	g, q = p.overlapping(g, q)
	p.alone(g, q)
	slices.SortFunc(p.found, func(a, b Difference) int {
		x, y := p.entity(a), p.entity(b)
		return cmp.Or(byPlace(x, y),
			cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Gold, b.Gold), cmp.Compare(a.Predicted, b.Predicted))
	})
	return p.found
}

// A pairing pairs the remaining entities of two lists, given as indexes, and returns
// those that remain unpaired.
type pairing struct {
	gold, predicted []corpus.Entity
	found           []Difference
}

// overlaps is Compare for the match Overlap: all pairs have the relation WrongBoundary,
// whatever their spans. The order of the result is unspecified.
func overlaps(gold, predicted []corpus.Entity) []Difference {
	p := pairing{gold: gold, predicted: predicted}
	p.alone(p.overlapping(inOrder(gold), inOrder(predicted)))
	return p.found
}

func (p *pairing) entity(d Difference) *corpus.Entity {
	if d.Gold >= 0 {
		return &p.gold[d.Gold]
	}
	return &p.predicted[d.Predicted]
}

func (p *pairing) pair(kind Relation, i, j int) { p.found = append(p.found, Difference{kind, i, j}) }

func (p *pairing) alone(g, q []int) {
	for _, i := range g {
		p.pair(Missed, i, -1)
	}
	for _, j := range q {
		p.pair(Spurious, -1, j)
	}
}

// equal pairs entities that are equal by order, by which both lists must be sorted.
func (p *pairing) equal(kind Relation, g, q []int, order func(a, b *corpus.Entity) int) (_, _ []int) {
	var i, j, m, n int
	for i < len(g) && j < len(q) {
		switch c := order(&p.gold[g[i]], &p.predicted[q[j]]); {
		case c == 0:
			p.pair(kind, g[i], q[j])
			i, j = i+1, j+1
		case c < 0:
			g[m] = g[i]
			i, m = i+1, m+1
		default:
			q[n] = q[j]
			j, n = j+1, n+1
		}
	}
	return append(g[:m], g[i:]...), append(q[:n], q[j:]...)
}

// overlapping pairs as many entities as possible that have the same label and share a
// token: a maximum matching. It processes the entities of both lists by their ends.
// Remaining entities overlap the first one, x, only if they contain x's last token; and
// of two such entities, the one that ends first overlaps nothing that the other does not
// overlap. So x can be paired with that one.
func (p *pairing) overlapping(g, q []int) (_, _ []int) {
	sortBy(p.gold, g, byEnd)
	sortBy(p.predicted, q, byEnd)
	var left, spare []int
	for len(g) > 0 && len(q) > 0 {
		if x := &p.gold[g[0]]; x.End <= p.predicted[q[0]].End {
			if j := reaching(p.predicted, q, x); j >= 0 {
				p.pair(WrongBoundary, g[0], q[j])
				q = slices.Delete(q, j, j+1)
			} else {
				left = append(left, g[0])
			}
			g = g[1:]
			continue
		}
		if i := reaching(p.gold, g, &p.predicted[q[0]]); i >= 0 {
			p.pair(WrongBoundary, g[i], q[0])
			g = slices.Delete(g, i, i+1)
		} else {
			spare = append(spare, q[0])
		}
		q = q[1:]
	}
	return append(left, g...), append(spare, q...)
}

// reaching returns the first entity that contains x's last token and has x's label, or
// -1. None of the entities may end before x.
func reaching(entities []corpus.Entity, list []int, x *corpus.Entity) int {
	return slices.IndexFunc(list, func(i int) bool { return entities[i].Start < x.End && entities[i].Label == x.Label })
}

func bySpan(a, b *corpus.Entity) int { return a.Span.Compare(b.Span) }

func byPlace(a, b *corpus.Entity) int { return cmp.Or(bySpan(a, b), strings.Compare(a.Label, b.Label)) }

func byEnd(a, b *corpus.Entity) int {
	return cmp.Or(cmp.Compare(a.End, b.End), cmp.Compare(a.Start, b.Start))
}

func inOrder(entities []corpus.Entity) []int {
	list := make([]int, len(entities))
	for i := range list {
		list[i] = i
	}
	sortBy(entities, list, byPlace)
	return list
}

func sortBy(entities []corpus.Entity, list []int, order func(a, b *corpus.Entity) int) {
	slices.SortStableFunc(list, func(i, j int) int { return order(&entities[i], &entities[j]) })
}
