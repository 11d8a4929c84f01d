package english_test

import (
	"fmt"

	"nertools/pkg/english"
)

func ExampleCount() {
	fmt.Println(english.Count(1, "sentence") + ", " + english.Count(2, "entity"))
	// Output: 1 sentence, 2 entities
}
