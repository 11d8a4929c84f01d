package verify

import (
	_ "embed"

	"nertools/pkg/prompt"
)

// DefaultTemplate is the text of the built-in template.
//
//go:embed default.tmpl
var DefaultTemplate string

// Fields is what the blocks of a template can show.
type Fields struct {
	DataName    string // the data set, as the catalogue spells it
	Label       string // the label of the entity, as the MRC file spells it: "PER"
	Name        string // its name in the catalogue: "person"
	Description string // its description in the catalogue
	Examples    int    // how many demonstrations this question shows
	Context     string // the sentence, exactly as it stands in the file
	Phrase      string // the entity: its tokens joined by single spaces

	// In the block "example" alone:
	Number  int    // of this demonstration, from 1
	Verdict string // "yes" or "no"
}

// ParseTemplate reads a template whose blocks show a [Fields].
func ParseTemplate(name, text string) (*prompt.Blocks, error) {
	return prompt.ParseBlocks(name, text, &Fields{Examples: 1, Number: 1, Verdict: Yes.String()})
}
