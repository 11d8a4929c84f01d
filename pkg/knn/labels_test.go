package knn_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"nertools/pkg/knn"
	"nertools/pkg/segment"
)

// naiveLabels is the formula of Labels, word by word. label "" stands for all of them.
func naiveLabels(train randomCorpus) func(query []string, doc int, label string) float64 {
	words := train.words()
	type question struct{ text, label string }
	entities := map[question][][2]int{} // of all sentences that are equal
	texts := map[string]bool{}
	df := map[string]int{}
	total := 0
	for i, rows := range train.Rows {
		text := key(train.Texts[i])
		for _, row := range rows {
			for _, label := range []string{train.Label(row), ""} {
				entities[question{text, label}] = append(entities[question{text, label}], train.marked[row]...)
			}
		}
		if !texts[text] {
			texts[text] = true
			total += len(words[i])
			for _, w := range slices.Compact(slices.Sorted(slices.Values(words[i]))) {
				df[w]++
			}
		}
	}
	n := float64(len(texts))
	round := func(x float64) float64 { return math.Round(x*1048576) / 1048576 }
	return func(query []string, doc int, label string) (sum float64) {
		marked := entities[question{key(train.Texts[doc]), label}]
		for _, w := range slices.Compact(slices.Sorted(slices.Values(query))) {
			tf, inside, near := 0.0, 0.0, 0.0
			for at, v := range words[doc] {
				if v != w {
					continue
				}
				tf++
				in, by := false, false
				for _, e := range marked {
					in = in || at >= e[0] && at < e[1]
					by = by || at >= e[0]-2 && at < e[1]+2
				}
				if in {
					inside = 1
				} else if by {
					near = 1
				}
			}
			if tf > 0 {
				d := float64(df[w])
				idf := round(math.Log(1 + (n-d+0.5)/(d+0.5)))
				norm := 1.2 * (1 - 0.75 + float64(0.75*float64(len(words[doc]))/(float64(total)/n)))
				sum += round(float64(idf*idf) * tf / (tf + norm) * (1 + 3*inside + near))
			}
		}
		return sum
	}
}

func TestLabelsFindsWhatTheFormulaDoes(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		train, source := random(r, 1+r.IntN(60)), random(r, 1+r.IntN(40))
		s := &knn.Search{Train: train.Corpus, Source: source.Corpus, Num: 1 + r.IntN(20), Diverse: seed%2 == 1}
		similarity := naiveLabels(train)
		got, _ := run(t, s, knn.Labels())
		want := naive(s, func(i, j, row int) float64 {
			label := train.Label(row)
			if s.Diverse && len(train.marked[row]) == 0 {
				label = "" // what contains no entity is compared by all labels
			}
			return similarity(source.samples[i].words, j, label)
		})
		if d := gocmp.Diff(want, got); d != "" {
			t.Fatalf("seed %d, diverse %v: %s", seed, s.Diverse, d)
		}
	}
}

func TestLabelsFindsRowsWithoutAnEntityBehindManyWithOne(t *testing.T) {
	// By all labels, the 40 sentences with a person are nearer than the 3 without, and by
	// persons, they are farther.
	var rows []row
	for i := range 43 {
		text, place := fmt.Sprint("near by the ", i), "near by"
		person := part(text, fmt.Sprint(i))
		if i < 3 {
			place, person = "by", nil
		}
		rows = append(rows, row{text: text, label: "PER", marked: person}, row{text: text, label: "LOC", marked: part(text, place)})
	}
	s := &knn.Search{Train: corpus(rows), Source: corpus(ask("PER", "near by")), Num: 6, Diverse: true}
	lists, _ := run(t, s, knn.Labels())
	if d := gocmp.Diff([]int{6, 0, 8, 2, 10, 4}, numbers(lists)[0]); d != "" {
		t.Error(d, lists[0])
	}
}

// part returns where a string is in a text.
func part(text, of string) []segment.Range {
	at := strings.Index(text, of)
	return []segment.Range{{Start: at, End: at + len(of)}}
}

func TestLabelsPrefersWhatIsMarkedUnderTheLabel(t *testing.T) {
	for _, c := range []struct {
		name, asked   string
		marked, plain string // the same words; an entity of the label in one of them
		entity        string
	}{
		{"inside", "apple", "buy apple now", "buy apple now .", "apple"},
		{"near", "in yonder", "born in Ulm", "born in Ulm ,", "Ulm"},
		{"Chinese, without spaces", "他在北京", "我住在北京市", "我住在北京市。", "北京"},
		{"Chinese, a token for each character", "他 在 北 京", "我 住 在 北 京", "我 住 在 北 京 。", "北 京"},
		{"Chinese, one character", "中美关系", "中美会谈", "中美会谈。", "美"},
		{"Thai", "ไปกรุงเทพ", "อยู่กรุงเทพนาน", "อยู่กรุงเทพนาน!", "กรุงเทพ"},
		{"the part of a word", "aspirins", "took aspirins .", "took aspirins", "aspirin"},
		{"after letters that are written in another way", "Zoë", "ﬁrst ｆｏｒ Zoe\u0308 .", "ﬁrst ｆｏｒ Zoe\u0308", "Zoe\u0308"},
		{"after spaces", "Ada", "\u2003 then \t\n Ada", "then Ada .", "Ada"},
	} {
		train := []row{{text: c.plain, label: "X"}, {text: c.marked, label: "X", marked: part(c.marked, c.entity)}}
		for _, diverse := range []bool{false, true} {
			lists, _ := run(t, &knn.Search{Train: corpus(train), Source: corpus(ask("X", c.asked)), Num: 2, Diverse: diverse}, knn.Labels())
			if list := lists[0]; list[0].Row != 1 || list[0].Similarity < 1.5*list[1].Similarity || list[1].Similarity <= 0 {
				t.Errorf("%s, diverse %v: %v", c.name, diverse, list)
			}
		}
	}
}

