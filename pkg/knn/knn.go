// Package knn finds demonstrations: for each row of a source, the rows of a
// training file that ask for the same label of the nearest sentences. Sentences
// are compared, once each, and not rows.
package knn

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"nertools/pkg/markup"
	"nertools/pkg/mrc"
	"nertools/pkg/parallel"
)

// A Corpus is the sentences of one MRC file and the rows that ask about them.
type Corpus struct {
	Texts []string // the sentences; one may stand there several times
	Rows  [][]int  // the rows that ask about each sentence; every row belongs to one
	Label func(row int) string

	// Shows reports whether the row has an entity to show; only Diverse asks, and
	// only of training rows. An error ends the search.
	Shows func(row int) (bool, error)
}

// Sentences are those of an MRC file, which must stay open while they are used.
func Sentences(f *mrc.File) (Corpus, error) {
	sentences, err := f.Sentences()
	if err != nil {
		return Corpus{}, err
	}
	corpus := Corpus{Label: f.Label}
	var row mrc.Row
	for _, s := range sentences {
		if err := f.Decode(s.Rows[0], &row); err != nil {
			return corpus, err
		}
		corpus.Texts = append(corpus.Texts, strings.Clone(row.Context))
		corpus.Rows = append(corpus.Rows, s.Rows)
	}
	corpus.Shows = func(i int) (bool, error) {
		err := f.Decode(i, &row)
		spans, _ := markup.Place(nil, row.Spans, len(markup.AppendTokens(nil, row.Context)))
		return len(spans) > 0, err
	}
	return corpus, nil
}

// A Search looks for the nearest training rows of every source row. Rows of one
// label are compared by their sentences' similarity, as a [Method] gives it; of
// equally similar ones the lower row is the nearer.
//
// A row whose sentence equals the source row's, token for token as
// [markup.AppendTokens] splits them, is never its neighbour. Apart from that a
// row has as many neighbours as there are training rows of its label, up to Num:
// rows whose similarity is 0 are neighbours too.
type Search struct {
	Train, Source Corpus // the rows of Source are numbered from 0, without a gap
	Num           int    // neighbours of a row, at most; 1 or more

	// Diverse takes one row at most of equal sentences, one that shows an entity
	// if there is one, and keeps the first n neighbours of a row balanced whatever
	// n is: of these at least half, rounded up, show an entity, as long as the
	// label has such rows. Place by place the nearest row that is left is taken, or
	// the nearest one that shows an entity where an empty one would tip the balance.
	// So each of the two kinds stands nearest first, and a list of 8 is how a list
	// of 32 begins.
	Diverse bool

	Progress func(done int) // told the number of source sentences done, now and then; may be nil
}

// A Neighbour is a training row near a source row.
type Neighbour struct {
	Row        int
	Similarity float64 // the higher, the nearer; what it measures is the method's
}

// Coverage counts source sentences and rows that a search could not serve as asked.
type Coverage struct {
	Leaked int // source sentences that equal a training sentence
	Short  int // source rows with fewer neighbours than asked for
}

// A Method compares sentences: [BM25], [Cosine] or [Random].
type Method interface {
	// prepare reads the texts, which its scorers do without.
	prepare(t *texts) (newScorer, error)
}

// newScorer gives each goroutine a scorer of its own.
type newScorer func() scorer

// A scorer calls visit for the source sentences from..to-1, in order, with
// their similarity to every training text. The scores are valid during the call.
type scorer func(ctx context.Context, from, to int, visit func(i int, scores []float64)) error

// texts are the sentences to compare. Equal ones in the training file are one.
type texts struct {
	source []string // tokens joined by single spaces
	same   []int32  // the training text that equals it, or -1
	train  []string // tokens joined by single spaces
	first  []int    // the first training sentence that reads so
	of     []int32  // the text of each training sentence
}

// blockSentences is how many source sentences a worker takes on at once. Cosine
// reads all training vectors once for each block.
const blockSentences = 32

// Run searches on all cores and calls emit for each source row, in row order. It
// returns the first error of emit, of ctx or of the method. emit may keep the
// neighbours. Corpora are read before the search begins, and emit and Progress
// are called, by the calling goroutine alone.
//
// What is found does not depend on the number of cores or the processor. Memory,
// beside the corpora and the method's: about 20 bytes for each training row, and
// the neighbours of rows that are found before those in front of them, which are
// few where the rows of a sentence stand together.
func (s *Search) Run(ctx context.Context, m Method, emit func(row int, list []Neighbour) error) (Coverage, error) {
	if s.Num < 1 {
		return Coverage{}, fmt.Errorf("search neighbours: %d for each row", s.Num)
	}
	t := s.texts()
	x, err := s.index(t)
	if err != nil {
		return Coverage{}, err
	}
	labels, total, err := s.sourceLabels(x)
	if err != nil {
		return Coverage{}, err
	}
	scorers, err := m.prepare(t)
	if err != nil {
		return Coverage{}, err
	}
	o := output{emit: emit, num: s.Num, ready: make([][]Neighbour, total)}
	for _, same := range t.same {
		if same >= 0 {
			o.report.Leaked++
		}
	}
	err = parallel.Do(ctx, len(s.Source.Texts), blockSentences, func() func(context.Context, int, int) (found, error) {
		score, f := scorers(), newFinder(x, s.Num, s.Diverse)
		return func(ctx context.Context, from, to int) (found, error) {
			b := found{done: to}
			err := score(ctx, from, to, func(i int, scores []float64) {
				f.next(scores, t.same[i])
				for j, row := range s.Source.Rows[i] {
					b.rows = append(b.rows, row)
					b.lists = append(b.lists, f.neighbours(labels[i][j]))
				}
			})
			return b, err
		}
	}, func(b found) error {
		if err := o.add(b); err != nil {
			return err
		}
		if s.Progress != nil {
			s.Progress(b.done)
		}
		return nil
	})
	return o.report, err
}

