package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/cost"
	"nertools/cmd/internal/failures"
	"nertools/cmd/internal/service"
	"nertools/pkg/durable"
	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/online"
	"nertools/pkg/pace"
	"nertools/pkg/price"
	"nertools/pkg/progress"
	"nertools/pkg/record"
	"nertools/pkg/resume"
	"nertools/pkg/wire"
)

const (
	// grace is how long calls in flight may take after Ctrl-C.
	grace = 5 * time.Second
	// maxWait is the longest pause that a service may ask for: longer ones are
	// those of a daily limit, better spent elsewhere.
	maxWait = 10 * time.Minute
	// flexWait is how long a tier without capacity is waited for.
	flexWait = time.Hour
)

func run(ctx context.Context, std cmdline.Streams, o *options, args []string) (err error) {
	goOn := "" // how to continue, once the run has begun
	defer func() {
		err = cmdline.Each(err, func(err error) error {
			if o.earlier.Fresh && errors.Is(err, online.ErrNotEmpty) {
				return fault.WithHint(err, "--fresh writes to a new file: name another one with -o")
			}
			return explain(o.settings.ExplainEarlier(err, "--fresh with a new -o file"), o.output, goOn)
		})
	}()
	if len(args) > 1 {
		return cmdline.UsageError("unexpected argument %q: one file of prompts at most", args[1])
	}
	input := "-"
	if len(args) == 1 {
		input = args[0]
	}
	output, inputs := o.output, append([]string{input, o.prices.File}, o.earlier.Reuse...)
	if o.dryRun {
		output = "" // the estimate goes to stdout
	} else if o.service.KeyFile == "-" { // any other name may be the key itself
		inputs = append(inputs, "-")
	}
	if err := cmdline.CheckFiles(output, inputs...); err != nil {
		return err
	}
	say := func(s string) { std.Say("%s", s) }
	requests, err := o.settings.Builder(say)
	if err != nil {
		return err
	}
	table, err := o.prices.Table()
	if err != nil {
		return err
	}
	tier := price.Tier(o.settings.ServiceTier())
	if err := o.most.Check(table, o.settings.ModelName(), tier); err != nil {
		return err
	}
	judge := o.accepted.Judge(func(s string) { say(s) })
	if o.dryRun {
		return estimate(std, o, input, table, tier, requests, judge)
	}
	o.service.Tier = string(tier)
	client, err := o.service.Client(ctx, o.workers)
	if err != nil {
		return err
	}
	defer client.Close()
	in, name, err := openInput(input)
	if err != nil {
		return err
	}
	defer in.Close()
	limits := pace.Config{InFlight: o.workers, PerMinute: o.rpm, Tokens: o.tpm, MaxRetries: o.maxRetries, MaxWait: maxWait}
	if o.service.Tier == service.Flex {
		limits.MaxWait, limits.Patience = flexWait, flexWait
	}
	r := online.Run{
		Asker: client, Requests: requests, Judge: judge, KeepOrder: o.keepOrder, InFlight: o.workers, MaxErrors: o.maxErrors, Stubborn: o.stubborn, Grace: grace,
		Pacer: pace.New(limits),
	}
	resumed := !o.earlier.Fresh && slices.ContainsFunc(o.earlier.Resume, func(path string) bool { return o.output != "" && durable.SameFile(path, o.output) })
	if err := openOutput(std, o, &r, resumed); err != nil {
		return err
	}
	if r.Earlier, err = o.earlier.Open(std, judge, o.output); err != nil {
		return errors.Join(err, r.Output.Close())
	}
	defer r.Earlier.Close()
	if n := r.Earlier.Unsigned(); n > 0 {
		std.Say("kept %s without a record of the settings: assuming that they are the same", english.Count(n, "earlier answer"))
	}
	meter := progress.New(std.Err, std.Name, o.progress)
	say = meter.Say
	if std.Verbose {
		r.Asker = outspoken{client, meter.Say}
	}
	if o.most.Amount > 0 {
		r.Asker = thrifty{r.Asker, price.NewBudget(o.most.Amount), table, tier}
	}
	meter.Waits(r.Pacer.Waiting)
	r.Say, r.Done, r.Kept, r.AtMost = meter.Say, meter.Done, meter.Kept, meter.AtMost
	spending := table.RunCost(tier)
	r.Used, r.Short = spending.Add, short(meter.Say)
	meter.Spends(func() string {
		if amount, _ := spending.Amount(); amount > 0 {
			return table.Money(amount)
		}
		return ""
	})
	r.Streamed = func() {
		say("the service streams its answers without being asked to; the parts are joined (--extra-body '{\"stream\": false}' asks for whole answers)")
	}
	switch {
	case o.output == "":
		goOn = "to continue, run the same command with --resume FILE, where FILE holds these results"
	case resumed:
		goOn = "to continue, run the same command again"
	default:
		goOn = "to continue, run the same command with --resume " + o.output
	}
	begin := time.Now()
	besides, stop := context.WithCancel(ctx)
	var shutdown sync.WaitGroup
	shutdown.Go(func() { service.SayShutdown(besides, client, o.settings.ModelName(), begin, meter.Say) })
	sum, err := r.Do(ctx, record.NewLines(name, online.ReadAhead(in, meter.Total)))
	stop()
	shutdown.Wait()
	meter.Close()
	unwritten := r.Output.Close()
	_, changed := errors.AsType[*durable.ChangedError](err)
	if _, told := errors.AsType[*durable.ChangedError](unwritten); changed && told {
		err = nil // Close knows more of it
	}
	err = errors.Join(err, unwritten)
	if sum.Rows > 0 || err == nil {
		std.Note("%s", describe(&sum, table, spending, time.Since(begin)))
	}
	failed := failures.Rows{Failed: &sum.Failed, File: o.output, Asks: true}
	if stop, ok := errors.AsType[*online.StopError](err); ok {
		if failed.Told = stop.Class; stop.Class == record.Auth {
			err = cmdline.Exit(cmdline.Key, err)
		}
	}
	failed.Say(std)
	if err == nil && sum.Failed.Rows() > 0 {
		return cmdline.Exit(cmdline.Partial, nil)
	}
	return err
}

