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
// prints. What needs more than Python itself is in cmd/testdata/consumers.
func python(t *testing.T, dir, script string, to any) {
	t.Helper()
	program, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
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
	python(t, dir, `
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
