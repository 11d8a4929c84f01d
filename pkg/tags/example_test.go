package tags_test

import (
	"fmt"

	"nertools/pkg/tags"
)

func ExampleParse() {
	x := tags.Parse("I took <DRUG>aspirin</DRUG> &amp; tea.", tags.Options{Escapes: true})
	fmt.Println(x.Text)
	for _, s := range x.Spans {
		fmt.Println(s.Label, s.Start, s.End, x.Text[s.Start:s.End])
	}
	// Output:
	// I took aspirin & tea.
	// DRUG 7 14 aspirin
}

func ExampleAppend() {
	text := "I took aspirin & tea."
	fmt.Println(string(tags.Append(nil, text, []tags.Element{{Label: "DRUG", Start: 7, End: 14}}, true)))
	// Output: I took <DRUG>aspirin</DRUG> &amp; tea.
}
