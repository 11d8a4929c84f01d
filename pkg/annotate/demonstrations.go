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

// Shown is for [Joined.Shown]: it reports whether one of the sentences that the
// prompt of row showed holds a text, as [markup.Text.Holds] says, signs of marks aside.
func (d *Demonstrations) Shown(row int) func(text string) bool {
	var shown []*markup.Text
	return func(text string) bool {
		if shown == nil {
			var r mrc.Row
			neighbours, _ := d.Neighbours.Append(nil, row, d.Num)
			for _, n := range neighbours {
				if d.Train.Decode(n, &r) == nil {
					shown = append(shown, markup.NewText(signs.Replace(strings.Clone(r.Context))))
				}
			}
		}
		text = signs.Replace(text)
		return slices.ContainsFunc(shown, func(t *markup.Text) bool { return t.Holds(text) })
	}
}
