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

func TestAKindOfFailureIsOneLineWithCountMessageAndAdvice(t *testing.T) {
	long := strings.Repeat("ö", 300)
	for _, c := range []struct {
		name    string
		failure record.Failure
		rows    int
		file    string
		asks    bool
		want    string
	}{
		{"advice alone", record.Failure{Class: record.Length, Message: "the answer was cut off"}, 65, "", true, "length 65: raise --max-tokens"},
		{"advice with the file", record.Failure{Class: record.Expired, Message: "too late"}, 98, "r.jsonl", true, "expired 98: ask the rest with --resume r.jsonl"},
		{"file not known", record.Failure{Class: record.Expired}, 98, "", true, "expired 98: ask the rest with --resume FILE"},
		{"another program's flag", record.Failure{Class: record.Expired}, 98, "r.jsonl", false, "expired 98: ask the rest with ner-run --resume r.jsonl"},
		{"message alone", record.Failure{Class: record.Invalid, Message: `"temperature" above maximum`}, 7722, "", true, `invalid 7722: "temperature" above maximum`},
		{"both", record.Failure{Class: record.Server, Message: "bad\r\ngateway"}, 1, "r.jsonl", true, "server 1: bad gateway; ask the rest with --resume r.jsonl"},
		{"neither", record.Failure{Class: "of_tomorrow"}, 2, "", true, "of_tomorrow 2"},
		{"a long message", record.Failure{Class: record.Invalid, Message: long}, 2, "", true, "invalid 2: " + long[:400] + "…"},
	} {
		if got := (&Rows{File: c.file, Asks: c.asks}).describe(&record.FailureKind{Failure: c.failure, Rows: c.rows}); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAdviceNamesNoFlagThatTheCommandLacks(t *testing.T) {
	flag := regexp.MustCompile(`(ner-\w+ )?--[a-z-]+`)
	may := map[string]bool{"--resume": true, "--max-tokens": true, "--model": true, "--endpoint": true}
	for _, class := range classes {
		a := byClass[class]
		for _, m := range flag.FindAllStringSubmatch(a.own, -1) {
			if m[0] == "--accept-finish" {
				continue // whatever judges answers has it
			}
			if m[1] == "" && (a.elsewhere == "" || !may[m[0]]) {
				t.Errorf("%s: %q names %s, which a command may lack", class, a.own, m[0])
			}
		}
		for _, m := range flag.FindAllStringSubmatch(a.elsewhere, -1) {
			if m[1] == "" {
				t.Errorf("%s: %q does not say which program has %s", class, a.elsewhere, m[0])
			}
		}
		if class != record.Invalid && a.own == "" {
			t.Errorf("%s has no advice", class)
		}
	}
}
