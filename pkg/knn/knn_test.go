package knn_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"nertools/pkg/knn"
	"nertools/pkg/markup"
	"nertools/pkg/mrc"
	"nertools/pkg/segment"
)

// A row of a file: the sentence, the label, and whether an entity stands in it.
type row struct {
	text, label string
	shows       bool            // the whole sentence is an entity
	marked      []segment.Range // or these parts of it
}

func (r row) entities() []segment.Range {
	if r.shows {
		return []segment.Range{{Start: 0, End: len(r.text)}}
	}
	return r.marked
}

// corpus makes a corpus of rows: those of one text, one after the other, with
// different labels, are one sentence.
func corpus(rows []row) knn.Corpus {
	c := knn.Corpus{
		Label:    func(i int) string { return rows[i].label },
		Entities: func(i int) ([]segment.Range, error) { return rows[i].entities(), nil },
	}
	for i, r := range rows {
		if i == 0 || r.text != rows[i-1].text || r.label <= rows[i-1].label {
			c.Texts = append(c.Texts, r.text)
			c.Rows = append(c.Rows, nil)
		}
		last := len(c.Rows) - 1
		c.Rows[last] = append(c.Rows[last], i)
	}
	return c
}

// ask gives a row for each text and label, none with an entity.
func ask(labels string, texts ...string) (rows []row) {
	for _, text := range texts {
		for _, label := range strings.Fields(labels) {
			rows = append(rows, row{text: text, label: label})
		}
	}
	return rows
}

