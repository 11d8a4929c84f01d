package verify

import (
	_ "embed"

	"nertools/pkg/prompt"
)

// Templates are the versions of the built-in template, version 1 first. A version never
// changes, so that its questions can be asked again later.
var Templates = []string{verify1}

//go:embed verify-1.tmpl
var verify1 string

// Fields is the data available to the blocks of a template.
type Fields struct {
	DataName    string // the data set, as in the catalogue
	Label       string // the label of the entity, as in the MRC file: "PER"
	Name        string // the label's name in the catalogue: "person"
	Description string // the label's description in the catalogue
	Examples    int    // number of demonstrations in this question
	Context     string // the sentence, exactly as in the file
	Phrase      string // the entity: its tokens joined by single spaces

	// Only in the block "example":
	Number  int    // number of this demonstration, from 1
	Verdict string // "yes" or "no"
}

// ParseTemplate parses a template whose blocks use [Fields].
func ParseTemplate(name, text string) (*prompt.Blocks, error) {
	return prompt.ParseBlocks(name, text, &Fields{Examples: 1, Number: 1, Verdict: Yes.String()})
}
