package markup_test

import (
	"strings"
	"testing"

	"nertools/pkg/markup"
)

const (
	anaTagged  = "same, other markup: Ana Souza 0:2 repaired"
	bothTagged = "same, other markup: Ana Souza 0:2 repaired; Bob 3:4 repaired"
)

// around marks Ana Souza and Bob in [trip].
func around(open, close string) string {
	return open + "Ana Souza" + close + " and " + open + "Bob" + close + " flew to Lima ."
}

func TestTagsAreMarks(t *testing.T) {
	var cases []alignCase
	for _, c := range [][2]string{
		{"<PER>", "</PER>"}, {"<per>", "</per>"}, {"<person>", "</person>"}, {"<Persons>", "</Persons>"}, {"<PER id=\"1\">", "</PER>"},
		{`<entity type="PER">`, "</entity>"}, {`<entity label='person'>`, "</entity>"}, {`<span class="entity per">`, "</span>"}, {`<x category=PER>`, "</x>"},
		{`<mark data-entity="PER">`, "</mark>"}, {`<entity type=\"PER\">`, `<\/entity>`},
		{"<mark>", "</mark>"}, {"<entity>", "</entity>"}, {"<ent>", "</ent>"}, {"<named_entity>", "</named_entity>"}, {`<mark style="color:red">`, "</mark>"},
		{"<b>", "</b>"}, {"<strong>", "</strong>"}, {"<em>", "</em>"}, {"<i>", "</i>"}, {"<u>", "</u>"},
		{"&lt;PER&gt;", "&lt;/PER&gt;"}, {`\<PER\>`, `\</PER\>`}, {"＜PER＞", "＜/PER＞"}, {"<PER>", "</>"},
		{"[PER]", "[/PER]"}, {"[PER: ", "]"}, {"[PER:", "]"}, {"[person = ", "]"}, {"[PER| ", "]"},
		{"[", "](PER)"}, {"[", "]{PER}"}, {"[", "|PER]"}, {"[", ": PER]"}, {"[", "/person]"},
		{"＠＠", "＃＃"}, {`\@\@`, `\#\#`}, {`\@@`, `\##`}, {`@@`, `\#\#`}, {"@@", "＃＃"},
		{"[[", "]]"}, {"{{", "}}"}, {"<<", ">>"}, {"__", "__"}, {"==", "=="}, {"*", "*"}, {"_", "_"}, {"`", "`"}, {"[", "]"},
	} {
		cases = append(cases, alignCase{c[0] + c[1], "", around(c[0], c[1]), bothTagged})
	}
	checkPeople(t, append(cases, []alignCase{
		{"spaces inside", "", "<PER> Ana Souza </PER> and Bob flew to Lima .", "same, spaced, other markup: Ana Souza 0:2 repaired"},
		{"close to punctuation", "", "Ana Souza and <PER>Bob</PER>, flew to Lima .", "edited, glued, other markup: Bob 3:4 repaired"},
		{"nested", "the Ana Souza Prize", "the <PER><PER>Ana</PER> Souza</PER> Prize", "same, other markup: Ana Souza 1:3 repaired; Ana 1:2 repaired"},
		{"in a frame", "", "<answer><PER>Ana Souza</PER> and Bob flew to Lima .</answer>", anaTagged},
		{"in a frame, in lines", "", "<answer>\n<mark>Ana Souza</mark> and Bob flew to Lima .\n</answer>", anaTagged},
		{"with signs in them", "", `<PER id="##">Ana Souza</PER> and Bob flew to Lima .`, anaTagged},
		{"behind a heading", "", "## Answer\n<PER>Ana Souza</PER> and Bob flew to Lima .", "chatter, stray, other markup: Ana Souza 0:2 repaired"},
		{"beside emphasis", "", "<b>Answer:</b> <PER>Ana Souza</PER> and Bob flew to Lima .", "chatter, other markup: Ana Souza 0:2 repaired"},
		{"beside bold type", "", "**Answer:** <PER>Ana Souza</PER> and Bob flew to Lima .", "chatter, other markup: Ana Souza 0:2 repaired"},
		{"alone", "", "<PER>Ana Souza</PER>", "part, other markup: Ana Souza 0:2 repaired"},
		{"as XML", "", "<entities>\n<entity>Ana Souza</entity>\n<entity>Bob</entity>\n</entities>", "part, other markup: Ana Souza 0:2 repaired; Bob 3:4 repaired"},
		{"as XML with labels", "", `<entities><entity type="PER">Ana Souza</entity><entity type="LOC">Lima</entity></entities>`, "edited, glued, other markup: Ana Souza 0:2 repaired; Lima other label"},
		{"in a list", "", `["<PER>Ana Souza</PER>", "Bob"]`, "list: Ana Souza 0:2 repaired; Bob 3:4 exact"},
		{"in a list, of another label", "", `["<PER>Ana Souza</PER>", "<LOC>Lima</LOC>"]`, "list: Ana Souza 0:2 repaired; Lima other label"},
		{"bold in a list", "", `["**Ana Souza**"]`, "list: Ana Souza 0:2 repaired"},
		{"a list in a frame", "", `<answer>["Ana Souza"]</answer>`, anaExact},
		{"a list behind emphasis", "", `<b>Entities:</b> ["Ana Souza"]`, anaExact},
		{"the label asked for in some", "", "<PER>Ana Souza</PER> and <mark>Bob</mark> flew to Lima .", anaTagged},
	}...))
}

