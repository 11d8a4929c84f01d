package corpus_test

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"nertools/pkg/corpus"
)

// counter counts what is written.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func BenchmarkWrite(b *testing.B) {
	sentences := news(b)
	for name, start := range map[string]func(io.Writer) *corpus.Encoder{
		"jsonl":       corpus.NewJSONL,
		"conll":       func(w io.Writer) *corpus.Encoder { return corpus.NewCoNLL(w, corpus.BIO, ranks) },
		"spacy":       func(w io.Writer) *corpus.Encoder { return corpus.NewSpaCy(w, ranks) },
		"labelstudio": corpus.NewLabelStudio,
		"csv":         corpus.NewCSV,
	} {
		b.Run(name, func(b *testing.B) {
			var written counter
			w := start(&written)
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Add(&sentences[n%len(sentences)]); err != nil {
					b.Fatal(err)
				}
				n++
			}
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(written)/b.Elapsed().Seconds()/1e6, "MB/s")
		})
	}
	b.Run("brat", func(b *testing.B) {
		dir := b.TempDir()
		n := 0
		b.ReportAllocs()
		err := corpus.WriteBrat(filepath.Join(dir, "brat"), nil, func(add func(*corpus.Sentence) error) error {
			for b.Loop() {
				if err := add(&sentences[n%len(sentences)]); err != nil {
					return err
				}
				n++
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	var sentences []corpus.Sentence
	for range 200 {
		sentences = append(sentences, news(b)...)
	}
	for name, read := range map[string]func(string) error{
		"bio": func(file string) error {
			for _, err := range corpus.ReadCoNLL("f", strings.NewReader(file), corpus.Reading{}) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"jsonl": func(file string) error {
			for _, err := range corpus.ReadJSONL("f", strings.NewReader(file), corpus.Reading{Pretokenized: true}) {
				if err != nil {
					return err
				}
			}
			return nil
		},
	} {
		b.Run(name, func(b *testing.B) {
			file, _ := write(b, writers[name], sentences)
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			for b.Loop() {
				if err := read(file); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
