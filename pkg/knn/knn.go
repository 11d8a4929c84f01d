// Package knn finds demonstrations: for each row of a source, the rows of a training set
// that ask for the same label about the most similar sentences.
package knn

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"nertools/pkg/markup"
	"nertools/pkg/mrc"
	"nertools/pkg/parallel"
	"nertools/pkg/segment"
)

// A Corpus is the sentences of an MRC file and the rows that ask about them.
type Corpus struct {
	Texts []string // the sentences; duplicates are allowed
	Rows  [][]int  // the rows that ask about each sentence; every row occurs exactly once
	Label func(row int) string

	// Entities returns the entities of the row, as parts of its sentence in Texts. It is
	// called only for training rows, and only with Diverse or for [Labels]. The list is
	// valid until the next call. An error ends the search.
	Entities func(row int) ([]segment.Range, error)

	// Unit returns what the positions of the row count in its file; nil means tokens. Only
	// Assess calls it.
	Unit func(row int) markup.Unit
}

// Sentences returns the corpus of an MRC file, which must stay open while the corpus is
// in use.
func Sentences(f *mrc.File) (Corpus, error) {
	sentences, err := f.Sentences()
	if err != nil {
		return Corpus{}, err
	}
	corpus := Corpus{Label: f.Label, Unit: f.Unit}
	var row mrc.Row
	for _, s := range sentences {
		if err := f.Decode(s.Rows[0], &row); err != nil {
			return corpus, err
		}
		corpus.Texts = append(corpus.Texts, strings.Clone(row.Context))
		corpus.Rows = append(corpus.Rows, s.Rows)
	}
	var entities []segment.Range
	corpus.Entities = func(i int) (_ []segment.Range, err error) {
		if err = f.Decode(i, &row); err == nil {
			entities = appendEntities(entities[:0], &row)
		}
		return entities, err
	}
	return corpus, nil
}

// appendEntities appends the entities that a demonstration of the row marks.
func appendEntities(dst []segment.Range, row *mrc.Row) []segment.Range {
	if len(row.Spans) == 0 {
		return dst
	}
	var units []segment.Range // what the spans count
	if row.Unit == markup.Char {
		for i, size := 0, 0; i < len(row.Context); i += size {
			_, size = utf8.DecodeRuneInString(row.Context[i:])
			units = append(units, segment.Range{Start: i, End: i + size})
		}
	} else {
		units = appendTokens(units, row.Context)
	}
	spans, _ := markup.Place(nil, row.Spans, len(units))
	for _, s := range spans {
		dst = append(dst, segment.Range{Start: units[s.Start].Start, End: units[s.End-1].End})
	}
	return dst
}

// appendTokens appends where the tokens of text are.
func appendTokens(dst []segment.Range, text string) []segment.Range {
	at := 0
	for _, token := range markup.AppendTokens(nil, text) {
		at += strings.Index(text[at:], token)
		dst = append(dst, segment.Range{Start: at, End: at + len(token)})
		at += len(token)
	}
	return dst
}

// A Search finds the nearest training rows of every source row. It compares rows of the
// same label by the similarity of their sentences according to a [Method]; of equally
// similar rows, the one with the lower number is nearer.
//
// A row whose sentence equals the source row's, token for token as split by
// [markup.AppendTokens], is never a neighbour. Apart from that, a row has as many
// neighbours as there are training rows of its label, up to Num: even rows with
// similarity 0 are neighbours.
type Search struct {
	Train, Source Corpus // rows of Source must be numbered from 0 without gaps
	Num           int    // maximum number of neighbours per row, at least 1

	// Diverse takes at most one row from equal sentences, preferably one with an entity,
	// and balances the neighbours: for every n, at least half of the first n, rounded up,
	// contain an entity, as long as the label has such rows. Each position goes to the
	// nearest remaining row, or to the nearest one with an entity if a row without one
	// would break the balance. So within each of the two kinds the nearest come first,
	// and a list of 8 is the beginning of a list of 32.
	Diverse bool

	// More are settings that the search does not know, for the line that [Search.Write]
	// puts at the end of the file of similarities.
	More []Setting

	Progress func(done int) // called from time to time with the number of source sentences done; may be nil
}

// A Neighbour is a training row and its similarity to the source row.
type Neighbour struct {
	Row        int
	Similarity float64 // higher is nearer; the scale depends on the method
}

// Coverage counts source sentences and rows that limited the search.
type Coverage struct {
	Leaked int // source sentences that equal a training sentence
	Short  int // source rows with fewer than Num neighbours

	// Unasked are the labels that source rows ask for and no training row does, in the
	// order of the source's sentences.
	Unasked []string
}

// A Method compares sentences: [Labels], [BM25], [Cosine] or [Random].
type Method interface {
	// usesEntities reports whether the similarity depends on the label: the method needs
	// marked texts, and returns their similarities.
	usesEntities() bool

	settings() []Setting

	// prepare reads the texts; scorers do not use them afterwards.
	prepare(t *texts) (newScorer, error)
}

// A Setting is what a result depends on; Value can be encoded as JSON.
type Setting struct {
	Name  string
	Value any
}

// newScorer returns a scorer for one goroutine.
type newScorer func() scorer

