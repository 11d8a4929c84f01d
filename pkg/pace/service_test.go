package pace_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"nertools/pkg/pace"
)

var errThrottled = errors.New("too many requests")

// crowded is a service that takes so many calls at once and refuses the others.
type crowded struct {
	latency time.Duration

	mu              sync.Mutex
	takes           int
	inFlight        int
	served, refused int
}

func (s *crowded) call(context.Context, int) (pace.Limits, error) {
	s.mu.Lock()
	if s.inFlight >= s.takes {
		s.refused++
		s.mu.Unlock()
		time.Sleep(5 * time.Millisecond)
		return pace.Limits{}, &pace.Retry{Err: errThrottled, Throttled: true}
	}
	s.inFlight++
	s.mu.Unlock()
	time.Sleep(s.latency)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight--
	s.served++
	return pace.Limits{}, nil
}

func (s *crowded) take(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takes, s.served, s.refused = n, 0, 0
}

func TestFewerCallsFlyWhenThrottledAndMoreAgainLater(t *testing.T) {
	for _, takes := range []int{1, 2, 5, 10, 40} {
		t.Run(fmt.Sprint(takes), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const inFlight, latency, length = 64, 200 * time.Millisecond, 80 * time.Second
				p := pace.New(pace.Config{InFlight: inFlight, MaxRetries: 5})
				s := crowded{latency: latency, takes: takes}
				ctx, cancel := context.WithCancel(t.Context())
				var all sync.WaitGroup
				// Twice as many as may fly: so do the callers in package online.
				all.Go(func() { ask(ctx, p, 2*inFlight, one, s.call) })
				time.Sleep(length)
				synctest.Wait()
				ideal := takes * int(length/latency)
				if s.served < ideal*70/100 {
					t.Errorf("%d calls served of %d", s.served, ideal)
				}
				// One that takes a single call refuses one after each that it serves:
				// the second that is tried.
				if s.refused > s.served*3/2 {
					t.Errorf("%d calls refused, %d served", s.refused, s.served)
				}
				s.take(math.MaxInt)
				time.Sleep(length)
				synctest.Wait()
				if n := p.InFlight(); n != inFlight {
					t.Errorf("%d fly in the end", n)
				}
				cancel()
				all.Wait()
			})
		})
	}
}

func TestEachRefusalTakesOnePlaceAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const inFlight, refused = 40, 10
		p := pace.New(pace.Config{InFlight: inFlight})
		var calls atomic.Int64
		var all sync.WaitGroup
		for range inFlight {
			all.Go(func() {
				_, err := p.Do(t.Context(), 1, func(context.Context) (pace.Limits, error) {
					time.Sleep(time.Duration(100+rand.IntN(100)) * time.Millisecond)
					if calls.Add(1) <= refused {
						return pace.Limits{}, &pace.Retry{Err: errThrottled, Throttled: true}
					}
					return pace.Limits{}, nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := p.InFlight(); n != inFlight-refused {
			t.Errorf("%d may fly", n)
		}
	})
}

func TestAtLeastOneCallFliesHoweverOftenItIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Config{InFlight: 3})
		const refused = 100
		made := 0
		_, err := p.Do(t.Context(), 1, func(context.Context) (pace.Limits, error) {
			if made++; made > refused {
				return pace.Limits{}, nil
			}
			return pace.Limits{}, &pace.Retry{Err: errThrottled, Throttled: true}
		})
		if err != nil || made != refused+1 {
			t.Errorf("made %d, %v", made, err)
		}
	})
}

// metered is a service with limits a minute, which every answer shows: buckets
// that start full and refill steadily. A call counts when it arrives; its answer
// comes, showing what was left then, after a time of its own, so that answers
// overtake each other.
type metered struct {
	latency func() time.Duration
	silent  bool    // without a retry-after
	counts  float64 // as many tokens for each that is asked for; 0: 1

	mu               sync.Mutex
	requests, tokens bucket
	served           int
	refused          []time.Time
}

type bucket struct {
	size, level float64
	others      float64 // that somebody else takes in a minute
	at          time.Time
}

func newBucket(perMinute int) bucket {
	return bucket{size: float64(perMinute), level: float64(perMinute), at: time.Now()}
}

