package corpus_test

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/corpus"
	"nertools/pkg/fault"
)

// spell gives the sentences of a file as "text|0-2 PER|…".
func spell(seq iter.Seq2[*corpus.Sentence, error]) (list []string, err error) {
	for s, err := range seq {
		if err != nil {
			return list, err
		}
		line := s.Text
		for _, e := range s.Entities {
			line += fmt.Sprintf("|%d-%d %s", e.Start, e.End, e.Label)
		}
		list = append(list, line)
	}
	return list, nil
}

func TestCoNLLFilesAreRead(t *testing.T) {
	for _, c := range []struct {
		name, file string
		column     int
		want       []string
	}{
		{"tabs", "Ada\tB-PER\nLi\tI-PER\n.\tO\n", 0, []string{"Ada Li .|0-2 PER"}},
		{"spaces", "Ada  NNP   B-PER \nleft VBD O\n", 0, []string{"Ada left|0-1 PER"}},
		{"four columns", "U.N. NNP I-NP I-ORG\nofficial NN I-NP O\n", 0, []string{"U.N. official|0-1 ORG"}},
		{"a chosen column", "Ada B-PER x\nLi I-PER O\n", 2, []string{"Ada Li|0-2 PER"}},
		{"a chosen column, tabs, an empty one before it", "Ada\t\tB-PER\tx\n", 3, []string{"Ada|0-1 PER"}},
		{"an empty file", "", 0, nil},
		{"blank lines only", "\n \n\t\n", 0, nil},
		{"sentences", "\na O\n\n\n \u00a0\t\nb O\n", 0, []string{"a", "b"}},
		{"no newline at the end", "a O\n\nb B-X", 0, []string{"a", "b|0-1 X"}},
		{"CRLF", "a O\r\n\r\nb B-X\r\nc\tI-X\r\n", 0, []string{"a", "b c|0-2 X"}},
		{"CR at a torn end", "a B-X\r", 0, []string{"a|0-1 X"}},
		{"documents", "-DOCSTART- -X- O O\n\na O O O\n-DOCSTART-\nb O O O\n\n-DOCSTART- (2) O\n", 0, []string{"a", "b"}},
		{"documents without blank lines", "a O\n-DOCSTART- -X- -X- O\nb O\n-DOCSTART- O\nc\tO\n-DOCSTART-\t-X-\tO\nd\tO\n-DOCSTART- (2 EU)\ne O\n", 0, []string{"a", "b", "c", "d", "e"}},
		{"a token in a sentence that reads like a mark", "a\tO\n-DOCSTART-\tB-X\n\n-DOCSTART-\tO\n\n-DOCSTART-s\tO\n", 0, []string{"a -DOCSTART-|1-2 X", "-DOCSTART-s"}},
		{"comments", "# sent_id = train-1\n# text = I am O\n#begin document (x); part 000\n# O\n#\tB-X\n\n# newdoc\n#end document\n", 0, []string{"# #|1-2 X"}},
		{"a token # in a sentence", "a O\n# = O\n#x O\n", 0, []string{"a # #x"}},
		{"a token # with columns", "# NN B-NP O\n#tag JJ I-NP B-X\n", 0, []string{"# #tag|1-2 X"}},
		{"labels with hyphens", "a B-creative-work\nb I-creative-work\n", 0, []string{"a b|0-2 creative-work"}},
		{"a label with a space, tabs", "a\tB-work of art\n", 0, []string{"a|0-1 work of art"}},
		{"tokens that look like tags", "O O\nB-PER B-PER\n", 0, []string{"O B-PER|1-2 PER"}},
		{"no comments, as the tag's column tells", "# newdoc 1\n#wnut B-X 12\n# O 13\nis O 14\n", 2, []string{"#wnut # is|0-1 X"}},
		{"characters", "🦊 B-X\ne\u0301 I-X\n東京 O\n", 0, []string{"🦊 e\u0301 東京|0-2 X"}},
	} {
		got, err := spell(corpus.ReadCoNLL("f", strings.NewReader(c.file), corpus.Reading{Column: c.column}))
		if d := cmp.Diff(c.want, got); d != "" || err != nil {
			t.Errorf("%s: %v %s", c.name, err, d)
		}
	}
}

func TestTagsOfAllSchemesAreReadByOneRule(t *testing.T) {
	for _, c := range []struct{ name, tags, want string }{
		{"IOB1", "I-A I-A B-A O I-B", "|0-2 A|2-3 A|4-5 B"},
		{"IOB2", "B-A I-A B-A O B-B", "|0-2 A|2-3 A|4-5 B"},
		{"IOE1", "I-A E-A I-A O I-B", "|0-2 A|2-3 A|4-5 B"},
		{"IOE2", "I-A E-A E-A O E-B", "|0-2 A|2-3 A|4-5 B"},
		{"BIOES", "B-A E-A S-A O B-B I-B E-B", "|0-2 A|2-3 A|4-7 B"},
		{"BILOU", "B-A L-A U-A O B-B I-B L-B", "|0-2 A|2-3 A|4-7 B"},
		{"BMEWO", "B-A E-A W-A O B-B M-B E-B", "|0-2 A|2-3 A|4-7 B"},
		{"IO", "I-A I-A O I-B I-A", "|0-2 A|3-4 B|4-5 A"},
		{"I of another label", "B-A I-B I-B", "|0-1 A|1-3 B"},
		{"I behind E", "B-A E-A I-A", "|0-2 A|2-3 A"},
		{"I behind S", "S-A I-A", "|0-1 A|1-2 A"},
		{"E behind O", "O E-A", "|1-2 A"},
		{"B without E", "B-A I-A O B-A", "|0-2 A|3-4 A"},
		{"S in an entity", "B-A S-A E-A", "|0-1 A|1-2 A|2-3 A"},
		{"entities end with the sentence", "B-A", "|0-1 A"},
	} {
		var file strings.Builder
		tags := strings.Fields(c.tags)
		for _, tag := range tags {
			file.WriteString("x " + tag + "\n")
		}
		file.WriteString("\nx I-A\n") // of its own sentence
		got, err := spell(corpus.ReadCoNLL("f", strings.NewReader(file.String()), corpus.Reading{}))
		want := []string{strings.TrimSpace(strings.Repeat("x ", len(tags))) + c.want, "x|0-1 A"}
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%s: %v %s", c.name, err, d)
		}
	}
}

