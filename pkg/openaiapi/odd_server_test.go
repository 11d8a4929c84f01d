package openaiapi_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nertools/pkg/fault"
	"nertools/pkg/openaiapi"
	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// listen starts a server that answers every connection with the same bytes and
// keeps it open.
func listen(t *testing.T, answer string) (base string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			go func() {
				_, _ = conn.Read(make([]byte, 64<<10))
				_, _ = io.WriteString(conn, answer)
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

func TestServerThatCannotBeTalkedToStopsTheRun(t *testing.T) {
	quiet := log.New(io.Discard, "", 0)
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = quiet
	secure.StartTLS()
	defer secure.Close()
	plain := httptest.NewUnstartedServer(http.NotFoundHandler())
	plain.Config.ErrorLog = quiet
	plain.Start()
	defer plain.Close()
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.Config.ErrorLog = quiet
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.StartTLS()
	defer old.Close()
	for name, c := range map[string]struct{ base, message, hint string }{
		"https to plain http":         {"https" + strings.TrimPrefix(plain.URL, "http"), "does not speak https", "http://"},
		"http to a TLS server":        {"http" + strings.TrimPrefix(secure.URL, "https"), "HTTPS server", "https://"},
		"http to an old TLS server":   {listen(t, "\x15\x03\x01\x00\x02\x02\x0a"), "expects https", "https://"},
		"http to nginx's TLS port":    {listen(t, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: 96\r\n\r\n<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head><body></body>"), "bad request", "https://"},
		"another name":                {strings.Replace(secure.URL, "127.0.0.1", "localhost", 1), "certificate", "SSL_CERT_FILE"},
		"unknown authority":           {secure.URL, "certificate", "SSL_CERT_FILE"},
		"an old version":              {old.URL, "version", ""},
		"another protocol, and quiet": {listen(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"), "another protocol", "/v1"},
	} {
		// Without a time limit, so that what never ends would show.
		_, _, err := ask(connect(t, c.base, nil), t.Context(), wire.Chat, body("hi"))
		e, ok := errors.AsType[*wire.Error](err)
		if !ok || e.Passing() && !e.Suspect || !e.Fatal(false) || !strings.Contains(e.Message, c.message) || c.hint != "/v1" && !strings.Contains(fault.Hint(e), c.hint) {
			t.Errorf("%s: got %+v, %v", name, e, err)
		}
	}
}

func TestEverySuccessIsOne(t *testing.T) {
	const answer = `{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}`
	for _, status := range []int{200, 201, 202, 203, 206, 226} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); _, _ = io.WriteString(w, answer) })
		if got, _, err := ask(c, t.Context(), wire.Chat, body("hi")); err != nil || string(got) != answer {
			t.Errorf("%d: got %s, %v", status, got, err)
		}
	}
	for _, status := range []int{201, 202, 204, 205} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		if e := failure(t, c); e.Class != record.Invalid || e.Status != status || e.Passing() {
			t.Errorf("%d without an answer: got %+v", status, e)
		}
	}
}

func TestInformationBeforeTheAnswerIsPassedOver(t *testing.T) {
	const answer = `{"choices":[]}`
	base := listen(t, "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 199 Odd\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "+fmt.Sprint(len(answer))+"\r\n\r\n"+answer)
	if got, _, err := ask(connect(t, base, nil), t.Context(), wire.Chat, body("hi")); err != nil || string(got) != answer {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestPauseOfAnErrorWithAStatusOfSuccessIsKept(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		_, _ = io.WriteString(w, `{"error":{"message":"slow down","code":429}}`)
	})
	_, err := c.Ask(t.Context(), wire.Chat, body("hi"), func(answer []byte) error { return new(wire.Judge).ParseAnswer(answer, new(record.Result)) })
	if e, _ := errors.AsType[*wire.Error](err); e == nil || e.Class != record.RateLimit || e.RetryAfter != 7*time.Second {
		t.Errorf("got %+v", err)
	}
}

func TestErrorsOfFilesAndBatchesAreReadWhateverTheirStatus(t *testing.T) {
	for text, class := range map[string]record.Class{
		`{"error":"Unexpected endpoint or method. (POST /v1/files)"}`: record.Invalid,
		`{"detail":"Not Found"}`:                                         record.Invalid,
		`{"success":false,"msg":"Insufficient balance"}`:                 record.Quota,
		`{"code":401,"message":"Invalid API key","data":null}`:           record.Auth,
		"data: {\"error\":\"the server is overloaded\"}\n\n":             record.Malformed,
		`<html><title>Welcome</title></html>`:                            record.Malformed,
		`{"object":"error","message":"boom, try again","type":"server"}`: record.Server,
	} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, text)
		})
		ctx := t.Context()
		for name, call := range map[string]func() error{
			"upload": func() error {
				_, err := c.Upload(ctx, "b.jsonl", 1, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader([]byte("x"))), nil })
				return err
			},
			"find":   func() error { _, err := c.FindFile(ctx, "b.jsonl", 1); return err },
			"size":   func() error { _, err := c.FileSize(ctx, "f"); return err },
			"create": func() error { _, err := c.CreateBatch(ctx, "f", "/v1/chat/completions", "24h", nil); return err },
			"batch":  func() error { _, err := c.Batch(ctx, "b"); return err },
			"list":   func() error { _, _, err := c.Batches(ctx, ""); return err },
			"cancel": func() error { _, err := c.CancelBatch(ctx, "b"); return err },
		} {
			err := call()
			if e, _ := errors.AsType[*wire.Error](err); e == nil || e.Class != class {
				t.Errorf("%s, %s: got %v, want %s", text, name, err, class)
			}
		}
	}
}

