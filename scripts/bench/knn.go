package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"text/tabwriter"
)

// knnBench measures the search for neighbours at one size and at a tenth of it,
// in sentences of both files.
type knnBench struct {
	bin    string // the folder of the programs
	dir    string // for the data
	size   size
	rounds int
	judge  bool // say whether the aims are met
	out    io.Writer
}

// dimensions are those of text-embedding-3-small.
const dimensions = 1536

// searches are the ways to search, the last one by what a service has to be asked
// for. seconds is the aim at the size of OntoNotes, 0 for none.
var searches = []struct {
	name    string
	flags   []string
	seconds float64
}{
	{"random", []string{"--method", "random"}, 0},
	{"bm25", []string{"--method", "bm25"}, 60},
	{"bm25 --diverse", []string{"--method", "bm25", "--diverse"}, 0},
	{"labels", []string{"--method", "labels"}, 120},
	{"labels --diverse=false", []string{"--method", "labels", "--diverse=false"}, 0},
	{"embedding", []string{"--method", "embedding", "--dimensions", strconv.Itoa(dimensions)}, 300},
}

// corpus is data of one size, and what was measured with it.
type corpus struct {
	dir   string
	size  size
	ask   cost     // of embedding that has to ask
	costs [][]cost // of each search, round by round
}

func (b *knnBench) do(ctx context.Context) error {
	say("knn: making data")
	tenth := &corpus{dir: filepath.Join(b.dir, "tenth"), size: size{test: b.size.test / 10, train: b.size.train / 10}}
	whole := &corpus{dir: filepath.Join(b.dir, "whole"), size: b.size}
	both := []*corpus{tenth, whole}
	for _, c := range both {
		if err := errors.Join(os.Mkdir(c.dir, 0o700), generate(c.dir, c.size)); err != nil {
			return err
		}
		c.costs = make([][]cost, len(searches))
	}
	// The cache is of one address: the service keeps it to the end.
	server, err := serve(ctx, b.bin, b.dir)
	if err != nil {
		return err
	}
	defer server.stop()
	search := func(c *corpus, flags []string) (cost, error) {
		args := append([]string{"knn", "--source-dir", c.dir, "--cache", filepath.Join(c.dir, "cache")}, flags...)
		cmd := exec.CommandContext(ctx, executable(b.bin, "ner-prompt"), args...)
		cmd.Env = server.environment()
		return run(ctx, cmd, false)
	}
	before := load()
	for _, c := range both {
		say("knn: asking for %d embeddings", c.size.test+c.size.train)
		if c.ask, err = search(c, searches[len(searches)-1].flags); err != nil {
			return err
		}
	}
	for round := range b.rounds {
		say("knn: round %d of %d", round+1, b.rounds)
		for i, s := range searches {
			for _, c := range both {
				took, err := search(c, s.flags)
				if err != nil {
					return err
				}
				c.costs[i] = append(c.costs[i], took)
			}
		}
	}
	return b.table(tenth, whole, before)
}

func (b *knnBench) table(tenth, whole *corpus, before string) error {
	fmt.Fprintf(b.out, "ner-prompt knn: 32 neighbours for each row of %d sentences among those of %d, of invented words, 18 labels, and the same for a tenth of both; %d rounds, files in the page cache, output to /dev/null\n",
		whole.size.test, whole.size.train, b.rounds)
	fmt.Fprintf(b.out, "%s\nmedian (least..most)\n\n", conditions(before))
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\ttime, s\t\tover\tCPU, s\t\tprivate, MB\t\tover\tmapped, MB")
	fmt.Fprintln(w, "method\ta tenth\twhole\ta tenth\ta tenth\twhole\ta tenth\twhole\ta tenth\twhole")
	for i, s := range searches {
		small, large := tenth.costs[i], whole.costs[i]
		fmt.Fprintf(w, "%s\t%s\t%s\t%.1f\t%.2f\t%.2f\t%s\t%s\t%s\t%s\n", s.name,
			pick(small, wallOf).show(2), pick(large, wallOf).show(2), pick(large, wallOf).over(pick(small, wallOf)).median(),
			pick(small, cpuSeconds).median(), pick(large, cpuSeconds).median(),
			known(pick(small, private)), known(pick(large, private)), known(pick(large, private).over(pick(small, private))),
			known(pick(large, mapped)))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(b.out, "\nThe whole has 100 times the pairs of sentences. Mapped memory is pages of files in the page cache.\n"+
		"Embeddings have %d numbers. The rounds read them from the cache: before, one run of each size asked the simulated\n"+
		"API, which shares the cores: %.1f s for a tenth and %.1f s for the whole, search included.\n",
		dimensions, tenth.ask.wall.Seconds(), whole.ask.wall.Seconds())
	if !b.judge {
		fmt.Fprintln(b.out, tooShort)
		return nil
	}
	for i, s := range searches {
		if s.seconds > 0 {
			seconds := pick(whole.costs[i], wallOf)
			fmt.Fprintf(b.out, "%s: %.1f s%s\n", s.name, seconds.median(), verdict(b.judge, seconds.median() <= s.seconds, "at most %g s", s.seconds))
		}
	}
	return nil
}
