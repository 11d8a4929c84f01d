package record_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/record"
)

func TestPromptComesBackAsWritten(t *testing.T) {
	for _, p := range []record.Prompt{
		{ID: "test/0/0123456789ab", Total: 3, Label: "PER", Context: "a <b> & \u2028 c", Text: "line one\nline \"two\"\t\\", Examples: []int{3, 1, 2}},
		{ID: "a/0/0123456789ab", Context: "Ada left.", Text: "p", Origin: record.Origin{Sentence: "0", Form: record.TextForm, Position: record.Position{Document: "é/ü.txt"}}},
		{ID: "a/0/0123456789ab", Text: "p", Origin: record.Origin{Sentence: "doc.7"}, Extra: `,"offset":"7","form":null`},
		{ID: "a.sentence/0/0123456789ab", Text: "p", Labels: []string{"PER", "WORK \"OF\" ART"}, Context: "Ada left."},
		{ID: "a/0/0123456789ab", Text: "p", Extra: `,"labels":["x",1]`},
		{ID: "a/0/0123456789ab", Text: "p", Extra: `,"labels":[]`},
		{ID: "x", Text: "p", ResponseFormat: `{"type": "json_schema", "a":[1.50,"<&>"]}`, Extra: `,"mine":1`},
		{ID: "x", Text: "p", Extra: `,"mine":{"a":[1,2.50]},"other":"<&>"`},
	} {
		line := record.AppendPrompt(nil, &p)
		got, err := record.ParsePrompt(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if d := cmp.Diff(p, got); d != "" {
			t.Errorf("%s: %s", line, d)
		}
	}
}

func TestResultComesBackAsWritten(t *testing.T) {
	for _, r := range []record.Result{
		{ID: "test/7/0123456789ab", Index: 7, Total: 9, Label: "PER", Context: "Ada", Output: "@@Ada##\n", Request: "aa/bb", Model: "m", FinishReason: "stop",
			Usage: record.Usage{Prompt: 10, Completion: 3, Cached: 2, Reasoning: 1}, Attempts: 2, Latency: 1234 * time.Millisecond, BatchID: "batch_1", Extra: `,"mine":1.0`},
		{ID: "x", Failure: &record.Failure{Class: record.Length, Status: 200, Code: "c", Message: "cut \x00 off"}, Partial: "half"},
		{ID: "a/0/0123456789ab", Context: "Ada left.", Output: "p", Origin: record.Origin{Sentence: "0", Form: record.TextForm, Position: record.Position{Document: "d", Chars: 7, Bytes: 1 << 40}}},
		{ID: "a.sentence/0/0123456789ab", Labels: []string{"人", "PER"}, Output: "p"},
		{ID: "empty", Output: "", Extra: `,"labels":{"a":"b"}`},
	} {
		line := record.AppendResult(nil, &r)
		got, err := record.ParseResult(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if d := cmp.Diff(r, got); d != "" {
			t.Errorf("%s: %s", line, d)
		}
	}
}

func TestBadRecordIsRefusedWithItsReason(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{`{"kind":"prompt","v":1,"id":"a","index":0,"prompt":"x"`, "not a JSON object"},
		{`[]`, "not a JSON object"},
		{`{"id":"a"}`, `no "kind" in it`},
		{`{"kind":"result","v":1}`, "a result record where a prompt record should be"},
		{`{"kind":"prompt","id":"a","prompt":"x"}`, "format version 0"},
		{`{"kind":"prompt","v":2,"id":"a","prompt":"x"}`, "format version 2"},
		{`{"kind":"prompt","v":1,"prompt":"x"}`, `no "id" in it`},
		{`{"kind":"prompt","v":1,"id":"a"}`, `no "prompt" in it`},
		{`{"kind":"prompt","v":1,"id":"a","prompt":7}`, `"prompt": should be a string`},
		{`{"kind":"prompt","v":1,"id":"a","prompt":"x","index":-1}`, `"index": should be a whole number`},
		{`{"kind":"prompt","v":1,"id":"a","prompt":"x","response_format":"json"}`, `"response_format": should be an object`},
		{`{"kind":"prompt","v":1,"id":"a","prompt":"x","response_format":[{}]}`, `"response_format": should be an object`},
		{`{"kind":"prompt","v":1,"id":"a","prompt":"x","index":5,"total":5}`, "index 5, but the source has only 5 rows"},
		{"{\"kind\":\"prompt\",\"v\":1,\"id\":\"\xff\"}", "not UTF-8"},
	} {
		_, err := record.ParsePrompt([]byte(c.line))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.line, err, c.want)
		}
	}
	for _, c := range []struct{ line, want string }{
		{`{"kind":"result","v":1,"id":"a"}`, `neither "output" nor "error"`},
		{`{"kind":"result","v":1,"id":"a","output":null}`, `neither "output" nor "error"`},
		{`{"kind":"result","v":1,"id":"a","output":"x","error":{"class":"server"}}`, `both "output" and "error"`},
		{`{"kind":"result","v":1,"id":"a","error":{}}`, `no "class" in it`},
		{`{"kind":"result","v":1,"id":"a","error":"x"}`, `"error": should be an object`},
	} {
		_, err := record.ParseResult([]byte(c.line))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.line, err, c.want)
		}
	}
}

