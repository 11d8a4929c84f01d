package annotate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/annotate"
	"nertools/pkg/catalog"
	"nertools/pkg/collect"
	"nertools/pkg/corpus"
	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/mrc"
	"nertools/pkg/record"
	"nertools/pkg/score"
)

// open writes an MRC file of rows "qas_id|label|context|start-end ...", the end
// inclusive, and opens it.
func open(t testing.TB, rows ...string) *mrc.File {
	t.Helper()
	var list []string
	for _, row := range rows {
		parts := strings.Split(row, "|")
		var starts, ends []string
		for _, span := range strings.Fields(parts[3]) {
			start, end, _ := strings.Cut(span, "-")
			starts, ends = append(starts, start), append(ends, end)
		}
		list = append(list, fmt.Sprintf(`{"qas_id":%q,"entity_label":%q,"context":%q,"start_position":[%s],"end_position":[%s]}`,
			parts[0], parts[1], parts[2], strings.Join(starts, ","), strings.Join(ends, ",")))
	}
	path := filepath.Join(t.TempDir(), "mrc-ner.test")
	if err := os.WriteFile(path, []byte("["+strings.Join(list, ",\n")+"]"), 0o600); err != nil {
		t.Fatal(err)
	}
	return openFile(t, path)
}

func sample(t testing.TB) *mrc.File {
	return open(t,
		"a.1|PER|Ada Li of New York saw Ada .|0-1 6-6",
		"a.2|LOC|Ada Li of New York saw Ada .|3-4 3-4 9-9",
		"b.1|PER|So what ?|",
		"b.2|LOC|So what ?|",
	)
}

// read collects records, one a row: an answer, or a failure where it begins with "!".
// Contexts and labels are those of the file, if it is given.
func read(t testing.TB, f *mrc.File, answers ...string) *collect.Results {
	t.Helper()
	return readFor(t, f, nil, answers...)
}

// readFor is read for results that are joined with the rows of a file.
func readFor(t testing.TB, f, rows *mrc.File, answers ...string) *collect.Results {
	t.Helper()
	r := collect.New(collect.Options{Join: true, Rows: rows})
	var lines []byte
	for i, answer := range answers {
		if answer == "-" {
			continue
		}
		rec := record.Result{ID: record.NewID("test", i, nil), Index: i, Total: len(answers), Output: answer, Model: "m"}
		if f != nil {
			var row mrc.Row
			if err := f.Decode(i, &row); err != nil {
				t.Error(err)
			}
			rec.Label, rec.Context = row.Label, row.Context
		}
		if message, failed := strings.CutPrefix(answer, "!"); failed {
			rec.Output, rec.Failure = "", &record.Failure{Class: record.Timeout, Message: message}
		}
		lines = record.AppendResult(lines, &rec)
	}
	if _, err := r.Read("r.jsonl", strings.NewReader(string(lines))); err != nil {
		t.Fatal(err)
	}
	return r
}

