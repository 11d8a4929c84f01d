package score

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"nertools/pkg/english"
)

// WriteTable writes the report for people: a line for each label, then micro and macro
// averages, then the kinds of errors. Rates are in percent with two decimals; the
// interval is that of F1.
func (r *Evaluation) WriteTable(w io.Writer) error {
	t := table{{"label", "precision", "recall", "F1", r.Micro.Intervals.head(), "tp", "fp", "fn"}}
	line := func(name string, s *Score) {
		t = append(t, append(s.cells(name), strconv.Itoa(s.TP), strconv.Itoa(s.FP), strconv.Itoa(s.FN)))
	}
	for i := range r.Labels {
		line(r.Labels[i].Label, &r.Labels[i])
	}
	t = append(t, nil)
	line("micro", &r.Micro)
	m := r.Macro
	t = append(t, []string{"macro", percent(m.Precision), percent(m.Recall), percent(m.F1), m.Intervals.f1(), "", "", ""})
	out := t.bytes(1)
	out = fmt.Appendf(out, "\nmatch: %s, sentences: %d", r.Match, r.Sentences)
	if r.Resamples > 0 {
		out = fmt.Appendf(out, ", interval from %s (seed %d)", english.Count(r.Resamples, "resample"), r.Seed)
	}
	out = append(out, '\n')
	if r.Match != Published {
		out = append(out, r.Errors.String()...)
		out = append(out, '\n')
	}
	_, err := w.Write(out)
	return err
}

// String returns the counts in words: "correct: 2, wrong label: 1, ...".
func (e Errors) String() string {
	var parts []string
	for k, n := range e {
		parts = append(parts, fmt.Sprintf("%s: %d", Relation(k), n))
	}
	return strings.Join(parts, ", ")
}

// WriteComparison writes one line for each score, in the layout of
// [Evaluation.WriteTable].
func WriteComparison(w io.Writer, scores []*Summary) error {
	t := table{{"", "match", "sentences", "precision", "recall", "F1", "", "tp", "fp", "fn"}}
	for _, s := range scores {
		m := &s.Micro
		if head := m.Intervals.head(); head != "" {
			t[0][6] = head
		}
		rates := m.cells(s.Name)
		t = append(t, append([]string{rates[0], s.Match.String(), strconv.Itoa(s.Sentences)},
			append(rates[1:], strconv.Itoa(m.TP), strconv.Itoa(m.FP), strconv.Itoa(m.FN))...))
	}
	_, err := w.Write(t.bytes(2))
	return err
}

// cells returns the name, the rates, and the interval of F1.
func (s *Score) cells(name string) []string {
	return []string{name, percent(s.Precision()), percent(s.Recall()), percent(s.F1()), s.Intervals.f1()}
}

func percent(rate float64) string { return strconv.FormatFloat(100*rate, 'f', 2, 64) }

func (in *Intervals) head() string {
	if in == nil {
		return ""
	}
	return "95 % interval"
}

func (in *Intervals) f1() string {
	if in == nil {
		return ""
	}
	return fmt.Sprintf("[%s, %s]", percent(in.F1.Low), percent(in.F1.High))
}

// A table consists of lines of cells; a nil line is blank.
type table [][]string

// bytes lays out the table: two spaces between columns, the first flushLeft columns
// aligned left, the others right, and empty columns omitted.
func (t table) bytes(flushLeft int) []byte {
	widths := make([]int, len(t[0]))
	for _, line := range t {
		for i := range line {
			line[i] = strings.Map(printable, line[i])
			widths[i] = max(widths[i], utf8.RuneCountInString(line[i]))
		}
	}
	var out []byte
	for _, line := range t {
		for i, cell := range line {
			switch pad := bytes.Repeat([]byte(" "), widths[i]-utf8.RuneCountInString(cell)); {
			case widths[i] == 0:
				continue
			case i < flushLeft:
				out = append(append(out, cell...), pad...)
			default:
				out = append(append(out, pad...), cell...)
			}
			out = append(out, "  "...)
		}
		out = append(bytes.TrimRight(out, " "), '\n')
	}
	return out
}

// printable replaces characters in label names that would move the cursor.
func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return unicode.ReplacementChar
}
