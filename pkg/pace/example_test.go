package pace_test

import (
	"context"
	"errors"
	"fmt"

	"nertools/pkg/pace"
)

// A call that was refused because there were too many is made again.
func ExamplePacer_Do() {
	p := pace.New(pace.Config{InFlight: 10, MaxRetries: 5})
	refusals := 1
	made, err := p.Do(context.Background(), 300, func(context.Context) (pace.Limits, error) {
		if refusals > 0 {
			refusals--
			return pace.Limits{}, &pace.Retry{Err: errors.New("429 too many requests"), Throttled: true}
		}
		return pace.Limits{}, nil
	})
	fmt.Println(made, "calls,", err)
	// Output:
	// 2 calls, <nil>
}
