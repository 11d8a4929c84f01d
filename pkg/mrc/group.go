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
			list = newGrouper(f, names).all()
		}
		return err
	})
	return list, err
}

// SentenceOf returns the position in list of each row's group. list holds the groups of the
// first rows rows of a file.
func SentenceOf(list []Group, rows int) []int32 {
	of := make([]int32, rows)
	for n, group := range list {
		for _, row := range group.Rows {
			of[row] = int32(n)
		}
	}
	return of
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
					name := id[:max(strings.LastIndexByte(id, '.'), 0)]
					if i > f.rows*p/parts && name == names[i-1] {
						names[i] = names[i-1]
						continue
					}
					names[i] = strings.Clone(name)
				}
				return nil
			})
		})
	}
	return names, g.Wait()
}

// sentence is what the rows of a sentence have in common.
type sentence struct {
	name, context string
	unit          markup.Unit
}

// grouper forms the groups of the rows of a file.
type grouper struct {
	file  *File
	names []string // see [File.names]
	rows  []int    // all rows; groups whose rows follow each other share its memory
	list  []Group

	// As long as the IDs are ascending numbers, as in the files that [Writer] writes, no
	// sentence has to be looked up, and the maps, which take more memory than all else,
	// are nil.
	highest int // of these IDs
	known   map[sentence]int
	used    map[string]int // see [unique]
}

func newGrouper(f *File, names []string) *grouper {
	changes := 0
	for i := range names {
		if i == 0 || names[i] != names[i-1] {
			changes++
		}
	}
	return &grouper{file: f, names: names, rows: make([]int, 0, len(names)), list: make([]Group, 0, changes), highest: -1}
}

func (g *grouper) sentence(row int) sentence {
	return sentence{g.names[row], g.file.context(g.file.entry(row)), g.file.Unit(row)}
}

func (g *grouper) all() []Group {
	var last sentence // that of the previous row
	group := 0        // the same
	for i := range g.names {
		s := g.sentence(i)
		n := -1
		switch {
		case i > 0 && s == last:
			n = group
		case s.name != "":
			n = g.find(s)
		}
		g.rows = append(g.rows, i)
		if n >= 0 && !g.asks(n, g.file.entry(i).label) {
			g.extend(&g.list[n], i)
		} else {
			n = g.add(i, s)
		}
		last, group = s, n
	}
	return g.list
}

// find returns the latest group of a sentence with a name, or -1.
func (g *grouper) find(s sentence) int {
	if g.known == nil && number(s.name) > g.highest {
		return -1
	}
	g.index()
	if n, ok := g.known[s]; ok {
		return n
	}
	return -1
}

// asks reports whether a row of group n asks for the label.
func (g *grouper) asks(n int, label uint16) bool {
	return slices.ContainsFunc(g.list[n].Rows, func(row int) bool { return g.file.entry(row).label == label })
}

// extend adds a row to a group.
func (g *grouper) extend(group *Group, row int) {
	if first := group.Rows[0]; first+len(group.Rows) == row { // the rows follow each other
		group.Rows = g.rows[first : row+1 : row+1]
		return
	}
	group.Rows = append(group.Rows, row)
}

// add makes a group of row i, which is of the sentence s, and returns its position.
func (g *grouper) add(i int, s sentence) int {
	n, id := len(g.list), s.name
	if id == "" {
		id = strconv.Itoa(n)
	}
	if number := number(id); g.known == nil && number > g.highest {
		g.highest = number
	} else {
		g.index()
		if s.name != "" {
			g.known[s] = n
		}
		id = unique(id, g.used)
	}
	g.list = append(g.list, Group{ID: id, Rows: g.rows[i : i+1 : i+1]})
	return n
}

// index makes the maps, if that has not been done.
func (g *grouper) index() {
	if g.known != nil {
		return
	}
	g.known, g.used = map[sentence]int{}, map[string]int{}
	for n, group := range g.list {
		if s := g.sentence(group.Rows[0]); s.name != "" {
			g.known[s] = n
		}
		g.used[group.ID] = 1
	}
}

// number returns the number that s is in decimal digits, or -1. Two strings are never the
// same number.
func number(s string) int {
	if s == "" || s[0] == '0' && s != "0" || s[0] < '0' || s[0] > '9' {
		return -1
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
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
