package verify

import (
	_ "embed"

	"nertools/pkg/prompt"
)

// DefaultTemplate is the built-in template.
//
//go:embed default.tmpl
var DefaultTemplate string

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
