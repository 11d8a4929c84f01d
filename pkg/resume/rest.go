package resume

import (
	"errors"
	"io"

	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// Requests returns a function that returns the requests of in, and for each where its good
// answer is, if there is one, and io.EOF at the end. Before it returns the first one, it
// reads in until every row with an earlier answer was compared, so that answers to
// something else are found out before anything is asked: then its error is a [*MixError]
// or a [*DifferError].
func (a *Answers) Requests(in *record.Lines, requests *wire.Builder) func() (q wire.Request, p Place, answered bool, err error) {
	next := func(d *DifferError) (q wire.Request, p Place, answered bool, err error) {
		line, err := in.Next()
		if err != nil {
			return q, p, false, err
		}
		if q, err = requests.ParseRequest(line); err != nil {
			return q, p, false, in.Fault(err, "these should be prompt records, or a batch's request lines")
		}
		if d.first() {
			a.addBatches(&q)
			if err := a.check(&q); err != nil {
				return q, p, false, err
			}
		}
		rows, prompts := d.Rows, d.Prompts
		p, answered, err = a.find(&q, d)
		if d.Rows > rows && d.Line == nil {
			d.Line = append([]byte(nil), line...)
		}
		if d.Prompts > prompts && d.Reworded == nil {
			d.Reworded = append([]byte(nil), line...)
		}
		return q, p, answered, err
	}
	compared := len(a.answers)+len(a.batches) == 0
	later := &DifferError{started: true, Line: []byte{}, Reworded: []byte{}}
	return func() (wire.Request, Place, bool, error) {
		if !compared {
			compared = true
			if err := a.compare(in, requests.Settings(), next); err != nil {
				return wire.Request{}, Place{}, false, err
			}
		}
		return next(later)
	}
}

// compare reads in until every earlier answer was compared with its request, and puts in
// back to its beginning.
func (a *Answers) compare(in *record.Lines, settings string, next func(*DifferError) (wire.Request, Place, bool, error)) error {
	read := &spool{from: in.Reader()}
	a.mu.Lock()
	a.spools = append(a.spools, read)
	a.mu.Unlock()
	in.Restart(read)
	d, ready := &DifferError{}, false
	for !d.started || a.met < len(a.answers) {
		q, _, _, err := next(d)
		ready = ready || err == nil && wire.SettingsOf(q.Row.Request) != settings
		if errors.Is(err, io.EOF) {
			break
		}
		if _, mixed := errors.AsType[*MixError](err); mixed {
			return err
		}
		if err != nil {
			break // what is in front of it can be asked
		}
	}
	for i := range a.same {
		a.same[i] = 0 // they are counted again
	}
	if d.Rows == 0 && !ready {
		a.countOthers(settings, d)
	}
	if d.Sentences > 0 || d.Rows > 0 && !a.KeepEarlier {
		return d
	}
	in.Restart(read.again())
	return nil
}

// countOthers counts in d the answers in the own file, to rows that the input does not have,
// which were asked with other settings.
func (a *Answers) countOthers(settings string, d *DifferError) {
	for _, p := range a.answers {
		if p.own && !p.met && p.settings >= 0 && a.settings[p.settings].digest != settings {
			d.count(a, p, false, false, true)
		}
	}
}

// Rest returns a function that returns the requests of in that have no good answer yet, then
// io.EOF. It passes the places of the others to kept.
func (a *Answers) Rest(in *record.Lines, requests *wire.Builder, kept func(*wire.Request, Place) error) func() (wire.Request, error) {
	next := a.Requests(in, requests)
	return func() (wire.Request, error) {
		for {
			q, p, ok, err := next()
			if err != nil || !ok {
				return q, err
			}
			if err := kept(&q, p); err != nil {
				return q, err
			}
		}
	}
}
