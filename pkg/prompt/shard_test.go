package prompt_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"nertools/pkg/prompt"
	"nertools/pkg/record"
)

func TestAShardIsReadAsOneOfSoMany(t *testing.T) {
	for text, want := range map[string]prompt.Shard{"1/1": {1, 1}, "2/8": {2, 8}, "8/8": {8, 8}, "07/10": {7, 10}} {
		if got, err := prompt.ParseShard(text); got != want || err != nil {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "1", "/", "0/4", "5/4", "-1/4", "+1/4", "1/0", "1/4/2", " 1/4", "1/4 ", "a/b", "1/4294967296", "1/99999999999999999999"} {
		if got, err := prompt.ParseShard(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		} else if !strings.Contains(err.Error(), "such as") {
			t.Errorf("%q: no example of a shard in %q", text, err)
		}
	}
}

func TestShardsOneAfterTheOtherAreTheWholeJob(t *testing.T) {
	few := func(i int) bool { return i%7 != 3 }
	for _, c := range []struct {
		limit  int
		wanted func(int) bool
	}{{}, {limit: 1}, {limit: 65}, {limit: 1000}, {wanted: few}, {limit: 65, wanted: few}} {
		job := prompt.Plan{Examples: 1, Limit: c.limit, Wanted: c.wanted}
		whole := write(t, &job)
		for _, of := range []int{1, 2, 7, 37, 38} {
			var all []byte
			for n := 1; n <= of; n++ {
				job.Shard = prompt.Shard{Number: n, Of: of}
				all = append(all, write(t, &job)...)
			}
			if !bytes.Equal(all, whole) {
				t.Errorf("limit %d, wanted %t: %d shards give other records than the whole", c.limit, c.wanted != nil, of)
			}
		}
	}
}

func TestASentenceIsInOneShardAndShardsAreAboutEquallyLarge(t *testing.T) {
	// The labels of a sentence stand apart from each other, and sentence i asks
	// for i%3+1 of them.
	var rows []row
	for l, label := range []string{"PER", "LOC", "ORG"} {
		for i := range 100 {
			if i%3 >= l {
				rows = append(rows, row{Context: fmt.Sprint("sentence ", i), Label: label})
			}
		}
	}
	job := prompt.Plan{Source: "made", Rows: openRows(t, writeSentences(t, rows))}
	for _, of := range []int{1, 2, 8, 99, 100, 101} {
		shardOf := map[string]int{}
		seen := map[int]bool{}
		for n := 1; n <= of; n++ {
			job.Shard = prompt.Shard{Number: n, Of: of}
			list := records(t, write(t, &job))
			for _, p := range list {
				if other, ok := shardOf[p.Context]; ok && other != n {
					t.Errorf("%q is in shards %d and %d of %d", p.Context, other, n, of)
				}
				if shardOf[p.Context] = n; seen[p.Index] {
					t.Errorf("row %d is in two of %d shards", p.Index, of)
				}
				seen[p.Index] = true
				if p.Total != len(rows) || p.ID != record.NewID("made", p.Index, []byte(p.Text)) {
					t.Errorf("row %d of %d shards is %s of %d rows", p.Index, of, p.ID, p.Total)
				}
			}
			if share := len(rows) / of; len(list) < share-3 || len(list) > share+4 {
				t.Errorf("shard %d of %d has %d rows, its share is %d", n, of, len(list), share)
			}
		}
		if len(seen) != len(rows) {
			t.Errorf("%d of %d rows are in %d shards", len(seen), len(rows), of)
		}
	}
}

// writeSentences makes an MRC file whose rows name the sentence they are of:
// rows of equal contexts are.
func writeSentences(t *testing.T, rows []row) string {
	t.Helper()
	number := map[string]int{}
	lines := make([]string, len(rows))
	for i, r := range rows {
		if _, ok := number[r.Context]; !ok {
			number[r.Context] = len(number)
		}
		lines[i] = fmt.Sprintf(`{"context": %q, "entity_label": %q, "qas_id": "%d.%d"}`, r.Context, r.Label, number[r.Context], i)
	}
	return writeFile(t, "mrc-ner.made", "[\n"+strings.Join(lines, ",\n")+"\n]\n")
}
