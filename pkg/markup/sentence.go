package markup

import (
	"cmp"
	"slices"
)

// alignEach aligns an answer about several labels, label by label.
func (al *Aligner) alignEach(o *Original, answer string, q Question) Alignment {
	var out Alignment
	for i, label := range q.Asked {
		one := al.Align(o, answer, Question{Label: label, Labels: q.Labels, Shown: q.Shown})
		if i == 0 {
			out.Class = one.Class
		}
		out.Damage |= one.Damage
		for _, f := range one.Found {
			f.Label = label
			out.Found = append(out.Found, f)
		}
		for _, u := range one.Unused {
			if u.Reason != OtherLabel {
				u.Label = label
				out.Unused = append(out.Unused, u)
			}
		}
	}
	slices.SortStableFunc(out.Found, func(a, b Found) int {
		return cmp.Or(a.Span.Compare(b.Span), cmp.Compare(slices.Index(q.Asked, a.Label), slices.Index(q.Asked, b.Label)))
	})
	return out
}
