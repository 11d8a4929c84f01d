package markup

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// An entry is a string of a structured answer.
type entry struct {
	text     string
	from, to int  // bytes of the answer: the whole element of its list
	list     int  // number of the list that it is an element of
	lone     bool // it is in place of a list
	odd      bool // it was marked, or its list mended
	word     bool // it has no quotes
	begun    bool // it is labelled as a token of an entity: "B-PER"
	claim
}

// Members of objects, as [foldName] folds their names.
var (
	// sureMembers hold the entities of an answer and nothing else.
	sureMembers = []string{"entities", "namedentities", "extractedentities", "entitylist", "entity", "mentions", "spans", "annotations", "predictions"}

	// listMembers may hold them.
	listMembers = []string{"results", "result", "output", "data", "answer", "answers", "response", "items", "list", "values", "names", "finalanswer", "ner"}

	// textMembers hold the string of an entity, the surest first.
	textMembers = []string{"text", "span", "mention", "surface", "surfaceform", "entitytext", "entityname", "phrase", "word", "name", "entity", "value", "string", "term"}

	// labelMembers hold its label.
	labelMembers = []string{"label", "entitylabel", "entitytype", "type", "category", "tag", "class", "ner", "nertag", "entitygroup", "kind", "labels", "types"}

	// neutral are labels that name none.
	neutral = []string{"", "entity", "namedentity", "ne", "noun", "propernoun", "name", "propername", "span", "mention", "string", "text"}

	// nothing are strings in place of a list that is empty.
	nothing = []string{"", "none", "null", "na", "nothing", "empty"}
)

// member returns the first member of an object with this name, or nil.
func (v *value) member(name string) *item {
	for i := range v.items {
		if foldName(v.items[i].key) == name {
			return &v.items[i]
		}
	}
	return nil
}

// strings returns the strings of an array.
func (v *value) strings() (list []*item) {
	for i := range v.items {
		if v.items[i].isString() {
			list = append(list, &v.items[i])
		}
	}
	return list
}

// hasWord reports whether an entry has no quotes.
func (l *lister) hasWord() bool {
	return slices.ContainsFunc(l.entries, func(e entry) bool { return e.word })
}

// holdsWord reports whether the original has an entry without quotes.
func (l *lister) holdsWord() bool {
	return slices.ContainsFunc(l.entries, func(e entry) bool { return e.word && l.aligner.holds(e.text) })
}

func (v *value) isString() bool { return v.kind == aString || v.kind == aWord }

// lister makes entries of values. Its methods report false for what is no list, or
// no entity.
type lister struct {
	aligner *Aligner
	answer  string
	entries []entry
	damage  Damage
	lists   int  // that were begun
	named   bool // an object has members that name entities
	nested  bool // the places of the entries in the answer are not known
	claims  []claim
}

// try calls f, and undoes what it did if it reports false.
func (l *lister) try(f func() bool) bool {
	before := *l
	if f() {
		return true
	}
	before.lists = l.lists
	*l = before
	return false
}

func (l *lister) begin() (list int) {
	l.lists++
	return l.lists
}

// add adds an entry. Where one that is cut off would end, nobody knows.
func (l *lister) add(e entry, cut bool) {
	if cut {
		if strings.TrimFunc(e.text, isSpace) == "" {
			return
		}
		if e.reason == NotAsked {
			e.label = "" // it may be cut off too
		}
		e.reason = Unclosed
	}
	l.entries = append(l.entries, e)
}

// list reads an array, an object that holds one, or what is in place of one.
// said is what is said about the label of all its entries.
func (l *lister) list(v *value, said claim) bool {
	switch v.kind {
	case anArray:
		return l.array(v, said)
	case anObject:
		return l.object(v, said)
	case aString, aWord:
		return l.single(v, said)
	}
	return v.kind == aNull
}

