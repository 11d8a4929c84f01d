package cmdline

import (
	"context"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"nertools/pkg/clidoc"
)

const (
	messages = "messages and help" // a group of flags
	quiet    = "quiet"
	verbose  = "verbose"
)

// programs are those whose man pages refer to one another.
var programs = []string{"ner-prompt", "ner-run", "ner-batch", "ner-collect"}

var exitCodes = []clidoc.ExitCode{
	{Code: OK, Means: "success"},
	{Code: Failed, Means: "the command failed"},
	{Code: Usage, Means: "the command line is wrong"},
	{Code: Partial, Means: "the command finished, but some rows failed or are missing"},
	{Code: Key, Means: "the API key is missing or was refused"},
	{Code: Pending, Means: "a batch is still running, or waits for room in the queue of the service"},
	{Code: Locked, Means: "another process holds the lock"},
	{Code: Interrupted, Means: "interrupted, after everything finished was written"},
}

// common adds to app what all programs have: the commands help, completion and man, and
// the flags of the group messages.
func common(app *cli.App) {
	if app.Action != nil {
		app.Flags = append(app.Flags, talk()...)
	} else {
		app.ArgsUsage = "COMMAND"
	}
	for _, c := range app.Commands {
		c.Flags = append(c.Flags, talk()...)
	}
	clidoc.Setup(app, messages, func(err error) error { return UsageError("%w", err) })
	name := app.Name
	app.Commands = append(app.Commands,
		&cli.Command{
			Name: "completion", Usage: "print a script that completes commands, flags and files", ArgsUsage: strings.Join(clidoc.Shells, "|"),
			UsageText: "source <(" + name + " completion bash)\n" +
				"source <(" + name + " completion zsh)\n" +
				name + " completion fish | source",
			Action: func(c *cli.Context) error {
				if c.NArg() != 1 || !slices.Contains(clidoc.Shells, c.Args().First()) {
					return UsageError("which shell? %s", strings.Join(clidoc.Shells, ", "))
				}
				return clidoc.Completion(app.Writer, app, c.Args().First())
			},
		},
		&cli.Command{
			Name: "man", Usage: "print the man page",
			UsageText: name + " man > " + name + ".1 && man -l " + name + ".1",
			Action: Action(func(context.Context, Streams, []string) error {
				var others []string
				for _, other := range programs {
					if other != name {
						others = append(others, other)
					}
				}
				return clidoc.Man(app.Writer, app, exitCodes, others...)
			}),
		})
}

// talk returns the flags that say how much a command says.
func talk() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Category: messages, Name: quiet, Aliases: []string{"q"}, Usage: "print only errors and what needs action"},
		&cli.BoolFlag{Category: messages, Name: verbose, Aliases: []string{"v"}, Usage: "also print details, starting with the version"},
	}
}
