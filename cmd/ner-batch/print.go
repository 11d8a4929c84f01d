package main

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/failures"
	"nertools/pkg/batch"
	"nertools/pkg/price"
	"nertools/pkg/record"
	"nertools/pkg/safetext"
	"nertools/pkg/wire"
)

func say(std cmdline.Streams) func(string) {
	return func(s string) { std.Say("%s", s) }
}

// showJobs writes the jobs as a table if stdout is a terminal, otherwise as records.
func showJobs(std cmdline.Streams, jobs []record.Job) error {
	if f, ok := std.Out.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return writeJobs(std, jobs...)
	}
	w := tabwriter.NewWriter(std.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "BATCH\tSTATUS\tDONE\tFAILED\tROWS\tAGE\tLEFT")
	for _, job := range jobs {
		if job.BatchID == "" {
			fmt.Fprintf(w, "part %d\t%s\t-\t-\t%d\t-\t-\n", job.Part, safetext.Code(job.Status), job.Requests)
			continue
		}
		left := "-"
		if b := (wire.Batch{Status: job.Status}); !b.Final() && !job.Expires.IsZero() {
			left = time.Until(job.Expires).Round(time.Minute).String()
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%v\t%s\n", safetext.Code(job.BatchID), safetext.Code(job.Status), job.Completed, job.Failed, job.Requests, time.Since(job.Created).Round(time.Minute), left)
		for _, p := range job.Errors {
			fmt.Fprintf(w, "\t%s\tline %d\t%s\n", safetext.Code(p.Code), p.Line, safetext.Message(p.Message))
		}
	}
	return w.Flush()
}

func writeJobs(std cmdline.Streams, jobs ...record.Job) error {
	for i := range jobs {
		if _, err := std.Out.Write(record.AppendJob(nil, &jobs[i])); err != nil {
			return fmt.Errorf("write jobs: %w", err)
		}
	}
	return nil
}

// standing describes the state of jobs: of a single one its id and status, of several how many
// have each status, with the ids of those that have not ended. short leaves out the ids.
func standing(jobs []record.Job) (long, short string) {
	const most = 3 // ids shown for each status
	if len(jobs) == 1 {
		short = safetext.Code(jobs[0].Status)
		return strings.TrimSpace(safetext.Code(jobs[0].BatchID) + " " + short), short
	}
	var statuses []string
	ids := map[string][]string{}
	for _, job := range jobs {
		if ids[job.Status] == nil {
			statuses = append(statuses, job.Status)
		}
		ids[job.Status] = append(ids[job.Status], safetext.Code(job.BatchID))
	}
	var named, counted []string
	for _, status := range statuses {
		all := ids[status]
		count := fmt.Sprintf("%d %s", len(all), safetext.Code(status))
		counted = append(counted, count)
		if b := (wire.Batch{Status: status}); !b.Final() && all[0] != "" {
			if more := len(all) - most; more > 0 {
				all = append(all[:most:most], fmt.Sprintf("%d more", more))
			}
			count += " (" + strings.Join(all, ", ") + ")"
		}
		named = append(named, count)
	}
	return strings.Join(named, ", "), strings.Join(counted, ", ")
}

// sayOutcome prints the problems with batches and their files, then the counts with about in
// front of them, then what to do about failed rows. The error has the exit code for results
// without all answers.
func sayOutcome(std cmdline.Streams, about string, o *batch.Outcome, table *price.Table, rows failures.Rows) error {
	for _, remark := range o.Remarks() {
		std.Say("%s", remark)
	}
	cost := ""
	if !o.Unpriced && o.Usage != (record.Usage{}) {
		cost = "; about " + table.Money(o.Cost)
	}
	std.Note("%s%s%s", about, o, cost)
	rows.Failed, rows.Missing, rows.Later = &o.Failed, o.Missing, o.Later
	rows.Say(std)
	if o.Unanswered() > 0 || o.Unsure {
		return cmdline.Exit(cmdline.Partial, nil)
	}
	return nil
}
