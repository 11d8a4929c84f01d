package knn

import (
	"cmp"
	"context"
	"slices"
	"unicode"
	"unicode/utf8"

	"nertools/pkg/corpus"
	"nertools/pkg/markup"
	"nertools/pkg/score"
	"nertools/pkg/segment"
)

// An Assessment says how good the first Num neighbours of each row are as demonstrations, as
// far as that can be known without a model.
type Assessment struct {
	Num int

	// Copies is the score of copying: under the row's label, mark every string of the
	// sentence that a demonstration marks, the longest first, if it is equal token for
	// token. In text rows, tokens are runs of letters, marks and numbers, and all other
	// characters, also those of scripts without spaces.
	Copies score.Score

	// Words counts the distinct words inside entities, row by row, and Shown those of them
	// that are inside an entity of a demonstration of the row.
	Words, Shown int

	Rows, Empty int // rows, and those whose demonstrations contain no entity
}

const (
	folds     = 5
	resamples = 1000 // for the intervals of Copies
)

// Assess divides the distinct sentences of Train into five folds, sentence i into fold i
// mod 5, and searches the neighbours of each fold among the others. It returns the quality
// for each of nums, which must not exceed Num. Source is not used.
//
// method returns the method for training and source sentences with these numbers in
// Train. Progress is called with the number of sentences done, of all folds.
func (s *Search) Assess(ctx context.Context, nums []int, method func(train, source []int) Method) ([]Assessment, error) {
	a := assessor{search: s, nums: nums, answers: map[int]*answer{}}
	for range nums {
		a.scorers = append(a.scorers, score.New(score.Strict, nil))
		a.list = append(a.list, Assessment{})
	}
	sentences, err := a.read()
	if err != nil {
		return nil, err
	}
	done := 0
	for fold := range folds {
		var train, source []int
		for i, sentence := range sentences {
			if i%folds == fold {
				source = append(source, sentence)
			} else {
				train = append(train, sentence)
			}
		}
		if err := a.fold(ctx, train, source, method(train, source), done); err != nil {
			return nil, err
		}
		done += len(source)
	}
	for i, num := range nums {
		a.list[i].Num, a.list[i].Copies = num, a.scorers[i].Report(resamples, 1).Micro
	}
	return a.list, nil
}

// Distinct returns the numbers of the corpus's sentences without those that equal an
// earlier one.
func (c *Corpus) Distinct() (sentences []int) {
	seen := map[string]bool{}
	for i, text := range c.Texts {
		if text = markup.JoinTokens(text); !seen[text] {
			seen[text] = true
			sentences = append(sentences, i)
		}
	}
	return sentences
}

// part returns the corpus of these sentences, and the rows in c of its rows.
func (c *Corpus) part(sentences []int) (Corpus, []int) {
	var rows []int
	p := Corpus{
		Label:    func(row int) string { return c.Label(rows[row]) },
		Entities: func(row int) ([]segment.Range, error) { return c.Entities(rows[row]) },
	}
	for _, i := range sentences {
		p.Texts = append(p.Texts, c.Texts[i])
		numbers := make([]int, len(c.Rows[i]))
		for k, row := range c.Rows[i] {
			numbers[k] = len(rows)
			rows = append(rows, row)
		}
		p.Rows = append(p.Rows, numbers)
	}
	return p, rows
}

type assessor struct {
	search  *Search
	nums    []int
	answers map[int]*answer // by row; only rows with entities
	scorers []*score.Scorer // by num
	list    []Assessment
}

// An answer is what a row marks.
type answer struct {
	entities []segment.Range
	tokens   [][]string // of each entity
	words    []int32    // inside entities; sorted, each once
}

// read reads the distinct sentences and their answers.
func (a *assessor) read() ([]int, error) {
	c := &a.search.Train
	v := vocabulary{number: map[string]int32{}}
	sentences := slices.DeleteFunc(c.Distinct(), func(i int) bool { return len(c.Rows[i]) == 0 })
	for _, i := range sentences {
		for _, row := range c.Rows[i] {
			entities, err := c.Entities(row)
			if err != nil {
				return nil, err
			}
			if len(entities) == 0 {
				continue
			}
			w := &answer{entities: slices.Clone(entities)}
			words := v.read(c.Texts[i], true)
			for _, e := range entities {
				w.tokens = append(w.tokens, a.tokens(row, c.Texts[i][e.Start:e.End]))
				first, last := wordsInside(words, normalised(c.Texts[i], e))
				for _, word := range words[first:last] {
					w.words = append(w.words, word.number)
				}
			}
			slices.Sort(w.words)
			w.words = slices.Compact(w.words)
			a.answers[row] = w
		}
	}
	return sentences, nil
}

