package markup

import (
	"cmp"
	"slices"
	"strings"

	"nertools/pkg/tags"
)

// literalTags returns where in an answer tags begin that are text, because the original has
// the same tag at that place. known is false if there are no steps left to know that.
//
// Answer and original are aligned, with each tag as one atom. The tags that are aligned with
// each other are text.
func (al *Aligner) literalTags(text string) (literal map[int]bool, known bool) {
	var found []tags.Tag
	var forms []string // of these, as they occur in the original
	all := tags.Parse(text, tags.Options{Loose: true}).Tags
	for _, t := range all {
		if form, ok := al.formOf(text, &t); ok {
			found, forms = append(found, t), append(forms, form)
		}
	}
	if len(found) == 0 {
		return nil, true
	}
	original, ok := al.atomsWith(forms)
	if !ok {
		return nil, false
	}
	atoms, ofTags := atomsOf(text, found, forms)
	d := &al.tagDiffer
	d.blocks, d.work = d.blocks[:0], meter{limit: editSteps + editStepsEach*(len(text)+len(al.original.letters.text))}
	aligned := region{blocks: d.align(atoms, original)}
	literal = map[int]bool{}
	for i, t := range found {
		if b := aligned.block(ofTags[i].from); b != nil && ofTags[i].to <= b.answer+b.n {
			literal[t.From] = true
		}
	}
	settle(literal, text, all)
	return literal, true
}

// atomsOf returns the atoms of an answer, with each of the tags as one, in the form that occurs
// in the original, and the atoms of the tags alone.
func atomsOf(text string, found []tags.Tag, forms []string) (atoms, ofTags []atom) {
	var l letters
	l.reset()
	add := func(text string) (from, to int) {
		from = len(l.text)
		l.addText(text)
		return from, len(l.text)
	}
	at := 0
	for i, t := range found {
		from, to := add(text[at:t.From])
		atoms = appendAtoms(atoms, &l, from, to)
		from, to = add(forms[i])
		ofTags = append(ofTags, newTagAtom(&l, from, to))
		atoms = append(atoms, ofTags[i])
		at = t.To
	}
	from, to := add(text[at:])
	return appendAtoms(atoms, &l, from, to), ofTags
}

// settle chooses among tags with nothing but white space between them which are text, where
// several of one name could be. A mark is close to its entity. So of those with white space
// between them, "</PER> </PER>", the first end is the mark, and of starts the last. Of those
// without, "</PER></PER>", it is the other way around: the entity has the tag that is text
// inside, and does not end between the two.
func settle(literal map[int]bool, text string, all []tags.Tag) {
	for from := 0; from < len(all); {
		to := from + 1
		for to < len(all) && all[to].End == all[from].End && strings.TrimFunc(text[all[to-1].To:all[to].From], isSpace) == "" {
			to++
		}
		if to > from+1 {
			settleRun(literal, all[from:to])
		}
		from = to
	}
}

// settleRun is settle for tags that are all starts, or all ends.
func settleRun(literal map[int]bool, run []tags.Tag) {
	count := map[string]int{} // of the tags of each name that are text
	for _, t := range run {
		if literal[t.From] {
			count[t.Name]++
		}
	}
	var groups [][]tags.Tag // of tags without white space between them
	for from, i := 0, 1; i <= len(run); i++ {
		if i == len(run) || run[i].From != run[i-1].To {
			groups = append(groups, run[from:i])
			from = i
		}
	}
	end := run[0].End
	for i := range groups {
		group := groups[i]
		if end {
			group = groups[len(groups)-1-i]
		}
		for k := range group {
			t := &group[k]
			if !end {
				t = &group[len(group)-1-k]
			}
			literal[t.From] = count[t.Name] > 0
			count[t.Name]--
		}
	}
}

// formOf returns the form of a tag that occurs in the original, if one does.
func (al *Aligner) formOf(text string, t *tags.Tag) (form string, ok bool) {
	for _, form := range [...]string{text[t.From:t.To], plainTag(t)} {
		if al.reads(form) {
			return form, true
		}
	}
	return "", false
}

// atomsWith returns the atoms of the original, with each of these tags as one. ok is false if
// there are no steps left for that.
func (al *Aligner) atomsWith(forms []string) (atoms []atom, ok bool) {
	l := &al.original.letters
	var found []atom
	for _, form := range slices.Compact(slices.Sorted(slices.Values(forms))) {
		if !al.lookups.spend(1 + len(l.text)/lettersAStep) {
			return nil, false
		}
		al.part.reset()
		al.part.addText(form)
		for at := range occurrences(l.text, al.part.text) {
			found = append(found, newTagAtom(l, at, at+len(al.part.text)))
		}
	}
	slices.SortFunc(found, func(x, y atom) int { return cmp.Compare(x.from, y.from) })
	at := 0
	for _, t := range found {
		if t.from >= at {
			atoms = append(appendAtoms(atoms, l, at, t.from), t)
			at = t.to
		}
	}
	return appendAtoms(atoms, l, at, len(l.text)), true
}

// newTagAtom returns a range of letters as one atom.
func newTagAtom(l *letters, from, to int) atom {
	const offset, prime = 14695981039346656037, 1099511628211
	hash := uint64(offset)
	for _, c := range l.text[from:to] {
		hash = (hash ^ uint64(c)) * prime
	}
	return atom{hash, from, to}
}
