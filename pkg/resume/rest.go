package resume

import (
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// Requests returns a function that returns the next request of in and, if answered is true,
// the place of its good answer; after the last request the error is io.EOF. If the first
// request shows that the answers belong to another run, the error is a [*MixError].
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

// Rest returns a function that returns the next request of in without a good answer, and
// then io.EOF. It counts the other requests in answered.
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