func TestLabelsShowsHardNegatives(t *testing.T) {
	// Row 3 has no person, but a place with the name that is asked about.
	train := []row{
		{text: "Ada met Bob", label: "PER", marked: part("Ada met Bob", "Ada")},
		{text: "the met said so", label: "PER"}, {text: "the met said so", label: "LOC"},
		{text: "met in Paris", label: "PER"}, {text: "met in Paris", label: "LOC", marked: part("met in Paris", "Paris")},
		{text: "Paris is not Paris met", label: "PER"},
	}
	s := &knn.Search{Train: corpus(train), Source: corpus(ask("PER", "Ada met Paris Hilton")), Num: 3, Diverse: true}
	lists, _ := run(t, s, knn.Labels())
	if d := gocmp.Diff([]int{0, 3, 5}, numbers(lists)[0]); d != "" {
		t.Error(d)
	}
}

func TestFrequentWordsDoNotCount(t *testing.T) {
	for _, c := range []struct {
		common int // training sentences with the word, of 1200
		counts bool
	}{{120, true}, {121, false}} {
		var train []row
		for i := range 1200 {
			text := fmt.Sprint("s", i)
			if i >= 1200-c.common {
				text += " the"
			}
			train = append(train, row{text: text, label: "X"})
		}
		lists, _ := run(t, &knn.Search{Train: corpus(train), Source: corpus(ask("X", "the")), Num: 1}, knn.Labels())
		if counts := lists[0][0].Similarity > 0; counts != c.counts {
			t.Errorf("a word in %d of 1200 sentences: %v", c.common, lists[0])
		}
	}
	// In a small set, a word in every sentence counts.
	lists, _ := run(t, &knn.Search{Train: corpus(ask("X", "the a", "the b")), Source: corpus(ask("X", "the")), Num: 1}, knn.Labels())
	if lists[0][0].Similarity <= 0 {
		t.Error(lists)
	}
}

func TestNoMethodShowsASentenceToItself(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 2))
		c := random(r, 80)
		v := vectors(r, 80, 5)
		for name, m := range map[string]knn.Method{"labels": knn.Labels(), "bm25": knn.BM25(), "random": knn.Random(1), "embedding": knn.Cosine(v, v)} {
			sentence := map[int]string{}
			for i, rows := range c.Rows {
				for _, row := range rows {
					sentence[row] = key(c.Texts[i])
				}
			}
			s := &knn.Search{Train: c.Corpus, Source: c.Corpus, Num: 40, Diverse: seed%2 == 0}
			lists, coverage := run(t, s, m)
			for row, list := range lists {
				for _, n := range list {
					if sentence[n.Row] == sentence[row] {
						t.Fatalf("%s: row %d is shown row %d, the same sentence", name, row, n.Row)
					}
				}
			}
			if coverage.Leaked != 80 {
				t.Errorf("%s: %+v", name, coverage)
			}
		}
	}
}

// What the asked rows mark has no influence: the neighbours are those of unmarked rows.
func TestTheAnswersOfTheAskedRowsAreNotRead(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	train, source := random(r, 50), random(r, 50)
	for _, diverse := range []bool{false, true} {
		s := &knn.Search{Train: train.Corpus, Source: source.Corpus, Num: 9, Diverse: diverse}
		s.Source.Entities = func(row int) ([]segment.Range, error) {
			t.Fatalf("the entities of row %d were read", row)
			return nil, nil
		}
		run(t, s, knn.Labels())
	}
}

func TestTheEntitiesOfAnMRCFileArePartsOfItsSentences(t *testing.T) {
	const rows = `[{"context":"  Zoë  saw\tthe the North  Sea ","entity_label":"LOC","start_position":[4,0],"end_position":[5,9]},
{"context":"I took “aspirins”.","entity_label":"DRUG","form":"text","spans":[[8,15]]},
{"context":"我住在北京。","entity_label":"LOC","form":"text","spans":[[3,5],[3,4]]}]`
	c := corpusOf(t, rows)
	for row, want := range []string{"North  Sea", "aspirin", "北京"} {
		entities, err := c.Entities(row)
		if err != nil || len(entities) != 1 || c.Texts[row][entities[0].Start:entities[0].End] != want {
			t.Errorf("row %d: %v, %v, want %q", row, entities, err, want)
		}
	}
}
