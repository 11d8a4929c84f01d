package openaiapi_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"nertools/pkg/fault"
	"nertools/pkg/openaiapi"
	"nertools/pkg/openaitest"
	"nertools/pkg/pace"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// key has the form of no service's keys, so that only its very text can tell it.
const key = "Zq7/secret+of.this_test"

func TestMain(m *testing.M) {
	// What the person who runs the tests has set must not decide them.
	for _, name := range []string{"OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_CUSTOM_HEADERS"} {
		os.Unsetenv(name)
	}
	os.Exit(m.Run())
}

func connect(t *testing.T, base string, change func(*openaiapi.Config)) *openaiapi.Client {
	t.Helper()
	cfg := openaiapi.Config{Key: key, BaseURL: base + "/v1", InFlight: 4}
	if change != nil {
		change(&cfg)
	}
	c, err := openaiapi.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// simulate starts the simulated API and connects to it.
func simulate(t *testing.T, opt openaitest.Options, change func(*openaiapi.Config)) (*openaitest.Server, *openaiapi.Client) {
	t.Helper()
	api := openaitest.New(opt)
	ts := httptest.NewServer(api)
	t.Cleanup(ts.Close)
	t.Cleanup(api.Close)
	return api, connect(t, ts.URL, change)
}

// serve starts a server of one's own and connects to it.
func serve(t *testing.T, h http.HandlerFunc) *openaiapi.Client { return serveWith(t, nil, h) }

func serveWith(t *testing.T, change func(*openaiapi.Config), h http.HandlerFunc) *openaiapi.Client {
	t.Helper()
	ts := httptest.NewServer(h)
	t.Cleanup(ts.Close)
	return connect(t, ts.URL, change)
}

func body(prompt string) []byte {
	b, err := wire.NewBuilder(wire.Settings{Model: "gpt-4o-mini", MaxTokens: 512})
	if err != nil {
		panic(err)
	}
	return b.Append(nil, prompt)
}

// ask makes a call and returns the answer as it came.
func ask(c *openaiapi.Client, ctx context.Context, path string, body []byte) (answer []byte, limits pace.Limits, err error) {
	limits, err = c.Ask(ctx, path, body, func(b []byte) error {
		answer = bytes.Clone(b)
		return nil
	})
	return answer, limits, err
}

// failure is the error that a call must end in.
func failure(t *testing.T, c *openaiapi.Client) *wire.Error {
	t.Helper()
	answer, _, err := ask(c, t.Context(), wire.Chat, body("hi"))
	e, ok := errors.AsType[*wire.Error](err)
	if !ok {
		t.Fatalf("got %s, %v", answer, err)
	}
	if strings.Contains(e.Error(), key) || strings.Contains(fmt.Sprintf("%+v", e), key) {
		t.Errorf("the key shows: %+v", e)
	}
	return e
}

func TestExactBytesGoOutAndComeBack(t *testing.T) {
	const prompt = "Sentence: <&> \u2028 \"Ada\" é 中\nMarked:"
	api, c := simulate(t, openaitest.Options{Key: key, Logging: openaitest.Logging{KeepBodies: true}, Answer: openaitest.Fixed("<&> \u2028")}, nil)
	for _, path := range []string{wire.Chat, wire.Completions} {
		b, err := wire.NewBuilder(wire.Settings{Model: "local", Endpoint: strings.TrimPrefix(strings.TrimSuffix(path, "/completions"), "/"), MaxTokens: 9})
		if err != nil {
			t.Fatal(err)
		}
		sent := b.Append(nil, prompt)
		answer, _, err := ask(c, t.Context(), path, sent)
		if err != nil {
			t.Fatal(err)
		}
		var r record.Result
		if err := new(wire.Judge).ParseAnswer(answer, &r); err != nil || r.Output != "<&> \u2028" {
			t.Errorf("%s: got %q, %v", path, r.Output, err)
		}
		calls := api.Log()
		if last := calls[len(calls)-1]; last.Body != string(sent) || last.Path != "/v1/"+path || last.Method != http.MethodPost {
			t.Errorf("%s: got %+v", path, last)
		}
	}
}

func TestAnswerNeedsNoContentType(t *testing.T) {
	_, c := simulate(t, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.NoContentType}}}, nil)
	if answer, _, err := ask(c, t.Context(), wire.Chat, body("hi")); err != nil || !bytes.Contains(answer, []byte(`"choices"`)) {
		t.Errorf("got %s, %v", answer, err)
	}
}

