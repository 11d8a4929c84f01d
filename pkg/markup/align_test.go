package markup_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/markup"
)

// describe writes an alignment as "class, damages: entity start:end how; string reason", with
// the label, if there is one, before how and reason.
func describe(a markup.Alignment) string {
	var parts []string
	for _, f := range a.Found {
		parts = append(parts, fmt.Sprintf("%s %d:%d %s", f.Text, f.Start, f.End, strings.TrimSpace(f.Label+" "+f.How.String())))
	}
	for _, u := range a.Unused {
		parts = append(parts, strings.TrimSpace(u.Text+" "+strings.TrimSpace(u.Label+" "+u.Reason.String())))
	}
	return strings.Join(append([]string{a.Class.String()}, a.Damage.Names()...), ", ") + ": " + strings.Join(parts, "; ")
}

type alignCase struct{ name, original, answer, want string }

func check(t *testing.T, cases []alignCase) {
	t.Helper()
	var s subject
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s.Reset(c.original)
			a := s.Align(&s.Original, c.answer, markup.Question{})
			if got := strings.TrimSpace(describe(a)); got != c.want {
				t.Errorf("original %q\nanswer %q\ngot  %s\nwant %s", c.original, c.answer, got, c.want)
			}
			for _, f := range a.Found {
				if !reads(&s.Original, f) {
					t.Errorf("%q does not read %q at %v", c.original, f.Text, f.Span)
				}
			}
		})
	}
}

func TestAnAnswerAsAskedForIsExact(t *testing.T) {
	check(t, []alignCase{
		{"nothing marked", "Ada wrote .", "Ada wrote .", "same:"},
		{"two entities", "Ada wrote to Bob Li .", "@@Ada## wrote to @@Bob Li## .", "same: Ada 0:1 exact; Bob Li 3:5 exact"},
		{"side by side", "Ada Bob", "@@Ada## @@Bob##", "same: Ada 0:1 exact; Bob 1:2 exact"},
		{"all of it", "Ada wrote", "@@Ada wrote##", "same: Ada wrote 0:2 exact"},
		{"white space around", "Ada wrote", " @@Ada## wrote\n", "same: Ada 0:1 exact"},
		{"other white space", "Ada  wrote\tto Bob", "@@Ada## wrote to @@Bob##", "same: Ada 0:1 exact; Bob 3:4 exact"},
		{"white space in an entity", "Bob\u00a0Li wrote", "@@Bob  Li## wrote", "same: Bob  Li 0:2 exact"},
		{"white space in the sentence", " Ada \n wrote ", "@@Ada## wrote", "same: Ada 0:1 exact"},
		{"letters beyond ASCII", "Zürich 東京", "@@Zürich## @@東京##", "same: Zürich 0:1 exact; 東京 1:2 exact"},
		{"not UTF-8", "a\xff b", "@@a\xff## b", "same: a\xff 0:1 exact"},
	})
}

func TestMarksNextToPunctuation(t *testing.T) {
	check(t, []alignCase{
		{"sentence apart", "Ada ran tests .", "Ada ran @@tests##.", "spacing, glued: tests 2:3 repaired"},
		{"sentence together, end", "Ada ran tests.", "Ada ran @@tests##.", "same, glued: tests 2:3 repaired"},
		{"sentence together, both sides", "see (X) now", "see (@@X##) now", "same, glued: X 1:2 repaired"},
		{"sentence apart, both sides", "see ( X ) now", "see (@@X##) now", "spacing, glued: X 2:3 repaired"},
		{"several words", "in (New York), USA", "in (@@New York##), @@USA##", "same, glued: New York 1:3 repaired; USA 3:4 exact"},
		{"several signs", "he (Ada)?! ran", "he (@@Ada##)?! ran", "same, glued: Ada 1:2 repaired"},
		{"punctuation marked with it", "Ada ran tests .", "Ada ran @@tests .##", "same: tests . 2:4 exact"},
		{"punctuation marked that is elsewhere", "Ada ran", "@@Ada,## ran", "edited: Ada, hallucinated"},
		{"an apostrophe with letters", "Ada's book", "@@Ada##'s book", "same, glued: Ada part of token"},
		{"the apostrophe apart", "Ada 's book", "@@Ada##'s book", "spacing, glued: Ada 0:1 repaired"},
		{"a hyphen between words", "the Oslo-Bergen line", "the @@Oslo##-@@Bergen## line", "same, glued: Oslo part of token; Bergen part of token"},
		{"an emoji at the word", "I 💙Paris", "I 💙@@Paris##", "same, glued: Paris 1:2 repaired"},
		{"emoji of several signs", "Ada❤️👍🏽 rocks", "@@Ada## ❤️👍🏽 rocks", "spacing: Ada 0:1 repaired"},
		{"a currency is no punctuation", "for $5 only", "for $@@5## only", "same, glued: 5 part of token"},
		{"quotes of the answer", "Ada wrote", `"@@Ada## wrote"`, "chatter: Ada 0:1 exact"},
		{"quotes of the sentence", `" Ada wrote "`, `"@@Ada## wrote"`, "spacing, glued: Ada 1:2 repaired"},
		{"the sentence's brackets left out", "In (Boston) we saw that Boston won", "In @@Boston## we saw that Boston won", "edited: Boston 1:2 repaired"},
		{"the sentence's quotes left out", "\"Hamlet\" is a play and Hamlet a prince", "@@Hamlet## is a play and Hamlet a prince", "edited: Hamlet 0:1 repaired"},
		{"the sentence's sign and comma left out", "via @CNN, CNN said", "via @@CNN## CNN said", "edited: CNN 1:2 repaired"},
		{"the sentence's Chinese brackets left out", "读 《红楼梦》 的 人 爱 红楼梦 。", "读 @@红楼梦## 的 人 爱 红楼梦 。", "edited: 红楼梦 1:2 repaired"},
		{"the sentence's sign behind it left out", "5% of 5", "@@5## of 5", "edited: 5 0:1 repaired"},
		{"brackets left out at an end", "(5) x 5", "@@5## x 5", "edited: 5 0:1 repaired"},
		{"brackets left out of the other one", "In (Boston) we saw that Boston won", "In Boston we saw that @@Boston## won", "edited: Boston 5:6 exact"},
		{"brackets put in", "In Boston we saw that (Boston) won", "In (@@Boston##) we saw that Boston won", "edited, glued: Boston 1:2 repaired"},
		{"entity by entity", "北 京 上 海", "@@北京##@@上海##", "spacing, glued: 北京 0:2 repaired; 上海 2:4 repaired"},
	})
}

