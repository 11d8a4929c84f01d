package markup

import "strings"

// An Original is the sentence that an answer should repeat. It is not safe for concurrent
// use.
type Original struct {
	Text   string
	Tokens []string // as [AppendTokens] splits Text; they share its memory
	Unit   Unit     // of the spans

	// If Unit is Char:
	starts   []int // where the tokens begin in Text
	at, char int   // a byte of Text, and how many characters are before it; see charAt

	folded   bool // what follows is of Text
	letters  letters
	pieces   []piece // if Unit is Char
	part     letters // of a token, while that is cut into pieces
	atoms    []atom
	signs    signTokens
	brackets bool // it has one that a list can begin with
	tagSigns bool // it may have tags or brackets
}

// Reset makes text the sentence of o. Its spans count tokens. It reuses o's memory.
func (o *Original) Reset(text string) { o.ResetUnit(text, Token) }

// ResetUnit makes text the sentence of o, whose spans count unit. It reuses o's memory.
func (o *Original) ResetUnit(text string, unit Unit) {
	o.Text = text
	o.Tokens = AppendTokens(o.Tokens[:0], text)
	o.Unit = unit
	o.folded = false
	if unit == Char {
		o.starts, o.at, o.char = o.starts[:0], 0, 0
		at := 0
		for _, token := range o.Tokens {
			at += strings.Index(text[at:], token) // there is only white space before it
			o.starts = append(o.starts, at)
			at += len(token)
		}
	}
}

// length returns how many tokens or characters there are, at least up to the last one that a
// span may have.
func (o *Original) length() int {
	switch {
	case o.Unit == Token:
		return len(o.Tokens)
	case len(o.pieces) == 0:
		return 0
	}
	return o.pieces[len(o.pieces)-1].end
}

// lettersOf returns where the letters of a span begin and end.
func (o *Original) lettersOf(sp Span) (from, to int) {
	if o.Unit == Token {
		return o.letters.starts[sp.Start], o.letters.end(sp.End - 1)
	}
	first, last := o.covers(sp)
	return o.pieces[first].letter, o.letterEnd(last)
}

// rawOf returns where a span is in the raw letters, and where tokens begin inside of it.
func (o *Original) rawOf(sp Span) (from, to int, starts []int) {
	if o.Unit == Token {
		from, to = o.letters.rawRange(sp)
		return from, to, o.letters.rawStarts[sp.Start+1 : sp.End]
	}
	first, last := o.covers(sp)
	from, to = o.pieces[first].raw, o.rawEnd(last)
	starts = o.letters.rawStarts[sortedAfter(o.letters.rawStarts, from+1):]
	return from, to, starts[:sortedAfter(starts, to)]
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
	if o.Unit == Char {
		o.slice()
	}
	o.signs.reset(o.Tokens, o.Unit)
	o.brackets = strings.ContainsAny(o.Text, listBrackets[:3]) || strings.IndexByte(o.Text, wide) >= 0 && strings.ContainsAny(o.Text, listBrackets)
	o.tagSigns = strings.ContainsAny(o.Text, "<[&") || strings.Contains(o.Text, "＜")
}
