// Ner-batch sends prompts through the Batch API, at half the price and within 24 hours.
//
// It reads prompt records or request lines. Commands that start batches write job records,
// commands that fetch results write the same result records as ner-run. A ledger next to
// the batch file records every step: if a command is killed at any moment, the same command
// continues where it stopped, and nothing is paid for twice.
//
//	ner-prompt --source-dir data --data-name CONLL |
//		ner-batch run --batch-file batch.jsonl -o results.jsonl
package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/cost"
	"nertools/cmd/internal/service"
	"nertools/pkg/batch"
	"nertools/pkg/clidoc"
	"nertools/pkg/durable"
	"nertools/pkg/fault"
	"nertools/pkg/wire"
)

func main() { cmdline.Main(app()) }

func app() *cli.App {
	var create, submit, run, status, wait, download, cancel, list, sync options
	const prompts, jobs, andWait = "[PROMPTS.jsonl]", "[JOBS.jsonl]", "wait-for-batch"
	return &cli.App{
		Name:  "ner-batch",
		Usage: "have prompts answered by the Batch API, at half the price",
		UsageText: "ner-prompt --source-dir examples/news --data-name CONLL |\n" +
			"  ner-batch run --batch-file batch.jsonl -o results.jsonl",
		Commands: []*cli.Command{
			{Name: "create", Usage: "write the batch file; nothing is sent", ArgsUsage: prompts, Action: create.action(create.create),
				UsageText: "ner-batch create --batch-file batch.jsonl prompts.jsonl",
				Flags:     append(create.input(), append(create.fetching(), clidoc.Group(results, cost.DryRunFlag(&create.dryRun))...)...),
				Before:    cmdline.Needs(map[string][]string{"prices": {"dry-run"}, "accept-finish": {"resume", "reuse"}})},
			{Name: "submit", Usage: "upload and start the batch, and leave it", ArgsUsage: prompts, Action: submit.action(submit.submit),
				UsageText: "ner-batch submit --batch-file batch.jsonl prompts.jsonl > jobs.jsonl",
				Flags:     append(submit.starting(), &cli.BoolFlag{Category: waiting, Name: andWait, Destination: &submit.wait, Usage: "wait and download after submitting, as run does"}),
				Before: cmdline.Needs(map[string][]string{"output": {andWait}, "prices": {andWait, "max-cost"}, "poll-interval": {andWait}, "max-wait": {andWait},
					"progress": {andWait}, "accept-finish": {andWait, "resume", "reuse"}})},
			{Name: "run", Usage: "submit, wait and download", ArgsUsage: prompts, Action: run.action(run.run),
				UsageText: "ner-batch run --batch-file batch.jsonl -o results.jsonl prompts.jsonl", Flags: run.starting()},
			{Name: "status", Usage: "show the state of batches", ArgsUsage: jobs, Action: status.action(status.status),
				UsageText: "ner-batch status jobs.jsonl", Flags: status.following()},
			{Name: "wait", Usage: "wait until batches have ended", ArgsUsage: jobs, Action: wait.action(wait.waitFor),
				UsageText: "ner-batch wait jobs.jsonl && ner-batch download -o results.jsonl jobs.jsonl", Flags: append(wait.following(), wait.waiting()...)},
			{Name: "download", Usage: "fetch the results of ended batches", ArgsUsage: jobs, Action: download.action(download.download),
				UsageText: "ner-batch download --batch-file batch.jsonl -o results.jsonl jobs.jsonl",
				Flags: slices.Concat(download.following(), download.fetching(), []cli.Flag{download.outputFlag(),
					&cli.StringFlag{Category: files, Name: "batch-file", Destination: &download.batchFile, Usage: "read the submitted rows from `FILE`, the batch's input"}})},
			{Name: "cancel", Usage: "stop batches; what is done by then is paid for and can be fetched", ArgsUsage: jobs, Action: cancel.action(cancel.cancel),
				UsageText: "ner-batch cancel --batch-id batch_abc123", Flags: cancel.following()},
			{Name: "list", Usage: "list the account's batches, newest first", Action: list.action(list.list),
				UsageText: "ner-batch list --limit 5",
				Flags:     append(list.service.Flags(), &cli.IntFlag{Category: followed, Name: "limit", Value: 20, Destination: &list.newest, Action: cmdline.AtLeast("limit", 1), Usage: "list at most `N` batches"})},
			{Name: "sync", Usage: "for cron: check every job of a ledger once, fetch results, start what waits", Action: sync.action(sync.sync),
				UsageText: "ner-batch sync --ledger batch.jsonl.ledger --out-dir results",
				Flags: slices.Concat(sync.making(), sync.fetching(), []cli.Flag{sync.ledgerFlag("check the jobs in the ledger `FILE`", ""),
					&cli.StringFlag{Category: results, Name: "out-dir", Value: ".", Destination: &sync.outDir, Usage: "write the results into `DIR`, one file for each part"},
					&cli.StringFlag{Category: results, Name: "on-done", Destination: &sync.onDone, Usage: "run a shell `COMMAND` for each job that finishes from now on",
						Action: func(_ *cli.Context, command string) error {
							if strings.TrimSpace(command) == "" {
								return cmdline.UsageError("--on-done is empty: name a command")
							}
							return nil
						}}})},
		},
	}
}

