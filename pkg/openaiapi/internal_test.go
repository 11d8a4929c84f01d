package openaiapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestWhatLastsIsToldFromWhatPasses(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for name, c := range map[string]struct {
		err              error
		certain, suspect bool
		hint             string
	}{
		"unknown authority":   {&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, true, false, "SSL_CERT_FILE"},
		"another name":        {&tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: new(x509.Certificate), Host: "h"}}, true, false, "SSL_CERT_FILE"},
		"expired":             {&tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Cert: new(x509.Certificate), Reason: x509.Expired}}, true, false, "clock"},
		"no roots":            {x509.SystemRootsError{Err: errors.New("none")}, true, false, "SSL_CERT_FILE"},
		"plain http":          {http.ErrSchemeMismatch, true, false, "http://"},
		"not TLS":             {tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, true, false, "http://"},
		"TLS, not http":       {errors.New(`net/http: HTTP/1.x transport connection broken: malformed HTTP response "\x15\x03\x01\x00\x02\x02\n"`), true, false, "https://"},
		"an alert":            {&net.OpError{Op: "remote error", Err: errors.New("tls: handshake failure")}, false, true, "encrypted"},
		"no such host":        {dial(&net.DNSError{Err: "no such host", Name: "h", IsNotFound: true}), false, true, "host"},
		"the resolver failed": {dial(&net.DNSError{Err: "server misbehaving", Name: "h", IsTemporary: true}), false, false, ""},
		"an impossible port":  {dial(&net.AddrError{Err: "invalid port", Addr: "99999"}), true, false, "address"},
		"a proxy's password":  {errors.New("Proxy Authentication Required"), true, false, "HTTPS_PROXY"},
		"a bad proxy":         {errors.New(`invalid proxy address "::": parse`), true, false, "HTTPS_PROXY"},
		"refused":             {dial(errors.New("connection refused")), false, false, ""},
		"reset":               {errors.New("connection reset by peer"), false, false, ""},
		"closed":              {io.ErrUnexpectedEOF, false, false, ""},
		"garbage":             {errors.New(`malformed HTTP response "\x00\x00"`), false, false, ""},
	} {
		certain, suspect, hint := lasting(fmt.Errorf("call: %w", c.err))
		if c.hint == "HTTPS_PROXY" {
			certain, suspect, hint = lasting(c.err) // known by their words alone
		}
		if certain != c.certain || suspect != c.suspect || !strings.Contains(hint, c.hint) || c.hint == "" && hint != "" {
			t.Errorf("%s: got %v, %v, %q", name, certain, suspect, hint)
		}
	}
}

func TestPathIsPutUnderTheBaseURL(t *testing.T) {
	for _, c := range []struct{ base, path, want string }{
		{"", "chat/completions", "https://api.openai.com/v1/chat/completions"},
		{"https://h/v1/", "chat/completions", "https://h/v1/chat/completions"},
		{"https://h/v1//", "batches?limit=100", "https://h/v1/batches?limit=100"},
		{"https://h", "embeddings", "https://h/embeddings"},
		{"https://h/openai/deployments/a%2Fb/?api-version=2024-10-21", "chat/completions", "https://h/openai/deployments/a%2Fb/chat/completions?api-version=2024-10-21"},
		{"https://h/a%20b/v1?x=1&x=2&y=%2F", "files?purpose=batch&after=f", "https://h/a%20b/v1/files?x=1&x=2&y=%2F&purpose=batch&after=f"},
		{"https://h/v1?", "files/a%2Fb/content", "https://h/v1/files/a%2Fb/content"},
		{"https://me:secret-word@h/v1#part", "batches", "https://h/v1/batches"},
		{" HTTPS://H:8443/v1\n", "batches", "https://h:8443/v1/batches"},
		{"https://h/é/v1", "batches", "https://h/%C3%A9/v1/batches"},
	} {
		base, err := ParseBaseURL(c.base)
		if err != nil {
			t.Errorf("%s: %v", c.base, err)
			continue
		}
		got, err := under(base, c.path)
		if err != nil || got.String() != c.want {
			t.Errorf("%s and %s: got %s, %v, want %s", c.base, c.path, got, err, c.want)
		}
	}
}

