package markup_test

import (
	"strings"
	"testing"

	"nertools/pkg/markup"
)

// people asks for PER, which has the other name person, beside LOC and ORG.
func people() markup.Question {
	l := new(markup.Labels)
	l.Add("PER", "PER", "person")
	l.Add("LOC", "LOC", "location")
	l.Add("ORG", "ORG", "organization")
	return markup.Question{Label: "PER", Labels: l}
}

// trip is the original of cases without one.
const trip = "Ana Souza and Bob flew to Lima ."

// checkPeople is check for answers about PER. It also strikes what they mark, and
// puts them into one line, as results files have them.
func checkPeople(t *testing.T, cases []alignCase) {
	t.Helper()
	var s subject
	for _, c := range cases {
		if strings.Contains(c.answer, "\n") {
			c.name, c.answer = c.name+", in one line", strings.ReplaceAll(c.answer, "\n", " ")
			cases = append(cases, c)
		}
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.original == "" {
				c.original = trip
			}
			s.Reset(c.original)
			a := s.Align(&s.Original, c.answer, people())
			if got := strings.TrimSpace(describe(a)); got != c.want {
				t.Errorf("original %q\nanswer %q\ngot  %s\nwant %s", c.original, c.answer, got, c.want)
			}
			for _, f := range a.Found {
				if !reads(&s.Original, f) {
					t.Errorf("%q does not read %q at %v", c.original, f.Text, f.Span)
				}
			}
			checkStrikeOf(t, &s, c.answer, people())
		})
	}
}

const (
	anaMended  = "list, mended list: Ana Souza 0:2 repaired"
	anaExact   = "list: Ana Souza 0:2 exact"
	bothMended = "list, mended list: Ana Souza 0:2 repaired; Bob 3:4 repaired"
	bothExact  = "list: Ana Souza 0:2 exact; Bob 3:4 exact"
)

