package openaitest_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/openaitest"
)

const embedPath = "/v1/embeddings"

func embedBody(input any, more ...any) string {
	return marshal(map[string]any{"model": "text-embedding-3-small", "input": input}, more)
}

// vectors decodes an answer of either encoding.
func vectors(t *testing.T, a answer) [][]float32 {
	t.Helper()
	var got struct {
		Object string
		Data   []struct {
			Object    string
			Index     int
			Embedding any
		}
	}
	if err := json.Unmarshal(a.body, &got); err != nil || got.Object != "list" {
		t.Fatalf("status %d, no list: %v: %.200s", a.status, err, a.body)
	}
	var list [][]float32
	for i, d := range got.Data {
		if d.Index != i || d.Object != "embedding" {
			t.Errorf("%d is %s %d", i, d.Object, d.Index)
		}
		var v []float32
		switch e := d.Embedding.(type) {
		case string:
			raw, err := base64.StdEncoding.DecodeString(e)
			if err != nil {
				t.Fatal(err)
			}
			for b := range slices.Chunk(raw, 4) {
				v = append(v, math.Float32frombits(binary.LittleEndian.Uint32(b)))
			}
		case []any:
			for _, x := range e {
				v = append(v, float32(x.(float64)))
			}
		}
		list = append(list, v)
	}
	return list
}

func cosine(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func TestEmbeddingsOfSimilarTextsAreNearEachOther(t *testing.T) {
	_, c := serve(t, openaitest.Options{})
	texts := []string{"Ada met Bob in York .", "ada met Bob in York today .", "Prices of copper fell sharply", "在北京的大学", "在北京的学校", " "}
	v := vectors(t, c.post(embedPath, embedBody(texts)))
	for i := range v {
		if length := cosine(v[i], v[i]); len(v[i]) != 1536 || math.Abs(length-1) > 1e-5 {
			t.Errorf("%q has %d dimensions and the squared length %v", texts[i], len(v[i]), length)
		}
	}
	for _, near := range [][3]int{{0, 1, 2}, {1, 0, 3}, {3, 4, 0}} {
		if a, b := cosine(v[near[0]], v[near[1]]), cosine(v[near[0]], v[near[2]]); a <= b+0.1 {
			t.Errorf("%q: %v to %q, but %v to %q", texts[near[0]], a, texts[near[1]], b, texts[near[2]])
		}
	}
	again := vectors(t, c.post(embedPath, embedBody(texts[1:2], "encoding_format", "base64")))
	if d := cmp.Diff(v[1:2], again); d != "" {
		t.Errorf("alone, and as base64, it is another vector: %s", d)
	}
}

func TestEmbeddingsHaveTheDimensionsAskedFor(t *testing.T) {
	_, c := serve(t, openaitest.Options{})
	for _, tt := range []struct {
		body string
		want int
	}{
		{embedBody("Ada"), 1536},
		{embedBody("Ada", "dimensions", 64), 64},
		{embedBody("Ada", "dimensions", 1), 1},
		{embedBody("Ada", "model", "text-embedding-3-large"), 3072},
		{embedBody("Ada", "dimensions", nil, "user", "me"), 1536},
	} {
		if v := vectors(t, c.post(embedPath, tt.body)); len(v) != 1 || len(v[0]) != tt.want {
			t.Errorf("%s: %d vectors, the first of %d dimensions", tt.body, len(v), len(v[0]))
		}
	}
}

func TestEachInputIsCountedAndBilled(t *testing.T) {
	api, c := serve(t, openaitest.Options{Dir: t.TempDir(), RateLimits: openaitest.RateLimits{TPM: 1000}})
	a := c.post(embedPath, embedBody([]string{"Ada met Bob", "Ada"}))
	var got struct {
		Model string
		Usage map[string]int
	}
	if err := json.Unmarshal(a.body, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]int{"prompt_tokens": 4, "total_tokens": 4}, got.Usage); d != "" || got.Model != "text-embedding-3-small" {
		t.Errorf("model %q, usage: %s", got.Model, d)
	}
	c.post(embedPath, embedBody("Ada"))
	counts := []int{}
	for _, n := range api.Billed() {
		counts = append(counts, n)
	}
	if slices.Sort(counts); !slices.Equal(counts, []int{1, 2}) {
		t.Errorf("billed %v", api.Billed())
	}
	if calls := api.Log(); len(calls) != 2 || calls[0].Op != "createEmbedding" || !calls[0].Answered || calls[0].PromptSHA == "" || calls[0].Model != "text-embedding-3-small" {
		t.Errorf("log: %+v", calls)
	}
	if left := a.header.Get("X-Ratelimit-Remaining-Tokens"); left != "996" {
		t.Errorf("%s tokens left", left)
	}
}

