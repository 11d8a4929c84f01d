package clidoc

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

var (
	unknownFlag  = regexp.MustCompile(`(?s)^flag provided but not defined: (-.*)$`)
	missingValue = regexp.MustCompile(`(?s)^flag needs an argument: (-.*)$`)
	wrongValue   = regexp.MustCompile(`(?s)^invalid (?:boolean )?value (".*") for (?:flag )?(-[^ ]+): (.*)$`)
)

// Explain returns what is wrong with the arguments args, given the error that reading
// the flags in them ended with. It names a flag as args do.
func Explain(err error, flags []cli.Flag, args []string) string {
	msg := err.Error()
	if m := unknownFlag.FindStringSubmatch(msg); m != nil {
		return "unknown flag " + typed(m[1], args)
	}
	if m := missingValue.FindStringSubmatch(msg); m != nil {
		return "flag needs an argument: " + typed(m[1], args)
	}
	if m := wrongValue.FindStringSubmatch(msg); m != nil {
		if kind := kind(flags, m[2]); kind != "" && m[3] == "parse error" {
			return fmt.Sprintf("%s must be %s, not %s", typed(m[2], args), kind, m[1])
		}
		return fmt.Sprintf("%s %s: %s", typed(m[2], args), m[1], m[3])
	}
	return msg
}

// typed returns flag, which has one dash, as it stands in args.
func typed(flag string, args []string) string {
	for _, arg := range args {
		arg, _, _ = strings.Cut(arg, "=")
		if strings.HasPrefix(arg, "-") && strings.TrimLeft(arg, "-") == flag[1:] {
			return arg
		}
	}
	return flag
}

// kind says what the values of a flag are.
func kind(flags []cli.Flag, flag string) string {
	for _, f := range flags {
		if !slices.Contains(f.Names(), flag[1:]) {
			continue
		}
		switch f.(type) {
		case *cli.BoolFlag:
			return "true or false"
		case *cli.DurationFlag:
			return "a time such as 90s or 2m"
		case *cli.Float64Flag:
			return "a number"
		case *cli.IntFlag, *cli.Int64Flag, *cli.UintFlag, *cli.Uint64Flag:
			return "a whole number"
		}
	}
	return ""
}
