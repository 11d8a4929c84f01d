package resume_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"nertools/pkg/record"
	"nertools/pkg/resume"
	"nertools/pkg/wire"
)

// rows are prompt records of a source, one for each word, each about the sentence of its word.
func rows(source string, words ...string) (lines [][]byte) {
	for i, w := range words {
		text := "Mark " + w
		lines = append(lines, record.AppendPrompt(nil, &record.Prompt{
			ID: record.NewID(source, i, []byte(text)), Index: i, Total: len(words), Label: "PER", Context: w, Text: text, Extra: `,"document":"` + record.Extra(source) + `"`,
		}))
	}
	return lines
}

func lines(prompts [][]byte) *record.Lines {
	return record.NewLines("prompts", bytes.NewReader(bytes.Join(prompts, nil)))
}

func TestAnAnswerToTheSameRequestIsReusedWhateverItsRow(t *testing.T) {
	b := builder(t, "m")
	old := rows("test", "Ada", "Bob", "Cyd")
	earlier := write(t, answer(t, b, old[0], nil), answer(t, b, old[1], failed), answer(t, b, old[2], nil))
	a := open(t, "")
	if err := a.Reuse([]string{earlier}); err != nil {
		t.Fatal(err)
	}
	asked := rows("dev", "Eve", "Cyd", "Ada", "Bob", "Cyd")
	next := a.Requests(lines(asked), b)
	for i, want := range []string{"", "answer 2", "answer 0", "", "answer 2"} {
		q, p, ok, err := next()
		if err != nil || ok != (want != "") || ok != p.Reused() {
			t.Fatalf("row %d: reused %v, %v", i, ok, err)
		}
		if !ok {
			continue
		}
		r, err := a.Read(&q, p)
		if err != nil || r.Output != want || r.ID != q.Row.ID || r.Index != i || r.Total != 5 || r.Request != q.Row.Request || r.Origin.Document != "dev" {
			t.Errorf("row %d: %+v, %v", i, r, err)
		}
	}
	if rows, _, err := rest(a, builder(t, "n"), asked); len(rows) != 5 || err != nil {
		t.Errorf("of another model: rows %v are left, %v", rows, err)
	}
}

func TestAnAnswerAboutAnotherSentenceOrLabelIsNotReused(t *testing.T) {
	b := builder(t, "m")
	prompt := func(label, context string) []byte {
		return record.AppendPrompt(nil, &record.Prompt{ID: record.NewID("test", 0, []byte("the same")), Label: label, Context: context, Text: "the same"})
	}
	a := open(t, "")
	if err := a.Reuse([]string{write(t, answer(t, b, prompt("PER", "Ada"), nil), answer(t, b, prompt("ORG", "Ada"), nil))}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		label, context string
		reused         int
	}{{"PER", "Ada", 1}, {"ORG", "Ada", 1}, {"LOC", "Ada", 0}, {"PER", "Bob", 0}, {"", "", 1}} {
		if _, answered, err := rest(a, b, [][]byte{prompt(c.label, c.context)}); answered != c.reused || err != nil {
			t.Errorf("%s in %q: %d reused, want %d; %v", c.label, c.context, answered, c.reused, err)
		}
	}
}

func TestTheOutputOfABatchIsReusedWithTheFileThatSaysHowItWasAsked(t *testing.T) {
	b := builder(t, "m")
	old := rows("test", "Ada")
	q, err := b.ParseRequest(bytes.TrimSpace(old[0]))
	if err != nil {
		t.Fatal(err)
	}
	output := write(t, []byte(`{"custom_id":"`+q.Row.ID+`","response":{"status_code":200,"body":{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}},"error":null}`+"\n"))
	input := write(t, wire.AppendRequestLine(nil, &q))
	for _, c := range []struct {
		files           []string
		reused, unknown int
	}{{[]string{output}, 0, 1}, {[]string{output, input}, 1, 0}} {
		a := open(t, "")
		if err := a.Reuse(c.files); err != nil {
			t.Fatal(err)
		}
		if _, answered, err := rest(a, b, rows("dev", "Ada")); answered != c.reused || a.Unknown() != c.unknown || err != nil {
			t.Errorf("%d files: %d reused, %d unknown, %v", len(c.files), answered, a.Unknown(), err)
		}
	}
}

