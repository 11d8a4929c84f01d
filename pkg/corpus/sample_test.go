package corpus_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"nertools/pkg/corpus"
	"nertools/pkg/markup"
	"nertools/pkg/mrc"
)

func sentence(id, text string, entities ...corpus.Entity) corpus.Sentence {
	return corpus.Sentence{ID: id, Text: text, Tokens: markup.AppendTokens(nil, text), Entities: entities}
}

func entity(start, end int, label string, how ...markup.How) corpus.Entity {
	e := corpus.Entity{Span: markup.Span{Start: start, End: end}, Label: label}
	if len(how) > 0 {
		e.How = how[0]
	}
	return e
}

// ranks is an order that differs from the alphabet.
func ranks(label string) int { return strings.Index("PER LOC ORG", label) & 0xff }

// sample holds what is hard for formats: characters of two UTF-16 units, of
// several code points, white space of other kinds, quotes, commas, overlaps.
func sample() []corpus.Sentence {
	list := []corpus.Sentence{
		sentence("0", "Ada Li saw 🦊🦊 in Zürich .", entity(0, 2, "PER", markup.Exact), entity(3, 4, "fox, red", markup.Repaired), entity(5, 6, "LOC", markup.Exact)),
		sentence("1", "  The\u00a0Bank of\tEngland said \"No\" , e\u0301 <b> !\n", entity(0, 4, "ORG", markup.Exact), entity(1, 4, "ORG", markup.Exact), entity(3, 4, "LOC", markup.Exact)),
		sentence("2", "東京 は 晴れ"),
		sentence("3", "Bob met Eve", entity(0, 1, "PER"), entity(2, 3, "PER")),
		sentence("4", ""),
	}
	list[0].Model = "small-1"
	list[0].Unused = []corpus.Rejected{{"LOC", "Genf, \"GE\"", markup.Hallucinated}, {"PER", "Li", markup.PartOfToken}}
	list[0].Forms = []corpus.Form{{"PER", markup.Chatter, markup.Glued | markup.ExtraSigns}, {"LOC", markup.Part, 0}, {"fox, red", markup.Same, markup.EmptyMarks}}
	list[0].Unanswered = []string{"ORG"}
	return list
}

// news gives the sentences of the sample data set, as it marks them.
func news(tb testing.TB) []corpus.Sentence {
	tb.Helper()
	f, err := mrc.Open(filepath.Join("..", "..", "examples", "news", "mrc-ner.test"))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	groups, err := f.Sentences()
	if err != nil {
		tb.Fatal(err)
	}
	var list []corpus.Sentence
	var row mrc.Row
	for _, g := range groups {
		var s corpus.Sentence
		for _, n := range g.Rows {
			if err := f.Decode(n, &row); err != nil {
				tb.Error(err)
			}
			s = sentence(g.ID, strings.Clone(row.Context), s.Entities...)
			for _, span := range row.Spans {
				s.Entities = append(s.Entities, entity(span.Start, span.End, strings.Clone(row.Label)))
			}
		}
		corpus.Sort(s.Entities, nil)
		list = append(list, s)
	}
	return list
}

// random gives sentences whose entities are apart, in an order without rank.
func random(seed uint64, n int) []corpus.Sentence {
	r := rand.New(rand.NewPCG(seed, 1))
	words := []string{"a", "The", "#", "-", "O", "B-PER", "🦊", "👩‍👩‍👧", "e\u0301a", "東京", "กรุงเทพ", "\"", "\\", ",", "=", "<b>", "x\u200by", "-DOC", "\ufeff"}
	labels := []string{"PER", "creative-work", "B", "O", "人名", "PER.1"}
	var list []corpus.Sentence
	for i := range n {
		var tokens []string
		for range 1 + r.IntN(12) {
			tokens = append(tokens, words[r.IntN(len(words))])
		}
		s := sentence(fmt.Sprint(i), strings.Join(tokens, " "))
		for at := r.IntN(3); at < len(tokens); at += r.IntN(3) {
			end := min(at+1+r.IntN(4), len(tokens))
			s.Entities = append(s.Entities, entity(at, end, labels[r.IntN(len(labels))]))
			at = end
		}
		list = append(list, s)
	}
	return list
}

// write gives what the Writer that start returns makes of sentences, and how
// many entities it left out.
func write(tb testing.TB, start func(*bytes.Buffer) *corpus.Encoder, sentences []corpus.Sentence) (string, int) {
	tb.Helper()
	var out bytes.Buffer
	w := start(&out)
	for i := range sentences {
		if err := w.Add(&sentences[i]); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.String(), w.Left()
}

// writers are the formats of one file.
var writers = map[string]func(*bytes.Buffer) *corpus.Encoder{
	"jsonl":       func(w *bytes.Buffer) *corpus.Encoder { return corpus.NewJSONL(w) },
	"bio":         func(w *bytes.Buffer) *corpus.Encoder { return corpus.NewCoNLL(w, corpus.BIO, ranks) },
	"bioes":       func(w *bytes.Buffer) *corpus.Encoder { return corpus.NewCoNLL(w, corpus.BIOES, ranks) },
	"spacy":       func(w *bytes.Buffer) *corpus.Encoder { return corpus.NewSpaCy(w, ranks) },
	"labelstudio": func(w *bytes.Buffer) *corpus.Encoder { return corpus.NewLabelStudio(w) },
	"csv":         func(w *bytes.Buffer) *corpus.Encoder { return corpus.NewCSV(w) },
}
