package corpus

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"nertools/pkg/fault"
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
// If the first sentence is a text sentence, start and end count code points too, and there
// are five more columns for the document, and the offsets in it in code points and bytes;
// they are empty where the document is not known:
//
//	document,document_start,document_end,document_start_byte,document_end_byte
//
// Text sentences after others are an error.
//
// Spreadsheets treat a cell that begins with "=", "+", "-", "@", a tab or a carriage
// return as a formula. An apostrophe is therefore put in front of such a text, and of a
// text that looks like that after leading apostrophes; readers remove one apostrophe.
func NewCSV(w io.Writer) *Encoder {
	c := newWriter(w)
	lines := csv.NewWriter(c.out)
	columns := []string{"sentence", "label", "start", "end", "start_char", "end_char", "text", "found", "reason"}
	begun, documents := false, false
	begin := func() {
		if !begun {
			begun = true
			lines.Write(columns) // the buffer returns an error again at the next write or at Close
		}
	}
	c.add = func(s *Sentence) error {
		if !begun && s.Unit == markup.Char {
			documents = true
			columns = append(columns, "document", "document_start", "document_end", "document_start_byte", "document_end_byte")
		}
		begin()
		if s.Unit == markup.Char && !documents {
			return fault.WithHint(fmt.Errorf("sentence %s is of a text row, those before it are not", s.ID), "write another format, such as jsonl, or collect them separately")
		}
		c.at.Reset(s)
		// write writes a line. at is where its entity is in the document.
		write := func(cells []string, at ...int) {
			if documents {
				cells = append(cells, csvCell(s.Position.Document))
				for _, n := range at {
					cells = append(cells, strconv.Itoa(n))
				}
				cells = append(cells, make([]string, len(columns)-len(cells))...)
			}
			lines.Write(cells)
		}
		for _, e := range s.Entities {
			start, end := c.at.Chars(e.Span)
			found := ""
			if e.How != markup.Given {
				found = e.How.String()
			}
			cells := []string{csvCell(s.ID), csvCell(e.Label), strconv.Itoa(e.Start), strconv.Itoa(e.End), strconv.Itoa(start), strconv.Itoa(end), csvCell(c.text(s, e)), found, ""}
			if s.Position.Document == "" {
				write(cells)
				continue
			}
			start, end, startByte, endByte := c.at.InDocument(e.Span)
			write(cells, start, end, startByte, endByte)
		}
		for _, u := range s.Unused {
			write([]string{csvCell(s.ID), csvCell(u.Label), "", "", "", "", csvCell(strings.ToValidUTF8(u.Text, "\ufffd")), "", reason(u.Reason)})
		}
		return lines.Error()
	}
	c.finish = func() error {
		begin()
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
