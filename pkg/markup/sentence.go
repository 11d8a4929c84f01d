package markup

import (
	"cmp"
	"slices"
	"strings"

	"nertools/pkg/tags"
)

// readLabelled finds the marks of an answer about all labels: those that name one, in tags or
// brackets, and those by "@@" and "##", if it has such marks, which name none. Emphasis is
// formatting.
func (a *answer) readLabelled(al *Aligner, marks bool) {
	found := a.readTags(al)
	square := func(sg sign) bool { return a.text[sg.from] == '[' } // as "[PER]"
	if !slices.ContainsFunc(a.signs, square) && a.readBrackets(al) {
		found = true
	}
	switch {
	case found, marks:
	case !al.original.signs.stars && strings.Contains(a.text, "**"):
		a.signs = slices.DeleteFunc(a.signs, func(sg sign) bool { return sg.kind != '<' })
		a.scan(a.text, '*', '*', &al.original.signs)
	default:
		a.readEmphases(al)
	}
	a.sortSigns()
}

// unlabelled notes which marks of an answer about all labels name none.
func (a *answer) unlabelled() {
	for i := range a.marks {
		m := &a.marks[i]
		switch {
		case m.use != isText:
		case a.signs[m.open].kind == '*':
			m.use = isEmphasis
		case m.mention:
			m.stray = true
		case m.reason == 0:
			m.reason = NoLabel
		}
	}
}

// readTagsOfSentence is readTags for an answer about all labels. All tags count that name a
// label, and those that mark something without naming one. It reports whether there are any.
func (a *answer) readTagsOfSentence(k *tagKinds) (found bool) {
	if k.aligner.original.tagSigns && !a.inList {
		k.literal, k.known = k.aligner.literalTags(a.text)
	}
	x := tags.Parse(a.text, tags.Options{Label: k.spanLabel, Text: k.isText, Loose: true})
	numbers := make([]int, len(x.Spans)) // of the mark of each span, from 1
	unclosed := map[int]bool{}
	for _, p := range x.Problems {
		switch u, _ := k.says(&x.Tags[p.Tag]); {
		case u < isEntity:
		case p.Kind == tags.Unclosed:
			unclosed[p.Tag] = true
		case p.Kind == tags.Stray:
			a.damage |= Stray
		case p.Kind == tags.Blank:
			a.damage |= EmptyMarks
		}
	}
	for i := range x.Tags {
		t := &x.Tags[i]
		sg := sign{kind: '<', from: t.From, to: t.To}
		switch {
		case t.Span >= 0:
			if numbers[t.Span] == 0 {
				numbers[t.Span] = a.addTag(k, x.Spans[t.Span].Label)
			}
			sg.other = numbers[t.Span]
		case unclosed[i]:
			said, _ := k.spanLabel(t)
			sg.other = a.addTag(k, said)
		}
		if sg.other > 0 {
			found = true
			a.lookAtTag(t, &a.others[sg.other-1])
		}
		a.signs = append(a.signs, sg)
	}
	return found
}

// spanLabel returns what a tag says in one string, for tags.Parse to pass on: its use, and
// behind that the name that it has for a label.
func (k *tagKinds) spanLabel(t *tags.Tag) (string, bool) {
	u, name := k.says(t)
	return string(rune(u)) + name, u != isText
}

// addTag adds the mark of tags of which spanLabel returns said. It returns the number of the
// mark, or 0 if they mark no entity.
func (a *answer) addTag(k *tagKinds, said string) int {
	u, name := use(said[0]), said[1:]
	switch {
	case u < isEntity:
		return 0
	case u == isEntity:
		return a.addMark(u, claim{reason: NoLabel})
	}
	n := a.addMark(u, k.aligner.question.claim(name))
	a.others[n-1].odd = false
	return n
}

// lookAtTag notes whether a tag is not as asked for. Those of labels that were not asked for
// are no damage.
func (a *answer) lookAtTag(t *tags.Tag, o *otherMark) {
	want := tags.Start
	if t.End {
		want = tags.End
	}
	if o.reason != NotAsked && a.text[t.From:t.To] != want(o.label) {
		o.odd = true
		a.damage |= OtherMarkup
	}
}

// sortByLabel sorts entities by span, and those with the same span in the order of labels.
func sortByLabel(list []Found, labels []string) {
	slices.SortFunc(list, func(a, b Found) int {
		return cmp.Or(a.Span.Compare(b.Span), cmp.Compare(slices.Index(labels, a.Label), slices.Index(labels, b.Label)))
	})
}
