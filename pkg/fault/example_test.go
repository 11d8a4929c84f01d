package fault_test

import (
	"errors"
	"fmt"

	"nertools/pkg/fault"
)

// What is wrong and the remedy stay apart, however often the error is wrapped.
func Example() {
	var err error = &fault.Error{File: "rows.json", Line: 12, Err: errors.New("no label"), Hint: "give each row a label"}
	err = fmt.Errorf("read rows: %w", err)
	fmt.Println(err)
	fmt.Println(fault.Hint(err))
	// Output:
	// read rows: rows.json:12: no label
	// give each row a label
}