func TestEarlierAnswersToOtherRequestsAreCountedAndNamed(t *testing.T) {
	b, n := builder(t, "m"), builder(t, "n")
	asked := rows("test", "Ada", "Bob", "Cyd", "Dan")
	model := func(r *record.Result) { r.Model = "m-1" }
	one := write(t, answer(t, b, asked[3], model))
	two := write(t, answer(t, b, asked[1], model), answer(t, n, asked[2], nil))
	a := open(t, "", one, two)
	_, _, err := rest(a, n, asked)
	d, ok := errors.AsType[*resume.DifferError](err)
	if !ok || d.Rows != 2 || d.Settings != 2 || d.Prompts != 0 || fmt.Sprint(d.Digests) != "["+b.Settings()+"]" || string(d.Line) != strings.TrimSpace(string(asked[1])) {
		t.Fatalf("got %+v", err)
	}
	if want := "2 rows were asked before from another model or with other settings (m-1): 1 in " + two + "; 1 in " + one; err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	// The input is whole again for those who keep them.
	a = open(t, "", one, two)
	a.KeepEarlier = true
	if rows, answered, err := rest(a, n, asked); fmt.Sprint(rows) != "[0]" || answered != 3 || err != nil {
		t.Errorf("rows %v are left, %d are answered, %v", rows, answered, err)
	}
	// Kept, an answer still says what it is the answer to.
	a = open(t, "", one)
	a.KeepEarlier = true
	next := a.Requests(lines(asked[3:]), n)
	q, p, _, err := next()
	if r, readErr := a.Read(&q, p); err != nil || readErr != nil || !strings.HasPrefix(r.Request, b.Settings()) {
		t.Errorf("%+v, %v, %v", r, err, readErr)
	}
}

