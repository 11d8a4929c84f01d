package openaitest_test

import (
	"net/http"
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
			"see @@Rome##: now, @@Rome##",
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

const listing = `List the people as JSON.

Sentence: Ada met Bob Stone in York .
Entities: {"entities":["Ada","Bob Stone"]}

Sentence: "Eve" left .
Entities: {"entities":["\"Eve\""]}

Sentence: `

func TestBaselineListsWhatTheDemonstrationsList(t *testing.T) {
	for _, tt := range []struct{ sentence, want string }{
		{"Bob Stone saw Ada and Ada .", `{"entities":["Bob Stone","Ada","Ada"]}`},
		{`" Eve " or "Eve"`, `{"entities":["\"Eve\""]}`},
		{"Nobody left .", `{"entities":[]}`},
		{"", `{"entities":[]}`},
	} {
		if got := openaitest.Baseline(listing + tt.sentence + "\nEntities:"); got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.sentence, got, tt.want)
		}
	}
	if got := openaitest.Baseline("Sentence: Ada left .\nEntities: {\"entities\":7}\nSentence: Ada\nEntities:"); got != "Ada" {
		t.Errorf("a demonstration that is no such object: got %s", got)
	}
}

func TestBaselineGivesTheLabelsThatTheDemonstrationsGive(t *testing.T) {
	const tagged = `<PER> people, <LOC> places
Sentence: The Paris office , said Ada and <x> .
Marked: <ORG>The <LOC>Paris</LOC> office</ORG> , said <PER>Ada</PER> and <x> .

Sentence: Nobody left .
Marked: Nobody left .

Sentence: Bob of Paris left .
Marked: <PER>Bob of <LOC>Paris</LOC></PER> left .

Sentence: `
	const listed = `Sentence: Ada saw Paris .
Entities: {"entities":[{"text":"Ada","label":"PER"},{"text":"Paris","label":"LOC"},{"text":"Paris","label":"ORG"}]}
Sentence: Nobody left .
Entities: {"entities":[]}
Sentence: `
	for _, tt := range []struct{ prompt, want string }{
		{tagged + "Ada left .\nMarked:", "<PER>Ada</PER> left ."},
		{tagged + "The Paris office and Paris\nMarked:", "<ORG>The <LOC>Paris</LOC> office</ORG> and <LOC>Paris</LOC>"},
		{tagged + "Bob of Paris\nMarked:", "<PER>Bob of <LOC>Paris</LOC></PER>"},
		{tagged + "Nobody left .\nMarked:", "Nobody left ."},
		{"S: x\nM: <PER></PER>x\nS: Ada\nM:", "Ada"},
		{`S: Ada read Hamlet
M: <PER>Ada</PER> read <entity type="a &#34;b&#34; &amp; c"><entity type="play">Hamlet</entity></entity>
S: Hamlet , said Ada
M:`, `<entity type="a &#34;b&#34; &amp; c"><play>Hamlet</play></entity> , said <PER>Ada</PER>`},
		{listed + "Paris saw Ada .\nEntities:", `{"entities":[{"text":"Paris","label":"LOC"},{"text":"Paris","label":"ORG"},{"text":"Ada","label":"PER"}]}`},
		{listed + "Ada left .\nEntities:", `{"entities":[{"text":"Ada","label":"PER"}]}`},
		{listed + "Nobody left .\nEntities:", `{"entities":[]}`},
	} {
		if got := openaitest.Baseline(tt.prompt); got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.prompt, got, tt.want)
		}
	}
}

func TestARequestWithASchemaGetsAnObject(t *testing.T) {
	_, c := serve(t, openaitest.Options{})
	format := func(kind string) map[string]any {
		return map[string]any{"type": kind, "json_schema": map[string]any{"name": "entities"}}
	}
	for _, tt := range []struct{ prompt, kind, want string }{
		{"Sentence: Ada left .\nEntities:", "json_schema", `{"entities":[]}`},
		{prompt("Ada left ."), "json_schema", `{"entities":["Ada"]}`},
		{prompt("Ada left ."), "json_object", "@@Ada## left ."},
	} {
		if got := content(t, c.post(chatPath, chatBody("m", tt.prompt, "response_format", format(tt.kind)))); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.kind, got, tt.want)
		}
	}
	if a := c.post(chatPath, chatBody("m", "x", "response_format", "json")); a.status != http.StatusBadRequest {
		t.Errorf("a response_format that is no object: status %d", a.status)
	}
}

func TestBaselineSaysWhetherAPhraseIsAnEntity(t *testing.T) {
	const shown = "Is it a person?\n\n" +
		"Sentence: Ada met York in York .\nPhrase: York\nAnswer: no\n\n" +
		"Sentence: York came .\nPhrase: York\nAnswer: yes\n\n" +
		"Sentence: To York !\nPhrase: York\nAnswer: no\n\n" +
		"Sentence: van Gogh\nPhrase: van Gogh\nAnswer: yes\n\n" +
		"Sentence: The band\nPhrase: The\nAnswer: yes\n\n" +
		"Sentence: The end\nPhrase: The\nAnswer: no\n\n"
	for _, tt := range []struct{ name, before, phrase, want string }{
		{"most say no", shown, "York", "no"},
		{"one says yes", shown, "van Gogh", "yes"},
		{"as many say yes as no", shown, "The", "no"},
		{"not shown", shown, "Adam", "yes"},
		{"no demonstrations", "", "Ada Li", "yes"},
		{"lower case", "", "ada li", "no"},
		{"a function word", "", "It", "no"},
		{"begins with a function word", "", "The Hague", "yes"},
		{"without case", "", "北京", "yes"},
	} {
		if got := openaitest.Baseline(tt.before + "Sentence: x " + tt.phrase + "\nPhrase: " + tt.phrase + "\nAnswer:"); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := openaitest.Baseline("Phrase: Ada\nAnswer:"); got != "Ada" {
		t.Errorf("without a sentence it is no such question, but got %q", got)
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
