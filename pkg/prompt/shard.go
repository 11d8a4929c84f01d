package prompt

import (
	"fmt"
	"strconv"
	"strings"
)

// A Shard is one of several parts of the rows that are about equally large. All
// rows of a sentence are in the same part, and every row is in exactly one.
//
// The parts are runs of sentences in the order of the file: the records of
// shard 1, 2 and so on, one after the other, are those of the whole job, if the
// rows of each sentence stand together in the file. A shard holds its share of the
// rows, give or take less than a sentence; of very many shards some are empty. The
// zero value is the whole.
type Shard struct {
	Number int // from 1
	Of     int // how many shards there are
}

// ParseShard reads "2/8", the second of eight shards.
func ParseShard(s string) (Shard, error) {
	number, of, _ := strings.Cut(s, "/")
	n, err1 := strconv.ParseUint(number, 10, 31)
	m, err2 := strconv.ParseUint(of, 10, 31)
	if err1 != nil || err2 != nil || n < 1 || n > m {
		return Shard{}, fmt.Errorf("shard %q: which one of how many, such as 1/8 to 8/8", s)
	}
	return Shard{int(n), int(m)}, nil
}

// selection returns which of the job's rows to write.
func (j *Plan) selection() (func(row int) bool, error) {
	wanted := j.Wanted
	if wanted == nil {
		wanted = func(int) bool { return true }
	}
	if j.Shard.Of == 0 {
		return wanted, nil
	}
	sentences, err := j.Rows.Sentences()
	if err != nil {
		return nil, err
	}
	mine := make([]bool, j.Total())
	before := 0 // rows of the sentences before this one
	for _, s := range sentences {
		in := before*j.Shard.Of/len(mine) == j.Shard.Number-1
		for _, row := range s.Rows {
			if row < len(mine) { // or it is beyond the limit
				mine[row] = in
				before++
			}
		}
	}
	return func(row int) bool { return mine[row] && wanted(row) }, nil
}