func TestTagsOfAnotherLabelAreNotThoseAskedFor(t *testing.T) {
	ana := "same, other markup: Ana Souza 0:2 repaired; Lima other label"
	checkPeople(t, []alignCase{
		{"by name", "", "<PER>Ana Souza</PER> and Bob flew to <LOC>Lima</LOC> .", ana},
		{"by name, alone", "", "Ana Souza and Bob flew to <LOC>Lima</LOC> .", "same, other markup: Lima other label"},
		{"by a name that nobody knows", "", "<PER>Ana Souza</PER> and Bob flew to <CITY>Lima</CITY> .", ana},
		{"by type", "", `<entity type="PER">Ana Souza</entity> and Bob flew to <entity type="LOC">Lima</entity> .`, ana},
		{"by a type that nobody knows", "", `<entity type="PER">Ana Souza</entity> and Bob flew to <entity type="CITY">Lima</entity> .`, ana},
		{"in brackets", "", "[PER: Ana Souza] and Bob flew to [LOC: Lima] .", ana},
		{"in the sentence", "", "Ana Souza and Bob flew to <organization>Lima</organization> .", "same, other markup: Lima other label"},
	})
}

func TestWhatMayNotBeAMarkIsDamage(t *testing.T) {
	checkPeople(t, []alignCase{
		{"never ended", "", "<PER>Ana Souza and Bob flew to Lima .", "same, unbalanced, other markup: Ana unclosed"},
		{"ended by another", "", "<PER>Ana Souza</LOC> and Bob flew to Lima .", "same, unbalanced, other markup: Ana unclosed"},
		{"never begun", "", "Ana Souza</PER> and Bob flew to Lima .", "same, stray, other markup:"},
		{"never ended, at the end", "", "Ana Souza and Bob flew to Lima . <PER>", "same, stray, other markup:"},
		{"around nothing", "", "<PER></PER>Ana Souza and Bob flew to Lima .", "same, empty marks, other markup:"},
		{"an empty tag", "", "<PER/>Ana Souza and Bob flew to Lima .", "same, empty marks, other markup:"},
		{"crossing", "", "<PER>Ana <LOC>Souza</PER> and</LOC> Bob flew to Lima .", "same, unbalanced, other markup: Ana Souza 0:2 repaired; Souza and other label"},
		{"two kinds that name no label", "", "<mark>Ana Souza</mark> and <ent>Bob</ent> flew to Lima .", "same, other markup:"},
		{"two kinds of emphasis", "", "<b>Ana Souza</b> and <i>Bob</i> flew to Lima .", "same, other markup:"},
		{"one that names no label beside others", "", "<mark>Ana Souza</mark> and Bob flew to <LOC>Lima</LOC> .", "same, other markup: Lima other label"},
		{"around the sentence", "", "<mark>Ana Souza and Bob flew to Lima .</mark>", "same, other markup:"},
		{"bold around the sentence", "", "**Ana Souza and Bob flew to Lima .**", "same, extra signs, other markup:"},
		{"emphasis around the sentence", "", "<b>Ana Souza and Bob flew to Lima</b> .", "same, other markup:"},
		{"emphasis in other text", "", "There are <b>no</b> persons.", "edited:"},
		{"emphasis of the sentence's words in other text", "", "I think that <b>Ana Souza</b> may be one.", "edited, other markup:"},
		{"code in other text", "", "The word `Lima` is no person.", "edited, other markup:"},
		{"marks win", "", "@@Ana Souza## and <PER>Bob</PER> flew to Lima .", "edited, other markup: Ana Souza 0:2 exact"},
		{"marks in a frame", "", "<answer>@@Ana Souza## and Bob flew to Lima .</answer>", "chatter: Ana Souza 0:2 exact"},
		{"a tag that nobody knows and nothing ends", "", "<x>Ana Souza and Bob flew to Lima .", "chatter:"},
		{"the label behind the entity", "", "Ana Souza (PER) and Bob flew to Lima .", "tokens, other markup:"},
		{"the label in brackets behind brackets", "", "(Ana Souza)[PER] and Bob flew to Lima .", "edited, other markup:"},
		{"the label of tokens in brackets", "", "Ana[B-PER] Souza[I-PER] and Bob flew to Lima .", "edited, other markup:"},
		{"a table", "", "| Ana Souza | PER |", "edited, other markup:"},
		{"an object with a sentence of marks", "", `{"answer": "@@Ana Souza## and Bob flew to Lima ."}`, "chatter: Ana Souza 0:2 exact"},
		{"the label behind each token", "", "Ana/PER Souza/PER and Bob flew to Lima .", "edited, other markup:"},
		{"a remark that names the label", "", "There are no PER entities (PER means person).", "edited:"},
	})
}

