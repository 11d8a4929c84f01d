package markup_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"github.com/google/go-cmp/cmp"

	"nertools/pkg/markup"
)

// slice returns the characters of a span.
func slice(text string, sp markup.Span) string { return string([]rune(text)[sp.Start:sp.End]) }

// written describes an alignment with a text whose spans count characters.
func written(text string, a markup.Alignment) string {
	s := a.Class.String()
	if names := a.Damage.Names(); len(names) > 0 {
		s += ", " + strings.Join(names, ", ")
	}
	s += ":"
	for _, f := range a.Found {
		s += fmt.Sprintf(" [%s %d:%d %s]", slice(text, f.Span), f.Start, f.End, f.How)
	}
	for _, u := range a.Unused {
		s += fmt.Sprintf(" (%s, %s)", u.Text, u.Reason)
	}
	return s
}

func TestInATextRowASpanIsExactlyWhatWasMarked(t *testing.T) {
	const (
		dose    = "Take sertraline, 50 mg (10 IU); Lipitor/metformin."
		party   = "The party was art."
		thai    = "เขากินยาแอสไพรินตอนเช้า"
		khmer   = "ខ្ញុំលេបថ្នាំអាស្ពីរីន"
		chinese = "他每天服用阿司匹林和二甲双胍。"
		kana    = "彼はアスピリンを飲んだ。"
	)
	for _, c := range []struct{ name, text, answer, want string }{
		{"as asked for", dose, "Take @@sertraline##, @@50 mg## (@@10 IU##); @@Lipitor##/@@metformin##.", "same: [sertraline 5:15 exact] [50 mg 17:22 exact] [10 IU 24:29 exact] [Lipitor 32:39 exact] [metformin 40:49 exact]"},
		{"punctuation that was marked", dose, "Take @@sertraline,## 50 mg @@(10 IU);## Lipitor/@@metformin.##", "same: [sertraline, 5:16 exact] [(10 IU); 23:31 exact] [metformin. 40:50 exact]"},
		{"inside a word", party, "The p@@art##y was @@art##.", "same: [art 5:8 exact] [art 14:17 exact]"},
		{"inside a word, and nothing else", party, "The p@@art##y was art.", "same: [art 5:8 exact]"},
		{"other spacing around it", dose, "Take @@sertraline## , 50 mg ( @@10 IU## ) ; Lipitor / @@metformin## .", "spacing: [sertraline 5:15 exact] [10 IU 24:29 exact] [metformin 40:49 exact]"},
		{"other spacing in it", dose, "Take sertraline, @@50mg## (10 IU); Lipitor/metformin.", "spacing: [50 mg 17:22 repaired]"},
		{"white space at its edges", dose, "Take @@ sertraline ##, 50 mg (10 IU); Lipitor/metformin.", "spacing, spaced: [sertraline 5:15 repaired]"},
		{"another case", dose, "take @@Sertraline##, 50 mg (10 IU); lipitor/@@Metformin##.", "tokens: [sertraline 5:15 repaired] [metformin 40:49 repaired]"},
		{"the full stop is gone", dose, "Take @@sertraline##, 50 mg (10 IU); Lipitor/@@metformin##", "tokens: [sertraline 5:15 exact] [metformin 40:49 exact]"},
		{"a word is gone", "I took aspirin, 5 mg, at night.", "I took @@aspirin##, @@5 mg##, night.", "tokens: [aspirin 7:14 exact] [5 mg 16:20 exact]"},
		{"a part of the sentence", dose, "(@@10 IU##); Lipitor", "part: [10 IU 24:29 exact]"},
		{"text before it", dose, "Here you are: Take @@sertraline##, 50 mg (10 IU); @@Lipitor##/metformin.", "chatter: [sertraline 5:15 exact] [Lipitor 32:39 exact]"},
		{"twice", "Oslo, Oslo.", "@@Oslo##, Oslo.\nOslo, @@Oslo##.", "chatter: [Oslo 0:4 exact] [Oslo 6:10 exact]"},
		{"hallucinated", dose, "Take @@ibuprofen##, 50 mg (10 IU); Lipitor/metformin.", "edited: (ibuprofen, hallucinated)"},
		{"nested", "the Bank of England's fall", "the @@Bank of @@England####'s fall", "same, unbalanced: [Bank of England 4:19 repaired] [England 12:19 repaired]"},
		{"tags", dose, "Take <PER>sertraline</PER>, 50 mg (10 IU); <PER>Lipitor</PER>/metformin.", "same, other markup: [sertraline 5:15 repaired] [Lipitor 32:39 repaired]"},

		{"a list", dose, `{"entities":["sertraline","50 mg","10 IU","Lipitor","metformin"]}`, "list: [sertraline 5:15 exact] [50 mg 17:22 exact] [10 IU 24:29 exact] [Lipitor 32:39 exact] [metformin 40:49 exact]"},
		{"a list with punctuation", dose, `["sertraline,", "(10 IU)", "metformin."]`, "list: [sertraline, 5:16 exact] [(10 IU) 23:30 exact] [metformin. 40:50 exact]"},
		{"a list with a part of a word", party, `["art", "The"]`, "list: [The 0:3 exact] [art 14:17 exact]"},
		{"a list with nothing else", "The party was fun.", `["art"]`, "list: (art, part of token)"},
		{"a list with parts of numbers", "It fell by 3.5 to 1,000, or 2½ cm².", `["5", "3", "000", "1,000", "cm"]`, "list: [1,000 18:23 exact] (5, part of token) (3, part of token) (000, part of token) (cm, part of token)"},
		{"a list with possessives", "Pfizer's Lipitor™ and Merck’s “X”.", `["Pfizer", "Lipitor", "Merck", "X"]`, "list: [Pfizer 0:6 exact] [Lipitor 9:16 exact] [Merck 22:27 exact] [X 31:32 exact]"},
		{"a list of hyphenated words", "Warfarin-induced bleeding", `["Warfarin", "bleeding"]`, "list: [Warfarin 0:8 exact] [bleeding 17:25 exact]"},

		{"Chinese", chinese, "他每天服用@@阿司匹林##和@@二甲双胍##。", "same: [阿司匹林 5:9 exact] [二甲双胍 10:14 exact]"},
		{"a Chinese list", chinese, `["阿司匹林", "二甲双胍"]`, "list: [阿司匹林 5:9 exact] [二甲双胍 10:14 exact]"},
		{"a Japanese list", kana, `["アスピリン"]`, "list: [アスピリン 2:7 exact]"},
		{"a Japanese sentence, damaged", kana, "彼は@@アスピリン##を飲む。", "edited: [アスピリン 2:7 exact]"},
		{"a Thai list", thai, `["แอสไพริน"]`, "list: [แอสไพริน 8:16 exact]"},
		{"a Thai list with a part of a letter", thai, `["เขากินย"]`, "list: [เขากินย 0:7 exact]"},
		{"a Khmer list", khmer, `["អាស្ពីរីន"]`, "list: [អាស្ពីរីន 13:22 exact]"},
		{"a Khmer list with a part of a letter", khmer, `["ខ្ញ"]`, "list: (ខ្ញ, part of token)"},

		{"an accent of its own", "Zoe\u0308 Li", "Zo@@e##\u0308 Li", "same: (e, part of token)"},
		{"a composed accent", "Zoe\u0308 Li", "@@Zo\u00eb## Li", "tokens: [Zoe\u0308 0:4 repaired]"},
		{"one emoji", "Ada👩🏽\u200d💻!", "Ada@@👩🏽\u200d💻##!", "same: [👩🏽\u200d💻 3:7 exact]"},
		{"a part of an emoji", "Ada👩🏽\u200d💻!", "Ada@@👩🏽##\u200d💻!", "same: (👩🏽, part of token)"},
		{"a character reference", "AT&amp;T rose", "@@AT&T## rose", "tokens: [AT&amp;T 0:8 repaired]"},
		{"an invisible character that was marked", "a \u200bb\u200b c", "a @@\u200bb## c", "tokens: [\u200bb 2:4 exact]"},
		{"an invisible character that was not marked", "a \u200bb\u200b c", "A @@b## c", "tokens: [b 3:4 exact]"},
		{"two dashes", "an a-- b", "An @@a—## b", "tokens: [a-- 3:6 repaired]"},
		{"one of two dashes", "an a-- b", "an @@a-##- b", "same: [a- 3:5 exact]"},
		{"signs of the text", "use C#, (F#) or a@b", "use @@C###, (@@F###) or @@a@b##", "same: [C# 4:6 exact] [F# 9:11 exact] [a@b 16:19 exact]"},
		{"signs of the text, damaged", "use C#, (F#) or a@b", "Use @@C###, (@@F###) or @@a@b##", "tokens: [C# 4:6 exact] [F# 9:11 exact] [a@b 16:19 exact]"},
		{"a byte order mark", "\ufeffAda left", "@@Ada## left", "tokens: [Ada 1:4 exact]"},
		{"line breaks", "Ada\r\nLi left", "@@Ada Li## left", "same: [Ada\r\nLi 0:7 exact]"},
	} {
		var s subject
		s.ResetUnit(c.text, markup.Char)
		if got := written(c.text, s.Align(&s.Original, c.answer, people())); got != c.want {
			t.Errorf("%s: %q, %q\ngot  %s\nwant %s", c.name, c.text, c.answer, got, c.want)
		}
	}
}

