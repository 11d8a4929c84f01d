package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
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

// partRequests is how many requests a part may have, 0 if nothing was said of it.
func partRequests(c *cli.Context) (int, error) {
	if n := c.Int("max-part-requests"); n >= 1 || !c.IsSet("max-part-requests") {
		return n, nil
	}
	return 0, cmdline.UsageError("--max-part-requests must be at least 1, not %d", c.Int("max-part-requests"))
}

// estimate says what the batch would cost, and writes no file.
func estimate(c *cli.Context) error {
	most, err := partRequests(c)
	if err != nil {
		return err
	}
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
	e, err := price.Count(next, most)
	if err != nil {
		return err
	}
	quote := table.Quote(e, 0, 0)
	quote.Kept = kept
	return cost.Show(cmdline.Streams{Name: c.App.Name, Out: os.Stdout, Err: c.App.ErrWriter}, quote)
}

func submit(c *cli.Context) (err error) {
	if c.Bool("wait-for-batch") {
		return run(c)
	}
	s, err := begin(c, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	err = errors.Join(s.manager.Start(c.Context, s.jobs), s.manager.GivenUp())
	return errors.Join(err, s.show(c, err))
}

func run(c *cli.Context) (err error) {
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
	s, err := begin(c, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	meter := progress.New(c.App.ErrWriter, c.App.Name, c.String("progress"))
	var large error // of the parts that were given up: the others are waited for
	err = batch.Wait(c.Context, every, c.Duration("max-wait"), func(ctx context.Context) (bool, error) {
		err := s.manager.Start(ctx, s.jobs)
		if err == nil {
			err = s.manager.Look(ctx, s.jobs)
		}
		if up := s.manager.GivenUp(); up != nil {
			large = errors.Join(large, up)
			if batch.Running(s.jobs) {
				meter.Say(up.Error())
			}
		}
		s.measure(meter)
		return !batch.Running(s.jobs), err
	})
	meter.Close()
	if err != nil {
		return errors.Join(unfinished(err), large, s.show(c, err))
	}
	if large != nil && !slices.ContainsFunc(s.jobs, func(j *batch.Entry) bool { return j.BatchID != "" }) {
		return large
	}
	return errors.Join(large, s.fetch(c))
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
	jobs    []*batch.Entry
}

// begin makes the batch files and enters them into the ledger. Nothing is sent.
// With look it first sees what has become of those that were begun before.
func begin(c *cli.Context, look bool) (*session, error) {
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
	if look || c.Bool("fresh") {
		known := s.jobs
		if c.Int("max-parts-in-flight") == 0 {
			known = s.manager.Jobs(parts) // how many others are running does not matter
		}
		err = errors.Join(s.manager.Look(c.Context, known), s.manager.GivenUp())
	}
	if err == nil {
		err = s.manager.Add(c.Context, parts, c.Bool("fresh"))
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
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

func (s *session) close() error {
	s.client.Close()
	return s.ledger.Close()
}

// show writes the job records, and says how to continue. failed is why some parts
// could not be started, nil if nothing went wrong.
func (s *session) show(c *cli.Context, failed error) error {
	waiting, full := 0, 0
	for _, j := range s.jobs {
		r := s.manager.Record(j)
		if _, err := os.Stdout.Write(record.AppendJob(nil, &r)); err != nil {
			return fmt.Errorf("write jobs: %w", err)
		}
		switch {
		case j.Waiting():
			waiting++
			if !j.Refused.IsZero() {
				full++
			}
		case j.BatchID == "": // it was given up, and failed says why
		case s.manager.Started(j):
			cmdline.Say(c, "batch submitted with ID: %s (%s)", j.BatchID, r.Status)
			cmdline.Say(c, "fetch it later with: ner-batch download --batch-id %s -o results.jsonl", j.BatchID)
		default:
			s.showEarlier(c, j, r.Status)
		}
	}
	bound := c.Int("max-parts-in-flight")
	sync := "ner-batch sync --ledger " + ledgerPath(c)
	if bound > 0 {
		sync += fmt.Sprintf(" --max-parts-in-flight %d", bound)
	}
	switch {
	case waiting == 0:
		return nil
	case failed != nil:
		cmdline.Say(c, "%d of %d parts were not started", waiting, len(s.jobs))
		return nil
	case full > 0:
		cmdline.Say(c, "%d of %d parts wait for room in the service's queue: to start them when there is some, run the same command again, or %s", waiting, len(s.jobs), sync)
	default:
		cmdline.Say(c, "%d of %d parts wait until others have ended, as --max-parts-in-flight is %d: to start them then, run the same command again, or %s", waiting, len(s.jobs), bound, sync)
	}
	return cmdline.Exit(cmdline.Pending, nil)
}

// showEarlier tells of a batch that this command did not start.
func (s *session) showEarlier(c *cli.Context, j *batch.Entry, status string) {
	again, later := "", " later"
	if b := (wire.Batch{Status: status}); b.Final() {
		again, later = "; --fresh asks again", ""
	}
	cmdline.Say(c, "batch %s was already submitted on %s (%s)%s", j.BatchID, j.Made.Local().Format("2006-01-02 15:04"), status, again)
	if j.Results != "" {
		cmdline.Say(c, "its results are in %s", j.Results)
		return
	}
	cmdline.Say(c, "fetch it%s with: ner-batch download --batch-id %s -o results.jsonl", later, j.BatchID)
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
			if err := s.manager.FetchJob(c.Context, j, &each[i], put); err != nil {
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
	most, err := partRequests(c)
	if err != nil {
		return nil, err
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
	parts, err := batch.Split(path, most, next)
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
	parts, err = batch.ScanParts(path)
	for _, p := range parts {
		if most > 0 && p.Requests > most {
			return nil, &fault.Error{File: p.File, Err: fmt.Errorf("%d requests, but --max-part-requests is %d", p.Requests, most),
				Hint: "to split it, name it as the input, and another file with --batch-file"}
		}
	}
	return parts, err
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
