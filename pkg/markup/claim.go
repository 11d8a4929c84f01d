package markup

import (
	"slices"
	"strings"

	"nertools/pkg/tags"
)

// A claim is what an answer says about the label of an entity.
type claim struct {
	label  string // as in [Found] or [Unused]; "" for a question about one label
	reason Reason // why an entity with this label can't be used, or 0
}

// ofSentence reports whether q asks for all labels of a sentence.
func (q *Question) ofSentence() bool { return len(q.Asked) > 0 }

// named reports whether it is known which labels q asks for.
func (q *Question) named() bool { return q.Label != "" || q.ofSentence() }

// wants reports whether q asks for a label.
func (q *Question) wants(label string) bool {
	if q.ofSentence() {
		return slices.Contains(q.Asked, label)
	}
	return label == q.Label
}

// unsaid is the claim about an entity of which an answer names no label.
func (q *Question) unsaid() claim {
	if q.ofSentence() {
		return claim{reason: NoLabel}
	}
	return claim{}
}

// claim returns the claim of an entity whose label an answer calls name. In a question about
// one label, name may contain several, one on a line.
func (q *Question) claim(name string) claim {
	switch {
	case q.ofSentence():
		return q.claimOfSentence(name)
	case q.Label == "" || q.asked(name):
		return claim{}
	}
	return claim{reason: OtherLabel}
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

// claimOfSentence is claim for a question about all labels.
func (q *Question) claimOfSentence(name string) claim {
	label, ok := q.label(name)
	switch {
	case ok && q.wants(label):
		return claim{label: label}
	case ok:
		return claim{label, NotAsked}
	case slices.Contains(neutral, foldName(name)):
		return claim{reason: NoLabel}
	}
	return claim{strings.TrimSpace(name), NotAsked}
}

// narrow returns the claim of an entity with a label of its own, inside a list with the claim
// all. In a question about one label, a list of another label decides. In one about all
// labels, the entity's own label does.
func (q *Question) narrow(all claim, name string) claim {
	switch own := q.claim(name); {
	case q.ofSentence() && own.reason == NoLabel:
		return all
	case !q.ofSentence() && all.reason != 0:
		return all
	default:
		return own
	}
}

// keyed is narrow for entities that are listed under a key that names label.
func (q *Question) keyed(all claim, label string) claim {
	switch {
	case q.ofSentence():
		return q.narrow(all, label)
	case all.reason == 0 && label != q.Label:
		all.reason = OtherLabel
	}
	return all
}

// inherit returns the claim of an entity that was read with the claim own, inside something
// with the claim all.
func (q *Question) inherit(own, all claim) claim {
	switch {
	case q.ofSentence() && own.reason == NoLabel && all.label != "":
		return all
	case !q.ofSentence() && own.reason == 0:
		own.reason = all.reason
	}
	return own
}

// appendClaims appends the claims of an entity with several labels, one on a line; see narrow.
func (q *Question) appendClaims(dst []claim, all claim, names string) []claim {
	if !q.ofSentence() || !strings.Contains(names, "\n") {
		return append(dst, q.narrow(all, names))
	}
	first := len(dst)
	for name := range strings.SplitSeq(names, "\n") {
		if own := q.narrow(all, name); !slices.Contains(dst[first:], own) {
			dst = append(dst, own)
		}
	}
	return dst
}

// groupOfSentence is group for a question about all labels. A string of the object that names
// a label counts only if it is a label member, or the object has a list.
func (q *Question) groupOfSentence(v *value, all claim) claim {
	if name, ok := v.label(); ok {
		return q.narrow(all, name)
	}
	if !v.hasArray() {
		return all
	}
	for i := range v.items {
		if m := &v.items[i]; m.isString() {
			if _, ok := q.label(m.text); ok {
				return q.narrow(all, m.text)
			}
		}
	}
	return all
}

// labelOfSentence is label for a question about all labels.
func (q *Question) labelOfSentence(name string) (label string, ok bool) {
	if slices.Contains(q.Asked, name) {
		return name, true
	}
	for _, s := range spellings(name) {
		if label, ok = q.own[s]; ok {
			return label, true
		}
	}
	return q.Labels.Find(name)
}

// mayName reports whether text is the name of a label, or, in an answer about all labels,
// looks like one that nobody knows: "DATE".
func (q *Question) mayName(text string) bool {
	return q.names(text) || q.ofSentence() && looksLikeLabel(text)
}

// looksLikeLabel reports whether text is a name in capital letters, other than those of the
// parts of an answer.
func looksLikeLabel(text string) bool {
	if !isName(text) || text != strings.ToUpper(text) || text == strings.ToLower(text) {
		return false
	}
	name := foldName(text)
	for _, known := range [][]string{sureMembers, listMembers, textMembers, neutral, nothing, finals, {"json", "note", "sentence"}} {
		if slices.Contains(known, name) {
			return false
		}
	}
	return true
}

// askedLabels are the labels of a question about a sentence.
type askedLabels struct {
	labels []string
	byName map[string]string // by their folded names
	tags   [][2]string       // of each: those around its entities
}

// ask makes q the question. Most questions are about the same labels as the one before.
func (al *Aligner) ask(q Question) {
	al.question = q
	if !q.ofSentence() {
		return
	}
	if !slices.Equal(al.asked.labels, q.Asked) {
		al.asked = newAskedLabels(q.Asked)
	}
	al.question.own = al.asked.byName
}

func newAskedLabels(labels []string) askedLabels {
	asked := askedLabels{labels: slices.Clone(labels), byName: map[string]string{}}
	for _, label := range labels {
		asked.tags = append(asked.tags, [2]string{tags.Start(label), tags.End(label)})
		if name := foldName(label); name != "" && asked.byName[name] == "" {
			asked.byName[name] = label
		}
	}
	return asked
}
