package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/failures"
	"nertools/pkg/batch"
	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/price"
	"nertools/pkg/progress"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// A follower works on batches that any program may have started.
type follower struct {
	*batch.Manager
	started, waiting []record.Job
	table            *price.Table
}

// follow finds the batches that the flags or the job records in the file name, and calls
// work.
func (o *options) follow(ctx context.Context, std cmdline.Streams, file string, work func(*follower) error) error {
	jobs, err := o.jobs(file)
	if err != nil {
		return err
	}
	table, client, err := o.connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	f := &follower{Manager: o.looker(std, client, table), table: table}
	if f.started, f.waiting, err = f.Sort(ctx, jobs); err != nil {
		return err
	}
	return work(f)
}

// looker returns a manager without a ledger.
func (o *options) looker(std cmdline.Streams, client batch.Service, table *price.Table) *batch.Manager {
	return batch.New(client, batch.Config{MaxRetries: maxRetries, Prices: table, Judge: o.accepted.Judge(say(std)), Say: say(std)})
}

// jobs returns the jobs of --batch-id, or of the job records in the file or on stdin.
func (o *options) jobs(file string) (jobs []record.Job, err error) {
	switch {
	case slices.Contains(o.ids, ""):
		return nil, cmdline.UsageError("--batch-id is empty: ner-batch list shows the ids")
	case len(o.ids) > 0 && file != "":
		return nil, cmdline.UsageError("unexpected argument %q: give --batch-id before each id, or job records, not both", file)
	case len(o.ids) == 0:
		file = orStdin(file)
	}
	err = o.check(file, o.batchFile)
	if e, ok := errors.AsType[*fs.PathError](err); ok && e.Path == file && errors.Is(err, fs.ErrNotExist) {
		err = fault.WithHint(err, "job records are read from a file; name a batch by its id with --batch-id "+file)
	}
	if err != nil {
		return nil, err
	}
	for _, id := range o.ids {
		jobs = append(jobs, record.Job{BatchID: id})
	}
	if file != "" {
		in, name, err := cmdline.Open(file)
		if err != nil {
			return nil, err
		}
		defer in.Close()
		if jobs, err = record.ReadJobs(name, in); err != nil {
			return nil, err
		}
	}
	if len(jobs) == 0 {
		return nil, cmdline.UsageError("which batch? name it with --batch-id, or pipe job records in")
	}
	return jobs, nil
}

// show prints the problems that the service reports for the batches, and writes job records of
// the batches and of the waiting jobs.
func (f *follower) show(ctx context.Context, std cmdline.Streams, batches []wire.Batch) error {
	reasons, err := f.Reasons(ctx, batches, f.started)
	for i := range reasons {
		std.Say("%s", &reasons[i])
	}
	return errors.Join(err, showJobs(std, append(batch.Describe(batches), f.waiting...)))
}

func (o *options) status(ctx context.Context, std cmdline.Streams, file string) error {
	return o.follow(ctx, std, file, func(f *follower) error {
		batches, err := f.Batches(ctx, f.started)
		return errors.Join(f.show(ctx, std, batches), err)
	})
}

func (o *options) waitFor(ctx context.Context, std cmdline.Streams, file string) error {
	return o.follow(ctx, std, file, func(f *follower) error {
		meter := progress.New(std.Err, std.Name, o.meter)
		batches, err := f.Wait(ctx, f.started, o.pollOn(meter))
		meter.Close()
		if err := errors.Join(goOn(err), f.show(ctx, std, batches), batch.NotStarted(f.waiting)); err != nil {
			return err
		}
		p, left := batch.Sum(batches)
		std.Note("%s: %d done, %d failed, %d left undone", english.Count(p.Rows, "row"), p.Completed, p.Failed, left.Rows())
		if p.Failed > 0 {
			std.Say("failed %d: ner-batch download shows why", p.Failed)
		}
		later := slices.ContainsFunc(batches, func(b wire.Batch) bool { return batch.AsksAgain(&b) })
		(&failures.Rows{Failed: left, Later: later}).Say(std)
		if slices.ContainsFunc(batches, func(b wire.Batch) bool { return b.Status != wire.BatchCompleted || b.Failed > 0 }) {
			return cmdline.Exit(cmdline.Partial, nil)
		}
		return nil
	})
}

func (o *options) download(ctx context.Context, std cmdline.Streams, file string) error {
	return o.follow(ctx, std, file, func(f *follower) error {
		if len(f.started) == 0 {
			return batch.NotStarted(f.waiting)
		}
		for i := range f.started {
			f.started[i].File = cmp.Or(o.batchFile, f.started[i].File)
		}
		outcome, err := f.Download(ctx, f.started, o.output, std.Out)
		if err != nil {
			return err
		}
		err = sayOutcome(std, "", outcome, f.table, failures.Rows{File: o.output})
		if outcome.Unnamed > 0 {
			std.Say("name the batch's input file with --batch-file, to have a result for each row")
		}
		return errors.Join(err, batch.NotStarted(f.waiting))
	})
}

func (o *options) cancel(ctx context.Context, std cmdline.Streams, file string) error {
	return o.follow(ctx, std, file, func(f *follower) error {
		batches, err := f.Cancel(ctx, f.started)
		return errors.Join(err, showJobs(std, append(batch.Describe(batches), f.waiting...)))
	})
}

func (o *options) list(ctx context.Context, std cmdline.Streams, _ string) error {
	table, client, err := o.connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	batches, err := o.looker(std, client, table).List(ctx, o.newest)
	if err != nil {
		return err
	}
	return showJobs(std, batch.Describe(batches))
}
