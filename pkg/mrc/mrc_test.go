package mrc_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/mrc"
	"nertools/pkg/record"
)

// write puts text into a new file and returns its path.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t testing.TB, path string) *mrc.File {
	t.Helper()
	f, err := mrc.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// row is a row without positions.
func row(context, label string) string {
	return fmt.Sprintf(`{"context": %q, "entity_label": %q, "start_position": [], "end_position": []}`, context, label)
}

// checkFault checks that err is about the line (0: about none) of the file at
// path, begins with want and tells a remedy.
func checkFault(t *testing.T, err error, path string, line int, want string) {
	t.Helper()
	where := path
	if line > 0 {
		where = fmt.Sprintf("%s:%d", path, line)
	}
	switch {
	case err == nil:
		t.Errorf("accepted, want %q", want)
	case !strings.HasPrefix(err.Error(), where+": "+want):
		t.Errorf("got  %s\nwant %s: %s", strings.ReplaceAll(err.Error(), path, "FILE"), strings.ReplaceAll(where, path, "FILE"), want)
	case fault.Hint(err) == "":
		t.Errorf("no remedy for %v", err)
	}
}

func TestAByteOrderMarkIsPassedOver(t *testing.T) {
	f := open(t, write(t, "mrc-ner.test", "\ufeff["+row("Ada wrote .", "PER")+",\n"+row("Bob Li sang .", "LOC")+"]"))
	k := openNeighbours(t, write(t, "test.knn.jsonl", "\ufeff[1]\n[0]\n"), 2, 2)
	if list, err := k.Append(nil, 0, 2); err != nil || !slices.Equal(list, []int{1}) {
		t.Errorf("%v, %v", list, err)
	}
	var r mrc.Row
	if err := f.Decode(1, &r); err != nil || f.Len() != 2 || r.Context != "Bob Li sang ." || r.Label != "LOC" || f.Line(1) != 2 {
		t.Errorf("%d rows, row 1 in line %d: %+v, %v", f.Len(), f.Line(1), r, err)
	}
}