func (b *bucket) fill() {
	b.level = max(0, min(b.size, b.level+(b.size-b.others)*time.Since(b.at).Minutes()))
	b.at = time.Now()
}

func (b *bucket) until(n float64) time.Duration {
	if b.size == 0 || b.level+1e-6 >= n {
		return 0
	}
	return time.Duration((n-b.level)/b.size*float64(time.Minute)).Truncate(time.Millisecond) + time.Millisecond
}

func (b *bucket) shown() pace.Limit {
	if b.size == 0 {
		return pace.Limit{}
	}
	return pace.Limit{Max: int(b.size), Remaining: int(max(b.level, 0)), Reset: b.until(b.size)}
}

func (s *metered) call(_ context.Context, n int) (pace.Limits, error) {
	time.Sleep(time.Duration(10+rand.IntN(40)) * time.Millisecond) // the way there
	s.mu.Lock()
	s.requests.fill()
	s.tokens.fill()
	counted := float64(n)
	if s.counts > 0 {
		counted *= s.counts
	}
	wait := max(s.requests.until(1), s.tokens.until(counted))
	if wait == 0 {
		s.requests.level--
		s.tokens.level -= counted
		s.served++
	} else {
		s.refused = append(s.refused, time.Now())
	}
	limits := pace.Limits{Requests: s.requests.shown(), Tokens: s.tokens.shown()}
	s.mu.Unlock()
	if wait > 0 {
		if s.silent {
			wait = 0
		}
		return limits, &pace.Retry{Err: errThrottled, After: wait, Throttled: true}
	}
	time.Sleep(s.latency())
	return limits, nil
}

func TestLimitsThatAnswersShowAreUsedAndNotExceeded(t *testing.T) {
	even := func() time.Duration { return time.Second }
	wild := func() time.Duration { return time.Duration(100+rand.ExpFloat64()*900) * time.Millisecond }
	for _, c := range []struct {
		name           string
		requests, each int // a minute; tokens a call
		tokens         int // a minute
		latency        func() time.Duration
	}{
		{"requests", 500, 1, 0, even},
		{"few requests", 30, 1, 0, wild},
		{"many requests", 1500, 1, 0, wild},
		{"tokens", 0, 700, 200_000, wild},
		{"large calls", 0, 6000, 60_000, wild},
		{"both, requests the tighter", 500, 100, 200_000, wild},
		{"both, tokens the tighter", 5000, 1000, 200_000, wild},
	} {
		for _, inFlight := range []int{10, 64, 256} {
			for _, silent := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%d/%v", c.name, inFlight, silent), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						const minutes = 4
						begin := time.Now()
						p := pace.New(pace.Config{InFlight: inFlight, MaxRetries: 5})
						s := metered{latency: c.latency, silent: silent, requests: newBucket(c.requests), tokens: newBucket(c.tokens)}
						ctx, cancel := context.WithTimeout(t.Context(), minutes*time.Minute)
						defer cancel()
						ask(ctx, p, 2*inFlight, func() int { return c.each }, s.call)
						allowed := math.Inf(1)
						if c.requests > 0 {
							allowed = float64(c.requests)
						}
						if c.tokens > 0 {
							allowed = min(allowed, float64(c.tokens)/float64(c.each))
						}
						// No more can be served than fly, a second or so each.
						allowed = min(allowed*minutes, float64(inFlight)*minutes*60*0.9)
						if float64(s.served) < 0.9*allowed {
							t.Errorf("%d calls served of %.0f allowed", s.served, allowed)
						}
						// Before the first answers nothing is known of the limits.
						known := slices.IndexFunc(s.refused, func(at time.Time) bool { return at.Sub(begin) > 15*time.Second })
						// A few calls try whether the limit is real.
						if known >= 0 && len(s.refused)-known > 6+s.served/100 {
							t.Errorf("%d calls refused, %d served", len(s.refused)-known, s.served)
						}
					})
				})
			}
		}
	}
}

