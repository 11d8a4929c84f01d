package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nertools/pkg/catalog"
)

var small = size{test: 6, train: 40, neighbours: 5}

func generated(t *testing.T, s size) string {
	t.Helper()
	dir := t.TempDir()
	if err := generate(dir, s); err != nil {
		t.Fatal(err)
	}
	return dir
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

type item struct {
	Context    string
	Start      []int  `json:"start_position"`
	End        []int  `json:"end_position"`
	Label      string `json:"entity_label"`
	Impossible bool
	ID         string   `json:"qas_id"`
	Spans      []string `json:"span_position"`
	Query      string
}

func items(t *testing.T, path string) (list []item) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(read(t, path)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&list); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestGeneratedRowsAskEachSentenceForEachLabel(t *testing.T) {
	dir := generated(t, small)
	set, err := catalog.Builtin().DataSet(dataSet)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(set.Labels); ontoNotes.test*n != 148_716 || ontoNotes.train*n != 1_232_136 {
		t.Errorf("%d labels do not give OntoNotes' rows", n)
	}
	mentions := 0
	for name, sentences := range map[string]int{testFile: small.test, trainFile: small.train} {
		list := items(t, filepath.Join(dir, name))
		if len(list) != sentences*len(set.Labels) {
			t.Fatalf("%s: %d rows, want %d", name, len(list), sentences*len(set.Labels))
		}
		for i, row := range list {
			if want := set.Labels[i%len(set.Labels)].Key; row.Label != want {
				t.Fatalf("%s: row %d asks for %s, want %s", name, i, row.Label, want)
			}
			if first := list[i/len(set.Labels)*len(set.Labels)]; row.Context != first.Context {
				t.Fatalf("%s: row %d is of another sentence than the rows beside it", name, i)
			}
			if len(row.Start) != len(row.End) || len(row.Start) != len(row.Spans) || row.Impossible != (len(row.Start) == 0) {
				t.Fatalf("%s: row %d does not fit together: %+v", name, i, row)
			}
			tokens, behind := len(strings.Fields(row.Context)), 0
			for k := range row.Start {
				if row.Start[k] < behind || row.End[k] < row.Start[k] || row.End[k] >= tokens {
					t.Fatalf("%s: row %d of %d tokens has the span %d to %d", name, i, tokens, row.Start[k], row.End[k])
				}
				behind = row.End[k] + 1
				mentions++
			}
		}
	}
	if mentions < small.train {
		t.Errorf("only %d mentions in %d sentences", mentions, small.test+small.train)
	}
}

func TestGeneratedNeighboursAreDifferentRowsOfTheSameLabel(t *testing.T) {
	for _, s := range []size{small, {test: 2, train: 5, neighbours: 5}} {
		dir := generated(t, s)
		test, train := items(t, filepath.Join(dir, testFile)), items(t, filepath.Join(dir, trainFile))
		lines := bytes.Split(bytes.TrimSuffix(read(t, filepath.Join(dir, knnFile)), []byte("\n")), []byte("\n"))
		if len(lines) != len(test) {
			t.Fatalf("%d lines for %d rows", len(lines), len(test))
		}
		for i, line := range lines {
			var rows []int
			if err := json.Unmarshal(line, &rows); err != nil || len(rows) != s.neighbours {
				t.Fatalf("line %d: %v: %s", i+1, err, line)
			}
			seen := map[int]bool{}
			for _, row := range rows {
				if seen[row] || train[row].Label != test[i].Label {
					t.Errorf("line %d: training row %d stands there twice or has another label", i+1, row)
				}
				seen[row] = true
			}
		}
	}
}

func TestEqualSizesGiveEqualBytes(t *testing.T) {
	first, second := generated(t, small), generated(t, small)
	larger := generated(t, size{test: small.test + 1, train: small.train, neighbours: small.neighbours})
	for _, name := range []string{testFile, trainFile, knnFile} {
		if !bytes.Equal(read(t, filepath.Join(first, name)), read(t, filepath.Join(second, name))) {
			t.Errorf("%s differs from run to run", name)
		}
	}
	if !bytes.Equal(read(t, filepath.Join(first, trainFile)), read(t, filepath.Join(larger, trainFile))) {
		t.Error("the training file depends on the size of the test file")
	}
	if bytes.Equal(read(t, filepath.Join(first, testFile)), read(t, filepath.Join(larger, testFile))) {
		t.Error("the test file does not depend on its size")
	}
}

func TestMoreNeighboursThanSentencesAreRefused(t *testing.T) {
	if err := generate(t.TempDir(), size{test: 1, train: 4, neighbours: 5}); err == nil {
		t.Error("no error")
	}
}
