package knn

import (
	"cmp"
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

// A term is a word of a sentence.
type term struct {
	word  int32
	count int32 // how often it occurs
	role  role  // only for Labels
}

// inverted is an index from words to the training texts in which they occur: those of
// word w are texts[starts[w]:starts[w+1]].
type inverted struct {
	starts  []int
	texts   []int32
	weights []float64 // the word's contribution to the similarity
}

func (bm25) usesEntities() bool { return false }

func (bm25) settings() []Setting {
	return []Setting{{"method", "bm25"}, {"k1", k1}, {"b", b}}
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
	s := statisticsOf(docs, len(v.number))
	x := invert(docs, len(v.number), func(i int, d term) float64 {
		tf := float64(d.count)
		return fixed(s.idf[d.word] * tf / (tf + s.norm[i]))
	})
	return func() scorer {
		scores := make([]float64, len(t.train))
		return func(ctx context.Context, from, to int, visit func(int, similarities)) error {
			for i := from; i < to && ctx.Err() == nil; i++ {
				clear(scores)
				for _, q := range queries[i] {
					x.add(scores, q)
				}
				visit(i, similarities{texts: scores})
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

// statistics are what the weights of words depend on.
type statistics struct {
	df   []int     // by word: in how many sentences it occurs
	idf  []float64 // by word
	norm []float64 // by sentence: k1·(1 - b + b·|d|/avg)
}

func statisticsOf(docs [][]term, words int) statistics {
	s := statistics{df: make([]int, words), idf: make([]float64, words), norm: make([]float64, len(docs))}
	total := 0.0
	for i, doc := range docs {
		for _, t := range doc {
			s.df[t.word]++
			s.norm[i] += float64(t.count)
		}
		total += s.norm[i]
	}
	average := total / float64(len(docs))
	for i, length := range s.norm {
		// The conversions prevent fused multiply-adds, as in inner.
		s.norm[i] = float64(k1 * (1 - b + float64(b*length/average)))
	}
	for w, n := range s.df {
		s.idf[w] = fixed(math.Log(1 + (float64(len(docs)-n)+0.5)/(float64(n)+0.5)))
	}
	return s
}

// invert makes the index of sentences; weight is that of a term of sentence i.
func invert(docs [][]term, words int, weight func(i int, d term) float64) *inverted {
	x := &inverted{starts: make([]int, words+1)}
	for _, doc := range docs {
		for _, t := range doc {
			x.starts[t.word+1]++
		}
	}
	for w := range words {
		x.starts[w+1] += x.starts[w]
	}
	x.texts = make([]int32, x.starts[words])
	x.weights = make([]float64, x.starts[words])
	next := slices.Clone(x.starts)
	for i, doc := range docs {
		for _, t := range doc {
			at := next[t.word]
			x.texts[at], x.weights[at] = int32(i), weight(i, t)
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
	list     []word
}

// A word of a sentence, in the bytes from to to-1 of the sentence in NFKC form.
type word struct {
	number   int32
	from, to int
}

// read returns the words of a sentence, in order. Words not in the vocabulary are added if
// learn is true, otherwise ignored. The list is valid until the next call.
func (v *vocabulary) read(text string, learn bool) []word {
	v.list = v.list[:0]
	v.splitter.split(text, func(spelling []byte, from, to int) {
		n, ok := v.number[string(spelling)]
		if !ok && !learn {
			return
		}
		if !ok {
			n = int32(len(v.number))
			v.number[string(spelling)] = n
		}
		v.list = append(v.list, word{n, from, to})
	})
	return v.list
}

// terms returns the terms of a sentence, sorted by word.
func (v *vocabulary) terms(text string, learn bool) []term {
	return termsByRole(v.read(text, learn), nil)
}

// unite sorts terms by word, and puts those of the same word together.
func unite(terms []term) []term {
	slices.SortFunc(terms, func(a, b term) int { return cmp.Compare(a.word, b.word) })
	united := terms[:0]
	for _, t := range terms {
		if n := len(united); n > 0 && united[n-1].word == t.word {
			united[n-1].count += t.count
			united[n-1].role |= t.role
		} else {
			united = append(united, t)
		}
	}
	return united
}
