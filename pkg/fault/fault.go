// Package fault describes bad input: what is wrong, where it stands, and what
// to do about it. Every program prints such an error as two lines, the fault
// first and the remedy under it.
package fault

import (
	"errors"
	"strconv"
)

// Error is a fault in something the user gave us.
type Error struct {
	File string // file name as the user gave it; "" when the fault is in no file
	Line int    // line from 1; 0 when no single line is at fault
	Err  error  // what is wrong
	Hint string // what to do about it, one line; may be empty
}

// Error gives "FILE:LINE: what is wrong", without the hint.
func (e *Error) Error() string {
	switch {
	case e.File == "":
		return e.Err.Error()
	case e.Line == 0:
		return e.File + ": " + e.Err.Error()
	}
	return e.File + ":" + strconv.Itoa(e.Line) + ": " + e.Err.Error()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Remedy returns e.Hint.
func (e *Error) Remedy() string { return e.Hint }

// WithHint says what to do about err. It returns nil for a nil err.
func WithHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &Error{Err: err, Hint: hint}
}

// Hint finds the remedy of the first error in err's tree that has one.
func Hint(err error) string {
	for {
		h, ok := errors.AsType[interface {
			error
			Remedy() string
		}](err)
		if !ok {
			return ""
		}
		if s := h.Remedy(); s != "" {
			return s
		}
		// A fault without a remedy may wrap one that has it.
		err = errors.Unwrap(h)
	}
}
