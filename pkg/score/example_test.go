package score_test

import (
	"fmt"
	"os"

	"nertools/pkg/corpus"
	"nertools/pkg/markup"
	"nertools/pkg/score"
)

// One of two predicted entities is right, and one gold entity is missed.
func ExampleScorer() {
	person := func(start, end int) corpus.Entity {
		return corpus.Entity{Span: markup.Span{Start: start, End: end}, Label: "PER"}
	}
	s := score.New(score.Strict, []string{"PER"})
	s.Add([]corpus.Entity{person(0, 2), person(5, 6)}, []corpus.Entity{person(0, 2), person(3, 4)})
	e := s.Report(0, 1)
	fmt.Printf("%.2f %.2f %.2f\n", e.Micro.Precision(), e.Micro.Recall(), e.Micro.F1())
	if err := e.WriteTable(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 0.50 0.50 0.50
	// label  precision  recall     F1  tp  fp  fn
	// PER        50.00   50.00  50.00   1   1   1
	//
	// micro      50.00   50.00  50.00   1   1   1
	// macro      50.00   50.00  50.00
	//
	// match: strict, sentences: 1
	// correct: 1, wrong label: 0, wrong boundary: 0, missed: 1, spurious: 1
}