func TestDeepNestingIsRefusedAndDoesNotOverflow(t *testing.T) {
	deep := strings.Repeat("[", 30<<20)
	if record.ValidJSON([]byte(deep)) {
		t.Error("a file of brackets passes as JSON")
	}
	if long := "[" + strings.Repeat("[],", 20_000) + "[]]"; !record.ValidJSON([]byte(long)) {
		t.Error("a long flat array does not pass")
	}
}

func TestIDIsASCIIOfAtMost64BytesAndTellsItsParts(t *testing.T) {
	for _, source := range []string{"test", "test.8", strings.Repeat("long", 40), "prøve/äöü", "東京", "", "a b"} {
		for _, index := range []int{0, 148716, 1<<31 - 1} {
			id := record.NewID(source, index, []byte("the prompt"))
			if len(id) > 64 {
				t.Errorf("%q has %d bytes", id, len(id))
			}
			for _, c := range []byte(id) {
				if c <= ' ' || c > '~' {
					t.Errorf("%q is not plain ASCII", id)
				}
			}
			s, i, digest, ok := record.ParseID(id)
			if !ok || i != index || s != record.SourceName(source) || len(digest) != 12 {
				t.Errorf("%q gives %q %d %q %v", id, s, i, digest, ok)
			}
		}
	}
	if record.SourceName("a b") == record.SourceName("a_b") {
		t.Error("two names became one source")
	}
	if s := record.SourceName("prøve"); record.SourceName(s) != s {
		t.Error("a source name does not stay as it is")
	}
}

func TestSourceOfSentencesIsKnownByItsNameHoweverLongThatIs(t *testing.T) {
	used := map[string]string{}
	for _, name := range []string{"test", "a b", "a_b", "東京", "", strings.Repeat("long", 40), strings.Repeat("long", 40) + "er", "0123456789012345678901234567890123456789"} {
		rows, sentences := record.SourceName(name), record.SentenceSource(name)
		sources := []string{rows, sentences, record.VerifySource(rows), record.VerifySource(sentences)}
		for i, s := range sources {
			if record.SourceName(s) != s || len(record.NewID(s, 1<<31-1, nil)) > 64 {
				t.Errorf("%q is not a source", s)
			}
			if record.IsSentenceSource(s) != (i == 1) {
				t.Errorf("%q is taken for sentences, or is not", s)
			}
			if other, ok := used[s]; ok {
				t.Errorf("%q and %q have the source %q", other, name, s)
			}
			used[s] = name
		}
		if s := sources[3]; !strings.HasSuffix(s, ".sentence.verify") || !record.IsVerifySource(s) || record.SentenceSource(rows) != sentences {
			t.Errorf("%q", sources)
		}
	}
}

