package markup_test

import (
	"strings"
	"testing"

	"nertools/pkg/markup"
)

// allLabels asks for PER, LOC and ORG at once, of a data set that also has MISC.
func allLabels() markup.Question {
	q := people()
	q.Labels.Add("MISC", "MISC", "miscellaneous")
	q.Label, q.Asked = "", []string{"PER", "LOC", "ORG"}
	return q
}

// checkSentences is check for answers about all labels. A text row begins with "chars:".
func checkSentences(t *testing.T, cases []alignCase) {
	t.Helper()
	var s subject
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.original == "" {
				c.original = trip
			}
			text, chars := strings.CutPrefix(c.original, "chars:")
			s.Reset(text)
			if chars {
				s.ResetUnit(text, markup.Char)
			}
			if got := strings.TrimSpace(describe(s.Align(&s.Original, c.answer, allLabels()))); got != c.want {
				t.Errorf("original %q\nanswer %q\ngot  %s\nwant %s", c.original, c.answer, got, c.want)
			}
		})
	}
}

func TestTagsNameTheLabelsOfASentence(t *testing.T) {
	both := "Ana Souza 0:2 PER exact; Lima 6:7 LOC exact"
	repaired := "Ana Souza 0:2 PER repaired; Lima 6:7 LOC repaired"
	checkSentences(t, []alignCase{
		{"as asked for", "", "<PER>Ana Souza</PER> and Bob flew to <LOC>Lima</LOC> .", "same: " + both},
		{"nothing marked", "", trip, "same:"},
		{"nested", "the Paris office of Acme", "<ORG>the <LOC>Paris</LOC> office of <ORG>Acme</ORG></ORG>", "same: the Paris office of Acme 0:5 ORG exact; Paris 1:2 LOC exact; Acme 4:5 ORG exact"},
		{"crossing", "the Bank of England Club", "the <ORG>Bank of <LOC>England</ORG> Club</LOC>", "same: Bank of England 1:4 ORG exact; England Club 3:5 LOC exact"},
		{"several labels", "in Georgia", "in <ORG><LOC>Georgia</LOC></ORG>", "same: Georgia 1:2 LOC exact; Georgia 1:2 ORG exact"},
		{"twice under one label", "in Georgia", "in <LOC><LOC>Georgia</LOC></LOC>", "same: Georgia 1:2 LOC exact; Georgia LOC repeated"},
		{"other white space", "Ana \t Souza  left", " <PER>Ana  Souza</PER> left\n", "same: Ana  Souza 0:2 PER exact"},
		{"lower case", "", "<per>Ana Souza</per> and Bob flew to <loc>Lima</loc> .", "same, other markup: " + repaired},
		{"names", "", "<person>Ana Souza</person> and Bob flew to <Location>Lima</Location> .", "same, other markup: " + repaired},
		{"an attribute", "", `<entity type="PER">Ana Souza</entity> and Bob flew to <entity type="location">Lima</entity> .`, "same, other markup: " + repaired},
		{"escaped", "", "&lt;PER&gt;Ana Souza&lt;/PER&gt; and Bob flew to &lt;LOC&gt;Lima&lt;/LOC&gt; .", "same, other markup: " + repaired},
		{"escaped with backslashes", "", `\<PER\>Ana Souza\</PER\> and Bob flew to \<LOC\>Lima\</LOC\> .`, "same, other markup: " + repaired},
		{"in square brackets", "", "[PER]Ana Souza[/PER] and Bob flew to [LOC]Lima[/LOC] .", "same, other markup: " + repaired},
		{"brackets, label before", "", "[PER: Ana Souza] and Bob flew to [LOC: Lima] .", "same, other markup: " + repaired},
		{"brackets, label behind", "", "[Ana Souza](PER) and Bob flew to [Lima|LOC] .", "same, other markup: " + repaired},
		{"white space inside", "", "<PER> Ana Souza </PER> and Bob flew to <LOC>Lima</LOC> .", "same, spaced: Ana Souza 0:2 PER repaired; Lima 6:7 LOC exact"},
		{"a word in another case", "", "<PER>Ana SOUZA</PER> and Bob flew to <LOC>Lima</LOC> .", "tokens: Ana SOUZA 0:2 PER repaired; Lima 6:7 LOC exact"},
		{"punctuation together", "", "<PER>Ana Souza</PER> and Bob flew to <LOC>Lima</LOC>.", "spacing, glued: Ana Souza 0:2 PER exact; Lima 6:7 LOC repaired"},
		{"a word dropped", "", "<PER>Ana Souza</PER> and flew to <LOC>Lima</LOC> .", "tokens: " + both},
		{"words around", "", "Here you are: <PER>Ana Souza</PER> and Bob flew to <LOC>Lima</LOC> .", "chatter: " + both},
		{"in a frame", "", "<answer><PER>Ana Souza</PER> and Bob flew to <LOC>Lima</LOC> .</answer>", "same: " + both},
		{"in quotes", "", `"<PER>Ana Souza</PER> and Bob flew to <LOC>Lima</LOC> ."`, "chatter: " + both},
		{"a sentence of its own for each label", "", "<PER>Ana Souza</PER> and Bob flew to Lima .\nAna Souza and Bob flew to <LOC>Lima</LOC> .", "chatter: " + both},
		{"a string that the sentence lacks", "", "<PER>Ana Silva</PER> and Bob flew to <LOC>Lima</LOC> .", "edited: Lima 6:7 LOC exact; Ana Silva PER hallucinated"},
		{"a part of a token", "speaks Japanese now", "speaks <LOC>Japan</LOC>ese now", "same, glued: Japan LOC part of token"},
		{"without an end", "", "<PER>Ana Souza and Bob flew to <LOC>Lima</LOC> .", "same, unbalanced: Lima 6:7 LOC exact; Ana PER unclosed"},
		{"without a start", "", "Ana Souza</PER> and Bob flew to <LOC>Lima</LOC> .", "same, stray: Lima 6:7 LOC exact"},
		{"around nothing", "", "<PER></PER>Ana Souza and Bob flew to <LOC>Lima</LOC> .", "same, empty marks: Lima 6:7 LOC exact"},
		{"a label that was not asked for", "", "<PER>Ana Souza</PER> and Bob flew to <MISC>Lima</MISC> .", "same: Ana Souza 0:2 PER exact; Lima MISC not asked"},
		{"by its name", "", "Ana Souza and Bob flew to <miscellaneous>Lima</miscellaneous> .", "same: Lima MISC not asked"},
		{"a label that nobody knows", "", "<PER>Ana Souza</PER> and Bob flew to <City>Lima</City> .", "same: Ana Souza 0:2 PER exact; Lima City not asked"},
		{"by type", "", `Ana Souza and Bob flew to <entity type="CITY">Lima</entity> .`, "same: Lima CITY not asked"},
		{"in brackets", "", "[PER: Ana Souza] and Bob flew to [CITY: Lima] .", "same, other markup: Ana Souza 0:2 PER repaired; Lima CITY not asked"},
		{"no label", "", "@@Ana Souza## and Bob flew to Lima .", "same: Ana Souza no label"},
		{"a tag without a label", "", "<mark>Ana Souza</mark> and Bob flew to <LOC>Lima</LOC> .", "same, other markup: Lima 6:7 LOC exact; Ana Souza no label"},
		{"signs beside tags", "", "<PER>@@Ana Souza##</PER> and Bob flew to Lima .", "same: Ana Souza 0:2 PER exact; Ana Souza no label"},
		{"signs that are only spoken of", "", "No entity is wrapped in @@ and ##.", "edited, spaced, stray:"},
		{"formatting", "", "<b>Ana Souza</b> and **Bob** flew to <i>Lima</i> .", "same, extra signs:"},
		{"bold type", "", "**Ana Souza** and Bob flew to Lima .", "same, extra signs:"},
		{"emphasis", "", "_Ana Souza_ and Bob flew to Lima .", "same:"},
		{"formatting around labels", "", "<b><PER>Ana Souza</PER></b> and Bob flew to <LOC>Lima</LOC> .", "same: " + both},
		{"tags beside brackets", "", "<PER>Ana Souza</PER> and Bob flew to [LOC: Lima] .", "same, other markup: Ana Souza 0:2 PER exact; Lima 6:7 LOC repaired"},
		{"square tags inside each other", "in Georgia", "in [LOC][ORG]Georgia[/ORG][/LOC]", "same, other markup: Georgia 1:2 LOC repaired; Georgia 1:2 ORG repaired"},
		{"labels behind words", "", "Ana Souza (PER) and Bob flew to Lima .", "tokens, other markup:"},
		{"no entities, in words", "", "There are no entities.", "edited:"},
		{"an empty answer", "", "", "empty:"},
		{"characters", "chars:Take aspirin (10 mg) in Oslo.", "Take aspirin (10 mg) in <LOC>Oslo</LOC>.", "same: Oslo 24:28 LOC exact"},
		{"characters inside a word", "chars:the Oslo-Bergen line", "the <LOC>Oslo</LOC>-<LOC>Bergen</LOC> line", "same: Oslo 4:8 LOC exact; Bergen 9:15 LOC exact"},
		{"characters, nested", "chars:the Paris office, closed", "<ORG>the <LOC>Paris</LOC> office</ORG>, closed", "same: the Paris office 0:16 ORG exact; Paris 4:9 LOC exact"},
		{"characters, other spaces", "chars:Ana met Bob (Lima).", "<PER>Ana</PER> met <PER>Bob</PER> ( <LOC>Lima</LOC> ) .", "spacing: Ana 0:3 PER exact; Bob 8:11 PER exact; Lima 13:17 LOC exact"},
		{"Thai", "chars:ธนาคารกรุงเทพเปิด", "<ORG>ธนาคาร<LOC>กรุงเทพ</LOC></ORG>เปิด", "same: ธนาคารกรุงเทพ 0:13 ORG exact; กรุงเทพ 6:13 LOC exact"},
		{"Thai tokens", "ธนาคาร กรุงเทพ เปิด", "<ORG>ธนาคาร<LOC>กรุงเทพ</LOC></ORG>เปิด", "spacing, glued: ธนาคารกรุงเทพ 0:2 ORG repaired; กรุงเทพ 1:2 LOC repaired"},
		{"Chinese", "chars:安娜去北京大学。", "<PER>安娜</PER>去<ORG><LOC>北京</LOC>大学</ORG>。", "same: 安娜 0:2 PER exact; 北京大学 3:7 ORG exact; 北京 3:5 LOC exact"},
		{"Chinese tokens", "安娜 去 北 京", "<PER>安娜</PER> 去 <LOC>北京</LOC>", "spacing: 安娜 0:1 PER exact; 北京 2:4 LOC repaired"},
	})
}

