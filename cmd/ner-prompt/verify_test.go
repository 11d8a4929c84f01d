package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"nertools/cmd/internal/answers"
	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/dataset"
)

// results are of two rows; their entities are asked about in the order of the rows.
const results = `{"kind":"result","v":1,"id":"test/1/0123456789a1","index":1,"total":2,"label":"LOC","context":"Ada left Rome","output":"Ada left @@Rome##"}
{"kind":"result","v":1,"id":"test/0/0123456789a0","index":0,"total":2,"label":"PER","context":"Ada left Rome","output":"@@Ada## left Rome"}
`

// inFolder makes the files that the tests read, and makes their folder the current one.
func inFolder(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, content := range map[string]string{
		"r.jsonl": results, "r.txt": "@@Ada## left Rome\nAda left @@Rome##\n",
		"mrc-ner.test": `[{"context":"Ada left Rome","entity_label":"PER","start_position":[],"end_position":[]},{"context":"Ada left Rome","entity_label":"LOC","start_position":[],"end_position":[]}]`,
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func runPrompt(ctx context.Context, out io.Writer, args ...string) (code int, stderr string) {
	var messages bytes.Buffer
	a := app()
	a.Writer, a.ErrWriter = out, &messages
	code = cmdline.Run(ctx, a, append([]string{"ner-prompt"}, args...))
	return code, messages.String()
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestVerifyAsksAboutEachEntity(t *testing.T) {
	inFolder(t)
	for _, args := range [][]string{
		{"verify", "--results", "r.jsonl", "--data-name", "conll"},
		{"verify", "--data-name", "CONLL", "--results", "r.txt", "--source-dir", "."},
	} {
		var out bytes.Buffer
		code, stderr := runPrompt(t.Context(), &out, args...)
		if code != cmdline.OK || !strings.Contains(stderr, "2 entities to ask about") {
			t.Errorf("%q: exit code %d\n%s", args, code, stderr)
		}
		lines := strings.SplitAfter(out.String(), "\n")
		if len(lines) != 3 || !strings.Contains(lines[0], `"entity":{"row":0,"start":0,"end":1,"text":"Ada"}`) || !strings.Contains(lines[1], `"id":"test.verify/258/`) {
			t.Errorf("%q: %s", args, &out)
		}
	}
	var out, messages bytes.Buffer
	o := verifyOptions{Options: answers.Options{Files: []string{"r.jsonl"}, Labels: dataset.LabelSet{DataSet: "CONLL"}}}
	if err := writeQuestions(t.Context(), cmdline.Streams{Name: "x", Out: &out, Err: &messages}, &o); err != nil || strings.Count(out.String(), "\n") != 2 {
		t.Errorf("%s%s%v", &out, &messages, err)
	}
}

func TestVerifyEndsAsEveryCommandDoes(t *testing.T) {
	inFolder(t)
	asked := []string{"verify", "--results", "r.jsonl", "--data-name", "CONLL"}
	stdout := failing{&fs.PathError{Op: "write", Path: os.Stdout.Name(), Err: syscall.EPIPE}}
	if code, stderr := runPrompt(t.Context(), stdout, asked...); code != cmdline.OK || stderr != "" {
		t.Errorf("a closed pipe: exit code %d\n%s", code, stderr)
	}
	if code, stderr := runPrompt(t.Context(), failing{errors.New("disk full")}, asked...); code != cmdline.Failed || !strings.Contains(stderr, "disk full") {
		t.Errorf("a full disk: exit code %d\n%s", code, stderr)
	}
	interrupted, stop := context.WithCancel(t.Context())
	stop()
	for _, c := range []struct {
		ctx  context.Context
		code int
		want string
		args []string
	}{
		{t.Context(), cmdline.Usage, "--results is missing", []string{"verify", "--data-name", "CONLL"}},
		{t.Context(), cmdline.Usage, "--data-name is missing", []string{"verify", "--results", "r.jsonl"}},
		{t.Context(), cmdline.Usage, "--example-num must be at least 0, not -1", append(asked, "--example-num", "-1")},
		{t.Context(), cmdline.Usage, `unexpected argument "x"`, append(asked, "x")},
		{t.Context(), cmdline.Usage, "stdin can be read only once", append(asked, "--results", "-", "--labels", "-")},
		{t.Context(), cmdline.Usage, "stdin can be read only once", append(asked, "--template", "-", "--labels", "-")},
		{t.Context(), cmdline.Failed, "nowhere", append(asked, "--results", "nowhere")},
		{t.Context(), cmdline.Failed, "name the MRC file that the prompts were made from with --source-dir", []string{"verify", "--results", "r.txt", "--data-name", "CONLL"}},
		{t.Context(), cmdline.Failed, "name the right data set with --data-name", []string{"verify", "--results", "r.jsonl", "--data-name", "GENIA"}},
		{interrupted, cmdline.Interrupted, "interrupted", asked},
	} {
		var out bytes.Buffer
		if code, stderr := runPrompt(c.ctx, &out, c.args...); code != c.code || !strings.Contains(stderr, c.want) || out.Len() > 0 {
			t.Errorf("%q: exit code %d, want %d and %q\n%s%s", c.args, code, c.code, c.want, stderr, &out)
		}
	}
}

func TestVerifyDoesNotWriteOverItsInput(t *testing.T) {
	inFolder(t)
	path := filepath.Join(t.TempDir(), "r.jsonl")
	if err := os.WriteFile(path, []byte(results), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	before := os.Stdout
	os.Stdout = f // as > r.jsonl does
	defer func() { os.Stdout = before }()
	code, stderr := runPrompt(t.Context(), f, "verify", "--results", path, "--data-name", "CONLL")
	if code != cmdline.Usage || !strings.Contains(stderr, "inputs are never overwritten") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	if got, err := os.ReadFile(path); string(got) != results {
		t.Errorf("%q, %v", got, err)
	}
}
