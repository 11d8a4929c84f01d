package pace_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nertools/pkg/pace"
)

// service is a simulated service. How it limits its callers, and what it tells
// them of that, is its kind.
type service struct {
	latency func() time.Duration
	kind    kind

	mu              sync.Mutex
	inFlight        int
	served, refused int
}

// kind decides about a call of n tokens that arrives now, while others are in
// flight. It returns what the answer shows, and for a refusal the pause that it
// asks for.
type kind func(now time.Time, n, inFlight int) (ok bool, shows pace.Limits, after time.Duration)

func (s *service) call(_ context.Context, n int) (pace.Limits, error) {
	s.mu.Lock()
	ok, shows, after := s.kind(time.Now(), n, s.inFlight)
	if ok {
		s.served++
		s.inFlight++
	} else {
		s.refused++
	}
	s.mu.Unlock()
	if !ok {
		time.Sleep(min(s.latency(), 20*time.Millisecond))
		return shows, &pace.Retry{Err: errThrottled, After: after, Throttled: true}
	}
	time.Sleep(s.latency())
	s.mu.Lock()
	s.inFlight--
	s.mu.Unlock()
	return shows, nil
}

// level is a bucket of n that fills in d, as kinds use it.
func level(n float64, d time.Duration) func(now time.Time, take float64) (left float64, ok bool) {
	left, at := n, time.Now()
	return func(now time.Time, take float64) (float64, bool) {
		left = min(n, left+n*float64(now.Sub(at))/float64(d))
		at = now
		if left < take {
			return left, false
		}
		left -= take
		return left, true
	}
}

func until(n, left, want float64, d time.Duration) time.Duration {
	return time.Duration((want-left)/n*float64(d)).Truncate(time.Millisecond) + time.Millisecond
}

// bucketOf refills n requests steadily over d, and shows what it has and asks for
// pauses as told.
func bucketOf(n float64, d time.Duration, shows, asks bool) kind {
	take := level(n, d)
	return func(now time.Time, _, _ int) (ok bool, l pace.Limits, after time.Duration) {
		left, ok := take(now, 1)
		if shows {
			l.Requests = pace.Limit{Max: int(n), Remaining: int(left), Reset: until(n, left, n, d)}
		}
		if asks && !ok {
			after = until(n, left, 1, d)
		}
		return ok, l, after
	}
}

// windowOf takes n requests in each window.
func windowOf(n int, d time.Duration, asks bool) kind {
	begin, left := time.Now(), n
	return func(now time.Time, _, _ int) (ok bool, _ pace.Limits, after time.Duration) {
		if now.Sub(begin) >= d {
			begin, left = begin.Add(now.Sub(begin)/d*d), n
		}
		if left > 0 {
			left--
			return true, pace.Limits{}, 0
		}
		if asks {
			after = begin.Add(d).Sub(now)
		}
		return false, pace.Limits{}, after
	}
}

// placesOf takes n requests at once.
func placesOf(n int) kind {
	return func(_ time.Time, _, inFlight int) (bool, pace.Limits, time.Duration) {
		return inFlight < n, pace.Limits{}, 0
	}
}

// every refuses each n-th call, whatever their pace.
func every(n int, l pace.Limits, after time.Duration) kind {
	i := 0
	return func(time.Time, int, int) (bool, pace.Limits, time.Duration) {
		if i++; i%n == 0 {
			return false, l, after
		}
		return true, pace.Limits{}, 0
	}
}

// always shows the same limits.
func always(k kind, l pace.Limits) kind {
	return func(now time.Time, n, inFlight int) (bool, pace.Limits, time.Duration) {
		ok, _, after := k(now, n, inFlight)
		return ok, l, after
	}
}

// dayOf refills size requests over a day, and shows them.
func dayOf(size, left float64) kind {
	const day = 24 * time.Hour
	take := level(size, day)
	_, _ = take(time.Now(), size-left)
	return func(now time.Time, _, _ int) (bool, pace.Limits, time.Duration) {
		left, ok := take(now, 1)
		return ok, pace.Limits{Requests: pace.Limit{Max: int(size), Remaining: int(left), Reset: until(size, left, size, day)}}, 0
	}
}

func all(time.Time, int, int) (bool, pace.Limits, time.Duration) { return true, pace.Limits{}, 0 }

var exhausted = pace.Limits{Tokens: pace.Limit{Max: 150_000, Remaining: 0, Reset: 6 * time.Minute}}

