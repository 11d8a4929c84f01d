package markup

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// plain makes of a value what encoding/json makes of JSON.
func (v *value) plain() any {
	switch v.kind {
	case anArray:
		list := []any{}
		for i := range v.items {
			list = append(list, v.items[i].value.plain())
		}
		return list
	case anObject:
		object := map[string]any{}
		for i := range v.items {
			object[v.items[i].key] = v.items[i].value.plain()
		}
		return object
	case aNull:
		return nil
	case aBoolean:
		return strings.EqualFold(v.text, "true")
	case aNumber:
		x, _ := strconv.ParseFloat(v.text, 64)
		return x
	}
	return v.text
}

// FuzzValue checks that JSON is read as JSON, and that every value lies within
// the one around it.
func FuzzValue(f *testing.F) {
	for _, s := range []string{
		`{"a":["b\n\u00e9\ud83d\ude00",1.5e3,-2,true,null,{}],"c":[]}`, `["a", "b\"c" , [ ] ]`, `{'a': ('b', None,), "c" [}`, `[“a”，‘b’ // c`, `[a, b: "`, "{\"\\ud800\":\"\\u12\"}",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Trim(s, " \t\r\n") != s || s == "" || !strings.ContainsAny(s[:1], "[{") {
			return
		}
		v, mended, words, ok := readValue(s, 0)
		if ok {
			checkWithin(t, s, &v, 0, len(s))
		}
		var want any
		if json.Unmarshal([]byte(s), &want) != nil || !utf8.ValidString(s) || strings.Count(s, "[")+strings.Count(s, "{") >= deepestValue || strings.Contains(s, "e") && strings.Contains(s, "999") {
			return
		}
		if !ok || mended || words || v.cut || v.to != len(s) {
			t.Fatalf("%q is JSON: read %t, mended %t, words %t, cut %t, up to %d", s, ok, mended, words, v.cut, v.to)
		}
		if d := cmp.Diff(want, v.plain()); d != "" {
			t.Errorf("%q: %s", s, d)
		}
	})
}

func checkWithin(t *testing.T, s string, v *value, from, to int) {
	if v.from < from || v.to < v.from || v.to > to {
		t.Fatalf("%q: %+v is not within %d:%d", s, v, from, to)
	}
	for i := range v.items {
		m := &v.items[i]
		if m.from < from || m.from > m.value.from {
			t.Fatalf("%q: %+v begins at %d", s, m.value, m.from)
		}
		checkWithin(t, s, &m.value, v.from, v.to)
	}
}
