package openaitest_test

import (
	"fmt"
	"io"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/openaitest"
)

// names lists a folder.
func names(t *testing.T, parts ...string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// A server that is dropped without a word is as good as killed: it keeps nothing
// open and buffers nothing between calls.
func TestTheStateInAFolderSurvives(t *testing.T) {
	opt := stopped(openaitest.Options{Dir: filepath.Join(t.TempDir(), "state"), Seed: 3, BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{
		Validating: time.Minute, PerRow: time.Minute, Finalizing: time.Minute, Cancelling: time.Minute,
	}}, Faults: []openaitest.Fault{
		{Kind: openaitest.BatchExpire, BatchFault: openaitest.BatchFault{Rows: 2}, Aim: openaitest.Aim{Contains: "expire"}},
		{Kind: openaitest.BatchFail, Aim: openaitest.Aim{Contains: "fail"}, ErrorReply: openaitest.ErrorReply{Code: "c"}, BatchFault: openaitest.BatchFault{Line: 2}},
		{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 400}, Aim: openaitest.Aim{Contains: "row 3"}},
	}})
	type looks struct {
		Batches []batchObject
		Files   []fileObject
		Results map[string]string
		Bills   []string
	}
	// play does the same with one server or with a new one at each step.
	play := func(restart bool) looks {
		now := opt
		if !restart {
			now.Dir = ""
		}
		api, c := serve(t, now)
		next := func(minutes int) {
			if restart {
				api, c = serve(t, now)
			}
			if err := api.Advance(time.Duration(minutes) * time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		c.post(chatPath, chatBody("m", "hi"))
		for _, what := range []string{"plain", "expire", "fail", "cancel"} {
			next(0)
			c.created(input(5), "metadata", map[string]any{"what": what})
		}
		for range 4 {
			next(1)
		}
		list := decode[page[batchObject]](t, c.get("/v1/batches"))
		if a := c.cancel(list.Data[0].ID); a.status != 200 {
			t.Fatalf("%s", a.body)
		}
		for range 6 {
			next(1)
		}
		next(24 * 60)
		next(1)
		got := looks{Results: map[string]string{}}
		for _, b := range api.Bills() {
			got.Bills = append(got.Bills, fmt.Sprint(b.PromptSHA, b.BatchID != "", b.CustomID, b.Call, b.InputTokens, b.OutputTokens))
		}
		slices.Sort(got.Bills)
		got.Batches = decode[page[batchObject]](t, c.get("/v1/batches")).Data
		got.Files = decode[page[fileObject]](t, c.get("/v1/files")).Data
		for _, b := range got.Batches {
			for kind, id := range map[string]*string{"output": b.OutputFileID, "error": b.ErrorFileID} {
				if id != nil {
					got.Results[b.Metadata["what"]+" "+kind] = string(c.get("/v1/files/" + *id + "/content").body)
				}
			}
		}
		return got
	}
	// The ids differ from run to run, and completions bear the real time.
	plainIDs := cmp.Transformer("ids", func(s string) string {
		for _, prefix := range []string{"file-sim", "batch_sim"} {
			for {
				i := strings.Index(s, prefix)
				if i < 0 {
					break
				}
				s = s[:i] + s[min(i+len(prefix)+26, len(s)):]
			}
		}
		return s
	})
	whole, pieces := play(false), play(true)
	for _, l := range []looks{whole, pieces} {
		for name, text := range l.Results {
			var lines []string
			for _, r := range resultLines(t, []byte(text)) {
				line := r.CustomID
				if r.Response != nil {
					line += fmt.Sprint(" ", r.Response.StatusCode, r.Response.RequestID, plain(t, r.Response.Body))
				}
				lines = append(lines, line)
			}
			l.Results[name] = strings.Join(lines, "\n")
		}
	}
	if len(whole.Batches) != 4 || len(whole.Files) != 4+6 || len(whole.Results) != 6 || len(whole.Bills) < 8 {
		t.Errorf("%d batches, %d files, %d results, %d bills", len(whole.Batches), len(whole.Files), len(whole.Results), len(whole.Bills))
	}
	// What files are listed as is compared by their batch, as batches that end
	// at the same moment share it.
	byName := cmp.Transformer("sort", func(fs []fileObject) (all []string) {
		for _, f := range fs {
			all = append(all, fmt.Sprintln(f.Purpose, f.Bytes, f.CreatedAt, f.ExpiresAt))
		}
		slices.Sort(all)
		return all
	})
	if diff := cmp.Diff(whole, pieces, plainIDs, byName); diff != "" {
		t.Errorf("-in one go +with restarts:\n%s", diff)
	}
}

func TestWhatAKillLeftUnfinishedIsForgotten(t *testing.T) {
	dir := t.TempDir()
	opt := stopped(openaitest.Options{Dir: dir, BatchRules: openaitest.BatchRules{InOrder: true, Phases: openaitest.Phases{PerRow: time.Minute}}})
	api, c := serve(t, opt)
	c.post(chatPath, chatBody("m", "hi"))
	id := c.created(input(3))
	_ = api.Advance(time.Minute)
	c.batch(id) // one row is done
	tear := func(name, text string) {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(f, text)
		_ = f.Close()
	}
	for _, name := range names(t, dir, "files") {
		if strings.HasSuffix(name, ".data") {
			tear("files/"+name, `{"half a li`)
		}
	}
	tear("batches/"+id+".bills", `{"prompt_sha":"half`)
	tear("bills", `{"prompt_sha":"ha`)
	tear("files/file-simorphan.data", "x")
	tear("files/.temp-1", "x")
	tear("batches/.temp-1", "x")
	tear(".temp-1", "x")

	api, c = serve(t, opt)
	if got := len(api.Bills()); got != 2 {
		t.Errorf("%d bills, want 2", got)
	}
	_ = api.Advance(time.Hour)
	b := c.batch(id)
	if got, want := summary(c.results(b.OutputFileID)), "r0:200 r1:200 r2:200"; got != want || b.counts() != "3/3/0" {
		t.Errorf("got %s, counts %s", got, b.counts())
	}
	if got := len(openaitest.New(opt).Bills()); got != 4 {
		t.Errorf("%d bills after another start, want 4", got)
	}
	for _, name := range append(names(t, dir), slices.Concat(names(t, dir, "files"), names(t, dir, "batches"))...) {
		if strings.Contains(name, "orphan") || strings.HasPrefix(name, ".temp") {
			t.Errorf("%s is still there", name)
		}
	}
}

func TestADeletedInputIsKeptForTheBatchThatNeedsIt(t *testing.T) {
	for _, restart := range []bool{false, true} {
		dir := t.TempDir()
		opt := stopped(openaitest.Options{Dir: dir, BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{PerRow: time.Minute}}})
		api, c := serve(t, opt)
		id := c.created(input(2))
		in := c.batch(id).InputFileID
		if a := c.delete("/v1/files/" + in); a.status != 200 {
			t.Errorf("status %d", a.status)
		}
		if restart {
			api, c = serve(t, opt)
		}
		_ = api.Advance(time.Hour)
		b := c.batch(id)
		if got := summary(c.results(b.OutputFileID)); got != "r0:200 r1:200" {
			t.Errorf("got %q", got)
		}
		if got, want := names(t, dir, "files"), []string{*b.OutputFileID + ".data", *b.OutputFileID + ".json"}; !slices.Equal(got, want) {
			t.Errorf("there is %v, want %v", got, want)
		}
	}
}

