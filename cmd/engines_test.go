//go:build unix

package cmd_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"nertools/pkg/openaitest"
)

// These tests run recipes, as they are written, with the engines that they are for: Slurm,
// GNU parallel over ssh, and vLLM. Each is skipped where its engine is not installed.

// recipe returns the first block of doc/recipes.md that contains text.
func recipe(t *testing.T, text string) string {
	t.Helper()
	data, err := os.ReadFile("../doc/recipes.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, block := range strings.Split(string(data), "\n```") {
		if _, commands, ok := strings.Cut(block, "\n"); ok && i%2 == 1 && strings.Contains(commands, text) {
			return commands + "\n"
		}
	}
	t.Fatalf("doc/recipes.md has no block with %s", text)
	return ""
}

// engine returns the path of a program, which may be where only root looks for it.
func engine(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") {
		if path := filepath.Join(dir, name); filepath.IsAbs(path) && exec.Command("test", "-x", path).Run() == nil {
			return path
		}
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// daemon runs a server in the foreground until the test ends.
func daemon(t *testing.T, env []string, path string, args ...string) {
	t.Helper()
	cmd := exec.Command(path, args...)
	var out bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = env, &out, &out, time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		hard := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		if hard.Stop(); t.Failed() {
			t.Logf("%s:\n%s", path, out.Bytes())
		}
	})
}

// machine is a folder with the sample data and a key, as the recipes want it.
func machine(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "data"), os.DirFS("../examples/news")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, ".openai-key"), "sk-simulated\n", 0o600)
}

// after is the simulated API behind a gate that only the first n calls pass.
func after(t *testing.T, n int64) (*gate, *openaitest.Server, string) {
	var calls atomic.Int64
	return gated(t, openaitest.Options{}, func(*http.Request) bool { return calls.Add(1) > n })
}

// collected checks that the files of results hold one good answer to each row.
func collected(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.Command("bash", "-c", "ner-collect part.*.jsonl > results.txt")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if want := "148 rows: 148 ok, 0 failed, 0 missing; 148 records read, 0 duplicates"; err != nil || !strings.Contains(string(out), want) {
		t.Errorf("%v: %s, want %s", err, out, want)
	}
}

func TestSlurmStartsAKilledPartAgainAndAsksOnlyWhatIsMissing(t *testing.T) {
	t.Parallel()
	munged, slurmctld, slurmd := engine(t, "munged"), engine(t, "slurmctld"), engine(t, "slurmd")
	for _, name := range []string{"sbatch", "scancel", "squeue", "scontrol", "sinfo"} {
		need(t, name)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	host, _, _ = strings.Cut(host, ".")
	dir, err := os.MkdirTemp("", "slurm") // its sockets need a short path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	in := func(name string) string { return filepath.Join(dir, name) }
	machine(t, in("work"))
	write(t, in("munge.key"), strings.Repeat("no secret, only for this test. ", 5), 0o600)
	for _, name := range []string{"state", "spool"} {
		if err := os.Mkdir(in(name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	// One processor more than one job needs: the jobs run one after the other.
	write(t, in("slurm.conf"), fmt.Sprintf(`ClusterName=test
SlurmctldHost=%[1]s(127.0.0.1)
SlurmctldPort=%[4]d
SlurmdPort=%[5]d
SlurmUser=%[2]s
SlurmdUser=%[2]s
AuthInfo=socket=%[3]s/munge.socket
StateSaveLocation=%[3]s/state
SlurmdSpoolDir=%[3]s/spool
SlurmctldPidFile=%[3]s/slurmctld.pid
SlurmdPidFile=%[3]s/slurmd.pid
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
SchedulerParameters=sched_min_interval=100000,sched_interval=1
KillWait=2
NodeName=%[1]s NodeAddr=127.0.0.1 CPUs=3 State=UNKNOWN
PartitionName=all Nodes=%[1]s Default=YES MaxTime=INFINITE State=UP
`, host, me.Username, dir, freePort(t), freePort(t)), 0o600)
	g, api, url := after(t, 12)
	env := append(os.Environ(), "SLURM_CONF="+in("slurm.conf"), "HOME="+in("work"), "OPENAI_BASE_URL="+url, "OPENAI_API_KEY=",
		"NER_MODEL=", "GORACE=atexit_sleep_ms=0", "PATH="+bin+":"+os.Getenv("PATH"))
	slurm := func(name string, args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir, cmd.Env = in("work"), env
		out, err := cmd.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	must := func(name string, args ...string) string {
		t.Helper()
		out, err := slurm(name, args...)
		if err != nil {
			t.Fatalf("%s %v: %v: %s", name, args, err, out)
		}
		return out
	}
	daemon(t, env, munged, "--foreground", "--force", "--key-file", in("munge.key"), "--socket", in("munge.socket"),
		"--pid-file", in("munged.pid"), "--log-file", in("munged.log"), "--seed-file", in("munge.seed"))
	waitFor(t, func() bool { _, err := os.Stat(in("munge.socket")); return err == nil })
	daemon(t, env, slurmctld, "-D", "-c")
	daemon(t, env, slurmd, "-D")
	waitFor(t, func() bool { out, _ := slurm("sinfo", "-h", "-o", "%T"); return out == "idle" })
	t.Cleanup(func() {
		if t.Failed() { // or its jobs would outlive it
			cancel := exec.Command("scancel", "--user", me.Username)
			cancel.Env = env
			_ = cancel.Run()
			time.Sleep(3 * time.Second) // KillWait
		}
	})

	write(t, in("work/shards.sh"), recipe(t, "#SBATCH"), 0o644)
	job := must("sbatch", "--parsable", "shards.sh")
	part := in("work/part.1.jsonl")
	waitFor(t, func() bool { data, _ := os.ReadFile(part); return lineCount(data) == 12 && g.held.Load() > 0 })
	raw := must("squeue", "-h", "-j", job+"_1", "-o", "%A")
	for _, line := range strings.Split(must("scontrol", "listpids", raw), "\n") {
		if pid, err := strconv.Atoi(strings.Fields(line)[0]); err == nil && pid > 1 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	done, before := finished(t, part), len(api.Log())
	close(g.opened)
	waitFor(t, func() bool {
		out, _ := slurm("scontrol", "show", "job", raw)
		return strings.Contains(out, "JobState=FAILED") || strings.Contains(out, "JobState=CANCELLED") || strings.Contains(out, "JobState=NODE_FAIL")
	})
	waitFor(t, func() bool { _, err := slurm("scontrol", "requeue", job+"_1"); return err == nil })
	must("scontrol", "update", "jobid="+job+"_1", "starttime=now") // Slurm itself waits for two minutes
	waitFor(t, func() bool { out, err := slurm("squeue", "-h"); return err == nil && out == "" })

	if len(done) != 12 {
		t.Errorf("%d rows of part 1 were answered before it was killed, want 12", len(done))
	}
	checkNotAskedAgain(t, api.Log()[before:], done)
	collected(t, in("work"))
	calls := len(api.Log())
	must("sbatch", "--wait", "--array=3", "shards.sh") // a part alone is the same part
	if n := len(api.Log()) - calls; n > 0 {
		t.Errorf("part 3 on its own asked %d rows again", n)
	}
	out, err := os.ReadFile(in("work/slurm-" + job + "_1.out"))
	if err != nil || !strings.Contains(string(out), "20 rows: 8 ok, 12 answered earlier") {
		t.Errorf("%v: part 1 says %s", err, out)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestParallelOnSeveralMachinesContinuesAfterAKill(t *testing.T) {
	t.Parallel()
	sshd := engine(t, "sshd")
	for _, name := range []string{"parallel", "ssh", "ssh-keygen", "rsync", "unshare"} {
		need(t, name)
	}
	if out, err := exec.Command("unshare", "--mount", "true").CombinedOutput(); err != nil {
		t.Skipf("two machines need folders of their own at the same path, which only root can make: %s", out)
	}
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // sshd wants it
		t.Skip(err)
	}
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	g, api, url := after(t, 24)
	for _, name := range []string{"key", "hostkey"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", in(name)).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	if err := os.Mkdir(in("work"), 0o700); err != nil {
		t.Fatal(err)
	}
	var config strings.Builder
	for i := 1; i <= 2; i++ {
		name, port := fmt.Sprintf("host%d", i), freePort(t)
		machine(t, in(name))
		write(t, in(name+".conf"), fmt.Sprintf(`ListenAddress 127.0.0.%[1]d:%[2]d
HostKey %[3]s/hostkey
AuthorizedKeysFile %[3]s/key.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
SetEnv HOME=%[3]s/work OPENAI_BASE_URL=%[4]s OPENAI_API_KEY= NER_MODEL= GORACE=atexit_sleep_ms=0 PATH=%[5]s:/usr/bin:/bin
`, i, port, dir, url, bin), 0o600)
		fmt.Fprintf(&config, "Host %s\n  HostName 127.0.0.%d\n  Port %d\n  IdentityFile %s\n  UserKnownHostsFile %s\n  StrictHostKeyChecking accept-new\n  LogLevel ERROR\n",
			name, i, port, in("key"), in("known_hosts"))
		daemon(t, os.Environ(), "unshare", "--mount", "sh", "-c", `mount --bind "$1" "$2" && exec "$3" -D -e -f "$4"`,
			"sh", in(name), in("work"), sshd, in(name+".conf"))
	}
	write(t, in("ssh_config"), config.String(), 0o600)
	for _, name := range []string{"host1", "host2"} {
		waitFor(t, func() bool {
			return exec.Command("ssh", "-F", in("ssh_config"), name, "test -d "+in("work/data")).Run() == nil
		})
	}

	commands := func() *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), "bash", "-e", "-c", recipe(t, "--hostgroups"))
		cmd.Dir = in("work")
		cmd.Env = append(os.Environ(), "PARALLEL_HOME="+dir, "PARALLEL_SSH=ssh -F "+in("ssh_config"), "PATH="+bin+":"+os.Getenv("PATH"))
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		return cmd
	}
	parts := []string{in("host1/part.1.jsonl"), in("host2/part.2.jsonl")}
	answered := func() (n int) {
		for _, part := range parts {
			data, _ := os.ReadFile(part)
			n += lineCount(data)
		}
		return n
	}
	first := commands()
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return answered() == 24 && g.held.Load() > 0 })
	if err := syscall.Kill(-first.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()
	close(g.opened)
	var out []byte
	for range 10 { // the machines may still be at work
		var err error
		if out, err = commands().CombinedOutput(); err == nil {
			break
		}
		if !strings.Contains(string(out), "another process is using") {
			t.Fatalf("%v: %s", err, out)
		}
	}
	collected(t, in("work"))
	asked := map[string]int{}
	for _, c := range api.Log() {
		asked[c.PromptSHA]++
	}
	var twice []string
	for prompt, n := range asked {
		if n > 1 {
			twice = append(twice, prompt)
		}
	}
	if slices.Sort(twice); len(asked) != 148 || len(twice) > 0 {
		t.Errorf("%d prompts were asked, %d of them twice: %v\n%s", len(asked), len(twice), twice, out)
	}
}

func TestVLLMReadsBatchFilesAndItsAnswersAreRead(t *testing.T) {
	t.Parallel()
	python := os.Getenv("VLLM_PYTHON") // of an environment with vllm
	if python == "" {
		python = "python3"
	}
	need(t, python)
	dir := t.TempDir()
	script, err := filepath.Abs("testdata/engines/vllm_batch.py")
	if err != nil {
		t.Fatal(err)
	}
	shell := func(commands string) string {
		cmd := exec.CommandContext(t.Context(), "bash", "-c", commands)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "OPENAI_API_KEY=sk-simulated", "NER_MODEL=", "PATH="+bin+":"+os.Getenv("PATH"),
			"VLLM_PYTHON="+python, "SCRIPT="+script)
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	write(t, filepath.Join(dir, "prompts.jsonl"), string(prompts(t)), 0o600)
	const vllm = `vllm() { "$VLLM_PYTHON" -W ignore "$SCRIPT" "$5" "$7" || exit; }` + "\n"
	create := recipe(t, "--batch-file gpu.batch.jsonl")
	out := shell(vllm + create + recipe(t, "-i gpu.batch.jsonl"))
	if strings.Contains(out, "vllm is not installed") {
		t.Skip("vllm is not installed for " + python + "; VLLM_PYTHON names another one")
	}
	for _, want := range []string{"148 requests", "148 rows: 146 ok, 2 failed (context_length 1, server 1), 0 missing; 148 records read"} {
		if !strings.Contains(out, want) {
			t.Errorf("%s\nis without %q", out, want)
		}
	}
	out = shell(vllm + recipe(t, "--resume gpu.jsonl --batch-file"))
	for _, want := range []string{"left out 146 rows answered earlier", ": 2 requests"} {
		if !strings.Contains(out, want) {
			t.Errorf("%s\nis without %q", out, want)
		}
	}
}