func TestAlmostJSONIsMended(t *testing.T) {
	checkPeople(t, []alignCase{
		{"trailing comma", "", `["Ana Souza",]`, anaMended},
		{"trailing comma in an object", "", `{"entities": ["Ana Souza"],}`, anaMended},
		{"trailing commas of objects", "", `{"entities": [{"text": "Ana Souza", "label": "PER",},]}`, anaMended},
		{"leading comma", "", `[,"Ana Souza"]`, anaMended},
		{"two commas", "", `["Ana Souza",,"Bob"]`, bothMended},
		{"no comma between lines", "", "[\n\"Ana Souza\"\n\"Bob\"\n]", bothMended},
		{"no comma", "", `["Ana Souza" "Bob"]`, bothMended},
		{"no comma between objects", "", `[{"text":"Ana Souza"} {"text":"Bob"}]`, bothMended},
		{"no comma between members", "", "{\"label\":\"PER\"\n\"entities\":[\"Ana Souza\"]}", anaMended},
		{"single quotes", "", `['Ana Souza']`, anaMended},
		{"single quotes in an object", "", `{'entities': ['Ana Souza']}`, anaMended},
		{"single quotes around an apostrophe", "Ana O'Brien flew .", `['Ana O'Brien', 'Bob']`, "list, mended list: Ana O'Brien 0:2 repaired; Bob hallucinated"},
		{"single quotes around an escaped one", "Ana O'Brien flew .", `['Ana O\'Brien']`, "list, mended list: Ana O'Brien 0:2 repaired"},
		{"single quotes around a plural's", "the Souzas' dog", `['the Souzas' dog']`, "list, mended list: the Souzas' dog 0:3 repaired"},
		{"mixed quotes", "", `["Ana Souza", 'Bob']`, bothMended},
		{"typographic quotes", "", `[“Ana Souza”, „Bob“]`, bothMended},
		{"typographic single quotes", "", `[‘Ana Souza’, ’Bob’]`, bothMended},
		{"a typographic quote closed by another", "", `[“Ana Souza", “Bob”]`, bothMended},
		{"guillemets", "", `[«Ana Souza»]`, anaMended},
		{"Chinese punctuation", "安 娜 去 利 马", `｛“entities”：［「安娜」，「利马」］｝`, "list, mended list: 安娜 0:2 repaired; 利马 3:5 repaired"},
		{"backticks", "", "[`Ana Souza`]", anaMended},
		{"quotes in a string", `Ana "Nina" Souza flew .`, `["Ana "Nina" Souza"]`, `list, mended list: Ana "Nina" Souza 0:3 repaired`},
		{"escaped quotes in a string", `Ana "Nina" Souza flew .`, `["Ana \"Nina\" Souza"]`, `list: Ana "Nina" Souza 0:3 exact`},
		{"Python", "", `{'entities': ('Ana Souza', u'Bob'), 'sure': True, 'other': None}`, bothMended},
		{"a tuple of one", "", `('Ana Souza',)`, anaMended},
		{"a set", "", `{'Ana Souza', 'Bob'}`, bothMended},
		{"tuples with labels", "", `[('Ana Souza', 'PER'), ('Lima', 'LOC')]`, "list, mended list: Ana Souza 0:2 repaired; Lima other label"},
		{"Python's escapes", "Zoë flew", `['Zo\xeb']`, "list, mended list: Zoë 0:1 repaired"},
		{"keys without quotes", "", `{entities: ["Ana Souza"]}`, anaMended},
		{"values without quotes", "", `{"entities": [{"text": "Ana Souza", "label": PER}]}`, anaMended},
		{"nothing in quotes", "", `[Ana Souza, Bob]`, bothMended},
		{"nothing in quotes, after a colon", "", "Entities: [Ana Souza, Bob]", bothMended},
		{"comments", "", "[\n\"Ana Souza\", // a person\n\"Bob\" /* another */\n]", bothMended},
		{"hash comments", "", "[\n'Ana Souza', # a person\n]", anaMended},
		{"a bracket too many", "", `{"entities":["Ana Souza"]}}`, anaExact},
		{"a wrong bracket", "", `["Ana Souza"}`, anaMended},
		{"a bracket missing inside", "", `{"entities":["Ana Souza"}`, anaMended},
		{"a brace missing inside", "", `[{"text":"Ana Souza"]`, anaMended},
		{"a fence that says Python", "", "```python\n['Ana Souza']\n```", anaMended},
		{"no end before the end of a fence", "", "```json\n[\"Ana Souza\"\n```", "list, cut off: Ana Souza 0:2 repaired"},
		{"null for a list", "", `{"entities": null}`, "list:"},
		{"None for a list", "", `{'entities': None}`, "list, mended list:"},
		{"none in words for a list", "", `{"entities": "none"}`, "list:"},
		{"none in a list", "", `[null]`, "list:"},
		{"an empty object", "", `{}`, "list:"},
		{"one string for a list", "", `{"entities": "Ana Souza"}`, anaExact},
	})
}

