package corpus_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"nertools/pkg/corpus"
	"nertools/pkg/fault"
	"nertools/pkg/markup"
)

// readBrat returns the sentences of a text and its annotations, as spell does, and the remarks.
func readBrat(text, ann string) ([]string, string, error) {
	how := corpus.Reading{Split: corpus.NoSplit, Remarks: &corpus.Remarks{}}
	list, err := spell(corpus.ReadBrat("a.txt", strings.NewReader(text), corpus.Annotations{Name: "a.ann", In: strings.NewReader(ann)}, how))
	return list, how.Remarks.String(), err
}

func TestAnnotationsOfBratAreRead(t *testing.T) {
	const text = "Zoe\u0301 🦊 met\r\nMia Berg in Kiel."
	for _, c := range []struct{ name, text, ann, want, remarks string }{
		{"code points", text, "T1\tPER 0 4\tZoe\u0301\nT2\tPER 12 20\tMia Berg\nT3\tLOC 24 28\tKiel\n", text + "|0-4 PER|12-20 PER|24-28 LOC", ""},
		{"UTF-16", text, "T2\tPER 13 21\tMia Berg\r\n", text + "|12-20 PER", "read offsets as UTF-16 units, of which an emoji has two"},
		{"line ends of one character", text, "T2\tPER 11 19\tMia Berg\n", text + "|12-20 PER", "read offsets as if CR LF were one character"},
		{"over a line end", text, "T1\tX 7 10;12 15\tmet Mia\n", text + "|7-15 X", ""},
		{"several parts", text, "T1\tX 24 28;12 15\tMia Kiel\n", text + "|12-28 X", "read entities in several parts with what is between these"},
		{"without the text", text, "T1\tX 12 15\n", text + "|12-15 X", ""},
		{"a byte order mark that does not count", "\ufeffMia", "T1\tX 0 3\tMia\n", "Mia|0-3 X", ""},
		{"a byte order mark that counts", "\ufeffMia", "T1\tX 1 4\tMia\n", "Mia|0-3 X", ""},
		{"other annotations", text, "T1\tPER 12 15\tMia\nT2\tMeet 7 10\tmet\nE1\tMeet:T2 Who:T1\nR1\tof Arg1:T1 Arg2:T2\n*\tEquiv T1 T2\nA1\tNegated E1\nM1\tNegated E1\nN1\tReference T1 Wiki:1\tMia\n#1\tAnnotatorNotes T1\tsure?\n",
			text + "|12-15 PER", "skipped 2 attributes, 1 event, 1 normalization, 2 relations and 1 event trigger"},
		{"nothing", text, "", text, ""},
	} {
		got, remarks, err := readBrat(c.text, c.ann)
		if d := cmp.Diff([]string{c.want}, got); d != "" || remarks != c.remarks || err != nil {
			t.Errorf("%s: %v %q %s", c.name, err, remarks, d)
		}
	}
}

func TestAnnotationsOfBratThatCantBeReadAreRefused(t *testing.T) {
	for _, c := range []struct{ name, ann, want string }{
		{"another text", "T1\tX 0 3\tMia\nT2\tX 0 2\tBo\n", `a.ann:2: characters 0 to 2 are "Mi", not "Bo"`},
		{"beyond the text", "\nT1\tX 0 9\tMia\n", "a.ann:2: it ends at 9, but the text has 3 characters"},
		{"no place", "T1\tX\tMia\n", `a.ann:1: "X" is not a label and a place`},
		{"half a place", "T1\tX 0 1;2\tMia\n", `a.ann:1: "X 0 1;2" is not a label and a place`},
		{"another file", "Mia O\n", `a.ann:1: unknown annotation "Mia O"`},
		{"nothing else", "T1\n", "a.ann:1: an entity without a place"},
	} {
		_, _, err := readBrat("Mia", c.ann)
		if _, ok := errors.AsType[*fault.Error](err); !ok || err.Error() != c.want || fault.Hint(err) == "" {
			t.Errorf("%s: got %v (%s), want %s", c.name, err, fault.Hint(err), c.want)
		}
	}
}