func TestTagsOfTheSentenceAreTextWhereTheSentenceHasThem(t *testing.T) {
	const original = "the <PER> tag and <b>bold</b> , said Ada"
	checkSentences(t, []alignCase{
		{"nothing marked", original, original, "same:"},
		{"one marked", original, "the <PER> tag and <b>bold</b> , said <PER>Ada</PER>", "same: Ada 7:8 PER exact"},
		{"the tag itself", original, "the <ORG><PER></ORG> tag and <b>bold</b> , said <PER>Ada</PER>", "same: <PER> 1:2 ORG exact; Ada 7:8 PER exact"},
		{"the tag itself, with that label", original, "the <PER><PER></PER> tag and <b>bold</b> , said <PER>Ada</PER>", "same: <PER> 1:2 PER exact; Ada 7:8 PER exact"},
		{"around the tag", original, "<LOC>the <PER> tag</LOC> and <b>bold</b> , said Ada", "same: the <PER> tag 0:3 LOC exact"},
		{"the formatting", original, "the <PER> tag and <ORG><b>bold</b></ORG> , said Ada", "same: <b>bold</b> 4:5 ORG exact"},
		{"other spaces", original, "the <PER> tag and <b>bold</b>, said <PER>Ada</PER>", "spacing: Ada 7:8 PER exact"},
		{"a word dropped", original, "the <PER> tag and <b>bold</b> , <PER>Ada</PER>", "tokens: Ada 7:8 PER exact"},
		{"words around", original, "Marked: the <PER> tag and <b>bold</b> , said <PER>Ada</PER>", "chatter: Ada 7:8 PER exact"},
		{"the tag dropped", original, "the tag and bold , said <PER>Ada</PER>", "edited: Ada 7:8 PER exact"},
		{"a pair", "the <PER>Ana</PER> tag", "my <PER>Ana</PER> tag", "edited:"},
		{"a pair inside another", "the <PER>Ana</PER> tag", "my <PER><PER>Ana</PER></PER> tag", "edited: <PER>Ana</PER> 1:2 PER exact"},
		{"an end before one of the sentence", "in Oslo </PER> .", "so in <PER>Oslo</PER> </PER> .", "chatter: Oslo 1:2 PER exact"},
		{"an end behind one of the sentence", "in Oslo </PER> .", "so in <PER>Oslo </PER></PER> .", "chatter: Oslo </PER> 1:3 PER exact"},
		{"a start behind one of the sentence", "a <PER> Ana left", "so a <PER> <PER>Ana</PER> left", "chatter: Ana 2:3 PER exact"},
		{"a start before one of the sentence", "a <PER> Ana left", "so a <PER><PER> Ana</PER> left", "chatter: <PER> Ana 1:3 PER exact"},
		{"around a tag of the sentence, several labels", "a <LOC> left", "so a <LOC><ORG><LOC></ORG></LOC> left", "chatter: <LOC> 1:2 LOC exact; <LOC> 1:2 ORG exact"},
		{"characters, tags beside each other", "chars:<PER><PER>", "<PER><PER></PER><PER>", "same: <PER> 0:5 PER exact"},
		{"escaped by the sentence", "use &lt;PER&gt; here , Ana", "use <PER> here , <PER>Ana</PER>", "tokens: Ana 4:5 PER exact"},
	})
}