// The results were written by ner-run as of commit d1b92f0, with its default model.
func TestResultsOfAnEarlierVersionCountForItsSettings(t *testing.T) {
	text, err := os.ReadFile("testdata/d1b92f0.prompts.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	asked := bytes.SplitAfter(text, []byte("\n"))
	then, err := wire.NewBuilder(wire.Settings{Model: "gpt-4o-mini", MaxTokens: 512})
	if err != nil {
		t.Fatal(err)
	}
	now, err := wire.NewBuilder(wire.Settings{Model: "gpt-6-luna", MaxTokens: 512})
	if err != nil {
		t.Fatal(err)
	}
	const file = "testdata/d1b92f0.results.jsonl"
	if rows, answered, err := rest(open(t, "", file), then, asked); fmt.Sprint(rows) != "[2]" || answered != 2 || err != nil {
		t.Errorf("with the settings of then, rows %v are left, %d are answered, %v", rows, answered, err)
	}
	_, _, err = rest(open(t, "", file), now, asked)
	if d, ok := errors.AsType[*resume.DifferError](err); !ok || d.Rows != 2 || d.Settings != 2 || d.Prompts != 0 || fmt.Sprint(d.Digests) != "["+then.Settings()+"]" {
		t.Errorf("with today's default: %+v", err)
	}
	a := open(t, "")
	if err := a.Reuse([]string{file}); err != nil {
		t.Fatal(err)
	}
	if _, answered, err := rest(a, then, asked); answered != 2 || err != nil {
		t.Errorf("%d are reused, %v", answered, err)
	}
}

func TestAnswersOfRowsThatHaveMovedAreNotKept(t *testing.T) {
	b := builder(t, "m")
	a := open(t, "", write(t, answers(t, b, rows("test", "Ada", "Bob"))...))
	a.KeepEarlier = true
	_, _, err := rest(a, b, rows("test", "Eve", "Ada", "Bob"))
	if d, ok := errors.AsType[*resume.DifferError](err); !ok || d.Sentences != 2 {
		t.Errorf("got %v", err)
	}
}

// A batch that was started earlier, with what is known of its rows.
func earlierBatch(b *wire.Builder, known bool, asked ...[]byte) resume.Sent {
	batch := resume.Sent{Name: "batch_1", Pending: true, Source: "test", Total: 3, Last: len(asked) - 1, Settings: b.Settings(), Model: "m"}
	batch.Rows = func(yield func(row int, id, request string)) bool {
		for _, line := range asked {
			if q, err := b.ParseRequest(bytes.TrimSpace(line)); err == nil && known {
				yield(q.Row.Index, q.Row.ID, q.Row.Request)
			}
		}
		return known
	}
	return batch
}

func TestRowsOfAnEarlierBatchAreNotAskedAgainInAnotherWay(t *testing.T) {
	b, n := builder(t, "m"), builder(t, "n")
	asked := rows("test", "Ada", "Bob", "Cyd")
	for _, known := range []bool{true, false} {
		for _, c := range []struct {
			name    string
			batches []resume.Sent
			now     *wire.Builder
			keep    bool
			want    string // the error, or the rows that are left
			same    string
		}{
			{"the same requests", []resume.Sent{earlierBatch(b, known, asked[:2]...)}, b, false, "[0 1 2]", "[2]"},
			{"another model", []resume.Sent{earlierBatch(b, known, asked[:2]...)}, n, false, "2 rows were asked before from another model or with other settings (m): 2 in batch_1, to be fetched", ""},
			{"another model, kept", []resume.Sent{earlierBatch(b, known, asked[:2]...)}, n, true, "[2]", "[0]"},
			{"one of two batches", []resume.Sent{earlierBatch(b, known, asked...), earlierBatch(n, known, asked...)}, n, false, "[0 1 2]", "[0 3]"},
		} {
			a := open(t, "")
			a.KeepEarlier = c.keep
			a.SetSent(c.batches)
			rows, _, err := rest(a, c.now, asked)
			got := fmt.Sprint(rows)
			if err != nil {
				got = err.Error()
			}
			if got != c.want || c.same != "" && fmt.Sprint(a.Same()) != c.same {
				t.Errorf("%s, rows known %v: got %s, same %v", c.name, known, got, a.Same())
			}
		}
	}
}

func TestABatchOfAnotherSourceOfTheSameNameIsNoEarlierBatch(t *testing.T) {
	b := builder(t, "m")
	asked := rows("test", "Ada", "Bob", "Cyd", "Dan") // one row more than the batch's source had
	for _, c := range []struct {
		name  string
		batch resume.Sent
		want  string
	}{
		{"other rows", earlierBatch(builder(t, "n"), true, rows("test", "Eve", "Fay", "Gil")...), "[0 1 2 3]"},
		{"other rows, one of them the same", earlierBatch(builder(t, "n"), true, rows("test", "Eve", "Bob", "Gil")...), "1 row was asked before"},
		{"unknown rows", earlierBatch(builder(t, "n"), false, asked[:3]...), "[0 1 2 3]"},
	} {
		a := open(t, "")
		a.SetSent([]resume.Sent{c.batch})
		rows, _, err := rest(a, b, asked)
		got := fmt.Sprint(rows)
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// A slow input, whose rows come one by one: how many were read is in n.
type slow struct {
	lines [][]byte
	n     int
}

func (s *slow) Read(p []byte) (int, error) {
	if s.n == len(s.lines) {
		return 0, io.EOF
	}
	s.n++
	return copy(p, s.lines[s.n-1]), nil
}

func TestTheFirstRequestWaitsForNoMoreThanTheRowsWithAnswers(t *testing.T) {
	b := builder(t, "m")
	asked := rows("test", "Ada", "Bob", "Cyd", "Dan")
	a := open(t, "", write(t, answer(t, b, asked[1], nil)))
	in := &slow{lines: asked}
	next := a.Requests(record.NewLines("prompts", in), b)
	if q, _, _, err := next(); q.Row.Index != 0 || err != nil || in.n != 2 {
		t.Errorf("row %d after %d lines were read, %v", q.Row.Index, in.n, err)
	}
	for i := 1; i < 4; i++ {
		if q, _, ok, err := next(); q.Row.Index != i || ok != (i == 1) || err != nil {
			t.Errorf("row %d: %+v, %v", i, q.Row, err)
		}
	}
	if _, _, _, err := next(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}
