package price

import (
	"math"
	"sync/atomic"

	"nertools/pkg/record"
)

// A RunCost adds up what the calls of a run cost.
type RunCost struct {
	table   *Table
	tier    Tier
	prices  map[string]*Price // of the models seen; nil if not known
	total   atomic.Uint64     // a float64
	unknown atomic.Bool       // the price of a call is not known
}

// RunCost returns a sum for a run in the given tier.
func (t *Table) RunCost(tier Tier) *RunCost {
	return &RunCost{table: t, tier: tier, prices: map[string]*Price{}}
}

// Add adds a call. It is for one goroutine at a time.
func (s *RunCost) Add(model string, u record.Usage) {
	p, seen := s.prices[model]
	if !seen {
		if found, ok := s.table.Find(model); ok {
			p = &found
		}
		s.prices[model] = p
	}
	if p == nil {
		s.unknown.Store(true)
		return
	}
	amount, ok := s.table.callCost(p, u, s.tier)
	if !ok {
		s.unknown.Store(true)
		return
	}
	s.total.Store(math.Float64bits(math.Float64frombits(s.total.Load()) + amount))
}

// Amount returns what the calls cost so far. whole is false if the price of one of them
// is not known. Any goroutine may call it.
func (s *RunCost) Amount() (amount float64, whole bool) {
	return math.Float64frombits(s.total.Load()), !s.unknown.Load()
}
