package score_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/corpus"
	"nertools/pkg/fault"
	"nertools/pkg/score"
)

var matches = []score.Match{score.Strict, score.Boundary, score.Overlap}

func TestMatchesHaveNames(t *testing.T) {
	for _, m := range append(matches, score.Published) {
		if got, err := score.ParseMatch(m.String()); got != m || err != nil {
			t.Errorf("%v is read as %v, %v", m, got, err)
		}
	}
	_, err := score.ParseMatch("exact")
	if err == nil || fault.Hint(err) != "choose one of strict, boundary, overlap, published" {
		t.Errorf("%v; %s", err, fault.Hint(err))
	}
}

func TestRates(t *testing.T) {
	for _, c := range []struct {
		counts                score.Counts
		precision, recall, f1 float64
	}{
		{score.Counts{}, 0, 0, 0},
		{score.Counts{TP: 3}, 1, 1, 1},
		{score.Counts{FP: 3}, 0, 0, 0},
		{score.Counts{FN: 3}, 0, 0, 0},
		{score.Counts{TP: 6, FP: 2, FN: 4}, 0.75, 0.6, 12. / 18},
	} {
		if p, r, f := c.counts.Precision(), c.counts.Recall(), c.counts.F1(); p != c.precision || r != c.recall || f != c.f1 {
			t.Errorf("%+v: %v %v %v", c.counts, p, r, f)
		}
	}
}

func TestEachMatchCountsAsItSays(t *testing.T) {
	for _, c := range []struct {
		name, gold, predicted     string
		strict, boundary, overlap string // tp fp fn of A, then B; of labels that occur
	}{
		{"nothing", "", "", "", "", ""},
		{"the same", "0-2 A, 3-4 B", "0-2 A, 3-4 B", "A 1 0 0 B 1 0 0", "A 1 0 0 B 1 0 0", "A 1 0 0 B 1 0 0"},
		{"another label, which is the gold's to count", "0-2 A", "0-2 B", "A 0 0 1 B 0 1 0", "A 1 0 0 B 0 0 0", "A 0 0 1 B 0 1 0"},
		{"another boundary", "0-2 A", "1-2 A", "A 0 1 1", "A 0 1 1", "A 1 0 0"},
		{"another label and boundary", "0-2 A", "1-2 B", "A 0 0 1 B 0 1 0", "A 0 0 1 B 0 1 0", "A 0 0 1 B 0 1 0"},
		{"side by side", "0-2 A", "2-3 A", "A 0 1 1", "A 0 1 1", "A 0 1 1"},
		{"one long for two short counts once", "0-1 A, 1-2 A", "0-2 A", "A 0 1 2", "A 0 1 2", "A 1 0 1"},
		{"two labels at a span, one predicted", "0-1 A, 0-1 B", "0-1 B", "A 0 0 1 B 1 0 0", "A 0 0 1 B 1 0 0", "A 0 0 1 B 1 0 0"},
		{"what stands twice counts once", "0-1 A, 0-1 A", "0-1 A, 2-3 A, 2-3 A", "A 1 1 0", "A 1 1 0", "A 1 1 0"},
		{"the equal ones may be paired with others", "0-2 A, 1-3 A", "1-3 A, 2-5 A", "A 1 1 1", "A 1 1 1", "A 2 0 0"},
		{"nested", "0-5 A, 1-2 A, 3-4 B", "0-4 A, 3-4 B", "A 0 1 2 B 1 0 0", "A 0 1 2 B 1 0 0", "A 1 0 1 B 1 0 0"},
	} {
		for i, want := range []string{c.strict, c.boundary, c.overlap} {
			s := score.New(matches[i], nil)
			s.Add(entities(t, c.gold), entities(t, c.predicted))
			got, space := "", ""
			for _, l := range s.Report(0, 0).Labels {
				got += fmt.Sprint(space, l.Label, " ", l.TP, l.FP, l.FN)
				space = " "
			}
			if got != want {
				t.Errorf("%s, %v: got %q, want %q", c.name, matches[i], got, want)
			}
		}
	}
}

