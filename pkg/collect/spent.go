package collect

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"slices"
	"strings"

	"nertools/pkg/price"
	"nertools/pkg/record"
)

// spending identifies a kind of call with its own price.
type spending struct {
	model string
	batch bool
}

// Spent is the number of tokens used by calls of one kind.
type Spent struct {
	Model string // "" if no record names it
	Batch bool   // in a batch, which costs less
	Calls int    // records that contain token counts
	Usage record.Usage
}

// Cost returns what the calls cost, in the currency of the prices. ok is false if the price is not
// known.
func (s *Spent) Cost(prices *price.Table) (cost float64, ok bool) {
	tier := price.Standard
	if s.Batch {
		tier = price.Batch
	}
	return prices.Cost(s.Model, s.Usage, tier)
}

// Spent sums the tokens of all records read, by model, including those of records that
// were replaced later: they were paid for, too. A record that a resumed run copied from
// an earlier one counts once. It requires Join.
func (r *Results) Spent() []Spent { return r.expenses.List() }

// Expenses add up the tokens of calls, by model. The zero value is ready to use.
type Expenses struct {
	counted map[uint64]bool // calls, by their digests
	spent   map[spending]*Spent
}

// List returns the sums, by model, those outside batches first.
func (e *Expenses) List() []Spent {
	var list []Spent
	for _, s := range e.spent {
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

// Add adds the call that a record is about, unless it was added before or the record
// contains no token counts. batch says that the record is a line of a batch.
func (e *Expenses) Add(rec *record.Result, batch bool) {
	if rec.Usage == (record.Usage{}) {
		return
	}
	if digest := callDigest(rec); e.counted[digest] {
		return
	} else if e.counted == nil {
		e.counted, e.spent = map[uint64]bool{digest: true}, map[spending]*Spent{}
	} else {
		e.counted[digest] = true
	}
	kind := spending{rec.Model, batch || rec.BatchID != ""}
	s := e.spent[kind]
	if s == nil {
		kind.model = strings.Clone(kind.model)
		s = &Spent{Model: kind.model, Batch: kind.batch}
		e.spent[kind] = s
	}
	s.Calls++
	s.Usage.Add(rec.Usage)
}

var seed = maphash.MakeSeed()

// callDigest identifies a call: two records of the same call agree in all these values.
func callDigest(rec *record.Result) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, s := range []string{rec.ID, rec.Request, rec.BatchID, rec.Model, rec.Output, rec.Partial} {
		h.WriteString(s)
		h.WriteByte(0)
	}
	var b []byte
	for _, n := range []int{rec.Attempts, int(rec.Latency.Milliseconds()), rec.Usage.Prompt, rec.Usage.Completion, rec.Usage.Cached, rec.Usage.CacheWrite, rec.Usage.Reasoning} {
		b = binary.AppendVarint(b, int64(n))
	}
	h.Write(b)
	return h.Sum64()
}
