package cmdline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"nertools/pkg/fault"
	"nertools/pkg/safetext"
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

// Exit returns an error that ends the program with code and prints err, which may be nil.
// If several errors are joined, all are printed, and the most serious code wins.
func Exit(code int, err error) error { return &exit{code, err} }

// ExitIf is [Exit] for an error, and nil without one.
func ExitIf(code int, err error) error {
	if err == nil {
		return nil
	}
	return Exit(code, err)
}

// UsageError returns an error about the command line, with exit code 2.
func UsageError(format string, args ...any) error {
	return Exit(Usage, fmt.Errorf(format, args...))
}

// Each applies explain to each error that err joins. Errors that only carry an exit code
// stay unchanged.
func Each(err error, explain func(error) error) error {
	var all []error
	for _, e := range split(err, 0) {
		if e.err != nil {
			e.err = explain(e.err)
		}
		if e.code == 0 {
			all = append(all, e.err)
		} else {
			all = append(all, &e)
		}
	}
	return errors.Join(all...)
}

// report prints every error that err joins, each with its remedy, and returns
// the code to exit with: that of the gravest. A code never hides an error: what
// has a text is printed, whatever it is joined with. help is the command line to
// name after wrong usage.
func report(ctx context.Context, stderr io.Writer, name, help string, err error) int {
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
			if _, ok := errors.AsType[interface {
				error
				Unwrap() []error
			}](e.err); ok {
				for text := range strings.SplitSeq(text(e.err), "\n") {
					say(text)
				}
			} else {
				say(text(e.err)) // on one line, whatever line breaks a file name in it holds
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
		say("see " + help)
	}
	return code
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
