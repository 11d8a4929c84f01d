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
	f.Fuzz(func(t *testing.T, source, answer string) {
		var s Source
		s.Reset(source)
		short, ok := s.same(answer)
		if !ok {
			return
		}
		s.prepare()
		if s.signs.any {
			return // the long way can't tell all signs from marks
		}
		for i, start := range s.letters.starts {
			if s.letters.end(i) == start {
				return // nor such a token at the edge of an entity
			}
		}
		class, _ := s.read(answer)
		if d := cmp.Diff(s.report(class), short); d != "" {
			t.Errorf("source %q, answer %q: %s", source, answer, d)
		}
	})
}
