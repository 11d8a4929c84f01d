package markup

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// bulletSigns begin the items of a list that is no JSON.
var bulletSigns = []string{"-", "*", "•", "–", "—", "·", "‣", "◦"}

// bullets reads an answer as a list of items with bullets or numbers, with or without
// line breaks. It can be read if the original has every item, and it is meant as a
// list if the original has one.
func (al *Aligner) bullets(answer string) (l listing) {
	const most = 1000 // items that are looked for
	text := strings.TrimSpace(answer)
	items := al.items(text)
	if lines := al.lines(text); items == nil && lines != nil {
		items = lines
	} else if i := strings.IndexAny(text, ":："); items == nil && i > 0 { // "Entities: - Ada"
		_, size := utf8.DecodeRuneInString(text[i:])
		items = al.items(strings.TrimSpace(text[i+size:]))
	}
	if len(items) > most {
		return listing{evident: true}
	}
	l = listing{damage: MendedList, nested: true, ok: len(items) > 0}
	for _, item := range items {
		text, label := item, ""
		if !al.question.ofSentence() || !al.holds(item) {
			text, label = al.question.parts(item)
		}
		e := entry{text: text, odd: true, claim: al.question.claim(label)}
		if al.isSentence(item) {
			return listing{}
		}
		has := al.holds(text)
		l.evident = l.evident || has
		l.ok = l.ok && has
		l.entries = append(l.entries, e)
	}
	return l
}

// lines parts a text that begins with a label and a colon into strings with their
// labels: "PER: Ada, Bob". Further labels may follow.
func (al *Aligner) lines(text string) (items []string) {
	label := ""
	for text != "" {
		word := firstToken(text)
		if name, ok := al.question.heads(word); ok {
			label = name
			text = strings.TrimLeftFunc(text[len(word):], isSpace)
		} else if label == "" {
			return nil
		}
		end := len(text) // of what is of this label
		for i := range text {
			if i > 0 && isSpace(rune(text[i-1])) {
				if _, ok := al.question.heads(firstToken(text[i:])); ok {
					end = i
					break
				}
			}
		}
		for part := range strings.FieldsFuncSeq(text[:end], func(r rune) bool { return isComma(r) || r == ';' }) {
			if part = strings.TrimSpace(part); part != "" && !slices.Contains(nothing, foldName(part)) {
				items = append(items, label+": "+part)
			}
		}
		text = text[end:]
	}
	return items
}

// heads returns the label that a word with a colon names.
func (q *Question) heads(word string) (label string, ok bool) {
	if q.ofSentence() {
		word = strings.TrimRight(word, "*_") // **PER:**
	}
	name, ok := strings.CutSuffix(word, ":")
	name = strings.Trim(name, "*_")
	return name, ok && q.mayName(name)
}

// items parts a text at its bullets or numbers. It returns nil if the text does not
// begin with one, or if the sign is a token of the original.
func (al *Aligner) items(text string) []string {
	for _, sign := range bulletSigns {
		rest, ok := strings.CutPrefix(text, sign+" ")
		if !ok || slices.Contains(al.original.Tokens, sign) {
			continue
		}
		return strings.Split(strings.ReplaceAll(rest, "\n"+sign+" ", " "+sign+" "), " "+sign+" ")
	}
	for _, end := range []string{".", ")"} {
		rest, ok := strings.CutPrefix(text, "1"+end+" ")
		if !ok || slices.Contains(al.original.Tokens, "1"+end) {
			continue
		}
		var items []string
		for n := 2; ; n++ {
			before, after, ok := cutNumber(rest, strconv.Itoa(n)+end)
			items = append(items, before)
			if !ok {
				return items
			}
			rest = after
		}
	}
	return nil
}

// cutNumber parts a text at a number that stands apart.
func cutNumber(text, number string) (before, after string, ok bool) {
	from := 0
	for {
		i := strings.Index(text[from:], number)
		if i < 0 {
			return text, "", false
		}
		i += from
		from = i + len(number)
		if i > 0 && spaceAt(text, i-1) > 0 && from < len(text) && spaceAt(text, from) > 0 {
			return text[:i], text[from:], true
		}
	}
}

// parts parts an item into a text and the label that it names before or behind it:
// "PER: Ada", "Ada (PER)", "Ada - PER".
func (q *Question) parts(item string) (text, label string) {
	if text, label = partsBy(item, q.names); label == "" && q.ofSentence() {
		return partsBy(item, q.mayName)
	}
	return text, label
}

func partsBy(item string, names func(string) bool) (text, label string) {
	const marks = " \t\r\n*_`\"'“”‘’,;"
	item = strings.Trim(item, marks)
	if before, after, ok := strings.Cut(item, ":"); ok && names(strings.Trim(before, marks)) {
		return strings.Trim(after, marks), strings.Trim(before, marks)
	}
	for _, sep := range []string{"(", "[", ": ", " - ", " – ", " — "} {
		i := strings.LastIndex(item, sep)
		if i <= 0 {
			continue
		}
		if label := strings.Trim(item[i+len(sep):], marks+")]."); names(label) {
			return strings.Trim(item[:i], marks), label
		}
	}
	return item, ""
}
