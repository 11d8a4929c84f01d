package dataset

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/urfave/cli/v2"

	"nertools/cmd/internal/cmdline"
	"nertools/pkg/catalog"
)

// run runs a command with the flags, and returns its exit code.
func run(t *testing.T, flags []cli.Flag, args ...string) int {
	t.Helper()
	work := func(context.Context, cmdline.Streams, []string) error { return nil }
	a := &cli.App{Name: "x", Flags: flags, Action: cmdline.Action(work), Writer: new(bytes.Buffer), ErrWriter: new(bytes.Buffer)}
	return cmdline.Run(t.Context(), a, append([]string{"x"}, args...))
}

func TestFlagsSayWhatIsGiven(t *testing.T) {
	for _, c := range []struct {
		args             []string
		source, examples bool
	}{
		{nil, false, false},
		{[]string{"--source-dir", "."}, true, false},
		{[]string{"--source-name", "test"}, true, false},
		{[]string{"--train-name", "train"}, false, true},
		{[]string{"--example-dir", "."}, false, true},
		{[]string{"--example-name", "test"}, false, true},
		{[]string{"--example-num", "16"}, false, true},
	} {
		var s Source
		var e Examples
		if code := run(t, slices.Concat(s.Flags(), e.Flags()), c.args...); code != cmdline.OK || s.Given != c.source || e.Given != c.examples {
			t.Errorf("%q: exit code %d, source %v, examples %v", c.args, code, s.Given, e.Given)
		}
		if s.Path() != "mrc-ner.test" || e.Train.Path(&s) != "mrc-ner.train" || e.Num != 16 {
			t.Errorf("%q: %s, %s, %d", c.args, s.Path(), e.Train.Path(&s), e.Num)
		}
	}
	if code := run(t, new(Examples).Flags(), "--example-num", "-1"); code != cmdline.Usage {
		t.Errorf("fewer than no examples: exit code %d", code)
	}
}

func TestLabelsNameAFileOrAVersionOfTheBuiltinCatalogue(t *testing.T) {
	first, _ := catalog.Version(1)
	for file, want := range map[string]*catalog.Catalog{
		"": catalog.Builtin(), "builtin:1": first, BuiltinLabels(catalog.Latest): catalog.Builtin(),
		"builtin:": nil, "builtin:0": nil, "builtin:01": nil, "builtin:x": nil, "builtin:1.json": nil, "builtin:99": nil,
	} {
		l := LabelSet{File: file}
		got, err := l.Catalog()
		if got != want || (err == nil) != (want != nil) {
			t.Errorf("%q: got %p, %v, want %p", file, got, err, want)
		}
		if l.Input() != "" {
			t.Errorf("%q: %q is an input", file, l.Input())
		}
	}
	for _, file := range []string{"builtin", "builtin.json", "./builtin:1", "-"} {
		if l := (LabelSet{File: file}); l.Input() != file {
			t.Errorf("%q: the input is %q", file, l.Input())
		}
	}
}

func TestATargetIsAFileOrStdout(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		path string
	}{
		{nil, cmdline.OK, ""},
		{[]string{"--write-name", "n"}, cmdline.OK, "a-n.z"},
		{[]string{"--write-dir", "d", "--write-name", "n"}, cmdline.OK, filepath.Join("d", "a-n.z")},
		{[]string{"--write-name", ""}, cmdline.Usage, ""},
		{[]string{"--write-name", "d/n"}, cmdline.Usage, ""},
		{[]string{"--write-name", ".."}, cmdline.OK, "a-...z"},
	} {
		var target Target
		if code := run(t, target.Flags("a-NAME.z"), c.args...); code != c.code {
			t.Errorf("%q: exit code %d", c.args, code)
			continue
		}
		if path, err := target.Path("a-", ".z"); c.code == cmdline.OK && (path != c.path || err != nil) {
			t.Errorf("%q: %s, %v", c.args, path, err)
		}
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("in", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]Target{"a folder without a name": {Dir: "."}, "an input": {Name: "in"}, "a folder that is not there": {Dir: "nowhere", Name: "x"}} {
		if target.Check("", "", "in") == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := (&Target{Name: "out"}).Check("", "", "in", ""); err != nil {
		t.Error(err)
	}
}

func TestLabelsAreReadIfTheyAreNamed(t *testing.T) {
	if set, err := new(LabelSet).ReadGiven(); set != nil || err != nil {
		t.Errorf("%v, %v", set, err)
	}
	if set, err := (&LabelSet{DataSet: "conll"}).ReadGiven(); err != nil || set.Name != "CONLL" {
		t.Errorf("%v, %v", set, err)
	}
	if _, err := (&LabelSet{DataSet: "odd"}).ReadGiven(); err == nil {
		t.Error("an unknown data set is read")
	}
}
