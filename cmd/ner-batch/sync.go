package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/failures"
	"nertools/pkg/batch"
	"nertools/pkg/durable"
	"nertools/pkg/english"
	"nertools/pkg/price"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// sync checks every job of a ledger once. It runs unattended, so its messages have the time,
// and it prints nothing if nothing has changed.
func (o *options) sync(ctx context.Context, std cmdline.Streams, _ string) error {
	if o.ledger == "" {
		return cmdline.UsageError("--ledger is missing: name the ledger that ner-batch submit keeps beside the batch file")
	}
	if err := o.check(o.ledger); err != nil {
		return err
	}
	if err := durable.CheckReplace(filepath.Join(o.outDir, "ner-batch.results.jsonl")); err != nil {
		return err
	}
	std.Dated = true
	none := func(*wire.Judge) (*batch.Draft, error) { return batch.Written(nil), nil }
	return std.Date(o.session(ctx, say(std), none, func(m *batch.Manager, _ *batch.Draft, _ client, table *price.Table) error {
		if o.onDone != "" {
			if err := m.Watch(); err != nil {
				return err
			}
		}
		running, unanswered, err := m.Sync(ctx, o.outDir, func(c *batch.Change) error {
			sayChange(std, c)
			if c.Outcome != nil {
				_ = sayOutcome(std, c.Results+": ", c.Outcome, table, failures.Rows{File: c.Results}) // the exit code depends on the whole ledger
			}
			return writeJobs(std, c.Job)
		})
		if o.onDone != "" {
			err = errors.Join(err, m.Finished(ctx, func(entry *batch.Entry) error { return o.runOnDone(ctx, std, entry, m.Record(entry), m.State(entry)) }))
		}
		switch {
		case err != nil:
			return err
		case running > 0:
			return cmdline.Exit(cmdline.Pending, nil)
		case unanswered > 0:
			return cmdline.Exit(cmdline.Partial, nil)
		}
		return nil
	}))
}

// sayChange prints a line about the status of a job if that has changed.
func sayChange(std cmdline.Streams, c *batch.Change) {
	job := &c.Job
	switch {
	case !c.Status:
	case job.BatchID == "" && job.Status == wire.BatchFailed:
		why := "the service does not take it"
		if len(job.Errors) > 0 {
			why = job.Errors[0].Error()
		}
		std.Note("%s: not started: %s", job.File, why)
	case job.BatchID == "":
		std.Note("%s: waiting to be started", job.File)
	case c.Started:
		std.Note("%s: submitted as %s (%s)", job.File, job.BatchID, job.Status)
	default:
		std.Note("%s: %s %s: %d of %s done, %d failed", job.File, job.BatchID, job.Status, job.Completed, english.Count(job.Requests, "row"), job.Failed)
	}
}

// runOnDone runs the --on-done command for a job that has finished in the given state. The command's output goes
// to stderr; it gets no input and no credentials. If it fails, that is printed, and the
// error has only the exit code.
func (o *options) runOnDone(ctx context.Context, std cmdline.Streams, entry *batch.Entry, job record.Job, state string) error {
	job.Status = state
	failed, missing := entry.Unanswered-entry.Missing, entry.Missing
	if job.BatchID == "" { // it could not be started
		failed = entry.Requests
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", o.onDone)
	cmd.Env = o.service.Environ()
	for _, v := range []struct {
		name  string
		value any
	}{
		{"JOB", job.BatchID}, {"STATE", job.Status}, {"FILE", job.File}, {"RESULTS", entry.Results}, {"TOTAL", entry.Requests},
		{"OK", entry.Requests - failed - missing}, {"FAILED", failed}, {"MISSING", missing},
	} {
		cmd.Env = append(cmd.Env, fmt.Sprintf("NER_%s=%v", v.name, v.value))
	}
	cmd.Stdout, cmd.Stderr = std.Err, std.Err
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second // then it is killed
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		std.Say("%s: the --on-done command failed (%v): it runs again at the next sync with --on-done", job.File, err)
		return cmdline.Exit(cmdline.Failed, nil)
	}
	std.Note("%s: the --on-done command has run", job.File)
	return nil
}
