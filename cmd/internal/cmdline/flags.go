package cmdline

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/pkg/progress"
)

// AtLeast is the action of a number flag that rejects values below least.
func AtLeast[T cmp.Ordered](name string, least T) func(*cli.Context, T) error {
	return func(_ *cli.Context, v T) error {
		if v < least {
			return UsageError("--%s must be at least %v, not %v", name, least, v)
		}
		return nil
	}
}

// oneOf is the action of a flag that takes one of a few values.
func oneOf(name string, values ...string) func(*cli.Context, string) error {
	return func(_ *cli.Context, v string) error {
		if slices.Contains(values, v) {
			return nil
		}
		last := len(values) - 1
		return UsageError("--%s must be %s or %s, not %q", name, strings.Join(values[:last], ", "), values[last], v)
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

// ProgressFlag is --progress.
func ProgressFlag(to *string) cli.Flag {
	return &cli.StringFlag{Name: "progress", Value: progress.Auto, Destination: to, Action: oneOf("progress", progress.Modes...), Usage: "show progress as `HOW`: auto, bar, plain or none"}
}

// Needs rejects flags that do nothing: each one that is listed needs one of the flags
// that it is listed with. One that the environment sets may do nothing.
func Needs(needs map[string][]string) cli.BeforeFunc {
	return func(c *cli.Context) error {
		for _, f := range c.Command.Flags {
			name := f.Names()[0]
			others, ok := needs[name]
			if !ok || !c.IsSet(name) || slices.ContainsFunc(others, c.IsSet) {
				continue
			}
			if f, ok := f.(cli.DocGenerationFlag); ok && slices.ContainsFunc(f.GetEnvVars(), func(v string) bool { return os.Getenv(v) == fmt.Sprint(c.Value(name)) }) {
				continue
			}
			return UsageError("--%s does nothing without --%s", name, strings.Join(others, " or --"))
		}
		return nil
	}
}
