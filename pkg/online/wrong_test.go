package online_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"nertools/pkg/online"
	"nertools/pkg/openaitest"
	"nertools/pkg/pace"
	"nertools/pkg/record"
	"nertools/pkg/retry"
	"nertools/pkg/wire"
)

// faltering is an Asker some of whose calls fail.
type faltering struct {
	retry.Asker
	calls atomic.Int64
	fail  func(call int64) error // nil for a call that does not
}

func (f *faltering) Ask(ctx context.Context, path string, body []byte, read func([]byte) error) (pace.Limits, error) {
	if err := f.fail(f.calls.Add(1)); err != nil {
		return pace.Limits{}, err
	}
	return f.Asker.Ask(ctx, path, body, read)
}

func TestWhatLastsStopsTheRunAtOnce(t *testing.T) {
	network := func(change func(*wire.Error)) error {
		e := &wire.Error{Failure: record.Failure{Class: record.Network, Message: "broken"}, RetryAfter: 1}
		change(e)
		return e
	}
	for name, c := range map[string]struct {
		err   error
		after int64 // so many calls succeed first
		stops bool
	}{
		"a certificate":                         {network(func(e *wire.Error) { e.Lasting, e.Hint = true, "SSL_CERT_FILE" }), 0, true},
		"a certificate, later":                  {network(func(e *wire.Error) { e.Lasting, e.Hint = true, "SSL_CERT_FILE" }), 8, true},
		"no such host":                          {network(func(e *wire.Error) { e.Suspect, e.Hint = true, "check the host" }), 0, true},
		"no such host, after it was there":      {network(func(e *wire.Error) { e.Suspect = true }), 8, false},
		"a page":                                {&wire.Error{Failure: record.Failure{Class: record.Malformed, Message: "a page"}, Suspect: true}, 0, true},
		"a page, among answers":                 {&wire.Error{Failure: record.Failure{Class: record.Malformed, Message: "a page"}, Suspect: true, RetryAfter: 1}, 8, false},
		"a wrong path":                          {&wire.Error{Failure: record.Failure{Class: record.Invalid, Status: 405, Message: "no"}, WrongAddress: true}, 0, true},
		"a broken connection":                   {network(func(*wire.Error) {}), 0, false},
		"an answer that is too long, every row": {&wire.Error{Failure: record.Failure{Class: record.Malformed, Message: "long"}, Lasting: true}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 1, openaitest.Options{})
			asker := &faltering{Asker: b.Asker, fail: func(call int64) error {
				if call > c.after && call <= c.after+3 {
					return c.err
				}
				return nil
			}}
			b.Asker = asker
			sum, err := b.do(t.Context(), input(20))
			stop, stopped := errors.AsType[*online.StopError](err)
			if stopped != c.stops || !stopped && err != nil {
				t.Fatalf("got %v", err)
			}
			if stopped && (asker.calls.Load() > c.after+8) {
				t.Errorf("%d calls, then %v", asker.calls.Load(), stop)
			}
			if !stopped && sum.OK+sum.Failed.Rows() != 20 {
				t.Errorf("got %+v", sum)
			}
			for _, said := range b.said {
				if stopped && strings.Contains(said, "no answer yet") {
					t.Errorf("said %q and stopped", said)
				}
			}
		})
	}
}

func TestARunStopsIfItsFirstRowsAllFailInTheSameLastingWay(t *testing.T) {
	long := openaitest.Fault{Kind: openaitest.Length}
	for name, c := range map[string]struct {
		faults   []openaitest.Fault
		workers  int
		stubborn bool
		class    record.Class // "" for a run that does not stop
	}{
		"length":               {[]openaitest.Fault{long}, 2, false, record.Length},
		"length, many workers": {[]openaitest.Fault{long}, 16, false, record.Length},
		"empty":                {[]openaitest.Fault{{Kind: openaitest.EmptyContent}}, 2, false, record.Empty},
		"refused":              {[]openaitest.Fault{{Kind: openaitest.Refusal}}, 2, false, record.Refused},
		"filtered":             {[]openaitest.Fault{{Kind: openaitest.ContentFilter}}, 2, false, record.Filtered},
		"invalid":              {[]openaitest.Fault{{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 422, Message: "no"}}}, 2, false, record.Invalid},
		"one good row":         {[]openaitest.Fault{{Kind: openaitest.Length, Turns: openaitest.Turns{Skip: 1}}}, 2, false, ""},
		"two ways":             {[]openaitest.Fault{{Kind: openaitest.Length, Turns: openaitest.Turns{Times: 5}}, {Kind: openaitest.EmptyContent}}, 2, false, ""},
		"too long prompts":     {[]openaitest.Fault{{Kind: openaitest.ContextLength}}, 2, false, ""},
		"asked for":            {[]openaitest.Fault{long}, 2, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, c.workers, openaitest.Options{Faults: c.faults})
			b.Stubborn = c.stubborn
			sum, err := b.do(t.Context(), input(200))
			same, stopped := errors.AsType[*online.AlikeError](err)
			if stopped != (c.class != "") || !stopped && (err != nil || sum.Rows != 200) {
				t.Fatalf("%d rows, then %v", sum.Rows, err)
			}
			if !stopped {
				return
			}
			first := max(10, c.workers)
			if same.Rows != first || same.First.Class != c.class || same.First.Message == "" {
				t.Errorf("got %+v", same)
			}
			if n := int(b.api.Calls()); n < first || n > 100 {
				t.Errorf("%d calls", n)
			}
		})
	}
}

func TestAReusedAnswerIsAGoodRow(t *testing.T) {
	path := earlier(t, newBench(t, 2, openaitest.Options{}), input(5))
	b := newBench(t, 2, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.Length}}})
	defer b.Earlier.Close()
	if err := b.Earlier.Reuse([]string{path}); err != nil {
		t.Fatal(err)
	}
	if sum, err := b.do(t.Context(), input(50)); err != nil || sum.Reused != 5 || sum.Failed.Rows() != 45 {
		t.Errorf("%+v, %v", sum, err)
	}
}
