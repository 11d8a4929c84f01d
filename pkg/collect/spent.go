package collect

import (
	"cmp"
	"slices"
	"strings"

	"nertools/pkg/record"
)

// Spent is the tokens that calls of one kind took.
type Spent struct {
	Model string // "" where no record tells it
	Batch bool   // as batches, which cost less
	Calls int    // records that tell their tokens
	Usage record.Usage
}

// Spent adds up the tokens of all records read, by model: those that a later
// record replaced were paid for too.
func (r *Results) Spent() []Spent {
	return slices.SortedFunc(slices.Values(r.spent), func(a, b Spent) int {
		if c := cmp.Compare(a.Model, b.Model); c != 0 || a.Batch == b.Batch {
			return c
		} else if a.Batch {
			return 1
		}
		return -1
	})
}

func (r *Results) spend(rec *record.Result, batch bool) {
	if rec.Usage == (record.Usage{}) {
		return
	}
	i := slices.IndexFunc(r.spent, func(s Spent) bool { return s.Model == rec.Model && s.Batch == batch })
	if i < 0 {
		i = len(r.spent)
		r.spent = append(r.spent, Spent{Model: strings.Clone(rec.Model), Batch: batch})
	}
	s := &r.spent[i]
	s.Calls++
	s.Usage.Prompt += rec.Usage.Prompt
	s.Usage.Completion += rec.Usage.Completion
	s.Usage.Cached += rec.Usage.Cached
	s.Usage.Reasoning += rec.Usage.Reasoning
}
