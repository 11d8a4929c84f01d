package annotate

import (
	"slices"
	"strings"

	"nertools/pkg/markup"
	"nertools/pkg/mrc"
)

// Demonstrations are the training rows used in the prompts.
type Demonstrations struct {
	Train      *mrc.File
	Neighbours *mrc.Neighbours // opened for the rows of the source
	Num        int             // maximum number of demonstrations per prompt
}

// signs removes the characters of marks: an "@" or "#" next to a mark may have been taken
// for a part of it.
var signs = strings.NewReplacer("@", "", "#", "")

// of returns a function that reports whether text occurs in one of the demonstrations of
// row's prompt, as [markup.Text.Holds] decides, ignoring the characters of marks. That
// function stores errors of reading the files in err.
func (d *Demonstrations) of(row int, err *error) func(text string) bool {
	var shown []*markup.Text
	return func(text string) bool {
		if *err != nil {
			return false
		}
		if shown == nil {
			var r mrc.Row
			var neighbours []int
			if neighbours, *err = d.Neighbours.Append(nil, row, d.Num); *err != nil {
				return false
			}
			shown = make([]*markup.Text, 0, len(neighbours))
			for _, n := range neighbours {
				if *err = d.Train.Decode(n, &r); *err != nil {
					return false
				}
				shown = append(shown, markup.NewText(strings.Clone(signs.Replace(r.Context))))
			}
		}
		text = signs.Replace(text)
		return slices.ContainsFunc(shown, func(t *markup.Text) bool { return t.Holds(text) })
	}
}
