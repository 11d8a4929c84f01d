package segment_test

import (
	"fmt"

	"nertools/pkg/segment"
)

func ExampleSentences() {
	text := "Dr. Li gave him 3.5 mg.\nHe slept until 8 a.m. on Monday!"
	for _, r := range segment.Sentences(text, nil) {
		fmt.Printf("%d %q\n", r.Start, text[r.Start:r.End])
	}
	// Output:
	// 0 "Dr. Li gave him 3.5 mg."
	// 24 "He slept until 8 a.m. on Monday!"
}