func TestCallSaysWhoAsksWhateverTheEnvironmentSays(t *testing.T) {
	for name, value := range map[string]string{
		"OPENAI_API_KEY": "another-key", "OPENAI_ADMIN_KEY": "admin-key", "OPENAI_ORG_ID": "org-2", "OPENAI_PROJECT_ID": "proj_2",
		"OPENAI_CUSTOM_HEADERS": "X-Mine: d\nX-Theirs: e", "OPENAI_BASE_URL": "",
	} {
		t.Setenv(name, value)
	}
	var got http.Header
	c := serveWith(t, func(cfg *openaiapi.Config) {
		cfg.Org, cfg.Project, cfg.Header = "org-1", "proj_1", http.Header{"X-Mine": {"a b"}, "X-Other": {"c"}}
	}, func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
	if _, _, err := ask(c, t.Context(), wire.Chat, body("hi")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Authorization": "Bearer " + key, "Openai-Organization": "org-1", "Openai-Project": "proj_1", "X-Mine": "a b", "X-Other": "c", "X-Theirs": "",
		"Content-Type": "application/json", "X-Stainless-Retry-Count": "",
	} {
		if got.Get(name) != want || len(got.Values(name)) > 1 {
			t.Errorf("%s: got %q, want %q", name, got.Values(name), want)
		}
	}
}

func TestSpellingsOfOneBaseURLAreOne(t *testing.T) {
	for want, spellings := range map[string][]string{
		"https://api.openai.com/v1":     {"", " ", "https://api.openai.com/v1/", "HTTPS://API.OpenAI.com:443/v1//", "https://me:secret@api.openai.com:/v1#x"},
		"http://localhost/v1":           {"http://LOCALHOST:80/v1\n"},
		"http://localhost:443/v1":       {"http://localhost:443/v1/"},
		"http://[::1]":                  {"http://[::1]:80/", "http://[::1]"},
		"https://h/a%2Fb?api-version=1": {"https://H/a%2Fb/?api-version=1"},
	} {
		for _, spelt := range spellings {
			if u, err := openaiapi.ParseBaseURL(spelt); err != nil || u.String() != want {
				t.Errorf("%q: got %v, %v, want %s", spelt, u, err, want)
			}
		}
	}
}

func TestBaseURLMayEndInASlash(t *testing.T) {
	_, c := simulate(t, openaitest.Options{}, func(cfg *openaiapi.Config) { cfg.BaseURL += "/" })
	if _, _, err := ask(c, t.Context(), wire.Chat, body("hi")); err != nil {
		t.Error(err)
	}
}

func TestKeyIsNotSentUnencryptedToOtherMachines(t *testing.T) {
	for base, want := range map[string]string{
		"":                                "",
		"https://api.example.com/v1":      "",
		"HTTPS://api.example.com/v1":      "",
		"http://localhost:8000/v1":        "",
		"http://api.localhost/v1":         "unencrypted", // some resolvers ask the network for it
		"http://127.0.0.1:8000/v1":        "",
		"http://127.1.2.3/v1":             "",
		"http://[::1]:8000/v1":            "",
		"http://api.example.com/v1":       "unencrypted",
		"http://192.168.1.2:8000/v1":      "unencrypted",
		"http://0.0.0.0:8000/v1":          "",
		"http://[::]:8000/v1":             "",
		"http://[::ffff:127.0.0.1]/v1":    "",
		"http://[::1%25lo]:8000/v1":       "",
		"http://localhost.:8000/v1":       "",
		"http://LOCALHOST:8000/v1":        "",
		"HTTP://LocalHost./v1":            "",
		" http://localhost:8000/v1\n":     "",
		"http://[fe80::1]/v1":             "unencrypted",
		"http://localhost..:8000/v1":      "unencrypted",
		"http://0.0.0.1/v1":               "unencrypted",
		"http://10.0.0.0/v1":              "unencrypted",
		"http://xlocalhost/v1":            "unencrypted",
		"http://127.0.0.1.example.com/v1": "unencrypted",
		"http://localhost.example.com/v1": "unencrypted",
		"http://127.0.0.1@example.com/v1": "unencrypted",
		"ftp://localhost/v1":              "not an http address",
		"localhost:8000/v1":               "not an http address",
		"/v1":                             "not an http address",
		"https:///v1":                     "not an http address",
		"http://a b/v1":                   "base URL cannot be parsed",
		"https://me:hunter22@a b/v1":      "base URL cannot be parsed",
		"http://me:hunter22@host/v1":      "unencrypted",
		"http://host/v1?api-key=hunter22": "unencrypted",
		"http://host/v1?k=hunter22":       "unencrypted",
		"ftp://host/v1?sig=hunter22":      "not an http address",
	} {
		_, err := openaiapi.New(openaiapi.Config{Key: key, BaseURL: base})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", base, err, want)
		}
		if err != nil && (fault.Hint(err) == "" && !errors.Is(err, openaiapi.ErrUnencrypted) || strings.Contains(err.Error(), key) || strings.Contains(err.Error(), "hunter22")) {
			t.Errorf("%q: %v, hint %q", base, err, fault.Hint(err))
		}
	}
	if _, err := openaiapi.New(openaiapi.Config{Key: key, BaseURL: "http://192.168.1.2:8000/v1", AllowHTTP: true}); err != nil {
		t.Error(err)
	}
}

