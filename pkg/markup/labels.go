package markup

import (
	"strings"
	"unicode"
)

// A Question is what an answer answers, as far as reading it depends on that.
type Question struct {
	// Label is the label asked for. "" means that it is not known: entities
	// that name a label then count whatever they name.
	Label string

	// Labels knows by which names answers call Label and the labels beside it.
	// nil: by their own alone.
	Labels *Labels

	// Shown reports whether a demonstration of the prompt contains text. nil: not
	// known.
	Shown func(text string) bool
}

// Labels finds the labels of a data set by the names that answers use for them.
// Once filled, it is safe for concurrent use.
type Labels struct {
	byName map[string]string
}

// Add makes label known by each of the names. A name that is another label's
// already stays that one's.
func (l *Labels) Add(label string, names ...string) {
	if l.byName == nil {
		l.byName = map[string]string{}
	}
	for _, name := range names {
		name = foldName(name)
		if _, taken := l.byName[name]; !taken && name != "" {
			l.byName[name] = label
		}
	}
}

// Find returns the label that goes by name. Case, hyphens and the like, a plural
// s, a prefix of BIO tags ("B-PER") and an explanation ("PER (politician)",
// "PER.Individual") do not matter.
func (l *Labels) Find(name string) (label string, ok bool) {
	if l == nil {
		return "", false
	}
	for _, name := range spellings(name) {
		if label, ok = l.byName[name]; ok {
			return label, true
		}
	}
	return "", false
}

// spellings returns the folded names that a name may stand for, the closest first.
func spellings(name string) []string {
	list := make([]string, 0, 4)
	name = strings.TrimSpace(name)
	for _, s := range [...]string{name, bare(name)} {
		s = foldName(s)
		list = append(list, s)
		if singular, ok := strings.CutSuffix(s, "s"); ok {
			list = append(list, singular)
		}
	}
	return list
}

// bare takes the prefix of BIO tags and an explanation off a name.
func bare(name string) string {
	if len(name) > 3 && strings.IndexByte("BIESLU", name[0]) >= 0 && (name[1] == '-' || name[1] == '_') {
		name = name[2:]
	}
	if i := strings.IndexAny(name, "(.:"); i > 0 {
		name = name[:i]
	}
	return name
}

// foldName leaves of a name what tells names apart: letters and digits, in lower
// case and American spelling.
func foldName(name string) string {
	name = strings.Map(func(r rune) rune {
		if inWord(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
	return strings.ReplaceAll(name, "isation", "ization")
}

// label returns the label that goes by name, if there is one: the one asked for
// needs no [Labels] to be known.
func (q *Question) label(name string) (label string, ok bool) {
	if q.Label == "" {
		return q.Labels.Find(name)
	}
	want := foldName(q.Label)
	for _, s := range spellings(name) {
		if s == want {
			return q.Label, true
		}
	}
	return q.Labels.Find(name)
}
