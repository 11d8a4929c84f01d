package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/cost"
	"nertools/cmd/internal/finish"
	"nertools/cmd/internal/service"
	"nertools/pkg/batch"
	"nertools/pkg/durable"
	"nertools/pkg/fault"
	"nertools/pkg/price"
	"nertools/pkg/progress"
	"nertools/pkg/record"
	"nertools/pkg/resume"
	"nertools/pkg/wire"
)

// maxRetries bounds the further tries of a call after passing failures.
const maxRetries = 5

func create(c *cli.Context) error {
	if c.Bool("dry-run") {
		return estimate(c)
	}
	judge, err := finish.Judge(c, say(c))
	if err != nil {
		return err
	}
	parts, err := split(c, judge)
	if err != nil {
		return err
	}
	ledger, err := openLedger(ledgerPath(c))
	if err != nil {
		return err
	}
	if err := errors.Join(batch.Plan(ledger, parts), ledger.Close()); err != nil {
		return err
	}
	for _, p := range parts {
		cmdline.Say(c, "%s: %d requests, %d bytes", p.File, p.Requests, p.Bytes)
	}
	return nil
}

// estimate says what the batch would cost, and writes no file.
func estimate(c *cli.Context) error {
	table, err := cost.Table(c)
	if err != nil {
		return err
	}
	requests, err := service.Requests(c)
	if err != nil {
		return err
	}
	judge, err := finish.Judge(c, say(c))
	if err != nil {
		return err
	}
	kept := 0
	next, done, err := source(c, requests, judge, &kept)
	defer done()
	if err != nil {
		return err
	}
	e, err := price.Count(next)
	if err != nil {
		return err
	}
	quote := table.Quote(e, 0, 0)
	quote.Kept = kept
	return cost.Show(c, quote)
}

func submit(c *cli.Context) error {
	if c.Bool("wait-for-batch") {
		return run(c)
	}
	s, err := begin(c)
	if err != nil {
		return err
	}
	defer s.close()
	return errors.Join(s.manager.Start(c.Context, s.jobs), s.show(c))
}

func run(c *cli.Context) error {
	every, err := pollInterval(c)
	if err != nil {
		return err
	}
	if path := c.String("output"); path != "" {
		for _, earlier := range c.StringSlice("resume") {
			if cmdline.SameFile(earlier, path) {
				return cmdline.UsageError("-o %s would replace the earlier results: write to another file, and collect both", path)
			}
		}
		if err := durable.CheckReplace(path); err != nil {
			return err
		}
	}
	s, err := begin(c)
	if err != nil {
		return err
	}
	defer s.close()
	meter := progress.New(c.App.ErrWriter, c.App.Name, c.String("progress"))
	err = batch.Wait(c.Context, every, c.Duration("max-wait"), func(ctx context.Context) (bool, error) {
		if err := s.manager.Start(ctx, s.jobs); err != nil {
			return false, err
		}
		if err := s.manager.Look(ctx, s.jobs); err != nil {
			return false, err
		}
		s.measure(meter)
		return !batch.Running(s.jobs), nil
	})
	meter.Close()
	if err != nil {
		return errors.Join(unfinished(err), s.show(c))
	}
	return s.fetch(c)
}

// client is the service, and the connections to it.
type client interface {
	batch.Service
	Close()
}

// session is what the commands that start batches work with.
type session struct {
	client  client
	ledger  *batch.Ledger
	manager *batch.Manager
	jobs    []*batch.Job
}

// begin makes the batch files and enters them into the ledger. Nothing is sent.
func begin(c *cli.Context) (*session, error) {
	if err := checkStdout(c); err != nil {
		return nil, err
	}
	client, err := service.Client(c, 1)
	if err != nil {
		return nil, err
	}
	judge, err := finish.Judge(c, say(c))
	if err != nil {
		return nil, err
	}
	parts, err := split(c, judge)
	if err != nil {
		return nil, err
	}
	s, err := open(c, client, ledgerPath(c), judge)
	if err != nil {
		return nil, err
	}
	if c.Bool("fresh") {
		err = s.manager.Look(c.Context, s.jobs) // whether they have ended
	}
	if err == nil {
		err = s.manager.Add(c.Context, parts, c.Bool("fresh"))
	}
	if err != nil {
		return nil, errors.Join(err, s.ledger.Close())
	}
	s.jobs = s.manager.Jobs(parts)
	return s, nil
}

func open(c *cli.Context, client client, path string, judge *wire.Judge) (*session, error) {
	account, err := service.Account(c)
	if err != nil {
		return nil, err
	}
	ledger, err := openLedger(path)
	if err != nil {
		return nil, err
	}
	cfg := batch.Config{
		Account: account, Window: c.String("completion-window"), Description: c.String("description"),
		InFlight: c.Int("max-parts-in-flight"), MaxRetries: maxRetries, Judge: judge, Say: say(c),
	}
	return &session{client: client, ledger: ledger, manager: batch.NewManager(cfg, client, ledger), jobs: ledger.Jobs()}, nil
}

func ledgerPath(c *cli.Context) string {
	return cmp.Or(c.String("ledger"), c.String("batch-file")+".ledger")
}

func openLedger(path string) (*batch.Ledger, error) {
	ledger, err := batch.OpenLedger(path)
	if errors.Is(err, durable.ErrLocked) {
		return nil, cmdline.Exit(cmdline.Locked, fault.WithHint(err, "wait until the other ner-batch has ended"))
	}
	return ledger, err
}

