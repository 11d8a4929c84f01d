package annotate

import (
	"slices"
	"strings"

	"nertools/pkg/markup"
	"nertools/pkg/mrc"
)

// Demonstrations are the training rows that the prompts showed.
type Demonstrations struct {
	Train      *mrc.File
	Neighbours *mrc.Neighbours // opened for the rows of the source
	Num        int             // how many of them a prompt shows, at most
}

// signs are those that marks are made of: an "@" or "#" beside a mark may have
// been taken for a part of it.
var signs = strings.NewReplacer("@", "", "#", "")

// of returns what reports whether one of the sentences that the prompt of row showed
// holds a text, as [markup.Text.Holds] says, signs of marks aside. What goes wrong with
// their files then is put into err.
func (d *Demonstrations) of(row int, err *error) func(text string) bool {
	var shown []*markup.Text
	return func(text string) bool {
		if shown == nil {
			var r mrc.Row
			var neighbours []int
			neighbours, *err = d.Neighbours.Append(nil, row, d.Num)
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
