package corpus_test

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/corpus"
	"nertools/pkg/fault"
	"nertools/pkg/markup"
	"nertools/pkg/record"
	"nertools/pkg/segment"
)

// reading reads a file in a format.
func reading(t *testing.T, name, format, file string, how corpus.Reading) iter.Seq2[*corpus.Sentence, error] {
	t.Helper()
	sentences, _, err := corpus.Read(name, strings.NewReader(file), format, how)
	if err != nil {
		t.Fatal(err)
	}
	return sentences
}

// placed gives the sentences of a file as "document 4/6: text|entity LABEL|…", with the
// offsets in code points and bytes, and checks that each entity is a slice of the text.
func placed(t *testing.T, seq iter.Seq2[*corpus.Sentence, error]) (list []string, err error) {
	t.Helper()
	for s, err := range seq {
		if err != nil {
			return list, err
		}
		if s.Unit != markup.Char || s.ID != "" || s.Tokens != nil {
			t.Errorf("not a text row: %+v", s)
		}
		line := fmt.Sprintf("%s %d/%d: %s", s.Position.Document, s.Position.Chars, s.Position.Bytes, s.Text)
		for _, e := range s.Entities {
			line += fmt.Sprintf("|%s %s", string([]rune(s.Text)[e.Start:e.End]), e.Label)
		}
		list = append(list, line)
	}
	return list, nil
}

func TestTextsBecomeSentencesWithTheirPlaces(t *testing.T) {
	for _, c := range []struct {
		name, format, file string
		how                corpus.Reading
		want               []string
	}{
		{"text", "text", "Was 🦊 hier?\r\n\r\n Ja!  Né.\n", corpus.Reading{}, []string{"f 0/0: Was 🦊 hier?", "f 16/19: Ja!", "f 21/24: Né."}},
		{"text with a byte order mark", "text", "\ufeffNé. Ja.", corpus.Reading{}, []string{"f 0/3: Né.", "f 4/8: Ja."}},
		{"text by line", "text", "Ja! Né.\r\nOk\r", corpus.Reading{Split: corpus.ByLine}, []string{"f 0/0: Ja! Né.", "f 9/10: Ok"}},
		{"text as a whole", "text", "\n Ja! Né.\r\nOk\n", corpus.Reading{Split: corpus.NoSplit}, []string{"f 2/2: Ja! Né.\r\nOk"}},
		{"no text", "text", "\ufeff\r\n", corpus.Reading{}, nil},
		{"markup", "markup", "I took <DRUG>aspirin</DRUG>. It helped.\n\n<DRUG>Lipitor</DRUG>/<DRUG>metformin</DRUG>\n", corpus.Reading{}, []string{"f:1 0/0: I took aspirin.|aspirin DRUG", "f:1 16/16: It helped.", "f:3 0/0: Lipitor/metformin|Lipitor DRUG|metformin DRUG"}},
		{"markup with escapes", "markup", "a &lt;b&gt; &amp;lt; 3 < 4 <X>&amp;</X>\n", corpus.Reading{}, []string{"f:1 0/0: a <b> &lt; 3 < 4 &|& X"}},
		{"nested, crossing, odd labels", "markup", `<A>a <B>b</A> c</B> <entity type="work of art">"d"</entity>`, corpus.Reading{}, []string{`f:1 0/0: a b c "d"|a b A|b c B|"d" work of art`}},
		{"an entity across sentences", "markup", "See <ORG>Stop! Go. Ltd</ORG> now. Ok.", corpus.Reading{}, []string{"f:1 0/0: See Stop! Go. Ltd now.|Stop! Go. Ltd ORG", "f:1 23/23: Ok."}},
		{"offsets", "jsonl", `{"id":7,"text":"Né. Took aspirin.","entities":[[9,16,"DRUG"]]}`, corpus.Reading{}, []string{"7 0/0: Né.", "7 4/5: Took aspirin.|aspirin DRUG"}},
		{"spaces around an entity", "jsonl", `{"text":"Took  aspirin .","entities":[[4,14,"DRUG"]]}`, corpus.Reading{}, []string{"f:1 0/0: Took  aspirin .|aspirin DRUG"}},
		{"part of a word", "jsonl", `{"text":"Warfarin-induced","spans":[{"start":0,"end":8,"label":"DRUG"}]}`, corpus.Reading{}, []string{"f:1 0/0: Warfarin-induced|Warfarin DRUG"}},
		{"entities as strings", "jsonl", `{"text":"Art at the party: art, Lipitor/metformin","entities":[{"text":"art","label":"X"},{"text":"Lipitor","label":"D"},{"text":"metformin","label":"D"},[18,21,"Y"]]}`, corpus.Reading{}, []string{"f:1 0/0: Art at the party: art, Lipitor/metformin|art X|art Y|Lipitor D|metformin D"}},
		{"a document", "jsonl", `{"id":"n 1","text":"One. Two.","author":"x","meta":{"a":[]}}`, corpus.Reading{}, []string{"n 1 0/0: One.", "n 1 5/5: Two."}},
		{"CSV", "csv", "id,Text\r\n1,\"He said \"\"no.\"\"\r\nThen, he left.\"\r\n2,\r\n\r\n3,Ok", corpus.Reading{}, []string{"1 0/0: He said \"no.\"", "1 15/15: Then, he left.", "3 0/0: Ok"}},
		{"CSV with semicolons", "csv", "\ufeffnr;note;x\n1;a, b;\n", corpus.Reading{TextColumn: "note", IDColumn: "nr"}, []string{"1 0/0: a, b"}},
		{"tabs, no id", "csv", "text\tx\na \"b\" c\t2\n", corpus.Reading{}, []string{"f:2 0/0: a \"b\" c"}},
	} {
		got, err := placed(t, reading(t, "f", c.format, c.file, c.how))
		if d := cmp.Diff(c.want, got); d != "" || err != nil {
			t.Errorf("%s: %v\n%s", c.name, err, d)
		}
	}
}

