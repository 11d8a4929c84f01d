package resume

import (
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// Requests yields the requests of in, and for each where its good answer is, if there
// is one. Then it returns io.EOF. Answers to something else are a [*MixError], as far
// as can be seen with the first request.
func (a *Answers) Requests(in *record.Lines, requests *wire.Builder) func() (q wire.Request, p Place, answered bool, err error) {
	first := true
	return func() (q wire.Request, p Place, answered bool, err error) {
		line, err := in.Next()
		if err != nil {
			return q, p, false, err
		}
		if q, err = requests.ParseRequest(line); err != nil {
			return q, p, false, in.Fault(err, "these should be prompt records, or a batch's request lines")
		}
		if first {
			if err := a.check(&q, requests.Settings()); err != nil {
				return q, p, false, err
			}
			first = false
		}
		p, answered, err = a.find(&q)
		return q, p, answered, err
	}
}

// Rest yields the requests of in that have no good answer yet, then io.EOF, and
// counts the others in answered.
func (a *Answers) Rest(in *record.Lines, requests *wire.Builder, answered *int) func() (wire.Request, error) {
	next := a.Requests(in, requests)
	return func() (wire.Request, error) {
		for {
			q, _, ok, err := next()
			if err != nil || !ok {
				return q, err
			}
			*answered++
		}
	}
}