func TestKeyThatCannotBeSentIsRefusedUnseen(t *testing.T) {
	for _, bad := range []string{"sk-one two", "sk-one\n", "sk-\x00one", "sk-öne", "\ufeffsk-one"} {
		if _, err := openaiapi.New(openaiapi.Config{Key: bad}); err == nil || strings.Contains(err.Error(), "one") || fault.Hint(err) == "" {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

func TestKeyShowsInNoError(t *testing.T) {
	_, c := simulate(t, openaitest.Options{Key: "another"}, nil)
	if e := failure(t, c); e.Class != record.Auth || e.Code != "invalid_api_key" || !strings.HasPrefix(e.Message, "Incorrect API key provided: ") {
		t.Errorf("got %+v", e)
	}
	for n := 440; n < 520; n += 3 {
		for _, form := range []string{`{"error":{"message":"%s is wrong","code":"invalid_api_key"}}`, `{"detail":"%s"}`, "%s", "{%s"} {
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, sent, _ := strings.Cut(r.Header.Get("Authorization"), " ")
				w.WriteHeader(401)
				fmt.Fprintf(w, form, strings.Repeat("x", n)+sent)
			})
			// Not even the half that is left where a message is cut short.
			if e := failure(t, c); strings.Contains(e.Message, key[:4]) || e.Class != record.Auth {
				t.Fatalf("%d: got %+v", n, e)
			}
		}
	}
}

func TestKeyShowsInNoAnswerThatIsAnError(t *testing.T) {
	for _, form := range []string{
		`{"error":{"message":"no such key: %[1]s","code":"%[1]s","type":"%[1]s","param":"%[1]s"}}`,
		`{"error":{"message":"no such key: %[2]s","code":"%[2]s","type":"%[2]s","param":"%[2]s"}}`,
		`{"detail":"no such key: %[2]s"}`,
		`{"model":"%[1]s","choices":[{"message":{"content":"%[2]s","refusal":"no such key: %[2]s"},"finish_reason":"%[1]s"}]}`,
		`{"model":"%[2]s","choices":[{"message":{"content":"no such key: %[2]s"},"finish_reason":"%[1]s"}]}`,
		`{"model":"m","choices":[{"message":{"content":"no such key: %[2]s"},"finish_reason":"stop"}]}`,
	} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			sent := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			escaped := fmt.Sprintf(`\u%04x`, sent[0]) + strings.ReplaceAll(sent[1:], "/", `\/`)
			fmt.Fprintf(w, form, sent, escaped)
		})
		var r record.Result
		_, err := c.Ask(t.Context(), wire.Chat, body("hi"), func(answer []byte) error { return new(wire.Judge).ParseAnswer(answer, &r) })
		r.Failure = wire.Failed(cmp.Or(err, errors.New("none")))
		line := string(record.AppendResult(nil, &r))
		if e, _ := errors.AsType[*wire.Error](err); strings.Contains(line, key[1:]) || e != nil && strings.Contains(fmt.Sprintf("%+v", *e), key[1:]) {
			t.Errorf("%s: got %s, %v", form, line, err)
		}
	}
}

