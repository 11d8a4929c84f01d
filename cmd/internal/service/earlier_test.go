package service

import (
	"strings"
	"testing"

	"nertools/pkg/fault"
	"nertools/pkg/record"
	"nertools/pkg/resume"
	"nertools/pkg/wire"
)

// The digests were computed by commit d1b92f0, whose default model was gpt-4o-mini, with its
// default settings. Each must be found by the flags that ask so today.
func TestTheDefaultsOfAnEarlierVersionAreFoundByTheFlagsThatRestoreThem(t *testing.T) {
	const model = "gpt-6-luna" // asked today
	prompt := record.AppendPrompt(nil, &record.Prompt{ID: "test/0/0123456789ab", Text: "Mark."})
	for _, c := range []struct {
		now    wire.Settings
		digest string
		want   string // "" if the digest is today's, or not to be found
	}{
		{wire.Settings{Model: model}, "bd57a096b2b2", "--model gpt-4o-mini"},
		{wire.Settings{Model: model}, "f4cb3983d512", `--reasoning-effort default --temperature 0 --extra-body '{"max_tokens": 512}'`},
		{wire.Settings{Model: "openai/gpt-6-luna"}, "bd57a096b2b2", "--model gpt-4o-mini"},
		{wire.Settings{Model: "gpt-5.6-luna"}, "18efaecb69b2", "--reasoning-effort default --temperature 0"},
		{wire.Settings{Model: "gpt-5.5"}, "559f33f49412", "--reasoning-effort default --temperature 0"},
		{wire.Settings{Model: "gpt-5"}, "16c0c4090003", "--reasoning-effort default"},
		{wire.Settings{Model: "o3"}, "3e8d6941d0b4", "--reasoning-effort default"},
		{wire.Settings{Model: "gpt-4o-mini"}, "bd57a096b2b2", ""},
		{wire.Settings{Model: "gpt-3.5-turbo-instruct"}, "9ea370b9f981", ""},
		{wire.Settings{Model: model, Extra: `{"user": "me"}`}, "25808149e41f", `--reasoning-effort default --temperature 0 --extra-body '{"max_tokens": 512, "user": "me"}'`},
		{wire.Settings{Model: model}, "000000000000", ""},
	} {
		s := Settings{c.now}
		s.Endpoint, s.MaxTokens = "auto", 512
		b, err := wire.NewBuilder(s.Settings)
		if err != nil {
			t.Fatal(err)
		}
		if c.want == "" && c.digest != "000000000000" && b.Settings() != c.digest {
			t.Errorf("%s: the digest is %s, and was %s", c.now.Model, b.Settings(), c.digest)
		}
		d := &resume.DifferError{Rows: 1, Settings: 1, Digests: []string{c.digest}, Line: prompt}
		if flags, ok := s.restore(d); flags != c.want || ok != (c.want != "") {
			t.Errorf("%s, %s: %q, want %q", c.now.Model, c.digest, flags, c.want)
		}
	}
}

func TestEarlierAnswersAreExplainedByWhatDiffers(t *testing.T) {
	s := Settings{wire.Settings{Model: "m", Endpoint: "auto", MaxTokens: 512}}
	for _, c := range []struct {
		differ resume.DifferError
		want   string
	}{
		{resume.DifferError{Settings: 1, Digests: []string{"bd57a096b2b2"}}, "use --model gpt-4o-mini to continue as before; --keep-earlier keeps"},
		{resume.DifferError{Settings: 1, Digests: []string{"bd57a096b2b2", "000000000000"}}, "use the earlier --model and settings; --keep-earlier"},
		{resume.DifferError{Settings: 1, Prompts: 1, Digests: []string{"bd57a096b2b2"}}, "use the earlier prompts"},
		{resume.DifferError{Sentences: 1, Prompts: 1}, "--reuse instead of --resume"},
	} {
		err := s.ExplainEarlier(&c.differ, "--fresh")
		if hint := fault.Hint(err); !strings.Contains(hint, c.want) {
			t.Errorf("%+v: %q, want %q", c.differ, hint, c.want)
		}
	}
}
