// Ner-run asks a model many prompts at once.
//
// It reads prompt records (or the request lines of a Batch API file) and writes
// a result record for each as it comes. With -o the results go to a file that
// nothing can take them out of again: after a crash the same command with
// --resume asks only for what is missing or failed.
//
//	ner-prompt --source-dir data --data-name CONLL |
//		ner-run -o results.jsonl --resume results.jsonl
//
// With --dry-run it sends nothing, needs no key, and tells what the run would
// cost: in words on stderr, as a JSON object on stdout.
package main

import (
	"context"
	"os"
	"runtime/debug"
	"slices"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/cost"
	"nertools/cmd/internal/failures"
	"nertools/cmd/internal/service"
	"nertools/pkg/clidoc"
)

type options struct {
	workers    int
	keepOrder  bool
	output     string // a file; "" for stdout
	earlier    service.Earlier
	maxRetries int
	maxErrors  int  // 0 for any number
	stubborn   bool // any number is asked for
	rpm, tpm   int  // 0 for as many as the service takes
	progress   string
	dryRun     bool
	accepted   failures.Accepted
	prices     cost.Prices
	most       cost.Cap // of this process
	settings   service.Settings
	service    service.Options
}

func (o *options) flags() []cli.Flag {
	return slices.Concat(clidoc.Group("calls",
		&cli.IntFlag{Name: "workers", Aliases: []string{"j"}, Value: 10, Destination: &o.workers, Action: cmdline.AtLeast("workers", 1), Usage: "make up to `N` calls at once"},
		&cli.IntFlag{Name: "max-retries", Value: 5, Destination: &o.maxRetries, Action: cmdline.AtLeast("max-retries", 0), Usage: "retry a row up to `N` times after passing failures, 429s aside"},
		&cli.IntFlag{Name: "max-errors", Destination: &o.maxErrors, DefaultText: "no limit, unless the first rows all fail alike", Action: o.setMaxErrors, Usage: "stop when `N` rows have failed; 0 never stops"},
		&cli.IntFlag{Name: "rpm", DefaultText: "as many as the service accepts", Destination: &o.rpm, Action: cmdline.AtLeast("rpm", 0), Usage: "start at most `N` calls per minute"},
		&cli.IntFlag{Name: "tpm", Destination: &o.tpm, Action: cmdline.AtLeast("tpm", 0), Usage: "use at most `N` tokens per minute, prompts and answers together"},
		o.most.Flag(),
	), clidoc.Group("results",
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Destination: &o.output, Usage: "append the results to this `FILE` instead of stdout"},
		&cli.BoolFlag{Name: "keep-order", Aliases: []string{"k"}, Destination: &o.keepOrder, Usage: "write the results in the order of the prompts"},
		o.accepted.Flag(), cost.DryRunFlag(&o.dryRun), o.prices.Flag(),
	), clidoc.Group("earlier answers", o.earlier.Flags("skip prompts already answered in `FILE` (repeatable)", "ask every row, whatever was answered before")...), o.settings.Flags(), o.service.Flags(), []cli.Flag{cmdline.ProgressFlag(&o.progress)})
}

func (o *options) setMaxErrors(_ *cli.Context, n int) error {
	o.stubborn = n == 0
	return cmdline.AtLeast("max-errors", 0)(nil, n)
}

func main() {
	// What a run holds is small, what passes through is large: collecting less
	// often saves a tenth of the CPU for a few megabytes.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	cmdline.Main(app())
}

func app() *cli.App {
	var o options
	return &cli.App{
		Name:      "ner-run",
		Usage:     "ask a model many prompts at once",
		UsageText: "ner-prompt --source-dir examples/news --data-name CONLL --limit 4 | ner-run -o results.jsonl",
		ArgsUsage: "[PROMPTS.jsonl]",
		Flags:     o.flags(),
		Action: cmdline.Action(func(ctx context.Context, std cmdline.Streams, args []string) error {
			if o.output == "-" {
				o.output = ""
			}
			return run(ctx, std, &o, args)
		}),
	}
}
