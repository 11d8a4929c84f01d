package markup

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"nertools/pkg/tags"
)

// otherMark is a string that an answer marks in another notation than "@@" and "##".
type otherMark struct {
	open, close int // signs; close is -1 if absent
	use         use
	claim
	odd bool // not as asked for
}

// use is what a mark in another notation says.
type use uint8

const (
	isText     use = iota
	isFrame        // nothing: it is around the answer, or around a list
	isEmphasis     // that something is emphasized
	isEntity       // that it is an entity
	isAsked        // that it is of the label asked for
	isOther        // that it is of another label
)

// Names of tags, as [foldName] folds them, that name no label.
var tagUses = map[string]use{}

func init() {
	for use, names := range map[use]string{
		isEntity:   "mark entity ent ner ne namedentity highlight hl annotation annotate tag label name span mention e",
		isEmphasis: "b strong em i u font ins small big code kbd q cite",
		isFrame: "answer output result results response sentence text s p div body html head ul ol li pre xml root document doc final finalanswer entities " +
			"namedentities list labeledsentence labelledsentence markedsentence annotatedsentence markedtext annotatedtext paragraph input context " +
			"think thinking thought thoughts reasoning analysis",
	} {
		for name := range strings.FieldsSeq(names) {
			tagUses[name] = use
		}
	}
}

// labelAttrs are attributes that name a label. Those of a class may have other words.
var labelAttrs = []string{"type", "label", "entity", "entitytype", "category", "tag", "ner", "kind", "dataentity", "datalabel", "datatype", "dataentitytype", "class"}

// readOther looks for marks in other notations, of which that which names labels
// goes first. It reports whether it found a notation.
func (a *answer) readOther(al *Aligner) bool {
	return a.readTags(al) || a.readBrackets(al)
}

// readTags takes tags for marks: "<PER>Ada</PER>". Those that name the label asked
// for go before those that name none, and these before emphasis; of several that
// name none nobody can tell which is meant.
func (a *answer) readTags(al *Aligner) bool {
	if !mayHaveTags(a.text) {
		return false
	}
	k := tagKinds{aligner: al, text: a.text, unknown: map[string]use{}}
	if al.question.ofSentence() {
		return a.readTagsOfSentence(&k)
	}
	x := tags.Parse(a.text, tags.Options{Label: k.label, Loose: true})
	found := [isOther + 1]bool{}
	kinds := map[string]bool{} // those of the least sure use that counts
	uses := make([]use, len(x.Tags))
	for i := range x.Tags {
		t := &x.Tags[i]
		uses[i] = k.use(t)
		if t.Span >= 0 {
			uses[i] = use(x.Spans[t.Span].Label[0])
		}
		found[uses[i]] = true
	}
	counts := isAsked
	switch {
	case found[isAsked]:
	case found[isEntity]:
		counts = isEntity
	case found[isEmphasis] && !found[isOther]:
		counts = isEmphasis
	case !found[isOther]:
		return false
	}
	for i, u := range uses {
		if u == counts {
			kinds[strings.ToLower(x.Tags[i].Name)] = true
		}
	}
	several := counts < isAsked && len(kinds) > 1 || counts == isEntity && found[isOther]
	if counts != isEmphasis || several {
		a.damage |= OtherMarkup
	}
	marks := make([]int, len(x.Spans)) // number of the mark of each span, from 1
	for i := range x.Tags {
		t := &x.Tags[i]
		sg := sign{kind: '<', from: t.From, to: t.To}
		if used := uses[i] == counts && !several || uses[i] == isOther; used && t.Span >= 0 {
			if marks[t.Span] == 0 {
				a.addMark(uses[i], claim{})
				marks[t.Span] = len(a.others)
			}
			sg.other = marks[t.Span]
		}
		a.signs = append(a.signs, sg)
	}
	for _, p := range x.Problems {
		switch used := uses[p.Tag] == counts && !several && counts > isEmphasis; {
		case !used:
		case p.Kind == tags.Unclosed:
			a.addMark(counts, claim{})
			a.signs[len(a.signs)-len(x.Tags)+p.Tag].other = len(a.others)
		case p.Kind == tags.Stray:
			a.damage |= Stray
		case p.Kind == tags.Crossing:
			a.damage |= Unbalanced
		case p.Kind == tags.Blank:
			a.damage |= EmptyMarks
		}
	}
	return true
}

