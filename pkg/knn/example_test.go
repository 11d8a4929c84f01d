package knn_test

import (
	"context"
	"fmt"
	"os"

	"nertools/pkg/knn"
)

// The sentence that shares the rare word is nearest.
func ExampleSearch() {
	rows := func(texts ...string) knn.Corpus {
		c := knn.Corpus{Texts: texts, Label: func(int) string { return "LOC" }}
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
	if _, err := s.Write(context.Background(), knn.BM25(), os.Stdout, nil); err != nil {
		fmt.Println(err)
	}
	// Output: [2, 0]
}
