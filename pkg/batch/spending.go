package batch

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"nertools/pkg/price"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// A CostLimit is the most that the parts which one command submitted may cost together, all
// rounds included.
type CostLimit struct {
	ID     string       `json:"id"` // the same for all parts of the command
	Most   price.Amount `json:"most"`
	Trials price.Amount `json:"trials,omitempty"` // the most that the command's trials cost
}

// A TooDearError is the error of parts that may cost more than Config.MaxCost.
type TooDearError struct{ Limit, Most price.Amount }

func (e *TooDearError) Error() string {
	return fmt.Sprintf("the batch may cost up to %v, which is more than %v", e.Most, e.Limit)
}

// afford returns a [*TooDearError] if the parts of the draft that would be started may cost
// more than Config.MaxCost together, with a trial of each if trial is true. Otherwise the
// limit is recorded with the parts when they are started.
func (m *Manager) afford(d *Draft, trial bool) error {
	if m.cfg.MaxCost == 0 {
		return nil
	}
	m.limit = &CostLimit{ID: strings.ToLower(rand.Text()), Most: m.cfg.MaxCost}
	m.bounds = map[string]price.Amount{}
	var sum price.Amount
	for n := range d.Parts {
		p := &d.Parts[n]
		entry := m.ledger.entry(p.Key)
		if entry != nil && entry.State != planned && entry.State != dropped && entry.Status != wire.BatchFailed && !m.cfg.Fresh {
			continue
		}
		most, first, err := m.mostOf(p, d.part(n))
		if err != nil {
			return err
		}
		m.bounds[p.Key] = most
		if sum += most; trial && d.lines != nil && entry == nil && m.tried(p) == nil {
			m.limit.Trials += first
		}
	}
	if sum += m.limit.Trials; sum > m.cfg.MaxCost {
		return &TooDearError{Limit: m.cfg.MaxCost, Most: sum}
	}
	return nil
}

// mostOf returns the most that a part can cost, and its first request alone if it is sent at
// once. lines are those of the part; nil if they are in its file.
func (m *Manager) mostOf(p *Part, lines io.Reader) (most, first price.Amount, err error) {
	if lines == nil {
		f, err := os.Open(p.File)
		if err != nil {
			return 0, 0, err
		}
		defer f.Close()
		lines = f
	}
	in := record.NewLines(p.File, lines)
	most, err = m.cfg.Prices.MostOfBatch(func() (wire.Request, error) {
		line, err := in.Next()
		if err != nil {
			return wire.Request{}, err
		}
		q, err := wire.ParseRequestLine(line)
		if err == nil && first == 0 {
			first, _ = m.cfg.Prices.Most(q.Body, price.Standard) // its price is known, or MostOfBatch fails
		}
		return q, err
	})
	return most, first, err
}

// bounded returns [price.ErrUnbounded] if there is a limit to what the parts may cost, and the
// amendments of the n-th one leave out the limit of its answers.
func (m *Manager) bounded(d *Draft, n int) error {
	if m.cfg.MaxCost == 0 || len(d.Parts[n].Amended) == 0 {
		return nil
	}
	q, err := d.first(n)
	if err == nil {
		_, err = m.cfg.Prices.Most(wire.NewAmendments(d.Parts[n].Amended).Apply(q.Body), price.Standard)
	}
	return err
}

// affordRound returns the most that the round can cost, for jobs with a limit, and why it can't
// be submitted, "" if the job certainly stays within its limit. Parts whose cost is not known
// yet count with the most that they can cost.
func (m *Manager) affordRound(job *Entry, p *Part) (most price.Amount, why string, err error) {
	if job.Limit == nil {
		return 0, "", nil
	}
	most, _, err = m.mostOf(p, nil)
	_, unknown := errors.AsType[*price.UnknownPriceError](err)
	if unknown || errors.Is(err, price.ErrUnbounded) {
		return 0, fmt.Sprintf("%v, so the job may cost more than its limit of %v", err, job.Limit.Most), nil
	}
	if err != nil {
		return 0, "", err
	}
	sum := most + job.Limit.Trials
	for _, entry := range m.ledger.entries {
		if entry.Limit == nil || entry.Limit.ID != job.Limit.ID {
			continue
		}
		if entry.Spent != nil {
			sum += *entry.Spent
		} else {
			sum += entry.Bound
		}
	}
	if sum > job.Limit.Most {
		why = fmt.Sprintf("with up to %v in this round, the job may cost more than its limit of %v", most, job.Limit.Most)
	}
	return most, why, nil
}

// spent records what an ended batch has cost, for jobs with a limit.
func (m *Manager) spent(entry *Entry, o *Outcome) error {
	if entry.Limit == nil || entry.Spent != nil {
		return nil
	}
	if o.Unpriced {
		return nil // its bound counts
	}
	cost := price.AmountOf(o.Cost)
	return m.ledger.record(event{Event: spent, Key: entry.Key, Attempt: entry.Attempt, Spent: &cost})
}
