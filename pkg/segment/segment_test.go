package segment_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/segment"
)

func parts(text string, ranges []segment.Range) []string {
	var all []string
	for _, r := range ranges {
		all = append(all, text[r.Start:r.End])
	}
	return all
}

// In each text, a bar is where a sentence ends.
func TestSentencesEndWhereAReaderEndsThem(t *testing.T) {
	for _, marked := range []string{
		"She slept. |He did not.",
		"Why? |Nobody knew! |They left.",
		"Dr. Li saw Mrs. Ada Okoye and Prof. J. R. Smith. |All were well.",
		"He took 3.5 mg at 8 a.m. and 2.25 mg later. |It helped.",
		"The U.S. Senate met. |The U.K. did not.",
		"She moved to the U.S. |He stayed.",
		"It closes at 5 p.m. |They go home then.",
		"They met Jonas E. Webb. |You and I. |Did you hear it?",
		"He lacks vitamin D. |Both parents know.",
		"See Fig. 3 and p. 55, vol. II, of the atlas. |It is old.",
		"Bring milk, bread, etc. |We leave at six.",
		"Acme Inc. Holdings grew. |Its rival, Rubens Corp. Ltd., did not.",
		"It was found by Moreno et al. (2019) on Feb. 3, i.e. Sunday, approx. 40 km away. |Good.",
		"“Stop!” he said. |“No.” |She ran.",
		`"Stop!" he said. |"No." |She ran.`,
		"She called it \"fine.\" |He nodded.",
		"(He left early.) |She stayed (as always). |Then it rained.",
		"Nobody came.[3] |Then it rained. [4, 5] |It stopped.",
		"He saw it at home. |30 minutes later he left.",
		"i took two tablets. |it did not help. |now i wait",
		"1. Rest for a day. |2. Drink water.",
		"a. Rest for a day.",
		"Read www.example.org/find.php?Name=x and file.Txt or v2.B now. |Thanks.",
		"Well... |Maybe! 😀 |See you 👋🏽.",
		"Am 3. Mai kam die 2. Mannschaft, z. B. aus Bonn, ca. 40 Leute. |Sie blieb.",
		"Im Jahr 1990. |Der Rest ist bekannt.",
		"« Pourquoi ? » |M. Dupont est parti. |Il pleut.",
		"El Sr. Gómez pesa 80 kg. |¿Por qué? |¡No sé!",
		"В 2010 г. Иванов уехал в г. Москва, ул. Мира. |Он вернулся.",
		"Ήρθε ο κ. Παππάς. |Έφυγε.",
		"他来了。|她走了!|“为什么？”|没有人知道。",
		"「行く。」と彼は言った。|雨が降った。",
		"वह आया। |वह गया।",
		"هل جاء؟ |نعم.",
		"Բարև։ |Ցտեսություն։",
		"مرحبا. |كيف حالك؟",
		"She slept.\n\nHe did not",
		"Aspirin\nIbuprofen 200 mg\nNaproxen",
	} {
		want := strings.FieldsFunc(strings.ReplaceAll(marked, "|", "\n"), func(c rune) bool { return c == '\n' })
		for i := range want {
			want[i] = strings.TrimSpace(want[i])
		}
		text := strings.ReplaceAll(marked, "|", "")
		if d := cmp.Diff(want, parts(text, segment.Sentences(text, nil))); d != "" {
			t.Errorf("%q:\n%s", text, d)
		}
	}
}

func TestALineThatWasWrappedContinuesTheSentence(t *testing.T) {
	for _, c := range []struct {
		about, text string
		want        []string
	}{
		{"wrapped at a column", "The patient was seen in the clinic by Dr.\nAda Li on Monday, who prescribed aspirin in\na low dose. He will come back.", []string{"The patient was seen in the clinic by Dr.", "Ada Li on Monday, who prescribed aspirin in\na low dose.", "He will come back."}},
		{"CRLF", "The patient was seen in the clinic by the doctors of the ward\r\nAda Li and Bo Chen.", []string{"The patient was seen in the clinic by the doctors of the ward\r\nAda Li and Bo Chen."}},
		{"a list", "- The patient was seen in the clinic by the doctors of the ward\n- The doctors prescribed aspirin in a very low dose, for a month", []string{"- The patient was seen in the clinic by the doctors of the ward", "- The doctors prescribed aspirin in a very low dose, for a month"}},
		{"short lines", "aspirin 81 mg\nmetoprolol 25 mg\n", []string{"aspirin 81 mg", "metoprolol 25 mg"}},
		{"other line breaks", "a\rb\u2028c\vd\fe\u0085f", []string{"a", "b", "c", "d", "e", "f"}},
	} {
		if d := cmp.Diff(c.want, parts(c.text, segment.Sentences(c.text, nil))); d != "" {
			t.Errorf("%s:\n%s", c.about, d)
		}
	}
}

