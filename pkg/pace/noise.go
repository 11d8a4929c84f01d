package pace

// noise detects a service that refuses a share of the calls regardless of their rate, for
// example because others overload it or because it balances its load badly. Slowing down
// does not help there.
//
// If refusals do depend on the rate, the throughput accepted while some calls were
// refused is possible without refusals: each refusal takes a place away, so after a while
// there are hardly any. If calls are still refused when the limit is far below that
// throughput, the refusals are noise.
type noise struct {
	share float64 // of calls refused regardless of the rate; 0: none

	// A period is a run of consecutive calls with some refusals. first is the first of
	// consecutive periods whose share of refusals could be noise.
	period, first period
	factor        float64 // a limit below factor times the throughput of first counts as far below
	clean         float64 // consecutive calls without a refusal
}

type period struct {
	count
	least float64 // minimum number of calls, because refusals come back sooner than answers
	limit float64 // highest limit during the period; for first, the lowest such value
}

const (
	perPeriod  = 5    // refusals, at least,
	longest    = 100  // or so many calls
	leastNoise = 0.03 // of the calls
	mostNoise  = 0.5  // more refusals mean a rate that is much too high
	farBelow   = 0.6
)

func newNoise(limit float64) noise {
	return noise{period: period{limit: limit, least: limit}, factor: farBelow}
}

// count records a call. If it turns out that refusals are noise, it returns the limit
// from when they began, otherwise 0.
func (n *noise) count(order, started int, refused, limit float64) (restored float64) {
	if refused > 0 {
		n.clean = 0
	} else if n.clean++; n.share > 0 && n.clean > 20/n.share {
		n.share = 0 // practically impossible by chance
	}
	p := &n.period
	p.add(order, refused)
	if p.calls < p.least || p.refused < perPeriod && p.calls < longest {
		return 0
	}
	share := p.refused / p.calls
	switch f := &n.first; {
	case n.share > 0:
		if share > min(2*n.share+0.1, (1+n.share)/2) {
			n.share = 0
			n.factor *= farBelow // require stronger evidence next time
		}
		*f = period{}
	case share < leastNoise || share > mostNoise:
		*f = period{}
	case f.calls == 0:
		*f = *p
		f.limit = min(f.limit, limit)
	case p.limit <= n.accepted()*n.factor:
		n.share = (p.refused + f.refused) / (p.calls + f.calls)
		restored = max(limit, f.limit)
		*f = period{}
	}
	n.period = period{count: count{after: started}, limit: max(limit, restored), least: limit}
	if n.share > 0 {
		p.least = max(2*minRound, 2*n.period.limit)
	}
	return restored
}

// accepted returns how much of the limit was accepted in the first period, with a margin
// if it contains few refusals.
func (n *noise) accepted() float64 {
	const few = 0.06
	share := n.first.refused / n.first.calls
	return n.first.limit * (1 - share) * min(1, share/few)
}

// raised records that the limit has grown.
func (n *noise) raised(limit float64) { n.period.limit = max(n.period.limit, limit) }

// set records a limit that does not come from refusals.
func (n *noise) set(limit float64) {
	n.raised(limit)
	n.first.limit = min(n.first.limit, limit)
}