func TestIDsOfOtherToolsGiveTheNumberAtTheirEnd(t *testing.T) {
	for _, c := range []struct {
		id     string
		source string
		index  int
	}{
		{"request-17", "request-", 17}, {"17", "", 17}, {"task-000", "task-", 0}, {"nothing", "nothing", -1},
		{"a/5/short", "a/5/short", -1}, {"x-99999999999999999999", "x-99999999999999999999", -1}, {"", "", -1},
	} {
		source, index, _, ok := record.ParseID(c.id)
		if ok || source != c.source || index != c.index {
			t.Errorf("%q gives %q %d %v", c.id, source, index, ok)
		}
	}
}

func TestStringsAreEscapedAsJSONDemandsAndNoFurther(t *testing.T) {
	for _, s := range []string{"", "plain", "<&>\u2028\u2029\u00a0", `q"b\s`, "\x00\x01\x1f\x7f", "tab\tnl\ncr\r", "12345678", "1234567\"", "äöü東京🙂", "1234567é", strings.Repeat("x", 100) + "\""} {
		got := string(record.AppendString(nil, s))
		var back string
		if err := json.Unmarshal([]byte(got), &back); err != nil || back != s {
			t.Errorf("%q became %s, which reads as %q (%v)", s, got, back, err)
		}
		if other := string(record.AppendString(nil, []byte(s))); other != got {
			t.Errorf("as bytes %s, as a string %s", other, got)
		}
	}
	if got := string(record.AppendString(nil, "<&>\u2028")); got != "\"<&>\u2028\"" {
		t.Errorf("escaped more than JSON demands: %s", got)
	}
	if got := string(record.AppendString(nil, "a\xffb\xc3")); got != "\"a\ufffdb\ufffd\"" {
		t.Errorf("bytes that are not UTF-8: %q", got)
	}
}

func TestWhereACharacterIsMakesNoDifferenceToItsEscape(t *testing.T) {
	// Strings are read eight bytes at a time.
	parts := []string{"", "a", "é", "東", "\"", "\\", "\n", "\x01", "\x7f", "\xff", "\xe6\x9d"}
	for at := range 17 {
		for _, first := range parts {
			for _, second := range parts {
				for _, gap := range []int{0, 1, 6, 8} {
					s := strings.Repeat("x", at) + first + strings.Repeat("y", gap) + second + strings.Repeat("z", 9)
					var want bytes.Buffer
					json := json.NewEncoder(&want)
					json.SetEscapeHTML(false)
					if err := json.Encode(s); err != nil {
						t.Fatal(err)
					}
					w := strings.NewReplacer(`\ufffd`, "\ufffd", "\n", "").Replace(want.String())
					if got := record.AppendString(nil, s); string(got) != w {
						t.Fatalf("%q became %s, want %s", s, got, w)
					}
				}
			}
		}
	}
}