func TestShortKeyOfALocalServerLeavesMessagesWhole(t *testing.T) {
	_, c := simulate(t, openaitest.Options{Unsupported: []string{"max_tokens"}}, func(cfg *openaiapi.Config) { cfg.Key = "x" })
	_, _, err := ask(c, t.Context(), wire.Chat, body("hi"))
	if err == nil || !strings.Contains(err.Error(), "max_tokens") {
		t.Errorf("got %v", err)
	}
	const answer = `{"error":null,"choices":[{"text":"Alexander"}]}`
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) }))
	defer ts.Close()
	c = connect(t, ts.URL, func(cfg *openaiapi.Config) { cfg.Key = "x" })
	if got, _, err := ask(c, t.Context(), wire.Chat, body("hi")); string(got) != answer {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	var reached atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", other.URL+"/v2/?"+r.Header.Get("Authorization"))
			w.WriteHeader(status)
		})
		e := failure(t, c)
		if e.Class != record.Invalid || e.Status != status || !e.Fatal(true) || e.Message != "redirected to "+other.URL {
			t.Errorf("%d: got %+v", status, e)
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d calls went on to where the service pointed", n)
	}
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + l.Addr().String()
	l.Close()
	e := failure(t, connect(t, base, nil))
	if e.Class != record.Network || !e.Passing() || !strings.Contains(e.Message, "refused") || strings.Contains(e.Message, "/v1") {
		t.Errorf("got %+v", e)
	}
}

func TestServerWithoutATrustedCertificateGetsNothing(t *testing.T) {
	var reached atomic.Int64
	ts := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	ts.Config.ErrorLog = log.New(io.Discard, "", 0)
	ts.StartTLS()
	defer ts.Close()
	e := failure(t, connect(t, ts.URL, nil))
	if e.Class != record.Network || !strings.Contains(e.Message, "certificate") || reached.Load() != 0 {
		t.Errorf("got %+v, %d calls arrived", e, reached.Load())
	}
	if e.Passing() || !e.Fatal(true) || !strings.Contains(fault.Hint(e), "SSL_CERT_FILE") {
		t.Errorf("an untrusted certificate is taken for a passing failure: %+v", e)
	}
}

