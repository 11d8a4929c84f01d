package score

import (
	"bytes"
	"fmt"
	"io"
	"math"
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
	if r.Calls != nil {
		out = fmt.Appendf(out, "%s\n", r.Calls)
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
// [Evaluation.WriteTable]. The last columns say what 1,000 sentences took, where that is
// known: calls, tokens in and out, and the cost.
func WriteComparison(w io.Writer, scores []*Summary) error {
	t := table{{"", "match", "sentences", "precision", "recall", "F1", "", "tp", "fp", "fn", "", "", "", ""}}
	for _, s := range scores {
		m := &s.Micro
		if head := m.Intervals.head(); head != "" {
			t[0][6] = head
		}
		rates := m.cells(s.Name)
		t = append(t, append([]string{rates[0], s.Match.String(), strconv.Itoa(s.Sentences)},
			append(rates[1:], append([]string{strconv.Itoa(m.TP), strconv.Itoa(m.FP), strconv.Itoa(m.FN)}, s.perThousand()...)...)...))
		if s.Calls != nil && s.Sentences > 0 {
			copy(t[0][10:], []string{"calls/1000", "in/1000", "out/1000", "cost/1000"})
		}
	}
	_, err := w.Write(t.bytes(2))
	return err
}

// perThousand returns what 1,000 sentences took: the cells for calls, tokens in and out, and
// the cost.
func (s *Summary) perThousand() []string {
	c := s.Calls
	if c == nil || s.Sentences == 0 {
		return []string{"", "", "", ""}
	}
	k := 1000 / float64(s.Sentences)
	whole := func(n float64) string { return strconv.FormatFloat(n*k, 'f', 0, 64) }
	cells := []string{whole(float64(c.Number)), whole(float64(c.Input)), whole(float64(c.Output)), "unknown"}
	if !math.IsNaN(c.Cost) {
		cells[3] = fmt.Sprintf("%.3f %s", c.Cost*k, c.Currency)
	}
	return cells
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
