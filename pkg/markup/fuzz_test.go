package markup_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/markup"
)

// FuzzAlign checks the law for any answer to any original.
func FuzzAlign(f *testing.F) {
	f.Add("Ada wrote to Bob Li .", "@@Ada@@ wrote ##to## @@ Bob Li ## .")
	f.Add("a ## b @@ c# (X) @u", "@@a #### b## @@@@## @@c### (@@X##) @@@u## @@")
	f.Add("我 爱 北 京 U.S. do n't e\u0301", "我爱@@北京## @@U . S .## don't @@é##")
	f.Add("#", "###########")
	f.Add("@ 北京", "@@\v\xe5\x8c\v\x97\v京##") // bytes that make no letter together
	f.Add("Paris beat Paris", "**Paris** Sentence: @@Paris## beat @@Paris## Paris beat Paris")
	f.Add("a \xff b &amp; ﬁ", "@@a \xff## b @@&## @@fi## @@##")
	f.Add("`` Ana\u200b '' -LRB- \u200b -- \u05e9\u05b8 علی\u200cرضا 👩\u200d💻", "“@@Ana##” (@@\u200b— ש علی رضا## 👩@@\u200d💻##")
	f.Add(strings.Repeat("\xb6", 100), "#@@#= 0@@0##0000@@0") // edges of tokens, of which every prefix is one
	f.Add("Ada", `<entity type="pe##rson">Ada</entity>`)      // a sign in a tag
	f.Add("Ada [x] wrote", `[1] {"entities":[{"text":"Ada"},{"name":"\u0041"}]}`)
	f.Add("Ana met Bob", "{'entities': ['Ana', {\"text\": 'Bob', label: LOC},], \"PER\": [\"B")
	f.Add("a <b>x</b> Ana met Bob", "a <b>x</b> <PER>Ana <LOC>met</PER> [PER: Bob]</LOC> &lt;PER&gt;Bob</>")
	f.Add("Ana met Bob", `\@\@Ana＃＃ @@met\#\# [[Bob]] _Bob_ (PER)`)
	f.Add("Ana met Bob", "Persons: 1. Ana (PER) 2. LOC: met 3. Bob")
	f.Add("Ana met Bob", `"[[\"Ana\",\"PER\"],(\"Bob\" \"x\")]" {"PER":"Ana","Bob":["LOC"]}`)
	f.Fuzz(func(t *testing.T, original, answer string) {
		var s subject
		s.Reset(original)
		q := people()
		q.Shown = func(text string) bool { return strings.Contains(text, "a") }
		a := s.Align(&s.Original, answer, q)
		seen := map[markup.Span]bool{}
		for i, found := range a.Found {
			if !reads(&s.Original, found) {
				t.Errorf("original %q, answer %q: %+v", original, answer, found)
			}
			if seen[found.Span] || i > 0 && (a.Found[i-1].Start > found.Start || a.Found[i-1].Start == found.Start && a.Found[i-1].End < found.End) {
				t.Errorf("original %q, answer %q: order of %v", original, answer, a.Found)
			}
			if found.How != markup.Exact && found.How != markup.Repaired {
				t.Errorf("original %q, answer %q: %+v", original, answer, found)
			}
			seen[found.Span] = true
		}
		for _, u := range a.Unused {
			if u.Reason == 0 || (u.Text == "") != (u.Reason == markup.Blank) {
				t.Errorf("original %q, answer %q: %+v", original, answer, u)
			}
		}
		if d := cmp.Diff(a, s.Align(&s.Original, answer, q)); d != "" {
			t.Errorf("original %q, answer %q: twice: %s", original, answer, d)
		}
		for i := range a.Found {
			s.Strike(&s.Original, answer, q, func(sp markup.Span) bool { return sp == a.Found[i].Span })
		}
	})
}

// FuzzAlignMarked checks that marking and aligning are inverse, whatever signs
// the original holds.
func FuzzAlignMarked(f *testing.F) {
	f.Add("Ada wrote to Bob Li .", 0, 0, 3, 4)
	f.Add("@@ ## @@a##b c# ### @@@ #### a##", 0, 2, 4, 7)
	f.Add("a\x1cb\u3000c ** **x** [\"y\"]", 2, 1, 3, 4)
	f.Fuzz(func(t *testing.T, original string, a, b, c, d int) {
		var s subject
		s.Reset(original)
		spans, _ := markup.Place(nil, []markup.Span{{Start: a, End: b}, {Start: c, End: d}}, len(s.Tokens))
		answer := string(markup.AppendMarked(nil, s.Tokens, spans))
		want := markup.Alignment{Class: markup.Same}
		if len(s.Tokens) == 0 {
			want.Class = markup.Empty
		}
		for _, sp := range spans {
			want.Found = append(want.Found, markup.Found{Span: sp, How: markup.Exact, Text: strings.Join(s.Tokens[sp.Start:sp.End], " ")})
		}
		if d := cmp.Diff(want, s.Align(&s.Original, answer, markup.Question{})); d != "" {
			t.Errorf("original %q, answer %q: %s", original, answer, d)
		}
	})
}

// FuzzDamage checks the law, and striking, for damaged answers.
func FuzzDamage(f *testing.F) {
	for i := range damages {
		f.Add("Ada Li wrote to (Bob), Paris to Paris. ", uint8(i), uint8(1), uint64(i))
	}
	f.Add("\x00 0 0 0 0000## 0 0 000000", uint8(6), uint8(','), uint64(112))
	f.Add("0 0 0 0 0## 0 0 0", uint8('@'), uint8(','), uint64(112))
	f.Fuzz(func(t *testing.T, original string, first, second uint8, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		var s subject
		s.Reset(original)
		if len(s.Tokens) == 0 || len(original) > 500 {
			return
		}
		n := len(s.Tokens)
		spans, _ := markup.Place(nil, []markup.Span{{Start: r.IntN(n), End: r.IntN(n) + 1}, {Start: r.IntN(n), End: r.IntN(n) + 1}}, n)
		answer := damages[int(first)%len(damages)].do(r, s.Tokens, spans)
		if again := strings.Fields(answer); len(again) > 0 && second%2 == 0 {
			answer = damages[int(second)%len(damages)].do(r, again, nil)
		}
		for _, found := range s.Align(&s.Original, answer, people()).Found {
			if !reads(&s.Original, found) {
				t.Errorf("original %q, answer %q: %+v", original, answer, found)
			}
		}
		checkStrikeOf(t, &s, answer, people())
	})
}
