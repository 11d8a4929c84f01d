package markup

import (
	"bytes"
	"index/suffixarray"
)

// How says how an entity was found.
type How uint8

// The ways to find an entity.
const (
	Given    How = iota // by the data set: nothing was aligned
	Exact               // marked as asked for, letter for letter, at a place that is certain
	Repaired            // marks, spacing, letters or the place had to be mended
)

// String returns "given", "exact" or "repaired".
func (h How) String() string { return [...]string{"given", "exact", "repaired"}[h] }

// Reason says why a marked string of an answer is not used.
type Reason uint8

// The reasons.
const (
	Hallucinated Reason = iota + 1 // the string does not occur in the sentence
	Copied                         // a demonstration of the prompt contains it, or the text around it
	Repeated                       // marked more often than it occurs in the sentence
	PartOfToken                    // it occurs only inside a token
	Unclosed                       // its end is not marked
	Blank                          // the marks contain no text
	OtherLabel                     // the answer gives it a label other than the one asked for
	NotAsked                       // the answer gives it a label that was not asked for
	NoLabel                        // the answer marks it without naming a label
)

// Reasons returns all reasons.
func Reasons() []Reason {
	return []Reason{Hallucinated, Copied, Repeated, PartOfToken, Unclosed, Blank, OtherLabel, NotAsked, NoLabel}
}

// String returns "hallucinated", "copied", "repeated", "part of token", "unclosed",
// "blank", "other label", "not asked" or "no label".
func (r Reason) String() string {
	return [...]string{"", "hallucinated", "copied", "repeated", "part of token", "unclosed", "blank", "other label", "not asked", "no label"}[r]
}

// Fidelity says how the text of an answer, its marks removed, compares with the sentence.
type Fidelity uint8

// The classes of answers.
const (
	Same          Fidelity = iota // the same tokens
	Spacing                       // other spacing or tokenisation
	Tokens                        // a few tokens dropped, inserted or in another case
	Edited                        // other text, or partly other text
	Demonstration                 // text of a demonstration instead of the sentence
	Part                          // only a part of the sentence
	Chatter                       // the sentence, with other text around it
	Empty                         // no text
	List                          // a structured answer, which does not repeat the sentence
	Unreadable                    // meant as a structured answer, but with no reading, or several
)

// Classes returns all classes.
func Classes() []Fidelity {
	return []Fidelity{Same, Spacing, Tokens, Edited, Demonstration, Part, Chatter, Empty, List, Unreadable}
}

// String returns "same", "spacing", "tokens", "edited", "demonstration", "part",
// "chatter", "empty", "list" or "unreadable".
func (c Fidelity) String() string {
	return [...]string{"same", "spacing", "tokens", "edited", "demonstration", "part", "chatter", "empty", "list", "unreadable"}[c]
}

// Damage is a set of kinds of damage to the marks or the list of an answer.
type Damage uint16

// The kinds of damage.
const (
	Glued       Damage = 1 << iota // a mark inside a token, next to punctuation or letters
	Unbalanced                     // an entity without an end, with the wrong end, or inside another one
	Spaced                         // white space between a mark and its entity
	Stray                          // marks that belong to no entity
	ExtraSigns                     // marks of more than two signs, or bold type
	EmptyMarks                     // marks around nothing
	OtherMarkup                    // entities marked in another notation: tags, brackets, escaped signs
	MendedList                     // a list that is not JSON, or not as asked for, but has only one possible reading
	CutOff                         // a list that ends in the middle
	Unread                         // a list, or items of one, that cannot be read
)

// damageNames are the names of the damages, in their order.
var damageNames = [...]string{"glued", "unbalanced", "spaced", "stray", "extra signs", "empty marks",
	"other markup", "mended list", "cut off", "unread"}

// Damages returns each kind of damage.
func Damages() []Damage {
	list := make([]Damage, len(damageNames))
	for i := range list {
		list[i] = 1 << i
	}
	return list
}

