// Package failures reports why rows failed: a line for each kind of failure with
// the number of rows, what the service said and what to do about it.
package failures

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/record"
)

// advice is what to do about a class of failure. A command that has the flags
// for it is told so; another one is told which program has them.
type advice struct {
	flag      string // the flag that own mentions; "" for none
	own       string // for a command that has the flag
	elsewhere string // for one that has not
	alone     bool   // the advice says it all: the message is the same for all rows
}

// again asks rows again that failed for a reason that passes.
var again = advice{flag: "resume", own: "ask the rest with --resume FILE", elsewhere: "ask the rest with ner-run --resume FILE"}

// byClass holds the advice for each class that has one. FILE stands for the
// results of the command.
var byClass = map[record.Class]advice{
	record.Auth:          {own: "check OPENAI_API_KEY, and that this key may use this model"},
	record.Model:         {flag: "model", own: "choose another --model, or another --endpoint for it", elsewhere: "choose another ner-run --model"},
	record.Quota:         {flag: "resume", own: "add credit to the account, then " + again.own, elsewhere: "add credit to the account, then " + again.elsewhere},
	record.RateLimit:     again,
	record.Server:        again,
	record.Network:       again,
	record.Timeout:       again,
	record.Malformed:     again,
	record.ContextLength: {own: "show fewer demonstrations (ner-prompt --example-num), or choose a model that takes longer prompts"},
	record.Length:        {flag: "max-tokens", own: "raise --max-tokens", elsewhere: "ask them again with a larger ner-run --max-tokens", alone: true},
	record.Empty:         {flag: "max-tokens", own: "raise --max-tokens if the model reasons before it answers", elsewhere: "ask them again, with a larger ner-run --max-tokens if the model reasons before it answers"},
	record.Incomplete:    {flag: "accept-finish", own: "if they are complete, accept them with --accept-finish", elsewhere: "if they are complete, accept them with ner-collect --accept-finish"},
	record.Filtered:      {own: "another model may answer, or other words (ner-prompt --template)"},
	record.Refused:       {own: "another model may answer, or other words (ner-prompt --template)"},
	record.Expired:       {flag: again.flag, own: again.own, elsewhere: again.elsewhere, alone: true},
	record.Cancelled:     {flag: again.flag, own: again.own, elsewhere: again.elsewhere, alone: true},
	record.Missing:       {flag: again.flag, own: again.own, elsewhere: again.elsewhere, alone: true},
}

// Rows are the rows of a command that have no answer.
type Rows struct {
	Failed  *record.Failures
	Missing int
	Told    record.Class // the class whose failure ends the command, and is reported as its error; may be empty
	File    string       // holds the results; "" if that is not known
}

// Say prints a line for each kind of failure, the most frequent first, and one
// for the missing rows.
func Say(c *cli.Context, r Rows) {
	kinds := r.Failed.Kinds()
	if r.Missing > 0 {
		kinds = append(kinds, record.FailureKind{Failure: record.Failure{Class: record.Missing}, Rows: r.Missing})
	}
	for i := range kinds {
		if k := &kinds[i]; k.Class != r.Told || r.Told == "" {
			cmdline.Say(c, "%s", describe(k, r.File, func(flag string) bool { return has(c, flag) }))
		}
	}
}

func describe(k *record.FailureKind, file string, has func(flag string) bool) string {
	a := byClass[k.Class]
	todo := a.own
	if a.flag != "" && !has(a.flag) {
		todo = a.elsewhere
	}
	if file != "" {
		todo = strings.ReplaceAll(todo, "FILE", file)
	}
	var parts []string
	if said := shorten(record.OneLine(k.Message)); said != "" && !a.alone {
		parts = append(parts, said)
	}
	if todo != "" {
		parts = append(parts, todo)
	}
	line := fmt.Sprintf("%s %d", k.Class, k.Rows)
	if len(parts) > 0 {
		line += ": " + strings.Join(parts, "; ")
	}
	return line
}

// maxMessage bounds what is shown of a message, in characters.
const maxMessage = 200

func shorten(s string) string {
	if r := []rune(s); len(r) > maxMessage {
		return string(r[:maxMessage]) + "…"
	}
	return s
}

// has reports whether the command that runs has the flag.
func has(c *cli.Context, flag string) bool {
	return slices.ContainsFunc(c.Command.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), flag) })
}