func TestMarksThatAreNotBalanced(t *testing.T) {
	check(t, []alignCase{
		{"never closed", "Ada wrote to Bob Li .", "@@Ada wrote to Bob Li .", "same, unbalanced: Ada unclosed"},
		{"never closed, then another", "Ada wrote to Bob Li .", "@@Ada wrote to @@Bob Li## .", "same, unbalanced: Bob Li 3:5 exact; Ada unclosed"},
		{"the last never closed", "Ada wrote to Bob Li .", "@@Ada## wrote to @@Bob Li .", "same, unbalanced: Ada 0:1 exact; Bob unclosed"},
		{"closed by @@", "Ada wrote to Bob Li .", "@@Ada@@ wrote to Bob Li .", "same, unbalanced: Ada 0:1 repaired"},
		{"all closed by @@", "Ada wrote to Bob Li .", "@@Ada@@ wrote to @@Bob Li@@ .", "same, unbalanced: Ada 0:1 repaired; Bob Li 3:5 repaired"},
		{"closed by @@ next to punctuation", "Ada wrote to Bob Li .", "Ada wrote to @@Bob Li@@.", "spacing, glued, unbalanced: Bob Li 3:5 repaired"},
		{"closed by @@, then as it should be", "Ada wrote to Bob Li .", "@@Ada@@ wrote to @@Bob Li## .", "same, unbalanced: Ada 0:1 repaired; Bob Li 3:5 exact"},
		{"closed by @@ between spaces", "Ada wrote to Bob Li .", "@@ Ada @@ wrote to @@ Bob Li @@ .", "same, unbalanced, spaced: Ada 0:1 repaired; Bob Li 3:5 repaired"},
		{"closed by @@ without spaces", "北 京 的 春 天", "@@北京@@的春天", "spacing, glued, unbalanced: 北京 0:2 repaired"},
		{"nested", "the Bank of England fell", "the @@Bank of @@England## ## fell", "same, unbalanced, spaced: Bank of England 1:4 repaired; England 3:4 repaired"},
		{"nested, ends together", "the Bank of England fell", "the @@Bank of @@England#### fell", "same, unbalanced: Bank of England 1:4 repaired; England 3:4 repaired"},
		{"nested, beginnings together", "the Bank of England fell", "the @@@@Bank## of England## fell", "same, unbalanced: Bank of England 1:4 repaired; Bank 1:2 repaired"},
		{"nested, another after", "the Bank of England and Ada", "the @@Bank of @@England#### and @@Ada##", "same, unbalanced: Bank of England 1:4 repaired; England 3:4 repaired; Ada 5:6 exact"},
		{"the same twice over", "so Ada wrote", "so @@@@Ada#### wrote", "same, extra signs: Ada 1:2 repaired"},
	})
}

func TestEntitiesAreNestedUpToSixteenDeep(t *testing.T) {
	for depth := 15; depth <= 18; depth++ {
		nested(t, depth, "@@", "##")
		nested(t, depth, "<PER>", "</PER>")
	}
}

