package resume

import (
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// Sent is a batch that was started earlier, or a file of its answers. Its rows are not to be
// asked again in another batch.
type Sent struct {
	Name        string // for messages
	Pending     bool   // its answers are still to come
	Source      string
	First, Last int    // its lowest and highest row
	Settings    string // first part of its request digests; "" if they differ or are unknown
	Model       string

	// Rows passes each row that need not be asked again to yield, with its id and its
	// request digest, either "" if unknown. If it returns false, they may be all rows from
	// First to Last.
	Rows func(yield func(row int, id, request string)) bool
}

// SetSent adds batches to what is known.
func (a *Answers) SetSent(batches []Sent) { a.batches = batches }

// Same returns how many of the requests so far ask what a batch asked, for each batch. They
// are not taken for answered: the batch may be about to be continued.
func (a *Answers) Same() []int { return a.same }

// addBatches adds the rows of the batches that ask rows of the same source as q. What is
// known of a row from a file counts before that.
func (a *Answers) addBatches(q *wire.Request) {
	source, _, _, _ := record.ParseID(q.Row.ID)
	a.same, a.resent = make([]int, len(a.batches)), map[int32][]Place{}
	for i := range a.batches {
		b := &a.batches[i]
		a.origins = append(a.origins, origin{b.Name, b.Pending})
		if b.Source != source {
			continue
		}
		add := func(row int, id, request string) {
			known, asked := a.answers[int32(row)]
			if asked && !known.sent {
				return
			}
			settings := b.Settings
			if request != "" {
				settings = wire.SettingsOf(request)
			}
			p := Place{origin: int32(len(a.origins) - 1), sent: true, prompt: promptOf(id), settings: a.settingsOf(settings, b.Model)}
			if p.prompt == 0 {
				p.request = hash(request) // otherwise it may be made of the settings and the id, as a batch's results have it
			}
			if asked {
				a.resent[int32(row)] = append(a.resent[int32(row)], p)
			} else {
				a.answers[int32(row)] = p
			}
		}
		if !b.Rows(add) {
			for row := b.First; row <= b.Last; row++ {
				add(row, "", "")
			}
		}
	}
}
