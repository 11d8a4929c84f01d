package pace

import "time"

// gauge follows a limit that the service shows: a bucket that refills steadily,
// of which every answer shows the level. Between answers the level is reckoned.
// (golang.org/x/time/rate serves for the user's own limits, but its level can
// only be drawn down, not set to what an answer shows.)
type gauge struct {
	order  int     // of the newest call whose answer was used; 0: nothing shown yet
	level  float64 // at the time at; below 0 when calls are waiting for it
	at     time.Time
	refill float64 // per second
	max    float64
}

// set takes over what the answer to the call of the given order shows, less
// what was started after that call, since the service may not have seen it yet.
// Answers overtake each other: the one to a later call knows more.
func (g *gauge) set(now time.Time, l Limit, order, after int) {
	if l.Max <= 0 || l.Reset <= 0 || l.Remaining < 0 || l.Remaining >= l.Max || order < g.order {
		return
	}
	g.order = order
	g.max = float64(l.Max)
	g.refill = float64(l.Max-l.Remaining) / l.Reset.Seconds()
	g.level = float64(l.Remaining - after)
	g.at = now
}

// take takes n out and returns how long to wait until they are there.
func (g *gauge) take(now time.Time, n int) time.Duration {
	if g.order == 0 {
		return 0
	}
	g.level = min(g.max, g.level+g.refill*now.Sub(g.at).Seconds())
	g.at = now
	// A call larger than the whole limit waits for a full bucket: the service
	// will say the rest.
	g.level -= min(float64(n), g.max)
	if g.level >= 0 {
		return 0
	}
	return time.Duration(-g.level / g.refill * float64(time.Second))
}