func TestMarkupOfTheSentenceIsText(t *testing.T) {
	checkPeople(t, []alignCase{
		{"a tag", "use <b>Ana</b> here", "so use <b>Ana</b> here", "chatter:"},
		{"a tag of the label", "the <PER>Ana</PER> tag", "my <PER>Ana</PER> tag", "edited:"},
		{"a tag beside another", "use <b>Ana</b> here , Bob", "use <b>Ana</b> here, <PER>Bob</PER>", "spacing, other markup: Bob 4:5 repaired"},
		{"a tag that the answer escapes", "use <b>Ana</b> here", "so use &lt;b&gt;Ana&lt;/b&gt; here", "chatter:"},
		{"a tag that the sentence escapes", "use &lt;b&gt;Ana&lt;/b&gt; here", "so use <b>Ana</b> here", "chatter:"},
		{"a tag in separate tokens", "use < b > Ana < / b > here", "so use <b>Ana</b> here", "chatter:"},
		{"brackets", "see [PER: Ana] here", "so see [PER: Ana] here", "chatter:"},
		{"full-width signs", "see ＠＠Ana＃＃ here", "so see ＠＠Ana＃＃ here", "chatter:"},
		{"escaped signs", `see \@\@Ana\#\# here`, `so see \@\@Ana\#\# here`, "chatter:"},
		{"a backslash before a mark", `C:\Ana here now`, `C:\@@Ana## here now`, "same, glued: Ana part of token"},
		{"underscores", "see __Ana__ here", "so see __Ana__ here", "chatter:"},
		{"one full-width sign", "hey ＠ana hi", "hey ＠＠＠ana＃＃ hi", "edited, extra signs, other markup: ana 1:2 repaired"},
	})
}

func TestALabelThatIsNotKnownMatchesNoTag(t *testing.T) {
	var s subject
	s.Reset(trip)
	for answer, want := range map[string]string{
		"<PER>Ana Souza</PER> and Bob flew to Lima .":   "same, other markup: Ana Souza other label",
		"<mark>Ana Souza</mark> and Bob flew to Lima .": anaTagged,
	} {
		if got := strings.TrimSpace(describe(s.Align(&s.Original, answer, markup.Question{}))); got != want {
			t.Errorf("%q: got %s, want %s", answer, got, want)
		}
	}
}
