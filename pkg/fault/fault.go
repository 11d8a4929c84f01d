// Package fault describes bad input: what is wrong, where (file and line), and what to do
// about it. The programs print such an error on two lines: the fault, then the remedy.
package fault

import (
	"errors"
	"strconv"
)

// Error is a fault in something that the user passed in: a file, a flag, a field.
type Error struct {
	File string // file name as the user wrote it; "" if the fault is not in a file
	Line int    // line number, from 1; 0 if the fault is not in a single line
	Err  error  // what is wrong
	Hint string // what to do about it, on one line; may be empty
}

// Error returns "FILE:LINE: what is wrong", without the hint.
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

// WithHint adds a remedy to err. It returns nil if err is nil.
func WithHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &Error{Err: err, Hint: hint}
}

// Hint returns the first remedy in err's tree, or "".
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
		// A fault without a remedy may wrap one with a remedy.
		err = errors.Unwrap(h)
	}
}
