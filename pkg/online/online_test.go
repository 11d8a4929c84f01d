package online_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/goleak"

	"nertools/pkg/online"
	"nertools/pkg/openaiapi"
	"nertools/pkg/openaitest"
	"nertools/pkg/pace"
	"nertools/pkg/record"
	"nertools/pkg/resume"
	"nertools/pkg/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// input is n prompt records.
func input(n int) []byte {
	var b []byte
	for i := range n {
		text := fmt.Sprintf("Mark.\n\nSentence: Ada %d .\nMarked: @@Ada## %d .\n\nSentence: Ada met Bob %d .\nMarked:", i, i, i)
		b = record.AppendPrompt(b, &record.Prompt{
			ID: record.NewID("test", i, []byte(text)), Index: i, Total: n, Label: "PER", Context: fmt.Sprintf("Ada met Bob %d .", i), Text: text,
			Extra: `,"mine":true`,
		})
	}
	return b
}

// bench is a run against the simulated API with its output in memory.
type bench struct {
	*online.Run
	api  *openaitest.Server
	out  bytes.Buffer
	said []string
	mu   sync.Mutex
}

func newBench(t *testing.T, inFlight int, opt openaitest.Options) *bench {
	t.Helper()
	b := &bench{api: openaitest.New(opt)}
	srv := httptest.NewServer(b.api)
	client, err := openaiapi.New(openaiapi.Config{Key: "sk-simulated", BaseURL: srv.URL + "/v1", InFlight: inFlight, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		b.api.Close()
		srv.Close()
	})
	requests, err := wire.NewBuilder(wire.Settings{Model: "gpt-4o-mini", MaxTokens: 64})
	if err != nil {
		t.Fatal(err)
	}
	b.Run = &online.Run{
		Asker: client, Requests: requests, Earlier: new(resume.Answers), InFlight: inFlight, Grace: 5 * time.Second,
		Pacer:  pace.New(pace.Config{InFlight: inFlight, MaxRetries: 5, MaxWait: time.Minute}),
		Output: online.Stream{W: &b.out},
		Say: func(s string) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.said = append(b.said, s)
		},
	}
	return b
}

func (b *bench) do(ctx context.Context, in []byte) (online.Totals, error) {
	return b.Do(ctx, record.NewLines("prompts", bytes.NewReader(in)))
}

// results are the records in the output, in its order.
func results(t *testing.T, out []byte) []record.Result {
	t.Helper()
	var all []record.Result
	for line := range bytes.Lines(out) {
		r, err := record.ParseResult(bytes.TrimSpace(line))
		if err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, r)
	}
	return all
}

func TestEveryRowIsAnsweredOnce(t *testing.T) {
	b := newBench(t, 8, openaitest.Options{Faults: []openaitest.Fault{{
		Kind:       openaitest.Status,
		ErrorReply: openaitest.ErrorReply{Status: 500},
		Turns:      openaitest.Turns{Every: 7, Times: 10},
	}}})
	sum, err := b.do(t.Context(), input(200))
	if err != nil || sum.Rows != 200 || sum.OK != 200 || sum.Retries != 10 {
		t.Fatalf("%+v, %v", sum, err)
	}
	seen := map[int]bool{}
	for _, r := range results(t, b.out.Bytes()) {
		if seen[r.Index] || r.Output != fmt.Sprintf("@@Ada## met Bob %d .", r.Index) || r.Context == "" || r.Label != "PER" || r.Total != 200 {
			t.Errorf("result %+v", r)
		}
		if r.Extra != `,"mine":true` || r.Request == "" || r.Usage.Prompt == 0 || r.Attempts == 0 {
			t.Errorf("result %+v", r)
		}
		seen[r.Index] = true
	}
	if len(seen) != 200 || b.api.Answered() != 200 {
		t.Errorf("%d rows have results, %d calls were answered", len(seen), b.api.Answered())
	}
}

