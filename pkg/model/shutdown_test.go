package model_test

import (
	"testing"
	"time"

	"nertools/pkg/model"
)

func TestTheDayOfAShutdownIsFoundUnderEveryFormOfAName(t *testing.T) {
	for name, want := range map[string]string{
		"gpt-4o-mini": "2027-01-14", "gpt-4o-mini-2024-07-18": "2027-01-14", "openai/gpt-4o-mini": "2027-01-14", "ft:gpt-4o-mini-2024-07-18:org::id": "2027-01-14",
		"openrouter/openai/gpt-4o:extended": "2027-01-14", "gpt-4o": "2027-01-14", "gpt-4o-2024-05-13": "2026-10-23", "gpt-5-2025-08-07": "2026-12-11",
		"gpt-5.1": "2027-04-01", "o3": "2026-12-11", "davinci-002": "2026-09-28",
		"gpt-6-luna": "", "gpt-5.2": "", "gpt-4o-audio": "", "Qwen/Qwen3-8B": "", "my-gpt-4o": "", "": "",
	} {
		day, ok := model.Shutdown(name)
		if got := day.Format(time.DateOnly); ok != (want != "") || ok && got != want {
			t.Errorf("%q: got %s, %v", name, got, ok)
		}
	}
}