func TestAddressIsShownWithoutItsSecrets(t *testing.T) {
	for text, want := range map[string]string{
		"https://h/v1":         "https://h/v1",
		"https://me:word@h/v1": "https://…@h/v1",
		"https://token@h/v1":   "https://…@h/v1",
		"https://h/v1?api-version=2024-10-21&api-key=ab": "https://h/v1?api-version=2024-10-21&api-key=…",
		"https://h/v1?ab&c=d;e=f":                        "https://h/v1?ab=…&c=…",
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := display(u); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// zipped is an answer of n bytes that comes compressed.
func zipped(t *testing.T, n int) *http.Response {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := io.CopyN(w, zeros{}, int64(n)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(&buf)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Response{ContentLength: -1, Body: io.NopCloser(r)}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestLargeAnswersAreReadOneAtATime(t *testing.T) {
	const inFlight = 24
	m := newMemory(inFlight)
	m.share = minShare
	var large, most, used atomic.Int64
	var all sync.WaitGroup
	for i := range inFlight {
		size := m.share + i
		if i%3 == 0 {
			size = 100 // an ordinary one
		}
		answer := zipped(t, size)
		all.Go(func() {
			err := m.read(t.Context(), answer, func(b []byte) error {
				if len(b) != size {
					t.Errorf("%d bytes of %d", len(b), size)
				}
				if used.Add(1); size < m.share {
					return nil
				}
				most.Store(max(most.Load(), large.Add(1)))
				runtime.Gosched()
				large.Add(-1)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if most.Load() != 1 || used.Load() != inFlight {
		t.Errorf("%d large answers at a time, %d of %d answers used", most.Load(), used.Load(), inFlight)
	}
}

func TestOrdinaryAnswersDoNotWaitForALargeOne(t *testing.T) {
	m := newMemory(4)
	m.share = minShare
	held := <-m.large // somebody reads a large one
	if err := m.read(t.Context(), zipped(t, m.share-1), func([]byte) error { return nil }); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := m.read(ctx, zipped(t, m.share+1), func([]byte) error { t.Error("used"); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("waiting outlives its context: %v", err)
	}
	m.large <- held
	if err := m.read(t.Context(), zipped(t, m.share+1), func([]byte) error { return nil }); err != nil {
		t.Error(err)
	}
}

func TestSharesStayWithinTheMemoryThereIs(t *testing.T) {
	for inFlight, want := range map[int]int{0: maxShare, 1: maxShare, 8: maxShare, 24: maxShare, 64: 6 << 20, 256: 3 << 19, 10_000: minShare} {
		if got := newMemory(inFlight).share; got != want {
			t.Errorf("%d calls: a share of %d bytes, want %d", inFlight, got, want)
		}
	}
}

func TestAnswerIsReadWholeWhateverItsLength(t *testing.T) {
	m := newMemory(1)
	m.share = 1 << 10
	for _, size := range []int{0, 1, 1023, 1024, 1025, 4095, 4096, 4097, 1 << 20} {
		for _, told := range []int64{-1, int64(size), int64(size) / 2} {
			want := bytes.Repeat([]byte("abc"), size)[:size]
			r := &http.Response{ContentLength: told, Body: io.NopCloser(bytes.NewReader(want))}
			err := m.read(t.Context(), r, func(got []byte) error {
				if !bytes.Equal(got, want) {
					t.Errorf("%d bytes, said to be %d: got %d", size, told, len(got))
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
}

func TestTheKeyGoesWhereTheServiceExpectsIt(t *testing.T) {
	const token = "eyJhbGciOiJub25lIn0.eyJhdWQiOiJhIn0.c2ln"
	for _, c := range []struct{ base, key, authorization, apiKey string }{
		{"", "sk-1", "Bearer sk-1", ""},
		{"https://me.openai.azure.com/openai/v1", "k1", "", "k1"},
		{"https://me.openai.azure.com/openai/deployments/d?api-version=2024-10-21", "k1", "", "k1"},
		{"https://me.services.ai.azure.com/openai/v1", "k1", "", "k1"},
		{"https://me.cognitiveservices.azure.us/openai/v1", "k1", "", "k1"},
		{"https://me.openai.azure.com/openai/v1", token, "Bearer " + token, ""},
		{"https://openai.azure.com.example.org/v1", "k1", "Bearer k1", ""},
		{"http://localhost:8000/v1", "", "", ""},
	} {
		client, err := New(Config{Key: c.key, BaseURL: c.base, InFlight: 1})
		if err != nil {
			t.Fatal(err)
		}
		r, err := client.request("chat/completions")
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Header.Get("Authorization"); got != c.authorization || r.Header.Get("Api-Key") != c.apiKey {
			t.Errorf("%s: Authorization %q, api-key %q", c.base, got, r.Header.Get("Api-Key"))
		}
	}
}

// As docs.together.ai/reference/upload-file and the answer about a pending file at
// learn.microsoft.com/answers/questions/2203029 have it.
func TestAnUploadIsWhatTheServiceExpectsAndReadyWhenItReturns(t *testing.T) {
	defer func(old time.Duration) { processingPoll = old }(processingPoll)
	processingPoll = time.Millisecond
	for name, c := range map[string]struct {
		base, path string
		fields     map[string]string
		statuses   []string // of the file, look by look; "" for none
	}{
		"OpenAI":   {"http://api.openai.com/v1", "/v1/files", map[string]string{"purpose": "batch"}, []string{"processed"}},
		"none":     {"http://example.org/v1", "/v1/files", map[string]string{"purpose": "batch"}, []string{""}},
		"Azure":    {"http://me.openai.azure.com/openai/v1", "/openai/v1/files", map[string]string{"purpose": "batch"}, []string{"pending", "running", "Processed"}},
		"failed":   {"http://me.openai.azure.com/openai/v1", "/openai/v1/files", map[string]string{"purpose": "batch"}, []string{"pending", "error"}},
		"Together": {"http://api.together.ai/v1", "/v1/files/upload", map[string]string{"purpose": "batch-api", "file_name": "b.jsonl", "file_type": "jsonl"}, []string{""}},
	} {
		looks := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			status := c.statuses[min(looks, len(c.statuses)-1)]
			looks++
			if r.Method == http.MethodPost {
				if err := r.ParseMultipartForm(1 << 20); err != nil || r.URL.Path != c.path || len(r.MultipartForm.Value) != len(c.fields) {
					t.Errorf("%s: %s with %v, %v", name, r.URL.Path, r.MultipartForm, err)
				}
				for field, want := range c.fields {
					if got := r.FormValue(field); got != want {
						t.Errorf("%s: %s is %q, want %q", name, field, got, want)
					}
				}
			} else if !strings.HasSuffix(r.URL.Path, "/files/file-1") {
				t.Errorf("%s: %s %s", name, r.Method, r.URL.Path)
			}
			fmt.Fprintf(w, `{"id":"file-1","status":%q}`, status)
		}))
		client, err := New(Config{Key: "k", BaseURL: c.base, AllowHTTP: true, InFlight: 1})
		if err != nil {
			t.Fatal(err)
		}
		proxy, err := url.Parse(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		client.transport.Proxy = http.ProxyURL(proxy)
		id, err := client.Upload(t.Context(), "b.jsonl", 2, func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("{}")), nil })
		if err != nil || id != "file-1" || looks != len(c.statuses) {
			t.Errorf("%s: %q, %v after %d looks, want %d", name, id, err, looks, len(c.statuses))
		}
		client.Close()
		server.Close()
	}
}