// estimate reads the prompts as a run would and says what that run would cost. It
// sends nothing and writes to no file.
func estimate(std cmdline.Streams, o *options, input string, table *price.Table, tier price.Tier, requests *wire.Builder, judge *wire.Judge) error {
	in, name, err := openInput(input)
	if err != nil {
		return err
	}
	defer in.Close()
	earlier, err := o.earlier.Open(std, judge, o.output)
	if err != nil {
		return err
	}
	defer earlier.Close()
	kept := 0
	next := earlier.Rest(record.NewLines(name, in), requests, func(*wire.Request, resume.Place) error {
		kept++
		return nil
	})
	return cost.Estimate(std, table, next, &kept, cost.Limits{PerMinute: o.rpm, TokensPerMinute: o.tpm, Tier: tier})
}

func openInput(input string) (in io.ReadCloser, name string, err error) {
	if input == "-" && term.IsTerminal(int(os.Stdin.Fd())) {
		return nil, "", cmdline.UsageError("no prompts: pipe them in, or name a file of them")
	}
	if input == "-" {
		return os.Stdin, "stdin", nil // the file itself, whose size may tell how many rows there are
	}
	return cmdline.Open(input)
}

// openOutput sets up where r's results go. resumed says that the file of results is to
// be continued.
func openOutput(std cmdline.Streams, o *options, r *online.Run, resumed bool) error {
	if o.output == "" {
		r.Output = online.Stream{W: std.Out}
		return nil
	}
	results, torn, err := online.OpenResults(o.output, resumed, o.keepOrder)
	if err != nil {
		return err
	}
	if torn > 0 {
		std.Say("%s: removed an incomplete last line", o.output)
	}
	// A file's rows are put in order at its end: until then it has to hold what
	// there is, in whatever order.
	r.Output, r.KeepOrder = results, false
	return nil
}