func nested(t *testing.T, depth int, begin, end string) {
	t.Helper()
	var text, answer []string
	for i := range 2 * depth {
		word := fmt.Sprintf("w%d", i)
		text = append(text, word)
		if i < depth {
			answer = append(answer, begin+word)
		} else {
			answer = append(answer, word+end)
		}
	}
	var s subject
	s.Reset(strings.Join(text, " "))
	a := s.Align(&s.Original, strings.Join(answer, " "), markup.Question{Label: "PER"})
	outer := max(0, depth-16)
	if len(a.Found) != depth-outer || len(a.Unused) != outer {
		t.Fatalf("%d deep: %s", depth, describe(a))
	}
	for i, f := range a.Found {
		if f.Start != outer+i || f.End != 2*depth-outer-i {
			t.Errorf("%d deep: %s", depth, describe(a))
		}
	}
	for i, u := range a.Unused {
		if u.Reason != markup.Unclosed || u.Text != text[i] {
			t.Errorf("%d deep: %s", depth, describe(a))
		}
	}
}

func TestWhiteSpaceInsideMarks(t *testing.T) {
	check(t, []alignCase{
		{"both sides", "Ada wrote", "@@ Ada ## wrote", "same, spaced: Ada 0:1 repaired"},
		{"before", "Ada wrote", "@@ Ada## wrote", "same, spaced: Ada 0:1 repaired"},
		{"after", "Ada wrote", "@@Ada ## wrote", "same, spaced: Ada 0:1 repaired"},
		{"two of them", "Ada wrote to Bob Li", "@@ Ada ## wrote to @@ Bob Li ##", "same, spaced: Ada 0:1 repaired; Bob Li 3:5 repaired"},
		{"a line break", "Ada wrote", "@@Ada\n## wrote", "same, spaced: Ada 0:1 repaired"},
		{"after, next to punctuation", "Ada ran tests .", "Ada ran @@tests ##.", "same, glued, spaced: tests 2:3 repaired"},
	})
}

func TestStrayMarks(t *testing.T) {
	check(t, []alignCase{
		{"## on both sides", "Ada wrote to Bob", "##Ada## wrote to Bob", "same, unbalanced: Ada 0:1 repaired"},
		{"## on both sides, twice", "Ada wrote to Bob", "##Ada## wrote to ##Bob##", "same, unbalanced: Ada 0:1 repaired; Bob 3:4 repaired"},
		{"a stray ##", "Ada wrote to Bob", "Ada wrote## to @@Bob##", "same, stray: Bob 3:4 exact"},
		{"a ## apart", "Ada wrote to Bob", "Ada wrote ## to @@Bob##", "same, stray: Bob 3:4 exact"},
		{"a ## too many", "Ada wrote", "@@Ada## ## wrote", "same, stray: Ada 0:1 exact"},
		{"a heading", "Ada wrote", "## Answer\n@@Ada## wrote", "chatter, stray: Ada 0:1 exact"},
		{"a @@ at the end", "Ada wrote", "@@Ada## wrote @@", "same, stray: Ada 0:1 exact"},
		{"@@ behind a word", "Ada wrote", "Ada@@ wrote", "same, stray:"},
		{"letters behind it", "speaks Japanese now", "speaks @@Japan##ese now", "same, glued: Japan part of token"},
		{"letters behind it, and itself elsewhere", "Japan speaks Japanese", "Japan speaks @@Japan##ese", "same, glued: Japan part of token"},
		{"letters behind it, which the sentence has apart", "in New York City", "in @@New York##City", "spacing, glued: New York 1:3 repaired"},
		{"letters before it", "the unOslo way", "the un@@Oslo## way", "same, glued: Oslo part of token"},
	})
}

