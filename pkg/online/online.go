// Package online asks the service, many rows at once: it reads requests, leaves
// out those that were answered before, asks the others at the pace that package
// pace allows, and hands each result on the moment it is there.
package online

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"nertools/pkg/fault"
	"nertools/pkg/pace"
	"nertools/pkg/record"
	"nertools/pkg/resume"
	"nertools/pkg/wire"
)

// An Asker sends one body to one endpoint and hands the answer to read. Its errors
// are those of openaiapi.Client.Ask.
type Asker interface {
	Ask(ctx context.Context, path string, body []byte, read func(answer []byte) error) (pace.Limits, error)
}

// An Output takes the results. Its methods are called by one goroutine.
type Output interface {
	// Put takes the line of the n-th row of the input, n from 0. When it
	// returns, a killed process loses the line no more.
	Put(n int, line []byte) error
	// Kept tells that the n-th row's line is in the output already: size bytes
	// from at.
	Kept(n int, at int64, size int)
}

// A Run asks every request of an input once.
type Run struct {
	Asker     Asker
	Pacer     *pace.Pacer
	Requests  *wire.Builder
	Judge     *wire.Judge     // which answers are good ones
	Earlier   *resume.Answers // what need not be asked again
	Own       bool            // the first file of Earlier is the output itself
	Output    Output
	KeepOrder bool              // put the results out in input order
	InFlight  int               // as the pacer's
	MaxErrors int               // stop when so many rows have failed; 0: never
	Grace     time.Duration     // how long calls in flight may take when the run stops early
	Say       func(string)      // tells people something, once or twice a run; not nil
	Done      func(failed bool) // called for each row that was asked; may be nil
	Kept      func()            // called for each row that was answered earlier; may be nil
	AtMost    func(rows int)    // called when it is known that the input holds no more rows than that; may be nil

	highest   int  // the row read last, while rows come in order
	unordered bool // they do not
	most      int  // what AtMost was called with last

	seen   rowSet
	stop   context.CancelCauseFunc // ends the asking
	first  sync.Once               // call to end: if it had no answer, that is said
	heard  atomic.Bool             // the service has answered something
	stream sync.Once               // that answers come as streams is said
	window chan struct{}           // with KeepOrder: the rows that may be under way or wait for their turn
}

// Totals is what came of a run. Rows = OK + Failed + Kept.
type Totals struct {
	Rows    int // results that there are now
	OK      int
	Kept    int // answered before
	Failed  record.Failures
	Retries int
	Usage   record.Usage // of the answers asked for in this run
}

// A StopError is why a run stopped before its end: what it met could not get
// better for any other row.
type StopError struct {
	Class record.Class // of the failure that it stopped for
	Err   error
	Hint  string
}

func (e *StopError) Error() string { return e.Err.Error() }
func (e *StopError) Unwrap() error { return e.Err }

// Remedy implements what package fault looks for.
func (e *StopError) Remedy() string { return e.Hint }

// row is a request on its way through the run.
type row struct {
	n       int
	request wire.Request
	kept    bool
	place   resume.Place
	result  record.Result
	spent   record.Usage // by tries before the last one, which a service bills too
	line    []byte
	err     error // the run has to stop for it
}

