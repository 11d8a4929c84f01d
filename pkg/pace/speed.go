package pace

import "time"

// speed is how fast calls may start, learnt from nothing but which calls the
// service accepts and which it refuses.
//
// Each refusal takes one place away. After a round of calls without a refusal there
// are more places again, by a step that doubles from round to round: slowly where
// the limit was a moment ago, and fast where there is none any more.
//
// When only refusals come back, the service is closed, as at the end of a window's
// allowance. Then single calls try whether it is open again, at growing intervals.
// Once it is, calls start at the rate that it has accepted on average, the time
// that it was closed included. That may be less than one place: then there is a
// break after each call.
type speed struct {
	most    float64 // places, as the user has it
	limit   float64 // places, for now; below 1: one, and a break after it
	step    float64 // by how much limit grows after the next good round
	ramp    bool    // one more place for every accepted call: nothing is known of the rate
	rate    float64 // calls a second that were accepted in the last cycle; 0: not known
	latency float64 // seconds that an accepted call takes, on average
	last    time.Time
	peak    [2]int // calls in flight, at most: in this round and the one before
	noise   noise

	// The round. least is how long it takes, at least.
	round count
	began time.Time
	least time.Duration

	closed   bool
	closedAt time.Time
	wait     time.Duration // before the next try
	next     time.Time     // when that may start

	// What closes it. A refusal is news if its call started after the last news
	// was heard: the others were on their way already.
	told     int // calls started when the last news was heard
	news     int // pieces in a row, each about the first call after the one before
	newsFrom int // the order of the first of these calls
	run      int // refusals heard in a row

	// The cycle, from one opening to the next.
	cycle struct {
		began    time.Time
		accepted float64
	}
}

// count is what became of the calls that started after a certain one.
type count struct {
	after          int // its order
	calls, refused float64
}

func (c *count) add(order int, refused float64) {
	if order > c.after {
		c.calls++
		c.refused += refused
	}
}

const (
	minRound  = 20   // calls: with fewer, chance would decide
	firstStep = 0.02 // of the limit
	tolerable = 0.02 // refusals in a good round, of the calls
	less      = 0.9  // of the limit is left after a refusal, if that is more than one place less

	enough   = 20               // accepted calls tell the rate of a cycle
	caution  = 0.95             // of that rate
	window   = time.Minute      // the longest over which services count, but for days
	firstTry = time.Second / 2  // the time between tries, where no rate is known
	leastTry = time.Second / 10 // the shortest
	lastTry  = 15 * time.Second // the longest
)

func newSpeed(inFlight int) speed {
	most := float64(inFlight)
	return speed{most: most, limit: most, step: firstStep, noise: newNoise(most)}
}

// places is how many calls may fly.
func (s *speed) places() int {
	if s.closed {
		return int(s.most)
	}
	return max(1, int(s.limit))
}

// pause is how long it takes until the next call may start, if it has a place.
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

// start notes that a call starts, as one of inFlight. If it is to try
// whether the service is open, it returns the wait before it.
func (s *speed) start(now time.Time, inFlight int) (try time.Duration) {
	s.last = now
	s.peak[0] = max(s.peak[0], inFlight)
	if s.cycle.began.IsZero() {
		s.cycle.began, s.began = now, now
	}
	if !s.closed {
		return 0
	}
	// A refusal comes back soon, an answer may take long: as long as nothing comes
	// back, the tries follow each other sooner.
	try = s.wait
	s.wait = max(s.wait/2, leastTry)
	s.next = now.Add(s.wait)
	return try
}

// ended is a call that has come back.
type ended struct {
	now      time.Time
	order    int
	started  int           // calls, by now
	inFlight int           // others that still are
	took     time.Duration // the call
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

// count counts a call in the round and for the noise. Calls whose pace was a
// guess do not count.
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

// open lets calls start as fast as they were accepted in the cycle that ends. A
// service that counts over a window accepts all at once, and then nothing until the
// window ends; if it was closed for longer, that had another reason.
func (s *speed) open(now time.Time) {
	s.closed, s.step = false, firstStep
	c := &s.cycle
	took := min(now.Sub(c.began), max(s.closedAt.Sub(c.began), window))
	rate := caution * c.accepted / took.Seconds()
	switch {
	case c.accepted >= enough:
		s.rate = rate
		s.least = min(took, window) / 2 // or rounds would end before a window does
		c.began, c.accepted = now, 0
	case s.rate > 0:
		s.rate = max(rate, s.rate/2) // the cycle goes on
	default:
		s.limit, s.ramp = 1, true
		return
	}
	s.limit = min(s.most, s.rate*s.latency)
	s.noise.set(s.limit)
}
