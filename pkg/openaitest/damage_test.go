package openaitest_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"nertools/pkg/openaitest"
)

func TestLinesOfABatchsResultsAreDamagedAsTold(t *testing.T) {
	const rows = 4
	for _, how := range openaitest.Damages() {
		_, c := serve(t, openaitest.Options{
			BatchRules: openaitest.BatchRules{InOrder: true},
			Faults:     []openaitest.Fault{{Kind: openaitest.BatchDamage, Text: how, BatchFault: openaitest.BatchFault{Line: 2, Rows: 1}}},
		})
		b := c.batch(c.created(input(rows)))
		text := string(c.get("/v1/files/" + *b.OutputFileID + "/content").body)
		var whole []string
		for _, line := range strings.Split(text, "\n") {
			if gjson.Valid(line) && gjson.Get(line, "custom_id").Exists() {
				whole = append(whole, gjson.Get(line, "custom_id").Str)
			}
		}
		want := map[string]string{
			"cut": "[r0 r2 r3]", "torn": "[r0 r3]", "glued": "[r0 r3]", "page": "[r0 r2 r3]", "no_id": "[r0 r2 r3]",
			"line_break": "[r0 r2 r3]", "bom": "[r0 r2 r3]", "crlf": "[r0 r1 r2 r3]", "twice": "[r0 r1 r1 r2 r3]",
		}[how]
		if got := fmt.Sprint(whole); got != want {
			t.Errorf("%s: the whole lines are those of %s, want %s: %s", how, got, want, text)
		}
	}
}

func TestAFileIsCompressedAsItStands(t *testing.T) {
	_, c := serve(t, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.Gzip, Aim: openaitest.Aim{Op: "downloadFile", Contains: "_output"}}}})
	id := c.uploaded(input(3))
	b := c.batch(c.created(input(3)))
	if got := string(c.get("/v1/files/" + id + "/content").body); got != input(3) {
		t.Errorf("another file came as %q", got)
	}
	z, err := gzip.NewReader(bytes.NewReader(c.get("/v1/files/" + *b.OutputFileID + "/content").body))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(z); err != nil || strings.Count(string(text), "\n") != 3 {
		t.Errorf("%v: %s", err, text)
	}
}

func TestBatchesAreSpelledAsOtherServicesDo(t *testing.T) {
	for form, want := range map[string]string{
		"": "errors.data.0.message", "text": "errors", "list": "errors.0.message", "object": "errors.message",
	} {
		_, c := serve(t, stopped(openaitest.Options{
			Dialect: openaitest.Dialect{LoudStatus: true, TextDates: true, ErrorsAs: form},
			Faults:  []openaitest.Fault{{Kind: openaitest.BatchFail, ErrorReply: openaitest.ErrorReply{Message: "what is this"}, Turns: openaitest.Turns{Times: 1}}},
		}))
		id := gjson.GetBytes(c.post("/v1/batches", createBody(c.uploaded(input(1)))).body, "id").Str
		for _, body := range []string{string(c.get("/v1/batches/" + id).body), gjson.GetBytes(c.get("/v1/batches").body, "data.0").Raw} {
			if gjson.Get(body, "status").Str != "FAILED" || gjson.Get(body, "created_at").Str != "2026-11-22T12:00:00Z" || gjson.Get(body, want).String() != "what is this" {
				t.Errorf("%s: %s", form, body)
			}
		}
	}
	api, c := serve(t, stopped(openaitest.Options{Dialect: openaitest.Dialect{LoudStatus: true}, BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{InProgress: 1e12}}}))
	id := c.created(input(1))
	if status := gjson.GetBytes(c.get("/v1/batches/"+id).body, "status").Str; status != "PROGRESS" {
		t.Errorf("in progress it is %s", status)
	}
	if err := api.Advance(1e13); err != nil || c.batch(id).Status != "COMPLETED" {
		t.Errorf("%v, %s", err, c.batch(id).Status)
	}
}
