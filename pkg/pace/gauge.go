package pace

import "time"

// gauge follows a limit that the service shows: a bucket that refills steadily,
// of which every answer shows the level. Between answers the level is reckoned.
// (golang.org/x/time/rate serves for the user's own limits, but its level can
// only be drawn down, not set to what an answer shows.)
//
// What is shown need not be true. A limit counts only once it was seen to go down.
// And when no call is in flight, the next one is a trial: it starts although it
// would have to wait. If it is refused, the limit is real, and the next trial comes
// later. If several in a row are accepted, the limit is ignored from then on.
type gauge struct {
	order  int     // of the newest call that was answered; 0: nothing shown yet
	level  float64 // at the time at; below 0 where calls in flight may have to be refused
	best   float64 // the same, if all calls in flight were counted before the last answer
	at     time.Time
	refill float64 // per second
	used   int     // of max, in the answer that refill comes from
	max    float64
	full   time.Time // when it is full again, by what was shown; zero once it was
	shown  int       // what remained, by the newest answer
	moves  bool      // and that went down before

	next   time.Time     // when there may be another
	every  time.Duration // between trials
	beyond int           // trials accepted in a row
	wrong  bool
}

// Trials are rare where they are refused, and not so rare that a limit which is
// wrong, or is lifted, holds back a run for long.
const (
	firstTrial = 10 * time.Second
	lastTrial  = time.Minute
	proof      = 8 // accepted in a row
)

// set learns from what the answer to the call of the given order shows. later
// is what was taken for calls that started after it, overlapping that for all
// that were in flight at the same time: since calls overtake each other on their
// way, the service may have seen any of these after it. So the level is no lower
// than what is shown less overlapping. And it is no higher than what is shown
// less later: where it is, the service counts more than is reckoned here, or
// others take part in the limit. An answer to an earlier call than that of the
// last one tells nothing new.
func (g *gauge) set(now time.Time, l Limit, order, later, overlapping int) {
	if g.wrong || !l.says() || order < g.order {
		return
	}
	if float64(l.Max) != g.max {
		*g = gauge{max: float64(l.Max), level: float64(l.Remaining - overlapping), best: float64(l.Remaining), at: now}
	}
	// What is left is shown in whole numbers, and the time of the reset is often
	// rounded, too: the less is used up, the less the two tell of the refill.
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

// forget gives up what was shown: an accepted call shows it no more.
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

// missing is how much is missing for n while inFlight calls are under way.
func (g *gauge) missing(now time.Time, n, inFlight int) float64 {
	if !g.moves || g.wrong {
		return 0
	}
	g.fill(now)
	if inFlight == 0 {
		g.level = max(g.level, g.best)
	}
	const rounding = 1e-6 // a float may fall this short of what was waited for
	if missing := g.ask(n) - g.level; missing > rounding {
		return missing
	}
	return 0
}

// wait is how long it takes until n are there, or until a trial may be made: of a
// call that lacks most of what it asks for, since a service may count less.
func (g *gauge) wait(now time.Time, n, inFlight int) time.Duration {
	missing := g.missing(now, n, inFlight)
	if missing == 0 {
		return 0
	}
	const longest = 365 * 24 * time.Hour // a time.Duration ends at 292 years
	wait := time.Duration(min(missing/g.refill*float64(time.Second), float64(longest))) + 1
	if !g.full.IsZero() {
		wait = min(wait, g.full.Sub(now))
	}
	if inFlight == 0 && missing > g.ask(n)/2 {
		wait = min(wait, max(0, g.next.Sub(now)))
	}
	return wait
}

// take takes n out. It reports whether the call is a trial.
func (g *gauge) take(now time.Time, n, inFlight int) (trial bool) {
	trial = g.missing(now, n, inFlight) > 0
	g.level -= g.ask(n)
	g.best -= g.ask(n)
	return trial
}

// giveBack puts back what was taken for a call that the service refused.
func (g *gauge) giveBack(n int) {
	g.level += g.ask(n)
	g.best += g.ask(n)
}

// tried learns from a trial.
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

// ask is what a call of n waits for: one larger than the whole limit waits for
// a full bucket, and the service will say the rest.
func (g *gauge) ask(n int) float64 { return min(float64(n), g.max) }
