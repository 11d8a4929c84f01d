package collect

import (
	"fmt"
	"strings"

	"nertools/pkg/english"
	"nertools/pkg/record"
)

// Sum counts the rows of [Results], or its sentences if the records are about these. Rows =
// OK + Failed + Missing, and Records = rows with a record + Duplicates.
//
// If records about sentences are merged into an earlier results file, Rows, OK, Failed,
// Missing and Kept count rows, the others sentences.
type Sum struct {
	Rows, OK, Missing int
	Failed            record.Failures // the first failure of a class is that of its lowest row
	Sentences         bool            // Rows are sentences

	Records    int // result records and batch lines read
	Duplicates int // records of rows that already had one
	Broken     int // lines that could not be read; each may hide the answer to a missing row

	Over bool // merged into an earlier results file
	Kept int  // rows whose line in that file was kept
}

// Complete reports whether every row has an answer.
func (s *Sum) Complete() bool { return s.Failed.Rows() == 0 && s.Missing == 0 }

// Sum counts the rows or sentences.
func (r *Results) Sum() Sum {
	s := Sum{Rows: r.Len(), Records: r.records, Duplicates: r.records - len(r.rows), Broken: r.broken, Over: r.lines != ""}
	if r.total == 0 {
		s.Broken += r.torn
	}
	type kind struct {
		failure     *record.Failure
		first, rows int // the lowest of them, and their number
	}
	kinds := map[record.Class]*kind{}
	count := func(i int, reply Reply, kept bool) {
		switch {
		case reply.OK():
			s.OK++
		case !reply.Missing():
			k := kinds[reply.Failure.Class]
			if k == nil {
				k = &kind{reply.Failure, i, 0}
				kinds[reply.Failure.Class] = k
			}
			if i < k.first {
				k.failure, k.first = reply.Failure, i
			}
			k.rows++
		}
		if kept {
			s.Kept++
		}
	}
	row := func(i int) {
		reply, kept := r.row(i)
		count(i, reply, kept)
	}
	switch {
	case !r.sentences:
		for i := range r.rows {
			row(i)
		}
		for i := range r.last {
			if _, seen := r.rows[i]; !seen {
				row(i)
			}
		}
	case s.Over:
		for i := range s.Rows {
			row(i)
		}
	default:
		s.Rows, s.Sentences = r.questions(), true
		for i := range r.rows {
			count(i, r.reply(i), false)
		}
	}
	for _, k := range kinds {
		s.Failed.AddRows(k.failure, k.rows)
	}
	s.Missing = s.Rows - s.OK - s.Failed.Rows()
	return s
}

// Unit returns the name of what Rows counts: "row" or "sentence".
func (s *Sum) Unit() string {
	if s.Sentences {
		return "sentence"
	}
	return "row"
}

// String returns the counts on one line, most frequent class first.
func (s Sum) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d ok, %d failed", english.Count(s.Rows, s.Unit()), s.OK, s.Failed.Rows())
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
