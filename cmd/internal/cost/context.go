package cost

import (
	"github.com/urfave/cli/v2"

	"nertools/pkg/price"
)

// What follows serves the commands that still look flags up in a cli.Context, and
// goes with the last of these.

var shared Prices

// Flags are the flags of [Prices].
func Flags() []cli.Flag { return []cli.Flag{shared.Flag()} }

// Table is [Prices.Table].
func Table(*cli.Context) (*price.Table, error) { return shared.Table() }
