package prompt_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/catalog"
	"nertools/pkg/fault"
	"nertools/pkg/mrc"
	"nertools/pkg/prompt"
	"nertools/pkg/record"
)

const news = "../../examples/news"

func parse(t testing.TB, text string) *prompt.Template {
	t.Helper()
	tmpl, err := prompt.ParseTemplate("test.tmpl", text)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func openRows(t testing.TB, path string) *mrc.File {
	t.Helper()
	f, err := mrc.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func openNeighbours(t testing.TB, path string, rows, train int) *mrc.Neighbours {
	t.Helper()
	k, err := mrc.OpenNeighbours(path, rows, train)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

// fill completes a job: the default template, and the sample data where it has
// no rows of its own.
func fill(t testing.TB, job *prompt.Plan) {
	t.Helper()
	if job.Template == nil {
		job.Template = parse(t, prompt.MarkupTemplates[0])
	}
	if job.Labels.Name == "" {
		var err error
		if job.Labels, err = catalog.Builtin().DataSet("CONLL"); err != nil {
			t.Fatal(err)
		}
	}
	if job.Rows == nil {
		job.Source = "test"
		job.Rows = openRows(t, mrc.Path(news, "test"))
		if job.Examples > 0 {
			job.Train = openRows(t, mrc.Path(news, "train"))
			job.Neighbours = openNeighbours(t, news+"/test.knn.jsonl", job.Total(), job.Train.Len())
		}
	}
}

// write fills and runs the job, and returns what it writes.
func write(t testing.TB, job *prompt.Plan) []byte {
	t.Helper()
	fill(t, job)
	var out bytes.Buffer
	if _, err := job.Write(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func records(t testing.TB, out []byte) (list []record.Prompt) {
	t.Helper()
	for line := range bytes.Lines(out) {
		p, err := record.ParsePrompt(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}

// row is a row of an MRC file.
type row struct {
	Context string `json:"context"`
	Label   string `json:"entity_label"`
	Start   []int  `json:"start_position"`
	End     []int  `json:"end_position"`
}

func writeFile(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// writeRows makes an MRC file with one row a line, the first on line 2.
func writeRows(t testing.TB, rows []row) string {
	t.Helper()
	lines := make([]string, len(rows))
	for i, r := range rows {
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		lines[i] = string(data)
	}
	return writeFile(t, "mrc-ner.made", "[\n"+strings.Join(lines, ",\n")+"\n]\n")
}

// files makes a job of rows with each of the contexts and labels, which are
// their own training rows: each shows itself and the one before it.
func files(t testing.TB, contexts, labels []string) prompt.Plan {
	t.Helper()
	var rows []row
	var knn strings.Builder
	for _, c := range contexts {
		for _, l := range labels {
			fmt.Fprintf(&knn, "[%d, %d]\n", len(rows), max(len(rows)-1, 0))
			r := row{Context: c, Label: l}
			if tokens := strings.Fields(c); len(tokens) > 1 && l == labels[0] {
				r.Start, r.End = []int{0}, []int{1}
			}
			rows = append(rows, r)
		}
	}
	job := prompt.Plan{Source: "made", Examples: 2, Rows: openRows(t, writeRows(t, rows))}
	job.Train = job.Rows
	job.Neighbours = openNeighbours(t, writeFile(t, "made.knn.jsonl", knn.String()), len(rows), len(rows))
	return job
}

// nasty holds contexts that something on the way might take for its own.
var nasty = []string{
	"{{.Label}} {{end}} {{", "%s %d %! %%", "$1 ${name} $$ \\1", "<b> & </b> &amp; \"quoted\" 'x'", "a\u2028b \u2029 \u00a0 c",
	"  leading and trailing  ", "@@ marked ## @@x## #@", "tab\tand\nline\r\nbreaks", "back\\slash \\n \\u0041", "Zürich 東京 🙂 e\u0301", "", " ", "\x00 \x7f \ufffd", "]}\"",
}

func TestNothingIsTrimmedEscapedOrInterpretedTwice(t *testing.T) {
	for _, extra := range []string{"", noOp} {
		job := files(t, nasty, []string{"PER", "LOC"})
		job.Template = parse(t, `{{define "instruction"}}`+extra+`{{end}}{{define "example"}}[{{.Context}}]`+extra+`{{end}}{{define "query"}}[{{.Context}}]`+extra+`{{end}}`)
		out := write(t, &job)
		list := records(t, out)
		if len(list) != 2*len(nasty) {
			t.Fatalf("%d records, want %d", len(list), 2*len(nasty))
		}
		for i, p := range list {
			want := "[" + nasty[i/2] + "][" + nasty[max(i-1, 0)/2] + "][" + nasty[i/2] + "]"
			if p.Text != want || p.Context != nasty[i/2] {
				t.Errorf("row %d is %q, want %q", i, p.Text, want)
			}
		}
		for _, s := range []string{"<b> & </b> &amp;", "a\u2028b \u2029 \u00a0 c", "Zürich 東京 🙂"} {
			if !bytes.Contains(out, []byte(s)) {
				t.Errorf("%q does not stand in the line as it is", s)
			}
		}
	}
}

func TestADemonstrationShowsItsTokensJoinedBySingleSpacesAndItsSpansWrapped(t *testing.T) {
	contexts := []string{"Ada  wrote to\tBob Li .", "Ada wrote to Bob Li .", " a\u00a0b\x1fc\u3000d e ", "a\u200bb c d e f"}
	rows := []row{
		{contexts[0], "PER", []int{3, 0}, []int{4, 0}},
		{contexts[1], "PER", []int{3, 0, 4, 0, 5, 7}, []int{4, 0, 4, 0, 4, 7}},
		{contexts[2], "PER", []int{1}, []int{3}},
		{contexts[3], "PER", []int{0}, []int{0}},
		{contexts[0], "PER", nil, nil},
		{contexts[2], "PER", nil, nil},
	}
	marked := []string{
		"@@Ada## wrote to @@Bob Li## .", "@@Ada## wrote to @@Bob Li## .", "a @@b c d## e", "@@a\u200bb## c d e f",
		"Ada wrote to Bob Li .", "a b c d e",
	}
	entities := []string{"[Ada Bob Li]", "[Ada Bob Li]", "[b c d]", "[a\u200bb]", "[]", "[]"}
	lists := []string{`["Ada","Bob Li"]`, `["Ada","Bob Li"]`, `["b c d"]`, "[\"a\u200bb\"]", "[]", "[]"}
	path := writeRows(t, rows)
	job := prompt.Plan{Source: "made", Examples: 6, Limit: 1, Rows: openRows(t, path), Train: openRows(t, path)}
	job.Neighbours = openNeighbours(t, writeFile(t, "made.knn.jsonl", "[0, 1, 2, 3, 4, 5]\n"), 1, len(rows))

	job.Template = parse(t, `{{define "instruction"}}{{end}}{{define "example"}}{{.Marked}}|{{end}}{{define "query"}}{{end}}`)
	if got, want := records(t, write(t, &job))[0].Text, strings.Join(marked, "|")+"|"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	job.Template = parse(t, `{{define "instruction"}}{{end}}{{define "example"}}{{.JSON}}|{{end}}{{define "query"}}{{.JSON}}{{end}}`)
	if got, want := records(t, write(t, &job))[0].Text, strings.Join(lists, "|")+"|"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	job.Template = parse(t, `{{define "instruction"}}{{end}}{{define "example"}}{{.Number}} {{.Marked}} {{.Entities}} {{.JSON}}|{{end}}{{define "query"}}{{.Number}}{{.Marked}}{{.Entities}}{{.JSON}}{{end}}`)
	var want strings.Builder
	for i := range marked {
		fmt.Fprintf(&want, "%d %s %s %s|", i+1, marked[i], entities[i], lists[i])
	}
	want.WriteString("0[]")
	if got := records(t, write(t, &job))[0].Text; got != want.String() {
		t.Errorf("got  %q\nwant %q", got, want.String())
	}
}

// reference makes a prompt in a wording of its own by joining strings, and
// shares nothing with the code under test.
func reference(train []row, neighbours []int, asked row, set string, label catalog.Label) string {
	s := "Some " + set + " sentences follow, " + fmt.Sprint(len(neighbours)) + " of them with the answer; we look for: " + label.Name + ".\n"
	if label.Description != "" {
		s += "  (" + label.Description + ")\n"
	}
	for i, n := range neighbours {
		r := train[n]
		words := strings.Fields(r.Context)
		var found []string
		for k := range r.Start {
			found = append(found, strings.Join(words[r.Start[k]:r.End[k]+1], " "))
			words[r.Start[k]] = "@@" + words[r.Start[k]]
			words[r.End[k]] += "##"
		}
		s += fmt.Sprint(i+1) + ") text: " + r.Context + "\n"
		s += "  answer: "
		if len(found) == 0 {
			s += " " // the oddity of this wording
		}
		s += strings.Join(words, " ") + "\n"
		s += "  that is: " + strings.Join(found, "; ") + " [" + asked.Label + "]\n\n"
	}
	return s + "text: " + asked.Context + "\n  answer: "
}

const referenceTemplate = `{{/* the wording of reference */}}
{{define "instruction" -}}
Some {{.DataName}} sentences follow, {{.Examples}} of them with the answer; we look for: {{.Name}}.
{{with .Description}}  ({{.}})
{{end}}{{end}}

{{define "example"}}{{.Number}}) text: {{.Context}}
  answer: {{if not .Entities}} {{end}}{{.Marked}}
  that is: {{range $i, $e := .Entities}}{{if $i}}; {{end}}{{$e}}{{end}} [{{.Label}}]

{{end}}

{{define "query"}}text: {{.Context}}
  answer: {{end}}
`

func readJSON[T any](t testing.TB, path string) (list []T) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for dec := json.NewDecoder(bytes.NewReader(data)); dec.More(); {
		var v T
		if err := dec.Decode(&v); err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	return list
}

func TestATemplateGivesAReferenceWordingByteForByte(t *testing.T) {
	train, test := readJSON[[]row](t, mrc.Path(news, "train"))[0], readJSON[[]row](t, mrc.Path(news, "test"))[0]
	neighbours := readJSON[[]int](t, news+"/test.knn.jsonl")
	set, err := catalog.Builtin().DataSet("CONLL")
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string]bool{}
	for _, r := range test {
		labels[r.Label] = true
	}
	for _, n := range []int{0, 1, 16, 100} {
		list := records(t, write(t, &prompt.Plan{Template: parse(t, referenceTemplate), Examples: n}))
		if len(list) != len(test) {
			t.Fatalf("%d prompts for %d rows", len(list), len(test))
		}
		for i, p := range list {
			shown := neighbours[i][:min(n, len(neighbours[i]))]
			label, err := set.Label(test[i].Label)
			if err != nil {
				t.Fatal(err)
			}
			text := reference(train, shown, test[i], "CONLL", label)
			want := record.Prompt{
				ID: record.NewID("test", i, []byte(text)), Index: i, Total: len(test), Label: test[i].Label, Context: test[i].Context,
				Origin: record.Origin{Sentence: strconv.Itoa(i / len(labels))}, Text: text, Examples: shown,
			}
			if len(shown) == 0 {
				want.Examples = nil
			}
			if d := cmp.Diff(want, p); d != "" {
				t.Fatalf("%d demonstrations, row %d: %s", n, i, d)
			}
		}
	}
}

func TestTheDefaultWordingNamesTheDataSetAndShowsWhatItTellsAbout(t *testing.T) {
	list := records(t, write(t, &prompt.Plan{Examples: 2, Limit: 1}))
	text := list[0].Text
	for _, want := range []string{
		"data set CONLL. Entity type: person. ",
		"\nMarked: Prime Minister @@Ingrid Solheim## will meet ",
		"\n\nSentence: " + list[0].Context + "\nMarked:",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if !strings.HasSuffix(text, "Marked:") || strings.Count(text, "Sentence: ") != 3 {
		t.Errorf("want two demonstrations and a question without an answer:\n%s", text)
	}
}

func TestRecordsAreTheSameOnAnyNumberOfCores(t *testing.T) {
	contexts := make([]string, 400)
	for i := range contexts {
		contexts[i] = fmt.Sprintf("Sentence %d of %s .", i, strings.Repeat("word ", i%7))
	}
	made := files(t, contexts, []string{"PER", "LOC", "ORG"})
	for _, job := range []prompt.Plan{{Examples: 16}, made} {
		fill(t, &job)
		var first []byte
		for _, cores := range []int{1, 4, 2, 4} {
			before := runtime.GOMAXPROCS(cores)
			out := write(t, &job)
			runtime.GOMAXPROCS(before)
			if first == nil {
				first = out
			}
			if !bytes.Equal(out, first) {
				t.Fatalf("%d cores give other bytes than 1", cores)
			}
		}
		for i, p := range records(t, first) {
			if p.Index != i || p.Total != job.Rows.Len() || p.ID != record.NewID(job.Source, i, []byte(p.Text)) {
				t.Fatalf("record %d is %s, row %d of %d", i, p.ID, p.Index, p.Total)
			}
		}
	}
}

func TestNearestLastShowsTheSameDemonstrationsInReverse(t *testing.T) {
	tmpl := parse(t, `{{define "instruction"}}{{end}}{{define "example"}}{{.Number}} {{.Context}}
{{end}}{{define "query"}}{{end}}`)
	first := records(t, write(t, &prompt.Plan{Template: tmpl, Examples: 5}))
	last := records(t, write(t, &prompt.Plan{Template: tmpl, Examples: 5, NearestLast: true}))
	for i, want := range first {
		got := last[i]
		slices.Reverse(want.Examples)
		if d := cmp.Diff(want.Examples, got.Examples); d != "" {
			t.Fatalf("row %d: %s", i, d)
		}
		// Demonstrations are numbered in the order in which they are shown.
		before, after := strings.Split(want.Text, "\n"), strings.Split(got.Text, "\n")
		for n := range 5 {
			if context, _ := strings.CutPrefix(before[4-n], fmt.Sprint(5-n)); after[n] != fmt.Sprint(n+1)+context {
				t.Fatalf("row %d: demonstration %d is %q", i, n, after[n])
			}
		}
	}
}

func TestLimitEndsTheSourceThere(t *testing.T) {
	whole := records(t, write(t, &prompt.Plan{Examples: 3}))
	for _, limit := range []int{1, 63, 64, 65, 148, 1000} {
		// The kNN file is opened for as many rows alone.
		job := prompt.Plan{Examples: 3, Limit: limit}
		list := records(t, write(t, &job))
		n := min(limit, len(whole))
		if job.Total() != n || len(list) != n {
			t.Fatalf("limit %d: total %d, %d prompts, want %d", limit, job.Total(), len(list), n)
		}
		for i := range list {
			want := whole[i]
			want.Total = n
			if d := cmp.Diff(want, list[i]); d != "" {
				t.Fatalf("limit %d, row %d: %s", limit, i, d)
			}
		}
	}
}

func TestOnlyWantedRowsAreWrittenAndAsTheyWouldBeAmongAll(t *testing.T) {
	whole := bytes.SplitAfter(write(t, &prompt.Plan{Examples: 3}), []byte("\n"))
	for name, wanted := range map[string]func(int) bool{
		"none": func(int) bool { return false },
		"few":  func(i int) bool { return i%50 == 3 },
		"most": func(i int) bool { return i%50 != 3 },
		"one":  func(i int) bool { return i == 147 },
	} {
		var want []byte
		n := 0
		for i, line := range whole {
			if len(line) > 0 && wanted(i) {
				want = append(want, line...)
				n++
			}
		}
		job := prompt.Plan{Examples: 3, Wanted: wanted}
		fill(t, &job)
		var out bytes.Buffer
		report, err := job.Write(t.Context(), &out)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Bytes(), want) || report.Prompts != n {
			t.Errorf("%s: %d bytes and a report of %d prompts, want %d bytes and %d", name, out.Len(), report.Prompts, len(want), n)
		}
	}
}

func TestALabelThatTheCatalogueLacksStopsBeforeTheFirstRecord(t *testing.T) {
	rows := make([]row, 300)
	for i := range rows {
		rows[i] = row{Context: "a", Label: "per"}
	}
	rows[222].Label = "VEHICLE"
	path := writeRows(t, rows)
	job := prompt.Plan{Source: "made", Rows: openRows(t, path)}
	fill(t, &job)
	var out bytes.Buffer
	_, err := job.Write(t.Context(), &out)
	want := path + `:224: row 222: data set CONLL has no label "VEHICLE" (known: `
	if _, ok := errors.AsType[*catalog.UnknownLabelError](err); !ok || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	if out.Len() > 0 {
		t.Errorf("%d bytes were written", out.Len())
	}
	job.Limit = 222 // as if the file ended in front of it
	if list := records(t, write(t, &job)); len(list) != 222 || list[0].Label != "per" || !strings.Contains(list[0].Text, "person") {
		t.Errorf("%d prompts, the first one for %q", len(list), list[0].Label)
	}
}

func TestTheReportNamesMendedRowsAndOtherLabelsOnce(t *testing.T) {
	rows := make([]row, 200)
	var knn strings.Builder
	for i := range rows {
		rows[i] = row{"a b c d e", "PER", []int{1}, []int{2}}
		if i%2 == 1 {
			rows[i].Label = "LOC"
		}
		fmt.Fprintf(&knn, "[%d, 0, 40, 64]\n", i)
	}
	rows[0].Start = []int{4}                              // ends before it starts
	rows[40] = row{"a b c", "PER", []int{1, 0}, []int{1}} // a start without an end
	rows[63].End = []int{9}                               // beyond the sentence
	rows[64].Context = "a b c d"                          // as it should be
	rows[133] = row{Context: "a b", Label: "LOC", End: []int{0}}
	rows[199].Start, rows[199].End = []int{3, 1}, []int{3, 2}
	path := writeRows(t, rows)
	job := prompt.Plan{Source: "made", Examples: 3, Rows: openRows(t, path), Train: openRows(t, path)}
	job.Neighbours = openNeighbours(t, writeFile(t, "made.knn.jsonl", knn.String()), len(rows), len(rows))
	fill(t, &job)
	report, err := job.Write(t.Context(), new(bytes.Buffer))
	if err != nil {
		t.Fatal(err)
	}
	// Each LOC row shows two PER rows.
	if d := cmp.Diff(prompt.Stats{Prompts: 200, OtherLabel: 200, Leaking: 200, Mended: []int{0, 40, 63, 133, 199}}, report); d != "" {
		t.Error(d)
	}
	for row, want := range map[int]string{
		0: "left out 1 span not in the sentence", 40: "left out 1 span not in the sentence", 199: "spans not in order", 64: "",
	} {
		if got, err := prompt.Mending(job.Train, row); got != want || err != nil {
			t.Errorf("row %d: %q, %v, want %q", row, got, err, want)
		}
	}
	job.Wanted = func(i int) bool { return i == 2 }
	if report, err = job.Write(t.Context(), new(bytes.Buffer)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(prompt.Stats{Prompts: 1, Leaking: 1, Mended: []int{0, 40}}, report); d != "" {
		t.Errorf("rows that are not shown are reported: %s", d)
	}
}

func TestMendingTellsAllThatWasWrongWithARow(t *testing.T) {
	path := writeRows(t, []row{
		{"a b c d e", "PER", []int{3, 0, 0, 1, 9, 2}, []int{4, 2, 2, 1, 9, 1}},
		{"a b c d e", "PER", []int{0, 0}, []int{2, 2}},
		{"a b c d e", "PER", []int{0, 1}, []int{2, 1}},
		{"a b c d e", "PER", []int{0}, []int{0}},
	})
	f := openRows(t, path)
	for i, want := range []string{
		"spans not in order, left out 1 span inside or across a longer one, left out 1 span given twice, left out 2 spans not in the sentence",
		"left out 1 span given twice", "left out 1 span inside or across a longer one", "",
	} {
		if got, err := prompt.Mending(f, i); got != want || err != nil {
			t.Errorf("row %d: %q, %v, want %q", i, got, err, want)
		}
	}
}

// fullAfter takes n writes and then none.
type fullAfter struct {
	n   int
	err error
}

func (w *fullAfter) Write(p []byte) (int, error) {
	if w.n--; w.n < 0 {
		return 0, w.err
	}
	return len(p), nil
}

func TestTheWritersErrorEndsTheJob(t *testing.T) {
	full := errors.New("disk full")
	for _, n := range []int{0, 1, 2} {
		job := prompt.Plan{Examples: 3}
		fill(t, &job)
		if _, err := job.Write(t.Context(), &fullAfter{n, full}); !errors.Is(err, full) {
			t.Errorf("after %d writes: %v, want %v", n, err, full)
		}
	}
}

// writerFunc is a function as a writer.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestACancelledJobEnds(t *testing.T) {
	contexts := make([]string, 20_000)
	for i := range contexts {
		contexts[i] = "Ada wrote ."
	}
	job := files(t, contexts, []string{"PER"})
	fill(t, &job)
	ctx, cancel := context.WithCancel(t.Context())
	lines := 0
	_, err := job.Write(ctx, writerFunc(func(p []byte) (int, error) {
		cancel()
		lines += bytes.Count(p, []byte("\n"))
		return len(p), nil
	}))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if lines == 0 || lines == len(contexts) {
		t.Errorf("%d of %d lines were written", lines, len(contexts))
	}
}

func TestEachInstructionIsThatOfItsLabelAndCount(t *testing.T) {
	var rows []row
	var knn strings.Builder
	for i := range 400 {
		rows = append(rows, row{Context: fmt.Sprint("sentence ", i), Label: []string{"PER", "LOC", "ORG", "per"}[i%4]})
		fmt.Fprintln(&knn, strings.ReplaceAll(fmt.Sprint([]int{1, 2, 3, 4, 5, 6}[:i%7%6]), " ", ","))
	}
	path := writeRows(t, rows)
	for _, c := range []struct {
		instruction string
		want        func(i, shown int) string
	}{
		{"{{.Label}} {{.Examples}}|", func(i, shown int) string { return fmt.Sprintf("%s %d|", rows[i].Label, shown) }},
		{"{{.Label}}|", func(i, _ int) string { return rows[i].Label + "|" }},
		{"{{.Context}} {{.Examples}}|", func(i, shown int) string { return fmt.Sprintf("%s %d|", rows[i].Context, shown) }},
		{"{{.Context}}|", func(i, _ int) string { return rows[i].Context + "|" }},
		{"{{with $}}{{.Context}}{{end}}|", func(i, _ int) string { return rows[i].Context + "|" }},
		{`{{template "query" .}}|`, func(i, _ int) string { return rows[i].Context + "|" }},
	} {
		job := prompt.Plan{Source: "made", Examples: 4, Rows: openRows(t, path), Train: openRows(t, path)}
		job.Neighbours = openNeighbours(t, writeFile(t, "made.knn.jsonl", knn.String()), len(rows), len(rows))
		job.Template = parse(t, `{{define "instruction"}}`+c.instruction+`{{end}}{{define "example"}}x{{end}}{{define "query"}}{{.Context}}{{end}}`)
		for i, p := range records(t, write(t, &job)) {
			shown := min(i%7%6, 4)
			want := c.want(i, shown) + strings.Repeat("x", shown) + rows[i].Context
			if p.Text != want || len(p.Examples) != shown {
				t.Fatalf("%s: row %d is %q with %v, want %q", c.instruction, i, p.Text, p.Examples, want)
			}
		}
	}
}

func TestATemplateThatFailsOnARowNamesItsPlaceAndTheRow(t *testing.T) {
	job := prompt.Plan{Examples: 1, Template: parse(t, `{{define "instruction"}}{{end}}
{{define "example"}}
{{index .Entities 0}}{{end}}
{{define "query"}}{{end}}`)}
	fill(t, &job)
	_, err := job.Write(t.Context(), new(bytes.Buffer))
	if err == nil || !strings.HasPrefix(err.Error(), `test.tmpl:3:2: executing "example" at <index .Entities 0>: `) || !strings.Contains(err.Error(), " of "+job.Rows.Name()) {
		t.Errorf("got %v", err)
	}
	if fault.Hint(err) == "" {
		t.Error("no remedy")
	}
}

func TestWithoutDemonstrationsNeitherTrainingNorKNNFileIsNeeded(t *testing.T) {
	job := prompt.Plan{Examples: 0}
	list := records(t, write(t, &job))
	if job.Train != nil || job.Neighbours != nil {
		t.Fatal("the test opened them")
	}
	if len(list) != 148 || slices.ContainsFunc(list, func(p record.Prompt) bool { return len(p.Examples) > 0 }) {
		t.Errorf("%d prompts", len(list))
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, c := range []struct {
		name, template string
		examples       int
	}{
		{"examples=0", prompt.MarkupTemplates[0], 0}, {"examples=32", prompt.MarkupTemplates[0], 32}, {"examples=32/reflection", referenceTemplate, 32},
		{"examples=32/json", prompt.JSONTemplates[0], 32},
	} {
		b.Run(c.name, func(b *testing.B) {
			job := prompt.Plan{Examples: c.examples, Template: parse(b, c.template)}
			b.SetBytes(int64(len(write(b, &job))))
			b.ReportAllocs()
			var out bytes.Buffer
			for b.Loop() {
				out.Reset()
				if _, err := job.Write(b.Context(), &out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
