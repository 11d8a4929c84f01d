package cmdline

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/pkg/progress"
)

// AtLeast returns the action of a number flag that rejects values below least.
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

// Into returns the action of a flag that stores its value in to, which stays unchanged
// without the flag.
func Into[T any](to *T) func(*cli.Context, T) error {
	return func(_ *cli.Context, v T) error {
		*to = v
		return nil
	}
}

// ProgressFlag returns the flag --progress.
func ProgressFlag(to *string) cli.Flag {
	return &cli.StringFlag{Category: messages, Name: "progress", Value: progress.Auto, Destination: to, Action: oneOf("progress", progress.Modes...), Usage: "show progress as `HOW`: auto, bar, plain or none"}
}

// Needs returns a check that rejects flags without an effect: each key of needs requires one
// of its values. Flags set by the environment are not checked.
func Needs(needs map[string][]string) cli.BeforeFunc {
	return func(c *cli.Context) error {
		for _, f := range c.Command.Flags {
			name := f.Names()[0]
			others, ok := needs[name]
			if !ok || !c.IsSet(name) || slices.ContainsFunc(others, func(other string) bool { return c.IsSet(other) && c.Value(other) != any(false) }) {
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

// permute moves flags in front of the other arguments, since the flag package
// stops at the first argument that is no flag. What follows "--" stays. A flag in
// front of a command is meant for the command, which would not see it there.
func permute(app *cli.App, args []string) ([]string, error) {
	out, flags := args[:1:1], app.Flags
	var given [][]string // flags, each with its value
	var rest []string
	for i := 1; i < len(args); i++ {
		arg := args[i]
		c := app.Command(arg)
		switch {
		case arg == "--":
			return slices.Concat(out, slices.Concat(given...), rest, args[i:]), nil
		case c != nil && len(out) == 1 && len(rest) == 0:
			var there [][]string
			for _, g := range given {
				switch {
				case findFlag(c.Flags, g[0]) != nil:
					there = append(there, g)
				case findFlag(flags, g[0]) != nil:
					name, _, _ := strings.Cut(g[0], "=")
					return nil, UsageError("%s is not a flag of %s %s", name, app.Name, c.Name)
				default: // unknown, or --help
					out = append(out, g...)
				}
			}
			out, flags, given = append(out, arg), c.Flags, there
		case len(arg) < 2 || arg[0] != '-':
			rest = append(rest, arg)
		case isNumber(arg[2:]) && takesValue(flags, arg[:2]):
			given = append(given, []string{arg[:2], arg[2:]}) // -j4, as in make
		case takesValue(flags, arg) && i+1 < len(args):
			i++
			given = append(given, []string{arg, args[i]})
		default:
			given = append(given, []string{arg})
		}
	}
	return slices.Concat(out, slices.Concat(given...), rest), nil
}

func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
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
