package cmdline

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"
)

// Streams are what a command reads and writes besides the files that its options
// name, and the name that its messages begin with.
type Streams struct {
	Name string    // of the program
	Out  io.Writer // data only
	Err  io.Writer // messages and progress
}

// Action makes the action of a command from the function that does its work. The
// flags of the command have destinations, so that work sees options, not flags.
func Action(work func(ctx context.Context, std Streams, args []string) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		return work(c.Context, Streams{Name: c.App.Name, Out: os.Stdout, Err: c.App.ErrWriter}, c.Args().Slice())
	}
}

// Say prints one message.
func (s Streams) Say(format string, args ...any) {
	printLine(s.Err, s.Name, fmt.Sprintf(format, args...))
}

// AtLeast is the action of a number flag that rejects values below least.
func AtLeast[T cmp.Ordered](name string, least T) func(*cli.Context, T) error {
	return func(_ *cli.Context, v T) error {
		if v < least {
			return UsageError("--%s must be at least %v, not %v", name, least, v)
		}
		return nil
	}
}

// Into is the action of a flag whose values go to a variable that stays as it is
// without the flag.
func Into[T any](to *T) func(*cli.Context, T) error {
	return func(_ *cli.Context, v T) error {
		*to = v
		return nil
	}
}