func mayHaveTags(text string) bool {
	return strings.IndexByte(text, '<') >= 0 || strings.Contains(text, "&lt;") || strings.Contains(text, "＜") || strings.Contains(text, "[/")
}

// hasTags reports whether an answer has tags for entities. It is asked of answers
// with "@@", which win.
func (a *answer) hasTags(al *Aligner) bool {
	if !strings.Contains(a.text, "</") && !strings.Contains(a.text, "&lt;/") {
		return false
	}
	k := tagKinds{aligner: al, text: a.text, unknown: map[string]use{}}
	for _, sp := range tags.Parse(a.text, tags.Options{Label: k.label, Loose: true}).Spans {
		if use(sp.Label[0]) >= isEntity {
			return true
		}
	}
	return false
}

// hasLabels reports whether the label asked for is behind words of the original,
// as in "Ada (PER)" and "Ada/PER". Where such an entity would begin is not marked.
func (a *answer) hasLabels(al *Aligner) bool {
	if al.question.ofSentence() {
		return slices.ContainsFunc(al.question.Asked, func(label string) bool { return a.hasLabel(al, label) })
	}
	return al.question.Label != "" && a.hasLabel(al, al.question.Label)
}

// hasLabel is hasLabels for one label.
func (a *answer) hasLabel(al *Aligner, label string) bool {
	const most = 16 // that are looked at
	from := 0
	for range most {
		i := strings.Index(a.text[from:], label)
		if i < 0 {
			return false
		}
		i += from
		from = i + len(label)
		before := a.text[:i]
		if n := len(before); n > 1 && before[n-1] == '-' && strings.IndexByte("BIESLU", before[n-2]) >= 0 {
			before = before[:n-2]
		}
		apart := strings.TrimRight(before, " ")
		open, size := utf8.DecodeLastRuneInString(apart)
		next, _ := utf8.DecodeRuneInString(a.text[from:])
		if inWord(next) || len(apart) < len(before) && open != '|' || !strings.ContainsRune("([{<（［/_|,", open) {
			continue
		}
		before = strings.TrimRightFunc(apart[:len(apart)-size], func(r rune) bool { return isSpace(r) || atEdge(r) })
		at, _ := wordAt(before, max(0, len(before)-1))
		if word := strings.TrimFunc(before[at:], atEdge); al.holds(word) && !al.reads(word+a.text[len(before):from]) {
			return true
		}
	}
	return false
}

// tagKinds finds what tags say.
type tagKinds struct {
	aligner *Aligner
	text    string
	unknown map[string]use // of names that nobody knows
	literal map[int]bool   // where tags begin that are text; for a question about all labels
	known   bool           // literal is
}

// label is how tags.Parse is told: a use for a label.
func (k *tagKinds) label(t *tags.Tag) (string, bool) {
	u := k.use(t)
	return string(rune(u)), u != isText
}

// isText reports whether a tag is text, because it occurs in the original.
func (k *tagKinds) isText(t *tags.Tag) bool {
	switch al := k.aligner; {
	case !al.original.tagSigns:
		return false
	case k.known:
		return k.literal[t.From]
	default:
		_, ok := al.formOf(k.text, t)
		return ok
	}
}

// plainTag returns a tag without attributes, in angle brackets.
func plainTag(t *tags.Tag) string {
	if t.End {
		return "</" + t.Name + ">"
	}
	return "<" + t.Name + ">"
}

// use returns what a tag says.
func (k *tagKinds) use(t *tags.Tag) use {
	u, _ := k.says(t)
	return u
}