func TestListsNameTheLabelsOfASentence(t *testing.T) {
	both := "list: Ana Souza 0:2 PER exact; Lima 6:7 LOC exact"
	mended := "list, mended list: Ana Souza 0:2 PER repaired; Lima 6:7 LOC repaired"
	tagged := "list: Ana Souza 0:2 PER repaired; Lima 6:7 LOC repaired"
	var cases []alignCase
	for _, text := range []string{"text", "entity", "name", "word", "value", "span", "mention", "surface", "Text", "entity_text"} {
		for _, label := range []string{"type", "label", "entity_type", "category", "tag", "class", "entity_group", "Label"} {
			cases = append(cases, alignCase{text + " with " + label, "", `[{"` + text + `":"Ana Souza","` + label + `":"PER"},{"` + label + `":"LOC","` + text + `":"Lima"}]`, both})
		}
	}
	checkSentences(t, append(cases, []alignCase{
		{"as asked for", "", `{"entities":[{"text":"Ana Souza","label":"PER"},{"text":"Lima","label":"LOC"}]}`, both},
		{"in the other order", "", `{"entities":[{"text":"Lima","label":"LOC"},{"text":"Ana Souza","label":"PER"}]}`, both},
		{"empty", "", `{"entities":[]}`, "list:"},
		{"null", "", `{"entities":null}`, "list:"},
		{"one string under several labels", "in Georgia", `{"entities":[{"text":"Georgia","label":"ORG"},{"text":"Georgia","label":"LOC"}]}`, "list: Georgia 1:2 LOC exact; Georgia 1:2 ORG exact"},
		{"several labels of one entry", "in Georgia", `{"entities":[{"text":"Georgia","labels":["ORG","LOC"]}]}`, "list: Georgia 1:2 LOC exact; Georgia 1:2 ORG exact"},
		{"inside another", "the Bank of England", `{"entities":[{"text":"Bank of England","label":"ORG"},{"text":"England","label":"LOC"}]}`, "list: Bank of England 1:4 ORG exact; England 3:4 LOC exact"},
		{"as often as it occurs", "Paris beat Lyon in Paris", `{"entities":[{"text":"Paris","label":"ORG"},{"text":"Paris","label":"LOC"},{"text":"Paris","label":"LOC"}]}`,
			"list: Paris 0:1 LOC exact; Paris 0:1 ORG repaired; Paris 4:5 LOC exact"},
		{"more often", "", `{"entities":[{"text":"Lima","label":"LOC"},{"text":"Lima","label":"LOC"}]}`, "list: Lima 6:7 LOC repaired; Lima LOC repeated"},
		{"no label", "", `{"entities":[{"text":"Ana Souza"},{"text":"Lima","label":"LOC"},{"text":"Bob","label":null},{"text":"Bob","label":"entity"}]}`,
			"list: Lima 6:7 LOC exact; Ana Souza no label; Bob no label; Bob no label"},
		{"strings", "", `{"entities":["Ana Souza","Lima"]}`, "list: Ana Souza no label; Lima no label"},
		{"other labels", "", `{"entities":[{"text":"Ana Souza","label":"MISC"},{"text":"Lima","label":"City"},{"text":"Bob","label":"miscellaneous"}]}`,
			"list: Ana Souza MISC not asked; Lima City not asked; Bob MISC not asked"},
		{"names of labels", "", `{"entities":[{"text":"Ana Souza","label":"person"},{"text":"Lima","label":"Locations"}]}`, both},
		{"a label with an explanation", "", `{"entities":[{"text":"Ana Souza","label":"PER (traveller)"},{"text":"Lima","label":"B-LOC"}]}`, both},
		{"positions beside it", "", `{"entities":[{"text":"Ana Souza","label":"PER","start":0,"end":9},{"text":"Lima","label":"LOC","start":26,"end":30}]}`, both},
		{"hallucinated", "", `{"entities":[{"text":"Rome","label":"LOC"},{"text":"Lima","label":"LOC"}]}`, "list: Lima 6:7 LOC exact; Rome LOC hallucinated"},
		{"blank", "", `{"entities":[{"text":"","label":"LOC"},{"text":"Lima","label":"LOC"}]}`, "list: Lima 6:7 LOC exact; LOC blank"},
		{"cut off", "", `{"entities":[{"text":"Ana Souza","label":"PER"},{"text":"Lima","lab`, "list, cut off: Ana Souza 0:2 PER repaired; Lima unclosed"},
		{"cut off in a label", "", `{"entities":[{"text":"Ana Souza","label":"PER"},{"text":"Lima","label":"LO`, "list, cut off: Ana Souza 0:2 PER repaired; Lima unclosed"},
		{"cut off behind a label", "", `{"entities":[{"text":"Ana Souza","label":"PER"},{"label":"LOC","text":"Li`, "list, cut off: Ana Souza 0:2 PER repaired; Li LOC unclosed"},
		{"single quotes", "", `{'entities': [{'text': 'Ana Souza', 'label': 'PER'}, {'text': 'Lima', 'label': 'LOC'}]}`, mended},
		{"trailing commas", "", `{"entities":[{"text":"Ana Souza","label":"PER",},{"text":"Lima","label":"LOC"},],}`, mended},
		{"labels without quotes", "", `{"entities":[{"text":"Ana Souza","label":PER},{"text":"Lima","label":LOC}]}`, mended},
		{"a fence", "", "```json\n{\"entities\":[{\"text\":\"Ana Souza\",\"label\":\"PER\"},{\"text\":\"Lima\",\"label\":\"LOC\"}]}\n```", both},
		{"words around", "", `Here they are: {"entities":[{"text":"Ana Souza","label":"PER"},{"text":"Lima","label":"LOC"}]}`, both},
		{"JSON in a string", "", `"{\"entities\":[{\"text\":\"Ana Souza\",\"label\":\"PER\"},{\"text\":\"Lima\",\"label\":\"LOC\"}]}"`, mended},
		{"a value a line", "", "{\"text\":\"Ana Souza\",\"label\":\"PER\"}\n{\"text\":\"Lima\",\"label\":\"LOC\"}", both},
		{"one object", "", `{"text":"Lima","label":"LOC"}`, "list: Lima 6:7 LOC exact"},
		{"pairs", "", `[["Ana Souza","PER"],["Lima","LOC"]]`, both},
		{"pairs, the label first", "", `[["PER","Ana Souza"],["LOC","Lima"]]`, both},
		{"one pair", "", `["Lima","LOC"]`, "list: Lima 6:7 LOC exact"},
		{"tuples", "", `[('Ana Souza', 'PER'), ('Lima', 'LOC')]`, mended},
		{"tokens", "", `[{"word":"Ana","entity":"B-PER"},{"word":"Souza","entity":"I-PER"},{"word":"Lima","entity":"B-LOC"}]`, "list: Ana Souza 0:2 PER repaired; Lima 6:7 LOC exact"},
		{"lists by label", "", `{"PER":["Ana Souza"],"LOC":["Lima"],"ORG":[]}`, both},
		{"lists by label, one of them not asked for", "", `{"PER":["Ana Souza"],"DATE":["Lima"]}`, "list: Ana Souza 0:2 PER exact; Lima DATE not asked"},
		{"lists by label, none asked for", "", `{"DATE":["Lima"]}`, "list: Lima DATE not asked"},
		{"lists by label, in a wrapper", "", `{"entities":{"person":["Ana Souza"],"location":["Lima"]}}`, both},
		{"lists by label, in an array", "", `[{"PER":["Ana Souza"]},{"LOC":["Lima"]}]`, both},
		{"strings by label", "", `{"PER":"Ana Souza","LOC":"Lima","ORG":null}`, both},
		{"objects by label", "", `{"PER":[{"text":"Ana Souza"}],"LOC":[{"text":"Lima"}]}`, both},
		{"grouped by label", "", `[{"label":"PER","entities":["Ana Souza"]},{"label":"LOC","entities":["Lima"]}]`, both},
		{"labels by string", "", `{"Ana Souza":"PER","Lima":"LOC"}`, both},
		{"objects by string", "", `{"Ana Souza":{"type":"PER"},"Lima":{"type":"LOC"}}`, both},
		{"labels in strings", "", `["Ana Souza (PER)", "LOC: Lima"]`, tagged},
		{"tags in strings", "", `["<PER>Ana Souza</PER>", "<LOC>Lima</LOC>"]`, tagged},
		{"marks in strings", "", `{"entities":[{"text":"@@Ana Souza##","label":"PER"},{"text":"**Lima**","label":"LOC"}]}`, tagged},
		{"lists behind labels", "", "PER: [\"Ana Souza\"]\nLOC: [\"Lima\"]", both},
		{"lists behind labels, one of them not asked for", "", "PER: [\"Ana Souza\"]\nDATE: [\"Lima\"]", "list: Ana Souza 0:2 PER exact; Lima DATE not asked"},
		{"lines of labels", "", "PER: Ana Souza\nLOC: Lima", mended},
		{"lines of labels, one of them not asked for", "", "PER: Ana Souza\nDATE: Lima", "list, mended list: Ana Souza 0:2 PER repaired; Lima DATE not asked"},
		{"lines of bold labels", "", "**PER:** Ana Souza\n**LOC**: Lima", "list, mended list: Ana Souza 0:2 PER repaired; Lima 6:7 LOC repaired"},
		{"several in a line, and none", "", "PER: Ana Souza, Bob\nLOC: none", "list, mended list: Ana Souza 0:2 PER repaired; Bob 3:4 PER repaired"},
		{"bullets", "", "- Ana Souza (PER)\n- Lima: location", mended},
		{"bullets in bold", "", "- **Ana Souza** (PER)\n- **Lima** (LOC)", mended},
		{"bullets without labels", "", "- Ana Souza\n- Lima", "list, mended list: Ana Souza no label; Lima no label"},
		{"numbers", "", "1. PER: Ana Souza\n2. CITY: Lima", "list, mended list: Ana Souza 0:2 PER repaired; Lima CITY not asked"},
		{"the text of an entity is the name of a label", "a person met Ana", `{"entities":[{"text":"person","label":"LOC"},{"text":"Ana","label":"PER"}]}`, "list: person 1:2 LOC exact; Ana 3:4 PER exact"},
		{"a text in capital letters", "the BBC in UK", `["BBC","UK"]`, "list: BBC no label; UK no label"},
		{"behind the sentence", "", "Ana Souza and Bob flew to Lima .\n" + `{"entities":[{"text":"Lima","label":"LOC"}]}`, "list: Lima 6:7 LOC exact"},
		{"not readable", "", `{"entities":[{"text":"Ana "Souza","label":"PER"}]}`, "unreadable:"},
		{"no text", "", `{"entities":[{"start":0,"end":9,"label":"PER"}]}`, "unreadable:"},
		{"characters", "chars:Pfizer's Warfarin-induced", `{"entities":[{"text":"Pfizer","label":"ORG"},{"text":"Warfarin","label":"MISC"}]}`, "list: Pfizer 0:6 ORG exact; Warfarin MISC not asked"},
		{"Thai", "chars:ธนาคารกรุงเทพเปิด", `{"entities":[{"text":"กรุงเทพ","label":"LOC"}]}`, "list: กรุงเทพ 6:13 LOC exact"},
		{"Chinese", "chars:安娜去北京大学。", `{"entities":[{"text":"北京大学","label":"ORG"},{"text":"北京","label":"LOC"}]}`, "list: 北京大学 3:7 ORG exact; 北京 3:5 LOC exact"},
	}...))
}

