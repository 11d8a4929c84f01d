package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fetch makes a call and returns the status and the answer as JSON, if it is.
func fetch(t *testing.T, method, url, contentType, body string) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer sk-1")
	r.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	_ = json.Unmarshal(b, &v)
	return resp.StatusCode, v
}

// submit uploads n rows and creates a batch of them. It returns the last status,
// and the batch's id if there is one.
func submit(t *testing.T, url string, n int) (int, string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.WriteField("purpose", "batch")
	part, _ := w.CreateFormFile("file", "in.jsonl")
	for i := range n {
		fmt.Fprintf(part, `{"custom_id":"r%d","method":"POST","url":"/v1/chat/completions","body":`+
			`{"model":"m","messages":[{"role":"user","content":"Say: row %[1]d"}]}}`+"\n", i)
	}
	_ = w.Close()
	status, file := fetch(t, "POST", url+"/files", w.FormDataContentType(), b.String())
	if status != 200 {
		return status, ""
	}
	status, batch := fetch(t, "POST", url+"/batches", "application/json",
		fmt.Sprintf(`{"input_file_id":%q,"endpoint":"/v1/chat/completions","completion_window":"24h"}`, file["id"]))
	id, _ := batch["id"].(string)
	return status, id
}

// state is a batch in short: its status, its counts and which files it has.
func state(t *testing.T, url, id string) string {
	t.Helper()
	_, b := fetch(t, "GET", url+"/batches/"+id, "", "")
	counts, _ := b["request_counts"].(map[string]any)
	text := fmt.Sprint(b["status"], " ", counts["total"], "/", counts["completed"], "/", counts["failed"])
	for _, name := range []string{"output_file_id", "error_file_id"} {
		switch b[name] {
		case nil:
			text += " null"
		case "":
			text += ` ""`
		default:
			text += " file"
		}
	}
	return text
}

func TestAScriptDrivesTheClockAndTheBatches(t *testing.T) {
	url, _ := start(t, "--validating", "1m", "--in-progress", "1m", "--per-row", "1m", "--finalizing", "1m", "--cancelling", "1m", "--quiet")
	sim := strings.TrimSuffix(url, "/v1") + "/_sim"
	_, first := submit(t, url, 3)
	_, second := submit(t, url, 3)
	for _, step := range []struct{ call, first, second string }{
		{"advance?d=59s", "validating 0/0/0 null null", "validating 0/0/0 null null"},
		{"advance?d=1s", "in_progress 3/0/0 null null", "in_progress 3/0/0 null null"},
		{"advance?d=3m", "in_progress 3/2/0 null null", "in_progress 3/2/0 null null"},
		{"batches/" + second + "/state?to=expired", "in_progress 3/2/0 null null", "expired 3/2/0 file file"},
		{"advance?d=1m", "finalizing 3/3/0 null null", "expired 3/2/0 file file"},
		{"advance?d=1m", "completed 3/3/0 file null", "expired 3/2/0 file file"},
	} {
		if status, answer := fetch(t, "POST", sim+"/"+step.call, "", ""); status != 200 {
			t.Errorf("%s: status %d: %v", step.call, status, answer)
		}
		if got := state(t, url, first); got != step.first {
			t.Errorf("after %s the first is %s, want %s", step.call, got, step.first)
		}
		if got := state(t, url, second); got != step.second {
			t.Errorf("after %s the second is %s, want %s", step.call, got, step.second)
		}
	}
	if _, billed := fetch(t, "GET", sim+"/billed", "", ""); billed["total"] != 5.0 || len(billed["prompts"].(map[string]any)) != 3 {
		t.Errorf("billed %v", billed)
	}
}

func TestTheFlagsAboutBatchesReachTheAPI(t *testing.T) {
	faults := filepath.Join(t.TempDir(), "faults.json")
	if err := os.WriteFile(faults, []byte(`[{"kind":"status","status":400,"contains":"row 0"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args string
		want string
	}{
		{"--faults " + faults, "200 completed 2/1/1 file file"},
		{"--faults " + faults + " --bad-rows-in-output", "200 completed 2/1/1 file null"},
		{"--empty-file-ids", `200 completed 2/2/0 file ""`},
		{"--enqueued-tokens 1", "200 failed 0/0/0 null null"},
		{"--max-batch-lines 1", "200 failed 0/0/0 null null"},
		{"--max-batch-bytes 1", "200 failed 0/0/0 null null"},
		{"--max-upload-bytes 1", "413"},
		{"--window 1ns --per-row 1h --in-order --no-ranges", "200 expired 2/0/0 null file"},
	} {
		url, stop := start(t, append(strings.Fields(tt.args), "--quiet")...)
		status, id := submit(t, url, 2)
		got := fmt.Sprint(status)
		if id != "" {
			got += " " + state(t, url, id)
		}
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.args, got, tt.want)
		}
		_, _ = stop()
	}
	url, _ := start(t, "--batches-per-hour", "1", "--quiet")
	one, _ := submit(t, url, 1)
	two, _ := submit(t, url, 1)
	if one != 200 || two != 429 {
		t.Errorf("creations got %d and %d, want 200 and 429", one, two)
	}
}

func TestTheStateSurvivesAKill(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "url")
	run := func() (url string, kill func()) {
		_ = os.Remove(file)
		program := exec.Command(os.Args[0], "--addr-file", file, "--quiet", "--max-life", "20s",
			"--state", filepath.Join(dir, "state"), "--per-row", "1m")
		program.Env = append(os.Environ(), asProgram+"=fakeopenai")
		if err := program.Start(); err != nil {
			t.Fatal(err)
		}
		kill = func() {
			_ = program.Process.Kill()
			_ = program.Wait()
		}
		t.Cleanup(kill)
		return strings.TrimSpace(waitForFile(t, file, nil)), kill
	}
	url, kill := run()
	_, id := submit(t, url, 3)
	for minute, want := range []string{"in_progress 3/0/0 null null", "in_progress 3/1/0 null null", "in_progress 3/2/0 null null",
		"completed 3/3/0 file null"} {
		if got := state(t, url, id); got != want {
			t.Errorf("minute %d: %s, want %s", minute, got, want)
		}
		fetch(t, "POST", strings.TrimSuffix(url, "/v1")+"/_sim/advance?d=1m", "", "")
		kill()
		url, kill = run()
	}
	if _, billed := fetch(t, "GET", strings.TrimSuffix(url, "/v1")+"/_sim/billed", "", ""); billed["total"] != 3.0 {
		t.Errorf("billed %v", billed)
	}
}

func TestAStateThatCannotBeReadIsSaidAtOnce(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "clock.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := newApp(io.Discard).RunContext(t.Context(), []string{"fakeopenai", "--state", dir})
	if err == nil || !strings.HasPrefix(err.Error(), "load state: ") {
		t.Errorf("got %v", err)
	}
}

func TestTheExampleOfFaultsInTheManualIsValid(t *testing.T) {
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, manual, _ := strings.Cut(string(source), "in the same array:\n//\n")
	manual, _, _ = strings.Cut(manual, "\n//\n")
	file := filepath.Join(t.TempDir(), "faults.json")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(manual, "//\t", "")), 0o600); err != nil {
		t.Fatal(err)
	}
	if faults, err := readFaults(file); err != nil || len(faults) != 4 {
		t.Errorf("%v: %v", err, faults)
	}
}
