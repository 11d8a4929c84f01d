package cmdline

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/urfave/cli/v2"

	"nertools/pkg/fault"
	"nertools/pkg/parallel"
)

// TestMain runs, in a process of its own, a program that panics where the
// environment says.
func TestMain(m *testing.M) {
	where := os.Getenv("CMDLINE_TEST_PANIC")
	if where == "" {
		os.Exit(m.Run())
	}
	var none []int
	Main(&cli.App{Name: "ner-x", Action: func(c *cli.Context) error {
		switch where {
		case "action":
			none[3]++
		case "worker":
			return parallel.Do(c.Context, 1, 1, func() func(context.Context, int, int) (int, error) {
				return func(context.Context, int, int) (int, error) { return none[3], nil }
			}, func(int) error { return nil })
		case "raised again":
			panic(fault.Recovered("x"))
		case "elsewhere":
			go func() { none[3]++ }()
			<-c.Context.Done()
		}
		return nil
	}})
}

func crash(t *testing.T, where string) (*os.ProcessState, string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), "CMDLINE_TEST_PANIC="+where, "GORACE=atexit_sleep_ms=0")
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if _, ok := errors.AsType[*exec.ExitError](err); !ok {
		t.Fatalf("%s: %v: %s", where, err, out)
	}
	if left, err := os.ReadDir(cmd.Dir); err != nil || len(left) > 0 {
		t.Errorf("%s: it left %v behind (%v)", where, left, err)
	}
	return cmd.ProcessState, string(out)
}

func TestAPanicIsReportedAsABugAndIsNoUsageError(t *testing.T) {
	for _, where := range []string{"action", "worker"} {
		state, out := crash(t, where)
		const want = "ner-x: internal error: runtime error: index out of range [3] with length 0\nner-x: this is a bug in ner-x: please report it"
		if state.ExitCode() != Failed || !strings.HasPrefix(out, want) || !strings.Contains(out, "cmdline.TestMain.func") {
			t.Errorf("%s: exit code %d: %s", where, state.ExitCode(), out)
		}
	}
	if state, out := crash(t, "raised again"); state.ExitCode() != Failed || !strings.HasPrefix(out, "ner-x: internal error: x\n") {
		t.Errorf("exit code %d: %s", state.ExitCode(), out)
	}
}

// Where nothing can recover, the runtime ends the process. By itself it does so
// with 2.
func TestACrashThatNothingRecoversFromIsNoUsageError(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there it ends with 2")
	}
	state, out := crash(t, "elsewhere")
	if state.ExitCode() == Usage || !strings.Contains(out, "panic: runtime error: index out of range [3] with length 0") {
		t.Errorf("%v: %s", state, out)
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signal() != syscall.SIGABRT {
		t.Errorf("%v, want SIGABRT", state)
	}
}
