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
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/cost"
	"nertools/cmd/internal/finish"
	"nertools/cmd/internal/service"
	"nertools/pkg/batch"
	"nertools/pkg/fault"
	"nertools/pkg/progress"
)

func main() {
	cmdline.Main(&cli.App{
		Name:      "ner-batch",
		Usage:     "have prompts answered by the Batch API, at half the price",
		UsageText: "ner-prompt --source-dir examples/news --data-name CONLL | ner-batch run --batch-file batch.jsonl -o results.jsonl",
		Commands: []*cli.Command{
			{
				Name: "create", Usage: "write the batch file; nothing is sent", ArgsUsage: "[PROMPTS.jsonl]",
				Flags: slices.Concat(inputFlags, []cli.Flag{cost.DryRunFlag(new(bool))}, cost.Flags(), service.RequestFlags()), Action: explained(create),
			},
			{
				Name: "submit", Usage: "upload and start the batch, and leave it", ArgsUsage: "[PROMPTS.jsonl]",
				Flags: slices.Concat(inputFlags, startFlags, waitFlags, outputFlags, cost.Flags(), service.RequestFlags(), service.Flags()), Action: explained(submit),
			},
			{
				Name: "run", Usage: "submit, wait and download", ArgsUsage: "[PROMPTS.jsonl]",
				Flags: slices.Concat(inputFlags, startFlags, waitFlags, outputFlags, cost.Flags(), service.RequestFlags(), service.Flags()), Action: explained(run),
			},
			{
				Name: "status", Usage: "show how batches stand", ArgsUsage: "[JOBS.jsonl]",
				Flags: slices.Concat(idFlags, service.Flags()), Action: explained(status),
			},
			{
				Name: "wait", Usage: "wait until batches have ended", ArgsUsage: "[JOBS.jsonl]",
				Flags: slices.Concat(idFlags, waitFlags, service.Flags()), Action: explained(wait),
			},
			{
				Name: "download", Usage: "fetch the results of ended batches", ArgsUsage: "[JOBS.jsonl]",
				Flags: slices.Concat(idFlags, batchFileFlags, outputFlags, []cli.Flag{finish.Flag()}, cost.Flags(), service.Flags()), Action: explained(download),
			},
			{
				Name: "cancel", Usage: "stop batches; what is done by then is paid for and can be fetched", ArgsUsage: "[JOBS.jsonl]",
				Flags: slices.Concat(idFlags, service.Flags()), Action: explained(cancel),
			},
			{
				Name: "list", Usage: "list the account's batches, newest first",
				Flags:  append([]cli.Flag{&cli.IntFlag{Name: "limit", Value: 20, Usage: "show `N` batches"}}, service.Flags()...),
				Action: explained(list),
			},
			{
				Name: "sync", Usage: "for cron: one look at every job of a ledger, fetch what is ready, start what waits",
				Flags: slices.Concat(syncFlags, startFlags, cost.Flags(), service.Flags()), Action: explained(sync),
			},
		},
	})
}

// explained is an action whose errors say what to do about them.
func explained(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error { return cmdline.Each(action(c), explain) }
}

func explain(err error) error {
	large, ok := errors.AsType[*batch.TooLarge](err)
	switch {
	case !ok:
		return service.Explain(err)
	case large.Part.Requests == 1:
		return fault.WithHint(err, "show fewer demonstrations")
	}
	return fault.WithHint(err, fmt.Sprintf("make smaller parts: --max-part-requests %d, or fewer; --resume FILE leaves out what is answered already", large.Part.Requests/2))
}

var (
	ledgerFlag     = &cli.StringFlag{Name: "ledger", Usage: "`FILE` that remembers what was begun (default: the batch file's name and .ledger)"}
	batchFileFlags = []cli.Flag{&cli.StringFlag{Name: "batch-file", Usage: "the batch's input `FILE`"}}
	inputFlags     = []cli.Flag{
		&cli.StringFlag{Name: "batch-file", Usage: "write the requests to this `FILE`; further parts stand beside it. Without prompts, take the file that is there"},
		ledgerFlag,
		&cli.IntFlag{Name: "max-part-requests", DefaultText: "as many as a batch takes", Usage: "put at most `N` requests into one part"},
		&cli.StringSliceFlag{Name: "resume", Usage: "leave out what has a good answer in this `FILE` of results (repeatable)"},
		finish.Flag(),
	}
	startFlags = []cli.Flag{
		&cli.BoolFlag{Name: "fresh", Usage: "start parts again that were started before, and pay for them again"},
		&cli.StringFlag{Name: "description", Usage: "`TEXT` that the batches carry"},
		&cli.StringFlag{Name: "completion-window", Value: "24h", Usage: "`TIME` that the service has"},
		&cli.IntFlag{Name: "max-parts-in-flight", Usage: "let at most `N` batches run at once; 0 is no bound"},
	}
	waitFlags = []cli.Flag{
		&cli.StringFlag{Name: "poll-interval", Value: "60s", EnvVars: []string{"NER_POLL_INTERVAL"}, Usage: "look every so often: a `TIME` such as 60s"},
		&cli.DurationFlag{Name: "max-wait", Value: 24 * time.Hour, Usage: "give up waiting after this `TIME`"},
		&cli.BoolFlag{Name: "wait-for-batch", Usage: "wait and download after submitting, as run does"},
		&cli.StringFlag{Name: "progress", Value: progress.Auto, Usage: "how to show progress: `MODE` is auto, bar, plain or none"},
	}
	outputFlags = []cli.Flag{&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the results to this `FILE` instead of stdout"}}
	idFlags     = []cli.Flag{&cli.StringSliceFlag{Name: "batch-id", Usage: "`ID` of a batch (repeatable); without it, job records are read"}}
	syncFlags   = []cli.Flag{ledgerFlag, finish.Flag(), &cli.StringFlag{Name: "out-dir", Value: ".", Usage: "write the results into this `DIR`, a file a part"}}
)
