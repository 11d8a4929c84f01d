// Ner-batch has prompts answered by the Batch API: at half the price, within 24
// hours.
//
// Prompt records (or ready request lines) go in; the commands that start
// something write job records, those that fetch write result records, the same
// that ner-run writes. What was begun is in a ledger beside the batch file:
// killed at any moment, the same command again goes on where it stopped, and
// nothing is paid for twice.
//
//	ner-prompt --source-dir data --data-name CONLL |
//		ner-batch run --batch-file batch.jsonl -o results.jsonl
package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/service"
	"nertools/pkg/batch"
	"nertools/pkg/durable"
	"nertools/pkg/fault"
	"nertools/pkg/wire"
)

func main() { cmdline.Main(app()) }

func app() *cli.App {
	return &cli.App{
		Name:      "ner-batch",
		Usage:     "have prompts answered by the Batch API, at half the price",
		UsageText: "ner-prompt --source-dir examples/news --data-name CONLL | ner-batch run --batch-file batch.jsonl -o results.jsonl",
		Commands: []*cli.Command{
			createCommand(), submitCommand(), runCommand(),
			statusCommand(), waitCommand(), downloadCommand(), cancelCommand(), listCommand(), syncCommand(),
		},
	}
}

// action is that of a command that takes one file at most, which may be "". Its
// errors say what to do about them.
func action(work func(ctx context.Context, std cmdline.Streams, file string) error) cli.ActionFunc {
	return cmdline.Action(func(ctx context.Context, std cmdline.Streams, args []string) error {
		switch len(args) {
		case 0:
			return cmdline.Each(work(ctx, std, ""), explain)
		case 1:
			return cmdline.Each(work(ctx, std, args[0]), explain)
		}
		return cmdline.UsageError("unexpected argument %q: one file at most", args[1])
	})
}

// explain adds the exit code of an error and what to do about it.
func explain(err error) error {
	if large, ok := errors.AsType[*batch.TooLarge](err); ok {
		if large.Part.Requests == 1 {
			return fault.WithHint(err, "show fewer demonstrations")
		}
		return fault.WithHint(err, fmt.Sprintf("make smaller parts: --max-part-requests %d, or fewer; --resume FILE leaves out what is answered already", large.Part.Requests/2))
	}
	code, hint := 0, ""
	unknown, isUnknown := errors.AsType[*batch.UnknownBatch](err)
	unfinished, isUnfinished := errors.AsType[*batch.UnfinishedError](err)
	e, isAnswer := errors.AsType[*wire.Error](err)
	switch {
	case isUnfinished:
		code, hint = cmdline.Pending, "wait for it with ner-batch wait --batch-id "+unfinished.ID
	case errors.Is(err, batch.ErrStillRunning):
		code, hint = cmdline.Pending, "the same command again goes on waiting; --max-wait sets for how long"
	case errors.Is(err, durable.ErrLocked):
		code, hint = cmdline.Locked, "wait until the other ner-batch has ended"
	case errors.Is(err, batch.ErrOtherAccount):
		hint = "use the key and the address that it was made with, or begin another ledger with --ledger"
	case isUnknown && strings.ContainsAny(unknown.ID, "./\\ "):
		hint = "that looks like a file, not like a batch: job records in a file are named without --batch-id; ner-batch list shows the ids"
	case isUnknown:
		hint = "see what ner-batch list shows: is the id whole, and are key, project and --base-url (OPENAI_BASE_URL) those that the batch was started with?"
	case isAnswer && e.Unanswered() && e.Hint == "":
		hint = "check that the server is up, and --base-url (OPENAI_BASE_URL); then run the same command again"
	}
	if hint != "" {
		err = fault.WithHint(err, hint)
	}
	if code != 0 {
		return cmdline.Exit(code, err)
	}
	return service.Explain(err)
}

// goOn says what an interrupted wait leaves behind.
func goOn(err error) error {
	if errors.Is(err, context.Canceled) {
		return fault.WithHint(err, "the service keeps working on what was started; to continue, run the same command again")
	}
	return err
}
