package openaitest

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Hints says what a service tells its callers of its rate limits.
type Hints string

// The hints. A refusal's message names the pause for all but [HintNothing].
const (
	HintAll     Hints = ""        // x-ratelimit headers with every answer, retry-after with refusals
	HintMessage Hints = "message" // no headers
	HintNothing Hints = "nothing"
)

// limiter holds the two buckets of the rate limits.
type limiter struct {
	hints            Hints
	mu               sync.Mutex
	requests, tokens bucket
}

// newLimiter returns nil where there is no limit at all.
func newLimiter(opt *Options) *limiter {
	if opt.RPM <= 0 && opt.TPM <= 0 && opt.RPD <= 0 {
		return nil
	}
	now := time.Now()
	period := opt.Period
	if period <= 0 {
		period = time.Minute
	}
	of := func(n int, per string, period time.Duration) bucket {
		size := max(float64(n), 0)
		return bucket{size: size, level: size, at: now, per: per, period: period, window: opt.Windows}
	}
	l := &limiter{hints: opt.Hints, requests: of(opt.RPM, "min", period), tokens: of(opt.TPM, "min", period)}
	if opt.RPD > 0 {
		l.requests = of(opt.RPD, "day", 24*time.Hour)
	}
	return l
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
	name, b, cost := "requests", l.requests, 1
	if forTokens > forRequest {
		name, b, cost = "tokens", l.tokens, tokens
	}
	wait := roundUp(max(forRequest, forTokens), time.Millisecond)
	short := strings.ToUpper(name[:1]) + "P" + strings.ToUpper(b.per[:1]) // RPM
	message := fmt.Sprintf("Rate limit reached for %s on %s per %s (%s): Limit %.0f, Used %.0f, Requested %d.",
		model, name, b.per, short, b.size, b.size-math.Floor(b.level), cost)
	if l.hints == HintNothing {
		return rateLimited(name, message)
	}
	bad := rateLimited(name, fmt.Sprintf("%s Please try again in %v.", message, wait))
	if l.hints == HintMessage {
		return bad
	}
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
	if l.hints != HintAll {
		return
	}
	l.requests.describe(h, "Requests")
	l.tokens.describe(h, "Tokens")
}

// bucket fills from empty to its size in a period, steadily or, with window, all
// at once at its end. One of size 0 never runs dry.
type bucket struct {
	size, level float64
	at          time.Time // when level was right; with window, when the window began
	per         string    // its period's name
	period      time.Duration
	window      bool
}

func (b *bucket) refill(now time.Time) {
	if !b.window {
		b.level = min(b.size, b.level+b.size*float64(now.Sub(b.at))/float64(b.period))
		b.at = now
	} else if over := now.Sub(b.at) / b.period; over > 0 {
		b.level = b.size
		b.at = b.at.Add(over * b.period)
	}
}

// until is the time that passes before the bucket holds n.
func (b *bucket) until(n float64) time.Duration {
	const rounding = 1e-6 // a float may fall this short of a whole refill
	missing := n - b.level
	switch {
	case b.size == 0 || missing <= rounding:
		return 0
	case b.window:
		return max(1, b.period-time.Since(b.at))
	}
	return time.Duration(missing / b.size * float64(b.period))
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