func TestAPartToKeepIsNeverDivided(t *testing.T) {
	text := "She works for St. Anne. Clinic of Yahoo! Inc. Then\n\nnothing. More."
	clinic := strings.Index(text, "Anne. Clinic")
	blank := strings.Index(text, "Then")
	keep := []segment.Range{{blank, blank + len("Then\n\nnothing")}, {clinic, clinic + len("Anne. Clinic")}}
	want := []string{"She works for St. Anne. Clinic of Yahoo!", "Inc.", "Then\n\nnothing.", "More."}
	if d := cmp.Diff(want, parts(text, segment.Sentences(text, keep))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"She works for St. Anne. Clinic of Yahoo! Inc. Then\n\nnothing. More."}, parts(text, segment.Lines(text, keep))); d != "" {
		t.Error(d)
	}
	long := strings.Repeat("word ", segment.MaxLength)
	got := segment.Sentences(long, []segment.Range{{10, 3 * segment.MaxLength}})
	if len(got) < 2 || !slices.ContainsFunc(got, func(r segment.Range) bool { return r.Start <= 10 && r.End == 3*segment.MaxLength-1 }) {
		t.Errorf("%v", got[:min(3, len(got))])
	}
}

func TestTextWithoutFullStopsIsDividedAtThePlaceThatDisturbsLeast(t *testing.T) {
	half := strings.Repeat("word ", segment.MaxLength*3/5/5)
	for after, text := range map[string]string{
		"; ":      half + "end; and " + half,
		", ":      half + "end, 1,000 and " + half,
		" ":       half + "end and " + half,
		"":        strings.Repeat("ไทย", segment.MaxLength),
		"e\u0301": strings.Repeat("e\u0301", segment.MaxLength),
		"👩🏽‍🚀":    strings.Repeat("👩🏽‍🚀", segment.MaxLength/4),
	} {
		got := parts(text, segment.Sentences(text, nil))
		if len(got) < 2 {
			t.Errorf("%q: not divided", after)
		}
		for _, s := range got {
			if len(s) > segment.MaxLength || !utf8.ValidString(s) {
				t.Errorf("%q: %d bytes", after, len(s))
			}
			if len(after) > 2 && !strings.HasPrefix(s, after) {
				t.Errorf("%q: a character was divided", after)
			}
		}
		if mark := strings.TrimSpace(after); len(after) == 2 && !strings.HasSuffix(got[0], "end"+mark) {
			t.Errorf("%q: ends in %q", after, got[0][len(got[0])-20:])
		}
	}
}

func TestLinesAndWholeTextsLoseOnlyWhiteSpace(t *testing.T) {
	const text = "\ufeff one \r\n\n  two\tthree\n \u3000\n"
	if d := cmp.Diff([]string{"\ufeff one", "two\tthree"}, parts(text, segment.Lines(text, nil))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"\ufeff one \r\n\n  two\tthree"}, parts(text, segment.Whole(text))); d != "" {
		t.Error(d)
	}
	if got := slices.Concat(segment.Whole(" \n"), segment.Lines(" \n", nil), segment.Sentences(" \n", nil)); got != nil {
		t.Errorf("white space has parts: %v", got)
	}
}

// Whatever the text: the parts are in order, not empty, whole characters, and only white
// space is between them; nothing to keep is divided.
func FuzzSentencesAndGapsJoinToTheText(f *testing.F) {
	f.Add("She slept. He did not.\n\n“Why?” 他来了。她走了", 3, 9)
	f.Add("[3] ( a.b . \" . ] c", 0, 0)
	f.Add(strings.Repeat("ab; ", 700), 1500, 900)
	f.Fuzz(func(t *testing.T, text string, from, length int) {
		var keep []segment.Range
		if from >= 0 && from < len(text) && length > 0 {
			keep = append(keep, segment.Range{Start: from, End: from + min(length, len(text)-from)})
		}
		for name, ranges := range map[string][]segment.Range{
			"sentences": segment.Sentences(text, keep), "lines": segment.Lines(text, keep), "whole": segment.Whole(text),
		} {
			at := 0
			gap := func(to int) {
				if strings.TrimFunc(text[at:to], segment.IsSpace) != "" {
					t.Errorf("%s: %q is in no part", name, text[at:to])
				}
				for _, k := range keep {
					if k.Start < at && to < k.End && name != "whole" {
						t.Errorf("%s: %q is divided", name, text[k.Start:k.End])
					}
				}
			}
			for _, r := range ranges {
				if r.Start >= r.End || r.Start < at {
					t.Fatalf("%s: %v after %d", name, r, at)
				}
				gap(r.Start)
				at = r.End
				if utf8.ValidString(text) && !utf8.ValidString(text[r.Start:r.End]) {
					t.Errorf("%s: %v divides a character", name, r)
				}
			}
			gap(len(text))
		}
	})
}

func BenchmarkSentences(b *testing.B) {
	text := strings.Repeat("Dr. Li gave him 3.5 mg at 8 a.m. on Monday, and more of it later. It “helped!” He slept, e.g. at home.\n\n", 1000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		segment.Sentences(text, nil)
	}
}
