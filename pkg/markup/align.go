package markup

import (
	"bytes"
	"index/suffixarray"
)

// How tells how an entity came to stand where it stands.
type How uint8

// The ways.
const (
	Given    How = iota // by the data set: nothing was aligned
	Exact               // marked so in the answer, letter for letter, at a place that is certain
	Repaired            // found after something was mended: marks, spacing, letters, or the place
)

// String gives "given", "exact" or "repaired".
func (h How) String() string { return [...]string{"given", "exact", "repaired"}[h] }

// Reason tells why a string that an answer marks is not used.
type Reason uint8

// The reasons.
const (
	Hallucinated Reason = iota + 1 // the original does not read so
	Copied                         // a demonstration of the prompt reads so, or as the text around it
	Repeated                       // the original reads so less often than the answer marks it
	PartOfToken                    // the original reads so only inside a token
	Unclosed                       // where it ends is not marked
	Blank                          // nothing stands between the marks
	OtherLabel                     // the answer says that it is of another label than the one asked for
)

// Reasons gives all reasons.
func Reasons() []Reason {
	return []Reason{Hallucinated, Copied, Repeated, PartOfToken, Unclosed, Blank, OtherLabel}
}

// String gives "hallucinated", "copied", "repeated", "part of token", "unclosed",
// "blank" or "other label".
func (r Reason) String() string {
	return [...]string{"", "hallucinated", "copied", "repeated", "part of token", "unclosed", "blank", "other label"}[r]
}

// Fidelity tells how the text of an answer, its marks removed, compares with the
// original.
type Fidelity uint8

// The classes.
const (
	Same       Fidelity = iota // token for token
	Spacing                    // other spacing or tokenisation
	Tokens                     // a few tokens dropped, inserted or in other case
	Edited                     // other or partly other text
	Part                       // only a part of the original
	Chatter                    // the original, with other text around it
	Empty                      // no text
	List                       // a structured answer: it repeats no text
	Unreadable                 // meant as a structured answer, but nobody can tell what it lists
)

// Classes gives all classes.
func Classes() []Fidelity {
	return []Fidelity{Same, Spacing, Tokens, Edited, Part, Chatter, Empty, List, Unreadable}
}

// String gives "same", "spacing", "tokens", "edited", "part", "chatter", "empty",
// "list" or "unreadable".
func (c Fidelity) String() string {
	return [...]string{"same", "spacing", "tokens", "edited", "part", "chatter", "empty", "list", "unreadable"}[c]
}

// Damage is the set of what is wrong with the marks or the list of an answer.
type Damage uint16

// What can be wrong.
const (
	Glued       Damage = 1 << iota // a mark inside a token, next to punctuation
	Unbalanced                     // an entity without its end, or with a wrong one, or in another
	Spaced                         // white space between a mark and its entity
	Stray                          // marks that belong to no entity
	ExtraSigns                     // more marks than two signs, or bold type
	EmptyMarks                     // marks around nothing
	OtherMarkup                    // entities marked in another notation: tags, brackets, escaped signs
	MendedList                     // a list that is not JSON, or not as asked for, and can be read in one way only
	CutOff                         // a list that ends before its end
	Unread                         // a list, or items of one, that nobody can read
)

// damageNames are the names of the damages, in their order.
var damageNames = [...]string{"glued", "unbalanced", "spaced", "stray", "extra signs", "empty marks",
	"other markup", "mended list", "cut off", "unread"}

// Damages gives all single damages.
func Damages() []Damage {
	list := make([]Damage, len(damageNames))
	for i := range list {
		list[i] = 1 << i
	}
	return list
}

