package service

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAHeaderWithASecretNameComesFromAFile(t *testing.T) {
	for _, c := range []struct {
		text string
		want header // zero if it is refused
	}{
		{"X-Title: NER tools", header{name: "X-Title", text: "NER tools"}},
		{"http-referer:https://example.org/a:b", header{name: "http-referer", text: "https://example.org/a:b"}},
		{"X-Author: me", header{name: "X-Author", text: "me"}},
		{"Authorization: @/run/key", header{name: "Authorization", file: "/run/key"}},
		{"Authorization: Bearer k", header{}},
		{"proxy-authorization: Basic k", header{}},
		{"api-key: k", header{}},
		{"Ocp-Apim-Subscription-Key: k", header{}},
		{"X-Auth: k", header{}},
		{"X-Amz-Security-Token: k", header{}},
		{"Set-Cookie: k", header{}},
		{"X-Client-Secret: k", header{}},
		{"Cookie: @", header{}},
		{"Cookie: @-", header{}},
		{"X-Title:", header{}},
		{"X-Title", header{}},
		{"X Title: a", header{}},
		{"X-Title: a\r\nEvil: b", header{}},
		{"Host: example.org", header{}},
		{"Content-Length: 1", header{}},
		{": a", header{}},
	} {
		got, err := parseHeader(c.text)
		if got != c.want || (err == nil) != (c.want != header{}) {
			t.Errorf("%q: got %+v, %v", c.text, got, err)
		}
		if _, value, _ := strings.Cut(c.text, ":"); err != nil && len(value) > 5 && strings.Contains(err.Error(), strings.TrimSpace(value)) {
			t.Errorf("%q: the message has the value: %v", c.text, err)
		}
	}
}

func TestHeadersComeWithEveryCallAndStandInForTheKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("Bearer from-a-file-0123456789\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("OPENAI_API_KEY", "sk-of-another-service")
	t.Setenv("OPENAI_CUSTOM_HEADERS", "X-Team: red\nX-Other: yes")
	for name, c := range map[string]struct {
		headers []string
		key     string // of the file flag; "" for none
		want    map[string]string
	}{
		"none":          {nil, "", map[string]string{"Authorization": "Bearer sk-of-another-service", "X-Team": "red", "X-Other": "yes"}},
		"a further one": {[]string{"X-Team: blue"}, "", map[string]string{"Authorization": "Bearer sk-of-another-service", "X-Team": "blue", "X-Other": "yes"}},
		"authorization": {[]string{"authorization: @" + path}, "", map[string]string{"Authorization": "Bearer from-a-file-0123456789"}},
		"api-key":       {[]string{"api-key: @" + path}, "", map[string]string{"Authorization": "", "Api-Key": "Bearer from-a-file-0123456789"}},
		"both":          {[]string{"x-api-key: @" + path}, path, map[string]string{"Authorization": "Bearer from-a-file-0123456789", "X-Api-Key": "Bearer from-a-file-0123456789"}},
	} {
		var o Options
		if c.key != "" {
			o.KeyFile = filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(o.KeyFile, []byte("from-a-file-0123456789"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := o.setHeaders(nil, c.headers); err != nil {
			t.Fatal(err)
		}
		got := headersOf(t, &o)
		for header, want := range c.want {
			if got.Get(header) != want {
				t.Errorf("%s: %s: got %q, want %q", name, header, got.Get(header), want)
			}
		}
		if again := strings.Join(o.Again(), " "); strings.Contains(again, "blue") || len(c.headers) > 0 && !strings.Contains(again, "--header") {
			t.Errorf("%s: suggests %s", name, again)
		}
		if slices.ContainsFunc(o.Environ(), func(v string) bool { return strings.Contains(v, "from-a-file") }) {
			t.Errorf("%s: a command's environment has the secret", name)
		}
	}
}

func TestAServerOnThisComputerNeedsNoKey(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "")
	for base, ok := range map[string]bool{
		"http://localhost:8000/v1": true, "http://127.0.0.1:8000/v1": true, "http://[::1]:8000": true, "http://0.0.0.0:11434/v1": true,
		"": false, "https://example.org/v1": false, "http://192.168.0.7:8000/v1": false, "http://localhost.example.org/v1": false,
	} {
		o := Options{BaseURL: base, AllowHTTP: true}
		if _, err := o.Client(t.Context(), 1); (err == nil) != ok {
			t.Errorf("%q: got %v", base, err)
		}
		if _, _, err := o.Account(t.Context()); (err == nil) != ok {
			t.Errorf("%q: account: %v", base, err)
		}
	}
}
