package markup

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzSame checks that the short way gives what the long one does.
func FuzzSame(f *testing.F) {
	f.Add("Ada wrote to Bob Li .", "@@Ada##  wrote to @@Bob Li## .")
	f.Add("see c# (X) @u", "@@see c### (X) @@@u##")
	f.Add("Ada met Bob", "@@Ada met## Bob\nAda @@met Bob## @@Ada## met Bob")
	f.Add("An\u200ba \u200b met\u00ad Bob", "@@An\u200ba \u200b## met\u00ad @@Bob##")
	f.Fuzz(func(t *testing.T, text, answer string) {
		var o Original
		o.Reset(text)
		short, ok := o.same(answer)
		if !ok {
			return
		}
		o.fold()
		if o.signs.any {
			return // the long way can't tell all signs from marks
		}
		for i, start := range o.letters.starts {
			if o.letters.end(i) == start {
				return // nor such a token at the edge of an entity
			}
		}
		var al Aligner
		class, _ := al.read(&o, answer, Question{})
		if d := cmp.Diff(al.report(class), short); d != "" {
			t.Errorf("original %q, answer %q: %s", text, answer, d)
		}
	})
}

// FuzzSameTagged checks that the short way gives what the long one does for answers about
// all labels.
func FuzzSameTagged(f *testing.F) {
	f.Add("Ada wrote to Bob Li .", "<PER>Ada</PER>  wrote to <ORG><PER>Bob</PER> Li</ORG> .", false)
	f.Add("see c (X) u", "<PER>see <LOC>c</PER> (X)</LOC> u", false)
	f.Add("see c (X) u", "se<PER>e <LOC>c</PER> (</LOC>X) u", true)
	f.Fuzz(func(t *testing.T, text, answer string, chars bool) {
		var o Original
		o.Reset(text)
		if chars {
			o.ResetUnit(text, Char)
		}
		var al Aligner
		q := Question{Asked: []string{"PER", "LOC", "ORG"}}
		al.ask(q)
		short, ok := al.sameTagged(&o, answer)
		if !ok {
			return
		}
		o.fold()
		if o.signs.any || o.tagSigns {
			return // the long way can't tell all signs from marks
		}
		for i, start := range o.letters.starts {
			if o.letters.end(i) == start {
				return // nor such a token at the edge of an entity
			}
		}
		for _, p := range o.pieces {
			if p.silent {
				return // nor such a character
			}
		}
		class, _ := al.read(&o, answer, q)
		if d := cmp.Diff(al.report(class), short); d != "" {
			t.Errorf("original %q, answer %q: %s", text, answer, d)
		}
	})
}