func TestAStateThatCannotBeReadIsAnError(t *testing.T) {
	for name, text := range map[string]string{
		"files/a.json": "{", "batches/b.json": "{", "clock.json": "{",
		"batches/c.json": `{"ID":"c","Status":"in_progress","InputFileID":"gone"}`,
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, filepath.FromSlash(name))
		_ = os.MkdirAll(filepath.Dir(path), 0o700)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openaitest.Open(openaitest.Options{Dir: dir}); err == nil || !strings.HasPrefix(err.Error(), "load state: ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	_ = os.WriteFile(file, nil, 0o600)
	if _, err := openaitest.Open(openaitest.Options{Dir: file}); err == nil {
		t.Error("a file was taken for a folder")
	}
}

func TestAStateThatCannotBeWrittenIsA500(t *testing.T) {
	dir := t.TempDir()
	opt := stopped(openaitest.Options{Dir: dir, BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{Validating: time.Minute}}})
	api, c := serve(t, opt)
	in := c.uploaded(input(1))
	id := decode[batchObject](t, c.post("/v1/batches", createBody(in))).ID
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := api.Advance(time.Hour); err == nil {
		t.Error("the clock was written")
	}
	for _, a := range []answer{
		c.get("/v1/batches/" + id), c.get("/v1/batches"), c.get("/v1/files"), c.get("/v1/files/" + in), c.cancel(id),
		c.post("/v1/batches", createBody(in)), c.delete("/v1/files/" + in), c.get("/v1/files/" + in + "/content"),
	} {
		if _, message := refusalOf(t, a); a.status != 500 || !strings.Contains(message, "simulated") {
			t.Errorf("status %d, %q", a.status, message)
		}
	}
	c.post(chatPath, chatBody("m", "hi"))
	if err := api.LogErr(); err == nil || !strings.HasPrefix(err.Error(), "write bills: ") {
		t.Errorf("got %v", err)
	}
	if a := c.upload("in.jsonl", input(1), "purpose", "batch"); a.status < 400 {
		t.Errorf("upload: status %d", a.status)
	}
}

