package fault

import (
	"fmt"
	"runtime/debug"
)

// A Panic is a panic as an error, for work that runs in a goroutine of its own:
// there, a panic would end the process at once.
type Panic struct {
	Value any
	Stack []byte // of the goroutine that panicked
}

func (p *Panic) Error() string { return fmt.Sprintf("internal error: %v", p.Value) }

// Recovered is the Panic of what recover returned, in the function that was
// deferred.
func Recovered(value any) *Panic {
	if p, ok := value.(*Panic); ok {
		return p // raised again, in another goroutine
	}
	return &Panic{value, debug.Stack()}
}

// Catch calls f. It returns the error of f, or a [*Panic] if f panics.
func Catch(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = Recovered(v)
		}
	}()
	return f()
}

// Catching returns a function that calls f as [Catch] does.
func Catching(f func() error) func() error { return func() error { return Catch(f) } }
