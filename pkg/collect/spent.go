package collect

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"slices"
	"strings"

	"nertools/pkg/record"
)

// spending is what calls are billed by.
type spending struct {
	model string
	batch bool
}

// Spent is the tokens that calls of one kind took.
type Spent struct {
	Model string // "" where no record tells it
	Batch bool   // as batches, which cost less
	Calls int    // records that tell their tokens
	Usage record.Usage
}

// Spent adds up the tokens of all records read, by model, with Join:
// those that a later record replaced were paid for too. A record that a resumed
// run took over from an earlier one counts once.
func (r *Results) Spent() []Spent {
	var list []Spent
	for _, s := range r.spent {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b Spent) int {
		if c := cmp.Compare(a.Model, b.Model); c != 0 || a.Batch == b.Batch {
			return c
		} else if a.Batch {
			return 1
		}
		return -1
	})
	return list
}

func (r *Results) spend(rec *record.Result, batch bool) {
	if rec.Usage == (record.Usage{}) {
		return
	}
	if digest := callDigest(rec); r.counted[digest] {
		return
	} else if r.counted == nil {
		r.counted, r.spent = map[uint64]bool{digest: true}, map[spending]*Spent{}
	} else {
		r.counted[digest] = true
	}
	kind := spending{rec.Model, batch}
	s := r.spent[kind]
	if s == nil {
		kind.model = strings.Clone(kind.model)
		s = &Spent{Model: kind.model, Batch: batch}
		r.spent[kind] = s
	}
	s.Calls++
	s.Usage.Add(rec.Usage)
}

var seed = maphash.MakeSeed()

// callDigest tells calls apart: two records of one are equal in all this.
func callDigest(rec *record.Result) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, s := range []string{rec.ID, rec.Request, rec.BatchID, rec.Model, rec.Output, rec.Partial} {
		h.WriteString(s)
		h.WriteByte(0)
	}
	var b []byte
	for _, n := range []int{rec.Attempts, int(rec.Latency.Milliseconds()), rec.Usage.Prompt, rec.Usage.Completion, rec.Usage.Cached, rec.Usage.Reasoning} {
		b = binary.AppendVarint(b, int64(n))
	}
	h.Write(b)
	return h.Sum64()
}