// says returns what a tag says, and the name that it has for a label.
func (k *tagKinds) says(t *tags.Tag) (u use, name string) {
	al := k.aligner
	if k.isText(t) {
		return isText, ""
	}
	folded := foldName(t.Name)
	u, known := tagUses[folded]
	for _, a := range t.Attrs { // goes before the name, as a label may be called "entity"
		if known && slices.Contains(labelAttrs, foldName(a.Name)) {
			if u, ok := al.question.use(a.Value); ok {
				return u, a.Value
			}
		}
	}
	if isName(t.Name) || al.question.ofSentence() && al.question.wants(t.Name) {
		if u, ok := al.question.use(t.Name); ok {
			return u, t.Name
		}
	}
	if t.Square {
		return isText, ""
	}
	for _, a := range t.Attrs {
		attr := foldName(a.Name)
		if !slices.Contains(labelAttrs, attr) {
			continue
		}
		if u, ok := al.question.use(a.Value); ok {
			return u, a.Value
		}
		switch {
		case attr == "class":
			for word := range strings.FieldsSeq(a.Value) {
				if u, ok := al.question.use(word); ok {
					return u, word
				}
			}
		case !slices.Contains(neutral, foldName(a.Value)) && u >= isEmphasis:
			return isOther, a.Value
		}
	}
	if known {
		return u, ""
	}
	return k.unknownTag(folded, t), t.Name
}

// unknownTag takes a tag that nobody knows for that of another label if there is
// an end for it.
func (k *tagKinds) unknownTag(name string, t *tags.Tag) use {
	const most = 16 // that are looked at
	u, seen := k.unknown[name]
	if !seen && !t.End && len(k.unknown) < most {
		for _, end := range [...]string{"</" + t.Name + ">", "&lt;/" + t.Name + "&gt;", `<\/` + t.Name + ">"} {
			if strings.Contains(k.text[t.To:], end) {
				u = isOther
			}
		}
		k.unknown[name] = u
	}
	return u
}

// use returns what a mark with the name of a label says, if there is such a label.
func (q *Question) use(name string) (use, bool) {
	switch label, ok := q.label(name); {
	case !ok:
		return isText, false
	case q.wants(label):
		return isAsked, true
	}
	return isOther, true
}

// readBrackets takes brackets with a label for marks: "[PER: Ada]", "[Ada|PER]" and
// "[Ada](PER)".
func (a *answer) readBrackets(al *Aligner) (found bool) {
	q := &al.question
	const reach = 256
	text := a.text
	known := slices.DeleteFunc(slices.Clone(a.signs), func(sg sign) bool { return sg.kind != '<' }) // tags
	for i := 0; i < len(text); i++ {
		n := strings.IndexByte(text[i:], '[')
		if n < 0 {
			break
		}
		i += n
		near := text[i+1 : min(len(text), i+1+reach)]
		end := strings.IndexAny(near, "[]\n")
		if end <= 0 || near[end] != ']' {
			continue
		}
		inner := near[:end]
		to := i + 1 + end // of what is inside
		open, close := [2]int{i, i + 1}, [2]int{to, to + 1}
		name := ""
		if at := strings.IndexAny(inner, ":|="); at > 0 && q.mayName(inner[:at]) {
			name = inner[:at]
			open[1] = i + 1 + len(inner) - len(strings.TrimLeft(inner[at+1:], " "))
		} else if at := strings.LastIndexAny(inner, ":|=/"); at > 0 && q.mayName(inner[at+1:]) {
			name = inner[at+1:]
			close[0] = i + 1 + len(strings.TrimRight(inner[:at], " "))
		} else if rest := text[to+1:]; rest != "" && strings.IndexByte("({<[", rest[0]) >= 0 {
			if at := strings.IndexAny(rest[:min(len(rest), reach)], ")}>]"); at > 0 && q.mayName(rest[1:at]) {
				name = rest[1:at]
				close[1] = to + 1 + at + 1
			}
		}
		if name == "" || open[1] >= close[0] || al.original.tagSigns && al.reads(text[open[0]:close[1]]) || touches(known, open) || touches(known, close) {
			continue
		}
		u, ok := q.use(name)
		said := claim{}
		if q.ofSentence() {
			said = q.claim(name)
			if !ok {
				u = isOther
			}
		}
		a.addOther(open, close, u, said)
		a.damage |= OtherMarkup
		found = true
		i = close[1] - 1
	}
	return found
}

