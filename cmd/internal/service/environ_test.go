package service

import (
	"slices"
	"strings"
	"testing"
)

func TestTheEnvironmentOfACommandHoldsNoCredentials(t *testing.T) {
	const key = "sk-the-key-itself"
	t.Setenv("OPENAI_API_KEY", key)
	gone := map[string]string{
		"OPENAI_ADMIN_KEY": "sk-admin", "OPENAI_CUSTOM_HEADERS": "Authorization: Bearer gateway-secret\nX-Mode: fast", "OPENAI_WEBHOOK_SECRET": "s",
		"AZURE_OPENAI_API_KEY": "k", "COPY": key, "QUOTED": "'" + key + "'", "GATEWAY": "gateway-secret",
		"OPENAI_BASE_URL": "https://user:password@example.org/v1",
	}
	stays := map[string]string{"OPENAI_ORG_ID": "org-1", "OPENAI_PROJECT_ID": "proj_1", "SPEED": "fast", "SLACK_TOKEN": "for the command"}
	for _, variables := range []map[string]string{gone, stays} {
		for name, value := range variables {
			t.Setenv(name, value)
		}
	}
	o := Options{}
	if _, err := o.readKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	environ := o.Environ()
	has := func(name string) bool {
		return slices.ContainsFunc(environ, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	}
	for name := range gone {
		if has(name) {
			t.Errorf("%s is there", name)
		}
	}
	for name := range stays {
		if !has(name) {
			t.Errorf("%s is not there", name)
		}
	}
	if text := strings.Join(environ, "\n"); strings.Contains(text, key) || strings.Contains(text, "gateway-secret") {
		t.Errorf("a secret is there: %s", text)
	}
	t.Setenv("OPENAI_BASE_URL", "https://example.org/v1")
	if environ = o.Environ(); !has("OPENAI_BASE_URL") {
		t.Error("the address is not there")
	}
}

func TestAnotherCommandReachesTheSameServiceWithTheSameFlags(t *testing.T) {
	t.Setenv("OPENAI_BASE_URL", "https://example.org/v1")
	for _, c := range []struct {
		options Options
		want    string
	}{
		{Options{BaseURL: "https://example.org/v1"}, ""},
		{Options{BaseURL: "http://10.0.0.1/v1", KeyFile: "/home/you/key", AllowHTTP: true}, "--base-url http://10.0.0.1/v1 --api-key-file /home/you/key --allow-http"},
		{Options{BaseURL: "https://example.org/v1", KeyFile: "/dev/fd/63"}, ""},
	} {
		if got := strings.Join(c.options.Again(), " "); got != c.want {
			t.Errorf("%+v: %q, want %q", c.options, got, c.want)
		}
	}
}
