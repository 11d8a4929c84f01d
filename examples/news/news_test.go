// Package news_test checks that the sample data keeps to what its README says.
package news_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

var labels = []string{"PER", "LOC", "ORG", "MISC"}

type row struct {
	Context       string   `json:"context"`
	EndPosition   []int    `json:"end_position"`
	EntityLabel   string   `json:"entity_label"`
	Impossible    bool     `json:"impossible"`
	QasID         string   `json:"qas_id"`
	Query         string   `json:"query"`
	SpanPosition  []string `json:"span_position"`
	StartPosition []int    `json:"start_position"`
}

func readRows(t *testing.T, file string) []row {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var rows []row
	if err := dec.Decode(&rows); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if lines := bytes.Count(data, []byte("\n")); lines != len(rows)+2 {
		t.Errorf("%s: %d lines for %d rows, want one a row and the brackets", file, lines, len(rows))
	}
	return rows
}

func readNeighbours(t *testing.T) [][]int {
	t.Helper()
	data, err := os.ReadFile("test.knn.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var lists [][]int
	for line := range bytes.Lines(data) {
		var list []int
		if err := json.Unmarshal(line, &list); err != nil {
			t.Fatalf("test.knn.jsonl:%d: %v", len(lists)+1, err)
		}
		lists = append(lists, list)
	}
	return lists
}

func TestRowsAreWellFormedAndInOrder(t *testing.T) {
	for file, atLeast := range map[string]int{"mrc-ner.train": 60, "mrc-ner.test": 30} {
		rows := readRows(t, file)
		if n := len(rows) / len(labels); n < atLeast || len(rows)%len(labels) != 0 {
			t.Errorf("%s: %d rows, want at least %d sentences of %d", file, len(rows), atLeast, len(labels))
		}
		queries := make(map[string]string)
		for i, r := range rows {
			s, l := i/len(labels), i%len(labels)
			if err := check(r); err != nil {
				t.Errorf("%s: row %d: %v", file, i, err)
			}
			if r.EntityLabel != labels[l] || r.QasID != fmt.Sprintf("%d.%d", s, l+1) {
				t.Errorf("%s: row %d: label %s, qas_id %s out of order", file, i, r.EntityLabel, r.QasID)
			}
			if r.Context != rows[s*len(labels)].Context {
				t.Errorf("%s: row %d: not the sentence of the rows before it", file, i)
			}
			if q := queries[r.EntityLabel]; r.Query == "" || q != "" && q != r.Query {
				t.Errorf("%s: row %d: query %q, before it was %q", file, i, r.Query, q)
			}
			queries[r.EntityLabel] = r.Query
		}
	}
}

func check(r row) error {
	tokens := strings.Fields(r.Context)
	switch {
	case r.Context != strings.Join(tokens, " "):
		return fmt.Errorf("tokens of %q are not joined by single spaces", r.Context)
	case len(tokens) < 6 || len(tokens) > 25:
		return fmt.Errorf("%d tokens", len(tokens))
	case len(r.EndPosition) != len(r.StartPosition) || len(r.SpanPosition) != len(r.StartPosition):
		return fmt.Errorf("%d starts, %d ends, %d spans", len(r.StartPosition), len(r.EndPosition), len(r.SpanPosition))
	case r.Impossible != (len(r.StartPosition) == 0):
		return fmt.Errorf("impossible is %t with %d spans", r.Impossible, len(r.StartPosition))
	}
	free := 0
	for i, start := range r.StartPosition {
		end := r.EndPosition[i]
		if start < free || end < start || end >= len(tokens) {
			return fmt.Errorf("span %d to %d in %d tokens, the first free one is %d", start, end, len(tokens), free)
		}
		if want := fmt.Sprintf("%d;%d", start, end); r.SpanPosition[i] != want {
			return fmt.Errorf("span_position %q, want %q", r.SpanPosition[i], want)
		}
		free = end + 1
	}
	return nil
}

func TestNoTokenHasTwoLabels(t *testing.T) {
	for _, file := range []string{"mrc-ner.train", "mrc-ner.test"} {
		for four := range slices.Chunk(readRows(t, file), len(labels)) {
			taken := make(map[int]string)
			for _, r := range four {
				for i, start := range r.StartPosition {
					for k := start; k <= r.EndPosition[i]; k++ {
						if l := taken[k]; l != "" {
							t.Errorf("%s: token %d is %s and %s in %q", file, k, l, r.EntityLabel, r.Context)
						}
						taken[k] = r.EntityLabel
					}
				}
			}
		}
	}
}

func TestNeighboursHaveTheLabelOfTheirRowAndNoneTwice(t *testing.T) {
	train, test, lists := readRows(t, "mrc-ner.train"), readRows(t, "mrc-ner.test"), readNeighbours(t)
	if len(lists) != len(test) {
		t.Fatalf("%d lists of neighbours for %d test rows", len(lists), len(test))
	}
	for i, list := range lists {
		if len(list) < 16 {
			t.Errorf("row %d: %d neighbours, want 16 or more", i, len(list))
		}
		seen := make(map[int]bool)
		for _, n := range list {
			switch {
			case n < 0 || n >= len(train):
				t.Errorf("row %d: neighbour %d of %d training rows", i, n, len(train))
			case train[n].EntityLabel != test[i].EntityLabel:
				t.Errorf("row %d: asks for %s, neighbour %d for %s", i, test[i].EntityLabel, n, train[n].EntityLabel)
			case seen[n]:
				t.Errorf("row %d: neighbour %d twice", i, n)
			}
			seen[n] = true
		}
	}
}

func TestNeighboursAreTheNearestByTheSimilarityInTheReadme(t *testing.T) {
	train, test, lists := readRows(t, "mrc-ner.train"), readRows(t, "mrc-ner.test"), readNeighbours(t)
	similarity := tfidf(train)
	for i, list := range lists {
		// Equal similarities differ in their last bits with the order of the
		// sum, so ties are told by a margin.
		const margin = 1e-9
		listed := make(map[int]bool)
		for k, n := range list {
			listed[n] = true
			if k == 0 {
				continue
			}
			before, here := similarity(test[i], train[list[k-1]]), similarity(test[i], train[n])
			if here > before+margin || here > before-margin && n < list[k-1] {
				t.Errorf("row %d: neighbour %d (%.6f) comes after %d (%.6f)", i, n, here, list[k-1], before)
			}
		}
		last := similarity(test[i], train[list[len(list)-1]])
		for n := i % len(labels); n < len(train); n += len(labels) {
			if s := similarity(test[i], train[n]); !listed[n] && s > last+margin {
				t.Errorf("row %d: %d (%.6f) is nearer than the last neighbour (%.6f) and not listed", i, n, s, last)
			}
		}
	}
}

// tfidf returns the cosine of two sentences' TF-IDF vectors, with document
// frequencies from train.
func tfidf(train []row) func(a, b row) float64 {
	sentences := len(train) / len(labels)
	df := make(map[string]int)
	for i := 0; i < len(train); i += len(labels) {
		for w := range counts(train[i]) {
			df[w]++
		}
	}
	idf := func(w string) float64 { return math.Log(float64(1+sentences)/float64(1+df[w])) + 1 }
	dot := func(a, b map[string]int) (sum float64) {
		for w, n := range a {
			sum += float64(n*b[w]) * idf(w) * idf(w)
		}
		return sum
	}
	return func(a, b row) float64 {
		x, y := counts(a), counts(b)
		return dot(x, y) / math.Sqrt(dot(x, x)*dot(y, y))
	}
}

func counts(r row) map[string]int {
	n := make(map[string]int)
	for w := range strings.FieldsSeq(strings.ToLower(r.Context)) {
		n[w]++
	}
	return n
}

func TestSampleShowsWhatRealDataHolds(t *testing.T) {
	for _, file := range []string{"mrc-ner.train", "mrc-ner.test"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !utf8.Valid(data) || bytes.Contains(data, []byte(`\u`)) {
			t.Errorf("%s: want plain UTF-8 without \\u escapes", file)
		}
		for _, s := range []string{"ü", "東京", "“", "&", "<", "C#", "@soundfest"} {
			if !bytes.Contains(data, []byte(s)) {
				t.Errorf("%s: no %s in it", file, s)
			}
		}
		perLabel, without := make(map[string]int), 0
		for four := range slices.Chunk(readRows(t, file), len(labels)) {
			spans := 0
			for _, r := range four {
				perLabel[r.EntityLabel] += len(r.StartPosition)
				spans += len(r.StartPosition)
			}
			if spans == 0 {
				without++
			}
		}
		for _, l := range labels {
			if perLabel[l] < 10 {
				t.Errorf("%s: %d entities of label %s, want 10 or more", file, perLabel[l], l)
			}
		}
		if without == 0 {
			t.Errorf("%s: every sentence has an entity", file)
		}
	}
}

func TestAboutHalfOfTheTestEntitiesOccurInTraining(t *testing.T) {
	entities := func(file string) (all [][2]string) {
		for _, r := range readRows(t, file) {
			tokens := strings.Fields(r.Context)
			for i, start := range r.StartPosition {
				all = append(all, [2]string{r.EntityLabel, strings.Join(tokens[start:r.EndPosition[i]+1], " ")})
			}
		}
		return all
	}
	known := make(map[[2]string]bool)
	for _, e := range entities("mrc-ner.train") {
		known[e] = true
	}
	test, seen := entities("mrc-ner.test"), 0
	for _, e := range test {
		if known[e] {
			seen++
		}
	}
	if share := float64(seen) / float64(len(test)); share < 0.4 || share > 0.6 {
		t.Errorf("%d of %d test entities occur in training", seen, len(test))
	}
}
