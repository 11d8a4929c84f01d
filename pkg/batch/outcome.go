package batch

import (
	"fmt"
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
	models   map[string]bool // that gave the answers

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

// Model returns the model that gave the answers, "" if there were several or none.
func (o *Outcome) Model() string {
	if len(o.models) == 1 {
		for model := range o.models {
			return model
		}
	}
	return ""
}

// String says how many rows came to what, and what they took.
func (o *Outcome) String() string {
	classes := ""
	if o.Failed.Rows() > 0 {
		classes = " (" + o.Failed.String() + ")"
	}
	return fmt.Sprintf("%d rows: %d ok, %d failed%s, %d missing; %d tokens in, %d out",
		o.Requests, o.OK, o.Failed.Rows(), classes, o.Missing, o.Usage.Prompt, o.Usage.Completion)
}

// Remarks says, a line each, what was wrong with the batches and their files.
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
	if o.models == nil {
		o.models = map[string]bool{}
	}
	maps.Copy(o.models, other.models)
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
	if r.Model != "" && !o.models[r.Model] {
		if o.models == nil {
			o.models = map[string]bool{}
		}
		o.models[strings.Clone(r.Model)] = true
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
