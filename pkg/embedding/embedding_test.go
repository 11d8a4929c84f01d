package embedding_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/embedding"
	"nertools/pkg/fault"
	"nertools/pkg/openaiapi"
	"nertools/pkg/openaitest"
	"nertools/pkg/pace"
	"nertools/pkg/record"
	"nertools/pkg/retry"
	"nertools/pkg/wire"
)

func TestMain(m *testing.M) {
	// What the person who runs the tests has set must not decide them.
	for _, name := range []string{"OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_CUSTOM_HEADERS"} {
		os.Unsetenv(name)
	}
	os.Exit(m.Run())
}

// cached starts a simulated API and returns a cache in a new folder that asks it
// for vectors of 8 numbers.
func cached(t testing.TB, opt openaitest.Options) (*openaitest.Server, *embedding.Cache) {
	t.Helper()
	api := openaitest.New(opt)
	ts := httptest.NewServer(api)
	t.Cleanup(ts.Close)
	t.Cleanup(api.Close)
	client, err := openaiapi.New(openaiapi.Config{Key: "sk-test", BaseURL: ts.URL + "/v1", InFlight: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return api, &embedding.Cache{
		Dir: filepath.Join(t.TempDir(), "cache"), Server: ts.URL + "/v1", Model: "local", Dimensions: 8,
		Asker: client, Pacer: pace.New(pace.Config{InFlight: 4, MaxRetries: 3}), InFlight: 4,
		Say: func(s string) { t.Log(s) },
	}
}

// get returns copies of the vectors, and how many texts were asked for.
func get(t testing.TB, c *embedding.Cache, texts []string) (vectors [][]float32, asked int) {
	t.Helper()
	v, err := c.Get(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range v.Of {
		vectors = append(vectors, slices.Clone(x))
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	return vectors, v.Asked
}

func numbered(n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf("sentence number %d .", i)
	}
	return texts
}

// paidOnce checks that each of n texts was billed, and no more than once.
func paidOnce(t *testing.T, api *openaitest.Server, n int) {
	t.Helper()
	billed := api.Billed()
	if len(billed) != n || slices.ContainsFunc(slices.Collect(maps.Values(billed)), func(times int) bool { return times != 1 }) {
		t.Errorf("%d texts billed, %d bills; want %d", len(billed), len(api.Bills()), n)
	}
}

// only is the cache's one file.
func only(t testing.TB, c *embedding.Cache) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(c.Dir, "*.vectors"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files in the cache (%v)", len(files), err)
	}
	return files[0]
}

func TestEachTextIsAskedForOnceAndARerunAsksNothing(t *testing.T) {
	api, c := cached(t, openaitest.Options{})
	texts := append(numbered(1300), "", "sentence number 7 .", " ")
	first, asked := get(t, c, texts)
	if asked != 1301 || api.Calls() != 3 {
		t.Errorf("%d texts asked for in %d calls", asked, api.Calls())
	}
	again, asked := get(t, c, texts)
	if d := cmp.Diff(first, again); d != "" || asked != 0 || api.Calls() != 3 {
		t.Errorf("the rerun asked for %d texts: %s", asked, d)
	}
	if !slices.Equal(first[7], first[1301]) || slices.Equal(first[7], first[8]) {
		t.Error("vectors are mixed up")
	}
	if !slices.Equal(first[1300], make([]float32, 8)) {
		t.Errorf("the empty text has %v", first[1300])
	}
	slices.Reverse(texts)
	reversed, asked := get(t, c, append(texts, "one more"))
	if asked != 1 || !slices.Equal(reversed[len(texts)-1], first[0]) {
		t.Errorf("in another order and one more: asked for %d", asked)
	}
	paidOnce(t, api, 1302)
}

func TestTheUsageIsThatOfTheCalls(t *testing.T) {
	_, c := cached(t, openaitest.Options{})
	v, err := c.Get(t.Context(), []string{"12345678", "1234"})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if (v.Usage != record.Usage{Prompt: 3}) {
		t.Errorf("got %+v", v.Usage)
	}
}

func TestAnotherModelServerOrSizeIsAskedAnew(t *testing.T) {
	api, c := cached(t, openaitest.Options{})
	texts := numbered(2)
	for name, change := range map[string]func(*embedding.Cache){
		"as it is":      func(*embedding.Cache) {},
		"model":         func(c *embedding.Cache) { c.Model = "text-embedding-3-small" },
		"dimensions":    func(c *embedding.Cache) { c.Dimensions = 16 },
		"its own":       func(c *embedding.Cache) { c.Dimensions = 0 },
		"host":          func(c *embedding.Cache) { c.Server = "example.org/v1" },
		"path":          func(c *embedding.Cache) { c.Server = "example.org/other/v1" },
		"awkward names": func(c *embedding.Cache) { c.Model, c.Server = "../a/b:ü", "%" },
	} {
		other := *c
		change(&other)
		if _, asked := get(t, &other, texts); asked != 2 {
			t.Errorf("%s: asked for %d", name, asked)
		}
		calls := api.Calls()
		if _, asked := get(t, &other, texts); asked != 0 || api.Calls() != calls {
			t.Errorf("%s, again: asked for %d", name, asked)
		}
	}
}

func TestServerThatTakesLessAtOnceGetsLess(t *testing.T) {
	texts := make([]string, 512) // of 146 tokens each
	for i := range texts {
		texts[i] = fmt.Sprintf("%0584d", i)
	}
	for name, opt := range map[string]openaitest.Options{
		"a size of its own": {Faults: []openaitest.Fault{{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 413}, Turns: openaitest.Turns{Times: 9}}}},
		"so many texts": {Faults: []openaitest.Fault{{
			Kind:       openaitest.Status,
			ErrorReply: openaitest.ErrorReply{Status: 400, Message: "batch size exceeds 32"},
			Turns:      openaitest.Turns{Times: 4},
		}}},
		"fewer tokens in a minute": {RateLimits: openaitest.RateLimits{TPM: 512*146 - 50}},
	} {
		t.Run(name, func(t *testing.T) {
			api, c := cached(t, opt)
			c.InFlight = 1
			if _, asked := get(t, c, texts); asked != len(texts) {
				t.Errorf("asked for %d", asked)
			}
			paidOnce(t, api, len(texts))
		})
	}
}

func TestACallHoldsNoMoreThanTheServiceTakes(t *testing.T) {
	api, c := cached(t, openaitest.Options{Logging: openaitest.Logging{KeepBodies: true}})
	texts := make([]string, 20)
	for i := range texts {
		texts[i] = strings.Repeat(fmt.Sprintf("%d東", i), 6000) // a token may be as small as a byte
	}
	get(t, c, texts)
	for _, call := range api.Log() {
		if size := len(call.Body); size > 301_000 {
			t.Errorf("a call of %d bytes", size)
		}
	}
	paidOnce(t, api, 20)
}

func TestPassingTroubleIsGotOver(t *testing.T) {
	api, c := cached(t, openaitest.Options{Faults: []openaitest.Fault{
		{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 503}, Turns: openaitest.Turns{Times: 1}},
		{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 429, RetryAfterMS: "5"}, Turns: openaitest.Turns{Times: 2}},
		{Kind: openaitest.Reset, Turns: openaitest.Turns{Times: 1}},
	}})
	if _, asked := get(t, c, numbered(600)); asked != 600 {
		t.Errorf("asked for %d", asked)
	}
	paidOnce(t, api, 600)
}

