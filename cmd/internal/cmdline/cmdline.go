// Package cmdline is what the four programs have in common at the shell: how
// they read their flags, what they print where, and the codes they exit with.
//
// It also tames github.com/urfave/cli, which by itself prints its usage on
// stdout after a bad flag (in the middle of a JSONL pipe), exits from inside
// Run, swallows flags that stand behind a file name, and splits values at commas.
package cmdline

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"nertools/pkg/fault"
	"nertools/pkg/safetext"
)

// The exit codes, the same for every program.
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

// exit is an error that ends the program with its own code.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// Exit makes the program end with code. With a nil err nothing is printed. Where
// several errors are joined, all are printed, and the gravest decides.
func Exit(code int, err error) error { return &exit{code, err} }

// ExitIf is [Exit] for an error, and nil without one.
func ExitIf(code int, err error) error {
	if err == nil {
		return nil
	}
	return Exit(code, err)
}

// UsageError says that the command line is wrong.
func UsageError(format string, args ...any) error {
	return Exit(Usage, fmt.Errorf(format, args...))
}

// Main runs app and exits the process. The context that its actions see is
// cancelled by the first SIGINT, SIGTERM or SIGHUP; a second one ends the process
// at once.
func Main(app *cli.App) {
	openStdout()
	crashLoudly()
	// Writing to a pipe whose reader has gone must be an error, so that what is
	// finished elsewhere can still be put in order.
	signal.Ignore(syscall.SIGPIPE)
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

// Run runs app with the given arguments, args[0] being the program's name, and
// returns the code to exit with. Errors go to app.ErrWriter, or os.Stderr.
func Run(ctx context.Context, app *cli.App, args []string) int {
	if app.ErrWriter == nil {
		app.ErrWriter = os.Stderr
	}
	// What the standard library has to say, net/http above all, holds what a
	// server sent.
	log.SetFlags(0)
	log.SetOutput(logger{app.ErrWriter, app.Name})
	tame(app)
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
	return report(ctx, app.ErrWriter, app.Name, errors.Join(err, help.err))
}

// report prints every error that err joins, each with its remedy, and returns
// the code to exit with: that of the gravest. A code never hides an error: what
// has a text is printed, whatever it is joined with.
func report(ctx context.Context, stderr io.Writer, name string, err error) int {
	code := OK
	var printed []string
	say := func(text string) {
		if text == "" || slices.Contains(printed, text) {
			return
		}
		printed = append(printed, text)
		printLine(stderr, name, text)
	}
	for _, e := range split(err, 0) {
		switch {
		case e.err != nil && closedPipe(e.err):
			continue
		case e.err == nil:
		case noStdout(e.err):
			e.code = Failed
			say(errNoStdout.Error())
			say(fault.Hint(errNoStdout))
		case e.code == 0 && ctx.Err() != nil && errors.Is(e.err, context.Canceled):
			e.code = Interrupted
			say("interrupted")
			say(cmp.Or(fault.Hint(e.err), "to continue, run the same command again"))
		default:
			e.code = cmp.Or(e.code, Failed)
			for _, text := range texts(e.err) {
				say(text)
			}
			say(fault.Hint(e.err))
			if p, ok := errors.AsType[*fault.Panic](e.err); ok {
				say("this is a bug in " + name + ": please report it where you got " + name + " from, with the command and these lines")
				fmt.Fprintf(stderr, "%s\n", p.Stack)
			}
		}
		if slices.Index(gravity, e.code) > slices.Index(gravity, code) {
			code = e.code
		}
	}
	if code == Usage {
		say("see " + name + " --help")
	}
	return code
}

// texts are the lines that err has to be printed as: one, whatever line breaks a
// file name in it holds, but where errors are joined inside it.
func texts(err error) []string {
	for inner := err; inner != nil; {
		switch e := inner.(type) {
		case interface{ Unwrap() error }:
			inner = e.Unwrap()
		case interface{ Unwrap() []error }:
			return strings.Split(err.Error(), "\n")
		default:
			inner = nil
		}
	}
	return []string{err.Error()}
}

// printLine prints a line of text behind the name. Everything that the programs tell
// people comes through here or through the Say of a progress meter, which clean it alike.
func printLine(w io.Writer, name, text string) {
	fmt.Fprintf(w, "%s: %s\n", name, safetext.Line(text))
}

// logger prints what package log is given, a line at a time.
type logger struct {
	w    io.Writer
	name string
}

func (l logger) Write(p []byte) (int, error) {
	printLine(l.w, l.name, strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

// gravity orders the codes: of several errors the last one here decides. Those
// that only say how far the work has come stand before those that say that it
// failed.
var gravity = []int{OK, Partial, Pending, Interrupted, Failed, Locked, Key, Usage}

// split returns the errors that err joins. Each has the code that the innermost
// [Exit] around it gives, or code, or 0.
func split(err error, code int) []exit {
	if err == nil {
		return nil
	}
	if e, ok := err.(*exit); ok {
		if e.err == nil {
			return []exit{*e}
		}
		return split(e.err, e.code)
	}
	if all := joined(err); all != nil {
		var parts []exit
		for _, one := range all {
			parts = append(parts, split(one, code)...)
		}
		return parts
	}
	if e, ok := errors.AsType[*exit](err); ok && code == 0 {
		code = e.code
	}
	return []exit{{code, err}}
}

// joined returns the errors that [errors.Join] made err of, nil if it did not.
func joined(err error) []error {
	e, ok := err.(interface{ Unwrap() []error })
	if !ok || err.Error() != errors.Join(e.Unwrap()...).Error() {
		return nil // fmt.Errorf with several %w has a text of its own
	}
	return e.Unwrap()
}

// Each returns err with each of the errors that it joins replaced by what explain
// makes of it. Those without a text stay as they are.
func Each(err error, explain func(error) error) error {
	if err == nil {
		return nil
	}
	if e, ok := err.(*exit); ok {
		return &exit{e.code, Each(e.err, explain)}
	}
	if all := joined(err); all != nil {
		explained := make([]error, len(all))
		for i, one := range all {
			explained[i] = Each(one, explain)
		}
		return errors.Join(explained...)
	}
	return explain(err)
}

// closedPipe reports whether err is that of writing to a stdout whose reader
// has gone, which "| head" does on purpose. A connection that breaks gives the
// same error number, and is no reason to be quiet.
func closedPipe(err error) bool {
	if path, ok := errors.AsType[*fs.PathError](err); !ok || path.Path != os.Stdout.Name() {
		return false
	}
	if runtime.GOOS == "windows" {
		const brokenPipe, noData = syscall.Errno(109), syscall.Errno(232)
		return errors.Is(err, brokenPipe) || errors.Is(err, noData)
	}
	return errors.Is(err, syscall.EPIPE)
}

func tame(app *cli.App) {
	cli.VersionFlag = &cli.BoolFlag{Name: "version", Usage: "print the version", DisableDefaultText: true}
	cli.HelpFlag = &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show this help", DisableDefaultText: true}
	app.HideHelpCommand = true
	app.DisableSliceFlagSeparator = true
	app.ExitErrHandler = func(*cli.Context, error) {}
	app.OnUsageError = usageError
	app.Version = version()
	tameCommands(app.Commands)
	if app.Action == nil {
		app.Action = func(c *cli.Context) error {
			if c.Args().Present() {
				return UsageError("unknown command %q", c.Args().First())
			}
			return UsageError("which command?")
		}
	} else {
		app.Action = noArguments(app.Action, app.Args || app.ArgsUsage != "")
	}
}

func tameCommands(commands []*cli.Command) {
	for _, c := range commands {
		c.OnUsageError = usageError
		c.HideHelpCommand = true
		if c.Action != nil {
			c.Action = noArguments(c.Action, c.ArgsUsage != "")
		}
		tameCommands(c.Subcommands)
	}
}

func usageError(_ *cli.Context, err error, _ bool) error {
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	msg := err.Error()
	if name, ok := strings.CutPrefix(msg, "flag provided but not defined: "); ok {
		msg = "unknown flag " + name
	}
	return UsageError("%s", msg)
}

// noArguments refuses arguments that a command would pass over in silence.
func noArguments(action cli.ActionFunc, takes bool) cli.ActionFunc {
	return func(c *cli.Context) error {
		if !takes && c.Args().Present() {
			return UsageError("unexpected argument %q", c.Args().First())
		}
		return action(c)
	}
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unknown)"
	}
	return info.Main.Version
}

// permute moves flags in front of the other arguments, since the flag package
// stops at the first argument that is no flag. What follows "--" stays. A flag
// in front of a command that the command has as well is meant for the command,
// which would not see it there.
func permute(app *cli.App, args []string) ([]string, error) {
	commands, flags := app.Commands, app.Flags
	out := []string{args[0]}
	var given [][]string // flags of this level, each with its value
	var rest []string
	for i := 1; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			rest = append(rest, args[i:]...)
			break
		}
		if len(arg) > 1 && arg[0] == '-' {
			if short := arg[:2]; len(arg) > 2 && isNumber(arg[2:]) && takesValue(flags, short) {
				given = append(given, []string{short, arg[2:]}) // -j4, as make has it
				continue
			}
			n := 1
			if takesValue(flags, arg) && i+1 < len(args) {
				n = 2
			}
			given = append(given, args[i:i+n])
			i += n - 1
			continue
		}
		if c := find(commands, arg); c != nil && len(rest) == 0 {
			var here, there [][]string
			for _, g := range given {
				switch {
				case findFlag(c.Flags, g[0]) != nil:
					there = append(there, g)
				case findFlag(flags, g[0]) != nil:
					return nil, UsageError("%s is no flag of %s %s", strings.SplitN(g[0], "=", 2)[0], app.Name, c.Name)
				default: // unknown, or --help
					here = append(here, g)
				}
			}
			out = append(append(out, slices.Concat(here...)...), arg)
			commands, flags, given = c.Subcommands, c.Flags, there
			continue
		}
		rest = append(rest, arg)
	}
	return slices.Concat(out, slices.Concat(given...), rest), nil
}