// touches reports whether a range of the text shares a byte with one of signs, which are in
// order.
func touches(signs []sign, part [2]int) bool {
	i, _ := slices.BinarySearchFunc(signs, part[0], func(sg sign, at int) int { return cmp.Compare(sg.to, at+1) })
	return i < len(signs) && signs[i].from < part[1]
}

// names reports whether text is the name of a label and nothing else.
func (q *Question) names(text string) bool {
	if !isName(text) {
		return false
	}
	_, ok := q.label(text)
	return ok
}

// isName reports whether text has no characters other than a label's name.
func isName(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !inWord(r) && r != '_' && r != '-' && r != ' ' })
}

// addMark adds a mark that is not as asked for, and returns its number, from 1.
func (a *answer) addMark(u use, said claim) int {
	a.others = append(a.others, otherMark{use: u, claim: said, odd: true})
	return len(a.others)
}

// addOther adds a mark between two signs.
func (a *answer) addOther(open, close [2]int, u use, said claim) {
	n := a.addMark(u, said)
	a.signs = append(a.signs, sign{kind: '<', from: open[0], to: open[1], other: n}, sign{kind: '<', from: close[0], to: close[1], other: n})
}

// emphases are signs around emphasized words, the rarest first. Bold type is not
// among them, since that is read in any answer.
var emphases = [...][2]string{
	{"[[", "]]"}, {"{{", "}}"}, {"<<", ">>"}, {"((", "))"}, {"__", "__"}, {"==", "=="}, {"~~", "~~"}, {"||", "||"}, {"$$", "$$"}, {"%%", "%%"}, {"^^", "^^"},
	{"*", "*"}, {"_", "_"}, {"`", "`"}, {"[", "]"},
}

// readEmphases takes signs around words for marks, if the original has no such signs.
func (a *answer) readEmphases(al *Aligner) {
	for _, e := range emphases {
		if strings.Contains(al.original.Text, e[0]) || !strings.Contains(a.text, e[0]) || !strings.Contains(a.text, e[1]) {
			continue
		}
		if text := strings.TrimSpace(a.text); e[0] == "[" && strings.HasPrefix(text, "[") && strings.Index(text, "]") == len(text)-1 {
			return // a list
		}
		n := len(a.others)
		a.readPairs(e[0], e[1])
		if len(a.others) > n {
			return
		}
	}
}

// readPairs takes what is between two signs in a line for marked. Signs between spaces
// or within words are none, and neither are longer ones.
func (a *answer) readPairs(open, close string) {
	const reach = 256
	text := a.text
	single := len(open) == 1
	for i := 0; i < len(text); {
		n := strings.Index(text[i:], open)
		if n < 0 {
			return
		}
		i += n
		from := i + len(open)
		run := count(text[i:], open[0])
		before, _ := utf8.DecodeLastRuneInString(text[:i])
		after, _ := utf8.DecodeRuneInString(text[from:])
		if run != len(open) || isSpace(after) || strings.ContainsRune("\"'“[{", after) || single && inWord(before) {
			i += run
			continue
		}
		near := text[from:min(len(text), from+reach)]
		near, _, _ = strings.Cut(near, "\n")
		n = strings.Index(near, close)
		if n <= 0 {
			i = from
			continue
		}
		to := from + n
		last, _ := utf8.DecodeLastRuneInString(text[:to])
		next, _ := utf8.DecodeRuneInString(text[to+len(close):])
		if count(text[to:], close[0]) != len(close) || isSpace(last) || single && inWord(next) {
			i = from
			continue
		}
		a.addOther([2]int{i, from}, [2]int{to, to + len(close)}, isEmphasis, claim{})
		i = to + len(close)
	}
}

