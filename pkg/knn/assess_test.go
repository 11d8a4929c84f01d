package knn_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"nertools/pkg/knn"
	"nertools/pkg/markup"
	"nertools/pkg/score"
	"nertools/pkg/segment"
)

func labels(_, _ []int) knn.Method { return knn.Labels() }

func TestAssessCountsWhatCopyingFinds(t *testing.T) {
	for _, c := range []struct {
		name, a, b string // sentences with two names, %d for their number
		first      string
		second     string
		unit       markup.Unit
		words      int // inside entities
	}{
		{"tokens", "Ada Lovelace left %d", "then Bob sang %d", "Ada Lovelace", "Bob", markup.Token, 2*5 + 4},
		{"text", "“Ada Lovelace”, left %d.", "(Then Bob-%d sang.)", "Ada Lovelace", "Bob", markup.Char, 2*5 + 4},
		{"Chinese", "李明离开了%d。", "我见王芳%d。", "李明", "王芳", markup.Char, 2*5 + 2*4},
		{"Thai", "สมชายไปแล้ว %d", "พบมาลี %d", "สมชาย", "มาลี", markup.Char, 5*5 + 4*4},
	} {
		var rows []row
		for i := range 10 {
			text, name := fmt.Sprintf(c.a, i), c.first
			if i >= 5 {
				text, name = fmt.Sprintf(c.b, i), c.second
			}
			r := row{text: text, label: "PER", marked: part(text, name)}
			if i == 9 {
				r.marked = nil // so copying marks one too many
			}
			rows = append(rows, row{text: text, label: "LOC"}, r)
		}
		again := strings.Replace(rows[1].text, " ", "  ", 1)
		if again != rows[1].text { // an equal sentence is not asked about, and shows nothing
			rows = append(rows, row{text: again, label: "PER"})
		}
		train := corpus(rows)
		train.Unit = func(int) markup.Unit { return c.unit }
		for _, diverse := range []bool{false, true} {
			s := &knn.Search{Train: train, Num: 9, Diverse: diverse}
			list, err := s.Assess(t.Context(), []int{1, 9}, labels)
			if err != nil {
				t.Fatal(err)
			}
			for i, num := range []int{1, 9} {
				q := list[i]
				want := score.Counts{TP: 9, FP: 1}
				if q.Num != num || q.Copies.Counts != want || q.Words != c.words || q.Shown != c.words || q.Rows != 20 || q.Empty != 10 {
					t.Errorf("%s, diverse %v: %+v", c.name, diverse, q)
				}
			}
		}
	}
}

func TestAssessCountsWhatIsNotShown(t *testing.T) {
	// Each name occurs once, the second name inside a longer one.
	texts := []string{"Ada left", "Bob left", "the North Sea", "a sea", "Carl left"}
	rows := []row{
		{text: texts[0], label: "X", marked: part(texts[0], "Ada")}, {text: texts[1], label: "X", marked: part(texts[1], "Bob")},
		{text: texts[2], label: "X", marked: part(texts[2], "North Sea")}, {text: texts[3], label: "X", marked: part(texts[3], "sea")}, {text: texts[4], label: "X"},
	}
	list, err := (&knn.Search{Train: corpus(rows), Num: 4}).Assess(t.Context(), []int{4}, func(_, _ []int) knn.Method { return knn.BM25() })
	if err != nil {
		t.Fatal(err)
	}
	// "sea" and "Sea" are the same word, but not the same token.
	if q := list[0]; q.Copies.Counts != (score.Counts{FN: 4}) || q.Words != 5 || q.Shown != 2 || q.Rows != 5 || q.Empty != 0 {
		t.Errorf("%+v", q)
	}
}

// Folds share no sentence, and the method is asked for those of the fold.
func TestAssessAsksNothingThatItShows(t *testing.T) {
	texts := map[int]int{} // how often each sentence is asked about
	s := &knn.Search{Train: corpus(ask("LOC PER", "a", "b", "c", "d", "e", "f", "a ", "g")), Num: 3}
	if _, err := s.Assess(t.Context(), []int{3}, func(train, source []int) knn.Method {
		if len(train)+len(source) != 7 {
			t.Errorf("%v and %v", train, source)
		}
		for _, i := range source {
			texts[i]++
			for _, j := range train {
				if i == j {
					t.Errorf("sentence %d is asked about and shown", i)
				}
			}
		}
		return knn.Random(1)
	}); err != nil || len(texts) != 7 || texts[0] != 1 || texts[6] != 0 {
		t.Error(texts, err)
	}
	broken := errors.New("broken")
	s.Train.Entities = func(int) ([]segment.Range, error) { return nil, broken }
	if _, err := s.Assess(t.Context(), []int{3}, labels); !errors.Is(err, broken) {
		t.Error(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	s.Train = corpus(ask("PER", "a", "b"))
	if _, err := s.Assess(ctx, []int{3}, labels); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
