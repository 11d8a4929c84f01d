package markup

import (
	"bytes"
	"index/suffixarray"
	"strings"
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
	Hallucinated Reason = iota + 1 // the source does not read so
	Copied                         // a demonstration of the prompt reads so, or as the text around it
	Repeated                       // the source reads so less often than the answer marks it
	PartOfToken                    // the source reads so only inside a token
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
// source.
type Fidelity uint8

// The classes.
const (
	Same       Fidelity = iota // token for token
	Spacing                    // other spacing or tokenisation
	Tokens                     // a few tokens dropped, inserted or in other case
	Edited                     // other or partly other text
	Part                       // only a part of the source
	Chatter                    // the source, with other text around it
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

// Alignment is what an answer says of its source.
type Alignment struct {
	Class  Fidelity
	Damage Damage
	Found  []Found  // by Start, the longer first; none twice
	Unused []Unused // in the order of the answer
}

// Found is an entity that stands in the source.
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

// A Source is a sentence prepared for having answers aligned to it. It is to be
// used by one goroutine at a time.
type Source struct {
	Text   string
	Tokens []string // as [AppendTokens] splits Text; they share its memory
	starts []int    // byte offset of each token

	ready    bool // what follows is of Text
	opens    bool // it has a bracket that a list can begin with
	letters  letters
	tagSigns bool // tags or brackets may be text
	atoms    []atom
	signs    signTokens
	index    *suffixarray.Index // of letters.text; nil where that was not worth while

	answer   answer // that is aligned
	question Question
	regions  []region
	copies   bool // the answer has whole copies of the source, and more
	foreign  bool // it has text that may not be the source's
	differ   differ
	taken    map[Span]int // which mark has it
	covered  []int        // by token: 0 if no mark has it, else a later token, before which all are covered
	edges    []edges      // of the tokens; made when one is long
	scanned  int          // letters of the source that were searched
	work     meter        // of finding places
	lookups  meter        // of looking for markup of the answer in the source
	places   meter        // that were found
	part     letters      // of what may be in the source
	readings map[string]*reading
	found    []int
}

// Reset prepares s for text, reusing its memory.
func (s *Source) Reset(text string) {
	s.Text = text
	s.Tokens = AppendTokens(s.Tokens[:0], text)
	s.starts = s.starts[:0]
	at := 0
	for _, token := range s.Tokens {
		at += strings.Index(text[at:], token)
		s.starts = append(s.starts, at)
		at += len(token)
	}
	s.ready = false
}

// Bytes gives where a span of at least one token stands in Text: byte offsets,
// half-open.
func (s *Source) Bytes(sp Span) (start, end int) {
	return s.starts[sp.Start], s.starts[sp.End-1] + len(s.Tokens[sp.End-1])
}

// prepare makes what only answers that differ from the source need.
func (s *Source) prepare() {
	if s.ready {
		return
	}
	s.ready = true
	s.letters.reset()
	for _, token := range s.Tokens {
		s.letters.addSpace()
		s.letters.add(token)
	}
	s.atoms = appendAtoms(s.atoms[:0], &s.letters, 0, len(s.letters.text))
	s.signs.reset(s.Tokens)
	s.opens = strings.ContainsAny(s.Text, listBrackets[:3]) || strings.IndexByte(s.Text, wide) >= 0 && strings.ContainsAny(s.Text, listBrackets)
	s.tagSigns = strings.ContainsAny(s.Text, "<[&") || strings.Contains(s.Text, "＜")
	s.index, s.edges = nil, s.edges[:0]
	if s.taken == nil {
		s.taken = map[Span]int{}
	}
}

// Align finds the entities that answer marks in the source, which are those of
// the label that q asks for.
//
// A marked string is found where its letters are those of whole tokens of the
// source, next to each other. Letters are what white space leaves, so that the
// tokenisation does not matter ("U.S." and "U . S ."). They are compared after the
// character references of HTML are resolved in each token, in Unicode form NFKD, under
// simple case folding, with typographic quotes and dashes and the Penn Treebank's
// spellings ("“", "--", "-LRB-", "\/") taken for ASCII ones, and without invisible
// characters and the signs that Arabic and Hebrew may leave out; doc/formats.md has the
// table. Joiners and tags that make another emoji count, and so does every accent; no
// string ends inside of such a letter. Besides, the first token may begin and the last one end
// with punctuation or symbols (Unicode categories P and So, which emoji are of) that
// the string lacks: "tests" stands for a token "tests.". Where the source reads as the string letter for letter, other
// places count only if the text around the mark was aligned there.
//
// Of several places, the one counts where the text around the mark was aligned to
// the source; otherwise the free one with the most letters in common around it,
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
// the source has them; doc/formats.md has the table. Signs are text, and no marks,
// where that makes a token of the source of what stands between white space,
// punctuation around it aside; of a token that is nothing but signs a neighbour has
// to be the source's as well.
//
// An entity is [Exact] if it is between two "@" and two "#" with only white space
// or the ends of the answer outside (what stands around the whole source does not
// count) and none inside next to them, if it is in no other entity and holds none,
// if its tokens are those of the source, and if its place is certain: the whole
// source came back, or the tokens on either side did, or the source holds it once,
// letter for letter. What is marked beside a whole copy of the source is not certain.
//
// Text is [Copied] if q.Shown knows it and the source does not read so: a marked string,
// all of an answer, or, where the answer is not the source, a mark with up to three
// tokens on either side in its line.
//
// An answer that holds a list is a [List] if it marks nothing by "@@" or is nothing
// else, and its text is not the source's. What is not quite JSON is mended where it has one
// possible reading; doc/formats.md has the table. The strings are placed so that as many as can be
// stand in the order of the list without touching each other; for each of the others
// the free place near that of the string before it is taken. An answer that is meant
// as a list, but has no reading or several, is [Unreadable].
//
// Time and memory are bounded by the lengths of source and answer. Up to 96
// differences are looked for in the text as a whole, then between words that both
// have exactly once, and text with more is left unaligned: its marks are placed by
// what stands next to them. An answer that takes more steps than any real one has
// its remaining marks placed with less care, never as [Exact] by mistake, and all of them reported.
func (s *Source) Align(answer string, q Question) Alignment {
	if a, ok := s.same(answer); ok {
		return a
	}
	s.question = q
	class, _ := s.read(answer)
	return s.report(class)
}

// read takes an answer apart and places what it marks. l is what a [List] lists.
func (s *Source) read(text string) (class Fidelity, l listing) {
	s.prepare()
	s.scanned = 0
	s.lookups = meter{limit: placeSteps + placeStepsEach*(len(text)+len(s.Text))}
	s.answer.read(text, s)
	s.begin()
	if beginsAsList(text) { // most lists are all of an answer, and need no comparison
		if l = s.list(text); l.ok && l.alone && !bytes.Equal(s.answer.letters.text, s.letters.text) && s.placeListing(&l) {
			return List, l
		}
	}
	class = s.compare()
	s.foreign = class == Edited || class == Chatter
	if class != Same && class != Spacing && s.answer.unmarked() {
		l = s.list(text)
		if !l.ok && !l.evident && class == Edited && s.answer.plainlyUnmarked() {
			l = s.bullets(text)
		}
		switch {
		case l.ok && s.placeListing(&l):
			return List, l
		case l.ok || !l.evident:
		case class == Edited || class == Part && len(s.answer.marks) == 0:
			s.answer.readList(&listing{})
			return Unreadable, listing{}
		default:
			s.answer.damage |= Unread
		}
	}
	if class != Same && s.answer.plainlyUnmarked() && s.answer.hasLabels(s) {
		s.answer.damage |= OtherMarkup
	}
	s.dropUnsure(class)
	s.placeMarks()
	return class, listing{}
}
