// Package cmdline contains the command-line behaviour that all programs share: flags,
// messages, help, signals and exit codes.
//
// It changes some defaults of github.com/urfave/cli, which prints its usage on stdout after
// a bad flag (into a JSONL pipe), exits from inside Run, ignores flags after a file name,
// and splits values at commas.
package cmdline

import (
	"context"
	"errors"
	"flag"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"nertools/pkg/clidoc"
	"nertools/pkg/fault"
)

// The exit codes of all programs.
const (
	OK          = 0
	Failed      = 1
	Usage       = 2
	Partial     = 3   // finished, but some rows failed or are missing
	Key         = 4   // the API key is missing or was refused
	Pending     = 8   // a batch is still running, or waits for room in the service's queue
	Locked      = 11  // somebody else holds the lock
	Interrupted = 130 // after everything finished was written
)

// Main runs app and exits. The first SIGINT, SIGTERM or SIGHUP cancels the context of the
// actions; the second ends the process at once.
func Main(app *cli.App) {
	openStdout()
	crashLoudly()
	// Writing to a pipe whose reader has gone must be an error, so that what is
	// finished elsewhere can still be put in order. The signal is caught, not ignored:
	// programs that this one starts would ignore it, too.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup does
		signal.Notify(signals, syscall.SIGHUP) // the terminal is gone
	}
	go func() {
		<-signals
		cancel()
		<-signals
		os.Exit(Interrupted)
	}()
	os.Exit(Run(ctx, app, os.Args))
}

// Run runs app with args, where args[0] is the program's name, and returns the exit code.
// It prints errors to app.ErrWriter, or to os.Stderr if that is nil.
func Run(ctx context.Context, app *cli.App, args []string) int {
	if app.ErrWriter == nil {
		app.ErrWriter = os.Stderr
	}
	// What the standard library has to say, net/http above all, holds what a
	// server sent.
	log.SetFlags(0)
	log.SetOutput(logger{app.ErrWriter, app.Name})
	tame(app, args)
	if app.Writer == nil {
		app.Writer = os.Stdout
	}
	help := &checked{w: app.Writer} // cli writes it without a look at errors
	app.Writer = help
	err := fault.Catch(func() error {
		args, err := permute(app, args)
		if err != nil {
			return err
		}
		return app.RunContext(ctx, args)
	})
	return report(ctx, app.ErrWriter, app.Name, helpFor(app, args), errors.Join(err, help.err))
}

// helpFor returns the command line that shows the flags of the command in args.
func helpFor(app *cli.App, args []string) string {
	if len(args) > 1 && args[1] != "help" {
		if c := app.Command(args[1]); c != nil {
			return app.Name + " " + c.Name + " --help"
		}
	}
	return app.Name + " --help"
}

// A checked writer remembers the first error of w.
type checked struct {
	w   io.Writer
	err error
}

func (c *checked) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	if c.err == nil {
		c.err = err
	}
	return n, err
}

// tame keeps cli from printing and exiting by itself, and gives app what all programs
// have.
func tame(app *cli.App, args []string) {
	common(app)
	app.DisableSliceFlagSeparator = true
	app.ExitErrHandler = func(*cli.Context, error) {}
	app.OnUsageError = wrongFlag(args)
	for _, c := range app.Commands {
		c.OnUsageError, c.HideHelpCommand = wrongFlag(args), true
	}
	if app.Action == nil {
		app.Action = func(c *cli.Context) error {
			if c.Args().Present() {
				return UsageError("unknown command %q", c.Args().First())
			}
			return UsageError("no command given")
		}
	}
}

// wrongFlag says which flag of args is wrong.
func wrongFlag(args []string) cli.OnUsageErrorFunc {
	return func(c *cli.Context, err error, _ bool) error {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return UsageError("%s", clidoc.Explain(err, c.Command.Flags, args))
	}
}
