package wire

import (
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"nertools/pkg/record"
)

// Services state how long to wait in many ways: a number of seconds, a time of day, a
// member of the error, or only words in its message. This file parses them all. No pause
// exceeds maxPause, so nonsense does no harm.
const maxPause = 365 * 24 * time.Hour

// Until parses a header value that says when something happens: seconds from now ("30",
// "1.5"), a duration ("6m0s", "12ms"), a date (RFC 3339 or HTTP format), or a Unix time
// in seconds, milliseconds, microseconds or nanoseconds. It returns the time from now, or
// 0 if the moment has passed.
func Until(value string, now time.Time) (wait time.Duration, ok bool) {
	value = strings.TrimSpace(value)
	if n, err := strconv.ParseFloat(value, 64); err == nil {
		return untilNumber(n, now), true
	}
	if d, err := time.ParseDuration(value); err == nil {
		return bounded(d), true
	}
	if at, ok := parseDate(value); ok {
		return bounded(at.Sub(now)), true
	}
	if d, n := leadingDuration(value); n > 0 && n == len(value) {
		return d, true
	}
	return 0, false
}

// Span returns n units, limited to between 0 and a year.
func Span(n float64, unit time.Duration) time.Duration {
	if !(n > 0) {
		return 0
	}
	return time.Duration(min(n*float64(unit), float64(maxPause)))
}

func bounded(d time.Duration) time.Duration { return max(0, min(d, maxPause)) }

// untilNumber interprets n as seconds from now, or as a Unix time if it is too large for
// that: 5e8 seconds are 15 years, or 1985 as a Unix time.
func untilNumber(n float64, now time.Time) time.Duration {
	unit := time.Second
	switch {
	case n < 5e8:
		return Span(n, time.Second)
	case n >= 1e17:
		unit = time.Nanosecond
	case n >= 1e14:
		unit = time.Microsecond
	case n >= 1e11:
		unit = time.Millisecond
	}
	at := n * float64(unit) // in nanoseconds
	if at >= math.MaxInt64 {
		return maxPause
	}
	return bounded(time.Unix(0, int64(at)).Sub(now))
}