func TestTheLedgerHasEveryAnswerThatWasMade(t *testing.T) {
	api, c := serve(t, openaitest.Options{Faults: []openaitest.Fault{
		{Kind: openaitest.LostAnswer, Aim: openaitest.Aim{Contains: "lost"}, Turns: openaitest.Turns{Times: 1}},
		{Kind: openaitest.Reset, Aim: openaitest.Aim{Contains: "reset"}, Turns: openaitest.Turns{Times: 1}},
		{Kind: openaitest.ResetMidBody, Aim: openaitest.Aim{Contains: "half"}, Turns: openaitest.Turns{Times: 1}},
		{Kind: openaitest.Length, Aim: openaitest.Aim{Contains: "long"}, Turns: openaitest.Turns{Times: 1}},
		{Kind: openaitest.Status, ErrorReply: openaitest.ErrorReply{Status: 500}, Aim: openaitest.Aim{Contains: "error"}, Turns: openaitest.Turns{Times: 1}},
	}})
	want := map[string]int{}
	for text, bills := range map[string]int{"good": 2, "lost": 2, "reset": 1, "half": 2, "long": 2, "error": 1} {
		for range 2 {
			_, _ = c.try(chatPath, chatBody("m", "Echo: "+text))
		}
		for _, call := range api.Log() {
			if call.PromptSHA != "" && want[call.PromptSHA] == 0 {
				want[call.PromptSHA] = bills
			}
		}
	}
	c.post(chatPath, "{")
	if diff := cmp.Diff(want, api.Billed()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	id := c.created(requestLine("the row", chatBody("m", "Echo: good")))
	bills := api.Bills()
	last := bills[len(bills)-1]
	if want := (openaitest.Bill{PromptSHA: last.PromptSHA, BatchID: id, CustomID: "the row", InputTokens: 3, OutputTokens: 1}); last != want {
		t.Errorf("got %+v, want %+v", last, want)
	}
	if got := api.Billed()[last.PromptSHA]; got != 3 {
		t.Errorf("billed %d times by two calls and a row", got)
	}
}

func TestARowIsBilledWhenItIsDone(t *testing.T) {
	api, c := serve(t, stopped(openaitest.Options{BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{PerRow: time.Minute}}}))
	c.created(input(3))
	for want := range 4 {
		if got := len(api.Bills()); got != want {
			t.Errorf("minute %d: %d bills", want, got)
		}
		_ = api.Advance(time.Minute)
	}
}

func TestTheClockOnlyGoesForward(t *testing.T) {
	api, _ := serve(t, stopped(openaitest.Options{}))
	if err := api.Advance(-1); err == nil {
		t.Error("it went back")
	}
	_ = api.Advance(time.Hour)
	if got := api.Now(); !got.Equal(someDay.Add(time.Hour)) {
		t.Errorf("it is %v", got)
	}
}

