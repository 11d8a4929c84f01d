package failures

import (
	"regexp"
	"strings"
	"testing"

	"nertools/pkg/record"
)

// classes are those of package record.
var classes = []record.Class{
	record.Auth, record.Model, record.Quota, record.RateLimit, record.Server, record.Network, record.Timeout, record.Invalid,
	record.ContextLength, record.Length, record.Incomplete, record.Filtered, record.Refused, record.Empty, record.Malformed, record.Expired,
	record.Cancelled, record.Missing,
}

func all(string) bool  { return true }
func none(string) bool { return false }

func TestAKindOfFailureIsOneLineWithCountMessageAndAdvice(t *testing.T) {
	long := strings.Repeat("ö", 300)
	for _, c := range []struct {
		name    string
		failure record.Failure
		rows    int
		file    string
		has     func(string) bool
		want    string
	}{
		{"advice alone", record.Failure{Class: record.Length, Message: "the answer was cut off"}, 65, "", all, "length 65: raise --max-tokens"},
		{"advice with the file", record.Failure{Class: record.Expired, Message: "too late"}, 98, "r.jsonl", all, "expired 98: ask the rest with --resume r.jsonl"},
		{"file not known", record.Failure{Class: record.Expired}, 98, "", all, "expired 98: ask the rest with --resume FILE"},
		{"another program's flag", record.Failure{Class: record.Expired}, 98, "r.jsonl", none, "expired 98: ask the rest with ner-run --resume r.jsonl"},
		{"message alone", record.Failure{Class: record.Invalid, Message: `"temperature" above maximum`}, 7722, "", all, `invalid 7722: "temperature" above maximum`},
		{"both", record.Failure{Class: record.Server, Message: "bad\r\ngateway"}, 1, "r.jsonl", all, "server 1: bad gateway; ask the rest with --resume r.jsonl"},
		{"neither", record.Failure{Class: "of_tomorrow"}, 2, "", all, "of_tomorrow 2"},
		{"a long message", record.Failure{Class: record.Invalid, Message: long}, 2, "", all, "invalid 2: " + long[:400] + "…"},
	} {
		if got := describe(&record.FailureKind{Failure: c.failure, Rows: c.rows}, c.file, c.has); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAdviceNamesNoFlagThatTheCommandLacks(t *testing.T) {
	flag := regexp.MustCompile(`(ner-\w+ )?--[a-z-]+`)
	may := map[string]bool{"--resume": true, "--max-tokens": true, "--model": true, "--endpoint": true, "--accept-finish": true}
	for _, class := range classes {
		a := byClass[class]
		for _, m := range flag.FindAllStringSubmatch(a.own, -1) {
			if m[1] == "" && (a.flag == "" || !may[m[0]]) {
				t.Errorf("%s: %q names %s, which a command may lack", class, a.own, m[0])
			}
		}
		for _, m := range flag.FindAllStringSubmatch(a.elsewhere, -1) {
			if m[1] == "" {
				t.Errorf("%s: %q does not say which program has %s", class, a.elsewhere, m[0])
			}
		}
		if class != record.Invalid && a.own == "" || a.flag != "" && a.elsewhere == "" {
			t.Errorf("%s has no advice", class)
		}
	}
}
