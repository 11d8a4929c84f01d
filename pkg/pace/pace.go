// Package pace decides when the calls of a run may start: how many are in flight at once,
// how many start per minute, and how long to wait before a retry. It knows nothing about
// the calls themselves.
//
// A call waits for whichever of these takes longest:
//
//   - a place among the calls in flight;
//   - the user's limits per minute;
//   - a pause that the service asked for, which applies to all calls;
//   - the limits that the service shows, which are hints;
//   - the rate derived from which calls the service accepted and refused.
//
// The last item is the most important, since services show wrong limits, show none, or
// refuse calls regardless of the rate. A limit that the service shows therefore counts
// only while nothing contradicts it: it is forgotten when an accepted call no longer
// shows it, ignored in a refusal that asks for a pause, ends at its own reset time, and
// is tested now and then (see gauge). And if the share of refused calls stays the same
// with fewer calls in flight, a refusal and its pause apply only to the refused call (see
// speed).
//
// A refused call is repeated as long as the service accepts any calls. A service that
// accepts none is given up after some time.
package pace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/time/rate"
)

// Config contains the user's limits. A zero field means no limit, except for InFlight,
// which must be at least 1.
type Config struct {
	InFlight   int           // maximum number of calls in flight
	PerMinute  int           // maximum number of calls started per minute
	Tokens     int           // maximum number of tokens requested per minute
	MaxRetries int           // retries of a failed call, not counting refusals
	MaxWait    time.Duration // give the service up if it asks for a longer pause, or refuses all calls for longer
	Patience   time.Duration // give up after this time a service that has never accepted a call; 0 means 2 minutes
}

// A Pacer paces the calls of one run. It is safe for concurrent use.
type Pacer struct {
	cfg      Config
	requests *rate.Limiter // the user's limits; nil if there are none
	tokens   *rate.Limiter

	mu        sync.Mutex
	waiting   []*waiter   // calls waiting for their turn, first come first served
	admitting *time.Timer // wakes the first of them when it may start
	inFlight  tally       // started, but not ended yet
	started   tally       // since the run began
	ended     tally       // since the run began, without refused calls
	paused    time.Time   // no call starts before
	shown     [2]gauge    // limits shown by the service: requests, tokens
	speed     speed
	pauses    pauses

	succeeded bool // at least one call succeeded
	refusals  struct {
		since time.Time // the first refusal after the last accepted call
		calls int
		times int // consecutive refusals
		told  int // calls started when the last of them was reported
	}
}

// tally counts calls and the tokens they request.
type tally struct{ calls, tokens int }

func (t *tally) add(calls, tokens int) {
	t.calls += calls
	t.tokens += tokens
}

// New returns a pacer for one run.
func New(cfg Config) *Pacer {
	p := &Pacer{cfg: cfg, speed: newSpeed(cfg.InFlight)}
	p.requests, p.tokens = limiter(cfg.PerMinute), limiter(cfg.Tokens)
	return p
}

// limiter spreads a minute's allowance evenly. It starts with the allowance of a tenth of
// a second, so any minute, including the first, exceeds its allowance by at most that
// much.
func limiter(perMinute int) *rate.Limiter {
	if perMinute <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(float64(perMinute)/60), max(1, perMinute/600))
}

// Limits are the limits shown in a response. The zero value shows none.
type Limits struct{ Requests, Tokens Limit }

// Limit is one limit shown by a service. It is ignored unless Max and Reset are positive
// and 0 <= Remaining < Max.
type Limit struct {
	Max       int           // the whole allowance
	Remaining int           // what is left of it
	Reset     time.Duration // time until Remaining is Max again if no call is made
}

func (l Limit) says() bool {
	return l.Max > 0 && l.Reset > 0 && l.Remaining >= 0 && l.Remaining < l.Max
}

// Retry is the error of a call that may succeed if it is repeated.
type Retry struct {
	Err       error
	After     time.Duration // the pause that the service asks for; 0 if none
	Throttled bool          // the service refused the call because there were too many
}

func (e *Retry) Error() string { return e.Err.Error() }
func (e *Retry) Unwrap() error { return e.Err }

// GivenUp is the error of a call to a service that is no longer waited for.
type GivenUp struct {
	Err   error
	After time.Duration // the pause that the service asks for, if it exceeds Config.MaxWait

	// Otherwise: for how long it has refused every call, and how many calls.
	Refused time.Duration
	Calls   int
}

