package cmd_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"nertools/pkg/openaitest"
	"nertools/pkg/record"
)

// asked is a command in a folder of its own that asks the given requests.
type asked struct {
	*exec.Cmd
	dir    string
	stderr bytes.Buffer
}

func ask(t *testing.T, url string, input []byte, args ...string) *asked {
	t.Helper()
	a := &asked{dir: t.TempDir()}
	a.Cmd = program(t, url, "ner-batch", args...)
	a.Dir, a.Stdin, a.Stderr = a.dir, bytes.NewReader(input), &a.stderr
	return a
}

// answered checks that a file of results has one for each row, and returns how
// many of them are good answers.
func answered(t *testing.T, path string, rows int) (ok int) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range bytes.Lines(data) {
		r, err := record.ParseResult(bytes.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		if seen[r.ID] {
			t.Errorf("%s: %s twice", path, r.ID)
		}
		seen[r.ID] = true
		if r.OK() {
			ok++
		}
	}
	if len(seen) != rows {
		t.Errorf("%s: %d results for %d rows", path, len(seen), rows)
	}
	return ok
}

// together starts the commands at the same time and waits for all.
func together(t *testing.T, all []*asked) {
	t.Helper()
	for _, a := range all {
		if err := a.Start(); err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range all {
		if err := a.Wait(); err != nil {
			t.Errorf("%v: %s", err, &a.stderr)
		}
	}
}

func TestRunsOfTheSamePromptsFromSeveralFoldersPayOnce(t *testing.T) {
	t.Parallel()
	const models, rows = 2, 20
	for _, c := range []struct {
		name string
		runs int
		opt  openaitest.Options
	}{
		{"two", 2, openaitest.Options{}},
		{"six", 6, openaitest.Options{}},
		{"a list that lags behind", 4, openaitest.Options{BatchRules: openaitest.BatchRules{ListDelay: time.Second}}},
		{"a gateway that answers 504", 4, openaitest.Options{Faults: []openaitest.Fault{{
			Kind:       openaitest.LateBatch,
			BatchFault: openaitest.BatchFault{After: 1500 * time.Millisecond},
			Turns:      openaitest.Turns{Every: 2},
		}}}},
		{"answers that are lost", 4, openaitest.Options{Faults: []openaitest.Fault{{
			Kind:  openaitest.LostAnswer,
			Aim:   openaitest.Aim{Op: "createBatch"},
			Turns: openaitest.Turns{Every: 2},
		}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.opt.Phases = openaitest.Phases{Validating: 15 * time.Second, InProgress: time.Second}
			api, url := service(t, c.opt)
			var all []*asked
			for range c.runs {
				all = append(all, ask(t, url, requests(t, models, rows), "run", "--batch-file", "b.jsonl", "--poll-interval", "200ms", "--progress", "none", "-o", "results.jsonl"))
			}
			together(t, all)
			for _, a := range all {
				if ok := answered(t, filepath.Join(a.dir, "results.jsonl"), models*rows); ok != models*rows {
					t.Errorf("%d of %d rows are answered: %s", ok, models*rows, &a.stderr)
				}
			}
			paidOnce(t, api, models*rows, c.runs*models)
			if t.Failed() {
				for _, a := range all {
					t.Logf("%s", &a.stderr)
				}
			}
		})
	}
}

// What is paid for twice because batches start before anybody can see two of them
// is told, row for row.
func TestRowsThatTwoBatchesAnsweredAreReported(t *testing.T) {
	t.Parallel()
	const rows, runs = 40, 2
	api, url := service(t, openaitest.Options{BatchRules: openaitest.BatchRules{ListDelay: 4 * time.Second, Phases: openaitest.Phases{PerRow: 300 * time.Millisecond}}})
	var all []*asked
	for range runs {
		all = append(all, ask(t, url, requests(t, 1, rows), "run", "--batch-file", "b.jsonl", "--poll-interval", "200ms", "--progress", "none", "-o", "results.jsonl"))
	}
	together(t, all)
	told := 0
	for _, a := range all {
		if ok := answered(t, filepath.Join(a.dir, "results.jsonl"), rows); ok != rows {
			t.Errorf("%d of %d rows are answered: %s", ok, rows, &a.stderr)
		}
		for _, m := range regexp.MustCompile(` also answered (\d+) rows? before the cancellation`).FindAllStringSubmatch(a.stderr.String(), -1) {
			n, _ := strconv.Atoi(m[1])
			told += n
		}
	}
	paid := 0
	for _, bill := range api.Bills() {
		if bill.BatchID != "" {
			paid++
		}
	}
	if paid-rows != told || told == 0 || told > rows {
		t.Errorf("%d rows were paid for, %d more than there are: %d were told of", paid, paid-rows, told)
		for _, a := range all {
			t.Logf("%s", &a.stderr)
		}
	}
}

func TestSubmitsFromSeveralFoldersPayOnce(t *testing.T) {
	t.Parallel()
	const rows = 10
	api, url := service(t, openaitest.Options{BatchRules: openaitest.BatchRules{ListDelay: 500 * time.Millisecond, Phases: openaitest.Phases{Validating: time.Hour}}})
	var all []*asked
	for range 4 {
		all = append(all, ask(t, url, requests(t, 1, rows), "submit", "--batch-file", "b.jsonl"))
	}
	together(t, all)
	if err := api.Advance(2 * time.Hour); err != nil {
		t.Fatal(err)
	}
	paidOnce(t, api, rows, len(all))
	submitted := 0
	for _, a := range all {
		if bytes.Contains(a.stderr.Bytes(), []byte("batch submitted with ID")) {
			submitted++
		} else if !bytes.Contains(a.stderr.Bytes(), []byte("was already submitted on")) {
			t.Errorf("said %q", &a.stderr)
		}
	}
	if submitted != 1 {
		t.Errorf("%d of the commands say that they submitted", submitted)
	}
	if t.Failed() {
		for _, a := range all {
			t.Logf("%s", &a.stderr)
		}
	}
}

// Runs from three folders are killed again and again, while batches appear late and
// answers are lost: in the end each folder has every answer, and no row is paid for twice.
func TestKilledRunsFromSeveralFoldersPayOnce(t *testing.T) {
	t.Parallel()
	const models, rows, folders = 2, 6, 3
	for world := range 3 {
		t.Run(strconv.Itoa(world), func(t *testing.T) {
			t.Parallel()
			chance := rand.New(rand.NewPCG(uint64(world), 7))
			api, url := service(t, openaitest.Options{
				BatchRules: openaitest.BatchRules{
					Phases:    openaitest.Phases{Validating: 40 * time.Second, InProgress: time.Second}, // longer than any batch is looked for
					ListDelay: time.Duration(chance.IntN(1500)) * time.Millisecond,
				},
				Faults: []openaitest.Fault{
					{Kind: openaitest.LateBatch, BatchFault: openaitest.BatchFault{After: time.Duration(500+chance.IntN(4500)) * time.Millisecond}, Turns: openaitest.Turns{Rate: 0.3, Times: 3}},
					{Kind: openaitest.LostAnswer, Aim: openaitest.Aim{Path: "/v1/batches"}, Turns: openaitest.Turns{Rate: 0.1, Times: 5}},
				},
				Seed: uint64(world),
			})
			input := requests(t, models, rows)
			dirs := make([]string, folders)
			for i := range dirs {
				dirs[i] = t.TempDir()
			}
			start := func() (all []*asked) {
				for _, dir := range dirs {
					a := ask(t, url, input, "run", "--batch-file", "b.jsonl", "--poll-interval", "200ms", "--progress", "none", "-o", "r.jsonl")
					a.dir, a.Dir = dir, dir
					all = append(all, a)
				}
				return all
			}
			for range 5 {
				all, calls, more := start(), api.Calls(), chance.IntN(30)
				for _, a := range all {
					if err := a.Start(); err != nil {
						t.Fatal(err)
					}
				}
				waitFor(t, func() bool { return api.Calls() >= calls+more })
				for _, a := range all {
					_ = a.Process.Kill()
					_ = a.Wait()
				}
			}
			all := start()
			together(t, all)
			for _, a := range all {
				if ok := answered(t, filepath.Join(a.dir, "r.jsonl"), models*rows); ok != models*rows {
					t.Errorf("%d of %d rows are answered: %s", ok, models*rows, &a.stderr)
				}
			}
			paidOnce(t, api, models*rows, 6*folders*models)
			if t.Failed() {
				for _, a := range all {
					t.Logf("%s", &a.stderr)
				}
			}
		})
	}
}