func TestRefusedEncodingIsDoneWithout(t *testing.T) {
	_, c := cached(t, openaitest.Options{})
	want, _ := get(t, c, numbered(3))
	api, c := cached(t, openaitest.Options{Unsupported: []string{"encoding_format"}})
	got, _ := get(t, c, numbered(3))
	if d := cmp.Diff(want, got); d != "" || api.Calls() != 2 {
		t.Errorf("%d calls, as floats: %s", api.Calls(), d)
	}
}

func TestTroubleThatStaysEndsTheRunAtOnceWithARemedy(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault openaitest.Fault
		class record.Class
		hint  string
	}{
		{"key", openaitest.Fault{Kind: openaitest.Unauthorized}, record.Auth, "OPENAI_API_KEY"},
		{"credit", openaitest.Fault{Kind: openaitest.InsufficientQuota}, record.Quota, "credit"},
		{"model", openaitest.Fault{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 404, Code: "model_not_found"}}, record.Model, "choose an embedding model"},
		{"endpoint", openaitest.Fault{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 404}}, record.Invalid, "base URL"},
		{"server", openaitest.Fault{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 500}}, record.Server, "again"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			api, c := cached(t, openaitest.Options{Faults: []openaitest.Fault{tt.fault}})
			c.InFlight, c.Pacer = 1, pace.New(pace.Config{InFlight: 1})
			_, err := c.Get(t.Context(), numbered(2000))
			e, ok := errors.AsType[*wire.Error](err)
			if !ok || e.Class != tt.class || !strings.Contains(fault.Hint(err), tt.hint) {
				t.Errorf("got %v, hint %q", err, fault.Hint(err))
			}
			if n := api.Calls(); n != 1 {
				t.Errorf("%d calls", n)
			}
		})
	}
}

