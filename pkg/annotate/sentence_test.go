package annotate_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/annotate"
	"nertools/pkg/collect"
	"nertools/pkg/corpus"
	"nertools/pkg/markup"
	"nertools/pkg/mrc"
	"nertools/pkg/record"
	"nertools/pkg/score"
)

const newsDir = "../../examples/news"

func openFile(t testing.TB, path string) *mrc.File {
	t.Helper()
	f, err := mrc.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// asText returns a file of text rows that have the sentences and entities of a file.
func asText(t testing.TB, f *mrc.File) *mrc.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mrc-ner.test")
	var rows []map[string]any
	groups, err := f.Sentences()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		for k, n := range g.Rows {
			var row mrc.Row
			if err := f.Decode(n, &row); err != nil {
				t.Fatal(err)
			}
			text := strings.ReplaceAll(markup.JoinTokens(row.Context), " .", ".")
			spans := [][2]int{}
			for _, s := range row.Spans {
				tokens := strings.Fields(row.Context)
				before := strings.ReplaceAll(strings.Join(append(slices.Clone(tokens[:s.Start]), ""), " "), " .", ".")
				words := strings.ReplaceAll(strings.Join(tokens[s.Start:s.End], " "), " .", ".")
				start := len([]rune(before))
				spans = append(spans, [2]int{start, start + len([]rune(words))})
			}
			rows = append(rows, map[string]any{"qas_id": fmt.Sprintf("%s.%d", g.ID, k), "entity_label": row.Label, "context": text, "form": "text", "spans": spans})
		}
	}
	data, err := json.Marshal(rows)
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return openFile(t, path)
}

// A said is what a model says about a sentence: entities with labels, some of them wrong.
type said struct {
	text     string
	unit     markup.Unit
	labels   []string
	entities []corpus.Entity
	failed   bool
}

