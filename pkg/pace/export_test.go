package pace

// InFlight returns how many calls may be in flight now: fewer than Config.InFlight after
// refusals.
func (p *Pacer) InFlight() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(1, int(p.speed.limit))
}
