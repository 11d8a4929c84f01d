package main

import (
	"context"
	"errors"

	"nertools/pkg/pace"
	"nertools/pkg/price"
	"nertools/pkg/retry"
	"nertools/pkg/wire"
)

// A thrifty asker makes no call that could exceed a budget.
type thrifty struct {
	retry.Asker
	budget *price.Budget
	table  *price.Table
	tier   price.Tier
}

func (t thrifty) Ask(ctx context.Context, path string, body []byte, read func([]byte) error) (pace.Limits, error) {
	most, err := t.table.Most(body, t.tier)
	if err == nil {
		err = t.budget.Hold(ctx, most)
	}
	if err != nil {
		if ctx.Err() == nil {
			err = &retry.NotAskedError{Err: err}
		}
		return pace.Limits{}, err
	}
	// An answer that was lost, or does not say what it cost, may have cost the most.
	cost, answered := most, false
	defer func() { t.budget.Settle(most, cost) }()
	limits, err := t.Asker.Ask(ctx, path, body, func(answer []byte) error {
		answered = true
		if usage, ok := wire.UsageOf(answer); ok {
			cost = t.table.CallAmount(wire.ModelOf(body), usage, t.tier)
		}
		return read(answer)
	})
	if e, ok := errors.AsType[*wire.Error](err); ok && !answered && (e.Unsent || !e.Unanswered()) {
		cost = 0 // an error status is free
	}
	return limits, err
}
