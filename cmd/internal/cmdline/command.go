package cmdline

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"nertools/pkg/progress"
	"nertools/pkg/record"
	"nertools/pkg/safetext"
)

// Streams are what a command reads and writes besides the files that its options
// name, and the name that its messages begin with.
type Streams struct {
	Name string    // of the program
	Out  io.Writer // data only
	Err  io.Writer // messages and progress

	Quiet, Verbose bool
	Dated          bool // messages begin with the time, as in a log
}

// Action makes the action of a command from the function that does its work. The
// flags of the command have destinations, so that work sees options, not flags. A
// command without ArgsUsage takes no arguments.
func Action(work func(ctx context.Context, std Streams, args []string) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		if c.Args().Present() && c.Command.ArgsUsage == "" {
			return UsageError("unexpected argument %q", c.Args().First())
		}
		std := Streams{Name: c.App.Name, Out: c.App.Writer, Err: c.App.ErrWriter, Quiet: c.Bool(quiet), Verbose: c.Bool(verbose)}
		if help, ok := std.Out.(*checked); ok {
			std.Out = help.w
		}
		if std.Quiet && std.Verbose {
			return UsageError("--quiet and --verbose exclude each other")
		}
		if std.Quiet && findFlag(c.Command.Flags, "progress") != nil && !c.IsSet("progress") {
			if err := c.Set("progress", progress.None); err != nil {
				return err
			}
		}
		std.Detail("version %s", c.App.Version)
		return work(c.Context, std, c.Args().Slice())
	}
}

// Say prints one message, even with --quiet: one about what is wrong or what to do.
func (s Streams) Say(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if s.Dated {
		text = time.Now().Format(time.RFC3339) + " " + text
	}
	printLine(s.Err, s.Name, text)
}

// Date puts the time in front of each error that err joins if messages begin with it.
func (s Streams) Date(err error) error {
	if !s.Dated {
		return err
	}
	now := time.Now().Format(time.RFC3339)
	return Each(err, func(err error) error { return fmt.Errorf("%s %w", now, err) })
}

// Note prints one message that asks for nothing, such as a summary; none with --quiet.
func (s Streams) Note(format string, args ...any) {
	if !s.Quiet {
		s.Say(format, args...)
	}
}

// Detail prints one message with --verbose.
func (s Streams) Detail(format string, args ...any) {
	if s.Verbose {
		s.Say(format, args...)
	}
}

// Show prints a message and, as they stand, the lines that it announces, to be copied.
func (s Streams) Show(announcement, lines string) {
	s.Say("%s", announcement)
	for line := range strings.Lines(lines) {
		fmt.Fprintln(s.Err, safetext.Line(strings.TrimSuffix(line, "\n")))
	}
}

// SayDamage prints what was wrong with a file, if anything was.
func (s Streams) SayDamage(d record.Findings) {
	for _, remark := range d.Remarks() {
		s.Say("%s", remark)
	}
}
