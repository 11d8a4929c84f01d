package openaiapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"nertools/pkg/record"
	"nertools/pkg/wire"
)

// stall is how long an upload or a download may stand still.
const stall = 2 * time.Minute

// call sends a request with a JSON body, or none, and returns the answer, a JSON
// object with at least one of the members.
func (c *Client) call(ctx context.Context, method, path string, body []byte, members ...string) (answer []byte, err error) {
	call, cancel := c.within(ctx)
	defer cancel()
	request, err := c.plain(call, method, path)
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
		withBody(request, body)
	}
	_, err = c.do(ctx, request, c.timeout, func(b []byte) error {
		answer = bytes.Clone(b)
		if text := bytes.TrimSpace(answer); len(members) == 1 && members[0] == "data" && len(text) > 0 && text[0] == '[' {
			answer = slices.Concat([]byte(`{"data":`), text, []byte{'}'}) // as Together lists its batches
		}
		if method == http.MethodDelete && !record.ValidJSON(b) {
			return nil // what it says beside its status does not matter
		}
		return wire.CheckObject(answer, members...)
	})
	return answer, err
}

// plain returns a request without a body to a path under the base URL.
func (c *Client) plain(ctx context.Context, method, path string) (*http.Request, error) {
	base, err := c.request("")
	if err != nil {
		return nil, err
	}
	request := base.Clone(ctx)
	request.Method = method
	request.Body, request.GetBody, request.ContentLength = nil, nil, 0
	request.Header.Del("Content-Type")
	request.URL, err = under(c.base, path)
	return request, err
}

// batchMembers are members of a batch, or of what a service wraps it in.
var batchMembers = []string{"id", "job", "batch", "data"}

// CreateBatch starts a batch with the requests of an uploaded file.
func (c *Client) CreateBatch(ctx context.Context, file, endpoint, window string, metadata map[string]string) (wire.Batch, error) {
	body, err := json.Marshal(map[string]any{
		"input_file_id": file, "endpoint": endpoint, "completion_window": window, "metadata": metadata,
	})
	if err != nil {
		return wire.Batch{}, fmt.Errorf("create batch: %w", err)
	}
	return parsed(c.call(ctx, http.MethodPost, "batches", body, batchMembers...))
}

// Batch returns the current state of a batch.
func (c *Client) Batch(ctx context.Context, id string) (wire.Batch, error) {
	return parsed(c.call(ctx, http.MethodGet, "batches/"+url.PathEscape(id), nil, batchMembers...))
}

// CancelBatch asks the service to stop the batch. If the batch has ended, the error is a
// [*wire.Error] with status 409.
func (c *Client) CancelBatch(ctx context.Context, id string) (wire.Batch, error) {
	return parsed(c.call(ctx, http.MethodPost, "batches/"+url.PathEscape(id)+"/cancel", nil, batchMembers...))
}

// Batches returns a page of the account's batches, newest first. after is "" for the first
// page, and then the next that the previous call returned.
func (c *Client) Batches(ctx context.Context, after string) (page []wire.Batch, next string, err error) {
	query := "?limit=100"
	if after != "" {
		query += "&after=" + url.QueryEscape(after)
	}
	answer, err := c.call(ctx, http.MethodGet, "batches"+query, nil, "data")
	if err != nil {
		return nil, "", err
	}
	page, next, err = wire.ParseBatches(answer)
	if err != nil {
		return nil, "", malformed(err)
	}
	return page, next, nil
}

func parsed(answer []byte, err error) (wire.Batch, error) {
	if err != nil {
		return wire.Batch{}, err
	}
	b, err := wire.ParseBatch(answer)
	if err != nil {
		return b, malformed(err)
	}
	return b, nil
}

func malformed(err error) error {
	return &wire.Error{Failure: record.Failure{Class: record.Malformed, Status: http.StatusOK, Message: err.Error()}}
}

// purpose is what the service calls the purpose of a batch input file.
func (c *Client) purpose() string {
	if c.Provider() == Together {
		return "batch-api"
	}
	return "batch"
}

// How often a file that the service still processes is looked at, and for how long.
var (
	processingPoll = 2 * time.Second
	processingWait = 10 * time.Minute
)