func TestWhatGoesWrongIsPutIntoItsClass(t *testing.T) {
	half := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"choices":`)
	}
	for _, c := range []struct {
		name    string
		fault   openaitest.Fault
		handler http.HandlerFunc
		class   record.Class
		status  int
		message string
	}{
		{name: "reset", fault: openaitest.Fault{Kind: openaitest.Reset}, class: record.Network, message: "reset"},
		{name: "reset in the middle", fault: openaitest.Fault{Kind: openaitest.ResetMidBody}, class: record.Network},
		{name: "closed in the middle", handler: func(w http.ResponseWriter, _ *http.Request) { half(w) }, class: record.Network, message: "closed in the middle of the answer"},
		{name: "an error closed in the middle", handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			w.WriteHeader(401)
			_, _ = io.WriteString(w, `{"error":`)
		}, class: record.Network, message: "closed in the middle of the answer"},
		{name: "a page", fault: openaitest.Fault{
			Kind:       openaitest.Status,
			ErrorReply: openaitest.ErrorReply{Status: 502, Body: "<html><h1>502 Bad Gateway</h1></html>"},
		}, class: record.Server, status: 502, message: "bad gateway (the answer is not the API's JSON)"},
		{name: "an error as a string", fault: openaitest.Fault{
			Kind:       openaitest.Status,
			ErrorReply: openaitest.ErrorReply{Status: 500, Body: `{"error":"out of memory"}`},
		}, class: record.Server, status: 500, message: "out of memory"},
		{name: "no body", handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, class: record.Server, status: 503, message: "service unavailable"},
		{name: "no quota", fault: openaitest.Fault{Kind: openaitest.InsufficientQuota}, class: record.Quota, status: 429, message: "quota"},
		{name: "throttled", fault: openaitest.Fault{
			Kind:       openaitest.Status,
			ErrorReply: openaitest.ErrorReply{Status: 429},
		}, class: record.RateLimit, status: 429, message: "Rate limit"},
		{name: "too long", fault: openaitest.Fault{Kind: openaitest.ContextLength}, class: record.ContextLength, status: 400, message: "maximum context length"},
		{name: "a parameter", fault: openaitest.Fault{
			Kind:       openaitest.UnsupportedParameter,
			ErrorReply: openaitest.ErrorReply{Param: "temperature"},
		}, class: record.Invalid, status: 400, message: "'temperature'"},
		{name: "accepted", handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) }, class: record.Invalid, status: 202, message: "accepted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var client *openaiapi.Client
			if c.handler != nil {
				client = serve(t, c.handler)
			} else {
				_, client = simulate(t, openaitest.Options{Faults: []openaitest.Fault{c.fault}}, nil)
			}
			e := failure(t, client)
			if e.Class != c.class || e.Status != c.status || !strings.Contains(e.Message, c.message) {
				t.Errorf("got %+v", e)
			}
		})
	}
}

func TestCutJSONIsLeftToWhoReadsTheAnswer(t *testing.T) {
	_, c := simulate(t, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.TruncatedJSON}}}, nil)
	answer, _, err := ask(c, t.Context(), wire.Chat, body("hi"))
	if err != nil {
		t.Fatal(err)
	}
	e, ok := errors.AsType[*wire.Error](new(wire.Judge).ParseAnswer(answer, new(record.Result)))
	if !ok || e.Class != record.Malformed || !e.Passing() {
		t.Errorf("got %v", e)
	}
}

func TestEndlessAnswerIsGivenUp(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		chunk := bytes.Repeat([]byte(" "), 1<<20)
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	if e := failure(t, c); e.Class != record.Malformed || e.Passing() || e.Fatal(true) || !strings.Contains(e.Message, "more than 64 MiB") {
		t.Errorf("got %+v", e)
	}
}

func TestCallThatTakesTooLongIsATimeout(t *testing.T) {
	brief := func(cfg *openaiapi.Config) { cfg.Timeout = 20 * time.Millisecond }
	_, hanging := simulate(t, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.Hang}}}, brief)
	over := make(chan struct{})
	stuck := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"choices":`)
		_ = http.NewResponseController(w).Flush()
		<-over
	}))
	defer stuck.Close()
	defer close(over)
	for name, c := range map[string]*openaiapi.Client{"no answer": hanging, "half an answer": connect(t, stuck.URL, brief)} {
		if e := failure(t, c); e.Class != record.Timeout || !e.Passing() || e.Message != "no answer within 20ms" {
			t.Errorf("%s: got %+v", name, e)
		}
	}
}

func TestCallEndsWithItsContext(t *testing.T) {
	api, c := simulate(t, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.Hang}}}, func(cfg *openaiapi.Config) { cfg.Timeout = time.Hour })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, _, err := ask(c, ctx, wire.Chat, body("hi"))
		ended <- err
	}()
	for api.Calls() == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, _, err := ask(c, ctx, wire.Chat, body("hi")); !errors.Is(err, context.Canceled) {
		t.Errorf("after that: %v", err)
	}
}