func TestOtherSigns(t *testing.T) {
	check(t, []alignCase{
		{"# too many", "I use c daily", "I use @@c### daily", "same, extra signs: c 2:3 repaired"},
		{"@ too many", "I use c daily", "I use @@@c## daily", "same, extra signs: c 2:3 repaired"},
		{"# of the sentence", "I use c# daily", "I use @@c### daily", "same: c# 2:3 exact"},
		{"# of the original, in other text", "I use c# daily", "you use @@c### daily", "edited: c# 2:3 exact"},
		{"## of the sentence", "I use C## daily", "I use @@C#### daily", "same: C## 2:3 exact"},
		{"## of the original, not marked", "I use C## daily", "you use C## @@daily##", "edited: daily 3:4 exact"},
		{"# of the sentence next to punctuation", "I use c# .", "I use @@c###.", "spacing, glued: c# 2:3 repaired"},
		{"@ of the sentence", "hey @user hi", "hey @@@user## hi", "same: @user 1:2 exact"},
		{"@ of the sentence left out", "hey @user hi", "hey @@user## hi", "edited: user 1:2 repaired"},
		{"@ of the sentence apart", "via @ somebody now", "\"@@@ somebody## is here\"", "edited, glued: @ somebody 1:3 repaired"},
		{"# before a word", "so #tag it", "so @@#tag## it", "same: #tag 1:2 exact"},
		{"# before a word, left unmarked", "so #tag it", "so #@@tag## it", "same, glued: tag 1:2 repaired"},
		{"tokens of signs", "a ## b @@ c", "a ## @@b## @@ c", "same: b 2:3 exact"},
		{"tokens of signs, in other text", "a ## b @@ c", "x ## @@b## @@ c", "edited: b 2:3 exact"},
		{"tokens of signs, marked", "a ## b @@ c", "a @@#### b @@@@## c", "same: ## 1:2 exact; @@ 3:4 exact"},
		{"signs inside a token", "me a@@b me", "you @@a@@b## me", "edited: a@@b 1:2 exact"},
		{"tokens of signs, in other case", "the ## sign and @@ sign by Bob in a ## b", "THE ## SIGN AND @@ SIGN BY @@BOB## IN A ## B", "tokens: BOB 7:8 repaired"},
		{"signs inside a token, in other case", "me a@@b me", "you @@A@@B## me", "edited: A@@B 1:2 repaired"},
		{"bold", "I use C daily", "I use **C** daily", "same, extra signs: C 2:3 repaired"},
		{"bold, several words", "Ada wrote to Bob Li", "**Ada** wrote to **Bob Li**", "same, extra signs: Ada 0:1 repaired; Bob Li 3:5 repaired"},
		{"bold never closed", "I use C daily", "I use **C daily", "same, unbalanced, extra signs: C unclosed"},
		{"bold beside marks", "I use C daily", "I **use** @@C## daily", "edited: C 2:3 exact"},
		{"bold in the sentence", "I ** use ** C", "we ** use ** C", "edited:"},
		{"marks around nothing", "Ada wrote", "@@## Ada wrote", "same, empty marks: blank"},
		{"marks around white space", "Ada wrote", "Ada @@ ## wrote", "same, empty marks: blank"},
		{"marks around nothing, at a word", "Ada wrote", "@@Ada## wrote@@##", "same, empty marks: Ada 0:1 exact; blank"},
	})
}

func TestOtherSpacing(t *testing.T) {
	check(t, []alignCase{
		{"full stop together", "Ada wrote to Bob .", "@@Ada## wrote to Bob.", "spacing: Ada 0:1 exact"},
		{"abbreviation together", "the U . S . army", "the @@U.S.## army", "spacing: U.S. 1:5 repaired"},
		{"abbreviation apart", "the U.S. army", "the @@U . S .## army", "spacing: U . S . 1:2 repaired"},
		{"contraction together", "Ada did n't see Bob", "Ada didn't see @@Bob##", "spacing: Bob 4:5 exact"},
		{"contraction apart", "Ada didn't see Bob", "Ada did n't see @@Bob##", "spacing: Bob 3:4 exact"},
		{"Chinese together", "我 爱 北 京 的 春 天", "我爱@@北京##的春天", "spacing, glued: 北京 2:4 repaired"},
		{"Chinese apart", "我爱 北京 的春天", "我 爱 @@北 京## 的 春 天", "spacing: 北 京 1:2 repaired"},
		{"Chinese, inside a token", "我爱北京", "我爱@@北京##", "same, glued: 北京 part of token"},
		{"Thai together", "ธนาคาร กรุงเทพ เปิด", "ธนาคาร@@กรุงเทพ##เปิด", "spacing, glued: กรุงเทพ 1:2 repaired"},
		{"other spacing in edited text", "the U . S . army left", "the @@U.S.## navy left", "edited: U.S. 1:5 repaired"},
	})
}

func TestOtherLetters(t *testing.T) {
	check(t, []alignCase{
		{"recased", "in new york now", "in @@New York## now", "tokens: New York 1:3 repaired"},
		{"recased elsewhere", "IN Oslo now", "in @@Oslo## now", "tokens: Oslo 1:2 exact"},
		{"decomposed", "in Zürich now", "in @@Zu\u0308rich## now", "tokens: Zu\u0308rich 1:2 repaired"},
		{"full width", "in Ｏｓｌｏ now", "in @@Oslo## now", "tokens: Oslo 1:2 repaired"},
		{"ligature", "the ﬁrm Ada", "the @@firm Ada##", "tokens: firm Ada 1:3 repaired"},
		{"typographic quotes", "Ada 's “ book ”", "@@Ada ’s## \" book \"", "tokens: Ada ’s 0:2 repaired"},
		{"dashes", "Oslo – Bergen", "@@Oslo - Bergen##", "tokens: Oslo - Bergen 0:3 repaired"},
		{"HTML", "AT&T rose", "@@AT&amp;T## rose", "tokens: AT&amp;T 0:1 repaired"},
		{"HTML in the sentence", "AT&amp;T rose", "@@AT&T## rose", "tokens: AT&T 0:1 repaired"},
		{"Greek at the end of a word", "ΟΔΟΣ is", "@@οδος## is", "tokens: οδος 0:1 repaired"},
		{"accents are not left out", "in Zürich now", "in @@Zurich## now", "edited: Zurich hallucinated"},
		{"accents are not left out at the end", "the café now", "the @@cafe## now", "edited: cafe hallucinated"},
		{"a syllable is not cut", "in 한국 now", "in @@한구## now", "edited: 한구 hallucinated"},
		{"another word", "in Oslo now", "in @@Bergen## now", "edited: Bergen hallucinated"},
		{"other spelling", "in Oslo now", "in @@Osloo## now", "edited: Osloo hallucinated"},
		{"case tells two words apart", "he may come in May or so", "it is @@May## he comes", "edited: May 4:5 exact"},
		{"marked more often than it is written so", "the US told us", "@@US## @@US##", "part: US 1:2 exact; US repeated"},
	})
}

