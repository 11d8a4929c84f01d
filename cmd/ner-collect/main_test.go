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
	"nertools/pkg/score"
)

const (
	// gold has a span that is not in its sentence, in row 3.
	gold = `[{"qas_id":"0.1","context":"Ada met Bob","entity_label":"PER","start_position":[0,2],"end_position":[0,2]},
{"qas_id":"0.2","context":"Ada met Bob","entity_label":"LOC","start_position":[],"end_position":[]},
{"qas_id":"1.1","context":"Rome is old","entity_label":"PER","start_position":[],"end_position":[]},
{"qas_id":"1.2","context":"Rome is old","entity_label":"LOC","start_position":[0,7],"end_position":[0,7]}]`

	results = `{"kind":"result","v":1,"id":"test/0/0123456789a0","index":0,"total":4,"label":"PER","context":"Ada met Bob","output":"@@Ada## met @@Bob##"}
{"kind":"result","v":1,"id":"test/1/0123456789a1","index":1,"total":4,"label":"LOC","context":"Ada met Bob","output":"Ada met Bob"}
{"kind":"result","v":1,"id":"test/2/0123456789a2","index":2,"total":4,"label":"PER","context":"Rome is old","output":"Rome is old"}
{"kind":"result","v":1,"id":"test/3/0123456789a3","index":3,"total":4,"label":"LOC","context":"Rome is old","output":"@@Rome## is old"}
`
	text = "@@Ada## met @@Bob##\nAda met Bob\nRome is old\n@@Rome## is old\n"

	// verdict is on Bob.
	verdict = `{"kind":"result","v":1,"id":"test.verify/2/0123456789a0","index":2,"label":"PER","output":"no","entity":{"row":0,"start":2,"end":3,"text":"Bob"}}
`
)

