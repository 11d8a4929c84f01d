package pace

import "time"

// gauge tracks a limit that the service shows: a bucket that refills steadily and whose
// level is in every response. Between responses the level is estimated.
// (golang.org/x/time/rate serves for the user's own limits, but its level can only be
// drawn down, not set to the value in a response.)
//
// The values shown may be wrong. A limit counts only once its level has been seen to
// fall. And when no call is in flight, the next one is a trial: it starts although it
// would have to wait. If it is refused, the limit is real, and the next trial comes
// later. If several trials in a row are accepted, the limit is ignored from then on.
type gauge struct {
	order  int     // of the newest call answered; 0: no limit shown yet
	level  float64 // at the time at; below 0 if calls in flight may be refused
	best   float64 // the same, assuming that all calls in flight were counted before the last response
	at     time.Time
	refill float64 // per second
	used   int     // of max, in the response that refill is derived from
	max    float64
	full   time.Time // when it should be full again; zero afterwards
	shown  int       // remaining, in the newest response
	moves  bool      // the level shown has fallen before

	next   time.Time     // when the next trial is allowed
	every  time.Duration // between trials
	beyond int           // trials accepted in a row
	wrong  bool
}

// If trials are refused they become rare, but not so rare that a limit that is wrong, or
// was lifted, slows a run down for long.
const (
	firstTrial = 10 * time.Second
	lastTrial  = time.Minute
	proof      = 8 // accepted trials in a row
)

// set updates the level from the response to the call with the given order. later is what
// was taken for calls that started after this call, overlapping what was taken for all
// calls in flight at the same time. Since calls overtake each other, the service may have
// counted any of these before it answered or after. So the level is at least the value
// shown minus overlapping, and at most the value shown minus later: if our estimate is
// above that, the service counts more than we do, or others use the same limit. A
// response to an earlier call than the last one is ignored.
func (g *gauge) set(now time.Time, l Limit, order, later, overlapping int) {
	if g.wrong || !l.says() || order < g.order {
		return
	}
	if float64(l.Max) != g.max {
		*g = gauge{max: float64(l.Max), level: float64(l.Remaining - overlapping), best: float64(l.Remaining), at: now}
	}
	// The remaining amount is shown in whole numbers, and the reset time is often
	// rounded, too. The less is used, the less reliable is the refill rate derived from
	// them.
	const plenty = 100
	if used := l.Max - l.Remaining; used >= min(g.used, plenty) {
		g.refill = float64(used) / l.Reset.Seconds()
		g.used = used
	}
	g.fill(now)
	g.moves = g.moves || g.order > 0 && l.Remaining < g.shown
	g.shown = l.Remaining
	g.order = order
	g.level = max(min(g.level, float64(l.Remaining-later)), float64(l.Remaining-overlapping))
	g.best = float64(l.Remaining - later)
	g.full = now.Add(l.Reset)
}

// forget drops the limit, because an accepted call no longer shows it.
func (g *gauge) forget() {
	if !g.wrong {
		*g = gauge{}
	}
}

func (g *gauge) fill(now time.Time) {
	filled := g.refill * now.Sub(g.at).Seconds()
	if g.at = now; !g.full.IsZero() && !now.Before(g.full) {
		filled, g.full = g.max, time.Time{}
		g.level = max(g.level, 0)
	}
	g.level, g.best = min(g.max, g.level+filled), min(g.max, g.best+filled)
}

// missing returns how much is missing for a call of n while inFlight calls are in flight.
func (g *gauge) missing(now time.Time, n, inFlight int) float64 {
	if !g.moves || g.wrong {
		return 0
	}
	g.fill(now)
	if inFlight == 0 {
		g.level = max(g.level, g.best)
	}
	const rounding = 1e-6 // floating-point error of the amount waited for
	if missing := g.ask(n) - g.level; missing > rounding {
		return missing
	}
	return 0
}

// wait returns how long until n are available, or until a trial may start. Trials are for
// calls that lack most of what they ask for, since a service may count less.
func (g *gauge) wait(now time.Time, n, inFlight int) time.Duration {
	missing := g.missing(now, n, inFlight)
	if missing == 0 {
		return 0
	}
	const longest = 365 * 24 * time.Hour // a time.Duration can't exceed 292 years
	wait := time.Duration(min(missing/g.refill*float64(time.Second), float64(longest))) + 1
	if !g.full.IsZero() {
		wait = min(wait, g.full.Sub(now))
	}
	if inFlight == 0 && missing > g.ask(n)/2 {
		wait = min(wait, max(0, g.next.Sub(now)))
	}
	return wait
}

// take takes n out and reports whether the call is a trial.
func (g *gauge) take(now time.Time, n, inFlight int) (trial bool) {
	trial = g.missing(now, n, inFlight) > 0
	g.level -= g.ask(n)
	g.best -= g.ask(n)
	return trial
}

// giveBack puts back what was taken for a refused call.
func (g *gauge) giveBack(n int) {
	g.level += g.ask(n)
	g.best += g.ask(n)
}

// tried learns from the outcome of a trial.
func (g *gauge) tried(now time.Time, accepted, refused bool) {
	switch {
	case accepted:
		g.beyond++
		g.wrong = g.beyond >= proof
	case refused:
		g.beyond = 0
		g.every = min(max(firstTrial, 2*g.every), lastTrial)
		g.next = now.Add(g.every)
	}
}

// ask returns how much a call of n waits for. A call larger than the whole limit waits
// for a full bucket; then the service decides.
func (g *gauge) ask(n int) float64 { return min(float64(n), g.max) }
