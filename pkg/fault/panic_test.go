package fault_test

import (
	"bytes"
	"errors"
	"testing"

	"nertools/pkg/fault"
)

func TestAPanicBecomesAnErrorThatKnowsWhereItWas(t *testing.T) {
	err := fault.Catch(func() error { return index(nil, 3) })
	p, ok := errors.AsType[*fault.Panic](err)
	if !ok || err.Error() != "internal error: runtime error: index out of range [3] with length 0" {
		t.Fatalf("got %v", err)
	}
	if !bytes.Contains(p.Stack, []byte("fault_test.index(")) {
		t.Errorf("the stack does not name the function that panicked:\n%s", p.Stack)
	}
	// Raised again elsewhere, it still knows where it began.
	again := fault.Catch(func() error { panic(p) })
	if again != error(p) {
		t.Errorf("raised again it became %v", again)
	}
}

func TestCatchReturnsTheErrorOfAFunctionThatDoesNotPanic(t *testing.T) {
	broken := errors.New("broken")
	for _, want := range []error{nil, broken} {
		if got := fault.Catching(func() error { return want })(); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

//go:noinline
func index(list []error, i int) error { return list[i] }
