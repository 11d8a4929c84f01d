package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/cost"
	"nertools/cmd/internal/failures"
	"nertools/cmd/internal/finish"
	"nertools/cmd/internal/service"
	"nertools/pkg/batch"
	"nertools/pkg/durable"
	"nertools/pkg/fault"
	"nertools/pkg/price"
	"nertools/pkg/progress"
	"nertools/pkg/record"
	"nertools/pkg/safetext"
	"nertools/pkg/wire"
)

// follower is what the commands that follow batches work with.
type follower struct {
	manager *batch.Manager
	jobs    []record.Job // what is known of each batch: its id, and its file if job records tell it
	waiting []record.Job // those that were not started yet
	close   func()
}

func follow(c *cli.Context) (*follower, error) {
	if err := checkStdout(c); err != nil {
		return nil, err
	}
	client, err := service.Client(c, 1)
	if err != nil {
		return nil, err
	}
	jobs, err := jobRecords(c)
	if err != nil {
		return nil, err
	}
	judge, err := finish.Judge(c, say(c))
	if err != nil {
		return nil, err
	}
	f := &follower{manager: looker(c, client, judge), close: client.Close}
	if err := f.sort(c, jobs); err != nil {
		client.Close()
		return nil, err
	}
	return f, nil
}

// sort tells the jobs whose batches were started from those that wait for it. A
// record that says that a job waits may be older than its batch.
func (f *follower) sort(c *cli.Context, jobs []record.Job) error {
	var keys []string
	for _, j := range jobs {
		if j.BatchID == "" && j.Key != "" {
			keys = append(keys, j.Key)
		}
	}
	started, err := f.manager.ByKey(c.Context, keys)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		if b, ok := started[j.Key]; ok && j.BatchID == "" {
			j.BatchID = b.ID
		}
		if j.BatchID != "" {
			f.jobs = append(f.jobs, j)
		} else {
			f.waiting = append(f.waiting, j)
		}
	}
	return nil
}

