//go:build unix

package cmd_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// installed runs scripts/install.sh through a symbolic link and returns the prefix.
var installed = sync.OnceValues(func() (string, error) {
	script, err := filepath.Abs("../scripts/install.sh")
	if err != nil {
		return "", err
	}
	link := filepath.Join(bin, "install-link")
	if err := os.Symlink(script, link); err != nil {
		return "", err
	}
	install := exec.Command(link, "prefix")
	install.Dir = bin
	if out, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("install: %w: %s", err, out)
	}
	return filepath.Join(bin, "prefix"), nil
})

func prefix(t *testing.T) string {
	t.Helper()
	dir, err := installed()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// need skips the test where a program is missing. CI installs all of them.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("%s is not installed", program)
	}
}

// folder is a working directory with things to complete.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"results.jsonl", "prompts.jsonl", "a file.jsonl", "folio.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// completions are lines, typed up to the TAB key, and the arguments that they become.
var completions = []struct {
	typed string
	want  []string
}{
	{"ner-prompt kn", []string{"knn"}},
	{"ner-prompt --train", []string{"--train-name"}},
	{"ner-prompt knn --train", []string{"knn", "--train-name"}},
	{"ner-prompt --style json knn --meth", []string{"--style", "json", "knn", "--method"}},
	{"ner-batch run --batch-f", []string{"run", "--batch-file"}},
	{"ner-batch run --output resu", []string{"run", "--output", "results.jsonl"}},
	{"ner-batch run --completion-window resu", []string{"run", "--completion-window", "resu"}},
	{"ner-batch sync --out-dir fol", []string{"sync", "--out-dir", "folder/"}},
	{"ner-batch help stat", []string{"help", "status"}},
	{"ner-batch completion zs", []string{"completion", "zsh"}},
	{"ner-run --output=resu", []string{"--output=results.jsonl"}},
	{"ner-run --model fol", []string{"--model", "fol"}},
	{"ner-run prom", []string{"prompts.jsonl"}},
	{"ner-run a", []string{"a file.jsonl"}},
	{"ner-collect sco", []string{"score"}},
	{"ner-collect resu", []string{"results.jsonl"}},
	{"ner-collect score --gol", []string{"score", "--gold"}},
	{"ner-collect score resu", []string{"score", "results.jsonl"}},
}

// stub makes a folder of programs that print their arguments.
func stub(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range programs {
		text := "#!/bin/sh\nprintf 'GOT'; printf '<%s>' \"$@\"; echo 'END'\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// press types lines into an interactive shell on a pseudo-terminal, a TAB at the end of
// each, and returns the arguments that the programs then got.
func press(t *testing.T, shell *exec.Cmd, setup string, lines []string) []string {
	t.Helper()
	shell.Dir = folder(t)
	shell.Env = append(os.Environ(), "PATH="+stub(t)+":"+os.Getenv("PATH"), "TERM=xterm", "LC_ALL=C.UTF-8", "HOME="+t.TempDir(), "PS1=% ", "HISTFILE=")
	terminal, err := pty.StartWithSize(shell, &pty.Winsize{Rows: 50, Cols: 200})
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	var mu sync.Mutex
	var text strings.Builder
	var reader sync.WaitGroup
	reader.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, err := terminal.Read(buf)
			if err != nil {
				return
			}
			mu.Lock()
			text.Write(buf[:n])
			mu.Unlock()
		}
	})
	defer func() {
		_ = shell.Process.Kill()
		_ = shell.Wait()
		terminal.Close()
		reader.Wait()
	}()
	// typed sends keys and returns what is printed between two marks.
	typed := func(keys, begin, end string) string {
		mu.Lock()
		from := text.Len()
		mu.Unlock()
		if _, err := terminal.WriteString(keys); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			mu.Lock()
			got := text.String()[from:]
			mu.Unlock()
			if _, after, ok := strings.Cut(got, begin); ok {
				if between, _, ok := strings.Cut(after, end); ok {
					return between
				}
			}
			if time.Now().After(deadline) {
				t.Fatalf("%q: %q", keys, got)
			}
		}
	}
	// What is typed comes back as well, so that the marks are written in two parts.
	typed(setup+"; printf 'REA''DY\\n'\n", "READY", "\n")
	var got []string
	for _, line := range lines {
		got = append(got, typed(line+"\t\n", "GOT", "END"))
	}
	return got
}

func checkShell(t *testing.T, shell *exec.Cmd, setup string) {
	t.Helper()
	var lines []string
	for _, c := range completions {
		lines = append(lines, c.typed)
	}
	for i, got := range press(t, shell, setup, lines) {
		// zsh takes the slash behind a folder away again.
		if want := "<" + strings.Join(completions[i].want, "><") + ">"; got != want && got != strings.Replace(want, "/>", ">", 1) {
			t.Errorf("%s: %s, want %s", lines[i], got, want)
		}
	}
}

func TestBashCompletesCommandsFlagsAndFiles(t *testing.T) {
	need(t, "bash")
	scripts := filepath.Join(prefix(t), "share/bash-completion/completions")
	checkShell(t, exec.Command("bash", "--norc", "--noprofile", "-i"), `for f in "`+scripts+`"/*; do . "$f"; done`)
}