// files makes the files that the tests read, and makes their folder the current one.
func files(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, content := range map[string]string{
		"mrc-ner.test": gold, "r.jsonl": results, "r.txt": "\ufeff" + text, "v.jsonl": verdict,
		"three.jsonl": results[:strings.LastIndex(strings.TrimSpace(results), "\n")+1],
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// run runs the program, its stdout being out.
func run(t *testing.T, ctx context.Context, out io.Writer, args ...string) (code int, stderr string) {
	t.Helper()
	var messages bytes.Buffer
	a := app()
	a.Writer, a.ErrWriter = out, &messages
	code = cmdline.Run(ctx, a, append([]string{"ner-collect"}, args...))
	return code, messages.String()
}

// want fails unless the program ends with code and prints all of said on stderr, and
// returns what it wrote.
func want(t *testing.T, code int, said string, args ...string) (stdout string) {
	t.Helper()
	var out bytes.Buffer
	got, stderr := run(t, t.Context(), &out, args...)
	if got != code || !strings.Contains(stderr, said) {
		t.Errorf("%q: exit code %d, want %d; want %q on stderr:\n%s", args, got, code, said, stderr)
	}
	return out.String()
}

// commands are a command line of each command, flags behind arguments, and what its
// output holds.
var commands = map[string]struct {
	args []string
	want string
}{
	"records":        {[]string{"r.jsonl", "--total", "4"}, text},
	"a results file": {[]string{"r.txt", "--format", "jsonl", "--source-dir", "."}, `"start":0,"end":1,"label":"LOC"`},
	"a format":       {[]string{"r.jsonl", "--format", "conll", "--scheme", "bioes"}, "Ada\tS-PER\n"},
	"verdicts":       {[]string{"r.jsonl", "--verdicts", "v.jsonl", "--format", "csv"}, "0,PER,0,1,0,3,Ada,exact,\n2,LOC"},
	"a page":         {[]string{"r.jsonl", "--format", "html", "--gold", "mrc-ner.test"}, "<title>r.jsonl"},
	"earlier lines":  {[]string{"three.jsonl", "--last-results", "r.txt"}, text},
	"score":          {[]string{"score", "r.jsonl", "--gold", "mrc-ner.test", "--resamples", "0"}, "micro     100.00"},
	"score in JSON":  {[]string{"score", "r.jsonl", "--json", "--gold", "mrc-ner.test", "--match", "published"}, `"match":"published"`},
	"gold":           {[]string{"gold", "mrc-ner.test", "--format", "TEXT"}, text},
}

func TestFlagsMayStandBehindArguments(t *testing.T) {
	files(t)
	for name, c := range commands {
		code := cmdline.OK
		if name == "verdicts" {
			code = cmdline.Partial // not on every entity
		}
		if out := want(t, code, "", c.args...); !strings.Contains(out, c.want) {
			t.Errorf("%s: %q is not in\n%s", name, c.want, out)
		}
	}
	if err := os.WriteFile("bm25.8.json", []byte(want(t, cmdline.OK, "", "score", "r.jsonl", "--gold", "mrc-ner.test", "--json")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := want(t, cmdline.OK, "", "compare", "bm25.8.json", "--svg", "x.svg"); !strings.Contains(out, "bm25.8  strict") {
		t.Errorf("compare:\n%s", out)
	}
	if picture, err := os.ReadFile("x.svg"); err != nil || !bytes.Contains(picture, []byte("<title>bm25.8: 100.00")) {
		t.Errorf("%.200s, %v", picture, err)
	}
}

// failing is a stdout that takes nothing.
type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestAClosedPipeEndsEveryCommandQuietly(t *testing.T) {
	files(t)
	closed := failing{&fs.PathError{Op: "write", Path: os.Stdout.Name(), Err: syscall.EPIPE}}
	full := failing{errors.New("disk full")}
	for name, c := range commands {
		if code, stderr := run(t, t.Context(), closed, c.args...); code != cmdline.OK || strings.Contains(stderr, "pipe") {
			t.Errorf("%s: exit code %d\n%s", name, code, stderr)
		}
		if code, stderr := run(t, t.Context(), full, c.args...); code != cmdline.Failed || !strings.Contains(stderr, "disk full") {
			t.Errorf("%s into a full disk: exit code %d\n%s", name, code, stderr)
		}
	}
}

func TestNoInputIsWrittenOver(t *testing.T) {
	files(t)
	for _, args := range [][]string{
		{"r.jsonl", "--write-name", "r.jsonl"},
		{"r.jsonl", "--write-dir", "../" + filepath.Base(must(os.Getwd())), "--write-name", "r.jsonl"},
		{"r.jsonl", "--last-results", "r.txt", "--write-name", "r.txt"},
		{"r.jsonl", "--verdicts", "v.jsonl", "--write-name", "v.jsonl"},
		{"r.jsonl", "--format", "csv", "--gold", "mrc-ner.test", "--write-name", "mrc-ner.test"},
		{"r.jsonl", "--format", "csv", "--source-name", "test", "--write-name", "mrc-ner.test"},
		{"r.jsonl", "--format", "html", "--prices", "v.jsonl", "--write-name", "v.jsonl"},
		{"r.jsonl", "--format", "brat", "--write-name", "r.jsonl"},
		{"gold", "mrc-ner.test", "--write-name", "mrc-ner.test"},
		{"compare", "r.jsonl", "--svg", "r.jsonl"},
	} {
		if out := want(t, cmdline.Usage, "inputs are never overwritten", args...); out != "" {
			t.Errorf("%q: %q on stdout", args, out)
		}
	}
	if got := must(os.ReadFile("r.jsonl")); string(got) != results {
		t.Error("the results changed")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestANameToWriteHasNoDirectory(t *testing.T) {
	files(t)
	for _, format := range []string{"text", "jsonl", "brat"} {
		want(t, cmdline.Usage, "without a directory", "r.jsonl", "--format", format, "--write-name", "a/b")
		want(t, cmdline.Usage, "without a directory", "gold", "mrc-ner.test", "--format", format, "--write-name", "a/b")
	}
	want(t, cmdline.Usage, "name it with --write-name", "r.jsonl", "--format", "brat")
	want(t, cmdline.OK, "", "r.jsonl", "--format", "brat", "--write-name", "b")
	want(t, cmdline.Failed, "name a new folder", "r.jsonl", "--format", "brat", "--write-name", "b")
}

// stdin makes text the stdin, and returns how much of it has been read.
func stdin(t *testing.T, text string) func() int64 {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stdin")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f := must(os.Open(path))
	before := os.Stdin
	os.Stdin = f
	t.Cleanup(func() {
		os.Stdin = before
		f.Close()
	})
	return func() int64 { return must(f.Seek(0, io.SeekCurrent)) }
}

func TestStdinIsReadOnce(t *testing.T) {
	files(t)
	read := stdin(t, results)
	for _, args := range [][]string{
		{"-", "-"}, {"--last-results", "-"}, {"--verdicts", "-"}, {"--verdicts", "-", "--verdicts", "-", "r.jsonl"}, {"--labels", "-", "--format", "csv"},
		{"--prices", "-", "--format", "html"}, {"-", "r.jsonl", "--prices", "-"}, {"score", "--gold", "mrc-ner.test", "--labels", "-"}, {"compare", "-", "-"},
	} {
		want(t, cmdline.Usage, "stdin can be read only once", args...)
	}
	if n := read(); n != 0 {
		t.Errorf("%d bytes were read before", n)
	}
	if out := want(t, cmdline.OK, "4 rows: 4 ok"); out != text {
		t.Errorf("got %q", out)
	}
	stdin(t, `{"date":"2030-01-02","currency":"EUR","per":1000,"models":{"m":{"input":1,"output":2}}}`)
	if out := want(t, cmdline.OK, "", "r.jsonl", "--format", "html", "--prices", "-"); !strings.Contains(out, "<title>r.jsonl") {
		t.Errorf("got %.200q", out)
	}
}

func TestTheExitCodeSaysHowFarItCame(t *testing.T) {
	files(t)
	want(t, cmdline.Partial, "missing 1: ask the rest with ner-run --resume three.jsonl", "three.jsonl")
	want(t, cmdline.OK, "", "three.jsonl", "--last-results", "r.txt")
	want(t, cmdline.Failed, "1 gold span outside the sentence, in 1 row, the first in row 3", "gold", "mrc-ner.test", "--strict", "--write-name", "never")
	if _, err := os.Lstat("never"); err == nil {
		t.Error("a file was written all the same")
	}
	want(t, cmdline.OK, "(--strict makes this an error)", "score", "r.jsonl", "--gold", "mrc-ner.test")
	want(t, cmdline.Failed, "name the MRC file that the prompts were made from with --source-dir", "r.txt", "--format", "csv")
	want(t, cmdline.Usage, "r.txt is a results file, not result records: collect it alone", "r.jsonl", "r.txt", "--format", "csv", "--source-dir", ".")
	want(t, cmdline.Usage, "choose one of strict,", "score", "r.jsonl", "--gold", "mrc-ner.test", "--match", "odd")
	want(t, cmdline.Usage, "--resamples must be from 0", "score", "r.jsonl", "--gold", "mrc-ner.test", "--resamples", "-1")
	want(t, cmdline.Usage, "--total must be at least 1, not 0", "r.jsonl", "--total", "0")
	want(t, cmdline.Usage, "--gold is missing", "score", "r.jsonl")
	want(t, cmdline.Usage, `not "odd"`, "r.jsonl", "--format", "odd")
	want(t, cmdline.Usage, `--scheme must be bio or bioes, not "odd"`, "r.jsonl", "--scheme", "odd")
	want(t, cmdline.Usage, "an MRC file does not have", "gold", "mrc-ner.test", "--format", "html")
	want(t, cmdline.Failed, "give files that ner-collect score --json wrote", "compare", "r.jsonl")

	// What goes wrong outweighs missing rows.
	if code, stderr := run(t, t.Context(), failing{errors.New("disk full")}, "three.jsonl"); code != cmdline.Failed || !strings.Contains(stderr, "disk full") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	interrupted, stop := context.WithCancel(t.Context())
	stop()
	var out bytes.Buffer
	if code, stderr := run(t, interrupted, &out, "three.jsonl"); code != cmdline.Interrupted || out.Len() > 0 {
		t.Errorf("exit code %d\n%s\n%s", code, stderr, &out)
	}
}

func TestTheWorkOfACommandNeedsNoFlags(t *testing.T) {
	files(t)
	var out, messages bytes.Buffer
	std := cmdline.Streams{Name: "x", Out: &out, Err: &messages}
	options := answers.Options{Files: []string{"r.jsonl"}, Gold: "mrc-ner.test", Verdicts: []string{"v.jsonl"}}
	err := collectResults(t.Context(), std, &collectOptions{Options: options, output: output{format: "text", scheme: "bio", target: dataset.Target{Name: "out.txt"}}})
	if err == nil || err.Error() != cmdline.Exit(cmdline.Partial, nil).Error() {
		t.Errorf("got %v", err)
	}
	if got := string(must(os.ReadFile("out.txt"))); got != strings.Replace(text, "@@Bob##", "Bob", 1) || out.Len() > 0 {
		t.Errorf("%q and %q", got, &out)
	}
	if !strings.Contains(messages.String(), "x: 3 entities: 0 confirmed, 1 dropped; kept although unclear: 0, no answer: 0, not asked: 2\n") {
		t.Errorf("%s", &messages)
	}
	options.Verdicts = nil
	if err := scoreResults(t.Context(), std, &scoreOptions{Options: options, match: score.Boundary}); err != nil || !strings.Contains(out.String(), "match: boundary, sentences: 2\n") {
		t.Errorf("%s, %v", &out, err)
	}
}
