package corpus_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/corpus"
	"nertools/pkg/markup"
	"nertools/pkg/record"
)

// A stored is a document as it is in its file. Its entities are in braces, its sentences
// between bars.
type stored struct{ name, marked string }

// scripts are documents in many scripts, with entities next to punctuation and inside words.
var scripts = []stored{
	{"latin.txt", "|Zoë s’est plainte de «{maux de tête}».| \n\n|Elle prit ({Doliprane}®/{ibuprofène}); l’{aspirine}, c’est fini.|\n"},
	{"décomposé.txt", "\ufeff|Ru\u0308diger nimmt {Su\u0308ßholztee}.|\r\n|Dazu {Häma\u0308tin}-haltiges …|\r\n\r\nEnde"},
	{"кириллица.txt", "|Больной принимал «{Аспирин}» ({500 мг}).| |Йод/{парацетамол}.|"},
	{"ελληνικά.txt", "  |Ο γιατρός έδωσε {ασπιρίνη}· «{Ντεπόν}»;|"},
	{"عربي.txt", "|تناول المريض {الأسبرين}، ثم {بنادول}.| |و{مُسَكِّن}ًا|"},
	{"עברית.txt", "|החולה נטל {אספירין}, ו־{אקמול}.|"},
	{"हिन्दी.txt", "|रोगी ने {एस्पिरिन} ली।| |({पैरासिटामोल})|"},
	{"中文.txt", "|他服用了{阿司匹林}和{二甲双胍}。||没有「{布洛芬}」！|"},
	{"日本語.txt", "|彼は{アスピリン}を飲んだ。||{ロキソニン錠}(60mg)も。|"},
	{"ไทย.txt", "|เขากิน{แอสไพริน}ตอนเช้า| |และ{พาราเซตามอล}|"},
	{"😀.txt", "\ufeff|👩🏽‍💻 took 💊{💊aspirin}🇳🇴!|\n|{🅰️}bc, \"{x,y}\", '{=1+1}' & <{b}>|"},
	{"leer.txt", "\r\n \r\n"},
	{"a/b:c.txt", "|One\r\n{two\r\nthree} four.|"},
}

// sentences returns the sentences of the documents, the documents as stored, and the file of
// documents. The positions are counted here, apart from the code.
func documents(list []stored) (sentences []corpus.Sentence, files map[string]string, lines string) {
	files = map[string]string{}
	for _, d := range list {
		var file strings.Builder
		var s *corpus.Sentence
		chars := func() int { return utf8.RuneCountInString(strings.TrimPrefix(file.String(), record.ByteOrderMark)) }
		for _, r := range d.marked {
			switch {
			case r == '|' && s == nil:
				s = &corpus.Sentence{ID: fmt.Sprint(len(sentences)), Unit: markup.Char, Position: record.Position{Document: d.name, Chars: chars(), Bytes: file.Len()}}
			case r == '|':
				sentences, s = append(sentences, *s), nil
			case r == '{':
				s.Entities = append(s.Entities, corpus.Entity{Span: markup.Span{Start: chars() - s.Position.Chars}, Label: "X", How: markup.Exact})
			case r == '}':
				s.Entities[len(s.Entities)-1].End = chars() - s.Position.Chars
			default:
				file.WriteRune(r)
				if s != nil {
					s.Text += string(r)
				}
			}
		}
		files[d.name] = file.String()
		text := record.AppendString(nil, strings.TrimPrefix(file.String(), record.ByteOrderMark))
		lines += fmt.Sprintf("{\"id\":%s,\"text\":%s}\n", record.AppendString(nil, d.name), text)
	}
	return sentences, files, lines
}

