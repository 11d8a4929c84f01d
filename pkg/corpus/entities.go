package corpus

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"nertools/pkg/markup"
)

// Sort orders entities by where they start, of those that start together the
// longer first, of those at one place by label: order gives a label's rank, as
// that of the catalogue, and labels of one rank go by the alphabet. A nil order
// ranks all labels alike.
func Sort(entities []Entity, order func(label string) int) {
	slices.SortStableFunc(entities, func(a, b Entity) int {
		return cmp.Or(a.Span.Compare(b.Span), byLabel(a.Label, b.Label, order))
	})
}

func byLabel(a, b string, order func(string) int) int {
	if a != b && order != nil {
		if c := cmp.Compare(order(a), order(b)); c != 0 {
			return c
		}
	}
	return strings.Compare(a, b)
}

// Flat chooses entities that do not overlap, for formats that can't hold
// others: where some do, the longest stays, of equally long ones the one whose
// label ranks first, then the one that starts first. order is that of [Sort].
// kept is in the order of the sentence; left is how many are not in it.
// entities stays as it is; kept may share its memory.
func Flat(entities []Entity, order func(label string) int) (kept []Entity, left int) {
	if apart(entities) {
		return entities, 0
	}
	kept = slices.Clone(entities)
	slices.SortStableFunc(kept, func(a, b Entity) int {
		return cmp.Or(cmp.Compare(b.End-b.Start, a.End-a.Start), byLabel(a.Label, b.Label, order), cmp.Compare(a.Start, b.Start))
	})
	end := 0
	for _, e := range kept {
		end = max(end, e.End)
	}
	taken := make([]bool, end)
	kept = slices.DeleteFunc(kept, func(e Entity) bool {
		// What is taken is at least as long: it covers an end of e or none of e.
		if taken[e.Start] || taken[e.End-1] {
			return true
		}
		for i := e.Start; i < e.End; i++ {
			taken[i] = true
		}
		return false
	})
	Sort(kept, order)
	return kept, len(entities) - len(kept)
}

func apart(entities []Entity) bool {
	for i := 1; i < len(entities); i++ {
		if entities[i].Start < entities[i-1].End {
			return false
		}
	}
	return true
}

// names makes labels fit for a format: other strings where they are not, and
// different ones for different labels.
type names struct {
	clean func(label string) string
	of    map[string]string // label -> name
	taken map[string]bool
}

func newNames(clean func(string) string) *names {
	return &names{clean: clean, of: map[string]string{}, taken: map[string]bool{}}
}

// name gives the label's name: where cleaning makes two labels the same, the
// later one's ends in "-2", "-3" and so on.
func (n *names) name(label string) string {
	if name, ok := n.of[label]; ok {
		return name
	}
	clean := n.clean(label)
	name := clean
	for i := 2; n.taken[name]; i++ {
		name = clean + "-" + strconv.Itoa(i)
	}
	n.of[label], n.taken[name] = name, true
	return name
}

// underscored is label with "_" for its white space: the tokens of a format
// that separates by it.
func underscored(label string) string {
	return cmp.Or(strings.Join(markup.AppendTokens(nil, label), "_"), "_")
}
