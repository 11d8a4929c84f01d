// Package cost is what the programs that tell a cost have in common: where the
// prices are, and how an estimate is shown. It brings the tokenizer along.
package cost

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/fault"
	"nertools/pkg/price"
)

// DryRunFlag asks what something would cost instead of doing it.
func DryRunFlag(to *bool) cli.Flag {
	return &cli.BoolFlag{Name: "dry-run", Destination: to, Usage: "send nothing, need no key: tell what it would cost"}
}

// Prices say what models cost.
type Prices struct {
	File string // "" for the built-in table
}

// Flag fills p.
func (p *Prices) Flag() cli.Flag {
	return &cli.StringFlag{Name: "prices", Destination: &p.File, Usage: "take the prices of models from this JSON `FILE` (default: a built-in table of " + price.Builtin().Date + ")"}
}

// Table reads the table of prices.
func (p *Prices) Table() (*price.Table, error) {
	if p.File == "" {
		return price.Builtin(), nil
	}
	data, name, err := cmdline.ReadFile(p.File)
	if err != nil {
		return nil, fault.WithHint(err, "--prices names a JSON file of prices; without it the built-in ones are taken")
	}
	return price.ParseTable(name, data)
}

// Show writes a quote: in words on stderr, as a JSON object on stdout.
func Show(std cmdline.Streams, q *price.Quote) error {
	for _, line := range q.Lines() {
		std.Say("%s", line)
	}
	if _, err := std.Out.Write(q.JSON()); err != nil {
		return fmt.Errorf("write the estimate: %w", err)
	}
	return nil
}