// Names gives the names of what the set holds, such as "glued" and "extra signs",
// in the order of [Damages].
func (d Damage) Names() []string {
	var names []string
	for i, name := range damageNames {
		if d&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// Alignment is what an answer says of its original.
type Alignment struct {
	Class  Fidelity
	Damage Damage
	Found  []Found  // by Start, the longer first; none twice
	Unused []Unused // in the order of the answer
}

// Found is an entity that stands in the original.
type Found struct {
	Span
	How  How
	Text string // as the answer has it, without marks
}

// Unused is a marked string that is not.
type Unused struct {
	Text   string // of an unclosed one the first token
	Reason Reason
}

// An Aligner aligns answers to their originals. It is what one goroutine keeps from one
// answer to the next, so that its memory is used again; the zero value is ready.
type Aligner struct {
	original *Original
	question Question
	answer   answer
	differ   differ
	regions  []region
	copies   bool         // the answer has whole copies of the original, and more
	foreign  bool         // it has text that may not be the original's
	taken    map[Span]int // which mark has it
	covered  []int        // by token: 0 if no mark has it, else a later token, before which all are covered
	edges    []edges      // of the original's tokens; made when one is long
	readings map[string]*reading
	part     letters // of what may be in the original
	found    []int

	index   *suffixarray.Index // of the original's letters; nil while that is not worth while
	scanned int                // letters of the original that were searched
	work    meter              // of finding places
	lookups meter              // of looking for markup of the answer in the original
	places  meter              // that were found
}

// Align finds the entities that answer marks in the original, which are those of
// the label that q asks for.
//
// A marked string is found where its letters are those of whole tokens of the
// original, next to each other. Letters are what white space leaves, so that the
// tokenisation does not matter ("U.S." and "U . S ."). They are compared after the
// character references of HTML are resolved in each token, in Unicode form NFKD, under
// simple case folding, with typographic quotes and dashes and the Penn Treebank's
// spellings ("“", "--", "-LRB-", "\/") taken for ASCII ones, and without invisible
// characters and the signs that Arabic and Hebrew may leave out; doc/formats.md has the
// table. Joiners and tags that make another emoji count, and so does every accent; no
// string ends inside of such a letter. Besides, the first token may begin and the last one end
// with punctuation or symbols (Unicode categories P and So, which emoji are of) that
// the string lacks: "tests" stands for a token "tests.". Where the original reads as the string letter for letter, other
// places count only if the text around the mark was aligned there.
//
// Of several places, the one counts where the text around the mark was aligned to
// the original; otherwise the free one with the most letters in common around it,
// punctuation and symbols that only one side has aside; of such places rather one with the same
// tokens, then one outside of other entities, and the nearest to where it is
// expected. No place is used twice, but places may overlap. Of a mark that was
// aligned inside a token no other place is sought.
//
// A string is marked from "@@" to the next "##" that no "@@" in it has taken. More
// signs than two are one mark, or two where entities begin or end together. "@@"
// ends an entity where it stands as an end does (behind a character, before white
// space or punctuation), or between spaces or in a word where the next mark is not
// "##"; "##" begins one if none is open, it stands as a beginning does, and the next
// mark is "##" too. Up to 16 entities are open at a time; of more, the outer ones have no
// end. What has no end is [Unclosed]. Signs may be full-width or escaped ("＠＠",
// "\@\@"). If the answer has no "@@", tags and brackets that name the label asked for
// are marks, or else such that name no label, or bold type, or other emphasis, unless
// the original has them; doc/formats.md has the table. Signs are text, and no marks,
// where that makes a token of the original of what stands between white space,
// punctuation around it aside; of a token that is nothing but signs a neighbour has
// to be the original's as well.
//
// An entity is [Exact] if it is between two "@" and two "#" with only white space
// or the ends of the answer outside (what stands around the whole original does not
// count) and none inside next to them, if it is in no other entity and holds none,
// if its tokens are those of the original, and if its place is certain: the whole
// original came back, or the tokens on either side did, or the original holds it once,
// letter for letter. What is marked beside a whole copy of the original is not certain.
//
// Text is [Copied] if q.Shown knows it and the original does not read so: a marked string,
// all of an answer, or, where the answer is not the original, a mark with up to three
// tokens on either side in its line.
//
// An answer that holds a list is a [List] if it marks nothing by "@@" or is nothing
// else, and its text is not the original's. What is not quite JSON is mended where it has one
// possible reading; doc/formats.md has the table. The strings are placed so that as many as can be
// stand in the order of the list without touching each other; for each of the others
// the free place near that of the string before it is taken. An answer that is meant
// as a list, but has no reading or several, is [Unreadable].
//
// Time and memory are bounded by the lengths of original and answer. Up to 96
// differences are looked for in the text as a whole, then between words that both
// have exactly once, and text with more is left unaligned: its marks are placed by
// what stands next to them. An answer that takes more steps than any real one has
// its remaining marks placed with less care, never as [Exact] by mistake, and all of them reported.
func (al *Aligner) Align(o *Original, answer string, q Question) Alignment {
	if a, ok := o.same(answer); ok {
		return a
	}
	class, _ := al.read(o, answer, q)
	return al.report(class)
}

// read takes an answer apart and places what it marks. l is what a [List] lists.
func (al *Aligner) read(o *Original, text string, q Question) (class Fidelity, l listing) {
	o.fold()
	al.original, al.question = o, q
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