// Names returns the names of the kinds in the set, such as "glued" and "extra signs", in
// the order of [Damages].
func (d Damage) Names() []string {
	var names []string
	for i, name := range damageNames {
		if d&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// Alignment is the result of aligning an answer with its sentence.
type Alignment struct {
	Class  Fidelity
	Damage Damage
	Found  []Found  // by Start, the longer first, then in the order of Question.Asked; none twice
	Unused []Unused // in the order of the answer
}

// Found is an entity that occurs in the sentence.
type Found struct {
	Span
	Label string // the answer's label for it, one of Question.Asked; "" if Asked is empty
	How   How
	Text  string // its text in the answer, without marks
}

// Unused is a marked string without a place in the sentence.
type Unused struct {
	Text   string // if unclosed, its first token
	Reason Reason

	// Label is "" if Question.Asked is empty, or if the answer names no label. Otherwise it
	// is one of Asked, another label that Question.Labels knows, or the name in the answer.
	Label string
}

// An Aligner aligns answers with their original sentences. It reuses its memory from one
// answer to the next, and is not safe for concurrent use. The zero value is ready to use.
type Aligner struct {
	original  *Original
	question  Question
	answer    answer
	differ    differ
	regions   []region
	copies    bool         // the answer has whole copies of the original, and more
	foreign   bool         // it has text that may not be the original's
	taken     map[Span]int // the mark that was placed there
	covered   []int        // by token: 0 if no mark covers it, else a later token, before which all are covered
	edges     []edges      // of the original's tokens; made when one is long
	readings  map[string]*reading
	part      letters     // of what may be in the original
	asked     askedLabels // of the last question about a sentence
	walk      tagWalk
	tagDiffer differ // of literalTags
	found     []int

	index   *suffixarray.Index // of the original's letters; nil while that is not worth while
	scanned int                // letters of the original that were searched
	work    meter              // of finding places
	lookups meter              // of looking for markup of the answer in the original
	places  meter              // that were found
}

// Align finds the entities of label q.Label that answer marks, and reports every marked
// string that does not occur in the sentence. A string occurs where its letters equal those
// of whole consecutive tokens; doc/alignment.md contains the rules, with examples. Time and
// memory are bounded by the lengths of sentence and answer.
//
// With q.Asked, it finds the entities of all these labels at once. They may overlap, and a
// span may have several labels.
func (al *Aligner) Align(o *Original, answer string, q Question) Alignment {
	if q.ofSentence() {
		al.ask(q)
		if a, ok := al.sameTagged(o, answer); ok {
			return a
		}
	} else if a, ok := o.same(answer); ok {
		return a
	}
	class, _ := al.read(o, answer, q)
	return al.report(class)
}

// read takes an answer apart and places what it marks. For a [List], l is what it lists.
func (al *Aligner) read(o *Original, text string, q Question) (class Fidelity, l listing) {
	o.fold()
	al.original = o
	al.ask(q)
	al.index, al.scanned, al.edges = nil, 0, al.edges[:0]
	al.lookups = meter{limit: placeSteps + placeStepsEach*(len(text)+len(al.original.Text))}
	al.answer.read(text, al)
	al.begin()
	if beginsAsList(text) { // most lists are all of an answer, and need no comparison
		if l = al.list(text); l.ok && l.alone && !bytes.Equal(al.answer.letters.text, al.original.letters.text) && al.placeListing(&l) {
			return List, l
		}
	}
	class = al.compare()
	al.foreign = class == Edited || class == Chatter
	if class != Same && class != Spacing && al.answer.unmarked() {
		l = al.list(text)
		if !l.ok && !l.evident && class == Edited && al.answer.plainlyUnmarked() {
			l = al.bullets(text)
		}
		switch {
		case l.ok && al.placeListing(&l):
			return List, l
		case l.ok || !l.evident:
		case class == Edited || class == Part && len(al.answer.marks) == 0:
			al.answer.readList(&listing{})
			return Unreadable, listing{}
		default:
			al.answer.damage |= Unread
		}
	}
	if class != Same && al.answer.plainlyUnmarked() && al.answer.hasLabels(al) {
		al.answer.damage |= OtherMarkup
	}
	al.dropUnsure(class)
	al.placeMarks()
	return class, listing{}
}