// unsteady is a service that is reached in some calls only.
type unsteady struct {
	retry.Asker
	calls   atomic.Int64
	reached func(call int64) bool
}

func (u *unsteady) Ask(ctx context.Context, path string, body []byte, read func([]byte) error) (pace.Limits, error) {
	if !u.reached(u.calls.Add(1)) {
		return pace.Limits{}, &wire.Error{Failure: record.Failure{Class: record.Network, Message: "connection refused"}, RetryAfter: time.Microsecond}
	}
	return u.Asker.Ask(ctx, path, body, read)
}

func TestAServiceThatNeverAnswersIsGivenUpSoonerThanOneThatHas(t *testing.T) {
	for _, tt := range []struct {
		name    string
		reached func(call int64) bool
		calls   int64
		want    string
	}{
		{"never", func(int64) bool { return false }, 4, "no answer to the first call: connection refused"},
		{"once", func(call int64) bool { return call == 1 }, 1 + 7, "connection refused"},
		{"at the fourth try", func(call int64) bool { return call >= 4 }, 3 + 2, "<nil>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, c := cached(t, openaitest.Options{})
			u := &unsteady{Asker: c.Asker, reached: tt.reached}
			var said []string
			c.Asker, c.InFlight, c.Say = u, 1, func(s string) { said = append(said, s) }
			c.Pacer = pace.New(pace.Config{InFlight: 1, MaxRetries: 6})
			v, err := c.Get(t.Context(), numbered(600))
			if err == nil {
				err = v.Close()
			}
			if got := fmt.Sprint(err); got != tt.want || errors.Is(err, embedding.ErrNoAnswer) != (tt.name == "never") {
				t.Errorf("got %v", err)
			}
			if u.calls.Load() != tt.calls {
				t.Errorf("%d calls", u.calls.Load())
			}
			if told := len(said) == 1 && strings.Contains(said[0], "connection refused"); told == tt.reached(1) {
				t.Errorf("said %q", said)
			}
		})
	}
}

func TestARefusedTextIsNamedAndTheOthersAreKept(t *testing.T) {
	api, c := cached(t, openaitest.Options{Faults: []openaitest.Fault{{
		Kind:       openaitest.Status,
		ErrorReply: openaitest.ErrorReply{Status: 400},
		Aim:        openaitest.Aim{Contains: "bad"},
	}}})
	c.InFlight, c.Pacer = 1, pace.New(pace.Config{InFlight: 1})
	texts := append(numbered(15), "bad sentence")
	_, err := c.Get(t.Context(), texts)
	if err == nil || !strings.Contains(fault.Hint(err), `"bad sentence"`) {
		t.Errorf("got %v, hint %q", err, fault.Hint(err))
	}
	if _, asked := get(t, c, texts[:15]); asked != 0 {
		t.Errorf("asked again for %d", asked)
	}
	paidOnce(t, api, 15)
}

