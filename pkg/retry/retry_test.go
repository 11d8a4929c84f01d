package retry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"nertools/pkg/pace"
	"nertools/pkg/record"
	"nertools/pkg/retry"
	"nertools/pkg/wire"
)

// script is a service that fails as scripted, call by call, and then answers.
type script struct {
	errs   []error
	bodies []string
}

func (s *script) Ask(_ context.Context, _ string, body []byte, read func([]byte) error) (pace.Limits, error) {
	s.bodies = append(s.bodies, string(body))
	if n := len(s.bodies); n <= len(s.errs) && s.errs[n-1] != nil {
		return pace.Limits{}, s.errs[n-1]
	}
	return pace.Limits{}, read([]byte("answer"))
}

func failed(class record.Class, message string) *wire.Error {
	return &wire.Error{Failure: record.Failure{Class: class, Message: message}, RetryAfter: 1}
}

// call makes one call, and returns what of it shows outside.
func call(t *testing.T, c *retry.Caller, s *script) (x retry.Exchange, said []string, err error) {
	t.Helper()
	c.Asker, c.Pacer = s, pace.New(pace.Config{InFlight: 1, MaxRetries: 5})
	c.Say = func(line string) { said = append(said, line) }
	x = retry.Exchange{Path: wire.Chat, Body: []byte(`{"model":"m","temperature":0}`), Read: func([]byte) error { return nil }}
	err = c.Do(t.Context(), t.Context(), &x)
	return x, said, err
}

func TestWhatPassesIsTriedAgain(t *testing.T) {
	lasting := failed(record.Invalid, "no")
	for name, c := range map[string]struct {
		errs  []error
		tries int
		err   error
		said  string
		heard bool
	}{
		"an answer":             {nil, 1, nil, "", true},
		"an error that passes":  {[]error{failed(record.Server, "down")}, 2, nil, "", true},
		"an error that lasts":   {[]error{lasting}, 1, lasting, "", true},
		"no answer, then one":   {[]error{failed(record.Network, "refused"), failed(record.Network, "refused")}, 3, nil, "no answer yet: refused", true},
		"no answer later on":    {[]error{failed(record.Server, "down"), failed(record.Network, "refused")}, 3, nil, "", true},
		"an error of our own":   {[]error{context.Canceled}, 1, context.Canceled, "", false},
		"what is not the API's": {[]error{&wire.Error{Failure: record.Failure{Class: record.Malformed, Message: "page"}, Suspect: true}}, 1, nil, "", false},
	} {
		caller := new(retry.Caller)
		x, said, err := call(t, caller, &script{errs: c.errs})
		if name == "what is not the API's" {
			c.err = c.errs[0]
		}
		if !errors.Is(err, c.err) || x.Tries != c.tries || strings.Join(said, "|") != c.said || caller.Heard() != c.heard {
			t.Errorf("%s: %d tries, %v; said %q, heard %v", name, x.Tries, err, said, caller.Heard())
		}
	}
}

func TestAServiceThatNeverAnsweredIsTriedAsOftenAsUnheardSays(t *testing.T) {
	refused := slices.Repeat([]error{failed(record.Network, "refused")}, 6)
	s := &script{errs: refused}
	if _, _, err := call(t, &retry.Caller{Unheard: 3}, s); !errors.Is(err, refused[0]) || len(s.bodies) != 3 {
		t.Errorf("%d calls, then %v", len(s.bodies), err)
	}
}

func TestAParameterThatIsRefusedIsLeftOut(t *testing.T) {
	s := &script{errs: []error{&wire.Error{Failure: record.Failure{Class: record.Invalid, Status: 400, Code: "unsupported_parameter", Message: "Unsupported parameter: 'temperature'"}, Param: "temperature"}}}
	caller := new(retry.Caller)
	x, said, err := call(t, caller, s)
	if err != nil || x.Tries != 1 || len(said) != 1 || s.bodies[1] != `{"model":"m"}` {
		t.Errorf("%+v, %v; said %q, sent %q", x, err, said, s.bodies)
	}
	if _, said, err = call(t, caller, s); err != nil || len(said) != 0 || s.bodies[2] != `{"model":"m"}` {
		t.Errorf("next: %v; said %q, sent %q", err, said, s.bodies)
	}
}

func TestAFatalErrorIsToldBeforeAnotherCallStarts(t *testing.T) {
	var told []string
	s := &script{errs: []error{failed(record.Auth, "wrong key")}}
	_, _, err := call(t, &retry.Caller{Fatal: func(e *wire.Error) { told = append(told, fmt.Sprint(e)) }}, s)
	if err == nil || fmt.Sprint(told) != "["+err.Error()+"]" {
		t.Errorf("got %v, told %q", err, told)
	}
}
