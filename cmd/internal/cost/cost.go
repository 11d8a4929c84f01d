// Package cost is what the programs that tell a cost have in common: where the
// prices are, and how an estimate is shown.
package cost

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/fault"
	"nertools/pkg/price"
)

// DryRunFlag asks what something would cost instead of doing it.
func DryRunFlag() cli.Flag {
	return &cli.BoolFlag{Name: "dry-run", Usage: "send nothing, need no key: tell what it would cost"}
}

// Flags are the flags of whatever tells a cost.
func Flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "prices", Usage: "take the prices of models from this JSON `FILE` (default: a built-in table of " + price.Builtin().Date + ")"},
	}
}

// Table is the table of prices that --prices names, or the built-in one.
func Table(c *cli.Context) (*price.Table, error) {
	path := c.String("prices")
	if path == "" {
		return price.Builtin(), nil
	}
	data, name, err := cmdline.ReadFile(path)
	if err != nil {
		return nil, fault.WithHint(err, "--prices names a JSON file of prices; without it the built-in ones are taken")
	}
	return price.ParseTable(name, data)
}

// Show writes a quote: in words on stderr, as a JSON object on stdout.
func Show(c *cli.Context, q *price.Quote) error {
	for _, line := range q.Lines() {
		cmdline.Say(c, "%s", line)
	}
	if _, err := os.Stdout.Write(q.JSON()); err != nil {
		return fmt.Errorf("write the estimate: %w", err)
	}
	return nil
}