func TestShownLimitsHoldThoughTheServiceCountsOtherwise(t *testing.T) {
	const perMinute, each, minutes = 200_000, 700, 10
	for _, c := range []struct {
		name   string
		counts float64
		others float64
	}{
		{"more than is asked for", 1.4, 0},
		{"less", 0.5, 0},
		{"others take part", 1, perMinute / 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := pace.New(pace.Config{InFlight: 64, MaxRetries: 5})
				s := metered{counts: c.counts, tokens: newBucket(perMinute), latency: func() time.Duration {
					return time.Duration(100+rand.ExpFloat64()*900) * time.Millisecond
				}}
				s.tokens.others = c.others
				ctx, cancel := context.WithTimeout(t.Context(), minutes*time.Minute)
				defer cancel()
				ask(ctx, p, 128, func() int { return each }, s.call)
				allowed := minutes * (perMinute - c.others) / (each * c.counts)
				if float64(s.served) < 0.9*allowed {
					t.Errorf("%d calls served of %.0f allowed", s.served, allowed)
				}
				if len(s.refused) > s.served/5 {
					t.Errorf("%d calls refused, %d served", len(s.refused), s.served)
				}
			})
		})
	}
}

func TestLimitsThatSayNothingAreIgnored(t *testing.T) {
	for _, l := range []pace.Limit{
		{},
		{Max: -1, Remaining: -1, Reset: -1},
		{Max: 0, Remaining: 0, Reset: time.Minute},
		{Max: 100, Remaining: -1, Reset: time.Minute},
		{Max: 100, Remaining: 0, Reset: 0},
		{Max: 100, Remaining: 0, Reset: -time.Minute},
		{Max: 100, Remaining: 100, Reset: time.Minute},
		{Max: 100, Remaining: 1000, Reset: time.Minute},
		{Max: 100, Remaining: 99, Reset: 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			p := pace.New(pace.Config{InFlight: 1})
			for range 1000 {
				_, err := p.Do(t.Context(), 1000, func(context.Context) (pace.Limits, error) { return pace.Limits{Requests: l, Tokens: l}, nil })
				if err != nil {
					t.Fatal(err)
				}
			}
			if d := time.Since(begin); d != 0 {
				t.Errorf("%+v: 1000 calls took %v", l, d)
			}
		})
	}
}

func TestDailyLimitIsSpentAndThenSpreadOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const left, day = 20, 24 * time.Hour
		begin := time.Now()
		p := pace.New(pace.Config{InFlight: 1})
		remaining, refused := float64(left), 0
		last := time.Now()
		call := func(context.Context) (pace.Limits, error) {
			remaining += 200 * float64(time.Since(last)) / float64(day)
			last = time.Now()
			ok := remaining >= 1-1e-6
			if ok {
				remaining--
			} else {
				refused++
			}
			shown := pace.Limits{Requests: pace.Limit{Max: 200, Remaining: int(remaining), Reset: time.Duration((200 - remaining) / 200 * float64(day))}}
			if !ok {
				return shown, &pace.Retry{Err: errThrottled, Throttled: true}
			}
			return shown, nil
		}
		for range left {
			_, _ = p.Do(t.Context(), 1, call)
		}
		if d := time.Since(begin); d != 0 {
			t.Errorf("the %d calls that are left took %v", left, d)
		}
		_, _ = p.Do(t.Context(), 1, call)
		if d := time.Since(begin); d < 7*time.Minute || d > 9*time.Minute || refused > 12 {
			t.Errorf("the first call beyond them succeeded after %v; %d were refused", d, refused)
		}
	})
}

// countdown shows remaining, one less with every call, down to 0.
func countdown(from int, reset time.Duration) func(context.Context) (pace.Limits, error) {
	return func(context.Context) (pace.Limits, error) {
		time.Sleep(20 * time.Millisecond)
		from--
		return pace.Limits{Requests: pace.Limit{Max: 100, Remaining: max(0, from), Reset: reset}}, nil
	}
}

func TestALimitThatTheServiceDoesNotEnforceIsForgotten(t *testing.T) {
	for _, reset := range []time.Duration{time.Minute, time.Hour, 365 * 24 * time.Hour, math.MaxInt64} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			p := pace.New(pace.Config{InFlight: 1})
			call := countdown(10, reset)
			for range 1000 {
				_, _ = p.Do(t.Context(), 1, call)
			}
			if d := time.Since(begin); d > 21*time.Second {
				t.Errorf("reset in %v: 1000 calls of 20 ms took %v", reset, d)
			}
		})
	}
}

