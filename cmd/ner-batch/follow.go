package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/cost"
	"nertools/cmd/internal/failures"
	"nertools/cmd/internal/service"
	"nertools/pkg/batch"
	"nertools/pkg/fault"
	"nertools/pkg/progress"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// followOptions name the batches that a command is about.
type followOptions struct {
	service  service.Options
	ids      []string // without any, job records are read
	accepted failures.Accepted
}

func (o *followOptions) flags() []cli.Flag {
	return append([]cli.Flag{&cli.StringSliceFlag{Name: "batch-id", Action: cmdline.Into(&o.ids), Usage: "`ID` of a batch (repeatable); without it, job records are read"}}, o.service.Flags()...)
}

// A follower works on batches that were started by anybody.
type follower struct {
	*batch.Manager
	started, waiting []record.Job
	close            func()
}

// follow finds out which batches there are. file holds job records, if it is not "".
// What the command writes goes to output, or to stdout if that is ""; it reads the
// further inputs.
func (o *followOptions) follow(ctx context.Context, std cmdline.Streams, file, output string, inputs ...string) (*follower, error) {
	jobs, err := o.jobs(file)
	if err != nil {
		return nil, err
	}
	if err := checkFiles(output, append(inputs, file, o.service.KeyFile)...); err != nil {
		return nil, err
	}
	client, err := o.service.Client(ctx, 1)
	if err != nil {
		return nil, err
	}
	f := &follower{Manager: looker(std, client, &o.accepted), close: client.Close}
	if f.started, f.waiting, err = f.Sort(ctx, jobs); err != nil {
		client.Close()
		return nil, err
	}
	return f, nil
}

// looker is a manager that starts nothing.
func looker(std cmdline.Streams, client batch.Service, accepted *failures.Accepted) *batch.Manager {
	return batch.New(client, batch.Config{MaxRetries: maxRetries, Judge: accepted.Judge(say(std)), Say: say(std)})
}

// jobs are those of --batch-id, or of the job records in the file or from stdin.
func (o *followOptions) jobs(file string) (jobs []record.Job, err error) {
	switch {
	case slices.Contains(o.ids, ""):
		return nil, cmdline.UsageError("--batch-id is empty: ner-batch list shows the ids")
	case len(o.ids) > 0 && file != "":
		return nil, cmdline.UsageError("unexpected argument %q: give --batch-id before each id, or job records, not both", file)
	}
	for _, id := range o.ids {
		jobs = append(jobs, record.Job{BatchID: id})
	}
	if file = orStdin(file); len(jobs) == 0 && file != "" {
		if jobs, err = readJobs(file); err != nil {
			return nil, err
		}
	}
	if len(jobs) == 0 {
		return nil, cmdline.UsageError("which batch? name it with --batch-id, or pipe job records in")
	}
	return jobs, nil
}

func readJobs(file string) (jobs []record.Job, err error) {
	in, name, err := cmdline.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.WithHint(err, "job records are read from a file; name a batch by its id with --batch-id "+file)
	}
	if err != nil {
		return nil, err
	}
	defer in.Close()
	lines := record.NewLines(name, in)
	for line, err := range lines.All() {
		if err != nil {
			return nil, err
		}
		job, err := record.ParseJob(line)
		if err != nil {
			return nil, lines.Fault(err, "these should be the job records that ner-batch submit writes")
		}
		jobs = append(jobs, job)
	}
	return jobs, nil
}

// unstarted is the error of those jobs that have no batch: the status is 8 as long
// as they may get one.
func (f *follower) unstarted() error {
	var waiting, refused []string
	for _, job := range f.waiting {
		if job.Status == wire.BatchFailed {
			refused = append(refused, strconv.Itoa(job.Part))
		} else {
			waiting = append(waiting, strconv.Itoa(job.Part))
		}
	}
	var errs []error
	if len(waiting) > 0 {
		errs = append(errs, cmdline.Exit(cmdline.Pending, fault.WithHint(fmt.Errorf("not started yet: part %s", strings.Join(waiting, ", ")),
			"ner-batch submit again, or ner-batch sync, starts what the service has room for")))
	}
	if len(refused) > 0 {
		errs = append(errs, fault.WithHint(fmt.Errorf("refused by the service: part %s", strings.Join(refused, ", ")), "ner-batch submit again says why"))
	}
	return errors.Join(errs...)
}

// show says what the service says is wrong with the batches, and writes these and
// the jobs that wait.
func (f *follower) show(ctx context.Context, std cmdline.Streams, batches []wire.Batch) error {
	reasons, err := f.Reasons(ctx, batches, f.started)
	sayReasons(std, reasons)
	return errors.Join(err, writeBatches(std, batches, f.waiting))
}

func statusCommand() *cli.Command {
	var o followOptions
	return &cli.Command{
		Name: "status", Usage: "show how batches stand", ArgsUsage: "[JOBS.jsonl]", Flags: o.flags(),
		Action: action(func(ctx context.Context, std cmdline.Streams, file string) error { return status(ctx, std, file, &o) }),
	}
}

