package markup_test

import (
	"os"
	"strings"
	"testing"

	"nertools/pkg/markup"
)

// An example is a row of doc/alignment.md.
type example struct {
	rule, sentence, answer, demonstration, asked, result, strings string
	unit                                                          markup.Unit
}

// examples returns the rows of all tables that have an answer.
func examples(t *testing.T) (list []example) {
	t.Helper()
	data, err := os.ReadFile("../../doc/alignment.md")
	if err != nil {
		t.Fatal(err)
	}
	var header []string
	for line := range strings.Lines(string(data)) {
		cells := strings.Split(strings.ReplaceAll(strings.TrimSpace(line), `\|`, "\x00"), "|")
		if len(cells) < 3 {
			header = nil
			continue
		}
		for i := range cells {
			cells[i] = strings.NewReplacer("\x00", "|", "⏎", "\n").Replace(strings.Trim(cells[i], " `"))
		}
		if header == nil {
			header = cells
			continue
		}
		if len(cells) != len(header) {
			t.Fatalf("%d cells, want %d: %s", len(cells), len(header), line)
		}
		e := example{rule: cells[1]}
		for i, name := range header {
			switch name {
			case "Sentence":
				e.sentence = cells[i]
			case "Text":
				e.sentence, e.unit = cells[i], markup.Char
			case "Answer":
				e.answer = cells[i]
			case "Asked":
				e.asked = cells[i]
			case "Demonstration":
				e.demonstration = cells[i]
			case "Class and damage":
				e.result = cells[i]
			case "Found and unused":
				e.strings = cells[i]
			}
		}
		if strings.Trim(e.answer, "-") != "" {
			list = append(list, e)
		}
	}
	return list
}

func TestTheExamplesInTheDocumentAreTrue(t *testing.T) {
	words := map[string]bool{"exact": true, "repaired": true} // that need a row of their own
	for _, r := range markup.Reasons() {
		words[r.String()] = true
	}
	for _, c := range markup.Classes() {
		words[c.String()] = true
	}
	for _, d := range markup.Damages() {
		words[d.Names()[0]] = true
	}
	var s subject
	for _, e := range examples(t) {
		s.ResetUnit(e.sentence, e.unit)
		q := people()
		if e.asked != "" {
			q.Label, q.Asked = "", strings.Split(e.asked, ", ")
		}
		if e.demonstration != "" {
			q.Shown = markup.NewText(e.demonstration).Holds
		}
		got := strings.TrimSpace(describe(s.Align(&s.Original, e.answer, q)))
		want := strings.TrimSpace(strings.ReplaceAll(e.result+": "+e.strings, "_", " "))
		if got != want {
			t.Errorf("%s: sentence %q, answer %q\ngot  %s\nwant %s", e.rule, e.sentence, e.answer, got, want)
		}
		if word := strings.ReplaceAll(e.rule, "_", " "); strings.Contains(want, word) {
			delete(words, word)
		}
	}
	for word := range words {
		t.Errorf("no row shows %q", word)
	}
}
