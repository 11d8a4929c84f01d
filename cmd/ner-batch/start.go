package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/cost"
	"nertools/cmd/internal/failures"
	"nertools/pkg/batch"
	"nertools/pkg/durable"
	"nertools/pkg/fault"
	"nertools/pkg/price"
	"nertools/pkg/progress"
	"nertools/pkg/record"
	"nertools/pkg/resume"
	"nertools/pkg/wire"
)

type createOptions struct {
	input  inputOptions
	prices cost.Prices
	dryRun bool
}

func createCommand() *cli.Command {
	var o createOptions
	return &cli.Command{
		Name: "create", Usage: "write the batch file; nothing is sent", ArgsUsage: "[PROMPTS.jsonl]",
		Flags:  append(o.input.flags(), cost.DryRunFlag(&o.dryRun), o.prices.Flag()),
		Before: cmdline.Needs(map[string][]string{"prices": {"dry-run"}, "accept-finish": {"resume"}}),
		Action: action(func(_ context.Context, std cmdline.Streams, prompts string) error { return create(std, prompts, &o) }),
	}
}

// create writes the batch files, or says what the batch would cost.
func create(std cmdline.Streams, prompts string, o *createOptions) error {
	prompts, err := o.input.check(prompts, o.prices.File)
	if err != nil {
		return err
	}
	judge := o.input.accepted.Judge(say(std))
	if o.dryRun {
		return estimate(std, prompts, o, judge)
	}
	parts, err := o.input.split(std, prompts, judge)
	if err != nil {
		return err
	}
	if err = batch.Plan(o.input.ledgerPath(), parts); err != nil {
		return err
	}
	for _, p := range parts {
		std.Say("%s: %d requests, %d bytes", p.File, p.Requests, p.Bytes)
	}
	return nil
}

func estimate(std cmdline.Streams, prompts string, o *createOptions, judge *wire.Judge) error {
	table, err := o.prices.Table()
	if err != nil {
		return err
	}
	var quote *price.Quote
	kept, err := o.input.read(std, prompts, judge, func(next batch.Requests) error {
		e, err := price.Count(next, o.input.most)
		if err == nil {
			quote = table.Quote(e, 0, 0)
		}
		return err
	})
	if err != nil {
		return err
	}
	quote.Kept = kept
	return cost.Show(std, quote)
}

// read hands the requests of the prompts to use, without those answered earlier,
// and returns how many these were.
func (o *inputOptions) read(std cmdline.Streams, prompts string, judge *wire.Judge, use func(batch.Requests) error) (kept int, err error) {
	requests, err := o.settings.Builder()
	if err != nil {
		return 0, err
	}
	if prompts == "" {
		return 0, use(func() (wire.Request, error) { return wire.Request{}, io.EOF })
	}
	earlier, err := resume.Open(judge, "", o.resume)
	if err != nil {
		return 0, err
	}
	defer earlier.Close()
	for _, damage := range earlier.Damage() {
		std.SayDamage(damage)
	}
	in, name, err := cmdline.Open(prompts)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	err = use(earlier.Rest(record.NewLines(name, in), requests, &kept))
	return kept, err
}

// split writes the prompts into batch files, or takes the file that is there.
func (o *inputOptions) split(std cmdline.Streams, prompts string, judge *wire.Judge) (parts []batch.Part, err error) {
	kept, err := o.read(std, prompts, judge, func(next batch.Requests) (err error) {
		parts, err = batch.Split(o.batchFile, o.most, next)
		return err
	})
	if err != nil {
		return nil, err
	}
	if kept > 0 {
		std.Say("left out %d rows that were answered earlier", kept)
	}
	switch {
	case len(parts) > 0:
		return parts, nil
	case kept > 0: // a batch file that is there is of something else
		std.Say("nothing is left to ask")
		return nil, nil
	case prompts == "-" && isPipe(os.Stdin):
		// Rather than send an old file because the program in front failed.
		return nil, fault.WithHint(errors.New("no prompts came through the pipe"), "to send the batch file that is there, say so: < /dev/null")
	case len(o.resume) > 0:
		return nil, cmdline.UsageError("--resume does nothing without prompts: name the batch file as the input, and another one with --batch-file")
	}
	parts, err = batch.ScanParts(o.batchFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.WithHint(errors.New("no prompts, and no batch file that is there already"), "pipe prompt records in, or name a batch file with --batch-file")
	}
	for _, p := range parts {
		if o.most > 0 && p.Requests > o.most {
			return nil, &fault.Error{File: p.File, Err: fmt.Errorf("%d requests, but --max-part-requests is %d", p.Requests, o.most),
				Hint: "to split it, name it as the input, and another file with --batch-file"}
		}
	}
	return parts, err
}