// readBratFolder reads all documents of a folder that WriteBrat made.
func readBratFolder(t *testing.T, dir string, how corpus.Reading) (list []corpus.Sentence) {
	t.Helper()
	open := func(name string) *os.File {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	labels, err := corpus.BratLabels(open(filepath.Join(dir, "annotation.conf")))
	if err != nil {
		t.Fatal(err)
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*.txt"))
	for _, name := range names {
		ann := strings.TrimSuffix(name, ".txt") + ".ann"
		for s, err := range corpus.ReadBrat(filepath.Base(name), open(name), corpus.Annotations{Name: ann, In: open(ann), Of: labels}, how) {
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, *s)
		}
	}
	return list
}

// asHeld returns the sentences as the format holds them.
func asHeld(list []corpus.Sentence, format string) []corpus.Sentence {
	list = slices.Clone(list)
	for i := range list {
		if format == "spacy" {
			list[i].Entities, _ = corpus.Flat(list[i].Entities, nil)
			list[i].ID = ""
		}
		list[i].Given = false
	}
	return list
}

func TestWhatWeWriteIsReadBackWithEqualSpans(t *testing.T) {
	for _, want := range [][]corpus.Sentence{sample(), news(t), random(3, 200)} {
		for _, format := range []string{"labelstudio", "spacy", "jsonl"} {
			file, _ := write(t, writers[format], want)
			var got []corpus.Sentence
			for s, err := range corpus.ReadJSONL("f", strings.NewReader(file), corpus.Reading{Pretokenized: true}) {
				if err != nil {
					t.Fatalf("%s: %v", format, err)
				}
				got = append(got, *s)
			}
			if d := same(asHeld(want, format), got); d != "" {
				t.Errorf("%s: %s", format, d)
			}
		}
		dir := filepath.Join(t.TempDir(), "brat")
		if err := writeBrat(dir, []string{"PER"}, want); err != nil {
			t.Fatal(err)
		}
		lines := slices.DeleteFunc(asHeld(want, "brat"), func(s corpus.Sentence) bool { return len(s.Tokens) == 0 })
		for i := range lines { // brat has the tokens, joined by spaces, and no ids
			lines[i].ID, lines[i].Text = "", strings.Join(lines[i].Tokens, " ")
		}
		if d := same(lines, readBratFolder(t, dir, corpus.Reading{Pretokenized: true, Split: corpus.ByLine})); d != "" {
			t.Errorf("brat: %s", d)
		}
	}
}

func TestTextSentencesThatWeWriteAreReadBackWithTheirPlaces(t *testing.T) {
	sentences, _, lines := documents(scripts)
	for _, c := range []struct {
		name string
		list []corpus.Sentence
	}{{"sentences", sentences}, {"documents", joined(t, sentences, lines)}} {
		for _, format := range []string{"labelstudio", "spacy", "jsonl"} {
			file, _ := write(t, writers[format], c.list)
			var got []corpus.Sentence
			how := corpus.Reading{Split: corpus.NoSplit, Document: func(string, string) error { return errors.New("its document is known") }}
			for s, err := range corpus.ReadJSONL("f", strings.NewReader(file), how) {
				if err != nil {
					t.Fatalf("%s, %s: %v", c.name, format, err)
				}
				got = append(got, *s)
			}
			// NoSplit leaves out white space at the ends, and texts of nothing else.
			if d := cmp.Diff(inDocuments(c.list), inDocuments(got)); d != "" {
				t.Errorf("%s, %s: %s", c.name, format, d)
			}
		}
	}
	dir := filepath.Join(t.TempDir(), "brat")
	if err := writeBrat(dir, []string{"X"}, joined(t, sentences, lines)); err != nil {
		t.Fatal(err)
	}
	want, got := marked(sentences), marked(readBratFolder(t, dir, corpus.Reading{}))
	slices.Sort(want)
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("brat: %s", d)
	}
}

