package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"nertools/pkg/markup"
	"nertools/pkg/score"
)

// Explanations of the terms of packages markup and score for readers of the page.
var (
	classMeanings = map[markup.Fidelity]string{
		markup.Same:          "the sentence, token for token",
		markup.Spacing:       "other spacing or tokenisation",
		markup.Tokens:        "a few tokens dropped, inserted or in other case",
		markup.Edited:        "other or partly other text",
		markup.Demonstration: "text of a demonstration instead of the sentence",
		markup.Part:          "only a part of the sentence",
		markup.Chatter:       "the sentence, with other text around it",
		markup.Empty:         "no text",
		markup.List:          "a structured answer, which repeats no text",
		markup.Unreadable:    "meant as a structured answer, but its items cannot be read",
	}
	damageMeanings = map[markup.Damage]string{
		markup.Glued:       "a mark inside a token, next to punctuation",
		markup.Unbalanced:  "an entity without its end, with a wrong one, or in another",
		markup.Spaced:      "white space between a mark and its entity",
		markup.Stray:       "marks that belong to no entity",
		markup.ExtraSigns:  "more marks than two signs, or bold type",
		markup.EmptyMarks:  "marks around nothing",
		markup.OtherMarkup: "entities marked in another notation: tags, brackets, escaped signs",
		markup.MendedList:  "a list that is not valid JSON, but has only one possible reading",
		markup.CutOff:      "a list that ends in the middle; its complete items are used",
		markup.Unread:      "a list, or items of a list, that cannot be read",
	}
	reasonMeanings = map[markup.Reason]string{
		markup.Hallucinated: "the string does not occur in the sentence",
		markup.Copied:       "a demonstration contains the string, or the text around it, and the sentence does not",
		markup.Repeated:     "marked more often than it occurs in the sentence",
		markup.PartOfToken:  "it occurs only inside a token of the sentence",
		markup.Unclosed:     "its end is not marked",
		markup.Blank:        "the marks are around nothing",
		markup.OtherLabel:   "the answer gives it another label than the one asked for",
		markup.NotAsked:     "the answer gives it a label that was not asked for",
		markup.NoLabel:      "the answer marks it without naming a label",
	}
	matchMeanings = map[score.Match]string{
		score.Strict:    "An entity is correct if its words and its label are those of gold.",
		score.Boundary:  "An entity is correct if its words are those of gold, whatever the label.",
		score.Overlap:   "An entity is correct if it shares a token and the label with one of gold.",
		score.Published: "Counted as for the published GPT-NER figures.",
	}
)

type scoreRow struct {
	Name, Class           string
	Precision, Recall, F1 float64
	Interval              *score.Interval // of F1; may be nil
	Counts                *score.Counts   // nil for a mean
}

// scoreRows returns the rows for the labels, then the averages.
func scoreRows(s *score.Evaluation, b *body) (rows []scoreRow) {
	if s == nil {
		return nil
	}
	row := func(name, class string, s *score.Score) {
		rows = append(rows, scoreRow{name, class, s.Precision(), s.Recall(), s.F1(), f1Of(s.Intervals), &s.Counts})
	}
	for i := range s.Labels {
		l := &s.Labels[i]
		row(l.Label, "l"+strconv.Itoa(b.label(l.Label)), l)
	}
	row("micro", "all first", &s.Micro)
	m := s.Macro
	return append(rows, scoreRow{"macro", "all", m.Precision, m.Recall, m.F1, f1Of(m.Intervals), nil})
}

func f1Of(in *score.Intervals) *score.Interval {
	if in == nil {
		return nil
	}
	return &in.F1
}

// about describes the scores.
func about(s *score.Evaluation) string {
	if s == nil {
		return ""
	}
	text := "In percent. " + matchMeanings[s.Match] + " Micro is over all entities, macro the mean of the labels that occur."
	if s.Resamples > 0 {
		text += fmt.Sprintf(" The lines on the bars are 95 %% intervals, from %s resamples of the sentences.", grouped(s.Resamples))
	}
	return text
}

type table struct {
	Title  string
	Counts []count
}

type count struct {
	Sign, Name, Meaning string
	N                   int
}

// tables returns the tables of counts; zero counts are omitted.
func (r *Page) tables(b *body) []table {
	var kinds []count
	for _, s := range signs {
		kinds = append(kinds, count{s.Sign, s.Name, s.Meaning, b.items[s.Letter]})
	}
	all := []table{
		{"Entities", kinds},
		{"Text of the answers", countEach(markup.Classes(), markup.Fidelity.String, classMeanings, r.Answers.Classes)},
		{"Damaged marks and lists", countEach(markup.Damages(), damageName, damageMeanings, r.Answers.Damage)},
		{"Marked but not used", countEach(markup.Reasons(), markup.Reason.String, reasonMeanings, b.reasons)},
	}
	for i := range all {
		all[i].Counts = slices.DeleteFunc(all[i].Counts, func(c count) bool { return c.N == 0 })
	}
	return slices.DeleteFunc(all, func(t table) bool { return len(t.Counts) == 0 })
}

func countEach[T comparable](all []T, name func(T) string, meaning map[T]string, n map[T]int) (list []count) {
	for _, x := range all {
		list = append(list, count{"", name(x), meaning[x], n[x]})
	}
	return list
}

func damageName(d markup.Damage) string { return d.Names()[0] }

type option struct {
	Letters, Name string
	N             int
}

// kinds returns the properties by which sentences can be filtered and that occur at least
// once.
func (b *body) kinds() []option {
	list := []option{{errorLetters, "any error", b.holding[""]}}
	for _, s := range signs {
		list = append(list, option{s.Letter, strings.TrimSpace(s.Sign + " " + s.Name), b.holding[s.Letter]})
	}
	return slices.DeleteFunc(list, func(o option) bool { return o.N == 0 })
}

// grouped formats n with thin spaces between thousands.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}
