package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"nertools/pkg/pace"
	"nertools/pkg/record"
	"nertools/pkg/retry"
	"nertools/pkg/wire"
)

// A Trial is a request of a part that was sent at once, before the part's file was written,
// and what was learned from its answer. What it taught is used for all parts with the same
// model, endpoint and settings.
type Trial struct {
	Account  string           `json:"account,omitempty"` // see [Config.Account]
	Model    string           `json:"model"`
	Endpoint string           `json:"endpoint"`
	Settings string           `json:"settings,omitempty"`
	Row      string           `json:"row"`               // id of the row that was asked
	Amended  []wire.Amendment `json:"amended,omitempty"` // what the service refused
	Class    record.Class     `json:"class,omitempty"`   // of the row's failure; "" if it was answered

	Failure *record.Failure `json:"-"` // why the row has no complete answer; nil if it has one
	Usage   record.Usage    `json:"-"`
}

// of reports whether the trial was made for requests like the part's.
func (t *Trial) of(p *Part) bool {
	return t.Model == p.Model && t.Endpoint == p.Endpoint && t.Settings == p.Settings
}

// A TrialError is the error of a trial whose answer shows that no row could pass.
type TrialError struct {
	Row string // id of the row that was asked
	Err error  // of the service
}

func (e *TrialError) Error() string {
	_, index, _, _ := record.ParseID(e.Row)
	return fmt.Sprintf("row %d, sent at once as a trial: %v", index, e.Err)
}

// Unwrap returns Err.
func (e *TrialError) Unwrap() error { return e.Err }

// Trials says how trials are made.
type Trials struct {
	Asker retry.Asker     // nil to make none
	Given map[string]bool // the members of the bodies that the user asked for, see [wire.Builder.Given]
}

// The limits of a trial: a service that can't answer now does not keep a batch waiting.
const (
	trialRetries = 1
	trialWait    = 10 * time.Second
)

// Prepare writes the files of the draft's parts and returns the parts. Before it writes
// one for requests of a kind that the ledger does not know yet, it sends one of them at
// once, and amends all requests of that kind by what the service refuses. No trial is made
// for parts that exist in the ledger or at the service, and their files do not change.
//
// The error is a [*TooDearError] or that of [price.Table.MostOfBatch] if the parts may cost
// more than Config.MaxCost, before anything is sent, or [price.ErrUnbounded] after a trial that
// took the limit of the answers away. It is a [*TrialError] if the service refuses a member that
// the user asked for, or the request for a reason that other rows share. In all these cases no
// file was written. A trial that fails for a temporary reason is reported and changes nothing.
// What else a trial failed for is returned with it.
func (m *Manager) Prepare(ctx context.Context, d *Draft, trials Trials) (parts []Part, made []Trial, err error) {
	if err := m.afford(d, trials.Asker != nil); err != nil {
		return nil, nil, err
	}
	if d.lines == nil {
		return d.Parts, nil, nil
	}
	fresh, err := m.fresh(ctx, d, trials.Asker != nil)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range fresh {
		p := &d.Parts[n]
		t := m.tried(p)
		if t == nil && trials.Asker != nil {
			if t, err = m.trial(ctx, d, n, trials); err != nil {
				return nil, made, err
			}
			if t != nil {
				made = append(made, *t)
			}
		}
		if t != nil {
			p.Amended = t.Amended
			if err := m.bounded(d, n); err != nil {
				return nil, made, err
			}
		}
	}
	return d.Parts, made, d.writeAll()
}

// takeOver makes the parts that the ledger knows as amended as their files are, and returns the
// numbers of the others, from 0.
func (l *ledger) takeOver(d *Draft) (others []int) {
	for n := range d.Parts {
		p := &d.Parts[n]
		if entry := l.entry(p.Key); entry == nil {
			others = append(others, n)
		} else if entry.Key == p.Key && entry.Sent != "" {
			p.Amended, p.Sent, p.Bytes = entry.Amended, entry.Sent, entry.Bytes
		}
	}
	return others
}

// fresh returns the numbers of the parts, from 0, that neither the ledger nor, if look is
// true, the service knows. The others take over how their files were written.
func (m *Manager) fresh(ctx context.Context, d *Draft, look bool) ([]int, error) {
	fresh := m.ledger.takeOver(d)
	untried := slices.ContainsFunc(fresh, func(n int) bool { return m.tried(&d.Parts[n]) == nil })
	if !look || !untried || m.cfg.Fresh {
		return fresh, nil
	}
	oldest, n := m.now().Add(-pastTime), 0
	err := m.pages(ctx, func(page []wire.Batch) bool {
		fresh = slices.DeleteFunc(fresh, func(n int) bool {
			return slices.ContainsFunc(page, func(b wire.Batch) bool { return keyed(&b, d.Parts[n].Key) && wanted(&b) })
		})
		n += len(page)
		return len(fresh) > 0 && n < pastBatches && !page[len(page)-1].Created.Before(oldest)
	})
	return fresh, err
}

// tried returns the ledger's last trial of requests like the part's, or nil.
func (m *Manager) tried(p *Part) *Trial {
	for i := len(m.ledger.trials) - 1; i >= 0; i-- {
		t := &m.ledger.trials[i]
		if t.of(p) && (t.Account == m.cfg.Account || slices.Contains(m.cfg.Former, t.Account)) {
			return t
		}
	}
	return nil
}

// trial sends the first request of the n-th part at once, and records what was learned. It
// returns nil if it failed for a temporary reason.
func (m *Manager) trial(ctx context.Context, d *Draft, n int, trials Trials) (*Trial, error) {
	p := &d.Parts[n]
	q, err := d.first(n)
	if err != nil {
		return nil, err
	}
	caller := retry.Caller{
		Asker: trials.Asker, Given: trials.Given, Say: m.cfg.Say, Unheard: 1 + trialRetries,
		Pacer: pace.New(pace.Config{InFlight: 1, MaxRetries: trialRetries, MaxWait: trialWait, Patience: trialWait}),
	}
	answer := q.Row
	err = caller.Do(ctx, ctx, &retry.Exchange{
		Path: q.Path, Body: q.Body, Tokens: q.Tokens,
		Begin: func() { answer = q.Row },
		Read:  func(body []byte) error { return m.cfg.Judge.ParseAnswer(body, &answer) },
	})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	t := &Trial{Account: m.cfg.Account, Model: p.Model, Endpoint: p.Endpoint, Settings: p.Settings, Row: q.Row.ID, Amended: caller.Learned(), Usage: answer.Usage}
	e, ok := errors.AsType[*wire.Error](err)
	_, up := errors.AsType[*pace.GivenUp](err)
	switch {
	case err == nil:
		t.Failure = answer.Failure
	case ok && (e.Fatal(caller.Heard()) || e.Class == record.Invalid):
		return nil, &TrialError{t.Row, err}
	case up || ok && e.Passing():
		m.cfg.Say(fmt.Sprintf("row %d, sent at once as a trial, has no answer for now, which does not keep the batch waiting: %v", q.Row.Index, err))
		if len(t.Amended) == 0 {
			return nil, nil
		}
		fallthrough
	default:
		t.Failure = wire.Failed(err)
	}
	if t.Failure != nil {
		t.Class = t.Failure.Class
	}
	return t, m.ledger.record(event{Event: tried, Key: p.Key, Trial: t})
}
