package corpus_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/corpus"
)

// python runs script with Python in a folder, and reads the JSON that it
// prints.
func python(t *testing.T, module, dir, script string, to any) {
	t.Helper()
	var program string
	for _, name := range []string{"/usr/bin/python3", "python3"} { // Debian's, which knows Debian's modules, before others
		if path, err := exec.LookPath(name); err == nil && exec.Command(path, "-c", "import "+module).Run() == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Skipf("no python3 that has %s", module)
	}
	cmd := exec.Command(program, "-X", "utf8", "-c", script)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, to); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func put(t *testing.T, path, data string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestPythonFindsTheEntitiesAtTheirOffsets(t *testing.T) {
	sentences := append(random(11, 150), flat(sample())...)
	for i := range sentences {
		sentences[i].ID = fmt.Sprint(i)
	}
	dir := t.TempDir()
	for name, start := range writers {
		file, _ := write(t, start, sentences)
		put(t, filepath.Join(dir, name), file)
	}
	if err := writeBrat(filepath.Join(dir, "brat"), nil, sentences); err != nil {
		t.Fatal(err)
	}
	var got map[string][]string
	python(t, "csv", dir, `
import csv, glob, json
spacy = [json.loads(line) for line in open("spacy", newline="\n")]
found = {"spacy": [l["text"][s:e] for l in spacy for s, e, _ in l["entities"]]}
texts = {l["id"]: l["text"] for l in (json.loads(line) for line in open("jsonl", newline="\n"))}
rows = [r for r in csv.DictReader(open("csv", newline="")) if r["start"]]
found["csv"] = [texts[r["sentence"]][int(r["start_char"]):int(r["end_char"])] for r in rows]
def plain(cell):
    return cell[1:] if cell.startswith("'") and cell.lstrip("'")[:1] in tuple("=+-@\t\r") else cell
found["csv text"] = [plain(r["text"]) for r in rows]
found["labelstudio"] = [
    t["data"]["text"][r["value"]["start"]:r["value"]["end"]]
    for t in json.load(open("labelstudio")) for p in t.get("predictions", []) + t.get("annotations", []) for r in p["result"]]
found["brat"] = []
for name in sorted(glob.glob("brat/*.ann")):
    text = open(name[:-3] + "txt", newline="").read()
    for line in open(name, newline="\n"):
        _, place, _ = line.split("\t")
        _, start, end = place.split(" ")
        found["brat"].append(text[int(start):int(end)])
print(json.dumps(found))
`, &got)
	var texts, joined []string
	var at corpus.Offsets
	for _, s := range sentences {
		at.Reset(&s)
		for _, e := range s.Entities {
			start, end := at.Bytes(e.Span)
			texts = append(texts, s.Text[start:end])
			joined = append(joined, strings.Join(s.Tokens[e.Start:e.End], " "))
		}
	}
	want := map[string][]string{"spacy": texts, "csv": texts, "csv text": texts, "labelstudio": texts, "brat": joined}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestNLTKReadsTheSentencesAndTheirEntities(t *testing.T) {
	sentences := append(news(t), random(12, 150)...)
	dir := t.TempDir()
	file, _ := write(t, writers["bio"], sentences)
	put(t, filepath.Join(dir, "bio"), file)
	type entity struct {
		Label  string
		Tokens []string
	}
	var got, want struct {
		Sentences [][]string
		Entities  [][]entity
	}
	python(t, "nltk", dir, `
import json
from nltk.chunk.util import conlltags2tree
from nltk.corpus.reader import ConllCorpusReader
from nltk.tree import Tree
sentences = [list(s) for s in ConllCorpusReader(".", ["bio"], ("words", "ne"), encoding="utf-8").sents()]
tags = [[line.split("\t")[1] for line in block.split("\n")] for block in open("bio", newline="").read().strip("\n").split("\n\n")]
entities = [
    [{"label": c.label(), "tokens": [word for word, _ in c]} for c in conlltags2tree([(w, "", t) for w, t in zip(s, ts)]) if isinstance(c, Tree)]
    for s, ts in zip(sentences, tags)]
print(json.dumps({"sentences": sentences, "entities": entities}))
`, &got)
	for _, s := range sentences {
		list := []entity{}
		for _, e := range s.Entities {
			list = append(list, entity{e.Label, s.Tokens[e.Start:e.End]})
		}
		want.Sentences, want.Entities = append(want.Sentences, s.Tokens), append(want.Entities, list)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