// run searches and checks that rows are put out in order, each once.
func run(t testing.TB, s *knn.Search, m knn.Method) ([][]knn.Neighbour, knn.Coverage) {
	t.Helper()
	var lists [][]knn.Neighbour
	report, err := s.Run(t.Context(), m, func(row int, list []knn.Neighbour) error {
		if row != len(lists) {
			t.Fatalf("row %d is put out as number %d", row, len(lists))
		}
		lists = append(lists, list)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lists, report
}

func numbers(lists [][]knn.Neighbour) [][]int {
	all := make([][]int, len(lists))
	for i, list := range lists {
		for _, n := range list {
			all[i] = append(all[i], n.Row)
		}
	}
	return all
}

func TestNeighbours(t *testing.T) {
	train := ask("LOC PER", "a b c", "a b d", "x y", "a  b\tc", "e f")
	for _, c := range []struct {
		name   string
		train  []row
		source []row
		num    int
		want   [][]int
		report knn.Coverage
	}{
		{"nearest first, of the same label", train, ask("LOC PER", "a b d z"), 3, [][]int{{2, 0, 6}, {3, 1, 7}}, knn.Coverage{}},
		{"an equal sentence is no neighbour, whatever its spacing", train, ask("PER", "a b\u2003c"), 9, [][]int{{3, 5, 9}}, knn.Coverage{Leaked: 1, Short: 1}},
		{"the row itself is no neighbour", train, train, 1, [][]int{{2}, {3}, {0}, {1}, {0}, {1}, {2}, {3}, {0}, {1}}, knn.Coverage{Leaked: 5}},
		{"equally near ones by row", train, ask("PER", "y f"), 4, [][]int{{5, 9, 1, 3}}, knn.Coverage{}},
		{"no word in common: by row", train, ask("PER", "q"), 3, [][]int{{1, 3, 5}}, knn.Coverage{}},
		{"no word at all: by row", train, ask("PER", " ?!"), 2, [][]int{{1, 3}}, knn.Coverage{}},
		{"no training row of the label", train, ask("LOC ORG", "a b d z"), 1, [][]int{{2}, nil}, knn.Coverage{Short: 1, Unasked: []string{"ORG"}}},
		{"a rare label, far away", append(ask("LOC", "a b", "a c", "a d", "a e"), ask("PER", "z")...), ask("PER", "a"), 2, [][]int{{4}}, knn.Coverage{Short: 1}},
		{"no training rows", nil, ask("PER", "a", "b"), 2, [][]int{nil, nil}, knn.Coverage{Short: 2, Unasked: []string{"PER"}}},
		{"no source rows", train, nil, 2, [][]int{}, knn.Coverage{}},
		{"labels of a sentence apart", ask("PER", "a", "b"), []row{{text: "b c", label: "LOC"}, {text: "a c", label: "LOC"}, {text: "b c", label: "PER"}, {text: "a c", label: "PER"}}, 1, [][]int{nil, nil, {1}, {0}}, knn.Coverage{Short: 2, Unasked: []string{"LOC"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			lists, report := run(t, &knn.Search{Train: corpus(c.train), Source: corpus(c.source), Num: c.num}, knn.BM25())
			if d := gocmp.Diff(c.want, numbers(lists)); d != "" {
				t.Error(d)
			}
			if d := gocmp.Diff(c.report, report); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestDiverse(t *testing.T) {
	// Of sentence i the first words are those of "a b c d e f g h": the
	// fewer, the farther from the source.
	texts := []string{"a b c d e f g 0", "a b c d e f 1", "a b c d e 2", "a b c d 3", "a b c 4", "a b 5", "a 6"}
	file := func(shows string) (rows []row) {
		for i, c := range shows {
			rows = append(rows, row{text: texts[i], label: "PER", shows: c == '+'})
		}
		return rows
	}
	again := func(rows []row, more ...row) []row { return append(rows, more...) }
	for _, c := range []struct {
		name  string
		train []row
		want  []int
	}{
		{"all show an entity", file("+++++++"), []int{0, 1, 2, 3, 4, 5}},
		{"none does", file("-------"), []int{0, 1, 2, 3, 4, 5}},
		{"near ones do: nothing to balance", file("+-+-+-+"), []int{0, 1, 2, 3, 4, 5}},
		{"far ones do", file("----+++"), []int{4, 0, 5, 1, 6, 2}},
		{"one does, the farthest", file("------+"), []int{6, 0, 1, 2, 3, 4}},
		{"two do, together", file("--++---"), []int{2, 0, 3, 1, 4, 5}},
		{"near ones that do are not held back", file("+++----"), []int{0, 1, 2, 3, 4, 5}},
		{"fewer than asked for", file("--+"), []int{2, 0, 1}},
		{"once for each sentence", again(file("-++"), row{text: texts[0], label: "PER", shows: false}, row{text: texts[1], label: "PER", shows: true}), []int{1, 0, 2}},
		{"the one that shows an entity stands for its equals", again(file("-+-"), row{text: texts[0], label: "PER", shows: true}), []int{3, 1, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for num := 1; num <= 6; num++ { // fewer neighbours are how more begin
				s := &knn.Search{Train: corpus(c.train), Source: corpus(ask("PER", "a b c d e f g h")), Num: num, Diverse: true}
				lists, _ := run(t, s, knn.BM25())
				if d := gocmp.Diff(c.want[:min(num, len(c.want))], numbers(lists)[0]); d != "" {
					t.Errorf("%d of them: %s", num, d)
				}
			}
		})
	}
}

// words a random sentence is made of: the text, and what it is to be split into.
var pieces = []struct {
	text  string
	words []string
}{
	{"Ada", []string{"ada"}}, {"wrote", []string{"wrote"}}, {"WROTE", []string{"wrote"}}, {"the", []string{"the"}}, {"The", []string{"the"}},
	{"Straße", []string{"straße"}}, {"ΣΑΣ", []string{"σασ"}}, {"σας", []string{"σασ"}}, {"1815", []string{"1815"}}, {"3.14", []string{"3", "14"}},
	{"我是", []string{"我是"}}, {"我 是 中", []string{"我是", "是中"}}, {"中", []string{"中"}}, {"กขค", []string{"กข", "ขค"}}, {"ก ข", []string{"กข"}},
}

// A sample is a random sentence.
type sample struct {
	text   string
	words  []string
	pieces []segment.Range // where they are in text
	ends   []int           // in words, of the words of each piece
}

func randomSentence(r *rand.Rand) (s sample) {
	for range r.IntN(7) {
		p := pieces[r.IntN(len(pieces))]
		if s.text != "" {
			s.text += " , "
		}
		s.pieces = append(s.pieces, segment.Range{Start: len(s.text), End: len(s.text) + len(p.text)})
		s.text += p.text
		s.words = append(s.words, p.words...)
		s.ends = append(s.ends, len(s.words))
	}
	return s
}

// spaced returns the sentence with all its spaces doubled.
func (s sample) spaced() sample {
	at := func(n int) int { return n + strings.Count(s.text[:n], " ") }
	s.pieces = slices.Clone(s.pieces)
	for i, p := range s.pieces {
		s.pieces[i] = segment.Range{Start: at(p.Start), End: at(p.End)}
	}
	s.text = strings.ReplaceAll(s.text, " ", "  ")
	return s
}

// A randomCorpus knows what its sentences consist of.
type randomCorpus struct {
	knn.Corpus
	samples []sample
	marked  map[int][][2]int // by row: its entities, from one place in words to another
}

// words returns the words of each sentence.
func (c randomCorpus) words() (list [][]string) {
	for _, s := range c.samples {
		list = append(list, s.words)
	}
	return list
}

// random makes a corpus of n sentences, some equal but for their spacing, each
// with some of the labels, its rows scattered.
func random(r *rand.Rand, n int) randomCorpus {
	c := randomCorpus{marked: map[int][][2]int{}}
	var rows []row
	var entities [][][2]int
	for i := range n {
		s := randomSentence(r)
		if i > 0 && r.IntN(4) == 0 {
			s = c.samples[r.IntN(i)].spaced()
		}
		c.samples, c.Texts, c.Rows = append(c.samples, s), append(c.Texts, s.text), append(c.Rows, nil)
		for _, label := range []string{"PER", "LOC", "ORG"} {
			if label != "PER" && r.IntN(3) == 0 {
				continue
			}
			c.Rows[i] = append(c.Rows[i], len(rows))
			added := row{text: s.text, label: label}
			var places [][2]int
			for last := -1; last+1 < len(s.pieces) && r.IntN(4) == 0; {
				first := last + 1 + r.IntN(len(s.pieces)-last-1)
				last = first + r.IntN(len(s.pieces)-first)
				added.marked = append(added.marked, segment.Range{Start: s.pieces[first].Start, End: s.pieces[last].End})
				places = append(places, [2]int{append([]int{0}, s.ends...)[first], s.ends[last]})
			}
			rows, entities = append(rows, added), append(entities, places)
		}
	}
	places := r.Perm(len(rows))
	for _, list := range c.Rows {
		for j := range list {
			list[j] = places[list[j]]
		}
	}
	scattered := make([]row, len(rows))
	for i, place := range places {
		scattered[place] = rows[i]
		c.marked[place] = entities[i]
	}
	c.Label = func(i int) string { return scattered[i].label }
	c.Entities = func(i int) ([]segment.Range, error) { return scattered[i].entities(), nil }
	return c
}

func key(text string) string { return strings.Join(markup.AppendTokens(nil, text), " ") }

// naive searches by sorting all rows. similarity is that of a source sentence to a row of
// a training sentence.
func naive(s *knn.Search, similarity func(source, train, row int) float64) [][]knn.Neighbour {
	lists := make([][]knn.Neighbour, 0)
	for i, rows := range s.Source.Rows {
		for _, row := range rows {
			var all []knn.Neighbour
			texts := map[int]string{}
			for j, candidates := range s.Train.Rows {
				for _, c := range candidates {
					if s.Train.Label(c) == s.Source.Label(row) && key(s.Train.Texts[j]) != key(s.Source.Texts[i]) {
						all = append(all, knn.Neighbour{Row: c, Similarity: similarity(i, j, c)})
						texts[c] = key(s.Train.Texts[j])
					}
				}
			}
			slices.SortFunc(all, func(a, b knn.Neighbour) int {
				return cmp.Or(cmp.Compare(b.Similarity, a.Similarity), cmp.Compare(a.Row, b.Row))
			})
			for len(lists) <= row {
				lists = append(lists, nil)
			}
			if s.Diverse {
				all = naiveDiverse(all, texts, func(row int) bool { entities, _ := s.Train.Entities(row); return len(entities) > 0 })
			}
			lists[row] = append([]knn.Neighbour{}, all[:min(s.Num, len(all))]...)
		}
	}
	return lists
}

// naiveDiverse puts all rows into the order that Diverse asks for.
func naiveDiverse(all []knn.Neighbour, texts map[int]string, shows func(int) bool) (list []knn.Neighbour) {
	all = slices.DeleteFunc(slices.Clone(all), func(n knn.Neighbour) bool {
		return slices.ContainsFunc(all, func(o knn.Neighbour) bool { // o stands for both
			return texts[o.Row] == texts[n.Row] && (shows(o.Row) && !shows(n.Row) || shows(o.Row) == shows(n.Row) && o.Row < n.Row)
		})
	})
	shown := 0
	for len(all) > 0 {
		take := 0
		if next := slices.IndexFunc(all, func(n knn.Neighbour) bool { return shows(n.Row) }); next >= 0 && 2*shown < len(list)+1 {
			take = next
		}
		if shows(all[take].Row) {
			shown++
		}
		list = append(list, all[take])
		all = slices.Delete(all, take, take+1)
	}
	return list
}

// naiveBM25 is the formula, over the distinct training sentences.
func naiveBM25(train knn.Corpus, words [][]string) func(query []string, doc int) float64 {
	df := map[string]int{}
	seen := map[string]bool{}
	total := 0.0
	for i, text := range train.Texts {
		if seen[key(text)] {
			continue
		}
		seen[key(text)] = true
		total += float64(len(words[i]))
		for _, w := range slices.Compact(slices.Sorted(slices.Values(words[i]))) {
			df[w]++
		}
	}
	n := float64(len(seen))
	round := func(x float64) float64 { return math.Round(x*1048576) / 1048576 }
	return func(query []string, doc int) (sum float64) {
		for _, w := range query {
			tf := 0.0
			for _, v := range words[doc] {
				if v == w {
					tf++
				}
			}
			if tf > 0 {
				d := float64(df[w])
				idf := round(math.Log(1 + (n-d+0.5)/(d+0.5)))
				norm := 1.2 * (1 - 0.75 + float64(0.75*float64(len(words[doc]))/(total/n)))
				sum += round(idf * tf / (tf + norm))
			}
		}
		return sum
	}
}

func TestBM25FindsWhatTheFormulaDoes(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 0))
		train, source := random(r, 1+r.IntN(60)), random(r, 1+r.IntN(80))
		s := &knn.Search{Train: train.Corpus, Source: source.Corpus, Num: 1 + r.IntN(20), Diverse: seed%2 == 1}
		similarity := naiveBM25(train.Corpus, train.words())
		got, _ := run(t, s, knn.BM25())
		want := naive(s, func(i, j, _ int) float64 { return similarity(source.samples[i].words, j) })
		if d := gocmp.Diff(want, got); d != "" {
			t.Fatalf("seed %d: %s", seed, d)
		}
	}
}

func TestBM25GivesTheSimilarityOfTheFormula(t *testing.T) {
	// Two sentences of 2 and 4 words. "a" stands in both, "b" in one.
	s := &knn.Search{Train: corpus(ask("PER", "a b", "a a c d")), Source: corpus(ask("PER", "B a b")), Num: 2}
	lists, _ := run(t, s, knn.BM25())
	both, one := math.Log(1.2), math.Log(2) // 1 + 0.5/2.5, 1 + 1.5/1.5
	short, long := 1.2*(0.25+0.75*2/3), 1.2*(0.25+0.75*4/3)
	for i, want := range []float64{2*one/(1+short) + both/(1+short), both * 2 / (2 + long)} {
		if got := lists[0][i].Similarity; math.Abs(got-want) > 1e-5 {
			t.Errorf("row %d: similarity %v, want %v", lists[0][i].Row, got, want)
		}
	}
}

func vectors(r *rand.Rand, n, size int) [][]float32 {
	list := make([][]float32, n)
	for i := range list {
		list[i] = make([]float32, size)
		for j := range list[i] {
			list[i][j] = float32(r.NormFloat64())
		}
	}
	return list
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

func TestCosineFindsWhatTheFormulaDoes(t *testing.T) {
	for _, size := range []int{1, 2, 255, 257, 600} { // around where sums are carried over
		for _, n := range []int{1, 2, 33, 71} { // around tiles and pairs
			r := rand.New(rand.NewPCG(uint64(size), uint64(n)))
			train, source := vectors(r, n, size), vectors(r, n, size)
			var a, b []row
			for i := range n {
				a, b = append(a, row{text: fmt.Sprint("train ", i), label: "PER"}), append(b, row{text: fmt.Sprint("source ", i), label: "PER"})
			}
			s := &knn.Search{Train: corpus(a), Source: corpus(b), Num: 10}
			got, _ := run(t, s, knn.Cosine(train, source))
			want := naive(s, func(i, j, _ int) float64 { return cosine(source[i], train[j]) })
			for i := range got {
				for k, g := range got[i] {
					// The row may be another one where two are as near as makes no difference.
					if math.Abs(g.Similarity-want[i][k].Similarity) > 1e-5 || math.Abs(g.Similarity-cosine(source[i], train[g.Row])) > 1e-5 {
						t.Fatalf("%d vectors of %d: row %d, neighbour %d is %v, want %v", n, size, i, k, g, want[i][k])
					}
				}
				if len(got[i]) != len(want[i]) {
					t.Fatalf("%d vectors of %d: row %d has %d neighbours, want %d", n, size, i, len(got[i]), len(want[i]))
				}
			}
		}
	}
}

func TestCosineOfSpecialVectors(t *testing.T) {
	// Equal vectors at every place of a pair and a tile are equally near.
	equal := slices.Repeat([][]float32{{0.1, 0.7, -0.3}}, 67)
	var rows []row
	var order []int
	for i := range equal {
		rows, order = append(rows, row{text: fmt.Sprint(i), label: "PER"}), append(order, i)
	}
	for _, c := range []struct {
		name          string
		train, source [][]float32
		want          []int
		first         float64
	}{
		{"equal vectors, by row", equal, [][]float32{{0.3, 0.1, 0.9}}, order, cosine(equal[0], []float32{0.3, 0.1, 0.9})},
		{"of any length", [][]float32{{1e-9, 0}, {1e17, 1e17}, {0, 5}}, [][]float32{{0, 1e15}}, []int{2, 1, 0}, 1},
		{"of length 0", [][]float32{{-1, 0}, {0, 0}, {1, 9}}, [][]float32{{1, 0}}, []int{2, 1, 0}, 1 / math.Sqrt(82)},
		{"asked with length 0", [][]float32{{-1, 0}, {0, 0}, {1, 9}}, [][]float32{{0, 0}}, []int{0, 1, 2}, 0},
	} {
		s := &knn.Search{Train: corpus(rows[:len(c.train)]), Source: corpus(ask("PER", "q")), Num: 100}
		lists, _ := run(t, s, knn.Cosine(c.train, c.source))
		if d := gocmp.Diff(c.want, numbers(lists)[0]); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
		if got := lists[0][0].Similarity; math.Abs(got-c.first) > 1e-6 {
			t.Errorf("%s: similarity %v, want %v", c.name, got, c.first)
		}
	}
}

func TestRandomDrawsEverySentenceEquallyOften(t *testing.T) {
	var train, source []string
	for i := range 20 {
		train = append(train, fmt.Sprint("train ", i))
	}
	for i := range 600 {
		source = append(source, fmt.Sprint("source ", i))
	}
	s := &knn.Search{Train: corpus(ask("LOC PER", train...)), Source: corpus(ask("LOC PER", source...)), Num: 5}
	lists, _ := run(t, s, knn.Random(7))
	count := make([]int, len(train))
	for i := 0; i < len(lists); i += 2 {
		for k, n := range lists[i] {
			count[n.Row/2]++
			if other := lists[i+1][k].Row; other != n.Row+1 {
				t.Fatalf("rows %d and %d of one sentence show %d and %d", i, i+1, n.Row, other)
			}
		}
	}
	for i, n := range count { // binomial: 600 draws of 1/4, 150 ± 10.6
		if n < 105 || n > 195 {
			t.Errorf("sentence %d is drawn %d times, want about 150", i, n)
		}
	}
	again, _ := run(t, s, knn.Random(8))
	if gocmp.Equal(lists, again) {
		t.Error("another seed draws the same")
	}
}

func TestRandomStaysTheSame(t *testing.T) {
	s := &knn.Search{Train: corpus(ask("PER", strings.Fields("a b c d e f g h i j")...)), Source: corpus(ask("PER", "one", "two")), Num: 5}
	lists, _ := run(t, s, knn.Random(1))
	if d := gocmp.Diff([][]int{{3, 5, 7, 6, 9}, {2, 8, 4, 3, 0}}, numbers(lists)); d != "" {
		t.Error(d)
	}
}

func TestTheNumberOfCoresChangesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	train := random(r, 300).Corpus
	source := random(r, 300).Corpus
	s := &knn.Search{Train: train, Source: source, Num: 8}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for name, m := range map[string]knn.Method{"labels": knn.Labels(), "bm25": knn.BM25(), "random": knn.Random(3), "cosine": knn.Cosine(vectors(r, 300, 7), vectors(r, 300, 7))} {
		runtime.GOMAXPROCS(1)
		one, _ := run(t, s, m)
		runtime.GOMAXPROCS(7)
		seven, _ := run(t, s, m)
		if d := gocmp.Diff(one, seven); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestProgressTellsOfEverySentence(t *testing.T) {
	source := random(rand.New(rand.NewPCG(1, 2)), 100).Corpus
	last := 0
	run(t, &knn.Search{Train: source, Source: source, Num: 1, Progress: func(done int) {
		if done <= last {
			t.Errorf("%d after %d", done, last)
		}
		last = done
	}}, knn.BM25())
	if last != 100 {
		t.Errorf("ended at %d", last)
	}
}

func TestASearchStops(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	c := random(r, 2000).Corpus
	s := &knn.Search{Train: c, Source: c, Num: 3}
	v := vectors(r, 2000, 3)
	broken := errors.New("broken pipe")
	for name, m := range map[string]knn.Method{"labels": knn.Labels(), "bm25": knn.BM25(), "random": knn.Random(3), "cosine": knn.Cosine(v, v)} {
		ctx, cancel := context.WithCancel(t.Context())
		rows := 0
		_, err := s.Run(ctx, m, func(int, []knn.Neighbour) error {
			rows++
			cancel()
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s, cancelled after %d rows: %v", name, rows, err)
		}
		rows = 0
		_, err = s.Run(t.Context(), m, func(int, []knn.Neighbour) error {
			rows++
			return broken
		})
		if err != broken || rows != 1 {
			t.Errorf("%s, stopped by emit: %v after %d rows", name, err, rows)
		}
		if _, err = s.Run(ctx, m, func(int, []knn.Neighbour) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("%s, cancelled from the start: %v", name, err)
		}
	}
}

func TestWhatCannotBeSearchedIsRefused(t *testing.T) {
	two := ask("PER", "a", "b")
	v := func(numbers ...float32) [][]float32 { return [][]float32{{1, 2}, numbers} }
	gap := corpus(two)
	gap.Rows = [][]int{{0}, {2}}
	twice := corpus(two)
	twice.Rows = [][]int{{0}, {0}}
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		name   string
		source knn.Corpus
		num    int
		method knn.Method
		want   string
	}{
		{"no neighbours", corpus(two), 0, knn.BM25(), "0 for each row"},
		{"a gap in the rows", gap, 1, knn.BM25(), "not numbered from 0"},
		{"a row twice", twice, 1, knn.BM25(), "not numbered from 0"},
		{"a vector too few", corpus(two), 1, knn.Cosine(v(1, 2), v(1, 2)[:1]), "2 for 2 training sentences, 1 for 2 source sentences"},
		{"a longer vector", corpus(two), 1, knn.Cosine(v(1, 2, 3), v(1, 2)), "training vector 1 has 3 dimensions, the first one 2"},
		{"a shorter vector", corpus(two), 1, knn.Cosine(v(1, 2), v(1)), "source vector 1 has 1 dimension, the first one 2"},
		{"not a number", corpus(two), 1, knn.Cosine(v(1, nan), v(1, 2)), "training vector 1 has length NaN"},
		{"infinite", corpus(two), 1, knn.Cosine(v(1, 2), v(1, -inf)), "source vector 1 has length +Inf"},
		{"too long", corpus(two), 1, knn.Cosine(v(1, 2), v(1, 1e30)), "source vector 1 has length 1"},
	} {
		s := &knn.Search{Train: corpus(two), Source: c.source, Num: c.num}
		_, err := s.Run(t.Context(), c.method, func(int, []knn.Neighbour) error { return nil })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestLines(t *testing.T) {
	for _, c := range []struct {
		list               []knn.Neighbour
		rows, similarities string
	}{
		{nil, "[]\n", "[]\n"},
		{[]knn.Neighbour{{17, 12.5}}, "[17]\n", "[12.5]\n"},
		{[]knn.Neighbour{{3, 12.3456789}, {17, 1}, {8, 0.00001234567}, {0, 0}, {5, -0.25}}, "[3, 17, 8, 0, 5]\n", "[12.3457, 1, 1.23457e-05, 0, -0.25]\n"},
	} {
		if got := string(knn.AppendLine(nil, c.list)); got != c.rows {
			t.Errorf("got %q, want %q", got, c.rows)
		}
		if got := string(knn.AppendSimilarities(nil, c.list)); got != c.similarities {
			t.Errorf("got %q, want %q", got, c.similarities)
		}
	}
}

func TestLinesAreReadAsAKNNFile(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	train := random(r, 40).Corpus
	source := random(r, 40).Corpus
	lists, _ := run(t, &knn.Search{Train: train, Source: source, Num: 5}, knn.BM25())
	var file []byte
	for _, list := range lists {
		file = knn.AppendLine(file, list)
	}
	path := filepath.Join(t.TempDir(), "test.knn.jsonl")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := mrc.OpenNeighbours(path, len(lists), len(slices.Concat(train.Rows...)))
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	got := make([][]int, len(lists))
	for i := range lists {
		if got[i], err = k.Append(nil, i, 5); err != nil {
			t.Error(err)
		}
	}
	if d := gocmp.Diff(numbers(lists), got); d != "" {
		t.Error(d)
	}
}

// corpusOf returns the corpus of an MRC file with these rows.
func corpusOf(t *testing.T, rows string) knn.Corpus {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mrc-ner.train")
	if err := os.WriteFile(path, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := mrc.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	c, err := knn.Sentences(f)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheFileOfSimilaritiesGoesWithThatOfRows(t *testing.T) {
	const rows = `[{"context":"Ada left","entity_label":"PER","start_position":[0],"end_position":[0]},{"context":"Ada left","entity_label":"LOC","start_position":[],"end_position":[]},
{"context":"Bob left","entity_label":"PER","start_position":[5],"end_position":[5]},{"context":"Bob left","entity_label":"LOC","start_position":[],"end_position":[]}]`
	c := corpusOf(t, rows)
	if d := gocmp.Diff([]string{"Ada left", "Bob left"}, c.Texts); d != "" || c.Label(3) != "LOC" {
		t.Errorf("%s, row 3 asks for %s", d, c.Label(3))
	}
	for i, want := range [][]segment.Range{{{Start: 0, End: 3}}, nil, nil, nil} { // the span of row 2 is not in its sentence
		if got, err := c.Entities(i); !slices.Equal(got, want) || err != nil {
			t.Errorf("row %d: %v, %v", i, got, err)
		}
	}
	s := knn.Search{Train: c, Source: c, Num: 2, More: []knn.Setting{{Name: "train", Value: "train"}}}
	var neighbours, similarities, alone strings.Builder
	if _, err := s.Write(t.Context(), knn.BM25(), &neighbours, &similarities); err != nil {
		t.Fatal(err)
	}
	const settings = `{"method":"bm25","k1":1.2,"b":0.75,"num":2,"diverse":false,"train":"train"}`
	if neighbours.String() != "[2]\n[3]\n[0]\n[1]\n" || strings.Count(similarities.String(), "\n") != 5 || !strings.HasSuffix(similarities.String(), "]\n"+settings+"\n") {
		t.Errorf("got %q and %q", &neighbours, &similarities)
	}
	if _, err := s.Write(t.Context(), knn.BM25(), &alone, nil); err != nil || alone.String() != neighbours.String() {
		t.Errorf("alone: %q, %v", &alone, err)
	}
	full := errors.New("full")
	for _, w := range [][2]io.Writer{{failing{full}, &alone}, {&alone, failing{full}}, {failing{full}, nil}} {
		if _, err := s.Write(t.Context(), knn.BM25(), w[0], w[1]); !errors.Is(err, full) {
			t.Errorf("got %v", err)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
