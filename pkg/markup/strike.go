package markup

import "strings"

// Strike returns answer as if the entities for which drop is true had never
// been marked. a is what s.Align gave for this answer.
//
// The signs of their marks go, and those of marks that say the same again; what
// else the answer says stays as it stands. In a [List] the entries go. Aligned
// again, the result gives the other entities at the same places. Where it would
// not (a List that has one string twice does not tell which of the two is left),
// the result is the source's tokens with the other entities marked.
func (s *Source) Strike(answer string, a *Alignment, drop func(i int) bool) string {
	dropped := map[Span]bool{}
	var kept []Span
	for i, f := range a.Found {
		if drop(i) {
			dropped[f.Span] = true
		} else {
			kept = append(kept, f.Span)
		}
	}
	if len(dropped) == 0 {
		return answer
	}
	text := s.strike(answer, dropped)
	if s.finds(text, kept) {
		return text
	}
	return string(appendNested(nil, s.Tokens, kept))
}

func (s *Source) finds(text string, spans []Span) bool {
	found := s.Align(text, nil).Found
	if len(found) != len(spans) {
		return false
	}
	for i, f := range found {
		if f.Span != spans[i] {
			return false
		}
	}
	return true
}

// strike takes the marks off the spans.
func (s *Source) strike(text string, spans map[Span]bool) string {
	_, entries := s.read(text)
	a := &s.answer
	reads := func(m *mark) string { return string(a.letters.text[a.signs[m.open].at:a.signs[m.close].at]) }
	gone := map[string]bool{}
	for i := range a.marks {
		if m := &a.marks[i]; m.found && spans[m.span] {
			gone[reads(m)] = true
		}
	}
	drop := func(i int) bool {
		m := &a.marks[i]
		return (m.found || m.again) && spans[m.span] || m.reason == Repeated && gone[reads(m)]
	}
	if entries != nil {
		return strikeEntries(text, entries, drop)
	}
	struck := make([]int, len(a.signs)) // how many marks of each sign
	for i, m := range a.marks {
		if drop(i) {
			struck[m.open]++
			struck[m.close]++
		}
	}
	var b strings.Builder
	from := 0
	for i, sg := range a.signs {
		n := 2 * struck[i]
		if struck[i] == sg.marks {
			n = sg.to - sg.from
		}
		b.WriteString(text[from : sg.to-n])
		from = sg.to
	}
	b.WriteString(text[from:])
	return b.String()
}

// appendNested is [AppendMarked] for any spans, ordered as in an [Alignment].
// Those that cross others are marked in a further line.
func appendNested(dst []byte, tokens []string, spans []Span) []byte {
	var crossing []Span
	open := []int{len(tokens)} // where the entities end that are open, innermost last
	for i, token := range tokens {
		if i > 0 {
			dst = append(dst, ' ')
		}
		for ; len(spans) > 0 && spans[0].Start == i; spans = spans[1:] {
			if end := spans[0].End; end > open[len(open)-1] {
				crossing = append(crossing, spans[0])
			} else {
				dst = append(dst, Open...)
				open = append(open, end)
			}
		}
		dst = append(dst, token...)
		for ; len(open) > 1 && open[len(open)-1] == i+1; open = open[:len(open)-1] {
			dst = append(dst, Close...)
		}
	}
	if len(crossing) > 0 {
		return appendNested(append(dst, '\n'), tokens, crossing)
	}
	return dst
}