func TestADemonstrationRepeatedInsteadOfTheSentenceIsCopied(t *testing.T) {
	q := allLabels()
	q.Shown = markup.NewText("Ada flew to Oslo in spring .").Holds
	var s subject
	s.Reset("Carl flew to Oslo .")
	for answer, want := range map[string]string{
		"<PER>Ada</PER> flew to <LOC>Oslo</LOC> in spring .":                        "demonstration: Ada PER copied; Oslo LOC copied",
		"Ada flew to Oslo in spring .":                                              "demonstration:",
		"<PER>Carl</PER> flew to <LOC>Oslo</LOC> .":                                 "same: Carl 0:1 PER exact; Oslo 3:4 LOC exact",
		`{"entities":[{"text":"Ada","label":"PER"},{"text":"Oslo","label":"LOC"}]}`: "list: Oslo 3:4 LOC exact; Ada PER copied",
		"Ada flew to <LOC>Oslo</LOC> in spring .\n<PER>Carl</PER> flew to Oslo .":   "chatter: Carl 0:1 PER exact; Oslo LOC copied",
	} {
		if got := strings.TrimSpace(describe(s.Align(&s.Original, answer, q))); got != want {
			t.Errorf("%q:\ngot  %s\nwant %s", answer, got, want)
		}
	}
}