// spell gives each sentence in a line: its entities, gold after "=", what is
// not used and what is not answered.
func spell(t testing.TB, j *annotate.Joined) (lines []string) {
	t.Helper()
	err := j.Each(t.Context(), func(s *annotate.Annotation) error {
		line := s.ID + ":"
		for _, e := range s.Entities {
			line += fmt.Sprintf(" %s(%s %s)", e.Label, strings.Join(s.Tokens[e.Start:e.End], " "), e.How)
		}
		line += " ="
		for _, e := range s.Gold {
			line += fmt.Sprintf(" %s(%s)", e.Label, strings.Join(s.Tokens[e.Start:e.End], " "))
		}
		for _, u := range s.Unused {
			line += fmt.Sprintf(" -%s(%s, %s)", u.Label, u.Text, u.Reason)
		}
		for _, l := range s.Unanswered {
			line += " ?" + l
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestTheAnswersAboutASentenceBecomeItsEntities(t *testing.T) {
	for _, c := range []struct {
		name    string
		answers []string
		want    []string
	}{
		{"all right", []string{"@@Ada Li## of New York saw @@Ada## .", "Ada Li of @@New York## saw Ada .", "So what ?", "So what ?"},
			[]string{"a: PER(Ada Li exact) LOC(New York exact) PER(Ada exact) = PER(Ada Li) LOC(New York) PER(Ada)", "b: ="}},
		{"overlapping labels", []string{"@@Ada Li of New York## saw Ada .", "Ada Li of @@New York## saw Ada .", "So what ?", "@@So what## ?"},
			[]string{"a: PER(Ada Li of New York exact) LOC(New York exact) = PER(Ada Li) LOC(New York) PER(Ada)", "b: LOC(So what exact) ="}},
		{"one place, two labels", []string{"Ada Li of @@New York## saw Ada .", "Ada Li of @@New York## saw Ada .", "So what ?", "So what ?"},
			[]string{"a: PER(New York exact) LOC(New York exact) = PER(Ada Li) LOC(New York) PER(Ada)", "b: ="}},
		{"not in the sentence", []string{"@@Bob## of New York .", "Ada Li of New York saw Ada .", "So what ?", "So what ?"},
			[]string{"a: = PER(Ada Li) LOC(New York) PER(Ada) -PER(Bob, hallucinated)", "b: ="}},
		{"failed and missing", []string{"!slow", "Ada Li of @@New York## saw Ada .", "-", "So what ?"},
			[]string{"a: LOC(New York exact) = PER(Ada Li) LOC(New York) PER(Ada) ?PER", "b: = ?PER"}},
	} {
		f := sample(t)
		j, err := annotate.Join(readFor(t, f, f, c.answers...), annotate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, spell(t, j)); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
		// Batch lines tell neither sentence nor label.
		if j, err = annotate.Join(readFor(t, nil, f, c.answers...), annotate.Options{}); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, spell(t, j)); d != "" {
			t.Errorf("%s, without sentences: %s", c.name, d)
		}
	}
}

func TestAnswersThatAreNotTheSentenceTellTheirForm(t *testing.T) {
	f := sample(t)
	j, err := annotate.Join(readFor(t, f, f, "@@Ada Li## of New York saw Ada .", "In: Ada Li of @@New York## saw Ada .", "!slow", "@@So what?##"), annotate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []corpus.Form
	if err := j.Each(t.Context(), func(s *annotate.Annotation) error { got = append(got, s.Forms...); return nil }); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]corpus.Form{{Label: "LOC", Class: markup.Chatter}, {Label: "LOC", Class: markup.Spacing}}, got); d != "" {
		t.Error(d)
	}
}

func TestTheOrderOfLabelsSettlesThatOfEntitiesAtOnePlace(t *testing.T) {
	f := sample(t)
	labels := catalog.DataSet{Labels: []catalog.Label{{Key: "Loc"}, {Key: "Per"}}}
	j, err := annotate.Join(readFor(t, f, f, "Ada Li of @@New York## saw Ada .", "Ada Li of @@New York## saw Ada .", "So what ?", "So what ?"), annotate.Options{Labels: &labels})
	if err != nil {
		t.Fatal(err)
	}
	if got := spell(t, j)[0]; !strings.HasPrefix(got, "a: LOC(New York exact) PER(New York exact)") {
		t.Errorf("got %s", got)
	}
	if d := cmp.Diff([]string{"PER", "LOC"}, j.Labels()); d != "" {
		t.Error(d)
	}
}

func TestResultsOfFewerRowsAreThoseOfTheFirst(t *testing.T) {
	f := sample(t)
	j, err := annotate.Join(readFor(t, f, f, "Ada Li of New York saw Ada .", "Ada Li of New York saw Ada .", "So what ?"), annotate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"a: = PER(Ada Li) LOC(New York) PER(Ada)", "b: ="}, spell(t, j)); d != "" {
		t.Error(d)
	}
}

func TestResultsOfAnotherFileAreRefused(t *testing.T) {
	f := sample(t)
	other := open(t, "a.1|PER|Ada Li of New York saw Ada .|", "a.2|LOC|Ada Li of New York saw Ada .|", "b.1|LOC|So what ?|", "b.2|PER|So what ?|")
	_, err := annotate.Join(readFor(t, other, f, "a", "b", "c", "d"), annotate.Options{})
	if bad, ok := errors.AsType[*fault.Error](err); !ok || bad.Line != 3 || bad.Hint == "" || !strings.Contains(err.Error(), "row 2 is not the row that was asked") {
		t.Errorf("another label: %v", err)
	}
	if _, err := annotate.Join(readFor(t, nil, f, "a", "b", "c", "d", "e"), annotate.Options{}); err == nil || fault.Hint(err) == "" {
		t.Errorf("more rows: %v", err)
	}
}

func TestRecordsTellTheirOwnSentences(t *testing.T) {
	f := sample(t)
	j, err := annotate.Join(read(t, f, "@@Ada Li## of New York saw Ada .", "!slow", "-", "@@So## what ?"), annotate.Options{})
	if err != nil || j.Lost != 1 {
		t.Fatal(j, err)
	}
	if d := cmp.Diff([]string{"0: PER(Ada Li exact) = ?LOC", "3: LOC(So exact) ="}, spell(t, j)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"PER", "LOC"}, j.Labels()); d != "" {
		t.Error(d)
	}
	// The rows between may have been of another sentence that reads the same.
	same := open(t, "a.1|A|x|", "a.2|B|x|", "b.1|A|x|", "b.2|B|x|", "b.3|C|x|")
	if j, err = annotate.Join(read(t, same, "x", "x", "-", "-", "x"), annotate.Options{}); err != nil || len(spell(t, j)) != 2 {
		t.Errorf("%v, %v", spell(t, j), err)
	}
	whole := open(t, "a.1|A|x|", "a.2|B|x|", "a.3|C|x|", "b.1|A|x y|", "b.2|B|x y|", "b.3|C|x y|")
	if j, err = annotate.Join(read(t, whole, "x", "-", "@@x##", "-", "x y", "x y"), annotate.Options{}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"0: C(x exact) =", "4: ="}, spell(t, j)); d != "" {
		t.Errorf("a row missing between: %s", d)
	}
	for name, answers := range map[string][]string{"an answer": {"-", "a"}, "failures alone": {"-", "!slow"}} {
		_, err := annotate.Join(read(t, nil, answers...), annotate.Options{})
		if untold, ok := errors.AsType[*annotate.NoSentenceError](err); !ok || untold.Row != 1 {
			t.Errorf("%s without a sentence: %v", name, err)
		}
	}
}