func TestTheContextDecidesOnTheOccurrence(t *testing.T) {
	check(t, []alignCase{
		{"the second of three", "Paris beat Paris in Paris", "Paris beat @@Paris## in Paris", "same: Paris 2:3 exact"},
		{"all of them", "Paris beat Paris", "@@Paris## beat @@Paris##", "same: Paris 0:1 exact; Paris 2:3 exact"},
		{"an edited sentence", "Paris is big . I love Paris .", "Paris is large . I like @@Paris## .", "edited: Paris 6:7 repaired"},
		{"only the end came back", "Paris is big . I love Paris .", "I love @@Paris## .", "part: Paris 6:7 exact"},
		{"only the beginning came back", "Paris is big . I love Paris .", "@@Paris## is big .", "part: Paris 0:1 exact"},
		{"only itself came back", "I love Paris more than Paris .", "@@Paris##", "part: Paris 2:3 repaired"},
		{"only itself twice", "I love Paris more than Paris .", "@@Paris## @@Paris##", "edited: Paris 2:3 repaired; Paris 5:6 repaired"},
		{"with one word after", "Paris won , Paris lost twice", "@@Paris## lost again", "edited: Paris 3:4 repaired"},
		{"parts in other order", "Paris is big . I love Paris now .", "I love @@Paris## now . Paris is big .", "edited: Paris 6:7 exact"},
		{"marked once more than written", "I saw Paris", "I saw @@Paris## @@Paris##", "chatter: Paris 2:3 exact; Paris repeated"},
		{"a longer one takes no place from a shorter", "New York and York", "@@New York## and @@York##", "same: New York 0:2 exact; York 3:4 exact"},
		{"not inside another", "New York is near York", "Towns: @@New York## , @@York##", "edited: New York 0:2 exact; York 4:5 repaired"},
		{"not inside another for a few letters", "Bank York opens at York and Operas", "@@Bank York## opens @@York## Operas", "edited: Bank York 0:2 exact; York 4:5 repaired"},
		{"nor for a Thai letter", "ธนาคาร กรุงเทพ เปิด สาขา ที่ กรุงเทพ และ เชียงใหม่ วันนี้", "@@ธนาคาร กรุงเทพ## เปิด @@กรุงเทพ## เชียงใหม่ วันนี้", "edited: ธนาคาร กรุงเทพ 0:2 exact; กรุงเทพ 5:6 repaired"},
		{"nor for a Chinese one", "北京 大 银行 设 在 北京 和 大连", "@@北京 大 银行## 设 @@北京## 大连", "edited: 北京 大 银行 0:3 exact; 北京 5:6 repaired"},
		{"tokens dropped before", "He met Ada and then Ada met Bob", "then @@Ada## met Bob", "part: Ada 5:6 exact"},
		{"tokens inserted", "He met Ada and then Ada met Bob", "He met Ada and then the @@Ada## met Bob", "tokens: Ada 5:6 repaired"},
	})
}

