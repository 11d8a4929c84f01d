// Package retry makes calls to a service at the pace that package pace allows, and
// repeats failed calls while that may help.
package retry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"nertools/pkg/pace"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// An Asker sends body to an endpoint and passes the answer to read. Its errors are those
// of openaiapi.Client.Ask.
type Asker interface {
	Ask(ctx context.Context, path string, body []byte, read func(answer []byte) error) (pace.Limits, error)
}

// A NotAskedError is the error of an Asker that did not make a call, and will make no
// other one.
type NotAskedError struct{ Err error }

func (e *NotAskedError) Error() string { return e.Err.Error() }
func (e *NotAskedError) Unwrap() error { return e.Err }

// A Caller makes the calls of one run. It is safe for concurrent use; its fields must not
// change after the first call.
type Caller struct {
	Asker Asker
	Pacer *pace.Pacer
	Say   func(string) // tells people something, a few times a run at most; not nil

	// Fatal is called with an error that no later call can get past, before the
	// pacer lets another one start. It may be nil.
	Fatal func(*wire.Error)

	// Given are the members of the bodies that the user asked for, see
	// [wire.Builder.Given]. That the service refuses one is an error that no later call
	// can get past; other members are left out.
	Given map[string]bool

	// Unheard is how often a call is made to a service that has never answered
	// one; 0 leaves it to the pacer.
	Unheard int

	amend wire.Amendments
	heard atomic.Bool // the service has answered something
	told  atomic.Bool // that it does not is said
}

// An Exchange is one request and its outcome.
type Exchange struct {
	Path   string
	Body   []byte
	Tokens int                       // that the service will count: an estimate
	Begin  func()                    // called before each try; may be nil
	Read   func(answer []byte) error // must not keep the answer

	Tries   int
	Latency time.Duration // of the last try
}

// Heard reports whether the service has answered any call, even with an error.
func (c *Caller) Heard() bool { return c.heard.Load() }

// Learned returns what the service has refused so far.
func (c *Caller) Learned() []wire.Amendment { return c.amend.List() }

// Answered reports whether a call that ended with err shows that the service is there: it
// returned an answer, or an error that only the service can have sent.
func Answered(err error) bool {
	e, ok := errors.AsType[*wire.Error](err)
	return err == nil || ok && !e.Unanswered() && !e.Suspect
}

// Again returns the error with which a pacer repeats a call that failed with e.
func Again(e *wire.Error) *pace.Retry {
	return &pace.Retry{Err: e, After: e.RetryAfter, Throttled: e.Class == record.RateLimit}
}

// Do sends the request until it is answered or fails for good. The end of asking stops the
// wait for a turn, and the end of inFlight cancels a call. The error is a [*wire.Error], a
// [*pace.GivenUp], an error of a context, or one of Read.
func (c *Caller) Do(asking, inFlight context.Context, call *Exchange) error {
	tries := 0
	made, err := c.Pacer.Do(asking, call.Tokens, func(context.Context) (pace.Limits, error) {
		tries++
		for {
			body := c.amend.Apply(call.Body)
			if call.Begin != nil {
				call.Begin()
			}
			begin := time.Now()
			limits, err := c.Asker.Ask(inFlight, call.Path, body, call.Read)
			call.Latency = time.Since(begin)
			if Answered(err) {
				c.heard.Store(true)
			}
			e, ok := errors.AsType[*wire.Error](err)
			if !ok {
				return limits, err
			}
			heard := c.Heard()
			if !heard && e.Unanswered() && !e.Fatal(false) {
				if tries == c.Unheard {
					return limits, e
				}
				if c.told.CompareAndSwap(false, true) {
					c.Say(fmt.Sprintf("no answer yet: %v", e))
				}
			}
			what, learnt, again := c.amend.Learn(e, body, c.Given)
			if learnt {
				c.Say(fmt.Sprintf("the model refuses a parameter (%s): %s from now on", e.Message, what))
			}
			if again && !bytes.Equal(c.amend.Apply(call.Body), body) {
				continue
			}
			if e.Passing() && !e.Fatal(heard) {
				return limits, Again(e)
			}
			if c.Fatal != nil && e.Fatal(heard) {
				c.Fatal(e)
			}
			return limits, e
		}
	})
	call.Tries = made
	return err
}
