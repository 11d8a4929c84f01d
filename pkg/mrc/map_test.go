package mrc

import (
	"errors"
	"testing"

	"nertools/pkg/fault"
)

func TestGuardPassesOnWhatIsNoFaultOfTheFile(t *testing.T) {
	want := errors.New("its own")
	if err := guard("file", func() error { return want }); err != want {
		t.Errorf("got %v, want %v", err, want)
	}
	if err := guard("file", func() error { return nil }); err != nil {
		t.Errorf("got %v, want none", err)
	}
	for name, crash := range map[string]func(){
		"panic":            func() { panic("mine") },
		"index":            func() { var s []int; _ = s[len(t.Name())] },
		"nil pointer":      func() { var r *Row; r.Label = "" },
		"nil":              func() { panic(error(nil)) },
		"an error's panic": func() { panic(want) },
	} {
		err := guard("file", func() error { crash(); return nil })
		if _, ok := errors.AsType[*fault.Panic](err); !ok {
			t.Errorf("%s: a mistake in the program was taken for one in the file: %v", name, err)
		}
	}
}
