package prompt

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Shard is one of several parts of the rows, of about equal size. All rows of a
// sentence are in the same shard, and every row is in exactly one.
//
// Shards are consecutive sentences in file order: the records of shard 1, 2 and so on,
// concatenated, are those of the whole plan, provided the rows of each sentence are
// adjacent in the file. Sizes differ from equal shares by less than a sentence; if there
// are very many shards, some are empty. The zero value contains all rows.
type Shard struct {
	Number int // number of the shard, from 1
	Of     int // total number of shards
}

// ParseShard parses "2/8", the second of eight shards.
func ParseShard(s string) (Shard, error) {
	number, of, _ := strings.Cut(s, "/")
	n, err1 := strconv.ParseUint(number, 10, 31)
	m, err2 := strconv.ParseUint(of, 10, 31)
	if err1 != nil || err2 != nil || n < 1 || n > m {
		return Shard{}, fmt.Errorf("shard %q: which one of how many, such as 1/8 to 8/8", s)
	}
	return Shard{int(n), int(m)}, nil
}

// selection returns a function that reports whether to ask a question: about a row, or
// about a sentence if the plan asks about these.
func (j *Plan) selection() func(question int) bool {
	wanted := j.Wanted
	if wanted == nil {
		wanted = func(int) bool { return true }
	}
	if j.bySentence() {
		total := j.Total()
		return func(n int) bool {
			return (j.Shard.Of == 0 || n*j.Shard.Of/total == j.Shard.Number-1) && slices.ContainsFunc(j.Sentences[n].Rows, wanted)
		}
	}
	if j.Shard.Of == 0 {
		return wanted
	}
	mine := make([]bool, j.Total())
	before := 0 // rows of all previous sentences
	for _, s := range j.Sentences {
		in := before*j.Shard.Of/len(mine) == j.Shard.Number-1
		for _, row := range s.Rows {
			if row < len(mine) { // otherwise it is beyond the limit
				mine[row] = in
				before++
			}
		}
	}
	return func(row int) bool { return mine[row] && wanted(row) }
}