// single reads a string in place of a list.
func (l *lister) single(v *value, said claim) bool {
	text := strings.TrimSpace(v.text)
	switch in := l.aligner.holds(text); {
	case !in && slices.Contains(nothing, foldName(text)):
		return true
	case strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{"):
		inner := l.aligner.list(text)
		list := l.begin()
		for _, e := range inner.entries {
			e.claim = l.aligner.question.inherit(e.claim, said)
			e.list, e.odd = list, true
			l.entries = append(l.entries, e)
		}
		l.damage |= inner.damage | MendedList
		l.nested = true
		return inner.ok
	case !in && strings.ContainsAny(text, ",;，、；\n"): // who knows where it parts?
		return false
	}
	l.add(entry{text: v.text, from: v.from, to: v.to, list: l.begin(), lone: true, claim: said, word: v.kind == aWord}, v.cut)
	return true
}

// array reads the elements of an array. What of them nobody can read is damage,
// and if that is all, the array is no list.
func (l *lister) array(v *value, said claim) bool {
	if l.rows(v, said) {
		return true
	}
	if l.isText(v) {
		return false
	}
	list, before, unread := l.begin(), len(l.entries), false
	for i := range v.items {
		e := &v.items[i].value
		ok := true
		switch e.kind {
		case aString, aWord, aNumber:
			if ok = l.isEntry(e); ok {
				text, own := l.parts(e.text, said)
				l.add(entry{text: text, from: e.from, to: e.to, list: list, claim: own, odd: text != e.text, word: e.kind == aWord}, e.cut)
			}
		case anArray:
			ok = l.try(func() bool { return l.array(e, said) })
		case anObject:
			ok = e.cut && len(e.items) == 0 || l.try(func() bool { return l.element(e, list, said) }) || l.try(func() bool { return l.object(e, said) })
		case aBoolean:
			ok = false
		}
		unread = unread || !ok
	}
	if unread {
		l.damage |= Unread
	}
	return !unread || len(l.entries) > before
}

// parts takes the label off a string that the original does not have: "Ada (PER)".
func (l *lister) parts(text string, said claim) (string, claim) {
	if !strings.ContainsAny(text, ":([-") || l.aligner.holds(text) {
		return text, said
	}
	part, label := l.aligner.question.parts(text)
	if label == "" {
		return text, said
	}
	return part, l.aligner.question.narrow(said, label)
}

// isEntry reports whether an element of an array is the text of an entity. A number
// that could be the number of a token may not be one; "..." is not one.
func (l *lister) isEntry(e *value) bool {
	switch e.kind {
	case aWord:
		return strings.Trim(e.text, ".…") != ""
	case aNumber:
		n, err := strconv.Atoi(e.text)
		return (err != nil || n >= len(l.aligner.original.Tokens)) && l.aligner.holds(e.text)
	}
	return true
}

// isText reports whether an array of words without quotes is text in brackets: all
// of the original, or words that the original has with their commas.
func (l *lister) isText(v *value) bool {
	if len(v.items) == 0 || slices.ContainsFunc(v.items, func(e item) bool { return e.kind != aWord }) {
		return false
	}
	text := l.answer[v.items[0].value.from:v.items[len(v.items)-1].value.to]
	return len(v.items) > 1 && l.aligner.holds(text) || l.aligner.isSentence(text)
}

// isSentence reports whether text contains all of the original, which is no entity.
func (al *Aligner) isSentence(text string) bool {
	al.part.reset()
	al.part.addText(text)
	return len(al.original.Tokens) > 1 && len(al.original.letters.text) > 0 && bytes.Contains(al.part.text, al.original.letters.text)
}

// rows reads an array of arrays that have a text and its label, or one of these:
// [["Ada","PER"],["Oslo","LOC"]].
func (l *lister) rows(v *value, said claim) bool {
	q := &l.aligner.question
	if !q.named() || len(v.items) == 0 {
		return false
	}
	var labels [2]int // how many there are in each column
	for i := range v.items {
		row := &v.items[i].value
		cells := row.strings()
		if row.kind != anArray || len(cells) != 2 && !row.cut {
			return l.row(v, said)
		}
		for k, cell := range cells {
			if _, ok := q.label(cell.text); ok {
				labels[min(k, 1)]++
			}
		}
	}
	text, label := 0, 1
	switch {
	case labels[0] > labels[1]:
		text, label = 1, 0
	case labels[1] == 0:
		return false
	}
	l.named = true
	list := l.begin()
	for i := range v.items {
		row := &v.items[i].value
		cells := row.strings()
		if len(cells) <= text {
			continue
		}
		e := entry{text: cells[text].text, from: row.from, to: row.to, list: list, claim: said}
		if len(cells) > label {
			e.claim = q.narrow(said, cells[label].text)
		}
		l.add(e, row.cut)
	}
	return true
}

// row reads an array that is a text and its label.
func (l *lister) row(v *value, said claim) bool {
	q := &l.aligner.question
	cells := v.strings()
	if len(cells) != 2 || len(v.items) != 2 || v.cut {
		return false
	}
	if q.names(cells[0].text) || !q.names(cells[1].text) || l.aligner.holds(cells[1].text) {
		return false
	}
	l.add(entry{text: cells[0].text, from: v.from, to: v.to, list: l.begin(), lone: true, claim: q.narrow(said, cells[1].text)}, v.cut)
	return true
}

// element reads an object that is an entity.
func (l *lister) element(v *value, list int, said claim) bool {
	q := &l.aligner.question
	var texts []*item
	label := ""
	for _, name := range textMembers {
		if m := v.member(name); m != nil && (m.isString() || m.kind == aNumber) {
			texts = append(texts, m)
		}
	}
	if len(texts) > 1 { // {"entity":"PER","word":"Ada"}
		texts = slices.DeleteFunc(texts, func(m *item) bool {
			if _, ok := q.label(m.text); !ok {
				return l.aligner.isSentence(m.text)
			}
			label = m.text
			return true
		})
	}
	if len(texts) == 0 {
		return false
	}
	text := texts[0]
	if l.aligner.isSentence(text.text) && slices.ContainsFunc(v.items, func(m item) bool { return m.kind == anArray || m.kind == anObject }) {
		return false
	}
	e := entry{text: text.text, from: v.from, to: v.to, list: list}
	if named, ok := v.label(); ok {
		label = named
	}
	l.named = true
	l.claims = q.appendClaims(l.claims[:0], said, label)
	e.claim = l.claims[0]
	prefix := bioPrefix(label)
	e.begun = prefix != 0
	if n := len(l.entries); prefix == inside && n > 0 && l.entries[n-1].begun && l.entries[n-1].list == list && l.entries[n-1].claim == e.claim && !v.cut {
		last := &l.entries[n-1]
		last.text += " " + strings.TrimPrefix(e.text, "##")
		last.to, last.odd = e.to, true
		return true
	}
	l.addEach(e, v.cut)
	return true
}

// addEach adds an entry for each of l.claims.
func (l *lister) addEach(e entry, cut bool) {
	for _, own := range l.claims {
		e.claim = own
		l.add(e, cut)
	}
}

// label returns the label that an object names, or its labels in lines.
func (v *value) label() (string, bool) {
	for _, name := range labelMembers {
		switch m := v.member(name); {
		case m == nil:
		case m.isString():
			return m.text, true
		case m.kind == anArray:
			var all []string
			for _, cell := range m.strings() {
				all = append(all, cell.text)
			}
			return strings.Join(all, "\n"), true
		}
	}
	return "", false
}

// The places of a token in an entity.
const (
	beginning = iota + 1
	inside
)

// bioPrefix returns which place the label of a token names, or 0.
func bioPrefix(label string) int {
	if len(label) < 3 || label[1] != '-' && label[1] != '_' {
		return 0
	}
	switch label[0] {
	case 'B', 'S', 'U':
		return beginning
	case 'I', 'E', 'L', 'M':
		return inside
	}
	return 0
}

// object reads an object that holds a list, lists by label, or an entity.
func (l *lister) object(v *value, said claim) bool {
	if len(v.items) == 0 {
		return !v.cut
	}
	said = l.aligner.question.group(v, said)
	return l.members(v, sureMembers, said) ||
		l.try(func() bool { return l.element(v, l.begin(), said) }) ||
		l.byLabel(v, said) ||
		l.members(v, listMembers, said) ||
		l.byText(v) ||
		l.onlyArray(v, said)
}

// members reads the list that the first of these members holds.
func (l *lister) members(v *value, names []string, said claim) bool {
	sure := &names[0] == &sureMembers[0]
	for _, name := range names {
		m := v.member(name)
		if m == nil || m.isString() && (name == "entity" && len(v.items) > 1 || !sure && !strings.HasPrefix(strings.TrimSpace(m.text), "[")) {
			continue
		}
		if l.try(func() bool { return l.list(&m.value, said) }) {
			l.named = l.named || sure
			return true
		}
	}
	return false
}

// group returns what an object that holds a list says about the label of its entities, or
// else what is said about the object: {"label":"LOC","entities":["Oslo"]}.
func (q *Question) group(v *value, said claim) claim {
	if q.ofSentence() {
		return q.groupOfSentence(v, said)
	}
	for i := range v.items {
		if m := &v.items[i]; m.isString() && said.reason == 0 && q.Label != "" {
			if found, ok := q.label(m.text); ok && found != q.Label {
				said.reason = OtherLabel
			}
		}
	}
	return said
}

// byLabel reads the lists of an object whose keys name labels.
func (l *lister) byLabel(v *value, said claim) bool {
	q := &l.aligner.question
	if !q.named() {
		return false
	}
	any := false
	for i := range v.items {
		m := &v.items[i]
		label, ok := q.labelIn(m.key)
		if !ok && m.kind == anArray && q.mayName(m.key) {
			label, ok = m.key, true
		}
		if !ok {
			continue
		}
		own := q.keyed(said, label)
		if l.try(func() bool { return l.list(&m.value, own) }) {
			any, l.named = true, true
		} else if own.reason == 0 {
			l.damage |= Unread
		}
	}
	return any
}

// labelIn returns the label that a key names, or one of its words: "PER_entities".
func (q *Question) labelIn(key string) (label string, ok bool) {
	if label, ok = q.label(key); ok {
		return label, true
	}
	for word := range strings.FieldsFuncSeq(key, func(r rune) bool { return !unicode.IsLetter(r) }) {
		if found, named := q.label(word); named && (!ok || q.wants(found) && !q.wants(label)) {
			label, ok = found, true
		}
	}
	return label, ok
}

// ownLabel returns the label that a member is, or that its object names.
func (m *item) ownLabel() (string, bool) {
	if m.isString() {
		return m.text, true
	}
	if m.kind == anObject {
		return m.label()
	}
	return "", false
}

// byText reads an object with the label of each entity: {"Ada":"PER"}.
func (l *lister) byText(v *value) bool {
	q := &l.aligner.question
	named := false
	for i := range v.items {
		label, ok := v.items[i].ownLabel()
		if !ok {
			return false
		}
		_, ok = q.label(label)
		named = named || ok
	}
	if !named || !q.named() {
		return false
	}
	l.named = true
	list := l.begin()
	for i := range v.items {
		m := &v.items[i]
		label, _ := m.ownLabel()
		l.claims = q.appendClaims(l.claims[:0], q.unsaid(), label)
		l.addEach(entry{text: m.key, from: m.from, to: m.to, list: list}, m.cut)
	}
	return true
}

// onlyArray reads the only array of an object, whatever its name.
func (l *lister) onlyArray(v *value, said claim) bool {
	var only *item
	for i := range v.items {
		if m := &v.items[i]; m.kind == anArray {
			if only != nil {
				return false
			}
			only = m
		}
	}
	return only != nil && l.try(func() bool { return l.array(&only.value, said) })
}
