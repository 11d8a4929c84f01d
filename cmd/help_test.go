package cmd_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"nertools/pkg/clidoc"
)

var programs = []string{"ner-prompt", "ner-run", "ner-batch", "ner-collect"}

// output is what a program prints on stdout, and nothing on stderr.
func output(t *testing.T, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin, program), args...)
	cmd.Env = append(cmd.Environ(), "GORACE=atexit_sleep_ms=0")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%s %s: %v: %s", program, strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// commandsOf returns the commands that a help text lists.
func commandsOf(help string) (names []string) {
	_, list, _ := strings.Cut(help, "\nCOMMANDS:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	for line := range strings.Lines(list) {
		if !strings.HasPrefix(line, "   ") { // or it continues
			names = append(names, strings.Fields(line)[0])
		}
	}
	return names
}

func TestHelpTextsFitAndShowAnExample(t *testing.T) {
	for _, program := range append(programs, "fakeopenai") {
		help := output(t, program, "help")
		if flag := output(t, program, "--help"); flag != help {
			t.Errorf("%s: help and --help differ:\n%s\n%s", program, help, flag)
		}
		checkHelp(t, program, help)
		commands := commandsOf(help)
		if len(commands) == 0 {
			t.Errorf("%s: no commands in %s", program, help)
		}
		for _, command := range commands {
			help := output(t, program, "help", command)
			checkHelp(t, program+" "+command, help)
			if command == "help" {
				continue
			}
			if flag := output(t, program, command, "--help"); flag != help {
				t.Errorf("%s %s: help and --help differ:\n%s\n%s", program, command, help, flag)
			}
		}
	}
}

func checkHelp(t *testing.T, command, help string) {
	t.Helper()
	if !strings.HasPrefix(help, command+" - ") || !strings.Contains(help, "\nUSAGE:\n  "+command) {
		t.Errorf("%s: this is not its help:\n%s", command, help)
	}
	_, example, _ := strings.Cut(help, "\nEXAMPLE:\n")
	example, _, _ = strings.Cut(example, "\n\n")
	if !strings.Contains(example, command) {
		t.Errorf("%s has no example of its own: %q", command, example)
	}
	for line := range strings.Lines(help) {
		line = strings.TrimSuffix(line, "\n")
		if n := utf8.RuneCountInString(line); n > clidoc.Width {
			t.Errorf("%s: %d columns: %s", command, n, line)
		}
		for _, empty := range []string{"(default: false)", "(default: 0)", "(default: 0s)", "(default: )", `(default: "`, "`"} {
			if strings.Contains(line, empty) {
				t.Errorf("%s: %s says nothing: %s", command, empty, line)
			}
		}
	}
}

// TestFlagsAreExplainedInOneShortPhrase reads the flags of all help texts: each starts
// with a verb and has less than 70 characters, without its default.
func TestFlagsAreExplainedInOneShortPhrase(t *testing.T) {
	entry := regexp.MustCompile(`(?m)^  (-\S.*?)  +((?:.*\n)(?:   +.*\n)*)`)
	notes := regexp.MustCompile(` (\(default: .*\)|\[\$\w+\])`)
	noVerb := regexp.MustCompile(`^([A-Z]|[a-z]*, |a |an |at |of |the |this |what |which |in |with )|\.$`)
	for _, program := range []string{"ner-prompt", "ner-run", "ner-collect", "fakeopenai"} {
		for _, command := range append([]string{""}, commandsOf(output(t, program, "help"))...) {
			help := output(t, program, strings.Fields("help "+command)...)
			for _, flag := range entry.FindAllStringSubmatch(help, -1) {
				text := notes.ReplaceAllString(strings.Join(strings.Fields(flag[2]), " "), "")
				if n := utf8.RuneCountInString(text); n >= 70 || noVerb.MatchString(text) {
					t.Errorf("%s %s %s: %q: %d characters", program, command, flag[1], text, n)
				}
			}
		}
	}
}

// A command with many flags groups them.
func TestFlagsAreGroupedByPurpose(t *testing.T) {
	const most = 12 // flags of a group
	for _, program := range append(programs, "fakeopenai") {
		for _, command := range append([]string{"help"}, commandsOf(output(t, program, "help"))...) {
			args := []string{"help", command}
			if command == "help" {
				args = args[:1]
			}
			group, flags := "", 0
			for line := range strings.Lines(output(t, program, args...)) {
				switch {
				case strings.HasPrefix(line, "  -"):
					if flags++; flags == most+1 && group != "BATCHES AND FILES:" {
						t.Errorf("%s %s: more than %d flags in the group %s", program, command, most, group)
					}
				case strings.HasSuffix(line, ":\n") && !strings.HasPrefix(line, " "):
					group, flags = strings.TrimSpace(line), 0
				}
			}
		}
	}
}
