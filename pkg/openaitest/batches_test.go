package openaitest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/openaitest"
)

// someDay is when the clocks of these tests begin.
var someDay = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// stopped returns options with a clock that only Server.Advance moves.
func stopped(opt openaitest.Options) openaitest.Options {
	opt.Now = func() time.Time { return someDay }
	return opt
}

func requestLine(id, body string) string {
	return fmt.Sprintf(`{"custom_id":%q,"method":"POST","url":"/v1/chat/completions","body":%s}`, id, body)
}

// input is a batch file of n good rows, r0, r1, …
func input(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintln(&b, requestLine(fmt.Sprintf("r%d", i), chatBody("m", fmt.Sprintf("Echo: row %d", i))))
	}
	return b.String()
}

// form is an upload's body and its content type.
func form(name, content string, fields ...string) (body []byte, contentType string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(fields); i += 2 {
		_ = w.WriteField(fields[i], fields[i+1])
	}
	if name != "" {
		part, _ := w.CreateFormFile("file", name)
		_, _ = io.WriteString(part, content)
	}
	_ = w.Close()
	return b.Bytes(), w.FormDataContentType()
}

func uploadRequest(url, name, content string, fields ...string) *http.Request {
	body, kind := form(name, content, fields...)
	r := newRequest(context.Background(), http.MethodPost, url+"/v1/files", string(body))
	r.Header.Set("Content-Type", kind)
	return r
}

