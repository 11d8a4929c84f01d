package record_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"nertools/pkg/record"
)

// members reads an object as encoding/json does, the last of repeated keys first.
func members(s string) (map[string]string, bool) {
	got := map[string]string{}
	valid := record.Walk(s, func(key, value string, at int) {
		if s[at:at+len(value)] != value {
			value = "not at its offset"
		}
		got[record.Unquote(key)] = value
	})
	return got, valid
}

func checkJSON(t *testing.T, s string) {
	t.Helper()
	want := json.Valid([]byte(s))
	if got := record.ValidJSON([]byte(s)); got != want {
		t.Errorf("%.80q: valid %v, encoding/json says %v", s, got, want)
	}
	var object map[string]json.RawMessage
	isObject := json.Unmarshal([]byte(s), &object) == nil && object != nil
	got, valid := members(s)
	if valid != isObject {
		t.Errorf("%.80q: an object: %v, encoding/json says %v", s, valid, isObject)
	}
	if !valid || strings.Contains(s, `\ud`) || strings.ContainsRune(s, '\ufffd') || !json.Valid([]byte(s)) || !bytes.Equal([]byte(strings.ToValidUTF8(s, "")), []byte(s)) {
		return // the two read half characters differently
	}
	for key, value := range object {
		if got[key] != string(value) {
			t.Errorf("%.80q: %q is %q, encoding/json says %q", s, key, got[key], value)
		}
	}
	if len(got) != len(object) {
		t.Errorf("%.80q: members %q, encoding/json has %q", s, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(object)))
	}
}

var jsonSeeds = []string{
	"", " ", "{}", " { } ", "[]", "[ ]", "{\"a\":1}", "{\"a\" : [1 , 2.5e-3,-0] ,\"b\":{\"c\":null}}\n", "{\"a\":1,\"a\":2}", "{\"a\":1,}", "{,}", "{\"a\"}", "{\"a\":}",
	"{\"a\":1 \"b\":2}", "[1,]", "[,1]", "[1 2]", "nul", "null", "true", "false", "falsey", "tru", "-", "-1", "01", "1.", ".5", "1e", "1e+", "1E5", "+1", "0x1",
	`"a"`, `"a`, `"\"`, `"\u12"`, `"\u12G4"`, `"\u00e4\n\/"`, `"\x"`, "\"a\nb\"", "\"tab\there\"", "\"\x7f\"", "\"0123456\x1f\"", "\"01234567\\\"89abcdef\"", "\"ünïcödé \u2028\"",
	"\"\xff\"", "{\"a\":1}{", "{\"a\":1} x", "{}}", "]", "}", "{\"a\":[}", "{\"\":\"\"}", `{"a\u0062":"A"}`, "\ufeff{}", "{\"a\":1}\x00", "[[[[]]]]", "\v1",
	`{"kind":"prompt","v":1,"id":"test/0/0123456789ab","prompt":"Mark \"every\" person.\n","examples":[3,17]}`,
}

func TestWalkAcceptsWhatEncodingJSONAccepts(t *testing.T) {
	for _, s := range jsonSeeds {
		checkJSON(t, s)
		for i := range s { // cut anywhere
			checkJSON(t, s[:i])
		}
	}
	for _, depth := range []int{9_999, 10_000, 10_001} {
		checkJSON(t, strings.Repeat("[", depth)+strings.Repeat("]", depth))
		checkJSON(t, `{"a":`+strings.Repeat("[", depth-1)+strings.Repeat("]", depth-1)+"}")
	}
}

func FuzzWalk(f *testing.F) {
	for _, s := range jsonSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkJSON(t, s) })
}