func TestDocumentsAreHandedOverBeforeTheirSentences(t *testing.T) {
	var got []string
	how := corpus.Reading{Document: func(id, text string) error {
		got = append(got, id+"="+text)
		if id == "3" {
			return errors.New("no more")
		}
		return nil
	}}
	var err error
	for s, e := range corpus.ReadJSONL("f", strings.NewReader("{\"id\":1,\"text\":\"\ufeffNé. Ok.\"}\n{\"id\":2,\"text\":\"\"}\n{\"id\":3,\"text\":\"c\"}\n"), how) {
		if err = e; e == nil {
			got = append(got, s.Text)
		}
	}
	if d := cmp.Diff([]string{"1=Né. Ok.", "Né.", "Ok.", "2=", "3=c"}, got); d != "" {
		t.Error(d)
	}
	if err == nil || err.Error() != "f:3: no more" {
		t.Error(err)
	}
}

func TestPretokenizedTextCountsTokens(t *testing.T) {
	for _, c := range []struct {
		format, file string
		split        corpus.Split
		want         []string
	}{
		{"markup", "I took <D>baby aspirin</D> .", 0, []string{"I took baby aspirin .|2-4 D"}},
		{"text", "I took aspirin . It helped .\nOk .\n", corpus.ByLine, []string{"I took aspirin . It helped .", "Ok ."}},
	} {
		got, err := spell(reading(t, "f", c.format, c.file, corpus.Reading{Pretokenized: true, Split: c.split}))
		if d := cmp.Diff(c.want, got); d != "" || err != nil {
			t.Errorf("%s: %v\n%s", c.format, err, d)
		}
	}
	_, err := spell(reading(t, "f", "markup", "I took <D>aspirin</D>.", corpus.Reading{Pretokenized: true}))
	if !errors.Is(err, corpus.ErrInsideToken) || err.Error() != `f:1: it ends inside the token "aspirin."` {
		t.Error(err)
	}
}