func TestALineBreakInAStringIsMended(t *testing.T) {
	var s subject
	s.Reset(trip)
	if got, want := describe(s.Align(&s.Original, "[\"Ana\nSouza\"]", people())), "list, mended list: Ana\nSouza 0:2 repaired"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAListInAStringIsRead(t *testing.T) {
	checkPeople(t, []alignCase{
		{"an array", "", `"[\"Ana Souza\", \"Bob\"]"`, bothMended},
		{"an object", "", `"{\"entities\": [\"Ana Souza\"]}"`, anaMended},
		{"in a fence", "", "```json\n\"[\\\"Ana Souza\\\"]\"\n```", anaMended},
		{"without the quotes around", "", `{\"entities\": [\"Ana Souza\"]}`, anaMended},
		{"in a member", "", `{"entities": "[\"Ana Souza\", \"Bob\"]"}`, bothMended},
		{"in the member of a result", "", `{"result": "[\"Ana Souza\"]"}`, anaMended},
		{"twice", "", `"\"[\\\"Ana Souza\\\"]\""`, anaMended},
		{"single quotes inside", "", `"['Ana Souza']"`, anaMended},
	})
}

func TestOfAListThatIsCutOffTheCompleteItemsCount(t *testing.T) {
	cut := "list, cut off: Ana Souza 0:2 repaired"
	checkPeople(t, []alignCase{
		{"in a string", "", `{"entities": ["Ana Souza", "Bo`, cut + "; Bo unclosed"},
		{"behind a comma", "", `{"entities": ["Ana Souza",`, cut},
		{"behind a quote", "", `{"entities": ["Ana Souza", "`, cut},
		{"behind a string", "", `["Ana Souza"`, cut},
		{"behind an array", "", `{"entities": ["Ana Souza"]`, cut},
		{"in an object", "", `[{"text":"Ana Souza","label":"PER"},{"text":"Bob","lab`, cut + "; Bob unclosed"},
		{"in a label", "", `[{"text":"Ana Souza","label":"PER"},{"text":"Lima","label":"L`, cut + "; Lima unclosed"},
		{"before the end of an object", "", `[{"text":"Ana Souza"},{"text":"Bob"`, cut + "; Bob unclosed"},
		{"in a key", "", `[{"text":"Ana Souza"},{"te`, cut},
		{"in a list by label", "", `{"PER": ["Ana Souza", "Bob S`, cut + "; Bob S unclosed"},
		{"in a later list by label", "", `{"PER": ["Ana Souza"], "LOC": ["Li`, cut + "; Li unclosed"},
		{"in single quotes", "", `['Ana Souza', 'Bo`, cut + "; Bo unclosed"},
		{"in a pair", "", `[["Ana Souza","PER"],["Bob","P`, cut + "; Bob unclosed"},
		{"in the first string", "", `["Ana So`, "list, cut off: Ana So unclosed"},
		{"before all strings", "", `{"entities": [`, "list, cut off:"},
		{"in a word without quotes", "", `[Ana Souza, Bo`, cut + "; Bo unclosed"},
		{"in a second line", "", "{\"entities\":[\"Ana Souza\"]}\n{\"entities\":[\"Bo", "list, cut off: Ana Souza 0:2 exact; Bo unclosed"},
	})
}

func TestListsByLabelAndInWrappersAreRead(t *testing.T) {
	lima := "list: Ana Souza 0:2 exact; Lima other label"
	checkPeople(t, []alignCase{
		{"by label", "", `{"PER":["Ana Souza"],"LOC":["Lima"]}`, lima},
		{"by label, none", "", `{"PER":[],"LOC":["Lima"]}`, "list: Lima other label"},
		{"by label, without the one asked for", "", `{"LOC":["Lima"]}`, "list: Lima other label"},
		{"by label, null", "", `{"PER":null,"LOC":["Lima"]}`, "list: Lima other label"},
		{"by the label's name", "", `{"person":["Ana Souza"],"location":["Lima"]}`, lima},
		{"by the plural of its name", "", `{"Persons":["Ana Souza"],"Locations":["Lima"]}`, lima},
		{"by a name of several words", "", `{"person_entities":["Ana Souza"],"location_entities":["Lima"]}`, lima},
		{"by label, one string", "", `{"PER":"Ana Souza","LOC":"Lima"}`, lima},
		{"by label, objects", "", `{"PER":[{"text":"Ana Souza"}],"LOC":[{"text":"Lima"}]}`, lima},
		{"by label, with further members", "", `{"sentence":"Ana Souza and Bob flew to Lima .","PER":["Ana Souza"],"note":["x"]}`, anaExact},
		{"by label, in a wrapper", "", `{"entities":{"PER":["Ana Souza"],"LOC":["Lima"]}}`, lima},
		{"by label, in an array", "", `[{"PER":["Ana Souza"]},{"LOC":["Lima"]}]`, lima},
		{"by label, one each in an array", "", `[{"PER":"Ana Souza"},{"PER":"Bob"}]`, bothExact},
		{"by label in two wrappers", "", `{"result":{"entities":{"PER":["Ana Souza"]}}}`, anaExact},
		{"grouped by label", "", `[{"label":"PER","entities":["Ana Souza"]},{"label":"LOC","entities":["Lima"]}]`, lima},
		{"label by entity", "", `{"Ana Souza":"PER","Lima":"LOC"}`, lima},
		{"label by entity, in a wrapper", "", `{"entities":{"Ana Souza":"person","Lima":"LOC"}}`, lima},
		{"objects by entity", "", `{"Ana Souza":{"type":"PER"},"Lima":{"type":"LOC"}}`, lima},
		{"arrays behind labels", "", "LOC: [\"Lima\"]\nPER: [\"Ana Souza\"]", lima},
		{"arrays behind bold labels", "", "**PER**: [\"Ana Souza\"], **LOC**: [\"Lima\"]", lima},
		{"an array behind another label", "", "Locations: [\"Lima\"]", "list: Lima other label"},
		{"labels in strings", "", `["Ana Souza (PER)", "LOC: Lima"]`, "list: Ana Souza 0:2 repaired; Lima other label"},
		{"pairs", "", `[["Ana Souza","PER"],["Lima","LOC"]]`, lima},
		{"pairs, the label first", "", `[["PER","Ana Souza"],["LOC","Lima"]]`, lima},
		{"one pair", "", `["Ana Souza","PER"]`, anaExact},
		{"a name that nobody knows", "", `{"people who flew":["Ana Souza"]}`, anaExact},
		{"names that nobody knows", "", `{"first":["Ana Souza"],"second":["Lima"]}`, "unreadable:"},
		{"other wrappers", "", `{"result":["Ana Souza"]}`, anaExact},
		{"named_entities", "", `{"named_entities":["Ana Souza"],"confidence":[1]}`, anaExact},
		{"spans", "", `{"spans":[{"text":"Ana Souza","start":0}],"tokens":["Ana","Souza"]}`, anaExact},
		{"output", "", `{"output":{"entities":["Ana Souza"]},"log":[]}`, anaExact},
		{"one object", "", `{"text":"Ana Souza","label":"PER"}`, anaExact},
		{"an object a line", "", "{\"text\":\"Ana Souza\",\"label\":\"PER\"}\n{\"text\":\"Bob\",\"label\":\"PER\"}", bothExact},
		{"an array a line", "", "[\"Ana Souza\"]\n[\"Bob\"]", bothExact},
	})
}

func TestFieldsOfEntitiesAreReadByAnyUsualName(t *testing.T) {
	var cases []alignCase
	for _, text := range []string{"text", "entity", "name", "word", "value", "span", "mention", "surface", "Text", "entity_text"} {
		for _, label := range []string{"type", "label", "entity_type", "category", "tag", "class", "Label"} {
			cases = append(cases, alignCase{text + " with " + label, "", `[{"` + text + `":"Ana Souza","` + label + `":"PER"},{"` + label + `":"LOC","` + text + `":"Lima"}]`, "list: Ana Souza 0:2 exact; Lima other label"})
		}
	}
	checkPeople(t, append(cases, []alignCase{
		{"the label's name", "", `[{"text":"Ana Souza","label":"Person"}]`, anaExact},
		{"the label with an explanation", "", `[{"text":"Ana Souza","label":"PER (traveller)"}]`, anaExact},
		{"labels", "", `[{"text":"Ana Souza","labels":["PER"]},{"text":"Lima","labels":["LOC"]}]`, "list: Ana Souza 0:2 exact; Lima other label"},
		{"no label", "", `[{"text":"Ana Souza","label":null,"score":0.9}]`, anaExact},
		{"a label that says nothing", "", `[{"text":"Ana Souza","type":"named entity"}]`, anaExact},
		{"a label that nobody knows", "", `[{"text":"Lima","label":"CITY"}]`, "list: Lima other label"},
		{"none of it", "", `[{"text":"Lima","label":"O"}]`, "list: Lima other label"},
		{"entity for the label", "", `[{"word":"Ana Souza","entity":"PER"},{"word":"Lima","entity":"LOC"}]`, "list: Ana Souza 0:2 exact; Lima other label"},
		{"tokens of entities", "", `[{"word":"Ana","entity":"B-PER"},{"word":"Souza","entity":"I-PER"},{"word":"Bob","entity":"B-PER"},{"word":"Lima","entity":"B-LOC"}]`,
			"list: Ana Souza 0:2 repaired; Bob 3:4 exact; Lima other label"},
		{"the sentence beside it", "", `[{"text":"Ana Souza and Bob flew to Lima .","entity":"Ana Souza"}]`, anaExact},
		{"a number", "in 1975 or 1", `[{"text":1975}]`, "list: 1975 1:2 exact"},
		{"numbers", "in 1975 or 1", `[1975, 1]`, "list, unread: 1975 1:2 exact"},
		{"no text", "", `[{"start":0,"end":9,"label":"PER"}]`, "unreadable:"},
		{"of some no text", "", `[{"text":"Ana Souza"},{"start":3}]`, "list, unread: Ana Souza 0:2 exact"},
		{"more to come", "", `["Ana Souza", ...]`, "list, mended list, unread: Ana Souza 0:2 repaired"},
	}...))
}

func TestAListThatNobodyCanReadIsNotAnEmptyOne(t *testing.T) {
	checkPeople(t, []alignCase{
		{"quotes that do not pair", "", `["Ana "Souza", "Bob"]`, "unreadable:"},
		{"calls", "", `[Entity(text="Ana Souza", label="PER")]`, "unreadable:"},
		{"text behind an element", "", `["Ana Souza" and "Bob"]`, "unreadable:"},
		{"commas that may be the sentence's", "Ana, Bob flew", `[Ana, Bob]`, "unreadable:"},
		{"several in a string", "", `{"entities":"Ana Souza, Bob"}`, "unreadable:"},
		{"a fence with something else", "", "```json\nAna Souza\n```", "unreadable:"},
		{"members without a list", "", `{"PER count":2}`, "unreadable:"},
		{"positions", "", `{"entities":[[0,9],[14,17]]}`, "unreadable:"},
		{"beside the sentence", "", "Ana Souza and Bob flew to Lima .\n[\"Ana Souza\" and \"Bob\"]", "chatter, unread:"},
		{"words in brackets before other text", "", "[Ana Souza, Bob] are the persons.", "unreadable:"},
		{"words in brackets that the sentence does not have", "", "[no persons]", "edited:"},
		{"the sentence in brackets", "", `[Ana Souza and Bob flew to Lima .]`, "chatter:"},
		{"a remark in brackets", "", "There are none [as far as I see].", "edited:"},
		{"a note in brackets", "", "[1] There are none.", "edited:"},
		{"the sentence's own brackets", `x ["Ana"] y`, `so x ["Ana"] z`, "edited:"},
		{"a sentence in an object", "", `{"sentence":"Ana Souza and Bob flew to Lima ."}`, "chatter:"},
	})
}

func TestOfSeveralListsOneCounts(t *testing.T) {
	checkPeople(t, []alignCase{
		{"the one that is called final", "", "Candidates: [\"Lima\"]. None is a person.\nFinal answer: []", "list:"},
		{"the one that is called the answer", "", "First I thought [\"Lima\"].\n\n**Answer:** [\"Bob\"]", "list: Bob 3:4 exact"},
		{"the first", "", `["Bob"] (not ["Lima"])`, "list: Bob 3:4 exact"},
		{"the last object", "", `{"entities":["Lima"]} no: {"entities":["Bob"]}`, "list: Bob 3:4 exact"},
		{"an empty one on its line", "", "There are none.\n[]", "list:"},
		{"an empty one in a sentence", "", "There are none, so [] it is.", "edited:"},
	})
}

func TestBulletsAndNumbersMakeAList(t *testing.T) {
	lima := "list, mended list: Ana Souza 0:2 repaired; Lima other label"
	checkPeople(t, []alignCase{
		{"hyphens", "", "- Ana Souza\n- Bob", bothMended},
		{"stars", "", "* Ana Souza\n* Bob", bothMended},
		{"bullets", "", "• Ana Souza\n• Bob", bothMended},
		{"numbers", "", "1. Ana Souza\n2. Bob", bothMended},
		{"numbers in brackets", "", "1) Ana Souza\n2) Bob", bothMended},
		{"one", "", "- Ana Souza", anaMended},
		{"behind a heading", "", "The persons are:\n\n- Ana Souza\n- Bob", bothMended},
		{"in quotes", "", "- \"Ana Souza\"\n- `Bob`", bothMended},
		{"with labels", "", "- Ana Souza (PER)\n- Lima (LOC)", lima},
		{"with labels before", "", "1. PER: Ana Souza\n2. LOC: Lima", lima},
		{"with labels behind", "", "1. Ana Souza - person\n2. Lima - location", lima},
		{"behind a label", "", "PER: Ana Souza, Bob", bothMended},
		{"behind labels", "", "PER: Ana Souza\nLOC: Lima", lima},
		{"behind labels, none of one", "", "PER: none\nLOC: Lima", "list, mended list: Lima other label"},
		{"behind a label, not all of it the sentence's", "", "PER: Ana Souza, nobody else", "unreadable:"},
		{"one that the sentence does not have", "", "- Ana Souza\n- nobody else", "unreadable:"},
		{"none that the sentence has", "", "- no persons", "edited:"},
		{"the sentence's own hyphens", "Ana - said Bob - flew", "- said Bob", "part:"},
		{"the sentence's own hyphens, in other text", "Ana - said Bob - flew", "- said Bob indeed", "edited:"},
		{"a sentence", "", "- Ana Souza and Bob flew to Lima .", "chatter:"},
	})
}