func status(ctx context.Context, std cmdline.Streams, file string, o *followOptions) error {
	f, err := o.follow(ctx, std, file, "")
	if err != nil {
		return err
	}
	defer f.close()
	batches, err := f.Batches(ctx, f.started)
	return errors.Join(f.show(ctx, std, batches), err)
}

type waitOptions struct {
	followOptions
	poll pollOptions
}

func waitCommand() *cli.Command {
	var o waitOptions
	return &cli.Command{
		Name: "wait", Usage: "wait until batches have ended", ArgsUsage: "[JOBS.jsonl]", Flags: append(o.flags(), o.poll.flags()...),
		Action: action(func(ctx context.Context, std cmdline.Streams, file string) error { return wait(ctx, std, file, &o) }),
	}
}

func wait(ctx context.Context, std cmdline.Streams, file string, o *waitOptions) error {
	f, err := o.follow(ctx, std, file, "")
	if err != nil {
		return err
	}
	defer f.close()
	meter := progress.New(std.Err, std.Name, o.poll.progress)
	batches, err := f.Wait(ctx, f.started, o.poll.until(meter))
	meter.Close()
	if err := errors.Join(goOn(err), f.show(ctx, std, batches), f.unstarted()); err != nil {
		return err
	}
	p, left := batch.Sum(batches)
	std.Say("%d rows: %d done, %d failed, %d left undone", p.Rows, p.Completed, p.Failed, left.Rows())
	if p.Failed > 0 {
		std.Say("failed %d: ner-batch download shows why", p.Failed)
	}
	(&failures.Rows{Failed: left}).Say(std)
	if slices.ContainsFunc(batches, func(b wire.Batch) bool { return b.Status != wire.BatchCompleted || b.Failed > 0 }) {
		return cmdline.Exit(cmdline.Partial, nil)
	}
	return nil
}

type downloadOptions struct {
	followOptions
	batchFile, output string
	prices            cost.Prices
}

func downloadCommand() *cli.Command {
	var o downloadOptions
	return &cli.Command{
		Name: "download", Usage: "fetch the results of ended batches", ArgsUsage: "[JOBS.jsonl]",
		Flags: append(o.flags(), &cli.StringFlag{Name: "batch-file", Destination: &o.batchFile, Usage: "the batch's input `FILE`"},
			outputFlag(&o.output), o.accepted.Flag(), o.prices.Flag()),
		Action: action(func(ctx context.Context, std cmdline.Streams, file string) error { return download(ctx, std, file, &o) }),
	}
}

func download(ctx context.Context, std cmdline.Streams, file string, o *downloadOptions) error {
	table, err := o.prices.Table()
	if err != nil {
		return err
	}
	f, err := o.follow(ctx, std, file, o.output, o.batchFile, o.prices.File)
	if err != nil {
		return err
	}
	defer f.close()
	if len(f.started) == 0 {
		return f.unstarted()
	}
	for i := range f.started {
		f.started[i].File = cmp.Or(o.batchFile, f.started[i].File)
	}
	outcome, err := f.Download(ctx, f.started, o.output, std.Out)
	if err != nil {
		return err
	}
	sayOutcome(std, "", outcome, table)
	if outcome.Unnamed > 0 {
		std.Say("name the batch's input file with --batch-file, to have a result for each row")
	}
	(&failures.Rows{Failed: &outcome.Failed, Missing: outcome.Missing, File: o.output}).Say(std)
	return errors.Join(partial(outcome), f.unstarted())
}

func cancelCommand() *cli.Command {
	var o followOptions
	return &cli.Command{
		Name: "cancel", Usage: "stop batches; what is done by then is paid for and can be fetched", ArgsUsage: "[JOBS.jsonl]", Flags: o.flags(),
		Action: action(func(ctx context.Context, std cmdline.Streams, file string) error { return cancel(ctx, std, file, &o) }),
	}
}

func cancel(ctx context.Context, std cmdline.Streams, file string, o *followOptions) error {
	f, err := o.follow(ctx, std, file, "")
	if err != nil {
		return err
	}
	defer f.close()
	batches, err := f.Cancel(ctx, f.started)
	return errors.Join(err, writeBatches(std, batches, f.waiting))
}

type listOptions struct {
	service service.Options
	limit   int
}

func listCommand() *cli.Command {
	var o listOptions
	return &cli.Command{
		Name: "list", Usage: "list the account's batches, newest first",
		Flags:  append([]cli.Flag{&cli.IntFlag{Name: "limit", Value: 20, Destination: &o.limit, Action: cmdline.AtLeast("limit", 1), Usage: "show `N` batches"}}, o.service.Flags()...),
		Action: action(func(ctx context.Context, std cmdline.Streams, _ string) error { return list(ctx, std, &o) }),
	}
}

func list(ctx context.Context, std cmdline.Streams, o *listOptions) error {
	client, err := o.service.Client(ctx, 1)
	if err != nil {
		return err
	}
	defer client.Close()
	batches, err := looker(std, client, &failures.Accepted{}).List(ctx, o.limit)
	if err != nil {
		return err
	}
	return writeBatches(std, batches, nil)
}