func TestTextThatCantBeReadIsRefusedWithItsLineAndARemedy(t *testing.T) {
	for _, c := range []struct{ name, format, file, want string }{
		{"Latin-1", "text", "a\nZ\xfcrich\n", "f:2: not UTF-8"},
		{"UTF-16", "text", "\xff\xfea\x00", "f:1: UTF-16"},
		{"an open tag", "markup", "a\n<X>b\n", "f:2: <X> without its end tag"},
		{"a closed tag", "markup", "b</X>", "f:1: </X> without its start tag"},
		{"an empty tag", "markup", "<X></X>", "f:1: nothing between <X>"},
		{"white space", "markup", "a<X> </X>b", "f:1: it covers only white space"},
		{"Latin-1 in markup", "markup", "Z\xfcrich", "f:1: not UTF-8"},
		{"no column", "csv", "id,note\n1,a\n", `f:1: no such column: "text" (columns: id, note)`},
		{"fields", "csv", "id,text\n\n1,a,b\n", "f:3: 3 fields, but"},
		{"quotation marks", "csv", "id,text\n1,\"a\" b\n", `f:2: ' ' behind the closing quotation mark`},
		{"an open field", "csv", "id,text\n1,\"a\n\n", "f:2: a field without its closing quotation mark"},
		{"a string that does not occur", "jsonl", `{"text":"party","entities":[[0,1,"X"],{"text":"art","label":"X"}]}`, `f:1: entities[1]: "art" does not occur in the text`},
		{"a string without a label", "jsonl", `{"text":"party","entities":[{"text":"party"}]}`, "f:1: entities[0]: an entity without a place"},
		{"a string listed more often than it occurs", "jsonl", `{"text":"a party","spans":[{"text":"party","label":"X"},{"text":"party","label":"X"},{"text":"party","label":"X"}]}`, "f:1: spans"},
		{"no id", "csv", "id,text\n,a\n", `f:2: no id in the column "id"`},
		{"Latin-1 in CSV", "csv", "id,text\n1,Z\xfcrich\n", "f:2: not UTF-8"},
	} {
		_, err := placed(t, reading(t, "f", c.format, c.file, corpus.Reading{}))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
		if fault.Hint(err) == "" && c.name != "no column" && c.name != "no id" {
			t.Errorf("%s: no remedy", c.name)
		}
	}
}

func TestTheBeginningOfAFileShowsItsFormat(t *testing.T) {
	drug := corpus.Reading{Label: func(label string) (string, error) {
		if label != "drug" {
			return "", errors.New("unknown")
		}
		return label, nil
	}}
	for _, c := range []struct {
		name, head string
		how        corpus.Reading
		want       string
	}{
		{"notes.csv", "a\n", corpus.Reading{}, "csv"},
		{"notes", "a\n", corpus.Reading{TextColumn: "a"}, "csv"},
		{"f", "{\"text\":\"a\"}\n", corpus.Reading{}, "jsonl"},
		{"f", "{\"text\":\"" + strings.Repeat("a", 1000), corpus.Reading{}, "jsonl"},
		{"f", "{note} He took aspirin.\n", corpus.Reading{}, "text"},
		{"f", "Ada B-PER\nleft O\n\n", corpus.Reading{}, "conll"},
		{"f", "-DOCSTART- -X- O O\n\nAda NNP B-NP B-PER\n", corpus.Reading{}, "conll"},
		{"f", "Ada\tPER\nleft\tO\n", corpus.Reading{}, "conll"},
		{"f", "1\tAda\tB-PER\t_\n2\tleft\tO\t_\n3\tLyon\tB-LOC\t_\n", corpus.Reading{}, "conll"},
		{"f", "1\tAda\tB-PER\t_\n", columns(3), "conll"},
		{"f", "a O\nb O\nc O\nd\n", corpus.Reading{}, ""},
		{"f", "Ada Lovelace\nAlan Turing\nGrace Hopper\n", corpus.Reading{}, ""},
		{"f", "Ada left", corpus.Reading{}, "text"},
		{"f", "She took aspirin.\nIt did not help.\nSo she took another one.\n", corpus.Reading{}, "text"},
		{"f", "He took nothing.\nI took <DRUG>aspirin</DRUG> at night.\n", corpus.Reading{}, "markup"},
		{"f", "I took <drug>aspirin</drug> at night.\n", corpus.Reading{}, "text"},
		{"f", "I took <drug>aspirin</drug> at night.\n", drug, "markup"},
		{"f", "I took <B>aspirin</B> at night.\n", drug, "markup"},
		{"f", "I took <b>aspirin</b> at night.\n", drug, "text"},
		{"f", "I took <DRUG>aspirin</DRUG> at <night,>\n", corpus.Reading{}, "markup"},
		{"f", "I took <DRUG>aspirin</DRUG> at <night>.\n", corpus.Reading{}, "text"},
		{"f", "", corpus.Reading{}, "text"},
		{"f", "[\n {\"text\": \"a\"}]", corpus.Reading{}, "jsonl"},
		{"f", "[\"a\", {\"entities\": []}]", corpus.Reading{}, "jsonl"},
		{"f", "[Note] He came.\n", corpus.Reading{}, "text"},
		{"f", "Ada B-PER\rleft O\r", corpus.Reading{}, "conll"},
		{"f", "Na 140\nK 4.1\nCl 101\n", corpus.Reading{Documents: true}, "text"},
		{"f", "<NAME>Li</NAME> came.\n", corpus.Reading{Documents: true}, "text"},
		{"f", "Ada B-PER\n", corpus.Reading{Documents: true}, "conll"},
	} {
		if got := corpus.Detect(c.name, []byte(c.head), c.how); got != c.want {
			t.Errorf("%q: %q, want %q", c.head, got, c.want)
		}
	}
}