// sample is three sentences with every kind of error.
func sample(t testing.TB, match score.Match) *score.Scorer {
	s := score.New(match, []string{"PER", "LOC", "ORG"})
	s.Add(entities(t, "0-2 PER, 3-4 LOC"), entities(t, "0-2 PER, 3-4 MISC"))
	s.Add(entities(t, "0-1 PER, 2-5 LOC, 6-7 DATE"), entities(t, "0-1 PER, 2-4 LOC"))
	s.Add(entities(t, ""), entities(t, "1-2 PER"))
	return s
}

func TestWhatAScoreDoesNotLookAtIsAnError(t *testing.T) {
	for _, match := range matches {
		if err := score.New(match, nil).AddRows(nil); !errors.Is(err, score.ErrMatch) {
			t.Errorf("rows for %v: %v", match, err)
		}
	}
	if err := score.New(score.Published, nil).Add(nil, nil); !errors.Is(err, score.ErrMatch) {
		t.Errorf("entities for published: %v", err)
	}
}

func TestTheSumOfSentences(t *testing.T) {
	want := &score.Evaluation{
		Match: score.Strict, Sentences: 3,
		Micro: score.Score{Counts: score.Counts{TP: 2, FP: 3, FN: 3}, Errors: score.Errors{2, 1, 1, 1, 1}},
		// PER: 2/3, 1, 0.8; the others that occur: 0.
		Macro: score.Macro{Labels: 4, Precision: 2. / 3 / 4, Recall: 1. / 4, F1: 0.8 / 4},
		Labels: []score.Score{
			{Label: "PER", Counts: score.Counts{TP: 2, FP: 1}, Errors: score.Errors{score.Correct: 2, score.Spurious: 1}},
			{Label: "LOC", Counts: score.Counts{FP: 1, FN: 2}, Errors: score.Errors{score.WrongLabel: 1, score.WrongBoundary: 1}},
			{Label: "ORG"},
			{Label: "DATE", Counts: score.Counts{FN: 1}, Errors: score.Errors{score.Missed: 1}},
			{Label: "MISC", Counts: score.Counts{FP: 1}},
		},
		Errors:    score.Errors{2, 1, 1, 1, 1},
		Confusion: []score.Confusion{{Gold: "LOC", Predicted: "MISC", Count: 1}},
	}
	if d := cmp.Diff(want, sample(t, score.Strict).Report(0, 0)); d != "" {
		t.Error(d)
	}
}

func TestConfusionsAreInOrder(t *testing.T) {
	s := score.New(score.Strict, []string{"Z", "A"})
	for range 2 {
		s.Add(entities(t, "0-1 A"), entities(t, "0-1 B"))
	}
	s.Add(entities(t, "0-1 A, 1-2 A, 2-3 Z, 3-4 A"), entities(t, "0-1 Z, 1-2 C, 2-3 A, 3-4 C"))
	want := []score.Confusion{{"A", "B", 2}, {"A", "C", 2}, {"Z", "A", 1}, {"A", "Z", 1}}
	if d := cmp.Diff(want, s.Report(0, 0).Confusion); d != "" {
		t.Error(d)
	}
}

func TestAPublishedScoreIsTheSumOfItsRows(t *testing.T) {
	s := score.New(score.Published, []string{"PER", "LOC"})
	s.AddRows([]score.Case{
		{Label: "PER", Sentence: "Ada met Bob", Answer: "@@Ada## met @@Bob##", Gold: spans(t, "0-1 2-3")},
		{Label: "LOC", Sentence: "Ada met Bob", Answer: "@@Ada## met Bob"},
	})
	s.AddRows([]score.Case{{Label: "PER", Sentence: "Bob ran", Answer: "", Gold: spans(t, "0-1")}})
	r := s.Report(0, 0)
	want := []score.Score{{Label: "PER", Counts: score.Counts{TP: 2, FN: 1}}, {Label: "LOC", Counts: score.Counts{FP: 1}}}
	if d := cmp.Diff(want, r.Labels); d != "" || r.Sentences != 2 {
		t.Errorf("%d sentences: %s", r.Sentences, d)
	}
}