func TestLimitsAreReadFromTheHeaders(t *testing.T) {
	for _, c := range []struct {
		limit, remaining, reset string
		want                    pace.Limit
	}{
		{"500", "499", "120ms", pace.Limit{Max: 500, Remaining: 499, Reset: 120 * time.Millisecond}},
		{"200000", "0", "6m0s", pace.Limit{Max: 200000, Reset: 6 * time.Minute}},
		{"200000", "199000", "12ms", pace.Limit{Max: 200000, Remaining: 199000, Reset: 12 * time.Millisecond}},
		{"10000", "9000", "8.64s", pace.Limit{Max: 10000, Remaining: 9000, Reset: 8640 * time.Millisecond}},
		{"10", "1", "1.5", pace.Limit{Max: 10, Remaining: 1, Reset: 1500 * time.Millisecond}},
		{"10", "1", "1h2m3s", pace.Limit{Max: 10, Remaining: 1, Reset: time.Hour + 2*time.Minute + 3*time.Second}},
		{"10", "1", "-5", pace.Limit{Max: 10, Remaining: 1}},
		{"10", "1", "946684800", pace.Limit{Max: 10, Remaining: 1}}, // a Unix time that has passed
		{"10", "1", "1999-12-31T23:59:59Z", pace.Limit{Max: 10, Remaining: 1}},
		{"10", "1", "2999-12-31T23:59:59Z", pace.Limit{Max: 10, Remaining: 1, Reset: 365 * 24 * time.Hour}},
		{"10", "1", "1e300", pace.Limit{Max: 10, Remaining: 1, Reset: 365 * 24 * time.Hour}},
		{"-1", "-1", "0", pace.Limit{Max: -1, Remaining: -1}},
		{"", "", "", pace.Limit{}},
		{"10", "", "1s", pace.Limit{}},
		{"10", "1", "", pace.Limit{}},
		{"", "1", "1s", pace.Limit{}},
		{"10", "1", "soon", pace.Limit{}},
		{"10", "1.5", "1s", pace.Limit{}},
		{"9999999999999999999999", "1", "1s", pace.Limit{}},
	} {
		for _, status := range []int{200, 429} {
			client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				for name, value := range map[string]string{"limit": c.limit, "remaining": c.remaining, "reset": c.reset} {
					if value != "" {
						w.Header().Set("x-ratelimit-"+name+"-requests", value)
					}
				}
				w.Header().Set("x-ratelimit-limit-tokens", "7")
				w.Header().Set("x-ratelimit-remaining-tokens", "3")
				w.Header().Set("x-ratelimit-reset-tokens", "1s")
				w.WriteHeader(status)
			})
			_, got, err := ask(client, t.Context(), wire.Chat, body("hi"))
			want := pace.Limits{Requests: c.want, Tokens: pace.Limit{Max: 7, Remaining: 3, Reset: time.Second}}
			if d := gocmp.Diff(want, got); d != "" || (err == nil) != (status == 200) {
				t.Errorf("%+v, %d: %v %s", c, status, err, d)
			}
		}
	}
}

func TestAResetThatIsADateIsReadAsTheTimeUntilThen(t *testing.T) {
	in := time.Now().Add(time.Hour)
	for _, reset := range []string{
		strconv.FormatInt(in.Unix(), 10), strconv.FormatInt(in.UnixMilli(), 10), in.UTC().Format(time.RFC3339), in.UTC().Format(http.TimeFormat),
	} {
		client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("x-ratelimit-limit-requests", "10")
			w.Header().Set("x-ratelimit-remaining-requests", "1")
			w.Header().Set("x-ratelimit-reset-requests", reset)
		})
		_, got, err := ask(client, t.Context(), wire.Chat, body("hi"))
		if err != nil || got.Requests.Reset < 59*time.Minute || got.Requests.Reset > time.Hour {
			t.Errorf("%s: %+v, %v", reset, got, err)
		}
	}
}

