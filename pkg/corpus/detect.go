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

// member matches the beginning of a line with a JSON object.
var member = regexp.MustCompile(`^\{\s*"[^"\\]*"\s*:`)

// list matches the beginning of a JSON array, which is read as JSON lines for the error.
var list = regexp.MustCompile(`^\[\s*([{\["]|\z)`)

// Detect returns the format of the file called name that begins with head, a number of
// whole lines:
//
//   - "csv" if the name ends in .csv, or a text column is named
//   - "jsonl" if the first line is a JSON object, or the file a JSON array
//   - "conll" if all lines have a tag in their last column, or in how.Column
//   - "markup" if spans are wrapped in tags whose labels are known to how.Label or in
//     capital letters, and no tag lacks its counterpart
//   - "" if the lines have the same number of columns, more than one
//   - "text" otherwise
func Detect(name string, head []byte, how Reading) string {
	head = bytes.TrimPrefix(head, []byte(record.ByteOrderMark))
	if strings.EqualFold(filepath.Ext(name), ".csv") || how.TextColumn != "" {
		return "csv"
	}
	if line, _, whole := bytes.Cut(head, []byte("\n")); len(line) > 0 && line[0] == '{' && (gjson.GetBytes(line, "@keys").Get("#").Int() > 0 || !whole && member.Match(line)) {
		return "jsonl"
	}
	if list.Match(head) {
		return "jsonl"
	}
	if bytes.IndexByte(head, '\n') < 0 {
		head = bytes.ReplaceAll(head, []byte("\r"), []byte("\n"))
	}
	switch tagged, columns := inColumns(head, how.Column); {
	case tagged || how.Column > 0:
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
func inColumns(head []byte, tagColumn int) (tagged, columns bool) {
	c := conll{reader: reader{texts: texts{Reading: Reading{Column: tagColumn}}}}
	tokens, tags := 0, 0
	counts := map[int]int{}
	blank := true
	for line := range bytes.Lines(head) {
		line = trim(bytes.TrimRight(line, "\r\n"))
		switch {
		case len(line) == 0:
			blank = true
			continue
		case isMark(line) || blank && c.isComment(line):
			continue
		}
		blank = false
		by := separator(line)
		_, n := column(line, by, 1<<30)
		tag := trim(line[bytes.LastIndexByte(line, by)+1:])
		if tagColumn > 0 {
			tag, _ = column(line, by, tagColumn)
			tag = trim(tag)
		}
		tokens++
		if n > 1 && isTag(tag) {
			tags++
		}
		if by == '\t' {
			n = -n // tabs and spaces do not make the same columns
		}
		counts[n]++
	}
	for n, lines := range counts {
		columns = columns || n != 1 && (lines >= 3 || n < 0 && lines >= 2) && lines*10 >= tokens*9
	}
	return tokens > 0 && tags == tokens, columns || tags > 0 && tags*2 >= tokens
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