func TestLongPauseIsNotWaitedFor(t *testing.T) {
	_, c := cached(t, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 429, RetryAfter: "7200"}}}})
	c.Pacer = pace.New(pace.Config{InFlight: 4, MaxRetries: 3, MaxWait: time.Minute})
	_, err := c.Get(t.Context(), numbered(1))
	if _, ok := errors.AsType[*pace.GivenUp](err); !ok || !strings.Contains(fault.Hint(err), "2h0m0s") {
		t.Errorf("got %v, hint %q", err, fault.Hint(err))
	}
}

func TestLimitsOfTheServiceFailNoTextWhateverItTellsOfThem(t *testing.T) {
	for _, hints := range []openaitest.Hints{openaitest.HintAll, openaitest.HintMessage, openaitest.HintNothing} {
		api, c := cached(t, openaitest.Options{RateLimits: openaitest.RateLimits{RPM: 2, Period: 300 * time.Millisecond, Windows: true, Hints: hints}})
		c.Pacer = pace.New(pace.Config{InFlight: 4, MaxRetries: 0, MaxWait: time.Minute})
		if _, asked := get(t, c, numbered(2000)); asked != 2000 {
			t.Errorf("%q: %d texts were asked", hints, asked)
		}
		paidOnce(t, api, 2000)
	}
}

func TestAServiceThatRefusesEveryCallIsGivenUpWithARemedy(t *testing.T) {
	api, c := cached(t, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 429}}}})
	c.Pacer = pace.New(pace.Config{InFlight: 4, MaxRetries: 3, MaxWait: time.Second})
	_, err := c.Get(t.Context(), numbered(2000))
	if given, ok := errors.AsType[*pace.GivenUp](err); !ok || given.After != 0 || !strings.Contains(fault.Hint(err), "again later") {
		t.Errorf("got %v, hint %q", err, fault.Hint(err))
	}
	if n := api.Calls(); n > 30 {
		t.Errorf("%d calls", n)
	}
}

func TestEndOfTheContextEndsTheRun(t *testing.T) {
	api, c := cached(t, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.Hang, Aim: openaitest.Aim{Contains: "number 599 "}}}})
	ctx, cancel := context.WithCancel(t.Context())
	c.Progress = func(done, total int) {
		if done == 512 && total == 600 {
			cancel()
		}
	}
	if _, err := c.Get(ctx, numbered(600)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, asked := get(t, c, numbered(512)); asked != 0 {
		t.Errorf("asked again for %d", asked)
	}
	paidOnce(t, api, 512)
}

func TestVectorsOfAnotherLengthAreRefused(t *testing.T) {
	_, c := cached(t, openaitest.Options{})
	get(t, c, numbered(1))
	c.Asker = stretched{c.Asker}
	if _, err := c.Get(t.Context(), numbered(2)); err == nil || !strings.Contains(err.Error(), "vectors with 9 dimensions, not 8") || fault.Hint(err) == "" {
		t.Errorf("got %v", err)
	}
	c.Dir = t.TempDir() // nothing cached to compare with, but 8 were asked for
	if _, err := c.Get(t.Context(), numbered(2)); err == nil || !strings.Contains(err.Error(), "vectors with 9 dimensions, not 8") {
		t.Errorf("got %v", err)
	}
	c.Dimensions = 0
	if v, _ := get(t, c, numbered(2)); len(v[0]) != 9 {
		t.Errorf("%d numbers", len(v[0]))
	}
}

// stretched asks for 9 dimensions whatever it is told.
type stretched struct{ retry.Asker }

func (s stretched) Ask(ctx context.Context, path string, body []byte, read func([]byte) error) (pace.Limits, error) {
	body = bytes.Replace(body, []byte(`"dimensions":8,`), nil, 1)
	return s.Asker.Ask(ctx, path, bytes.Replace(body, []byte(`"encoding_format"`), []byte(`"dimensions":9,"encoding_format"`), 1), read)
}

