package corpus

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"nertools/pkg/markup"
)

// Sort sorts entities by start; those with the same start by length, longest first; those
// with the same span by label. order returns a label's rank, such as its position in the
// catalogue; labels of equal rank are sorted alphabetically. A nil order ranks all labels
// equally.
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

// Flat selects entities that do not overlap, for formats that can't represent overlaps.
// Of overlapping entities it keeps the longest; of equally long ones, the one whose label
// ranks first; then the one that starts first. order is as in [Sort]. kept is in sentence
// order; left is the number of entities dropped. entities is not modified, but kept may
// share its memory.
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
		// Entities taken before are at least as long as e, so they cover one of its ends
		// or nothing of it.
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

// names makes labels valid in a format, and keeps different labels different.
type names struct {
	clean func(label string) string
	of    map[string]string // label -> name
	taken map[string]bool
}

func newNames(clean func(string) string) *names {
	return &names{clean: clean, of: map[string]string{}, taken: map[string]bool{}}
}

// name returns the label's name. If cleaning makes two labels equal, the later one gets
// the suffix "-2", "-3" and so on.
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

// underscored replaces white space in label by "_", for formats that separate columns by
// white space.
func underscored(label string) string {
	return cmp.Or(strings.Join(markup.AppendTokens(nil, label), "_"), "_")
}
