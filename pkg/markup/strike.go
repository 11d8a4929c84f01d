package markup

import "strings"

// Strike returns answer without the marks of the entities for which drop returns true.
//
// It removes their marks, including repeated marks of the same span, and leaves the rest
// of the answer as it is. From a [List] it removes their entries. Aligned again, the
// result has the other entities at the same places. Where removing marks cannot achieve
// that (such as in a List with the same string twice), the result is the sentence with the
// other entities marked, and with further lines for those that overlap. The question must be
// about one label.
func (al *Aligner) Strike(o *Original, answer string, q Question, drop func(Span) bool) string {
	q.Shown = nil
	dropped := map[Span]bool{}
	var kept []Span
	for _, f := range al.Align(o, answer, q).Found {
		if drop(f.Span) {
			dropped[f.Span] = true
		} else {
			kept = append(kept, f.Span)
		}
	}
	if len(dropped) == 0 {
		return answer
	}
	text := al.strike(o, answer, q, dropped)
	if strings.TrimSpace(text) != "" && al.finds(o, text, q, kept) {
		return text
	}
	var sentence Slicer
	sentence.Reset(o.Text, o.Unit)
	return string(appendLines(nil, &sentence, kept))
}

func (al *Aligner) finds(o *Original, text string, q Question, spans []Span) bool {
	found := al.Align(o, text, q).Found
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
func (al *Aligner) strike(o *Original, text string, q Question, spans map[Span]bool) string {
	class, l := al.read(o, text, q)
	a := &al.answer
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
	if class == List {
		if l.nested {
			return "" // it has to be written anew
		}
		return strikeEntries(text, l.entries, drop)
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
		to := sg.before(text, 2*struck[i])
		switch {
		case sg.kind == '<' && struck[i] == 0:
			to = sg.to
		case struck[i] == sg.marks:
			to = sg.from
		}
		b.WriteString(text[from:to])
		from = sg.to
	}
	b.WriteString(text[from:])
	return b.String()
}

// before returns where the last n of the "@", "#" or "*" of a sign begin.
func (sg *sign) before(text string, n int) int {
	at := sg.from
	for range sg.n - n {
		switch text[at] {
		case '\\':
			at += 2
		case wide:
			at += len("＠")
		default:
			at++
		}
	}
	return at
}

// appendLines is [Slicer.AppendMarked] for any spans, ordered as in an [Alignment]: what
// overlaps is marked in a further line.
func appendLines(dst []byte, sentence *Slicer, spans []Span) []byte {
	var line, rest []Span
	for _, sp := range spans {
		if n := len(line); n > 0 && sp.Start < line[n-1].End {
			rest = append(rest, sp)
		} else {
			line = append(line, sp)
		}
	}
	dst = sentence.AppendMarked(dst, line)
	if len(rest) > 0 {
		return appendLines(append(dst, '\n'), sentence, rest)
	}
	return dst
}
