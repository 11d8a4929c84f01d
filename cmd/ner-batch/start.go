package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/cost"
	"nertools/cmd/internal/failures"
	"nertools/cmd/internal/service"
	"nertools/pkg/batch"
	"nertools/pkg/durable"
	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/price"
	"nertools/pkg/progress"
	"nertools/pkg/record"
	"nertools/pkg/resume"
	"nertools/pkg/retry"
	"nertools/pkg/wire"
)

// maxRetries limits how often a call is repeated after temporary failures.
const maxRetries = 5

// create writes the batch files, or with --dry-run an estimate of the cost.
func (o *options) create(_ context.Context, std cmdline.Streams, prompts string) error {
	prompts, err := o.prompts(prompts)
	if err != nil {
		return err
	}
	judge := o.accepted.Judge(say(std))
	if o.dryRun {
		table, err := o.prices.Table()
		if err != nil {
			return err
		}
		r := reading{}
		return o.read(std, prompts, judge, &r, func(next batch.Requests) error {
			return cost.Estimate(std, table, next, &r.kept, cost.Limits{PartRequests: o.part.Requests, PartBytes: o.part.Bytes, Batch: true})
		})
	}
	draft, _, err := o.draft(std, prompts, judge)
	if err != nil {
		return err
	}
	defer draft.Close()
	if err := batch.Plan(o.ledgerPath(), draft); err != nil {
		return err
	}
	for _, p := range draft.Parts {
		std.Note("%s: %s, %s", p.File, english.Count(p.Requests, "request"), english.Count(p.Bytes, "byte"))
	}
	return nil
}

// reading is what is found while prompts are read.
type reading struct {
	requests *wire.Builder
	output   string // the file that results will replace; may be empty
	asked    *batch.Earlier
	answers  *resume.Answers
	kept     int       // rows that are not to be asked
	sent     int       // of these, rows in earlier batches
	reused   io.Writer // takes the results of those whose answers are reused; may be nil
	n        int       // how many these are
}

// read passes the requests of the prompts to use, without those with earlier answers. The
// error wraps a [*resume.DifferError] if requests were asked earlier in another way.
func (o *options) read(std cmdline.Streams, prompts string, judge *wire.Judge, r *reading, use func(batch.Requests) error) error {
	var err error
	if r.requests, err = o.settings.Builder(say(std)); err != nil {
		return err
	}
	r.output = o.output
	if r.answers, err = o.earlier.Open(std, judge, ""); err != nil {
		return err
	}
	defer r.answers.Close()
	if r.asked, err = batch.ReadEarlier(o.ledgerPath(), o.output, judge); err != nil {
		return err
	}
	if !o.earlier.Fresh {
		r.answers.SetSent(r.asked.Batches())
	}
	if prompts == "" {
		return use(func() (wire.Request, error) { return wire.Request{}, io.EOF })
	}
	in, name, err := cmdline.Open(prompts)
	if err != nil {
		return err
	}
	defer in.Close()
	return use(r.rest(record.NewLines(name, in)))
}

// rest returns the requests of in without earlier answers, and writes the answers that are
// reused.
func (r *reading) rest(in *record.Lines) batch.Requests {
	var line []byte
	checked := "" // a file or a batch that is not the output
	return r.answers.Rest(in, r.requests, func(q *wire.Request, p resume.Place) error {
		r.kept++
		if !p.Readable() {
			r.sent++
			if where := r.answers.Where(p); where != checked {
				if checked = where; r.output != "" && durable.SameFile(where, r.output) {
					return cmdline.UsageError("-o %s holds answers to keep, and would be replaced: write to another file", r.output)
				}
			}
		}
		if !p.Reused() {
			return nil
		}
		r.n++
		if r.reused == nil {
			return nil
		}
		result, err := r.answers.Read(q, p)
		if err == nil {
			line = record.AppendResult(line[:0], &result)
			_, err = r.reused.Write(line)
		}
		return err
	})
}

// reusedFile returns the file for the results of rows whose answers are reused.
func (o *options) reusedFile() string {
	return strings.TrimSuffix(o.batchFile, filepath.Ext(o.batchFile)) + ".reused.jsonl"
}

