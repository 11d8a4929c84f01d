package collect_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/collect"
	"nertools/pkg/record"
)

func TestAResultsFileIsToldFromRecords(t *testing.T) {
	for in, want := range map[string]bool{
		"":           false,
		"\n\n":       false,
		good(0, "a"): false,
		"\n " + good(0, strings.Repeat("a", 100_000)): false,
		answered("request-0", "a"):                    false,
		`{"kind":"result","v":1,"id":"torn`:           false,
		"ERROR: timeout: slow\n":                      true,
		"@@Ada## .\n":                                 true,
		`{"entities":["Ada"]}` + "\n":                 true,
		"[]\n":                                        true,
		"<html>\n" + good(0, "a"):                     false,
		"<html>\n" + answered("request-0", "a"):       false,
		"\ufeff" + good(0, "a"):                       false,
		"\x1f\x8b\x08\x00":                            false,
		"a\n{\"kind\":\"PER\"}\n":                     true,
	} {
		for _, source := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in))} {
			r, text, err := collect.Sniff(source)
			if err != nil || text != want {
				t.Errorf("%.40q: %v %v", in, text, err)
			}
			if all, err := io.ReadAll(r); err != nil || string(all) != in {
				t.Errorf("%.40q: %d bytes of %d left, %v", in, len(all), len(in), err)
			}
		}
	}
	if _, _, err := collect.Sniff(failing{io.ErrUnexpectedEOF}); err == nil {
		t.Error("a reader's error is lost")
	}
}

func TestWhatWasPaidForIsCounted(t *testing.T) {
	use := func(row int, model, batch string, n int) string {
		return line(record.Result{ID: id(row), Index: row, Total: 5, Output: "x", Model: model, BatchID: batch, Usage: record.Usage{Prompt: n, Completion: 1, Cached: 2}})
	}
	r := collect.Results{Sources: true}
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

func TestAnAnswerCanBePutInTheFirstOnesPlace(t *testing.T) {
	r, err := collectAll(good(0, "a") + good(1, "b"))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.LayOver("last", strings.NewReader("1\n2\n3\n")); err != nil {
		t.Fatal(err)
	}
	r.SetLine(1, "B")
	r.SetLine(2, "ERROR is a word")
	var out bytes.Buffer
	if err := r.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "a\nB\n ERROR is a word\n"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWhatAFailedRecordToldIsKept(t *testing.T) {
	r := collect.Results{Sources: true}
	failed := line(record.Result{ID: id(1), Index: 1, Total: 5, Label: "PER", Context: "Ada left", Model: "m", Failure: &record.Failure{Class: record.Timeout, Message: "slow"}})
	if _, err := r.Read("a", strings.NewReader(failed+answered(id(1), "@@Ada## left"))); err != nil {
		t.Fatal(err)
	}
	got := r.Row(1)
	if want := (collect.Reply{State: collect.OK, Line: "@@Ada## left", Label: "PER", Context: "Ada left", Model: got.Model}); got != want {
		t.Errorf("got %+v", got)
	}
}
