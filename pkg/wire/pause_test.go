package wire_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"nertools/pkg/wire"
)

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// Below, tests run in a bubble, where it is midnight UTC 2000-01-01.

func TestAPauseThatOnlyTheMessageAsksForIsFound(t *testing.T) {
	for message, want := range map[string]time.Duration{
		"Too many tokens for the current tier. Please retry after 30 seconds.":                                            30 * time.Second,
		"Requests to the API have exceeded call rate limit. Please retry after 1 second. Contact us.":                     time.Second,
		"Rate limit reached for gpt-4o on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s.": 20 * time.Second,
		"Limit 200000, Used 199000, Requested 1500. Please try again in 150ms. Visit https://x.y/z":                       150 * time.Millisecond,
		"on tokens per min. Limit: 40000 / min. Please try again in 6m0s.":                                                6 * time.Minute,
		"on requests per day: Limit 200. Please try again in 7m12s.":                                                      7*time.Minute + 12*time.Second,
		"try again in 114h18m":                                         114*time.Hour + 18*time.Minute,
		"Please try again in 1.5s":                                     1500 * time.Millisecond,
		"Please try again in 2m59.56s. Need more tokens? Upgrade":      2*time.Minute + 59*time.Second + 560*time.Millisecond,
		"You exceeded your current quota. Please retry in 34.074824s.": 34074824 * time.Microsecond,
		"retry in 20s":          20 * time.Second,
		"Please wait 2 minutes": 2 * time.Minute,
		"Please wait for 45 seconds before trying again":         45 * time.Second,
		"please try again after 1 seconds":                       time.Second,
		"You have to wait at least another 90 sec.":              90 * time.Second,
		"Try your request again in approximately 20 seconds":     20 * time.Second,
		"Try again in 2 minutes and 30 seconds.":                 150 * time.Second,
		"Retry in 1 hour, 5 minutes":                             65 * time.Minute,
		"Rate limited, retry-after: 12s":                         12 * time.Second,
		"rate_limited retry_after=7":                             7 * time.Second,
		"Retry after 9.":                                         9 * time.Second,
		"Please retry after 00:00:26.":                           26 * time.Second,
		"Your limit resets in 3 hours":                           3 * time.Hour,
		"Blocked until 2000-01-01T00:05:00Z.":                    5 * time.Minute,
		"quota will reset at 2000-01-01 00:00:40 UTC":            40 * time.Second,
		`upstream said {"@type":"RetryInfo","retryDelay":"34s"}`: 34 * time.Second,
		"Slow down! 15 seconds until your next request":          15 * time.Second,
		"请求过于频繁，请在30秒后重试":                                        30 * time.Second,
		"PLEASE RETRY AFTER 3 SECONDS":                           3 * time.Second,
		"Rate limit exceeded. Limit resets at: 946684860":        0, // no unit, and no retry: not read

		"": 0,
		"Rate limit reached for requests. Please try again later.":     0,
		"Limit: 3 / min. Requests are limited to 60 per 1 minute.":     0,
		"You may retry; 60 requests per 10 seconds are allowed":        0,
		"Retry with fewer than 3 samples":                              0,
		"Please retry your request. 20 seconds of audio were received": 0,
		"try again in 0s":          0,
		"Max retries exceeded (5)": 0,
	} {
		synctest.Test(t, func(t *testing.T) {
			for form, body := range map[string]string{
				"message": `{"error":{"message":` + quoted(message) + `,"code":"429"}}`,
				"string":  `{"error":` + quoted(message) + `}`,
				"text":    message,
			} {
				if got := wire.ParseError(429, []byte(body)).RetryAfter; got != want {
					t.Errorf("%s %q: %v, want %v", form, message, got, want)
				}
			}
			if got := wire.ParseError(400, []byte(`{"error":{"message":`+quoted(message)+`}}`)).RetryAfter; got != 0 {
				t.Errorf("%q in an error that does not pass: %v", message, got)
			}
		})
	}
}

func TestAPauseInAMemberOfTheErrorIsFound(t *testing.T) {
	for body, want := range map[string]time.Duration{
		`{"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"x"},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34s"}]}}`: 34 * time.Second,
		`[{"error":{"message":"q","details":[{"retryDelay":"0.5s"}]}}]`:          500 * time.Millisecond,
		`{"error":{"message":"slow down","retry_after":12}}`:                     12 * time.Second,
		`{"message":"slow down, try again in 5s","retry_after":"12.5"}`:          12500 * time.Millisecond,
		`{"detail":"slow","retry_after_ms":1500}`:                                1500 * time.Millisecond,
		`{"error":{"message":"x","metadata":{"headers":{"Retry-After":"40"}}}}`:  40 * time.Second,
		`{"error":{"message":"x","retryAfter":"Sat, 01 Jan 2000 00:01:00 GMT"}}`: time.Minute,
		`{"error":{"message":"x","retry_after":null,"code":30}}`:                 0,
		`{"error":{"message":"x","retry_after":-5}}`:                             0,
		`{"error":{"message":"x","max_retries":30}}`:                             0,
	} {
		synctest.Test(t, func(t *testing.T) {
			if got := wire.ParseError(429, []byte(body)).RetryAfter; got != want {
				t.Errorf("%s: %v, want %v", body, got, want)
			}
		})
	}
}

func TestUntilReadsNumbersDurationsDatesAndUnixTimes(t *testing.T) {
	now := time.Date(2026, 1, 27, 15, 29, 20, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"30":                            30 * time.Second,
		" 1.5 ":                         1500 * time.Millisecond,
		"0":                             0,
		"-1":                            0,
		"6m0s":                          6 * time.Minute,
		"12ms":                          12 * time.Millisecond,
		"1d2h":                          26 * time.Hour,
		"30 seconds":                    30 * time.Second,
		"1769527790":                    30 * time.Second,
		"1769527790123":                 30*time.Second + 123*time.Millisecond,
		"1769527790000000":              30 * time.Second,
		"1769527790000000000":           30 * time.Second,
		"1769527700":                    0,
		"2026-01-27T15:29:50Z":          30 * time.Second,
		"2026-01-27T16:29:50+01:00":     30 * time.Second,
		"2026-01-27T15:29:50.5Z":        30500 * time.Millisecond,
		"2020-01-27T15:29:50Z":          0,
		"2126-01-27T15:29:50Z":          365 * 24 * time.Hour,
		"Tue, 27 Jan 2026 15:29:50 GMT": 30 * time.Second,
		"1e300":                         365 * 24 * time.Hour,
		"99999999":                      365 * 24 * time.Hour,
	} {
		got, ok := wire.Until(value, now)
		if diff := (got - want).Abs(); !ok || diff > time.Microsecond {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
	for _, value := range []string{"", "soon", "30 apples", "tomorrow 12:00", "NaN s"} {
		if got, ok := wire.Until(value, now); ok {
			t.Errorf("%q: %v", value, got)
		}
	}
}
