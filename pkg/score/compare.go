package score

import (
	"cmp"
	"slices"
	"strings"

	"nertools/pkg/corpus"
)

// Relation tells what became of an entity.
type Relation uint8

// The kinds. An entity that overlaps one of another label at another place has
// neither the span nor the label right: the one is missed, the other spurious.
const (
	Correct       Relation = iota // predicted as in the gold: span and label
	WrongLabel                    // the same span under another label
	WrongBoundary                 // the same label at a span that overlaps
	Missed                        // in the gold only
	Spurious                      // predicted only
	kinds
)

var kindNames = [kinds]string{"correct", "wrong label", "wrong boundary", "missed", "spurious"}

// String gives the kind in words: "wrong label".
func (k Relation) String() string { return kindNames[k] }

// A Difference is a gold entity and the predicted one that is set beside it.
type Difference struct {
	Kind            Relation
	Gold, Predicted int // indexes of the entities; -1 where there is none
}

// Compare sets the gold entities of a sentence and the predicted ones beside
// each other: every one of them is in exactly one Difference. First those that
// are equal are paired, then those with the same span (in the order of their
// labels), then as many as can be that have the same label and share a token.
// Exchanging the two lists exchanges missed and spurious and changes no pair.
//
// The lists may be in any order; every span is to hold a token. The differences
// are in the order of the sentence: by the start of the gold entity, or of the
// predicted one where there is no gold, the longer first.
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

// A pairing pairs what is left of two lists, given as indexes, and returns what
// is left then.
type pairing struct {
	gold, predicted []corpus.Entity
	found           []Difference
}

// overlaps is Compare for the match Overlap: pairs are of the kind
// WrongBoundary, whatever their spans. Its order is of no meaning.
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

// equal pairs those that are equal in order, by which both lists are sorted.
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

// overlapping pairs as many as can be paired of those with the same label that
// share a token: a maximum matching. It takes the entities of both lists by
// their ends. What is left overlaps the first of them, x, only where it holds
// x's last token, and of two such entities the one that ends first overlaps
// nothing that the other does not: so x is paired with that one.
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

// reaching finds the first of the entities, none of which ends before x, that
// holds x's last token and has its label; -1 if none does.
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
