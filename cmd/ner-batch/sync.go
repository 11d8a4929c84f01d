package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/cost"
	"nertools/cmd/internal/failures"
	"nertools/pkg/batch"
	"nertools/pkg/durable"
	"nertools/pkg/record"
)

type syncOptions struct {
	batch          batchOptions
	accepted       failures.Accepted
	prices         cost.Prices
	ledger, outDir string
}

func syncCommand() *cli.Command {
	var o syncOptions
	return &cli.Command{
		Name: "sync", Usage: "for cron: one look at every job of a ledger, fetch what is ready, start what waits",
		Flags: append(o.batch.flags(), ledgerFlag(&o.ledger), o.accepted.Flag(), o.prices.Flag(),
			&cli.StringFlag{Name: "out-dir", Value: ".", Destination: &o.outDir, Usage: "write the results into this `DIR`, a file a part"}),
		Action: action(func(ctx context.Context, std cmdline.Streams, _ string) error { return sync(ctx, std, &o) }),
	}
}

func sync(ctx context.Context, std cmdline.Streams, o *syncOptions) (err error) {
	if o.ledger == "" {
		return cmdline.UsageError("--ledger is missing: name the ledger that ner-batch submit keeps beside the batch file")
	}
	if _, err := os.Stat(o.ledger); err != nil {
		return err
	}
	if err := cmdline.CheckFiles("", o.prices.File, o.batch.service.KeyFile); err != nil {
		return err
	}
	if err := durable.CheckReplace(filepath.Join(o.outDir, "results.jsonl")); err != nil {
		return err
	}
	table, err := o.prices.Table()
	if err != nil {
		return err
	}
	client, err := o.batch.service.Client(ctx, 1)
	if err != nil {
		return err
	}
	defer client.Close()
	m, err := o.batch.open(ctx, o.ledger, client, o.accepted.Judge(say(std)), say(std))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	running, unanswered, err := m.Sync(ctx, o.outDir, func(job record.Job, path string, outcome *batch.Outcome) error {
		if outcome != nil {
			sayOutcome(std, path+": ", outcome, table)
			(&failures.Rows{Failed: &outcome.Failed, Missing: outcome.Missing, File: path}).Say(std)
		}
		return writeJob(std, &job)
	})
	switch {
	case err != nil:
		return err
	case running > 0:
		return cmdline.Exit(cmdline.Pending, nil)
	case unanswered > 0:
		return cmdline.Exit(cmdline.Partial, nil)
	}
	return nil
}