func (a *assessor) fold(ctx context.Context, train, source []int, m Method, done int) error {
	c := &a.search.Train
	s := Search{Num: a.search.Num, Diverse: a.search.Diverse}
	if a.search.Progress != nil {
		s.Progress = func(n int) { a.search.Progress(done + n) }
	}
	var trainRows, rows []int
	s.Train, trainRows = c.part(train)
	s.Source, rows = c.part(source)
	gold, copies := []corpus.Entity(nil), make([][]corpus.Entity, len(a.nums))
	sentence := 0 // of source
	_, err := s.Run(ctx, m, func(row int, list []Neighbour) error {
		demonstrations := make([]*answer, len(list))
		for i, n := range list {
			demonstrations[i] = a.answers[trainRows[n.Row]]
		}
		asked, label := a.answers[rows[row]], s.Source.Label(row)
		if asked != nil {
			gold = appendLabelled(gold, asked.entities, label)
		}
		for i, num := range a.nums {
			found := a.copy(rows[row], s.Source.Texts[sentence], demonstrations[:min(num, len(list))])
			copies[i] = appendLabelled(copies[i], found, label)
			a.list[i].count(asked, demonstrations[:min(num, len(list))])
		}
		if last := s.Source.Rows[sentence]; row < last[len(last)-1] {
			return nil
		}
		for i, scorer := range a.scorers {
			if err := scorer.Add(gold, copies[i]); err != nil {
				return err
			}
			copies[i] = copies[i][:0]
		}
		gold = gold[:0]
		sentence++
		return nil
	})
	return err
}

func appendLabelled(dst []corpus.Entity, entities []segment.Range, label string) []corpus.Entity {
	for _, e := range entities {
		dst = append(dst, corpus.Entity{Span: markup.Span{Start: e.Start, End: e.End}, Label: label})
	}
	return dst
}

// count counts a row and its demonstrations, which are nil where there is no entity.
func (q *Assessment) count(asked *answer, demonstrations []*answer) {
	q.Rows++
	if !slices.ContainsFunc(demonstrations, func(d *answer) bool { return d != nil }) {
		q.Empty++
	}
	if asked == nil {
		return
	}
	q.Words += len(asked.words)
	for _, word := range asked.words {
		if slices.ContainsFunc(demonstrations, func(d *answer) bool {
			if d == nil {
				return false
			}
			_, ok := slices.BinarySearch(d.words, word)
			return ok
		}) {
			q.Shown++
		}
	}
}

// copy returns the parts of the row's sentence that demonstrations mark.
func (a *assessor) copy(row int, text string, demonstrations []*answer) (found []segment.Range) {
	var strings [][]string
	for _, d := range demonstrations {
		if d != nil {
			strings = append(strings, d.tokens...)
		}
	}
	if len(strings) == 0 {
		return nil
	}
	slices.SortStableFunc(strings, func(a, b []string) int { return cmp.Compare(len(b), len(a)) })
	places := appendTokenRanges(nil, text, a.unit(row))
	tokens := a.tokens(row, text)
	used := make([]bool, len(tokens))
	for _, s := range strings {
		for i := 0; i+len(s) <= len(tokens); i++ {
			if slices.Equal(tokens[i:i+len(s)], s) && !slices.Contains(used[i:i+len(s)], true) {
				for k := range s {
					used[i+k] = true
				}
				found = append(found, segment.Range{Start: places[i].Start, End: places[i+len(s)-1].End})
			}
		}
	}
	return found
}

func (a *assessor) unit(row int) markup.Unit {
	if a.search.Train.Unit == nil {
		return markup.Token
	}
	return a.search.Train.Unit(row)
}

// tokens returns the tokens of a sentence, or of a part of it, that copying compares.
func (a *assessor) tokens(row int, text string) (tokens []string) {
	for _, r := range appendTokenRanges(nil, text, a.unit(row)) {
		tokens = append(tokens, text[r.Start:r.End])
	}
	return tokens
}

// appendTokenRanges appends where the tokens of a sentence are. If its spans count
// characters, they are those that [Assessment] describes.
func appendTokenRanges(dst []segment.Range, text string, unit markup.Unit) []segment.Range {
	if unit == markup.Token {
		return appendTokens(dst, text)
	}
	joins := false // the last character continues in the next one
	for i, size := 0, 0; i < len(text); i += size {
		var r rune
		r, size = utf8.DecodeRuneInString(text[i:])
		letter := unicode.In(r, unicode.L, unicode.M, unicode.N) && !markup.Unspaced(r)
		switch {
		case letter && joins:
			dst[len(dst)-1].End = i + size
		case !unicode.IsSpace(r):
			dst = append(dst, segment.Range{Start: i, End: i + size})
		}
		joins = letter
	}
	return dst
}