func TestAPauseIsReadFromWhereverItStands(t *testing.T) {
	for _, c := range []struct {
		name, header, value, also string
		message                   string
		want                      time.Duration
	}{
		{"the header wins over the message", "Retry-After", "1", "", "Please try again in 6m0s.", time.Second},
		{"a header of 0 says nothing", "Retry-After", "0", "", "Please retry after 30 seconds.", 30 * time.Second},
		{"the message alone", "X-Other", "1", "", "Please retry after 30 seconds.", 30 * time.Second},
		{"the message wins over a reset", "X-Rate-Limit-Reset-Tokens", "60", "", "Please retry after 30 seconds.", 30 * time.Second},
		{"Azure's reset", "X-Rate-Limit-Reset-Tokens", "31", "", "slow down", 31 * time.Second},
		{"a reset beside what remains is a limit, not a pause", "X-Ratelimit-Reset-Tokens", "6m0s", "X-Ratelimit-Remaining-Tokens", "slow down", 0},
		{"Azure's milliseconds", "X-Ms-Retry-After-Ms", "2500", "", "slow down", 2500 * time.Millisecond},
	} {
		client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(c.header, c.value)
			if c.also != "" {
				w.Header().Set(c.also, "0")
			}
			w.WriteHeader(429)
			fmt.Fprintf(w, `{"error":{"message":%q}}`, c.message)
		})
		if got := failure(t, client).RetryAfter; got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestPauseIsReadFromTheHeaders(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for _, c := range []struct {
		ms, seconds string
		from, to    time.Duration
	}{
		{"", "", 0, 0},
		{"", "20", 20 * time.Second, 20 * time.Second},
		{"", "0.5", time.Second / 2, time.Second / 2},
		{"250", "1", 250 * time.Millisecond, 250 * time.Millisecond},
		{"12.5", "", 12500 * time.Microsecond, 12500 * time.Microsecond},
		{"soon", "2", 2 * time.Second, 2 * time.Second},
		{"", "soon", 0, 0},
		{"", "-3", 0, 0},
		{"-1", "5", 0, 0},
		{"", "NaN", 0, 0},
		{"", "411498", 411498 * time.Second, 411498 * time.Second},
		{"", "1e300", year, year},
		{"", "inf", year, year},
		{"99999999999999999999", "", year, year},
		{"", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), 50 * time.Minute, time.Hour},
		{"", "Sun, 06 Nov 1994 08:49:37 GMT", 0, 0},
	} {
		client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			for name, value := range map[string]string{"retry-after-ms": c.ms, "retry-after": c.seconds} {
				if value != "" {
					w.Header().Set(name, value)
				}
			}
			w.WriteHeader(429)
		})
		if got := failure(t, client).RetryAfter; got < c.from || got > c.to {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}

func TestLimitsOfTheSimulatedServiceAreUnderstood(t *testing.T) {
	_, c := simulate(t, openaitest.Options{RateLimits: openaitest.RateLimits{RPM: 2, TPM: 100_000}}, nil)
	_, limits, err := ask(c, t.Context(), wire.Chat, body("hi"))
	if err != nil {
		t.Fatal(err)
	}
	if r := limits.Requests; r.Max != 2 || r.Remaining != 1 || r.Reset <= 29*time.Second || r.Reset > 30*time.Second {
		t.Errorf("requests: %+v", r)
	}
	if k := limits.Tokens; k.Max != 100_000 || k.Remaining < 99_000 || k.Remaining >= 100_000 || k.Reset <= 0 || k.Reset > time.Second {
		t.Errorf("tokens: %+v", k)
	}
	_, _, _ = ask(c, t.Context(), wire.Chat, body("hi"))
	e := failure(t, c)
	if e.Class != record.RateLimit || e.RetryAfter <= 0 || e.RetryAfter > 30*time.Second {
		t.Errorf("got %+v", e)
	}
}

