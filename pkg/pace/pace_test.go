package pace_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"nertools/pkg/pace"
)

// starts notes when calls start, and how much each asks for.
type starts struct {
	mu  sync.Mutex
	at  []time.Time
	ask []int
}

func (s *starts) add(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = append(s.at, time.Now())
	s.ask = append(s.ask, n)
}

func (s *starts) sum() (sum int) {
	for _, n := range s.ask {
		sum += n
	}
	return sum
}

// most is the largest sum that any stretch of time of the length d saw.
func (s *starts) most(d time.Duration) (most int) {
	sum, from := 0, 0
	for i, at := range s.at {
		sum += s.ask[i]
		for at.Sub(s.at[from]) >= d {
			sum -= s.ask[from]
			from++
		}
		most = max(most, sum)
	}
	return most
}

// ask keeps n callers busy until ctx ends.
func ask(ctx context.Context, p *pace.Pacer, callers int, tokens func() int, call func(context.Context, int) (pace.Limits, error)) {
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for ctx.Err() == nil {
				n := tokens()
				_, _ = p.Do(ctx, n, func(ctx context.Context) (pace.Limits, error) { return call(ctx, n) })
			}
		})
	}
	all.Wait()
}

func one() int { return 1 }

func TestNoMoreCallsThanAllowedAreInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Config{InFlight: 7})
		var inFlight, most atomic.Int64
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		ask(ctx, p, 40, one, func(context.Context, int) (pace.Limits, error) {
			n := inFlight.Add(1)
			defer inFlight.Add(-1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			time.Sleep(time.Duration(rand.IntN(200)) * time.Millisecond)
			if rand.IntN(3) == 0 {
				return pace.Limits{}, errors.New("no")
			}
			return pace.Limits{}, nil
		})
		if most.Load() != 7 {
			t.Errorf("%d at once", most.Load())
		}
	})
}

func TestRequestsAMinuteAreKeptToAndUsed(t *testing.T) {
	for _, perMinute := range []int{1, 7, 60, 500, 6000} {
		t.Run(fmt.Sprint(perMinute), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const minutes = 5
				p := pace.New(pace.Config{InFlight: 32, PerMinute: perMinute})
				var s starts
				ctx, cancel := context.WithTimeout(t.Context(), minutes*time.Minute)
				defer cancel()
				ask(ctx, p, 64, one, func(context.Context, int) (pace.Limits, error) {
					s.add(1)
					time.Sleep(time.Duration(50+rand.IntN(200)) * time.Millisecond)
					return pace.Limits{}, nil
				})
				burst := max(1, perMinute/600)
				if most := s.most(time.Minute); most > perMinute+burst {
					t.Errorf("%d in a minute", most)
				}
				if sum := s.sum(); sum < minutes*perMinute*98/100 {
					t.Errorf("%d in %d minutes", sum, minutes)
				}
			})
		})
	}
}

func TestTokensAMinuteAreKeptToAndUsed(t *testing.T) {
	const perMinute, minutes = 60_000, 5
	for name, tokens := range map[string]func() int{
		"small":                func() int { return 20 },
		"larger than a burst":  func() int { return 1000 },
		"mixed":                func() int { return 1 + rand.IntN(3000) },
		"larger than a minute": func() int { return 90_000 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := pace.New(pace.Config{InFlight: 32, Tokens: perMinute})
				var s starts
				ctx, cancel := context.WithTimeout(t.Context(), minutes*time.Minute)
				defer cancel()
				ask(ctx, p, 64, tokens, func(_ context.Context, n int) (pace.Limits, error) {
					s.add(n)
					time.Sleep(100 * time.Millisecond)
					return pace.Limits{}, nil
				})
				// A call starts when all its tokens are there, so one more than
				// the allowance's worth can fall into a minute.
				burst, largest := perMinute/600, slices.Max(s.ask)
				if most := s.most(time.Minute); most > perMinute+burst+largest {
					t.Errorf("%d in a minute", most)
				}
				if sum := s.sum(); sum > minutes*perMinute+burst || sum < minutes*perMinute*98/100-largest {
					t.Errorf("%d in %d minutes", sum, minutes)
				}
			})
		})
	}
}

