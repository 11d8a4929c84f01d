package openaitest_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/openaitest"
)

func TestAFileIsKeptUntilItIsDeleted(t *testing.T) {
	_, c := serve(t, stopped(openaitest.Options{}))
	content := input(3)
	f := decode[fileObject](t, c.upload("one.jsonl", content, "purpose", "batch"))
	want := fileObject{Object: "file", ID: f.ID, Purpose: "batch", Filename: "one.jsonl", Status: "processed",
		Bytes: int64(len(content)), CreatedAt: someDay.Unix(), ExpiresAt: someDay.Add(30 * 24 * time.Hour).Unix()}
	if diff := cmp.Diff(want, f); diff != "" || !strings.HasPrefix(f.ID, "file-sim") {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(want, decode[fileObject](t, c.get("/v1/files/"+f.ID))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	a := c.get("/v1/files/" + f.ID + "/content")
	if string(a.body) != content || a.header.Get("Content-Length") != fmt.Sprint(len(content)) ||
		a.header.Get("Content-Disposition") != `attachment; filename="one.jsonl"` {
		t.Errorf("%d of %d bytes, header %v", len(a.body), len(content), a.header)
	}
	deleted := decode[struct {
		ID, Object string
		Deleted    bool
	}](t, c.delete("/v1/files/"+f.ID))
	if !deleted.Deleted || deleted.ID != f.ID || deleted.Object != "file" {
		t.Errorf("deleted: %+v", deleted)
	}
	for _, a := range []answer{c.get("/v1/files/" + f.ID), c.get("/v1/files/" + f.ID + "/content"), c.delete("/v1/files/" + f.ID)} {
		if got, message := refusalOf(t, a); got != (refusal{404, "", "id"}) || message != "No such File object: "+f.ID {
			t.Errorf("once deleted: %+v %q", got, message)
		}
	}
}

func TestAnUploadThatTheServiceWouldRefuseIsRefused(t *testing.T) {
	_, c := serve(t, openaitest.Options{FileRules: openaitest.FileRules{MaxUploadBytes: 10_000}})
	batch := []string{"purpose", "batch"}
	tests := []struct {
		name, file, content string
		fields              []string
		want                refusal
	}{
		{"first line isn't JSON", "a.jsonl", "oops\n{}", batch, refusal{status: 400}},
		{"nothing in it", "a.jsonl", "", batch, refusal{status: 400}},
		{"a JSON array over lines", "a.jsonl", "[\n{}\n]", batch, refusal{status: 400}},
		{"not .jsonl", "a.json", input(1), batch, refusal{status: 400}},
		{"no purpose", "a.jsonl", input(1), nil, refusal{400, "missing_required_parameter", "purpose"}},
		{"another purpose", "a.jsonl", input(1), []string{"purpose", "fine-tune"}, refusal{400, "unsupported_value", "purpose"}},
		{"no file", "", "", batch, refusal{400, "missing_required_parameter", "file"}},
		{"unknown field", "a.jsonl", input(1), []string{"purpose", "batch", "prupose", "x"}, refusal{400, "unknown_parameter", "prupose"}},
		{"expires by another anchor", "a.jsonl", input(1), slices.Concat(batch, []string{"expires_after[anchor]", "now", "expires_after[seconds]", "3600"}),
			refusal{400, "invalid_value", "expires_after[anchor]"}},
		{"expires at once", "a.jsonl", input(1), slices.Concat(batch, []string{"expires_after[anchor]", "created_at", "expires_after[seconds]", "1"}),
			refusal{400, "invalid_value", "expires_after[seconds]"}},
		{"expires without seconds", "a.jsonl", input(1), slices.Concat(batch, []string{"expires_after[anchor]", "created_at"}),
			refusal{400, "invalid_value", "expires_after[seconds]"}},
		{"too large", "a.jsonl", strings.Repeat(input(1), 200), batch, refusal{status: 413}},
		{"much too large", "a.jsonl", strings.Repeat(input(100), 200), batch, refusal{status: 413}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, message := refusalOf(t, c.upload(tt.file, tt.content, tt.fields...)); got != tt.want {
				t.Errorf("got %+v %q, want %+v", got, message, tt.want)
			}
		})
	}
	r := newRequest(t.Context(), http.MethodPost, c.url+"/v1/files", "{}")
	if a, err := c.do(r); err != nil || a.status != 400 {
		t.Errorf("not multipart: %v, status %d", err, a.status)
	}
	body, kind := form("a.jsonl", input(1), batch...)
	r = newRequest(t.Context(), http.MethodPost, c.url+"/v1/files", string(body[:len(body)/2]))
	r.Header.Set("Content-Type", kind)
	if a, err := c.do(r); err != nil || a.status != 400 {
		t.Errorf("half of it: %v, status %d", err, a.status)
	}
	body = bytes.Replace(body, []byte(`name="purpose"`), []byte(`name="file"; filename="b.jsonl"`), 1)
	r = newRequest(t.Context(), http.MethodPost, c.url+"/v1/files", string(body))
	r.Header.Set("Content-Type", kind)
	if a, err := c.do(r); err != nil || a.status != 400 {
		t.Errorf("two files: %v, status %d", err, a.status)
	}
	if got := decode[page[fileObject]](t, c.get("/v1/files")).Data; len(got) != 0 {
		t.Errorf("there are %d files", len(got))
	}
}

func TestAFileExpires(t *testing.T) {
	api, c := serve(t, stopped(openaitest.Options{}))
	soon := decode[fileObject](t, c.upload("a.jsonl", input(1), "expires_after[anchor]", "created_at", "expires_after[seconds]", "7200", "purpose", "batch"))
	late := c.uploaded(input(1))
	if soon.ExpiresAt != someDay.Unix()+7200 {
		t.Errorf("expires at %d", soon.ExpiresAt)
	}
	for _, step := range []struct {
		wait time.Duration
		want []int
	}{{2*time.Hour - time.Second, []int{200, 200}}, {time.Second, []int{404, 200}}, {30 * 24 * time.Hour, []int{404, 404}}} {
		_ = api.Advance(step.wait)
		got := []int{c.get("/v1/files/" + soon.ID).status, c.get("/v1/files/" + late).status}
		if !slices.Equal(got, step.want) {
			t.Errorf("after %v more: %v, want %v", step.wait, got, step.want)
		}
	}
}

func TestFilesAreListed(t *testing.T) {
	_, c := serve(t, openaitest.Options{})
	var ids []string
	for range 3 {
		ids = append(ids, c.uploaded(input(1)))
	}
	c.batch(decode[batchObject](t, c.post("/v1/batches", createBody(ids[0]))).ID)
	for query, want := range map[string][]string{
		"?purpose=batch":                                   {ids[2], ids[1], ids[0]},
		"?purpose=batch&order=asc":                         {ids[0], ids[1], ids[2]},
		"?purpose=batch&limit=1":                           {ids[2]},
		"?purpose=batch&order=asc&after=" + ids[0]:         {ids[1], ids[2]},
		"?purpose=batch&order=asc&after=" + ids[2]:         nil,
		"?limit=1&order=asc&purpose=batch&after=" + ids[0]: {ids[1]},
	} {
		var got []string
		for _, f := range decode[page[fileObject]](t, c.get("/v1/files"+query)).Data {
			got = append(got, f.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
	if all := decode[page[fileObject]](t, c.get("/v1/files")); len(all.Data) != 4 || all.HasMore || all.Data[0].Purpose != "batch_output" {
		t.Errorf("all: %+v", all)
	}
	for _, query := range []string{"?order=up", "?limit=0", "?limit=10001", "?after=x"} {
		if got := c.get("/v1/files" + query).status; got != 400 {
			t.Errorf("%s: status %d", query, got)
		}
	}
}

// bigInput is longer than a chunk in memory.
func bigInput() string {
	return requestLine("a", chatBody("m", strings.Repeat("0123456789", 120_000))) + "\n"
}

func TestARangeOfAFileCanBeAskedFor(t *testing.T) {
	content := bigInput()
	size := len(content)
	for name, opt := range map[string]openaitest.Options{"memory": {}, "disk": {Dir: t.TempDir()}} {
		t.Run(name, func(t *testing.T) {
			_, c := serve(t, opt)
			path := "/v1/files/" + c.uploaded(content) + "/content"
			for header, want := range map[string]struct {
				status     int
				start, end int
			}{
				"":                               {200, 0, size},
				"bytes=0-":                       {206, 0, size},
				"bytes=0-0":                      {206, 0, 1},
				"bytes=100-":                     {206, 100, size},
				"bytes=5-9":                      {206, 5, 10},
				"bytes=-7":                       {206, size - 7, size},
				"bytes=-999999999":               {206, 0, size},
				"bytes=9-99999999":               {206, 9, size},
				"bytes=1048570-1048580":          {206, 1048570, 1048581},
				fmt.Sprintf("bytes=%d-", size):   {416, 0, 0},
				fmt.Sprintf("bytes=%d-", size-1): {206, size - 1, size},
				"bytes=-0":                       {416, 0, 0},
				"bytes=9-5":                      {200, 0, size},
				"bytes=0-1,5-6":                  {200, 0, size},
				"bytes=x":                        {200, 0, size},
				"bytes=a-b":                      {200, 0, size},
				"lines=1-2":                      {200, 0, size},
			} {
				r := newRequest(t.Context(), http.MethodGet, c.url+path, "")
				if header != "" {
					r.Header.Set("Range", header)
				}
				a, err := c.do(r)
				if err != nil {
					t.Fatal(err)
				}
				wantRange := map[int]string{206: fmt.Sprintf("bytes %d-%d/%d", want.start, want.end-1, size), 416: fmt.Sprintf("bytes */%d", size)}[want.status]
				if a.status != want.status || string(a.body) != content[want.start:want.end] || a.header.Get("Content-Range") != wantRange ||
					a.header.Get("Accept-Ranges") != "bytes" {
					t.Errorf("%q: status %d, %d bytes, range %q, want %d, %d, %q", header,
						a.status, len(a.body), a.header.Get("Content-Range"), want.status, want.end-want.start, wantRange)
				}
			}
		})
	}
}

func TestRangesCanBeOff(t *testing.T) {
	_, c := serve(t, openaitest.Options{FileRules: openaitest.FileRules{NoRanges: true}})
	content := input(3)
	r := newRequest(t.Context(), http.MethodGet, c.url+"/v1/files/"+c.uploaded(content)+"/content", "")
	r.Header.Set("Range", "bytes=5-9")
	a, err := c.do(r)
	if err != nil || a.status != 200 || string(a.body) != content || a.header.Get("Accept-Ranges") != "" {
		t.Errorf("%v, status %d, %d bytes", err, a.status, len(a.body))
	}
}

func TestADownloadThatBreaksCanBeResumed(t *testing.T) {
	content := bigInput()
	for name, opt := range map[string]openaitest.Options{"memory": {}, "disk": {Dir: t.TempDir()}} {
		t.Run(name, func(t *testing.T) {
			opt.Faults = []openaitest.Fault{{Kind: openaitest.ResetMidBody, Aim: openaitest.Aim{Op: "downloadFile"}, Turns: openaitest.Turns{Times: 2}}}
			api, c := serve(t, opt)
			path := "/v1/files/" + c.uploaded(content) + "/content"
			var got []byte
			broken := 0
			for len(got) < len(content) && broken < 5 {
				r := newRequest(t.Context(), http.MethodGet, c.url+path, "")
				r.Header.Set("Range", fmt.Sprintf("bytes=%d-", len(got)))
				a, err := c.do(r)
				if err != nil {
					broken++
				}
				got = append(got, a.body...)
			}
			if string(got) != content || broken != 2 {
				t.Errorf("%d of %d bytes, broken %d times", len(got), len(content), broken)
			}
			if api.Log()[1].Fault != openaitest.ResetMidBody {
				t.Errorf("logged as %+v", api.Log()[1])
			}
		})
	}
}

func TestADownloadCanEndEarlyWithoutAnError(t *testing.T) {
	_, c := serve(t, openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.TruncatedJSON, Aim: openaitest.Aim{Op: "downloadFile"}}}})
	content := input(4)
	a := c.get("/v1/files/" + c.uploaded(content) + "/content")
	if a.status != 200 || string(a.body) != content[:len(content)/2] {
		t.Errorf("status %d, %d of %d bytes", a.status, len(a.body), len(content))
	}
}

func TestAnUploadThatBreaksLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	api, c := serve(t, openaitest.Options{Dir: dir})
	body, kind := form("in.jsonl", bigInput(), "purpose", "batch")
	reader, writer := io.Pipe()
	r := newRequest(t.Context(), http.MethodPost, c.url+"/v1/files", "")
	r.Body, r.ContentLength = reader, int64(len(body))
	r.Header.Set("Content-Type", kind)
	done := make(chan error)
	go func() {
		_, err := c.do(r)
		done <- err
	}()
	_, _ = writer.Write(body[:len(body)/2])
	writer.CloseWithError(io.ErrUnexpectedEOF)
	if err := <-done; err == nil {
		t.Error("half an upload was answered")
	}
	waitFor(t, func() bool { return len(api.Log()) == 1 })
	if got := names(t, dir, "files"); len(got) != 0 {
		t.Errorf("there are %v", got)
	}
}
