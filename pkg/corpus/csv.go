package corpus

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"

	"nertools/pkg/markup"
)

// NewCSV returns a Writer of comma-separated values as in RFC 4180, but with
// lines that end in "\n". The first line names the columns:
//
//	sentence,label,start,end,start_char,end_char,text,found,reason
//
// A line is an entity, or a string that an answer marks and that is not used:
// that one has no places, but a reason. Spans are half-open; start and end count
// tokens, start_char and end_char Unicode code points.
func NewCSV(w io.Writer) *Encoder {
	c := newWriter(w)
	lines := csv.NewWriter(c.out)
	// An error of the buffer comes back at the next write or at Close.
	lines.Write([]string{"sentence", "label", "start", "end", "start_char", "end_char", "text", "found", "reason"})
	c.add = func(s *Sentence) error {
		c.at.Reset(s)
		for _, e := range s.Entities {
			start, end := c.at.Chars(e.Span)
			found := ""
			if e.How != markup.Given {
				found = e.How.String()
			}
			lines.Write([]string{s.ID, e.Label, strconv.Itoa(e.Start), strconv.Itoa(e.End), strconv.Itoa(start), strconv.Itoa(end), c.text(s, e), found, ""})
		}
		for _, u := range s.Unused {
			lines.Write([]string{s.ID, u.Label, "", "", "", "", strings.ToValidUTF8(u.Text, "\ufffd"), "", reason(u.Reason)})
		}
		return lines.Error()
	}
	return c
}