func TestPauseHoldsForEveryCaller(t *testing.T) {
	for name, cfg := range map[string]pace.Config{
		"callers who wait for their place":       {InFlight: 4, MaxRetries: 9},
		"callers who wait for their allowance":   {InFlight: 50, MaxRetries: 9, PerMinute: 60},
		"callers who wait for a token allowance": {InFlight: 50, MaxRetries: 9, Tokens: 60},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := pace.New(cfg)
				begin := time.Now()
				var s starts
				var told atomic.Bool
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				defer cancel()
				ask(ctx, p, 50, one, func(context.Context, int) (pace.Limits, error) {
					s.add(1)
					time.Sleep(100 * time.Millisecond)
					if time.Since(begin) > 5*time.Second && told.CompareAndSwap(false, true) {
						s.add(0)
						return pace.Limits{}, &pace.Retry{Err: errors.New("slow down"), After: 20 * time.Second}
					}
					return pace.Limits{}, nil
				})
				// Calls that end at the very moment of the answer may be followed
				// by others before it is read, one each.
				i := slices.Index(s.ask, 0)
				next := i + 1
				for s.at[next].Equal(s.at[i]) && next-i < cfg.InFlight {
					next++
				}
				gap := s.at[next].Sub(s.at[i])
				if gap < 20*time.Second || gap > 22*time.Second {
					t.Errorf("the next call started %v after the service had asked for 20s", gap)
				}
				if most := s.most(time.Minute); cfg.PerMinute+cfg.Tokens > 0 && most > 62 {
					t.Errorf("%d in a minute", most)
				}
			})
		})
	}
}

func TestShorterPauseDoesNotEndALongerOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Config{InFlight: 2, MaxRetries: 1})
		begin := time.Now()
		var all sync.WaitGroup
		for _, after := range []time.Duration{10 * time.Second, 3 * time.Second} {
			all.Go(func() {
				tries := 0
				_, err := p.Do(t.Context(), 1, func(context.Context) (pace.Limits, error) {
					if tries++; tries > 1 {
						if waited := time.Since(begin); waited != 11*time.Second {
							t.Errorf("tried again after %v", waited)
						}
						return pace.Limits{}, nil
					}
					time.Sleep(time.Second)
					return pace.Limits{}, &pace.Retry{Err: errors.New("no"), After: after}
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}

func TestWaitsBetweenTriesAreDrawnFromGrowingBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rows, tries = 300, 10
		var longest [tries]time.Duration
		for range rows {
			p := pace.New(pace.Config{InFlight: 1, MaxRetries: tries})
			var at []time.Time
			made, err := p.Do(t.Context(), 1, func(context.Context) (pace.Limits, error) {
				at = append(at, time.Now())
				return pace.Limits{}, &pace.Retry{Err: errors.New("no")}
			})
			if made != tries+1 || err == nil {
				t.Fatalf("%d tries, %v", made, err)
			}
			for i := range tries {
				longest[i] = max(longest[i], at[i+1].Sub(at[i]))
			}
		}
		for i, bound := 0, 500*time.Millisecond; i < tries; i, bound = i+1, min(2*bound, 32*time.Second) {
			// Of so many draws the longest is near the bound.
			if longest[i] > bound || longest[i] < bound*9/10 {
				t.Errorf("wait %d: up to %v, want up to %v", i+1, longest[i], bound)
			}
		}
	})
}

func TestOnlyWhatMaySucceedIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errNo := errors.New("no")
		for _, c := range []struct {
			retries, made int
			err           error
		}{
			{5, 1, errNo},
			{5, 6, &pace.Retry{Err: errNo}},
			{5, 6, fmt.Errorf("wrapped: %w", &pace.Retry{Err: errNo})},
			{5, 6, &pace.Retry{Err: errNo, After: time.Second}},
			{0, 1, &pace.Retry{Err: errNo}},
		} {
			p := pace.New(pace.Config{InFlight: 3, MaxRetries: c.retries})
			calls := 0
			made, err := p.Do(t.Context(), 1, func(context.Context) (pace.Limits, error) {
				calls++
				return pace.Limits{}, c.err
			})
			retry, isRetry := errors.AsType[*pace.Retry](err)
			if made != c.made || calls != made || !errors.Is(err, errNo) || isRetry {
				t.Errorf("%+v: made %d, called %d, %v %v", c, made, calls, err, retry)
			}
		}
		p := pace.New(pace.Config{InFlight: 1, MaxRetries: 5})
		tries := 0
		made, err := p.Do(t.Context(), 1, func(context.Context) (pace.Limits, error) {
			if tries++; tries < 4 {
				return pace.Limits{}, &pace.Retry{Err: errNo}
			}
			return pace.Limits{}, nil
		})
		if made != 4 || err != nil {
			t.Errorf("made %d, %v", made, err)
		}
	})
}