func TestAnswersThatWereBrokenOffAreAskedAgainAndCounted(t *testing.T) {
	ask := func(faults ...openaitest.Fault) (online.Totals, []record.Result) {
		b := newBench(t, 4, openaitest.Options{Faults: faults})
		sum, err := b.do(t.Context(), input(20))
		if err != nil || sum.Rows != 20 || sum.OK+sum.Failed.Rows() != 20 {
			t.Fatalf("%+v, %v", sum, err)
		}
		return sum, results(t, b.out.Bytes())
	}
	whole, _ := ask()
	// Each row once: the tokens of the first try are paid for, too.
	sum, all := ask(openaitest.Fault{Kind: openaitest.Finish, Text: "abort", Turns: openaitest.Turns{PerPrompt: true, Times: 1}})
	if sum.OK != 20 || sum.Retries != 20 || sum.Usage.Prompt != 2*whole.Usage.Prompt || sum.Usage.Completion <= whole.Usage.Completion {
		t.Errorf("%+v, and without faults %+v", sum, whole)
	}
	for _, r := range all {
		if r.Partial != "" || r.FinishReason != "stop" || r.Attempts != 2 || r.Output != fmt.Sprintf("@@Ada## met Bob %d .", r.Index) {
			t.Errorf("result %+v", r)
		}
	}
	// Nothing of a broken answer is left in the result of a later try that has none.
	_, all = ask(openaitest.Fault{
		Kind:  openaitest.Finish,
		Text:  "network_error",
		Turns: openaitest.Turns{PerPrompt: true, Times: 1},
	}, openaitest.Fault{
		Kind: openaitest.ContextLength,
		Aim:  openaitest.Aim{Contains: "Bob 7 ."},
	})
	for _, r := range all {
		if r.Index == 7 && (r.Failure == nil || r.Failure.Class != record.ContextLength || r.Partial != "" || r.FinishReason != "") {
			t.Errorf("result %+v", r)
		}
	}
	// What cannot be complete next time is not asked again.
	sum, all = ask(openaitest.Fault{Kind: openaitest.Finish, Text: "SAFETY", Aim: openaitest.Aim{Contains: "Bob 7 ."}})
	if sum.Retries != 0 || sum.Failed.Rows() != 1 {
		t.Errorf("%+v", sum)
	}
	for _, r := range all {
		if r.Index == 7 && (r.Failure == nil || r.Failure.Class != record.Filtered || r.Partial == "") {
			t.Errorf("result %+v", r)
		}
	}
}

func TestUsageOfEveryCallIsReported(t *testing.T) {
	b := newBench(t, 4, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.Finish, Text: "error", Turns: openaitest.Turns{Every: 2, Times: 5}}}})
	var sum record.Usage
	calls := 0
	b.Used = func(model string, u record.Usage) {
		if calls++; model != "gpt-4o-mini" || u.Prompt == 0 {
			t.Errorf("got %s, %+v", model, u)
		}
		sum.Add(u)
	}
	total, err := b.do(t.Context(), input(20))
	if err != nil || calls != 25 || sum != total.Usage {
		t.Errorf("%d calls, %v in all, %v in the totals, %v", calls, sum, total.Usage, err)
	}
}

func TestPromptsOfWhichFewTokensAreCountedAreReported(t *testing.T) {
	var in []byte
	for i := range 20 {
		text := "Mark.\n\n" + strings.Repeat("Sentence: Ada wrote .\nMarked: @@Ada## wrote .\n\n", 10*i) + "Sentence: Ada met Bob .\nMarked:"
		in = record.AppendPrompt(in, &record.Prompt{ID: record.NewID("test", i, []byte(text)), Index: i, Total: 20, Text: text})
	}
	for cut, want := range map[int]int64{0: 0, 512: 12} { // 8 have less than 4 KB
		b := newBench(t, 4, openaitest.Options{CutPrompts: cut})
		var short atomic.Int64
		b.Short = func(q *wire.Request, counted int) {
			if len(q.Body) < 4<<10 || counted != cut {
				t.Errorf("got %d tokens in %q", counted, q.Body)
			}
			short.Add(1)
		}
		if _, err := b.do(t.Context(), in); err != nil || short.Load() != want {
			t.Errorf("cut at %d: %d reported, %v", cut, short.Load(), err)
		}
	}
}

func TestKeptOrderIsThatOfTheInputHoweverSlowARowIs(t *testing.T) {
	b := newBench(t, 8, openaitest.Options{Jitter: 2 * time.Millisecond, Faults: []openaitest.Fault{
		{Kind: openaitest.Slow, Latency: 300 * time.Millisecond, Aim: openaitest.Aim{Contains: "Bob 0 ."}},
	}})
	b.KeepOrder = true
	if sum, err := b.do(t.Context(), input(2500)); err != nil || sum.OK != 2500 {
		t.Fatalf("%+v, %v", sum, err)
	}
	for i, r := range results(t, b.out.Bytes()) {
		if r.Index != i {
			t.Fatalf("result %d is of row %d", i, r.Index)
		}
	}
}