func TestABrokenFileIsRefusedWithItsLineAndARemedy(t *testing.T) {
	a, b := row("Ada wrote .", "PER"), row("Bob Li sang .", "PER")
	for _, c := range []struct {
		name, text string
		line       int
		want       string
	}{
		{"empty", "", 1, "the file is empty"},
		{"white space alone", "\n \n", 1, "the file is empty"},
		{"an object", "{\"rows\": [" + a + "]}", 1, "a JSON object instead of a JSON array"},
		{"JSON lines", a + "\n" + b + "\n", 1, "a JSON object instead of a JSON array"},
		{"an object further down", "\n\n" + a, 3, "a JSON object instead of a JSON array"},
		{"text", "\nrows:\n", 2, "not a JSON array"},
		{"UTF-16", "\xff\xfe[\x00]\x00", 1, "not a JSON array"},
		{"no rows", "[\n]\n", 1, "no rows in the JSON array"},
		{"nothing but a bracket", "[", 1, "the JSON array does not end: no ']' after 0 rows"},

		{"cut off in a string", "[\n" + a + ",\n" + b[:len(`{"context": "Bob`)], 3, "broken JSON array: row 1 does not end"},
		{"cut off in a row of many lines", "[\n" + a + ",\n{\n\"context\":\n\"Bob", 3, "broken JSON array: row 1 does not end"},
		{"cut off behind a key", "[\n" + a + ",\n" + `{"context":`, 3, "broken JSON array: row 1 does not end"},
		{"cut off in a number", "[\n" + a + ",\n" + `{"start_position": [1`, 3, "broken JSON array: row 1 does not end"},
		{"cut off before the row's end", "[\n" + a + ",\n" + strings.TrimSuffix(b, "}"), 3, "broken JSON array: row 1 does not end"},
		{"cut off behind a row", "[\n" + a + ",\n" + b, 3, "the JSON array does not end: no ']' after 2 rows"},
		{"cut off behind a comma", "[\n" + a + ",\n" + b + ",", 3, "the JSON array does not end: no ']' after 2 rows"},
		{"cut off behind a line", "[\n" + a + ",\n", 3, "the JSON array does not end: no ']' after 1 row"},

		{"no comma", "[\n" + a + "\n" + b + "\n]", 3, "broken JSON array: no comma before row 1"},
		{"two commas", "[\n" + a + ",\n,\n" + b + "\n]", 3, "broken JSON array: ',' instead of row 1"},
		{"comma in front", "[\n,\n" + a + "]", 2, "broken JSON array: ',' instead of "},
		{"comma behind", "[\n" + a + ",\n]", 2, "broken JSON array: ',' instead of a row or ']' after 1 row"},
		{"another bracket", "[\n" + a + "\n}", 3, "broken JSON array: '}' instead of a row or ']' after 1 row"},
		{"another bracket at once", "[\n}", 2, "broken JSON array: '}' instead of a row or ']' after 0 rows"},
		{"text between rows", "[\n" + a + ",\nthen\n" + b + "]", 3, "row 1 is broken JSON: invalid character 'h'"},
		{"text behind a row", "[\n" + a + "\nthen\n, " + b + "]", 3, "broken JSON array: no comma before row 1"},
		{"control character between rows", "[" + a + ",\x01" + b + "]", 1, `broken JSON array: '\x01' instead of row 1`},
		{"letter beyond ASCII", "[" + a + ",\né]", 2, "broken JSON array: 'é' instead of row 1"},

		{"text behind the array", "[\n" + a + "\n]\nend", 4, "'e' after the end of the JSON array"},
		{"rows behind the array", "[\n" + a + "\n]\n" + b, 4, "'{' after the end of the JSON array"},
		{"a second array", "[" + a + "]\n[" + b + "]", 2, "'[' after the end of the JSON array"},
		{"bracket behind the array", "[" + a + "]]", 1, "']' after the end of the JSON array"},
		{"a row behind an empty array", "[]\n" + a, 2, "'{' after the end of the JSON array"},
		{"no space character of JSON", "[" + a + "]\u00a0", 1, "'\\u00a0' after the end of the JSON array"},
		{"NUL behind the array", "[" + a + "]\n\x00", 2, `'\x00' after the end of the JSON array`},

		{"bad escape", "[\n" + a + ",\n" + `{"context": "B\ob"}` + "\n]", 3, "row 1 is broken JSON: invalid character 'o' in string escape code"},
		{"bad escape on the row's third line", "[\n" + a + ",\n{\n\"context\":\n\"B\\ob\"}\n]", 5, "row 1 is broken JSON: invalid character 'o' in string escape code"},
		{"bare word", "[\n" + a + ",\n" + `{"context": Bob}` + "\n]", 3, "row 1 is broken JSON: invalid character 'B' looking for beginning of value"},
		{"Python's True", `[{"context": "a", "impossible": True}]`, 1, "row 0 is broken JSON: invalid character 'T'"},
		{"Python's quotes", "[{'context': 'a'}]", 1, `row 0 is broken JSON: invalid character '\''`},
		{"NaN", `[{"context": "a", "entity_label": "PER", "x": NaN}]`, 1, "row 0 is broken JSON: invalid character 'N'"},
		{"leading zero", `[{"context": "a", "entity_label": "PER", "start_position": [01]}]`, 1, "row 0 is broken JSON: invalid character '1' after array element"},
		{"line break in a string", "[\n{\"context\": \"a\nb\"}]", 2, `row 0 is broken JSON: invalid character '\n' in string literal`},
		{"wrong bracket in a row", "[\n{\"start_position\": [1},\n" + a + "]", 2, "row 0 is broken JSON: invalid character '}' after array element"},
		{"missing quotation mark", "[\n{\"context\": \"a},\n" + a + "\n]", 2, `row 0 is broken JSON: invalid character '\n' in string literal`},
		{"missing quotation mark, all on one line", `[{"context": "a}, {"context": "b"}]`, 1, "row 0 is broken JSON: invalid character 'c' after object key:value pair"},
		{"missing brace", "[\n{\"context\": \"a\",\n" + a + "\n]", 3, "row 0 is broken JSON: invalid character '{' looking for beginning of object key string"},
		{"too deep", "[\n" + `{"x": ` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + "}]", 2, "row 0 is broken JSON: invalid character '[' exceeded max depth"},
		{"deep without an end", strings.Repeat("[", 1<<20), 1, "row 0 is broken JSON: invalid character '[' exceeded max depth"},

		{"not UTF-8", "[\n" + a + ",\n{\"context\": \"Z\xfcrich\", \"entity_label\": \"LOC\"}\n]", 3, "row 1: not UTF-8"},
		{"not UTF-8 where it is ignored", "[{\"context\": \"a\", \"entity_label\": \"LOC\", \"query\": \"\xff\"}]", 1, "row 0: not UTF-8"},
		{"half a character", "[{\"context\": \"a\", \"entity_label\": \"LOC\xc3\"}]", 1, "row 0: not UTF-8"},
		{"a surrogate in UTF-8", "[{\"context\": \"\xed\xa0\x80\", \"entity_label\": \"LOC\"}]", 1, "row 0: not UTF-8"},

		{"no context", "[\n" + a + ",\n{\"entity_label\": \"PER\"}\n]", 3, `row 1: no "context" string in it`},
		{"context is null", `[{"context": null, "entity_label": "PER"}]`, 1, `row 0: no "context" string in it`},
		{"context is a list", `[{"context": ["a"], "entity_label": "PER"}]`, 1, `row 0: no "context" string in it`},
		{"the last of two contexts is a number", `[{"context": "a", "entity_label": "PER", "context": 5}]`, 1, `row 0: no "context" string in it`},
		{"another case", `[{"Context": "a", "entity_label": "PER"}]`, 1, `row 0: no "context" string in it`},
		{"context inside something else", `[{"x": {"context": "a"}, "entity_label": "PER"}]`, 1, `row 0: no "context" string in it`},
		{"no label", "[\n" + a + ",\n{\"context\": \"a\"}\n]", 3, `row 1: no "entity_label" string in it`},
		{"empty label", `[{"context": "a", "entity_label": ""}]`, 1, `row 0: no "entity_label" string in it`},
		{"label is a number", `[{"context": "a", "entity_label": 3}]`, 1, `row 0: no "entity_label" string in it`},
		{"the last of two labels is null", `[{"context": "a", "entity_label": "PER", "entity_label": null}]`, 1, `row 0: no "entity_label" string in it`},

		{"a number", "[\n" + a + ",\n7\n]", 3, "row 1 is not a JSON object"},
		{"a number at the end", "[7", 1, "row 0 is not a JSON object"},
		{"a string", "[\"row\"]", 1, "row 0 is not a JSON object"},
		{"an array", "[[" + a + "]]", 1, "row 0 is not a JSON object"},
		{"null", "[" + a + ",\nnull]", 2, "row 1 is not a JSON object"},
		{"true", "[true]", 1, "row 0 is not a JSON object"},
		{"half a literal", "[" + a + ",\ntru", 2, "broken JSON array: row 1 does not end"},
		{"half a string", "[" + a + ",\n\"tru", 2, "broken JSON array: row 1 does not end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, "mrc-ner.test", c.text)
			f, err := mrc.Open(path)
			if err == nil {
				f.Close()
			}
			checkFault(t, err, path, c.line, c.want)
		})
	}
}

