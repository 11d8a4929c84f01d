package markup

import (
	"cmp"
	"slices"

	"nertools/pkg/tags"
)

// literalTags returns where in an answer tags begin that are text, because the original has
// the same tag at that place. known is false if there are no steps left to know that.
//
// Answer and original are aligned, with each tag as one atom. The tags that are aligned with
// each other are text.
func (al *Aligner) literalTags(text string) (literal map[int]bool, known bool) {
	var found []tags.Tag
	var forms []string // of these, as the original has them
	for _, t := range tags.Parse(text, tags.Options{Loose: true}).Tags {
		if form, ok := al.formOf(text, &t); ok {
			found, forms = append(found, t), append(forms, form)
		}
	}
	if len(found) == 0 {
		return nil, true
	}
	original, ok := al.tagAtoms(forms)
	if !ok {
		return nil, false
	}
	var answer letters
	answer.reset()
	atoms := make([]atom, len(found)) // of the tags
	var all []atom
	from := 0
	for i, t := range found {
		start := len(answer.text)
		answer.addText(text[from:t.From])
		all = appendAtoms(all, &answer, start, len(answer.text))
		start = len(answer.text)
		answer.addText(forms[i])
		atoms[i] = tagAtom(&answer, start, len(answer.text))
		all = append(all, atoms[i])
		from = t.To
	}
	start := len(answer.text)
	answer.addText(text[from:])
	all = appendAtoms(all, &answer, start, len(answer.text))

	d := &al.tagDiffer
	d.blocks, d.work = d.blocks[:0], meter{limit: editSteps + editStepsEach*(len(answer.text)+len(al.original.letters.text))}
	aligned := region{blocks: d.align(all, original)}
	literal = map[int]bool{}
	for i, t := range found {
		if b := aligned.block(atoms[i].from); b != nil && atoms[i].to <= b.answer+b.n {
			literal[t.From] = true
		}
	}
	moveInside(literal, found)
	return literal, true
}

// moveInside makes tags that are text those next to the words, where equal tags follow each
// other directly: of "<PER><PER>" the second, of "</PER></PER>" the first. An entity then has
// them inside, rather than beginning or ending between them.
func moveInside(literal map[int]bool, found []tags.Tag) {
	for from := 0; from < len(found); {
		to := from + 1
		for to < len(found) && found[to].From == found[to-1].To && found[to].End == found[from].End {
			to++
		}
		if to > from+1 {
			moveRun(literal, found[from:to])
		}
		from = to
	}
}

// moveRun is moveInside for tags that follow each other directly.
func moveRun(literal map[int]bool, run []tags.Tag) {
	text := map[string]int{} // how many tags of each name are text
	for _, t := range run {
		if literal[t.From] {
			text[t.Name]++
		}
	}
	for i := range run {
		t := run[i]
		if !t.End {
			t = run[len(run)-1-i]
		}
		literal[t.From] = text[t.Name] > 0
		text[t.Name]--
	}
}

// formOf returns the form of a tag that the original has, if it has one.
func (al *Aligner) formOf(text string, t *tags.Tag) (form string, ok bool) {
	for _, form := range [...]string{text[t.From:t.To], plainTag(t)} {
		if al.reads(form) {
			return form, true
		}
	}
	return "", false
}

// tagAtoms returns the atoms of the original, with each of these tags as one. ok is false if
// there are no steps left for that.
func (al *Aligner) tagAtoms(forms []string) (atoms []atom, ok bool) {
	l := &al.original.letters
	var found []atom
	for _, form := range slices.Compact(slices.Sorted(slices.Values(forms))) {
		if !al.lookups.spend(1 + len(l.text)/lettersAStep) {
			return nil, false
		}
		al.part.reset()
		al.part.addText(form)
		for at := range occurrences(l.text, al.part.text) {
			found = append(found, tagAtom(l, at, at+len(al.part.text)))
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

// tagAtom returns a range of letters as one atom.
func tagAtom(l *letters, from, to int) atom {
	const offset, prime = 14695981039346656037, 1099511628211
	hash := uint64(offset)
	for _, c := range l.text[from:to] {
		hash = (hash ^ uint64(c)) * prime
	}
	return atom{hash, from, to}
}