// sortSigns puts the signs in order and gives the marks in other notations theirs.
func (a *answer) sortSigns() {
	slices.SortStableFunc(a.signs, func(x, y sign) int { return cmp.Compare(x.from, y.from) })
	end := 0 // of the tag before: what is in it is no sign
	a.signs = slices.DeleteFunc(a.signs, func(sg sign) bool {
		if sg.from < end {
			return true
		}
		if sg.kind == '<' {
			end = sg.to
		}
		return false
	})
	for i := range a.others {
		a.others[i].open, a.others[i].close = -1, -1
	}
	for i, sg := range a.signs {
		switch {
		case sg.other == 0:
		case a.others[sg.other-1].open < 0:
			a.others[sg.other-1].open = i
		default:
			a.others[sg.other-1].close = i
		}
	}
}

// addOthers adds the marks in other notations to those that are paired.
func (a *answer) addOthers() {
	if len(a.others) == 0 {
		return
	}
	a.limitOthers()
	for _, o := range a.others {
		m := mark{open: o.open, close: o.close, odd: o.odd, use: o.use}
		a.setClaim(&m, o.claim)
		if o.use == isOther && m.reason == 0 {
			m.reason = OtherLabel
		}
		if o.close < 0 {
			if strings.TrimFunc(a.following(o.open), blank) == "" {
				a.damage |= Stray
				continue
			}
			a.damage |= Unbalanced
			m.reason = Unclosed
		} else {
			a.signs[o.close].marks++
		}
		a.signs[o.open].marks++
		a.marks = append(a.marks, m)
	}
	slices.SortStableFunc(a.marks, func(x, y mark) int { return cmp.Compare(x.open, y.open) })
}

// limitOthers takes the end from the outer ones of more than [deepest] marks that
// are open at a time.
func (a *answer) limitOthers() {
	slices.SortStableFunc(a.others, func(x, y otherMark) int { return cmp.Compare(x.open, y.open) })
	var open []*otherMark
	for i := range a.others {
		o := &a.others[i]
		if o.close < 0 {
			continue
		}
		open = slices.DeleteFunc(open, func(outer *otherMark) bool { return outer.close <= o.open })
		if len(open) == deepest {
			open[0].close = -1
			open = slices.Delete(open, 0, 1)
		}
		open = append(open, o)
	}
}

// dropUnsure drops marks that need not be those of an entity: emphasis in text that
// may not be the original's, and what names no label around all of the original.
func (al *Aligner) dropUnsure(class Fidelity) {
	const short = 4 // tokens, that may well be an entity
	a := &al.answer
	whole := bytes.TrimFunc(al.original.letters.text, atEdge)
	back := class == Same || class == Spacing || class == Tokens || class == Part
	for i := range a.marks {
		m := &a.marks[i]
		bold := a.signs[m.open].kind == '*'
		if m.reason != 0 && m.reason != NoLabel || m.use != isEmphasis && m.use != isEntity && !bold {
			continue
		}
		from, to := a.signs[m.open].at, a.signs[m.close].at
		if len(al.original.Tokens) > short && bytes.Equal(bytes.TrimFunc(a.letters.text[from:to], atEdge), whole) {
			m.dropped = true
			a.damage |= OtherMarkup
			continue
		}
		if m.use != isEmphasis {
			continue
		}
		if al.question.ofSentence() { // nothing but formatting
			m.dropped = true
			continue
		}
		if r := al.regionOf(from, to); back || r >= 0 && al.regions[r].whole {
			a.damage |= OtherMarkup
			continue
		}
		m.dropped = true
		if len(al.reading(m).places) > 0 {
			a.damage |= OtherMarkup
		}
	}
}
