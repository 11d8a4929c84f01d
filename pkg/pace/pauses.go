package pace

import "time"

// pauses finds out whether a pause that the service asks for is meant for every
// call or only for the one that it refused. If it is meant for all, calls that
// start after the refused one and within its pause are refused, too. Such calls
// need not be provoked: some are in flight before the pause is known.
type pauses struct {
	own   bool // meant for one call only
	score int  // how much speaks for that

	// The last pause, and what became of the calls that started within it.
	after             int       // the order of the refused call
	known             int       // calls started when it was known
	until             time.Time // its end
	refused, accepted int
}

// What one pause can tell is bounded, since calls overtake each other on their way:
// of those that set out after the refused one some may have arrived before it.
const (
	mostFor     = 3
	mostAgainst = 6
	certain     = 9
)

// accept learns from a call that started at a time and was accepted.
func (p *pauses) accept(order int, at time.Time) {
	if order > p.after && (order <= p.known || p.own && at.Before(p.until)) {
		p.accepted++
	}
}

// ask learns from a refusal that asks for a pause until then, started being how
// many calls have. It reports whether pauses have just turned out to be meant for
// one call only.
func (p *pauses) ask(order, started int, until time.Time) (turned bool) {
	if order <= p.known {
		p.after = min(p.after, order)
		p.refused++
		return false
	}
	told := max(-mostAgainst, min(p.accepted-p.refused, mostFor))
	p.score = max(0, min(p.score+told, certain))
	was := p.own
	p.own = p.score == certain || p.own && p.score > 0
	p.after, p.known, p.until, p.refused, p.accepted = order, started, until, 0, 0
	return p.own && !was
}