func TestALimitIsForgottenWhenAcceptedCallsDoNotShowItAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Config{InFlight: 2})
		var all sync.WaitGroup
		all.Go(func() { // so that the limit is believed
			_, _ = p.Do(t.Context(), 1, func(context.Context) (pace.Limits, error) {
				time.Sleep(2 * time.Second)
				return pace.Limits{}, nil
			})
		})
		synctest.Wait()
		begin := time.Now()
		call := countdown(2, time.Hour)
		for range 2 {
			_, _ = p.Do(t.Context(), 1, call)
		}
		_, _ = p.Do(t.Context(), 1, call)
		if d := time.Since(begin); d != 2*time.Second+20*time.Millisecond {
			t.Errorf("the call beyond the limit ended after %v", d)
		}
		all.Wait()
	})
}

func TestALimitThatOnlyRefusalsShowHoldsNothingBack(t *testing.T) {
	for _, after := range []time.Duration{0, 10 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			p := pace.New(pace.Config{InFlight: 8})
			s := service{latency: func() time.Duration { return 20 * time.Millisecond }, kind: every(5, exhausted, after)}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			ask(ctx, p, 80, func() int { return 1000 }, s.call)
			if s.served < 30_000 {
				t.Errorf("asked to wait for %v: %d calls in 5 minutes", after, s.served)
			}
		})
	}
}

func TestALimitShownNeverHoldsLongerThanItsReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Config{InFlight: 2})
		var all sync.WaitGroup
		all.Go(func() { // so that the limit is believed
			_, _ = p.Do(t.Context(), 1, func(context.Context) (pace.Limits, error) {
				time.Sleep(time.Hour)
				return pace.Limits{}, nil
			})
		})
		synctest.Wait()
		call := countdown(2, 10*time.Second)
		for range 2 {
			_, _ = p.Do(t.Context(), 90, call)
		}
		begin := time.Now()
		_, _ = p.Do(t.Context(), 90, call)
		if d := time.Since(begin); d > 10*time.Second+20*time.Millisecond {
			t.Errorf("the next call took %v", d)
		}
		all.Wait()
	})
}

func TestAnswerThatWasOvertakenTellsNothingNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Config{InFlight: 4})
		answer := func(after time.Duration, remaining int) func(context.Context) (pace.Limits, error) {
			return func(context.Context) (pace.Limits, error) {
				time.Sleep(after)
				return pace.Limits{Requests: pace.Limit{Max: 60, Remaining: remaining, Reset: time.Duration(60-remaining) * time.Second}}, nil
			}
		}
		_, _ = p.Do(t.Context(), 1, answer(0, 51))
		var all sync.WaitGroup
		for _, after := range []time.Duration{time.Minute, 100 * time.Millisecond} {
			all.Go(func() { _, _ = p.Do(t.Context(), 1, answer(after, 50)) })
			synctest.Wait()
		}
		_, _ = p.Do(t.Context(), 1, answer(0, 0))
		time.Sleep(200 * time.Millisecond)
		begin := time.Now()
		_, _ = p.Do(t.Context(), 1, answer(0, 0))
		// It would start at once if the 50 of the earlier call were believed.
		if d := time.Since(begin); d < 700*time.Millisecond || d > 3*time.Second {
			t.Errorf("the next call started after %v", d)
		}
		all.Wait()
	})
}

func TestWhatBecomesKnownIsFeltByThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		p := pace.New(pace.Config{InFlight: 3})
		answer := func(after time.Duration, remaining int) func(context.Context) (pace.Limits, error) {
			return func(context.Context) (pace.Limits, error) {
				time.Sleep(after)
				return pace.Limits{Requests: pace.Limit{Max: 60, Remaining: remaining, Reset: time.Hour}}, nil
			}
		}
		_, _ = p.Do(t.Context(), 1, answer(0, 31))
		var all sync.WaitGroup
		for _, call := range []func(context.Context) (pace.Limits, error){answer(time.Second, 0), answer(5*time.Second, 30)} {
			all.Go(func() { _, _ = p.Do(t.Context(), 1, call) })
			synctest.Wait()
		}
		time.Sleep(2 * time.Second)
		_, _ = p.Do(t.Context(), 1, answer(0, 20))
		if d := time.Since(begin); d != 5*time.Second {
			t.Errorf("started after %v", d)
		}
		all.Wait()
	})
}