// FuzzAlignChars checks that every span found in a text is in it and reads like the answer's
// string, whatever the answer is.
func FuzzAlignChars(f *testing.F) {
	f.Add("Take sertraline, 50 mg (10 IU); Lipitor/metformin.", "Take @@sertraline##, @@ 50mg## (@@10 IU##; ##Lipitor##/metformin.")
	f.Add("Zoe\u0308 -LRB-\u200bAT&amp;T&#x301; a\\/b\\\u0301", "@@Zo## (@@&## T##\u0301 @@a/b## @@\u200b##")
	f.Add("他服用阿司匹林。ﬁ½™", `["阿司匹林", "f", "1", "t"]`)
	f.Add("a--\u2014-\u0640\u064e\u0640 b&ampx;\\\u0301", "@@a-## @@-\u0640## b@@&## @@x##")
	f.Add("a@@b##c @# 👩🏽\u200d💻🇳🇴", "a@@@@b####c @@👩## @@🇳## @@🇳🇴##")
	f.Add("\xff\xfe a\xe5\u0301", "@@\xff## a@@\xe5##")
	f.Add("＼/ －LRB-", "@@/## (")
	f.Fuzz(func(t *testing.T, text, answer string) {
		var s subject
		s.ResetUnit(text, markup.Char)
		q := people()
		q.Shown = func(text string) bool { return strings.Contains(text, "a") }
		a := s.Align(&s.Original, answer, q)
		for i, found := range a.Found {
			if !readsChars(text, found) {
				t.Fatalf("text %q, answer %q: %+v", text, answer, found)
			}
			if i > 0 && a.Found[i-1].Compare(found.Span) >= 0 {
				t.Errorf("text %q, answer %q: order of %v", text, answer, a.Found)
			}
		}
		if d := cmp.Diff(a, s.Align(&s.Original, answer, q)); d != "" {
			t.Errorf("text %q, answer %q: twice: %s", text, answer, d)
		}
		for i := range a.Found {
			s.Strike(&s.Original, answer, q, func(sp markup.Span) bool { return sp == a.Found[i].Span })
		}
	})
}

