package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"text/tabwriter"
)

// collectBench measures what it takes to align answers, and to write them in each
// format or score them.
type collectBench struct {
	bin    string // the folder of the programs
	dir    string // for the data
	size   size
	rounds int
	out    io.Writer
}

func (b *collectBench) do(ctx context.Context) error {
	say("collect: making data")
	if err := generate(b.dir, b.size); err != nil {
		return err
	}
	results, gold := filepath.Join(b.dir, "results.jsonl"), filepath.Join(b.dir, testFile)
	n, err := writeAnswers(results, gold)
	if err != nil {
		return err
	}
	program := executable(b.bin, "ner-collect")
	type step struct {
		name    string
		command []string
	}
	steps := []step{{"cat RESULTS > /dev/null", []string{"cat", results}}, {"ner-collect", []string{program, results}}}
	for _, format := range []string{"jsonl", "conll", "spacy", "labelstudio", "csv", "html"} {
		steps = append(steps, step{"ner-collect --format " + format, []string{program, "--format", format, "--source-dir", b.dir, results}})
	}
	steps = append(steps,
		step{"ner-collect score", []string{program, "score", "--gold", gold, results}},
		step{"ner-collect score --match published", []string{program, "score", "--match", "published", "--gold", gold, results}})
	before := load()
	costs := make([][]cost, len(steps))
	for round := range b.rounds {
		say("collect: round %d of %d", round+1, b.rounds)
		for i, s := range steps {
			c, err := run(ctx, exec.CommandContext(ctx, s.command[0], s.command[1:]...), false)
			if err != nil {
				return err
			}
			costs[i] = append(costs[i], c)
		}
	}

	size, err := total(results)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "ner-collect: %d answers in a file of %.1f MB, %d of them with marks, %d damaged; %d rounds, files in the page cache, output to /dev/null\n%s\nmedian (least..most)\n\n",
		n.rows, mega(size), n.marked, n.damaged, b.rounds, conditions(before))
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\ttime, s\tCPU, s\tCPU, µs/row\tprivate, MB")
	for i, s := range steps {
		cpu := pick(costs[i], cpuSeconds).median()
		fmt.Fprintf(w, "%s\t%s\t%.3f\t%.1f\t%s\n", s.name, pick(costs[i], wallOf).show(3), cpu, cpu*1e6/float64(n.rows), known(pick(costs[i], private)))
	}
	return w.Flush()
}
