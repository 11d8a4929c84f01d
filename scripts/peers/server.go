// Command peers is the service that scripts/peers/run.sh measures clients against, on
// loopback: it answers every chat or legacy completion with the same text after a fixed
// time, and counts how often each prompt was asked. It does nothing else, so that the
// clients, not the service, use the processors.
//
//	GET  /count   {"calls":…,"rows":…,"prompts":…,"most":…,"seconds":…}: calls, prompts in them, different
//	              prompts, most in flight at once, time from the first call to the last answer
//	POST /reset?latency=100ms
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"hash/maphash"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// answer is about as long as a sentence of the data, and begins with words that occur in
// no prompt, so that answers on disk can be counted.
const answer = "@@Qorvash Imlem## arrived in Kraków on Monday for talks with the Polish president ."

// service counts prompts.
type service struct {
	seed     maphash.Seed
	mu       sync.Mutex
	latency  time.Duration
	calls    int
	rows     int
	inFlight int
	most     int // in flight at once
	seen     map[uint64]struct{}
	first    time.Time // call
	last     time.Time // answer
}

func main() {
	addrFile := flag.String("addr-file", "", "write the base URL to `FILE`")
	texts := flag.String("align", "", "measure the alignment of `FILE`, and serve nothing")
	flag.Parse()
	if *texts != "" {
		if err := align(*texts); err != nil {
			fmt.Fprintln(os.Stderr, "peers:", err)
			os.Exit(1)
		}
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		err = os.WriteFile(*addrFile, []byte("http://"+l.Addr().String()+"/v1"), 0o600)
	}
	if err == nil {
		err = http.Serve(l, &service{seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}})
	}
	fmt.Fprintln(os.Stderr, "peers:", err)
	os.Exit(1)
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Path == "/count":
		s.mu.Lock()
		defer s.mu.Unlock()
		fmt.Fprintf(w, `{"calls":%d,"rows":%d,"prompts":%d,"most":%d,"seconds":%f}`, s.calls, s.rows, len(s.seen), s.most, s.last.Sub(s.first).Seconds())
	case r.URL.Path == "/reset":
		latency, err := time.ParseDuration(r.URL.Query().Get("latency"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.latency, s.calls, s.rows, s.most = latency, 0, 0, 0
		clear(s.seen)
	case strings.HasSuffix(r.URL.Path, "/completions"):
		s.complete(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (s *service) complete(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var asked struct {
		Model    string
		Messages json.RawMessage
		Prompt   json.RawMessage
	}
	if err == nil {
		err = json.Unmarshal(body, &asked)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	prompts := []json.RawMessage{asked.Messages}
	if asked.Messages == nil && json.Unmarshal(asked.Prompt, &prompts) != nil {
		prompts = []json.RawMessage{asked.Prompt}
	}
	time.Sleep(s.begin(prompts))
	var out bytes.Buffer
	object, choice := "text_completion", `"text":"`+answer+`"`
	if asked.Messages != nil {
		object, choice = "chat.completion", `"message":{"role":"assistant","content":"`+answer+`","refusal":null}`
	}
	fmt.Fprintf(&out, `{"id":"c-1","object":"%s","created":1700000000,"model":%q,"choices":[`, object, asked.Model)
	for i := range prompts {
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, `{"index":%d,%s,"logprobs":null,"finish_reason":"stop"}`, i, choice)
	}
	fmt.Fprintf(&out, `],"usage":{"prompt_tokens":%d,"completion_tokens":20,"total_tokens":%d}}`, len(body)/4, len(body)/4+20)
	s.mu.Lock()
	s.inFlight--
	s.last = time.Now()
	s.mu.Unlock()
	w.Write(out.Bytes()) // if the client is gone, nobody needs it
}

// begin counts a call and returns how long its answer takes.
func (s *service) begin(prompts []json.RawMessage) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls == 0 {
		s.first = time.Now()
	}
	s.calls++
	s.inFlight++
	s.most = max(s.most, s.inFlight)
	for _, p := range prompts {
		s.rows++
		s.seen[maphash.Bytes(s.seed, p)] = struct{}{}
	}
	return s.latency
}
