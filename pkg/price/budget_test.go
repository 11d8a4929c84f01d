package price_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"nertools/pkg/price"
	"nertools/pkg/record"
)

func TestAnAmountIsReadExactly(t *testing.T) {
	for text, want := range map[string]price.Amount{
		"5": 5e12, "0.25": 25e10, ".5": 5e11, "1.": 1e12, "0.000000000001": 1, "1000000": 1e18, "0.1": 1e11,
		"": 0, ".": 0, "0": 0, "0.0": 0, "-1": 0, "+1": 0, "1e3": 0, "$5": 0, "5 USD": 0, "0.0000000000001": 0, "99999999999": 0, "1.2.3": 0,
	} {
		if got, err := price.ParseAmount(text); got != want || (err == nil) != (want != 0) {
			t.Errorf("%q: got %d, %v", text, got, err)
		}
	}
	if got := price.Amount(12_500_000_000).String() + " " + price.Amount(5e12).String(); got != "$0.0125 $5" {
		t.Errorf("got %s", got)
	}
}

func TestABudgetIsNeverExceededWhateverTheCallsCost(t *testing.T) {
	const limit, most = 1000, 60
	b := price.NewBudget(limit)
	var mu sync.Mutex
	spent := price.Amount(0)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			for {
				if err := b.Hold(t.Context(), most); err != nil {
					full, ok := errors.AsType[*price.SpentError](err)
					if !ok || full.Limit != limit || full.Next != most {
						t.Errorf("got %v", err)
					}
					return
				}
				cost := price.Amount(1 + (i*7)%most)
				mu.Lock()
				spent += cost
				mu.Unlock()
				b.Settle(most, cost)
			}
		})
	}
	all.Wait()
	if spent > limit || spent <= limit-most {
		t.Errorf("spent %d of %d, with calls of at most %d", spent, limit, most)
	}
	if err := b.Hold(t.Context(), 1); err == nil {
		t.Error("a budget that has ended takes a call")
	}
}

func TestACallWaitsForThoseInFlightIfTheyMayLeaveRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := price.NewBudget(100)
		if err := b.Hold(t.Context(), 80); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- b.Hold(t.Context(), 50) }()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("did not wait: %v", err)
		default:
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.Hold(ctx, 50); !errors.Is(err, context.Canceled) {
			t.Errorf("waiting outlives its context: %v", err)
		}
		b.Settle(80, 20)
		if err := <-done; err != nil {
			t.Errorf("20 of 100 spent, no room for 50: %v", err)
		}
	})
}

func TestNoCallCostsMoreThanItsMost(t *testing.T) {
	table, err := price.ParseTable("p", []byte(`{"date":"2026-11-26","currency":"USD","per":1000000,"models":{
		"m":{"input":1,"cache_write":1.25,"output":2,"flex_discount":0.5},
		"long":{"input":1,"output":2,"long_context":{"above":100,"input":2,"output":1.5}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("a", 60)
	body := func(model, more string) []byte {
		return []byte(`{"model":"` + model + `","messages":[{"role":"user","content":"` + text + `"}]` + more + `}`)
	}
	for _, c := range []struct {
		model, more string
		tier        price.Tier
		answers     int64 // tokens in units of Completion
		err         error
	}{
		{"m", `,"max_tokens":100`, price.Standard, 100, nil},
		{"m", `,"max_completion_tokens":100,"n":3`, price.Standard, 300, nil},
		{"m", `,"max_tokens":100`, price.Flex, 100, nil},
		{"long", `,"max_tokens":100`, price.Standard, 100, nil},
		{"m", ``, price.Standard, 0, price.ErrUnbounded},
		{"other", `,"max_tokens":100`, price.Standard, 0, &price.UnknownPriceError{}},
		{"long", `,"max_tokens":100`, price.Flex, 0, &price.UnknownPriceError{}},
	} {
		b := body(c.model, c.more)
		most, err := table.Most(b, c.tier)
		_, unknown := errors.AsType[*price.UnknownPriceError](err)
		_, wantUnknown := errors.AsType[*price.UnknownPriceError](c.err)
		if unknown != wantUnknown || !unknown && !errors.Is(err, c.err) {
			t.Errorf("%s%s %s: got %v, want %v", c.model, c.more, c.tier, err, c.err)
		}
		if err != nil {
			continue
		}
		// The worst case: every byte a token, and every token written to the cache.
		u := record.Usage{Prompt: len(b), CacheWrite: len(b), Completion: int(c.answers)}
		if cost := table.CallAmount(c.model, u, c.tier); cost > most || most > cost+1000 {
			t.Errorf("%s%s %s: %d, although a call may cost %d", c.model, c.more, c.tier, most, cost)
		}
	}
}
