package collect_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/collect"
	"nertools/pkg/mrc"
	"nertools/pkg/record"
)

// about returns the record about sentence n of a source of 3.
func about(n int, output string) string {
	return line(record.Result{ID: record.NewID("test.sentence", n, nil), Index: n, Total: 3, Labels: []string{"PER", "LOC"}, Output: output})
}

func failed(n int) string {
	return line(record.Result{ID: record.NewID("test.sentence", n, nil), Index: n, Total: 3, Labels: []string{"PER", "LOC"},
		Failure: &record.Failure{Class: record.Timeout, Message: "slow"}})
}

// threeSentences are sentences 0, 1 and 2, with rows 0 and 3, 1 and 2, 4.
func threeSentences(t *testing.T) *mrc.File {
	t.Helper()
	row := func(id, label, context string) string {
		return `{"qas_id":"` + id + `","entity_label":"` + label + `","context":"` + context + `","start_position":[],"end_position":[]}`
	}
	path := filepath.Join(t.TempDir(), "mrc-ner.test")
	rows := []string{row("0.1", "PER", "a"), row("1.1", "PER", "<think> b"), row("1.2", "LOC", "<think> b"), row("0.2", "LOC", "a"), row("2.1", "PER", "c")}
	if err := os.WriteFile(path, []byte("["+strings.Join(rows, ",")+"]"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := mrc.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestWhatRecordsAreAboutIsKnownFromTheirLabelsOrElseFromTheirSource(t *testing.T) {
	batch := answered(record.NewID("test.sentence", 1, nil), "x")
	labelled := line(record.Result{ID: record.NewID("test.sentence", 0, nil), Label: "PER", Output: "x"})
	for _, c := range []struct {
		name, in  string
		sentences bool
	}{
		{"a label", good(0, "x"), false},
		{"labels", about(0, "x"), true},
		{"labels, with the id of another tool", line(record.Result{ID: "request-0", Labels: []string{"PER"}, Output: "x"}), true},
		{"the source", batch, true},
		{"neither, with the id of another tool", answered("a.sentence-1", "x"), false},
		{"a label, in a source called so", labelled, false},
		{"the source first, then labels", batch + about(0, "x"), true},
		{"the source first, then a label", batch + labelled, false},
		{"a label first, then the source", labelled + batch, false},
	} {
		r, err := collectAll(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if r.OfSentences() != c.sentences {
			t.Errorf("%s: about sentences: %v", c.name, r.OfSentences())
		}
	}
	_, err := collectAll(about(0, "x"), labelled)
	wantFault(t, err, "separately", "b:1: this record is about one label of a sentence, but the one in a:1 is about all labels of a sentence")
	_, err = collectAll(labelled, batch+about(2, "x"))
	wantFault(t, err, "separately", "b:2: this record is about all labels of a sentence, but the one in a:1 is about one label of a sentence")
}

func TestSentencesAreCountedAsRowsAre(t *testing.T) {
	r, err := collectAll(about(1, "x") + failed(0) + about(1, "y"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Sum().String(), "3 sentences: 1 ok, 1 failed (timeout 1), 1 missing; 3 records read, 1 duplicate"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := r.WriteText(io.Discard); err == nil {
		t.Error("whole answers were written as the lines of rows")
	}
	_, err = collectAll(about(1, "x") + strings.NewReplacer(`"total":3,`, "", `"index":0`, `"index":3`, "sentence/0/", "sentence/3/").Replace(about(0, "x")))
	wantFault(t, err, "correct the total", "a:2: sentence 3 (from 0), but a:1 says that the source has 3 sentences")
	if err := r.SetTotal(4, "--total"); err == nil || !strings.Contains(err.Error(), "a source of 4 sentences") {
		t.Error(err)
	}
}

func TestARowHasTheReplyToItsSentence(t *testing.T) {
	f := threeSentences(t)
	r := collect.New(collect.Options{Rows: f, Join: true})
	// The batch line has no sentence: that it has the tag is known from the rows.
	in := answered(record.NewID("test.sentence", 1, nil), "<think> b") + about(0, "x")
	if _, err := r.Read("a", strings.NewReader(in)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, reply := range r.All() {
		got = append(got, reply.Line)
		if !reply.Whole || reply.OK() != (i < 4) {
			t.Errorf("row %d: %+v", i, reply)
		}
	}
	if d := cmp.Diff([]string{"x", "<think> b", "<think> b", "x", "ERROR: missing: no answer seen"}, got); d != "" {
		t.Error(d)
	}
	// With a limit, the rows up to the last one of these sentences remain.
	limited := collect.New(collect.Options{Rows: f})
	if _, err := limited.Read("a", strings.NewReader(strings.ReplaceAll(about(0, "x"), `"total":3`, `"total":1`))); err != nil {
		t.Fatal(err)
	}
	if n := limited.Len(); n != 4 {
		t.Errorf("%d rows up to row 3", n)
	}
	if reply := limited.Row(1); !reply.Missing() {
		t.Errorf("row 1 was not asked about: %+v", reply)
	}
}

func TestAnswersAboutSentencesReplaceTheLinesOfTheirRowsOnly(t *testing.T) {
	f := threeSentences(t)
	for _, c := range []struct {
		name, in, last string
		want           string // a letter each: w for the whole answer, k for a kept line, f for the failure, m for a missing line
		sum            string
	}{
		{"a good answer", about(1, "x"), "0\n1\nERROR: timeout: old\n3\n4\n", "kwwkk", "5 rows: 5 ok, 0 failed, 0 missing; 1 record read, 0 duplicates, 3 lines kept"},
		{"a failure", failed(1), "0\n1\nERROR: timeout: old\n3\n4\n", "kkfkk", "5 rows: 4 ok, 1 failed (timeout 1), 0 missing; 1 record read, 0 duplicates, 4 lines kept"},
		{"a short file", failed(0) + about(1, "x"), "0\n1\n", "kwwfm", "5 rows: 3 ok, 1 failed (timeout 1), 1 missing; 2 records read, 0 duplicates, 1 line kept"},
	} {
		r := collect.New(collect.Options{Rows: f, Join: true})
		if _, err := r.Read("a", strings.NewReader(c.in)); err != nil {
			t.Fatal(err)
		}
		if err := r.LayOver("old", strings.NewReader(c.last)); err != nil {
			t.Fatal(err)
		}
		old := strings.Split(c.last, "\n")
		got := ""
		for i, reply := range r.All() {
			switch {
			case reply.Whole && reply.OK():
				got += "w"
			case reply.Whole && reply.Missing():
				got += "m"
			case reply.Whole && reply.Failure.Message == "slow":
				got += "f"
			case reply.Line == old[i]:
				got += "k"
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, not %s", c.name, got, c.want)
		}
		if sum := r.Sum().String(); sum != c.sum {
			t.Errorf("%s: %s", c.name, sum)
		}
	}
	r := collect.New(collect.Options{Rows: f})
	if _, err := r.Read("a", strings.NewReader(about(0, "x"))); err != nil {
		t.Fatal(err)
	}
	wantFault(t, r.LayOver("old", strings.NewReader("0\n1\n2\n3\n4\n5\n")), "run without it", "old:6: 6 lines, but the source has 5 rows")
	r, err := collectAll(about(0, "x"))
	if err != nil {
		t.Fatal(err)
	}
	var e *collect.Error
	if err := r.LayOver("old", strings.NewReader("0\n")); !errors.As(err, &e) || e.Doubt != collect.NoSentences {
		t.Errorf("rows that are not known: %v", err)
	}
}

func TestTheFileOfRowsIsOpenedAtTheFirstRecordAboutASentence(t *testing.T) {
	opened := 0
	f := threeSentences(t)
	r := collect.New(collect.Options{Open: func() (*mrc.File, error) { opened++; return f, nil }})
	if _, err := r.Read("a", strings.NewReader(good(0, "x"))); err != nil || opened != 0 || r.Rows() != nil {
		t.Errorf("for a row: opened %d times, %v", opened, err)
	}
	r = collect.New(collect.Options{Open: func() (*mrc.File, error) { opened++; return f, nil }})
	if _, err := r.Read("a", strings.NewReader(about(0, "x")+about(1, "x"))); err != nil || opened != 1 || r.Rows() != f {
		t.Errorf("for a sentence: opened %d times, %v", opened, err)
	}
	none := errors.New("none")
	r = collect.New(collect.Options{Open: func() (*mrc.File, error) { return nil, none }})
	in := &endless{line: about(0, "x")}
	if _, err := r.Read("a", in); !errors.Is(err, none) || in.read > 1<<20 {
		t.Errorf("%v, after %d bytes", err, in.read)
	}
}

// endless is a run that does not end.
type endless struct {
	line string
	read int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.line)
	e.read += n
	return n, nil
}
