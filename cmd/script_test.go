// Package cmd_test runs the real programs as their users do: each script in
// testdata/script is a shell session against the binaries, built once, and the
// simulated API on loopback.
package cmd_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what the programs print into the scripts' golden files")

// bin is the folder of the programs under test.
var bin string

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given { // what is tested waits more than it computes
		_ = flag.Set("test.parallel", strconv.Itoa(4*runtime.GOMAXPROCS(0)))
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "nertools")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = dir
	args := []string{"build", "-o", dir + string(filepath.Separator)}
	if raceEnabled {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, "./ner-prompt", "./ner-run", "./ner-batch", "./ner-collect", "../scripts/fakeopenai")...)
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build the programs:", err)
		return 1
	}
	return m.Run()
}

// TestNoCachedResultOutlivesAChangeOfTheSources looks at every file that the programs
// are made of: go test repeats a result from its cache until a file changes that the
// tests looked at, and it does not see what the build in TestMain reads.
func TestNoCachedResultOutlivesAChangeOfTheSources(t *testing.T) {
	for _, root := range []string{".", "../pkg", "../scripts", "../examples"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				_, err = os.Stat(path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestScriptsAreShort(t *testing.T) {
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	for _, path := range scripts {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		if len(lines) >= 120 {
			t.Errorf("%s: %d lines: one scenario for each script, and fewer than 120 lines", path, len(lines))
		}
		for i, line := range lines {
			if n := utf8.RuneCountInString(line); n > 160 {
				t.Errorf("%s:%d: %d columns, more than 160", path, i+1, n)
			}
		}
	}
}

func TestScripts(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the scripts use a POSIX shell")
	}
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("the scripts need bash")
	}
	news, err := filepath.Abs("../examples/news")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, sessions(news, "testdata/script"))
}

// sessions returns what the scripts in the folder dir have: commands, programs, the
// folder of the sample data set, and more variables as NAME=VALUE.
func sessions(news, dir string, variables ...string) testscript.Params {
	return testscript.Params{
		Dir:           dir,
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			env.Setenv("NEWS", news)
			env.Setenv("OPENAI_API_KEY", "sk-simulated")
			env.Setenv("HOME", env.WorkDir)
			// A program built with -race sleeps for a second when it ends.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			env.Vars = append(env.Vars, variables...)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"api":          api,
			"advance":      advance,
			"first-output": firstOutput,
			"delete-files": deleteFiles,
			"billed":       billed,
			"sh":           sh,
			"code":         code,
			"unfold":       unfold,
		},
	}
}

// api starts the simulated API with the given flags, sets OPENAI_BASE_URL, and
// stops it when the script ends. Its request log is $WORK/api.log.
func api(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: api [flags]")
	}
	addr := ts.MkAbs("api.addr")
	_ = os.Remove(addr)
	cmd := exec.Command(filepath.Join(bin, "fakeopenai"),
		append([]string{"--addr-file", addr, "--log", ts.MkAbs("api.log"), "--with-parent", "--quiet"}, args...)...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Stderr = os.Stderr
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if url, err := os.ReadFile(addr); err == nil {
			ts.Setenv("OPENAI_BASE_URL", strings.TrimSpace(string(url)))
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the simulated API did not come up")
		}
	}
}

// advance moves the clock of the simulated API forward: at once, or in the background
// as soon as a line of its request log matches a pattern.
func advance(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 && (len(args) != 3 || args[1] != "after") {
		ts.Fatalf("usage: advance DURATION [after PATTERN]")
	}
	url := strings.TrimSuffix(ts.Getenv("OPENAI_BASE_URL"), "/v1") + "/_sim/advance?d=" + args[0]
	if len(args) == 1 {
		_, err := call(http.MethodPost, url)
		ts.Check(err)
		return
	}
	pattern, log := regexp.MustCompile(args[2]), ts.MkAbs("api.log")
	ended := make(chan bool)
	go func() {
		defer close(ended)
		for range 6000 {
			if b, err := os.ReadFile(log); err == nil && pattern.Match(b) {
				_, _ = call(http.MethodPost, url) // the script waits for what follows from it
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	ts.Defer(func() { <-ended })
}

// firstOutput writes the output file of the service's oldest batch, as it is there.
func firstOutput(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: first-output FILE")
	}
	var batches []string
	for _, b := range list(ts, "/batches") {
		batches = append(batches, b.Output)
	}
	output, err := call(http.MethodGet, ts.Getenv("OPENAI_BASE_URL")+"/files/"+batches[len(batches)-1]+"/content")
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), output, 0o600))
}

// deleteFiles deletes all files at the service.
func deleteFiles(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: delete-files")
	}
	for _, f := range list(ts, "/files") {
		_, err := call(http.MethodDelete, ts.Getenv("OPENAI_BASE_URL")+"/files/"+f.ID)
		ts.Check(err)
	}
}

// billed fails unless that many rows were paid for.
func billed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: billed ROWS")
	}
	answer, err := call(http.MethodGet, strings.TrimSuffix(ts.Getenv("OPENAI_BASE_URL"), "/v1")+"/_sim/billed")
	ts.Check(err)
	var got struct{ Total json.Number }
	ts.Check(json.Unmarshal(answer, &got))
	if got.Total.String() != args[0] {
		ts.Fatalf("%s rows were paid for, want %s", got.Total, args[0])
	}
}

// list returns the first page of a list of the service, newest first.
func list(ts *testscript.TestScript, path string) (objects []struct {
	ID     string `json:"id"`
	Output string `json:"output_file_id"`
}) {
	answer, err := call(http.MethodGet, ts.Getenv("OPENAI_BASE_URL")+path)
	ts.Check(err)
	ts.Check(json.Unmarshal(answer, &struct{ Data any }{&objects}))
	return objects
}

// call makes a call of the simulated API.
func call(method, url string) ([]byte, error) {
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer k")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %s", method, url, answer.Status, b)
	}
	return b, err
}

// unfold joins the lines of files that end in a backslash with the next one, without
// its indentation: records are longer than a line of a script may be.
func unfold(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: unfold FILE...")
	}
	folded := regexp.MustCompile(`\\\n *`)
	for _, name := range args {
		path := ts.MkAbs(name)
		text, err := os.ReadFile(path)
		ts.Check(err)
		ts.Check(os.WriteFile(path, folded.ReplaceAll(text, nil), 0o600))
	}
}

// sh runs one line of shell, pipes and all, and fails unless it exits with 0.
// What it prints is there for the stdout and stderr commands.
func sh(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sh 'a line of shell'")
	}
	code(ts, false, []string{"0", args[0]})
}

// code runs one line of shell and fails unless it exits with the given code.
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: code N 'a line of shell'")
	}
	err := ts.Exec("bash", "-c", "set -o pipefail; "+args[1])
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}
