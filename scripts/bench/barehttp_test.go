package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nertools/pkg/openaitest"
	"nertools/pkg/record"
)

func TestTheBareLoopAsksEachPromptOnceOverConnectionsThatItKeeps(t *testing.T) {
	const rows, workers = 200, 7
	var prompts []byte
	for i := range rows {
		text := "Say: " + strings.Repeat("x", i)
		prompts = record.AppendPrompt(prompts, &record.Prompt{ID: record.NewID("test", i, []byte(text)), Index: i, Total: rows, Text: text})
	}
	path := filepath.Join(t.TempDir(), "prompts.jsonl")
	if err := os.WriteFile(path, prompts, 0o600); err != nil {
		t.Fatal(err)
	}
	bodies, err := readBodies(path)
	if err != nil || len(bodies) != rows {
		t.Fatalf("%d bodies, %v", len(bodies), err)
	}
	api := openaitest.New(openaitest.Options{Key: apiKey})
	server := httptest.NewServer(api)
	defer server.Close()
	r, err := post(t.Context(), server.URL+"/v1/chat/completions", bodies, workers)
	if err != nil || r.Wall <= 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	// While a connection is made, another may come free: then both are used.
	if api.Calls() != rows || api.Answered() != rows || api.Connections() > 2*workers {
		t.Errorf("%d calls, %d answered, %d connections", api.Calls(), api.Answered(), api.Connections())
	}
}

func TestTheBareLoopStopsAtARefusal(t *testing.T) {
	server := httptest.NewServer(openaitest.New(openaitest.Options{Key: "another"}))
	defer server.Close()
	_, err := post(t.Context(), server.URL+"/v1/chat/completions", [][]byte{[]byte("{}")}, 2)
	if err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("got %v", err)
	}
}
