package resume_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nertools/pkg/record"
	"nertools/pkg/resume"
	"nertools/pkg/wire"
)

// builder makes requests to a model.
func builder(t *testing.T, model string) *wire.Builder {
	t.Helper()
	b, err := wire.NewBuilder(wire.Settings{Model: model, MaxTokens: 64})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// prompts are n prompt records of a source; words makes other prompts of the same rows.
func prompts(source, words string, n int) (lines [][]byte) {
	for i := range n {
		text := fmt.Sprintf("%s %d", words, i)
		lines = append(lines, record.AppendPrompt(nil, &record.Prompt{ID: record.NewID(source, i, []byte(text)), Index: i, Total: n, Text: text}))
	}
	return lines
}

// answer is the result of a prompt as a run writes it; change makes another of it.
func answer(t *testing.T, b *wire.Builder, prompt []byte, change func(*record.Result)) []byte {
	t.Helper()
	q, err := b.ParseRequest(bytes.TrimSpace(prompt))
	if err != nil {
		t.Fatal(err)
	}
	r := q.Row
	r.Output, r.FinishReason = fmt.Sprintf("answer %d", r.Index), "stop"
	if change != nil {
		change(&r)
	}
	return record.AppendResult(nil, &r)
}

func answers(t *testing.T, b *wire.Builder, prompts [][]byte) (lines [][]byte) {
	t.Helper()
	for _, p := range prompts {
		lines = append(lines, answer(t, b, p, nil))
	}
	return lines
}

func failed(r *record.Result) {
	r.Output, r.FinishReason, r.Failure = "", "", &record.Failure{Class: record.Server, Message: "broken"}
}

// write writes lines, or parts of such, into a new file.
func write(t *testing.T, lines ...[]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "earlier.jsonl")
	if err := os.WriteFile(path, bytes.Join(lines, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, own string, paths ...string) *resume.Answers {
	t.Helper()
	a, err := resume.Open(nil, own, paths)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// rest returns the rows of the prompts that are still to be asked, and how many are not.
func rest(a *resume.Answers, b *wire.Builder, prompts [][]byte) (rows []int, answered int, err error) {
	next := a.Rest(record.NewLines("prompts", bytes.NewReader(bytes.Join(prompts, nil))), b, func(*wire.Request, resume.Place) error {
		answered++
		return nil
	})
	for {
		q, err := next()
		if err == io.EOF {
			return rows, answered, nil
		}
		if err != nil {
			return rows, answered, err
		}
		rows = append(rows, q.Row.Index)
	}
}

func TestWhatIsAnsweredIsNotAskedAgainAndItsAnswerIsReadFromItsFile(t *testing.T) {
	b := builder(t, "m")
	asked := prompts("test", "Mark", 6)
	done := answers(t, b, asked)
	first := write(t, done[0], answer(t, b, asked[1], failed))
	second := write(t, bytes.TrimSuffix(done[2], []byte("\n")), done[3], done[4][:40]) // two on a line, and a torn one
	a := open(t, "", first, second)
	if a.Unsigned() != 0 {
		t.Errorf("%d unsigned", a.Unsigned())
	}
	if d := a.Damage(); len(d) != 1 || d[0].File != second || d[0].Mended != 1 || d[0].Torn != 2 || d[0].Broken != 0 {
		t.Errorf("damage %+v", d)
	}
	rows, answered, err := rest(a, b, asked)
	if fmt.Sprint(rows) != "[1 4 5]" || answered != 3 || err != nil {
		t.Errorf("rows %v are left, %d are answered, %v", rows, answered, err)
	}
	next := a.Requests(record.NewLines("prompts", bytes.NewReader(bytes.Join(asked, nil))), b)
	for i := range asked {
		q, p, ok, err := next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			continue
		}
		if r, err := a.Read(&q, p); err != nil || r.Output != fmt.Sprintf("answer %d", i) {
			t.Errorf("row %d: read %+v, %v", i, r, err)
		}
		if _, _, own := p.Own(); own {
			t.Errorf("row %d is in a file that nobody appends to", i)
		}
	}
	if _, _, _, err := next(); err != io.EOF {
		t.Errorf("after the last: %v", err)
	}
}

func TestAnAnswerInTheFileThatIsAppendedToCountsBeforeOthers(t *testing.T) {
	b := builder(t, "m")
	asked := prompts("test", "Mark", 3)
	done := answers(t, b, asked)
	own := write(t, answer(t, b, asked[0], failed), done[1])
	other := write(t, done...)
	a := open(t, own, other, own)
	next := a.Requests(record.NewLines("prompts", bytes.NewReader(bytes.Join(asked, nil))), b)
	for i, want := range []bool{false, true, false} {
		_, p, ok, err := next()
		at, size, got := p.Own()
		if err != nil || !ok || got != want {
			t.Errorf("row %d: answered %v, in the own file %v, %v", i, ok, got, err)
		}
		if text, err := os.ReadFile(own); want && (err != nil || string(text[at:at+int64(size)])+"\n" != string(done[i])) {
			t.Errorf("row %d: in the own file stands %q, %v", i, text[at:at+int64(size)], err)
		}
	}
}

func TestTheFileThatIsAppendedToNeedNotBeThereButMayHoldNothingElse(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none.jsonl")
	b := builder(t, "m")
	asked := prompts("test", "Mark", 2)
	wantLeft := func(what string, a *resume.Answers, want string) {
		t.Helper()
		if rows, _, err := rest(a, b, asked); fmt.Sprint(rows) != want || err != nil {
			t.Errorf("%s: rows %v are left, want %s; %v", what, rows, want, err)
		}
	}
	wantLeft("no file", open(t, missing, missing), "[0 1]")
	if _, err := resume.Open(nil, "", []string{missing}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("another file that is not there: %v", err)
	}
	done := answers(t, b, asked)
	torn := write(t, done[0], done[1][:50])
	wantLeft("beside a torn line", open(t, torn, torn), "[1]")
	broken := write(t, done[0], []byte("notes\n"), done[1])
	_, err := resume.Open(nil, broken, []string{broken})
	if _, ok := errors.AsType[*resume.OwnError](err); !ok || !strings.Contains(fmt.Sprint(err), ":2: ") {
		t.Errorf("a line of another kind: %v", err)
	}
	wantLeft("around a broken line of another file", open(t, "", broken), "[]")
}

func TestAnswersToSomethingElseAreRefused(t *testing.T) {
	b := builder(t, "m")
	asked := prompts("test", "Mark", 4)
	own := func(lines ...[]byte) func(*testing.T) *resume.Answers {
		return func(t *testing.T) *resume.Answers { path := write(t, lines...); return open(t, path, path) }
	}
	other := func(lines ...[]byte) func(*testing.T) *resume.Answers {
		return func(t *testing.T) *resume.Answers { return open(t, "", write(t, lines...)) }
	}
	failure := answer(t, b, asked[0], failed)
	for _, c := range []struct {
		name    string
		earlier func(*testing.T) *resume.Answers
		model   string
		prompts [][]byte
		want    string // "" for no error
		total   bool   // only the number of rows differs
	}{
		{"the same", own(answers(t, b, asked)...), "m", asked, "", false},
		{"another source", other(answers(t, b, asked)...), "m", prompts("dev", "Mark", 4), `of source "test", these prompts of "dev"`, false},
		{"sentences instead of rows", other(answers(t, b, asked)...), "m", prompts("test.sentence", "Mark", 4), "about single labels, these prompts about whole sentences", false},
		{"rows instead of sentences", other(answers(t, b, prompts("test.sentence", "Mark", 4))...), "m", asked, "about whole sentences, these prompts about single labels", false},
		{"another size, own file", own(answers(t, b, asked)...), "m", prompts("test", "Mark", 5), "for a source of 4 rows, these prompts for one of 5", true},
		{"another size, another file", other(answers(t, b, asked)...), "m", prompts("test", "Mark", 5), "", false},
		{"another prompt", other(answers(t, b, asked)...), "m", prompts("test", "Find", 4), "4 rows were asked before with another prompt: 4 in ", false},
		{"another prompt that failed, own file", own(failure), "m", prompts("test", "Find", 4), "row 0 failed with another prompt", true},
		{"another prompt that failed, another file", other(failure), "m", prompts("test", "Find", 4), "", false},
		{"another model", other(answers(t, b, asked)...), "n", asked, "4 rows were asked before from another model or with other settings: 4 in ", false},
		{"another model, for other rows of the own file", own(answers(t, b, asked[:2])...), "n", asked[2:], "2 rows were asked before from another model", false},
		{"not told how", other(answer(t, b, asked[0], func(r *record.Result) { r.Request = "" })), "n", asked, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := rest(c.earlier(t), builder(t, c.model), c.prompts)
			mixed, ok := errors.AsType[*resume.MixError](err)
			_, differ := errors.AsType[*resume.DifferError](err)
			if c.want == "" && err != nil || c.want != "" && (!ok && !differ || !strings.Contains(err.Error(), c.want) || ok && mixed.Total != c.total) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestResultsThatContradictEachOtherAreNotTakenOver(t *testing.T) {
	b := builder(t, "m")
	one, two := answers(t, b, prompts("test", "Mark", 2)), answers(t, b, prompts("test", "Find", 2))
	for _, c := range []struct {
		name  string
		own   bool
		lines [][]byte
		want  string
	}{
		{"two sources", false, [][]byte{one[0], answers(t, b, prompts("dev", "Mark", 2))[1]}, `results of source "dev" among those of "test"`},
		{"two prompts", false, [][]byte{one[0], two[0]}, "row 0: answers to two different prompts"},
		{"two sizes, own file", true, [][]byte{one[0], answers(t, b, prompts("test", "Mark", 3))[1]}, "a result from a source of 3 rows among those from a source of 2"},
	} {
		path, own := write(t, c.lines...), ""
		if c.own {
			own = path
		}
		a, err := resume.Open(nil, own, []string{path})
		if err == nil {
			a.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), path+":2: ") {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

func TestLinesOfABatchAreTakenOverAsAnswersThatDoNotTellHowTheyWereAsked(t *testing.T) {
	b := builder(t, "m")
	asked := prompts("test", "Mark", 2)
	q, err := b.ParseRequest(bytes.TrimSpace(asked[0]))
	if err != nil {
		t.Fatal(err)
	}
	line := `{"custom_id":"` + q.Row.ID + `","response":{"status_code":200,"body":{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}},"error":null}`
	a := open(t, "", write(t, []byte(line+"\n")))
	rows, answered, err := rest(a, b, asked)
	if fmt.Sprint(rows) != "[1]" || answered != 1 || a.Unsigned() != 1 || err != nil {
		t.Errorf("rows %v are left, %d are answered, %d unsigned, %v", rows, answered, a.Unsigned(), err)
	}
}

func TestALineThatIsNoPromptIsNamed(t *testing.T) {
	a := open(t, "")
	_, _, err := rest(a, builder(t, "m"), [][]byte{prompts("test", "Mark", 1)[0], []byte("notes\n")})
	if err == nil || !strings.HasPrefix(err.Error(), "prompts:2: ") {
		t.Errorf("got %v", err)
	}
}
