package cmd_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/diff"

	"nertools/pkg/openaitest"
)

// documents are the files whose commands a reader may paste, in order, into a shell
// in a fresh clone.
var documents = []string{"README.md", "doc/how-it-works.md", "doc/recipes.md", "doc/troubleshooting.md", "doc/fakeopenai.md"}

// A step is a command of a document, or several that stand in one block.
type step struct {
	line     int // of the document, from 1
	command  string
	code     string // what it must exit with
	shows    bool   // the document shows what the command prints
	from, to int    // the half-open range of lines that it shows, from 0
}

// steps returns the commands of a document. The blocks that count are
//
//	sh       commands
//	console  a command after each "$ ", and below it what it prints
//	crontab  a command after the five fields of each line, run as cron does
//	ini      the command of a systemd unit
//
// A line "..." stands for any number of lines of output. All commands must exit with 0. A
// comment in front of a block, which readers of the document do not see, changes that:
//
//	<!-- not run: REASON -->   it is passed over
//	<!-- save as: FILE -->     it is written to FILE
//	<!-- first: COMMAND -->    COMMAND is run before it
//	<!-- exit codes: 3 0 -->   its commands exit with these, in order
func steps(t *testing.T, name string, lines []string) (list []step) {
	t.Helper()
	comment := regexp.MustCompile(`^<!-- (not run|save as|first|exit codes): (.*) -->$`)
	skip, file, codes := false, "", []string(nil)
	for i := 0; i < len(lines); i++ {
		if m := comment.FindStringSubmatch(lines[i]); m != nil {
			switch m[1] {
			case "not run":
				skip = true
			case "save as":
				file = m[2]
			case "first":
				list = append(list, step{line: i + 1, command: m[2], code: "0"})
			case "exit codes":
				codes = strings.Fields(m[2])
			}
			continue
		}
		language, ok := strings.CutPrefix(lines[i], "```")
		if !ok {
			continue
		}
		begin := i + 1
		for i++; i < len(lines) && lines[i] != "```"; i++ {
		}
		if i == len(lines) {
			t.Fatalf("%s:%d: this block has no end", name, begin)
		}
		block, before := lines[begin:i], len(list)
		switch {
		case skip:
		case file != "":
			list = append(list, step{line: begin + 1, command: "cat > " + file + " <<'END OF FILE'\n" + strings.Join(block, "\n") + "\nEND OF FILE"})
		case language == "sh":
			list = append(list, step{line: begin + 1, command: strings.Join(block, "\n")})
		case language == "console":
			list = append(list, console(begin, block)...)
		case language == "crontab":
			for k, line := range block {
				if fields := strings.SplitN(line, " ", 6); len(fields) == 6 {
					list = append(list, step{line: begin + k + 1, command: bare(fields[5])})
				}
			}
		case language == "ini":
			for k, line := range block {
				if command, ok := strings.CutPrefix(line, "ExecStart="); ok {
					list = append(list, step{line: begin + k + 1, command: bare(strings.ReplaceAll(command, "%h", "$HOME"))})
				}
			}
		}
		for k := range list[before:] {
			if list[before+k].code = "0"; k < len(codes) {
				list[before+k].code = codes[k]
			}
		}
		skip, file, codes = false, "", nil
	}
	return list
}

// bare is a command as cron and systemd run it, with next to nothing in its environment.
func bare(command string) string {
	return `env -i HOME="$HOME" PATH=/usr/bin:/bin OPENAI_BASE_URL="$OPENAI_BASE_URL" /bin/sh -c '` + strings.ReplaceAll(strings.TrimSpace(command), "'", `'\''`) + `'`
}

// console returns the commands of a block that begins at line from, counted from 0.
func console(from int, block []string) (list []step) {
	for k := 0; k < len(block); {
		command, ok := strings.CutPrefix(block[k], "$ ")
		if !ok {
			k++
			continue
		}
		s := step{line: from + k + 1, command: command, shows: true}
		for k++; k < len(block) && strings.ContainsAny(command[len(command)-1:], `\|`); k++ {
			command = block[k]
			s.command += "\n" + command
		}
		s.from = from + k
		for k < len(block) && !strings.HasPrefix(block[k], "$ ") {
			k++
		}
		s.to = from + k
		list = append(list, s)
	}
	return list
}

