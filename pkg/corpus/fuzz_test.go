package corpus_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"nertools/pkg/corpus"
	"nertools/pkg/markup"
)

// sound reports whether s is as [corpus.Sentence] promises.
func sound(s *corpus.Sentence) bool {
	return slices.Equal(s.Tokens, markup.AppendTokens(nil, s.Text)) && !slices.ContainsFunc(s.Entities, func(e corpus.Entity) bool {
		return e.Start < 0 || e.End <= e.Start || e.End > len(s.Tokens) || e.Label == "" || e.How != markup.Given
	})
}

func FuzzReadCoNLL(f *testing.F) {
	for _, s := range []string{
		"Ada\tB-PER\nLi\tI-PER\n\nx O\n", "-DOCSTART- -X- O O\n\nU.N. NNP I-NP I-ORG\n", "# id = 7\na B-X\nb E-X\n", "a S-X\r\n\r\nb U-X",
		"1 a B-X,I-Y\n2 b I-Y|B-Z\n\n1-2 c O\n", "a (X(Y*\nb *))\n", "Token\tTag\na\tb_x\rb\t_\r", "a\tX-B\n", "1\ta\tname=B-X|b=c\n", "a X\nb O\n", "a B-X O\nb O B-Y EndOfSentence\n",
		"#\tO\n# O\n", "a\u00a0b O\n", "a b\tB-X\n", "\ufeff", "a\tB-x y\n", "\x1c B-X\n\u3000\n", "a I-X\nb B-X\nc L-Y\nd W-Y\ne M-Y\n", "\xff O\n",
	} {
		f.Add(s, 0)
		f.Add(s, 2)
	}
	f.Fuzz(func(t *testing.T, file string, column int) {
		var list []corpus.Sentence
		var options []cmp.Option
		for s, err := range corpus.ReadCoNLL("f", strings.NewReader(file), columns(max(column, 0))) {
			if err != nil {
				break
			}
			if !sound(s) || !markup.SingleSpaced(s.Text) {
				t.Fatalf("%q gives %+v", file, s)
			}
			for _, token := range s.Tokens {
				if !strings.Contains(file, token) {
					t.Fatalf("%q gives the token %q", file, token)
				}
			}
			overlap := false
			for i := 1; i < len(s.Entities); i++ {
				overlap = overlap || s.Entities[i].Start < s.Entities[i-1].End
			}
			if overlap || len(s.Tokens) == 0 {
				continue // CoNLL can't hold it
			}
			for _, e := range s.Entities {
				if !slices.Equal(markup.AppendTokens(nil, e.Label), []string{e.Label}) { // it is written in another way
					options = []cmp.Option{cmpopts.IgnoreFields(corpus.Entity{}, "Label")}
				}
			}
			list = append(list, *s)
		}
		for _, scheme := range []corpus.Scheme{corpus.BIO, corpus.BIOES} {
			again, left := write(t, func(w *bytes.Buffer) *corpus.Encoder { return corpus.NewCoNLL(w, scheme, nil) }, list)
			var got []corpus.Sentence
			for s, err := range corpus.ReadCoNLL("f", strings.NewReader(again), corpus.Reading{}) {
				if err != nil {
					t.Fatalf("%q became %q: %v", file, again, err)
				}
				got = append(got, *s)
			}
			if d := same(list, got, options...); d != "" || left > 0 {
				t.Fatalf("%q became %q: %s", file, again, d)
			}
		}
	})
}

func FuzzReadJSONL(f *testing.F) {
	for _, s := range []string{
		`{"id":"7","tokens":["Ada","left"],"spans":[{"start":0,"end":1,"label":"PER"}]}`, `{"text":"Ada 🦊 left","entities":[[0,5,"X"],[4,5,"Y"]]}`,
		`{"text":" a\u00a0b","tokens":["a","b"],"spans":[[0,2,"X"]]}` + "\n" + `{"text":"","spans":[]}`, `{"text":"\ud83d \u0000","spans":[[0,1,"X"]]}`,
		`{"kind":"sentence","v":1,"text":"a b","spans":[{"start_char":2,"end_char":3,"label":"X"}]}`, `{"text":"a","spans":[[-1,1e99,"X"]]}`, `{"text":"a","text":"b","spans":[[0.0,1.0,"X"]]}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, file string) {
		var list []corpus.Sentence
		for s, err := range corpus.ReadJSONL("f", strings.NewReader(file), corpus.Reading{Pretokenized: true}) {
			if err != nil {
				break
			}
			if !sound(s) {
				t.Fatalf("%q gives %+v", file, s)
			}
			list = append(list, *s)
		}
		again, _ := write(t, writers["jsonl"], list)
		if d := same(list, read(t, again)); d != "" {
			t.Fatalf("%q became %q: %s", file, again, d)
		}
	})
}
