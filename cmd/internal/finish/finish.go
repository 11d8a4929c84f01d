// Package finish serves the commands that still look flags up in a cli.Context, and
// goes with the last of these. The others use failures.Accepted.
package finish

import (
	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/failures"
	"nertools/pkg/wire"
)

var shared failures.Accepted

// Flag is that of failures.Accepted.
func Flag() cli.Flag { return shared.Flag() }

// Judge is that of failures.Accepted.
func Judge(_ *cli.Context, say func(string)) (*wire.Judge, error) { return shared.Judge(say), nil }