// say returns what a model says about the sentences of a file: most of the entities, some
// of them moved, with another label, or of two labels.
func say(t testing.TB, f *mrc.File) (list []said) {
	t.Helper()
	j, err := annotate.Gold(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	chance := rand.New(rand.NewPCG(7, 7))
	err = j.Each(t.Context(), func(s *annotate.Annotation) error {
		said := said{text: s.Text, unit: s.Unit, failed: chance.IntN(12) == 0}
		for _, a := range s.Answers {
			said.labels = append(said.labels, a.Label)
		}
		var sentence markup.Slicer
		sentence.Reset(s.Text, s.Unit)
		for _, e := range s.Gold {
			other := said.labels[chance.IntN(len(said.labels))]
			switch chance.IntN(8) {
			case 0: // missed
				continue
			case 1:
				e.Label = other
			case 2:
				if e.Label != other {
					said.entities = append(said.entities, corpus.Entity{Span: e.Span, Label: other})
				}
			case 3:
				if s.Unit == markup.Token && e.End < sentence.Len() {
					e.End++
				}
			}
			said.entities = append(said.entities, e)
		}
		list = append(list, said)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// answer returns an answer about labels; "" as tag means marks without a label.
func (s *said) answer(style string, labels ...string) string {
	whole := len(labels) > 1
	var sentence markup.Slicer
	sentence.Reset(s.text, s.unit)
	var spans []markup.Span
	var of []string
	entries := []any{}
	for _, e := range s.entities {
		if !slices.Contains(labels, e.Label) {
			continue
		}
		spans, of = append(spans, e.Span), append(of, e.Label)
		if whole {
			entries = append(entries, map[string]string{"text": sentence.Text(e.Span), "label": e.Label})
		} else {
			entries = append(entries, sentence.Text(e.Span))
		}
	}
	switch {
	case style == "json":
		var b bytes.Buffer
		list := json.NewEncoder(&b)
		list.SetEscapeHTML(false)
		_ = list.Encode(map[string]any{"entities": entries})
		return strings.TrimSpace(b.String())
	case whole:
		return string(sentence.AppendTagged(nil, spans, of))
	}
	spans, _ = markup.Place(nil, spans, sentence.Len())
	return string(sentence.AppendMarked(nil, spans))
}

// damages are done to answers of either kind.
var damages = map[string]func(answer string) string{
	"none": func(a string) string { return a },
	"chatter": func(a string) string {
		return "Sure! Here is the result:\n\n" + a + "\n\nLet me know if you need more."
	},
	"fence":   func(a string) string { return "```\n" + a + "\n```" },
	"spacing": func(a string) string { return strings.ReplaceAll(a, " .", ".") },
	"quotes":  func(a string) string { return strings.ReplaceAll(a, "'", "’") },
	"case":    func(a string) string { return strings.ReplaceAll(a, "The ", "the ") },
}

// joinSaid joins answers in a style with the rows of f: about labels, or about sentences.
func joinSaid(t testing.TB, f *mrc.File, list []said, style string, whole bool, damage func(string) string) *annotate.Joined {
	t.Helper()
	groups, err := f.Sentences()
	if err != nil {
		t.Fatal(err)
	}
	var lines []byte
	add := func(r record.Result, s *said) {
		r.Context = s.text
		if s.unit == markup.Char {
			r.Origin.Form = record.TextForm
		}
		if r.Output = damage(r.Output); s.failed {
			r.Output, r.Failure = "", &record.Failure{Class: record.Timeout, Message: "slow"}
		}
		lines = record.AppendResult(lines, &r)
	}
	for n, g := range groups {
		s := &list[n]
		if whole {
			add(record.Result{ID: record.NewID("test.sentence", n, nil), Index: n, Total: len(groups), Labels: s.labels, Output: s.answer(style, s.labels...)}, s)
			continue
		}
		for k, row := range g.Rows {
			add(record.Result{ID: record.NewID("test", row, nil), Index: row, Total: f.Len(), Label: s.labels[k], Output: s.answer(style, s.labels[k])}, s)
		}
	}
	return joinRecords(t, f, string(lines))
}

func joinRecords(t testing.TB, f *mrc.File, lines string) *annotate.Joined {
	t.Helper()
	r := collect.New(collect.Options{Join: true, Rows: f})
	if _, err := r.Read("r.jsonl", strings.NewReader(lines)); err != nil {
		t.Fatal(err)
	}
	j, err := annotate.Join(r, annotate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestAnswersAboutSentencesScoreAsAnswersAboutLabelsThatSayTheSame(t *testing.T) {
	news := openFile(t, mrc.Path(newsDir, "test"))
	for name, f := range map[string]*mrc.File{"tokens": news, "characters": asText(t, news)} {
		list := say(t, f)
		for _, style := range []string{"markup", "json"} {
			for damage, do := range damages {
				labels, sentences := joinSaid(t, f, list, style, false, do), joinSaid(t, f, list, style, true, do)
				for _, match := range []score.Match{score.Strict, score.Boundary, score.Overlap} {
					want, err := labels.Score(t.Context(), match, 50, 1, nil)
					if err != nil {
						t.Fatal(err)
					}
					got, err := sentences.Score(t.Context(), match, 50, 1, nil)
					if err != nil {
						t.Fatal(err)
					}
					if want.Micro.TP < 20 {
						t.Errorf("%s, %s, %s: only %d entities are right", name, style, damage, want.Micro.TP)
					}
					if d := cmp.Diff(string(want.JSON()), string(got.JSON())); d != "" {
						t.Errorf("%s, %s, %s, match %v: %s", name, style, damage, match, d)
					}
				}
			}
		}
	}
}

func TestDamagedAnswersAboutSentencesLeadToSpansOfTheSentenceAndALineForEachRow(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	damage := func(a string) string {
		b := []byte(a)
		for range 1 + chance.IntN(3) {
			if len(b) < 4 {
				break
			}
			from := chance.IntN(len(b) - 2)
			to := from + 1 + chance.IntN(min(20, len(b)-from-1))
			switch chance.IntN(4) {
			case 0:
				b = b[:to]
			case 1:
				b[from], b[to] = b[to], b[from]
			case 2:
				b = slices.Delete(b, from, to)
			case 3:
				b = slices.Insert(b, to, b[from:to]...)
			}
		}
		return string(b)
	}
	strip := strings.NewReplacer("@@", "", "##", "")
	news := openFile(t, mrc.Path(newsDir, "test"))
	found, unused := 0, 0
	for _, f := range []*mrc.File{news, asText(t, news)} {
		list := say(t, f)
		for i := range 20 {
			j := joinSaid(t, f, list, []string{"markup", "json"}[i%2], true, damage)
			var sentence markup.Slicer
			err := j.Each(t.Context(), func(s *annotate.Annotation) error {
				sentence.Reset(s.Text, s.Unit)
				asked := list[s.Number].labels
				for k, e := range s.Entities {
					if e.Start < 0 || e.Start >= e.End || e.End > sentence.Len() || !slices.Contains(asked, e.Label) {
						t.Errorf("sentence %s: %v is not an entity of it", s.ID, e)
					}
					if slices.ContainsFunc(s.Entities[:k], func(o corpus.Entity) bool { return o.Span == e.Span && o.Label == e.Label }) {
						t.Errorf("sentence %s: %v twice", s.ID, e)
					}
				}
				if (s.Whole == nil) != list[s.Number].failed || len(s.Answers) != len(asked) {
					t.Errorf("sentence %s: %d answers", s.ID, len(s.Answers))
				}
				found, unused = found+len(s.Entities), unused+len(s.Unused)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.SplitAfter(text(t, j), "\n")
			if len(lines) != f.Len()+1 || lines[f.Len()] != "" {
				t.Fatalf("%d lines for %d rows", len(lines)-1, f.Len())
			}
			var row mrc.Row
			for n, line := range lines[:f.Len()] {
				if err := f.Decode(n, &row); err != nil {
					t.Fatal(err)
				}
				want := markup.JoinTokens(row.Context) + "\n"
				if got := strip.Replace(line); got != want && line != "ERROR: timeout: slow\n" {
					t.Errorf("row %d: %q, not %q", n, got, want)
				}
			}
		}
	}
	if found < 1000 || unused < 100 {
		t.Errorf("only %d found and %d not used", found, unused)
	}
}

// sentenceRecord returns a record about sentence n of two; an answer that begins with "!" is
// a failure.
func sentenceRecord(n int, context, answer string, labels ...string) string {
	r := record.Result{ID: record.NewID("test.sentence", n, nil), Index: n, Total: 2, Labels: labels, Context: context, Output: answer, Model: "m"}
	if message, failed := strings.CutPrefix(answer, "!"); failed {
		r.Output, r.Failure = "", &record.Failure{Class: record.Timeout, Message: message}
	}
	return string(record.AppendResult(nil, &r))
}

const (
	adaLi  = "Ada Li of New York saw Ada ."
	soWhat = "So what ?"
)

func TestTheAnswerAboutASentenceIsDividedAmongItsRows(t *testing.T) {
	for _, c := range []struct {
		name, a, b string
		want       []string
		lines      string
	}{
		{"all right", "<PER>Ada Li</PER> of <LOC>New York</LOC> saw <PER>Ada</PER> .", soWhat,
			[]string{"a: PER(Ada Li exact) LOC(New York exact) PER(Ada exact) = PER(Ada Li) LOC(New York) PER(Ada)", "b: ="},
			"@@Ada Li## of New York saw @@Ada## .\nAda Li of @@New York## saw Ada .\nSo what ?\nSo what ?\n"},
		{"overlapping labels", "<PER>Ada Li of <LOC>New York</LOC></PER> saw Ada .", "<PER><LOC>So</LOC></PER> what ?",
			[]string{"a: PER(Ada Li of New York exact) LOC(New York exact) = PER(Ada Li) LOC(New York) PER(Ada)", "b: PER(So exact) LOC(So exact) ="},
			"@@Ada Li of New York## saw Ada .\nAda Li of @@New York## saw Ada .\n@@So## what ?\n@@So## what ?\n"},
		{"overlaps of one label", `{"entities":[{"text":"Ada Li","label":"PER"},{"text":"Ada Li of New York","label":"PER"}]}`, `{"entities":[]}`,
			[]string{"a: PER(Ada Li of New York exact) PER(Ada Li exact) = PER(Ada Li) LOC(New York) PER(Ada)", "b: ="},
			"@@Ada Li of New York## saw Ada .\nAda Li of New York saw Ada .\nSo what ?\nSo what ?\n"},
		{"a label that was not asked for, and what is not in the sentence", `{"entities":[{"text":"Ada Li","label":"DATE"},{"text":"Bob","label":"LOC"},{"text":"Ada"}]}`, `{"entities":[]}`,
			[]string{"a: = PER(Ada Li) LOC(New York) PER(Ada) -DATE(Ada Li, not asked) -LOC(Bob, hallucinated) -(Ada, no label)", "b: ="},
			adaLi + "\n" + adaLi + "\nSo what ?\nSo what ?\n"},
		{"failed", "!slow", soWhat, []string{"a: = PER(Ada Li) LOC(New York) PER(Ada) ?PER ?LOC", "b: ="}, "ERROR: timeout: slow\nERROR: timeout: slow\nSo what ?\nSo what ?\n"},
	} {
		f := sample(t)
		j := joinRecords(t, f, sentenceRecord(1, soWhat, c.b, "PER", "LOC")+sentenceRecord(0, adaLi, c.a, "PER", "LOC"))
		if d := cmp.Diff(c.want, spell(t, j)); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
		if d := cmp.Diff(c.lines, text(t, j)); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
		if c.name == "failed" {
			continue
		}
		// Without the MRC file, the records contain everything but the numbers of the rows.
		r := collect.New(collect.Options{Join: true})
		if _, err := r.Read("r", strings.NewReader(sentenceRecord(0, adaLi, c.a, "PER", "LOC")+sentenceRecord(1, soWhat, c.b, "PER", "LOC"))); err != nil {
			t.Fatal(err)
		}
		j, err := annotate.Join(r, annotate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range spell(t, j) {
			found, rest, _ := strings.Cut(c.want[i][1:], " =")
			if i := strings.Index(rest, " -"); i >= 0 {
				found += " =" + rest[i:]
			} else {
				found += " ="
			}
			if want := fmt.Sprint(i) + found; line != want {
				t.Errorf("%s, without rows: %q, not %q", c.name, line, want)
			}
		}
		if d := cmp.Diff([]string{"PER", "LOC"}, j.Labels()); d != "" {
			t.Error(d)
		}
	}
}

// batchAnswer returns a line of a batch's output, which has neither labels nor the sentence.
func batchAnswer(n int, answer string) string {
	return fmt.Sprintf(`{"custom_id":%q,"response":{"status_code":200,"body":{"choices":[{"message":{"content":%q},"finish_reason":"stop"}]}}}`+"\n", record.NewID("test.sentence", n, nil), answer)
}

func TestABatchFetchedByIDAloneNeedsTheRowsForItsSentences(t *testing.T) {
	lines := batchAnswer(0, "<PER>Ada Li</PER> of New York saw Ada .") + batchAnswer(1, soWhat)
	f := sample(t)
	j := joinRecords(t, f, lines)
	if d := cmp.Diff([]string{"a: PER(Ada Li exact) = PER(Ada Li) LOC(New York) PER(Ada)", "b: ="}, spell(t, j)); d != "" {
		t.Error(d)
	}
	if j.Source() != "test.sentence" || !j.AllRows() {
		t.Errorf("source %q", j.Source())
	}
	r := collect.New(collect.Options{Join: true})
	if _, err := r.Read("r", strings.NewReader(lines)); err != nil {
		t.Fatal(err)
	}
	_, err := annotate.Join(r, annotate.Options{})
	if e, ok := errors.AsType[*annotate.NoSentenceError](err); !ok || !e.Sentence || e.Row != 0 {
		t.Errorf("got %v", err)
	}
	// What failed is only counted if another record is of use.
	r = collect.New(collect.Options{Join: true})
	if _, err := r.Read("r", strings.NewReader(sentenceRecord(1, soWhat, soWhat, "PER"))); err != nil {
		t.Fatal(err)
	}
	if j, err := annotate.Join(r, annotate.Options{}); err != nil || j.Lost != 1 {
		t.Errorf("%+v, %v", j, err)
	}
}

func TestRecordsAboutOtherSentencesAreRefused(t *testing.T) {
	for want, lines := range map[string]string{
		"sentence 1 is not the sentence that was asked": sentenceRecord(1, "So why ?", soWhat, "PER", "LOC"),
		"sentence 0 is not the sentence that was asked": sentenceRecord(0, adaLi, adaLi, "PER", "ORG"),
		"results of 3 sentences, but ":                  strings.Replace(sentenceRecord(0, adaLi, adaLi, "PER", "LOC"), `"total":2`, `"total":3`, 1),
	} {
		r := collect.New(collect.Options{Join: true, Rows: sample(t)})
		if _, err := r.Read("r", strings.NewReader(lines)); err != nil {
			t.Fatal(err)
		}
		if _, err := annotate.Join(r, annotate.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	joinRecords(t, sample(t), sentenceRecord(0, adaLi, adaLi, "LOC", "PER")) // the order is that of the data set
}

func TestLinesOfRowsThatWereNotAskedAgainStayAsTheyAre(t *testing.T) {
	f := sample(t)
	r := collect.New(collect.Options{Join: true, Rows: f})
	if _, err := r.Read("r", strings.NewReader(sentenceRecord(1, soWhat, "<LOC>So</LOC> what ?", "PER", "LOC"))); err != nil {
		t.Fatal(err)
	}
	if err := r.LayOver("old", strings.NewReader("@@Ada  Li## of New York\nERROR: timeout: slow\nSo @@what## ?\nERROR\n")); err != nil {
		t.Fatal(err)
	}
	j, err := annotate.Join(r, annotate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"a: PER(Ada Li exact) = PER(Ada Li) LOC(New York) PER(Ada) ?LOC", "b: LOC(So exact) ="}, spell(t, j)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff("@@Ada  Li## of New York\nERROR: timeout: slow\nSo what ?\n@@So## what ?\n", text(t, j)); d != "" {
		t.Error(d)
	}
	j.Drop(0, "PER", markup.Span{Start: 0, End: 2})
	if d := cmp.Diff("Ada  Li of New York\nERROR: timeout: slow\nSo what ?\n@@So## what ?\n", text(t, j)); d != "" {
		t.Error(d)
	}
}

func TestADroppedEntityOfASentenceIsDroppedOnlyFromItsLabel(t *testing.T) {
	f := sample(t)
	j := joinRecords(t, f, sentenceRecord(0, adaLi, "<PER><LOC>Ada Li</LOC></PER> of New York saw <PER>Ada</PER> .", "PER", "LOC"))
	j.Drop(0, "PER", markup.Span{Start: 0, End: 2})
	j.Drop(1, "PER", markup.Span{Start: 6, End: 7}) // of another sentence
	want := []string{"a: LOC(Ada Li exact) PER(Ada exact) = PER(Ada Li) LOC(New York) PER(Ada)", "b: = ?PER ?LOC"}
	if d := cmp.Diff(want, spell(t, j)); d != "" {
		t.Error(d)
	}
	if got := text(t, j); !strings.HasPrefix(got, "Ada Li of New York saw @@Ada## .\n@@Ada Li## of New York saw Ada .\nERROR: missing") {
		t.Errorf("got %q", got)
	}
}

func TestWhatADemonstrationOfASentenceShowedIsToldApart(t *testing.T) {
	f := sample(t)
	train := open(t, "a.1|PER|Bob Ray sang in Bonn .|", "a.2|LOC|Bob Ray sang in Bonn .|", "b.1|PER|Nothing .|", "c.1|LOC|Eve slept .|")
	path := filepath.Join(t.TempDir(), "test.knn.jsonl")
	if err := os.WriteFile(path, []byte("[0, 2]\n[1, 3]\n[]\n[]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	neighbours, err := mrc.OpenNeighbours(path, f.Len(), train.Len())
	if err != nil {
		t.Fatal(err)
	}
	defer neighbours.Close()
	// Shown are the sentences a, b and c.
	for num, want := range map[int]string{
		2: " -PER(Bob Ray, copied) -LOC(Eve, hallucinated)",
		3: " -PER(Bob Ray, copied) -LOC(Eve, copied)",
	} {
		r := collect.New(collect.Options{Join: true, Rows: f})
		if _, err := r.Read("r", strings.NewReader(sentenceRecord(0, adaLi, "<PER>Bob Ray</PER> saw <LOC>Eve</LOC>", "PER", "LOC"))); err != nil {
			t.Fatal(err)
		}
		j, err := annotate.Join(r, annotate.Options{Demonstrations: &annotate.Demonstrations{Train: train, Neighbours: neighbours, Num: num}})
		if err != nil {
			t.Fatal(err)
		}
		if got := spell(t, j)[0]; !strings.HasSuffix(got, want) {
			t.Errorf("%d shown: %s", num, got)
		}
	}
}

func TestAnswersAboutSentencesHaveNoPublishedScore(t *testing.T) {
	j := joinRecords(t, sample(t), sentenceRecord(0, adaLi, adaLi, "PER", "LOC"))
	if _, err := j.Score(t.Context(), score.Published, 0, 1, nil); !errors.Is(err, annotate.ErrPublishedSentences) {
		t.Errorf("got %v", err)
	}
}

func TestALineThatWouldReadAsAFailureHasASpaceInFront(t *testing.T) {
	f := open(t, "a.1|PER|ERROR : Ada|2-2")
	j := joinRecords(t, f, strings.Replace(sentenceRecord(0, "ERROR : Ada", "ERROR : <PER>Ada</PER>", "PER"), `"total":2`, `"total":1`, 1))
	if got := text(t, j); got != " ERROR : @@Ada##\n" {
		t.Errorf("%q", got)
	}
}
