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
	from, to int    // bytes of the answer: the whole element of its list
	list     int    // number of the list that it is an element of
	lone     bool   // it is in place of a list
	odd      bool   // it was marked, or its list mended
	word     bool   // it has no quotes
	begun    bool   // it is labelled as a token of an entity: "B-PER"
	reason   Reason // why it can't be used, or 0
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
		e.reason = Unclosed
	}
	l.entries = append(l.entries, e)
}

// list reads an array, an object that holds one, or what is in place of one.
// reason is why its entries can't be used, or 0.
func (l *lister) list(v *value, reason Reason) bool {
	switch v.kind {
	case anArray:
		return l.array(v, reason)
	case anObject:
		return l.object(v, reason)
	case aString, aWord:
		return l.single(v, reason)
	}
	return v.kind == aNull
}

// single reads a string in place of a list.
func (l *lister) single(v *value, reason Reason) bool {
	text := strings.TrimSpace(v.text)
	switch in := l.aligner.holds(text); {
	case !in && slices.Contains(nothing, foldName(text)):
		return true
	case strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{"):
		inner := l.aligner.list(text)
		list := l.begin()
		for _, e := range inner.entries {
			if e.reason == 0 {
				e.reason = reason
			}
			e.list, e.odd = list, true
			l.entries = append(l.entries, e)
		}
		l.damage |= inner.damage | MendedList
		l.nested = true
		return inner.ok
	case !in && strings.ContainsAny(text, ",;，、；\n"): // who knows where it parts?
		return false
	}
	l.add(entry{text: v.text, from: v.from, to: v.to, list: l.begin(), lone: true, reason: reason, word: v.kind == aWord}, v.cut)
	return true
}

// array reads the elements of an array. What of them nobody can read is damage,
// and if that is all, the array is no list.
func (l *lister) array(v *value, reason Reason) bool {
	if l.rows(v, reason) {
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
				text, why := l.parts(e.text, reason)
				l.add(entry{text: text, from: e.from, to: e.to, list: list, reason: why, odd: text != e.text, word: e.kind == aWord}, e.cut)
			}
		case anArray:
			ok = l.try(func() bool { return l.array(e, reason) })
		case anObject:
			ok = e.cut && len(e.items) == 0 || l.try(func() bool { return l.element(e, list, reason) }) || l.try(func() bool { return l.object(e, reason) })
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
func (l *lister) parts(text string, reason Reason) (string, Reason) {
	if !strings.ContainsAny(text, ":([-") || l.aligner.holds(text) {
		return text, reason
	}
	part, label := l.aligner.question.parts(text)
	if label == "" {
		return text, reason
	}
	if reason == 0 {
		reason = l.aligner.question.reason(label)
	}
	return part, reason
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
func (l *lister) rows(v *value, reason Reason) bool {
	q := &l.aligner.question
	if q.Label == "" || len(v.items) == 0 {
		return false
	}
	var labels [2]int // how many there are in each column
	for i := range v.items {
		row := &v.items[i].value
		cells := row.strings()
		if row.kind != anArray || len(cells) != 2 && !row.cut {
			return l.row(v, reason)
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
		e := entry{text: cells[text].text, from: row.from, to: row.to, list: list, reason: reason}
		if reason == 0 && len(cells) > label {
			e.reason = q.reason(cells[label].text)
		}
		l.add(e, row.cut)
	}
	return true
}

// row reads an array that is a text and its label.
func (l *lister) row(v *value, reason Reason) bool {
	q := &l.aligner.question
	cells := v.strings()
	if len(cells) != 2 || len(v.items) != 2 || v.cut {
		return false
	}
	if q.names(cells[0].text) || !q.names(cells[1].text) || l.aligner.holds(cells[1].text) {
		return false
	}
	if reason == 0 {
		reason = q.reason(cells[1].text)
	}
	l.add(entry{text: cells[0].text, from: v.from, to: v.to, list: l.begin(), lone: true, reason: reason}, v.cut)
	return true
}

// element reads an object that is an entity.
func (l *lister) element(v *value, list int, reason Reason) bool {
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
	e := entry{text: text.text, from: v.from, to: v.to, list: list, reason: reason}
	if named, ok := v.label(); ok {
		label = named
	}
	if reason == 0 {
		e.reason = q.reason(label)
	}
	l.named = true
	prefix := bioPrefix(label)
	e.begun = prefix != 0
	if n := len(l.entries); prefix == inside && n > 0 && l.entries[n-1].begun && l.entries[n-1].list == list && l.entries[n-1].reason == e.reason && !v.cut {
		last := &l.entries[n-1]
		last.text += " " + strings.TrimPrefix(e.text, "##")
		last.to, last.odd = e.to, true
		return true
	}
	l.add(e, v.cut)
	return true
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

// asked reports whether what is called the label of an entity, or one of these,
// is the one asked for. What names none is.
func (q *Question) asked(label string) bool {
	if slices.Contains(neutral, foldName(label)) {
		return true
	}
	for name := range strings.SplitSeq(label, "\n") {
		if found, ok := q.label(name); ok && found == q.Label {
			return true
		}
	}
	return false
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
func (l *lister) object(v *value, reason Reason) bool {
	if len(v.items) == 0 {
		return !v.cut
	}
	for i := range v.items { // {"label":"LOC","entities":["Oslo"]}
		if m := &v.items[i]; m.isString() && reason == 0 && l.aligner.question.Label != "" {
			if found, ok := l.aligner.question.label(m.text); ok && found != l.aligner.question.Label {
				reason = OtherLabel
			}
		}
	}
	return l.members(v, sureMembers, reason) ||
		l.try(func() bool { return l.element(v, l.begin(), reason) }) ||
		l.byLabel(v, reason) ||
		l.members(v, listMembers, reason) ||
		l.byText(v, reason) ||
		l.onlyArray(v, reason)
}

// members reads the list that the first of these members holds.
func (l *lister) members(v *value, names []string, reason Reason) bool {
	sure := &names[0] == &sureMembers[0]
	for _, name := range names {
		m := v.member(name)
		if m == nil || m.isString() && (name == "entity" && len(v.items) > 1 || !sure && !strings.HasPrefix(strings.TrimSpace(m.text), "[")) {
			continue
		}
		if l.try(func() bool { return l.list(&m.value, reason) }) {
			l.named = l.named || sure
			return true
		}
	}
	return false
}

// byLabel reads the lists of an object whose keys name labels.
func (l *lister) byLabel(v *value, reason Reason) bool {
	q := &l.aligner.question
	if q.Label == "" {
		return false
	}
	any := false
	for i := range v.items {
		m := &v.items[i]
		label, ok := q.labelIn(m.key)
		if !ok {
			continue
		}
		why := reason
		if why == 0 && label != q.Label {
			why = OtherLabel
		}
		if l.try(func() bool { return l.list(&m.value, why) }) {
			any, l.named = true, true
		} else if why == 0 {
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
		if found, named := q.label(word); named && (!ok || found == q.Label) {
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
func (l *lister) byText(v *value, reason Reason) bool {
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
	if !named || q.Label == "" {
		return false
	}
	l.named = true
	list := l.begin()
	for i := range v.items {
		m := &v.items[i]
		label, _ := m.ownLabel()
		l.add(entry{text: m.key, from: m.from, to: m.to, list: list, reason: q.reason(label)}, m.cut)
	}
	return true
}

// onlyArray reads the only array of an object, whatever its name.
func (l *lister) onlyArray(v *value, reason Reason) bool {
	var only *item
	for i := range v.items {
		if m := &v.items[i]; m.kind == anArray {
			if only != nil {
				return false
			}
			only = m
		}
	}
	return only != nil && l.try(func() bool { return l.array(&only.value, reason) })
}
