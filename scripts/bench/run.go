package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// runBench compares ner-run with a bare net/http loop.
type runBench struct {
	bin    string // directory of the programs
	dir    string // for the prompts and results
	rounds int
	cell   time.Duration // how long a run should take, where the latency decides
	most   int           // requests a run
	judge  bool          // say whether the aims are met
	out    io.Writer
}

// The aims.
const (
	runRate     = 0.97 // of the bare loop's requests/s, with latency
	runRateAtNo = 0.5  // without
	runCPU      = 2    // times the bare loop's CPU per request
)

var (
	latencies = []time.Duration{0, 20 * time.Millisecond, 100 * time.Millisecond}
	workers   = []int{10, 64, 256}
)

// answer is about as long as a sentence of the data.
const answer = "ba dehu fiki @@Tehenon## ru ki goruhiso du rotefepu @@Run Fomuteton## tisepe hesikesi kevogoha wuhuso ."

// shown is how many demonstrations the prompts show: ner-prompt's default.
const shown = 16

// cell is a latency and a number of workers, and what was measured with them.
type cell struct {
	latency time.Duration
	workers int
	rows    int
	bare    []cost
	ours    []cost
	server  series // the server's CPU time over that of ner-run's requests
}

func (b *runBench) do(ctx context.Context) error {
	say("run: making data")
	sentences := b.most/18 + 1
	if err := generate(b.dir, size{test: sentences, train: 2000, neighbours: shown}); err != nil {
		return err
	}
	before := load()
	start, err := b.startUp(ctx)
	if err != nil {
		return err
	}
	var cells []*cell
	for _, latency := range latencies {
		list, err := b.at(ctx, latency)
		if err != nil {
			return err
		}
		cells = append(cells, list...)
	}
	return b.table(cells, start, before)
}

// startUp measures ner-run on an empty input.
func (b *runBench) startUp(ctx context.Context) (cost, error) {
	empty := filepath.Join(b.dir, "empty.jsonl")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		return cost{}, err
	}
	var costs []cost
	for range 5 {
		c, err := b.ours(ctx, "http://127.0.0.1:9/v1", empty, &cell{workers: workers[0]})
		if err != nil {
			return c, err
		}
		costs = append(costs, c)
	}
	seconds := func(of func(cost) float64) time.Duration {
		return time.Duration(pick(costs, of).median() * float64(time.Second))
	}
	return cost{wall: seconds(wallOf), cpu: seconds(cpuSeconds)}, nil
}

// at measures all cells of one latency against one server.
func (b *runBench) at(ctx context.Context, latency time.Duration) ([]*cell, error) {
	server, err := serve(ctx, b.bin, b.dir, "--latency", latency.String())
	if err != nil {
		return nil, err
	}
	defer server.stop()
	var cells []*cell
	for _, n := range workers {
		c := &cell{latency: latency, workers: n, rows: b.most}
		if latency > 0 {
			// A whole number of rows for each worker.
			c.rows = min(b.most/n, int(b.cell/latency)) * n
		}
		if err := b.fill(ctx, c, server); err != nil {
			return nil, err
		}
		cells = append(cells, c)
	}
	return cells, nil
}

// fill measures one cell, the two programs taking turns to be first.
func (b *runBench) fill(ctx context.Context, c *cell, server *server) error {
	prompts := filepath.Join(b.dir, "prompts.jsonl")
	ask := exec.CommandContext(ctx, executable(b.bin, "ner-prompt"), "--source-dir", b.dir, "--data-name", dataSet, "--limit", strconv.Itoa(c.rows))
	if err := output(ask, prompts); err != nil {
		return err
	}
	for round := range b.rounds {
		say("run: %s, %d workers, %d rows: round %d of %d", milliseconds(c.latency), c.workers, c.rows, round+1, b.rounds)
		turns := []func() error{
			func() error {
				cost, err := b.bare(ctx, server.url, prompts, c)
				c.bare = append(c.bare, cost)
				return err
			},
			func() error {
				before := cpuOf(server.cmd.Process.Pid)
				cost, err := b.ours(ctx, server.url, prompts, c)
				c.ours = append(c.ours, cost)
				c.server = append(c.server, (cpuOf(server.cmd.Process.Pid) - before).Seconds())
				return err
			},
		}
		if round%2 == 1 {
			slices.Reverse(turns)
		}
		for _, turn := range turns {
			if err := turn(); err != nil {
				return err
			}
		}
	}
	return nil
}

// bare runs the bare loop; what it takes to prepare the bodies does not count.
func (b *runBench) bare(ctx context.Context, url, prompts string, c *cell) (cost, error) {
	self, err := os.Executable()
	if err != nil {
		return cost{}, err
	}
	var stdout bytes.Buffer
	cmd := exec.CommandContext(ctx, self, "barehttp", "--prompts", prompts, "--url", url, "--workers", strconv.Itoa(c.workers))
	cmd.Stdout = &stdout
	if _, err := run(ctx, cmd, false); err != nil {
		return cost{}, err
	}
	var r bareResult
	err = json.Unmarshal(stdout.Bytes(), &r)
	return cost{wall: r.Wall, cpu: r.CPU}, err
}

