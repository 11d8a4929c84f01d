// Package corpus is sentences and the entities in them: what data sets hold,
// what answers add up to, and the formats in which both are written and read.
package corpus

import "nertools/pkg/markup"

// A Sentence with its entities of all labels.
type Sentence struct {
	ID       string   // names it in its source; see mrc.Group
	Text     string   // exactly as the source has it, UTF-8
	Tokens   []string // as [markup.AppendTokens] splits Text
	Entities []Entity // ordered as by [Sort]

	// Of sentences that a model was asked about:
	Model      string     // that answered; the first one, if there were several; may be empty
	Unused     []Rejected // what the answers mark and the sentence does not hold
	Forms      []Form     // of the answers other than the sentence, token for token, with whole marks
	Unanswered []string   // labels whose question has no answer
}

// An Entity is a run of tokens that bears a label.
type Entity struct {
	markup.Span // token indexes, half-open
	Label       string
	How         markup.How
}

// Rejected is a string that an answer marks and that is not used.
type Rejected struct {
	Label  string
	Text   string
	Reason markup.Reason
}

// Form tells how an answer reads.
type Form struct {
	Label  string
	Class  markup.Fidelity
	Damage markup.Damage
}
