package verify

// Decide returns the verdict on each candidate.
func (v *Verdicts) Decide(candidates []Candidate) ([]Verdict, Tally, error) {
	return v.decide(candidates)
}
