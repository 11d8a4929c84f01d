package knn

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"

	"nertools/pkg/markup"
)

func words(text string) (list []string) {
	var s splitter
	s.split(text, func(word []byte, _, _ int) { list = append(list, string(word)) })
	return list
}

func TestWords(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"spaces and punctuation", " Ada wrote, (then) sang. ", "ada wrote then sang"},
		{"inside a token", "do n't U.S. @user #tag e-mail 3.5%", "do n t u s user tag e mail 3 5"},
		{"case", "ÉCOLE École ΣΑΣ σας ДОМ", "école école σασ σασ дом"},
		{"composed or not", "e\u0301cole école", "école école"},
		{"wide and narrow forms", "ＡＢＣ１ ｱｲ", "abc1 アイ"},
		{"marks belong to words", "हिन्दी עִבְרִית", "हिन्दी עִבְרִית"},
		{"joiners are not there", "می\u200cخواهم co\u00adop", "میخواهم coop"},
		{"Korean has spaces", "서울 에서", "서울 에서"},
		{"Chinese: pairs", "我是中国人。", "我是 是中 中国 国人"},
		{"Chinese, spaced", "我 是 中 国 人 。", "我是 是中 中国 国人"},
		{"alone", "他 , 我", "他 我"},
		{"with other scripts", "在NBA打球1997年", "在 nba 打球 1997 年"},
		{"Japanese", "データ の", "デー ータ タの"},
		{"Thai", "กรุง เทพ", "กร รุ ุง งเ เท ทพ"},
		{"Thai with zero width spaces", "กรุง\u200bเทพ", "กร รุ ุง งเ เท ทพ"},
		{"a sign of sound that follows nothing", "ー a", "ー a"},
		{"none", " \u3000…!? ☺ ", ""},
	} {
		if d := cmp.Diff(strings.Fields(c.want), words(c.text)); d != "" && (c.want != "" || len(words(c.text)) > 0) {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

// FuzzWords checks that words are whole and clean, and that spaces do not matter
// where scripts have none.
func FuzzWords(f *testing.F) {
	for _, seed := range []string{"Ada wrote, then.", "我 是中国人 NBA", "データ の", "กรุง เทพ", "e\u0301 ﬁ ＡＢ", "ß ΐ İı ǅ", "\xff a\u200db", "ကို ភាសា ລາວ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list := words(text)
		for _, word := range list {
			if word == "" || !utf8.ValidString(word) || strings.ContainsFunc(word, func(r rune) bool { return !unicode.In(r, unicode.L, unicode.M, unicode.N) }) {
				t.Errorf("%q holds the word %q", text, word)
			}
		}
		if !utf8.ValidString(text) { // an MRC file is
			return
		}
		var wide strings.Builder
		for _, r := range norm.NFKC.String(text) {
			wide.WriteRune(r)
			if markup.Unspaced(r) {
				wide.WriteByte(' ')
			}
		}
		if again := words(wide.String()); !slices.Equal(list, again) {
			t.Errorf("%q: %q, with spaces %q", text, list, again)
		}
	})
}

func BenchmarkWords(b *testing.B) {
	const text = "The council of Łódź met again on 3 March , Mrs Müller said ; 東京都 の 議会 も 開かれた ."
	b.SetBytes(int64(len(text)))
	var s splitter
	for b.Loop() {
		s.split(text, func([]byte, int, int) {})
	}
}
