package markup

import (
	"bytes"
	"iter"
)

// occurrences returns where want occurs in text, in order, also where it overlaps
// itself. The time is linear in both, whatever repeats in them. want must not be
// empty.
func occurrences(text, want []byte) iter.Seq[int] {
	return func(yield func(at int) bool) {
		for from, compared := 0, 0; ; {
			i := bytes.Index(text[from:], want)
			if i < 0 || !yield(from+i) {
				return
			}
			from += i + 1
			if compared += len(want); compared > 4*len(text)+1024 {
				repeated(text, want, from, yield)
				return
			}
		}
	}
}

// repeated is occurrences from a place on for a string with many that overlap
// (D. E. Knuth, J. H. Morris and V. R. Pratt, Fast pattern matching in strings,
// SIAM Journal on Computing 1977).
func repeated(text, want []byte, from int, yield func(at int) bool) {
	border := make([]int32, len(want)+1) // of each prefix, the longest proper one that also ends it
	border[0] = -1
	for i, n := 0, int32(-1); i < len(want); {
		for n >= 0 && want[i] != want[n] {
			n = border[n]
		}
		i++
		n++
		border[i] = n
	}
	n := int32(0) // of want are read
	for i := from; i < len(text); i++ {
		for n >= 0 && (int(n) == len(want) || text[i] != want[n]) {
			n = border[n]
		}
		n++
		if int(n) == len(want) && !yield(i+1-len(want)) {
			return
		}
	}
}

// A meter counts the steps of work that might have no end, up to a limit.
type meter struct{ done, limit int }

// spend reports whether n steps more are within the limit, and counts them if so.
func (m *meter) spend(n int) bool {
	if n > m.limit-m.done {
		return false
	}
	m.done += n
	return true
}