func TestChatterAndParts(t *testing.T) {
	check(t, []alignCase{
		{"a lead-in", "Ada wrote to Bob .", "The labeled sentence: @@Ada## wrote to Bob .", "chatter: Ada 0:1 exact"},
		{"a lead-in and quotes", "Ada wrote to Bob .", "The labeled sentence: \"@@Ada## wrote to Bob .\"", "chatter: Ada 0:1 exact"},
		{"a remark after", "Ada wrote to Bob .", "@@Ada## wrote to Bob . There is one entity.", "chatter: Ada 0:1 exact"},
		{"a code fence", "Ada wrote to Bob .", "```\n@@Ada## wrote to Bob .\n```", "chatter: Ada 0:1 exact"},
		{"a remark with marks", "Ada wrote to Bob .", "I marked @@Carl## . @@Ada## wrote to Bob .", "chatter: Ada 0:1 exact; Carl hallucinated"},
		{"a remark that marks what is not marked", "Ada wrote to Bob .", "I marked @@Ada## . Ada wrote to Bob .", "chatter: Ada 0:1 repaired"},
		{"a remark on the marks", "Ada and Bob wrote to Oslo .", "The entities are wrapped in @@ and ##:\n@@Ada## and @@Bob## wrote to Oslo .", "chatter, spaced, stray: Ada 0:1 exact; Bob 2:3 exact"},
		{"lower case between spaced marks", "so ada wrote to Bob", "well ada wrote to @@ bob ## then @@ ada ## wrote to Bob", "edited, spaced: ada 1:2 repaired; bob 4:5 repaired"},
		{"a remark on the marks before a word that follows", "it went on and this was all for Oslo now", "Wrapped in @@ and ##.\nthis adventure is for @@Oslo## now", "edited, spaced, stray: Oslo 8:9 exact"},
		{"only a remark on the marks", "Ada and Bob wrote to Oslo .", "There are no such entities, so nothing is wrapped in @@ and ##.", "edited, spaced, stray:"},
		{"a remark that marks the same", "Ada told Ada", "@@Ada## told Ada ( @@Ada## is a person )", "chatter: Ada 0:1 exact; Ada repeated"},
		{"the sentence first, then marked", "I saw Paris and Paris .", "Sentence: I saw Paris and Paris .\nMarked: I saw Paris and @@Paris## .", "chatter: Paris 4:5 exact"},
		{"several candidates that agree", "I saw Paris and Paris .", "I saw @@Paris## and Paris .\nI saw @@Paris## and Paris .", "chatter: Paris 2:3 exact"},
		{"several candidates that don't", "I saw Paris and Paris .", "I saw @@Paris## and Paris .\nI saw Paris and @@Paris## .", "chatter: Paris 2:3 exact; Paris 4:5 exact"},
		{"the sentence first, then edited", "I saw Paris and then Paris .", "I saw Paris and then Paris . => We saw Paris and then @@Paris## .", "chatter: Paris 5:6 exact"},
		{"chatter and a few tokens dropped", "Ada wrote to Bob about the new bridge in Oslo .", "Here is the sentence you asked for: @@Ada## wrote to Bob about the bridge in Oslo .", "chatter: Ada 0:1 exact"},
		{"the first words", "Ada wrote to Bob about the new bridge in Oslo .", "@@Ada## wrote to Bob", "part: Ada 0:1 exact"},
		{"many words dropped here and there", "Ada wrote to Bob about the new bridge in Oslo .", "@@Ada## to about new in Oslo .", "edited: Ada 0:1 exact"},
		{"the entity alone", "Ada wrote to Bob .", "@@Bob##", "part: Bob 3:4 exact"},
		{"the full stop dropped", "Ada wrote to Bob .", "Ada wrote to @@Bob##", "tokens: Bob 3:4 exact"},
		{"a part that stands twice", "He was in Paris today and she was in Paris today .", "in @@Paris## today", "part: Paris 3:4 repaired"},
		{"the end, which is like the beginning", "Paris to Rome and said Paris to", "and said @@Paris## to", "part: Paris 5:6 exact"},
		{"a word dropped", "Ada wrote to Bob .", "Ada wrote @@Bob## .", "tokens: Bob 3:4 exact"},
		{"a word inserted", "Ada wrote to Bob .", "Ada wrote to the @@Bob## .", "tokens: Bob 3:4 exact"},
		{"no text", "Ada wrote", "", "empty:"},
		{"only white space", "Ada wrote", " \n", "empty:"},
		{"only marks", "Ada wrote", "@@##", "empty, empty marks: blank"},
		{"a remark alone", "Ada wrote", "There are no entities.", "edited:"},
		{"an empty sentence", "", "@@Ada##", "edited: Ada hallucinated"},
		{"an empty sentence and a list", "", `["Ada"]`, "list: Ada hallucinated"},
		{"an empty sentence and answer", "", "", "empty:"},
	})
}

