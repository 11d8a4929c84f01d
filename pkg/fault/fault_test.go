package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"nertools/pkg/fault"
)

func TestErrorNamesFileAndLine(t *testing.T) {
	base := errors.New("broken")
	for _, c := range []struct {
		err  *fault.Error
		want string
	}{
		{&fault.Error{File: "a", Line: 3, Err: base}, "a:3: broken"},
		{&fault.Error{File: "a", Err: base}, "a: broken"},
		{&fault.Error{Err: base}, "broken"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestHintIsFoundThroughWrapping(t *testing.T) {
	base := errors.New("broken")
	inner := fault.WithHint(base, "mend it")
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"none", base, ""},
		{"nil", nil, ""},
		{"direct", inner, "mend it"},
		{"wrapped", fmt.Errorf("read x: %w", inner), "mend it"},
		{"under a fault without a hint", &fault.Error{File: "a", Err: inner}, "mend it"},
	} {
		if got := fault.Hint(c.err); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	if !errors.Is(inner, base) {
		t.Error("WithHint hides the error it carries")
	}
}