// draft divides the prompts into parts, or without prompts takes the existing batch file. It
// checks that they ask no row again that was asked before, and returns the members of the
// requests that the user asked for.
func (o *options) draft(std cmdline.Streams, prompts string, judge *wire.Judge) (d *batch.Draft, given map[string]bool, err error) {
	var r reading
	defer func() {
		if err != nil && d != nil {
			_ = d.Close() // nothing in it is needed
		}
	}()
	var reused *os.File
	if len(o.earlier.Reuse) > 0 {
		scratch, err := durable.Scratch("ner-reused-")
		if err != nil {
			return nil, nil, err
		}
		defer durable.CloseScratch(scratch)
		r.reused, reused = scratch, scratch
	}
	err = o.read(std, prompts, judge, &r, func(next batch.Requests) (err error) {
		if d, err = batch.NewDraft(o.batchFile, o.part, next); err != nil || r.n == 0 {
			return err
		}
		return durable.Replace(o.reusedFile(), func(w io.Writer) error {
			_, err := io.Copy(w, io.NewSectionReader(reused, 0, math.MaxInt64))
			return err
		})
	})
	if err != nil {
		return d, nil, err
	}
	given = r.requests.Given()
	if n := r.kept - r.n - r.sent; n > 0 {
		std.Note("left out %s answered earlier", english.Count(n, "row"))
	}
	if r.sent > 0 {
		std.Note("left out %s of earlier batches", english.Count(r.sent, "row"))
	}
	if r.n > 0 {
		std.Note("reused %s: %s", english.Count(r.n, "answer"), o.reusedFile())
	}
	if !o.earlier.Fresh {
		if err = o.checkReplaced(r.asked, d.Parts); err == nil {
			err = r.asked.Check(d.Parts, r.answers.Same())
		}
	}
	kept := r.kept
	switch {
	case err != nil, len(d.Parts) > 0:
		return d, given, err
	case kept > 0: // an existing batch file has other requests
		std.Note("nothing is left to ask")
		return d, given, nil
	case prompts == "-" && isPipe(os.Stdin):
		// Otherwise an old file would be sent because the program before the pipe failed.
		return d, nil, fault.WithHint(errors.New("no prompts came through the pipe"), "to send the batch file that is there, say so: < /dev/null")
	case len(o.earlier.Files()) > 0:
		flag := "--resume"
		if len(o.earlier.Resume) == 0 {
			flag = "--reuse"
		}
		return d, nil, cmdline.UsageError("%s does nothing without prompts: name the batch file as the input, and another one with --batch-file", flag)
	}
	parts, err := o.existing()
	if err == nil && !o.earlier.Fresh {
		err = o.checkParts(std, parts, judge)
	}
	return batch.Written(parts), given, errors.Join(err, d.Close())
}

// checkReplaced checks that the output, which results will replace, holds no answers to the
// prompts of another source or to questions of another kind.
func (o *options) checkReplaced(asked *batch.Earlier, parts []batch.Part) error {
	if o.output == "" || len(parts) == 0 {
		return nil
	}
	if source := asked.Foreign(o.output, parts); source != "" {
		return cmdline.UsageError("-o %s holds answers of source %q, and would be replaced: write to another file", o.output, source)
	}
	return nil
}

// existing reads the existing batch file, and checks that it complies with the flags.
func (o *options) existing() ([]batch.Part, error) {
	parts, err := batch.ScanParts(o.batchFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.WithHint(errors.New("no prompts, and no batch file that is there already"), "pipe prompt records in, or name a batch file with --batch-file")
	}
	const hint = "to split it, name it as the input, and another file with --batch-file"
	for _, p := range parts {
		if o.part.Requests > 0 && p.Requests > o.part.Requests {
			return nil, &fault.Error{File: p.File, Err: fmt.Errorf("%s, but --max-part-requests is %d", english.Count(p.Requests, "request"), o.part.Requests), Hint: hint}
		}
		if o.part.Bytes > 0 && p.Bytes > o.part.Bytes {
			return nil, &fault.Error{File: p.File, Err: fmt.Errorf("%s, but --max-part-bytes is %d", english.Count(p.Bytes, "byte"), o.part.Bytes), Hint: hint}
		}
	}
	return parts, err
}

// checkParts checks that existing batch files ask no row again that was asked before.
func (o *options) checkParts(std cmdline.Streams, parts []batch.Part, judge *wire.Judge) error {
	var r reading
	err := o.read(std, "", judge, &r, func(batch.Requests) error {
		var files []io.Reader
		for i := range parts {
			if r.asked.Started(parts[i].Key) {
				continue
			}
			in, err := os.Open(parts[i].File)
			if err != nil {
				return err
			}
			defer in.Close()
			files = append(files, in)
		}
		next := r.rest(record.NewLines(o.batchFile, io.MultiReader(files...)))
		for {
			if _, err := next(); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
		}
	})
	if err != nil {
		return err
	}
	if r.kept > 0 {
		return &fault.Error{File: o.batchFile, Err: fmt.Errorf("%s asked earlier", english.Count(r.kept, "row")), Hint: "to leave them out, name it as the input, and another file with --batch-file"}
	}
	if err := o.checkReplaced(r.asked, parts); err != nil {
		return err
	}
	return r.asked.Check(parts, r.answers.Same())
}

