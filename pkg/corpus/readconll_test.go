package corpus_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

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
		{"a space in a token", "x\tO\nNew York\tB-LOC\n", 0, []string{"x New York|1-3 LOC"}},
		{"white space in tokens", "x\u00a0 O\n\u3000 O\nNew\u00a0York B-LOC\ncity I-LOC\n", 0, []string{"x New York city|1-4 LOC"}},
		{"a comment in a sentence", "a O\n# id = 7\nb B-X\n", 0, []string{"a b|1-2 X"}},
		{"characters", "🦊 B-X\ne\u0301 I-X\n東京 O\n", 0, []string{"🦊 e\u0301 東京|0-2 X"}},
	} {
		got, err := spell(corpus.ReadCoNLL("f", strings.NewReader(c.file), columns(c.column)))
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
		{"no such column", "a x O\nb O\n", 3, "f:2: no column 3: the line has 2"},
		{"a tag of another column", "a NN\n", 0, `f:1: "NN" is not a tag`},
		{"an unknown prefix", "a O\n\n\nb X-PER\n", 0, `f:4: "X-PER" is not a tag`},
		{"no label", "a B-\n", 0, `f:1: "B-" is not a tag`},
		{"an empty token", "a\tO\n\tO\n", 0, "f:2: an empty token"},
		{"empty tags only", "a\t\nb\t_\n", 0, "f:1: the last column is empty"},
		{"a mixture of tags with and without prefixes", "a B-PER\nb PER\nc O\n", 0, `f:2: "PER" is not a tag`},
		{"tags without O", "a NN\nb VB\n", 0, `f:1: "NN" is not a tag`},
		{"just B and I", "a B\nb I\nc O\n", 0, "f:1: the tags are just B and I"},
		{"a column that may count or not", "1 Mia B-PER\n", 0, "f:1: only numbers in column 1"},
		{"numbers that do not count", "4 a B-X\n9 b O\n2 c O\n", 0, "f:1: only numbers in column 1"},
		{"offsets before the token", "0 3 Mia B-X\n4 8 left O\n9 13 Kiel O\n", 0, "f:1: only numbers in column 1"},
		{"two columns of tags", "a\tB-PER\tO\nb\tO\tB-PER\n", 0, "f:1: columns 2 and 3 hold tags"},
		{"two columns of tags, one without entities", "1\ta\tB-PER\tO\n2\tb\tO\tO\n", 0, "f:1: columns 3 and 4 hold tags"},
		{"a tagged line for a range", "1\ta\tB-Y\n2-3\tbc\tB-Y\n2\tb\tO\n3\tc\tO\n", 0, `f:2: the line "2-3"`},
		{"an entity of white space", "a O\n\u3000 B-Y\n", 0, "f:2: an entity begins with an empty token"},
		{"a bracket that is not closed", "a (Y*\nb *\n\nc *\n", 0, "f:1: an entity begins here"},
		{"a bracket that is not open", "a *\nb *)\n", 0, `f:2: "*)" closes an entity`},
		{"NUL", "a O\nb\x00 O\n", 0, "f:2: a NUL byte"},
		{"UTF-16", "\xff\xfea\x00", 0, "f: the file is UTF-16"},
		{"a byte order mark further on", "a O\n\ufeff\n", 0, `f:2: no tag after the token "\ufeff"`},
		{"Latin-1", "a O\nZ\xfcrich B-LOC\n", 0, "f:2: not UTF-8"},
		{"a refused label", "a B-PER\nb B-X\n", 0, `f:2: no label "X"`},
	} {
		how := corpus.Reading{TagColumns: columns(c.column).TagColumns, Label: func(label string) (string, error) {
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

// columns returns a Reading with the tags in column n, or 0 for none in particular.
func columns(n int) (how corpus.Reading) {
	if n > 0 {
		how.TagColumns = []int{n}
	}
	return how
}

// A dialect is a file that is not in the plain form of CoNLL-2003, with what is read and
// what is said about it.
type dialect struct {
	name, file string
	how        corpus.Reading
	want       []string
	remarks    string
}

func TestDialectsOfCoNLLAreReadAndTheGuessesReported(t *testing.T) {
	for _, c := range []dialect{
		{"comments anywhere", "# doc-1\nMia B-PER\n# about: see section B-road\n#\tid='1'-document_id='36:1'\nleft O\n", corpus.Reading{}, []string{"Mia left|0-1 PER"}, "skipped 3 comments"},
		{"comments with as many columns as a token", "# doc-1\nMia B-PER\n\n# O\nis O\n", corpus.Reading{}, []string{"Mia|0-1 PER", "# is"}, "skipped 1 comment"},
		{"comments among types", "# location\nMia person\nleft O\n", corpus.Reading{}, []string{"Mia left|0-1 person"}, "skipped 1 comment; read the tags as labels without B and I, so neighbouring tokens with the same label form one entity"},
		{"comments with the columns of a counted token", "#\thttp://de.example.org\t[2010-07-04]\t\n1\tMia\tB-PER\tO\n2\tging\tO\tO\n", columns(3), []string{"Mia ging|0-1 PER"}, "skipped 1 comment; read the tokens from column 2, because they are counted in column 1"},
		{"CR", "Mia\tB-PER\rleft\tO\r\rKiel\tB-LOC\r", corpus.Reading{}, []string{"Mia left|0-1 PER", "Kiel|0-1 LOC"}, "took 3 lone carriage returns for line ends"},
		{"CR CR LF", "Mia\tB-PER\r\r\nleft\tO\r\r\n", corpus.Reading{}, []string{"Mia left|0-1 PER"}, ""},
		{"document marks", "-DOCSTART-\tO\n\nMia B-PER\n--DOCSTART--\nleft O\n-docstart- -X- O\n-DOCSTART--X-O\nKiel O\n", corpus.Reading{}, []string{"Mia|0-1 PER", "left", "Kiel"}, "skipped 4 document marks"},
		{"a header", "Token\tTag\nMia\tB-PER\nleft\tO\n\nToken\tTag\nBo\tB-PER\n", corpus.Reading{}, []string{"Mia left|0-1 PER", "Bo|0-1 PER"}, "skipped 2 header lines"},
		{"a header that names the columns", "sent_id\tpos\tword\tner\tn\n1\tX\tMia\tB-PER\t7\n1\tX\tleft\tO\t7\n2\tX\tBo\tB-PER\t7\n", corpus.Reading{}, []string{"Mia left|0-1 PER", "Bo|0-1 PER"},
			"skipped 1 header line; read the tags from column 4, as the names of the columns say; read the tokens from column 3, as the names of the columns say; began sentences at new numbers in column 1"},
		{"CoNLL-U Plus", "# global.columns = ID FORM UPOS NER MISC\n1\tMia\tX\tB-PER\t_\n2\tleft\tX\tO\t_\n", corpus.Reading{}, []string{"Mia left|0-1 PER"},
			"skipped 1 comment; read the tags from column 4, as the names of the columns say; read the tokens from column 2, as the names of the columns say"},
		{"CoNLL-U with a range and an empty node", "# text = vámonos\n1-2\tvámonos\t_\t_\n1\tvamos\tB-X\t_\n2\tnos\tO\t_\n2.1\tyo\t_\t_\n", corpus.Reading{}, []string{"vamos nos|0-1 X"},
			"skipped 1 comment, 1 multiword token and 1 empty node; read the tags from column 3, the only one with tags; read the tokens from column 2, because they are counted in column 1"},
		{"tags among other notes", "1\tMia\tPROPN\tSpaceAfter=No|name=B-PER\n2\tleft\tVERB\tname=O\n", corpus.Reading{}, []string{"Mia left|0-1 PER"}, "read the tokens from column 2, because they are counted in column 1"},
		{"a column that counts from 0 throughout the file", "0 Mia B-PER\n1 left O\n\n2 Bo B-PER\n", corpus.Reading{}, []string{"Mia left|0-1 PER", "Bo|0-1 PER"}, "read the tokens from column 2, because they are counted in column 1"},
		{"a column that counts anew without blank lines", "1 Mia B-PER\n2 left O\n1 Bo B-PER\n2 ran O\n", corpus.Reading{}, []string{"Mia left|0-1 PER", "Bo ran|0-1 PER"},
			"read the tokens from column 2, because they are counted in column 1; began sentences at each new count in column 1"},
		{"numbers of sentences", "7 Mia B-PER\n7 left O\n9 Bo B-PER\n9 ran O\n", corpus.Reading{}, []string{"Mia left|0-1 PER", "Bo ran|0-1 PER"},
			"read the tokens from column 2, because the sentences are numbered in column 1; began sentences at new numbers in column 1"},
		{"numbers as text, as the caller says", "1 CD O\n2 CD B-X\n", corpus.Reading{TokenColumn: 1}, []string{"1 2|1-2 X"}, ""},
		{"numbers as text", "1 O\n2 O\n3 B-X\n", corpus.Reading{}, []string{"1 2 3|2-3 X"}, ""},
		{"tags first", "B-PER\tMia\nO\tleft\n", corpus.Reading{}, []string{"Mia left|0-1 PER"}, "read the tags from column 1, the only one with tags; read the tokens from column 2"},
		{"tags before the last column", "Mia\tB-PER\tx1\nleft\tO\tx2\n", corpus.Reading{}, []string{"Mia left|0-1 PER"}, "read the tags from column 2, the only one with tags"},
		{"chunks next to tags", "Mia NNP I-NP I-PER\nleft VBD I-VP O\n", corpus.Reading{}, []string{"Mia left|0-1 PER"}, ""},
		{"notes on ends of sentences", "Mia\tB-pers\t_\n.\tO\tEndOfLine|EndOfSentence\nBo\tI-pers\tEndOfLine\n\nKiel\tB-loc\tEndOfSentence\n", columns(2), []string{"Mia .|0-1 pers", "Bo|0-1 pers", "Kiel|0-1 loc"}, "ended 2 sentences at notes such as EndOfSentence"},
		{"nested columns", "a\tB-ORG\tO\nb\tI-ORG\tB-LOC\nc\tO\tO\n", corpus.Reading{TagColumns: []int{2, 3}}, []string{"a b c|0-2 ORG|1-2 LOC"}, ""},
		{"nested columns that agree", "a\tB-ORG\tB-ORG\nb\tO\tO\n", corpus.Reading{TagColumns: []int{2, 3}}, []string{"a b|0-1 ORG"}, "merged 1 entity that occurred twice"},
		{"several labels", "a B-group,I-person\nb I-person|B-place\nc B-x;O\nd O\n", corpus.Reading{}, []string{"a b c d|0-2 person|0-1 group|1-2 place|2-3 x"}, "read 2 tags with several labels as overlapping entities"},
		{"several labels with one prefix", "a B-group,person\nb I-person\nc B-group\n", corpus.Reading{}, []string{"a b c|0-2 person|0-1 group|2-3 group"}, "read 1 tag with several labels as overlapping entities"},
		{"nested entities of one label", "a B-X\nb B-X|I-X\nc I-X|I-X\n", corpus.Reading{}, []string{"a b c|0-3 X|1-3 X"}, "read 2 tags with several labels as overlapping entities"},
		{"a label with a comma", "a B-fox,_red\n", corpus.Reading{}, []string{"a|0-1 fox,_red"}, ""},
		{"o, _ and nothing for O", "a\tB-X\nb\to\nc\tI-X\nd\t_\ne\tI-X\nf\t\ng\tI-X\n", corpus.Reading{}, []string{"a b c d e f g|0-1 X|2-3 X|4-5 X|6-7 X"}, ""},
		{"lower case", "Mia b-per\nBerg i-per\nleft o\n", corpus.Reading{}, []string{"Mia Berg left|0-2 per"}, ""},
		{"an underscore", "Mia B_PER\nBerg I_PER\nleft O\n", corpus.Reading{}, []string{"Mia Berg left|0-2 PER"}, ""},
		{"prefixes behind the label", "Mia PER-B\nBerg PER-I\nleft O\n", corpus.Reading{}, []string{"Mia Berg left|0-2 PER"}, ""},
		{"brackets", "Mia (ORG(PER*)\nBerg *\nAG *)\n. *\nBo (PER)\n", corpus.Reading{}, []string{"Mia Berg AG . Bo|0-3 ORG|0-1 PER|4-5 PER"}, ""},
		{"bare tags", "brca B\ngene I\nfunction O\n", corpus.Reading{BareLabel: "GENE"}, []string{"brca gene function|0-2 GENE"}, ""},
		{"types", "Mia person-actor\nBerg person-actor\nleft O\nKiel location-GPE\n, O\n", corpus.Reading{}, []string{"Mia Berg left Kiel ,|0-2 person-actor|3-4 location-GPE"},
			"read the tags as labels without B and I, so neighbouring tokens with the same label form one entity"},
		{"types of which one looks like a tag", "S3 S-Bahn\nhält O\nin O\nKiel Ort\n", corpus.Reading{}, []string{"S3 hält in Kiel|0-1 S-Bahn|3-4 Ort"},
			"read the tags as labels without B and I, so neighbouring tokens with the same label form one entity"},
	} {
		how := c.how
		how.Remarks = &corpus.Remarks{}
		got, err := spell(corpus.ReadCoNLL("f", strings.NewReader(c.file), how))
		if d := cmp.Diff(c.want, got); d != "" || err != nil {
			t.Errorf("%s: %v %s", c.name, err, d)
		}
		if d := cmp.Diff(c.remarks, how.Remarks.String()); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestAFewTokensMayBeEmpty(t *testing.T) {
	file := strings.Repeat("a\tO\n", 200) + "b\tB-X\n\tI-X\nc\tI-X\n"
	how := corpus.Reading{Remarks: &corpus.Remarks{}}
	got, err := spell(corpus.ReadCoNLL("f", strings.NewReader(file), how))
	if want := strings.Repeat("a ", 200) + "b c|200-202 X"; err != nil || !slices.Equal(got, []string{want}) {
		t.Error(got, err)
	}
	if got := how.Remarks.String(); got != "skipped 1 empty token" {
		t.Error(got)
	}
}

func TestColumnsOfCoNLL2012AreFound(t *testing.T) {
	const file = "#begin document (a/b/c_0001); part 000\n" +
		"a/b/c_0001   0   0    Mia   NNP  (TOP(S(NP*   -   -   -   Ann   (PERSON*   (ARG0*   (3\n" +
		"a/b/c_0001   0   1   Berg   NNP           *)  -   -   -   Ann         *)        *)  3)\n" +
		"a/b/c_0001   0   2   left   VBD       (VP*))) leave 01 -  Ann          *       (V*)  -\n\n" +
		"a/b/c_0001   0   0     Bo   NNP  (TOP(NP*))   -   -   -   Ann    (PERSON)   -\n" +
		"\n#end document\n"
	got, err := spell(corpus.ReadCoNLL("f", strings.NewReader(file), corpus.Reading{}))
	if d := cmp.Diff([]string{"Mia Berg left|0-2 PERSON", "Bo|0-1 PERSON"}, got); d != "" || err != nil {
		t.Error(err, d)
	}
}

func TestColumnsToChooseFromAreNamed(t *testing.T) {
	const file = "TOKEN\tNE-COARSE-LIT\tNE-FINE-LIT\tMISC\nMia\tB-pers\tB-pers\t_\nleft\tO\tO\tEndOfLine\nKiel\tB-loc\tB-loc.adm\t_\n"
	_, err := spell(corpus.ReadCoNLL("f", strings.NewReader(file), corpus.Reading{}))
	layout, ok := errors.AsType[*corpus.LayoutError](err)
	if !ok || layout.Need != corpus.NeedTagColumn || !slices.Equal(layout.Columns, []int{2, 3}) {
		t.Fatal(err)
	}
	if got := err.Error(); got != "f:2: columns 2 (NE-COARSE-LIT) and 3 (NE-FINE-LIT) hold tags" {
		t.Error(got)
	}
}

func TestALabelForTagsThatHaveLabelsIsRefused(t *testing.T) {
	_, err := spell(corpus.ReadCoNLL("f", strings.NewReader("a B-X\n"), corpus.Reading{BareLabel: "GENE"}))
	if err == nil || fault.Hint(err) == "" {
		t.Error(err)
	}
}

func TestCompressedFilesAreRead(t *testing.T) {
	const file = "Mia B-PER\nleft O\n"
	var gz, zst bytes.Buffer
	g := gzip.NewWriter(&gz)
	io.WriteString(g, file)
	g.Close()
	z, err := zstd.NewWriter(&zst)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(z, file)
	z.Close()
	for name, data := range map[string]string{"gzip": gz.String(), "zstd": zst.String(), "bzip2": bzipped, "plain": file} {
		sentences, _, err := corpus.Read("f", strings.NewReader(data), "", corpus.Reading{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := spell(sentences); err != nil || !slices.Equal(got, []string{"Mia left|0-1 PER"}) {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	for name, data := range map[string]string{
		"cut gzip": gz.String()[:gz.Len()-9], "cut zstd": zst.String()[:zst.Len()-5], "cut bzip2": bzipped[:30], "a torn head": gz.String()[:5],
		"xz": "\xfd7zXZ\x00\x00", "zip": "PK\x03\x04", "tar": strings.Repeat("\x00", 257) + "ustar",
	} {
		sentences, _, err := corpus.Read("f", strings.NewReader(data), "", corpus.Reading{})
		if err == nil {
			_, err = spell(sentences)
		}
		if err == nil || !strings.Contains(err.Error(), "f: ") || fault.Hint(err) == "" {
			t.Errorf("%s: %v (%s)", name, err, fault.Hint(err))
		}
	}
}

// bzipped is "Mia B-PER\nleft O\n"; the standard library only decompresses.
const bzipped = "\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\x97\x37\xe8\x87\x00\x00\x03\xd7\x80\x00\x10\x40\x02\x12\x02\xd0\x00\x23\x24\x04\x00\x20\x00\x31\x4c\x00\x01\x41\x8d\x08\xf2\x91\x34\x84\x58\xdc\xd1\x44\x85\xf1\x77\x24\x53\x85\x09\x09\x73\x7e\x88\x70"
