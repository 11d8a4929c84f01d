package main

import (
	"cmp"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/failures"
	"nertools/cmd/internal/service"
	"nertools/pkg/batch"
	"nertools/pkg/durable"
	"nertools/pkg/progress"
)

// maxRetries bounds the further tries of a call after passing failures.
const maxRetries = 5

// inputOptions say what is asked, and in which parts.
type inputOptions struct {
	settings  service.Settings
	accepted  failures.Accepted
	batchFile string
	ledger    string // "" for the batch file's
	most      int    // requests of a part; 0 for as many as a batch takes
	resume    []string
}

func (o *inputOptions) flags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "batch-file", Destination: &o.batchFile, Usage: "write the requests to this `FILE`; further parts stand beside it. Without prompts, take the file that is there"},
		ledgerFlag(&o.ledger),
		&cli.IntFlag{Name: "max-part-requests", DefaultText: "as many as a batch takes", Destination: &o.most, Action: cmdline.AtLeast("max-part-requests", 1), Usage: "put at most `N` requests into one part"},
		&cli.StringSliceFlag{Name: "resume", Action: cmdline.Into(&o.resume), Usage: "leave out what has a good answer in this `FILE` of results (repeatable)"},
		o.accepted.Flag(),
	}, o.settings.Flags()...)
}

func (o *inputOptions) ledgerPath() string { return cmp.Or(o.ledger, o.batchFile+".ledger") }

// check finds what would keep the command from reading its inputs or from writing
// the batch file, and returns which file to read the prompts from, "" for none.
func (o *inputOptions) check(prompts string, inputs ...string) (string, error) {
	if o.batchFile == "" {
		return "", cmdline.UsageError("--batch-file is missing: name the file to write the requests to")
	}
	if prompts = orStdin(prompts); durable.SameFile(prompts, o.batchFile) {
		prompts = "" // the file that is there
	}
	return prompts, cmdline.CheckFiles(o.batchFile, slices.Concat([]string{prompts}, o.resume, inputs)...)
}

// outputFlag says where results go.
func outputFlag(to *string) cli.Flag {
	return &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Destination: to, Usage: "write the results to this `FILE` instead of stdout"}
}

// checkFiles finds what would keep a command from reading its inputs or from writing
// to output, or to stdout if that is "".
func checkFiles(output string, inputs ...string) error {
	if err := cmdline.CheckFiles(output, inputs...); err != nil || output == "" {
		return err
	}
	return durable.CheckReplace(output)
}

// orStdin names stdin where a file is not named. Nobody types in what is read there.
func orStdin(file string) string {
	if file == "" && !term.IsTerminal(int(os.Stdin.Fd())) {
		return "-"
	}
	return file
}

func ledgerFlag(to *string) cli.Flag {
	return &cli.StringFlag{Name: "ledger", Destination: to, Usage: "`FILE` that remembers what was begun (default: the batch file's name and .ledger)"}
}

// batchOptions say how batches are made.
type batchOptions struct {
	service service.Options
	config  batch.Config
}

func (o *batchOptions) flags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "description", Destination: &o.config.Description, Usage: "`TEXT` that the batches carry"},
		&cli.StringFlag{Name: "completion-window", Value: "24h", Destination: &o.config.Window, Usage: "`TIME` that the service has"},
		&cli.IntFlag{Name: "max-parts-in-flight", Destination: &o.config.InFlight, Action: cmdline.AtLeast("max-parts-in-flight", 0), Usage: "let at most `N` batches run at once; 0 is no bound"},
	}, o.service.Flags()...)
}

func freshFlag(to *bool) cli.Flag {
	return &cli.BoolFlag{Name: "fresh", Destination: to, Usage: "start parts again that were started before, and pay for them again"}
}

// pollOptions say how batches are waited for.
type pollOptions struct {
	batch.Poll
	progress string
}

func (o *pollOptions) flags() []cli.Flag {
	o.Every = time.Minute
	return []cli.Flag{
		&cli.StringFlag{Name: "poll-interval", Value: "60s", EnvVars: []string{"NER_POLL_INTERVAL"}, Usage: "look every so often: a `TIME` such as 60s",
			Action: func(_ *cli.Context, s string) error { return o.setInterval(s) }},
		&cli.DurationFlag{Name: "max-wait", Value: 24 * time.Hour, Destination: &o.Most, Action: cmdline.AtLeast[time.Duration]("max-wait", 0), Usage: "give up waiting after this `TIME`"},
		cmdline.ProgressFlag(&o.progress),
	}
}

// until is the poll that shows its progress on the meter.
func (o *pollOptions) until(meter *progress.Meter) batch.Poll {
	poll := o.Poll
	poll.Seen = func(p batch.Progress) {
		meter.Total(p.Rows)
		meter.Set(p.Completed+p.Failed, p.Failed)
	}
	return poll
}

func (o *pollOptions) setInterval(s string) (err error) {
	o.Every, err = time.ParseDuration(s)
	if seconds, e := strconv.ParseFloat(s, 64); e == nil {
		o.Every, err = time.Duration(seconds*float64(time.Second)), nil
	}
	if err != nil || o.Every <= 0 {
		return cmdline.UsageError("--poll-interval %q: a time such as 60s", s)
	}
	return nil
}
