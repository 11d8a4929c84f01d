package markup

import "strings"

// An Original is the sentence that an answer should repeat. It is not safe for concurrent
// use.
type Original struct {
	Text   string
	Tokens []string // as [AppendTokens] splits Text; they share its memory

	folded   bool // what follows is of Text
	letters  letters
	atoms    []atom
	signs    signTokens
	brackets bool // it has one that a list can begin with
	tagSigns bool // it may have tags or brackets
}

// Reset makes text the sentence of o. It reuses o's memory.
func (o *Original) Reset(text string) {
	o.Text = text
	o.Tokens = AppendTokens(o.Tokens[:0], text)
	o.folded = false
}

// fold makes what only answers that differ from the original need.
func (o *Original) fold() {
	if o.folded {
		return
	}
	o.folded = true
	o.letters.reset()
	for _, token := range o.Tokens {
		o.letters.addSpace()
		o.letters.add(token)
	}
	o.atoms = appendAtoms(o.atoms[:0], &o.letters, 0, len(o.letters.text))
	o.signs.reset(o.Tokens)
	o.brackets = strings.ContainsAny(o.Text, listBrackets[:3]) || strings.IndexByte(o.Text, wide) >= 0 && strings.ContainsAny(o.Text, listBrackets)
	o.tagSigns = strings.ContainsAny(o.Text, "<[&") || strings.Contains(o.Text, "＜")
}