// A scorer calls visit for each of the source sentences from to to-1, in order, with
// their similarities to all training texts, which are valid during the call.
type scorer func(ctx context.Context, from, to int, visit func(i int, scores similarities)) error

// similarities are those of a source sentence.
type similarities struct {
	texts  []float64 // to each text
	marked []float64 // to each marked text, for its label; only if usesEntities
}

// texts are the sentences to compare. Equal training sentences are one text.
type texts struct {
	source []string // tokens joined by single spaces
	same   []int32  // the equal training text, or -1
	train  []string // tokens joined by single spaces
	first  []int    // the first training sentence with this text
	of     []int32  // the text of each training sentence

	diverse bool
	marked  []marked // only if usesEntities
}

// blockSentences is how many source sentences a worker takes at a time. Cosine reads all
// training vectors once per block.
const blockSentences = 32

// Run searches on all cores and calls emit for each source row, in row order. It returns
// the first error of emit, ctx or the method. emit may keep the list. The corpora are
// read before the search begins. emit and Progress are called only from the calling
// goroutine.
//
// The result does not depend on the number of cores or the processor. Memory, in addition
// to the corpora and the method's: about 20 bytes per training row, and the neighbours of
// rows that are found before preceding rows, which are few if the rows of each sentence
// are adjacent.
func (s *Search) Run(ctx context.Context, m Method, emit func(row int, list []Neighbour) error) (Coverage, error) {
	if s.Num < 1 {
		return Coverage{}, fmt.Errorf("search neighbours: %d for each row", s.Num)
	}
	t := s.texts()
	x, err := s.index(t, m.usesEntities())
	if err != nil {
		return Coverage{}, err
	}
	o := output{emit: emit, num: s.Num}
	labels, total, err := s.sourceLabels(x, &o.report)
	if err != nil {
		return Coverage{}, err
	}
	scorers, err := m.prepare(t)
	if err != nil {
		return Coverage{}, err
	}
	o.ready = make([][]Neighbour, total)
	for _, same := range t.same {
		if same >= 0 {
			o.report.Leaked++
		}
	}
	err = parallel.Do(ctx, len(s.Source.Texts), blockSentences, func() func(context.Context, int, int) (found, error) {
		score, f := scorers(), newFinder(x, s.Num, s.Diverse)
		return func(ctx context.Context, from, to int) (found, error) {
			b := found{done: to}
			err := score(ctx, from, to, func(i int, scores similarities) {
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

// found is the result for the block of source sentences that ends before done.
type found struct {
	done  int
	rows  []int
	lists [][]Neighbour // one per row
}

// output puts results into row order.
type output struct {
	emit   func(row int, list []Neighbour) error
	num    int
	ready  [][]Neighbour // by row; nil if not found yet or already emitted
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

// sourceLabels returns, for each source sentence, the numbers in x of its rows' labels
// (-1 for labels without training rows), and the number of rows. It adds the former to
// report.
func (s *Search) sourceLabels(x *index, report *Coverage) (labels [][]int, total int, err error) {
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
			label := s.Source.Label(row)
			n, ok := x.numbers[label]
			if !ok {
				n = -1
				if !slices.Contains(report.Unasked, label) {
					report.Unasked = append(report.Unasked, label)
				}
			}
			labels[i] = append(labels[i], n)
		}
	}
	return labels, total, nil
}

func (s *Search) texts() *texts {
	t := &texts{diverse: s.Diverse, of: make([]int32, len(s.Train.Texts))}
	known := map[string]int32{}
	for i, text := range s.Train.Texts {
		text = markup.JoinTokens(text)
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
		text = markup.JoinTokens(text)
		n, ok := known[text]
		if !ok {
			n = -1
		}
		t.source = append(t.source, text)
		t.same = append(t.same, n)
	}
	return t
}

// Write writes the result of [Search.Run] as a kNN file and, unless similarities is nil,
// the similarities to a second file, line by line, and after them a line with the
// settings: a JSON object.
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
		if line, err = s.appendSettings(line[:0], m); err == nil {
			_, _ = beside.Write(line) // Flush returns the error
			err = beside.Flush()
		}
	}
	return report, err
}

func (s *Search) appendSettings(dst []byte, m Method) ([]byte, error) {
	list := append(m.settings(), Setting{"num", s.Num}, Setting{"diverse", s.Diverse})
	separator := byte('{')
	for _, setting := range append(list, s.More...) {
		value, err := json.Marshal(setting.Value)
		if err != nil {
			return dst, fmt.Errorf("write setting %s: %w", setting.Name, err)
		}
		dst = append(strconv.AppendQuote(append(dst, separator), setting.Name), ':')
		dst, separator = append(dst, value...), ','
	}
	return append(dst, "}\n"...), nil
}

// AppendLine appends a line of a kNN file: a JSON array of row numbers.
func AppendLine(dst []byte, list []Neighbour) []byte {
	return appendArray(dst, list, func(dst []byte, n Neighbour) []byte { return strconv.AppendInt(dst, int64(n.Row), 10) })
}

// AppendSimilarities appends a line with the similarities in the same order as the rows,
// rounded to six significant digits.
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