func TestAThrottledCallIsMadeForAsLongAsOthersGetThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const others = 30 * time.Minute
		p := pace.New(pace.Config{InFlight: 4, MaxRetries: 0, MaxWait: 10 * time.Minute})
		begin := time.Now()
		var all sync.WaitGroup
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), others)
			defer cancel()
			ask(ctx, p, 1, one, func(context.Context, int) (pace.Limits, error) {
				time.Sleep(20 * time.Millisecond)
				return pace.Limits{}, nil
			})
		})
		errNo := errors.New("slow down")
		made, err := p.Do(t.Context(), 1, func(context.Context) (pace.Limits, error) {
			time.Sleep(50 * time.Millisecond)
			return pace.Limits{}, &pace.Retry{Err: errNo, Throttled: true}
		})
		given, ok := errors.AsType[*pace.GivenUp](err)
		if !ok || !errors.Is(err, errNo) || made < 100 {
			t.Errorf("made %d, %v", made, err)
		}
		if took := time.Since(begin); took < others+10*time.Minute || took > others+11*time.Minute || given.Refused < 10*time.Minute {
			t.Errorf("given up after %v: %v", took, err)
		}
		all.Wait()
	})
}

func TestAServiceThatRefusesEveryCallIsGivenUpAfterABoundedTimeAndNumberOfCalls(t *testing.T) {
	for _, c := range []struct {
		name    string
		after   time.Duration // the pause that it asks for
		accepts int           // calls, at first
		maxWait time.Duration
		from    time.Duration // given up, after the last accepted call
		to      time.Duration
		calls   int // at most, beyond those in flight
		waits   time.Duration
	}{
		{"it never accepted one", 0, 0, 10 * time.Minute, 2 * time.Minute, 2*time.Minute + 20*time.Second, 25, 0},
		{"it never accepted one, and that may last", 0, 0, 10 * time.Minute, 5 * time.Minute, 5*time.Minute + 20*time.Second, 40, 5 * time.Minute},
		{"it accepted some", 0, 100, 10 * time.Minute, 10 * time.Minute, 10*time.Minute + 20*time.Second, 60, 0},
		{"it asks for pauses", time.Second, 0, 10 * time.Minute, 2 * time.Minute, 2*time.Minute + 20*time.Second, 25, 0},
		{"it asks for long pauses", 5 * time.Minute, 0, 10 * time.Minute, 15 * time.Minute, 16 * time.Minute, 10, 0},
		{"nobody wants to wait", 0, 0, time.Second, time.Second, 5 * time.Second, 10, 0},
	} {
		for _, inFlight := range []int{1, 8, 64} {
			t.Run(fmt.Sprintf("%s/%d", c.name, inFlight), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := pace.New(pace.Config{InFlight: inFlight, MaxRetries: 5, MaxWait: c.maxWait, Patience: c.waits})
					var mu sync.Mutex
					calls, last := 0, time.Now()
					ctx, stop := context.WithCancelCause(t.Context())
					defer stop(nil)
					var all sync.WaitGroup
					for range 2 * inFlight {
						all.Go(func() {
							for ctx.Err() == nil {
								_, err := p.Do(ctx, 1, func(context.Context) (pace.Limits, error) {
									time.Sleep(20 * time.Millisecond)
									mu.Lock()
									defer mu.Unlock()
									if calls++; calls <= c.accepts {
										last = time.Now()
										return pace.Limits{}, nil
									}
									return pace.Limits{}, &pace.Retry{Err: errThrottled, After: c.after, Throttled: true}
								})
								if err != nil {
									stop(err) // the first one counts
								}
							}
						})
					}
					all.Wait()
					given, ok := errors.AsType[*pace.GivenUp](context.Cause(ctx))
					if !ok || !errors.Is(given, errThrottled) {
						t.Fatalf("got %v", context.Cause(ctx))
					}
					if took := time.Since(last); took < c.from || took > c.to {
						t.Errorf("given up after %v", took)
					}
					if n := calls - c.accepts; n > 2*inFlight+c.calls || given.Calls > n {
						t.Errorf("after %d calls, and it says %d", n, given.Calls)
					}
				})
			})
		}
	}
}

