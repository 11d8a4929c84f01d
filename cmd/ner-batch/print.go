package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/batch"
	"nertools/pkg/price"
	"nertools/pkg/record"
	"nertools/pkg/safetext"
	"nertools/pkg/wire"
)

func say(std cmdline.Streams) func(string) {
	return func(s string) { std.Say("%s", s) }
}

func writeJob(std cmdline.Streams, job *record.Job) error {
	if _, err := std.Out.Write(record.AppendJob(nil, job)); err != nil {
		return fmt.Errorf("write jobs: %w", err)
	}
	return nil
}

// writeBatches writes the batches, and the jobs that wait for theirs, as a table on
// a terminal, else as job records.
func writeBatches(std cmdline.Streams, batches []wire.Batch, waiting []record.Job) error {
	if f, ok := std.Out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return writeTable(f, batches, waiting)
	}
	for i := range batches {
		job := batch.Describe(&batches[i])
		if err := writeJob(std, &job); err != nil {
			return err
		}
	}
	for i := range waiting {
		if err := writeJob(std, &waiting[i]); err != nil {
			return err
		}
	}
	return nil
}

func writeTable(out *os.File, batches []wire.Batch, waiting []record.Job) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "BATCH\tSTATUS\tDONE\tFAILED\tROWS\tAGE\tLEFT")
	for i := range batches {
		b := &batches[i]
		left := "-"
		if !b.Final() && !b.Expires.IsZero() {
			left = time.Until(b.Expires).Round(time.Minute).String()
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%v\t%s\n", safetext.Code(b.ID), safetext.Code(b.Status), b.Completed, b.Failed, b.Total, time.Since(b.Created).Round(time.Minute), left)
		for _, p := range b.Problems {
			fmt.Fprintf(w, "\t%s\tline %d\t%s\n", safetext.Code(p.Code), p.Line, safetext.Message(p.Message))
		}
	}
	for _, job := range waiting {
		fmt.Fprintf(w, "part %d\t%s\t-\t-\t%d\t-\t-\n", job.Part, safetext.Code(job.Status), job.Requests)
	}
	return w.Flush()
}

// maxReasons is how many of the reasons of one batch are printed.
const maxReasons = 10

func sayReasons(std cmdline.Streams, reasons []batch.Complaint) {
	said := map[string]int{}
	for i := range reasons {
		if r := &reasons[i]; said[r.Batch] < maxReasons {
			std.Say("%s", r)
		}
		said[reasons[i].Batch]++
	}
	for _, id := range slices.Sorted(maps.Keys(said)) {
		if more := said[id] - maxReasons; more > 0 {
			std.Say("%s has %d more problems", id, more)
		}
	}
}

// sayOutcome says what was wrong with the batches and their files, and what came of
// them, behind about.
func sayOutcome(std cmdline.Streams, about string, o *batch.Outcome, table *price.Table) {
	sayReasons(std, o.Reasons)
	for _, d := range o.Damage {
		std.SayDamage(d)
	}
	for _, err := range o.Flaws {
		std.Say("%v", err)
	}
	cost := ""
	if amount, ok := table.Cost(o.Model(), o.Usage, true); ok {
		cost = "; about " + table.Money(amount)
	}
	std.Say("%s%s%s", about, o, cost)
}

// partial is the exit code of results in which rows have no answer.
func partial(o *batch.Outcome) error {
	if o.Unanswered() > 0 || o.Unsure {
		return cmdline.Exit(cmdline.Partial, nil)
	}
	return nil
}
