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
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/cost"
	"nertools/cmd/internal/failures"
	"nertools/cmd/internal/finish"
	"nertools/cmd/internal/service"
	"nertools/pkg/online"
	"nertools/pkg/pace"
	"nertools/pkg/progress"
	"nertools/pkg/record"
)

const (
	// grace is how long calls in flight may take after Ctrl-C.
	grace = 5 * time.Second
	// maxWait is the longest pause that a service may ask for: longer ones are
	// those of a daily limit, better spent elsewhere.
	maxWait = 10 * time.Minute
)

func main() {
	flags := []cli.Flag{
		&cli.IntFlag{Name: "workers", Aliases: []string{"j"}, Value: 10, Usage: "`N` calls at once, at most"},
		&cli.BoolFlag{Name: "keep-order", Aliases: []string{"k"}, Usage: "write the results in the order of the prompts"},
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "append the results to this `FILE` instead of stdout"},
		&cli.StringSliceFlag{Name: "resume", Usage: "ask nothing that has a good answer in this `FILE` of results, the -o file for example (repeatable)"},
		&cli.IntFlag{Name: "max-retries", Value: 5, Usage: "ask a row again up to `N` times after passing failures; 429s do not count"},
		&cli.IntFlag{Name: "max-errors", Usage: "stop when `N` rows have failed; 0 never stops"},
		&cli.IntFlag{Name: "rpm", Usage: "start at most `N` calls a minute; without it, as many as the service takes"},
		&cli.IntFlag{Name: "tpm", Usage: "ask for at most `N` tokens a minute, prompts and answers together"},
		&cli.StringFlag{Name: "progress", Value: progress.Auto, Usage: "how to show progress: `MODE` is auto, bar, plain or none"},
	}
	// What a run holds is small, what passes through is large: collecting less
	// often saves a tenth of the CPU for a few megabytes.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	cmdline.Main(&cli.App{
		Name:      "ner-run",
		Usage:     "ask a model many prompts at once",
		UsageText: "ner-prompt --source-dir examples/news --data-name CONLL --limit 4 | ner-run --model gpt-4o-mini -j 4",
		ArgsUsage: "[PROMPTS.jsonl]",
		Flags:     slices.Concat(flags, []cli.Flag{finish.Flag(), cost.DryRunFlag(new(bool))}, cost.Flags(), service.RequestFlags(), service.Flags()),
		Action:    run,
	})
}

func run(c *cli.Context) (err error) {
	workers, err := checkFlags(c)
	if err != nil {
		return err
	}
	requests, err := service.Requests(c)
	if err != nil {
		return err
	}
	say := func(s string) { cmdline.Say(c, "%s", s) }
	judge, err := finish.Judge(c, func(s string) { say(s) })
	if err != nil {
		return err
	}
	table, err := cost.Table(c)
	if err != nil {
		return err
	}
	if c.Bool("dry-run") {
		in, name, err := openInput(c)
		if err != nil {
			return err
		}
		defer in.Close()
		return dryRun(c, table, requests, judge, record.NewLines(name, in))
	}
	client, err := service.Client(c, workers)
	if err != nil {
		return err
	}
	defer client.Close()
	in, name, err := openInput(c)
	if err != nil {
		return err
	}
	defer in.Close()

	asker := &noting{Asker: client}
	r := online.Run{
		Asker: asker, Requests: requests, Judge: judge, InFlight: workers,
		Pacer: pace.New(pace.Config{
			InFlight: workers, PerMinute: c.Int("rpm"), Tokens: c.Int("tpm"),
			MaxRetries: c.Int("max-retries"), MaxWait: maxWait,
		}),
		MaxErrors: c.Int("max-errors"), Grace: grace,
	}
	files, err := openFiles(c, &r)
	if err != nil {
		return err
	}
	meter := progress.New(c.App.ErrWriter, c.App.Name, c.String("progress"))
	say = meter.Say
	meter.Waits(r.Pacer.Waiting)
	r.Say, r.Done, r.Kept, r.AtMost = meter.Say, meter.Done, meter.Kept, meter.AtMost
	begin := time.Now()
	ctx, stopRun := context.WithCancelCause(c.Context)
	defer stopRun(nil)
	files.watch(stopRun)
	sum, err := r.Do(ctx, record.NewLines(name, online.ReadAhead(in, meter.Total)))
	meter.Close()
	err = files.close(err)
	if sum.Rows > 0 || err == nil {
		cmdline.Say(c, "%s", describe(&sum, asker.cost(table, sum.Usage), time.Since(begin)))
	}
	stop, stopped := errors.AsType[*online.StopError](err)
	failed := failures.Rows{Failed: &sum.Failed, File: files.path}
	if stopped {
		failed.Told = stop.Class
	}
	failures.Say(c, failed)
	switch {
	case stopped && stop.Class == record.Auth:
		return cmdline.Exit(cmdline.Key, err)
	case err == nil && sum.Failed.Rows() > 0:
		return cmdline.Exit(cmdline.Partial, nil)
	}
	return err
}

func openInput(c *cli.Context) (in io.ReadCloser, name string, err error) {
	if c.Args().Present() {
		return cmdline.Open(c.Args().First())
	}
	if term.IsTerminal(int(os.Stdin.Fd())) {
		return nil, "", cmdline.UsageError("no prompts: pipe them in, or name a file of them")
	}
	return os.Stdin, "stdin", nil // the file itself, whose size may tell how many rows there are
}

func checkFlags(c *cli.Context) (workers int, err error) {
	for _, name := range []string{"max-retries", "max-errors", "rpm", "tpm"} {
		if n := c.Int(name); n < 0 {
			return 0, cmdline.UsageError("--%s %d: a number from 0", name, n)
		}
	}
	workers = c.Int("workers")
	switch {
	case workers < 1:
		return 0, cmdline.UsageError("--workers %d: a number from 1", workers)
	case !slices.Contains(progress.Modes, c.String("progress")):
		return 0, cmdline.UsageError("--progress %q: %s", c.String("progress"), strings.Join(progress.Modes, ", "))
	case c.NArg() > 1:
		return 0, cmdline.UsageError("unexpected argument %q: one file of prompts at most", c.Args().Get(1))
	}
	return workers, nil
}

func describe(s *online.Totals, cost string, took time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d rows: %d ok", s.Rows, s.OK)
	if s.Kept > 0 {
		fmt.Fprintf(&b, ", %d answered earlier", s.Kept)
	}
	fmt.Fprintf(&b, ", %d failed", s.Failed.Rows())
	if classes := s.Failed.String(); classes != "" {
		fmt.Fprintf(&b, " (%s)", classes)
	}
	if s.Retries > 0 {
		fmt.Fprintf(&b, "; %d retries", s.Retries)
	}
	fmt.Fprintf(&b, "; %d tokens in, %d out", s.Usage.Prompt, s.Usage.Completion)
	if cost != "" {
		fmt.Fprintf(&b, "; %s", cost)
	}
	fmt.Fprintf(&b, "; %.1f s", took.Seconds())
	if asked := s.Rows - s.Kept; asked > 0 {
		fmt.Fprintf(&b, ", %.1f rows/s", float64(asked)/took.Seconds())
	}
	return b.String()
}
