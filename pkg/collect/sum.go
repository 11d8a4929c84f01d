package collect

import (
	"fmt"
	"strings"

	"nertools/pkg/english"
	"nertools/pkg/record"
)

// Sum counts the rows of [Results]. Rows = OK + Failed + Missing, and Records = rows with
// a record + Duplicates.
type Sum struct {
	Rows, OK, Missing int
	Failed            record.Failures // the first failure of a class is that of its lowest row

	Records    int // result records and batch lines read
	Duplicates int // records of rows that already had one
	Broken     int // lines that could not be read; each may hide the answer to a missing row

	Over bool // merged into an earlier results file
	Kept int  // rows whose line in that file was kept
}

// Complete reports whether every row has an answer.
func (s *Sum) Complete() bool { return s.Failed.Rows() == 0 && s.Missing == 0 }

// Sum counts the rows.
func (r *Results) Sum() Sum {
	s := Sum{Rows: r.Len(), Records: r.records, Duplicates: r.records - len(r.rows), Broken: r.broken, Over: r.lines != ""}
	if r.total == 0 {
		s.Broken += r.torn
	}
	type kind struct {
		first, rows int // the lowest of them, and their number
	}
	kinds := map[record.Class]*kind{}
	count := func(i int) {
		row, kept := r.row(i)
		switch {
		case row.OK():
			s.OK++
		case !row.Missing():
			k := kinds[row.Failure.Class]
			if k == nil {
				k = &kind{first: i}
				kinds[row.Failure.Class] = k
			}
			k.first = min(k.first, i)
			k.rows++
		}
		if kept {
			s.Kept++
		}
	}
	for i := range r.rows {
		count(i)
	}
	for i := range r.last {
		if _, seen := r.rows[i]; !seen {
			count(i)
		}
	}
	for _, k := range kinds {
		s.Failed.AddRows(r.Row(k.first).Failure, k.rows)
	}
	s.Missing = s.Rows - s.OK - s.Failed.Rows()
	return s
}

// String returns the counts on one line, most frequent class first.
func (s Sum) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d ok, %d failed", english.Count(s.Rows, "row"), s.OK, s.Failed.Rows())
	if classes := s.Failed.String(); classes != "" {
		fmt.Fprintf(&b, " (%s)", classes)
	}
	fmt.Fprintf(&b, ", %d missing; %s read, %s", s.Missing, english.Count(s.Records, "record"), english.Count(s.Duplicates, "duplicate"))
	if s.Broken > 0 {
		fmt.Fprintf(&b, "; %s broken", english.Count(s.Broken, "line"))
	}
	if s.Over {
		fmt.Fprintf(&b, ", %s kept", english.Count(s.Kept, "line"))
	}
	return b.String()
}