// upload makes an upload that must not fail on its way.
func (c *client) upload(name, content string, fields ...string) answer {
	c.t.Helper()
	a, err := c.do(uploadRequest(c.url, name, content, fields...))
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

// uploaded returns the id of a new input file.
func (c *client) uploaded(content string) string {
	c.t.Helper()
	return decode[fileObject](c.t, c.upload("in.jsonl", content, "purpose", "batch")).ID
}

func createBody(fileID string, more ...any) string {
	return marshal(map[string]any{
		"input_file_id": fileID, "endpoint": chatPath, "completion_window": "24h",
	}, more)
}

// created returns the id of a new batch.
func (c *client) created(content string, more ...any) string {
	c.t.Helper()
	return decode[batchObject](c.t, c.post("/v1/batches", createBody(c.uploaded(content), more...))).ID
}

func (c *client) batch(id string) batchObject {
	c.t.Helper()
	return decode[batchObject](c.t, c.get("/v1/batches/"+id))
}

func (c *client) cancel(id string) answer {
	c.t.Helper()
	return c.post("/v1/batches/"+id+"/cancel", "")
}

func (c *client) delete(path string) answer {
	c.t.Helper()
	a, err := c.do(newRequest(context.Background(), http.MethodDelete, c.url+path, ""))
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

func decode[T any](t testing.TB, a answer) (v T) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(a.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil || a.status != 200 {
		t.Fatalf("status %d, %v: %s", a.status, err, a.body)
	}
	return v
}

// The API's objects, written down again after its published description.
type fileObject struct {
	Object, ID, Purpose, Filename, Status string
	Bytes                                 int64
	CreatedAt                             int64   `json:"created_at"`
	ExpiresAt                             int64   `json:"expires_at"`
	StatusDetails                         *string `json:"status_details"`
}

type batchObject struct {
	ID, Object, Endpoint, Status string
	Model                        *string
	Errors                       *struct {
		Object string
		Data   []batchError
	}
	InputFileID      string         `json:"input_file_id"`
	CompletionWindow string         `json:"completion_window"`
	OutputFileID     *string        `json:"output_file_id"`
	ErrorFileID      *string        `json:"error_file_id"`
	CreatedAt        int64          `json:"created_at"`
	InProgressAt     *int64         `json:"in_progress_at"`
	ExpiresAt        int64          `json:"expires_at"`
	FinalizingAt     *int64         `json:"finalizing_at"`
	CompletedAt      *int64         `json:"completed_at"`
	FailedAt         *int64         `json:"failed_at"`
	ExpiredAt        *int64         `json:"expired_at"`
	CancellingAt     *int64         `json:"cancelling_at"`
	CancelledAt      *int64         `json:"cancelled_at"`
	RequestCounts    map[string]int `json:"request_counts"`
	Usage            struct {
		InputTokens         int            `json:"input_tokens"`
		InputTokensDetails  map[string]int `json:"input_tokens_details"`
		OutputTokens        int            `json:"output_tokens"`
		OutputTokensDetails map[string]int `json:"output_tokens_details"`
		TotalTokens         int            `json:"total_tokens"`
	}
	Metadata map[string]string
}

type batchError struct {
	Code    string
	Line    *int
	Message string
	Param   *string
}

func (b batchObject) counts() string {
	return fmt.Sprint(b.RequestCounts["total"], "/", b.RequestCounts["completed"], "/", b.RequestCounts["failed"])
}

// errorsText is the batch's errors as "code line param".
func (b batchObject) errorsText() string {
	if b.Errors == nil {
		return ""
	}
	var all []string
	for _, e := range b.Errors.Data {
		text := e.Code
		if e.Line != nil {
			text += fmt.Sprint(" ", *e.Line)
		}
		if e.Param != nil {
			text += " " + *e.Param
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

// resultLine is a line of an output or error file.
type resultLine struct {
	ID       string
	CustomID string `json:"custom_id"`
	Response *struct {
		StatusCode int    `json:"status_code"`
		RequestID  string `json:"request_id"`
		Body       json.RawMessage
	}
	Error *struct{ Code, Message string }
}

// results reads a file of results; nil or "" means no file.
func (c *client) results(id *string) []resultLine {
	c.t.Helper()
	if id == nil || *id == "" {
		return nil
	}
	a := c.get("/v1/files/" + *id + "/content")
	if a.status != 200 {
		c.t.Fatalf("status %d: %s", a.status, a.body)
	}
	return resultLines(c.t, a.body)
}

func resultLines(t testing.TB, content []byte) []resultLine {
	t.Helper()
	var all []resultLine
	for line := range bytes.Lines(content) {
		all = append(all, decode[resultLine](t, answer{status: 200, body: line}))
	}
	return all
}

// summary says what became of each row, in the order of their ids: "r0:200 r1:batch_expired".
func summary(files ...[]resultLine) string {
	var all []string
	for _, l := range slices.Concat(files...) {
		switch {
		case l.Response != nil && l.Error == nil:
			all = append(all, fmt.Sprintf("%s:%d", l.CustomID, l.Response.StatusCode))
		case l.Response == nil && l.Error != nil:
			all = append(all, l.CustomID+":"+l.Error.Code)
		default:
			all = append(all, l.CustomID+":?")
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestABatchGoesThroughItsStatesByTheClock(t *testing.T) {
	api, c := serve(t, stopped(openaitest.Options{BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{
		Validating: time.Minute, InProgress: time.Minute, PerRow: time.Minute, Finalizing: 2 * time.Minute,
	}}}))
	id := c.created(input(4), "metadata", map[string]any{"source": "x", "part": "1"})
	at := func(minutes int) *int64 { return new(someDay.Add(time.Duration(minutes) * time.Minute).Unix()) }
	want := batchObject{
		ID: id, Object: "batch", Endpoint: chatPath, Status: "validating", CompletionWindow: "24h",
		CreatedAt: *at(0), ExpiresAt: *at(24 * 60), RequestCounts: map[string]int{"total": 0, "completed": 0, "failed": 0},
		Metadata: map[string]string{"source": "x", "part": "1"},
	}
	want.Usage.InputTokensDetails = map[string]int{"cached_tokens": 0}
	want.Usage.OutputTokensDetails = map[string]int{"reasoning_tokens": 0}
	counts := func(done int) {
		want.RequestCounts = map[string]int{"total": 4, "completed": done, "failed": 0}
		want.Usage.InputTokens, want.Usage.OutputTokens, want.Usage.TotalTokens = 3*done, 2*done, 5*done
	}
	steps := []struct {
		minute int
		change func()
	}{
		{0, func() {}},
		{1, func() {
			want.Status, want.InProgressAt, want.Model = "in_progress", at(1), new("m")
			counts(0)
		}},
		{3, func() { counts(1) }},
		{5, func() { counts(3) }},
		{6, func() {
			want.Status, want.FinalizingAt = "finalizing", at(6)
			counts(4)
		}},
		{8, func() { want.Status, want.CompletedAt = "completed", at(8) }},
		{100 * 60, func() {}},
	}
	minute := 0
	for _, step := range steps {
		if err := api.Advance(time.Duration(step.minute-minute) * time.Minute); err != nil {
			t.Fatal(err)
		}
		minute = step.minute
		step.change()
		got := c.batch(id)
		if (got.OutputFileID != nil) != (want.Status == "completed") {
			t.Errorf("minute %d: output file %v", minute, got.OutputFileID)
		}
		output := got.OutputFileID
		got.InputFileID, got.OutputFileID = "", nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("minute %d: -want +got:\n%s", minute, diff)
		}
		if output != nil {
			if got, want := summary(c.results(output)), "r0:200 r1:200 r2:200 r3:200"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	}
}

// By OpenAI's OpenAPI document (version 2.3.0, August 2026), a batch's model is a string and may be
// missing. The document's example has null for all that is null here.
func TestABatchHasNullOnlyWhereTheRealOneDoes(t *testing.T) {
	api, c := serve(t, stopped(openaitest.Options{BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{Validating: time.Hour}}}))
	a := c.post("/v1/batches", createBody(c.uploaded(input(1))))
	nulls := func(a answer) string {
		var null []string
		for name, value := range decode[map[string]any](t, a) {
			if value == nil {
				null = append(null, name)
			}
		}
		slices.Sort(null)
		return strings.Join(null, " ")
	}
	const want = "cancelled_at cancelling_at completed_at error_file_id errors expired_at failed_at finalizing_at in_progress_at metadata output_file_id"
	if got := nulls(a); got != want {
		t.Errorf("null in a new batch:\n%s\nwant\n%s", got, want)
	}
	b := decode[batchObject](t, a)
	if err := api.Advance(time.Hour); err != nil {
		t.Fatal(err)
	}
	if m := c.batch(b.ID).Model; b.Model != nil || m == nil || *m != "m" {
		t.Errorf("model %v and then %v, want none and then m", b.Model, m)
	}
}

func TestABatchIsCompleteAtTheFirstLookByDefault(t *testing.T) {
	_, c := serve(t, openaitest.Options{})
	created := decode[batchObject](t, c.post("/v1/batches", createBody(c.uploaded(input(2)))))
	if got := c.batch(created.ID); created.Status != "validating" || got.Status != "completed" || got.counts() != "2/2/0" {
		t.Errorf("created as %s, then %s with %s", created.Status, got.Status, got.counts())
	}
}

func TestEveryEndState(t *testing.T) {
	perRow := openaitest.Phases{PerRow: time.Hour, Cancelling: time.Minute}
	row := func(kind openaitest.FaultKind, rows int) []openaitest.Fault {
		return []openaitest.Fault{{Kind: kind, BatchFault: openaitest.BatchFault{Rows: rows}}}
	}
	tests := []struct {
		name   string
		opt    openaitest.Options
		rows   int
		cancel time.Duration // 0: not
		wait   time.Duration
		status string
		counts string
		output string
		errors string // of the error file
		billed int
	}{
		{name: "completed", opt: openaitest.Options{}, rows: 2,
			status: "completed", counts: "2/2/0", output: "r0:200 r1:200", billed: 2},
		{name: "some rows bad", opt: openaitest.Options{Faults: []openaitest.Fault{{Kind: openaitest.ContextLength, Aim: openaitest.Aim{Contains: "row 1"}}}}, rows: 2,
			status: "completed", counts: "2/1/1", output: "r0:200", errors: "r1:400", billed: 1},
		{name: "some rows bad in the output", rows: 2,
			opt: openaitest.Options{
				BatchRules: openaitest.BatchRules{BadRowsInOutput: true},
				Faults:     []openaitest.Fault{{Kind: openaitest.ContextLength, Aim: openaitest.Aim{Contains: "row 1"}}},
			},
			status: "completed", counts: "2/1/1", output: "r0:200 r1:400", billed: 1},
		{name: "all rows failed", opt: openaitest.Options{Faults: row(openaitest.BatchAllFailed, 0)}, rows: 2,
			status: "completed", counts: "2/0/2", errors: "r0:400 r1:400"},
		{name: "told to expire", opt: openaitest.Options{BatchRules: openaitest.BatchRules{InOrder: true}, Faults: row(openaitest.BatchExpire, 2)}, rows: 4, wait: 24 * time.Hour,
			status: "expired", counts: "4/2/0", output: "r0:200 r1:200", errors: "r2:batch_expired r3:batch_expired", billed: 2},
		{name: "told to expire at once", opt: openaitest.Options{Faults: row(openaitest.BatchExpire, 0)}, rows: 2, wait: 24 * time.Hour,
			status: "expired", counts: "2/0/0", errors: "r0:batch_expired r1:batch_expired"},
		{name: "told to expire with all done", opt: openaitest.Options{Faults: row(openaitest.BatchExpire, 9)}, rows: 2, wait: 24 * time.Hour,
			status: "expired", counts: "2/2/0", output: "r0:200 r1:200", billed: 2},
		{name: "not yet expired", opt: openaitest.Options{Faults: row(openaitest.BatchExpire, 1)}, rows: 2, wait: 24*time.Hour - 1,
			status: "in_progress", counts: "2/1/0", billed: 1},
		{name: "too slow", opt: openaitest.Options{BatchRules: openaitest.BatchRules{InOrder: true, Phases: openaitest.Phases{PerRow: 10 * time.Hour}}}, rows: 3, wait: 48 * time.Hour,
			status: "expired", counts: "3/2/0", output: "r0:200 r1:200", errors: "r2:batch_expired", billed: 2},
		{name: "a short window", opt: openaitest.Options{BatchRules: openaitest.BatchRules{InOrder: true, Phases: openaitest.Phases{PerRow: time.Minute, Window: time.Minute}}}, rows: 2, wait: time.Minute,
			status: "expired", counts: "2/1/0", output: "r0:200", errors: "r1:batch_expired", billed: 1},
		{name: "being cancelled", opt: openaitest.Options{BatchRules: openaitest.BatchRules{Phases: perRow}}, rows: 4, cancel: 2 * time.Hour, wait: time.Second,
			status: "cancelling", counts: "4/2/0", billed: 2},
		{name: "cancelled", opt: openaitest.Options{BatchRules: openaitest.BatchRules{InOrder: true, Phases: perRow}}, rows: 4, cancel: 2 * time.Hour, wait: 3 * time.Hour,
			status: "cancelled", counts: "4/2/0", output: "r0:200 r1:200", errors: "r2:batch_cancelled r3:batch_cancelled", billed: 2},
		{name: "cancelled in validation", opt: openaitest.Options{BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{Validating: time.Hour}}}, rows: 4, cancel: time.Minute, wait: time.Hour,
			status: "cancelled", counts: "0/0/0"},
		{name: "cancelled when all was done", opt: openaitest.Options{BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{Finalizing: time.Hour}}}, rows: 1, cancel: time.Minute, wait: time.Hour,
			status: "cancelled", counts: "1/1/0", output: "r0:200", billed: 1},
		{name: "rows with status 0", opt: openaitest.Options{BatchRules: openaitest.BatchRules{InOrder: true}, Faults: row(openaitest.BatchStatusZero, 2)}, rows: 3,
			status: "completed", counts: "3/3/0", output: "r0:0 r1:0 r2:200", billed: 1},
		{name: "rows missing", opt: openaitest.Options{BatchRules: openaitest.BatchRules{InOrder: true}, Faults: row(openaitest.BatchMissing, 1)}, rows: 3,
			status: "completed", counts: "3/3/0", output: "r1:200 r2:200", billed: 2},
		{name: "several faults together", rows: 5, wait: 24 * time.Hour,
			opt: openaitest.Options{BatchRules: openaitest.BatchRules{InOrder: true}, Faults: slices.Concat(row(openaitest.BatchMissing, 1),
				row(openaitest.BatchStatusZero, 1), row(openaitest.BatchExpire, 3))},
			status: "expired", counts: "5/3/0", output: "r0:0 r2:200", errors: "r3:batch_expired r4:batch_expired", billed: 1},
		{name: "failed as told", opt: openaitest.Options{Faults: row(openaitest.BatchFail, 0)}, rows: 2,
			status: "failed", counts: "0/0/0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			api, c := serve(t, stopped(tt.opt))
			id := c.created(input(tt.rows))
			if tt.cancel > 0 {
				_ = api.Advance(tt.cancel)
				if got := decode[batchObject](t, c.cancel(id)); got.Status != "cancelling" || got.CancellingAt == nil {
					t.Errorf("cancelling it shows %+v", got)
				}
			}
			_ = api.Advance(tt.wait)
			b := c.batch(id)
			if b.Status != tt.status || b.counts() != tt.counts {
				t.Errorf("status %s, counts %s, want %s, %s", b.Status, b.counts(), tt.status, tt.counts)
			}
			output, failures := c.results(b.OutputFileID), c.results(b.ErrorFileID)
			if got := summary(output); got != tt.output {
				t.Errorf("output %q, want %q", got, tt.output)
			}
			if got := summary(failures); got != tt.errors {
				t.Errorf("errors %q, want %q", got, tt.errors)
			}
			if (b.OutputFileID == nil) != (tt.output == "") || (b.ErrorFileID == nil) != (tt.errors == "") {
				t.Errorf("files %v and %v", b.OutputFileID, b.ErrorFileID)
			}
			if got := len(api.Bills()); got != tt.billed {
				t.Errorf("%d rows billed, want %d", got, tt.billed)
			}
			for sha, n := range api.Billed() {
				if n != 1 {
					t.Errorf("%s was billed %d times", sha, n)
				}
			}
		})
	}
}

func TestAFailedBatchSaysAsToldWhatIsWrong(t *testing.T) {
	_, c := serve(t, openaitest.Options{Faults: []openaitest.Fault{
		{
			Kind:       openaitest.BatchFail,
			ErrorReply: openaitest.ErrorReply{Code: "odd_code", Message: "100% wrong", Param: "body.x"},
			BatchFault: openaitest.BatchFault{Line: 7},
			Turns:      openaitest.Turns{Times: 1},
		},
		{Kind: openaitest.BatchFail},
	}})
	first, second := c.batch(c.created(input(1))), c.batch(c.created(input(1)))
	if got := first.errorsText(); got != "odd_code 7 body.x" || first.Errors.Data[0].Message != "100% wrong" || first.Errors.Object != "list" {
		t.Errorf("got %q, %+v", got, first.Errors)
	}
	if got := second.errorsText(); got != "invalid_request" || second.FailedAt == nil {
		t.Errorf("got %q, %+v", got, second)
	}
}

func TestValidationFindsWhatIsWrongWithALine(t *testing.T) {
	good := requestLine("a", chatBody("m", "hi"))
	tests := []struct{ name, lines, want string }{
		{"good", good, ""},
		{"good without a last line break", strings.TrimSuffix(good, "\n"), ""},
		{"CRLF", good + "\r\n" + requestLine("b", chatBody("m", "hi")) + "\r\n", ""},
		{"not JSON", good + "\noops", "invalid_json_line 2"},
		{"an empty line", good + "\n\n" + requestLine("b", chatBody("m", "hi")), "invalid_json_line 2"},
		{"an array", good + "\n[]", "invalid_json_line 2"},
		{"not UTF-8", good + "\n{\"custom_id\":\"\xff\"}", "invalid_json_line 2"},
		{"a byte order mark", "\ufeff" + good, "invalid_json_line 1"},
		{"nothing", `{}`, "missing_required_parameter 1 custom_id; missing_required_parameter 1 method; " +
			"missing_required_parameter 1 url; missing_required_parameter 1 body"},
		{"null custom_id", strings.Replace(good, `"a"`, `null`, 1), "missing_required_parameter 1 custom_id"},
		{"empty custom_id", strings.Replace(good, `"a"`, `""`, 1), "invalid_request 1 custom_id"},
		{"custom_id is a number", strings.Replace(good, `"a"`, `1`, 1), "invalid_request 1 custom_id"},
		{"custom_id twice", good + "\n" + good, "duplicate_custom_id 2 custom_id"},
		{"GET", strings.Replace(good, "POST", "GET", 1), "invalid_request 1 method"},
		{"another url", strings.Replace(good, "/v1/chat/completions", "/v1/completions", 1), "invalid_url 1 url"},
		{"a whole url", strings.Replace(good, "/v1/chat", "https://api.openai.com/v1/chat", 1), "invalid_url 1 url"},
		{"body is text", requestLine("a", `"x"`), "invalid_request 1 body"},
		{"no model", requestLine("a", `{"messages":[]}`), "missing_required_parameter 1 body.model"},
		{"unknown model", requestLine("a", chatBody("nobody", "hi")), "model_not_found 1 body.model"},
		{"model is a number", requestLine("a", `{"model":1}`), "model_not_found 1 body.model"},
		{"two models", good + "\n" + requestLine("b", chatBody("n", "hi")), "mismatched_model 2 body.model"},
		{"stream", requestLine("a", chatBody("m", "hi", "stream", true)), "streaming_unsupported 1 body.stream"},
		{"several", good + "\noops\n" + good, "invalid_json_line 2; duplicate_custom_id 3 custom_id"},
		{"too many lines", input(6), "invalid_request"},
		{"too many bytes", requestLine("a", chatBody("m", strings.Repeat("x", 2000))), "invalid_request"},
	}
	api, c := serve(t, openaitest.Options{Models: []string{"m", "n"}, BatchRules: openaitest.BatchRules{MaxBatchLines: 5, MaxBatchBytes: 2000}})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := c.batch(c.created(tt.lines))
			if got := b.errorsText(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			wantStatus := "failed"
			if tt.want == "" {
				wantStatus = "completed"
			}
			if b.Status != wantStatus || (b.FailedAt != nil) != (b.Status == "failed") {
				t.Errorf("status %s, failed at %v", b.Status, b.FailedAt)
			}
		})
	}
	if got := len(api.Bills()); got != 4 {
		t.Errorf("%d rows billed, want the 4 good ones", got)
	}
}

func TestABatchNames100ErrorsAtMost(t *testing.T) {
	_, c := serve(t, openaitest.Options{})
	if got := len(c.batch(c.created("{}\n" + strings.Repeat("oops\n", 200))).Errors.Data); got != 100 {
		t.Errorf("%d errors", got)
	}
}

func TestALineTooLongForTheSimulationFailsTheBatch(t *testing.T) {
	_, c := serve(t, openaitest.Options{})
	long := requestLine("a", chatBody("m", strings.Repeat("x", 5<<20)))
	b := c.batch(c.created(input(1) + long + "\n" + strings.TrimSpace(input(1))))
	if got := b.errorsText(); got != "invalid_request 2; duplicate_custom_id 3 custom_id" {
		t.Errorf("got %q", got)
	}
}

func TestABadCreationIsRefusedAtOnce(t *testing.T) {
	_, c := serve(t, openaitest.Options{})
	in := c.uploaded(input(1))
	output := *c.batch(c.created(input(1))).OutputFileID
	many := map[string]any{}
	for i := range 17 {
		many[fmt.Sprint(i)] = "x"
	}
	tests := []struct {
		name, body string
		want       refusal
	}{
		{"not JSON", "{", refusal{status: 400}},
		{"an array", "[]", refusal{status: 400}},
		{"no file", createBody("", "input_file_id", nil), refusal{400, "missing_required_parameter", "input_file_id"}},
		{"file is a number", createBody("", "input_file_id", 1), refusal{400, "invalid_type", "input_file_id"}},
		{"unknown file", createBody("file-none"), refusal{400, "", "input_file_id"}},
		{"file of results", createBody(output), refusal{400, "invalid_value", "input_file_id"}},
		{"no endpoint", createBody(in, "endpoint", nil), refusal{400, "missing_required_parameter", "endpoint"}},
		{"bad endpoint", createBody(in, "endpoint", "/chat/completions"), refusal{400, "invalid_value", "endpoint"}},
		{"endpoint not simulated", createBody(in, "endpoint", "/v1/embeddings"), refusal{400, "unsupported_value", "endpoint"}},
		{"no window", createBody(in, "completion_window", nil), refusal{400, "missing_required_parameter", "completion_window"}},
		{"window of 48h", createBody(in, "completion_window", "48h"), refusal{400, "invalid_value", "completion_window"}},
		{"unknown parameter", createBody(in, "description", "x"), refusal{400, "unknown_parameter", "description"}},
		{"metadata is text", createBody(in, "metadata", "x"), refusal{400, "invalid_type", "metadata"}},
		{"metadata holds a number", createBody(in, "metadata", map[string]any{"n": 1}), refusal{400, "invalid_type", "metadata.n"}},
		{"17 pairs", createBody(in, "metadata", many), refusal{400, "object_above_max_properties", "metadata"}},
		{"a key of 65", createBody(in, "metadata", map[string]any{strings.Repeat("é", 65): "x"}), refusal{400, "property_name_above_max_length", "metadata"}},
		{"a value of 513", createBody(in, "metadata", map[string]any{"k": strings.Repeat("é", 513)}), refusal{400, "string_above_max_length", "metadata.k"}},
		{"results for a minute", createBody(in, "output_expires_after", map[string]any{"anchor": "created_at", "seconds": 60}), refusal{400, "invalid_value", "output_expires_after"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, _ := refusalOf(t, c.post("/v1/batches", tt.body)); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
	most := map[string]any{strings.Repeat("é", 64): strings.Repeat("é", 512)}
	for i := range 15 {
		most[fmt.Sprint(i)] = ""
	}
	for _, body := range []string{
		createBody(in, "metadata", most), createBody(in, "metadata", nil),
		createBody(in, "output_expires_after", map[string]any{"anchor": "created_at", "seconds": 3600}),
		createBody(in, "output_expires_after", nil),
	} {
		if a := c.post("/v1/batches", body); a.status != 200 {
			t.Errorf("status %d: %s", a.status, a.body)
		}
	}
	if got := len(decode[page[batchObject]](t, c.get("/v1/batches")).Data); got != 5 {
		t.Errorf("%d batches exist, want 5", got)
	}
}

type page[T any] struct {
	Object  string
	Data    []T
	FirstID *string `json:"first_id"`
	LastID  *string `json:"last_id"`
	HasMore bool    `json:"has_more"`
}

func TestBatchesAreListedPageByPageNewestFirst(t *testing.T) {
	_, c := serve(t, openaitest.Options{})
	if got := c.get("/v1/batches"); string(got.body) != `{"object":"list","data":[],"first_id":null,"last_id":null,"has_more":false}`+"\n" {
		t.Errorf("without any: %s", got.body)
	}
	var ids []string
	in := c.uploaded(input(1))
	for range 25 {
		ids = append(ids, decode[batchObject](t, c.post("/v1/batches", createBody(in))).ID)
	}
	slices.Reverse(ids)
	var got []string
	after, pages := "", 0
	for more := true; more; pages++ {
		p := decode[page[batchObject]](t, c.get("/v1/batches?limit=10&after="+after))
		for _, b := range p.Data {
			got = append(got, b.ID)
		}
		if *p.FirstID != p.Data[0].ID || *p.LastID != p.Data[len(p.Data)-1].ID || p.Object != "list" {
			t.Errorf("page from %s to %s", *p.FirstID, *p.LastID)
		}
		after, more = *p.LastID, p.HasMore
	}
	if diff := cmp.Diff(ids, got); diff != "" || pages != 3 {
		t.Errorf("%d pages, -want +got:\n%s", pages, diff)
	}
	if p := decode[page[batchObject]](t, c.get("/v1/batches")); len(p.Data) != 20 || !p.HasMore {
		t.Errorf("%d by default, more %v", len(p.Data), p.HasMore)
	}
	for query, want := range map[string]refusal{
		"limit=0":   {400, "integer_below_min_value", "limit"},
		"limit=101": {400, "integer_above_max_value", "limit"},
		"limit=x":   {400, "invalid_type", "limit"},
		"after=x":   {400, "invalid_value", "after"},
	} {
		if got, _ := refusalOf(t, c.get("/v1/batches?"+query)); got != want {
			t.Errorf("%s: got %+v, want %+v", query, got, want)
		}
	}
}

func TestOnlyALiveBatchCanBeCancelled(t *testing.T) {
	api, c := serve(t, stopped(openaitest.Options{BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{Cancelling: time.Minute, PerRow: time.Hour}}}))
	id := c.created(input(2))
	for range 2 { // twice does no harm
		if got := decode[batchObject](t, c.cancel(id)).Status; got != "cancelling" {
			t.Errorf("status %s", got)
		}
	}
	_ = api.Advance(time.Minute)
	got, message := refusalOf(t, c.cancel(id))
	if want := "Cannot cancel a batch with status 'cancelled'."; got != (refusal{status: 409}) || message != want {
		t.Errorf("got %+v %q, want 409 %q", got, message, want)
	}
	for _, a := range []answer{c.get("/v1/batches/batch_none"), c.cancel("batch_none")} {
		if got, _ := refusalOf(t, a); got != (refusal{status: 404}) {
			t.Errorf("no batch: got %+v", got)
		}
	}
}

func TestTheQueueOfAModelHoldsSoManyTokens(t *testing.T) {
	// A row is "Echo: row 0", 3 tokens.
	api, c := serve(t, stopped(openaitest.Options{BatchRules: openaitest.BatchRules{EnqueuedTokens: 10, Phases: openaitest.Phases{Validating: time.Minute, PerRow: time.Hour}}}))
	of := func(model string, n int) string {
		return c.created(strings.ReplaceAll(input(n), `"model":"m"`, fmt.Sprintf(`"model":%q`, model)))
	}
	first, second, other, huge := of("m", 2), of("m", 2), of("n", 2), of("o", 4)
	_ = api.Advance(time.Minute)
	for id, want := range map[string]string{
		first: "in_progress", second: "failed token_limit_exceeded", other: "in_progress", huge: "failed token_limit_exceeded",
	} {
		b := c.batch(id)
		if got := strings.TrimSpace(b.Status + " " + b.errorsText()); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got, want := c.batch(second).Errors.Data[0].Message, "Enqueued token limit reached for m in organization org-simulated. "+
		"Limit: 10 enqueued tokens. Please try again once some in_progress batches have been completed."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	// The next is validated at the moment when the first ends.
	_ = api.Advance(119 * time.Minute)
	next := of("m", 3)
	_ = api.Advance(time.Minute)
	if got := c.batch(next).Status; got != "in_progress" {
		t.Errorf("once there is room: %s", got)
	}
}

func TestABatchLargerThanTheQueueNeverFits(t *testing.T) {
	_, c := serve(t, openaitest.Options{BatchRules: openaitest.BatchRules{EnqueuedTokens: 1234}})
	b := c.batch(c.created(requestLine("a", chatBody("m", strings.Repeat("x", 4*1234+1)))))
	if b.errorsText() != "token_limit_exceeded" || !strings.Contains(b.Errors.Data[0].Message, "Limit: 1,234 enqueued tokens") {
		t.Errorf("%s: %+v", b.Status, b.Errors)
	}
}

func TestSoManyBatchesCanBeCreatedInAnHour(t *testing.T) {
	api, c := serve(t, stopped(openaitest.Options{BatchRules: openaitest.BatchRules{BatchesPerHour: 2}}))
	in := c.uploaded(input(1))
	var got []int
	for _, wait := range []time.Duration{0, time.Minute, 0, time.Hour - time.Minute, 0} {
		_ = api.Advance(wait)
		got = append(got, c.post("/v1/batches", createBody(in)).status)
	}
	if want := []int{200, 200, 429, 200, 429}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRowsComeInAnOrderOfTheirOwn(t *testing.T) {
	order := func(opt openaitest.Options) (ids []string) {
		_, c := serve(t, opt)
		for _, l := range c.results(c.batch(c.created(input(50))).OutputFileID) {
			ids = append(ids, l.CustomID)
		}
		return ids
	}
	var sorted []string
	for i := range 50 {
		sorted = append(sorted, fmt.Sprintf("r%d", i))
	}
	if got := order(openaitest.Options{BatchRules: openaitest.BatchRules{InOrder: true}}); !slices.Equal(got, sorted) {
		t.Errorf("in order: %v", got)
	}
	one, again, two := order(openaitest.Options{Seed: 1}), order(openaitest.Options{Seed: 1}), order(openaitest.Options{Seed: 2})
	if slices.Equal(one, sorted) || !slices.Equal(one, again) || slices.Equal(one, two) {
		t.Errorf("seed 1: %v\nagain: %v\nseed 2: %v", one, again, two)
	}
}

func TestARowIsAnsweredAsTheSameCallIs(t *testing.T) {
	bodies := map[string]string{
		"good":     chatBody("gpt-4.1", prompt("Ada left .")),
		"short":    chatBody("gpt-4.1", prompt("Ada left York again today ."), "max_tokens", 2),
		"bad":      chatBody("gpt-4.1", "x", "temperature", 3),
		"unknown":  chatBody("gpt-4.1", "x", "tempreature", 3),
		"messages": `{"model":"gpt-4.1"}`,
		"filtered": chatBody("gpt-4.1", "filter this"),
		"refused":  chatBody("gpt-4.1", "refuse this"),
		"html":     chatBody("gpt-4.1", "html"),
		"pretty":   chatBody("gpt-4.1", "pretty"),
		"break":    chatBody("gpt-4.1", "Echo: break \u2028 <here>"),
	}
	_, c := serve(t, openaitest.Options{Faults: []openaitest.Fault{
		{Kind: openaitest.Hang, Aim: openaitest.Aim{Path: chatPath, Contains: "row-only"}},
		{Kind: openaitest.ContentFilter, Aim: openaitest.Aim{Contains: "filter"}},
		{Kind: openaitest.Refusal, Aim: openaitest.Aim{Contains: "refuse"}},
		{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 502, Body: "<b>\n</b>"}, Aim: openaitest.Aim{Contains: "html"}},
		{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 422, Body: "{\n \"error\": \"x\"\n}"}, Aim: openaitest.Aim{Contains: "pretty"}},
		{Kind: openaitest.LineBreak, Aim: openaitest.Aim{Contains: "break"}},
	}})
	var lines strings.Builder
	for id, body := range bodies {
		fmt.Fprintln(&lines, requestLine(id, body))
	}
	b := c.batch(c.created(lines.String()))
	found := slices.Concat(c.results(b.OutputFileID), c.results(b.ErrorFileID))
	if len(found) != len(bodies) || b.counts() != "10/5/5" {
		t.Fatalf("%d results, counts %s", len(found), b.counts())
	}
	for _, l := range found {
		a := c.post(chatPath, bodies[l.CustomID])
		want := any(string(a.body))
		if json.Valid(a.body) {
			want = plain(t, a.body)
		}
		if diff := cmp.Diff(want, plain(t, l.Response.Body)); diff != "" || l.Response.StatusCode != a.status {
			t.Errorf("%s: status %d, as a call %d, -call +row:\n%s", l.CustomID, l.Response.StatusCode, a.status, diff)
		}
		if l.ID == "" || l.Response.RequestID == "" {
			t.Errorf("%s: id %q, request id %q", l.CustomID, l.ID, l.Response.RequestID)
		}
	}
}

// plain decodes JSON and leaves out what tells answers apart.
func plain(t *testing.T, body []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if m, ok := v.(map[string]any); ok {
		delete(m, "id")
		delete(m, "created")
	}
	return v
}

func TestALegacyBatch(t *testing.T) {
	_, c := serve(t, openaitest.Options{})
	line := strings.Replace(requestLine("a", legacyBody("davinci-002", "Echo: hi")), chatPath, "/v1/completions", 1)
	b := c.batch(c.created(line, "endpoint", "/v1/completions"))
	if got := c.results(b.OutputFileID); len(got) != 1 || !strings.Contains(string(got[0].Response.Body), `"text":"hi"`) {
		t.Errorf("%s: %+v", b.Status, got)
	}
}

func TestARuleCanBeForCallsOrForRows(t *testing.T) {
	for on, want := range map[string]string{"": "400 r0:400", "calls": "400 r0:200", "rows": "200 r0:400"} {
		_, c := serve(t, openaitest.Options{Faults: []openaitest.Fault{
			{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 400}, Aim: openaitest.Aim{Contains: "row 0", On: on}}}})
		b := c.batch(c.created(input(1)))
		got := fmt.Sprint(c.post(chatPath, chatBody("m", "Echo: row 0")).status, " ",
			summary(c.results(b.OutputFileID), c.results(b.ErrorFileID)))
		if got != want {
			t.Errorf("on %q: got %s, want %s", on, got, want)
		}
	}
}

func TestAFaultAboutBatchesHitsThoseItNames(t *testing.T) {
	_, c := serve(t, openaitest.Options{Faults: []openaitest.Fault{
		{Kind: openaitest.BatchFail, Aim: openaitest.Aim{Contains: `"part":"2"`}, ErrorReply: openaitest.ErrorReply{Code: "second_part"}},
		{Kind: openaitest.BatchFail, Aim: openaitest.Aim{Model: "other"}, ErrorReply: openaitest.ErrorReply{Code: "other_model"}},
		{Kind: openaitest.BatchAllFailed, Turns: openaitest.Turns{Skip: 1, Times: 1}, ErrorReply: openaitest.ErrorReply{Code: "second_batch", Message: "No."}},
	}})
	part := func(n string) []any { return []any{"metadata", map[string]any{"part": n}} }
	one := c.batch(c.created(input(1), part("1")...))
	two := c.batch(c.created(input(1), part("2")...))
	other := c.batch(c.created(strings.ReplaceAll(input(1), `"m"`, `"other"`)))
	if one.Status != "completed" || one.counts() != "1/1/0" || two.errorsText() != "second_part" || other.errorsText() != "other_model" {
		t.Errorf("%s %s, %q, %q", one.Status, one.counts(), two.errorsText(), other.errorsText())
	}
	_, c = serve(t, openaitest.Options{Faults: []openaitest.Fault{
		{Kind: openaitest.BatchAllFailed, Turns: openaitest.Turns{Skip: 1, Times: 1}, ErrorReply: openaitest.ErrorReply{Code: "second_batch", Message: "No."}},
	}})
	for i, want := range []string{"1/1/0", "1/0/1", "1/1/0"} {
		b := c.batch(c.created(input(1)))
		if got := b.counts(); got != want {
			t.Errorf("batch %d: %s, want %s", i+1, got, want)
		}
		if i == 1 {
			body := string(c.results(b.ErrorFileID)[0].Response.Body)
			if !strings.Contains(body, `"message":"No."`) || !strings.Contains(body, `"code":"second_batch"`) {
				t.Errorf("row: %s", body)
			}
		}
	}
}

func TestOutputThatComesLate(t *testing.T) {
	for _, empty := range []bool{false, true} {
		_, c := serve(t, openaitest.Options{
			Dialect: openaitest.Dialect{EmptyFileIDs: empty},
			Faults:  []openaitest.Fault{{Kind: openaitest.BatchLateOutput, BatchFault: openaitest.BatchFault{Shown: 2}}},
		})
		id := c.created(input(1))
		var got []string
		for range 4 {
			b := c.batch(id)
			text := b.Status + ":null"
			if b.OutputFileID != nil {
				text = fmt.Sprintf("%s:%.8s", b.Status, *b.OutputFileID)
			}
			got = append(got, text)
		}
		want := []string{"completed:null", "completed:null", "completed:file-sim", "completed:file-sim"}
		if empty {
			want[0], want[1] = "completed:", "completed:"
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if b := c.batch(id); (b.ErrorFileID == nil) == empty || empty && *b.ErrorFileID != "" {
			t.Errorf("error file %v", b.ErrorFileID)
		}
	}
}

func TestAStatusThatNobodyKnows(t *testing.T) {
	_, c := serve(t, openaitest.Options{Faults: []openaitest.Fault{
		{
			Kind:       openaitest.BatchUnknownStatus,
			Text:       "paused",
			BatchFault: openaitest.BatchFault{Shown: 2},
		}, {
			Kind:       openaitest.BatchLateOutput,
			BatchFault: openaitest.BatchFault{Shown: 1},
		}}})
	id := c.created(input(1))
	var got []string
	for range 2 {
		b := c.batch(id)
		got = append(got, fmt.Sprint(b.Status, b.OutputFileID != nil))
		b = decode[page[batchObject]](t, c.get("/v1/batches")).Data[0]
		got = append(got, fmt.Sprint(b.Status, b.OutputFileID != nil))
	}
	if want := []string{"pausedfalse", "pausedfalse", "completedfalse", "completedtrue"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestFaultsHitTheCallsAboutFilesAndBatches(t *testing.T) {
	_, helper := serve(t, openaitest.Options{})
	in := helper.uploaded(input(1)) // an id that no other server knows
	calls := map[string]*http.Request{
		"createFile":    uploadRequest("", "in.jsonl", input(1), "purpose", "batch"),
		"listFiles":     newRequest(t.Context(), http.MethodGet, "/v1/files", ""),
		"retrieveFile":  newRequest(t.Context(), http.MethodGet, "/v1/files/"+in, ""),
		"downloadFile":  newRequest(t.Context(), http.MethodGet, "/v1/files/"+in+"/content", ""),
		"deleteFile":    newRequest(t.Context(), http.MethodDelete, "/v1/files/"+in, ""),
		"createBatch":   newRequest(t.Context(), http.MethodPost, "/v1/batches", createBody(in)),
		"listBatches":   newRequest(t.Context(), http.MethodGet, "/v1/batches", ""),
		"retrieveBatch": newRequest(t.Context(), http.MethodGet, "/v1/batches/batch_x", ""),
		"cancelBatch":   newRequest(t.Context(), http.MethodPost, "/v1/batches/batch_x/cancel", ""),
	}
	for _, op := range slices.Sorted(maps.Keys(calls)) {
		api := openaitest.New(openaitest.Options{Key: "sk-test", Faults: []openaitest.Fault{
			{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 503}, Aim: openaitest.Aim{Op: op}, Turns: openaitest.Turns{Times: 1}},
			{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 429, RetryAfter: "3"}, Aim: openaitest.Aim{Op: op}, Turns: openaitest.Turns{Times: 1}},
		}})
		body, err := io.ReadAll(calls[op].Body)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, key := range []string{"sk-other", "sk-test", "sk-test"} {
			r := calls[op].Clone(t.Context())
			r.Body = io.NopCloser(bytes.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+key)
			w := httptest.NewRecorder()
			api.ServeHTTP(w, r)
			got = append(got, w.Code)
		}
		if want := []int{401, 503, 429}; !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", op, got, want)
		}
		for _, call := range api.Log() {
			if call.Op != op {
				t.Errorf("%s is logged as %q", op, call.Op)
			}
		}
	}
}

func TestABatchThatAppearsLateIsAnsweredBy504AndRunsAllTheSame(t *testing.T) {
	api, c := serve(t, stopped(openaitest.Options{Faults: []openaitest.Fault{{
		Kind:       openaitest.LateBatch,
		BatchFault: openaitest.BatchFault{After: 3 * time.Second},
		Turns:      openaitest.Turns{Times: 1},
	}}}))
	in := c.uploaded(input(2))
	if a := c.post("/v1/batches", createBody(in)); a.status != 504 || !strings.HasPrefix(string(a.body), "<html>") {
		t.Fatalf("%d %s", a.status, a.body)
	}
	id := api.Log()[1].Object
	for _, want := range []int{0, 1} {
		if got := decode[page[batchObject]](t, c.get("/v1/batches")).Data; len(got) != want || want == 1 && got[0].ID != id {
			t.Errorf("listed are %+v, want %d", got, want)
		}
		if got := c.get("/v1/batches/" + id).status; got != map[int]int{0: 404, 1: 200}[want] {
			t.Errorf("asked by its id: %d", got)
		}
		if err := api.Advance(3 * time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(api.Billed()); n != 2 {
		t.Errorf("%d rows were billed, want 2", n)
	}
	if a := c.post("/v1/batches", createBody(in)); a.status != 200 {
		t.Errorf("the next one: %d %s", a.status, a.body)
	}
}

func TestANewBatchMayBeListedLate(t *testing.T) {
	api, c := serve(t, stopped(openaitest.Options{BatchRules: openaitest.BatchRules{ListDelay: 2 * time.Second, Phases: openaitest.Phases{InProgress: time.Hour}}}))
	id := c.created(input(1))
	for _, want := range []int{0, 1} {
		if got := decode[page[batchObject]](t, c.get("/v1/batches")).Data; len(got) != want {
			t.Errorf("%d are listed, want %d", len(got), want)
		}
		if got := c.batch(id).ID; got != id {
			t.Errorf("by its id: %q", got)
		}
		if err := api.Advance(2 * time.Second); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnAnswerThatIsLostHadItsEffect(t *testing.T) {
	for _, tt := range []struct {
		kind openaitest.FaultKind
		done bool
	}{{openaitest.LostAnswer, true}, {openaitest.ResetMidBody, true}, {openaitest.Reset, false}} {
		api, c := serve(t, openaitest.Options{Faults: []openaitest.Fault{
			{
				Kind:  tt.kind,
				Aim:   openaitest.Aim{Op: "createFile"},
				Turns: openaitest.Turns{Times: 1},
			}, {
				Kind:  tt.kind,
				Aim:   openaitest.Aim{Op: "createBatch"},
				Turns: openaitest.Turns{Times: 1},
			}}})
		if _, err := c.do(uploadRequest(c.url, "in.jsonl", input(1), "purpose", "batch")); err == nil {
			t.Errorf("%s: the upload was answered", tt.kind)
		}
		id := c.uploaded(input(1))
		if _, err := c.try("/v1/batches", createBody(id)); err == nil {
			t.Errorf("%s: the creation was answered", tt.kind)
		}
		files, batches := decode[page[fileObject]](t, c.get("/v1/files?purpose=batch")).Data, decode[page[batchObject]](t, c.get("/v1/batches")).Data
		wantFiles, wantBatches := 1, 0
		if tt.done {
			wantFiles, wantBatches = 2, 1
		}
		if len(files) != wantFiles || len(batches) != wantBatches {
			t.Errorf("%s: %d files and %d batches exist, want %d and %d", tt.kind, len(files), len(batches), wantFiles, wantBatches)
		}
		log := api.Log()
		if lost := log[2]; tt.done && (lost.Op != "createBatch" || lost.Object != batches[0].ID || lost.Answered) {
			t.Errorf("%s: logged as %+v", tt.kind, lost)
		}
	}
}

func TestAnUploadMayHangOrBeSlow(t *testing.T) {
	api, c := serve(t, openaitest.Options{Faults: []openaitest.Fault{
		{Kind: openaitest.Hang, Aim: openaitest.Aim{Op: "createFile"}, Turns: openaitest.Turns{Times: 1}},
		{Kind: openaitest.Slow, Aim: openaitest.Aim{Op: "createFile"}, Latency: 30 * time.Millisecond, Turns: openaitest.Turns{Times: 1}},
	}})
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := c.do(uploadRequest(c.url, "in.jsonl", input(1), "purpose", "batch").WithContext(ctx))
		done <- err
	}()
	waitFor(t, func() bool { return api.Calls() == 1 })
	leave()
	if err := <-done; err == nil {
		t.Error("a hanging upload was answered")
	}
	waitFor(t, func() bool { return len(api.Log()) == 1 })
	start := time.Now()
	c.uploaded(input(1))
	if took := time.Since(start); took < 30*time.Millisecond {
		t.Errorf("took %v", took)
	}
	if n := len(decode[page[fileObject]](t, c.get("/v1/files")).Data); n != 1 {
		t.Errorf("%d files, want 1", n)
	}
}

// FuzzBatchInput checks that whatever a batch's input holds, the batch ends, and
// every row of one that completes has exactly one result.
func FuzzBatchInput(f *testing.F) {
	for _, seed := range []string{
		"", "\n", "{}", "[]", "null", "\ufeff{}", "\xff", `{"custom_id":"\ud800"}`, input(3),
		requestLine("a", `{"model":"m"}`), requestLine("a", `{"model":"m","messages":[{"role":"user","content":null}]}`),
		requestLine("a\u2028\"", chatBody("m", "x")), requestLine("a", chatBody("m", "x", "stream", true)),
		requestLine("r0", chatBody("m", "x")), requestLine("b", chatBody("n", "x")), strings.Repeat("[", 1000),
		strings.Replace(requestLine("a", "{}"), "POST", "PUT", 1) + "\r\n\r\n",
	} {
		f.Add(seed)
	}
	api := openaitest.New(openaitest.Options{Logging: openaitest.Logging{NoLog: true}})
	call := func(r *http.Request) answer {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		return answer{w.Code, w.Header(), w.Body.Bytes()}
	}
	f.Fuzz(func(t *testing.T, lines string) {
		in := decode[fileObject](t, call(uploadRequest("", "in.jsonl", input(1)+lines, "purpose", "batch"))).ID
		id := decode[batchObject](t, call(newRequest(t.Context(), http.MethodPost, "/v1/batches", createBody(in)))).ID
		b := decode[batchObject](t, call(newRequest(t.Context(), http.MethodGet, "/v1/batches/"+id, "")))
		switch b.Status {
		case "failed":
			if len(b.Errors.Data) == 0 {
				t.Error("failed without an error")
			}
			return
		case "completed":
		default:
			t.Fatalf("status %s", b.Status)
		}
		seen := map[string]int{}
		for _, file := range []*string{b.OutputFileID, b.ErrorFileID} {
			if file == nil {
				continue
			}
			for _, l := range resultLines(t, call(newRequest(t.Context(), http.MethodGet, "/v1/files/"+*file+"/content", "")).body) {
				seen[l.CustomID]++
			}
		}
		if total := b.RequestCounts["total"]; len(seen) != total || total != b.RequestCounts["completed"]+b.RequestCounts["failed"] {
			t.Errorf("%d rows seen, counts %s", len(seen), b.counts())
		}
	})
}
