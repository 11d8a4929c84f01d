package pace

import "time"

// pauses determines whether a pause that the service asks for applies to all calls or
// only to the refused one. If it applies to all, calls that start after the refused one
// and within its pause are refused, too. Such calls need not be provoked: some are in
// flight before the pause is known.
type pauses struct {
	own   bool // pauses apply to one call only
	score int  // evidence for that

	// The last pause, and the outcome of calls that started within it.
	after             int       // the order of the refused call
	known             int       // calls started when it became known
	until             time.Time // its end
	refused, accepted int
}

// The evidence from one pause is limited, since calls overtake each other: some that
// started after the refused one may have arrived before it.
const (
	mostFor     = 3
	mostAgainst = 6
	certain     = 9
)

// accept learns from a call that started at the given time and was accepted.
func (p *pauses) accept(order int, at time.Time) {
	if order > p.after && (order <= p.known || p.own && at.Before(p.until)) {
		p.accepted++
	}
}

// ask learns from a refusal that asks for a pause until the given time; started is how
// many calls have started so far. It reports whether pauses have just turned out to apply
// to one call only.
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