func TestTheOutputsErrorEndsTheRun(t *testing.T) {
	b := newBench(t, 4, openaitest.Options{})
	full := errors.New("disk full")
	b.Output = failing{after: 10, err: full, n: new(int)}
	_, err := b.do(t.Context(), input(5000))
	if !errors.Is(err, full) {
		t.Fatalf("got %v", err)
	}
	if n := b.api.Calls(); n > 200 {
		t.Errorf("%d calls were made for results that have no place", n)
	}
}

type failing struct {
	after int
	err   error
	n     *int
}

func (f failing) Put(int, []byte) error {
	if *f.n++; *f.n > f.after {
		return f.err
	}
	return nil
}
func (failing) Kept(int, int64, int) {}
func (failing) Watch(func(error))    {}
func (failing) Close() error         { return nil }

func TestWhatCannotGetBetterStopsTheRun(t *testing.T) {
	for _, c := range []struct {
		fault openaitest.Fault
		class record.Class
	}{
		{openaitest.Fault{Kind: openaitest.Unauthorized, Turns: openaitest.Turns{Skip: 5}}, record.Auth},
		{openaitest.Fault{Kind: openaitest.InsufficientQuota, Turns: openaitest.Turns{Skip: 5}}, record.Quota},
		{openaitest.Fault{
			Kind:       openaitest.Status,
			ErrorReply: openaitest.ErrorReply{Status: 404, Code: "model_not_found", Message: "no such model"},
			Turns:      openaitest.Turns{Skip: 5},
		}, record.Model},
		{openaitest.Fault{
			Kind:       openaitest.Status,
			ErrorReply: openaitest.ErrorReply{Status: 404, Message: "nothing here"},
			Turns:      openaitest.Turns{Skip: 5},
		}, record.Invalid},
		{openaitest.Fault{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 429, RetryAfter: "9999"}, Turns: openaitest.Turns{Skip: 5}}, record.RateLimit},
	} {
		t.Run(string(c.class), func(t *testing.T) {
			b := newBench(t, 4, openaitest.Options{Faults: []openaitest.Fault{c.fault}})
			sum, err := b.do(t.Context(), input(1000))
			stop, ok := errors.AsType[*online.StopError](err)
			if !ok || stop.Class != c.class {
				t.Fatalf("got %v", err)
			}
			if sum.OK != 5 || b.api.Calls() > 25 {
				t.Errorf("%d calls, %+v", b.api.Calls(), sum)
			}
			if n := len(results(t, b.out.Bytes())); n != sum.Rows {
				t.Errorf("%d results in the output, %d in the sum", n, sum.Rows)
			}
		})
	}
}

func TestThatTheFirstCallHadNoAnswerIsSaidOnce(t *testing.T) {
	for times, want := range []int{0, 1, 1} {
		b := newBench(t, 1, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.Reset, Turns: openaitest.Turns{Times: times}}}[:min(times, 1)]})
		if sum, err := b.do(t.Context(), input(3)); err != nil || sum.OK != 3 || len(b.said) != want || want > 0 && !strings.HasPrefix(b.said[0], "no answer yet: ") {
			t.Errorf("%d resets: said %q; %+v, %v", times, b.said, sum, err)
		}
	}
}

func TestTheInputCanHoldNoMoreRowsThanFollowInItsSource(t *testing.T) {
	lines := bytes.SplitAfter(input(100), []byte("\n"))
	for _, c := range []struct {
		name string
		in   [][]byte
		want []int
	}{
		{"the whole", lines[:100], []int{100}},
		{"the first rows", lines[:3], []int{100}},
		{"a shard", lines[40:43], []int{60}},
		{"some", [][]byte{lines[10], lines[50], lines[51], lines[99]}, []int{90, 51, 4}},
		{"out of order", [][]byte{lines[50], lines[10], lines[99]}, []int{50, 100}},
	} {
		b := newBench(t, 1, openaitest.Options{})
		var got []int
		b.AtMost = func(n int) { got = append(got, n) }
		if sum, err := b.do(t.Context(), bytes.Join(c.in, nil)); err != nil || sum.OK != len(c.in) || fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: told %v, want %v; %+v, %v", c.name, got, c.want, sum, err)
		}
	}
}

