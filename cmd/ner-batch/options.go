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
	before   = "earlier answers"
	followed = "which batches"
	waiting  = "waiting"
	results  = "results"
)

const defaultWindow = "24h" // of the completion of a batch

// options are the values of a command's flags. Each command has only some of these flags.
type options struct {
	// the requests and their parts
	settings  service.Settings
	batchFile string // "" means the files that the job records name
	ledger    string // "" means the batch file's
	part      batch.PartLimits
	earlier   service.Earlier
	dryRun    bool

	// the service, and how batches are created and waited for
	service service.Options
	config  batch.Config
	most    cost.Cap
	noTrial bool // ask no row before a batch file is written
	wait    bool // until all batches have ended
	poll    batch.Poll
	meter   string // mode of the progress meter

	// which batches
	ids    []string // if empty, job records are read
	newest int      // how many to list

	// the answers
	accepted failures.Accepted
	prices   cost.Prices
	output   string // "" means stdout
	outDir   string
	onDone   string // shell command; "" means none
}

// input returns the flags for the requests.
func (o *options) input() []cli.Flag {
	return append(clidoc.Group(files,
		&cli.StringFlag{Name: "batch-file", Destination: &o.batchFile, Usage: "write the requests to `FILE`; without prompts, send the existing one"},
		o.ledgerFlag("record what was started in `FILE`", "the batch file's name and .ledger"),
		&cli.IntFlag{Name: "max-part-requests", DefaultText: "as many as a batch takes", Destination: &o.part.Requests, Action: cmdline.AtLeast("max-part-requests", 1), Usage: "put at most `N` requests into a part; further parts are next to the batch file"},
		&cli.Int64Flag{Name: "max-part-bytes", DefaultText: "as many as a batch takes", Destination: &o.part.Bytes, Action: cmdline.AtLeast[int64]("max-part-bytes", 1), Usage: "make a part's file at most `N` bytes large"},
	), append(clidoc.Group(before, o.earlier.Flags("skip prompts already answered in `FILE` (repeatable)",
		"ask every row, and start parts again, whatever was asked before")...), o.settings.Flags()...)...)
}

// making returns the flags for how batches are created.
func (o *options) making() []cli.Flag {
	return append(clidoc.Group("batches",
		&cli.StringFlag{Name: "description", Destination: &o.config.Description, Usage: "attach `TEXT` to the batches as their description"},
		&cli.StringFlag{Name: "completion-window", Value: defaultWindow, Destination: &o.config.Window, Usage: "ask the service to finish within `TIME`"},
		&cli.IntFlag{Name: "max-parts-in-flight", Destination: &o.config.InFlight, Action: cmdline.AtLeast("max-parts-in-flight", 0), Usage: "let at most `N` batches run at once; 0 means no limit"},
	), o.service.Flags()...)
}

// starting returns the flags of the commands that start batches.
func (o *options) starting() []cli.Flag {
	return slices.Concat(o.input(), o.making(), o.waiting(), o.fetching(), []cli.Flag{o.outputFlag(),
		clidoc.Group("batches", o.most.BatchFlag())[0],
		&cli.IntFlag{Category: "batches", Name: "max-rounds", Value: 3, Destination: &o.config.Rounds, Action: cmdline.AtLeast("max-rounds", 1), Usage: "submit expired rows again, up to `N` rounds in all; 1 never does"},
		&cli.BoolFlag{Category: "batches", Name: "no-trial", Destination: &o.noTrial, Usage: "send no row at once before a new batch file is written"}})
}

// waiting returns the flags for how to wait for batches.
func (o *options) waiting() []cli.Flag {
	o.poll.Every = time.Minute
	return clidoc.Group(waiting,
		&cli.StringFlag{Name: "poll-interval", Value: "60s", EnvVars: []string{"NER_POLL_INTERVAL"}, Usage: "check the batches every `TIME`",
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

// following returns the flags that select batches.
func (o *options) following() []cli.Flag {
	return append([]cli.Flag{&cli.StringSliceFlag{Category: followed, Name: "batch-id", Action: cmdline.Into(&o.ids), Usage: "use the batch `ID` (repeatable); without it, read job records"}}, o.service.Flags()...)
}

// fetching returns the flags for reading answers.
func (o *options) fetching() []cli.Flag {
	return clidoc.Group(results, o.accepted.Flag(), o.prices.Flag())
}

func (o *options) outputFlag() cli.Flag {
	return &cli.StringFlag{Category: results, Name: "output", Aliases: []string{"o"}, Destination: &o.output, Usage: "write the results to `FILE` instead of stdout"}
}

// ledgerFlag returns --ledger. standard describes the default; "" if it has no default.
func (o *options) ledgerFlag(usage, standard string) cli.Flag {
	return &cli.StringFlag{Category: files, Name: "ledger", DefaultText: standard, Destination: &o.ledger, Usage: usage}
}

func (o *options) ledgerPath() string { return cmp.Or(o.ledger, o.batchFile+".ledger") }

// prompts returns the file to read the prompts from, "" for none. It checks that the command
// can read its inputs and that the batch files replace none of them.
func (o *options) prompts(file string) (string, error) {
	if o.batchFile == "" {
		return "", cmdline.UsageError("--batch-file is missing: name the file to write the requests to")
	}
	if file = orStdin(file); durable.SameFile(file, o.batchFile) {
		file = "" // the existing batch file
	}
	for _, input := range append([]string{file}, o.earlier.Files()...) {
		if batch.IsFurtherPart(input, o.batchFile) {
			return "", cmdline.UsageError("%s is an input, and the name of a part of --batch-file %s: choose another batch file", input, o.batchFile)
		}
		if len(o.earlier.Reuse) > 0 && durable.SameFile(input, o.reusedFile()) {
			return "", cmdline.UsageError("%s is an input, and would be replaced by the answers that are reused: choose another batch file", input)
		}
	}
	return file, cmdline.CheckFiles(o.batchFile, o.inputs(append([]string{file}, o.earlier.Files()...))...)
}

// check checks that the command can read the files and write its output, and that the output
// replaces none of its files.
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

// inputs returns the files and the other inputs of the command, without the file of the key:
// what was given as its name may be the key itself.
func (o *options) inputs(files []string) []string {
	if files = append(files, o.prices.File); o.service.KeyFile == "-" {
		files = append(files, "-")
	}
	return files
}

// orStdin returns "-" for an unnamed file unless stdin is a terminal.
func orStdin(file string) string {
	if file == "" && !term.IsTerminal(int(os.Stdin.Fd())) {
		return "-"
	}
	return file
}
