package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"text/tabwriter"

	"nertools/pkg/record"
)

// batchBench measures a batch as large as the service takes: making its file,
// sending it, fetching its results, and collecting them.
type batchBench struct {
	bin    string // the folder of the programs
	dir    string // for the data
	rows   int
	size   size
	rounds int
	out    io.Writer
}

// batchMemory is the aim: the peak of private memory, in MB, while a part of 200
// MB goes up or comes down.
const batchMemory = 40

func (b *batchBench) do(ctx context.Context) error {
	say("batch: making data")
	if err := generate(b.dir, b.size); err != nil {
		return err
	}
	file := func(name string) string { return filepath.Join(b.dir, name) }
	prompts, requests, results := file("prompts.jsonl"), file("batch.jsonl"), file("results.jsonl")
	// 13 demonstrations make 50,000 requests nearly as large as a batch may be.
	err := output(exec.CommandContext(ctx, executable(b.bin, "ner-prompt"), "--source-dir", b.dir, "--data-name", dataSet,
		"--example-num", "13", "--limit", fmt.Sprint(b.rows)), prompts)
	if err != nil {
		return err
	}
	server, err := serve(ctx, b.bin, b.dir, "--state", file("state"))
	if err != nil {
		return err
	}
	defer server.stop()
	id := ""
	program := func(name string, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, executable(b.bin, name), args...)
		cmd.Env = server.environment()
		return cmd
	}
	steps := []struct {
		name    string
		size    string // the file whose bytes it moves
		command func() *exec.Cmd
	}{
		{"cat PROMPTS > /dev/null", prompts, func() *exec.Cmd { return exec.CommandContext(ctx, "cat", prompts) }},
		{"ner-batch create", prompts, func() *exec.Cmd { return program("ner-batch", "create", "--batch-file", requests, prompts) }},
		{"ner-batch submit --fresh", requests, func() *exec.Cmd {
			return program("ner-batch", "submit", "--fresh", "--batch-file", requests)
		}},
		{"ner-batch download", results, func() *exec.Cmd { return program("ner-batch", "download", "--batch-id", id, "-o", results) }},
		{"ner-collect", results, func() *exec.Cmd { return program("ner-collect", "--total", fmt.Sprint(b.rows), results) }},
	}
	before := load()
	costs := make([][]cost, len(steps))
	for round := range b.rounds {
		say("batch: round %d of %d", round+1, b.rounds)
		for i, s := range steps {
			if i == 3 {
				if id, err = b.ended(ctx, program); err != nil {
					return err
				}
			}
			c, err := run(ctx, s.command(), false)
			if err != nil {
				return err
			}
			costs[i] = append(costs[i], c)
		}
	}
	return b.table(before, requests, func(w io.Writer) error {
		for i, s := range steps {
			moved, err := total(s.size)
			if err != nil {
				return err
			}
			wall, memory := pick(costs[i], wallOf), pick(costs[i], private)
			fmt.Fprintf(w, "%s\t%.1f\t%s\t%.2f\t%s\t%s\n", s.name, mega(moved), wall.show(2), pick(costs[i], cpuSeconds).median(), rate(moved, wall), known(memory))
		}
		return nil
	})
}

// ended waits until the newest batch has ended and returns its id.
func (b *batchBench) ended(ctx context.Context, program func(name string, args ...string) *exec.Cmd) (id string, err error) {
	list, err := program("ner-batch", "list", "--limit", "1").Output()
	if err != nil {
		return "", fmt.Errorf("list batches: %w", err)
	}
	job, err := record.ParseJob(bytes.TrimSpace(list))
	if id = job.BatchID; err != nil {
		return "", fmt.Errorf("list batches: %w", err)
	}
	_, err = run(ctx, program("ner-batch", "wait", "--poll-interval", "200ms", "--progress", "none", "--batch-id", id), false)
	return id, err
}

func (b *batchBench) table(before, requests string, rows func(io.Writer) error) error {
	size, err := total(requests)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "ner-batch: %d requests in a file of %.1f MB, against the simulated API, which shares the cores; %d rounds\n%s\nmedian (least..most)\n\n",
		b.rows, mega(size), b.rounds, conditions(before))
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\tMB\ttime, s\tCPU, s\tMB/s\tprivate, MB")
	if err := rows(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(b.out, "\naim: under %d MB of private memory for submit and download\n", batchMemory)
	return nil
}