// joined returns the sentences joined to documents.
func joined(t *testing.T, sentences []corpus.Sentence, lines string) (list []corpus.Sentence) {
	t.Helper()
	d := corpus.NewDocuments("documents", strings.NewReader(lines), func(s *corpus.Sentence) error {
		list = append(list, *s)
		return nil
	})
	for i := range sentences {
		if err := d.Add(&sentences[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(true); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestWholeDocumentsHoldTheTextBetweenSentences(t *testing.T) {
	sentences, files, lines := documents(scripts)
	list := joined(t, sentences, lines)
	if len(list) != len(scripts) {
		t.Fatalf("%d documents", len(list))
	}
	for i, s := range list {
		file := files[scripts[i].name]
		if s.ID != scripts[i].name || s.Text != strings.TrimPrefix(file, record.ByteOrderMark) || s.Position.Bytes != 0 && s.Position.Bytes != len(file)-len(s.Text) {
			t.Errorf("%s: %q, %+v", s.ID, s.Text, s.Position)
		}
		var want, got []string
		for part := range strings.SplitSeq(scripts[i].marked, "{") {
			if entity, _, ok := strings.Cut(part, "}"); ok {
				want = append(want, entity)
			}
		}
		for _, e := range s.Entities {
			got = append(got, string([]rune(s.Text)[e.Start:e.End]))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", s.ID, d)
		}
	}
}

func TestSentencesThatAreNotInTheDocumentsAreRefused(t *testing.T) {
	sentences, _, lines := documents(scripts[:3])
	changed := strings.Replace(lines, "Doliprane", "Dolipran", 1)
	for name, c := range map[string]struct {
		lines     string
		sentences []corpus.Sentence
		want      string
	}{
		"another text":          {changed, sentences, `documents:1: sentence 1 is not at character 39 of the document "latin.txt"`},
		"a document is missing": {lines[strings.IndexByte(lines, '\n')+1:], sentences, `no document "latin.txt" from here on, which sentence 0 is from`},
		"another order":         {lines, []corpus.Sentence{sentences[3], sentences[0]}, `no document "latin.txt" from here on`},
		"no documents":          {"{}\n", sentences, `documents:1: no "id" and "text" in it`},
		"no JSON":               {"latin.txt\n", sentences, "documents:1: not a JSON object"},
		"no text rows":          {lines, sample(), "sentence 0 is not from a document"},
	} {
		d := corpus.NewDocuments("documents", strings.NewReader(c.lines), func(*corpus.Sentence) error { return nil })
		var err error
		for i := 0; i < len(c.sentences) && err == nil; i++ {
			err = d.Add(&c.sentences[i])
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// reader reads what was written as others would, and checks every entity against the stored
// documents.
const reader = `
import csv, glob, json, os
def file(name): return open(os.path.join("docs", name), encoding="utf-8-sig", newline="").read()
def raw(name): return open(os.path.join("docs", name), "rb").read()
names = json.load(open("names", encoding="utf-8"))
found = {}
def entity(format, document, text, chars, bytes):
    assert file(names[document])[chars[0]:chars[1]] == text, (format, document, text, chars)
    assert raw(names[document])[bytes[0]:bytes[1]].decode("utf-8") == text, (format, document, text, bytes)
    found.setdefault(format, []).append(text)
for part in "", "whole-":
    for line in open(part + "jsonl", encoding="utf-8-sig", newline=""):
        l = json.loads(line)
        for s in l["spans"]:
            assert l["text"][s["start_char"]:s["end_char"]] == s["text"]
            assert l["text"].encode()[s["start_byte"]:s["end_byte"]].decode() == s["text"]
            tokens, at = l["tokens"][s["start"]:s["end"]], 0
            for t in tokens:
                at = s["text"].index(t, at) + len(t)
            assert at == len(s["text"]) and s["text"].startswith(tokens[0]), (s, tokens)
            entity(part + "jsonl", l["document"], s["text"], (s["document_start"], s["document_end"]), (s["document_start_byte"], s["document_end_byte"]))
    for line in open(part + "spacy", encoding="utf-8-sig", newline=""):
        l = json.loads(line)
        for (s, e, _), (a, b, c, d) in zip(l["entities"], l["offsets"], strict=True):
            entity(part + "spacy", l["document"], l["text"][s:e], (a, b), (c, d))
    for l in csv.DictReader(open(part + "csv", encoding="utf-8-sig", newline="")):
        text = l["text"][1:] if l["text"].startswith("'") else l["text"]
        n = {k: int(v) for k, v in l.items() if k.startswith("document_") }
        entity(part + "csv", l["document"], text, (n["document_start"], n["document_end"]), (n["document_start_byte"], n["document_end_byte"]))
    for task in json.load(open(part + "labelstudio", encoding="utf-8-sig", newline="")):
        for r in (task.get("predictions") or task["annotations"])[0]["result"]:
            v, m = r["value"], r["meta"]
            assert task["data"]["text"][v["start"]:v["end"]] == v["text"]
            entity(part + "labelstudio", m["document"], v["text"], (m["document_start"], m["document_end"]), (m["document_start_byte"], m["document_end_byte"]))
    list = []
    for name in glob.glob(glob.escape(part + "brat") + "/*.txt"):
        text = open(name, encoding="utf-8", newline="").read()
        for line in open(name[:-4] + ".ann", encoding="utf-8", newline=""):
            kind, middle, rest = line.rstrip("\n").split("\t")
            if kind[0] == "T":
                spans = [tuple(map(int, s.split())) for s in middle.split(" ", 1)[1].split(";")]
                assert " ".join(text[s:e] for s, e in spans) == rest, (name, line)
                slice = text[spans[0][0]:spans[-1][1]]
            else:
                where, _, document = rest.partition(" of ")
                chars, bytes = [tuple(map(int, w.split(" ")[1].split("-"))) for w in where.split(", ")]
                entity(part + "brat", document, slice, chars, bytes)
print(json.dumps(found))
`

func TestPythonFindsTheEntitiesOfTextRowsInTheStoredDocuments(t *testing.T) {
	dir := t.TempDir()
	sentences, files, lines := documents(scripts)
	if err := os.Mkdir(filepath.Join(dir, "docs"), 0o700); err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for name, text := range files {
		names[name] = fmt.Sprint(len(names))
		put(t, filepath.Join(dir, "docs", names[name]), text)
	}
	list, err := json.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "names"), string(list))
	for part, sentences := range map[string][]corpus.Sentence{"": sentences, "whole-": joined(t, sentences, lines)} {
		for _, format := range []string{"jsonl", "spacy", "csv", "labelstudio"} {
			var out bytes.Buffer
			w, err := corpus.NewEncoder(format, &out, corpus.BIO, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := range sentences {
				if err := w.Add(&sentences[i]); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			put(t, filepath.Join(dir, part+format), out.String())
		}
		if err := writeBrat(filepath.Join(dir, part+"brat"), []string{"X"}, sentences); err != nil {
			t.Fatal(err)
		}
	}
	var want []string
	for _, s := range sentences {
		for _, e := range s.Entities {
			want = append(want, string([]rune(s.Text)[e.Start:e.End]))
		}
	}
	slices.Sort(want)
	var got map[string][]string
	python(t, dir, reader, &got)
	for _, format := range []string{"jsonl", "spacy", "csv", "labelstudio", "brat"} {
		for _, part := range []string{"", "whole-"} {
			found := got[part+format]
			slices.Sort(found)
			if d := cmp.Diff(want, found); d != "" {
				t.Errorf("%s: %s", part+format, d)
			}
		}
	}
}

func TestTokensOfTextRowsAreSplitWhereEntitiesBeginAndEnd(t *testing.T) {
	s := corpus.Sentence{ID: "0", Text: "The party didn't pay 3.5\u00a0€ (U.S.).", Unit: markup.Char,
		Entities: []corpus.Entity{{Span: markup.Span{Start: 5, End: 8}, Label: "ART"}, {Span: markup.Span{Start: 21, End: 26}, Label: "SUM"}, {Span: markup.Span{Start: 28, End: 32}, Label: "LOC"}, {Span: markup.Span{Start: 4, End: 9}, Label: "ORG"}},
		Beside:   []corpus.Entity{{Span: markup.Span{Start: 10, End: 13}, Label: "X"}, {Span: markup.Span{Start: 4, End: 6}, Label: "X"}},
	}
	corpus.Sort(s.Entities, nil)
	for _, c := range []struct{ format, want string }{
		{"conll", "The\tO\np\tB-ORG\na\tI-ORG\nrt\tI-ORG\ny\tI-ORG\ndid\tO\nn't\tO\npay\tO\n3.5\tB-SUM\n€\tI-SUM\n(\tO\nU.S\tB-LOC\n.\tI-LOC\n)\tO\n.\tO\n\n"},
		{"jsonl", `"tokens":["The","p","a","rt","y","did","n't","pay","3.5","€","(","U.S",".",")","."],"spans":[{"start":1,"end":5,"label":"ORG","text":"party","start_char":4,"end_char":9,"start_byte":4,"end_byte":9},{"start":2,"end":4,"label":"ART",`},
	} {
		var out bytes.Buffer
		w, err := corpus.NewEncoder(c.format, &out, corpus.BIO, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Add(&s); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: %v\ngot  %s\nwant %s", c.format, err, &out, c.want)
		}
	}
}

// FuzzDocuments checks that sentences and the text between them join to the document, with
// their entities at the same places.
func FuzzDocuments(f *testing.F) {
	f.Add("Zoë. 他。\r\n👩🏽‍💻 x", uint(3), uint(2), uint(4))
	f.Fuzz(func(t *testing.T, text string, a, b, c uint) {
		if !utf8.ValidString(text) {
			return
		}
		runes := []rune(text)
		var sentences []corpus.Sentence
		for at := int(a % 4); at < len(runes); {
			end := min(len(runes), at+1+int(b%7))
			s := corpus.Sentence{Text: string(runes[at:end]), Unit: markup.Char, Position: record.Position{Document: "d", Chars: at, Bytes: 3 + len(string(runes[:at]))}}
			s.Entities = []corpus.Entity{{Span: markup.Span{Start: int(c) % (end - at), End: end - at}, Label: "X"}}
			sentences = append(sentences, s)
			at = end + int(c%3)
		}
		if len(sentences) == 0 {
			return
		}
		line := fmt.Sprintf("{\"id\":\"d\",\"text\":%s}\n", record.AppendString(nil, text))
		list := joined(t, sentences, line)
		if len(list) != 1 || list[0].Text != text || len(list[0].Entities) != len(sentences) || list[0].Position.Bytes != 3 {
			t.Fatalf("%+v", list)
		}
		for i, e := range list[0].Entities {
			s := sentences[i]
			if got, want := string(runes[e.Start:e.End]), string([]rune(s.Text)[s.Entities[0].Start:s.Entities[0].End]); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
	})
}