func TestABatchCanBePutIntoAState(t *testing.T) {
	phases := openaitest.Phases{Validating: time.Hour, PerRow: time.Hour, Finalizing: time.Hour, Cancelling: time.Hour}
	tests := []struct {
		states []string
		rows   int
		want   string
	}{
		{[]string{"in_progress"}, -1, "in_progress 4/0/0"},
		{[]string{"in_progress"}, 3, "in_progress 4/3/0"},
		{[]string{"finalizing"}, -1, "finalizing 4/4/0"},
		{[]string{"completed"}, 1, "completed 4/4/0"},
		{[]string{"expired"}, 3, "expired 4/3/0"},
		{[]string{"expired"}, 99, "expired 4/4/0"},
		{[]string{"expired"}, -1, "expired 4/0/0"},
		{[]string{"cancelled"}, 1, "cancelled 4/1/0"},
		{[]string{"failed"}, -1, "failed 0/0/0"},
		{[]string{"in_progress", "finalizing", "cancelled"}, 2, "cancelled 4/4/0"},
	}
	for _, tt := range tests {
		api, c := serve(t, stopped(openaitest.Options{BatchRules: openaitest.BatchRules{Phases: phases}}))
		id := c.created(input(4))
		for _, state := range tt.states {
			if err := api.SetBatchState(id, state, tt.rows); err != nil {
				t.Error(err)
			}
		}
		b := c.batch(id)
		if got := b.Status + " " + b.counts(); got != tt.want {
			t.Errorf("%v with %d rows: got %s, want %s", tt.states, tt.rows, got, tt.want)
		}
		if n := len(c.results(b.OutputFileID)) + len(c.results(b.ErrorFileID)); b.ErrorFileID != nil && n != 4 {
			t.Errorf("%v: %d results", tt.states, n)
		}
		if got := len(api.Bills()); got != b.RequestCounts["completed"] {
			t.Errorf("%v: %d bills for %s", tt.states, got, b.counts())
		}
	}
	api, c := serve(t, stopped(openaitest.Options{BatchRules: openaitest.BatchRules{Phases: phases}}))
	ended, bad := c.created(input(1)), c.created("{}")
	_ = api.SetBatchState(ended, "completed", -1)
	for want, err := range map[string]error{
		"no batch none": api.SetBatchState("none", "expired", -1),
		`a batch can't be put into the state "paused"`:                                      api.SetBatchState(ended, "paused", -1),
		`a batch can't be put into the state "validating"`:                                  api.SetBatchState(ended, "validating", -1),
		"batch " + ended + " is completed, from where no transition leads to expired":       api.SetBatchState(ended, "expired", -1),
		"batch " + bad + " failed its validation: Missing required parameter: 'custom_id'.": api.SetBatchState(bad, "expired", -1),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestAScriptControlsTheSimulationByHTTP(t *testing.T) {
	api, c := serve(t, stopped(openaitest.Options{Key: "sk-test", BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{PerRow: time.Hour}}, Faults: []openaitest.Fault{
		{Kind: openaitest.BatchLateOutput, BatchFault: openaitest.BatchFault{Shown: 1}}}}))
	id := c.created(input(3))
	logged := len(api.Log())
	control := func(method, path string) (int, string) {
		r := newRequest(t.Context(), method, c.url+"/_sim/"+path, "")
		r.Header.Del("Authorization")
		a, err := c.do(r)
		if err != nil {
			t.Fatal(err)
		}
		return a.status, string(a.body)
	}
	for _, step := range []struct {
		call   string
		status int
		want   string
	}{
		{"GET now", 200, `{"now":"2026-11-22T12:00:00Z"}`},
		{"POST advance?d=90m", 200, `{"now":"2026-11-22T13:30:00Z"}`},
		{"POST advance?d=soon", 400, `invalid duration`},
		{"POST advance?d=-1s", 400, `can't go back`},
		{"GET billed", 200, `"total":1}`},
		{"POST batches/" + id + "/state?to=expired&rows=2", 200, `"status":"expired","output_file_id":null`},
		{"POST batches/" + id + "/state?to=expired", 400, `no transition`},
		{"POST batches/" + id + "/state?to=expired&rows=x", 400, `invalid syntax`},
		{"GET bills", 200, `"custom_id":"r`},
		{"GET advance", 404, `no such control: GET /_sim/advance`},
		{"POST batches//state?to=expired", 404, `no such control`},
		{"GET nothing", 404, `no such control`},
	} {
		method, path, _ := strings.Cut(step.call, " ")
		if status, body := control(method, path); status != step.status || !strings.Contains(body, step.want) {
			t.Errorf("%s: status %d: %s, want %d with %s", step.call, status, body, step.status, step.want)
		}
	}
	if _, body := control("GET", "bills"); strings.Count(body, "\n") != 2 || strings.Count(body, id) != 2 {
		t.Errorf("bills: %s", body)
	}
	if len(api.Log()) != logged || api.Calls() != logged {
		t.Errorf("%d calls in the log, %d counted, want %d", len(api.Log()), api.Calls(), logged)
	}
	if b := c.batch(id); b.OutputFileID != nil { // the look by control didn't count
		t.Error("the output isn't late")
	}
	if b := c.batch(id); b.OutputFileID == nil {
		t.Error("the output is too late")
	}
}

func TestFilesAndBatchesBearTheirOwnersName(t *testing.T) {
	ids := map[string]bool{}
	for range 2 {
		_, c := serve(t, openaitest.Options{})
		id := c.created(input(1))
		b := c.batch(id)
		ids[id], ids[b.InputFileID], ids[*b.OutputFileID] = true, true, true
	}
	for id := range ids {
		if !strings.HasPrefix(id, "file-sim") && !strings.HasPrefix(id, "batch_sim") {
			t.Errorf("%s doesn't say that it is simulated", id)
		}
	}
	if len(ids) != 6 {
		t.Errorf("two servers share ids: %v", slices.Sorted(maps.Keys(ids)))
	}
}

func TestAPanicInTheMiddleOfABatchLeavesItAsItWas(t *testing.T) {
	for name, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			panics := false
			api, c := serve(t, stopped(openaitest.Options{
				Dir:        dir,
				BatchRules: openaitest.BatchRules{InOrder: true, Phases: openaitest.Phases{PerRow: time.Minute}},
				Answer: func(prompt string) string {
					if panics && strings.HasSuffix(prompt, "2") {
						panic("as asked")
					}
					return prompt
				},
			}))
			id := c.created(input(4))
			_ = api.Advance(time.Minute)
			panics = true
			func() {
				defer func() { _ = recover() }()
				_ = api.Advance(3 * time.Minute)
				t.Error("there was no panic")
			}()
			panics = false
			b := c.batch(id)
			if got, want := summary(c.results(b.OutputFileID)), "r0:200 r1:200 r2:200 r3:200"; got != want || b.counts() != "4/4/0" {
				t.Errorf("got %s, counts %s, want %s", got, b.counts(), want)
			}
			if got := len(api.Bills()); got != 4 {
				t.Errorf("%d bills", got)
			}
		})
	}
}

func TestManyClientsAtOnce(t *testing.T) {
	api, _ := serve(t, openaitest.Options{BatchRules: openaitest.BatchRules{Phases: openaitest.Phases{PerRow: time.Millisecond}}})
	ts := httptest.NewServer(api)
	defer ts.Close()
	t.Run("clients", func(t *testing.T) {
		for n := range 8 {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				c := &client{t: t, url: ts.URL, http: ts.Client()}
				id := c.created(input(20))
				for c.batch(id).Status != "completed" {
					c.get("/v1/batches")
					_ = api.Advance(time.Millisecond)
				}
				if got := summary(c.results(c.batch(id).OutputFileID)); strings.Count(got, ":200") != 20 {
					t.Errorf("got %s", got)
				}
			})
		}
	})
	if got := len(api.Bills()); got != 160 {
		t.Errorf("%d bills, want 160", got)
	}
}
