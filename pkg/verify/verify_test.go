package verify_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/catalog"
	"nertools/pkg/corpus"
	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/mrc"
	"nertools/pkg/prompt"
	"nertools/pkg/record"
	"nertools/pkg/verify"
)

const news = "../../examples/news"

func conll(t testing.TB) catalog.DataSet {
	t.Helper()
	set, err := catalog.Builtin().DataSet("CONLL")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func wording(t testing.TB, text string) *prompt.Blocks {
	t.Helper()
	blocks, err := verify.ParseTemplate("test.tmpl", text)
	if err != nil {
		t.Fatal(err)
	}
	return blocks
}

func open(t testing.TB, path string) *mrc.File {
	t.Helper()
	f, err := mrc.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// sentence makes one from its tokens, an entity written as PER[Bob Li].
func sentence(text string) *corpus.Sentence {
	s := new(corpus.Sentence)
	open := 0
	for _, token := range strings.Fields(text) {
		if label, first, ok := strings.Cut(token, "["); ok {
			s.Entities = append(s.Entities, corpus.Entity{Label: label})
			open, token = len(s.Tokens), first
		}
		plain, closes := strings.CutSuffix(token, "]")
		s.Tokens = append(s.Tokens, plain)
		if closes {
			s.Entities[len(s.Entities)-1].Span = markup.Span{Start: open, End: len(s.Tokens)}
		}
	}
	s.Text = strings.Join(s.Tokens, " ")
	return s
}

// training writes an MRC file of the sentences that asks for PER and LOC: the
// rows of sentence i are 2i and 2i+1.
func training(t testing.TB, sentences ...string) *mrc.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mrc-ner.train")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w := mrc.NewWriter(out, []mrc.Query{{Label: "PER"}, {Label: "LOC"}})
	for _, s := range sentences {
		if err := w.Add(sentence(s)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, path)
}

// candidate is the tokens start to end-1 of a sentence.
func candidate(row int, label, text string, start, end int) verify.Candidate {
	return verify.Candidate{
		Row: row, Label: label, Context: text, Span: markup.Span{Start: start, End: end},
		Text: strings.Join(strings.Fields(text)[start:end], " "),
	}
}

// entities gives all entities of an MRC file.
func entities(t testing.TB, f *mrc.File) (list []verify.Candidate) {
	t.Helper()
	for i := range f.Len() {
		var row mrc.Row
		if err := f.Decode(i, &row); err != nil {
			t.Error(err)
		}
		for _, s := range row.Spans {
			list = append(list, candidate(i, row.Label, row.Context, s.Start, s.End))
		}
	}
	return list
}

// questions fills and runs the job, and returns what it writes.
func questions(t testing.TB, job verify.Questions, list []verify.Candidate) []record.Prompt {
	t.Helper()
	prompts, _ := asked(t, job, list)
	return prompts
}

func asked(t testing.TB, job verify.Questions, list []verify.Candidate) (prompts []record.Prompt, lines []byte) {
	t.Helper()
	if job.Source == "" {
		job.Source = "test"
	}
	if job.Labels.Name == "" {
		job.Labels = conll(t)
	}
	if job.Template == nil {
		job.Template = wording(t, verify.Templates[0])
	}
	var out bytes.Buffer
	report, err := job.Write(t.Context(), &out, list)
	if err != nil {
		t.Fatal(err)
	}
	fewer := 0
	for line := range bytes.Lines(out.Bytes()) {
		p, err := record.ParsePrompt(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			t.Fatal(err)
		}
		prompts = append(prompts, p)
		if len(p.Examples) < job.Examples {
			fewer++
		}
	}
	if want := (verify.Asked{Questions: len(prompts), Fewer: fewer}); report != want {
		t.Errorf("the report is %+v, want %+v", report, want)
	}
	return prompts, out.Bytes()
}

func TestAQuestionShowsTheSentenceAndThePhrase(t *testing.T) {
	list := []verify.Candidate{candidate(17, "PER", "Ada wrote to  Bob \"B.\" Li .", 3, 6)}
	train := training(t, "PER[Ada Li] slept .", "The LOC[Ada Li] is a river .")
	for _, c := range []struct {
		job  verify.Questions
		want string
	}{
		{verify.Questions{}, "Sentence: Ada wrote to  Bob \"B.\" Li .\nPhrase: Bob \"B.\" Li\nAnswer:"},
		{verify.Questions{Examples: 1, Train: train}, "Sentence: Ada Li slept .\nPhrase: Ada Li\nAnswer: yes\n\nSentence: Ada wrote to  Bob \"B.\" Li .\nPhrase: Bob \"B.\" Li\nAnswer:"},
	} {
		got := questions(t, c.job, list)[0]
		instruction, rest, _ := strings.Cut(got.Text, "\n\n")
		if rest != c.want {
			t.Errorf("got  %q\nwant %q", rest, c.want)
		}
		for _, part := range []string{"CONLL", "person", "yes or no"} {
			if !strings.Contains(instruction, part) {
				t.Errorf("no %q in the instruction %q", part, instruction)
			}
		}
		want := record.Prompt{
			ID: record.NewID("test.verify", 17*256+3+128, []byte(got.Text)), Index: 17*256 + 3 + 128, Label: "PER", Context: list[0].Context,
			Text: got.Text, Examples: got.Examples, Extra: `,"entity":{"row":17,"start":3,"end":6,"text":"Bob \"B.\" Li"}`,
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
}

func TestTheWordingCanShowAllThatTheViewHolds(t *testing.T) {
	template := wording(t, `{{define "instruction"}}{{.DataName}}|{{.Label}}|{{.Name}}|{{.Examples}}|{{.Phrase}}|{{.Context}}{{end}}`+
		`{{define "example"}}|{{.Number}} {{.Phrase}}: {{if eq .Verdict "yes"}}ja{{else}}nein{{end}} ({{.Context}}; {{.Label}}){{end}}{{define "query"}}|{{.Number}} {{.Verdict}}{{.Phrase}}{{end}}`)
	train := training(t, "PER[Ada] slept .")
	got := questions(t, verify.Questions{Template: template, Examples: 1, Train: train}, []verify.Candidate{candidate(0, "PER", "Bob slept", 0, 1)})[0].Text
	if want := "CONLL|PER|person|1|Bob|Bob slept|1 Ada: ja (Ada slept .; PER)|0 Bob"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	_, err := verify.ParseTemplate("own.tmpl", prompt.MarkupTemplates[0])
	if err == nil || !strings.Contains(err.Error(), "Marked") || !strings.Contains(fault.Hint(err), ".Phrase, and in example .Number .Verdict") {
		t.Errorf("a wording for marking entities: %v; %s", err, fault.Hint(err))
	}
	if _, err := prompt.ParseTemplate("own.tmpl", verify.Templates[0]); err == nil {
		t.Error("this wording is taken for one that asks for marks")
	}
}

func TestEveryEntityHasOneQuestionWithAnIDOfItsOwn(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	text := strings.TrimSpace(strings.Repeat("w ", 300))
	for range 5 {
		var list []verify.Candidate
		for row := 0; row < 500; row += 1 + chance.IntN(100) {
			for range 1 << chance.IntN(9) {
				start := chance.IntN(300)
				c := candidate(row, "PER", text, start, start+1+chance.IntN(min(12, 300-start)))
				if !slices.Contains(list, c) {
					list = append(list, c)
				}
			}
		}
		ids := map[int]bool{}
		got := questions(t, verify.Questions{}, list)
		if len(got) != len(list) {
			t.Fatalf("%d questions about %d entities", len(got), len(list))
		}
		for i, p := range got {
			source, index, _, ok := record.ParseID(p.ID)
			if !ok || source != "test.verify" || index != p.Index || ids[index] || index/256 != list[i].Row || p.Total != 0 {
				t.Fatalf("entity %d of row %d has the id %s, again: %t", i, list[i].Row, p.ID, ids[index])
			}
			ids[index] = true
		}
	}
}

func TestAnIDDoesNotChangeWithOtherEntities(t *testing.T) {
	text := strings.TrimSpace(strings.Repeat("w ", 70))
	var all []verify.Candidate
	for row := range 3 {
		for start := range 64 {
			for length := 1; length <= 4; length++ {
				all = append(all, candidate(row, "PER", text, start, start+length))
			}
		}
	}
	train := training(t, "PER[Ada] slept .", "w PER[w] .", "LOC[w w] .")
	job := verify.Questions{Examples: 2, Train: train}
	want := questions(t, job, all)
	chance := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		var some []verify.Candidate
		var ids []string
		for i, c := range all {
			if chance.IntN(10) == 0 {
				some, ids = append(some, c), append(ids, want[i].ID)
			}
		}
		for i, p := range questions(t, job, some) {
			if p.ID != ids[i] {
				t.Fatalf("%+v has the id %s among some and %s among all", some[i].Span, p.ID, ids[i])
			}
		}
	}
}

func TestEntitiesThatCannotBeAskedAboutStopBeforeTheFirstQuestion(t *testing.T) {
	text := strings.TrimSpace(strings.Repeat("w ", 300))
	var many []verify.Candidate
	for i := range 257 {
		many = append(many, candidate(7, "PER", text, i, i+1))
	}
	if got := questions(t, verify.Questions{}, many[:256]); len(got) != 256 {
		t.Errorf("%d questions about 256 entities", len(got))
	}
	surplus := verify.Questions{Source: "test", Labels: conll(t), Template: wording(t, verify.Templates[0])}
	if report, err := surplus.Write(t.Context(), io.Discard, append(many, candidate(8, "PER", "a b", 0, 1))); err != nil || report != (verify.Asked{Questions: 257, Surplus: 1}) {
		t.Errorf("a row of 257 and another one: %+v, %v", report, err)
	}
	if list, n, err := verify.NewVerdicts("test", nil).Decide(many); err != nil || list[256] != verify.NotAsked || n.NotAsked != 257 {
		t.Errorf("%+v, %v", n, err)
	}
	one := candidate(1<<23-1, "PER", "a b", 0, 1)
	if got := questions(t, verify.Questions{}, []verify.Candidate{one})[0].Index; got != (1<<23-1)*256 {
		t.Errorf("the last row that has numbers gives %d", got)
	}
	for _, c := range []struct {
		name string
		list []verify.Candidate
		want string
	}{
		{"too high a row", []verify.Candidate{candidate(1<<23, "PER", "a b", 0, 1)}, "row 8388608: only the entities of the first 8388608 rows can be verified"},
		{"an unknown label", []verify.Candidate{candidate(0, "PER", "a b", 0, 1), candidate(3, "CAR", "a b", 0, 1)}, `row 3: data set `},
		{"rows out of order", []verify.Candidate{candidate(3, "PER", "a b", 0, 1), candidate(2, "PER", "a b", 0, 1)}, "entities of row 2 after those of row 3"},
		{"one entity twice", []verify.Candidate{candidate(3, "PER", "a b", 0, 1), candidate(3, "PER", "a b", 1, 2), candidate(3, "PER", "a b", 0, 1)}, `row 3: duplicate entity "a"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			job := verify.Questions{Source: "test", Labels: conll(t), Template: wording(t, verify.Templates[0])}
			var out bytes.Buffer
			if _, err := job.Write(t.Context(), &out, c.list); err == nil || !strings.HasPrefix(err.Error(), c.want) || out.Len() > 0 {
				t.Errorf("got %v and %d bytes, want %s", err, out.Len(), c.want)
			}
		})
	}
}

func TestAnUnknownLabelIsNamedWithItsLine(t *testing.T) {
	rows := training(t, "LOC[Paris] sleeps", "PER[Ada] sleeps")
	job := verify.Questions{Source: "train", Rows: rows, Labels: catalog.DataSet{Name: "HALF", Labels: []catalog.Label{{Key: "LOC"}}}, Template: wording(t, verify.Templates[0])}
	_, err := job.Write(t.Context(), io.Discard, entities(t, rows))
	e, ok := errors.AsType[*fault.Error](err)
	unknown, known := errors.AsType[*catalog.UnknownLabelError](err)
	if !ok || e.File != rows.Name() || e.Line != rows.Line(2) || !known || unknown.Label != "PER" {
		t.Errorf("got %+v", err)
	}
}

func TestDemonstrationsOfTheSameWordsComeFirst(t *testing.T) {
	train := training(t,
		"LOC[Jordan] lies in Asia .",            // 0, 1: another label
		"PER[Jordan] scored .",                  // 2, 3: the label
		"A pair of Jordan shoes .",              // 4, 5: no entity
		"PER[Paris] Hilton came to LOC[Rome] .", // 6, 7
		"LOC[Paris] is a city .",                // 8, 9: another label, and the label elsewhere
		"LOC[Oslo] is a city .",                 // 10, 11: another label alone
		"PER[Bob Li] slept .",                   // 12, 13
		"PER[Cy] slept .",                       // 14, 15
		"PER[Jordan] saw LOC[Jordan] .",         // 16, 17: the label, whatever else
		"LOC[Jordan] came .",                    // 18, 19: the asked sentence
	)
	ask := []verify.Candidate{candidate(0, "PER", "Jordan  came .", 0, 1)}
	for _, c := range []struct {
		n, shown int
		must     string // of the demonstrations, chance may decide on the rest
	}{
		{1, 1, ""},
		{2, 2, "no Jordan 0"},
		{3, 3, "no Jordan 0|yes Jordan 2|yes Jordan 16"},
		{4, 4, "no Jordan 0|yes Jordan 2|yes Jordan 16|no Jordan 4"},
		{6, 6, "no Jordan 0|yes Jordan 2|yes Jordan 16|no Jordan 4|no Paris 8"},
		{8, 8, "no Jordan 0|yes Jordan 2|yes Jordan 16|no Jordan 4|no Paris 8"},
		{99, 9, "no Jordan 0|yes Jordan 2|yes Jordan 16|no Jordan 4|no Paris 8|no Oslo 10|yes Bob Li 12|yes Cy 14|yes Paris 6"},
	} {
		got := demonstrations(questions(t, verify.Questions{Examples: c.n, Train: train}, ask)[0])
		if len(got) != c.shown {
			t.Errorf("%d demonstrations where %d may be shown: %q", len(got), c.shown, got)
		}
		for _, d := range strings.Split(c.must, "|") {
			if c.must != "" && !slices.Contains(got, d) {
				t.Errorf("%q is not among the %d demonstrations %q", d, c.n, got)
			}
		}
	}
}

// demonstrations gives what a question shows, as "no Jordan 4": verdict, phrase
// and training row.
func demonstrations(p record.Prompt) (list []string) {
	parts := strings.Split(p.Text, "\n\n")
	for i, row := range p.Examples {
		lines := strings.Split(parts[1+i], "\n")
		list = append(list, fmt.Sprintf("%s %s %d", strings.TrimPrefix(lines[2], "Answer: "), strings.TrimPrefix(lines[1], "Phrase: "), row))
	}
	return list
}

func TestOneKindOfDemonstrationIsAtMostOneAhead(t *testing.T) {
	ask := []verify.Candidate{candidate(0, "PER", "Jordan came .", 0, 1)}
	for _, c := range []struct {
		name      string
		sentences []string
		want      int
	}{
		{"neither kind", []string{"nobody came ."}, 0},
		{"entities alone", []string{"PER[Ada] came .", "PER[Bob] came .", "PER[Cy] came ."}, 1},
		{"near misses alone", []string{"LOC[Rome] fell .", "LOC[Oslo] fell .", "LOC[Bern] fell ."}, 1},
		{"one near miss", []string{"LOC[Rome] fell .", "PER[Ada] came .", "PER[Bob] came .", "PER[Cy] came ."}, 3},
		{"both", []string{"LOC[Rome] fell .", "PER[Ada] came .", "LOC[Oslo] fell .", "PER[Bob] came .", "LOC[Bern] fell .", "PER[Cy] came .", "PER[Di] came ."}, 6},
		{"the asked sentence alone", []string{"PER[Jordan] came .", "LOC[Jordan] came ."}, 0},
	} {
		got := questions(t, verify.Questions{Examples: 6, Train: training(t, c.sentences...)}, ask)[0]
		if len(got.Examples) != c.want {
			t.Errorf("%s: %q, want %d", c.name, demonstrations(got), c.want)
		}
	}
}

func TestDemonstrationsAreTrueBalancedAndOfOtherSentences(t *testing.T) {
	train := open(t, mrc.Path(news, "train"))
	list := entities(t, open(t, mrc.Path(news, "test")))
	list = append(list, entities(t, train)...) // whose own sentences are in the training file
	for i := range list {
		list[i].Row = i
	}
	kinds := map[string]int{}
	for i, p := range questions(t, verify.Questions{Examples: 6, Train: train}, list) {
		seen := []string{list[i].Context}
		count := map[string]int{}
		for k, d := range demonstrations(p) {
			var row mrc.Row
			if err := train.Decode(p.Examples[k], &row); err != nil {
				t.Error(err)
			}
			verdict, rest, _ := strings.Cut(d, " ")
			phrase := rest[:strings.LastIndexByte(rest, ' ')]
			count[verdict]++
			if phrase == list[i].Text {
				kinds[verdict+" same"]++
			} else {
				kinds[verdict]++
			}
			words := strings.Fields(row.Context)
			is := "no"
			for _, s := range row.Spans {
				if strings.Join(words[s.Start:s.End], " ") == phrase {
					is = "yes"
				}
			}
			if row.Label != list[i].Label || is != verdict || !strings.Contains(" "+row.Context+" ", " "+phrase+" ") {
				t.Errorf("entity %d, %s: %s in %q, row %d for %s", i, list[i].Label, d, row.Context, p.Examples[k], row.Label)
			}
			if slices.Contains(seen, row.Context) {
				t.Errorf("entity %d: %q is shown, or asked and shown", i, row.Context)
			}
			seen = append(seen, row.Context)
		}
		if count["yes"] != 3 || count["no"] != 3 {
			t.Errorf("entity %d: %v", i, count)
		}
	}
	if kinds["yes same"] == 0 || kinds["no same"] == 0 {
		t.Errorf("no demonstration shows the words asked about: %v", kinds)
	}
}

func TestQuestionsAreTheSameOnAnyNumberOfCores(t *testing.T) {
	job := verify.Questions{Examples: 5, Train: open(t, mrc.Path(news, "train"))}
	list := entities(t, open(t, mrc.Path(news, "test")))
	var first []byte
	for _, cores := range []int{1, 4, 3, 4} {
		before := runtime.GOMAXPROCS(cores)
		_, out := asked(t, job, list)
		runtime.GOMAXPROCS(before)
		if first == nil {
			first = out
		}
		if !bytes.Equal(out, first) {
			t.Fatalf("%d cores give other bytes than 1", cores)
		}
	}
}

// full is a writer that takes nothing.
type full struct{ err error }

func (w full) Write([]byte) (int, error) { return 0, w.err }

func TestWhatEndsAJobIsReported(t *testing.T) {
	job := verify.Questions{Source: "test", Labels: conll(t), Template: wording(t, verify.Templates[0])}
	list := entities(t, open(t, mrc.Path(news, "test")))
	disk := errors.New("disk full")
	if _, err := job.Write(t.Context(), full{disk}, list); !errors.Is(err, disk) {
		t.Errorf("got %v, want %v", err, disk)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := job.Write(ctx, new(bytes.Buffer), list); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	job.Template = wording(t, strings.Replace(verify.Templates[0], "Answer:\n", "{{with .Phrase}}{{index . 99}}{{end}}\n", 1))
	if _, err := job.Write(t.Context(), new(bytes.Buffer), list); err == nil {
		t.Error("a wording that fails is not reported")
	}
}

// invented makes n training sentences of 25 words with two entities each, rows
// for 18 labels.
func invented(b *testing.B, n int) *mrc.File {
	b.Helper()
	set, err := catalog.Builtin().DataSet("ONTONOTES")
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "mrc-ner.train")
	out, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	var asked []mrc.Query
	for _, l := range set.Labels {
		asked = append(asked, mrc.Query{Label: l.Key})
	}
	w := mrc.NewWriter(out, asked)
	chance := rand.New(rand.NewPCG(5, 6))
	for range n {
		var s corpus.Sentence
		for range 25 {
			x := chance.Float64()
			s.Tokens = append(s.Tokens, fmt.Sprintf("word%d", int(x*x*x*10_000)))
		}
		for _, start := range []int{chance.IntN(10), 10 + chance.IntN(10)} {
			s.Entities = append(s.Entities, corpus.Entity{Span: markup.Span{Start: start, End: start + 1 + chance.IntN(3)}, Label: set.Labels[chance.IntN(len(set.Labels))].Key})
		}
		s.Text = strings.Join(s.Tokens, " ")
		if err := w.Add(&s); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return open(b, path)
}

func BenchmarkWrite(b *testing.B) {
	set, err := catalog.Builtin().DataSet("ONTONOTES")
	if err != nil {
		b.Fatal(err)
	}
	train := invented(b, 4000)
	list := entities(b, train)
	for i := range list {
		list[i].Row = i
	}
	for _, n := range []int{0, 8} {
		b.Run(fmt.Sprintf("examples=%d", n), func(b *testing.B) {
			job := verify.Questions{Source: "test", Labels: set, Template: wording(b, verify.Templates[0]), Examples: n, Train: train}
			b.ReportAllocs()
			var out bytes.Buffer
			for b.Loop() {
				out.Reset()
				if _, err := job.Write(b.Context(), &out, list); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(list)*b.N)/b.Elapsed().Seconds(), "questions/s")
		})
	}
}

// A version that is in use never changes: its questions would be asked, and paid for, again.
func TestVersionsOfTheBuiltInTemplateNeverChange(t *testing.T) {
	was := []string{"caeb4b417855ed7cba8b647981da1c09e156acc19e22256dbe7d6a53b8a7a107"}
	var is []string
	for _, text := range verify.Templates {
		is = append(is, fmt.Sprintf("%x", sha256.Sum256([]byte(text))))
	}
	if !slices.Equal(is, was) {
		t.Errorf("the templates have the digests %q, not %q: leave them as they are, and add a version", is, was)
	}
}