// A writer that is killed leaves the last record, or the header, torn.
func TestTornEndIsCutOffAndAskedForAgain(t *testing.T) {
	api, c := cached(t, openaitest.Options{})
	texts := numbered(3)
	want, _ := get(t, c, texts)
	path := only(t, c)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const head, size = 44, 32 + 4*8 + 4
	if len(whole) != head+3*size {
		t.Fatalf("%d bytes", len(whole))
	}
	for n := range len(whole) + 1 {
		if n > head && n < head+2*size {
			continue // as the last record
		}
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		calls := api.Calls()
		got, asked := get(t, c, texts)
		if missing := 3 - max(0, n-head)/size; asked != missing || api.Calls()-calls != min(missing, 1) {
			t.Errorf("cut at %d: asked for %d in %d calls, want %d", n, asked, api.Calls()-calls, missing)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("cut at %d: %s", n, d)
		}
		if now, err := os.ReadFile(path); err != nil || len(now) != len(whole) {
			t.Errorf("cut at %d: %d bytes now (%v)", n, len(now), err)
		}
	}
}

// After a power cut, NUL bytes stand for what did not reach the disk: from any
// place to any other.
func TestWhatAPowerCutLeftIsAskedForAgain(t *testing.T) {
	api, c := cached(t, openaitest.Options{})
	texts := numbered(4)
	want, _ := get(t, c, texts)
	path := only(t, c)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const head, size = 44, 32 + 4*8 + 4
	for _, gap := range [][2]int{
		{0, len(whole)}, {head, len(whole)}, {0, head + size + 20}, {head + size, head + 2*size}, {head + 10, head + 11},
		{head + 40, head + size + 40}, {head + 3*size, len(whole)}, {head + 3*size + 50, len(whole)}, {head + 3*size + 33, head + 3*size + 34}, {len(whole) - 1, len(whole)},
	} {
		file := bytes.Clone(whole)
		clear(file[gap[0]:gap[1]])
		damaged := 0
		for i := range 4 {
			if r := file[head+i*size:][:size]; gap[0] < head || !bytes.Equal(r, whole[head+i*size:][:size]) {
				damaged++
			}
		}
		for _, more := range []int{0, 3, size, 5000} { // NUL bytes behind it
			if err := os.WriteFile(path, append(bytes.Clone(file), make([]byte, more)...), 0o600); err != nil {
				t.Fatal(err)
			}
			calls := api.Calls()
			got, asked := get(t, c, texts)
			if asked != damaged || api.Calls()-calls != min(damaged, 1) {
				t.Errorf("%v and %d more: asked for %d in %d calls, want %d", gap, more, asked, api.Calls()-calls, damaged)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%v and %d more: %s", gap, more, d)
			}
			if _, asked := get(t, c, append(texts, "one more")); asked != 1 {
				t.Errorf("%v and %d more: asked for %d again", gap, more, asked-1)
			}
		}
	}
}

// Files without checksums stay readable, and are written to as they are.
func TestACacheOfAnEarlierVersionIsUsed(t *testing.T) {
	_, c := cached(t, openaitest.Options{})
	texts := numbered(3)
	want, _ := get(t, c, texts)
	path := only(t, c)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const head, size = 44, 32 + 4*8
	old := append([]byte("ner-vec"), file[7]-2)
	old = append(old, file[8:head]...)
	for i := range 3 {
		old = append(old, file[head+i*(size+4):][:size]...)
	}
	for _, more := range []int{0, 7, size, 5000} {
		if err := os.WriteFile(path, append(bytes.Clone(old), make([]byte, more)...), 0o600); err != nil {
			t.Fatal(err)
		}
		got, asked := get(t, c, texts)
		if d := cmp.Diff(want, got); d != "" || asked != 0 {
			t.Errorf("%d NUL bytes: asked for %d: %s", more, asked, d)
		}
		if _, asked := get(t, c, append(texts, "one more")); asked != 1 {
			t.Errorf("%d NUL bytes: asked for %d, want 1", more, asked)
		}
		if now, err := os.ReadFile(path); err != nil || !bytes.HasPrefix(now, old) || len(now) != head+4*size {
			t.Errorf("%d NUL bytes: %d bytes now (%v)", more, len(now), err)
		}
	}
}