func TestBadCallForEmbeddingsIsRefused(t *testing.T) {
	api, c := serve(t, openaitest.Options{Unsupported: []string{"user"}})
	many := func(n, size int) []string {
		return slices.Repeat([]string{strings.Repeat("x", size)}, n)
	}
	for name, tt := range map[string]struct {
		body, code string
		status     int
	}{
		"no input":         {marshal(map[string]any{"model": "m"}, nil), "missing_required_parameter", 400},
		"no model":         {marshal(map[string]any{"input": "x"}, nil), "missing_required_parameter", 400},
		"empty":            {embedBody(""), "invalid_value", 400},
		"one is empty":     {embedBody([]string{"x", ""}), "invalid_value", 400},
		"none":             {embedBody([]string{}), "invalid_value", 400},
		"too many":         {embedBody(many(2049, 1)), "invalid_value", 400},
		"as many as may":   {embedBody(many(2048, 1), "dimensions", 1), "", 200},
		"one too long":     {embedBody(many(1, 4*8192+1)), "context_length_exceeded", 400},
		"all too long":     {embedBody(many(37, 4*8192)), "max_tokens_per_request", 400},
		"tokens":           {embedBody([]int{1, 2}), "unsupported_value", 400},
		"an object":        {embedBody(map[string]any{}), "invalid_type", 400},
		"another encoding": {embedBody("x", "encoding_format", "hex"), "invalid_value", 400},
		"no dimensions":    {embedBody("x", "dimensions", 0), "invalid_type", 400},
		"too many of them": {embedBody("x", "dimensions", 1537), "invalid_value", 400},
		"unknown member":   {embedBody("x", "n", 1), "", 400},
		"unsupported":      {embedBody("x", "user", "me"), "unsupported_parameter", 400},
		"a chat model":     {embedBody("x", "model", "gpt-4o"), "", 403},
		"no JSON":          {`{"input":`, "", 400},
	} {
		a := c.post(embedPath, tt.body)
		var got struct{ Error struct{ Code string } }
		if err := json.Unmarshal(a.body, &got); err != nil || a.status != tt.status || got.Error.Code != tt.code {
			t.Errorf("%s: status %d, %.200s (%v)", name, a.status, a.body, err)
		}
	}
	if n := len(api.Bills()); n != 2048 {
		t.Errorf("%d bills", n)
	}
}

func TestFaultsHitCallsForEmbeddings(t *testing.T) {
	api, c := serve(t, openaitest.Options{Faults: []openaitest.Fault{
		{Kind: openaitest.EmptyContent}, // of answers in words
		{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 503}, Aim: openaitest.Aim{Op: "createEmbedding", Contains: "Bob"}, Turns: openaitest.Turns{Times: 1}},
		{Kind: openaitest.TruncatedJSON, Aim: openaitest.Aim{Path: embedPath}, Turns: openaitest.Turns{Skip: 1, Times: 1}},
	}})
	for i, want := range []int{503, http.StatusOK, http.StatusOK, http.StatusOK} {
		a := c.post(embedPath, embedBody([]string{"Ada", "Bob"}))
		if whole := json.Valid(a.body); a.status != want || whole != (i != 2) {
			t.Errorf("call %d: status %d, whole %v", i, a.status, whole)
		}
	}
	if n := len(api.Bills()); n != 6 {
		t.Errorf("%d bills, want those of 3 calls", n)
	}
}
