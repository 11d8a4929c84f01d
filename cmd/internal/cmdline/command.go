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

// Streams are the streams of a command, with the settings of its messages.
type Streams struct {
	Name string    // of the program
	Out  io.Writer // data only
	Err  io.Writer // messages and progress

	Quiet, Verbose bool
	Dated          bool // messages begin with the time, as in a log
}

// Action returns the action of a command, which calls work. Flags fill their Destinations
// before that, so work needs no cli.Context. A command without ArgsUsage takes no arguments.
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

// Say prints a message about a problem or a remedy, even with --quiet.
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

// Note prints a message that requires no action, such as a summary, unless --quiet is set.
func (s Streams) Note(format string, args ...any) {
	if !s.Quiet {
		s.Say(format, args...)
	}
}

// Detail prints a message if --verbose is set.
func (s Streams) Detail(format string, args ...any) {
	if s.Verbose {
		s.Say(format, args...)
	}
}

// Show prints a message, and then lines without a prefix, so that they can be copied.
func (s Streams) Show(announcement, lines string) {
	s.Say("%s", announcement)
	for line := range strings.Lines(lines) {
		fmt.Fprintln(s.Err, safetext.Line(strings.TrimSuffix(line, "\n")))
	}
}

// SayDamage prints a message for each damaged line of a file.
func (s Streams) SayDamage(d record.Findings) {
	for _, remark := range d.Remarks() {
		s.Say("%s", remark)
	}
}
