package annotate

import (
	"slices"
	"strings"

	"nertools/pkg/catalog"
	"nertools/pkg/markup"
)

// Names returns the names that answers may use for the labels asked for and for the other
// labels of their data sets (those in sets, then the built-in ones that have all labels
// asked for), and the common names of other kinds of entity, whose labels are in capital
// letters. A label's key takes precedence over another label's name.
func Names(asked []string, sets ...catalog.DataSet) *markup.Labels {
	sets = append(slices.Clip(sets), catalog.Builtin().Covering(asked)...)
	names := new(markup.Labels)
	for _, label := range asked {
		names.Add(label, label)
	}
	each := func(list func(catalog.Label) []string) {
		for _, set := range sets {
			spelled := map[int]string{} // the labels of set that are asked for
			for _, label := range slices.Backward(asked) {
				spelled[set.Index(label)] = label
			}
			for i, l := range set.Labels {
				label, ok := spelled[i]
				if !ok {
					label = l.Key
				}
				names.Add(label, list(l)...)
			}
		}
	}
	each(func(l catalog.Label) []string { return []string{l.Key} })
	each(func(l catalog.Label) []string { return []string{l.Name} })
	each(catalog.Label.Names)
	for _, label := range asked {
		l := catalog.Label{Key: label}
		names.Add(label, l.Names()...)
	}
	for _, kind := range catalog.Kinds() {
		names.Add(strings.ToUpper(kind[0]), kind...)
	}
	return names
}
