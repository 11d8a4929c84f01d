package corpus

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"

	"nertools/pkg/markup"
)

// NewCSV returns an [Encoder] that writes comma-separated values as in RFC 4180, except
// that lines end in "\n". The first line names the columns:
//
//	sentence,label,start,end,start_char,end_char,text,found,reason
//
// Each line is an entity, or a string that an answer marks but that is not used: such a
// line has a reason but no positions. Spans are half-open; start and end count tokens,
// start_char and end_char Unicode code points.
//
// Spreadsheets treat a cell that begins with "=", "+", "-", "@", a tab or a carriage
// return as a formula. An apostrophe is therefore put in front of such a text, and of a
// text that looks like that after leading apostrophes; readers remove one apostrophe.
func NewCSV(w io.Writer) *Encoder {
	c := newWriter(w)
	lines := csv.NewWriter(c.out)
	// The buffer returns an error again at the next write or at Close.
	lines.Write([]string{"sentence", "label", "start", "end", "start_char", "end_char", "text", "found", "reason"})
	c.add = func(s *Sentence) error {
		c.at.Reset(s)
		for _, e := range s.Entities {
			start, end := c.at.Chars(e.Span)
			found := ""
			if e.How != markup.Given {
				found = e.How.String()
			}
			lines.Write([]string{csvCell(s.ID), csvCell(e.Label), strconv.Itoa(e.Start), strconv.Itoa(e.End), strconv.Itoa(start), strconv.Itoa(end), csvCell(c.text(s, e)), found, ""})
		}
		for _, u := range s.Unused {
			lines.Write([]string{csvCell(s.ID), csvCell(u.Label), "", "", "", "", csvCell(strings.ToValidUTF8(u.Text, "\ufffd")), "", reason(u.Reason)})
		}
		return lines.Error()
	}
	return c
}

// csvCell protects a text from being treated as a formula.
func csvCell(text string) string {
	if looksLikeFormula(text) {
		return "'" + text
	}
	return text
}

func looksLikeFormula(text string) bool {
	text = strings.TrimLeft(text, "'")
	return text != "" && strings.IndexByte("=+-@\t\r", text[0]) >= 0
}
