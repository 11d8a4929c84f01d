package main

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"nertools/pkg/catalog"
	"nertools/pkg/mrc"
	"nertools/pkg/record"
)

// size is how much data to make: sentences, each asked for every label of
// dataSet, and neighbours for each row of the test file.
type size struct{ test, train, neighbours int }

// dataSet is the catalogue's data set whose labels the rows carry.
const dataSet = "ONTONOTES"

// ontoNotes is the size of OntoNotes 5: 148,716 rows over 1,232,136.
var ontoNotes = size{test: 8262, train: 68452, neighbours: 32}

// The files that generate writes.
const (
	testFile  = "mrc-ner.test"
	trainFile = "mrc-ner.train"
	knnFile   = "test.knn.jsonl"
)

// generate writes the three files of a data set into dir. Equal sizes give
// equal bytes everywhere.
func generate(dir string, s size) error {
	if s.neighbours > s.train {
		return fmt.Errorf("%d neighbours need as many training sentences, not %d", s.neighbours, s.train)
	}
	set, err := catalog.Builtin().DataSet(dataSet)
	if err != nil {
		return err
	}
	// A stream of chance for each file: no file depends on another one's size.
	chance := func(file uint64) *rand.Rand { return rand.New(rand.NewPCG(1, file)) }
	return errors.Join(
		writeFile(filepath.Join(dir, testFile), func(w *bufio.Writer) { writeRows(w, newAuthor(chance(1), set.Labels), s.test) }),
		writeFile(filepath.Join(dir, trainFile), func(w *bufio.Writer) { writeRows(w, newAuthor(chance(2), set.Labels), s.train) }),
		writeFile(filepath.Join(dir, knnFile), func(w *bufio.Writer) { writeNeighbours(w, chance(3), s, len(set.Labels)) }))
}

// writeFile leaves it to Flush to report what went wrong with any write.
func writeFile(path string, write func(*bufio.Writer)) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	write(w)
	return errors.Join(w.Flush(), f.Close())
}

// author writes sentences of invented words.
type author struct {
	chance *rand.Rand
	labels []catalog.Label
	words  []string
	names  []string
}

// strange are tokens that are longer than they look, or need a JSON escape.
var strange = []string{"Łódź", "naïve", "東京", "“", "”", "€", "–", "º", "\"", "\"", "\\"}

func newAuthor(chance *rand.Rand, labels []catalog.Label) *author {
	a := &author{chance: chance, labels: labels}
	const vocabulary = 10_000
	for range vocabulary {
		var word strings.Builder
		for range 1 + chance.IntN(4) {
			word.WriteByte("bcdfghklmnprstvw"[chance.IntN(16)])
			word.WriteByte("aeiou"[chance.IntN(5)])
		}
		a.words = append(a.words, word.String())
		a.names = append(a.names, strings.ToUpper(word.String()[:1])+word.String()[1:]+"n")
	}
	return a
}

// pick prefers what stands early in list, as real texts prefer some words.
func (a *author) pick(list []string) string {
	x := a.chance.Float64()
	return list[int(x*x*x*float64(len(list)))]
}

// span is a mention: its label, its first and its last token.
type span struct{ label, start, end int }

// sentence makes 8 to 34 tokens with about three mentions in two sentences.
func (a *author) sentence() (tokens []string, spans []span) {
	for n := 7 + a.chance.IntN(24); len(tokens) < n; {
		switch x := a.chance.IntN(1000); {
		case x < 90:
			y := a.chance.Float64()
			s := span{label: int(y * y * float64(len(a.labels))), start: len(tokens)}
			for range 1 + a.chance.IntN(3) {
				tokens = append(tokens, a.pick(a.names))
			}
			s.end = len(tokens) - 1
			spans = append(spans, s)
		case x < 100:
			tokens = append(tokens, strange[a.chance.IntN(len(strange))])
		case x < 200:
			tokens = append(tokens, ",")
		default:
			tokens = append(tokens, a.pick(a.words))
		}
	}
	return append(tokens, "."), spans
}

// writeRows writes the MRC file of n sentences.
func writeRows(w *bufio.Writer, a *author, n int) {
	var row []byte
	for s := range n {
		tokens, spans := a.sentence()
		context := record.AppendString(nil, strings.Join(tokens, " "))
		for l, label := range a.labels {
			var mine []span
			for _, sp := range spans {
				if sp.label == l {
					mine = append(mine, sp)
				}
			}
			row = append(row[:0], ",\n"...)
			if s == 0 && l == 0 {
				row = append(row[:0], "[\n"...)
			}
			row = append(row, `{"context": `...)
			row = append(row, context...)
			row = appendList(row, `, "end_position": `, mine, func(b []byte, s span) []byte { return strconv.AppendInt(b, int64(s.end), 10) })
			row = fmt.Appendf(row, `, "entity_label": %q, "impossible": %t, "qas_id": "%d.%d"`, label.Key, len(mine) == 0, s, l)
			row = append(row, `, "query": `...)
			row = record.AppendString(row, "Which words of the sentence are a mention of this kind: "+label.Name+"?")
			row = appendList(row, `, "span_position": `, mine, func(b []byte, s span) []byte { return fmt.Appendf(b, `"%d;%d"`, s.start, s.end) })
			row = appendList(row, `, "start_position": `, mine, func(b []byte, s span) []byte { return strconv.AppendInt(b, int64(s.start), 10) })
			row = append(row, '}')
			_, _ = w.Write(row)
		}
	}
	_, _ = w.WriteString("\n]\n")
}

func appendList(dst []byte, key string, spans []span, element func([]byte, span) []byte) []byte {
	dst = append(append(dst, key...), '[')
	for i, s := range spans {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = element(dst, s)
	}
	return append(dst, ']')
}

// writeNeighbours writes the kNN file: for each test row different training rows
// of its label, every other one from the first eighth of the file, since nearest
// neighbours crowd on a part of the rows in real data too.
func writeNeighbours(w *bufio.Writer, chance *rand.Rand, s size, labels int) {
	var line []byte
	shown := make([]int, s.train) // the test row that showed a training sentence last, from 1
	for row := 1; row <= s.test*labels; row++ {
		line = append(line[:0], '[')
		for n := 0; n < s.neighbours; {
			among := s.train
			if n%2 == 1 {
				among = max(s.train/8, s.neighbours)
			}
			sentence := chance.IntN(among)
			if shown[sentence] == row {
				continue
			}
			shown[sentence] = row
			if n > 0 {
				line = append(line, ", "...)
			}
			line = strconv.AppendInt(line, int64(sentence*labels+(row-1)%labels), 10)
			n++
		}
		_, _ = w.Write(append(line, "]\n"...))
	}
}

// inputs are the paths of the files that ner-prompt reads of a data set in dir.
func inputs(dir string) []string {
	return []string{mrc.Path(dir, "test"), mrc.Path(dir, "train"), filepath.Join(dir, knnFile)}
}
