package service

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"nertools/pkg/wire"
)

// accountIn is the account that a ledger names.
func accountIn(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	var event struct{ Account string }
	if err := json.Unmarshal([]byte(line), &event); err != nil || event.Account == "" {
		t.Fatalf("%s: %v, account %q", path, err, event.Account)
	}
	return event.Account
}

// The ledgers of testdata were written by ner-batch submit as of commit d1b92f0, with the
// key sk-simulated: one without --base-url, one with --base-url http://127.0.0.1:18999/v1/.
func TestLedgersOfEarlierVersionsAreOfTheSameAccount(t *testing.T) {
	unset, explicit := accountIn(t, "testdata/unset.ledger"), accountIn(t, "testdata/explicit.ledger")
	for _, c := range []struct {
		base, key string
		of        string // the account in the ledger
		same      bool
	}{
		{"", "sk-simulated", unset, true},
		{"https://api.openai.com/v1", "sk-simulated", unset, true},
		{"HTTPS://API.openai.com:443/v1/", "sk-simulated", unset, true},
		{"https://api.openai.com/v2", "sk-simulated", unset, false},
		{"", "sk-other", unset, false},
		{"http://127.0.0.1:18999/v1/", "sk-simulated", explicit, true},
		{"http://127.0.0.1:18999/v1", "sk-simulated", explicit, true},
		{"http://127.0.0.1:18999/v2/", "sk-simulated", explicit, false},
		{"http://127.0.0.1:18998/v1/", "sk-simulated", explicit, false},
		{"http://127.0.0.1:18999/v1/", "sk-other", explicit, false},
		{"", "sk-simulated", explicit, false},
	} {
		t.Setenv("OPENAI_API_KEY", c.key)
		account, former, err := (&Options{BaseURL: c.base}).Account(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if same := account == c.of || slices.Contains(former, c.of); same != c.same {
			t.Errorf("%q with %s: the same account as %s: %v, want %v", c.base, c.key, c.of, same, c.same)
		}
	}
}

func TestSpellingsOfOneServiceAreOneAccount(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-simulated")
	accounts := map[string]bool{}
	for _, base := range []string{"", "https://api.openai.com/v1", "https://api.openai.com/v1/", "https://API.OPENAI.COM:443/v1"} {
		account, _, err := (&Options{BaseURL: base}).Account(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		accounts[account] = true
	}
	if len(accounts) != 1 {
		t.Errorf("got %v", accounts)
	}
}

// headersOf returns the headers of a call with the options, at an address of its own.
func headersOf(t *testing.T, o *Options) (got http.Header) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
	defer server.Close()
	o.BaseURL = server.URL + "/v1"
	client, err := o.Client(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Ask(t.Context(), wire.Chat, []byte("{}"), func([]byte) error { return nil }); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestTheEnvironmentSaysWhoAsks(t *testing.T) {
	for name, value := range map[string]string{
		"OPENAI_API_KEY": " sk-simulated\n", "OPENAI_ORG_ID": "org-1", "OPENAI_PROJECT_ID": "proj_1", "OPENAI_CUSTOM_HEADERS": "X-Mine: a b\nX-Other:c",
	} {
		t.Setenv(name, value)
	}
	got := headersOf(t, &Options{})
	for name, want := range map[string]string{
		"Authorization": "Bearer sk-simulated", "Openai-Organization": "org-1", "Openai-Project": "proj_1", "X-Mine": "a b", "X-Other": "c",
	} {
		if got.Get(name) != want {
			t.Errorf("%s: got %q, want %q", name, got.Get(name), want)
		}
	}
}

func TestFlexCallsMayTakeLongerUnlessTheUserSetsATime(t *testing.T) {
	for _, c := range []struct {
		args string
		want time.Duration
	}{
		{"", 2 * time.Minute}, {"--timeout 5s", 5 * time.Second}, {"--service-tier flex", 15 * time.Minute}, {"--service-tier flex --timeout 2m", 2 * time.Minute},
		{`--extra-body {"service_tier":"flex"}`, 15 * time.Minute}, {"--service-tier priority", 2 * time.Minute}, {"--service-tier flex --timeout 0", 0},
	} {
		var s Settings
		var o Options
		app := &cli.App{Flags: append(s.Flags(), o.Flags()...), Action: func(*cli.Context) error { return nil }}
		if err := app.Run(append([]string{"ner-run"}, strings.Fields(c.args)...)); err != nil {
			t.Fatal(err)
		}
		o.Tier = s.ServiceTier()
		if got := o.timeout(); got != c.want {
			t.Errorf("%s: got %v, want %v", c.args, got, c.want)
		}
	}
}

// A pipe, such as a password manager's, can be read only once.
func TestTheKeyFileIsReadOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("\ufeffsk-simulated\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := Options{KeyFile: path}
	first, _, err := o.Account(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if second, _, err := o.Account(t.Context()); err != nil || second != first {
		t.Errorf("got %s, %v, want %s", second, err, first)
	}
}
