package mrc_test

import (
	"os"
	"strings"
	"testing"

	"nertools/pkg/mrc"
)

func TestAFileCutShortWhileItIsReadGivesAnErrorAndNoCrash(t *testing.T) {
	// What is asked for must be in the file: short sentences are in memory.
	ada := strings.Replace(row(`Ada "A" wrote to Bob Li .`, "PER"), "[]", "[0]", 1)
	text := "[" + strings.Repeat(ada+",\n", 2000) + row("b", "LOC") + "]"
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
	for name, read := range map[string]func() error{
		"a row":          func() error { return f.Decode(1500, &r) },
		"the first row":  func() error { return f.Decode(0, &r) },
		"several rows":   func() error { _, err := f.DecodeAll([]int{7, 1500}, nil); return err },
		"the sentences":  func() error { _, err := f.Sentences(); return err },
		"its neighbours": func() error { _, err := k.Append(nil, 1500, 3); return err },
	} {
		err := read()
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		changed := path
		if name == "its neighbours" {
			changed = knn
		}
		checkFault(t, err, changed, 0, "the file changed while it was being read")
	}
	if got := f.Line(1500); got != 0 {
		t.Errorf("line %d of a file that is gone", got)
	}
	// A label is in memory.
	if got := f.Label(1500); got != "PER" {
		t.Errorf("label %q, want PER", got)
	}
}
