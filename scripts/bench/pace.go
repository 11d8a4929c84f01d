package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"
)

// paceBench runs ner-run against services that limit their callers, and that tell
// them so in different ways.
type paceBench struct {
	bin, dir string
	rows     int
	out      io.Writer
}

// limited is a simulated service.
type limited struct {
	name  string
	flags []string
	fault string        // rules of faults, in JSON
	ideal time.Duration // that rows take at best; 0: with no limit but the workers
	share float64       // of the calls that it refuses whatever the pace
}

const (
	paceWorkers = 32
	paceLatency = 20 * time.Millisecond
	pacePeriod  = 5 * time.Second
	perPeriod   = 300
)

const contradictory = `[{"kind": "status", "status": 429, "code": "rate_limit_exceeded", "every": 5, "retry_after": 1,
  "headers": {"x-ratelimit-limit-tokens": "150000", "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}}]`

func services(rows int) []limited {
	limits := []string{"--rpm", strconv.Itoa(perPeriod), "--period", pacePeriod.String()}
	windows := append(limits, "--windows")
	// A bucket is full at first; a window's calls are all at its beginning.
	bucket := time.Duration(float64(max(0, rows-perPeriod)) / perPeriod * float64(pacePeriod))
	window := time.Duration((rows-1)/perPeriod) * pacePeriod
	return []limited{
		{name: "honest headers", flags: limits, ideal: bucket},
		{name: "nothing shown", flags: append(limits, "--hints", "nothing"), ideal: bucket},
		{name: "nothing shown, windows", flags: append(windows, "--hints", "nothing"), ideal: window},
		{name: "contradictory, 1 of 5", fault: contradictory, share: 0.2},
		{name: "constant", flags: []string{"--header", "x-ratelimit-limit-requests:100", "--header", "x-ratelimit-remaining-requests:0", "--header", "x-ratelimit-reset-requests:6m0s"}},
		{name: "a day", flags: []string{"--rpd", "14400"}},
		{name: "message only", flags: append(limits, "--hints", "message"), ideal: bucket},
		{name: "message only, windows", flags: append(windows, "--hints", "message"), ideal: window},
	}
}

func measurePace(c *cli.Context) error {
	b := paceBench{bin: c.String("bin"), dir: c.String("dir"), rows: 1500, out: os.Stdout}
	if c.Bool("quick") {
		b.rows = 700
	}
	return b.do(c.Context)
}

func (b *paceBench) do(ctx context.Context) error {
	say("pace: making data")
	if err := generate(b.dir, size{test: b.rows/18 + 1, train: 2000, neighbours: shown}); err != nil {
		return err
	}
	prompts := filepath.Join(b.dir, "prompts.jsonl")
	ask := exec.CommandContext(ctx, executable(b.bin, "ner-prompt"), "--source-dir", b.dir, "--data-name", dataSet, "--limit", strconv.Itoa(b.rows))
	if err := output(ask, prompts); err != nil {
		return err
	}
	before := load()
	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "service\tideal\tner-run\tcalls\trefused\tshare")
	for _, s := range services(b.rows) {
		say("pace: %s", s.name)
		if err := b.measure(ctx, w, &s, prompts); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(b.out, "ner-run -j %d, %d rows, against services that take %v for a call and limit their callers, some to %d calls in %v\n%s\n\n%s",
		paceWorkers, b.rows, paceLatency, perPeriod, pacePeriod, conditions(before), table.String())
	return nil
}

func (b *paceBench) measure(ctx context.Context, w io.Writer, s *limited, prompts string) error {
	log := filepath.Join(b.dir, "pace.log")
	flags := append([]string{"--latency", paceLatency.String(), "--log", log}, s.flags...)
	if s.fault != "" {
		rules := filepath.Join(b.dir, "faults.json")
		if err := os.WriteFile(rules, []byte(s.fault), 0o600); err != nil {
			return err
		}
		flags = append(flags, "--faults", rules)
	}
	server, err := serve(ctx, b.bin, b.dir, flags...)
	if err != nil {
		return err
	}
	results := filepath.Join(b.dir, "results.jsonl")
	cmd := exec.CommandContext(ctx, executable(b.bin, "ner-run"), "-j", strconv.Itoa(paceWorkers), "--model", model, "--progress", "none", "-o", results, prompts)
	cmd.Env = server.environment()
	took, err := run(ctx, cmd, false)
	server.stop()
	if err != nil {
		return err
	}
	if n, err := lines(results); err != nil || n != b.rows {
		return fmt.Errorf("%d results for %d prompts (%v)", n, b.rows, err)
	}
	calls, err := os.ReadFile(log)
	if err != nil {
		return err
	}
	ideal := max(s.ideal, time.Duration(float64(b.rows)/(1-s.share)/paceWorkers*float64(paceLatency)))
	refused, all := bytes.Count(calls, []byte(`"status":429`)), bytes.Count(calls, []byte("\n"))
	fmt.Fprintf(w, "%s\t%.1f s\t%.1f s\t%d\t%d\t%.1f %%\n", s.name, ideal.Seconds(), took.wall.Seconds(), all, refused, 100*float64(refused)/float64(all))
	for _, path := range []string{results, log} {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}