func (s *session) close() {
	s.client.Close()
	s.ledger.Close()
}

// show writes the job records, and says how to go on.
func (s *session) show(c *cli.Context) error {
	waiting := 0
	for _, j := range s.jobs {
		r := s.manager.Record(j)
		if _, err := os.Stdout.Write(record.AppendJob(nil, &r)); err != nil {
			return fmt.Errorf("write jobs: %w", err)
		}
		if j.BatchID != "" {
			cmdline.Say(c, "batch submitted with ID: %s (%s)", j.BatchID, r.Status)
			cmdline.Say(c, "fetch it later with: ner-batch download --batch-id %s -o results.jsonl", j.BatchID)
		} else {
			waiting++
		}
	}
	if waiting == 0 {
		return nil
	}
	cmdline.Say(c, "%d of %d parts wait until the service takes them: the same command again starts them, or ner-batch sync", waiting, len(s.jobs))
	return cmdline.Exit(cmdline.Pending, nil)
}

func (s *session) measure(meter *progress.Meter) {
	total, done, failed := 0, 0, 0
	for _, j := range s.jobs {
		r := s.manager.Record(j)
		total += r.Requests
		done += r.Completed + r.Failed
		failed += r.Failed
	}
	meter.Total(total)
	meter.Set(done, failed)
}

func (s *session) fetch(c *cli.Context) error {
	var o batch.Outcome
	path := c.String("output")
	each := make([]batch.Outcome, len(s.jobs))
	err := output(path, func(put func(*record.Result) error) error {
		for i, j := range s.jobs {
			if j.BatchID == "" {
				continue
			}
			if err := s.manager.Fetch(c.Context, j.BatchID, j.File, &each[i], put); err != nil {
				return err
			}
			o.Add(&each[i])
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, j := range s.jobs {
		if j.Pending() && path != "" {
			if err := s.fetched(c, j, path, &each[i]); err != nil {
				return err
			}
		}
	}
	return verdict(c, &o)
}

// split writes the prompts into batch files, or takes the file that is there.
func split(c *cli.Context, judge *wire.Judge) ([]batch.Part, error) {
	path := c.String("batch-file")
	if path == "" {
		return nil, cmdline.UsageError("--batch-file is missing: name the file to write the requests to")
	}
	requests, err := service.Requests(c)
	if err != nil {
		return nil, err
	}
	kept := 0
	next, done, err := source(c, requests, judge, &kept)
	defer done()
	if err != nil {
		return nil, err
	}
	parts, err := batch.Split(path, next)
	if err != nil {
		return nil, err
	}
	if kept > 0 {
		cmdline.Say(c, "left out %d rows that were answered earlier", kept)
	}
	switch {
	case len(parts) > 0:
		return parts, nil
	case kept > 0: // a batch file that is there is of something else
		cmdline.Say(c, "nothing is left to ask")
		return nil, nil
	}
	if isPipe(os.Stdin) && !c.Args().Present() {
		// Rather than send an old file because the program in front failed.
		return nil, fault.WithHint(errors.New("no prompts came through the pipe"), "to send the batch file that is there, say so: < /dev/null")
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fault.WithHint(errors.New("no prompts, and no batch file that is there already"), "pipe prompt records in, or name a batch file with --batch-file")
	}
	return batch.ScanParts(path)
}

func isPipe(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeNamedPipe != 0
}

// source reads the requests of the input, without those answered earlier, which
// it counts in kept.
func source(c *cli.Context, requests *wire.Builder, judge *wire.Judge, kept *int) (next batch.Requests, done func(), err error) {
	var files []*os.File
	done = func() {
		for _, f := range files {
			f.Close()
		}
	}
	input, err := argument(c, "prompts")
	if err != nil {
		return nil, done, err
	}
	if input == "" && term.IsTerminal(int(os.Stdin.Fd())) {
		return func() (wire.Request, error) { return wire.Request{}, io.EOF }, done, nil
	}
	earlier := resume.New()
	earlier.Judge = judge
	for _, path := range c.StringSlice("resume") {
		f, err := os.Open(path)
		if err != nil {
			return nil, done, err
		}
		files = append(files, f)
		info, err := f.Stat()
		if err != nil {
			return nil, done, err
		}
		if err := earlier.Add(path, f, info.Size(), false); err != nil {
			return nil, done, err
		}
	}
	for _, damage := range earlier.Damage() {
		cmdline.SayDamage(c, damage)
	}
	in, name, err := cmdline.Open(cmp.Or(input, "-"))
	if err != nil {
		return nil, done, err
	}
	return earlier.Rest(record.NewLines(name, in), requests, kept), done, nil
}

func pollInterval(c *cli.Context) (time.Duration, error) {
	s := c.String("poll-interval")
	d, err := time.ParseDuration(s)
	if seconds, e := strconv.ParseFloat(s, 64); e == nil {
		d, err = time.Duration(seconds*float64(time.Second)), nil
	}
	if err != nil || d <= 0 {
		return 0, cmdline.UsageError("--poll-interval %q: a time such as 60s", s)
	}
	return d, nil
}

func resultsName(file string) string {
	base := filepath.Base(file)
	return strings.TrimSuffix(base, filepath.Ext(base)) + ".results.jsonl"
}
