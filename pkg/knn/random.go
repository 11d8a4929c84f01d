package knn

import (
	"context"
	"hash/fnv"
	"math/rand/v2"
)

// Random draws neighbours at random. The draw depends only on seed, source sentence and
// training sentences; all labels of a source sentence get the same sentences. The
// similarity is the random number, from 0 to 1, and has no meaning.
func Random(seed uint64) Method { return random(seed) }

type random uint64

func (seed random) usesEntities() bool { return false }

func (seed random) settings() []Setting {
	return []Setting{{"method", "random"}, {"seed", uint64(seed)}}
}

func (seed random) prepare(t *texts) (newScorer, error) {
	sources := make([]uint64, len(t.source))
	for i, text := range t.source {
		h := fnv.New64a()
		_, _ = h.Write([]byte(text)) // never fails
		sources[i] = h.Sum64()
	}
	return func() scorer {
		scores := make([]float64, len(t.train))
		return func(ctx context.Context, from, to int, visit func(int, similarities)) error {
			for i := from; i < to && ctx.Err() == nil; i++ {
				draw := rand.New(rand.NewPCG(uint64(seed), sources[i]))
				for text := range scores {
					scores[text] = draw.Float64()
				}
				visit(i, similarities{texts: scores})
			}
			return ctx.Err()
		}
	}, nil
}
