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

// signs are those that marks are made of: an "@" or "#" beside a mark may have
// been taken for a part of it.
var signs = strings.NewReplacer("@", "", "#", "")

// spaced gives the tokens of text, but for signs, each between two spaces.
func spaced(text string) string {
	return " " + strings.Join(markup.AppendTokens(nil, signs.Replace(text)), " ") + " "
}

// Shown is for [Job.Shown]: it reports whether one of the sentences that the
// prompt of row showed holds the tokens of a text, signs of marks aside.
func (d *Demonstrations) Shown(row int) func(text string) bool {
	return func(text string) bool {
		wanted := spaced(text)
		var r mrc.Row
		for _, n := range d.Neighbours.Append(nil, row, d.Num) {
			d.Train.Decode(n, &r)
			if strings.Contains(spaced(r.Context), wanted) {
				return true
			}
		}
		return false
	}
}
