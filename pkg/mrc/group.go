package mrc

import (
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
	"golang.org/x/sync/errgroup"

	"nertools/pkg/markup"
	"nertools/pkg/record"
)

// A Group is the rows of a file that ask about the same sentence, one per label.
type Group struct {
	ID   string // identifies the sentence; unique in the file
	Rows []int  // in file order
}

// Sentences returns the sentences of the file in the order of their first rows. Every row
// belongs to exactly one.
//
// Rows belong together if their qas_id, "S.L", has the same S, their contexts and forms are
// equal, and no two of them ask for the same label; S is the sentence's ID. Rows without a
// qas_id belong together if these conditions hold for consecutive rows; their ID is the
// number of the sentence, from 0. If an ID occurs again, as in concatenated files, the
// later sentence gets the suffix "~2", "~3" and so on.
func (f *File) Sentences() (list []Group, err error) {
	err = guard(f.name, func() error {
		names, err := f.names()
		if err == nil {
			list = f.group(names)
		}
		return err
	})
	return list, err
}

// names returns the S of each row's qas_id, or "" for rows without one.
func (f *File) names() ([]string, error) {
	names := make([]string, f.rows)
	parts := runtime.GOMAXPROCS(0)
	var g errgroup.Group
	for p := range parts {
		g.Go(func() error {
			return guard(f.name, func() error {
				for i := f.rows * p / parts; i < f.rows*(p+1)/parts; i++ {
					id := record.Text(gjson.Get(f.text[f.origin(i).row:], "qas_id"))
					names[i] = strings.Clone(id[:max(strings.LastIndexByte(id, '.'), 0)])
				}
				return nil
			})
		})
	}
	return names, g.Wait()
}

func (f *File) group(names []string) []Group {
	type key struct {
		name, context string
		unit          markup.Unit
	}
	var list []Group
	known := map[key]int{}
	used := map[string]int{}
	last := key{} // of the previous row, if that has no name
	for i, name := range names {
		k := key{name, f.context(f.entry(i)), f.Unit(i)}
		n, seen := known[k]
		if name == "" {
			n, seen = len(list)-1, i > 0 && names[i-1] == "" && last == k
			last = k
		}
		if seen && !slices.ContainsFunc(list[n].Rows, func(row int) bool { return f.entry(row).label == f.entry(i).label }) {
			list[n].Rows = append(list[n].Rows, i)
			continue
		}
		if name != "" {
			known[k] = len(list)
		} else {
			name = strconv.Itoa(len(list))
		}
		list = append(list, Group{ID: unique(name, used), Rows: []int{i}})
	}
	return list
}

// unique returns name, or name with the first number that makes it unique.
func unique(name string, used map[string]int) string {
	for {
		used[name]++
		n := used[name]
		if n == 1 {
			return name
		}
		numbered := name + "~" + strconv.Itoa(n)
		if used[numbered] == 0 {
			used[numbered] = 1
			return numbered
		}
	}
}