// The default transport opened a connection for almost every call.
func TestConnectionsAreReusedAtAnyNumberOfWorkers(t *testing.T) {
	const workers, calls = 64, 2000
	api, c := simulate(t, openaitest.Options{Logging: openaitest.Logging{NoLog: true}, Faults: []openaitest.Fault{
		{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 500}, Turns: openaitest.Turns{Every: 10}},
		{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 429}, Turns: openaitest.Turns{Every: 13}},
	}}, func(cfg *openaiapi.Config) { cfg.InFlight = workers })
	var left atomic.Int64
	left.Store(calls)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for n := left.Add(-1); n >= 0; n = left.Add(-1) {
				sent := body("Sentence: " + strconv.FormatInt(n, 10) + "\nMarked:")
				answer, _, err := ask(c, t.Context(), wire.Chat, sent)
				if e, ok := errors.AsType[*wire.Error](err); ok && (e.Status == 500 || e.Status == 429) {
					continue
				}
				var r record.Result
				if err == nil {
					err = new(wire.Judge).ParseAnswer(answer, &r)
				}
				if want := strconv.FormatInt(n, 10); err != nil || r.Output != want {
					t.Errorf("got %q, %v, want %q", r.Output, err, want)
				}
			}
		})
	}
	all.Wait()
	// More than one for each worker, since net/http gives up a connection whose writing
	// goroutine the scheduler forgets for 50 ms after the answer has come (its
	// maxWriteWaitBeforeConnReuse), as happens on a busy machine.
	if n := api.Connections(); n > 2*workers {
		t.Errorf("%d connections", n)
	}
	if n := api.Calls(); n != calls {
		t.Errorf("%d calls arrived", n)
	}
}

func TestServiceMayCloseConnectionsBetweenCalls(t *testing.T) {
	api := openaitest.New(openaitest.Options{})
	ts := httptest.NewServer(api)
	defer ts.Close()
	c := connect(t, ts.URL, nil)
	for range 20 {
		// A call that the closing catches on its way fails as one worth another try.
		_, _, err := ask(c, t.Context(), wire.Chat, body("hi"))
		if e, ok := errors.AsType[*wire.Error](err); err != nil && (!ok || !e.Passing()) {
			t.Fatal(err)
		}
		if err != nil {
			_, _, err = ask(c, t.Context(), wire.Chat, body("hi"))
		}
		if err != nil {
			t.Fatal(err)
		}
		ts.CloseClientConnections()
	}
}

func TestNothingIsLeftRunningAfterClose(t *testing.T) {
	api := openaitest.New(openaitest.Options{Faults: []openaitest.Fault{
		{
			Kind:  openaitest.ResetMidBody,
			Turns: openaitest.Turns{Every: 5},
		}, {
			Kind:       openaitest.Status,
			ErrorReply: openaitest.ErrorReply{Status: 500},
			Turns:      openaitest.Turns{Every: 3},
		}, {
			Kind:  openaitest.Hang,
			Turns: openaitest.Turns{Every: 7},
		},
	}})
	ts := httptest.NewServer(api)
	c := connect(t, ts.URL, func(cfg *openaiapi.Config) { cfg.InFlight, cfg.Timeout = 8, 50*time.Millisecond })
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				_, _, _ = ask(c, t.Context(), wire.Chat, body("hi"))
			}
		})
	}
	all.Wait()
	c.Close()
	api.Close()
	ts.Close()
	running := ""
	for range 6000 { // they need a moment to end
		var dump strings.Builder
		_ = pprof.Lookup("goroutine").WriteTo(&dump, 1)
		if running = dump.String(); !strings.Contains(running, "net/http.(*persistConn)") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("still running:\n%s", running)
}

func TestTheServiceSaysWhenItShutsAModelDown(t *testing.T) {
	for body, want := range map[string]string{
		`{"id":"m","shutdown_date":"2027-01-14"}`: "2027-01-14",
		`{"id":"m","shutdown_date":null}`:         "none",
		`{"id":"m"}`:                              "error",
		`{"id":"m","shutdown_date":"soon"}`:       "error",
		`{"error":{"message":"no such model"}}`:   "error",
		`<html>`:                                  "error",
	} {
		var path string
		c := serve(t, func(w http.ResponseWriter, r *http.Request) { path = r.RequestURI; _, _ = io.WriteString(w, body) })
		day, announced, err := c.Shutdown(t.Context(), "ft:gpt-4o/mini")
		got := day.Format(time.DateOnly)
		switch {
		case err != nil:
			got = "error"
		case !announced:
			got = "none"
		}
		if got != want || path != "/v1/models/ft:gpt-4o%2Fmini" {
			t.Errorf("%s: %s, %v, from %s", body, got, err, path)
		}
	}
}
