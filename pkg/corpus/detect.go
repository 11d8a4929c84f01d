package corpus

import (
	"bytes"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/tidwall/gjson"

	"nertools/pkg/record"
	"nertools/pkg/tags"
)

// detectSize is how much of a file [Read] passes to [Detect].
const detectSize = 64 << 10

// member matches the beginning of a JSON object.
var member = regexp.MustCompile(`^\{\s*"[^"\\]*"\s*:`)

// array matches the beginning of a JSON array.
var array = regexp.MustCompile(`^\[\s*([{\["]|\]?\s*\z)`)

// Detect returns the format of the file called name that begins with head, a number of
// whole lines:
//
//   - "csv" if the name ends in .csv
//   - "jsonl" if it begins with a JSON object or array
//   - "csv" if a text column is named
//   - "conll" if [ReadCoNLL] finds tags in all lines, or how says where they are
//   - "markup" if spans are wrapped in tags whose labels are known to how.Label or in
//     capital letters, and no tag lacks its counterpart
//   - "" if the lines have the same number of columns, more than one
//   - "text" otherwise
func Detect(name string, head []byte, how Reading) string {
	head = bytes.TrimPrefix(head, []byte(record.ByteOrderMark))
	if strings.EqualFold(filepath.Ext(name), ".csv") {
		return "csv"
	}
	trimmed := bytes.TrimLeft(head, " \t\r\n")
	if line, _, _ := bytes.Cut(trimmed, []byte("\n")); len(line) > 0 && line[0] == '{' && (gjson.GetBytes(line, "@keys").Get("#").Int() > 0 || member.Match(trimmed)) {
		return "jsonl"
	}
	if array.Match(trimmed) {
		return "jsonl"
	}
	if how.TextColumn != "" {
		return "csv"
	}
	if bytes.IndexByte(head, '\n') < 0 {
		head = bytes.ReplaceAll(head, []byte("\r"), []byte("\n"))
	}
	switch tagged, columns := inColumns(head); {
	case tagged || how.TokenColumn > 0 || how.TagColumns != nil || how.BareLabel != "":
		return "conll"
	case isMarkup(head, how):
		return "markup"
	case columns && !how.Documents:
		return ""
	}
	return "text"
}

// inColumns reports whether all lines of head are tokens with tags, and whether they are at
// least several lines with the same number of columns.
func inColumns(head []byte) (tagged, columns bool) {
	c := &conll{texts: newTexts("", Reading{})}
	s, err := c.survey(newTextLines(bytes.NewReader(head)), false)
	if err == nil && s.rows == 0 {
		s, err = c.survey(newTextLines(bytes.NewReader(head)), true)
	}
	if err != nil || s.rows == 0 {
		return false, false
	}
	for n, rows := range s.widths {
		columns = columns || n != 1 && (rows >= 3 || n < 0 && rows >= 2) && rows*10 >= s.rows*9
	}
	l, err := s.decide(&c.Reading)
	if err != nil {
		return false, columns
	}
	return l.clean, columns || l.share >= 0.5
}

// isMarkup reports whether head contains inline markup, without flaws.
func isMarkup(head []byte, how Reading) bool {
	found := false
	for line := range bytes.Lines(head) {
		parsed := tags.Parse(string(line), tags.Options{Escapes: true})
		if len(parsed.Problems) > 0 {
			return false
		}
		for _, s := range parsed.Spans {
			known := false
			if how.Label != nil {
				_, err := how.Label(s.Label)
				known = err == nil
			}
			if !known && (how.Documents || s.Label != strings.ToUpper(s.Label)) {
				return false
			}
			found = true
		}
	}
	return found
}