func TestTheFirstOfSeveralFaultsIsReportedWhereverItStands(t *testing.T) {
	// Parts of the file are checked side by side: the earlier fault must win
	// whichever is found first. The second part begins near row 6390.
	const rows = 5*4096 + 7
	for _, first := range []int{0, 4095, 4096, 6385, 6386, 6387, 6388, 6389, 6390, 6391, 6392, 6393, 6394, rows - 2} {
		var b strings.Builder
		b.WriteString("[\n")
		for i := range rows {
			switch {
			case i == first:
				b.WriteString(`{"entity_label": "PER"}`)
			case i == first+1:
				b.WriteString(`{"context": "\x"}`)
			default:
				b.WriteString(`{"context": "a", "entity_label": "PER"}`)
			}
			b.WriteString(",\n")
		}
		b.WriteString("and no end")
		path := write(t, "mrc-ner.test", b.String())
		_, err := mrc.Open(path)
		checkFault(t, err, path, first+2, fmt.Sprintf(`row %d: no "context" string in it`, first))
	}
}

func TestADirectoryAndAMissingFileAreSaidToBeSuch(t *testing.T) {
	dir := t.TempDir()
	_, err := mrc.Open(dir)
	checkFault(t, err, dir, 0, "is a directory")
	path := mrc.Path(dir, "nowhere")
	if want := filepath.Join(dir, "mrc-ner.nowhere"); path != want {
		t.Errorf("the path of an MRC file is %s, want %s", path, want)
	}
	_, err = mrc.Open(path)
	checkFault(t, err, path, 0, "file does not exist")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", err)
	}
}