// unstarted is the error of those jobs that have no batch: the status is 8 as long
// as they may get one.
func (f *follower) unstarted() error {
	var waiting, refused []string
	for _, j := range f.waiting {
		if j.Status == wire.BatchFailed {
			refused = append(refused, strconv.Itoa(j.Part))
		} else {
			waiting = append(waiting, strconv.Itoa(j.Part))
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

// looker is a manager that starts nothing.
func looker(c *cli.Context, client client, judge *wire.Judge) *batch.Manager {
	return batch.NewManager(batch.Config{MaxRetries: maxRetries, Judge: judge, Say: say(c)}, client, nil)
}

func say(c *cli.Context) func(string) {
	return func(s string) { cmdline.Say(c, "%s", s) }
}

// jobRecords are those of --batch-id, or of the job records in the input.
func jobRecords(c *cli.Context) ([]record.Job, error) {
	if ids := c.StringSlice("batch-id"); len(ids) > 0 {
		switch {
		case slices.Contains(ids, ""):
			return nil, cmdline.UsageError("--batch-id is empty: ner-batch list shows the ids")
		case c.Args().Present():
			return nil, cmdline.UsageError("unexpected argument %q: give --batch-id before each id, or job records, not both", c.Args().First())
		}
		jobs := make([]record.Job, len(ids))
		for i, id := range ids {
			jobs[i].BatchID = id
		}
		return jobs, nil
	}
	input, err := argument(c, "job records")
	if err != nil {
		return nil, err
	}
	if input == "" && term.IsTerminal(int(os.Stdin.Fd())) {
		return nil, cmdline.UsageError("which batch? name it with --batch-id, or pipe job records in")
	}
	in, name, err := cmdline.Open(cmp.Or(input, "-"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.WithHint(err, "job records are read from a file; name a batch by its id with --batch-id "+input)
	}
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var jobs []record.Job
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
	if len(jobs) == 0 {
		return nil, cmdline.UsageError("which batch? name it with --batch-id, or pipe job records in")
	}
	return jobs, nil
}

// checkStdout returns an error if what the command is to write would be lost.
func checkStdout(c *cli.Context) error {
	if c.String("output") != "" {
		return nil
	}
	return cmdline.CheckStdout()
}

// argument is the one file that the command line names, "" if it names none.
func argument(c *cli.Context, of string) (string, error) {
	if c.NArg() > 1 {
		return "", cmdline.UsageError("unexpected argument %q: one file of %s at most", c.Args().Get(1), of)
	}
	return c.Args().First(), nil
}

// look looks at all batches. With an error it returns those that there are.
func (f *follower) look(ctx context.Context) ([]wire.Batch, error) {
	var batches []wire.Batch
	var errs []error
	for _, j := range f.jobs {
		b, err := f.manager.Batch(ctx, j.BatchID)
		if err == nil {
			batches = append(batches, b)
			continue
		}
		errs = append(errs, fmt.Errorf("look at %s: %w", j.BatchID, err))
		if e, ok := errors.AsType[*wire.Error](err); !ok || e.Unanswered() || e.Class == record.Auth {
			break // the others fare no better
		}
	}
	return batches, errors.Join(errs...)
}

// sayReasons says what the service says is wrong with those batches that ended.
func (f *follower) sayReasons(c *cli.Context, batches []wire.Batch) error {
	var errs []error
	for i := range batches {
		b := &batches[i]
		if len(b.Problems) == 0 && b.Status != wire.BatchFailed {
			continue
		}
		file := ""
		if n := slices.IndexFunc(f.jobs, func(j record.Job) bool { return j.BatchID == b.ID }); n >= 0 {
			file = f.jobs[n].File
		}
		reasons, err := f.manager.Reasons(c.Context, b, file)
		sayReasons(c, reasons)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// maxReasons is how many of the reasons of one batch are printed.
const maxReasons = 10

func sayReasons(c *cli.Context, reasons []batch.Complaint) {
	said := map[string]int{}
	for i := range reasons {
		if r := &reasons[i]; said[r.Batch] < maxReasons {
			cmdline.Say(c, "%s", r)
		}
		said[reasons[i].Batch]++
	}
	for _, id := range slices.Sorted(maps.Keys(said)) {
		if more := said[id] - maxReasons; more > 0 {
			cmdline.Say(c, "%s has %d more problems", id, more)
		}
	}
}

func status(c *cli.Context) error {
	f, err := follow(c)
	if err != nil {
		return err
	}
	defer f.close()
	batches, err := f.look(c.Context)
	return errors.Join(f.sayReasons(c, batches), show(batches, f.waiting), err)
}

func wait(c *cli.Context) error {
	every, err := pollInterval(c)
	if err != nil {
		return err
	}
	f, err := follow(c)
	if err != nil {
		return err
	}
	defer f.close()
	meter := progress.New(c.App.ErrWriter, c.App.Name, c.String("progress"))
	var batches []wire.Batch
	err = batch.Wait(c.Context, every, c.Duration("max-wait"), func(ctx context.Context) (bool, error) {
		now, err := f.look(ctx)
		if err != nil {
			return false, err
		}
		batches = now
		total, done, failed := 0, 0, 0
		for i := range batches {
			b := &batches[i]
			total, done, failed = total+b.Total, done+b.Completed+b.Failed, failed+b.Failed
		}
		meter.Total(total)
		meter.Set(done, failed)
		return !slices.ContainsFunc(batches, func(b wire.Batch) bool { return !b.Final() }), nil
	})
	meter.Close()
	ended := err == nil
	if err := errors.Join(unfinished(err), f.sayReasons(c, batches), show(batches, f.waiting), f.unstarted()); err != nil {
		return err
	}
	if ended {
		sayEnded(c, batches)
	}
	if slices.ContainsFunc(batches, func(b wire.Batch) bool { return b.Status != wire.BatchCompleted || b.Failed > 0 }) {
		return cmdline.Exit(cmdline.Partial, nil)
	}
	return nil
}

// sayEnded says what came of batches, as far as their counts tell.
func sayEnded(c *cli.Context, batches []wire.Batch) {
	total, done, failed := 0, 0, 0
	var left record.Failures
	for i := range batches {
		b := &batches[i]
		total, done, failed = total+b.Total, done+b.Completed, failed+b.Failed
		class := record.Missing
		switch b.Status {
		case wire.BatchExpired:
			class = record.Expired
		case wire.BatchCancelled:
			class = record.Cancelled
		case wire.BatchFailed:
			class = record.Invalid
		}
		left.AddRows(&record.Failure{Class: class}, max(0, b.Total-b.Completed-b.Failed))
	}
	cmdline.Say(c, "%d rows: %d done, %d failed, %d left undone", total, done, failed, left.Rows())
	if failed > 0 {
		cmdline.Say(c, "failed %d: ner-batch download shows why", failed)
	}
	failures.Say(c, failures.Rows{Failed: &left})
}

func download(c *cli.Context) error {
	f, err := follow(c)
	if err != nil {
		return err
	}
	defer f.close()
	local := c.String("batch-file")
	if _, err := os.Stat(local); local != "" && err != nil {
		return err
	}
	if len(f.jobs) == 0 {
		return f.unstarted()
	}
	var o batch.Outcome
	err = output(c.String("output"), func(put func(*record.Result) error) error {
		for _, j := range f.jobs {
			if err := f.manager.Fetch(c.Context, j.BatchID, cmp.Or(local, j.File), &o, put); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, batch.ErrUnfinished) {
		return cmdline.Exit(cmdline.Pending, err)
	}
	if err != nil {
		return err
	}
	return errors.Join(verdict(c, &o), f.unstarted())
}

func cancel(c *cli.Context) error {
	f, err := follow(c)
	if err != nil {
		return err
	}
	defer f.close()
	var batches []wire.Batch
	for _, j := range f.jobs {
		id := j.BatchID
		b, err := f.manager.Cancel(c.Context, id)
		if e, ok := errors.AsType[*wire.Error](err); ok && e.Status == http.StatusConflict {
			cmdline.Say(c, "%s has ended already", id)
			b, err = f.manager.Batch(c.Context, id)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("cancel %s: %w", id, err), show(batches, f.waiting))
		}
		batches = append(batches, b)
	}
	return show(batches, f.waiting)
}

func list(c *cli.Context) error {
	if c.Int("limit") < 1 {
		return cmdline.UsageError("--limit %d: a number from 1", c.Int("limit"))
	}
	client, err := service.Client(c, 1)
	if err != nil {
		return err
	}
	defer client.Close()
	batches, err := looker(c, client, nil).List(c.Context, c.Int("limit"))
	if err != nil {
		return err
	}
	return show(batches, nil)
}

// sync looks once at every job of a ledger.
func sync(c *cli.Context) (err error) {
	if c.String("ledger") == "" {
		return cmdline.UsageError("--ledger is missing: name the ledger that ner-batch submit keeps beside the batch file")
	}
	if _, err := os.Stat(c.String("ledger")); err != nil {
		return err
	}
	if err := cmdline.CheckStdout(); err != nil {
		return err
	}
	client, err := service.Client(c, 1)
	if err != nil {
		return err
	}
	judge, err := finish.Judge(c, say(c))
	if err != nil {
		return err
	}
	s, err := open(c, client, c.String("ledger"), judge)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.manager.GivenUp(), s.close()) }()
	// First what has ended, since that makes room for what waits.
	if err := s.manager.Look(c.Context, s.jobs); err != nil {
		return err
	}
	if err := s.manager.Start(c.Context, s.jobs); err != nil {
		return err
	}
	var failed []error // to fetch some of them, which costs the others nothing
	pending, unanswered := 0, 0
	for _, j := range s.jobs {
		switch {
		case batch.Running([]*batch.Entry{j}):
			pending++
		case j.Pending():
			n, err := s.fetchOne(c, j)
			failed = append(failed, err)
			unanswered += n
		case j.Dropped():
			unanswered += j.Requests
		default:
			unanswered += j.Unanswered
		}
		r := s.manager.Record(j)
		if _, err := os.Stdout.Write(record.AppendJob(nil, &r)); err != nil {
			return errors.Join(errors.Join(failed...), fmt.Errorf("write jobs: %w", err))
		}
	}
	switch err := errors.Join(failed...); {
	case err != nil:
		return err
	case pending > 0:
		return cmdline.Exit(cmdline.Pending, nil)
	case unanswered > 0:
		return cmdline.Exit(cmdline.Partial, nil)
	}
	return nil
}

// fetchOne fetches the results of a job. It returns how many rows have no answer.
func (s *session) fetchOne(c *cli.Context, j *batch.Entry) (unanswered int, err error) {
	path := filepath.Join(c.String("out-dir"), resultsName(j.File))
	var o batch.Outcome
	table, err := cost.Table(c)
	if err != nil {
		return 0, err
	}
	err = output(path, func(put func(*record.Result) error) error {
		return s.manager.FetchJob(c.Context, j, &o, put)
	})
	if err != nil {
		return 0, err
	}
	sayFindings(c, &o)
	cmdline.Say(c, "%s: %s", path, describe(&o, table))
	failures.Say(c, failures.Rows{Failed: &o.Failed, Missing: o.Missing, File: path})
	return o.Unanswered(), s.fetched(c, j, path, &o)
}

// fetched records that the results of a job are here, if they all are.
func (s *session) fetched(c *cli.Context, j *batch.Entry, path string, o *batch.Outcome) error {
	if o.Incomplete {
		cmdline.Say(c, "%s: not all of its files were there: it will be fetched again", j.BatchID)
		return nil
	}
	return s.manager.Fetched(j, path, o)
}

// sayFindings says what was wrong with batches and their files.
func sayFindings(c *cli.Context, o *batch.Outcome) {
	sayReasons(c, o.Reasons)
	for _, d := range o.Damage {
		cmdline.SayDamage(c, d)
	}
	for _, err := range o.Flaws {
		cmdline.Say(c, "%v", err)
	}
	if o.Unnamed > 0 && has(c, "batch-file") {
		cmdline.Say(c, "name the batch's input file with --batch-file, to have a result for each row")
	}
}

func has(c *cli.Context, flag string) bool {
	return slices.ContainsFunc(c.Command.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), flag) })
}

// output hands the results that each makes to the file at path, which is whole
// or not there, or to stdout.
func output(path string, each func(put func(*record.Result) error) error) error {
	write := func(w io.Writer) error {
		out := bufio.NewWriterSize(w, 256<<10)
		var line []byte
		err := each(func(r *record.Result) error {
			line = record.AppendResult(line[:0], r)
			_, err := out.Write(line)
			return err
		})
		if err != nil {
			return err
		}
		return out.Flush()
	}
	if path == "" {
		return write(os.Stdout)
	}
	return durable.Replace(path, write)
}

func verdict(c *cli.Context, o *batch.Outcome) error {
	table, err := cost.Table(c)
	if err != nil {
		return err
	}
	sayFindings(c, o)
	cmdline.Say(c, "%s", describe(o, table))
	failures.Say(c, failures.Rows{Failed: &o.Failed, Missing: o.Missing, File: c.String("output")})
	if o.Unanswered() > 0 || o.Unsure {
		return cmdline.Exit(cmdline.Partial, nil)
	}
	return nil
}

func describe(o *batch.Outcome, table *price.Table) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d rows: %d ok, %d failed", o.Requests, o.OK, o.Failed.Rows())
	if classes := o.Failed.String(); classes != "" {
		fmt.Fprintf(&b, " (%s)", classes)
	}
	fmt.Fprintf(&b, ", %d missing; %d tokens in, %d out", o.Missing, o.Usage.Prompt, o.Usage.Completion)
	for model := range o.Models {
		if cost, ok := table.Cost(model, o.Usage, true); ok && len(o.Models) == 1 {
			fmt.Fprintf(&b, "; about %s", table.Money(cost))
		}
	}
	return b.String()
}

// unfinished gives waiting too long its exit code and a hint.
func unfinished(err error) error {
	switch {
	case errors.Is(err, batch.ErrStillRunning):
		return cmdline.Exit(cmdline.Pending, fault.WithHint(err, "the same command again goes on waiting; --max-wait sets for how long"))
	case errors.Is(err, context.Canceled):
		return fault.WithHint(err, "the service keeps working on what was started; to continue, run the same command again")
	}
	return err
}

// show writes the batches, and the jobs that wait for theirs, as a table on a
// terminal, else as job records.
func show(batches []wire.Batch, waiting []record.Job) error {
	if !term.IsTerminal(int(os.Stdout.Fd())) {
		jobs := make([]record.Job, 0, len(batches)+len(waiting))
		for i := range batches {
			jobs = append(jobs, batch.Describe(&batches[i]))
		}
		for _, r := range append(jobs, waiting...) {
			if _, err := os.Stdout.Write(record.AppendJob(nil, &r)); err != nil {
				return fmt.Errorf("write jobs: %w", err)
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "BATCH\tSTATUS\tDONE\tFAILED\tROWS\tAGE\tLEFT")
	for i := range batches {
		b := &batches[i]
		left := "-"
		if !b.Final() && !b.Expires.IsZero() {
			left = time.Until(b.Expires).Round(time.Minute).String()
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%v\t%s\n", safetext.Code(b.ID), safetext.Code(b.Status), b.Completed, b.Failed, b.Total, time.Since(b.Created).Round(time.Minute), left)
		for _, p := range b.Problems {
			fmt.Fprintf(w, "\t%s\tline %d\t%s\n", safetext.Code(p.Code), p.Line, safetext.Message(p.Message))
		}
	}
	for _, j := range waiting {
		fmt.Fprintf(w, "part %d\t%s\t-\t-\t%d\t-\t-\n", j.Part, safetext.Code(j.Status), j.Requests)
	}
	return w.Flush()
}
