// Command bench measures the four programs, where there is something to compare
// with against what could at best be had on the same machine in the same minutes.
// It is run by scripts/bench.sh.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newApp().RunContext(ctx, os.Args)
	if ctx.Err() != nil {
		err = errors.New("interrupted") // whatever else was said of programs that were killed
	}
	stop()
	if err != nil {
		say("%v", err)
		os.Exit(1)
	}
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) }

func newApp() *cli.App {
	common := []cli.Flag{
		&cli.StringFlag{Name: "bin", Required: true, Usage: "`DIR` of the built programs"},
		&cli.StringFlag{Name: "dir", Required: true, Usage: "`DIR` for the data, about 2 GB in full"},
		&cli.BoolFlag{Name: "quick", Usage: "small data and short runs: shows that it works, not how fast it is"},
		&cli.IntFlag{Name: "rounds", Usage: "take the median of `N` runs"},
	}
	return &cli.App{
		Name:            "bench",
		Usage:           "measure the four programs",
		HideHelpCommand: true,
		ExitErrHandler:  func(*cli.Context, error) {}, // main reports
		Commands: []*cli.Command{
			{Name: "prompt", Usage: "measure ner-prompt making prompts", Flags: common, Action: measurePrompt},
			{Name: "run", Usage: "measure ner-run", Flags: common, Action: measureRun},
			{Name: "pace", Usage: "measure ner-run against services with limits", Flags: common, Action: measurePace},
			{Name: "batch", Usage: "measure ner-batch", Flags: common, Action: measureBatch},
			{Name: "collect", Usage: "measure ner-collect", Flags: common, Action: measureCollect},
			{Name: "knn", Usage: "measure ner-prompt finding neighbours", Flags: common, Action: measureKNN},
			{
				Name: "barehttp", Usage: "post prompts in a bare net/http loop; used by run",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "prompts", Required: true, Usage: "`FILE` of prompt records"},
					&cli.StringFlag{Name: "url", Required: true, Usage: "base `URL` of the API"},
					&cli.IntFlag{Name: "workers", Required: true, Usage: "`N` calls at once"},
				},
				Action: bareHTTP,
			},
		},
	}
}

func measurePrompt(c *cli.Context) error {
	b := promptBench{program: executable(c.String("bin"), "ner-prompt"), dir: c.String("dir"), size: ontoNotes, rounds: 7, judge: !c.Bool("quick"), out: os.Stdout}
	if c.Bool("quick") {
		b.size, b.rounds = size{test: ontoNotes.test / 16, train: ontoNotes.train / 16, neighbours: ontoNotes.neighbours}, 3
	}
	b.rounds = orElse(c.Int("rounds"), b.rounds)
	return b.do(c.Context)
}

func measureRun(c *cli.Context) error {
	b := runBench{
		bin: c.String("bin"), dir: c.String("dir"), judge: !c.Bool("quick"), out: os.Stdout,
		rounds: 5, cell: 3 * time.Second, most: 30_000,
	}
	if c.Bool("quick") {
		b.rounds, b.cell, b.most = 3, 400*time.Millisecond, 4000
	}
	b.rounds = orElse(c.Int("rounds"), b.rounds)
	return b.do(c.Context)
}

func measureBatch(c *cli.Context) error {
	b := batchBench{bin: c.String("bin"), dir: c.String("dir"), out: os.Stdout, rows: 50_000, size: size{test: 2800, train: 20_000, neighbours: 13}, rounds: 3}
	if c.Bool("quick") {
		b.rows, b.size = 2000, size{test: 120, train: 400, neighbours: 13}
	}
	b.rounds = orElse(c.Int("rounds"), b.rounds)
	return b.do(c.Context)
}

func measureCollect(c *cli.Context) error {
	b := collectBench{bin: c.String("bin"), dir: c.String("dir"), out: os.Stdout, size: size{test: 5556, train: 1}, rounds: 3}
	if c.Bool("quick") {
		b.size.test /= 16
	}
	b.rounds = orElse(c.Int("rounds"), b.rounds)
	return b.do(c.Context)
}

func measureKNN(c *cli.Context) error {
	b := knnBench{bin: c.String("bin"), dir: c.String("dir"), judge: !c.Bool("quick"), out: os.Stdout, size: size{test: ontoNotes.test, train: ontoNotes.train}, rounds: 3}
	if c.Bool("quick") {
		b.size = size{test: ontoNotes.test / 16, train: ontoNotes.train / 16}
	}
	b.rounds = orElse(c.Int("rounds"), b.rounds)
	return b.do(c.Context)
}

func orElse(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
}

// executable is the path of the program called name in dir.
func executable(dir, name string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(dir, name)
}
