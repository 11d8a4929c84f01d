// Package cmd_test runs the real programs as their users do: each script in
// testdata/script is a shell session against the binaries, built once, and the
// simulated API on loopback.
package cmd_test

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what the programs print into the scripts' golden files")

// bin is the folder of the programs under test.
var bin string

func TestMain(m *testing.M) {
	flag.Parse()
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

// TestTheSourcesAreThere looks at every source of the programs, so that go test
// does not take a cached result for true after one has changed: it cannot know what
// the build reads, and only learns what a test looks at.
func TestTheSourcesAreThere(t *testing.T) {
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

func TestScripts(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the scripts use a POSIX shell")
	}
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("the scripts need bash")
	}
	news, err := filepath.Abs("../examples/news")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			env.Setenv("NEWS", news)
			env.Setenv("OPENAI_API_KEY", "sk-simulated")
			env.Setenv("HOME", env.WorkDir)
			// A program built with -race sleeps for a second when it ends.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"api":  api,
			"sh":   sh,
			"code": code,
		},
	})
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
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if url, err := os.ReadFile(addr); err == nil {
			ts.Setenv("OPENAI_BASE_URL", strings.TrimSpace(string(url)))
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the simulated API did not come up")
		}
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