// readsChars reports whether the span of an entity is in the text, and reads like the entity.
func readsChars(text string, f markup.Found) bool {
	if f.Start < 0 || f.Start >= f.End || f.End > utf8.RuneCountInString(text) {
		return false
	}
	got := cut(text, f.Span)
	return markup.NewText(got).Holds(f.Text) || markup.NewText(f.Text).Holds(got) || strings.TrimSpace(got) == strings.TrimSpace(f.Text)
}

// cut is slice for a text that need not be UTF-8.
func cut(text string, sp markup.Span) string {
	from, to, char := 0, len(text), 0
	for at := range text {
		if char == sp.Start {
			from = at
		}
		if char == sp.End {
			to = at
		}
		char++
	}
	return text[from:to]
}

// FuzzAlignMarkedChars checks that marking a text and aligning the result are inverse.
func FuzzAlignMarkedChars(f *testing.F) {
	f.Add("Take sertraline, 50 mg (10 IU); Lipitor/metformin.", 5, 15, 17, 22)
	f.Add("他服用阿司匹林。Zoe\u0308 👩🏽\u200d💻🇳🇴 C## @@a", 3, 7, 10, 14)
	f.Add("a--b \u200bc\u200b &amp; <PER>x</PER> [\"y\"] **z**\r\n@b", 1, 3, 6, 8)
	f.Fuzz(func(t *testing.T, text string, a, b, c, d int) {
		if !utf8.ValidString(text) {
			return
		}
		runes := []rune(text)
		edges := map[int]bool{0: true} // where spans may begin and end
		clusters, n := graphemes.FromString(text), 0
		for clusters.Next() {
			n += utf8.RuneCountInString(clusters.Value())
			edges[n] = true
		}
		sign := func(i int, sign rune) bool { return i >= 0 && i < len(runes) && runes[i] == sign }
		var wanted []markup.Span
		for _, sp := range []markup.Span{{Start: a, End: b}, {Start: c, End: d}} {
			switch {
			case !edges[sp.Start] || !edges[sp.End] || sp.Start >= sp.End:
			case unicode.IsSpace(runes[sp.Start]) || unicode.IsSpace(runes[sp.End-1]) || strings.ContainsFunc(string([]rune{runes[sp.Start], runes[sp.End-1]}), func(r rune) bool { return 0x1c <= r && r <= 0x1f }):
			case sign(sp.Start-1, '@') || sign(sp.End, '#'): // the same marks as if the sign was inside
			default:
				wanted = append(wanted, sp)
			}
		}
		spans, _ := markup.Place(nil, wanted, n)
		var sentence markup.Slicer
		sentence.Reset(text, markup.Char)
		answer := string(sentence.AppendMarked(nil, spans))
		var s subject
		s.ResetUnit(text, markup.Char)
		want := markup.Alignment{Class: markup.Same}
		if len(s.Tokens) == 0 {
			want.Class = markup.Empty
		}
		for _, sp := range spans {
			want.Found = append(want.Found, markup.Found{Span: sp, How: markup.Exact, Text: slice(text, sp)})
		}
		if d := cmp.Diff(want, s.Align(&s.Original, answer, markup.Question{})); d != "" {
			t.Errorf("text %q, answer %q: %s", text, answer, d)
		}
	})
}

func TestWordsAreThoseOfUnicode(t *testing.T) {
	const text = "Zoë didn't\r\npay 3.5 €\u00a0(U.S.)  \u0308x 他吃药。ยา"
	var got []string
	for _, w := range markup.AppendWords(nil, text) {
		if slice(text, w.Span) != w.Text {
			t.Errorf("%+v is %q", w, slice(text, w.Span))
		}
		got = append(got, w.Text)
	}
	if d := cmp.Diff([]string{"Zoë", "didn't", "pay", "3.5", "€", "(", "U.S", ".", ")", "\u0308", "x", "他", "吃", "药", "。", "ย", "า"}, got); d != "" {
		t.Error(d)
	}
}
