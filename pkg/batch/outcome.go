package batch

import (
	"maps"
	"strings"

	"nertools/pkg/record"
)

// Outcome counts the results of batches. Requests = OK + Failed + Missing.
type Outcome struct {
	Requests int
	OK       int
	Failed   record.Failures
	Missing  int
	Unnamed  int // of the missing rows: those that have no result, as nobody knows any more which they are
	Usage    record.Usage
	Models   map[string]bool // that gave the answers

	Reasons []Complaint       // what the service says is wrong with the batches
	Damage  []record.Findings // lines of the batches' files that could not be read
	Flaws   []error           // what else is wrong with the files

	// Unsure is set if nobody knows how many rows there were.
	Unsure bool

	// Incomplete is set if a file is not there now and may be there later.
	Incomplete bool
}

// Unanswered returns how many rows have no good answer.
func (o *Outcome) Unanswered() int { return o.Failed.Rows() + o.Missing }

// Add adds the outcome of further batches.
func (o *Outcome) Add(other *Outcome) {
	o.Requests += other.Requests
	o.OK += other.OK
	for _, kind := range other.Failed.Kinds() {
		o.Failed.AddRows(&kind.Failure, kind.Rows)
	}
	o.Missing += other.Missing
	o.Unnamed += other.Unnamed
	o.Usage.Add(other.Usage)
	if o.Models == nil {
		o.Models = map[string]bool{}
	}
	maps.Copy(o.Models, other.Models)
	o.addFindings(other)
}

// addFindings adds what is not about single rows.
func (o *Outcome) addFindings(other *Outcome) {
	o.Reasons = append(o.Reasons, other.Reasons...)
	o.Damage = append(o.Damage, other.Damage...)
	o.Flaws = append(o.Flaws, other.Flaws...)
	o.Unsure = o.Unsure || other.Unsure
	o.Incomplete = o.Incomplete || other.Incomplete
}

func (o *Outcome) count(r *record.Result) {
	o.Requests++
	if r.Model != "" && !o.Models[r.Model] {
		if o.Models == nil {
			o.Models = map[string]bool{}
		}
		o.Models[strings.Clone(r.Model)] = true
	}
	switch {
	case r.OK():
		o.OK++
	case r.Failure.Class == record.Missing:
		o.Missing++
	default:
		o.Failed.Add(r.Failure)
	}
	o.Usage.Add(r.Usage)
}

// countUnnamed counts rows that have no result.
func (o *Outcome) countUnnamed(n int) {
	o.Requests += n
	o.Missing += n
	o.Unnamed += n
}
