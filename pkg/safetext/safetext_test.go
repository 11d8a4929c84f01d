package safetext_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"nertools/pkg/safetext"
)

func TestWhatDrivesATerminalIsTakenOut(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"plain text", "plain text"},
		{"é 中 العربية עברית ไทย نامه\u200cها", "é 中 العربية עברית ไทย نامه\u200cها"},
		{"\x1b[31mred\x1b[0m", "red"},
		{"\x1b[2J\x1b[1;1H\x1b[?25lgone", "gone"},
		{"\u009b31mred\u009b0m", "red"},
		{"\x1b]0;title\x07after", "after"},
		{"\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"},
		{"\u009d52;c;cm0=\u009cafter", "after"},
		{"\x1bPq#0\x1b\\after", "after"},
		{"\x1bcreset", "reset"},
		{"\x1b(0lines", "lines"},
		{"\x1b]0;no end, which hides nothing", "0;no end, which hides nothing"},
		{"\x1b[31", ""},
		{"cut \x1b", "cut  "},
		{"bell\x07 nul\x00 del\x7f", "bell  nul  del "},
		{"over\x08\x08\x08\x08write", "over    write"},
		{"two\nlines\r\nand\u2028a\u2029third\u0085one", "two lines and a third one"},
		{"ner-run: bad\rner-run: 4 ok", "ner-run: bad ner-run: 4 ok"},
		{"\u202egnp.exe\u202c", "gnp.exe"},
		{"\u2066a\u2069\u2067b\u2069\u2068c\u2069\u202ad\u202c", "abcd"},
		{"in\u200bvis\u2060ible\ufeff", "invisible"},
		{"\U000e0041\U000e0042tags", "tags"},
		{"not \xff\xfe UTF-8 \xc3", "not \ufffd\ufffd UTF-8 \ufffd"},
	} {
		if got := safetext.Line(c.text); got != c.want {
			t.Errorf("Line(%q) = %q, want %q", c.text, got, c.want)
		}
		if got, want := safetext.Message(c.text), strings.Join(strings.Fields(c.want), " "); got != want {
			t.Errorf("Message(%q) = %q, want %q", c.text, got, want)
		}
	}
}

func TestLengthIsBounded(t *testing.T) {
	for _, unit := range []string{"x", "é", "中 ", "\x1b[31m", "x\n"} {
		for _, n := range []int{0, 1, 90, 99, 100, 101, 499, 500, 501, 4095, 4096, 4097, 100_000} {
			text := strings.Repeat(unit, n)
			if got := safetext.Line("begin " + text + " end"); len(got) > safetext.MaxLine+len(" … ") || !utf8.ValidString(got) || !strings.HasPrefix(got, "begin") {
				t.Errorf("%d of %q: a line of %d bytes", n, unit, len(got))
			}
			if got := safetext.Message(text); len(got) > safetext.MaxMessage+len("…") || !utf8.ValidString(got) {
				t.Errorf("%d of %q: a message of %d bytes", n, unit, len(got))
			}
			if got := safetext.Code(text); len(got) > 110 || !utf8.ValidString(got) {
				t.Errorf("%d of %q: a code of %d bytes", n, unit, len(got))
			}
		}
	}
	// What follows a long value says what is wrong with it.
	if got := safetext.Line("--progress " + strings.Repeat("x", 10_000) + ": auto, bar, plain, none"); !strings.HasSuffix(got, ": auto, bar, plain, none") {
		t.Errorf("got the end %q", got[len(got)-40:])
	}
}

func TestKnownSecretShowsInNoForm(t *testing.T) {
	const key = "Zq7/secret+of=this&test"
	safetext.AddSecret(key)
	safetext.AddSecret(key)
	safetext.AddSecret("")
	forms := []string{key, url.QueryEscape(key), url.PathEscape(key), base64.StdEncoding.EncodeToString([]byte(key)),
		base64.URLEncoding.EncodeToString([]byte(":" + key)), base64.StdEncoding.EncodeToString([]byte("user:" + key + " and more"))}
	for _, form := range forms {
		for n := range 8 {
			for _, f := range []func(string) string{safetext.Line, safetext.Message, safetext.Code} {
				text := strings.Repeat("y", n) + form + " is wrong"
				if got := f(text); strings.Contains(got, form[4:len(form)-5]) || !strings.Contains(got, "is wrong") {
					t.Errorf("%q became %q", text, got)
				}
			}
		}
	}
	// Not even the half that is left where a text is cut.
	for n := 60; n < 5000; n += 7 {
		text := strings.Repeat("x", n) + key + strings.Repeat("z", n)
		for _, f := range []func(string) string{safetext.Line, safetext.Message, safetext.Code} {
			if got := f(text); strings.Contains(got, key[:4]) || strings.Contains(got, key[len(key)-4:]) {
				t.Fatalf("%d: half of the key is left in %q", n, got)
			}
		}
	}
	if got := safetext.Message(strings.Repeat("\x1b[31m", 64<<10/5-1) + key + "!"); strings.Contains(got, key[:4]) {
		t.Errorf("got %q", got)
	}
}

