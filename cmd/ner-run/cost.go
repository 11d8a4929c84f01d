package main

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/cost"
	"nertools/pkg/online"
	"nertools/pkg/pace"
	"nertools/pkg/price"
	"nertools/pkg/record"
	"nertools/pkg/resume"
	"nertools/pkg/wire"
)

// dryRun reads the prompts as a run would and says what that run would cost. It
// sends nothing and writes to no file.
func dryRun(c *cli.Context, table *price.Table, requests *wire.Builder, judge *wire.Judge, lines *record.Lines) error {
	earlier, done, err := earlierAnswers(c, judge)
	defer done()
	if err != nil {
		return err
	}
	kept := 0
	estimate, err := price.Count(earlier.Rest(lines, requests, &kept), 0)
	if err != nil {
		return err
	}
	quote := table.Quote(estimate, c.Int("rpm"), c.Int("tpm"))
	quote.Kept = kept
	return cost.Show(cmdline.Streams{Name: c.App.Name, Out: os.Stdout, Err: c.App.ErrWriter}, quote)
}

// earlierAnswers reads the files of --resume. The one that is the -o file as well
// comes first, as in a run.
func earlierAnswers(c *cli.Context, judge *wire.Judge) (earlier *resume.Answers, done func(), err error) {
	earlier = resume.New()
	earlier.Judge = judge
	var open []io.Closer
	done = func() {
		for _, f := range open {
			f.Close()
		}
	}
	output := c.String("output")
	own := func(path string) bool { return output != "" && output != "-" && cmdline.SameFile(path, output) }
	paths := c.StringSlice("resume")
	if i := slices.IndexFunc(paths, own); i > 0 {
		paths[0], paths[i] = paths[i], paths[0]
	}
	for _, path := range paths {
		f, err := os.Open(path)
		if errors.Is(err, os.ErrNotExist) && own(path) {
			continue // the run would begin it
		}
		if err != nil {
			return earlier, done, err
		}
		open = append(open, f)
		info, err := f.Stat()
		if err != nil {
			return earlier, done, err
		}
		if err := earlier.Add(path, f, info.Size(), own(path)); err != nil {
			return earlier, done, err
		}
	}
	for _, damage := range earlier.Damage() {
		cmdline.SayDamage(c, damage)
	}
	return earlier, done, nil
}

// noting is an Asker that notes which model is asked: the flags do not tell it
// of request lines that come ready-made.
type noting struct {
	online.Asker
	mu     sync.Mutex
	models map[string]bool
}

func (n *noting) Ask(ctx context.Context, path string, body []byte, read func([]byte) error) (pace.Limits, error) {
	model := wire.ModelOf(body)
	n.mu.Lock()
	if n.models == nil {
		n.models = map[string]bool{}
	}
	n.models[model] = true
	n.mu.Unlock()
	return n.Asker.Ask(ctx, path, body, read)
}

// cost puts what u cost in words; "" if that is not known, as with several models.
func (n *noting) cost(table *price.Table, u record.Usage) string {
	if len(n.models) != 1 {
		return ""
	}
	for model := range n.models {
		if cost, ok := table.Cost(model, u, false); ok {
			return "about " + table.Money(cost)
		}
	}
	return ""
}
