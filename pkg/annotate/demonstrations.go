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

	// The sentences of Train, of which questions about whole sentences show some.
	sentences  []mrc.Group
	sentenceOf []int32
}

// group finds the sentences of Train.
func (d *Demonstrations) group() (err error) {
	if d.sentences, err = d.Train.Sentences(); err == nil {
		d.sentenceOf = mrc.SentenceOf(d.sentences, d.Train.Len())
	}
	return err
}

// signs removes the characters of marks: an "@" or "#" next to a mark may have been taken
// for a part of it.
var signs = strings.NewReplacer("@", "", "#", "")

// ofRow returns a function that reports whether text occurs in one of the demonstrations
// of row's prompt, as [markup.Text.Holds] decides, ignoring the characters of marks. That
// function stores errors of reading the files in err.
func (d *Demonstrations) ofRow(row int, err *error) func(text string) bool {
	return d.contain(err, func() ([]int, error) { return d.Neighbours.Append(nil, row, d.Num) })
}

// ofSentence is the same for the prompt that asks about all rows of a sentence.
func (d *Demonstrations) ofSentence(rows []int, err *error) func(text string) bool {
	return d.contain(err, func() ([]int, error) {
		list, err := mrc.SentenceNeighbours(nil, d.Neighbours, rows, d.sentenceOf, d.Num)
		for i, n := range list {
			list[i] = d.sentences[n].Rows[0]
		}
		return list, err
	})
}

// contain reports whether text occurs in one of the training rows that list returns.
func (d *Demonstrations) contain(err *error, list func() ([]int, error)) func(text string) bool {
	var shown []*markup.Text
	return func(text string) bool {
		if *err != nil {
			return false
		}
		if shown == nil {
			var r mrc.Row
			var rows []int
			if rows, *err = list(); *err != nil {
				return false
			}
			shown = make([]*markup.Text, 0, len(rows))
			for _, n := range rows {
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
