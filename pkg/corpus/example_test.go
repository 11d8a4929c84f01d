package corpus_test

import (
	"fmt"
	"os"
	"strings"

	"nertools/pkg/corpus"
)

// CoNLL in, JSON lines out.
func ExampleReadCoNLL() {
	const conll = "Ada B-PER\nLi I-PER\nsaw O\nZürich B-LOC\n\n"
	out := corpus.NewJSONL(os.Stdout)
	for s, err := range corpus.ReadCoNLL("train.conll", strings.NewReader(conll), corpus.Reading{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := out.Add(s); err != nil {
			fmt.Println(err)
		}
	}
	if err := out.Close(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"kind":"sentence","v":1,"id":"","text":"Ada Li saw Zürich","tokens":["Ada","Li","saw","Zürich"],"spans":[{"start":0,"end":2,"label":"PER","text":"Ada Li","start_char":0,"end_char":6,"start_byte":0,"end_byte":6},{"start":3,"end":4,"label":"LOC","text":"Zürich","start_char":11,"end_char":17,"start_byte":11,"end_byte":18}]}
}