func TestWaitingTellsWhyAndUntilWhen(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  pace.Config
		call func(n int) (pace.Limits, error) // the n-th, from 1
		at   time.Duration                    // when it is asked
		why  string
		from time.Duration // the time that it tells, at least
		to   time.Duration
	}{
		{"a pause", pace.Config{}, func(n int) (pace.Limits, error) {
			return pace.Limits{}, &pace.Retry{Err: errThrottled, After: 30 * time.Second, Throttled: true}
		}, 5 * time.Second, pace.Asked, 30 * time.Second, 31 * time.Second},
		{"refusals", pace.Config{}, func(n int) (pace.Limits, error) {
			return pace.Limits{}, &pace.Retry{Err: errThrottled, Throttled: true}
		}, 70 * time.Second, pace.Refused, 70 * time.Second, 86 * time.Second},
		{"the user's requests", pace.Config{PerMinute: 6}, func(int) (pace.Limits, error) { return pace.Limits{}, nil },
			5 * time.Second, pace.Own, 10 * time.Second, 10 * time.Second},
		{"the user's tokens", pace.Config{Tokens: 6}, func(int) (pace.Limits, error) { return pace.Limits{}, nil },
			5 * time.Second, pace.Own, 10 * time.Second, 10 * time.Second},
		{"a limit shown", pace.Config{}, func(n int) (pace.Limits, error) {
			if n > 3 {
				return pace.Limits{}, &pace.Retry{Err: errThrottled, Throttled: true}
			}
			return pace.Limits{Requests: pace.Limit{Max: 3, Remaining: 3 - n, Reset: time.Duration(n) * 30 * time.Second}}, nil
		}, 5 * time.Second, pace.Shown, 10 * time.Second, 11 * time.Second},
		{"nothing", pace.Config{}, func(int) (pace.Limits, error) {
			time.Sleep(time.Minute)
			return pace.Limits{}, nil
		}, 5 * time.Second, "", 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.cfg.InFlight, c.cfg.MaxWait = 1, time.Hour
				p := pace.New(c.cfg)
				begin := time.Now()
				if until, why := p.Waiting(); !until.IsZero() || why != "" {
					t.Errorf("at first: %v, %q", until, why)
				}
				ctx, cancel := context.WithCancel(t.Context())
				n := 0
				var all sync.WaitGroup
				defer all.Wait()
				defer cancel()
				all.Go(func() {
					ask(ctx, p, 1, one, func(context.Context, int) (pace.Limits, error) {
						n++
						return c.call(n)
					})
				})
				time.Sleep(c.at)
				synctest.Wait()
				until, why := p.Waiting()
				told := until.Sub(begin)
				if until.IsZero() {
					told = 0
				}
				if why != c.why || told < c.from || told > c.to {
					t.Errorf("until %v, %q", told, why)
				}
			})
		})
	}
}

func TestServiceThatAsksForTooLongAPauseIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		errNo := errors.New("come back tomorrow")
		p := pace.New(pace.Config{InFlight: 2, MaxRetries: 5, MaxWait: time.Minute})
		made, err := p.Do(t.Context(), 1, func(context.Context) (pace.Limits, error) {
			return pace.Limits{}, &pace.Retry{Err: errNo, After: 114*time.Hour + 18*time.Minute, Throttled: true}
		})
		long, ok := errors.AsType[*pace.GivenUp](err)
		if !ok || made != 1 || !errors.Is(err, errNo) || long.After != 114*time.Hour+18*time.Minute {
			t.Fatalf("made %d, %v", made, err)
		}
		if got, want := err.Error(), "the service asks to wait 114h18m0s: come back tomorrow"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if _, err := p.Do(t.Context(), 1, func(context.Context) (pace.Limits, error) { return pace.Limits{}, nil }); err != nil || time.Since(begin) != 0 {
			t.Errorf("others waited %v, %v", time.Since(begin), err)
		}
		// A pause of just that length is.
		tries := 0
		made, err = p.Do(t.Context(), 1, func(context.Context) (pace.Limits, error) {
			if tries++; tries == 1 {
				return pace.Limits{}, &pace.Retry{Err: errNo, After: time.Minute}
			}
			return pace.Limits{}, nil
		})
		if made != 2 || err != nil || time.Since(begin) != time.Minute {
			t.Errorf("made %d, %v, after %v", made, err, time.Since(begin))
		}
	})
}

