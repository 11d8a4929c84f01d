package parallel_test

import (
	"context"
	"fmt"

	"nertools/pkg/parallel"
)

// The blocks are worked on by all cores, and come out in order.
func ExampleDo() {
	newWorker := func() func(context.Context, int, int) (string, error) {
		return func(_ context.Context, from, to int) (string, error) {
			return fmt.Sprintf("%d to %d", from, to-1), nil
		}
	}
	err := parallel.Do(context.Background(), 25, 10, newWorker, func(block string) error {
		fmt.Println(block)
		return nil
	})
	fmt.Println(err)
	// Output:
	// 0 to 9
	// 10 to 19
	// 20 to 24
	// <nil>
}