func TestAGoodFileIsReadWhateverItsForm(t *testing.T) {
	ada := mrc.Row{Context: "Ada wrote to Bob Li .", Label: "PER", Spans: []markup.Span{{Start: 0, End: 1}, {Start: 3, End: 5}}, Plain: true}
	with := func(change func(*mrc.Row)) mrc.Row {
		r := ada
		change(&r)
		return r
	}
	at := func(positions string) string {
		return `[{"context":"a","entity_label":"PER","start_position":` + positions + `,"end_position":` + positions + `}]`
	}
	positions := func(p ...int) mrc.Row {
		row := mrc.Row{Context: "a", Label: "PER", Plain: true}
		for _, n := range p {
			row.Spans = append(row.Spans, markup.Span{Start: n, End: n + 1})
		}
		return row
	}
	for _, c := range []struct {
		name, text string
		want       mrc.Row
	}{
		{"on one line", `[{"context":"Ada wrote to Bob Li .","entity_label":"PER","start_position":[0,3],"end_position":[0,4]}]`, ada},
		{
			"indented",
			"\n[\n  {\n    \"context\": \"Ada wrote to Bob Li .\",\n    \"end_position\": [\n      0,\n      4\n    ],\n    \"entity_label\": \"PER\",\n    \"start_position\": [\n      0,\n      3\n    ]\n  }\n]\n", ada,
		},
		{"CRLF", "[\r\n{\"context\":\"Ada wrote to Bob Li .\",\r\n\"entity_label\":\"PER\",\r\n\"start_position\":[0,\r\n3],\"end_position\":[ 0\t, 4 ]}\r\n]\r\n", ada},
		{"white space all over", " \t\r\n[ \t\r\n{ \"context\" : \"Ada wrote to Bob Li .\" , \"entity_label\" : \"PER\" , \"start_position\" : [ 0 , 3 ] , \"end_position\" : [0,4] } \n ] \n\n", ada},
		{
			"fields it does not know",
			`[{"qas_id":"0.1","query":"Which words name a person?","impossible":"true","span_position":["0;0","3;4"],"context":"Ada wrote to Bob Li .","entity_label":"PER","start_position":[0,3],"end_position":[0,4],"more":{"context":"no","start_position":[9],"entity_label":null}}]`, ada,
		},
		{
			"closing brackets and quotation marks in strings",
			`[{"query":"]}\"]}\\","span_position":["]","}"],"context":"Ada wrote to Bob Li .","entity_label":"PER","start_position":[0,3],"end_position":[0,4],"]":"["}]`, ada,
		},
		{
			"the last of a key that is there twice",
			`[{"context":5,"context":"no","entity_label":"LOC","start_position":[1],"end_position":[1],"context":"Ada wrote to Bob Li .","entity_label":"PER","start_position":[0,3],"end_position":[0,4]}]`, ada,
		},
		{"keys with escapes", `[{"c\u006fntext":"Ada wrote to Bob Li .","entity_l\u0061bel":"P\u0045R","start_position":[0,3],"end_position":[0,4]}]`, ada},
		{"the last of two position lists is null", `[{"context":"Ada wrote to Bob Li .","entity_label":"PER","start_position":[0],"end_position":[0],"end_position":null,"start_position":true}]`, with(func(r *mrc.Row) { r.Spans = nil })},
		{"no positions", `[{"context":"Ada wrote to Bob Li .","entity_label":"PER"}]`, with(func(r *mrc.Row) { r.Spans = nil })},
		{"an empty array of positions", `[{"context":"Ada wrote to Bob Li .","entity_label":"PER","start_position":[ ],"end_position":[]}]`, with(func(r *mrc.Row) { r.Spans = nil })},
		{"unequally many positions", `[{"context":"Ada wrote to Bob Li .","entity_label":"PER","end_position":[4],"start_position":[]}]`, with(func(r *mrc.Row) { r.Spans, r.Unpaired = nil, 1 })},
		{"an empty context", `[{"context":"","entity_label":"PER"}]`, mrc.Row{Label: "PER", Plain: true}},
		{"context behind everything", `[{"entity_label":"PER","context":"a"}]`, positions()},

		{"escapes", `[{"context":"caf\u00e9 \"x\" \\ \/ \ud83d\ude00","entity_label":"PER"}]`, mrc.Row{Context: `café "x" \ / 😀`, Label: "PER", Plain: true}},
		{"escaped white space", `[{"context":"a\tb\nc\u00a0d\u001fe","entity_label":"PER"}]`, mrc.Row{Context: "a\tb\nc\u00a0d\x1fe", Label: "PER"}},
		{"spaces at the ends and between", `[{"context":" a  b ","entity_label":"PER"}]`, mrc.Row{Context: " a  b ", Label: "PER"}},
		{"beyond ASCII as it is", "[{\"context\":\"Zürich 東京 🙂 \u2028\",\"entity_label\":\"人名\"}]", mrc.Row{Context: "Zürich 東京 🙂 \u2028", Label: "人名"}},
		{"an escaped NUL", `[{"context":"a\u0000b","entity_label":"PER"}]`, mrc.Row{Context: "a\x00b", Label: "PER", Plain: true}},
		{"half a surrogate pair", `[{"context":"a\ud800\u0020b \udc00","entity_label":"P\ud800\u0045R"}]`, mrc.Row{Context: "a\ufffd b \ufffd", Label: "P\ufffdER", Plain: true}},
		{"the replacement character itself", `[{"context":"a\ufffd \"b","entity_label":"PER"}]`, mrc.Row{Context: "a\ufffd \"b", Label: "PER", Plain: true}},

		{"positions that are strings", at(`[0,"3"," 1 ","x","","-1","1.5"]`), positions(0, 3, 1, -1, -1, -1, -1)},
		{"a position that is no list", `[{"context":"Ada wrote to Bob Li .","entity_label":"PER","start_position":3,"end_position":"4"}]`, with(func(r *mrc.Row) { r.Spans = []markup.Span{{Start: 3, End: 5}} })},
		{"an empty string for no positions", `[{"context":"Ada wrote to Bob Li .","entity_label":"PER","start_position":"","end_position":""}]`, with(func(r *mrc.Row) { r.Spans = nil })},
		{"only pairs", `[{"span_position":["0;0"," 3 , 4 ",[1,2]],"context":"Ada wrote to Bob Li .","entity_label":"PER"}]`, with(func(r *mrc.Row) { r.Spans = []markup.Span{{Start: 0, End: 1}, {Start: 3, End: 5}, {Start: 1, End: 3}} })},
		{"one pair, no list", `[{"context":"Ada wrote to Bob Li .","entity_label":"PER","span_position":"3;4","start_position":null}]`, with(func(r *mrc.Row) { r.Spans = []markup.Span{{Start: 3, End: 5}} })},
		{"pairs that are none", `[{"context":"Ada wrote to Bob Li .","entity_label":"PER","span_position":["3",{"a":1},"1;2;3",[1]]}]`, with(func(r *mrc.Row) {
			r.Spans = []markup.Span{{Start: -1, End: 0}, {Start: -1, End: 0}, {Start: 1, End: 0}, {Start: -1, End: 0}}
		})},
		{"pairs beside a list", `[{"context":"Ada wrote to Bob Li .","entity_label":"PER","span_position":["3;4"],"start_position":[],"end_position":[]}]`, with(func(r *mrc.Row) { r.Spans = nil })},
		{"positions with brackets in strings", at(`["]",2]`), positions(-1, 2)},
		{"whole floats", at(`[1.0,2e1,-0]`), positions(1, 20, 0)},
		{"fractions", at(`[0.5,4]`), positions(-1, 4)},
		{"negative positions", at(`[-3,4]`), positions(-1, 4)},
		{"huge positions", at(`[2147483647,2147483648,99999999999999999999,1e999,5]`), positions(2147483647, -1, -1, -1, 5)},
		{"nested positions", at(`[[1,2],{"a":[]},null,true,6]`), positions(-1, -1, -1, -1, 6)},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := open(t, write(t, "mrc-ner.test", c.text))
			if f.Len() != 1 {
				t.Fatalf("%d rows, want 1", f.Len())
			}
			// The slices of the row before must not show through.
			got := mrc.Row{Context: "before", Label: "before", Spans: []markup.Span{{Start: 8, End: 9}}, Unpaired: 9}
			if err := f.Decode(0, &got); err != nil {
				t.Error(err)
			}
			if escaped := string(record.AppendEscaped(nil, got.Context)); got.Verbatim && escaped != got.Context {
				t.Errorf("verbatim, but a JSON string holds %s", escaped)
			}
			if !got.Verbatim && !strings.Contains(c.text, `\`) {
				t.Error("not verbatim, although nothing in the file is escaped")
			}
			if d := cmp.Diff(c.want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(mrc.Row{}), cmpopts.IgnoreFields(mrc.Row{}, "Verbatim")); d != "" {
				t.Error(d)
			}
			if f.Label(0) != c.want.Label {
				t.Errorf("label %q, want %q", f.Label(0), c.want.Label)
			}
		})
	}
}

func TestRowsKnowTheirLines(t *testing.T) {
	f := open(t, write(t, "mrc-ner.test", "\n[\n"+row("a", "PER")+", "+row("b", "LOC")+",\r\n\n{\n\"context\":\n\"c\",\n\"entity_label\": \"PER\"\n}\n\n,"+row("d", "ORG")+"]"))
	for i, want := range []int{3, 3, 5, 11} {
		if got := f.Line(i); got != want {
			t.Errorf("row %d is said to stand on line %d, want %d", i, got, want)
		}
	}
	if f.Len() != 4 {
		t.Errorf("%d rows, want 4", f.Len())
	}
}

// oracle reads an MRC file as encoding/json does, and says whether it is one.
// It reads each row into a map since encoding/json matches the names of struct
// fields without regard to case.
func oracle(data []byte) (rows []mrc.Row, ok bool) {
	var list []json.RawMessage
	if json.Unmarshal(data, &list) != nil || len(list) == 0 || !utf8.Valid(data) {
		return nil, false
	}
	for _, raw := range list {
		var fields map[string]json.RawMessage
		if json.Unmarshal(raw, &fields) != nil || fields == nil {
			return nil, false
		}
		context, okContext := stringOf(fields["context"])
		label, okLabel := stringOf(fields["entity_label"])
		if !okContext || !okLabel || label == "" {
			return nil, false
		}
		row := mrc.Row{
			Context: context,
			Label:   label,
			Plain:   context == strings.Join(markup.AppendTokens(nil, context), " "),
		}
		starts, ends := positionsOf(fields["start_position"]), positionsOf(fields["end_position"])
		pairs := min(len(starts), len(ends))
		for i := range pairs {
			row.Spans = append(row.Spans, markup.Span{Start: starts[i], End: ends[i] + 1})
		}
		row.Unpaired = max(len(starts), len(ends)) - pairs
		absent := func(raw json.RawMessage) bool { return raw == nil || string(raw) == "null" }
		if absent(fields["start_position"]) && absent(fields["end_position"]) {
			var pairs []any
			_ = json.Unmarshal(fields["span_position"], &pairs)
			for _, pair := range pairs {
				var start, end int
				if text, ok := pair.(string); !ok || sscan(text, &start, &end) != nil {
					start, end = -1, -1
				}
				row.Spans = append(row.Spans, markup.Span{Start: start, End: end + 1})
			}
		}
		rows = append(rows, row)
	}
	return rows, true
}

// sscan reads "3;4".
func sscan(text string, start, end *int) error {
	var rest string
	if n, _ := fmt.Sscanf(text, "%d;%d%s", start, end, &rest); n != 2 {
		return errors.New("not two numbers")
	}
	return nil
}

func stringOf(raw json.RawMessage) (string, bool) {
	var s *string
	err := json.Unmarshal(raw, &s)
	if err != nil || s == nil {
		return "", false
	}
	return *s, true
}

func positionsOf(raw json.RawMessage) (positions []int) {
	var list []json.RawMessage
	if len(raw) > 0 && strings.IndexByte("\"-0123456789", raw[0]) >= 0 && string(raw) != `""` {
		list = []json.RawMessage{raw}
	} else if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	for _, e := range list {
		var text string
		if json.Unmarshal(e, &text) == nil && e[0] == '"' {
			e = json.RawMessage(text)
		}
		var n *float64
		if json.Unmarshal(e, &n) != nil || n == nil || *n < 0 || *n > math.MaxInt32 || *n != math.Trunc(*n) {
			positions = append(positions, -1)
			continue
		}
		positions = append(positions, int(*n))
	}
	return positions
}

// checkAgainstOracle checks that the file is refused or read just as
// encoding/json refuses or reads it.
func checkAgainstOracle(t *testing.T, path string, data []byte) {
	t.Helper()
	want, ok := oracle(data)
	f, err := mrc.Open(path)
	if err != nil {
		if ok {
			t.Errorf("encoding/json takes it, but %v", err)
		}
		if located, ok := errors.AsType[*fault.Error](err); !ok || located.Line < 1 || located.Line > 1+bytes.Count(data, []byte("\n")) || located.Hint == "" {
			t.Errorf("not a line of the file, or no remedy: %v", err)
		}
		return
	}
	defer f.Close()
	if !ok {
		t.Fatal("accepted, but encoding/json does not take it")
	}
	if f.Len() != len(want) {
		t.Fatalf("%d rows, but encoding/json gives %d", f.Len(), len(want))
	}
	var got mrc.Row
	for i := range want {
		if err := f.Decode(i, &got); err != nil {
			t.Error(err)
		}
		if got.Context != want[i].Context || got.Label != want[i].Label || f.Label(i) != got.Label || got.Plain != want[i].Plain ||
			fmt.Sprint(got.Spans, got.Unpaired) != fmt.Sprint(want[i].Spans, want[i].Unpaired) {
			t.Fatalf("row %d is %+v, but encoding/json gives %+v", i, got, want[i])
		}
	}
}

func TestRowsAreThoseThatEncodingJSONGives(t *testing.T) {
	for _, name := range []string{"test", "train"} {
		path := mrc.Path("../../examples/news", name)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		checkAgainstOracle(t, path, data)
	}
	for seed := range uint64(20) {
		data := generate(rand.New(rand.NewPCG(seed, 1)), 50)
		checkAgainstOracle(t, write(t, "mrc-ner.generated", string(data)), data)
	}
}

func TestADamagedFileIsTakenOrRefusedAsByEncodingJSON(t *testing.T) {
	r := rand.New(rand.NewPCG(0, 5))
	good := generate(r, 4)
	dir := t.TempDir()
	check := func(n int, data []byte) {
		path := filepath.Join(dir, fmt.Sprint(n))
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		checkAgainstOracle(t, path, data)
		if t.Failed() {
			t.Fatalf("the file was %q", data)
		}
	}
	for n := range good {
		check(n, good[:n])
	}
	for n := range 800 {
		data := bytes.Clone(good)
		at := r.IntN(len(data))
		switch c := "[]{},:\"\\ \n\x00\xff1-etnu"[r.IntN(18)]; r.IntN(3) {
		case 0:
			data[at] = c
		case 1:
			data = append(data[:at:at], data[at+1:]...)
		default:
			data = append(append(data[:at:at], c), good[at:]...)
		}
		check(len(good)+n, data)
	}
}

func TestAFileOfSeveralIndexBlocksIsReadWhole(t *testing.T) {
	const rows = 2*4096 + 100
	data := generate(rand.New(rand.NewPCG(0, 2)), rows)
	path := write(t, "mrc-ner.generated", string(data))
	if f := open(t, path); f.Len() != rows {
		t.Errorf("%d rows, want %d", f.Len(), rows)
	}
	checkAgainstOracle(t, path, data)
}

func TestWhatLooksLikeARowIsNotTakenForOne(t *testing.T) {
	// A large file is read from several places at once, each where a row seems to begin.
	const lookalike = `}, {"context": "no", "entity_label": "ORG"`
	for name, row := range map[string]string{
		"a list of objects":         `{"more": [{"a": 1}, {"context": "no", "entity_label": "ORG"}, {"b": 2}], "context": "c %d", "entity_label": "PER"}`,
		"a list of objects, broken": "{\n\"more\": [\n{\"a\": 1}\n,\n{\"b\": 2}], \"context\": \"c %d\", \"entity_label\": \"PER\"\n}\n",
		"strings":                   `{"a": "}, {", "b": "\"}, {\"", "context": "c %d", "entity_label": "PER"}`,
		"a long string":             `{"a": ` + strconv.Quote(strings.Repeat(lookalike, 10_000)) + `, "context": "c %d", "entity_label": "PER"}`,
		"a long list":               `{"a": [{"b": 1` + strings.Repeat(lookalike, 10_000) + `}], "context": "c %d", "entity_label": "PER"}`,
		"long white space":          `{"a": 1` + strings.Repeat(" ", 600_000) + `, "context": "c %d", "entity_label": "PER"}` + strings.Repeat("\n", 600_000),
		"no list, but long":         `{"a": "` + strings.Repeat("a", 600_000) + `", "context": "c %d", "entity_label": "PER"}`,
	} {
		t.Run(name, func(t *testing.T) {
			var rows []string
			for size := 0; size < 2_000_000; size += len(row) {
				rows = append(rows, fmt.Sprintf(row, len(rows)))
			}
			text := "[" + strings.Join(rows, ",") + "]"
			path := write(t, "mrc-ner.test", text)
			checkAgainstOracle(t, path, []byte(text))
			if f := open(t, path); f.Len() != len(rows) {
				t.Errorf("%d rows, want %d", f.Len(), len(rows))
			}
		})
	}
}

func TestAFileWhoseLongSentencesDifferIsReadAsOneWhoseRowsShareThem(t *testing.T) {
	// Of each part of the file only some sentences are copied.
	for _, labels := range []int{1, 2, 18} {
		var rows []string
		for i := range 5000 {
			rows = append(rows, fmt.Sprintf(`{"context": "%d caf\u00e9 \"%s", "entity_label": "L%d"}`, i/labels, strings.Repeat("Zürich ", 40), i%labels))
		}
		text := "[" + strings.Join(rows, ",\n") + "]"
		checkAgainstOracle(t, write(t, "mrc-ner.test", text), []byte(text))
	}
}

// generate makes an MRC file that holds what is allowed and rare.
func generate(r *rand.Rand, rows int) []byte {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	space := func() string { return pick("", "", "", " ", "\n", "\r\n", "\t  ") }
	list := func() string {
		var items []string
		for range r.IntN(4) {
			items = append(items, space()+pick("0", "1", "7", "12", "12", "40", "1.0", "2.5", "-1", `"3"`, "null", "[1]", "3000000000", "1e3")+space())
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	sentence := func() string {
		var b strings.Builder
		for range r.IntN(12) {
			b.WriteString(pick("Ada", "Li", "東京", "Zürich", ".", `\"`, `\\`, `\u00e9t\u00e9`, `\ud83d\ude00`, `\ud800`, "{{.Label}}", "]", "}", "@@x##") + pick(" ", " ", " ", "  ", `\t`, `\u00a0`, ""))
		}
		return `"` + b.String() + `"`
	}
	var b bytes.Buffer
	b.WriteString(space() + "[")
	for i := range rows {
		if i > 0 {
			b.WriteString("," + space())
		}
		members := []string{
			`"context":` + space() + sentence(),
			`"entity_label":` + space() + pick(`"PER"`, `"LOC"`, `"\u004frg"`, `"misc"`),
		}
		for _, m := range []string{
			`"start_position": ` + list(), `"end_position" :` + list(), `"context": ` + sentence(), `"query": ` + sentence(),
			`"impossible": "true"`, `"span_position": ["0;1", "]"]`, `"more": {"context": 1}`, `"qas_id": "1.2"`, `"Context": false`,
		} {
			if r.IntN(2) == 0 {
				members = append(members, m)
			}
		}
		r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		b.WriteString("{" + space() + strings.Join(members, space()+","+space()) + "}" + space())
	}
	b.WriteString("]" + space())
	return b.Bytes()
}

