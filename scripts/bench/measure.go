package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cost is what a process took.
type cost struct {
	wall time.Duration // from its start until it and the reader of its output had ended
	cpu  time.Duration // user and system
	peak memory
}

// memory is of one process at one time, in bytes. All is 0 where it is not known.
type memory struct {
	private int64 // not backed by any file: heap, stacks
	mapped  int64 // pages of mapped files that happen to be in memory
	both    int64 // of both together; its peak is below the sum of theirs
}

// pollEvery is how often the memory of a running process is read.
const pollEvery = 5 * time.Millisecond

// run runs cmd to its end. With piped, its output goes through a pipe to
// "cat > /dev/null", and the time ends when that has seen the last byte.
func run(ctx context.Context, cmd *exec.Cmd, piped bool) (c cost, err error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	var reader *exec.Cmd
	begin := time.Now()
	if piped {
		reader = exec.CommandContext(ctx, "cat")
		if err := connect(cmd, reader); err != nil {
			return c, err
		}
	} else {
		err = cmd.Start()
	}
	if err != nil {
		return c, err
	}
	stop, polled := make(chan struct{}), make(chan memory)
	go func() { polled <- watch(cmd.Process.Pid, stop) }()
	err = cmd.Wait()
	if reader != nil {
		err = errors.Join(err, reader.Wait())
	}
	c.wall = time.Since(begin)
	close(stop)
	c.peak = <-polled
	c.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if err != nil {
		return c, fmt.Errorf("%s: %w\n%s", cmd, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return c, nil
}

// connect starts both with a pipe between them that only they hold open.
func connect(writer, reader *exec.Cmd) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	defer w.Close()
	reader.Stdin, writer.Stdout = r, w
	if err := reader.Start(); err != nil {
		return err
	}
	return writer.Start()
}

// watch returns the peaks of the memory of a process, each by itself.
func watch(pid int, stop <-chan struct{}) (peak memory) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
		if err == nil {
			peak.private = max(peak.private, field(status, "RssAnon:"))
			peak.mapped = max(peak.mapped, field(status, "RssFile:"))
			peak.both = max(peak.both, field(status, "VmHWM:"))
		}
		select {
		case <-stop:
			return peak
		case <-tick.C:
		}
	}
}

// field reads a line such as "RssAnon:	    1234 kB".
func field(status []byte, name string) int64 {
	_, rest, ok := bytes.Cut(status, []byte("\n"+name))
	if !ok {
		return 0
	}
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	kB, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(string(line)), " kB"), 10, 64)
	if err != nil {
		return 0
	}
	return kB << 10
}

// cpuOf is the CPU time that a running process has used, in steps of 10 ms; 0
// where it is not known.
func cpuOf(pid int) time.Duration {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	// The name in parentheses may hold spaces; utime and stime are the 12th and
	// 13th fields behind it, in ticks that are 10 ms on every Linux in use.
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	fields := strings.Fields(string(rest))
	if len(fields) < 13 {
		return 0
	}
	var ticks int
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(f)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// series are the measurements of one thing in the rounds of a benchmark.
type series []float64

// median is that of an odd number of rounds, or the mean of the two in the
// middle.
func (s series) median() float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// show prints the median and what it lies between.
func (s series) show(digits int) string {
	if len(s) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.*f (%.*f..%.*f)", digits, s.median(), digits, slices.Min(s), digits, slices.Max(s))
}

// over divides round by round, so that a slow spell of the machine that hits
// both does not show in the ratio.
func (s series) over(t series) series {
	out := make(series, 0, len(s))
	for i := range s {
		if t[i] > 0 {
			out = append(out, s[i]/t[i])
		}
	}
	return out
}

// load is the load average of the last minute, "?" where it is not known.
func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "?"
	}
	average, _, _ := strings.Cut(string(data), " ")
	return average
}

// conditions tells what the figures depend on, with the load before they were
// taken: much of it means that others were at work on the same cores.
func conditions(before string) string {
	return fmt.Sprintf("%s on %s/%s, %d cores; load average before %s, after %s",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), before, load())
}

// tooShort stands in the place of judgements in quick runs.
const tooShort = "quick: too short to compare with the aims, since start-up weighs too much"
