package pace

import "time"

// gauge follows a limit that the service shows: a bucket that refills steadily,
// of which every answer shows the level. Between answers the level is reckoned.
// (golang.org/x/time/rate serves for the user's own limits, but its level can
// only be drawn down, not set to what an answer shows.)
type gauge struct {
	order  int     // of the newest call that was answered; 0: nothing shown yet
	level  float64 // at the time at; below 0 where calls in flight may have to be refused
	at     time.Time
	refill float64 // per second
	used   int     // of max, in the answer that refill comes from
	max    float64
}

// set learns from what the answer to the call of the given order shows. later
// is what was taken for calls that started after it, overlapping that for all
// that were in flight at the same time: since calls overtake each other on their
// way, the service may have seen any of these after it. So the level is no lower
// than what is shown less overlapping. And it is no higher than what is shown
// less later: where it is, the service counts more than is reckoned here, or
// others take part in the limit. An answer to an earlier call than that of the
// last one tells nothing new.
func (g *gauge) set(now time.Time, l Limit, order, later, overlapping int) {
	if l.Max <= 0 || l.Reset <= 0 || l.Remaining < 0 || l.Remaining >= l.Max || order < g.order {
		return
	}
	if float64(l.Max) != g.max {
		*g = gauge{max: float64(l.Max), level: float64(l.Remaining - overlapping), at: now}
	}
	// What is left is shown in whole numbers, and the time of the reset is often
	// rounded, too: the less is used up, the less the two tell of the refill.
	const plenty = 100
	if used := l.Max - l.Remaining; used >= min(g.used, plenty) {
		g.refill = float64(used) / l.Reset.Seconds()
		g.used = used
	}
	g.fill(now)
	g.order = order
	g.level = max(min(g.level, float64(l.Remaining-later)), float64(l.Remaining-overlapping))
}

func (g *gauge) fill(now time.Time) {
	g.level = min(g.max, g.level+g.refill*now.Sub(g.at).Seconds())
	g.at = now
}

// wait is how long it takes until n are there.
func (g *gauge) wait(now time.Time, n int) time.Duration {
	if g.order == 0 {
		return 0
	}
	g.fill(now)
	const rounding = 1e-6 // a float may fall this short of what was waited for
	missing := g.ask(n) - g.level
	if missing <= rounding {
		return 0
	}
	const longest = 365 * 24 * time.Hour // a time.Duration ends at 292 years
	return time.Duration(min(missing/g.refill*float64(time.Second), float64(longest))) + 1
}

// take takes n out.
func (g *gauge) take(n int) { g.level -= g.ask(n) }

// giveBack puts back what was taken for a call that the service refused.
func (g *gauge) giveBack(n int) { g.level += g.ask(n) }

// ask is what a call of n waits for: one larger than the whole limit waits for
// a full bucket, and the service will say the rest.
func (g *gauge) ask(n int) float64 { return min(float64(n), g.max) }