// TestEveryKindOfServiceIsUsedAndNotPestered measures six kinds of services, some of
// them in several forms. With -v it prints what was measured.
func TestEveryKindOfServiceIsUsedAndNotPestered(t *testing.T) {
	fast := func() time.Duration { return 20 * time.Millisecond }
	slow := func() time.Duration { return time.Duration(300+rand.ExpFloat64()*1500) * time.Millisecond }
	requests := pace.Limits{Requests: pace.Limit{Max: 100, Reset: time.Minute}, Tokens: exhausted.Tokens}
	years := pace.Limits{Requests: pace.Limit{Max: 100, Reset: 1e5 * time.Hour}}
	for _, c := range []struct {
		name   string
		kind   func() kind
		rate   float64 // calls a second that it takes; 0: any
		burst  float64 // and as many at once in the beginning
		places float64 // calls at once that it takes; 0: any
		sheds  float64 // the share that it refuses whatever the pace
		least  float64 // of the ideal that is to be reached
	}{
		{"honest, 600 a minute", func() kind { return bucketOf(600, time.Minute, true, true) }, 10, 600, 0, 0, 0.95},
		{"honest, 6000 a minute", func() kind { return bucketOf(6000, time.Minute, true, true) }, 100, 6000, 0, 0, 0.95},
		{"a day, 14400", func() kind { return bucketOf(14400, 24*time.Hour, true, true) }, 1. / 6, 14400, 0, 0, 0.95},
		{"a day, 10 left of 200", func() kind { return dayOf(200, 10) }, 200. / 86400, 10, 0, 0, 0.95},
		{"nothing shown, bucket of 600 a minute", func() kind { return bucketOf(600, time.Minute, false, false) }, 10, 600, 0, 0, 0.8},
		{"nothing shown, 600 in each minute", func() kind { return windowOf(600, time.Minute, false) }, 10, 0, 0, 0, 0.8},
		{"nothing shown, 20 in each minute", func() kind { return windowOf(20, time.Minute, false) }, 1. / 3, 0, 0, 0, 0.7},
		{"nothing shown, 50 in each second", func() kind { return windowOf(50, time.Second, false) }, 50, 0, 0, 0, 0.7},
		{"nothing shown, 10 at once", func() kind { return placesOf(10) }, 0, 0, 10, 0, 0.85},
		{"nothing shown, 2 at once", func() kind { return placesOf(2) }, 0, 0, 2, 0, 0.8},
		{"message only, bucket of 600 a minute", func() kind { return bucketOf(600, time.Minute, false, true) }, 10, 600, 0, 0, 0.8},
		{"message only, 600 in each minute", func() kind { return windowOf(600, time.Minute, true) }, 10, 0, 0, 0, 0.8},
		{"contradictory, 1 of 5", func() kind { return every(5, exhausted, time.Second) }, 0, 0, 0, 0.2, 0.2},
		{"contradictory, 1 of 5, no pause", func() kind { return every(5, exhausted, 0) }, 0, 0, 0, 0.2, 0.2},
		{"constant, used up", func() kind { return always(all, requests) }, 0, 0, 0, 0, 0.95},
		{"constant, used up for years", func() kind { return always(all, years) }, 0, 0, 0, 0, 0.95},
		{"constant, and 600 a minute", func() kind { return always(bucketOf(600, time.Minute, false, true), exhausted) }, 10, 600, 0, 0, 0.8},
	} {
		for _, l := range []struct {
			name    string
			latency func() time.Duration
			mean    float64
		}{{"fast", fast, 0.02}, {"slow", slow, 1.8}} {
			for _, inFlight := range []int{8, 32, 64} {
				t.Run(fmt.Sprintf("%s/%s/%d", c.name, l.name, inFlight), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						length := 5 * time.Minute
						if l.mean < 1 && c.rate == 0 { // many calls
							length = time.Duration(max(20, 640/inFlight)) * time.Second
						}
						p := pace.New(pace.Config{InFlight: inFlight, MaxWait: 10 * time.Minute})
						s := service{latency: l.latency, kind: c.kind()}
						ctx, cancel := context.WithTimeout(t.Context(), length)
						defer cancel()
						ask(ctx, p, 10*inFlight, func() int { return 1000 }, s.call)
						places := float64(inFlight)
						if c.places > 0 {
							places = min(places, c.places)
						}
						ideal := places / l.mean * length.Seconds() * (1 - c.sheds)
						if c.rate > 0 {
							ideal = min(ideal, c.rate*length.Seconds()+c.burst)
						}
						served, refused := float64(s.served), float64(s.refused)
						t.Logf("%-38s %s, %2d at once: %5.1f %% of the ideal %6.0f calls, %4.1f %% refused", c.name, l.name, inFlight,
							100*served/ideal, ideal, 100*refused/(refused+served))
						if served < c.least*ideal*0.9 {
							t.Errorf("%.0f calls served, ideal are %.0f", served, ideal)
						}
						// Those in flight when the limit is first met cannot be helped, and now and
						// then a call has to try whether there is still a limit.
						if shed := served * c.sheds / (1 - c.sheds); refused > 1.2*shed+float64(inFlight)+50+0.08*served {
							t.Errorf("%.0f calls refused, %.0f served", refused, served)
						}
					})
				})
			}
		}
	}
}