// ours runs ner-run as a user would, its results going to a file.
func (b *runBench) ours(ctx context.Context, url, prompts string, c *cell) (cost, error) {
	results := filepath.Join(b.dir, "results.jsonl")
	cmd := exec.CommandContext(ctx, executable(b.bin, "ner-run"), "-j", strconv.Itoa(c.workers), "--model", model,
		"--max-tokens", strconv.Itoa(maxTokens), "--base-url", url, "--progress", "none", "-o", results, prompts)
	cmd.Env = append(os.Environ(), "OPENAI_API_KEY="+apiKey)
	// An exit code other than 0 would tell of rows that failed.
	took, err := run(ctx, cmd, false)
	if err != nil {
		return took, err
	}
	if n, err := lines(results); err != nil || n != c.rows {
		return took, fmt.Errorf("%d results for %d prompts (%v)", n, c.rows, err)
	}
	return took, os.Remove(results)
}

func (b *runBench) table(cells []*cell, start cost, before string) error {
	fmt.Fprintf(b.out, "ner-run -o FILE against a bare net/http loop that posts the same bodies; %d rounds, taking turns; median (least..most)\n", b.rounds)
	fmt.Fprintln(b.out, conditions(before))
	fmt.Fprintf(b.out, "ner-run's start-up, measured with no prompts (%s, %s of CPU), counts in its requests/s and not in its CPU per request.\n",
		milliseconds(start.wall), milliseconds(start.cpu))
	fmt.Fprint(b.out, "The server is a process on the same cores: without latency it competes with its clients for them,\n"+
		"and what it takes itself bounds both.\n\n")
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\t\t\trequests/s\t\t\tof the\tof the\tCPU, µs/request\t\t\tthe server's,\t")
	heading := "latency\tworkers\trows\tideal\tbare\tner-run\tbare\tideal\tbare\tner-run\tratio\tµs/request\t"
	if b.judge {
		heading += "aims"
	}
	fmt.Fprintln(w, heading)
	for _, c := range cells {
		c.row(w, start, b.judge)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(b.out, "\nideal: workers / latency")
	if !b.judge {
		fmt.Fprintln(b.out, tooShort)
		return nil
	}
	fmt.Fprintf(b.out, "aims: %g of the bare loop's requests/s with latency, %g without; CPU per request at most %g times its own.\n",
		runRate, runRateAtNo, float64(runCPU))
	return nil
}

func (c *cell) row(w io.Writer, start cost, judge bool) {
	perSecond := func(took cost) float64 { return float64(c.rows) / took.wall.Seconds() }
	perRequest := func(took cost) float64 { return float64(took.cpu.Nanoseconds()) / 1e3 / float64(c.rows) }
	ours := slices.Clone(c.ours)
	for i := range ours {
		ours[i].cpu = max(0, ours[i].cpu-start.cpu)
	}
	rate, bareRate := pick(ours, perSecond), pick(c.bare, perSecond)
	cpu, bareCPU := pick(ours, perRequest), pick(c.bare, perRequest)
	ofBare, cpuRatio := rate.over(bareRate), cpu.over(bareCPU)

	ideal, ofIdeal, aim := "-", "-", runRateAtNo
	if c.latency > 0 {
		n := float64(c.workers) / c.latency.Seconds()
		ideal, ofIdeal, aim = fmt.Sprintf("%.0f", n), fmt.Sprintf("%.3f", rate.median()/n), runRate
	}
	var missed []string
	if ofBare.median() < aim {
		missed = append(missed, "rate")
	}
	if cpuRatio.median() > runCPU {
		missed = append(missed, "CPU")
	}
	verdict := "met"
	if len(missed) > 0 {
		verdict = "MISSED: " + strings.Join(missed, ", ")
	}
	if !judge {
		verdict = ""
	}
	server := "?"
	if n := c.server.median(); n > 0 {
		server = fmt.Sprintf("%.0f", n*1e6/float64(c.rows))
	}
	fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%.0f\t%.0f\t%s\t%s\t%s\n",
		milliseconds(c.latency), c.workers, c.rows, ideal, bareRate.show(0), rate.show(0), ofBare.show(3), ofIdeal,
		bareCPU.median(), cpu.median(), cpuRatio.show(2), server, verdict)
}

// server is a running simulated API.
type server struct {
	url string
	cmd *exec.Cmd
}

// serve starts the simulated API, its address in dir, and waits until it listens.
func serve(ctx context.Context, bin, dir string, flags ...string) (*server, error) {
	file := filepath.Join(dir, "url.txt")
	// One that was killed leaves its address behind.
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, executable(bin, "fakeopenai"), append([]string{"--addr-file", file, "--answer", answer, "--quiet", "--with-parent"}, flags...)...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd}
	for range 1000 {
		if url, err := os.ReadFile(file); err == nil {
			s.url = strings.TrimSpace(string(url))
			return s, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.stop()
	return nil, errors.New("the simulated API did not start")
}

func (s *server) stop() {
	// Interrupting is not possible everywhere; it has nothing to lose.
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// environment points a program at the simulated API.
func (s *server) environment() []string {
	return append(os.Environ(), "OPENAI_API_KEY="+apiKey, "OPENAI_BASE_URL="+s.url)
}
