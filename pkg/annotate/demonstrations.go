package annotate

import (
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

// Shown is for [Job.Shown]: it reports whether one of the sentences that the
// prompt of row showed holds the tokens of a text.
func (d *Demonstrations) Shown(row int) func(text string) bool {
	return func(text string) bool {
		wanted := " " + strings.Join(markup.AppendTokens(nil, text), " ") + " "
		var r mrc.Row
		for _, n := range d.Neighbours.Append(nil, row, d.Num) {
			d.Train.Decode(n, &r)
			if strings.Contains(" "+strings.Join(markup.AppendTokens(nil, r.Context), " ")+" ", wanted) {
				return true
			}
		}
		return false
	}
}
