package corpus_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/corpus"
	"nertools/pkg/fault"
)

func writeBrat(dir string, labels []string, sentences []corpus.Sentence) error {
	return corpus.WriteBrat(dir, labels, func(add func(*corpus.Sentence) error) error {
		for i := range sentences {
			if err := add(&sentences[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// annotation is a line that brat takes for an entity.
var annotation = regexp.MustCompile(`^T([0-9]+)\t([a-zA-Z0-9_-]+) ([0-9]+) ([0-9]+)\t(.*)$`)

func TestABratFolderHoldsTheEntities(t *testing.T) {
	sentences := append(sample(), random(9, 200)...)
	dir := filepath.Join(t.TempDir(), "brat")
	if err := writeBrat(dir, []string{"PER", "LOC"}, sentences); err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, name := range []string{"000000", "000100", "000200"} {
		text, err := os.ReadFile(filepath.Join(dir, name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		ann, err := os.ReadFile(filepath.Join(dir, name+".ann"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, name+".ann", name+".txt")
		part := sentences[:min(100, len(sentences))]
		sentences = sentences[len(part):]
		var lines, want, got []string
		for _, s := range part {
			lines = append(lines, strings.Join(s.Tokens, " "))
			for _, e := range s.Entities {
				want = append(want, strings.Join(s.Tokens[e.Start:e.End], " "))
			}
		}
		if d := cmp.Diff(strings.Join(lines, "\n")+"\n", string(text)); d != "" {
			t.Error(d)
		}
		for n, line := range strings.Split(strings.TrimSuffix(string(ann), "\n"), "\n") {
			m := annotation.FindStringSubmatch(line)
			if m == nil || m[1] != fmt.Sprint(n+1) {
				t.Fatalf("%s.ann: %q", name, line)
			}
			var start, end int
			fmt.Sscan(m[3], &start)
			fmt.Sscan(m[4], &end)
			if cut(string(text), start, end) != m[5] {
				t.Errorf("%s.ann: %q stands at %q", name, line, cut(string(text), start, end))
			}
			got = append(got, m[5])
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
	got, err := filepath.Glob(filepath.Join(dir, "*"))
	for i := range got {
		got[i] = filepath.Base(got[i])
	}
	if d := cmp.Diff(append(files, "annotation.conf"), got); d != "" || err != nil {
		t.Error(d, err)
	}
}

func TestTheBratFolderOfTheSampleStaysAsItIs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "brat")
	if err := writeBrat(dir, []string{"PER", "LOC", "ORG", "fox red", "狐", "-"}, sample()); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range []string{"000000.txt", "000000.ann", "annotation.conf"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "== %s\n%s", name, data)
	}
	golden(t, "brat.golden", all.String())
}

func TestABratFolderIsWholeOrNotThere(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "brat")
	broken := errors.New("broken")
	err := corpus.WriteBrat(dir, nil, func(add func(*corpus.Sentence) error) error {
		for _, s := range random(1, 250) {
			if err := add(&s); err != nil {
				return err
			}
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Error(err)
	}
	if left, err := os.ReadDir(parent); len(left) > 0 || err != nil {
		t.Error("something stays:", left, err)
	}
}

func TestABratFolderReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, dir + "/", file, filepath.Join(dir, "no", "folder")} {
		err := writeBrat(path, nil, sample())
		if f, ok := errors.AsType[*fault.Error](err); !ok || f.Hint == "" {
			t.Errorf("%s: %v", path, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || !slices.EqualFunc(entries, []string{"file"}, func(e fs.DirEntry, name string) bool { return e.Name() == name }) {
		t.Error(entries, err)
	}
}