func TestWhatIsNoCoNLLIsRefusedWithItsLineAndARemedy(t *testing.T) {
	for _, c := range []struct {
		name, file string
		column     int
		want       string
	}{
		{"no tag", "a O\nb\n", 0, `f:2: no tag after the token "b"`},
		{"an empty tag", "a\t\n", 0, `f:1: "" is not a tag`},
		{"no such column", "a x O\nb O\n", 3, "f:2: no column 3: the line has 2"},
		{"a tag of another column", "a NN\n", 0, `f:1: "NN" is not a tag`},
		{"an unknown prefix", "a O\n\n\nb X-PER\n", 0, `f:4: "X-PER" is not a tag`},
		{"no label", "a B-\n", 0, `f:1: "B-" is not a tag`},
		{"another separator", "a B_PER\n", 0, `f:1: "B_PER" is not a tag`},
		{"lower case", "a o\n", 0, `f:1: "o" is not a tag`},
		{"an empty token", "a\tO\n\tO\n", 0, "f:2: an empty token"},
		{"a space in a token", "x\tO\nNew York\tB-LOC\n", 0, `f:2: the token "New York" contains white space`},
		{"NBSP in a token", "x O\ny O\nNew\u00a0York B-LOC\n\nz O\n", 0, "f:3: the token \"New\\u00a0York\" contains white space"},
		{"NBSP at the end of a token", "x\u00a0 O\n", 0, `f:1: the token "x\u00a0" contains white space`},
		{"a token of U+3000", "a O\n\u3000 O\nab O\n", 0, `f:2: the token "\u3000" contains white space`},
		{"a comment in a sentence", "a O\n# id = 7\n", 0, `f:2: "7" is not a tag`},
		{"a byte order mark further on", "a O\n\ufeff\n", 0, `f:2: no tag after the token "\ufeff"`},
		{"Latin-1", "a O\nZ\xfcrich B-LOC\n", 0, "f:2: not UTF-8"},
		{"a refused label", "a B-PER\nb B-X\n", 0, `f:2: no label "X"`},
	} {
		how := corpus.Reading{Column: c.column, Label: func(label string) (string, error) {
			if label == "X" {
				return "", fault.WithHint(fmt.Errorf("no label %q", label), "use another")
			}
			return label, nil
		}}
		_, err := spell(corpus.ReadCoNLL("f", strings.NewReader(c.file), how))
		if _, ok := errors.AsType[*fault.Error](err); !ok || !strings.HasPrefix(err.Error(), c.want) || fault.Hint(err) == "" {
			t.Errorf("%s: got %v (%s), want %s", c.name, err, fault.Hint(err), c.want)
		}
	}
}

func TestLabelsBecomeWhatTheReaderIsTold(t *testing.T) {
	how := corpus.Reading{Label: func(label string) (string, error) { return strings.ToUpper(label), nil }}
	got, err := spell(corpus.ReadCoNLL("f", strings.NewReader("a B-per\nb I-PER\n"), how))
	if d := cmp.Diff([]string{"a b|0-2 PER"}, got); d != "" || err != nil {
		t.Error(d, err)
	}
	got, err = spell(corpus.ReadJSONL("f", strings.NewReader(`{"text":"a","spans":[[0,1,"per"],[0,1,"PER"]]}`), how))
	if d := cmp.Diff([]string{"a|0-1 PER"}, got); d != "" || err != nil {
		t.Error(d, err)
	}
}

func TestReadingStopsWhenTheCallerDoes(t *testing.T) {
	for s, err := range corpus.ReadCoNLL("f", strings.NewReader("a O\n\nbad\n"), corpus.Reading{}) {
		if err != nil || s.Text != "a" {
			t.Errorf("%v %v", s, err)
		}
		break
	}
}

func TestAnErrorOfTheFileIsPassedOn(t *testing.T) {
	broken := errors.New("broken")
	for _, read := range []func(*failing) iter.Seq2[*corpus.Sentence, error]{
		func(f *failing) iter.Seq2[*corpus.Sentence, error] { return corpus.ReadCoNLL("f", f, corpus.Reading{}) },
		func(f *failing) iter.Seq2[*corpus.Sentence, error] { return corpus.ReadJSONL("f", f, corpus.Reading{}) },
	} {
		if got, err := spell(read(&failing{broken})); !errors.Is(err, broken) || len(got) > 0 {
			t.Errorf("got %v %v", got, err)
		}
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error)  { return 0, f.err }
func (f *failing) Write([]byte) (int, error) { return 0, f.err }
