package knn_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"nertools/pkg/knn"
	"nertools/pkg/segment"
)

// sizes are those of OntoNotes 5, 18 labels, and parts of it. With -short only
// the smallest is searched.
var sizes = []struct {
	name          string
	source, train int
}{
	{"hundredth", 83, 685},
	{"tenth", 826, 6_845},
	{"OntoNotes", 8_262, 68_452},
}

// sentences makes sentences of 19 words on average whose frequencies follow
// Zipf's law, with a row for each of 18 labels.
func sentences(r *rand.Rand, n int) knn.Corpus {
	zipf := rand.NewZipf(r, 1.1, 2, 50_000)
	var c knn.Corpus
	var words []string
	for i := range n {
		words = words[:0]
		for range 4 + r.IntN(31) {
			words = append(words, fmt.Sprintf("w%d", zipf.Uint64()))
		}
		c.Texts = append(c.Texts, strings.Join(words, " "))
		rows := make([]int, 18)
		for j := range rows {
			rows[j] = i*18 + j
		}
		c.Rows = append(c.Rows, rows)
	}
	c.Label = func(row int) string { return fmt.Sprintf("L%d", row%18) }
	c.Entities = func(row int) ([]segment.Range, error) {
		if sentence, label := row/18, row%18; sentence%(3*label+6) == 0 {
			return []segment.Range{{Start: 0, End: 1 + strings.IndexByte(c.Texts[sentence], ' ')}}, nil
		}
		return nil, nil
	}
	return c
}

func benchmark(b *testing.B, method func(r *rand.Rand, train, source int) knn.Method, diverse bool) {
	for i, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			if i > 0 && testing.Short() {
				b.Skip("only without -short")
			}
			r := rand.New(rand.NewPCG(1, 1))
			s := &knn.Search{Train: sentences(r, size.train), Source: sentences(r, size.source), Num: 32, Diverse: diverse}
			m := method(r, size.train, size.source)
			for b.Loop() {
				if _, err := s.Run(b.Context(), m, func(int, []knn.Neighbour) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkBM25(b *testing.B) {
	benchmark(b, func(*rand.Rand, int, int) knn.Method { return knn.BM25() }, false)
}

func BenchmarkBM25Diverse(b *testing.B) {
	benchmark(b, func(*rand.Rand, int, int) knn.Method { return knn.BM25() }, true)
}

func BenchmarkLabels(b *testing.B) {
	benchmark(b, func(*rand.Rand, int, int) knn.Method { return knn.Labels() }, false)
}

func BenchmarkLabelsDiverse(b *testing.B) {
	benchmark(b, func(*rand.Rand, int, int) knn.Method { return knn.Labels() }, true)
}

func BenchmarkRandom(b *testing.B) {
	benchmark(b, func(*rand.Rand, int, int) knn.Method { return knn.Random(1) }, false)
}

func BenchmarkCosine(b *testing.B) {
	benchmark(b, func(r *rand.Rand, train, source int) knn.Method {
		return knn.Cosine(vectors(r, train, 1536), vectors(r, source, 1536))
	}, false)
}
