package collect_test

import (
	"fmt"
	"os"
	"strings"

	"nertools/pkg/collect"
)

// Records come in any order; each row of the source gets its line.
func ExampleResults() {
	const records = `{"kind":"result","v":1,"id":"test/2/6dcd4ce23d88","index":2,"total":3,"output":"Bob left ."}
{"kind":"result","v":1,"id":"test/0/0b7d4ce23d21","index":0,"total":3,"output":"@@Ada## left ."}
`
	var r collect.Results
	if _, err := r.Read("results.jsonl", strings.NewReader(records)); err != nil {
		fmt.Println(err)
		return
	}
	if err := r.WriteText(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// @@Ada## left .
	// ERROR: missing: no answer seen
	// Bob left .
}