func TestReadAheadKnowsHowManyLinesThereAre(t *testing.T) {
	long := strings.Repeat("x", 200_000)
	for _, c := range []struct {
		name, text string
		want       int
	}{
		{"nothing", "", 0},
		{"lines", "a\nb\n", 2},
		{"blank lines", "\n \na\r\n\r\n\t\nb\n\n", 2},
		{"no newline at the end", "a\nb", 2},
		{"NUL bytes at the end", "a\nb\n\x00\x00\x00", 2},
		{"long lines", long + "\n" + long + "\n" + long, 3},
		{"blanks longer than a part", strings.Repeat(" ", 200_000) + "\n" + strings.Repeat(" ", 200_000) + "x\n", 1},
	} {
		path := filepath.Join(t.TempDir(), "in")
		if err := os.WriteFile(path, []byte("read before\n"+c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := file.Seek(int64(len("read before\n")), io.SeekStart); err != nil {
			t.Fatal(err)
		}
		for kind, r := range map[string]io.Reader{"file": file, "pipe": iotest.OneByteReader(strings.NewReader(c.text)), "at once": strings.NewReader(c.text)} {
			ended := make(chan int, 1)
			in := online.ReadAhead(r, func(n int) { ended <- n })
			if got := <-ended; got != c.want { // before anything is read
				t.Errorf("%s, %s: %d lines, want %d", c.name, kind, got, c.want)
			}
			if got, err := io.ReadAll(in); err != nil || string(got) != c.text {
				t.Errorf("%s, %s: read %d of %d bytes (%v)", c.name, kind, len(got), len(c.text), err)
			}
		}
	}
}

func TestReadAheadPassesErrorsOnBehindWhatWasRead(t *testing.T) {
	broken := errors.New("broken")
	in := online.ReadAhead(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)), func(int) { t.Error("it did not end") })
	if got, err := io.ReadAll(in); !errors.Is(err, broken) || string(got) != "a\nb" {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestAnEndedContextLetsCallsInFlightLandAndLosesNone(t *testing.T) {
	b := newBench(t, 4, openaitest.Options{Latency: 50 * time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	b.Done = func(bool) { cancel() }
	sum, err := b.do(ctx, input(100))
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if sum.OK != b.api.Answered() || sum.OK == 100 {
		t.Errorf("%d answers came, %d are in the output", b.api.Answered(), sum.OK)
	}
}

func TestCallsThatDoNotLandInTimeAreGivenUp(t *testing.T) {
	b := newBench(t, 4, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.Hang, Turns: openaitest.Turns{Skip: 1}}}})
	b.Grace = 20 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	b.Done = func(bool) { cancel() }
	sum, err := b.do(ctx, input(100))
	if !errors.Is(err, context.Canceled) || sum.Rows != 1 {
		t.Errorf("%+v, %v", sum, err)
	}
}

func TestABrokenLineIsNamedAndWhatStoodBeforeItIsAsked(t *testing.T) {
	b := newBench(t, 4, openaitest.Options{})
	sum, err := b.do(t.Context(), append(input(3), "{\n"...))
	if err == nil || !strings.HasPrefix(err.Error(), "prompts:4: ") || sum.OK != 3 {
		t.Errorf("%+v, %v", sum, err)
	}
}

// earlier runs in against b with its output in a file, and returns the file.
func earlier(t *testing.T, b *bench, in []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "earlier.jsonl")
	if _, err := b.do(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	b.out.Reset()
	return path
}

func (b *bench) add(t *testing.T, path string, own bool) {
	t.Helper()
	output := ""
	if own {
		output = path
	}
	answers, err := resume.Open(nil, output, []string{path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(answers.Close)
	b.Earlier = answers
}

func TestEarlierAnswersAreTakenOverAndNotAskedAgain(t *testing.T) {
	b := newBench(t, 4, openaitest.Options{})
	path := earlier(t, b, input(50)[:bytes.LastIndex(input(50)[:10_000], []byte("\n"))+1])
	asked := b.api.Calls()
	b.add(t, path, false)
	sum, err := b.do(t.Context(), input(50))
	if err != nil || sum.Kept != asked || sum.OK != 50-asked || b.api.Calls() != 50 {
		t.Fatalf("%+v, %v, %d calls", sum, err, b.api.Calls())
	}
	if got := results(t, b.out.Bytes()); len(got) != 50 {
		t.Errorf("%d results", len(got))
	}
}

func TestAnswersToSomethingElseAreRefusedBeforeAnythingIsAsked(t *testing.T) {
	other := bytes.ReplaceAll(input(50), []byte("met Bob"), []byte("met Eve"))
	var rewritten []byte // with the digests of its own prompts
	for line := range bytes.Lines(other) {
		p, err := record.ParsePrompt(bytes.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		p.ID = record.NewID("test", p.Index, []byte(p.Text))
		rewritten = record.AppendPrompt(rewritten, &p)
	}
	lines := bytes.SplitAfter(input(50), []byte("\n"))
	for _, c := range []struct {
		name    string
		earlier []byte
		own     bool
		in      []byte
		model   string
		want    string
	}{
		{"other prompts", input(50), false, rewritten, "", "50 rows were asked before for another sentence or label: 50 in "},
		{"other prompts, the first rows missing", bytes.Join(lines[40:], nil), true, rewritten, "", "10 rows were asked before for another sentence or label: 10 in "},
		{"another model", input(50), true, input(50), "gpt-4o", "another model or with other settings"},
		{"another total", input(50), true, input(60), "", "a source of 50 rows, these prompts for one of 60"},
		{"another source", bytes.ReplaceAll(input(50), []byte(`"id":"test/`), []byte(`"id":"dev/`)), false, input(50), "", `of source "dev", these prompts of "test"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, 4, openaitest.Options{})
			path := earlier(t, b, c.earlier)
			calls := b.api.Calls()
			b.add(t, path, c.own)
			if c.model != "" {
				var err error
				if b.Requests, err = wire.NewBuilder(wire.Settings{Model: c.model, MaxTokens: 64}); err != nil {
					t.Fatal(err)
				}
			}
			_, err := b.do(t.Context(), c.in)
			_, mixed := errors.AsType[*resume.MixError](err)
			_, differ := errors.AsType[*resume.DifferError](err)
			if !mixed && !differ || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if n := b.api.Calls() - calls; n != 0 {
				t.Errorf("%d calls were made before that was found out", n)
			}
		})
	}
}

func TestAReorderedFileHoldsEveryRowOnceInInputOrder(t *testing.T) {
	b := newBench(t, 8, openaitest.Options{Jitter: 3 * time.Millisecond})
	path := filepath.Join(t.TempDir(), "r.jsonl")
	lines := bytes.SplitAfter(input(60), []byte("\n"))
	for round, in := range [][]byte{bytes.Join(lines[30:50], nil), bytes.Join(lines[10:40], nil), input(60)} {
		out, _, err := online.OpenResults(path, true, true)
		if err != nil {
			t.Fatal(err)
		}
		b.Output = out
		b.add(t, path, true)
		if _, err := b.do(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var rows []int
		for _, r := range results(t, data) {
			rows = append(rows, r.Index)
		}
		want := [][2]int{{30, 50}, {10, 40}, {0, 60}}[round]
		for i := range want[1] - want[0] {
			if rows[i] != want[0]+i {
				t.Fatalf("round %d: rows %v", round, rows)
			}
		}
		if n := []int{20, 40, 60}[round]; len(rows) != n {
			t.Errorf("round %d: %d rows, want %d", round, len(rows), n)
		}
	}
	if b.api.Answered() != 60 {
		t.Errorf("%d answers were paid for 60 rows", b.api.Answered())
	}
}

func TestAServiceThatRefusesEveryCallIsGivenUpAndItsRowsStayUnasked(t *testing.T) {
	for _, accepts := range []int{0, 30} {
		b := newBench(t, 8, openaitest.Options{Faults: []openaitest.Fault{{
			Kind:       openaitest.Status,
			ErrorReply: openaitest.ErrorReply{Status: 429},
			Turns:      openaitest.Turns{Skip: accepts},
		}}})
		b.Pacer = pace.New(pace.Config{InFlight: 8, MaxRetries: 5, MaxWait: time.Second})
		const submitted = 400
		sum, err := b.do(t.Context(), input(submitted))
		stop, ok := errors.AsType[*online.StopError](err)
		if !ok || stop.Class != record.RateLimit || !strings.Contains(err.Error(), "has refused every call") {
			t.Fatalf("got %v", err)
		}
		if calls := b.api.Calls(); calls > accepts+60 {
			t.Errorf("%d calls", calls)
		}
		missing := submitted - len(results(t, b.out.Bytes()))
		if sum.OK != accepts || sum.Failed.Rows() != 0 || sum.OK+missing != submitted {
			t.Errorf("%+v, %d missing", sum, missing)
		}
	}
}

func TestNoRowFailsBecauseOfLimitsWhileOthersGetThrough(t *testing.T) {
	b := newBench(t, 64, openaitest.Options{RateLimits: openaitest.RateLimits{RPM: 40, Period: 500 * time.Millisecond, Windows: true, Hints: openaitest.HintNothing}})
	b.Pacer = pace.New(pace.Config{InFlight: 64, MaxRetries: 0, MaxWait: time.Minute})
	sum, err := b.do(t.Context(), input(120))
	if err != nil || sum.OK != 120 || sum.Failed.Rows() != 0 {
		t.Errorf("%+v, %v", sum, err)
	}
	if calls := b.api.Calls(); calls > 300 {
		t.Errorf("%d calls for 120 rows", calls)
	}
}
