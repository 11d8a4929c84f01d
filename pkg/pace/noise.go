package pace

// noise finds out whether the service refuses a share of the calls whatever their
// pace, as one does that is overloaded by others or balances its load badly. To
// slow down for that would be of no use.
//
// Where refusals come from the pace, what was accepted at a time when some calls
// were refused can be had without refusals: each refusal takes a place away, so
// that after a while there are hardly any. If calls are still refused when the
// limit is far below what was accepted then, refusals are noise.
type noise struct {
	share float64 // of calls that is refused whatever the pace; 0: none

	// Periods are calls in a row that hold some refusals. first is the first of
	// those in a row in which as many were refused as noise might be.
	period, first period
	factor        float64 // of what was accepted in the first period counts as far below
	clean         float64 // calls in a row without a refusal
}

type period struct {
	count
	least float64 // so many calls there are to be: refusals come back sooner than answers
	limit float64 // that they had, at most; of the first period, at least
}

const (
	perPeriod  = 5    // refusals, at least,
	longest    = 100  // or so many calls
	leastNoise = 0.03 // of the calls
	mostNoise  = 0.5  // more refusals come from a pace that is much too high
	farBelow   = 0.6
)

func newNoise(limit float64) noise {
	return noise{period: period{limit: limit, least: limit}, factor: farBelow}
}

// count learns from a call. If it turns out that refusals are noise, it returns
// what the limit was when they began, 0 otherwise.
func (n *noise) count(order, started int, refused, limit float64) (restored float64) {
	if refused > 0 {
		n.clean = 0
	} else if n.clean++; n.share > 0 && n.clean > 20/n.share {
		n.share = 0 // as good as impossible by chance
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
			n.factor *= farBelow // better be sure the next time
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

// accepted is how much of the limit was accepted in the first period, with a margin
// if few refusals tell.
func (n *noise) accepted() float64 {
	const few = 0.06
	share := n.first.refused / n.first.calls
	return n.first.limit * (1 - share) * min(1, share/few)
}

// raised takes notice that the limit has grown.
func (n *noise) raised(limit float64) { n.period.limit = max(n.period.limit, limit) }

// set takes notice of a limit that does not come from refusals.
func (n *noise) set(limit float64) {
	n.raised(limit)
	n.first.limit = min(n.first.limit, limit)
}
