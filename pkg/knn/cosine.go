package knn

import (
	"context"
	"fmt"
	"math"

	"nertools/pkg/english"
)

// Cosine compares sentences by the cosine of the angle between their vectors: train[i]
// and source[i] belong to the i-th sentences of the two corpora. Vectors need not be
// normalised; a zero vector has similarity 0 to all others. The vectors are not copied,
// and are read during the search.
//
// The search is exact: every source sentence is compared with every distinct training
// sentence. Memory: 256 bytes for each distinct training sentence and core.
func Cosine(train, source [][]float32) Method { return &cosine{train, source} }

type cosine struct{ train, source [][]float32 }

func (c *cosine) usesEntities() bool { return false }

func (c *cosine) settings() []Setting { return []Setting{{"method", "embedding"}} }

func (c *cosine) prepare(t *texts) (newScorer, error) {
	if len(c.train) != len(t.of) || len(c.source) != len(t.source) {
		return nil, fmt.Errorf("compare vectors: %d for %s, %d for %s", len(c.train), english.Count(len(t.of), "training sentence"), len(c.source), english.Count(len(t.source), "source sentence"))
	}
	train := make([][]float32, len(t.first))
	for i, sentence := range t.first {
		train[i] = c.train[sentence]
	}
	size := 0
	if len(train) > 0 {
		size = len(train[0])
	}
	trainScale, err := scales(train, size)
	if err != nil {
		return nil, fmt.Errorf("compare vectors: training %w", err)
	}
	sourceScale, err := scales(c.source, size)
	if err != nil {
		return nil, fmt.Errorf("compare vectors: source %w", err)
	}
	return func() scorer {
		scores := make([][]float64, blockSentences)
		for i := range scores {
			scores[i] = make([]float64, len(train))
		}
		return func(ctx context.Context, from, to int, visit func(int, similarities)) error {
			source := c.source[from:to]
			for at := 0; at < len(train); at += tile {
				if err := ctx.Err(); err != nil {
					return err
				}
				products(scores, source, train, at, min(at+tile, len(train)))
			}
			for i := range source {
				for j := range scores[i] {
					scores[i][j] *= sourceScale[from+i] * trainScale[j]
				}
				visit(from+i, similarities{texts: scores[i]})
			}
			return nil
		}
	}, nil
}

// scales returns 1/length for each vector, and 0 for zero vectors.
func scales(vectors [][]float32, size int) ([]float64, error) {
	// Up to this length, no sum in products can overflow.
	const longest = 1e18
	list := make([]float64, len(vectors))
	for i, v := range vectors {
		if len(v) != size {
			return nil, fmt.Errorf("vector %d has %s, the first one %d", i, english.Count(len(v), "dimension"), size)
		}
		sum := 0.0
		for _, x := range v {
			sum += float64(float64(x) * float64(x))
		}
		switch length := math.Sqrt(sum); {
		case length == 0:
		case length <= longest:
			list[i] = 1 / length
		default: // also infinities and NaN
			return nil, fmt.Errorf("vector %d has length %g", i, length)
		}
	}
	return list, nil
}

// tile is how many training vectors stay in the processor's cache while they are compared
// with a block of source vectors: 200 kB with 1,536 numbers each.
const tile = 32

// products sets scores[i][j] to the inner product of source[i] and train[j], for all i
// and from <= j < to.
//
// It processes two by two vectors, so that each number loaded is used twice. A vector
// left over is paired with itself: every product is summed in the same order, so equal
// vectors get equal similarities.
func products(scores [][]float64, source, train [][]float32, from, to int) {
	for j := from; j < to; j += 2 {
		j2 := min(j+1, to-1)
		for i := 0; i < len(source); i += 2 {
			i2 := min(i+1, len(source)-1)
			scores[i][j], scores[i][j2], scores[i2][j], scores[i2][j2] = inner(source[i], source[i2], train[j], train[j2])
		}
	}
}

// inner returns the four inner products of a and b with x and y, all of the same length.
// It regularly adds the float32 sums to float64 sums, which keeps the error near 1e-7 of
// the vectors' lengths.
func inner(a, b, x, y []float32) (ax, ay, bx, by float64) {
	const carry = 256
	for from := 0; from < len(a); from += carry {
		to := min(from+carry, len(a))
		p, q, r, s := inner32(a[from:to], b[from:to], x[from:to], y[from:to])
		ax, ay, bx, by = ax+float64(p), ay+float64(q), bx+float64(r), by+float64(s)
	}
	return ax, ay, bx, by
}

func inner32(a, b, x, y []float32) (ax, ay, bx, by float32) {
	b, x, y = b[:len(a)], x[:len(a)], y[:len(a)]
	for i := range a {
		// The conversion prevents a fused multiply-add, which would round differently on
		// some processors.
		ax += float32(a[i] * x[i])
		ay += float32(a[i] * y[i])
		bx += float32(b[i] * x[i])
		by += float32(b[i] * y[i])
	}
	return ax, ay, bx, by
}
