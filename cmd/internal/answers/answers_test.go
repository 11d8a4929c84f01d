package answers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"nertools/cmd/internal/cmdline"
	"nertools/cmd/internal/dataset"
	"nertools/pkg/annotate"
	"nertools/pkg/collect"
	"nertools/pkg/fault"
	"nertools/pkg/verify"
)

const (
	rows = `[{"context":"Ada met Bob","entity_label":"PER","start_position":[0],"end_position":[0]},{"context":"Ada met Bob","entity_label":"LOC","start_position":[],"end_position":[]}]`

	// records are of these rows; the first answer is copied from a demonstration.
	records = `{"kind":"result","v":1,"id":"test/0/0123456789a0","index":0,"total":2,"label":"PER","context":"Ada met Bob","output":"@@Ada## met @@Zoe##"}
{"kind":"result","v":1,"id":"test/1/0123456789a1","index":1,"total":2,"label":"LOC","context":"Ada met Bob","output":"Ada met Bob"}
`
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "answers")
	if err == nil {
		err = os.Chdir(dir)
	}
	for name, content := range map[string]string{
		"mrc-ner.test": rows, "mrc-ner.train": strings.ReplaceAll(rows, "Bob", "Zoe"), "test.knn.jsonl": "[0]\n[1]\n", "long.knn.jsonl": "[0]\n[1]\n[1]\n",
		"r.jsonl": records, "r.txt": "@@Ada## met Bob\n",
	} {
		if err == nil {
			err = os.WriteFile(name, []byte(content), 0o600)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func join(t *testing.T, ctx context.Context, o Options) (*Joined, string, error) {
	t.Helper()
	var messages bytes.Buffer
	j, err := o.Join(ctx, cmdline.Streams{Name: "x", Err: &messages}, nil)
	if err == nil {
		t.Cleanup(j.Close)
	}
	return j, messages.String(), err
}

func TestWhatPromptsShowedIsKnownFromFlagsOrTheFilesBesideTheRows(t *testing.T) {
	shown := func(e dataset.Examples, given bool) dataset.Examples {
		e.Train = dataset.Train{Name: "train", Given: given}
		return e
	}
	here := dataset.Source{Dir: ".", Name: "test", Given: true}
	for _, c := range []struct {
		name    string
		options Options
		assumed string // what Assumed says
		copied  int
		said    string
	}{
		{"no flag, the files beside the rows", Options{Gold: "mrc-ner.test", Examples: shown(dataset.Examples{Num: 16}, false)}, "16 neighbours from each line of test.knn.jsonl", 2, ""},
		{"no flag, the source named", Options{Source: here, Examples: shown(dataset.Examples{Num: 1}, false)}, "1 neighbour from each line of test.knn.jsonl", 2, ""},
		{"no flag and no such file", Options{Source: here, Examples: shown(dataset.Examples{Num: 16, Name: "none"}, false)}, "", 0, ""},
		{"no flag, and a file of other rows", Options{Source: here, Examples: shown(dataset.Examples{Num: 16, Name: "long"}, false)}, "", 0, "long.knn.jsonl has more lines than mrc-ner.test has rows: entities that answers copied"},
		{"a flag", Options{Source: here, Examples: shown(dataset.Examples{Num: 16, Name: "long"}, true)}, "", 2, ""},
		{"none shown", Options{Gold: "mrc-ner.test", Examples: shown(dataset.Examples{}, true)}, "", 0, ""},
		{"no rows", Options{Examples: shown(dataset.Examples{Num: 16}, true)}, "", 0, ""},
	} {
		c.options.Files = []string{"r.jsonl"}
		j, said, err := join(t, t.Context(), c.options)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if err := j.Each(t.Context(), func(*annotate.Annotation) error { return nil }); err != nil {
			t.Error(err)
		}
		if j.Assumed != c.assumed || j.Notes.Copied != c.copied || !strings.Contains(said, c.said) || c.said == "" && said != "" {
			t.Errorf("%s: assumed %q, copied %d; %s", c.name, j.Assumed, j.Notes.Copied, said)
		}
	}
	_, _, err := join(t, t.Context(), Options{Files: []string{"r.jsonl"}, Source: here, Examples: shown(dataset.Examples{Num: 16, Name: "none"}, true)})
	if err == nil || !strings.Contains(fault.Hint(err), "--example-num 0") {
		t.Errorf("a flag that names no file: %v (%s)", err, fault.Hint(err))
	}
}

func TestWhatIsMissingIsFoundBeforeTheResultsAreRead(t *testing.T) {
	for name, o := range map[string]Options{
		"rows":            {Gold: "nowhere"},
		"earlier results": {LastResults: "nowhere"},
		"verdicts":        {Verdicts: []string{"r.jsonl", "nowhere"}},
	} {
		o.Files = []string{"no-results-either"}
		if _, _, err := join(t, t.Context(), o); err == nil || !strings.Contains(err.Error(), "nowhere") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestResultsOfFewerRowsSaySo(t *testing.T) {
	for name, c := range map[string]struct {
		options Options
		want    string
	}{
		"lines":              {Options{Files: []string{"r.txt"}}, "r.txt has 1 line for 2 rows"},
		"of the first row":   {Options{Files: []string{"r.txt"}, Total: 1}, "the results cover 1 of the 2 rows of mrc-ner.test"},
		"nothing to collect": {Options{Files: []string{os.DevNull}}, "no result records to collect"},
	} {
		c.options.Gold = "mrc-ner.test"
		_, said, err := join(t, t.Context(), c.options)
		if !strings.Contains(said+fmt.Sprint(err), c.want) {
			t.Errorf("%s: %s%v", name, said, err)
		}
	}
	interrupted, stop := context.WithCancel(t.Context())
	stop()
	if _, _, err := join(t, interrupted, Options{Files: []string{"r.jsonl"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestErrorsNameTheFlagsThatHelp(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{&collect.Error{Doubt: collect.TwoSizes, Err: errors.New("x")}, "--limit"},
		{&collect.Error{Doubt: collect.NotARow, Err: errors.New("x")}, "--total"},
		{&collect.Error{Doubt: collect.TooManyRows, Rows: 12, Err: errors.New("x")}, "--total 12"},
		{&collect.Error{Doubt: collect.NoSentences, Err: errors.New("x")}, "--source-name"},
		{&annotate.NoSentenceError{}, "--source-name"},
		{verify.ErrNoEntity, "--verdicts"},
		{&verify.StaleError{}, "--resume"},
		{errors.New("x"), ""},
	} {
		got := fault.Hint(explain(&fault.Error{File: "f", Line: 1, Err: c.err, Hint: "plain"}))
		if !strings.Contains(got, c.want) || c.want == "" && got != "plain" {
			t.Errorf("%v: %q", c.err, got)
		}
	}
	if explain(nil) != nil {
		t.Error("no error is explained")
	}
}