func (e *GivenUp) Error() string {
	if e.After > 0 {
		return fmt.Sprintf("the service asks to wait %v: %v", e.After.Round(time.Second), e.Err)
	}
	return fmt.Sprintf("the service has refused every call for %v, the last %d of them: %v", e.Refused.Round(time.Second), e.Calls, e.Err)
}
func (e *GivenUp) Unwrap() error { return e.Err }

// A service that has never accepted a call is given up after patience, which is long
// enough for a window of a minute to pass; but not before it has refused this many calls
// in a row, since it may ask for long pauses.
const (
	patience = 2 * time.Minute
	minTimes = 4
)

// The waits between tries are drawn uniformly from 0 to firstWait, then from twice that
// range, up to lastWait: exponential backoff with full jitter
// (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
const (
	firstWait = 500 * time.Millisecond
	lastWait  = 32 * time.Second
)

// Do makes a call that requests the given number of tokens when its turn has come. It
// repeats the call while that returns a [*Retry] and retries are left, and returns how
// many times it was made. The limits that call returns are used even if it fails.
// Throttled tries don't count towards Config.MaxRetries: the call is repeated until the
// service is given up.
//
// The error is the last call's, unwrapped from its Retry; or a [*GivenUp]; or ctx's, if
// ctx ends while Do waits.
func (p *Pacer) Do(ctx context.Context, tokens int, call func(context.Context) (Limits, error)) (made int, err error) {
	// With a randomization factor of 1 the library draws from 0 to twice the interval.
	waits := backoff.ExponentialBackOff{InitialInterval: firstWait / 2, RandomizationFactor: 1, Multiplier: 2, MaxInterval: lastWait / 2}
	waits.Reset()
	for failed := 0; ; {
		turn, err := p.start(ctx, tokens)
		if err != nil {
			return made, err
		}
		made++
		limits, err := call(ctx)
		retry, _ := errors.AsType[*Retry](err)
		wait, given := p.end(turn, limits, err == nil, retry)
		switch {
		case retry == nil:
			return made, err
		case given != nil:
			return made, given
		case !retry.Throttled:
			failed++
		}
		if failed > p.cfg.MaxRetries {
			return made, retry.Err
		}
		if wait == 0 && retry.Throttled {
			wait = rand.N(firstWait) // the pacer decides when it starts
		} else if wait == 0 {
			wait = waits.NextBackOff()
		}
		if err := sleep(ctx, wait); err != nil {
			return made, err
		}
	}
}

// turn is one call's position in the sequence of calls.
type turn struct {
	tokens int
	order  tally // calls started so far, itself included
	ended  tally // when it started
	at     time.Time
	trial  [2]bool       // for each limit shown: it starts before its time
	try    time.Duration // see speed.start
}

// waiter is a call waiting for its turn.
type waiter struct {
	tokens int
	due    time.Time // when the user's limits let it start; zero until it is first in line
	turn   *turn     // set once it may start
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
		p.inFlight.add(-1, -n)
	} else if i := slices.Index(p.waiting, w); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	}
	p.admit()
	return turn{}, ctx.Err()
}

