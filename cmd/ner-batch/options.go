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
	"nertools/cmd/internal/cost"
	"nertools/cmd/internal/failures"
	"nertools/cmd/internal/service"
	"nertools/pkg/batch"
	"nertools/pkg/clidoc"
	"nertools/pkg/durable"
)

// The groups of flags in help texts.
const (
	files    = "prompts and files"
	followed = "which batches"
	waiting  = "waiting"
	results  = "results"
)

const defaultWindow = "24h" // of the completion of a batch

// options are those of a command. The flags of the command fill some of them.
type options struct {
	// what is asked, and in which parts
	settings  service.Settings
	batchFile string // "" for those that the job records name
	ledger    string // "" for the batch file's
	most      int    // requests of a part; 0 for as many as a batch takes
	resume    []string
	dryRun    bool

	// where, and how batches are made
	service service.Options
	config  batch.Config
	wait    bool // until all has ended
	poll    batch.Poll
	meter   string // the mode of progress

	// which batches are followed
	ids    []string // without any, job records are read
	newest int      // so many of the newest are listed

	// what becomes of the answers
	accepted failures.Accepted
	prices   cost.Prices
	output   string // "" for stdout
	outDir   string
	onDone   string // a command of the shell; "" for none
}

// input are the flags of what is asked.
func (o *options) input() []cli.Flag {
	return append(clidoc.Group(files,
		&cli.StringFlag{Name: "batch-file", Destination: &o.batchFile, Usage: "write the requests to this `FILE`; further parts stand beside it. Without prompts, take the file that is there"},
		o.ledgerFlag(),
		&cli.IntFlag{Name: "max-part-requests", DefaultText: "as many as a batch takes", Destination: &o.most, Action: cmdline.AtLeast("max-part-requests", 1), Usage: "put at most `N` requests into one part"},
		&cli.StringSliceFlag{Name: "resume", Action: cmdline.Into(&o.resume), Usage: "leave out what has a good answer in this `FILE` of results (repeatable)"},
	), o.settings.Flags()...)
}

// making are the flags of how batches are made.
func (o *options) making() []cli.Flag {
	return append(clidoc.Group("batches",
		&cli.StringFlag{Name: "description", Destination: &o.config.Description, Usage: "`TEXT` that the batches carry"},
		&cli.StringFlag{Name: "completion-window", Value: defaultWindow, Destination: &o.config.Window, Usage: "`TIME` that the service has"},
		&cli.IntFlag{Name: "max-parts-in-flight", Destination: &o.config.InFlight, Action: cmdline.AtLeast("max-parts-in-flight", 0), Usage: "let at most `N` batches run at once; 0 is no bound"},
	), o.service.Flags()...)
}

// starting are the flags of the commands that start and maybe wait for batches.
func (o *options) starting() []cli.Flag {
	return slices.Concat(o.input(), o.making(), o.waiting(), o.fetching(), []cli.Flag{o.outputFlag(),
		&cli.BoolFlag{Category: "batches", Name: "fresh", Destination: &o.config.Fresh, Usage: "start parts again that were started before, and pay for them again"}})
}

// waiting are the flags of how batches are waited for.
func (o *options) waiting() []cli.Flag {
	o.poll.Every = time.Minute
	return clidoc.Group(waiting,
		&cli.StringFlag{Name: "poll-interval", Value: "60s", EnvVars: []string{"NER_POLL_INTERVAL"}, Usage: "look every so often: a `TIME` such as 60s",
			Action: func(_ *cli.Context, s string) (err error) {
				o.poll.Every, err = time.ParseDuration(s)
				if seconds, e := strconv.ParseFloat(s, 64); e == nil {
					o.poll.Every, err = time.Duration(seconds*float64(time.Second)), nil
				}
				if err != nil || o.poll.Every <= 0 {
					return cmdline.UsageError("--poll-interval %q: a time such as 60s", s)
				}
				return nil
			}},
		&cli.DurationFlag{Name: "max-wait", Value: 24 * time.Hour, Destination: &o.poll.Most, Action: cmdline.AtLeast[time.Duration]("max-wait", 0), Usage: "give up waiting after this `TIME`"},
		cmdline.ProgressFlag(&o.meter),
	)
}

// following are the flags of which batches a command is about.
func (o *options) following() []cli.Flag {
	return append([]cli.Flag{&cli.StringSliceFlag{Category: followed, Name: "batch-id", Action: cmdline.Into(&o.ids), Usage: "`ID` of a batch (repeatable); without it, job records are read"}}, o.service.Flags()...)
}

// fetching are the flags of what becomes of answers.
func (o *options) fetching() []cli.Flag {
	return clidoc.Group(results, o.accepted.Flag(), o.prices.Flag())
}

func (o *options) outputFlag() cli.Flag {
	return &cli.StringFlag{Category: results, Name: "output", Aliases: []string{"o"}, Destination: &o.output, Usage: "write the results to this `FILE` instead of stdout"}
}

func (o *options) ledgerFlag() cli.Flag {
	return &cli.StringFlag{Category: files, Name: "ledger", Destination: &o.ledger, Usage: "`FILE` that remembers what was begun (default: the batch file's name and .ledger)"}
}

func (o *options) ledgerPath() string { return cmp.Or(o.ledger, o.batchFile+".ledger") }

// prompts names the file that the prompts are read from, "" for none. It finds what
// would keep the command from reading that and its other inputs, and from writing the
// batch file.
func (o *options) prompts(file string) (string, error) {
	if o.batchFile == "" {
		return "", cmdline.UsageError("--batch-file is missing: name the file to write the requests to")
	}
	if file = orStdin(file); durable.SameFile(file, o.batchFile) {
		file = "" // the batch file that is there
	}
	for _, input := range append([]string{file}, o.resume...) {
		if batch.IsFurtherPart(input, o.batchFile) {
			return "", cmdline.UsageError("%s is an input, and the name of a part of --batch-file %s: choose another batch file", input, o.batchFile)
		}
	}
	return file, cmdline.CheckFiles(o.batchFile, o.inputs(append([]string{file}, o.resume...))...)
}

// check finds what would keep the command from reading the files and from writing its
// output.
func (o *options) check(files ...string) error {
	err := cmdline.CheckFiles(o.output, o.inputs(files)...)
	if err != nil || o.output == "" {
		return err
	}
	if o.batchFile != "" && batch.IsFurtherPart(o.output, o.batchFile) {
		return cmdline.UsageError("-o %s is the name of a part of %s: write to another file", o.output, o.batchFile)
	}
	return durable.CheckReplace(o.output)
}

// inputs are the files and what else the command reads. The name of a file with the
// key is not among them, as it may be the key itself.
func (o *options) inputs(files []string) []string {
	if files = append(files, o.prices.File); o.service.KeyFile == "-" {
		files = append(files, "-")
	}
	return files
}

// orStdin names stdin where no file is named. Nobody types in what is read there.
func orStdin(file string) string {
	if file == "" && !term.IsTerminal(int(os.Stdin.Fd())) {
		return "-"
	}
	return file
}