func TestTextOfADemonstrationIsToldApart(t *testing.T) {
	var s subject
	s.Reset("Carl flew to Oslo .")
	demonstration := markup.NewText("Ada flew to Oslo in spring .")
	shown := func(text string) bool { return demonstration.Holds(text) }
	for _, c := range []struct{ answer, want string }{
		{"Carl flew to @@Ada## .", "edited: Ada copied"},
		{"Carl flew to @@Bergen## .", "edited: Bergen hallucinated"},
		{"Carl flew to @@Oslo## @@Ada## .", "tokens: Oslo 3:4 exact; Ada copied"},
		{"@@Ada## flew to @@Oslo## in spring .", "demonstration: Ada copied; Oslo copied"},
		{"@@Carl## flew to @@Oslo## .", "same: Carl 0:1 exact; Oslo 3:4 exact"},
		{"flew to @@Oslo##", "part: Oslo 3:4 exact"},
		{`["Ada", "Oslo"]`, "list: Oslo 3:4 exact; Ada copied"},
		{"Sentence: Ada flew to Oslo in spring .\nMarked: Ada flew to @@Oslo## in spring .\n\nSentence: Carl flew to Oslo .\nMarked: Carl flew to Oslo .", "chatter: Oslo copied"},
		{"Marked: \"@@Ada## flew to @@Oslo## in spring\"\nCarl flew to Oslo .", "chatter, glued: Ada copied; Oslo copied"},
		{"@@Ada## flew to @@Oslo## in spring .\n@@Carl## flew to @@Oslo## .", "chatter: Carl 0:1 exact; Oslo 3:4 exact; Ada copied; Oslo copied"},
		{"I took @@Oslo## to be one .\nCarl flew to Oslo .\nCarl flew to @@Oslo## . Done", "chatter: Oslo 3:4 exact; Oslo repeated"},
		{"Entities: @@Oslo##\nCarl flew to Oslo .", "chatter: Oslo 3:4 repaired"},
		{"@@Ada## flew to @@Oslo## in spring.", "demonstration: Ada copied; Oslo copied"},
		{"Marked: @@Ada## flew to @@Oslo## in spring .", "edited: Ada copied; Oslo copied"},
		{"Sentence: Ada flew to Oslo in spring .\nMarked: Ada flew to @@Oslo## in spring .", "edited: Oslo copied"},
		{"In spring, @@Ada## was in @@Oslo##.", "edited, glued: Oslo 3:4 repaired; Ada copied"},
		{"He went to @@Oslo##", "edited: Oslo 3:4 exact"},
	} {
		if d := cmp.Diff(c.want, describe(s.Align(&s.Original, c.answer, markup.Question{Shown: shown}))); d != "" {
			t.Errorf("%q: %s", c.answer, d)
		}
	}
}

func TestATextHoldsWhatReadsSo(t *testing.T) {
	for _, c := range []struct {
		text, part string
		want       bool
	}{
		{"Ada flew to Oslo .", "flew to Oslo", true},
		{"Ada flew to Oslo .", "to  oslo.", true},
		{"Ada flew to Oslo .", "flew Oslo", false},
		{"Ada flew to Oslo .", "Osl", false},
		{"Oslos and Oslo", "Oslo", true},
		{"我 爱 北京", "北京", true},
		{"the café", "cafe", false},
		{"Ada", " ", false},
	} {
		if got := markup.NewText(c.text).Holds(c.part); got != c.want {
			t.Errorf("%q holds %q: %t", c.text, c.part, got)
		}
	}
}

