package score_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/corpus"
	"nertools/pkg/markup"
	"nertools/pkg/score"
)

// entities reads "0-2 PER, 3-4 ORG": half-open spans with their labels.
func entities(t testing.TB, s string) []corpus.Entity {
	t.Helper()
	var list []corpus.Entity
	for part := range strings.SplitSeq(s, ", ") {
		if part == "" {
			continue
		}
		var e corpus.Entity
		if _, err := fmt.Sscanf(part, "%d-%d %s", &e.Start, &e.End, &e.Label); err != nil {
			t.Fatalf("%q: %v", part, err)
		}
		list = append(list, e)
	}
	return list
}

func TestEveryEntityIsSetBesideWhatItWasTakenFor(t *testing.T) {
	for _, c := range []struct{ name, gold, predicted, want string }{
		{"nothing", "", "", ""},
		{"the same", "0-2 PER", "0-2 PER", "correct 0 0"},
		{"the same span", "0-2 PER", "0-2 ORG", "wrong label 0 0"},
		{"the same label, shorter", "0-2 PER", "0-1 PER", "wrong boundary 0 0"},
		{"the same label, across", "0-2 PER", "1-3 PER", "wrong boundary 0 0"},
		{"the same label, next to it", "0-2 PER", "2-3 PER", "missed 0 -1, spurious -1 0"},
		{"another label, shorter", "0-2 PER", "0-1 ORG", "missed 0 -1, spurious -1 0"},
		{"only in the gold", "0-2 PER", "", "missed 0 -1"},
		{"only predicted", "", "0-2 PER", "spurious -1 0"},
		{"in the order of the sentence", "4-5 PER, 0-1 PER", "2-3 PER, 0-1 PER", "correct 1 1, spurious -1 0, missed 0 -1"},
		{"the longer first", "0-1 PER, 0-3 ORG", "", "missed 1 -1, missed 0 -1"},
		{"equal goes before overlapping", "0-2 PER", "0-1 PER, 0-2 PER", "correct 0 1, spurious -1 0"},
		{"the same span goes before the same label", "0-2 PER", "0-1 PER, 0-2 ORG", "wrong label 0 1, spurious -1 0"},
		{"equal goes before the same span", "0-2 PER, 0-2 LOC", "0-2 MISC, 0-2 LOC", "correct 1 1, wrong label 0 0"},
		{"several labels at one span go by the alphabet", "0-1 C, 0-1 A", "0-1 D, 0-1 B", "wrong label 1 1, wrong label 0 0"},
		{"one long for two short", "0-1 PER, 2-3 PER", "0-3 PER", "wrong boundary 0 0, missed 1 -1"},
		{"as many pairs as can be", "0-4 PER, 0-1 PER", "0-2 PER, 2-5 PER", "wrong boundary 0 1, wrong boundary 1 0"},
		{"what stands twice is paired once each", "0-1 PER, 0-1 PER", "0-1 PER", "correct 0 0, missed 1 -1"},
	} {
		var got []string
		for _, d := range score.Compare(entities(t, c.gold), entities(t, c.predicted)) {
			got = append(got, fmt.Sprint(d.Kind, d.Gold, d.Predicted))
		}
		if d := cmp.Diff(c.want, strings.Join(got, ", ")); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

// random makes entities of a small sentence from bytes, so that they meet often.
func random(data []byte) (gold, predicted []corpus.Entity) {
	for ; len(data) >= 3 && len(gold)+len(predicted) < 40; data = data[3:] {
		start := int(data[0] % 12)
		e := corpus.Entity{Span: markup.Span{Start: start, End: start + 1 + int(data[1]%5)}, Label: string('A' + rune(data[2]%6/2))}
		if data[2]%2 == 0 {
			gold = append(gold, e)
		} else {
			predicted = append(predicted, e)
		}
	}
	return gold, predicted
}

func randomBytes(r *rand.Rand) []byte {
	data := make([]byte, 3*r.IntN(14))
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return data
}

func TestEveryEntityIsInOneDifference(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		checkCompare(t, randomBytes(r))
	}
}

func FuzzCompare(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 3, 0, 0, 0, 0, 0, 1, 1, 2, 2, 1})
	f.Fuzz(checkCompare)
}

func checkCompare(t *testing.T, data []byte) {
	gold, predicted := random(data)
	golds, predictions := make([]int, len(gold)), make([]int, len(predicted))
	pairs := score.Compare(gold, predicted)
	for _, d := range pairs {
		var g, p corpus.Entity
		if d.Gold >= 0 {
			g = gold[d.Gold]
			golds[d.Gold]++
		}
		if d.Predicted >= 0 {
			p = predicted[d.Predicted]
			predictions[d.Predicted]++
		}
		both := d.Gold >= 0 && d.Predicted >= 0
		if ok := map[score.Relation]bool{
			score.Correct:       both && g == p,
			score.WrongLabel:    both && g.Span == p.Span && g.Label != p.Label,
			score.WrongBoundary: both && g.Span != p.Span && g.Label == p.Label && meet(g, p),
			score.Missed:        d.Gold >= 0 && d.Predicted == -1,
			score.Spurious:      d.Predicted >= 0 && d.Gold == -1,
		}[d.Kind]; !ok {
			t.Fatalf("%v: %v and %v", d, g, p)
		}
	}
	if slices.ContainsFunc(slices.Concat(golds, predictions), func(n int) bool { return n != 1 }) {
		t.Fatalf("%v of %v and %v", pairs, gold, predicted)
	}
	// Nothing that could be paired is left.
	for _, a := range pairs {
		for _, b := range pairs {
			if a.Kind != score.Missed || b.Kind != score.Spurious {
				continue
			}
			if g, p := gold[a.Gold], predicted[b.Predicted]; g.Span == p.Span || g.Label == p.Label && meet(g, p) {
				t.Fatalf("%v and %v are left", g, p)
			}
		}
	}
	swapped := map[string]int{}
	for _, d := range pairs {
		swapped[text(gold, d.Gold)+" "+text(predicted, d.Predicted)]++
	}
	for _, d := range score.Compare(predicted, gold) {
		swapped[text(gold, d.Predicted)+" "+text(predicted, d.Gold)]--
	}
	for pair, n := range swapped {
		if n != 0 {
			t.Fatalf("exchanged, %s comes %d times less", pair, n)
		}
	}
}

func text(list []corpus.Entity, i int) string {
	if i < 0 {
		return "-"
	}
	return strconv.Itoa(list[i].Start) + "-" + strconv.Itoa(list[i].End) + list[i].Label
}

func meet(a, b corpus.Entity) bool { return max(a.Start, b.Start) < min(a.End, b.End) }
