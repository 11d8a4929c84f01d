package mrc_test

import (
	"os"
	"strings"
	"testing"

	"nertools/pkg/mrc"
)

func TestAFileCutShortWhileItIsReadGivesAnErrorAndNoCrash(t *testing.T) {
	text := "[" + strings.Repeat(row(`Ada "A" wrote to Bob Li .`, "PER")+",\n", 2000) + row("b", "LOC") + "]"
	path := write(t, "mrc-ner.test", text)
	f := open(t, path)
	knn := write(t, "test.knn.jsonl", strings.Repeat("[0, 1, 2]\n", 2001))
	k := openNeighbours(t, knn, f.Len(), f.Len())
	for _, p := range []string{path, knn} {
		if err := os.Truncate(p, 0); err != nil {
			t.Fatal(err)
		}
	}
	var r mrc.Row
	for name, read := range map[string]func(){
		"a row":          func() { f.Decode(1500, &r) },
		"the first row":  func() { f.Decode(0, &r) },
		"a row's line":   func() { f.Line(1500) },
		"its neighbours": func() { k.Append(nil, 1500, 3) },
	} {
		err := mrc.Guard(path, func() error { read(); return nil })
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		checkFault(t, err, path, 0, "the file changed while it was read")
	}
	// A label is needed where nothing is guarded.
	if got := f.Label(1500); got != "PER" {
		t.Errorf("label %q, want PER", got)
	}
}
