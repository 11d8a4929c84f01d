package resume

import (
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// Reuse reads the files at paths, whose good answers may answer any request with the same
// digest that is about the same sentence and label, whatever its source, its row and the
// size of its source. A line of a batch's output has the digest of the request with its
// custom_id, if the batch's input file is among the paths.
func (a *Answers) Reuse(paths []string) error {
	a.reuse, a.similar = map[uint64]Place{}, map[uint64][]Place{}
	digests := map[string]string{} // of the batches' input lines, by custom_id
	var unsigned []struct {
		id string
		p  Place
	}
	for _, path := range paths {
		err := a.read(path, false, "these should be the result records of an earlier run", func(line record.Line, p Place) error {
			r, err := a.judge.ParseResult(line.Text)
			if err != nil {
				if q, lineErr := wire.ParseRequestLine(line.Text); lineErr == nil {
					digests[q.Row.ID] = q.Row.Request
					return nil
				}
				return record.Damaged(err)
			}
			if !r.OK() {
				return nil
			}
			p = a.placeOf(&r, line, p)
			p.own, p.reused = false, true
			if p.request != 0 {
				a.offer(p)
				return nil
			}
			unsigned = append(unsigned, struct {
				id string
				p  Place
			}{r.ID, p})
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, u := range unsigned {
		if u.p.request = hash(digests[u.id]); u.p.request == 0 {
			a.unknown++
			continue
		}
		a.offer(u.p)
	}
	return nil
}

// offer adds an answer to those that may be reused. The first one about the same counts.
func (a *Answers) offer(p Place) {
	first, known := a.reuse[p.request]
	if !known {
		a.reuse[p.request] = p
		return
	}
	for _, other := range append(a.similar[p.request], first) {
		if other.about == p.about {
			return
		}
	}
	a.similar[p.request] = append(a.similar[p.request], p)
}

// reusable returns where an answer is that can be reused for q.
func (a *Answers) reusable(q *wire.Request) (Place, bool) {
	if len(a.reuse) == 0 {
		return Place{}, false
	}
	request := hash(q.Row.Request)
	first, ok := a.reuse[request]
	if !ok {
		return Place{}, false
	}
	subject := about(&q.Row)
	for _, p := range append([]Place{first}, a.similar[request]...) {
		if !differ(p.about, subject) {
			return p, true
		}
	}
	return Place{}, false
}

// Unknown returns how many answers can't be reused, as they don't say how they were asked.
func (a *Answers) Unknown() int { return a.unknown }
