// Package finish is the flag --accept-finish, which the programs that judge
// answers share.
package finish

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// Flag is --accept-finish.
func Flag() cli.Flag {
	return &cli.StringSliceFlag{Name: "accept-finish", Usage: "accept answers with this finish `REASON` as complete (repeatable)"}
}

// Judge decides which answers are good ones, as the flag says. It calls say when
// it meets a finish reason that the flag could accept, once for each.
func Judge(c *cli.Context, say func(string)) (*wire.Judge, error) {
	j := &wire.Judge{Accept: c.StringSlice("accept-finish")}
	if slices.Contains(j.Accept, "") {
		return nil, cmdline.UsageError("--accept-finish is empty: name a finish reason")
	}
	j.Rejected = func(reason string, class record.Class) {
		say(fmt.Sprintf("finish reason %q: such answers count as failed (%s), with their text in \"partial\"", reason, class))
		say(fmt.Sprintf("if they are complete, accept them with --accept-finish %s; nothing needs to be asked again", reason))
	}
	return j, nil
}