func TestZshCompletesCommandsFlagsAndFiles(t *testing.T) {
	need(t, "zsh")
	functions := filepath.Join(prefix(t), "share/zsh/site-functions")
	checkShell(t, exec.Command("zsh", "-f", "-i"), `fpath=("`+functions+`" $fpath); autoload -Uz compinit; compinit -u -D`)
}

func TestZshCompletesWhenTheScriptIsSourced(t *testing.T) {
	need(t, "zsh")
	script := filepath.Join(prefix(t), "share/zsh/site-functions/_ner-prompt")
	got := press(t, exec.Command("zsh", "-f", "-i"), `autoload -Uz compinit; compinit -u -D; . "`+script+`"`, []string{"ner-prompt kn"})
	if got[0] != "<knn>" {
		t.Error(got)
	}
}

func TestFishCompletesCommandsFlagsAndFiles(t *testing.T) {
	need(t, "fish")
	dir, bin := folder(t), stub(t)
	for _, c := range completions {
		fish := exec.Command("fish", "-c", "complete -C "+`"`+c.typed+`"`)
		fish.Dir = dir
		fish.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+t.TempDir(), "LC_ALL=C.UTF-8",
			"XDG_DATA_DIRS="+filepath.Join(prefix(t), "share")+":/usr/local/share:/usr/share")
		out, err := fish.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", c.typed, err, out)
		}
		var got []string
		for line := range strings.Lines(string(out)) {
			word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			got = append(got, word)
		}
		want := c.want[len(c.want)-1:]
		if strings.HasSuffix(c.typed, " "+want[0]) {
			want = nil // nothing to complete
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", c.typed, got, want)
		}
	}
}

func TestManPagesAreWellFormed(t *testing.T) {
	need(t, "man")
	for _, program := range programs {
		man := exec.Command("man", "--warnings", "-l", filepath.Join(prefix(t), "share/man/man1", program+".1"))
		man.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANWIDTH=100", "MANPAGER=cat", "TERM=dumb", "GROFF_NO_SGR=1")
		var stderr strings.Builder
		man.Stderr = &stderr
		out, err := man.Output()
		if err != nil || stderr.Len() > 0 {
			t.Errorf("%s: %v: %s", program, err, stderr.String())
		}
		page := string(out)
		for _, section := range []string{"NAME", "SYNOPSIS", "OPTIONS", "COMMANDS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"} {
			if !strings.Contains(page, "\n"+section+"\n") {
				t.Errorf("%s: no section %s in %s", program, section, page)
			}
		}
		for _, text := range append(commandsOf(output(t, program, "help")), "--help", "--version") {
			if !strings.Contains(page, text) {
				t.Errorf("%s: its man page does not mention %s", program, text)
			}
		}
	}
}

func TestInstalledProgramsKnowTheirVersion(t *testing.T) {
	for _, program := range programs {
		out, err := exec.Command(filepath.Join(prefix(t), "bin", program), "--version").Output()
		if want := program + " version "; err != nil || !strings.HasPrefix(string(out), want) || len(string(out)) < len(want)+len("0.0.0\n") {
			t.Errorf("%s: %v: %q", program, err, out)
		}
	}
}

// Through a symbolic link, a script finds what it needs beside the file that it is.
func TestScriptsWorkThroughSymbolicLinks(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	if root, err = filepath.EvalSymlinks(root); err != nil {
		t.Fatal(err)
	}
	scripts, err := filepath.Glob("../scripts/*.sh")
	if err != nil || len(scripts) < 5 {
		t.Fatal(scripts, err)
	}
	tools := t.TempDir()
	// The first thing that needs the sources says where it was started.
	if err := os.WriteFile(filepath.Join(tools, "go"), []byte("#!/bin/sh\necho \"in $PWD\"\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		script, err := filepath.Abs(script)
		if err != nil {
			t.Fatal(err)
		}
		args, want := []string{"quick"}, "in "+root+"\n"
		switch filepath.Base(script) {
		case "demo.sh":
			args = nil
		case "install.sh":
			args = []string{"prefix"}
		case "costs.sh":
			args, want = []string{"data", "--data-name", "X"}, root+"/bin"
		case "label.sh":
			args, want = []string{"notes", "--new", "X", "--examples", "f"}, root+"/bin"
		case "get_results_mrc_knn.sh", "batch_processing_example.sh":
			args, want = []string{"--write-name", "x", "--source-dir", "nowhere", "--mode", "create", "--batch-file", "b"}, root+"/bin"
			if filepath.Base(script) == "get_results_mrc_knn.sh" {
				args = args[:4]
			}
		}
		dir := t.TempDir()
		link := filepath.Join(dir, "link.sh")
		if err := os.Symlink(script, link); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(link, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+tools+":/usr/bin:/bin")
		if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), want) {
			t.Errorf("%s %s: %q, want %q", script, strings.Join(args, " "), out, want)
		}
	}
}
