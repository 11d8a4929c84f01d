package markup_test

import (
	"testing"

	"nertools/pkg/markup"
)

func TestALabelIsFoundByAnyOfItsNames(t *testing.T) {
	var l markup.Labels
	l.Add("PER", "PER", "person")
	l.Add("ORG", "ORG", "organization")
	l.Add("LOC", "LOC", "location", "person")
	for name, want := range map[string]string{
		"PER": "PER", "per": "PER", "Person": "PER", "PERSONS": "PER", "B-PER": "PER", "I-PER": "PER", "PER (politician)": "PER", "PER.Individual": "PER",
		"Organisation": "ORG", "organisations": "ORG", "LOC": "LOC", " location ": "LOC",
		"": "", "s": "", "PERCENT": "", "country": "", "B-": "", "LOC/ORG": "",
	} {
		if got, ok := l.Find(name); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %t, want %q", name, got, ok, want)
		}
	}
	var none *markup.Labels
	if _, ok := none.Find("PER"); ok {
		t.Error("no labels know PER")
	}
}