// TestCommandsInTheDocumentsPrintWhatIsShown runs what a reader of a document pastes,
// in one shell, and compares what it prints with what the document shows. With -update
// it writes into the document what the commands print.
func TestCommandsInTheDocumentsPrintWhatIsShown(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the documents use a POSIX shell")
	}
	for _, need := range []string{"bash", "make", "parallel", "jq", "curl"} {
		if _, err := exec.LookPath(need); err != nil {
			t.Skipf("the documents need %s", need)
		}
	}
	for _, name := range documents {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(filepath.Join("..", name))
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(string(data), "\n")
			list := steps(t, name, lines)
			printed := session(t, name, list)
			for i, s := range slices.Backward(list) {
				if !s.shows || same(lines[s.from:s.to], printed[i]) {
					continue
				}
				shown := strings.Join(lines[s.from:s.to], "\n") + "\n"
				if *update && !strings.Contains(shown, "...\n") {
					lines = slices.Replace(lines, s.from, s.to, printed[i]...)
					continue
				}
				t.Errorf("%s:%d: %s\n%s", name, s.line, s.command,
					diff.Diff("shown", []byte(shown), "printed", []byte(strings.Join(printed[i], "\n")+"\n")))
			}
			if text := strings.Join(lines, "\n"); *update && !t.Failed() && text != string(data) {
				if err := os.WriteFile(filepath.Join("..", name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// session runs the steps in one shell, in a copy of what a clone has, and returns what
// each printed, with the home folder as /home/you. The service is a simulated one, also where the reader would reach a real one.
func session(t *testing.T, name string, list []step) (printed [][]string) {
	t.Helper()
	_, url := service(t, openaitest.Options{})
	home := t.TempDir()
	clone := filepath.Join(home, "nertools")
	for _, dir := range []string{"examples/news", "examples/experiment", "examples/pharmacy", "scripts"} {
		if err := os.CopyFS(filepath.Join(clone, dir), os.DirFS(filepath.Join("..", dir))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(filepath.Join(clone, "examples/experiment/out")); err != nil {
		t.Fatal(err)
	}
	// The programs are those that all tests here run: "go install" puts them in place.
	goCommand := "#!/bin/sh\n[ \"$*\" = 'install ./cmd/... ./scripts/fakeopenai' ] || { echo \"not expected: go $*\"; exit 1; }\n" +
		"mkdir -p \"$GOBIN\" && ln -s \"" + bin + "\"/* \"$GOBIN\"\n"
	tools := t.TempDir()
	write(t, filepath.Join(tools, "go"), goCommand, 0o755)

	var script strings.Builder
	script.WriteString("set -E -o pipefail\ntrap 'echo $? >> \"$STEPS/$N.codes\"' ERR\n")
	for i, s := range list {
		write(t, filepath.Join(tools, fmt.Sprintf("%d.sh", i)), s.command+"\n", 0o644)
		fmt.Fprintf(&script, "N=%d; . \"$STEPS/$N.sh\" > \"$STEPS/$N.out\" 2>&1 < /dev/null\n", i)
	}
	write(t, filepath.Join(tools, "session.sh"), script.String(), 0o644)
	path := []string{tools, os.Getenv("PATH")}
	if name != "README.md" { // which installs the programs itself
		path = []string{tools, bin, os.Getenv("PATH")}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", filepath.Join(tools, "session.sh"))
	cmd.Dir, cmd.WaitDelay = clone, time.Second
	cmd.Env = append(os.Environ(), "HOME="+home, "STEPS="+tools, "PATH="+strings.Join(path, string(os.PathListSeparator)),
		"OPENAI_BASE_URL="+url, "OPENAI_API_KEY=", "NER_MODEL=", "NER_POLL_INTERVAL=50ms", "GORACE=atexit_sleep_ms=0", "TZ=UTC",
		"PARALLEL_HOME="+home, "MAKEFLAGS=", "MAKELEVEL=")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Errorf("%s: the commands did not end in time", name)
	}
	printed = make([][]string, len(list))
	for i, s := range list {
		text, readErr := os.ReadFile(filepath.Join(tools, fmt.Sprintf("%d.out", i)))
		if readErr != nil {
			t.Fatalf("%s:%d: was not run (%v): %s\n%s", name, s.line, err, s.command, out.Bytes())
		}
		if len(text) > 0 {
			printed[i] = strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(text), home, "/home/you"), "\n"), "\n")
		}
		codes, readErr := os.ReadFile(filepath.Join(tools, fmt.Sprintf("%d.codes", i)))
		if readErr != nil && !errors.Is(readErr, fs.ErrNotExist) {
			t.Fatal(readErr)
		}
		got := strings.Fields(string(codes))
		slices.Sort(got)
		if got = slices.Compact(got); strings.Join(got, " ") != strings.TrimPrefix(s.code, "0") {
			t.Errorf("%s:%d: exit codes %q, want %s:\n%s\n%s", name, s.line, got, s.code, s.command, text)
		}
	}
	return printed
}

func write(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// varying is what differs from run to run: times, rates, ports, ids and dates.
var varying = regexp.MustCompile(`\d+\.\d s\b|\d[\d.]* rows/s|127\.0\.0\.1:\d+|\bbatch_\w+|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?`)

// same reports whether the lines shown are those printed, but for what varies.
func same(shown, printed []string) bool {
	if len(shown) == 0 {
		return len(printed) == 0
	}
	if shown[0] == "..." {
		return same(shown[1:], printed) || len(printed) > 0 && same(shown, printed[1:])
	}
	return len(printed) > 0 && varying.ReplaceAllString(shown[0], "~") == varying.ReplaceAllString(printed[0], "~") && same(shown[1:], printed[1:])
}

// TestMessagesInTroubleshootingAreThoseOfThePrograms looks for each message that the
// document quotes among the texts in the programs' sources. An ellipsis stands for what
// differs from case to case.
func TestMessagesInTroubleshootingAreThoseOfThePrograms(t *testing.T) {
	texts := literals(t)
	found := 0
	messages := false
	for n, line := range readLines(t, "../doc/troubleshooting.md") {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			messages = false
			continue
		}
		messages = messages || strings.TrimSpace(cells[1]) == "Message"
		if !messages {
			continue
		}
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			for fragment := range strings.SplitSeq(m[1], "…") {
				if fragment = strings.TrimSpace(fragment); len(fragment) < 3 {
					continue
				}
				found++
				if !strings.Contains(texts, fragment) {
					t.Errorf("doc/troubleshooting.md:%d: no program prints %q", n+1, fragment)
				}
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d messages were looked for", found)
	}
}

// literals returns the texts in the sources of the programs.
func literals(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, root := range []string{".", "../pkg"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					text, _ := strconv.Unquote(lit.Value)
					all.WriteString(text + "\n")
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// TestLinksInTheDocumentsLeadSomewhere looks at the links to files of the project and
// to their headings.
func TestLinksInTheDocumentsLeadSomewhere(t *testing.T) {
	link, code := regexp.MustCompile(`\]\(([^)\s]+)\)`), regexp.MustCompile("`[^`]*`")
	for _, name := range append([]string{"CONTRIBUTING.md", "CHANGELOG.md", "doc/formats.md", "doc/labels.md", "doc/alignment.md", "doc/design.md",
		"examples/news/README.md", "examples/experiment/README.md", "examples/local-model/README.md"}, documents...) {
		for n, line := range readLines(t, filepath.Join("..", name)) {
			for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(line, ""), -1) {
				if strings.Contains(m[1], "://") {
					continue
				}
				file, anchor, _ := strings.Cut(m[1], "#")
				path := filepath.Join("..", name)
				if file != "" {
					path = filepath.Join(filepath.Dir(path), file)
				}
				if _, err := os.Stat(path); err != nil {
					t.Errorf("%s:%d: %s leads nowhere", name, n+1, m[1])
				} else if anchor != "" && !slices.Contains(anchors(t, path), anchor) {
					t.Errorf("%s:%d: %s has no heading #%s", name, n+1, path, anchor)
				}
			}
		}
	}
}

// anchors are the headings of a document as links name them.
func anchors(t *testing.T, path string) (list []string) {
	t.Helper()
	for _, line := range readLines(t, path) {
		if heading := strings.TrimLeft(line, "#"); heading != line {
			heading = regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), "")
			list = append(list, strings.ReplaceAll(heading, " ", "-"))
		}
	}
	return list
}

func readLines(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(data), "\n")
}

// TestEveryFieldOfTheRecordsIsDescribed looks in doc/formats.md for each field that the
// programs write.
func TestEveryFieldOfTheRecordsIsDescribed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../doc/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	news, err := filepath.Abs("../examples/news")
	if err != nil {
		t.Fatal(err)
	}
	_, url := service(t, openaitest.Options{})
	dir, input := t.TempDir(), prompts(t)
	run := func(name string, args ...string) []byte {
		cmd := program(t, url, name, args...)
		cmd.Dir, cmd.Stdin = dir, bytes.NewReader(input)
		out, err := cmd.Output()
		if code := cmd.ProcessState.ExitCode(); code != 0 && code != 3 {
			t.Fatalf("%s %q: %v", name, args, err)
		}
		fields := regexp.MustCompile(`"([a-z][a-z_0-9]*)":`).FindAllSubmatch(out, -1)
		for _, m := range fields {
			if field := string(m[1]); !strings.Contains(string(text), "`"+field+"`") && !strings.Contains(string(text), `"`+field+`"`) {
				t.Errorf("doc/formats.md does not describe %q, which %s %s writes", field, name, args[0])
			}
		}
		if len(fields) == 0 {
			t.Errorf("%s %q wrote no record", name, args)
		}
		return out
	}
	data := []string{"--source-dir", news, "--data-name", "CONLL", "--example-num", "2"}
	run("ner-prompt", data...)
	run("ner-run", "--dry-run")
	run("ner-run", "--max-tokens", "3", "--max-errors", "0")
	run("ner-batch", "submit", "--batch-file", "batch.jsonl")
	write(t, filepath.Join(dir, "results.jsonl"), string(run("ner-run", "-k")), 0o644)
	run("ner-prompt", append([]string{"verify", "--results", "results.jsonl"}, data...)...)
	run("ner-collect", "results.jsonl", "--format", "jsonl")
	run("ner-collect", "score", "results.jsonl", "--json", "--gold", filepath.Join(news, "mrc-ner.test"))
}

// TestNamesInContributingExist looks for each `package.Name` that the document mentions.
func TestNamesInContributingExist(t *testing.T) {
	text, err := os.ReadFile("../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`([a-z]+)\\.(?:[A-Z]\\w*\\.)?([A-Z]\\w*)[`(]").FindAllSubmatch(text, -1)
	if len(names) < 5 {
		t.Errorf("only %d names were looked for", len(names))
	}
	for _, m := range names {
		var source []byte
		for _, pattern := range []string{"../pkg/%s/*.go", "internal/%s/*.go"} {
			files, _ := filepath.Glob(fmt.Sprintf(pattern, m[1]))
			for _, file := range files {
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				source = append(source, data...)
			}
		}
		if len(source) == 0 {
			continue // of the standard library
		}
		if !regexp.MustCompile(`(?m)^(type|func(?: \([^)]*\))?) ` + string(m[2]) + `\b`).Match(source) {
			t.Errorf("CONTRIBUTING.md: %s.%s does not exist", m[1], m[2])
		}
	}
}

// TestFaultsInTheDocumentAreUnderstood reads each example of a fault, and looks for an
// example of each kind.
func TestFaultsInTheDocumentAreUnderstood(t *testing.T) {
	shown := map[string]bool{}
	for n, line := range readLines(t, "../doc/fakeopenai.md") {
		m := regexp.MustCompile("^\\| `(\\w+)` .*`(\\{.*\\})` \\|$").FindStringSubmatch(line)
		if m == nil {
			continue
		}
		faults, err := openaitest.ReadFaults(strings.NewReader("[" + m[2] + "]"))
		if err != nil {
			t.Errorf("doc/fakeopenai.md:%d: %v", n+1, err)
		} else if got := string(faults[0].Kind); got != m[1] {
			t.Errorf("doc/fakeopenai.md:%d: the example of %s is one of %s", n+1, m[1], got)
		}
		shown[m[1]] = true
	}
	for _, line := range readLines(t, "../pkg/openaitest/fault.go") {
		if m := regexp.MustCompile(`^\t\w+ +FaultKind = "(\w+)"`).FindStringSubmatch(line); m != nil && !shown[m[1]] {
			t.Errorf("doc/fakeopenai.md has no example of %s", m[1])
		}
	}
}
