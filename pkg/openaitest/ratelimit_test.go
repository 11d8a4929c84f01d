package openaitest_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/openaitest"
)

func rateHeaders(h http.Header) map[string]string {
	got := map[string]string{}
	for name := range h {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-ratelimit-") || strings.HasPrefix(lower, "retry-after") {
			got[strings.TrimPrefix(lower, "x-ratelimit-")] = h.Get(name)
		}
	}
	return got
}

func checkRate(t *testing.T, when string, a answer, status int, want map[string]string) {
	t.Helper()
	if a.status != status {
		t.Errorf("%s: status %d, want %d: %s", when, a.status, status, a.body)
	}
	if diff := cmp.Diff(want, rateHeaders(a.header)); diff != "" {
		t.Errorf("%s: -want +got:\n%s", when, diff)
	}
}

func TestRequestsAMinuteAreABucketThatRefillsSteadily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := openaitest.New(openaitest.Options{RateLimits: openaitest.RateLimits{RPM: 2}})
		call := func() answer { return direct(t, api, chatBody("m", "hi")) }
		checkRate(t, "first", call(), 200,
			map[string]string{"limit-requests": "2", "remaining-requests": "1", "reset-requests": "30s"})
		checkRate(t, "second", call(), 200,
			map[string]string{"limit-requests": "2", "remaining-requests": "0", "reset-requests": "1m0s"})
		time.Sleep(988 * time.Millisecond)
		over := call()
		checkRate(t, "third", over, 429, map[string]string{"limit-requests": "2", "remaining-requests": "0",
			"reset-requests": "59.012s", "retry-after": "30", "retry-after-ms": "29012"})
		if got, message := refusalOf(t, over); got != (refusal{status: 429, code: "rate_limit_exceeded"}) ||
			!strings.Contains(message, "requests per min (RPM): Limit 2, Used 2, Requested 1. Please try again in 29.012s") {
			t.Errorf("got %+v %q", got, message)
		}
		time.Sleep(29011 * time.Millisecond)
		if got := call().status; got != 429 {
			t.Errorf("1 ms before retry-after-ms: status %d", got)
		}
		time.Sleep(time.Millisecond)
		checkRate(t, "after retry-after-ms", call(), 200,
			map[string]string{"limit-requests": "2", "remaining-requests": "0", "reset-requests": "1m0s"})
		time.Sleep(time.Hour)
		checkRate(t, "long after", call(), 200,
			map[string]string{"limit-requests": "2", "remaining-requests": "1", "reset-requests": "30s"})
	})
}

func TestTokensAMinuteCountPromptAndAskedAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := openaitest.New(openaitest.Options{RateLimits: openaitest.RateLimits{TPM: 6000}})
		body := chatBody("m", strings.Repeat("x", 397), "max_tokens", 2900) // 100 + 2900
		first := direct(t, api, body)
		checkRate(t, "first", first, 200,
			map[string]string{"limit-tokens": "6000", "remaining-tokens": "3000", "reset-tokens": "30s"})
		direct(t, api, body)
		checkRate(t, "third", direct(t, api, body), 429, map[string]string{"limit-tokens": "6000", "remaining-tokens": "0",
			"reset-tokens": "1m0s", "retry-after": "30", "retry-after-ms": "30000"})
		time.Sleep(120 * time.Millisecond) // 12 tokens
		checkRate(t, "a small one", direct(t, api, chatBody("m", strings.Repeat("x", 44))), 200,
			map[string]string{"limit-tokens": "6000", "remaining-tokens": "1", "reset-tokens": "59.99s"})

		tooLarge := direct(t, api, chatBody("m", "x", "max_tokens", 6000))
		if _, ok := tooLarge.header["Retry-After"]; ok || tooLarge.status != 429 ||
			!strings.Contains(string(tooLarge.body), "Request too large for m on tokens per min (TPM): Limit 6000, Requested 6001") {
			t.Errorf("a call that no bucket covers: status %d %v %s", tooLarge.status, tooLarge.header, tooLarge.body)
		}
	})
}

func TestBothLimitsAreObeyedAndRefusedCallsCostNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := openaitest.New(openaitest.Options{RateLimits: openaitest.RateLimits{RPM: 60, TPM: 600}})
		start, good := time.Now(), 0
		for good < 70 { // 60 at once; then 10 more, one a second
			a := direct(t, api, chatBody("m", "1234"))
			if a.status == 200 {
				good++
				continue
			}
			ms, err := strconv.Atoi(a.header.Get("Retry-After-Ms"))
			if err != nil || ms <= 0 {
				t.Fatalf("retry-after-ms: %v", a.header)
			}
			time.Sleep(time.Duration(ms) * time.Millisecond)
		}
		if got := time.Since(start).Round(time.Millisecond); got != 10*time.Second {
			t.Errorf("70 calls took %v, want 10s", got)
		}
		bad := direct(t, api, "{")
		checkRate(t, "a bad request", bad, 400, map[string]string{
			"limit-requests": "60", "remaining-requests": "0", "reset-requests": "1m0s",
			"limit-tokens": "600", "remaining-tokens": "599", "reset-tokens": "100ms"}) // all but the last call's token are back
	})
}