func FuzzUnquote(f *testing.F) {
	for _, s := range []string{`""`, `"plain"`, `"a\n\"b\\\/\b\f\r\t"`, `"\u00e9\ud83d\ude42"`, `"\ud800\u0020x"`, `"\udc00\ud83d"`, `"\ud83d\ud83d\ude42"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		var want string
		if !utf8.ValidString(raw) || raw == "" || raw[0] != '"' || json.Unmarshal([]byte(raw), &want) != nil {
			t.Skip()
		}
		raw = strings.TrimRight(raw, " \t\r\n")
		if got := record.Unquote(raw); got != want {
			t.Fatalf("%s became %q, want %q", raw, got, want)
		}
	})
}

func TestLinesOfAnyLengthAndEnd(t *testing.T) {
	long := strings.Repeat("y", 1<<20)
	in := "one\r\n\n  \n" + long + "\nlast"
	l := record.NewLines("in", strings.NewReader(in))
	for _, want := range []struct {
		text string
		line int
	}{{"one", 1}, {long, 4}, {"last", 5}} {
		got, err := l.Next()
		if err != nil || string(got) != want.text || l.Line() != want.line {
			t.Fatalf("got %.20q line %d (%v), want %.20q", got, l.Line(), err, want.text)
		}
	}
	if _, err := l.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	l = record.NewLines("in", strings.NewReader("\ufeff{}\n\ufeff[]\n"))
	for _, want := range []string{"{}", "\ufeff[]"} { // in front of the file alone
		if got, err := l.Next(); string(got) != want {
			t.Errorf("byte order mark: %q, %v", got, err)
		}
	}
}

func TestAnAnswerIsOneLine(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"a b", "a b"}, {"a\nb", "a b"}, {"a\r\nb\rc", "a b c"}, {"\n\na\n\nb\n", "a  b"}, {" a ", " a "}, {"a\u2028b\u0085c\vd", "a b c d"}, {"\n", ""},
	} {
		if got := record.OneLine(c.in); got != c.want {
			t.Errorf("%q became %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"kind":"prompt","v":1,"id":"test/0/0123456789ab","index":0,"total":2,"prompt":"x","examples":[1,2],"mine":null}`))
	f.Add([]byte(`{"kind":"prompt","v":1,"id":"a","prompt":"x","response_format":{"type":"json_object"}}`))
	f.Add([]byte(`{"kind":"result","v":1,"id":"a","output":"x","usage":{"prompt_tokens":3},"latency_ms":5,"é":"\ud800"}`))
	f.Add([]byte(`{"kind":"result","v":1,"id":"a","error":{"class":"server","status":500},"partial":"p"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if p, err := record.ParsePrompt(line); err == nil {
			again, err := record.ParsePrompt(bytes.TrimSpace(record.AppendPrompt(nil, &p)))
			if err != nil {
				t.Fatalf("what was read can't be read again: %v", err)
			}
			if d := cmp.Diff(p, again); d != "" {
				t.Fatal(d)
			}
		}
		if r, err := record.ParseResult(line); err == nil {
			r.Latency = r.Latency.Truncate(time.Millisecond)
			again, err := record.ParseResult(bytes.TrimSpace(record.AppendResult(nil, &r)))
			if err != nil {
				t.Fatalf("what was read can't be read again: %v", err)
			}
			if d := cmp.Diff(r, again); d != "" {
				t.Fatal(d)
			}
		}
	})
}

func BenchmarkParsePrompt(b *testing.B) {
	text := strings.Repeat("Sentence: The council of Zürich said \"no\" on Tuesday .\nMarked: The council of @@Zürich## said \"no\" on Tuesday .\n\n", 40)
	line := bytes.TrimSpace(record.AppendPrompt(nil, &record.Prompt{ID: record.NewID("test", 1, []byte(text)), Index: 1, Total: 2, Label: "LOC", Context: "Ada", Text: text}))
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, err := record.ParsePrompt(line); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendString(b *testing.B) {
	for name, sentence := range map[string]string{
		"ascii":  "Sentence: The council met again on Tuesday , and then it met no more .\n",
		"quotes": "The council of Zürich said \"no\" on Tuesday . ",
		"cjk":    "東京都は日本の首都であり、世界最大の都市です。",
	} {
		b.Run(name, func(b *testing.B) {
			s := strings.Repeat(sentence, 100)
			b.SetBytes(int64(len(s)))
			var buf []byte
			for b.Loop() {
				buf = record.AppendString(buf[:0], s)
			}
		})
	}
}

func TestADocumentWithoutAFormHasNoOffsets(t *testing.T) {
	const line = `{"kind":"prompt","v":1,"id":"x","index":0,"document":"mine","prompt":"p","examples":[]}` + "\n"
	p, err := record.ParsePrompt([]byte(line))
	if got := record.AppendPrompt(nil, &p); err != nil || string(got) != line {
		t.Errorf("%s, %v", got, err)
	}
}
