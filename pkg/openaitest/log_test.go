package openaitest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/openaitest"
)

// lineWriter keeps each Write apart.
type lineWriter struct {
	mu     sync.Mutex
	writes []string
}

func (w *lineWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes = append(w.writes, string(b))
	return len(b), nil
}

func TestTheLogTellsEverythingAboutACall(t *testing.T) {
	var lines lineWriter
	api, c := serve(t, openaitest.Options{Logging: openaitest.Logging{LogTo: &lines, KeepBodies: true}})
	body := chatBody("gpt-4.1", "hi\n<there>")
	start := time.Now()
	c.post(chatPath, body)
	c.get("/v1/models/x")

	log := api.Log()
	if len(log) != 2 {
		t.Fatalf("%d calls in the log, want 2", len(log))
	}
	got := log[0]
	if got.Start.Before(start) || got.Duration <= 0 || got.Duration > time.Since(start) || got.Remote == "" {
		t.Errorf("start %v, duration %v, remote %q", got.Start, got.Duration, got.Remote)
	}
	got.Start, got.Duration, got.Remote = time.Time{}, 0, ""
	want := openaitest.Call{
		Seq: 1, Method: "POST", Path: chatPath, Model: "gpt-4.1", Op: "createChatCompletion", Status: 200, Answered: true, InFlight: 1,
		PromptSHA: fmt.Sprintf("%x", sha256.Sum256([]byte("hi\n<there>")))[:12],
		BodySHA:   fmt.Sprintf("%x", sha256.Sum256([]byte(body))),
		Body:      body,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if log[1].Method != "GET" || log[1].Model != "x" || log[1].Answered {
		t.Errorf("GET /v1/models/x logged as %+v", log[1])
	}

	if len(lines.writes) != 2 {
		t.Fatalf("%d writes, want one for each call", len(lines.writes))
	}
	for i, line := range lines.writes {
		var call openaitest.Call
		if err := json.Unmarshal([]byte(line), &call); err != nil || !strings.HasSuffix(line, "}\n") {
			t.Fatalf("%v: %q", err, line)
		}
		call.Start, log[i].Start = call.Start.UTC(), log[i].Start.Round(0).UTC()
		if diff := cmp.Diff(log[i], call); diff != "" {
			t.Errorf("line %d: -memory +line:\n%s", i, diff)
		}
	}
}

func TestBodiesAreKeptOnlyOnRequest(t *testing.T) {
	api := openaitest.New(openaitest.Options{})
	direct(t, api, chatBody("m", "hi"))
	if call := api.Log()[0]; call.Body != "" || call.BodySHA == "" {
		t.Errorf("logged as %+v", call)
	}
}

func TestTheLogCanBeSwitchedOff(t *testing.T) {
	api := openaitest.New(openaitest.Options{Logging: openaitest.Logging{NoLog: true}})
	direct(t, api, chatBody("m", "hi"))
	if len(api.Log()) != 0 || api.Calls() != 1 || api.Answered() != 1 {
		t.Errorf("%d logged, %d calls, %d answered", len(api.Log()), api.Calls(), api.Answered())
	}
}

// spyWriter notes how much of the answer was written when the call came to the log.
type spyWriter struct {
	*httptest.ResponseRecorder
	log       *bytes.Buffer
	whenEmpty int
}

func (w *spyWriter) Write(b []byte) (int, error) {
	n, err := w.ResponseRecorder.Write(b)
	if w.log.Len() == 0 {
		w.whenEmpty = w.Body.Len()
	}
	return n, err
}

func TestACallIsLoggedBeforeItsLastByteLeaves(t *testing.T) {
	for _, body := range []string{chatBody("m", "hi"), "{", chatBody("m", strings.Repeat("long ", 9000))} {
		var log bytes.Buffer
		w := &spyWriter{ResponseRecorder: httptest.NewRecorder(), log: &log}
		openaitest.New(openaitest.Options{Logging: openaitest.Logging{LogTo: &log}}).ServeHTTP(w, newRequest(t.Context(), http.MethodPost, chatPath, body))
		if w.whenEmpty != w.Body.Len()-1 {
			t.Errorf("%d of %d bytes were out before the log line", w.whenEmpty, w.Body.Len())
		}
	}
}

// brokenWriter is a client's connection that takes nothing.
type brokenWriter struct{ *httptest.ResponseRecorder }

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestAnAnswerThatCouldNotBeWrittenIsNotAnswered(t *testing.T) {
	api := openaitest.New(openaitest.Options{})
	api.ServeHTTP(brokenWriter{httptest.NewRecorder()}, newRequest(t.Context(), http.MethodPost, chatPath, chatBody("m", "hi")))
	if call := api.Log()[0]; call.Answered || api.Answered() != 0 {
		t.Errorf("logged as %+v", call)
	}
}

type failingLog struct{}

func (failingLog) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestAnErrorOfTheLogIsReported(t *testing.T) {
	api := openaitest.New(openaitest.Options{Logging: openaitest.Logging{LogTo: failingLog{}}})
	if err := api.LogErr(); err != nil {
		t.Error(err)
	}
	direct(t, api, chatBody("m", "hi"))
	if err := api.LogErr(); err == nil || err.Error() != "write request log: disk full" {
		t.Errorf("got %v", err)
	}
}

func TestACallThatPanicsIsLoggedAndNoLongerInFlight(t *testing.T) {
	api := openaitest.New(openaitest.Options{RateLimits: openaitest.RateLimits{MaxInFlight: 1}, Answer: func(prompt string) string {
		if prompt == "panic" {
			panic("as asked")
		}
		return prompt
	}})
	func() {
		defer func() { _ = recover() }()
		direct(t, api, chatBody("m", "panic"))
	}()
	if a := direct(t, api, chatBody("m", "hi")); a.status != 200 {
		t.Errorf("the next call got %d", a.status)
	}
	if log := api.Log(); len(log) != 2 || log[0].Status != 0 {
		t.Errorf("log: %+v", log)
	}
}