// Whatever the text and its entities: the sentences and the text between them join to the
// document, both offsets of each lead to its text, and each entity is in one sentence.
func FuzzSentencesAndGapsJoinToTheDocument(f *testing.F) {
	f.Add("\ufeffShe took aspirin.\r\n\r\nÉ 🦊! 他来了。她走了", 9, 16, uint8(0))
	f.Add("e\u0301. a\u00a0b. ", 0, 7, uint8(1))
	f.Fuzz(func(t *testing.T, text string, start, end int, split uint8) {
		if !utf8.ValidString(text) {
			return
		}
		chars := []rune(strings.TrimPrefix(text, "\ufeff"))
		start, end = max(0, min(start, len(chars))), max(0, min(end, len(chars)))
		line := "" // the entity
		if start < end && strings.TrimSpace(string(chars[start:end])) != "" {
			line = string(chars[start:end])
		} else {
			line, start, end = "", 0, 0
		}
		mark := len(text) - len(string(chars))
		file := fmt.Sprintf(`{"text":%s,"entities":[]}`, quoted(text))
		if line != "" {
			shift := (mark + 2) / 3 // the mark is a code point of the string
			file = fmt.Sprintf(`{"text":%s,"entities":[[%d,%d,"X"]]}`, quoted(text), start+shift, end+shift)
		}
		at, entities := 0, 0
		for s, err := range corpus.ReadJSONL("f", strings.NewReader(file), corpus.Reading{Split: corpus.Split(split % 3)}) {
			if err != nil {
				if strings.Contains(err.Error(), "white space") || strings.Contains(err.Error(), "MiB") {
					return
				}
				t.Fatalf("%q: %v", file, err)
			}
			p, n := s.Position, utf8.RuneCountInString(s.Text)
			if p.Chars < at || p.Chars+n > len(chars) || string(chars[p.Chars:p.Chars+n]) != s.Text || text[p.Bytes:p.Bytes+len(s.Text)] != s.Text {
				t.Fatalf("%q: %+v is not at %d", text, s, at)
			}
			if gap := string(chars[at:p.Chars]); strings.TrimFunc(gap, isSpace) != "" {
				t.Fatalf("%q: %q is in no sentence", text, gap)
			}
			for _, e := range s.Entities {
				if got := string([]rune(s.Text)[e.Start:e.End]); got != strings.TrimFunc(line, isSpace) {
					t.Fatalf("%q: %q instead of %q", text, got, line)
				}
				entities++
			}
			at = p.Chars + n
		}
		if gap := string(chars[at:]); strings.TrimFunc(gap, isSpace) != "" || (line != "") != (entities == 1) {
			t.Fatalf("%q: %q is left, %d entities", text, gap, entities)
		}
	})
}

func isSpace(c rune) bool { return segment.IsSpace(c) }

func quoted(s string) string { return string(record.AppendString(nil, s)) }
