package corpus_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/corpus"
	"nertools/pkg/markup"
	"nertools/pkg/record"
)

// text returns a text sentence whose entities are the parts between brackets, "[DRUG aspirin]".
func text(id, marked string) *corpus.Sentence {
	s := &corpus.Sentence{ID: id, Unit: markup.Char}
	for marked != "" {
		before, rest, found := strings.Cut(marked, "[")
		s.Text += before
		if !found {
			break
		}
		entity, after, _ := strings.Cut(rest, "]")
		label, words, _ := strings.Cut(entity, " ")
		start := len([]rune(s.Text))
		s.Text += words
		s.Entities = append(s.Entities, corpus.Entity{Span: markup.Span{Start: start, End: len([]rune(s.Text))}, Label: label})
		marked = after
	}
	return s
}

func version(sentences ...*corpus.Sentence) *corpus.Version {
	v := new(corpus.Version)
	for _, s := range sentences {
		v.Add(s)
	}
	return v
}

func TestVersionsDifferInSentencesAndSpans(t *testing.T) {
	aspirin := text("0", "I took [DRUG aspirin].")
	tokens := &corpus.Sentence{ID: "9", Text: "I took aspirin .", Tokens: strings.Fields("I took aspirin ."),
		Entities: []corpus.Entity{{Span: markup.Span{Start: 2, End: 3}, Label: "DRUG"}}}
	for _, c := range []struct {
		name string
		a, b *corpus.Version
		want string
	}{
		{"equal", version(aspirin), version(aspirin), ""},
		{"another id", version(aspirin), version(text("x", "I took [DRUG aspirin].")), ""},
		{"a text and its tokens", version(aspirin), version(tokens), ""},
		{"a longer span", version(aspirin), version(text("0", "I took [DRUG aspirin.]")),
			`{"kind":"difference","v":1,"id":"0","text":"I took aspirin.","in":"both","only_a":[{"label":"DRUG","text":"aspirin","start_char":7,"end_char":14}],"only_b":[{"label":"DRUG","text":"aspirin.","start_char":7,"end_char":15}]}`},
		{"only a document has a name", version(&corpus.Sentence{Text: "Gut.", Unit: markup.Char, Position: record.Position{Document: "a.txt"}}), version(),
			`{"kind":"difference","v":1,"id":"a.txt","text":"Gut.","in":"a","only_a":[],"only_b":[]}`},
		{"another label", version(aspirin), version(text("0", "I took [DOSE aspirin].")),
			`{"kind":"difference","v":1,"id":"0","text":"I took aspirin.","in":"both","only_a":[{"label":"DRUG","text":"aspirin","start_char":7,"end_char":14}],"only_b":[{"label":"DOSE","text":"aspirin","start_char":7,"end_char":14}]}`},
		{"missing in one", version(aspirin, text("1", "Gut.")), version(aspirin),
			`{"kind":"difference","v":1,"id":"1","text":"Gut.","in":"a","only_a":[],"only_b":[]}`},
		{"missing in the other", version(), version(text("7", "[DRUG 二甲双胍]。")),
			`{"kind":"difference","v":1,"id":"7","text":"二甲双胍。","in":"b","only_a":[],"only_b":[{"label":"DRUG","text":"二甲双胍","start_char":0,"end_char":4}]}`},
		{"the same text twice", version(aspirin, text("1", "I took aspirin.")), version(aspirin, aspirin),
			`{"kind":"difference","v":1,"id":"1","text":"I took aspirin.","in":"both","only_a":[],"only_b":[{"label":"DRUG","text":"aspirin","start_char":7,"end_char":14}]}`},
		{"a document and its sentences", version(text("d", " I took [DRUG aspirin].\n\n[PER Bo] left. 😀 [PER Ida] stayed. ")),
			version(aspirin, text("1", "[PER Bo] left."), text("2", "😀 [PER Ida] stayed.")), ""},
		{"sentences and their document", version(text("0", "Bo left."), text("1", "😀 [PER Ida] stayed.")), version(text("d", "Bo left.\n😀 [PER Ida stayed].")),
			`{"kind":"difference","v":1,"id":"1","text":"😀 Ida stayed.","in":"both","only_a":[{"label":"PER","text":"Ida","start_char":2,"end_char":5}],"only_b":[{"label":"PER","text":"Ida stayed","start_char":2,"end_char":12}]}`},
		{"an entity of two sentences", version(text("d", "Bo [PER left. Ida] stayed.")), version(text("0", "Bo left."), text("1", "Ida stayed.")),
			`{"kind":"difference","v":1,"id":"d","text":"Bo left.","in":"both","only_a":[{"label":"PER","text":"left. Ida","start_char":3,"end_char":12}],"only_b":[]}`},
		{"a short sentence that leads further than a long one", version(text("d", "Yes. No. [PER Bo]. Well.")), version(text("0", "Yes."), text("1", "Yes. No."), text("2", "No. [PER Bo]."), text("3", "Well.")),
			`{"kind":"difference","v":1,"id":"1","text":"Yes. No.","in":"b","only_a":[],"only_b":[]}`},
		{"a sentence that begins like another", version(text("0", "Yes, [PER Bo] left."), text("1", "Yes")), version(text("0", "Yes"), text("1", "Yes, [PER Bo] stayed.")),
			`{"kind":"difference","v":1,"id":"0","text":"Yes, Bo left.","in":"a","only_a":[{"label":"PER","text":"Bo","start_char":5,"end_char":7}],"only_b":[]}
{"kind":"difference","v":1,"id":"1","text":"Yes, Bo stayed.","in":"b","only_a":[],"only_b":[{"label":"PER","text":"Bo","start_char":5,"end_char":7}]}`},
		{"two documents", version(text("d", "[PER Bo] left. Ida stayed.")), version(text("e", "[PER Bo] left. Ida stayed."), text("f", "Ida stayed.")),
			`{"kind":"difference","v":1,"id":"f","text":"Ida stayed.","in":"b","only_a":[],"only_b":[]}`},
		{"another order", version(text("0", "Yes."), aspirin), version(aspirin, text("1", "Yes.")), ""},
	} {
		var lines []string
		for d := range corpus.Diff(c.a.Divide(c.b), c.b.Divide(c.a)) {
			lines = append(lines, strings.TrimSuffix(string(corpus.AppendDiscrepancy(nil, d)), "\n"))
		}
		if d := cmp.Diff(c.want, strings.Join(lines, "\n")); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestOverlappingEntitiesAreComparedOneByOne(t *testing.T) {
	a := text("0", "I took [DRUG aspirin].")
	b := text("0", "I took [DRUG aspirin].")
	b.Entities = append(b.Entities, corpus.Entity{Span: markup.Span{Start: 2, End: 14}, Label: "EVENT"})
	list := slices.Collect(corpus.Diff(version(a), version(b)))
	if len(list) != 1 || len(list[0].OnlyA) != 0 {
		t.Fatalf("%+v, want one entity that only b has", list)
	}
	if d := cmp.Diff([]corpus.Mark{{Start: 2, End: 14, Label: "EVENT", Text: "took aspirin"}}, list[0].OnlyB); d != "" {
		t.Error(d)
	}
}
