package batch

import (
	"fmt"

	"nertools/pkg/english"
	"nertools/pkg/price"
	"nertools/pkg/record"
)

// Outcome counts the results of batches. Requests = OK + Failed + Missing.
type Outcome struct {
	Requests int
	OK       int
	Failed   record.Failures
	Missing  int
	Unnamed  int // missing rows that have no result because their ids are unknown
	Usage    record.Usage
	Cost     float64 // of the calls whose price is known, in the currency of Config.Prices
	Unpriced bool    // the price of a call is not known

	Reasons []Complaint       // problems that the service reports for the batches
	Damage  []record.Findings // lines of the batches' files that could not be read
	Flaws   []error           // other problems with the files

	// Later means that whoever has the ledger submits expired rows again.
	Later bool

	// Unsure means that the number of rows is unknown.
	Unsure bool

	// Incomplete means that a file is missing now and may appear later.
	Incomplete bool
}

// Unanswered returns how many rows have no complete answer.
func (o *Outcome) Unanswered() int { return o.Failed.Rows() + o.Missing }

// String returns the counts and the tokens used.
func (o *Outcome) String() string {
	classes := ""
	if o.Failed.Rows() > 0 {
		classes = " (" + o.Failed.String() + ")"
	}
	return fmt.Sprintf("%s: %d ok, %d failed%s, %d missing; %v",
		english.Count(o.Requests, "row"), o.OK, o.Failed.Rows(), classes, o.Missing, o.Usage)
}

// Remarks returns a line for each problem with the batches and their files.
func (o *Outcome) Remarks() []string {
	var remarks []string
	for i := range o.Reasons {
		remarks = append(remarks, o.Reasons[i].String())
	}
	for i := range o.Damage {
		remarks = append(remarks, o.Damage[i].Remarks()...)
	}
	for _, err := range o.Flaws {
		remarks = append(remarks, err.Error())
	}
	return remarks
}

// add adds the outcome of further batches.
func (o *Outcome) add(other *Outcome) {
	o.Requests += other.Requests
	o.OK += other.OK
	for _, kind := range other.Failed.Kinds() {
		o.Failed.AddRows(&kind.Failure, kind.Rows)
	}
	o.Missing += other.Missing
	o.Unnamed += other.Unnamed
	o.Usage.Add(other.Usage)
	o.Cost += other.Cost
	o.Unpriced = o.Unpriced || other.Unpriced
	o.addFindings(other)
}

// addFindings adds what does not concern single rows.
func (o *Outcome) addFindings(other *Outcome) {
	o.Reasons = append(o.Reasons, other.Reasons...)
	o.Damage = append(o.Damage, other.Damage...)
	o.Flaws = append(o.Flaws, other.Flaws...)
	o.Unsure = o.Unsure || other.Unsure
	o.Later = o.Later || other.Later
	o.Incomplete = o.Incomplete || other.Incomplete
}

func (o *Outcome) count(r *record.Result, prices *price.Table) {
	o.Requests++
	switch {
	case r.OK():
		o.OK++
	case r.Failure.Class == record.Missing:
		o.Missing++
	default:
		o.Failed.Add(r.Failure)
	}
	o.pay(r, prices)
}

// pay adds the tokens of a call and what they cost: more than usual if its prompt was long.
func (o *Outcome) pay(r *record.Result, prices *price.Table) {
	if r.Usage == (record.Usage{}) {
		return
	}
	o.Usage.Add(r.Usage)
	cost, ok := 0.0, false
	if prices != nil {
		cost, ok = prices.CallCost(r.Model, r.Usage, price.Batch)
	}
	o.Cost += cost
	o.Unpriced = o.Unpriced || !ok
}

// countUnnamed counts rows that have no result.
func (o *Outcome) countUnnamed(n int) {
	o.Requests += n
	o.Missing += n
	o.Unnamed += n
}
