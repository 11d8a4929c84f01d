// Package pace decides how many calls fly at once, how many start in a minute,
// and how long to wait before the next try. It knows nothing of what is called.
//
// Four things hold a call back, whichever is longest: too many in flight, the
// limits the user set, the limits the service shows, and a pause that the
// service asked for. A pause holds for every caller, not only for the one that
// was told. When the service throttles, fewer calls fly, down to one; as they
// succeed again, more do.
package pace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/time/rate"
)

// Config is what the user wants. The zero value of a field sets no limit, but
// for Flying, which must be at least 1.
type Config struct {
	Flying     int           // calls in flight, at most
	PerMinute  int           // calls started in a minute, at most
	Tokens     int           // tokens asked for in a minute, at most
	MaxRetries int           // further tries of a call after its first
	MaxWait    time.Duration // a service that asks for a longer pause is not waited for
}

// A Pacer paces the calls of one run. It is safe for concurrent use.
type Pacer struct {
	cfg      Config
	requests *rate.Limiter // the user's limits; nil without
	tokens   *rate.Limiter

	mu        sync.Mutex
	waiting   []*waiter   // for their turn, first come first served
	admitting *time.Timer // for the first of them, where it waits for the time to come
	limit     float64     // calls in flight, at most, for now
	flying    tally       // started, but not ended yet
	started   tally       // since the run began
	ended     tally       // since the run began, without those refused
	cut       int         // started.calls when limit was cut last
	succeeded int
	paused    time.Time // no call starts before
	shown     [2]gauge  // requests, tokens
}

// tally counts calls and the tokens they asked for.
type tally struct{ calls, tokens int }

func (t *tally) add(calls, tokens int) {
	t.calls += calls
	t.tokens += tokens
}

// New returns a pacer for one run.
func New(cfg Config) *Pacer {
	p := &Pacer{cfg: cfg, limit: float64(cfg.Flying)}
	p.requests, p.tokens = limiter(cfg.PerMinute), limiter(cfg.Tokens)
	return p
}

// limiter spreads a minute's allowance evenly: it starts with that of a tenth
// of a second, so that no minute, the first one included, sees more than its
// allowance and that much.
func limiter(perMinute int) *rate.Limiter {
	if perMinute <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(float64(perMinute)/60), max(1, perMinute/600))
}

// Limits are what a service shows of its limits in an answer. The zero value
// shows nothing.
type Limits struct{ Requests, Tokens Limit }

// Limit is one limit as a service shows it. It is ignored unless Max and Reset
// are positive and Remaining is from 0 to less than Max.
type Limit struct {
	Max       int           // when nothing is used up
	Remaining int           // now
	Reset     time.Duration // until Remaining is Max again, if nothing is asked
}

// Retry is the error of a call that may succeed when it is made again.
type Retry struct {
	Err       error
	After     time.Duration // the pause that the service asked for; 0 if none
	Throttled bool          // the service had too many calls
}

func (e *Retry) Error() string { return e.Err.Error() }
func (e *Retry) Unwrap() error { return e.Err }

// TooLong is the error of a call whose service asks for a pause longer than
// Config.MaxWait.
type TooLong struct {
	Err   error
	After time.Duration
}

func (e *TooLong) Error() string {
	return fmt.Sprintf("the service asks to wait %v: %v", e.After.Round(time.Second), e.Err)
}
func (e *TooLong) Unwrap() error { return e.Err }

// The waits between tries are drawn evenly from 0 to firstWait, then from twice
// as much, up to lastWait: exponential backoff with full jitter
// (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
const (
	firstWait = 500 * time.Millisecond
	lastWait  = 32 * time.Second
)

// Do makes a call of tokens tokens when its turn has come, again while it ends
// in a [*Retry] and tries are left, and returns how often it was made. The
// limits that call returns are taken into account whether or not it fails. A
// throttled try counts only if no call at all got through since the try before:
// while others do, waiting longer helps.
//
// The error is that of the last call, without its Retry; or a [*TooLong]; or
// that of ctx, if it ends while Do waits.
func (p *Pacer) Do(ctx context.Context, tokens int, call func(context.Context) (Limits, error)) (made int, err error) {
	// With a randomization factor of 1 the library draws from 0 to twice the interval.
	waits := backoff.ExponentialBackOff{InitialInterval: firstWait / 2, RandomizationFactor: 1, Multiplier: 2, MaxInterval: lastWait / 2}
	waits.Reset()
	failed, heard := 0, p.heard()
	for {
		turn, err := p.start(ctx, tokens)
		if err != nil {
			return made, err
		}
		made++
		limits, err := call(ctx)
		retry, _ := errors.AsType[*Retry](err)
		now := p.end(turn, limits, err == nil, retry)
		progress := now > heard
		heard = now
		if retry == nil {
			return made, err
		}
		if p.cfg.MaxWait > 0 && retry.After > p.cfg.MaxWait {
			return made, &TooLong{retry.Err, retry.After}
		}
		if !retry.Throttled || !progress {
			failed++
		}
		if failed > p.cfg.MaxRetries {
			return made, retry.Err
		}
		if retry.After == 0 {
			if err := sleep(ctx, waits.NextBackOff()); err != nil {
				return made, err
			}
		}
	}
}