// inDocuments returns where in their documents the entities of all sentences are, and what they
// are.
func inDocuments(list []corpus.Sentence) (all []string) {
	var at corpus.Offsets
	for _, s := range list {
		at.Reset(&s)
		for _, e := range s.Entities {
			start, end, from, to := at.InDocument(e.Span)
			all = append(all, fmt.Sprintf("%s %s %d-%d %d-%d", s.Position.Document, e.Label, start, end, from, to))
		}
	}
	return all
}

// marked returns the labels and texts of the entities.
func marked(list []corpus.Sentence) (all []string) {
	for _, s := range list {
		runes := []rune(s.Text)
		for _, e := range s.Entities {
			all = append(all, e.Label+" "+string(runes[e.Start:e.End]))
		}
	}
	return all
}

func FuzzReadBrat(f *testing.F) {
	f.Add("Mia 🦊 left", "T1\tX 0 3\tMia\nT2\tX 4 6;7 11\t🦊 left\nE1\tX:T1\n")
	f.Add("\ufeffa\r\nb", "T1\tX 1 2\ta\nT2\tX 3 4\tb\nA1\tx T1\n")
	f.Add("a", "E0\t")
	f.Fuzz(func(t *testing.T, text, ann string) {
		for s, err := range corpus.ReadBrat("a", strings.NewReader(text), corpus.Annotations{Name: "b", In: bytes.NewReader([]byte(ann))}, corpus.Reading{}) {
			if err != nil {
				return
			}
			runes := []rune(s.Text)
			for _, e := range s.Entities {
				if s.Unit != markup.Char || e.Start < 0 || e.End <= e.Start || e.End > len(runes) || !strings.Contains(text, string(runes[e.Start:e.End])) {
					t.Fatalf("%q and %q give %+v", text, ann, s)
				}
			}
		}
	})
}

func FuzzReadExports(f *testing.F) {
	for _, s := range []string{
		`[{"data":{"text":"Mia 🦊"},"annotations":[{"result":[{"value":{"start":0,"end":3,"text":"Mia","labels":["X"]}}]}]}]`, `["a b",{"entities":[[0,1,"X"]]}]`,
		`{"text":"🦊 a","label":[[3,4,"X"]]}`, `{"text":"a\r\n🦊\u0301b c ","entities":[[0,2,"X"],[5,6,"Y"]]}`, `[{"paragraphs":[{"raw":"a b","sentences":[{"tokens":[{"orth":"a","ner":"U-X"}]}]}]}]`, "[\n{\"text\":\"a\"}\n,{}]", `{"classes":[],"annotations":[["a",[[0,1,"X"]]],null]}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, file string) {
		var texts []corpus.Sentence
		for s, err := range corpus.ReadJSONL("f", strings.NewReader(file), corpus.Reading{Split: corpus.NoSplit}) {
			if err != nil {
				break
			}
			n := len([]rune(s.Text))
			if s.Unit == markup.Token {
				n = len(s.Tokens)
			}
			for _, e := range s.Entities {
				if e.Start < 0 || e.End <= e.Start || e.End > n || e.Label == "" {
					t.Fatalf("%q gives %+v", file, s)
				}
			}
			if s.Unit == markup.Char {
				texts = append(texts, *s)
			}
		}
		for _, format := range []string{"jsonl", "labelstudio", "spacy"} {
			again, left := write(t, writers[format], texts)
			if left > 0 {
				continue // it can't hold overlaps
			}
			var got []corpus.Sentence
			for s, err := range corpus.ReadJSONL("f", strings.NewReader(again), corpus.Reading{Split: corpus.NoSplit}) {
				if err != nil {
					t.Fatalf("%q became %q: %v", file, again, err)
				}
				got = append(got, *s)
			}
			if d := same(texts, got, cmpopts.IgnoreFields(corpus.Sentence{}, "ID", "Position", "Given")); d != "" {
				t.Fatalf("%q became %q: %s", file, again, d)
			}
		}
	})
}