func TestAFileMayBeReadFromSeveralGoroutines(t *testing.T) {
	f := open(t, "../../examples/news/mrc-ner.train")
	done := make(chan string)
	for range 4 {
		go func() {
			var all strings.Builder
			var r mrc.Row
			for i := range f.Len() {
				if err := f.Decode(i, &r); err != nil {
					t.Error(err)
				}
				fmt.Fprintln(&all, r, f.Label(i), f.Line(i))
			}
			done <- all.String()
		}()
	}
	first := <-done
	for range 3 {
		if <-done != first {
			t.Error("two goroutines read different rows")
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte("[" + row("Ada wrote .", "PER") + ",\n" + row("b", "LOC") + "]\n"))
	f.Add([]byte(`[{"context":"a\ud800\u0020\"b","entity_label":"P","start_position":[0,1.5,"]",-1,1e999],"end_position":[ ]},{}]`))
	f.Add([]byte(`[{"context":"a","context":5,"entity_label":"P"}]`))
	f.Add([]byte(`[{"context":"a","entity_label":"P"}] {"context":"a","entity_label":"P"}`))
	f.Add([]byte("\xef\xbb\xbf[]"))
	f.Add([]byte("[nul,tru,{\"context\":\"\xff"))
	f.Add([]byte(`[{"a":[}],"context":"x`))
	f.Add(generate(rand.New(rand.NewPCG(1, 3)), 3))
	path := filepath.Join(f.TempDir(), "mrc-ner.fuzz")
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4096 {
			t.Skip("long files say nothing new")
		}
		// A new file each time: the old one may still be mapped.
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		checkAgainstOracle(t, path, data)
	})
}