// sayTrials prints what was paid for trials, and what to do about one without an answer.
func sayTrials(std cmdline.Streams, trials []batch.Trial) {
	for i := range trials {
		t := &trials[i]
		_, index, _, _ := record.ParseID(t.Row)
		if t.Usage != (record.Usage{}) || t.Failure == nil {
			std.Note("row %d was sent at once as a trial (%v); it stays in the batch, so it is paid for twice", index, t.Usage)
		}
		if t.Failure != nil && !(&wire.Error{Failure: *t.Failure}).Passing() {
			var failed record.Failures
			failed.Add(t.Failure)
			std.Say("row %d has no complete answer in the trial; other rows may", index)
			(&failures.Rows{Failed: &failed, Asks: true}).Say(std)
		}
	}
}

func isPipe(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeNamedPipe != 0
}

func (o *options) submit(ctx context.Context, std cmdline.Streams, prompts string) error {
	if o.wait {
		return o.run(ctx, std, prompts)
	}
	return o.begin(ctx, std, prompts, say(std), func(m *batch.Manager, parts []batch.Part, _ *price.Table) error {
		entries, err := m.Submit(ctx, parts)
		return errors.Join(err, o.show(std, m, entries, err))
	})
}

func (o *options) run(ctx context.Context, std cmdline.Streams, prompts string) error {
	tell := say(std)
	return o.begin(ctx, std, prompts, func(s string) { tell(s) }, func(m *batch.Manager, parts []batch.Part, table *price.Table) error {
		meter := progress.New(std.Err, std.Name, o.meter)
		tell = meter.Say
		entries, tooLarge, err := m.Run(ctx, parts, o.pollOn(meter))
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
		return errors.Join(tooLarge, err, sayOutcome(std, "", outcome, table, failures.Rows{File: o.output, Asks: true}))
	})
}

// begin checks the inputs and outputs, writes the batch files, opens the ledger and calls
// work. Nothing is sent before work.
func (o *options) begin(ctx context.Context, std cmdline.Streams, prompts string, say func(string), work func(*batch.Manager, []batch.Part, *price.Table) error) error {
	prompts, err := o.prompts(prompts)
	if err != nil {
		return err
	}
	for _, path := range []string{o.batchFile, o.ledgerPath()} {
		if o.output != "" && durable.SameFile(o.output, path) {
			return cmdline.UsageError("-o %s is the batch file or its ledger: write to another file", o.output)
		}
	}
	if len(o.earlier.Reuse) > 0 && o.output != "" && durable.SameFile(o.output, o.reusedFile()) {
		return cmdline.UsageError("-o %s is the file for the answers that are reused: write to another file", o.output)
	}
	if err := o.check(append([]string{prompts}, o.earlier.Files()...)...); err != nil {
		return err
	}
	trials := batch.Trials{}
	return o.session(ctx, say, func(judge *wire.Judge) (d *batch.Draft, err error) {
		d, trials.Given, err = o.draft(std, prompts, judge)
		return d, err
	}, func(m *batch.Manager, d *batch.Draft, c client, table *price.Table) error {
		if !o.noTrial {
			trials.Asker = c
		}
		parts, made, err := m.Prepare(ctx, d, trials)
		sayTrials(std, made)
		if err != nil {
			return err
		}
		if len(parts) > 0 {
			service.SayShutdown(ctx, c, parts[0].Model, time.Now(), say)
		}
		return work(m, parts, table)
	})
}

// session calls prepare for the parts, opens the ledger and calls work.
func (o *options) session(ctx context.Context, say func(string), prepare func(*wire.Judge) (*batch.Draft, error), work func(*batch.Manager, *batch.Draft, client, *price.Table) error) error {
	table, client, err := o.connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	cfg := o.config
	cfg.Prices, cfg.MaxCost = table, o.most.Amount
	cfg.MaxRetries, cfg.Judge, cfg.Say, cfg.Fresh = maxRetries, o.accepted.Judge(say), say, o.earlier.Fresh
	if cfg.Account, cfg.Former, err = o.service.Account(ctx); err != nil {
		return err
	}
	draft, err := prepare(cfg.Judge)
	if err != nil {
		return err
	}
	defer draft.Close()
	m, err := batch.Open(o.ledgerPath(), client, cfg)
	if err != nil {
		return err
	}
	return errors.Join(work(m, draft, client, table), m.Close())
}

