package record

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Failures counts failed rows by class and keeps the first failure of each class. The
// zero value is empty.
type Failures struct{ kinds []FailureKind }

// A FailureKind is the first failure of a class and the number of rows that failed with
// this class.
type FailureKind struct {
	Failure
	Rows int
}

// Add counts one row that failed with f.
func (fs *Failures) Add(f *Failure) { fs.AddRows(f, 1) }

// AddRows counts n rows that failed with f's class.
func (fs *Failures) AddRows(f *Failure, n int) {
	if n == 0 {
		return
	}
	i := slices.IndexFunc(fs.kinds, func(k FailureKind) bool { return k.Class == f.Class })
	if i < 0 {
		first := *f
		// f's strings may share the memory of a whole line of the file.
		first.Class = Class(strings.Clone(string(f.Class)))
		first.Code, first.Message = strings.Clone(f.Code), strings.Clone(f.Message)
		fs.kinds = append(fs.kinds, FailureKind{first, n})
		return
	}
	fs.kinds[i].Rows += n
}

// Rows returns how many rows failed.
func (fs *Failures) Rows() int {
	n := 0
	for _, k := range fs.kinds {
		n += k.Rows
	}
	return n
}

// Count returns how many rows failed with class.
func (fs *Failures) Count(class Class) int {
	for _, k := range fs.kinds {
		if k.Class == class {
			return k.Rows
		}
	}
	return 0
}

// Kinds returns the classes of failures, most frequent first.
func (fs *Failures) Kinds() []FailureKind {
	return slices.SortedFunc(slices.Values(fs.kinds), func(x, y FailureKind) int {
		return cmp.Or(cmp.Compare(y.Rows, x.Rows), cmp.Compare(x.Class, y.Class))
	})
}

// String lists the classes with their counts, most frequent first: "length 65, empty 3".
func (fs *Failures) String() string {
	var parts []string
	for _, k := range fs.Kinds() {
		parts = append(parts, fmt.Sprintf("%s %d", k.Class, k.Rows))
	}
	return strings.Join(parts, ", ")
}
