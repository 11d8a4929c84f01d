// Package online answers many requests at once: it reads requests, skips those already
// answered, sends the others at the pace that package pace allows, and writes each result
// as soon as it arrives.
package online

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/pace"
	"nertools/pkg/record"
	"nertools/pkg/resume"
	"nertools/pkg/retry"
	"nertools/pkg/wire"
)

// An Output receives the results. Its methods are called from one goroutine.
type Output interface {
	// Put takes the line of the n-th row of the input, n from 0. When it
	// returns, a killed process loses the line no more.
	Put(n int, line []byte) error
	// Kept tells that the n-th row's line is in the output already: size bytes
	// from at.
	Kept(n int, at int64, size int)
	// Watch calls changed, from another goroutine, if somebody else changes what
	// was put out.
	Watch(changed func(error))
	Close() error
}

// A Run contains the settings of a run, which sends each request of an input once.
type Run struct {
	Asker     retry.Asker
	Pacer     *pace.Pacer
	Requests  *wire.Builder
	Judge     *wire.Judge       // which answers are good ones
	Earlier   *resume.Answers   // what need not be asked again
	Output    Output            // the caller closes it
	KeepOrder bool              // put the results out in input order
	InFlight  int               // as the pacer's
	MaxErrors int               // stop when so many rows have failed; 0: never
	Stubborn  bool              // go on although the first rows all fail in the same way
	Grace     time.Duration     // how long calls in flight may take when the run stops early
	Say       func(string)      // tells people something, a few times a run at most; not nil
	Streamed  func()            // called once if answers come as streams, which are put together; may be nil
	Done      func(failed bool) // called for each row that was asked; may be nil
	Kept      func()            // called for each row that was answered earlier; may be nil
	AtMost    func(rows int)    // called when it is known that the input holds no more rows than that; may be nil

	// Used is called with the usage of each call for a row that was asked, the last one
	// even if it is zero. It may be nil.
	Used func(model string, u record.Usage)

	// Short is called with a request whose prompt has, by its length, far more tokens than
	// the service counted. Several goroutines may call it at once. It may be nil.
	Short func(q *wire.Request, counted int)
}

// running is the state of a run.
type running struct {
	*Run
	caller retry.Caller

	highest   int  // the row read last, while rows come in order
	unordered bool // they do not
	most      int  // what AtMost was called with last

	seen   rowSet
	stop   context.CancelCauseFunc // ends the asking
	stream sync.Once               // for Streamed
	window chan struct{}           // with KeepOrder: the rows that may be under way or wait for their turn
}

// Totals counts the results of a run. Rows = OK + Failed + Kept.
type Totals struct {
	Rows    int // results that there are now
	OK      int
	Kept    int // answered before
	Reused  int // of these, by an answer to the same request that may be another row's
	Failed  record.Failures
	Retries int
	Usage   record.Usage // of the answers asked for in this run
}

// String returns the counts in words, on one line.
func (t *Totals) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d ok", english.Count(t.Rows, "row"), t.OK)
	if n := t.Kept - t.Reused; n > 0 {
		fmt.Fprintf(&b, ", %d answered earlier", n)
	}
	if t.Reused > 0 {
		fmt.Fprintf(&b, ", %d reused", t.Reused)
	}
	fmt.Fprintf(&b, ", %d failed", t.Failed.Rows())
	if classes := t.Failed.String(); classes != "" {
		fmt.Fprintf(&b, " (%s)", classes)
	}
	if t.Retries > 0 {
		fmt.Fprintf(&b, "; %s", english.Count(t.Retries, "retry"))
	}
	fmt.Fprintf(&b, "; %v", t.Usage)
	return b.String()
}

// A StopError is the reason why a run stopped early: every other row would have failed,
// too. It wraps a [*wire.Error], a [*pace.GivenUp] or an [*AlikeError], or none of them if
// none of the first rows got an answer.
type StopError struct {
	Class record.Class // of the failure that it stopped for
	error
}

func (e *StopError) Unwrap() error { return e.error }

// An AlikeError is the error of a run whose first rows all failed in the same way, which
// repeating the request does not change, while no row has a good answer. It is part of a
// [*StopError].
type AlikeError struct {
	Rows  int
	First record.Failure
}

