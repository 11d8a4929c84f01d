package mrc_test

import (
	"fmt"

	"nertools/pkg/mrc"
)

func ExampleOpen() {
	f, err := mrc.Open(mrc.Path("../../examples/news", "test"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	var row mrc.Row
	if err := f.Decode(0, &row); err != nil {
		fmt.Println(err)
	}
	fmt.Println(f.Len(), "rows")
	fmt.Println(row.Label, row.Spans, row.Context)
	// Output:
	// 148 rows
	// PER [{0 2}] Ingrid Solheim arrived in Kraków on Monday for talks with the Polish president .
}
