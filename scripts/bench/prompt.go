package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"text/tabwriter"
	"time"
)

// promptBench compares ner-prompt with reading its input and piping its output.
type promptBench struct {
	program string // ner-prompt
	dir     string // for the data
	size    size
	rounds  int
	judge   bool // say whether the aims are met
	out     io.Writer
}

// The aims.
const (
	promptTime    = 3    // times what cat needs to pipe the output
	promptPrivate = 0.25 // of the input's size
)

func (b *promptBench) do(ctx context.Context) error {
	say("prompt: making data")
	if err := generate(b.dir, b.size); err != nil {
		return err
	}
	files := inputs(b.dir)
	in, err := total(files...)
	if err != nil {
		return err
	}
	// The first run warms the page cache and leaves the output that cat pipes.
	made := filepath.Join(b.dir, "prompts.jsonl")
	rows, err := b.write(ctx, made)
	if err != nil {
		return err
	}
	out, err := total(made)
	if err != nil {
		return err
	}
	defer os.Remove(made)
	fmt.Fprintf(b.out, "ner-prompt: %d rows, up to %d demonstrations each; %.1f MB in, %.1f MB out; %d rounds, files in the page cache\n",
		rows, b.size.neighbours, mega(in), mega(out), b.rounds)

	before := load()
	contestants := []struct {
		name    string
		piped   bool
		command func() *exec.Cmd
		in, out int64
	}{
		{"cat INPUT > /dev/null", false, func() *exec.Cmd { return exec.CommandContext(ctx, "cat", files...) }, in, 0},
		{"cat OUTPUT | cat > /dev/null", true, func() *exec.Cmd { return exec.CommandContext(ctx, "cat", made) }, 0, out},
		{"ner-prompt | cat > /dev/null", true, func() *exec.Cmd { return b.command(ctx) }, in, out},
	}
	const read, pipe, prompt = 0, 1, 2
	costs := make([][]cost, len(contestants))
	for round := range b.rounds {
		say("prompt: round %d of %d", round+1, b.rounds)
		for i, c := range contestants {
			cost, err := run(ctx, c.command(), c.piped)
			if err != nil {
				return err
			}
			costs[i] = append(costs[i], cost)
		}
	}

	fmt.Fprintf(b.out, "%s\nmedian (least..most)\n\n", conditions(before))
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\ttime, s\tCPU, s\tin, MB/s\tout, MB/s\tprivate, MB\tmapped, MB\tboth, MB")
	for i, c := range contestants {
		wall := pick(costs[i], wallOf)
		fmt.Fprintf(w, "%s\t%s\t%.2f\t%s\t%s\t%s\t%s\t%s\n", c.name, wall.show(2), pick(costs[i], cpuSeconds).median(),
			rate(c.in, wall), rate(c.out, wall),
			known(pick(costs[i], private)), known(pick(costs[i], mapped)), known(pick(costs[i], both)))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	wall := pick(costs[prompt], wallOf)
	slower := wall.over(pick(costs[pipe], wallOf))
	fmt.Fprintln(b.out)
	fmt.Fprintf(b.out, "time over that of piping the output:  %s%s\n", slower.show(2), verdict(b.judge, slower.median() <= promptTime, "at most %g", promptTime))
	fmt.Fprintf(b.out, "time over that of reading the input:  %s\n", wall.over(pick(costs[read], wallOf)).show(2))
	share := pick(costs[prompt], private)
	for i := range share {
		share[i] /= mega(in)
	}
	if share.median() > 0 {
		fmt.Fprintf(b.out, "private memory over the input's size: %s%s\n", share.show(3), verdict(b.judge, share.median() < promptPrivate, "under %g", promptPrivate))
	} else {
		fmt.Fprintln(b.out, "private memory: only known on Linux")
	}
	fmt.Fprintln(b.out, "(Memory is the peak of the first program named. Mapped memory is the input's pages in the page\n"+
		"cache: the system takes it back when others need it.)")
	if !b.judge {
		fmt.Fprintln(b.out, tooShort)
	}
	return nil
}

func (b *promptBench) command(ctx context.Context) *exec.Cmd {
	return exec.CommandContext(ctx, b.program, "--source-dir", b.dir, "--data-name", dataSet, "--example-num", fmt.Sprint(b.size.neighbours))
}

// write makes the prompts into a file and returns how many there are.
func (b *promptBench) write(ctx context.Context, path string) (rows int, err error) {
	if err := output(b.command(ctx), path); err != nil {
		return 0, err
	}
	return lines(path)
}

// output runs cmd with its output in a file.
func output(cmd *exec.Cmd, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = f, &stderr
	if err := errors.Join(cmd.Run(), f.Close()); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return nil
}

func lines(path string) (n int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	buf := make([]byte, 1<<20)
	for {
		size, err := f.Read(buf)
		n += bytes.Count(buf[:size], []byte("\n"))
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

func total(paths ...string) (size int64, err error) {
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return 0, err
		}
		size += info.Size()
	}
	return size, nil
}

func pick(costs []cost, of func(cost) float64) series {
	s := make(series, len(costs))
	for i, c := range costs {
		s[i] = of(c)
	}
	return s
}

func wallOf(c cost) float64     { return c.wall.Seconds() }
func cpuSeconds(c cost) float64 { return c.cpu.Seconds() }
func private(c cost) float64    { return mega(c.peak.private) }
func mapped(c cost) float64     { return mega(c.peak.mapped) }
func both(c cost) float64       { return mega(c.peak.both) }

func mega(n int64) float64 { return float64(n) / 1e6 }

func rate(n int64, seconds series) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f", mega(n)/seconds.median())
}

func known(s series) string {
	if s.median() == 0 {
		return "?"
	}
	return fmt.Sprintf("%.1f", s.median())
}

// verdict says beside a figure what it should be and whether it is.
func verdict(judge, met bool, aim string, value float64) string {
	if !judge {
		return ""
	}
	text := ", aim " + fmt.Sprintf(aim, value)
	if met {
		return text + ": met"
	}
	return text + ": MISSED"
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