func TestAStructuredAnswerIsPlacedInOrder(t *testing.T) {
	check(t, []alignCase{
		{"an object", "Ada wrote to Bob Li .", `{"entities": ["Ada", "Bob Li"]}`, "list: Ada 0:1 exact; Bob Li 3:5 exact"},
		{"another member", "Ada wrote to Bob Li .", `{"label":"PER","PER":["Ada","Bob Li"]}`, "list: Ada 0:1 exact; Bob Li 3:5 exact"},
		{"two other members", "Ada wrote to Bob Li .", `{"PER":["Ada"],"LOC":["Bob Li"]}`, "unreadable:"},
		{"punctuation left out", "via @CNN, CNN said", `["CNN"]`, "list: CNN 2:3 repaired"},
		{"an array", "Ada wrote to Bob Li .", `["Ada","Bob Li"]`, "list: Ada 0:1 exact; Bob Li 3:5 exact"},
		{"none", "Ada wrote .", `{"entities": []}`, "list:"},
		{"none, an array", "Ada wrote .", `[]`, "list:"},
		{"none, in a fence", "Ada wrote .", "```\n[]\n```", "list:"},
		{"none, in a fence that says what it is", "Ada wrote .", "```json\n[]\n```", "list:"},
		{"brackets in a sentence", "Ada wrote [] .", "So Ada wrote [] .", "chatter:"},
		{"objects", "Ada wrote to Bob Li .", `[{"text":"Ada"},{"entity":"Bob Li","label":"PER"}]`, "list: Ada 0:1 exact; Bob Li 3:5 exact"},
		{"objects with a name", "Ada wrote .", `{"entities":[{"name":"Ada"}]}`, "list: Ada 0:1 exact"},
		{"a code fence", "Ada wrote .", "```json\n{\"entities\":[\"Ada\"]}\n```", "list: Ada 0:1 exact"},
		{"chatter around", "Ada wrote .", `Here you are [as asked]: ["Ada"] - enjoy!`, "list: Ada 0:1 exact"},
		{"bold chatter around", "Ada wrote .", `**Entities:** ["Ada"]`, "list: Ada 0:1 exact"},
		{"further members", "Ada wrote .", `{"sentence":"Ada wrote .","entities":["Ada"]}`, "list: Ada 0:1 exact"},
		{"escapes", "Zürich \"now\"", `["Z\u00fcrich","\"now\""]`, `list: Zürich 0:1 exact; "now" 1:2 exact`},
		{"one of two", "Paris beat Paris", `["Paris"]`, "list: Paris 0:1 repaired"},
		{"both", "Paris beat Paris", `["Paris","Paris"]`, "list: Paris 0:1 exact; Paris 2:3 exact"},
		{"three of two", "Paris beat Paris", `["Paris","Paris","Paris"]`, "list: Paris 0:1 repaired; Paris 2:3 repaired; Paris repeated"},
		{"the order decides", "Paris beat Lyon in Paris", `["Lyon","Paris"]`, "list: Lyon 2:3 exact; Paris 4:5 repaired"},
		{"one out of order", "Ada met Bob and Carl", `["Carl","Ada","Bob"]`, "list: Ada 0:1 exact; Bob 2:3 exact; Carl 4:5 exact"},
		{"inside another", "the Bank of England fell", `["Bank of England","England"]`, "list: Bank of England 1:4 exact; England 3:4 exact"},
		{"not inside another", "New York is near York", `["New York","York"]`, "list: New York 0:2 exact; York 4:5 repaired"},
		{"not in the sentence", "Ada wrote", `["Carl","Ad"," "]`, "list: Carl hallucinated; Ad part of token; blank"},
		{"recased", "in new york", `["New York"]`, "list: New York 1:3 repaired"},
		{"cut off", "Ada wrote .", `{"entities":["Ada","Bo`, "list, cut off: Ada 0:1 repaired; Bo unclosed"},
		{"not of strings", "Ada wrote .", `{"entities":[1,2]}`, "unreadable:"},
		{"objects without text", "Ada wrote .", `[{"label":"PER"}]`, "unreadable:"},
		{"marks inside", "Ada wrote .", `["@@Ada##"]`, "list: Ada 0:1 repaired"},
		{"marks inside a sentence in it", "Ada wrote .", `["@@Ada## wrote ."]`, "chatter: Ada 0:1 exact"},
		{"signs of the sentence", "RT @@bob : hi Ada C##", `{"entities":["@@bob","Ada","C##"]}`, "list: @@bob 1:2 exact; Ada 4:5 exact; C## 5:6 exact"},
		{"a remark on marks behind it", "Ada and Bob", "```json\n[\"Ada\",\"Bob\"]\n```\nNote: I used JSON instead of @@ and ##.", "list: Ada 0:1 exact; Bob 2:3 exact"},
		{"an element that is no string", "Ada met Bob", `["Ada",null,7,"Bob"]`, "list, unread: Ada 0:1 exact; Bob 2:3 exact"},
		{"arrays in an array", "Ada met Bob", `[["Ada"],["Bob"]]`, "list: Ada 0:1 exact; Bob 2:3 exact"},
		{"JSON lines", "Ada met Bob", "{\"entities\":[\"Ada\"]}\n{\"entities\":[\"Bob\"]}", "list: Ada 0:1 exact; Bob 2:3 exact"},
		{"thoughts before", "Ada met Bob in Paris", `<think>maybe ["Paris"]</think>{"entities":["Bob"]}`, "list: Bob 2:3 exact"},
		{"a draft before", "Ada met Bob in Paris", `First ["Paris"], or {"entities":["Ada"]}, no: {"entities":["Bob"]}`, "list: Bob 2:3 exact"},
		{"the sentence itself", `say ["Ada"] now`, `say @@["Ada"]## now`, `same: ["Ada"] 1:2 exact`},
	})
}

func TestLongAnswersAreAlignedToo(t *testing.T) {
	var s subject
	for _, c := range long() {
		s.Reset(c.original)
		a := s.Align(&s.Original, c.answer, markup.Question{})
		for _, f := range a.Found {
			if !reads(&s.Original, f) {
				t.Fatalf("%s: %v", c.name, f)
			}
		}
		t.Logf("%-26s %v: %d found, %d unused", c.name, a.Class, len(a.Found), len(a.Unused))
	}
}

func TestTheWordsForWhatIsFound(t *testing.T) {
	var got []string
	for _, h := range []markup.How{markup.Given, markup.Exact, markup.Repaired} {
		got = append(got, h.String())
	}
	for _, r := range markup.Reasons() {
		got = append(got, r.String())
	}
	for _, c := range markup.Classes() {
		got = append(got, c.String())
	}
	all := markup.Damage(0)
	for _, d := range markup.Damages() {
		all |= d
	}
	want := "given|exact|repaired|hallucinated|copied|repeated|part of token|unclosed|blank|other label|not asked|no label|same|spacing|tokens|edited|demonstration|part|chatter|empty|list|unreadable|glued|unbalanced|spaced|stray|extra signs|empty marks|other markup|mended list|cut off|unread"
	if d := cmp.Diff(want, strings.Join(append(got, all.Names()...), "|")); d != "" {
		t.Error(d)
	}
}
