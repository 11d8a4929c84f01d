package corpus_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/corpus"
	"nertools/pkg/markup"
)

func TestEntitiesAreOrderedByPlaceThenLabel(t *testing.T) {
	want := []corpus.Entity{
		entity(0, 3, "LOC"), entity(0, 2, "PER"), entity(0, 2, "LOC"), entity(0, 2, "A"), entity(0, 2, "B"), entity(1, 5, "A"),
	}
	got := []corpus.Entity{want[5], want[4], want[2], want[3], want[0], want[1]}
	corpus.Sort(got, ranks)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	corpus.Sort(got, nil)
	if got[1].Label != "A" || got[4].Label != "PER" {
		t.Errorf("without an order: %v", got)
	}
}

func TestOfOverlappingEntitiesTheLongestThenTheFirstInOrderStays(t *testing.T) {
	for _, c := range []struct {
		name     string
		in, want []corpus.Entity
	}{
		{"none", nil, nil},
		{"side by side", []corpus.Entity{entity(0, 1, "A"), entity(1, 2, "A")}, []corpus.Entity{entity(0, 1, "A"), entity(1, 2, "A")}},
		{"nested", []corpus.Entity{entity(0, 3, "ORG"), entity(1, 2, "PER")}, []corpus.Entity{entity(0, 3, "ORG")}},
		{"crossing, equally long: by label", []corpus.Entity{entity(0, 2, "LOC"), entity(1, 3, "PER")}, []corpus.Entity{entity(1, 3, "PER")}},
		{"crossing, one label: the first", []corpus.Entity{entity(0, 2, "PER"), entity(1, 3, "PER")}, []corpus.Entity{entity(0, 2, "PER")}},
		{"one place, two labels", []corpus.Entity{entity(0, 2, "LOC"), entity(0, 2, "PER")}, []corpus.Entity{entity(0, 2, "PER")}},
		{"labels without rank: the alphabet", []corpus.Entity{entity(0, 2, "Y"), entity(1, 3, "X")}, []corpus.Entity{entity(1, 3, "X")}},
		{"a longer one frees what only a left one overlaps", []corpus.Entity{entity(0, 2, "PER"), entity(1, 5, "LOC"), entity(4, 9, "ORG")}, []corpus.Entity{entity(0, 2, "PER"), entity(4, 9, "ORG")}},
	} {
		before := slices.Clone(c.in)
		kept, left := corpus.Flat(c.in, ranks)
		if d := cmp.Diff(c.want, kept); d != "" || left != len(c.in)-len(c.want) {
			t.Errorf("%s: %d left, %s", c.name, left, d)
		}
		if d := cmp.Diff(before, c.in); d != "" {
			t.Errorf("%s: the entities have changed: %s", c.name, d)
		}
	}
}

func TestFlatLeavesOutOnlyWhatOverlapsSomethingKept(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 2000 {
		var list []corpus.Entity
		for range r.IntN(8) {
			start := r.IntN(10)
			list = append(list, entity(start, start+1+r.IntN(5), []string{"PER", "LOC", "X"}[r.IntN(3)]))
		}
		corpus.Sort(list, ranks)
		kept, left := corpus.Flat(list, ranks)
		if left != len(list)-len(kept) {
			t.Fatalf("%v: kept %v, left %d", list, kept, left)
		}
		for i, e := range kept {
			if i > 0 && e.Start < kept[i-1].End || !slices.Contains(list, e) {
				t.Fatalf("%v: kept %v", list, kept)
			}
		}
		for _, e := range list {
			if !slices.ContainsFunc(kept, func(k corpus.Entity) bool { return overlap(k.Span, e.Span) && k.End-k.Start >= e.End-e.Start }) {
				t.Fatalf("%v: kept %v, without %v", list, kept, e)
			}
		}
	}
}

func overlap(a, b markup.Span) bool { return a.Start < b.End && b.Start < a.End }

func TestOffsetsAreThoseOfTheText(t *testing.T) {
	var at corpus.Offsets
	for _, s := range append(sample(), random(3, 50)...) {
		at.Reset(&s)
		chars := []rune(s.Text)
		for i := range s.Tokens {
			for j := i + 1; j <= len(s.Tokens); j++ {
				span := markup.Span{Start: i, End: j}
				start, end := at.Bytes(span)
				from, to := at.Chars(span)
				text := s.Text[start:end]
				if d := cmp.Diff(s.Tokens[i:j], markup.AppendTokens(nil, text)); d != "" || text != string(chars[from:to]) {
					t.Fatalf("%q, tokens %d to %d: %q in bytes, %q in code points", s.Text, i, j, text, string(chars[from:to]))
				}
			}
		}
	}
}
