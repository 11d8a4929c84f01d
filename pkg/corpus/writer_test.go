package corpus_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"nertools/pkg/corpus"
	"nertools/pkg/fault"
	"nertools/pkg/markup"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s: %s", path, d)
	}
}

func TestFormatsStayAsTheyAre(t *testing.T) {
	for name, start := range writers {
		got, left := write(t, start, sample())
		golden(t, name+".golden", got)
		if want := map[string]int{"bio": 2, "bioes": 2, "spacy": 2}[name]; left != want {
			t.Errorf("%s: %d entities left out, want %d", name, left, want)
		}
	}
}

func TestTheDocumentOfAlignmentKnowsEveryWordInTheFormats(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "doc", "alignment.md"))
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, r := range markup.Reasons() {
		words = append(words, r.String())
	}
	for _, c := range markup.Classes() {
		words = append(words, c.String())
	}
	for _, d := range markup.Damages() {
		words = append(words, d.Names()...)
	}
	for _, word := range words {
		if row := "\n| `" + strings.ReplaceAll(word, " ", "_") + "` | "; !strings.Contains(string(doc), row) {
			t.Errorf("no row %q", row)
		}
	}
}

func TestNoSentencesAreAReadableFile(t *testing.T) {
	want := map[string]string{"labelstudio": "[\n\n]\n", "csv": "sentence,label,start,end,start_char,end_char,text,found,reason\n"}
	for name, start := range writers {
		if got, _ := write(t, start, nil); got != want[name] {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestAWriterErrorIsReturnedByAddOrClose(t *testing.T) {
	broken := errors.New("broken")
	for _, w := range []*corpus.Encoder{
		corpus.NewJSONL(&failing{broken}), corpus.NewCoNLL(&failing{broken}, corpus.BIO, nil), corpus.NewSpaCy(&failing{broken}, nil),
		corpus.NewLabelStudio(&failing{broken}), corpus.NewCSV(&failing{broken}),
	} {
		long := sentence("0", strings.Repeat("a ", 10_000), entity(0, 5000, "X"))
		var err error
		for range 100 { // more than a buffer holds
			if err = w.Add(&long); err != nil {
				break
			}
		}
		if !errors.Is(err, broken) {
			t.Errorf("Add: %v", err)
		}
		if err := w.Close(); !errors.Is(err, broken) {
			t.Errorf("Close: %v", err)
		}
	}
}

// flat is what a format without overlaps holds of sentences, as if given.
func flat(sentences []corpus.Sentence) (list []corpus.Sentence) {
	for _, s := range sentences {
		s.Entities, _ = corpus.Flat(s.Entities, ranks)
		list = append(list, s)
	}
	return list
}

// same compares what is read back with what was written: how an entity was found
// is not read.
func same(want, got []corpus.Sentence, more ...cmp.Option) string {
	ignored := []cmp.Option{
		cmpopts.IgnoreFields(corpus.Sentence{}, "Model", "Unused", "Forms", "Unanswered"), cmpopts.IgnoreFields(corpus.Entity{}, "How"),
		cmpopts.EquateEmpty(),
	}
	return cmp.Diff(want, got, append(ignored, more...)...)
}

func read(t *testing.T, file string) (list []corpus.Sentence) {
	t.Helper()
	for s, err := range corpus.ReadJSONL("f", strings.NewReader(file), corpus.Reading{Pretokenized: true}) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, *s)
	}
	return list
}

func TestJSONLinesComeBackAsWritten(t *testing.T) {
	for _, want := range [][]corpus.Sentence{sample(), news(t), random(1, 300)} {
		file, _ := write(t, writers["jsonl"], want)
		got := read(t, file)
		for i := range want {
			corpus.Sort(want[i].Entities, nil)
		}
		if d := same(want, got); d != "" {
			t.Error(d)
		}
	}
}

func TestSpaCyLinesComeBackAsWritten(t *testing.T) {
	for _, want := range [][]corpus.Sentence{flat(sample()), news(t), random(2, 300)} {
		file, _ := write(t, writers["spacy"], want)
		got := read(t, file)
		for i := range want {
			corpus.Sort(want[i].Entities, nil)
		}
		if d := same(want, got, cmpopts.IgnoreFields(corpus.Sentence{}, "ID")); d != "" {
			t.Error(d)
		}
	}
}

// inScheme gives sentences as a CoNLL file in a scheme that the package does
// not write.
func inScheme(sentences []corpus.Sentence, tags func(e corpus.Entity, before *corpus.Entity, i int) string) string {
	var b strings.Builder
	for _, s := range sentences {
		list := make([]string, len(s.Tokens))
		for i := range list {
			list[i] = "O"
		}
		for n, e := range s.Entities {
			var before *corpus.Entity
			if n > 0 && s.Entities[n-1].End == e.Start && s.Entities[n-1].Label == e.Label {
				before = &s.Entities[n-1]
			}
			for i := e.Start; i < e.End; i++ {
				list[i] = tags(e, before, i) + "-" + e.Label
			}
		}
		for i, token := range s.Tokens {
			fmt.Fprintf(&b, "%s _ %s\n", token, list[i])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestCoNLLFilesOfAllSchemesComeBackAsWritten(t *testing.T) {
	sentences := append(news(t), random(4, 150)...)
	bio, _ := write(t, writers["bio"], sentences)
	bioes, _ := write(t, writers["bioes"], sentences)
	other := func(single, first, inner, last string) string {
		return inScheme(sentences, func(e corpus.Entity, _ *corpus.Entity, i int) string {
			switch {
			case e.End-e.Start == 1:
				return single
			case i == e.Start:
				return first
			case i == e.End-1:
				return last
			}
			return inner
		})
	}
	for name, file := range map[string]string{
		"BIO":   bio,
		"BIOES": bioes,
		"BILOU": other("U", "B", "I", "L"),
		"BMEWO": other("W", "B", "M", "E"),
		"IOE2":  other("E", "I", "I", "E"),
		"IOB1": inScheme(sentences, func(e corpus.Entity, before *corpus.Entity, i int) string {
			if before != nil && i == e.Start {
				return "B"
			}
			return "I"
		}),
	} {
		var got []corpus.Sentence
		for s, err := range corpus.ReadCoNLL("f", strings.NewReader(file), corpus.Reading{}) {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got = append(got, *s)
		}
		if d := same(sentences, got, cmpopts.IgnoreFields(corpus.Sentence{}, "ID")); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestLabelsThatLookAlikeWithoutWhiteSpaceStayApart(t *testing.T) {
	s := sentence("0", "a b c d", entity(0, 1, "x y"), entity(1, 2, "x_y"), entity(2, 3, " x\ty "), entity(3, 4, ""))
	got, _ := write(t, writers["bio"], []corpus.Sentence{s, s})
	const want = "a\tB-x_y\nb\tB-x_y-2\nc\tB-x_y-3\nd\tB-_\n\n"
	if d := cmp.Diff(want+want, got); d != "" {
		t.Error(d)
	}
}

func TestASentenceThatBeginsLikeAMarkBetweenDocumentsIsRefused(t *testing.T) {
	w := corpus.NewCoNLL(&bytes.Buffer{}, corpus.BIO, nil)
	s := sentence("7", "-DOCSTART- y")
	if err := w.Add(&s); err == nil || !strings.Contains(err.Error(), "sentence 7 begins with the token -DOCSTART-") || fault.Hint(err) == "" {
		t.Error(err)
	}
}

func TestCoNLLFilesTellHowManySentencesHaveNoTokens(t *testing.T) {
	w := corpus.NewCoNLL(&bytes.Buffer{}, corpus.BIO, nil)
	for _, text := range []string{"", "a", " \n"} {
		s := sentence("0", text)
		if err := w.Add(&s); err != nil {
			t.Fatal(err)
		}
	}
	if w.Empty() != 2 {
		t.Error(w.Empty())
	}
}

func TestTokensThatReadAsMarksOfAFileComeBackAsWritten(t *testing.T) {
	want := []corpus.Sentence{
		sentence("", "\ufeffa b"), sentence("", "\ufeff"), sentence("", "-DOCSTART-s"), sentence("", "# = O"),
		sentence("", "x -DOCSTART- -DOCSTART- y", entity(1, 2, "X"), entity(2, 4, "X")), sentence("", "x -DOCSTART-"),
	}
	for _, scheme := range []string{"bio", "bioes"} {
		file, _ := write(t, writers[scheme], want)
		var got []corpus.Sentence
		for s, err := range corpus.ReadCoNLL("f", strings.NewReader(file), corpus.Reading{}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, *s)
		}
		if d := same(want, got); d != "" {
			t.Errorf("%s: %s", scheme, d)
		}
	}
}

// cut is what a program that counts code points takes for the entity.
func cut(text string, start, end int) string { return string([]rune(text)[start:end]) }

// places gives the entities of s as "start end label text found", in code points
// that are counted here from the tokens.
func places(s corpus.Sentence) (list []string) {
	for _, e := range s.Entities {
		rest, pos := s.Text, 0
		var start, end int
		for i, token := range s.Tokens[:e.End] {
			gap := strings.Index(rest, token)
			if i == e.Start {
				start = pos + gap
			}
			pos += gap + len(token)
			rest, end = rest[gap+len(token):], pos
		}
		from, to := len([]rune(s.Text[:start])), len([]rune(s.Text[:end]))
		list = append(list, fmt.Sprintf("%d %d %s %q %s", from, to, e.Label, s.Text[start:end], []string{"", "exact", "repaired"}[e.How]))
	}
	return list
}

func TestSpansOfJSONFormatsAreTheEntitiesInCodePoints(t *testing.T) {
	for _, sentences := range [][]corpus.Sentence{sample(), random(5, 200)} {
		lines, _ := write(t, writers["jsonl"], sentences)
		dec := json.NewDecoder(strings.NewReader(lines))
		for _, s := range sentences {
			var line struct {
				Text  string
				Spans []struct {
					Start, End         int
					Label, Text, Found string
					StartChar          int `json:"start_char"`
					EndChar            int `json:"end_char"`
					StartByte          int `json:"start_byte"`
					EndByte            int `json:"end_byte"`
				}
			}
			if err := dec.Decode(&line); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range line.Spans {
				if text := cut(line.Text, e.StartChar, e.EndChar); text != e.Text || text != line.Text[e.StartByte:e.EndByte] || !slices.Equal(markup.AppendTokens(nil, text), s.Tokens[e.Start:e.End]) {
					t.Errorf("%+v is %q", e, text)
				}
				got = append(got, fmt.Sprintf("%d %d %s %q %s", e.StartChar, e.EndChar, e.Label, e.Text, e.Found))
			}
			if d := cmp.Diff(places(s), got); d != "" {
				t.Error(d)
			}
		}
	}
}

// task is a Label Studio task, as far as its documentation demands members.
type task struct {
	Data                     struct{ Text, Sentence string }
	Annotations, Predictions []struct {
		ModelVersion string `json:"model_version"`
		Score        *float64
		Result       []struct {
			ID, Type string
			FromName string `json:"from_name"`
			ToName   string `json:"to_name"`
			Value    struct {
				Start, End int
				Text       string
				Labels     []string
			}
		}
	}
}

func TestTasksOfLabelStudioHoldTheEntities(t *testing.T) {
	for _, sentences := range [][]corpus.Sentence{sample(), random(6, 200)} {
		file, _ := write(t, writers["labelstudio"], sentences)
		var tasks []task
		if err := json.Unmarshal([]byte(file), &tasks); err != nil || len(tasks) != len(sentences) {
			t.Fatalf("%d tasks, %v", len(tasks), err)
		}
		for i, s := range sentences {
			given := slices.DeleteFunc(slices.Clone(s.Entities), func(e corpus.Entity) bool { return e.How != markup.Given })
			got := tasks[i].Predictions
			if len(given) > 0 {
				got = tasks[i].Annotations
			}
			if len(got) != 1 || len(tasks[i].Annotations)+len(tasks[i].Predictions) != 1 || tasks[i].Data.Text != s.Text || (got[0].Score == nil) != (len(given) > 0) {
				t.Fatalf("%q: %+v", s.Text, tasks[i])
			}
			var list []string
			ids := map[string]bool{}
			for n, r := range got[0].Result {
				v := r.Value
				if r.Type != "labels" || r.FromName != "label" || r.ToName != "text" || ids[r.ID] || len(v.Labels) != 1 || cut(tasks[i].Data.Text, v.Start, v.End) != v.Text {
					t.Errorf("%+v", r)
				}
				ids[r.ID] = true
				list = append(list, fmt.Sprintf("%d %d %s %q %s", v.Start, v.End, v.Labels[0], v.Text, []string{"", "exact", "repaired"}[s.Entities[n].How]))
			}
			if d := cmp.Diff(places(s), list); d != "" {
				t.Error(d)
			}
		}
	}
}

func TestASentenceWithoutGoldEntitiesIsAnnotated(t *testing.T) {
	s := sentence("0", "a b")
	for given, want := range map[bool]string{true: `"annotations":[{"result":[]}]`, false: `"predictions":[{"score":1,"result":[]}]`} {
		s.Given = given
		file, _ := write(t, writers["labelstudio"], []corpus.Sentence{s})
		if !strings.Contains(file, `"sentence":"0"},`+want+"}") {
			t.Errorf("given %v: got %s, want %s", given, file, want)
		}
	}
}

func TestTheScoreIsTheShareFoundExactly(t *testing.T) {
	exact, repaired := entity(0, 1, "X", markup.Exact), entity(1, 2, "X", markup.Repaired)
	for _, c := range []struct {
		name       string
		entities   []corpus.Entity
		unused     int
		unanswered []string
		want       float64
	}{
		{"nothing marked", nil, 0, nil, 1},
		{"all exact", []corpus.Entity{exact}, 0, nil, 1},
		{"one repaired", []corpus.Entity{exact, repaired}, 0, nil, 0.5},
		{"one not used", []corpus.Entity{exact, repaired}, 1, nil, 0.3333},
		{"no answer", nil, 0, []string{"Y"}, 0},
		{"one of two answered", []corpus.Entity{exact}, 0, []string{"Y"}, 0.5},
	} {
		s := sentence("0", "a b", c.entities...)
		s.Unused, s.Unanswered = make([]corpus.Rejected, c.unused), c.unanswered
		for i := range s.Unused {
			s.Unused[i].Reason = markup.Blank
		}
		file, _ := write(t, writers["labelstudio"], []corpus.Sentence{s})
		var tasks []task
		if err := json.Unmarshal([]byte(file), &tasks); err != nil {
			t.Fatal(err)
		}
		if got := *tasks[0].Predictions[0].Score; got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestAnotherLabelDoesNotLowerTheScore(t *testing.T) {
	s := sentence("0", "a b", entity(0, 1, "X", markup.Exact))
	s.Unused = []corpus.Rejected{{Label: "X", Text: "b", Reason: markup.OtherLabel}}
	file, _ := write(t, writers["labelstudio"], []corpus.Sentence{s})
	var tasks []task
	if err := json.Unmarshal([]byte(file), &tasks); err != nil {
		t.Fatal(err)
	}
	if got := *tasks[0].Predictions[0].Score; got != 1 {
		t.Errorf("got %v, want 1", got)
	}
}

func TestTheLabellingInterfaceNamesTheLabels(t *testing.T) {
	labels := []string{"PER", `a<b> & "c"`, "人名"}
	var view struct {
		Labels struct {
			Name   string `xml:"name,attr"`
			ToName string `xml:"toName,attr"`
			Label  []struct {
				Value string `xml:"value,attr"`
			}
		}
		Text struct {
			Name  string `xml:"name,attr"`
			Value string `xml:"value,attr"`
		}
	}
	if err := xml.Unmarshal([]byte(corpus.LabelStudioConfig(labels)), &view); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range view.Labels.Label {
		got = append(got, l.Value)
	}
	if d := cmp.Diff(labels, got); d != "" || view.Labels.Name != "label" || view.Labels.ToName != "text" || view.Text.Name != "text" || view.Text.Value != "$text" {
		t.Errorf("%+v %s", view, d)
	}
}

func TestLinesOfCSVAreTheEntitiesAndWhatIsNotUsed(t *testing.T) {
	sentences := append(sample(), random(8, 200)...)
	file, _ := write(t, writers["csv"], sentences)
	lines, err := csv.NewReader(strings.NewReader(file)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	lines = lines[1:]
	for _, line := range lines {
		for i, cell := range line {
			line[i] = textOf(cell)
		}
	}
	for _, s := range sentences {
		var got []string
		for _, l := range lines[:len(s.Entities)] {
			start, _ := strconv.Atoi(l[2])
			end, _ := strconv.Atoi(l[3])
			if l[0] != s.ID || l[8] != "" || !slices.Equal(s.Tokens[start:end], markup.AppendTokens(nil, l[6])) {
				t.Errorf("%q of %q", l, s.Text)
			}
			got = append(got, fmt.Sprintf("%s %s %s %q %s", l[4], l[5], l[1], l[6], l[7]))
		}
		if d := cmp.Diff(places(s), got); d != "" {
			t.Error(d)
		}
		lines = lines[len(s.Entities):]
		for i, u := range s.Unused {
			want := []string{s.ID, u.Label, "", "", "", "", u.Text, "", []string{"hallucinated", "part_of_token"}[i]}
			if d := cmp.Diff(want, lines[i]); d != "" {
				t.Error(d)
			}
		}
		lines = lines[len(s.Unused):]
	}
	if len(lines) > 0 {
		t.Errorf("more lines: %q", lines)
	}
}

// textOf returns the text of a CSV cell, without the apostrophe that keeps it from being a formula.
func textOf(cell string) string {
	if rest, marked := strings.CutPrefix(cell, "'"); marked && regexp.MustCompile("^'*[=+@\t\r-]").MatchString(rest) {
		return rest
	}
	return cell
}

func TestNoTextOfCSVIsAFormula(t *testing.T) {
	for _, text := range []string{"=1+1", "+1", "-LRB-", "@ada", "\tx", "\r=", "'=x", "''@", "'s", "Ada", "'", "a=b", "−1"} {
		s := sentence("=0", "x", entity(0, 1, "@PER"))
		s.Unused = []corpus.Rejected{{Label: "-L", Text: text, Reason: markup.Hallucinated}}
		file, _ := write(t, writers["csv"], []corpus.Sentence{s})
		lines, err := csv.NewReader(strings.NewReader(file)).ReadAll()
		if err != nil || len(lines) != 3 {
			t.Fatalf("%d lines, %v", len(lines), err)
		}
		for _, line := range lines[1:] {
			for _, cell := range line {
				if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
					t.Errorf("%q: a cell is %q", text, cell)
				}
			}
		}
		if got := textOf(lines[2][6]); got != text {
			t.Errorf("%q comes back as %q", text, got)
		}
		if plain := "Ada a=b 's ' −1"; strings.Contains(plain, text) && lines[2][6] != text {
			t.Errorf("%q is no formula, but its cell is %q", text, lines[2][6])
		}
	}
}

func TestAFormatIsFoundByItsName(t *testing.T) {
	list := sample()
	for _, name := range corpus.Formats() {
		key := name
		if name == "conll" {
			key = "bioes"
		}
		got, _ := write(t, func(w *bytes.Buffer) *corpus.Encoder {
			out, err := corpus.NewEncoder(name, w, corpus.BIOES, ranks)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}, list)
		if want, _ := write(t, writers[key], list); got != want || want == "" {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
	if _, err := corpus.NewEncoder("odd", &bytes.Buffer{}, corpus.BIO, nil); err == nil {
		t.Error("an unknown format is written")
	}
	for name, want := range map[string]corpus.Scheme{"bio": corpus.BIO, "BIOES": corpus.BIOES} {
		if got, err := corpus.ParseScheme(name); got != want || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := corpus.ParseScheme("iob1"); err == nil {
		t.Error("an unknown scheme is read")
	}
}
