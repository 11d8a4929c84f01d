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
	Total       int    // rows of the source; 0 if unknown
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

// findSent is find for a row that was sent in batches, first in that of p. If one of them asks
// what q asks, only its file can tell whether it is about to be continued: so it is counted,
// and the row is left to be asked.
func (a *Answers) findSent(p Place, q *wire.Request, d *DifferError) (Place, bool, error) {
	var other *Place
	for _, p := range append([]Place{p}, a.resent[int32(q.Row.Index)]...) {
		i := int(p.origin) - len(a.files)
		sentence, prompt, settings := a.compared(p, q)
		switch {
		case !a.batches[i].sameRow(p, q, prompt):
		case sentence || prompt || settings:
			if other == nil {
				other = &p
			}
		default:
			a.same[i]++
			p, ok := a.reusable(q)
			return p, ok, nil
		}
	}
	if other == nil {
		p, ok := a.reusable(q)
		return p, ok, nil
	}
	sentence, prompt, settings := a.compared(*other, q)
	d.count(a, *other, sentence, prompt, settings)
	return *other, true, nil
}

// sameRow reports whether the row at p is that of q, as far as is known. Two sources may have
// one name in a ledger: where neither the prompt is the same nor the number of rows, it is
// another source. Of a batch whose rows are unknown, all that is left are numbers.
func (s *Sent) sameRow(p Place, q *wire.Request, otherPrompt bool) bool {
	total := q.Row.Total
	if p.prompt == 0 && p.request == 0 {
		return total > 0 && s.Total == total
	}
	return !otherPrompt || total == 0 || s.Total == 0 || s.Total == total
}