// explain says what to do about an error: whatever else is known, goOn.
func explain(err error, output, goOn string) error {
	changed, isChanged := errors.AsType[*durable.ChangedError](err)
	given, isGivenUp := errors.AsType[*pace.GivenUp](err)
	refused, isRefused := errors.AsType[*wire.Error](err)
	_, isOwn := errors.AsType[*resume.OwnError](err)
	_, isStopped := errors.AsType[*online.StopError](err)
	_, isTooMany := errors.AsType[*online.FailuresError](err)
	same, isAlike := errors.AsType[*online.AlikeError](err)
	hint := ""
	switch {
	case isOwn:
		hint = fault.Hint(err) + "; if it is one that was damaged, rename it, and take its answers over with --resume into a new file"
	case errors.Is(err, online.ErrNotRegular):
		hint = "leave out -o to write to stdout"
	case errors.Is(err, online.ErrNotEmpty):
		hint = "continue it with --resume " + output + ", or write to another file"
	case errors.Is(err, durable.ErrForeign):
		hint = "this is no file of results: write to another one with -o"
	case errors.Is(err, durable.ErrLocked):
		return cmdline.Exit(cmdline.Locked, fault.WithHint(err, "wait until the other run has ended, or write to another file"))
	case isChanged && !changed.Gone:
		hint = "to continue, run the same command with --resume " + output + ": answers that are gone are asked for again"
	case isChanged && changed.Rescued != "":
		hint = "what was written to it is in " + changed.Rescued + "; to continue, run the same command with --resume " + changed.Rescued
	case isChanged:
		return err
	case isGivenUp && given.After > 0:
		hint = "run the same command again after that time; with --resume what is answered is not asked again"
	case isGivenUp:
		hint = "run the same command again later, perhaps with fewer --workers; with --resume what is answered is not asked again"
	case isRefused && refused.Class == record.Quota:
		hint = "add credit to the account, then run the same command again; with --resume what is answered is not asked again"
	case isAlike:
		hint = alikeHint(same.First.Class)
	case !isRefused && isStopped:
		hint = "check that the server is up, and --base-url (OPENAI_BASE_URL)"
	case isTooMany:
		hint = "--max-errors sets how many may fail; with --resume a later run asks only for what is missing"
	default:
		err = cost.Explain(service.Explain(err))
		if errors.Is(err, context.Canceled) || output != "" && fault.Hint(err) == "" {
			hint = goOn
		}
	}
	if hint == "" {
		return err
	}
	return fault.WithHint(err, hint)
}

// alikeHint returns what to do if the first rows all failed with the same class.
func alikeHint(class record.Class) string {
	hint := "choose another --model, or look at the prompts"
	switch class {
	case record.Length, record.Empty:
		hint = "raise --max-tokens, lower --reasoning-effort, or choose another --model"
	case record.Invalid:
		hint = "change the settings that the service names (--max-tokens, --reasoning-effort, --extra-body ...), or choose another --model"
	case record.Malformed:
		hint = "check --base-url (OPENAI_BASE_URL), or choose another --model"
	}
	return hint + "; the rows left were not asked (--max-errors 0 asks them all the same)"
}

// short returns what is called with prompts of which the service counted suspiciously few
// tokens. If it counted far fewer than there are, it says so, once.
func short(say func(string)) func(*wire.Request, int) {
	const checks = 8 // counting takes milliseconds
	var checked, told atomic.Int32
	return func(q *wire.Request, counted int) {
		if told.Load() > 0 || checked.Add(1) > checks {
			return
		}
		if n := price.PromptTokens(q); float64(counted) < 0.6*float64(n) && told.Add(1) == 1 {
			say(fmt.Sprintf("the service counted %s in a prompt of about %d (row %d): it may cut off prompts. "+
				"A local server needs a longer context: num_ctx of Ollama, for example, is 4096 unless it is set", english.Count(counted, "token"), n, q.Row.Index))
		}
	}
}

func describe(s *online.Totals, table *price.Table, spending *price.RunCost, took time.Duration) string {
	text := s.String()
	if amount, whole := spending.Amount(); whole && s.Rows > s.Kept {
		text += "; about " + table.Money(amount)
	}
	text += fmt.Sprintf("; %.1f s", took.Seconds())
	if asked := s.Rows - s.Kept; asked > 0 {
		text += fmt.Sprintf(", %.1f rows/s", float64(asked)/took.Seconds())
	}
	return text
}
