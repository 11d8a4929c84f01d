package markup_test

import (
	"fmt"
	"strings"

	"nertools/pkg/markup"
)

func ExampleAligner_Align() {
	var original markup.Original
	original.Reset("Ada met Bob Li .")
	var aligner markup.Aligner
	a := aligner.Align(&original, "@@Ada## met @@bob li## and @@Eve##.", markup.Question{Label: "PER"})
	fmt.Println(a.Class, a.Damage.Names())
	for _, f := range a.Found {
		fmt.Println(f.How, f.Span, strings.Join(original.Tokens[f.Start:f.End], " "))
	}
	for _, u := range a.Unused {
		fmt.Println(u.Reason, u.Text)
	}
	// Output:
	// edited [glued]
	// exact {0 1} Ada
	// repaired {2 4} Bob Li
	// hallucinated Eve
}

func ExampleAppendMarked() {
	tokens := markup.AppendTokens(nil, "Ada met  Bob Li .")
	spans, _ := markup.Place(nil, []markup.Span{{Start: 2, End: 4}, {Start: 0, End: 1}, {Start: 2, End: 3}}, len(tokens))
	fmt.Println(string(markup.AppendMarked(nil, tokens, spans)))
	// Output: @@Ada## met @@Bob Li## .
}
