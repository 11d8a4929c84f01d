package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// asProgram makes the test binary act as a program to measure.
const asProgram = "BENCH_TEST_AS"

func TestMain(m *testing.M) {
	switch os.Getenv(asProgram) {
	case "eater": // of 64 MiB and 50 ms, then it writes 1 MiB
		memory := make([]byte, 64<<20)
		for i := 0; i < len(memory); i += 1 << 10 {
			memory[i] = 1
		}
		for begin := time.Now(); time.Since(begin) < 50*time.Millisecond; {
		}
		fmt.Print(strings.Repeat("x", 1<<20))
		runtime.KeepAlive(memory)
		return
	case "failure":
		fmt.Fprintln(os.Stderr, "out of cheese")
		os.Exit(3)
	}
	os.Exit(m.Run())
}

func helper(t *testing.T, as string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), asProgram+"="+as)
	return cmd
}

func TestRunMeasuresAProcess(t *testing.T) {
	for _, piped := range []bool{false, true} {
		if _, err := exec.LookPath("cat"); err != nil && piped {
			t.Skip("no cat here")
		}
		c, err := run(t.Context(), helper(t, "eater"), piped)
		if err != nil {
			t.Fatal(err)
		}
		if c.wall < 50*time.Millisecond || c.cpu <= 0 {
			t.Errorf("took %v and %v of CPU", c.wall, c.cpu)
		}
		if runtime.GOOS != "linux" {
			continue
		}
		if c.peak.private < 64<<20 || c.peak.mapped <= 0 || c.peak.both < c.peak.private {
			t.Errorf("peaks of memory: %+v", c.peak)
		}
	}
}

func TestRunTellsWhatAProgramSaidWhenItFailed(t *testing.T) {
	_, err := run(t.Context(), helper(t, "failure"), false)
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "out of cheese") {
		t.Errorf("got %v", err)
	}
}

func TestFieldReadsAStatusFile(t *testing.T) {
	status := []byte("Name:\tx\nVmHWM:\t  2048 kB\nRssAnon:\t 1 kB\n")
	for name, want := range map[string]int64{"VmHWM:": 2 << 20, "RssAnon:": 1 << 10, "RssFile:": 0} {
		if got := field(status, name); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
}

func TestSeries(t *testing.T) {
	for _, c := range []struct {
		s    series
		want float64
		show string
	}{
		{nil, 0, "-"},
		{series{3}, 3, "3.0 (3.0..3.0)"},
		{series{9, 1, 2}, 2, "2.0 (1.0..9.0)"},
		{series{4, 1, 2, 9}, 3, "3.0 (1.0..9.0)"},
	} {
		if got := c.s.median(); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.s, got, c.want)
		}
		if got := c.s.show(1); got != c.show {
			t.Errorf("%v is shown as %q, want %q", c.s, got, c.show)
		}
	}
	// Round by round, and not where a round has nothing to divide by.
	if got := (series{2, 9, 5}).over(series{1, 3, 0}); len(got) != 2 || got[0] != 2 || got[1] != 3 {
		t.Errorf("got %v", got)
	}
}
