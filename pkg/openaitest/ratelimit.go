package openaitest

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// limiter holds the two buckets of the rate limits.
type limiter struct {
	mu               sync.Mutex
	requests, tokens bucket
}

// newLimiter returns nil where there is no limit at all.
func newLimiter(rpm, tpm int) *limiter {
	if rpm <= 0 && tpm <= 0 {
		return nil
	}
	now := time.Now()
	return &limiter{
		requests: bucket{size: max(float64(rpm), 0), level: float64(rpm), at: now},
		tokens:   bucket{size: max(float64(tpm), 0), level: float64(tpm), at: now},
	}
}

// take takes one request and its tokens if both buckets cover them, and refuses
// otherwise. Either way it puts the buckets' state into h.
func (l *limiter) take(model string, tokens int, h http.Header) *apiError {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refill()
	defer l.describe(h)

	if l.tokens.size > 0 && float64(tokens) > l.tokens.size {
		return rateLimited("tokens", fmt.Sprintf("Request too large for %s on tokens per min (TPM): Limit %.0f, Requested %d. "+
			"The input or output tokens must be reduced in order to run successfully.", model, l.tokens.size, tokens))
	}
	forRequest, forTokens := l.requests.until(1), l.tokens.until(float64(tokens))
	if forRequest == 0 && forTokens == 0 {
		l.requests.level--
		l.tokens.level -= float64(tokens)
		return nil
	}
	name, short, b, cost := "requests", "RPM", l.requests, 1
	if forTokens > forRequest {
		name, short, b, cost = "tokens", "TPM", l.tokens, tokens
	}
	wait := roundUp(max(forRequest, forTokens), time.Millisecond)
	bad := rateLimited(name, fmt.Sprintf("Rate limit reached for %s on %s per min (%s): Limit %.0f, Used %.0f, Requested %d. "+
		"Please try again in %v.", model, name, short, b.size, b.size-math.Floor(b.level), cost, wait))
	bad.retryAfterMS = strconv.FormatInt(wait.Milliseconds(), 10)
	bad.retryAfter = strconv.FormatInt(int64(roundUp(wait, time.Second)/time.Second), 10)
	return bad
}

func rateLimited(kind, message string) *apiError {
	return &apiError{
		status:  http.StatusTooManyRequests,
		message: message,
		kind:    kind,
		code:    "rate_limit_exceeded",
	}
}

// state puts the buckets' state into h and takes nothing.
func (l *limiter) state(h http.Header) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refill()
	l.describe(h)
}

func (l *limiter) refill() {
	now := time.Now()
	l.requests.refill(now)
	l.tokens.refill(now)
}

func (l *limiter) describe(h http.Header) {
	l.requests.describe(h, "Requests")
	l.tokens.describe(h, "Tokens")
}

// bucket fills from empty to its size in a minute. One of size 0 never runs dry.
type bucket struct {
	size, level float64
	at          time.Time // when level was right
}

func (b *bucket) refill(now time.Time) {
	b.level = min(b.size, b.level+b.size*now.Sub(b.at).Minutes())
	b.at = now
}

// until is the time that passes before the bucket holds n.
func (b *bucket) until(n float64) time.Duration {
	const rounding = 1e-6 // a float may fall this short of a whole refill
	missing := n - b.level
	if b.size == 0 || missing <= rounding {
		return 0
	}
	return time.Duration(missing / b.size * float64(time.Minute))
}

func (b *bucket) describe(h http.Header, name string) {
	if b.size == 0 {
		return
	}
	h.Set("X-Ratelimit-Limit-"+name, strconv.FormatFloat(b.size, 'f', 0, 64))
	h.Set("X-Ratelimit-Remaining-"+name, strconv.FormatFloat(math.Floor(max(b.level, 0)), 'f', 0, 64))
	h.Set("X-Ratelimit-Reset-"+name, roundUp(b.until(b.size), time.Millisecond).String())
}

func roundUp(d, unit time.Duration) time.Duration {
	return (d + unit - 1) / unit * unit
}
