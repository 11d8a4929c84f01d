package knn_test

import (
	"context"
	"fmt"

	"nertools/pkg/knn"
)

// The sentence that shares the rare word is nearest.
func ExampleSearch() {
	rows := func(texts ...string) knn.Corpus {
		c := knn.Corpus{Texts: texts, Label: func(int) string { return "LOC" }, Shows: func(int) (bool, error) { return false, nil }}
		for i := range texts {
			c.Rows = append(c.Rows, []int{i})
		}
		return c
	}
	s := knn.Search{
		Train:  rows("the ship left the harbour", "the minister left", "rain fell in Kraków"),
		Source: rows("the trains to Kraków"),
		Num:    2,
	}
	_, err := s.Run(context.Background(), knn.BM25(), func(row int, list []knn.Neighbour) error {
		fmt.Print(row, ": ", string(knn.AppendLine(nil, list)))
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output: 0: [2, 0]
}
