package service

import (
	"testing"
	"time"
)

func TestAModelIsNamedFrom60DaysBeforeItIsShutDown(t *testing.T) {
	day := func(text string) time.Time {
		d, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for now, want := range map[string]string{
		"2026-11-14": "",
		"2026-11-15": "OpenAI shuts gpt-4o-mini down on 2027-01-14, in 60 days: choose another --model soon",
		"2027-01-13": "OpenAI shuts gpt-4o-mini down on 2027-01-14, in 1 day: choose another --model soon",
		"2027-01-14": "OpenAI shut gpt-4o-mini down on 2027-01-14: choose another --model",
		"2030-01-01": "OpenAI shut gpt-4o-mini down on 2027-01-14: choose another --model",
	} {
		for _, hour := range []time.Duration{0, 23*time.Hour + 59*time.Minute} {
			if got := shutdown("gpt-4o-mini", day("2027-01-14"), day(now).Add(hour)); got != want {
				t.Errorf("%s + %v: %q, want %q", now, hour, got, want)
			}
		}
	}
}