// Flying is how many calls may fly at the moment: fewer than Config.Flying
// after the service throttled.
func (p *Pacer) Flying() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(p.limit)
}

// turn is one call's place among all calls.
type turn struct {
	tokens int
	order  tally // started when it started, itself included
	ended  tally // when it started
}

// waiter is a call that waits for its turn.
type waiter struct {
	tokens int
	due    time.Time // when the user's limits let it start; zero until it is first in line
	turn   *turn     // once it may start
	ready  chan struct{}
}

// start waits until a call of n tokens may start.
func (p *Pacer) start(ctx context.Context, n int) (turn, error) {
	if err := ctx.Err(); err != nil {
		return turn{}, err
	}
	w := &waiter{tokens: n}
	p.mu.Lock()
	p.waiting = append(p.waiting, w)
	p.admit()
	if w.turn != nil {
		p.mu.Unlock()
		return *w.turn, nil
	}
	w.ready = make(chan struct{})
	p.mu.Unlock()
	select {
	case <-w.ready:
	case <-ctx.Done():
	}
	if ctx.Err() == nil {
		return *w.turn, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.turn != nil {
		p.flying.add(-1, -n)
	} else if i := slices.Index(p.waiting, w); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	}
	p.admit()
	return turn{}, ctx.Err()
}

// admit lets those who wait start, as many as may. Only the first in line takes
// part in the limits, so that all others feel at once what becomes known while
// they wait. p.mu is held.
func (p *Pacer) admit() {
	now := time.Now()
	for len(p.waiting) > 0 && p.flying.calls < int(p.limit) {
		w := p.waiting[0]
		if wait := p.wait(now, w); wait > 0 {
			if p.admitting == nil {
				p.admitting = time.AfterFunc(wait, p.tick)
			} else {
				p.admitting.Reset(wait)
			}
			return
		}
		p.shown[0].take(1)
		p.shown[1].take(w.tokens)
		p.flying.add(1, w.tokens)
		p.started.add(1, w.tokens)
		w.turn = &turn{w.tokens, p.started, p.ended}
		if w.ready != nil {
			close(w.ready)
		}
		p.waiting[0] = nil
		p.waiting = p.waiting[1:]
	}
	if p.admitting != nil {
		p.admitting.Stop()
	}
}

func (p *Pacer) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.admit()
}

// wait is how long the first in line has to wait, as far as is known now.
func (p *Pacer) wait(now time.Time, w *waiter) time.Duration {
	if w.due.IsZero() {
		w.due = now.Add(max(take(p.requests, now, 1), take(p.tokens, now, w.tokens)))
	}
	return max(p.paused.Sub(now), w.due.Sub(now), p.shown[0].wait(now, 1), p.shown[1].wait(now, w.tokens))
}

// take reserves n of an allowance, however much a single reservation may hold.
func take(l *rate.Limiter, now time.Time, n int) (wait time.Duration) {
	if l == nil {
		return 0
	}
	for n > 0 {
		part := min(n, l.Burst())
		wait = l.ReserveN(now, part).DelayFrom(now)
		n -= part
	}
	return wait
}

// heard is how many calls have succeeded so far.
func (p *Pacer) heard() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.succeeded
}

// end gives the call's place free and learns from how it went. It returns how
// many calls have succeeded so far.
func (p *Pacer) end(t turn, l Limits, ok bool, retry *Retry) (succeeded int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if ok {
		p.succeeded++
		p.limit = min(p.limit+1/p.limit, float64(p.cfg.Flying))
	}
	if retry != nil {
		if until := now.Add(retry.After); retry.After > 0 && (p.cfg.MaxWait == 0 || retry.After <= p.cfg.MaxWait) && until.After(p.paused) {
			p.paused = until
		}
		if retry.Throttled {
			p.shown[0].giveBack(1)
			p.shown[1].giveBack(t.tokens)
		}
		if retry.Throttled && t.order.calls > p.cut {
			// Once a round: the calls in flight now were started before it was known.
			p.limit = max(1, min(p.limit, float64(p.flying.calls))*cutTo)
			p.cut = p.started.calls
		}
	}
	p.flying.add(-1, -t.tokens)
	p.shown[0].set(now, l.Requests, t.order.calls, p.started.calls-t.order.calls, p.flying.calls+p.ended.calls-t.ended.calls)
	p.shown[1].set(now, l.Tokens, t.order.calls, p.started.tokens-t.order.tokens, p.flying.tokens+p.ended.tokens-t.ended.tokens)
	if retry == nil || !retry.Throttled {
		p.ended.add(1, t.tokens)
	}
	p.admit()
	return p.succeeded
}

// cutTo is what remains of the calls in flight when the service throttles. Half,
// as TCP has it, loses a quarter of the throughput to a service that takes a
// fixed number of calls; this loses an eighth.
const cutTo = 0.7

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