func parseDate(s string) (time.Time, bool) {
	if at, err := http.ParseTime(s); err == nil {
		return at, true
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05"} {
		if at, err := time.Parse(layout, s); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// pauseIn returns the pause that an error body asks for, or 0: from a member intended for
// it, such as Google's retryDelay, or else from a text.
func pauseIn(body []byte, now time.Time) time.Duration {
	const longest = 16 << 10 // of the text that is searched
	if !record.ValidJSON(body) {
		return pauseInText(string(body[:min(len(body), longest)]), now)
	}
	var member, text time.Duration
	var walk func(key string, v gjson.Result, depth int)
	walk = func(key string, v gjson.Result, depth int) {
		switch {
		case v.IsObject() || v.IsArray():
			if depth < 10 {
				v.ForEach(func(k, v gjson.Result) bool {
					walk(k.String(), v, depth+1)
					return member == 0
				})
			}
		case v.Type == gjson.String || v.Type == gjson.Number:
			if member = pauseInMember(key, v.String(), now); member == 0 && text == 0 && v.Type == gjson.String {
				text = pauseInText(v.Str[:min(len(v.Str), longest)], now)
			}
		}
	}
	walk("", gjson.ParseBytes(body), 0)
	if member > 0 {
		return member
	}
	return text
}

// pauseInMember parses members such as "retry_after" and "retryDelay".
func pauseInMember(key, value string, now time.Time) time.Duration {
	if len(key) > 40 || len(value) > 40 {
		return 0
	}
	key = strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(key))
	switch key {
	case "retryafterms", "retryaftermilliseconds", "retryafterinms", "xmsretryafterms":
		ms, _ := strconv.ParseFloat(value, 64)
		return Span(ms, time.Millisecond)
	case "retryafter", "retryafterseconds", "retryaftersec", "retryaftersecs", "retryafterinseconds", "retrydelay", "retryin":
		wait, _ := Until(value, now)
		return wait
	}
	return 0
}

const (
	// A number with its unit, as in "6m0s", "1.5 seconds", "2 minutes and 30 seconds".
	number   = `\d{1,12}(?:[.,]\d{1,12})?`
	unit     = `(?:milliseconds?|millis|msecs?|ms|microseconds?|µs|μs|us|nanoseconds?|ns|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|毫秒|秒钟|秒|分钟|分|小时|天)`
	duration = number + `\s*` + unit + `(?:(?:\s*(?:,|and)?\s*)` + number + `\s*` + unit + `)*`
	clock    = `\d{1,2}:\d{2}:\d{2}`
	date     = `\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|\s?UTC|[+-]\d{2}:?\d{2})?`

	// What precedes it. A few words may be in between, as in "try again in
	// approximately", but not the end of a sentence or another number.
	cue    = `(?:re-?try\w*|try(?:ing)?\s+(?:\w+\s+){0,3}again|waits?|waiting|resets?|available|back[- ]?off|cool[- ]?down|blocked|until|come\s+back)`
	filler = `[^\d.;!?\n]{0,40}?`
)

var (
	pauseAfterCue  = regexp.MustCompile(`(?i)\b` + cue + `(?:` + filler + `[^\d.;!?\n\pL])(` + date + `|` + clock + `|` + duration + `)`)
	pauseBeforeCue = regexp.MustCompile(`(?i)(?:^|[^\w.])(` + duration + `)\s*(?:before|until|till|后|之后|以后|再)`)
	bareSeconds    = regexp.MustCompile(`(?i)\b(?:re-?try|try\s+again|wait)[-_\s]*(?:after|in|for)["']?\s*[:=]?\s*["']?(` + number + `)(?:["'\s]|[.,;!)}](?:\D|$)|$)`)
	oneDuration    = regexp.MustCompile(`(?i)^(?:\s*(?:,|and)?\s*)(` + number + `)\s*(` + unit + `)`)
)

// pauseInText returns the pause that a message asks for, as in "Please retry after 30
// seconds" or "try again in 6m0s".
func pauseInText(text string, now time.Time) time.Duration {
	for _, found := range pauseAfterCue.FindAllStringSubmatchIndex(text, -1) {
		value, rest := text[found[2]:found[3]], text[found[3]:]
		if startsWord(rest) {
			continue // the "3 s" of "3 samples"
		}
		if d := readPause(value, now); d > 0 {
			return d
		}
	}
	if m := pauseBeforeCue.FindStringSubmatch(text); m != nil {
		if d := readPause(m[1], now); d > 0 {
			return d
		}
	}
	if m := bareSeconds.FindStringSubmatch(text); m != nil {
		if n, err := strconv.ParseFloat(strings.Replace(m[1], ",", ".", 1), 64); err == nil {
			return untilNumber(n, now)
		}
	}
	return 0
}

// startsWord reports whether the unit is only the beginning of a longer word.
func startsWord(rest string) bool {
	if rest == "" {
		return false
	}
	c := rest[0]
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}

func readPause(value string, now time.Time) time.Duration {
	if at, ok := parseDate(value); ok {
		return bounded(at.Sub(now))
	}
	if h, rest, ok := strings.Cut(value, ":"); ok {
		m, s, _ := strings.Cut(rest, ":")
		d, _ := time.ParseDuration(h + "h" + m + "m" + s + "s")
		return bounded(d)
	}
	d, _ := leadingDuration(value)
	return d
}

// leadingDuration adds up the durations at the beginning of s, such as "2 minutes and 30
// seconds", and returns how many bytes they take.
func leadingDuration(s string) (d time.Duration, read int) {
	for {
		m := oneDuration.FindStringSubmatch(s[read:])
		if m == nil {
			return bounded(d), read
		}
		n, err := strconv.ParseFloat(strings.Replace(m[1], ",", ".", 1), 64)
		if err != nil {
			return 0, 0
		}
		d = bounded(d + Span(n, unitOf(strings.ToLower(m[2]))))
		read += len(m[0])
	}
}

func unitOf(name string) time.Duration {
	switch {
	case strings.HasPrefix(name, "mil"), strings.HasPrefix(name, "ms"), name == "毫秒":
		return time.Millisecond
	case strings.HasPrefix(name, "mic"), name == "µs", name == "μs", name == "us":
		return time.Microsecond
	case strings.HasPrefix(name, "n"):
		return time.Nanosecond
	case strings.HasPrefix(name, "m"), strings.HasPrefix(name, "分"):
		return time.Minute
	case strings.HasPrefix(name, "h"), name == "小时":
		return time.Hour
	case strings.HasPrefix(name, "d"), name == "天":
		return 24 * time.Hour
	}
	return time.Second
}
