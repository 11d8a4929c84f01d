package model_test

import (
	"testing"

	"nertools/pkg/model"
)

func TestTheModelBehindANameIsFound(t *testing.T) {
	for name, want := range map[string]string{
		"gpt-4o":                            "gpt-4o",
		"gpt-4o-2024-05-13":                 "gpt-4o",
		"openai/gpt-5-mini-2025-08-07":      "gpt-5-mini",
		"openrouter/openai/gpt-6-luna:flex": "gpt-6-luna",
		"ft:gpt-4o-mini-2024-07-18:org::id": "gpt-4o-mini",
		"vendor/sub/ft:o3-mini:org":         "o3-mini",
		"gpt-3.5-turbo-0125":                "gpt-3.5-turbo-0125",
		"gpt-4o-2024":                       "gpt-4o-2024",
		"meta-llama/llama-3.1-8b:free":      "llama-3.1-8b",
		"":                                  "",
	} {
		if got := model.Base(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestFamilyIsFoundUnderEveryFormOfAName(t *testing.T) {
	luna := model.Family{CompletionTokens: true, Effort: "none", CacheWrites: true}
	for _, name := range []string{"gpt-6-luna", "gpt-6-luna-2026-09-22", "openai/gpt-6-luna", "openrouter/openai/gpt-6-luna:flex", "ft:gpt-6-luna:org::id", "ft:gpt-6-luna-2026-09-22:org::id", "gpt-6-luna-fast"} {
		if got := model.Of(name); got != luna {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestEffortIsTheLowestKnownToBeAccepted(t *testing.T) {
	for name, want := range map[string]string{
		"o3": "low", "o4-mini-2025-04-16": "low", "gpt-5": "minimal", "gpt-5-nano-2025-08-07": "minimal", "gpt-5-pro": "high", "gpt-5-chat-latest": "", "gpt-5-codex": "low",
		"gpt-5.1": "none", "gpt-5.1-codex-max": "low", "gpt-5.2-chat-latest": "", "gpt-5.2-pro": "medium", "gpt-5.4-mini": "none",
		"gpt-5.5": "none", "gpt-5.5-pro": "medium", "gpt-5.6": "none", "gpt-5.6-luna": "none", "gpt-5.6-sol": "none", "gpt-5.6-sol-pro": "medium",
		"gpt-6-luna": "none", "gpt-6-sol": "none", "gpt-6-astra": "low", "gpt-6.1-sol": "low", "gpt-6.1-terra": "none", "gpt-6.2-sol": "low",
		"gpt-5.6-chat-latest": "", "gpt-6-codex": "low", "gpt-7": "low", "gpt-7.3-nova": "low", "gpt-12-mini": "low",
		"gpt-4o-mini": "", "claude-haiku-5-5": "", "qwen3-32b": "",
	} {
		if got := model.Of(name).Effort; got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestOtherModelsArePlainChatModels(t *testing.T) {
	for _, name := range []string{
		"", "gpt-4", "gpt-4o", "gpt-4.1-mini", "gpt-35-turbo", "gpt-35-turbo-16k", "gpt-3.5-turbo", "chatgpt-4o-latest", "gpt-oss-120b", "openai/gpt-oss-20b",
		"gpt-j-6b", "gpt-neox-20b", "gpt-20b", "gpt2", "claude-opus-5-5", "anthropic/claude-sonnet-5.5", "Qwen/Qwen3-32B", "llama-3.3-70b-versatile", "o", "olmo-2", "openchat",
	} {
		if got, want := model.Of(name), (model.Family{Temperature: true}); got != want {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestFormerFamiliesAreThoseOfRequestsBeforeNovember2026(t *testing.T) {
	for name, want := range map[string]model.Family{
		"gpt-4o-mini":                  {Temperature: true},
		"gpt-6-luna":                   {Temperature: true},
		"gpt-5":                        {CompletionTokens: true},
		"openai/gpt-5-mini-2025-08-07": {CompletionTokens: true},
		"gpt-5.2":                      {CompletionTokens: true},
		"gpt-5.4-mini":                 {CompletionTokens: true, Temperature: true},
		"ft:gpt-5.10:me::x":            {CompletionTokens: true, Temperature: true},
		"o3":                           {CompletionTokens: true},
		"gpt-3.5-turbo-instruct":       {Completions: true, Temperature: true},
		"Qwen/Qwen3-8B":                {Temperature: true},
	} {
		if got := model.Former(name); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}
