package service

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/dataset"
	"nertools/pkg/catalog"
	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/model"
	"nertools/pkg/resume"
	"nertools/pkg/wire"
)

// Earlier says which earlier answers count.
type Earlier struct {
	Resume []string // files of answers to the same rows
	Reuse  []string // files of answers to any rows
	Keep   bool     // also if they are answers to other requests
	Fresh  bool     // none
}

// Flags returns the flags that fill e. resume is the help of --resume.
func (e *Earlier) Flags(resume, fresh string) []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "resume", Action: cmdline.Into(&e.Resume), Usage: resume},
		&cli.StringSliceFlag{Name: "reuse", Action: cmdline.Into(&e.Reuse), Usage: "use answers in `FILE` to the same requests about any rows (repeatable)"},
		&cli.BoolFlag{Name: "keep-earlier", Destination: &e.Keep, Usage: "keep earlier answers to other requests, and ask only the other rows"},
		&cli.BoolFlag{Name: "fresh", Destination: &e.Fresh, Usage: fresh},
	}
}

// Files returns the files to read.
func (e *Earlier) Files() []string { return slices.Concat(e.Resume, e.Reuse) }

// Open opens the answers that count, and reports what can't be read or used of them. own is
// the file that the run appends to, or "". The caller closes the answers.
func (e *Earlier) Open(std cmdline.Streams, judge *wire.Judge, own string) (*resume.Answers, error) {
	if e.Fresh && (e.Keep || len(e.Reuse) > 0) {
		return nil, cmdline.UsageError("--fresh asks every row again: leave out --keep-earlier and --reuse")
	}
	if e.Fresh {
		return new(resume.Answers), nil
	}
	answers, err := resume.Open(judge, own, e.Resume)
	if err != nil {
		return nil, err
	}
	answers.KeepEarlier = e.Keep
	if err := answers.Reuse(e.Reuse); err != nil {
		answers.Close()
		return nil, err
	}
	for _, damage := range answers.Damage() {
		std.SayDamage(damage)
	}
	if n := answers.Unknown(); n > 0 {
		std.Say("%s can't be reused, as nothing says how they were asked: ner-batch download says it, and so does the batch's input file, named with another --reuse", english.Count(n, "answer"))
	}
	return answers, nil
}

// defaultModels are the default models of this version and of earlier ones.
var defaultModels = []string{DefaultModel, "gpt-4o-mini"}

// former is what an earlier version asked for by default.
type former struct {
	flags    []string // that ask for it today
	settings wire.Settings
}

// former returns what earlier versions asked for, given the same flags: another default
// model, other rules for the model's family, or both.
func (s *Settings) former() (list []former) {
	now := s.Settings
	now.Model = s.ModelName()
	models := []former{{nil, now}}
	for _, name := range defaultModels {
		if name != now.Model {
			then := now
			then.Model = name
			models = append(models, former{[]string{"--model", name}, then})
		}
	}
	for _, f := range models {
		list = append(list, f, f.withoutFamily())
	}
	return list
}

// withoutFamily returns f with the members that requests to its model had before families of
// models had rules.
func (f former) withoutFamily() former {
	now, then := model.Of(f.settings.Model), model.Former(f.settings.Model)
	flags, s := slices.Clone(f.flags), f.settings
	if now.Effort != "" && s.Effort == "" {
		s.Effort, flags = wire.ModelsEffort, append(flags, "--reasoning-effort", wire.ModelsEffort)
	}
	if then.Temperature && !now.Temperature && s.Temperature == nil && !s.NoTemperature {
		s.Temperature, flags = new(float64), append(flags, "--temperature", "0")
	}
	if now.CompletionTokens && !then.CompletionTokens && s.MaxTokens > 0 && !gjson.Get(s.Extra, "max_tokens").Exists() && !gjson.Get(s.Extra, "max_completion_tokens").Exists() {
		limit := `{"max_tokens": ` + strconv.Itoa(s.MaxTokens)
		if rest := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(s.Extra), "{")); rest == "" || rest == "}" {
			s.Extra = limit + "}"
		} else {
			s.Extra = limit + ", " + rest
		}
		flags = append(flags, "--extra-body", s.Extra)
	}
	return former{flags, s}
}

// restore returns the flags with which the settings are those of the earlier answers, if an
// earlier version asked so by default.
func (s *Settings) restore(e *resume.DifferError) (flags string, ok bool) {
	if len(e.Digests) != 1 {
		return "", false
	}
	for _, f := range s.former() {
		b, err := wire.NewBuilder(f.settings)
		if err != nil {
			continue
		}
		digest := b.Settings()
		if q, err := b.ParseRequest(e.Line); err == nil { // it may have a response_format
			digest = wire.SettingsOf(q.Row.Request)
		}
		if digest == e.Digests[0] && len(f.flags) > 0 {
			return cmdline.ShellCommand(f.flags...), true
		}
	}
	return "", false
}

// formerLabels returns the value of --labels with which the prompts are those of the earlier
// answers, if these differ in the descriptions of the built-in catalogue alone.
func formerLabels(e *resume.DifferError) (labels string, ok bool) {
	prompt := gjson.GetBytes(e.Reworded, "prompt").String()
	for n := catalog.Latest - 1; n >= 1; n-- {
		then, _ := catalog.Version(n)
		for _, name := range then.Names() {
			if then, now := describe(then, name), describe(catalog.Builtin(), name); e.Asked(replaceAll(prompt, now, then)) {
				return dataset.BuiltinLabels(n), true
			}
		}
	}
	return "", false
}

// describe returns the descriptions of a data set by label.
func describe(c *catalog.Catalog, dataSet string) map[string]string {
	set, _ := c.DataSet(dataSet)
	descriptions := map[string]string{}
	for _, l := range set.Labels {
		descriptions[l.Key] = l.Description
	}
	return descriptions
}

// replaceAll replaces in text the values of from by those that to has for the same keys.
func replaceAll(text string, from, to map[string]string) string {
	var pairs []string
	for key, value := range from {
		if other, ok := to[key]; ok && value != "" {
			pairs = append(pairs, value, other)
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// ExplainEarlier says what to do about earlier answers to other requests, if that is what err
// is about. again names the flags that ask all rows again.
func (s *Settings) ExplainEarlier(err error, again string) error {
	e, ok := errors.AsType[*resume.DifferError](err)
	if !ok {
		return err
	}
	keep := "; --keep-earlier keeps these answers and asks only the other rows; " + again + " pays for all again"
	flags, restored := s.restore(e)
	labels, relabelled := formerLabels(e)
	switch {
	case e.Sentences > 0:
		return fault.WithHint(err, "rows have moved in their source: name the earlier file with --reuse instead of --resume, which finds its answers by their prompts")
	case relabelled:
		hint := "the built-in label descriptions have changed: make the prompts with ner-prompt --labels " + labels
		if !restored {
			flags = "the earlier --model and settings"
		}
		if e.Settings > 0 {
			hint += ", and use " + flags + ","
		}
		return fault.WithHint(err, hint+" to continue as before"+keep)
	case restored && e.Prompts == 0:
		return fault.WithHint(err, "use "+flags+" to continue as before"+keep)
	case e.Prompts > 0:
		return fault.WithHint(err, "use the earlier prompts (labels, template, demonstrations)"+keep)
	}
	return fault.WithHint(err, "use the earlier --model and settings"+keep)
}
