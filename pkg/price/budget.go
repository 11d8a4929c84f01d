package price

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"

	"github.com/tidwall/gjson"

	"nertools/pkg/wire"
)

// An Amount is an amount of money in units of 1e-12 dollars, so that sums of calls are
// exact.
type Amount int64

const (
	amountDigits = 12
	amountUnit   = 1_000_000_000_000
)

// ParseAmount parses a decimal number above 0, such as "5" or "0.25".
func ParseAmount(text string) (Amount, error) {
	whole, fraction, _ := strings.Cut(text, ".")
	digits := func(s string) bool {
		return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	}
	if !digits(whole) || !digits(fraction) || whole+fraction == "" || len(fraction) > amountDigits {
		return 0, fmt.Errorf("%q is not an amount such as 5 or 0.25", text)
	}
	n, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", amountDigits-len(fraction)), 10, 64)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is more than %d", text, int64(math.MaxInt64)/amountUnit)
	case n == 0:
		return 0, errors.New("an amount must be above 0")
	}
	return Amount(n), nil
}

// AmountOf returns the amount of a cost, rounded up.
func AmountOf(cost float64) Amount { return Amount(math.Ceil(cost * amountUnit)) }

// String returns the amount in dollars, rounded to millionths: "$0.25".
func (a Amount) String() string {
	text := strconv.FormatFloat(float64(a)/amountUnit, 'f', 6, 64)
	return "$" + strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// A Budget limits what calls may cost together. It is safe for concurrent use.
type Budget struct {
	limit Amount

	mu          sync.Mutex
	spent, held Amount
	over        *SpentError   // once there was no room for a call
	settled     chan struct{} // is closed when a call is settled
}

// NewBudget returns a budget of which nothing is spent.
func NewBudget(limit Amount) *Budget { return &Budget{limit: limit, settled: make(chan struct{})} }

// A SpentError is the error of a budget that has no room for another call.
type SpentError struct {
	Limit, Spent Amount
	Next         Amount // the most that the call could have cost
}

func (e *SpentError) Error() string {
	return fmt.Sprintf("%v of %v is spent, and the next call may cost up to %v", e.Spent, e.Limit, e.Next)
}

// Hold reserves the most that a call can cost, before it is made. If there is no room for
// it, Hold waits until enough calls are settled. If no call is in flight and there is still
// too little, it returns a [*SpentError], and so does every later call of Hold.
func (b *Budget) Hold(ctx context.Context, most Amount) error {
	for {
		b.mu.Lock()
		switch {
		case b.over != nil:
		case b.spent+b.held+most <= b.limit:
			b.held += most
			b.mu.Unlock()
			return nil
		case b.held == 0:
			b.over = &SpentError{Limit: b.limit, Spent: b.spent, Next: most}
		}
		over, settled := b.over, b.settled
		b.mu.Unlock()
		if over != nil {
			return over
		}
		select {
		case <-settled:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Settle replaces what was held for a call by what it cost.
func (b *Budget) Settle(held, cost Amount) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held -= held
	b.spent += cost
	close(b.settled)
	b.settled = make(chan struct{})
}

// An UnknownPriceError is the error of a call that has no price in the table.
type UnknownPriceError struct{ Model string }

func (e *UnknownPriceError) Error() string {
	return fmt.Sprintf("the price of %s is not known", e.Model)
}

// ErrUnbounded is the error of a call whose answer has no limit.
var ErrUnbounded = errors.New("the answer has no limit")

// Known reports whether the table has the model's price in a tier. The error is an
// [*UnknownPriceError].
func (t *Table) Known(model string, tier Tier) error {
	_, _, err := t.find(model, tier)
	return err
}

// find returns the model's price and the share of it that is paid in a tier. The error is
// an [*UnknownPriceError].
func (t *Table) find(model string, tier Tier) (p Price, factor float64, err error) {
	p, ok := t.Find(model)
	if ok {
		factor, ok = p.factor(tier)
	}
	if !ok {
		return p, 0, &UnknownPriceError{model}
	}
	return p, factor, nil
}

// Most returns the most that a call with this body can cost. It takes every byte for a
// token, which is the most that there can be, since counting them takes longer than
// sending them. The error is [ErrUnbounded] or an [*UnknownPriceError].
func (t *Table) Most(body []byte, tier Tier) (Amount, error) {
	p, factor, err := t.find(wire.ModelOf(body), tier)
	if err != nil {
		return 0, err
	}
	var answer int64
	for _, limit := range gjson.GetManyBytes(body, "max_completion_tokens", "max_tokens") {
		answer = max(answer, limit.Int())
	}
	if answer == 0 {
		return 0, ErrUnbounded
	}
	answer *= max(1, gjson.GetBytes(body, "n").Int())
	if p.Long.Above > 0 && len(body) > p.Long.Above {
		p = p.long()
	}
	most := float64(len(body))*max(p.Input, p.CacheWrite) + float64(answer)*p.Output
	return AmountOf(factor * most / float64(t.Per)), nil
}
