package safetext_test

import (
	"fmt"

	"nertools/pkg/safetext"
)

func ExampleMessage() {
	fmt.Println(safetext.Message("\x1b[31mwrong key\x1b[0m sk-proj-0123456789abcdef\nner-run: 100 rows: 100 ok"))
	// Output:
	// wrong key sk-… ner-run: 100 rows: 100 ok
}