// Do asks the requests that in holds. It returns when all are settled, or, once
// ctx ends or something comes up that no row can get past, when the calls in
// flight have ended or Grace is over. What has finished is in the output in any
// case. The error is that of ctx, a [*StopError], a [*resume.MixError], a fault of the
// input, or one of the output.
func (r *Run) Do(ctx context.Context, in *record.Lines) (Totals, error) {
	asking, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r.stop = stop
	// Calls in flight outlive the decision to stop by the time of grace.
	inFlight, land := context.WithCancel(context.WithoutCancel(ctx))
	defer land()
	context.AfterFunc(asking, func() {
		t := time.NewTimer(r.Grace)
		defer t.Stop()
		select {
		case <-t.C:
			land()
		case <-inFlight.Done():
		}
	})

	r.seen = rowSet{}
	if r.KeepOrder {
		r.window = make(chan struct{}, 1024+16*r.InFlight)
	}
	todo := make(chan *row, r.InFlight)
	done := make(chan *row, r.InFlight)
	var broken error // of the input: what was read before it is asked all the same
	go func() {
		defer close(todo)
		err := fault.Catch(func() error { return r.read(asking, in, todo) })
		_, mixed := errors.AsType[*resume.MixError](err)
		_, panicked := errors.AsType[*fault.Panic](err)
		if mixed || panicked {
			stop(err)
		} else if asking.Err() == nil {
			broken = err
		}
	}()
	amend := new(wire.Amendments)
	// More rows than may be in flight: those that wait for their next try leave their places
	// to others.
	var asked sync.WaitGroup
	for range r.InFlight + max(r.InFlight, spare) {
		asked.Go(func() {
			for {
				select {
				case q, ok := <-todo:
					if !ok {
						return
					}
					if r.trySettle(asking, inFlight, q, amend) {
						done <- q
					}
				case <-asking.Done():
					return
				}
			}
		})
	}
	go func() {
		asked.Wait()
		close(done)
	}()
	sum := r.write(done, stop)
	if err := context.Cause(asking); err != nil {
		return sum, err
	}
	return sum, broken
}