func BenchmarkOpen(b *testing.B) {
	var rows []string
	for i := range 36_000 {
		rows = append(rows, fmt.Sprintf(`{"context": "The council of Zurich met again on Tuesday %d , and then it met no more .", "end_position": [], `+
			`"entity_label": "L%d", "impossible": true, "qas_id": "%d.%d", "query": "Which words of the sentence are a mention of this kind?", `+
			`"span_position": [], "start_position": []}`, i/18, i%18, i/18, i%18))
	}
	for name, text := range map[string]string{
		"rare forms":     string(generate(rand.New(rand.NewPCG(0, 4)), 20_000)),
		"18 labels each": "[" + strings.Join(rows, ",\n") + "]\n",
	} {
		b.Run(name, func(b *testing.B) {
			path := write(b, "mrc-ner.bench", text)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				f, err := mrc.Open(path)
				if err != nil {
					b.Fatal(err)
				}
				f.Close()
			}
		})
	}
}

func TestTheNameOfASourceIsFoundInItsPath(t *testing.T) {
	for _, c := range []struct {
		path, dir, name string
		ok              bool
	}{{"a/b/mrc-ner.test", "a/b/", "test", true}, {"mrc-ner.a.b", "", "a.b", true}, {"a/test", "a/", "test", false}} {
		if dir, name, ok := mrc.Split(filepath.FromSlash(c.path)); filepath.ToSlash(dir) != c.dir || name != c.name || ok != c.ok {
			t.Errorf("%s: %q, %q, %v", c.path, dir, name, ok)
		}
	}
}
