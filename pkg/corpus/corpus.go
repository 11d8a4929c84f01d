// Package corpus defines sentences with their entities, from data sets or from answers,
// and reads and writes them in several formats.
package corpus

import (
	"nertools/pkg/markup"
	"nertools/pkg/record"
)

// A Sentence is a sentence with its entities of all labels.
type Sentence struct {
	ID       string   // identifies the sentence in its source; see mrc.Group
	Text     string   // exactly as in the source, UTF-8
	Tokens   []string // as [markup.AppendTokens] splits Text; nil if Unit is [markup.Char]
	Entities []Entity // in the order of [Sort]
	Given    bool     // a data set marks the entities, no answer does: without entities, it says that the sentence has none

	Unit     markup.Unit     // of the entities' spans
	Position record.Position // of Text in its document, if known; only if Unit is [markup.Char]
	Whole    bool            // Text is a whole document; see [Documents]

	// Beside are entities at whose edges words are split as at those of Entities, so that
	// gold and predicted entities have the same words: of one of them, these are the other.
	// Only if Unit is [markup.Char].
	Beside []Entity

	// Only for sentences that a model was asked about:
	Model      string     // model that answered; the first if there were several; may be empty
	Unused     []Rejected // strings marked in the answers but not used
	Forms      []Form     // of answers that differ from the sentence's tokens with complete marks
	Unanswered []string   // labels whose question has no answer
}

// An Entity is a run of tokens or of characters with a label.
type Entity struct {
	markup.Span // half-open, in the sentence's Unit
	Label       string
	How         markup.How
}

// Rejected is a string that an answer marks but that is not used.
type Rejected struct {
	Label  string // as in [markup.Unused]; for a question about one label, that label
	Text   string
	Reason markup.Reason
}

// Form describes the form of an answer.
type Form struct {
	Label  string // asked for; "" if the answer is about all labels of the sentence
	Class  markup.Fidelity
	Damage markup.Damage
}
