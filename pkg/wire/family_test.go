package wire_test

import (
	"testing"

	"nertools/pkg/wire"
)

func TestTheModelBehindANameIsFound(t *testing.T) {
	for name, want := range map[string]string{
		"gpt-4o":                            "gpt-4o",
		"gpt-4o-2024-05-13":                 "gpt-4o",
		"openai/gpt-5-mini-2025-08-07":      "gpt-5-mini",
		"ft:gpt-4o-mini-2024-07-18:org::id": "gpt-4o-mini",
		"vendor/sub/ft:o3-mini:org":         "o3-mini",
		"gpt-3.5-turbo-0125":                "gpt-3.5-turbo-0125",
		"gpt-4o-2024":                       "gpt-4o-2024",
		"meta-llama/llama-3.1-8b:free":      "llama-3.1-8b",
		"":                                  "",
	} {
		if got := wire.BaseModel(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