func TestWithoutLimitsThereAreNoRateHeaders(t *testing.T) {
	checkRate(t, "no limits", direct(t, openaitest.New(openaitest.Options{}), chatBody("m", "hi")), 200, map[string]string{})
}

func TestMoreCallsAtOnceThanAllowedAreRefusedWithoutRetryAfter(t *testing.T) {
	entered, release := make(chan bool), make(chan bool)
	api, c := serve(t, openaitest.Options{RateLimits: openaitest.RateLimits{MaxInFlight: 2}, Answer: func(string) string {
		entered <- true
		<-release
		return "ok"
	}})
	statuses := make(chan int, 2)
	for range 2 {
		go func() {
			a, _ := c.try(chatPath, chatBody("m", "hi"))
			statuses <- a.status
		}()
		<-entered
	}
	a := c.post(chatPath, chatBody("m", "hi"))
	checkRate(t, "third at once", a, 429, map[string]string{})
	if got, _ := refusalOf(t, a); got.code != "rate_limit_exceeded" {
		t.Errorf("code %q", got.code)
	}
	close(release)
	if a, b := <-statuses, <-statuses; a != 200 || b != 200 {
		t.Errorf("the first two got %d and %d", a, b)
	}
	if got := api.MaxInFlight(); got != 3 {
		t.Errorf("%d in flight at most, want 3", got)
	}
}

func TestAClientAtTheLimitIsNeverRefused(t *testing.T) {
	const workers = 4
	api, c := serve(t, openaitest.Options{RateLimits: openaitest.RateLimits{MaxInFlight: workers}})
	done := make(chan bool)
	for range workers {
		go func() {
			for range 50 {
				if a, err := c.try(chatPath, chatBody("m", strings.Repeat("long ", 2000))); err != nil || a.status != 200 {
					t.Errorf("status %d, %v", a.status, err)
				}
			}
			done <- true
		}()
	}
	for range workers {
		<-done
	}
	if got := api.MaxInFlight(); got > workers {
		t.Errorf("%d in flight, the client had %d", got, workers)
	}
}

func TestWindowsAllowTheirRequestsAnewAllAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := openaitest.New(openaitest.Options{RateLimits: openaitest.RateLimits{RPM: 3, Windows: true, Period: 10 * time.Second}})
		call := func() answer { return direct(t, api, chatBody("m", "hi")) }
		for window := range 3 {
			for i := range 3 {
				if got := call().status; got != 200 {
					t.Errorf("window %d, call %d: status %d", window, i, got)
				}
			}
			time.Sleep(6 * time.Second)
			checkRate(t, "the next", call(), 429, map[string]string{"limit-requests": "3", "remaining-requests": "0",
				"reset-requests": "4s", "retry-after": "4", "retry-after-ms": "4000"})
			time.Sleep(4 * time.Second)
		}
	})
}

func TestHintsAreGivenInHeadersOrInTheMessageOrNotAtAll(t *testing.T) {
	for hints, says := range map[openaitest.Hints]bool{openaitest.HintMessage: true, openaitest.HintNothing: false} {
		synctest.Test(t, func(t *testing.T) {
			api := openaitest.New(openaitest.Options{RateLimits: openaitest.RateLimits{RPM: 1, Hints: hints}})
			call := func() answer { return direct(t, api, chatBody("m", "hi")) }
			checkRate(t, "first", call(), 200, map[string]string{})
			second := call()
			checkRate(t, "second", second, 429, map[string]string{})
			if _, message := refusalOf(t, second); strings.Contains(message, "try again in 1m0s") != says {
				t.Errorf("%q: %q", hints, message)
			}
		})
	}
}

func TestRequestsOfADayAreShownAsTheRequestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := openaitest.New(openaitest.Options{RateLimits: openaitest.RateLimits{RPD: 14400, TPM: 6000}})
		for range 30 {
			direct(t, api, chatBody("m", "1234"))
		}
		checkRate(t, "the last", direct(t, api, chatBody("m", "1234")), 200, map[string]string{
			"limit-requests": "14400", "remaining-requests": "14369", "reset-requests": "3m6s",
			"limit-tokens": "6000", "remaining-tokens": "5969", "reset-tokens": "310ms"})
	})
}

func TestHeadersAreAddedWhateverTheySay(t *testing.T) {
	exhausted := map[string]string{"x-ratelimit-limit-tokens": "150000", "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}
	want := map[string]string{"limit-tokens": "150000", "remaining-tokens": "0", "reset-tokens": "6m0s"}
	checkRate(t, "constant", direct(t, openaitest.New(openaitest.Options{Dialect: openaitest.Dialect{Headers: exhausted}}), chatBody("m", "hi")), 200, want)

	api := openaitest.New(openaitest.Options{Faults: []openaitest.Fault{
		{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 429, RetryAfter: "1", Headers: exhausted}, Turns: openaitest.Turns{Every: 2}},
	}})
	checkRate(t, "a good answer", direct(t, api, chatBody("m", "hi")), 200, map[string]string{})
	want["retry-after"] = "1"
	checkRate(t, "a fault", direct(t, api, chatBody("m", "hi")), 429, want)
}