// action makes the action of a command that takes at most one file, "" if none is named. Its
// errors come with hints.
func (o *options) action(work func(ctx context.Context, std cmdline.Streams, file string) error) cli.ActionFunc {
	return cmdline.Action(func(ctx context.Context, std cmdline.Streams, args []string) error {
		if len(args) > 1 {
			return cmdline.UsageError("unexpected argument %q: one file at most", args[1])
		}
		return cmdline.Each(work(ctx, std, strings.Join(args, "")), o.explain)
	})
}

// explain adds the exit code and a hint to an error.
func (o *options) explain(err error) error {
	code, hint := 0, ""
	tooLarge, isTooLarge := errors.AsType[*batch.TooLarge](err)
	unknown, isUnknown := errors.AsType[*batch.UnknownBatch](err)
	unfinished, isUnfinished := errors.AsType[*batch.UnfinishedError](err)
	notStarted, isNotStarted := errors.AsType[*batch.NotStartedError](err)
	answer, isAnswer := errors.AsType[*wire.Error](err)
	again, isAgain := errors.AsType[*batch.AgainError](err)
	err = o.settings.ExplainEarlier(err, "--fresh")
	switch {
	case isAgain && again.Results != "":
		hint = "to leave out what is answered there, add --resume " + again.Results + "; --fresh asks all rows again, and pays for them again"
	case isAgain:
		hint = "to continue it, run the same command as then; once its results are fetched, --resume leaves out what they answer; --fresh pays for all rows again"
	case isTooLarge && tooLarge.Part.Requests == 1:
		hint = "show fewer demonstrations"
	case isTooLarge:
		hint = fmt.Sprintf("make smaller parts: --max-part-requests %d, or fewer; --resume FILE leaves out what is answered already", tooLarge.Part.Requests/2)
	case isUnfinished:
		code, hint = cmdline.Pending, "wait for it with "+o.command("wait", "--batch-id", unfinished.ID)
	case isNotStarted && notStarted.Refused:
		hint = "ner-batch submit again says why"
	case isNotStarted:
		code, hint = cmdline.Pending, "ner-batch submit again, or ner-batch sync, starts what the service has room for"
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
	case isAnswer && answer.Unanswered() && answer.Hint == "":
		hint = "check that the server is up, and --base-url (OPENAI_BASE_URL); then run the same command again"
	}
	if hint != "" {
		err = fault.WithHint(err, hint)
	}
	if _, ok := errors.AsType[*batch.TooDearError](err); ok {
		err = fault.WithHint(err, "nothing was sent; --dry-run of ner-batch create shows the estimate: ask fewer rows, lower --max-tokens, or raise --max-cost")
	}
	err = service.Explain(cost.Explain(err))
	if _, ok := errors.AsType[*batch.TrialError](err); ok {
		hint = "nothing was uploaded; --no-trial submits the batch without a trial"
		if first := fault.Hint(err); first != "" {
			hint = first + " (" + hint + ")"
		}
		err = fault.WithHint(err, hint)
	}
	if code != 0 {
		return cmdline.Exit(code, err)
	}
	return err
}

// command returns a command line of ner-batch to paste into a shell, with the flags that it
// needs to reach the same service.
func (o *options) command(name string, args ...string) string {
	return cmdline.ShellCommand(slices.Concat([]string{"ner-batch", name}, args, o.service.Again())...)
}

// goOn adds a hint to the error of an interrupted wait.
func goOn(err error) error {
	if errors.Is(err, context.Canceled) {
		return fault.WithHint(err, "the service keeps working on what was started; to continue, run the same command again")
	}
	return err
}
