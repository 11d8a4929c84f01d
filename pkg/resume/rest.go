package resume

import (
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// Rest yields the requests of in that have no good answer yet, then io.EOF, and
// counts the others in answered. Answers to something else are a [*MixError].
func (a *Answers) Rest(in *record.Lines, requests *wire.Builder, answered *int) func() (wire.Request, error) {
	first := true
	return func() (wire.Request, error) {
		for {
			line, err := in.Next()
			if err != nil {
				return wire.Request{}, err
			}
			q, err := requests.ParseRequest(line)
			if err != nil {
				return q, in.Fault(err, "give the records that ner-prompt writes, or a batch's request lines")
			}
			if first {
				if err := a.Check(&q, requests.Settings()); err != nil {
					return q, err
				}
				first = false
			}
			_, ok, err := a.Find(&q)
			if err != nil || !ok {
				return q, err
			}
			*answered++
		}
	}
}
