package record_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"nertools/pkg/record"
)

func TestFailuresKeepTheFirstOfEachClassAndCountTheOthers(t *testing.T) {
	var fs record.Failures
	if fs.Rows() != 0 || fs.String() != "" || len(fs.Kinds()) != 0 {
		t.Errorf("nothing was added, and it holds %q", &fs)
	}
	fs.Add(&record.Failure{Class: record.Server, Status: 502, Message: "first"})
	fs.Add(&record.Failure{Class: record.Invalid, Code: "c", Message: "bad"})
	fs.Add(&record.Failure{Class: record.Invalid, Message: "worse"})
	fs.Add(&record.Failure{Class: record.Empty})
	fs.AddRows(&record.Failure{Class: record.Invalid}, 5)
	fs.AddRows(&record.Failure{Class: record.Length}, 0)
	want := []record.FailureKind{
		{Failure: record.Failure{Class: record.Invalid, Code: "c", Message: "bad"}, Rows: 7},
		{Failure: record.Failure{Class: record.Empty}, Rows: 1},
		{Failure: record.Failure{Class: record.Server, Status: 502, Message: "first"}, Rows: 1},
	}
	if diff := cmp.Diff(want, fs.Kinds()); diff != "" {
		t.Error(diff)
	}
	if got := fs.String(); got != "invalid 7, empty 1, server 1" {
		t.Errorf("got %q", got)
	}
	if fs.Rows() != 9 || fs.Count(record.Invalid) != 7 || fs.Count(record.Length) != 0 {
		t.Errorf("%d rows, %d invalid, %d cut off", fs.Rows(), fs.Count(record.Invalid), fs.Count(record.Length))
	}
}