// read hands the input's requests on, those answered before marked as such. An
// input that does not belong to the earlier answers is found out before the
// first request goes out, as far as can be seen: requests are held back until
// one has been compared with an earlier answer.
func (r *Run) read(ctx context.Context, in *record.Lines, todo chan<- *row) error {
	const heldBytes = 64 << 20
	var held []*row
	size, compared := 0, r.Earlier.Empty()
	hand := func(q *row) error {
		if r.KeepOrder {
			select {
			case r.window <- struct{}{}:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		select {
		case todo <- q:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	for n := 0; ; n++ {
		q, err := r.next(in, n)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if q == nil || r.Earlier.Knows(q.request.Row.Index) || size > heldBytes {
			compared = true
		}
		if !compared {
			held = append(held, q)
			size += len(q.request.Body)
			continue
		}
		for _, h := range held {
			if err := hand(h); err != nil {
				return err
			}
		}
		held = nil
		if q == nil {
			return nil
		}
		if err := hand(q); err != nil {
			return err
		}
	}
}

// next reads the n-th request. At the end of the input it returns io.EOF.
func (r *Run) next(in *record.Lines, n int) (*row, error) {
	line, err := in.Next()
	if err != nil {
		return nil, err
	}
	q := &row{n: n}
	if q.request, err = r.Requests.ParseRequest(line); err != nil {
		return nil, in.Fault(err, "ner-run reads the records that ner-prompt writes, or a batch's request lines")
	}
	if err := r.seen.add(&q.request.Row); err != nil {
		return nil, in.Fault(err, "ask the rows of one source, each once: a result tells its row by its id")
	}
	r.bound(n, &q.request.Row)
	if n == 0 {
		if err := r.Earlier.Check(&q.request, r.Requests.Settings()); err != nil {
			return nil, err
		}
	}
	q.place, q.kept, err = r.Earlier.Find(&q.request)
	return q, err
}

// trySettle is settle for a goroutine: should that panic, the run ends with it.
func (r *Run) trySettle(asking, inFlight context.Context, q *row, amend *wire.Amendments) (ok bool) {
	err := fault.Catch(func() error {
		ok = r.settle(asking, inFlight, q, amend)
		return nil
	})
	if err != nil {
		q.err = err
		return true
	}
	return ok
}

// bound tells how many rows the input can hold, as of its n-th row, which has
// just been read: in an input whose rows are in order, those that come after it
// in the source are left.
func (r *Run) bound(n int, row *record.Result) {
	if r.AtMost == nil || row.Total == 0 {
		return
	}
	most := row.Total
	if r.unordered = r.unordered || row.Index < r.highest; !r.unordered {
		r.highest = row.Index
		most = n + row.Total - row.Index
	}
	if most != r.most {
		r.most = most
		r.AtMost(most)
	}
}

// spare is how many rows may wait for their next try, at least, without keeping
// others from their calls: a service that refuses one call in five may ask for a
// pause each time.
const spare = 256

// settle makes the row's result and its line. It reports whether there is one:
// there is none for a row that was not asked because the run stops.
func (r *Run) settle(asking, inFlight context.Context, q *row, amend *wire.Amendments) bool {
	if q.kept {
		if _, _, first := q.place.First(); r.Own && first {
			return true
		}
		var err error
		if q.result, err = r.Earlier.Read(q.place); err != nil {
			q.err = err
			return true
		}
		q.takeOver()
		q.line = record.AppendResult(nil, &q.result)
		return true
	}
	q.result = q.request.Row
	err := r.ask(asking, inFlight, q, amend)
	switch {
	case err == nil:
	case errors.Is(err, context.Canceled):
		return false
	default:
		q.result.Failure = wire.Failed(err)
		q.err = r.stops(err)
	}
	if _, ok := errors.AsType[*pace.GivenUp](err); ok {
		return true // it has no result: nothing is wrong with the row
	}
	q.line = record.AppendResult(make([]byte, 0, 512+len(q.result.Context)+len(q.result.Output)), &q.result)
	q.request.Body = nil
	return true
}

// takeOver completes an earlier result by what its row tells today: one fetched
// by batch id knows neither sentence nor label, one of a trial another total.
func (q *row) takeOver() {
	r, asked := &q.result, &q.request.Row
	r.Total = asked.Total
	r.Label = cmp.Or(r.Label, asked.Label)
	r.Context = cmp.Or(r.Context, asked.Context)
	r.Extra = cmp.Or(r.Extra, asked.Extra)
}

// ask asks until there is an answer, good or not, or an error that stays.
func (r *Run) ask(asking, inFlight context.Context, q *row, amend *wire.Amendments) error {
	made, err := r.Pacer.Do(asking, q.request.Tokens, func(context.Context) (pace.Limits, error) {
		for {
			body := amend.Apply(q.request.Body)
			q.spent.Add(q.result.Usage)
			q.result = q.request.Row // nothing of an earlier try
			begin := time.Now()
			limits, err := r.Asker.Ask(inFlight, q.request.Path, body, func(answer []byte) error {
				r.look(answer)
				return r.Judge.ParseAnswer(answer, &q.result)
			})
			q.result.Latency = time.Since(begin)
			e, ok := errors.AsType[*wire.Error](err)
			if err == nil || ok && !e.Unanswered() && !e.Suspect {
				r.heard.Store(true)
			}
			r.first.Do(func() {
				if ok && e.Unanswered() && !e.Fatal(false) {
					r.Say(fmt.Sprintf("no answer yet: %v", e))
				}
			})
			if !ok {
				return limits, err
			}
			what, learnt, again := amend.Learn(e, body)
			if learnt {
				r.Say(fmt.Sprintf("the model refuses a parameter (%s): %s from now on", e.Message, what))
			}
			if again && !bytes.Equal(amend.Apply(q.request.Body), body) {
				continue
			}
			if e.Passing() && !e.Fatal(r.heard.Load()) {
				return limits, &pace.Retry{Err: e, After: e.RetryAfter, Throttled: e.Class == record.RateLimit}
			}
			if why := r.stops(e); why != nil {
				r.stop(why) // before the pacer lets another call start
			}
			return limits, e
		}
	})
	q.result.Attempts = made
	return err
}

// look says, once, if answers come as streams, which are read all the same.
func (r *Run) look(answer []byte) {
	if wire.IsStream(answer) {
		r.stream.Do(func() {
			r.Say("the service streams its answers, which was not asked for: they are put together (--extra-body '{\"stream\": false}' asks for whole ones)")
		})
	}
}

// stops returns why err has to stop the run, or nil if it concerns one row.
func (r *Run) stops(err error) error {
	if given, ok := errors.AsType[*pace.GivenUp](err); ok {
		hint := "run the same command again after that time; with --resume what is answered is not asked again"
		if given.After == 0 {
			hint = "run the same command again later, perhaps with fewer --workers; with --resume what is answered is not asked again"
		}
		return &StopError{Class: record.RateLimit, Err: given, Hint: hint}
	}
	e, ok := errors.AsType[*wire.Error](err)
	if !ok || !e.Fatal(r.heard.Load()) {
		return nil
	}
	hint := ""
	switch {
	case e.Hint != "":
		hint = e.Hint
	case e.Class == record.Auth:
		hint = "check OPENAI_API_KEY, and that this key may use this model at this address"
	case e.Class == record.Quota:
		hint = "add credit to the account, then run the same command again; with --resume what is answered is not asked again"
	case e.Class == record.Model:
		hint = "choose another --model, or another --endpoint for it"
	case e.Status >= 300 && e.Status < 400:
		hint = "give --base-url (OPENAI_BASE_URL) the address that the server redirects to"
	default:
		hint = "check --base-url (OPENAI_BASE_URL): it ends in /v1 for most servers"
	}
	return &StopError{Class: e.Class, Err: e, Hint: hint}
}

// write puts the rows' lines out, until done is closed, and counts.
func (r *Run) write(done <-chan *row, stop context.CancelCauseFunc) Totals {
	var sum Totals
	out := orderly{run: r, early: map[int]*row{}}
	for q := range done {
		if q.err != nil {
			stop(q.err)
			if q.line == nil {
				continue
			}
		}
		if out.err != nil {
			continue
		}
		if out.put(q); out.err != nil {
			stop(fmt.Errorf("write results: %w", out.err))
			continue
		}
		sum.count(q)
		switch {
		case q.kept && r.Kept != nil:
			r.Kept()
		case !q.kept && r.Done != nil:
			r.Done(q.result.Failure != nil)
		}
		if err := r.hopeless(&sum, q.result.Failure); err != nil {
			stop(err)
		}
	}
	if out.flush(); out.err != nil {
		stop(fmt.Errorf("write results: %w", out.err))
	}
	return sum
}

// hopeless returns why the run should not go on after its latest failure.
func (r *Run) hopeless(sum *Totals, f *record.Failure) error {
	if f == nil {
		return nil
	}
	last := fmt.Errorf("%s: %s", f.Class, f.Message)
	n := sum.Failed.Rows()
	if r.MaxErrors > 0 && n >= r.MaxErrors {
		return fault.WithHint(fmt.Errorf("%d rows failed, the last one with %w", n, last),
			"--max-errors sets how many may fail; with --resume a later run asks only for what is missing")
	}
	if unheard := sum.Failed.Count(record.Network) + sum.Failed.Count(record.Timeout) + sum.Failed.Count(record.Server) + sum.Failed.Count(record.Malformed); sum.OK == 0 && unheard == n && n >= max(10, r.InFlight) {
		return &StopError{Class: f.Class, Err: fmt.Errorf("none of the first %d rows got an answer, the last one: %w", n, last),
			Hint: "check that the server is up, and --base-url (OPENAI_BASE_URL)"}
	}
	return nil
}

// orderly puts rows out as they come, or, with KeepOrder, each when all before
// it are out. After an error it puts out nothing more: what follows a torn line
// would be lost with it.
type orderly struct {
	run   *Run
	next  int
	early map[int]*row
	err   error
}

func (o *orderly) put(q *row) {
	if !o.run.KeepOrder {
		o.out(q)
		return
	}
	o.early[q.n] = q
	for o.err == nil {
		q, ok := o.early[o.next]
		if !ok {
			return
		}
		delete(o.early, o.next)
		o.next++
		<-o.run.window
		o.out(q)
	}
}

// flush puts out, in order, what waits for rows that will not come.
func (o *orderly) flush() {
	for _, n := range slices.Sorted(maps.Keys(o.early)) {
		if o.err == nil {
			o.out(o.early[n])
		}
	}
}

func (o *orderly) out(q *row) {
	if q.line == nil {
		at, size, _ := q.place.First()
		o.run.Output.Kept(q.n, at, size)
		return
	}
	o.err = o.run.Output.Put(q.n, q.line)
}

func (s *Totals) count(q *row) {
	s.Rows++
	switch {
	case q.kept:
		s.Kept++
		return
	case q.result.Failure != nil:
		s.Failed.Add(q.result.Failure)
	default:
		s.OK++
	}
	s.Retries += max(0, q.result.Attempts-1)
	s.Usage.Add(q.spent)
	s.Usage.Add(q.result.Usage)
}
