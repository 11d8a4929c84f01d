package openaitest_test

import (
	"strings"
	"testing"

	"nertools/pkg/openaitest"
)

func TestBaselineMarksWhatTheDemonstrationsMark(t *testing.T) {
	tests := []struct {
		name, prompt, want string
	}{
		{"known strings", prompt("Ada saw Bob Stone and Ada ."), "@@Ada## saw @@Bob Stone## and @@Ada## ."},
		{"nothing known", prompt("Eve saw York ."), "Eve saw York ."},
		{"only at token boundaries", prompt("Adam , Bob Stone's and Ada-Lee"), "Adam , Bob Stone's and Ada-Lee"},
		{"spacing as it stands", prompt("  Ada \t Ada\u3000 "), "  @@Ada## \t @@Ada##\u3000 "},
		{"case as it stands", prompt("ada ADA Ada"), "ada ADA @@Ada##"},
		{"the instruction's example is no demonstration", prompt("the entity left ."), "the entity left ."},
		{"marks in the sentence stay", prompt("@@ Ada ## and @@x##"), "@@ @@Ada## ## and @@x##"},
		{"empty sentence", prompt(""), ""},
		{
			"longest first",
			"Text: A B C D\nTags: @@A B## C @@D##\n\nText: B C D\nTags: @@B C D##\n\nText: A B C D and A B\nTags:",
			"A @@B C D## and @@A B##",
		},
		{
			"another wording, with one word in common after the lead-in",
			"Task.\nThe given sentence: The EU and The UN\nThe labeled sentence: The @@EU## and The @@UN##\n" +
				"The given sentence: The EU : it is here\nThe labeled sentence: ",
			"The @@EU## : it is here",
		},
		{
			"a lead-in without a colon",
			"Sentence 1\n> in Rome\n= in @@Rome## :\n> to Rome\n= in @@Rome## :",
			"to Rome",
		},
		{
			"a Chinese prompt",
			"句子：我 在 北 京\n标注：我 在 @@北 京##\n句子：北 京 大\n标注：",
			"@@北 京## 大",
		},
		{
			"the answer under its cue",
			"Input:\nin Rome\nOutput:\nin @@Rome##\n\nInput:\nto Rome\nOutput:",
			"to @@Rome##",
		},
		{
			"demonstrations that don't repeat the sentence",
			"Say it. Text: see Rome today\nNames: @@Rome##\nSay it. Text: see Rome: now, Rome\nNames:",
			"see Rome: now, @@Rome##",
		},
		{
			"stray and nested marks in a demonstration",
			"S: a b c d\nM: @@ a @@b## c ## @@d\nS: a b c d\nM:",
			"a @@b## c d",
		},
		{"no demonstrations", "Mark it.\n\nSentence: He said: no\nMarked:", "He said: no"},
		{"no lead-in", "He said no\nMarked:", "He said no"},
		{"no cue", "Mark people in: Ada left .\n", "Ada left ."},
		{"one word", "hello", "hello"},
		{"nothing", "", ""},
		{"blank lines after the cue", prompt("Ada") + " \n\n", "@@Ada##"},
		{"trailing space is part of the sentence", prompt("Ada left "), "@@Ada## left "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := openaitest.Baseline(tt.prompt); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// FuzzBaseline checks that the answer is the sentence with marks and nothing else.
func FuzzBaseline(f *testing.F) {
	f.Add("Ada left .")
	f.Add("Bob Stone Ada")
	f.Add("no one")
	f.Fuzz(func(t *testing.T, sentence string) {
		if strings.ContainsAny(sentence, "@#\n") {
			t.Skip("a line with marks of its own")
		}
		got := openaitest.Baseline(prompt(sentence))
		if plain := strings.NewReplacer("@@", "", "##", "").Replace(got); plain != sentence {
			t.Errorf("%q became %q", sentence, got)
		}
	})
}
