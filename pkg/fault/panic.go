package fault

import (
	"fmt"
	"runtime/debug"
)

// A Panic is a panic turned into an error. In a goroutine of its own, a panic would end
// the process at once.
type Panic struct {
	Value any
	Stack []byte // of the goroutine that panicked
}

func (p *Panic) Error() string { return fmt.Sprintf("internal error: %v", p.Value) }

// Recovered returns the Panic for value, which recover returned. It must be called by the
// deferred function itself.
func Recovered(value any) *Panic {
	if p, ok := value.(*Panic); ok {
		return p // a Panic raised again in another goroutine
	}
	return &Panic{value, debug.Stack()}
}

// Catch calls f and returns its error, or a [*Panic] if f panics.
func Catch(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = Recovered(v)
		}
	}()
	return f()
}

// Catching returns a function that calls f through [Catch].
func Catching(f func() error) func() error { return func() error { return Catch(f) } }
