package pace

import "time"

// speed learns how fast calls may start from which calls the service accepts and refuses.
//
// Each refusal takes one place away. After a round of calls without a refusal, the number
// of places grows by a step that doubles from round to round: slowly near the last known
// limit, and fast once the limit is gone.
//
// When only refusals come back, the service is closed, as at the end of a window's
// allowance. Single calls then test at growing intervals whether it has opened again.
// Once it has, calls start at the rate that it accepted on average, including the time it
// was closed. That may be less than one place: then there is a break after each call.
type speed struct {
	most    float64 // the user's number of places
	limit   float64 // places now; below 1: one place, with a break after each call
	step    float64 // how much limit grows after the next good round
	ramp    bool    // add a place for every accepted call, as the rate is unknown
	rate    float64 // calls accepted per second in the last cycle; 0: unknown
	latency float64 // average duration of an accepted call, in seconds
	last    time.Time
	peak    [2]int // maximum of calls in flight: in this round and the previous one
	noise   noise

	// The round. least is its minimum duration.
	round count
	began time.Time
	least time.Duration

	closed   bool
	closedAt time.Time
	wait     time.Duration // before the next test call
	next     time.Time     // when the next test call may start

	// What closes it. A refusal is new information if its call started after the previous
	// information arrived; other calls were already in flight then.
	told     int // calls started when the last information arrived
	news     int // consecutive pieces of information, each about the first call after the previous one
	newsFrom int // the order of the first of these calls
	run      int // consecutive refusals

	// The cycle, from one opening to the next.
	cycle struct {
		began    time.Time
		accepted float64
	}
}

// count counts the outcomes of calls that started after a given one.
type count struct {
	after          int // the order of that one
	calls, refused float64
}

func (c *count) add(order int, refused float64) {
	if order > c.after {
		c.calls++
		c.refused += refused
	}
}

const (
	minRound  = 20   // calls; fewer would leave it to chance
	firstStep = 0.02 // of the limit
	tolerable = 0.02 // share of refusals in a good round
	less      = 0.9  // of the limit remains after a refusal, if that takes away more than one place

	enough   = 20               // accepted calls suffice to determine a cycle's rate
	caution  = 0.95             // of that rate
	window   = time.Minute      // the longest window of services, apart from days
	firstTry = time.Second / 2  // time between test calls if no rate is known
	leastTry = time.Second / 10 // the minimum
	lastTry  = 15 * time.Second // the maximum
)

func newSpeed(inFlight int) speed {
	most := float64(inFlight)
	return speed{most: most, limit: most, step: firstStep, noise: newNoise(most)}
}

// places returns how many calls may be in flight.
func (s *speed) places() int {
	if s.closed {
		return int(s.most)
	}
	return max(1, int(s.limit))
}

// pause returns how long until the next call may start, provided it has a place.
func (s *speed) pause(now time.Time) time.Duration {
	switch {
	case s.closed:
		return s.next.Sub(now)
	case s.limit < 1 && !s.last.IsZero():
		return s.last.Add(seconds(s.latency / s.limit)).Sub(now)
	}
	return 0
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// start records that a call starts, as one of inFlight. If the call tests whether the
// service is open, start returns the wait before it.
func (s *speed) start(now time.Time, inFlight int) (try time.Duration) {
	s.last = now
	s.peak[0] = max(s.peak[0], inFlight)
	if s.cycle.began.IsZero() {
		s.cycle.began, s.began = now, now
	}
	if !s.closed {
		return 0
	}
	// Refusals come back soon, answers may take long: as long as nothing comes back, test
	// calls follow sooner.
	try = s.wait
	s.wait = max(s.wait/2, leastTry)
	s.next = now.Add(s.wait)
	return try
}

// ended describes a call that has come back.
type ended struct {
	now      time.Time
	order    int
	started  int           // calls started by now
	inFlight int           // other calls still in flight
	took     time.Duration // duration of the call
	try      time.Duration // what start returned
}

func (s *speed) accepted(e ended) {
	if s.latency == 0 {
		s.latency = e.took.Seconds()
	}
	s.latency += (e.took.Seconds() - s.latency) / 10
	s.cycle.accepted++
	s.run = 0
	if e.order > s.newsFrom {
		s.news = 0
	}
	if s.closed && e.order > s.told {
		s.open(e.now)
	}
	if s.ramp {
		s.limit = min(s.limit+1, s.most)
		s.ramp = s.limit < s.most
	}
	s.count(e, 0)
}

func (s *speed) refused(e ended) {
	s.run++
	s.count(e, 1)
	news := e.order > s.told
	switch {
	case s.noise.share > 0:
	case s.closed:
		if news {
			s.wait = min(max(s.wait, 2*e.try), lastTry)
			s.next = e.now.Add(s.wait)
		}
	default:
		s.ramp, s.step = false, max(firstStep, s.step/2)
		s.limit = min(s.limit, float64(max(s.peak[0], s.peak[1])))
		s.limit = max(s.limit-1, less*s.limit)
		if news {
			if s.news == 0 || e.order != s.told+1 {
				s.news, s.newsFrom = 0, e.order
			}
			s.news++
			s.told = e.started
		}
		if s.news >= 3 || s.run >= 5 && e.inFlight == 0 {
			s.close(e)
		}
	}
}

// count adds a call to the round and to the noise. Calls whose rate was a guess don't
// count.
func (s *speed) count(e ended, refused float64) {
	if e.try > 0 || s.ramp {
		return
	}
	if restored := s.noise.count(e.order, e.started, refused, s.limit); restored > 0 {
		s.limit, s.step, s.closed = restored, firstStep, false
	}
	r := &s.round
	r.add(e.order, refused)
	if r.calls < max(minRound, s.limit) || r.refused == 0 && e.now.Sub(s.began) < s.least {
		return
	}
	if s.noise.share > 0 || r.refused <= tolerable*r.calls {
		s.limit = min(s.most, s.limit*(1+s.step))
		s.step = min(1, 2*s.step)
		s.noise.raised(s.limit)
	}
	*r = count{after: e.started}
	s.began, s.peak = e.now, [2]int{e.inFlight + 1, s.peak[0]}
}

func (s *speed) close(e ended) {
	s.closed, s.closedAt, s.told, s.news = true, e.now, e.started, 0
	s.wait = firstTry
	if s.rate > 0 {
		s.wait = min(max(leastTry, seconds(min(1/s.rate, lastTry.Seconds()))), lastTry)
	}
	s.next = e.now.Add(s.wait)
}

// open lets calls start as fast as they were accepted in the cycle that ends. A service
// that counts per window accepts everything at once and then nothing until the window
// ends; if it was closed for longer, there was another reason.
func (s *speed) open(now time.Time) {
	s.closed, s.step = false, firstStep
	c := &s.cycle
	took := min(now.Sub(c.began), max(s.closedAt.Sub(c.began), window))
	rate := caution * c.accepted / took.Seconds()
	switch {
	case c.accepted >= enough:
		s.rate = rate
		s.least = min(took, window) / 2 // otherwise rounds would end before a window does
		c.began, c.accepted = now, 0
	case s.rate > 0:
		s.rate = max(rate, s.rate/2) // the cycle continues
	default:
		s.limit, s.ramp = 1, true
		return
	}
	s.limit = min(s.most, s.rate*s.latency)
	s.noise.set(s.limit)
}
