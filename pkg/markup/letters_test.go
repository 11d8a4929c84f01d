package markup_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"nertools/pkg/markup"
)

// sameLetters are pairs of strings that count as equal, by kind.
var sameLetters = map[string][][2]string{
	"zero width space":         {{"Ana Souza", "Ana\u200b Souza"}, {"Ana Souza", "\u200bAna Souza\u200b"}, {"Ana Souza", "A\u200bna\u200b \u200bSou\u200bza"}, {"Ana Souza", "Ana \u200b Souza"}},
	"zero width space, Thai":   {{"กรุงเทพ มหานคร", "กรุง\u200bเทพ\u200bมหานคร"}, {"ភ្នំពេញ", "ភ្នំ\u200bពេញ"}},
	"word joiner":              {{"Ana Souza", "\u2060Ana\u2060 Souza"}},
	"soft hyphen":              {{"Donaudampfschiff", "Donau\u00addampf\u00adschiff"}, {"Ana Souza", "Ana Sou\u00adza"}},
	"direction":                {{"Ana Souza", "\u200eAna Souza\u200e"}, {"שלום כהן", "\u200fשלום כהן\u200f"}, {"שלום כהן", "\u202bשלום\u202c כהן"}, {"Ana Souza", "\u2066Ana\u2069 \u2068Souza\u2069"}, {"Ana Souza", "\u202eAna Souza\u202c"}, {"محمد علي", "\u061cمحمد علي"}},
	"variation selector":       {{"☕ Bar", "☕\ufe0f Bar"}, {"☕ Bar", "☕\ufe0e Bar"}, {"葛城 市", "葛\U000e0100城 市"}, {"⛓\u200d💥 Bar", "⛓\ufe0f\u200d💥 Bar"}, {"1⃣ Bar", "1\ufe0f⃣ Bar"}},
	"byte order mark":          {{"Ana Souza", "\ufeffAna Souza"}, {"Ana Souza", "Ana\ufeff Souza"}},
	"Mongolian":                {{"ᠮᠣᠩᠭᠣᠯ", "ᠮᠣᠩᠭᠣᠯ\u180e"}, {"ᠮᠣᠩᠭᠣᠯ", "ᠮᠣᠩ\u180bᠭᠣᠯ"}},
	"joiners without effect":   {{"Ana Souza", "Ana\u200d Souza"}, {"ශ්\u200dරී ලංකා", "ශ්රී ලංකා"}, {"അവന്\u200d വന്നു", "അവന് വന്നു"}, {"علی\u200cرضا", "علیرضا"}, {"☕ Bar", "☕\u200d Bar"}},
	"joiners and spaces":       {{"علی\u200cرضا", "علی رضا"}, {"می\u200cرود", "می رود"}, {"کتاب\u200cهای ما", "کتاب های ما"}},
	"invisible letters":        {{"Ana Souza", "Ana\U000e0041\U000e0042 Souza"}, {"한국 은행", "한국\u3164 은행"}, {"Ana Souza", "Ana\u034f Souza"}, {"Ana Souza", "A\u2063na Souza"}},
	"character references":     {{"Ana Souza", "&#8203;Ana Souza&#x200B;"}, {"Ana Souza", "Ana&shy; Souza"}, {"Ana Souza", "Ana &nbsp; Souza"}, {"علی\u200cرضا", "علی&zwnj;رضا"}, {"Ana Souza", "Ana&rlm; Souza"}},
	"treebank quotes":          {{"`` Gone Fishing ''", "“Gone Fishing”"}, {"`` Gone Fishing ''", `"Gone Fishing"`}, {"“ Gone Fishing ”", `" Gone Fishing "`}, {"''Gone''", "„Gone‟"}, {"` Gone '", "‘ Gone ’"}, {"`Gone '", "'Gone'"}, {"boys ' ''", `boys'"`}, {"5' 11''", "5′ 11″"}},
	"treebank brackets":        {{"Lima -LRB- Peru -RRB-", "Lima (Peru)"}, {"-LSB- Lima -RSB-", "[Lima]"}, {"-LCB- Lima -RCB-", "{Lima}"}, {"-lrb- Lima -rrb-", "(Lima)"}, {"Lima-LRB-Perú-RRB-", "Lima (Perú)"}},
	"treebank dashes":          {{"Lima -- Cusco", "Lima — Cusco"}, {"Lima -- Cusco", "Lima—Cusco"}, {"Lima -- Cusco", "Lima–Cusco"}, {"Lima--Cusco", "Lima - Cusco"}, {"Lima --- Cusco", "Lima — Cusco"}, {"北京——上海", "北京—上海"}, {"تهران -- شیراز", "تهران — شیراز"}},
	"treebank escapes":         {{`Gould\/Brown`, "Gould/Brown"}, {`S\*t`, "S*t"}, {`Zü\/rich`, "Zü/rich"}},
	"other escapes":            {{`snake\_case`, "snake_case"}, {`\"Lima\"`, "“Lima”"}, {`\`, `\`}},
	"harakat":                  {{"مُحَمَّد", "محمد"}, {"مُحَمَّدٌ رَسُولُ", "محمد رسول"}, {"هٰذا", "هذا"}, {"مُحَمَّد", "مُحمد"}, {"أَحْمَد", "أحمد"}},
	"tatweel":                  {{"محمد", "محـــمد"}, {"محمد", "مـحـمـد"}},
	"niqqud":                   {{"שָׁלוֹם", "שלום"}, {"בְּרֵאשִׁית בָּרָא", "בראשית ברא"}, {"שׁלום", "שלום"}, {"וַיֹּ֥אמֶר", "ויאמר"}},
	"Hebrew quotes and hyphen": {{"צה״ל", `צה"ל`}, {"ז׳בוטינסקי", "ז'בוטינסקי"}, {"תל־אביב", "תל-אביב"}},
}

// otherLetters are pairs that are not, and whose second string is in the first sentence nowhere.
var otherLetters = map[string][][2]string{
	"emoji that are joined":        {{"👩\u200d💻", "👩💻"}, {"👨\u200d👩\u200d👧", "👨👩👧"}, {"❤️\u200d🔥", "❤️🔥"}, {"🏳️\u200d🌈", "🏳️🌈"}},
	"a part of an emoji":           {{"👩\u200d💻", "👩"}, {"👩\u200d💻", "💻"}, {"👍🏽", "👍"}, {"🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴"}, {"🙂\u200d↔️", "🙂"}},
	"emoji of other kinds":         {{"👍🏽", "👍🏿"}, {"🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"}, {"👩\u200d💻", "👩\u200d🔬"}, {"🇫🇷", "🇫🇮"}},
	"signs of Devanagari":          {{"हिन्दी", "हन्द"}, {"कि", "क"}, {"क", "कि"}, {"फ़ारसी", "फारसी"}, {"ऱा", "रा"}},
	"signs of Thai":                {{"กรุ้ง", "กรุง"}, {"น้ำ", "นำ"}, {"ที่", "ที"}},
	"signs of Khmer and Tamil":     {{"ភ្នំ", "ភន"}, {"தமிழ்", "தமழ"}},
	"hamza and madda":              {{"أحمد", "احمد"}, {"آية", "اية"}, {"مؤمن", "مومن"}},
	"accents":                      {{"café", "cafe"}, {"Zürich", "Zurich"}, {"e\u0301e", "ee"}},
	"quotes that are not the same": {{"5'", `5"`}},
	"brackets that are others":     {{"x -LRB- y", "x [ y"}, {"x -LRB- y", "x -RRB- y"}},
	"words":                        {{"-LRC-", "("}, {"B-LRB", "B("}},
}

// forms are the answers that mark a string.
var forms = map[string]string{
	"the sentence":              "they saw @@%s## today .",
	"an edited sentence":        "somebody met @@%s## then",
	"a part":                    "saw @@%s##",
	"no sentence":               "@@%s##",
	"spaced":                    "they saw @@ %s ## today .",
	"chatter":                   "Answer:\nthey saw @@%s## today .\nDone",
	"a list":                    "",
	"an edited sentence, glued": "somebody met (@@%s##)",
}

func answerOf(form, text string) string {
	if f := forms[form]; f != "" {
		return fmt.Sprintf(f, text)
	}
	list, _ := json.Marshal(map[string][]string{"entities": {text}})
	return string(list)
}

func TestWhatOnlyLooksDifferentIsRepaired(t *testing.T) {
	for kind, pairs := range sameLetters {
		t.Run(kind, func(t *testing.T) {
			for _, pair := range pairs {
				both(t, pair[0], pair[1])
				both(t, pair[1], pair[0])
			}
		})
	}
}

// both checks that an answer's string is found in a sentence that has another
// form of it.
func both(t *testing.T, inSentence, inAnswer string) {
	t.Helper()
	var s subject
	s.Reset("they saw " + inSentence + " today .")
	for form := range forms {
		answer := answerOf(form, inAnswer)
		a := s.Align(&s.Original, answer, markup.Question{})
		if len(a.Found) != 1 || len(a.Unused) != 0 {
			t.Errorf("%s: original %q, answer %q: %s", form, s.Text, answer, describe(a))
			continue
		}
		f := a.Found[0]
		if got := s.text(f.Span); got != inSentence {
			t.Errorf("%s: original %q, answer %q: found %q", form, s.Text, answer, got)
		}
		if inSentence != inAnswer && f.How != markup.Repaired {
			t.Errorf("%s: original %q, answer %q: %v", form, s.Text, answer, f.How)
		}
		if !reads(&s.Original, f) {
			t.Errorf("%s: original %q, answer %q: the law does not hold", form, s.Text, answer)
		}
	}
}

func TestWhatIsDifferentStaysDifferent(t *testing.T) {
	for kind, pairs := range otherLetters {
		t.Run(kind, func(t *testing.T) {
			for _, pair := range pairs {
				var s subject
				s.Reset("they saw " + pair[0] + " today .")
				for form := range forms {
					if a := s.Align(&s.Original, answerOf(form, pair[1]), markup.Question{}); len(a.Found) != 0 || len(a.Unused) != 1 && a.Damage&markup.Stray == 0 {
						t.Errorf("%s: original %q, answer %q: %s", form, s.Text, answerOf(form, pair[1]), describe(a))
					}
				}
			}
		})
	}
}

func TestInvisibleCharactersAroundMarks(t *testing.T) {
	check(t, []alignCase{
		{"outside", "Ada wrote", "\u200b@@Ada##\u200b wrote", "tokens: Ada 0:1 repaired"},
		{"outside, direction", "שלום כתב", "\u2067@@שלום##\u2069 כתב", "tokens: שלום 0:1 repaired"},
		{"between a mark and a space", "Ada wrote", "@@Ada##\u200b wrote", "tokens: Ada 0:1 repaired"},
		{"far away", "Ada wrote to Bob", "@@Ada## wrote\u200b to Bob", "tokens: Ada 0:1 exact"},
		{"white space behind it", "Ada wrote", "@@\u200b Ada ## wrote", "tokens, spaced: \u200b Ada 0:1 repaired"},
		{"only a mark around it", "Ada wrote", "Ada @@\u200b## wrote", "tokens, empty marks: blank"},
		{"a mark before it alone", "Ada wrote", "Ada wrote @@\u200b", "tokens, stray:"},
		{"closed by @@", "Ada wrote to Bob", "@@Ada@@\u200b wrote to @@Bob@@\u200b", "tokens, unbalanced: Ada 0:1 repaired; Bob 3:4 repaired"},
		{"in the sentence, in the answer as well", "An\u200ba wrote", "@@An\u200ba## wrote", "same: An\u200ba 0:1 exact"},
		{"in the sentence, in an edited answer as well", "So An\u200ba wrote", "@@An\u200ba## wrote it", "edited: An\u200ba 1:2 exact"},
		{"at the end of a token", "Ana\u200b Souza\u200b left", "@@Ana\u200b Souza## left", "tokens: Ana\u200b Souza 0:2 repaired"},
		{"a token of its own", "Ana \u200b Souza left", "@@Ana Souza## left", "tokens: Ana Souza 0:3 repaired"},
		{"a token of its own at the edge", "Ana \u200b left", "We @@Ana \u200b## left", "chatter, spaced: Ana \u200b 0:1 repaired"},
		{"only it", "Ada wrote", "\u200b\ufeff", "empty:"},
		{"a list", "Ada wrote", "\ufeff[\"Ada\u200b\", \"\u200b\"]", "list: Ada\u200b 0:1 repaired; blank"},
		{"a handle", "hey @\u200buser hi", "hey @@@user## hi", "tokens: @user 1:2 repaired"},
		{"a handle, the other way", "hey @user hi", "hey @@@\u200buser## hi", "tokens: @\u200buser 1:2 repaired"},
		{"tokens of signs", "a ##\u200b b", "x @@a## ## b", "chatter: a 0:1 exact"},
	})
}

func TestMarksInsideOfALetter(t *testing.T) {
	check(t, []alignCase{
		{"joined emoji", "a 👩\u200d💻 codes", "a @@👩##\u200d💻 codes", "same, glued: 👩 part of token"},
		{"joined emoji, the second", "a 👩\u200d💻 codes", "a 👩\u200d@@💻## codes", "same, glued: 💻 part of token"},
		{"joined emoji, in edited text", "a 👩\u200d💻 codes", "the @@👩##\u200d💻 wrote codes", "edited, glued: 👩 hallucinated"},
		{"a skin tone", "so 👍🏽 it", "so @@👍##🏽 it", "same, glued: 👍 part of token"},
		{"an accent", "the cafe\u0301 now", "the @@cafe##\u0301 now", "same, glued: cafe part of token"},
		{"a Devanagari sign", "यह कि था", "यह @@क##ि था", "same, glued: क part of token"},
		{"harakat at the end", "قال محمدٌ ذلك", "قال @@محمد##ٌ ذلك", "same, glued: محمد 1:2 repaired"},
		{"an emoji beside a word", "I 💙👩\u200d💻Paris", "I 💙👩\u200d💻@@Paris##", "same, glued: Paris 1:2 repaired"},
		{"an emoji with its variation selector", "so ☕ now", "so @@☕##\ufe0f now", "tokens: ☕ 1:2 repaired"},
	})
}

func TestTextLetterForLetterGoesFirst(t *testing.T) {
	check(t, []alignCase{
		{"harakat", "كَتَبَ ثم كتب", "ثم شيء @@كتب##", "edited: كتب 2:3 exact"},
		{"a joiner", "علیرضا و علی\u200cرضا", `["علی\u200cرضا"]`, "list: علی\u200cرضا 2:3 exact"},
		{"an emoji", "☕ or ☕\ufe0f", `["☕"]`, "list: ☕ 0:1 repaired"},
	})
}

func TestDemonstrationsHoldWhatOnlyLooksDifferent(t *testing.T) {
	for _, pairs := range sameLetters {
		for _, pair := range pairs {
			if !markup.NewText("they saw "+pair[0]+" today .").Holds(pair[1]) || !markup.NewText("they saw "+pair[1]+" today .").Holds(pair[0]) {
				t.Errorf("%q and %q", pair[0], pair[1])
			}
		}
	}
	for _, pairs := range otherLetters {
		for _, pair := range pairs {
			if markup.NewText("they saw " + pair[0] + " today .").Holds(pair[1]) {
				t.Errorf("%q holds %q", pair[0], pair[1])
			}
		}
	}
}

func TestStrikingKeepsInvisibleCharacters(t *testing.T) {
	var s subject
	s.Reset("Ana Souza met Bob")
	const answer = "@@\u200bAna\u200b Souza## met @@Bob##"
	drop := func(sp markup.Span) bool { return sp.Start == 0 }
	if got, want := s.Strike(&s.Original, answer, markup.Question{}, drop), "\u200bAna\u200b Souza met @@Bob##"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, pairs := range sameLetters {
		for _, pair := range pairs {
			for form := range forms {
				s.Reset("they saw " + pair[0] + " today .")
				checkStrike(t, &s, answerOf(form, pair[1]))
			}
		}
	}
}