func TestQueryAndEscapesOfTheBaseURLAreKept(t *testing.T) {
	var got []string
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Method+" "+r.RequestURI)
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"id":"f","status":"completed","data":[],"bytes":1,"choices":[]}`)
	}))
	defer ts.Close()
	c, err := openaiapi.New(openaiapi.Config{Key: key, BaseURL: ts.URL + "/openai/deployments/a%2Fb/?api-version=2024-10-21&x=%2F", InFlight: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx := context.Background()
	_, _, err = ask(c, ctx, wire.Chat, body("hi"))
	_, _, e2 := c.Batches(ctx, "b_1")
	_, e3 := c.Upload(ctx, "b.jsonl", 1, func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("x")), nil })
	_, e4 := c.Download(ctx, "f/1", 0, io.Discard)
	if err := errors.Join(err, e2, e3, e4); err != nil {
		t.Fatal(err)
	}
	const base, query = " /openai/deployments/a%2Fb/", "?api-version=2024-10-21&x=%2F"
	want := []string{"POST" + base + "chat/completions" + query, "GET" + base + "batches" + query + "&limit=100&after=b_1", "POST" + base + "files" + query, "GET" + base + "files/f%2F1/content" + query}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestSecretInTheBaseURLShowsInNoMessage(t *testing.T) {
	const secret = "hunter22"
	for _, base := range []string{"/v1?api-key=" + secret, "/v1?api-version=1&token=" + secret} {
		ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(400)
			fmt.Fprintf(w, `{"error":{"message":"cannot serve %s"}}`, r.RequestURI)
		}))
		defer ts.Close()
		c, err := openaiapi.New(openaiapi.Config{Key: key, BaseURL: ts.URL + base, InFlight: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if e := failure(t, c); strings.Contains(e.Message, secret) || !strings.Contains(e.Message, "cannot serve /v1/chat/completions?") {
			t.Errorf("%s: got %+v", base, e)
		}
	}
}

func TestSecretOfAHeaderOrAProxyShowsInNoMessage(t *testing.T) {
	t.Setenv("http_proxy", "http://me:hunter-three@127.0.0.1:1")
	c := serveWith(t, func(cfg *openaiapi.Config) {
		cfg.Header = http.Header{"Api-Key": {"hunter-one"}, "X-Auth": {"Bearer hunter-two"}, "X-Team": {"blue"}}
	}, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400)
		fmt.Fprintf(w, `{"error":{"message":"%s, %s, %s, hunter-three"}}`, r.Header.Get("api-key"), strings.TrimPrefix(r.Header.Get("X-Auth"), "Bearer "), r.Header.Get("X-Team"))
	})
	if e := failure(t, c); e.Message != "…, …, blue, …" {
		t.Errorf("got %+v", e)
	}
}