func isPipe(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeNamedPipe != 0
}

type startOptions struct {
	input  inputOptions
	batch  batchOptions
	poll   pollOptions
	prices cost.Prices
	output string // "" for stdout
	wait   bool
}

func (o *startOptions) flags() []cli.Flag {
	return slices.Concat(o.input.flags(), o.batch.flags(), o.poll.flags(), []cli.Flag{freshFlag(&o.batch.config.Fresh), outputFlag(&o.output), o.prices.Flag()})
}

func submitCommand() *cli.Command {
	var o startOptions
	return &cli.Command{
		Name: "submit", Usage: "upload and start the batch, and leave it", ArgsUsage: "[PROMPTS.jsonl]",
		Flags: append(o.flags(), &cli.BoolFlag{Name: "wait-for-batch", Destination: &o.wait, Usage: "wait and download after submitting, as run does"}),
		Before: cmdline.Needs(map[string][]string{
			"output": {"wait-for-batch"}, "prices": {"wait-for-batch"}, "poll-interval": {"wait-for-batch"}, "max-wait": {"wait-for-batch"},
			"progress": {"wait-for-batch"}, "accept-finish": {"wait-for-batch", "resume"},
		}),
		Action: action(func(ctx context.Context, std cmdline.Streams, prompts string) error {
			if o.wait {
				return run(ctx, std, prompts, &o)
			}
			return submit(ctx, std, prompts, &o)
		}),
	}
}

func runCommand() *cli.Command {
	var o startOptions
	return &cli.Command{
		Name: "run", Usage: "submit, wait and download", ArgsUsage: "[PROMPTS.jsonl]",
		Flags: o.flags(),
		Action: action(func(ctx context.Context, std cmdline.Streams, prompts string) error {
			return run(ctx, std, prompts, &o)
		}),
	}
}

func submit(ctx context.Context, std cmdline.Streams, prompts string, o *startOptions) (err error) {
	m, parts, done, err := o.begin(ctx, std, prompts, say(std))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	entries, err := m.Submit(ctx, parts)
	return errors.Join(err, o.show(std, m, entries, err))
}

func run(ctx context.Context, std cmdline.Streams, prompts string, o *startOptions) (err error) {
	table, err := o.prices.Table()
	if err != nil {
		return err
	}
	tell := say(std)
	m, parts, done, err := o.begin(ctx, std, prompts, func(s string) { tell(s) })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	meter := progress.New(std.Err, std.Name, o.poll.progress)
	tell = meter.Say
	entries, tooLarge, err := m.Run(ctx, parts, o.poll.until(meter))
	meter.Close()
	if err != nil {
		return errors.Join(goOn(err), tooLarge, o.show(std, m, entries, err))
	}
	if tooLarge != nil && !slices.ContainsFunc(entries, func(entry *batch.Entry) bool { return entry.BatchID != "" }) {
		return tooLarge
	}
	outcome, err := m.Save(ctx, entries, o.output, std.Out)
	if outcome == nil {
		return errors.Join(tooLarge, err)
	}
	sayOutcome(std, "", outcome, table)
	(&failures.Rows{Failed: &outcome.Failed, Missing: outcome.Missing, File: o.output, Asks: true}).Say(std)
	return errors.Join(tooLarge, err, partial(outcome))
}