// Each caller waits for something else when its context ends. It must return at
// once, and its place must be free for others.
func TestWaitEndsWithItsContextAndLeavesNothingBehind(t *testing.T) {
	nothing := func(context.Context) (pace.Limits, error) { return pace.Limits{}, nil }
	fails := func(context.Context) (pace.Limits, error) {
		return pace.Limits{}, &pace.Retry{Err: errors.New("no"), After: time.Hour}
	}
	for _, c := range []struct {
		name  string
		cfg   pace.Config
		setUp func(t *testing.T, p *pace.Pacer)
		call  func(context.Context) (pace.Limits, error)
		made  int
	}{
		{"a place", pace.Config{InFlight: 1}, func(t *testing.T, p *pace.Pacer) {
			go func() {
				_, _ = p.Do(t.Context(), 1, func(context.Context) (pace.Limits, error) {
					time.Sleep(time.Hour)
					return pace.Limits{}, nil
				})
			}()
			synctest.Wait()
		}, nothing, 0},
		{"the requests' allowance", pace.Config{InFlight: 1, PerMinute: 1}, func(t *testing.T, p *pace.Pacer) {
			_, _ = p.Do(t.Context(), 1, nothing)
		}, nothing, 0},
		{"the tokens' allowance", pace.Config{InFlight: 1, Tokens: 1}, func(t *testing.T, p *pace.Pacer) {
			_, _ = p.Do(t.Context(), 9, nothing)
		}, nothing, 0},
		{"the end of a pause", pace.Config{InFlight: 1}, func(t *testing.T, p *pace.Pacer) {
			_, _ = p.Do(t.Context(), 1, fails)
		}, nothing, 0},
		{"the end of a pause that it was told of", pace.Config{InFlight: 1, MaxRetries: 5}, func(*testing.T, *pace.Pacer) {}, fails, 1},
		{"its next try", pace.Config{InFlight: 1, MaxRetries: 1000}, func(*testing.T, *pace.Pacer) {}, func(context.Context) (pace.Limits, error) {
			return pace.Limits{}, &pace.Retry{Err: errors.New("no")}
		}, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := pace.New(c.cfg)
				c.setUp(t, p)
				begin := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
				defer cancel()
				made, err := p.Do(ctx, 1, c.call)
				if !errors.Is(err, context.DeadlineExceeded) || c.made >= 0 && made != c.made || time.Since(begin) != 50*time.Second {
					t.Errorf("made %d, %v, after %v", made, err, time.Since(begin))
				}
				// Everything is over after a week, and a call starts at once.
				time.Sleep(7 * 24 * time.Hour)
				begin = time.Now()
				if _, err := p.Do(t.Context(), 1, nothing); err != nil || time.Since(begin) != 0 {
					t.Errorf("after that: %v, after %v", err, time.Since(begin))
				}
			})
		})
	}
}

func TestEndedContextStartsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := pace.New(pace.Config{InFlight: 1})
	made, err := p.Do(ctx, 1, func(context.Context) (pace.Limits, error) {
		t.Error("called")
		return pace.Limits{}, nil
	})
	if made != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("made %d, %v", made, err)
	}
}

// Many contexts end just when places become free: none may be lost.
func TestNoPlaceIsLostBetweenWaitersWhoGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const inFlight = 5
		p := pace.New(pace.Config{InFlight: inFlight})
		work := func(context.Context) (pace.Limits, error) {
			time.Sleep(time.Millisecond)
			return pace.Limits{}, nil
		}
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				for range 20 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(5))*time.Millisecond)
					_, _ = p.Do(ctx, 1, work)
					cancel()
				}
			})
		}
		all.Wait()
		begin := time.Now()
		for range inFlight {
			all.Go(func() { _, _ = p.Do(t.Context(), 1, work) })
		}
		all.Wait()
		if d := time.Since(begin); d != time.Millisecond {
			t.Errorf("%d calls took %v", inFlight, d)
		}
	})
}

func TestPlacesAreGivenInTheOrderOfAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Config{InFlight: 2})
		var mu sync.Mutex
		var order []int
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				_, _ = p.Do(t.Context(), 1, func(context.Context) (pace.Limits, error) {
					mu.Lock()
					order = append(order, i)
					mu.Unlock()
					time.Sleep(time.Duration(100+i) * time.Millisecond)
					return pace.Limits{}, nil
				})
			})
			synctest.Wait()
		}
		all.Wait()
		if !slices.IsSorted(order) || len(order) != 50 {
			t.Errorf("got %v", order)
		}
	})
}

func BenchmarkDo(b *testing.B) {
	nothing := func(context.Context) (pace.Limits, error) { return pace.Limits{}, nil }
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			p := pace.New(pace.Config{InFlight: callers})
			b.ReportAllocs()
			if callers == 1 {
				for b.Loop() {
					_, _ = p.Do(b.Context(), 1, nothing)
				}
				return
			}
			calls := int64(b.N)
			var made atomic.Int64
			var all sync.WaitGroup
			b.ResetTimer()
			for range callers {
				all.Go(func() {
					for made.Add(1) <= calls {
						_, _ = p.Do(b.Context(), 1, nothing)
					}
				})
			}
			all.Wait()
		})
	}
}