// processed waits until a file that the service has, as the object v says, may be named in a
// batch. Azure refuses one that it still processes; services without a status have it ready.
func (c *Client) processed(ctx context.Context, v gjson.Result) (id string, err error) {
	id = strings.Clone(v.Get("id").String())
	for end := time.Now().Add(processingWait); ; {
		switch status := strings.ToLower(v.Get("status").String()); status {
		case "pending", "running", "uploading", "notrunning", "in_progress", "processing":
			if time.Now().After(end) {
				return "", &wire.Error{Failure: record.Failure{Class: record.Server, Status: http.StatusOK, Message: "the service still processes the uploaded file (" + status + ")"}}
			}
		default: // that it could not be read is said when a batch names it
			return id, nil
		}
		select {
		case <-time.After(processingPoll):
		case <-ctx.Done():
			return "", ctx.Err()
		}
		answer, err := c.call(ctx, http.MethodGet, "files/"+url.PathEscape(id), nil, "id")
		if err != nil {
			return "", err
		}
		v = gjson.ParseBytes(answer)
	}
}

// FindFile returns the id of an uploaded batch input file with this name and size in
// bytes, or "" if the service has no such file. It waits until the file may be named in a batch.
func (c *Client) FindFile(ctx context.Context, name string, size int64) (id string, err error) {
	for after := ""; ; {
		query := "?purpose=" + c.purpose() + "&limit=1000"
		if after != "" {
			query += "&after=" + url.QueryEscape(after)
		}
		answer, err := c.call(ctx, http.MethodGet, "files"+query, nil, "data")
		if err != nil {
			return "", err
		}
		page := gjson.GetBytes(answer, "data").Array()
		for _, f := range page {
			if f.Get("filename").Str == name && f.Get("bytes").Int() == size {
				return c.processed(ctx, f)
			}
		}
		if len(page) == 0 || !gjson.GetBytes(answer, "has_more").Bool() {
			return "", nil
		}
		after = page[len(page)-1].Get("id").Str
	}
}

// FileSize returns the size of an input, output or error file in bytes.
func (c *Client) FileSize(ctx context.Context, id string) (int64, error) {
	answer, err := c.call(ctx, http.MethodGet, "files/"+url.PathEscape(id), nil, "bytes", "id")
	return gjson.GetBytes(answer, "bytes").Int(), err
}

// DeleteFile deletes an uploaded file.
func (c *Client) DeleteFile(ctx context.Context, id string) error {
	_, err := c.call(ctx, http.MethodDelete, "files/"+url.PathEscape(id), nil)
	return err
}

// Upload uploads a batch input file of size bytes. It keeps only a buffer of the file in
// memory, while the library's own upload keeps the whole file several times. It calls open
// again if the transport has to start over. It returns when the file may be named in a
// batch.
func (c *Client) Upload(ctx context.Context, name string, size int64, open func() (io.ReadCloser, error)) (id string, err error) {
	path, fields := "files", []string{"purpose", c.purpose()}
	if c.Provider() == Together {
		path, fields = "files/upload", append(fields, "file_name", name, "file_type", "jsonl")
	}
	head, tail, contentType, err := form(name, fields)
	if err != nil {
		return "", err
	}
	call, cancel := context.WithCancel(ctx)
	defer cancel()
	dog := watch(stall, cancel)
	defer dog.Stop()
	request, err := c.plain(call, http.MethodPost, path)
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", contentType)
	request.ContentLength = int64(len(head)) + size + int64(len(tail))
	request.GetBody = func() (io.ReadCloser, error) {
		f, err := open()
		if err != nil {
			return nil, err
		}
		body := io.MultiReader(bytes.NewReader(head), io.LimitReader(f, size), bytes.NewReader(tail))
		return &watched{r: body, c: f, dog: dog}, nil
	}
	if request.Body, err = request.GetBody(); err != nil {
		return "", err
	}
	var uploaded []byte
	_, err = c.do(ctx, request, stall, func(answer []byte) error {
		if err := wire.CheckObject(answer, "id"); err != nil {
			return err
		}
		if id = gjson.GetBytes(answer, "id").String(); id == "" {
			return malformed(errors.New(`no "id" in the answer to the upload`))
		}
		uploaded = bytes.Clone(answer)
		return nil
	})
	if err != nil {
		return "", err
	}
	dog.Stop()
	return c.processed(ctx, gjson.ParseBytes(uploaded))
}