func TestShortSecretIsHiddenAsAWordInMessagesOfOthers(t *testing.T) {
	safetext.AddSecret("hunt3r")
	safetext.AddSecret("x")
	for text, want := range map[string]string{
		"no such key: hunt3r":    "no such key: …",
		"hunt3r":                 "…",
		`{"key":"hunt3r"}`:       `{"key":"…"}`,
		"hunt3r, hunt3r.":        "…, ….",
		"hunt3rs_max hunt3r_max": "hunt3rs_max hunt3r_max",
		"max_tokens of x":        "max_tokens of …",
		"éx x":                   "éx …",
	} {
		if got := safetext.Message(text); got != want {
			t.Errorf("Message(%q) = %q, want %q", text, got, want)
		}
		if got := safetext.Line(text); got != text {
			t.Errorf("Line(%q) = %q: a line of our own holds such words by chance", text, got)
		}
	}
}

func TestAnswerKeepsWhatItHoldsByChance(t *testing.T) {
	safetext.AddSecret("placeholder")
	safetext.AddSecret("ab12cd34ef56gh78")
	for text, want := range map[string]string{
		"a @@placeholder## key": "a @@placeholder## key",
		"ab12cd34ef56gh78 told": "… told",
		"\x1b[31m\n":            "\x1b[31m\n",
	} {
		if got := safetext.Data(text); got != want {
			t.Errorf("Data(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestWhatLooksLikeASecretIsHidden(t *testing.T) {
	const key = "sk-proj-abcDEF123456ghiJKL789_-y7"
	for _, c := range []struct{ text, message, line string }{
		{"wrong: " + key + ".", "wrong: sk-…", "wrong: sk-…."},
		{"wrong: sk-********************Ab1c", "wrong: sk-…", "wrong: sk-********************Ab1c"},
		{"(key-AbCdEf0123)", "(key-…)", "(key-AbCdEf0123)"},
		{"gsk_abcdefgh12345678ABCDEFGH", "gsk_…", "gsk_…"},
		{"AIzaSyA1234567890abcdefghij", "AIza…", "AIza…"},
		{"Authorization: Bearer abc.def-123", "Authorization: Bearer …", "Authorization: Bearer abc.def-123"},
		{"bearer authentication is required", "bearer authentication is required", "bearer authentication is required"},
		{"task-force at risk-free price, key_not_found", "task-force at risk-free price, key_not_found", "task-force at risk-free price, key_not_found"},
		{"https://me:hunter22@host/v1", "https://…@host/v1", "https://…@host/v1"},
		{"GET https://h/v1?api-version=2024-10-21&api-key=abc&y=1", "GET https://h/v1?api-version=2024-10-21&api-key=…&y=1", "GET https://h/v1?api-version=2024-10-21&api-key=…&y=1"},
		{"open sk-wiki-2021-train.jsonl", "open sk-…", "open sk-wiki-2021-train.jsonl"},
	} {
		if got := safetext.Message(c.text); got != c.message {
			t.Errorf("Message(%q) = %q, want %q", c.text, got, c.message)
		}
		if got := safetext.Line(c.text); got != c.line {
			t.Errorf("Line(%q) = %q, want %q", c.text, got, c.line)
		}
	}
}

func FuzzLine(f *testing.F) {
	f.Add("\x1b[31mred\u202e\xff\n")
	f.Add("\u009b\u009d\x1b\x1b\x1b[")
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range []string{safetext.Line(s), safetext.Message(s), safetext.Code(s)} {
			if !utf8.ValidString(got) || len(got) > safetext.MaxLine+8 {
				t.Errorf("%q became %q", s, got)
			}
			for _, r := range got {
				if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
					t.Errorf("%q became %q, with %U", s, got, r)
				}
			}
		}
	})
}

func ExampleLine() {
	fmt.Println(safetext.Line("cannot read \x1b[31mnotes\u202egnp.txt\nner-run: 4 ok"))
	// Output: cannot read notesgnp.txt ner-run: 4 ok
}