func TestCountsAddUp(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 3000 {
		checkCounts(t, randomBytes(r))
	}
}

func FuzzCounts(f *testing.F) {
	for _, seed := range [][]byte{nil, {0}, {0, 3, 0, 0, 0, 0, 0, 1, 1, 2, 2, 1}, {0, 2, 1, 3, 1, 4, 0, 5, 2, 4, 1, 1, 0, 3}} {
		f.Add(seed)
	}
	f.Fuzz(checkCounts)
}

func checkCounts(t *testing.T, data []byte) {
	gold, predicted := random(data)
	golds, predictions := set(gold), set(predicted)
	tp := map[score.Match]int{}
	for _, m := range matches {
		s, swapped := score.New(m, nil), score.New(m, nil)
		s.Add(gold, predicted)
		swapped.Add(predicted, gold)
		r := s.Report(0, 0)
		c := r.Micro
		if c.TP+c.FN != len(golds) || c.TP+c.FP != len(predictions) {
			t.Fatalf("%v: %+v of %d golds and %d predictions", m, c.Counts, len(golds), len(predictions))
		}
		if d := swapped.Report(0, 0).Micro; d.Counts != (score.Counts{TP: c.TP, FP: c.FN, FN: c.FP}) {
			t.Fatalf("%v: %+v, exchanged %+v", m, c.Counts, d.Counts)
		}
		e := r.Errors
		pairs := e[score.Correct] + e[score.WrongLabel] + e[score.WrongBoundary]
		if pairs+e[score.Missed] != len(golds) || pairs+e[score.Spurious] != len(predictions) {
			t.Fatalf("%v: errors %v of %d golds and %d predictions", m, e, len(golds), len(predictions))
		}
		if m == score.Strict && c.TP != e[score.Correct] {
			t.Fatalf("%d right, %d correct", c.TP, e[score.Correct])
		}
		tp[m] = c.TP
	}
	if tp[score.Strict] > tp[score.Boundary] || tp[score.Strict] > tp[score.Overlap] {
		t.Fatalf("true positives %v", tp)
	}
	if want := maximum(golds, predictions); tp[score.Overlap] != want {
		t.Fatalf("%d pairs of %v and %v, %d can be", tp[score.Overlap], gold, predicted, want)
	}
}

func set(list []corpus.Entity) []corpus.Entity {
	var distinct []corpus.Entity
	for _, e := range list {
		if !slices.Contains(distinct, e) {
			distinct = append(distinct, e)
		}
	}
	return distinct
}

// maximum is the size of a maximum matching, by augmenting paths (Kuhn).
func maximum(gold, predicted []corpus.Entity) (size int) {
	taken := map[int]int{} // predicted -> gold
	var augment func(g int, seen map[int]bool) bool
	augment = func(g int, seen map[int]bool) bool {
		for p := range predicted {
			if seen[p] || gold[g].Label != predicted[p].Label || !meet(gold[g], predicted[p]) {
				continue
			}
			seen[p] = true
			if other, ok := taken[p]; !ok || augment(other, seen) {
				taken[p] = g
				return true
			}
		}
		return false
	}
	for g := range gold {
		if augment(g, map[int]bool{}) {
			size++
		}
	}
	return size
}

// found adds n sentences with so many entities each, of which every fifth
// sentence misses all.
func found(t testing.TB, n, entitiesEach int) *score.Scorer {
	s := score.New(score.Strict, []string{"PER"})
	var gold []corpus.Entity
	for i := range entitiesEach {
		gold = append(gold, entities(t, fmt.Sprintf("%d-%d PER", i, i+1))...)
	}
	for i := range n {
		s.Add(gold, gold[:min(i%5, 1)*entitiesEach])
	}
	return s
}