// admit lets as many waiting calls start as possible. Only the first in line takes from
// the limits, so whatever is learnt while the others wait applies to them at once. p.mu
// must be held.
func (p *Pacer) admit() {
	now := time.Now()
	for len(p.waiting) > 0 && p.inFlight.calls < p.speed.places() {
		w := p.waiting[0]
		if wait, _ := p.wait(now, w); wait > 0 {
			if p.admitting == nil {
				p.admitting = time.AfterFunc(wait, p.tick)
			} else {
				p.admitting.Reset(wait)
			}
			return
		}
		trial := [2]bool{p.shown[0].take(now, 1, p.inFlight.calls), p.shown[1].take(now, w.tokens, p.inFlight.calls)}
		p.inFlight.add(1, w.tokens)
		p.started.add(1, w.tokens)
		w.turn = &turn{w.tokens, p.started, p.ended, now, trial, p.speed.start(now, p.inFlight.calls)}
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

// Reasons why no call starts.
const (
	Asked   = "the service asks for a pause"
	Refused = "the service refuses every call"
	Slow    = "the service accepts no more calls than that"
	Shown   = "the limit that the service shows"
	Own     = "your limit per minute"
)

// wait returns how long the first in line has to wait, as far as is known now, and why.
func (p *Pacer) wait(now time.Time, w *waiter) (wait time.Duration, why string) {
	if w.due.IsZero() {
		w.due = now.Add(max(take(p.requests, now, 1), take(p.tokens, now, w.tokens)))
	}
	slow := Slow
	if p.speed.closed {
		slow = Refused
	}
	for _, hold := range [...]struct {
		wait time.Duration
		why  string
	}{
		{p.paused.Sub(now), Asked},
		{w.due.Sub(now), Own},
		{p.speed.pause(now), slow},
		{p.shown[0].wait(now, 1, p.inFlight.calls), Shown},
		{p.shown[1].wait(now, w.tokens, p.inFlight.calls), Shown},
	} {
		if hold.wait > wait {
			wait, why = hold.wait, hold.why
		}
	}
	return wait, why
}

// Waiting returns when the next call may start, as far as is known now, and why it has to
// wait. The time is zero if a call is in flight or none is waiting.
func (p *Pacer) Waiting() (until time.Time, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	switch {
	case p.inFlight.calls > 0:
	case len(p.waiting) > 0:
		if wait, why := p.wait(now, p.waiting[0]); wait > 0 {
			return now.Add(wait), why
		}
	case p.paused.After(now):
		return p.paused, Asked
	}
	return time.Time{}, ""
}

// take reserves n from the limiter, even if n exceeds what a single reservation may take.
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

// end frees the call's place and learns from its outcome. It returns how long to wait
// before a retry (0 if nobody said), or the reason why the call is given up.
func (p *Pacer) end(t turn, l Limits, ok bool, retry *Retry) (wait time.Duration, given *GivenUp) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.admit()
	now := time.Now()
	p.inFlight.add(-1, -t.tokens)
	refused := retry != nil && (retry.Throttled || retry.After > 0)
	for i, trial := range t.trial {
		if trial {
			p.shown[i].tried(now, ok, refused)
		}
	}
	if refused && retry.Throttled {
		p.shown[0].giveBack(1)
		p.shown[1].giveBack(t.tokens)
	} else {
		p.ended.add(1, t.tokens)
	}
	p.learn(now, t, l, ok, refused && retry.After > 0)
	e := ended{now, t.order.calls, p.started.calls, p.inFlight.calls, now.Sub(t.at), t.try}
	switch {
	case ok:
		p.pauses.accept(t.order.calls, t.at)
		p.succeeded = true
		p.refusals.since = time.Time{}
		p.speed.accepted(e)
	case refused:
		if t.trial == [2]bool{} || p.speed.closed { // otherwise it is not new information
			p.speed.refused(e)
		}
		return p.refused(now, t, retry)
	}
	return 0, nil
}

// learn processes the limits shown in a response.
func (p *Pacer) learn(now time.Time, t turn, l Limits, ok, pause bool) {
	own, later, overlapping := [2]Limit{l.Requests, l.Tokens}, p.started, p.inFlight
	later.add(-t.order.calls, -t.order.tokens)
	overlapping.add(p.ended.calls-t.ended.calls, p.ended.tokens-t.ended.tokens)
	for i, l := range own {
		g := &p.shown[i]
		switch after, over := later.calls, overlapping.calls; {
		case ok && l == (Limit{}):
			g.forget()
		case ok || !pause && g.order > 0:
			if i == 1 {
				after, over = later.tokens, overlapping.tokens
			}
			g.set(now, l, t.order.calls, after, over)
		}
	}
}

// refused decides what happens to a refused call.
func (p *Pacer) refused(now time.Time, t turn, retry *Retry) (wait time.Duration, given *GivenUp) {
	r := &p.refusals
	if r.since.IsZero() {
		r.since, r.calls, r.times, r.told = now, 0, 0, 0
	}
	r.calls++
	if t.order.calls > r.told {
		r.times++
		r.told = p.started.calls
	}
	most := p.cfg.MaxWait
	if most > 0 && !p.succeeded {
		most = min(most, cmp.Or(p.cfg.Patience, patience))
	}
	if retry.After > 0 && p.pauses.ask(t.order.calls, p.started.calls, now.Add(retry.After)) {
		p.paused = time.Time{}
	}
	alone := p.speed.noise.share > 0 || p.pauses.own
	switch tooLong := p.cfg.MaxWait > 0 && retry.After > p.cfg.MaxWait; {
	case tooLong && alone:
		return 0, nil
	case tooLong:
		return 0, &GivenUp{Err: retry.Err, After: retry.After}
	case retry.Throttled && most > 0 && r.times >= minTimes && now.Sub(r.since) >= most:
		return 0, &GivenUp{Err: retry.Err, Refused: now.Sub(r.since), Calls: r.calls}
	}
	if until := now.Add(retry.After); !alone && until.After(p.paused) {
		p.paused = until
	}
	return retry.After, nil
}

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
