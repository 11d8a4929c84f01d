package knn

import (
	"context"
	"math"
	"slices"
)

// BM25 compares sentences by the words they share; rarer words count more. The similarity
// of a training sentence d to a source sentence is the sum, over the words of the source
// sentence (repeated words count repeatedly), of
//
//	idf · tf / (tf + k1·(1 - b + b·|d|/avg))        k1 = 1.2, b = 0.75
//	idf = ln(1 + (n - df + 0.5)/(df + 0.5))
//
// where the word occurs tf times among the |d| words of d and in df of the n distinct
// training sentences, whose average length is avg words. This is formula 3.15 of S.
// Robertson and H. Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond
// (2009), with the idf of Lucene's BM25Similarity, which is never negative.
//
// Words are runs of letters, marks and numbers in NFKC form; case is ignored. In Han,
// Hiragana, Katakana, Thai, Lao, Khmer and Myanmar script, which have no spaces between
// words, words are all pairs of adjacent characters; spaces between them are ignored.
//
// Memory: 12 bytes for each distinct word of each distinct training sentence, and 8 bytes
// for each such sentence and core.
func BM25() Method { return bm25{} }

type bm25 struct{}

const (
	k1 = 1.2
	b  = 0.75
)

// A term is a word and how often it occurs in a sentence.
type term struct {
	word  int32
	count int32
}

// inverted is an index from words to the training texts in which they occur: those of
// word w are texts[starts[w]:starts[w+1]].
type inverted struct {
	starts  []int
	texts   []int32
	weights []float64 // the word's contribution to the similarity
}

func (bm25) prepare(t *texts) (newScorer, error) {
	v := vocabulary{number: map[string]int32{}}
	docs := make([][]term, len(t.train))
	for i, text := range t.train {
		docs[i] = v.terms(text, true)
	}
	queries := make([][]term, len(t.source))
	for i, text := range t.source {
		queries[i] = v.terms(text, false)
	}
	x := invert(docs, len(v.number))
	return func() scorer {
		scores := make([]float64, len(t.train))
		return func(ctx context.Context, from, to int, visit func(int, []float64)) error {
			for i := from; i < to && ctx.Err() == nil; i++ {
				clear(scores)
				for _, q := range queries[i] {
					x.add(scores, q)
				}
				visit(i, scores)
			}
			return ctx.Err()
		}
	}, nil
}

func (x *inverted) add(scores []float64, q term) {
	from, to := x.starts[q.word], x.starts[q.word+1]
	weights := x.weights[from:to]
	for i, text := range x.texts[from:to] {
		scores[text] += float64(weights[i] * float64(q.count))
	}
}

func invert(docs [][]term, words int) *inverted {
	df := make([]int, words)
	length := make([]float64, len(docs))
	total := 0.0
	for i, doc := range docs {
		for _, t := range doc {
			df[t.word]++
			length[i] += float64(t.count)
		}
		total += length[i]
	}
	idf := make([]float64, words)
	x := &inverted{starts: make([]int, words+1)}
	for w, n := range df {
		idf[w] = fixed(math.Log(1 + (float64(len(docs)-n)+0.5)/(float64(n)+0.5)))
		x.starts[w+1] = x.starts[w] + n
	}
	x.texts = make([]int32, x.starts[words])
	x.weights = make([]float64, x.starts[words])
	next := slices.Clone(x.starts)
	average := total / float64(len(docs))
	for i, doc := range docs {
		// The conversions prevent fused multiply-adds, as in inner.
		norm := float64(k1 * (1 - b + float64(b*length[i]/average)))
		for _, t := range doc {
			at, tf := next[t.word], float64(t.count)
			x.texts[at] = int32(i)
			x.weights[at] = fixed(idf[t.word] * tf / (tf + norm))
			next[t.word]++
		}
	}
	return x
}

// fixed rounds to a multiple of 2^-20. Sums of such numbers are exact in any order, and
// the last bits of a logarithm, in which processors differ, are removed.
func fixed(x float64) float64 { return math.Round(x*(1<<20)) / (1 << 20) }

// vocabulary numbers the words of the training set in order of first occurrence.
type vocabulary struct {
	number   map[string]int32
	splitter splitter
	list     []int32 // the words of the current sentence
}

// terms returns the terms of a sentence, sorted by word. Words not in the vocabulary are
// added if learn is true, otherwise ignored.
func (v *vocabulary) terms(text string, learn bool) []term {
	v.list = v.list[:0]
	v.splitter.split(text, func(word []byte) {
		n, ok := v.number[string(word)]
		if !ok && !learn {
			return
		}
		if !ok {
			n = int32(len(v.number))
			v.number[string(word)] = n
		}
		v.list = append(v.list, n)
	})
	slices.Sort(v.list)
	var terms []term
	for i, word := range v.list {
		if i == 0 || word != v.list[i-1] {
			terms = append(terms, term{word: word})
		}
		terms[len(terms)-1].count++
	}
	return terms
}
