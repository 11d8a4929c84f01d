package knn

import (
	"cmp"
	"context"
	"slices"

	"golang.org/x/text/unicode/norm"

	"nertools/pkg/markup"
	"nertools/pkg/segment"
)

// Labels compares sentences by the words they share, and looks at what a word is in the
// training sentence: inside an entity of the label asked for, next to one, or neither. So
// the neighbours depend on the label. The similarity of a training sentence d to a source
// sentence, for label l, is the sum, over the distinct words of the source sentence, of
//
//	idf² · tf / (tf + k1·(1 - b + b·|d|/avg)) · (1 + 3·inside + 1·near)
//
// with idf, tf, k1, b and avg of [BM25]. inside is 1 if the word occurs in d inside an
// entity of label l, otherwise 0; near is 1 if it occurs in d outside such entities, but
// within 2 words of one. A word is inside an entity if they have a character in common.
// Words that occur in more than a tenth of the distinct training sentences, and in more
// than 100 of them, do not count: idf² makes them matter little, but they take most of the
// time.
//
// With [Search.Diverse], rows without an entity of their label are compared in the same
// way, but by the entities of all labels. So they contain what could be mistaken for an
// entity of the label, such as a place with the name of the person asked for.
//
// Words are those of [BM25]. Spelling, repeated words and the order of rows are treated as
// there. The entities of equal sentences are put together.
//
// Memory: that of BM25, and the same again for the sentences that contain an entity of a
// label, once for each label.
func Labels() Method { return byLabel{} }

type byLabel struct{}

const (
	insideWeight = 3
	nearWeight   = 1
	nearWords    = 2 // how many words before and after an entity are near it

	// Words in more than len(train)/frequentPart training sentences, and in more than
	// rareEnough of them, do not count.
	frequentPart = 10.0
	rareEnough   = 100
)

// A marked text is a training text that contains entities of one label.
type marked struct {
	text     int32
	entities []segment.Range // in the text in NFKC form
}

func (byLabel) usesEntities() bool { return true }

func (byLabel) settings() []Setting {
	return []Setting{
		{"method", "labels"}, {"k1", k1}, {"b", b}, {"inside", insideWeight}, {"near", nearWeight}, {"near_words", nearWords},
		{"frequent_share", 1 / frequentPart}, {"frequent_least", rareEnough},
	}
}

func (byLabel) prepare(t *texts) (newScorer, error) {
	v := vocabulary{number: map[string]int32{}}
	of := make([][]int32, len(t.train)) // the marked texts of each text
	for i, m := range t.marked {
		of[m.text] = append(of[m.text], int32(i))
	}
	docs := make([][]term, len(t.train))
	parts := make([][]term, len(t.marked))
	var all []segment.Range
	for i, text := range t.train {
		words := v.read(text, true)
		all = all[:0]
		for _, m := range of[i] {
			parts[m] = termsByRole(words, t.marked[m].entities)
			all = append(all, t.marked[m].entities...)
		}
		if !t.diverse {
			all = all[:0]
		}
		docs[i] = termsByRole(words, all)
	}
	queries := make([][]term, len(t.source))
	for i, text := range t.source {
		queries[i] = v.terms(text, false)
		for k := range queries[i] {
			queries[i][k].count = 1
		}
	}
	s := statisticsOf(docs, len(v.number))
	most := max(rareEnough, len(docs)/frequentPart)
	for _, list := range [][][]term{docs, parts} {
		for i := range list {
			list[i] = slices.DeleteFunc(list[i], func(d term) bool { return s.df[d.word] > most })
		}
	}
	weight := func(text int, d term) float64 {
		idf, tf := s.idf[d.word], float64(d.count)
		return fixed(float64(idf*idf) * tf / (tf + s.norm[text]) * float64(d.role.weight()))
	}
	whole := invert(docs, len(v.number), weight)
	divided := invert(parts, len(v.number), func(i int, d term) float64 { return weight(int(t.marked[i].text), d) })
	return func() scorer {
		scores := similarities{make([]float64, len(docs)), make([]float64, len(parts))}
		return func(ctx context.Context, from, to int, visit func(int, similarities)) error {
			for i := from; i < to && ctx.Err() == nil; i++ {
				clear(scores.texts)
				clear(scores.marked)
				for _, q := range queries[i] {
					whole.add(scores.texts, q)
					divided.add(scores.marked, q)
				}
				visit(i, scores)
			}
			return ctx.Err()
		}
	}, nil
}

// A role is a set of places where a word occurs in a sentence.
type role uint8

const (
	inside role = 1 << iota // inside an entity
	near                    // outside of entities, but near one
)

func (r role) weight() int {
	return 1 + insideWeight*int(r&inside/inside) + nearWeight*int(r&near/near)
}

// termsByRole returns the terms of a sentence, sorted by word, with their roles.
func termsByRole(words []word, entities []segment.Range) []term {
	roles := make([]role, len(words))
	for _, e := range entities {
		first, last := wordsInside(words, e)
		for i := max(0, first-nearWords); i < min(len(words), last+nearWords); i++ {
			if i >= first && i < last {
				roles[i] = inside
			} else if roles[i] == 0 {
				roles[i] = near
			}
		}
	}
	terms := make([]term, len(words))
	for i, w := range words {
		terms[i] = term{word: w.number, count: 1, role: roles[i]}
	}
	return unite(terms)
}

// wordsInside returns the words that have a character in common with the entity:
// words[first:last]. Without such words, both are the first word after it.
func wordsInside(words []word, entity segment.Range) (first, last int) {
	first, _ = slices.BinarySearchFunc(words, entity.Start, func(w word, start int) int { return cmp.Compare(w.to, start+1) })
	for last = first; last < len(words) && words[last].from < entity.End; last++ {
	}
	return first, last
}

// mark adds the entities of a training row, ranges of its sentence as in Train.Texts, to
// the marked text with the number at; at is -1 if there is no such text yet. It returns the number.
func (t *texts) mark(at, text int32, sentence string, entities []segment.Range) int32 {
	if at < 0 {
		at = int32(len(t.marked))
		t.marked = append(t.marked, marked{text: text})
	}
	m := &t.marked[at]
	joined := t.train[text]
	for _, e := range entities {
		e = normalised(joined, segment.Range{Start: joinedOffset(sentence, joined, e.Start), End: joinedOffset(sentence, joined, e.End)})
		if !slices.Contains(m.entities, e) {
			m.entities = append(m.entities, e)
		}
	}
	return at
}

// joinedOffset returns where the byte at offset of a sentence is in joined, its tokens
// joined by single spaces. White space between tokens becomes the end of the token before
// it.
func joinedOffset(sentence, joined string, offset int) int {
	if len(sentence) == len(joined) { // each space is one byte already
		return offset
	}
	return len(markup.JoinTokens(sentence[:offset]))
}

// normalised returns where a part of text is in the text in NFKC form.
func normalised(text string, part segment.Range) segment.Range {
	if norm.NFKC.IsNormalString(text) {
		return part
	}
	return segment.Range{Start: len(norm.NFKC.String(text[:part.Start])), End: len(norm.NFKC.String(text[:part.End]))}
}