func TestFileThatIsNotTheCachesIsLeftAlone(t *testing.T) {
	_, c := cached(t, openaitest.Options{})
	get(t, c, numbered(1))
	path := only(t, c)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"another text":  "no vectors at all, but a text that somebody wrote",
		"short text":    "no",
		"another id":    string(whole[:8]) + "X" + string(whole[9:]),
		"no dimensions": string(whole[:40]) + "\x00\x00\x00\x00" + string(whole[44:]),
		"too many":      string(whole[:40]) + "\xff\xff\xff\xff" + string(whole[44:]),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := c.Get(t.Context(), numbered(2))
		if f, ok := errors.AsType[*fault.Error](err); !ok || f.File != path || f.Hint == "" {
			t.Errorf("%s: got %v", name, err)
		}
		if now, err := os.ReadFile(path); err != nil || string(now) != text {
			t.Errorf("%s: the file was changed (%v)", name, err)
		}
	}
}

func TestRunsAtOnceShareWhatIsPaidFor(t *testing.T) {
	api, c := cached(t, openaitest.Options{Latency: 20 * time.Millisecond})
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			own := *c // as another process has it
			own.Pacer = pace.New(pace.Config{InFlight: 4, MaxRetries: 3})
			v, err := own.Get(t.Context(), numbered(300+100*(i%3)))
			if err != nil {
				t.Error(err)
				return
			}
			for _, x := range v.Of {
				if len(x) != 8 || slices.Max(x) > 1 {
					t.Errorf("got %v", x)
				}
			}
			if err := v.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	paidOnce(t, api, 500)
}

func TestWaitingForAnotherRunEndsWithTheContext(t *testing.T) {
	_, c := cached(t, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.Hang}}})
	first, stopFirst := context.WithCancel(t.Context())
	var all sync.WaitGroup
	started := make(chan bool)
	all.Go(func() {
		own := *c
		own.Progress = func(int, int) { close(started) }
		if _, err := own.Get(first, numbered(1)); !errors.Is(err, context.Canceled) {
			t.Errorf("the first run: %v", err)
		}
	})
	<-started
	second, stopSecond := context.WithCancel(t.Context())
	own := *c
	own.Say = func(string) { stopSecond() }
	if _, err := own.Get(second, numbered(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("the second run: %v", err)
	}
	stopFirst()
	all.Wait()
}

func FuzzCacheFile(f *testing.F) {
	_, c := cached(f, openaitest.Options{})
	get(f, c, numbered(2))
	path := only(f, c)
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:50])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, text []byte) {
		own := *c
		own.Dir = t.TempDir()
		if err := os.WriteFile(filepath.Join(own.Dir, filepath.Base(path)), text, 0o600); err != nil {
			t.Fatal(err)
		}
		v, err := own.Get(t.Context(), numbered(3))
		if err != nil {
			return // of another file, or one of another number of dimensions
		}
		defer v.Close()
		for _, x := range v.Of {
			if len(x) != len(v.Of[0]) || len(x) == 0 {
				t.Errorf("vectors of %d and %d numbers", len(v.Of[0]), len(x))
			}
			for _, y := range x {
				_ = math.Abs(float64(y)) // it can be read
			}
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	_, c := cached(b, openaitest.Options{Logging: openaitest.Logging{NoLog: true}})
	c.Dimensions = 1536
	texts := numbered(10_000)
	get(b, c, texts)
	for b.Loop() {
		v, err := c.Get(b.Context(), texts)
		if err != nil || v.Asked > 0 {
			b.Fatal(v.Asked, err)
		}
		if err := v.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
