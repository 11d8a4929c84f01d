package markup

import (
	"strings"
	"unicode"
)

// A Question contains what must be known about the prompt to read an answer.
type Question struct {
	// Label is the label asked for. "" means that it is not known: entities
	// that name a label then count whatever they name.
	Label string

	// Asked are the labels asked for, for a question about all labels of a sentence;
	// Label is then empty. An entity counts only if the answer names its label.
	Asked []string

	// Labels knows by which names answers call Label and the labels beside it.
	// nil: by their own alone.
	Labels *Labels

	// Shown reports whether a demonstration of the prompt contains text. nil: not
	// known.
	Shown func(text string) bool

	own map[string]string // Asked by their folded names
}

// Labels finds the labels of a data set by the names that answers use for them. It is
// safe for concurrent use after the last Add.
type Labels struct {
	byName map[string]string
}

// Add adds names for a label. A name that another label already has is ignored.
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

// Find returns the label with this name. It ignores case, hyphens and similar characters,
// a plural s, a BIO prefix ("B-PER") and a suffix that explains the label ("PER
// (politician)", "PER.Individual").
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

// label returns the label that goes by name, if there is one: those asked for
// need no [Labels] to be known.
func (q *Question) label(name string) (label string, ok bool) {
	switch {
	case q.ofSentence():
		return q.labelOfSentence(name)
	case q.Label == "":
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