// form returns what comes before and after the file in the body of an upload, with the fields
// (name, value, name ...).
func form(name string, fields []string) (head, tail []byte, contentType string, err error) {
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for i := 0; i < len(fields); i += 2 {
		if err := w.WriteField(fields[i], fields[i+1]); err != nil {
			return nil, nil, "", err
		}
	}
	if _, err := w.CreateFormFile("file", name); err != nil {
		return nil, nil, "", err
	}
	head = bytes.Clone(buf.Bytes())
	if err := w.Close(); err != nil {
		return nil, nil, "", err
	}
	return head, buf.Bytes()[len(head):], w.FormDataContentType(), nil
}

// Download writes the content of a file to w, starting at byte offset at. It returns the
// number of bytes written, even if the connection broke, so that the next call can continue
// from there. If the service does not support ranges, Download reads and skips the start.
func (c *Client) Download(ctx context.Context, id string, at int64, w io.Writer) (int64, error) {
	call, cancel := context.WithCancel(ctx)
	defer cancel()
	dog := watch(stall, cancel)
	defer dog.Stop()
	request, err := c.plain(call, http.MethodGet, "files/"+url.PathEscape(id)+"/content")
	if err != nil {
		return 0, err
	}
	request.Header.Set("Accept-Encoding", "identity") // or ranges would count other bytes than those that come
	if at > 0 {
		request.Header.Set("Range", "bytes="+strconv.FormatInt(at, 10)+"-")
	}
	response, err := c.sendOn(request)
	if err != nil {
		return 0, broken(ctx, call, stall, err)
	}
	defer response.Body.Close()
	body := &watched{r: response.Body, c: response.Body, dog: dog}
	switch {
	case at > 0 && response.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return 0, nil // the file ends there
	case response.StatusCode == http.StatusOK && at > 0:
		if _, err := io.CopyN(io.Discard, body, at); err != nil {
			return 0, broken(ctx, call, stall, err)
		}
	case response.StatusCode != http.StatusOK && response.StatusCode != http.StatusPartialContent:
		err := c.memory.read(call, response, func(answer []byte) error { return refused(response, answer) })
		if cut, ok := errors.AsType[*readError](err); ok {
			err = broken(ctx, call, stall, cut)
		}
		return 0, err
	}
	out := &failing{w: w}
	n, err := io.Copy(out, body)
	if out.err != nil {
		return n, out.err
	}
	if err != nil {
		return n, broken(ctx, call, stall, err)
	}
	return n, nil
}

// sendOn sends a request for a file, and sends it on where the service redirects it,
// as some do to the store that holds their files. It sends credentials to no other server, and
// nothing to another server without encryption, unless both are this machine.
func (c *Client) sendOn(request *http.Request) (*http.Response, error) {
	const most = 5
	for hops := 0; ; hops++ {
		response, err := c.send(request)
		if err != nil || hops == most || response.StatusCode < 300 || response.StatusCode > 399 {
			return response, err
		}
		from := request.URL
		to, err := response.Location()
		if err != nil {
			return response, nil // which is an error
		}
		same := to.Scheme == from.Scheme && to.Host == from.Host
		if local := to.Scheme == "http" && from.Scheme == "http" && IsLoopback(to.Hostname()) && IsLoopback(from.Hostname()); to.Scheme != "https" && !same && !local {
			return response, nil
		}
		response.Body.Close()
		next := request.Clone(request.Context())
		next.URL, next.Host = to, ""
		if !same {
			next.Header = http.Header{}
			for _, name := range []string{"Accept-Encoding", "Range", "User-Agent"} {
				if values := request.Header.Values(name); len(values) > 0 {
					next.Header[name] = values
				}
			}
		}
		request = next
	}
}

// failing remembers whether writing failed, rather than reading.
type failing struct {
	w   io.Writer
	err error
}

func (f *failing) Write(p []byte) (n int, err error) {
	n, f.err = f.w.Write(p)
	return n, f.err
}

// watch calls cancel when d has passed since it was last reset.
func watch(d time.Duration, cancel func()) *time.Timer { return time.AfterFunc(d, cancel) }

// watched is a body whose every read keeps the watchdog quiet.
type watched struct {
	r   io.Reader
	c   io.Closer
	dog *time.Timer
}

func (b *watched) Read(p []byte) (int, error) {
	b.dog.Reset(stall)
	return b.r.Read(p)
}

func (b *watched) Close() error { return b.c.Close() }
