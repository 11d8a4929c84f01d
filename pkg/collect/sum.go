package collect

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"nertools/pkg/record"
)

// Sum counts the rows of [Results]. Rows = OK + Failed + Missing, the Classes
// add up to Failed, and Records = rows that have a record + Duplicates.
type Sum struct {
	Rows, OK, Failed, Missing int
	Classes                   map[record.Class]int // the failed rows by class

	Records    int // result records and batch lines read
	Duplicates int // records of a row that had one already

	Over bool // laid over an earlier results file
	Kept int  // rows whose line in that file stands
}

// Complete reports whether every row has an answer.
func (s *Sum) Complete() bool { return s.Failed == 0 && s.Missing == 0 }

// Sum counts.
func (r *Results) Sum() Sum {
	s := Sum{
		Rows: r.Len(), Classes: map[record.Class]int{},
		Records: r.records, Duplicates: r.records - len(r.rows), Over: r.over,
	}
	count := func(i int) {
		row, kept := r.row(i)
		switch row.State {
		case OK:
			s.OK++
		case Failed:
			s.Failed++
			s.Classes[row.Class()]++
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
	s.Missing = s.Rows - s.OK - s.Failed
	return s
}

// String gives the sum in one line, the most frequent class first.
func (s Sum) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d ok, %d failed", number(s.Rows, "row"), s.OK, s.Failed)
	classes := slices.SortedFunc(maps.Keys(s.Classes), func(x, y record.Class) int {
		return cmp.Or(cmp.Compare(s.Classes[y], s.Classes[x]), cmp.Compare(x, y))
	})
	for i, class := range classes {
		b.WriteString(map[bool]string{true: " (", false: ", "}[i == 0])
		fmt.Fprintf(&b, "%s %d", class, s.Classes[class])
	}
	if len(classes) > 0 {
		b.WriteByte(')')
	}
	fmt.Fprintf(&b, ", %d missing; %s read, %s", s.Missing, number(s.Records, "record"), number(s.Duplicates, "duplicate"))
	if s.Over {
		fmt.Fprintf(&b, ", %s kept", number(s.Kept, "line"))
	}
	return b.String()
}

func number(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
