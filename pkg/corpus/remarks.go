package corpus

import (
	"fmt"
	"strings"

	"nertools/pkg/english"
)

// Remarks say what reading a file skipped, merged or guessed. They are complete once the
// file was read to its end. A nil *Remarks ignores what is added.
type Remarks struct {
	skipped []counted
	other   []string
}

type counted struct {
	noun string
	n    int
}

// Skip adds n things that were left out; noun is their name in the singular.
func (r *Remarks) Skip(n int, noun string) {
	if r == nil || n == 0 {
		return
	}
	for i := range r.skipped {
		if r.skipped[i].noun == noun {
			r.skipped[i].n += n
			return
		}
	}
	r.skipped = append(r.skipped, counted{noun, n})
}

// Add adds a remark: a sentence without a full stop that begins with a verb in the past
// tense. The same remark is added only once.
func (r *Remarks) Add(format string, args ...any) {
	if r == nil {
		return
	}
	remark := fmt.Sprintf(format, args...)
	for _, other := range r.other {
		if other == remark {
			return
		}
	}
	r.other = append(r.other, remark)
}

// String returns the remarks as one line, or "" if there are none.
func (r *Remarks) String() string {
	if r == nil {
		return ""
	}
	all := r.other
	if n := len(r.skipped); n > 0 {
		list := make([]string, n)
		for i, c := range r.skipped {
			list[i] = english.Count(c.n, c.noun)
		}
		text := "skipped " + strings.Join(list[:n-1], ", ")
		if n > 1 {
			text += " and "
		}
		all = append([]string{text + list[n-1]}, all...)
	}
	return strings.Join(all, "; ")
}
