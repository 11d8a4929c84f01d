package markup_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/markup"
)

// found reports which spans an answer marks as one of these texts.
func (s *subject) found(answer string, q markup.Question, texts ...string) func(markup.Span) bool {
	found := s.Align(&s.Original, answer, q).Found
	return func(sp markup.Span) bool {
		return slices.ContainsFunc(found, func(f markup.Found) bool { return f.Span == sp && slices.Contains(texts, f.Text) })
	}
}

func TestStruckEntitiesLookAsIfNeverMarked(t *testing.T) {
	for _, c := range []struct {
		name, original, answer string
		drop                   string // texts, separated by |
		want                   string
	}{
		{"none", "Ada met Bob", " @@Ada##  met @@Bob##", "", " @@Ada##  met @@Bob##"},
		{"one", "Ada met Bob", " @@Ada##  met @@Bob##\n", "Ada", " Ada  met @@Bob##\n"},
		{"all", "Ada met Bob", "@@Ada## met @@Bob##", "Ada|Bob", "Ada met Bob"},
		{"spaced", "Ada met Bob", "@@ Ada ## met @@Bob##", "Ada", " Ada  met @@Bob##"},
		{"glued", "see (X)", "see (@@X##)", "X", "see (X)"},
		{"wrong ends", "Ada met Bob", "@@Ada@@ met ##Bob##", "Ada", "Ada met ##Bob##"},
		{"extra signs", "I use c", "I use @@c###", "c", "I use c"},
		{"signs of the sentence", "I use c# or C##", "I use @@c### or @@C####", "c#|C##", "I use c# or C##"},
		{"bold", "Ada met Bob", "**Ada** met **Bob**", "Bob", "**Ada** met Bob"},
		{"the outer one", "Bank of England", "@@Bank of @@England####", "Bank of England", "Bank of @@England##"},
		{"the inner one", "Bank of England", "@@Bank of @@England####", "England", "@@Bank of England##"},
		{"the inner one at the start", "Bank of England", "@@@@Bank## of England##", "Bank", "@@Bank of England##"},
		{"unused marks stay", "Ada met Bob", "@@Ada## met @@Carl## @@", "Ada", "Ada met @@Carl## @@"},
		{"said again", "Ada met Bob", "@@Ada## met Bob\n@@Ada## met @@Bob##", "Ada", "Ada met Bob\nAda met @@Bob##"},
		{"marked too often", "Ada met Bob", "@@Ada## met @@Bob## @@Ada##", "Ada", "Ada met @@Bob## Ada"},
		{"one of a list", "Ada met Bob and Carl", `{"entities": ["Ada", "Bob", "Carl"] }`, "Bob", `{"entities": ["Ada", "Carl"] }`},
		{"the first of a list", "Ada met Bob and Carl", "[\n \"Ada\",\n \"Bob\"\n]", "Ada", "[\n \"Bob\"\n]"},
		{"the last of a list", "Ada met Bob", `["Ada","Bob"]`, "Bob", `["Ada"]`},
		{"all of a list", "Ada met Bob", `["Ada","Bob"]`, "Ada|Bob", `[]`},
		{"objects of a list", "Ada met Bob", `Here: [{"text":"Ada","n":[1]}, {"text":"Bob"}]`, "Ada", `Here: [{"text":"Bob"}]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s subject
			s.Reset(c.original)
			got := s.Strike(&s.Original, c.answer, markup.Question{}, s.found(c.answer, markup.Question{}, strings.Split(c.drop, "|")...))
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
			checkStrike(t, &s, c.answer)
		})
	}
}

func TestAnEntityIsStruckInItsForm(t *testing.T) {
	for _, c := range []struct{ name, answer, want string }{
		{"single quotes", `['Ana Souza', 'Bob']`, `['Ana Souza']`},
		{"a trailing comma", `["Bob",]`, `[]`},
		{"by label", `{"PER": ["Ana Souza", "Bob"], "LOC": ["Lima"]}`, `{"PER": ["Ana Souza"], "LOC": ["Lima"]}`},
		{"one string by label", `{"PER": "Bob", "LOC": "Lima"}`, `{"PER": null, "LOC": "Lima"}`},
		{"labels by entity", `{"Ana Souza":"PER", "Bob":"PER"}`, `{"Ana Souza":"PER"}`},
		{"pairs", `[("Bob", "PER"), ("Ana Souza", "PER")]`, `[("Ana Souza", "PER")]`},
		{"cut off", `{"entities": ["Bob", "Ana Souza", "Li`, `{"entities": ["Ana Souza", "Li`},
		{"an object a line", "{\"text\":\"Ana Souza\"}\n{\"text\":\"Bob\"}", "{\"text\":\"Ana Souza\"}\n"},
		{"in a string", `"[\"Ana Souza\", \"Bob\"]"`, "@@Ana Souza## and Bob flew to Lima ."},
		{"nothing else", `{"text":"Bob"}`, "Ana Souza and Bob flew to Lima ."},
		{"tags", "<PER>Ana Souza</PER> and <PER>Bob</PER> flew to <LOC>Lima</LOC> .", "<PER>Ana Souza</PER> and Bob flew to <LOC>Lima</LOC> ."},
		{"tags in a frame", "<answer><b>Bob</b> flew to Lima .</answer>", "<answer>Bob flew to Lima .</answer>"},
		{"brackets", "[PER: Ana Souza] and [PER: Bob] flew to Lima .", "[PER: Ana Souza] and Bob flew to Lima ."},
		{"escaped", `Ana Souza and \@\@Bob\#\# flew to Lima .`, `Ana Souza and Bob flew to Lima .`},
		{"full width, nested", `＠＠Ana ＠＠Souza＃＃＃＃ and ＠＠Bob＃＃ flew to Lima .`, `＠＠Ana ＠＠Souza＃＃＃＃ and Bob flew to Lima .`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s subject
			s.Reset(trip)
			got := s.Strike(&s.Original, c.answer, people(), s.found(c.answer, people(), "Bob"))
			if strings.TrimSpace(got) != strings.TrimSpace(c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestOfAListThatDoesNotTellTheOtherPlacesStay(t *testing.T) {
	var s subject
	s.Reset("Paris  beat Paris")
	const answer = `["Paris","Paris"]`
	if got := s.Strike(&s.Original, answer, markup.Question{}, func(sp markup.Span) bool { return sp.Start == 0 }); got != "Paris beat @@Paris##" {
		t.Errorf("got %q", got)
	}
}

// checkStrike strikes each entity of an answer, and all but each.
func checkStrike(t *testing.T, s *subject, answer string) {
	t.Helper()
	checkStrikeOf(t, s, answer, markup.Question{})
}

func checkStrikeOf(t *testing.T, s *subject, answer string, q markup.Question) {
	t.Helper()
	a := s.Align(&s.Original, answer, q)
	for i := range min(len(a.Found), 6) {
		for _, only := range []bool{true, false} {
			drop := func(sp markup.Span) bool { return (sp == a.Found[i].Span) == only }
			struck := s.Strike(&s.Original, answer, q, drop)
			var want, got []markup.Span
			for _, f := range a.Found {
				if !drop(f.Span) {
					want = append(want, f.Span)
				}
			}
			for _, f := range s.Align(&s.Original, struck, q).Found {
				got = append(got, f.Span)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("original %q, answer %q without %v is %q: %s", s.Text, answer, a.Found[i], struck, d)
			}
		}
	}
}