func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}

func find(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

func takesValue(flags []cli.Flag, arg string) bool {
	if strings.Contains(arg, "=") {
		return false
	}
	f := findFlag(flags, arg)
	_, isBool := f.(*cli.BoolFlag)
	return f != nil && !isBool
}

// findFlag finds the flag that arg, "--name" or "--name=value", gives.
func findFlag(flags []cli.Flag, arg string) cli.Flag {
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

// Open opens an input file for reading; "-" is stdin. The name is what errors
// are to call it.
func Open(path string) (r io.ReadCloser, name string, err error) {
	if path == "-" {
		return io.NopCloser(os.Stdin), InputName(path), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, path, err
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		f.Close()
		return nil, path, &fault.Error{File: path, Err: errors.New("is a directory"), Hint: "give the name of a file"}
	}
	return f, path, nil
}

// InputName is what messages call an input file; "-" is stdin.
func InputName(path string) string {
	if path == "-" {
		return "stdin"
	}
	return path
}

// Interruptible gives a reader of r that ends with ctx.
func Interruptible(ctx context.Context, r io.Reader) io.Reader { return interruptible{ctx, r} }

type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}

// ReadFile reads a whole input file, without a byte order mark; "-" is stdin.
func ReadFile(path string) (data []byte, name string, err error) {
	r, name, err := Open(path)
	if err != nil {
		return nil, name, err
	}
	defer r.Close()
	data, err = io.ReadAll(r)
	if err != nil {
		return nil, name, fmt.Errorf("read %s: %w", name, err)
	}
	return bytes.TrimPrefix(data, []byte("\ufeff")), name, nil
}

// CheckFiles refuses, before anything is read, to read stdin twice, to read what
// is not there, and to write where an input is: to target, or where that is "" to
// stdout, which must be open. Inputs that are "" are none.
func CheckFiles(target string, inputs ...string) error {
	var out os.FileInfo
	var err error
	if target == "" {
		if err := CheckStdout(); err != nil {
			return err
		}
		// What a shell redirects stdout to is a file; a terminal may well be both.
		if out, err = os.Stdout.Stat(); err != nil || !out.Mode().IsRegular() {
			out = nil
		}
	} else if out, err = os.Stat(target); err != nil {
		out = nil // a new file, or one that will not be replaced
	}
	stdin := false
	for _, file := range inputs {
		var in os.FileInfo
		switch {
		case file == "":
			continue
		case file == "-" && stdin:
			return UsageError("stdin can be read only once: give \"-\" once")
		case file == "-":
			stdin = true
			in, err = os.Stdin.Stat()
		default:
			in, err = os.Stat(file)
		}
		if err != nil {
			return err
		}
		if out != nil && os.SameFile(in, out) {
			return Exit(Usage, &fault.Error{File: file, Err: errors.New("is an input, and inputs are not written over"),
				Hint: "write to another file; it can be renamed afterwards"})
		}
	}
	return nil
}
