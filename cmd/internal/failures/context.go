package failures

import (
	"os"
	"slices"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
)

// Say is [Rows.Say] for the commands that still look flags up in a cli.Context, and
// goes with the last of these.
func Say(c *cli.Context, r Rows) {
	r.Asks = slices.ContainsFunc(c.Command.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), "resume") })
	r.Say(cmdline.Streams{Name: c.App.Name, Out: os.Stdout, Err: c.App.ErrWriter})
}