func TestGoldIsWhatTheFileMarks(t *testing.T) {
	j, err := annotate.Gold(sample(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a: PER(Ada Li given) LOC(New York given) PER(Ada given) = PER(Ada Li) LOC(New York) PER(Ada)", "b: ="}
	if d := cmp.Diff(want, spell(t, j)); d != "" {
		t.Error(d)
	}
}

func TestADroppedEntityIsAsIfItHadNeverBeenMarked(t *testing.T) {
	f := sample(t)
	answers := []string{"@@Ada Li## of @@New York## saw @@Ada## .", "Ada Li of @@New York## saw Ada .", `{"entities": ["So", "what"]}`, "@@So## what ?"}
	j, err := annotate.Join(readFor(t, f, f, answers...), annotate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for row, span := range map[int]markup.Span{0: {Start: 6, End: 7}, 2: {Start: 0, End: 1}, 3: {Start: 0, End: 1}} {
		j.Drop(row, "", span)
	}
	want := []string{"a: PER(Ada Li exact) PER(New York exact) LOC(New York exact) = PER(Ada Li) LOC(New York) PER(Ada)", "b: PER(what exact) ="}
	if d := cmp.Diff(want, spell(t, j)); d != "" {
		t.Error(d)
	}
	lines := "@@Ada Li## of @@New York## saw Ada .\n" + answers[1] + "\n{\"entities\": [\"what\"]}\nSo what ?\n"
	if d := cmp.Diff(lines, text(t, j)); d != "" {
		t.Error(d)
	}
	j.Drop(0, "", markup.Span{Start: 0, End: 2})
	if got := spell(t, j.AsMarked())[0]; !strings.HasPrefix(got, "a: PER(New York exact) LOC") {
		t.Errorf("two of a row dropped: %s", got)
	}
}

func text(t *testing.T, j *annotate.Joined) string {
	t.Helper()
	var b strings.Builder
	if err := j.WriteText(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTheTextOfGoldIsTheRightAnswers(t *testing.T) {
	j, err := annotate.Gold(sample(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "@@Ada Li## of New York saw @@Ada## .\nAda Li of @@New York## saw Ada .\nSo what ?\nSo what ?\n"
	if d := cmp.Diff(want, text(t, j)); d != "" {
		t.Error(d)
	}
}

func TestWhatPeopleShouldHearOfIsCounted(t *testing.T) {
	f := sample(t)
	j, err := annotate.Join(readFor(t, f, f, `["Ada Li", "New`, "Ada Li of New York saw Ada .", "So what ?", "So what ?"), annotate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second pass does not add to the first
		spell(t, j)
	}
	if d := cmp.Diff(annotate.Notes{Unused: 1, PartRead: 1, UnusableGold: 1, UnusableRows: 1, FirstUnusable: 1}, j.Notes); d != "" {
		t.Error(d)
	}
}

func TestScoresAreOfEntitiesOrOfLines(t *testing.T) {
	f := sample(t)
	answers := []string{`["Ada Li", "Ada"]`, "Ada Li of @@New York## saw @@Ada## .", "!slow", "So what ?"}
	for match, want := range map[score.Match]score.Counts{score.Strict: {TP: 3, FP: 1}, score.Published: {TP: 3, FP: 1, FN: 2}} {
		j, err := annotate.Join(readFor(t, f, f, answers...), annotate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		sentences := 0
		e, err := j.Score(t.Context(), match, 0, 1, func(*annotate.Annotation) { sentences++ })
		if err != nil || e.Micro.Counts != want || sentences != 2 {
			t.Errorf("%v: %+v of %d sentences, %v", match, e.Micro.Counts, sentences, err)
		}
	}
}

func TestTheSourceIsThatOfTheIDsOrTheFile(t *testing.T) {
	f := sample(t)
	r := collect.New(collect.Options{Join: true, Rows: f})
	if _, err := r.Read("r.txt", strings.NewReader("a\nb\nc\nd\n")); err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*collect.Results{"a results file": r, "records": readFor(t, f, f, "a", "b", "c", "d")} {
		j, err := annotate.Join(r, annotate.Options{})
		if err != nil || j.Source() != "test" {
			t.Errorf("%s: %v, %v", name, j, err)
		}
	}
}

func TestWhatADemonstrationShowedIsToldApart(t *testing.T) {
	f := sample(t)
	train := open(t, "a.1|PER|@Bob Ray sang in Bonn .|", "b.1|PER|Nothing .|")
	path := filepath.Join(t.TempDir(), "test.knn.jsonl")
	if err := os.WriteFile(path, []byte("[1, 0]\n[1, 0]\n[1]\n[]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	neighbours, err := mrc.OpenNeighbours(path, f.Len(), train.Len())
	if err != nil {
		t.Fatal(err)
	}
	defer neighbours.Close()
	for num, want := range map[int][]markup.Reason{
		2: {markup.Copied, markup.Hallucinated, markup.Hallucinated, markup.Copied, markup.Hallucinated},
		1: {markup.Hallucinated, markup.Hallucinated, markup.Hallucinated, markup.Hallucinated, markup.Hallucinated},
	} {
		results := readFor(t, f, f, "@@@Bob Ray## saw @@ob Ray## .", "@@Eve## in @@Bonn##", "@@Bonn##", "So what ?")
		j, err := annotate.Join(results, annotate.Options{Demonstrations: &annotate.Demonstrations{Train: train, Neighbours: neighbours, Num: num}})
		if err != nil {
			t.Fatal(err)
		}
		var got []markup.Reason
		err = j.Each(t.Context(), func(s *annotate.Annotation) error {
			for _, u := range s.Unused {
				got = append(got, u.Reason)
			}
			return nil
		})
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%d shown: %s %v", num, d, err)
		}
	}
}

func TestEachEndsWithTheFirstError(t *testing.T) {
	f := sample(t)
	j, err := annotate.Join(readFor(t, f, f, "a", "b", "c", "d"), annotate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if err := j.Each(t.Context(), func(*annotate.Annotation) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := j.Each(ctx, func(*annotate.Annotation) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// BenchmarkEach aligns and joins the answers about 25,000 sentences of 4 labels: one about
// each label, or one about all of them.
func BenchmarkEach(b *testing.B) {
	labels := []string{"PER", "LOC", "ORG", "MISC"}
	var rows, answers []string
	var whole []byte
	for i := range 25_000 {
		text := fmt.Sprintf("Report %d : the council of Zürich met Ada Li and the board of the Lumen Institute on Tuesday in Bonn .", i)
		all := text
		for l, label := range labels {
			rows = append(rows, fmt.Sprintf("%d.%d|%s|%s|8-9", i, l+1, label, text))
			answer := text
			mark := func(words, open, shut string) {
				answer = strings.Replace(answer, words, "@@"+words+"##", 1)
				all = strings.Replace(all, words, open+words+shut, 1)
			}
			switch (i + l) % 10 {
			case 0:
				mark("Ada Li", "<"+label+">", "</"+label+">")
			case 1:
				mark("Bonn", "<"+label+">", "</"+label+">")
				answer = strings.Replace(answer, "## .", "##.", 1)
			case 2:
				mark("Zürich", "<"+label+">", "</"+label+">")
				answer = "The sentence: " + answer
			}
			answers = append(answers, answer)
		}
		whole = record.AppendResult(whole, &record.Result{ID: record.NewID("test.sentence", i, nil), Index: i, Total: 25_000, Labels: labels, Context: text, Output: all})
	}
	f := open(b, rows...)
	sentences := collect.New(collect.Options{Join: true, Rows: f})
	if _, err := sentences.Read("r", bytes.NewReader(whole)); err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		results *collect.Results
	}{{"labels", readFor(b, f, f, answers...)}, {"sentences", sentences}} {
		b.Run(c.name, func(b *testing.B) {
			j, err := annotate.Join(c.results, annotate.Options{})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				if err := j.Each(b.Context(), func(s *annotate.Annotation) error { n += len(s.Entities); return nil }); err != nil || n == 0 {
					b.Fatal(n, err)
				}
			}
		})
	}
}

func TestAnswersCallLabelsAsTheirDataSetDoes(t *testing.T) {
	custom := catalog.DataSet{Name: "MEDICINE", Labels: []catalog.Label{{Key: "DRUG", Name: "medication"}, {Key: "LOC", Name: "person"}}}
	for _, c := range []struct {
		asked []string
		sets  []catalog.DataSet
		name  string
		want  string
	}{
		{[]string{"NR"}, nil, "person", "NR"},
		{[]string{"NR"}, nil, "location", "NS"},
		{[]string{"G#protein", "G#DNA"}, nil, "protein", "G#protein"},
		{[]string{"G#protein", "G#DNA"}, nil, "cell line", "cell_line"},
		{[]string{"person", "creative_work"}, nil, "creative-work", "creative_work"},
		{[]string{"PER", "LOC"}, nil, "place", "LOC"},
		{[]string{"per"}, nil, "Person", "per"},
		{[]string{"PER"}, []catalog.DataSet{custom}, "medication", "DRUG"},
		{[]string{"PER"}, []catalog.DataSet{custom}, "per", "PER"},
		{[]string{"PER", "DRUG"}, nil, "medication", ""},
		{[]string{"PER", "DRUG"}, nil, "person", "PER"},
		{[]string{"PER", "DRUG"}, nil, "location", "LOC"},
		{[]string{"place", "DRUG"}, nil, "location", "place"},
		{[]string{"PER", "DRUG"}, nil, "drugs", "DRUG"},
	} {
		if got, _ := annotate.Names(c.asked, c.sets...).Find(c.name); got != c.want {
			t.Errorf("%q, asked for %q: got %q, want %q", c.name, c.asked, got, c.want)
		}
	}
}
