package failures

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/wire"
)

// Accepted are further finish reasons of complete answers.
type Accepted struct{ Reasons []string }

// Flag returns the flag that fills a.
func (a *Accepted) Flag() cli.Flag {
	return &cli.StringSliceFlag{Name: "accept-finish", Usage: "accept answers with this finish `REASON` as complete (repeatable)",
		Action: func(_ *cli.Context, reasons []string) error {
			if slices.Contains(reasons, "") {
				return cmdline.UsageError("--accept-finish is empty: name a finish reason")
			}
			a.Reasons = reasons
			return nil
		}}
}

// Judge decides which answers are good ones. It calls say, once for each cause,
// when answers fail for a cause that a setting could change.
func (a *Accepted) Judge(say func(string)) *wire.Judge {
	return &wire.Judge{Accept: a.Reasons, Remark: func(r wire.Remark) {
		problem, remedy := explain(r)
		say(problem)
		say(remedy)
	}}
}

const thinkingOff = `--extra-body '{"chat_template_kwargs":{"enable_thinking":false}}' for many servers`

func explain(r wire.Remark) (problem, remedy string) {
	switch {
	case r.Kind == wire.FinishReason:
		return fmt.Sprintf(`finish reason %q: such answers count as failed, with their text in "partial"`, r.Name),
			fmt.Sprintf("if they are complete, accept them with --accept-finish %s; nothing needs to be asked again", r.Name)
	case r.Kind == wire.ToolCall:
		return fmt.Sprintf(`the model calls the tool %q instead of answering; the call is kept in "partial"`, r.Name),
			`ask without tools: leave "tools" and "functions" out of --extra-body`
	case r.Kind == wire.Repetition:
		return `an answer repeats itself until it is cut off; it is kept in "partial"`,
			"a larger --max-tokens would only make it longer: try --frequency-penalty 0.5 where you ask, or another --model"
	case r.Name == "":
		return `answers consist only of reasoning, which is kept in "partial"`,
			"turn thinking off where you ask (" + thinkingOff + "), or raise --max-tokens"
	default:
		return fmt.Sprintf(`answers have their text only in %q; it is kept in "partial"`, r.Name),
			"turn thinking off where you ask (" + thinkingOff + "), or start the server without a reasoning parser"
	}
}