// begin makes the batch files and opens the ledger. Nothing is sent. done closes
// the ledger and the client.
func (o *startOptions) begin(ctx context.Context, std cmdline.Streams, prompts string, say func(string)) (m *batch.Manager, parts []batch.Part, done func() error, err error) {
	prompts, err = o.input.check(prompts, o.prices.File, o.batch.service.KeyFile)
	if err == nil {
		err = o.checkOutput(prompts)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	client, err := o.batch.service.Client(ctx, 1)
	if err != nil {
		return nil, nil, nil, err
	}
	judge := o.input.accepted.Judge(say)
	if parts, err = o.input.split(std, prompts, judge); err == nil {
		m, err = o.batch.open(ctx, o.input.ledgerPath(), client, judge, say)
	}
	if err != nil {
		client.Close()
		return nil, nil, nil, err
	}
	return m, parts, func() error {
		client.Close()
		return m.Close()
	}, nil
}

// checkOutput finds what would keep the command from writing its output.
func (o *startOptions) checkOutput(prompts string) error {
	for _, path := range []string{o.input.batchFile, o.input.ledgerPath()} {
		if o.output != "" && durable.SameFile(o.output, path) {
			return cmdline.UsageError("-o %s is the batch file or its ledger: write to another file", o.output)
		}
	}
	return checkFiles(o.output, append(o.input.resume, prompts)...)
}

func (o *batchOptions) open(ctx context.Context, ledger string, client batch.Service, judge *wire.Judge, say func(string)) (*batch.Manager, error) {
	account, err := o.service.Account(ctx)
	if err != nil {
		return nil, err
	}
	cfg := o.config
	cfg.Account, cfg.MaxRetries, cfg.Judge, cfg.Say = account, maxRetries, judge, say
	return batch.Open(ledger, client, cfg)
}

// show writes the job records, and says how to continue. failed is why some parts
// could not be started, nil if nothing went wrong.
func (o *startOptions) show(std cmdline.Streams, m *batch.Manager, entries []*batch.Entry, failed error) error {
	waiting, full := 0, 0
	for _, entry := range entries {
		job := m.Record(entry)
		if err := writeJob(std, &job); err != nil {
			return err
		}
		switch {
		case entry.Waiting():
			waiting++
			if !entry.Refused.IsZero() {
				full++
			}
		case entry.BatchID == "": // it was given up, and failed says why
		case m.Started(entry):
			std.Say("batch submitted with ID: %s (%s)", job.BatchID, job.Status)
			std.Say("fetch it later with: ner-batch download --batch-id %s -o results.jsonl", job.BatchID)
		default:
			showEarlier(std, entry, job.Status)
		}
	}
	bound := o.batch.config.InFlight
	sync := "run the same command again, or ner-batch sync --ledger " + o.input.ledgerPath()
	if bound > 0 {
		sync += fmt.Sprintf(" --max-parts-in-flight %d", bound)
	}
	switch {
	case waiting == 0:
		return nil
	case failed != nil:
		std.Say("%d of %d parts were not started", waiting, len(entries))
		return nil
	case full > 0:
		std.Say("%d of %d parts wait for room in the service's queue: to start them when there is some, %s", waiting, len(entries), sync)
	default:
		std.Say("%d of %d parts wait until others have ended, as --max-parts-in-flight is %d: to start them then, %s", waiting, len(entries), bound, sync)
	}
	return cmdline.Exit(cmdline.Pending, nil)
}

// showEarlier tells of a batch that this command did not start.
func showEarlier(std cmdline.Streams, entry *batch.Entry, status string) {
	again, later := "", " later"
	if b := (wire.Batch{Status: status}); b.Final() {
		again, later = "; --fresh asks again", ""
	}
	std.Say("batch %s was already submitted on %s (%s)%s", entry.BatchID, entry.Made.Local().Format("2006-01-02 15:04"), status, again)
	if entry.Results != "" {
		std.Say("its results are in %s", entry.Results)
		return
	}
	std.Say("fetch it%s with: ner-batch download --batch-id %s -o results.jsonl", later, entry.BatchID)
}