func (e *AlikeError) Error() string {
	text := fmt.Sprintf("the first %s all failed with %s", english.Count(e.Rows, "row"), e.First.Class)
	if e.First.Message != "" {
		text += ": " + e.First.Message
	}
	return text
}

// A FailuresError is the error of a run that stopped because MaxErrors rows had failed.
type FailuresError struct {
	Rows int
	Last record.Failure
}

func (e *FailuresError) Error() string {
	return fmt.Sprintf("%s failed, the last one with %s: %s", english.Count(e.Rows, "row"), e.Last.Class, e.Last.Message)
}

// row is a request on its way through the run.
type row struct {
	n       int
	request wire.Request
	kept    bool
	place   resume.Place
	result  record.Result
	model   string
	spent   []record.Usage // by tries before the last one, which a service bills too
	line    []byte
	err     error // the run has to stop for it
}

// Do sends the requests in in. It returns when all rows have a result. If ctx ends, or an
// error occurs that affects all rows, it returns once the calls in flight have ended or
// Grace has passed. All finished results are in the output in any case. The error is that
// of ctx, a [*StopError], a [*FailuresError], a [*retry.NotAskedError], a [*resume.MixError], a
// [*resume.DifferError], or an error of the input or the output.
//
// After an error, a goroutine may still be blocked in a Read of in's reader, such as a pipe
// that is never written to. So in must not be used again; its reader may be closed.
func (c *Run) Do(ctx context.Context, in *record.Lines) (Totals, error) {
	asking, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	c.Output.Watch(stop)
	r := &running{Run: c, stop: stop}
	r.caller = retry.Caller{Asker: c.Asker, Pacer: c.Pacer, Say: c.Say, Given: c.Requests.Given(), Fatal: func(e *wire.Error) { stop(r.stops(e)) }}
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
		_, differ := errors.AsType[*resume.DifferError](err)
		_, panicked := errors.AsType[*fault.Panic](err)
		if mixed || differ || panicked {
			stop(err)
		} else if asking.Err() == nil {
			broken = err
		}
	}()
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
					if r.trySettle(asking, inFlight, q) {
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

// read hands the input's requests on, those answered before marked as such. Answers that
// do not belong to the input are found out before the first request goes out, see
// [resume.Answers.Requests].
func (r *running) read(ctx context.Context, in *record.Lines, todo chan<- *row) error {
	next := r.Earlier.Requests(in, r.Requests)
	for n := 0; ; n++ {
		q := &row{n: n}
		var err error
		q.request, q.place, q.kept, err = next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err = r.seen.add(&q.request.Row); err != nil {
			return in.Fault(err, "ask the rows of one source, each once: the id is all that connects a result with its row")
		}
		r.bound(n, &q.request.Row)
		if r.KeepOrder {
			select {
			case r.window <- struct{}{}:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		select {
		case todo <- q:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// trySettle is settle for a goroutine: should that panic, the run ends with it.
func (r *running) trySettle(asking, inFlight context.Context, q *row) (ok bool) {
	err := fault.Catch(func() error {
		ok = r.settle(asking, inFlight, q)
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
func (r *running) bound(n int, row *record.Result) {
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

// A token of a prompt has at most so many bytes, as a rule: 4 to 5 in English, fewer in
// other languages. Prompts below cutBytes fit into the context of any server.
const (
	tokenBytes = 6
	cutBytes   = 4 << 10
)

// settle makes the row's result and its line. It returns false for a
// row that was not asked because the run stops.
func (r *running) settle(asking, inFlight context.Context, q *row) bool {
	if q.kept {
		if _, _, own := q.place.Own(); own {
			return true
		}
		var err error
		if q.result, err = r.Earlier.Read(&q.request, q.place); err != nil {
			q.err = err
			return true
		}
		q.line = record.AppendResult(nil, &q.result)
		return true
	}
	q.result = q.request.Row
	err := r.ask(asking, inFlight, q)
	switch {
	case err == nil:
	case errors.Is(err, context.Canceled):
		return false
	case notAsked(err):
		q.err = err
		return true // it has no result: nothing is wrong with the row
	default:
		q.result.Failure = wire.Failed(err)
		q.err = r.stops(err)
	}
	if _, ok := errors.AsType[*pace.GivenUp](err); ok {
		return true // it has no result: nothing is wrong with the row
	}
	if n := q.result.Usage.Prompt; r.Short != nil && n > 0 && len(q.request.Body) > max(cutBytes, tokenBytes*n) {
		r.Short(&q.request, n)
	}
	q.line = record.AppendResult(make([]byte, 0, 512+len(q.result.Context)+len(q.result.Output)), &q.result)
	q.request.Body = nil
	return true
}

func notAsked(err error) bool {
	_, ok := errors.AsType[*retry.NotAskedError](err)
	return ok
}

// ask asks until there is an answer, good or not, or an error that stays.
func (r *running) ask(asking, inFlight context.Context, q *row) error {
	q.model = wire.ModelOf(q.request.Body)
	call := retry.Exchange{
		Path: q.request.Path, Body: q.request.Body, Tokens: q.request.Tokens,
		Begin: func() {
			if q.result.Usage != (record.Usage{}) {
				q.spent = append(q.spent, q.result.Usage)
			}
			q.result = q.request.Row // nothing of an earlier try
		},
		Read: func(answer []byte) error {
			if wire.IsStream(answer) && r.Streamed != nil {
				r.stream.Do(r.Streamed)
			}
			return r.Judge.ParseAnswer(answer, &q.result)
		},
	}
	err := r.caller.Do(asking, inFlight, &call)
	q.result.Attempts, q.result.Latency = call.Tries, call.Latency
	return err
}

// stops returns why err has to stop the run, or nil if it concerns one row.
func (r *running) stops(err error) error {
	if given, ok := errors.AsType[*pace.GivenUp](err); ok {
		return &StopError{record.RateLimit, given}
	}
	if e, ok := errors.AsType[*wire.Error](err); ok && e.Fatal(r.caller.Heard()) {
		return &StopError{e.Class, e}
	}
	return nil
}

// write puts the rows' lines out, until done is closed, and counts.
func (r *running) write(done <-chan *row, stop context.CancelCauseFunc) Totals {
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
		if !q.kept && r.Used != nil {
			for _, u := range q.spent {
				r.Used(q.model, u)
			}
			r.Used(q.model, q.result.Usage)
		}
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

// alike holds the classes of failures that say something about the model or the settings
// if the first rows all have the same one. Asking such a row again is pointless, and most
// of them are paid for.
var alike = map[record.Class]bool{
	record.Invalid: true, record.Length: true, record.Empty: true, record.Refused: true, record.Filtered: true, record.Malformed: true,
}

// hopeless returns why the run should not go on after its latest failure.
func (r *running) hopeless(sum *Totals, f *record.Failure) error {
	if f == nil {
		return nil
	}
	n := sum.Failed.Rows()
	if r.MaxErrors > 0 && n >= r.MaxErrors {
		return &FailuresError{n, *f}
	}
	// Fewer rows say little about the others.
	enough := sum.OK == 0 && n >= max(10, r.InFlight)
	if enough && alike[f.Class] && sum.Failed.Count(f.Class) == n && !r.Stubborn && sum.Reused == 0 && !r.Earlier.AnyGood() {
		return &StopError{f.Class, &AlikeError{n, sum.Failed.Kinds()[0].Failure}}
	}
	unheard := sum.Failed.Count(record.Network) + sum.Failed.Count(record.Timeout) + sum.Failed.Count(record.Server) + sum.Failed.Count(record.Malformed)
	if enough && unheard == n {
		return &StopError{f.Class, fmt.Errorf("no answers after %s; the last error was %s: %s", english.Count(n, "row"), f.Class, f.Message)}
	}
	return nil
}

// orderly puts rows out as they come, or, with KeepOrder, each when all before
// it are out. After an error it puts out nothing more: what follows a torn line
// would be lost with it.
type orderly struct {
	run   *running
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
		at, size, _ := q.place.Own()
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
		if q.place.Reused() {
			s.Reused++
		}
		return
	case q.result.Failure != nil:
		s.Failed.Add(q.result.Failure)
	default:
		s.OK++
	}
	s.Retries += max(0, q.result.Attempts-1)
	for _, u := range q.spent {
		s.Usage.Add(u)
	}
	s.Usage.Add(q.result.Usage)
}