// found is what was found for a block of source sentences, of which the last is
// the one before done.
type found struct {
	done  int
	rows  []int
	lists [][]Neighbour // of each of the rows
}

// output brings what was found into the order of the rows.
type output struct {
	emit   func(row int, list []Neighbour) error
	num    int
	ready  [][]Neighbour // by row; nil is not found yet, or put out
	next   int
	report Coverage
}

func (o *output) add(b found) error {
	for i, list := range b.lists {
		o.ready[b.rows[i]] = list
		if len(list) < o.num {
			o.report.Short++
		}
	}
	for ; o.next < len(o.ready) && o.ready[o.next] != nil; o.next++ {
		if err := o.emit(o.next, o.ready[o.next]); err != nil {
			return err
		}
		o.ready[o.next] = nil
	}
	return nil
}

// sourceLabels gives the number in x of the label of each source sentence's rows,
// or -1 for one that no training row has, and how many rows there are.
func (s *Search) sourceLabels(x *index) (labels [][]int, total int, err error) {
	for _, rows := range s.Source.Rows {
		total += len(rows)
	}
	seen := make([]bool, total)
	labels = make([][]int, len(s.Source.Rows))
	for i, rows := range s.Source.Rows {
		for _, row := range rows {
			if row < 0 || row >= total || seen[row] {
				return nil, 0, errors.New("search neighbours: the source rows are not numbered from 0, each once")
			}
			seen[row] = true
			n, ok := x.numbers[s.Source.Label(row)]
			if !ok {
				n = -1
			}
			labels[i] = append(labels[i], n)
		}
	}
	return labels, total, nil
}

func (s *Search) texts() *texts {
	t := &texts{of: make([]int32, len(s.Train.Texts))}
	known := map[string]int32{}
	for i, text := range s.Train.Texts {
		text = spaced(text)
		n, ok := known[text]
		if !ok {
			n = int32(len(t.train))
			known[text] = n
			t.train = append(t.train, text)
			t.first = append(t.first, i)
		}
		t.of[i] = n
	}
	for _, text := range s.Source.Texts {
		text = spaced(text)
		n, ok := known[text]
		if !ok {
			n = -1
		}
		t.source = append(t.source, text)
		t.same = append(t.same, n)
	}
	return t
}

// spaced gives the tokens of text joined by single spaces.
func spaced(text string) string {
	if markup.SingleSpaced(text) {
		return text
	}
	return strings.Join(markup.AppendTokens(nil, text), " ")
}

// Write writes what Run finds as a kNN file, and the similarities line by line beside
// it, unless similarities is nil.
func (s *Search) Write(ctx context.Context, m Method, neighbours, similarities io.Writer) (Coverage, error) {
	rows := bufio.NewWriterSize(neighbours, 256<<10)
	var beside *bufio.Writer
	if similarities != nil {
		beside = bufio.NewWriterSize(similarities, 256<<10)
	}
	var line []byte
	report, err := s.Run(ctx, m, func(_ int, list []Neighbour) error {
		line = AppendLine(line[:0], list)
		if _, err := rows.Write(line); err != nil || beside == nil {
			return err
		}
		line = AppendSimilarities(line[:0], list)
		_, err := beside.Write(line)
		return err
	})
	if err == nil {
		err = rows.Flush()
	}
	if err == nil && beside != nil {
		err = beside.Flush()
	}
	return report, err
}

// AppendLine appends the line of a kNN file: a JSON array of row numbers.
func AppendLine(dst []byte, list []Neighbour) []byte {
	return appendArray(dst, list, func(dst []byte, n Neighbour) []byte { return strconv.AppendInt(dst, int64(n.Row), 10) })
}

// AppendSimilarities appends a line with the similarities instead of the rows,
// in the same order, rounded to six significant digits.
func AppendSimilarities(dst []byte, list []Neighbour) []byte {
	return appendArray(dst, list, func(dst []byte, n Neighbour) []byte { return strconv.AppendFloat(dst, n.Similarity, 'g', 6, 64) })
}

func appendArray(dst []byte, list []Neighbour, element func([]byte, Neighbour) []byte) []byte {
	dst = append(dst, '[')
	for i, n := range list {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = element(dst, n)
	}
	return append(dst, "]\n"...)
}
