// Package cost reads prices and prints estimates, for the programs that ask. It links the
// tokenizer.
package cost

import (
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/english"
	"nertools/pkg/fault"
	"nertools/pkg/price"
	"nertools/pkg/wire"
)

// DryRunFlag returns the flag --dry-run.
func DryRunFlag(to *bool) cli.Flag {
	return &cli.BoolFlag{Name: "dry-run", Destination: to, Usage: "estimate the cost; send nothing, and need no key"}
}

// Prices selects the table of prices.
type Prices struct {
	File string // "" for the built-in table
}

// Flag returns the flag that fills p.
func (p *Prices) Flag() cli.Flag {
	return &cli.StringFlag{Name: "prices", Destination: &p.File, Usage: "read the prices of models from this JSON `FILE` (default: a built-in table of " + price.Builtin().Date + ")"}
}

// Table reads the table of prices.
func (p *Prices) Table() (*price.Table, error) {
	if p.File == "" {
		return price.Builtin(), nil
	}
	data, name, err := cmdline.ReadFile(p.File)
	if err != nil {
		return nil, fault.WithHint(err, "name a JSON file of prices with --prices, or leave it out to use the built-in ones")
	}
	return price.ParseTable(name, data)
}

// Cap is the most that may be spent.
type Cap struct {
	Amount price.Amount // 0 for any amount
}

// Flag returns the flag that fills c.
func (c *Cap) Flag() cli.Flag {
	return &cli.StringFlag{Name: "max-cost", DefaultText: "no limit", Usage: "stop before calls, those in flight included, cost more than `USD`", Action: func(_ *cli.Context, text string) (err error) {
		if c.Amount, err = price.ParseAmount(text); err != nil {
			return cmdline.UsageError("--max-cost: %w", err)
		}
		return nil
	}}
}

// BatchFlag returns the flag that fills c for batches.
func (c *Cap) BatchFlag() cli.Flag {
	f := c.Flag().(*cli.StringFlag)
	f.Usage = "reject batches that may cost more than `USD`, all rounds included"
	return f
}

// Check refuses a model whose price is not known, since what it costs cannot be limited.
func (c *Cap) Check(table *price.Table, model string, tier price.Tier) error {
	if c.Amount == 0 {
		return nil
	}
	return Explain(cmdline.ExitIf(cmdline.Usage, table.Known(model, tier)))
}

// Explain adds what to do about the error of a limit on costs.
func Explain(err error) error {
	hint := ""
	if _, ok := errors.AsType[*price.UnknownPriceError](err); ok {
		hint = "give its price in a file with --prices, or leave out --max-cost"
	} else if _, ok := errors.AsType[*price.SpentError](err); ok {
		hint = "to continue, run the same command with --resume, and a --max-cost for what is left"
	} else if errors.Is(err, price.ErrUnbounded) {
		hint = "with --max-cost, limit the answers by --max-tokens; if the model takes no limit, leave --max-cost out"
	}
	if hint == "" {
		return err
	}
	return fault.WithHint(err, hint)
}

// Limits describe the run or the batch to estimate. 0 means no limit.
type Limits struct {
	PartRequests, PerMinute, TokensPerMinute int

	PartBytes int64

	Tier  price.Tier // of a run
	Batch bool       // the estimate is for a batch
}

// manyRows is the number of rows from which on a batch is worth a hint.
const manyRows = 2000

// Estimate prints what asking the requests would cost, at once or as a batch: in words on
// stderr, and as a JSON object on stdout. next counts the rows that it skips in kept.
func Estimate(std cmdline.Streams, table *price.Table, next func() (wire.Request, error), kept *int, limits Limits) error {
	tokens, err := table.Count(next, limits.PartRequests, limits.PartBytes)
	if err != nil {
		return err
	}
	q := table.Quote(tokens, limits.Tier, limits.PerMinute, limits.TokensPerMinute)
	q.Kept = *kept
	for _, line := range q.Lines() {
		std.Note("%s", line)
	}
	for _, m := range q.Models {
		if m.TooLong > 0 {
			std.Say("%s longer than %s reads, which will fail: the longest has about %s", english.Count(m.TooLong, "prompt"), m.Name, english.Count(m.Longest, "token"))
		}
	}
	if !limits.Batch && q.Rows >= manyRows && q.Run != nil && q.Batch != nil && q.Batch.Input < 0.6*q.Run.Input {
		std.Say("ner-batch submit asks these %s for half of that, within 24 hours", english.Count(q.Rows, "row"))
	}
	if slices.ContainsFunc(q.Models, func(m price.ModelQuote) bool { return m.Run == nil }) {
		std.Say("give the missing prices in a file with --prices")
	}
	if _, err := std.Out.Write(q.JSON()); err != nil {
		return fmt.Errorf("write the estimate: %w", err)
	}
	return nil
}
