package collect_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/collect"
	"nertools/pkg/mrc"
	"nertools/pkg/record"
)

// rows opens an MRC file of so many rows.
func rows(t *testing.T, n int) *mrc.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mrc-ner.test")
	row := `{"context":"Ada left","entity_label":"PER","start_position":[],"end_position":[]}`
	if err := os.WriteFile(path, []byte("["+strings.Repeat(row+",", n-1)+row+"]"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := mrc.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestAResultsFileIsToldFromRecords(t *testing.T) {
	file := rows(t, 5)
	for in, want := range map[string]string{ // the first line of a results file; "" for records
		"":           "",
		"\n\n":       "",
		good(0, "a"): "",
		"\n " + good(0, strings.Repeat("a", 100_000)): "",
		answered("request-0", "a"):                    "",
		`{"kind":"result","v":1,"id":"torn`:           "",
		"ERROR: timeout: slow\n":                      "ERROR: timeout: slow",
		"@@Ada## .\n":                                 "@@Ada## .",
		"\ufeff@@Ada## .\n":                           "@@Ada## .",
		`{"entities":["Ada"]}` + "\n":                 `{"entities":["Ada"]}`,
		"[]\n":                                        "[]",
		"<html>\n" + good(0, "a"):                     "",
		"<html>\n" + answered("request-0", "a"):       "",
		"\ufeff" + good(0, "a"):                       "",
		"\x1f\x8b\x08\x00":                            "",
		"a\n{\"kind\":\"PER\"}\n":                     "a",
		strings.Repeat("a", 100_000) + "\nb\n":        strings.Repeat("a", 100_000),
	} {
		for _, source := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in))} {
			r := collect.New(collect.Options{Join: true, Rows: file})
			_, err := r.Read("f", source)
			if r.Sum().Over != (want != "") || want != "" && (err != nil || r.Row(0).Line != want) {
				t.Errorf("%.40q: %s, %v", in, r.Sum(), err)
			}
		}
	}
	if _, err := collect.New(collect.Options{Join: true}).Read("f", failing{io.ErrUnexpectedEOF}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a reader's error is lost: %v", err)
	}
}

func TestAResultsFileIsReadAlone(t *testing.T) {
	const lines = "a\nb\n"
	wantDoubt := func(name string, want collect.Doubt, inputs ...string) {
		t.Helper()
		r := collect.New(collect.Options{Join: true, Rows: rows(t, 5)})
		var err error
		for _, in := range inputs {
			if _, err = r.Read("f", strings.NewReader(in)); err != nil {
				break
			}
		}
		if e, ok := errors.AsType[*collect.Error](err); !ok || e.Doubt != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantDoubt("behind records", collect.NotAlone, good(0, "a"), lines)
	wantDoubt("before records", collect.NotAlone, lines, good(0, "a"))
	wantDoubt("twice", collect.NotAlone, lines, lines)

	_, err := collect.New(collect.Options{Join: true}).Read("f", strings.NewReader(lines))
	if e, ok := errors.AsType[*collect.Error](err); !ok || e.Doubt != collect.NoSentences {
		t.Errorf("without rows: %v", err)
	}
	r := collect.New(collect.Options{Join: true, Rows: rows(t, 5)})
	if _, err := r.Read("f", strings.NewReader(lines)); err != nil {
		t.Fatal(err)
	}
	err = r.LayOver("last", strings.NewReader(lines))
	if e, ok := errors.AsType[*collect.Error](err); !ok || e.Doubt != collect.NotAlone {
		t.Errorf("over another one: %v", err)
	}
	if s := r.Sum(); s.Rows != 5 || s.Kept != 2 || s.Missing != 3 {
		t.Errorf("%s", s)
	}
}

func TestWhatWasPaidForIsCounted(t *testing.T) {
	use := func(row int, model, batch string, n int) string {
		return line(record.Result{ID: id(row), Index: row, Total: 5, Output: "x", Model: model, BatchID: batch, Usage: record.Usage{Prompt: n, Completion: 1, Cached: 2}})
	}
	r := collect.New(collect.Options{Join: true})
	again := use(0, "b", "", 30) // as a resumed run takes it over
	for name, in := range map[string]string{"a": use(0, "b", "", 10) + use(1, "a", "", 20) + again, "b": use(2, "a", "batch_1", 5) + good(3, "no usage") + again} {
		if _, err := r.Read(name, strings.NewReader(in)); err != nil {
			t.Fatal(err)
		}
	}
	want := []collect.Spent{
		{Model: "a", Calls: 1, Usage: record.Usage{Prompt: 20, Completion: 1, Cached: 2}},
		{Model: "a", Batch: true, Calls: 1, Usage: record.Usage{Prompt: 5, Completion: 1, Cached: 2}},
		{Model: "b", Calls: 2, Usage: record.Usage{Prompt: 40, Completion: 2, Cached: 4}},
	}
	if d := cmp.Diff(want, r.Spent()); d != "" {
		t.Error(d)
	}
}

func TestAFailureStaysWhatTheRecordSays(t *testing.T) {
	told := record.Failure{Class: "of a: kind", Status: 503, Code: "busy", Message: "try\nlater"}
	r, err := collectAll(line(record.Result{ID: id(0), Total: 2, Failure: &told}))
	if err != nil {
		t.Fatal(err)
	}
	want := told
	want.Class = "of_a__kind" // a line of a results file tells it so
	got := r.Row(0)
	if d := cmp.Diff(&want, got.Failure); d != "" || got.Line != "ERROR: of_a__kind: try later" {
		t.Errorf("%q %s", got.Line, d)
	}
	sum := r.Sum()
	if d := cmp.Diff([]record.FailureKind{{Failure: want, Rows: 1}}, sum.Failed.Kinds()); d != "" {
		t.Error(d)
	}
	if got := r.Row(1); got.OK() || !got.Missing() {
		t.Errorf("%+v", got)
	}
}

func TestWhatAFailedRecordToldIsKept(t *testing.T) {
	r := collect.New(collect.Options{Join: true})
	failed := line(record.Result{ID: id(1), Index: 1, Total: 5, Label: "PER", Context: "Ada left", Model: "m", Failure: &record.Failure{Class: record.Timeout, Message: "slow"}})
	if _, err := r.Read("a", strings.NewReader(failed+answered(id(1), "@@Ada## left"))); err != nil {
		t.Fatal(err)
	}
	got := r.Row(1)
	if diff := cmp.Diff(collect.Reply{Line: "@@Ada## left", Label: "PER", Context: "Ada left", Model: got.Model}, got); diff != "" {
		t.Error(diff)
	}
}