// A client is the service with its connections, which the caller closes.
type client interface {
	batch.Service
	retry.Asker
	service.Calendar
	Close()
}

// connect reads the prices and the key, and returns a client. It sends nothing.
func (o *options) connect(ctx context.Context) (*price.Table, client, error) {
	table, err := o.prices.Table()
	if err != nil {
		return nil, nil, err
	}
	c, err := o.service.Client(ctx, 1)
	return table, c, err
}

// pollOn returns the poll of the flags, with its progress shown on the meter.
func (o *options) pollOn(meter *progress.Meter) batch.Poll {
	poll := o.poll
	poll.Seen = func(p batch.Progress) {
		meter.Total(p.Rows)
		meter.Set(p.Completed+p.Failed, p.Failed)
		long, short := standing(p.Jobs)
		meter.Status(long, short, p.Next)
	}
	return poll
}

// show writes the job records and prints how to continue. failed is the error for which some
// parts were not started; nil without such an error.
func (o *options) show(std cmdline.Streams, m *batch.Manager, entries []*batch.Entry, failed error) error {
	waiting, full, later := 0, 0, 0
	for _, entry := range entries {
		job := m.Record(entry)
		if err := writeJobs(std, job); err != nil {
			return err
		}
		switch {
		case entry.Waiting():
			waiting++
			if !entry.Refused.IsZero() {
				full++
			}
		case entry.BatchID == "": // it was given up: see failed
		case m.Started(entry):
			std.Note("batch submitted with ID: %s (%s)", job.BatchID, job.Status)
			std.Note("fetch it later with: %s", o.fetch(entry))
		default:
			round := m.Later(entry)
			o.showEarlier(std, entry, job.Status, round)
			if round > 0 {
				later++
				std.Say("the rows that expired in it are asked again in round %d: ner-batch run, or %s, takes care of that", round, o.syncCommand())
			}
		}
	}
	bound := o.config.InFlight
	switch {
	case waiting == 0 && later > 0:
		return cmdline.Exit(cmdline.Pending, nil)
	case waiting == 0:
		return nil
	case failed != nil:
		std.Say("not started: %d of %s", waiting, english.Count(len(entries), "part"))
		return nil
	case full > 0 || bound == 0: // parts also wait for one that was refused earlier
		std.Say("%d of %s wait for room in the service's queue: to start them when there is some, run the same command again, or %s", waiting, english.Count(len(entries), "part"), o.syncCommand())
	default:
		std.Say("%d of %s wait until others have ended, as --max-parts-in-flight is %d: to start them then, run the same command again, or %s", waiting, english.Count(len(entries), "part"), bound, o.syncCommand())
	}
	return cmdline.Exit(cmdline.Pending, nil)
}

// fetch returns the command that fetches the results of an entry.
func (o *options) fetch(entry *batch.Entry) string {
	return o.command("download", "--batch-id", entry.BatchID, "-o", strings.TrimSuffix(entry.File, filepath.Ext(entry.File))+".results.jsonl")
}

// syncCommand returns the command that starts the parts that wait, as this one would.
func (o *options) syncCommand() string {
	args := []string{"--ledger", o.ledgerPath()}
	if o.config.InFlight > 0 {
		args = append(args, "--max-parts-in-flight", strconv.Itoa(o.config.InFlight))
	}
	if o.config.Window != defaultWindow {
		args = append(args, "--completion-window", o.config.Window)
	}
	if o.config.Description != "" {
		args = append(args, "--description", o.config.Description)
	}
	return o.command("sync", args...)
}

// showEarlier prints that a batch was submitted earlier, and where its results are. If round
// is not 0, that round of its rows is still to come or to end.
func (o *options) showEarlier(std cmdline.Streams, entry *batch.Entry, status string, round int) {
	again, later := "", " later"
	if b := (wire.Batch{Status: status}); b.Final() && round == 0 {
		again, later = "; --fresh asks again", ""
	}
	std.Note("batch %s was already submitted on %s (%s)%s", entry.BatchID, entry.Made.Local().Format("2006-01-02 15:04"), status, again)
	if entry.Results != "" {
		std.Note("its results are in %s", entry.Results)
		return
	}
	if round == 0 {
		std.Note("fetch it%s with: %s", later, o.fetch(entry))
	}
}