func TestIntervalsAreAsWideAsTheBinomialSays(t *testing.T) {
	half := 1.96 * math.Sqrt(0.8*0.2/1000)
	for _, entitiesEach := range []int{1, 7} { // sentences are drawn, not entities
		r := found(t, 1000, entitiesEach).Report(2000, 1)
		in := r.Micro.Intervals.Recall
		if math.Abs(in.Low-(0.8-half)) > half/10 || math.Abs(in.High-(0.8+half)) > half/10 {
			t.Errorf("%v, want 0.8 ± %v", in, half)
		}
		if p := r.Micro.Intervals.Precision; p != (score.Interval{Low: 1, High: 1}) {
			t.Errorf("precision, which never varies: %v", p)
		}
		if d := cmp.Diff(r.Micro.Intervals, r.Labels[0].Intervals); d != "" {
			t.Errorf("the only label: %s", d)
		}
		if d := cmp.Diff(r.Micro.Intervals, r.Macro.Intervals); d != "" {
			t.Errorf("the mean over one label: %s", d)
		}
	}
}

func TestIntervalsHoldTheScore(t *testing.T) {
	g := rand.New(rand.NewPCG(7, 8))
	s := score.New(score.Overlap, nil)
	for range 300 {
		s.Add(random(randomBytes(g)))
	}
	r := s.Report(500, 1)
	for _, l := range append(r.Labels, r.Micro) {
		holds(t, l.Precision(), l.Intervals.Precision)
		holds(t, l.Recall(), l.Intervals.Recall)
		holds(t, l.F1(), l.Intervals.F1)
	}
	m := r.Macro
	holds(t, m.Precision, m.Intervals.Precision)
	holds(t, m.Recall, m.Intervals.Recall)
	holds(t, m.F1, m.Intervals.F1)
}

func TestTheNumberOfResamplesIsBounded(t *testing.T) {
	if r := found(t, 1, 1).Report(math.MaxInt, 1); r.Resamples != score.MaxResamples || r.Micro.Intervals == nil {
		t.Errorf("%d resamples, intervals %v", r.Resamples, r.Micro.Intervals)
	}
}

func holds(t *testing.T, rate float64, in score.Interval) {
	t.Helper()
	if !(0 <= in.Low && in.Low < rate && rate < in.High && in.High <= 1) {
		t.Errorf("%v is not in %v", rate, in)
	}
}

func TestIntervalsComeFromTheSeedAlone(t *testing.T) {
	s := found(t, 100, 1)
	want := s.Report(300, 1)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, n := range []int{1, 3, 8} {
		runtime.GOMAXPROCS(n)
		if d := cmp.Diff(want, s.Report(300, 1)); d != "" {
			t.Errorf("on %d cores: %s", n, d)
		}
	}
	if other := s.Report(300, 2).Micro.Intervals; *other == *want.Micro.Intervals {
		t.Errorf("two seeds, one interval: %v", *other)
	}
}

func BenchmarkAdd(b *testing.B) {
	gold, predicted := entities(b, "0-2 PER, 3-4 LOC, 7-9 ORG"), entities(b, "0-2 PER, 3-4 ORG, 8-9 ORG")
	for _, m := range matches {
		b.Run(m.String(), func(b *testing.B) {
			s := score.New(m, nil)
			for b.Loop() {
				s.Add(gold, predicted)
			}
		})
	}
}

// As many sentences and labels as the test part of OntoNotes 5.0 has, and about
// as many entities.
func BenchmarkIntervals(b *testing.B) {
	g := rand.New(rand.NewPCG(1, 1))
	s := score.New(score.Strict, nil)
	for range 8262 {
		gold := make([]corpus.Entity, g.IntN(4))
		for i := range gold {
			gold[i].Start, gold[i].End, gold[i].Label = 2*i, 2*i+1, string('A'+rune(g.IntN(18)))
		}
		s.Add(gold, gold[:g.IntN(len(gold)+1)])
	}
	for b.Loop() {
		s.Report(score.DefaultResamples, 1)
	}
}
