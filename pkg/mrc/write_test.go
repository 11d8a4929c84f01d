package mrc_test

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/corpus"
	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/mrc"
)

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	var file bytes.Buffer
	w := mrc.NewWriter(&file, []mrc.Query{{"PER", "Who?"}, {"LOC", ""}})
	entity := func(start, end int, label string) corpus.Entity {
		return corpus.Entity{Span: markup.Span{Start: start, End: end}, Label: label}
	}
	for _, s := range []corpus.Sentence{
		{Text: `Ada "Li" saw </Zürich> .`, Entities: []corpus.Entity{entity(0, 2, "PER"), entity(3, 4, "LOC"), entity(0, 1, "PER"), entity(4, 5, "ORG")}},
		{ID: "doc.9", Text: ""},
	} {
		if err := w.Add(&s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	const want = `[
{"context": "Ada \"Li\" saw </Zürich> .", "end_position": [1, 0], "entity_label": "PER", "impossible": false, "qas_id": "0.1", "query": "Who?", "span_position": ["0;1", "0;0"], "start_position": [0, 0]},
{"context": "Ada \"Li\" saw </Zürich> .", "end_position": [3], "entity_label": "LOC", "impossible": false, "qas_id": "0.2", "span_position": ["3;3"], "start_position": [3]},
{"context": "", "end_position": [], "entity_label": "PER", "impossible": true, "qas_id": "doc.9.1", "query": "Who?", "span_position": [], "start_position": []},
{"context": "", "end_position": [], "entity_label": "LOC", "impossible": true, "qas_id": "doc.9.2", "span_position": [], "start_position": []}
]
`
	if d := cmp.Diff(want, file.String()); d != "" {
		t.Fatal(d)
	}
	f := open(t, write(t, "mrc-ner.test", file.String()))
	var got []string
	for i := range f.Len() {
		var r mrc.Row
		if err := f.Decode(i, &r); err != nil {
			t.Error(err)
		}
		got = append(got, fmt.Sprint(r.Context, r.Label, r.Spans))
	}
	if d := cmp.Diff([]string{`Ada "Li" saw </Zürich> .PER[{0 2} {0 1}]`, `Ada "Li" saw </Zürich> .LOC[{3 4}]`, "PER[]", "LOC[]"}, got); d != "" {
		t.Error(d)
	}
	sentences, err := f.Sentences()
	if d := cmp.Diff([]mrc.Group{{ID: "0", Rows: []int{0, 1}}, {ID: "doc.9", Rows: []int{2, 3}}}, sentences); d != "" || err != nil {
		t.Error(d, err)
	}
}

func TestAWriterErrorIsReturned(t *testing.T) {
	broken := errors.New("broken")
	w := mrc.NewWriter(failing{broken}, []mrc.Query{{Label: "PER"}})
	if err := w.Add(&corpus.Sentence{Text: "a"}); err != nil {
		t.Error(err)
	}
	if err := w.Close(); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestWithoutQuestionsTheLabelsOfTheSentencesAreAskedFor(t *testing.T) {
	sentences := func(list ...corpus.Sentence) iter.Seq2[*corpus.Sentence, error] {
		return func(yield func(*corpus.Sentence, error) bool) {
			for i := range list {
				if !yield(&list[i], nil) {
					return
				}
			}
		}
	}
	bare := corpus.Sentence{Text: "Ada left"}
	marked := corpus.Sentence{Text: "Ada left", Entities: []corpus.Entity{{Span: markup.Span{Start: 0, End: 1}, Label: "PER"}, {Span: markup.Span{Start: 1, End: 2}, Label: "ACT"}}}
	var out bytes.Buffer
	n, rows, err := mrc.Write(&out, "f", sentences(bare, marked), nil)
	if err != nil || n != 2 || rows != 4 {
		t.Fatal(n, rows, err)
	}
	f := open(t, write(t, "mrc-ner.test", out.String()))
	if got := []string{f.Label(0), f.Label(1)}; !slices.Equal(got, []string{"ACT", "PER"}) || f.Len() != 4 {
		t.Errorf("%d rows ask for %q", f.Len(), got)
	}
	if n, rows, err := mrc.Write(&out, "f", sentences(bare), []mrc.Query{{Label: "LOC"}}); err != nil || n != 1 || rows != 1 {
		t.Error(n, rows, err)
	}
	if _, _, err := mrc.Write(&out, "f", sentences(bare), nil); !errors.Is(err, mrc.ErrNoLabels) {
		t.Errorf("no labels: %v", err)
	}
	if _, _, err := mrc.Write(&out, "f", sentences(), nil); err == nil || fault.Hint(err) == "" || errors.Is(err, mrc.ErrNoLabels) {
		t.Errorf("no sentences: %v", err)
	}
	broken := errors.New("broken")
	fails := func(yield func(*corpus.Sentence, error) bool) { yield(nil, broken) }
	for _, questions := range [][]mrc.Query{nil, {{Label: "PER"}}} {
		if _, _, err := mrc.Write(&out, "f", fails, questions); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	}
}
